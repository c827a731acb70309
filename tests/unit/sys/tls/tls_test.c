/* SPDX-License-Identifier: Apache-2.0 */
/* Against a server in another process, right or wrong in one way. */
#include "sys/tls/tls.h"

#include <openssl/ssl.h>
#include <sys/socket.h>

#include "sys/linux/clock.h"
#include "sys/linux/net.h"
#include "tests/support/failmalloc.h"
#include "tests/support/test.h"
#include "tests/support/tls_peer.h"

#define WAIT_MS 20000
#define PLACE_STEP 41 /* between the places where streams are cut and altered */
#define SAW_ALL (TLS_PEER_SHOOK | TLS_PEER_NAMED | TLS_PEER_ALPN)

static cf_tls_config *trusting; /* the authority of the servers */

static uint64_t soon(void)
{
    return cf_clock_mono_ms() + WAIT_MS;
}

static int make_config(void **state)
{
    (void)state;
    CF_BUF(pem);
    tls_peer_root(&pem);
    assert_ok(cf_tls_config_new(cf_buf_view(&pem), &trusting));
    return 0;
}

static int free_config(void **state)
{
    (void)state;
    cf_tls_config_free(&trusting);
    assert_null(trusting);
    return 0;
}

/* A connection to a server. */
typedef struct {
    pid_t pid;
    int fd;
    cf_tls *tls;
    const char *why;
    cf_result opened;
} connection;

static void connect_as(connection *c, const tls_peer_spec *spec, const char *host, uint64_t now_s)
{
    *c = (connection){.fd = -1};
    c->pid = tls_peer_start(spec, &c->fd);
    c->opened = cf_tls_open(trusting, c->fd, host, now_s, soon(), &c->tls, &c->why);
    assert_true(cf_is_ok(c->opened) == (c->tls != NULL));
}

/* Returns what the server saw. */
static int disconnect(connection *c)
{
    cf_tls_free(&c->tls);
    cf_fd_close(&c->fd);
    return tls_peer_end(c->pid);
}

static void read_all(cf_tls *t, size_t want, cf_buf *out)
{
    while (out->len < want) {
        assert_ok(cf_tls_read_some(t, out, 5000, soon()));
    }
    assert_int_equal(out->len, want);
}

/* ---- what has to work ---- */

static void test_talk(void **state)
{
    (void)state;
    static const struct {
        int version_max;
        const char *version, *suites;
    } rows[] = {
        {0, "TLSv1.3", NULL},
        {TLS1_2_VERSION, "TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256"},
        {TLS1_2_VERSION, "TLSv1.2", "ECDHE-ECDSA-AES256-GCM-SHA384"},
        {TLS1_2_VERSION, "TLSv1.2", "ECDHE-ECDSA-CHACHA20-POLY1305"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const tls_peer_spec spec = {.version_max = rows[i].version_max, .suites = rows[i].suites};
        connection c;
        CF_BUF(got);
        connect_as(&c, &spec, "localhost", TLS_PEER_NOW);
        assert_ok(c.opened);
        assert_string_equal(cf_tls_version(c.tls), rows[i].version);
        for (unsigned round = 0; round < 3; round++) {
            cf_buf_clear(&got);
            assert_ok(cf_tls_write_full(c.tls, CF_LIT("hello"), soon()));
            read_all(c.tls, 5, &got);
            assert_view(cf_buf_view(&got), CF_LIT("hello"));
        }
        assert_ok(cf_tls_write_full(c.tls, CF_VIEW_EMPTY, soon()));
        assert_int_equal(disconnect(&c), SAW_ALL | TLS_PEER_GOODBYE);
    }
}

/* Many records, and a sink whose room grows while it is read. */
static void test_much(void **state)
{
    (void)state;
    const tls_peer_spec spec = {.answer_bytes = 400001};
    connection c;
    CF_BUF(sent);
    CF_BUF(got);
    connect_as(&c, &spec, "localhost", TLS_PEER_NOW);
    assert_ok(c.opened);
    assert_ok(cf_tls_write_full(c.tls, CF_LIT("x"), soon()));
    read_all(c.tls, 400001, &got);
    assert_int_equal(disconnect(&c), SAW_ALL | TLS_PEER_GOODBYE);
    const tls_peer_spec echo = {.name = NULL};
    connect_as(&c, &echo, "localhost", TLS_PEER_NOW);
    for (size_t i = 0; i < 10000; i++) {
        assert_ok(cf_buf_append(&sent, CF_LIT("0123456789")));
    }
    assert_ok(cf_tls_write_full(c.tls, cf_buf_view(&sent), soon()));
    cf_buf_clear(&got);
    read_all(c.tls, sent.len, &got);
    assert_view(cf_buf_view(&got), cf_buf_view(&sent));
    (void)disconnect(&c);
}

/* The second connection begins anew, whatever tickets the first was given. */
static void test_nothing_is_resumed(void **state)
{
    (void)state;
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        const tls_peer_spec spec = {.version_max = version};
        for (unsigned i = 0; i < 2; i++) {
            connection c;
            CF_BUF(got);
            connect_as(&c, &spec, "localhost", TLS_PEER_NOW);
            assert_ok(c.opened);
            assert_ok(cf_tls_write_full(c.tls, CF_LIT("x"), soon()));
            read_all(c.tls, 1, &got);
            assert_int_equal(disconnect(&c) & TLS_PEER_RESUMED, 0);
        }
    }
}

/* ---- certificates ---- */

static const struct {
    tls_peer_spec spec;
    const char *host; /* NULL: localhost */
    int64_t now_s;    /* 0: TLS_PEER_NOW */
    cf_err err;
    const char *why;
} certificates[] = {
    {{.name = "example.org"}, NULL, 0, CF_ERR_CHAIN, "wrong_host"},
    {{.name = "localhost.example.org"}, NULL, 0, CF_ERR_CHAIN, "wrong_host"},
    {{.name = "a.example.org"}, "example.org", 0, CF_ERR_CHAIN, "wrong_host"},
    {{.name = "a.example.org"}, "A.Example.ORG", 0, CF_OK, ""},
    {{.name = "*.example.org"}, "kms.example.org", 0, CF_OK, ""},
    {{.name = "*.example.org"}, "a.kms.example.org", 0, CF_ERR_CHAIN, "wrong_host"},
    {{.name = "*.example.org"}, "example.org", 0, CF_ERR_CHAIN, "wrong_host"},
    {{.name = "k*.example.org"}, "kms.example.org", 0, CF_ERR_CHAIN, "wrong_host"},
    {{.common_name_only = true}, NULL, 0, CF_ERR_CHAIN, "wrong_host"},
    {{.self_signed = true}, NULL, 0, CF_ERR_CHAIN, "untrusted"},
    {{.other_authority = true}, NULL, 0, CF_ERR_CHAIN, NULL}, /* of the same name */
    {{.signed_by_leaf = true}, NULL, 0, CF_ERR_CHAIN, "bad_certificate"},
    {{.between = CF_TLS_DEPTH_MAX - 1}, NULL, 0, CF_OK, ""},
    {{.between = CF_TLS_DEPTH_MAX}, NULL, 0, CF_OK, ""},
    {{.between = CF_TLS_DEPTH_MAX + 1}, NULL, 0, CF_ERR_CHAIN, NULL},
    /* the time is the caller's, to the second */
    {{.to_s = TLS_PEER_NOW - 1}, NULL, 0, CF_ERR_CHAIN, "expired"},
    {{.to_s = TLS_PEER_NOW + 1}, NULL, 0, CF_OK, ""},
    {{.from_s = TLS_PEER_NOW + 1}, NULL, 0, CF_ERR_CHAIN, "not_yet_valid"},
    {{.from_s = TLS_PEER_NOW}, NULL, 0, CF_OK, ""},
    {{.name = NULL}, NULL, TLS_PEER_TO + 1, CF_ERR_CHAIN, "expired"},
    {{.name = NULL}, NULL, TLS_PEER_FROM - 1, CF_ERR_CHAIN, "not_yet_valid"},
    {{.name = NULL}, NULL, 1, CF_ERR_CHAIN, "not_yet_valid"},
    {{.name = NULL}, NULL, INT64_C(253402300799), CF_ERR_CHAIN, "expired"},
};

static void test_certificates(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof certificates / sizeof *certificates; i++) {
        const char *host = certificates[i].host != NULL ? certificates[i].host : "localhost";
        int64_t now_s = certificates[i].now_s != 0 ? certificates[i].now_s : TLS_PEER_NOW;
        connection c;
        connect_as(&c, &certificates[i].spec, host, (uint64_t)now_s);
        bool right = c.opened.code == certificates[i].err &&
                     (certificates[i].why == NULL || strcmp(c.why, certificates[i].why) == 0);
        if (!right) {
            print_error("row %zu: %s %s\n", i, cf_err_code(c.opened.code), c.why);
        }
        assert_true(right);
        (void)disconnect(&c);
    }
}

/* ---- protocol ---- */

static void test_protocol(void **state)
{
    (void)state;
    static const struct {
        tls_peer_spec spec;
        const char *what;
    } rows[] = {
        {{.version_max = TLS1_1_VERSION}, "1.1"},
        {{.version_max = TLS1_VERSION}, "1.0"},
        {{.version_max = TLS1_2_VERSION, .suites = "ECDHE-ECDSA-AES128-SHA"}, "CBC"},
        {{.version_max = TLS1_2_VERSION, .suites = "ECDHE-ECDSA-AES256-SHA"}, "CBC 256"},
        {{.plain = true}, "plain"},
        {{.strips_13 = true}, "1.3 taken out on the way"},
        {{.alpn = "h2"}, "a protocol that was not offered"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        connection c;
        connect_as(&c, &rows[i].spec, "localhost", TLS_PEER_NOW);
        if (c.opened.code != CF_ERR_TLS) {
            print_error("%s: %s\n", rows[i].what, cf_err_code(c.opened.code));
        }
        assert_err(c.opened, TLS);
        assert_string_equal(c.why, "protocol");
        (void)disconnect(&c);
    }
    connection c;
    const tls_peer_spec without = {.alpn = ""};
    connect_as(&c, &without, "localhost", TLS_PEER_NOW);
    assert_ok(c.opened);
    (void)disconnect(&c);
    cf_tls *tls;
    const char *why;
    assert_err(cf_tls_open(trusting, -1, "", TLS_PEER_NOW, soon(), &tls, &why), ARGUMENT);
}

/* ---- ends ---- */

static void test_ends(void **state)
{
    (void)state;
    for (unsigned silent = 0; silent < 2; silent++) {
        const tls_peer_spec spec = {.answers = 1, .no_goodbye = silent == 1};
        connection c;
        CF_BUF(got);
        connect_as(&c, &spec, "localhost", TLS_PEER_NOW);
        assert_ok(c.opened);
        assert_ok(cf_tls_write_full(c.tls, CF_LIT("bye"), soon()));
        read_all(c.tls, 3, &got);
        cf_result r = cf_tls_read_some(c.tls, &got, 10, soon());
        assert_code(r, silent == 1 ? CF_ERR_TRUNCATED : CF_ERR_CLOSED);
        /* and so it stays */
        assert_err(cf_tls_read_some(c.tls, &got, 10, soon()), CLOSED);
        assert_err(cf_tls_write_full(c.tls, CF_LIT("x"), soon()), CLOSED);
        assert_int_equal(got.len, 3);
        (void)disconnect(&c);
    }
}

/* What a server that is right sends until it has answered once. */
static size_t octets_of_a_talk(int version_max)
{
    for (size_t n = 1;; n += 64) {
        const tls_peer_spec spec = {.version_max = version_max, .cut_at = n};
        connection c;
        CF_BUF(got);
        connect_as(&c, &spec, "localhost", TLS_PEER_NOW);
        bool done = cf_is_ok(c.opened) &&
                    cf_is_ok(cf_tls_write_full(c.tls, CF_LIT("hello"), soon())) &&
                    cf_is_ok(cf_tls_read_some(c.tls, &got, 10, soon())) && got.len == 5;
        (void)disconnect(&c);
        if (done) {
            return n;
        }
    }
}

static bool is_broken(cf_result r)
{
    return r.code == CF_ERR_CLOSED || r.code == CF_ERR_TRUNCATED || r.code == CF_ERR_TLS ||
           r.code == CF_ERR_CHAIN;
}

/* A stream that ends, or in which a bit is another, at any place: never other data than was sent, and never a wrong end. */
static void test_every_place(void **state)
{
    (void)state;
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        size_t octets = octets_of_a_talk(version), worked = 0;
        assert_true(octets > 500 && octets < 4000);
        for (size_t n = 1; n < octets + 32; n += PLACE_STEP) {
            const tls_peer_spec specs[] = {{.version_max = version, .cut_at = n},
                                           {.version_max = version, .flip_at = n}};
            for (size_t i = 0; i < 2; i++) {
                connection c;
                CF_BUF(got);
                connect_as(&c, &specs[i], "localhost", TLS_PEER_NOW);
                cf_result r = c.opened;
                if (cf_is_ok(r)) {
                    r = cf_tls_write_full(c.tls, CF_LIT("hello"), soon());
                }
                /* what the bit made longer keeps both waiting: an ordinary time-out, tested below */
                uint64_t deadline_ms = cf_clock_mono_ms() + (i == 1 ? 100 : WAIT_MS);
                if (cf_is_ok(r)) {
                    r = cf_tls_read_some(c.tls, &got, 10, deadline_ms);
                }
                worked += cf_is_ok(r);
                assert_true(cf_is_ok(r) || is_broken(r) || (i == 1 && r.code == CF_ERR_TIMEOUT));
                assert_true(!cf_is_ok(r) || cf_view_eq(cf_buf_view(&got), CF_LIT("hello")));
                (void)disconnect(&c);
            }
        }
        assert_true(worked > 0 && worked < 20);
    }
}

/* ---- time ---- */

static void assert_in_time(cf_result r, uint64_t began_ms)
{
    uint64_t took = cf_clock_mono_ms() - began_ms;
    assert_err(r, TIMEOUT);
    assert_true(took >= 150 && took < 5000);
}

/* Servers that say nothing, stop half way, or give an octet now and then. */
static void test_slow(void **state)
{
    (void)state;
    static const tls_peer_spec specs[] = {
        {.hang_at = 1}, {.hang_at = 200}, {.hang_at = 600}, {.drip_ms = 20}};
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        int fd;
        cf_tls *tls;
        const char *why;
        pid_t pid = tls_peer_start(&specs[i], &fd);
        uint64_t now = cf_clock_mono_ms();
        cf_result r = cf_tls_open(trusting, fd, "localhost", TLS_PEER_NOW, now + 200, &tls, &why);
        assert_in_time(r, now);
        assert_string_equal(why, "");
        cf_fd_close(&fd);
        (void)tls_peer_end(pid);
    }
    const tls_peer_spec usual = {.name = NULL};
    connection c;
    CF_BUF(got);
    connect_as(&c, &usual, "localhost", TLS_PEER_NOW);
    assert_ok(c.opened);
    uint64_t now = cf_clock_mono_ms();
    assert_in_time(cf_tls_read_some(c.tls, &got, 10, now + 200), now);
    (void)disconnect(&c);
}

/* A server that takes nothing more. */
static void test_full(void **state)
{
    (void)state;
    const tls_peer_spec spec = {.answer_bytes = 4000000};
    connection c;
    CF_BUF(much);
    connect_as(&c, &spec, "localhost", TLS_PEER_NOW);
    assert_ok(c.opened);
    assert_ok(cf_buf_reserve(&much, 8000000));
    much.len = 8000000;
    uint64_t now = cf_clock_mono_ms();
    assert_in_time(cf_tls_write_full(c.tls, cf_buf_view(&much), now + 200), now);
    (void)disconnect(&c);
}

/* ---- memory ---- */

/* The server is made first, and is another process, so that the failing allocation is the client's. */
static cf_result open_and_talk(size_t fail_at)
{
    const tls_peer_spec spec = {.name = NULL};
    int fd;
    const char *why;
    CF_BUF(got);
    CF_AUTO(cf_tls_free) cf_tls *tls = NULL;
    pid_t pid = tls_peer_start(&spec, &fd);
    failmalloc_set(fail_at);
    cf_result r = cf_tls_open(trusting, fd, "localhost", TLS_PEER_NOW, soon(), &tls, &why);
    if (cf_is_ok(r)) {
        r = cf_tls_write_full(tls, CF_LIT("hello"), soon());
    }
    if (cf_is_ok(r)) {
        r = cf_tls_read_some(tls, &got, 10, soon());
    }
    failmalloc_set(0);
    assert_true(!cf_is_ok(r) || cf_view_eq(cf_buf_view(&got), CF_LIT("hello")));
    cf_tls_free(&tls);
    cf_fd_close(&fd);
    (void)tls_peer_end(pid);
    return r;
}

/* The library does not always say that it was memory. */
static void test_failing_allocations(void **state)
{
    (void)state;
    (void)open_and_talk(0);
    size_t no_memory = 0, n = 1;
    long live = failmalloc_live();
    for (cf_result r = cf_fail(CF_ERR_NO_MEMORY); !cf_is_ok(r); n++) {
        r = open_and_talk(n);
        no_memory += r.code == CF_ERR_NO_MEMORY;
        assert_true(cf_is_ok(r) || is_broken(r) || r.code == CF_ERR_NO_MEMORY ||
                    r.code == CF_ERR_CRYPTO);
    }
    assert_true(failmalloc_live() <= live + 2); /* what the library keeps for the thread's errors */
    assert_true(no_memory >= 2);
}

static cf_result config_once(void *ctx)
{
    cf_tls_config *c = NULL;
    CF_TRY(cf_tls_config_new(*(const cf_view *)ctx, &c));
    cf_tls_config_free(&c);
    return cf_ok();
}

static void test_failing_config(void **state)
{
    (void)state;
    CF_BUF(pem);
    tls_peer_root(&pem);
    const cf_view texts[] = {CF_VIEW_EMPTY, cf_buf_view(&pem)};
    for (size_t i = 0; i < 2; i++) {
        cf_view text = texts[i];
        assert_ok(config_once(&text));
        long live = 0;
        for (unsigned round = 0; round < 2; round++) {
            live = failmalloc_live();
            cf_result r = cf_fail(CF_ERR_NO_MEMORY);
            for (size_t n = 1; !cf_is_ok(r); n++) {
                failmalloc_set(n);
                r = config_once(&text);
                failmalloc_set(0);
                assert_true(cf_is_ok(r) || r.code == CF_ERR_NO_MEMORY || r.code == CF_ERR_CRYPTO ||
                            r.code == CF_ERR_MALFORMED);
            }
        }
        assert_int_equal(failmalloc_live(), live);
    }
}

/* ---- roots ---- */

static void config_fails(cf_view text, cf_err err)
{
    cf_tls_config *c = NULL;
    cf_result r = cf_tls_config_new(text, &c);
    assert_code(r, err);
    assert_true((c != NULL) == cf_is_ok(r));
    cf_tls_config_free(&c);
}

static void test_roots(void **state)
{
    (void)state;
    static const char broken[] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    static const char encrypted[] =
        "-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: "
        "AES-256-CBC,00112233445566778899AABBCCDDEEFF\n\nAAAA\n-----END CERTIFICATE-----\n";
    CF_BUF(pem);
    CF_BUF(text);
    tls_peer_root(&pem);
    config_fails(CF_VIEW_EMPTY, CF_OK);
    config_fails(cf_buf_view(&pem), CF_OK);
    config_fails(CF_LIT("no certificate at all\n"), CF_ERR_EMPTY);
    config_fails(CF_LIT("\0"), CF_ERR_EMPTY);
    config_fails(cf_view_str(broken), CF_ERR_MALFORMED);
    config_fails(cf_view_str(encrypted), CF_ERR_MALFORMED);
    config_fails(CF_LIT("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"),
                 CF_ERR_EMPTY);
    /* one that is broken is not passed over because others are not */
    assert_ok(cf_buf_append(&text, cf_buf_view(&pem)));
    assert_ok(cf_buf_append(&text, cf_view_str(broken)));
    config_fails(cf_buf_view(&text), CF_ERR_MALFORMED);
    cf_buf_clear(&text);
    for (size_t n = 1; n <= CF_TLS_ROOTS_MAX + 1; n++) {
        assert_ok(cf_buf_append(&text, cf_buf_view(&pem)));
        if (n >= CF_TLS_ROOTS_MAX - 1) {
            config_fails(cf_buf_view(&text), n <= CF_TLS_ROOTS_MAX ? CF_OK : CF_ERR_SIZE);
        }
    }
    cf_buf_clear(&text);
    assert_ok(cf_buf_append(&text, cf_buf_view(&pem)));
    while (text.len < CF_TLS_ROOTS_BYTES_MAX) {
        assert_ok(cf_buf_append(&text, CF_LIT("\n")));
    }
    config_fails(cf_buf_view(&text), CF_OK);
    assert_ok(cf_buf_append(&text, CF_LIT("\n")));
    config_fails(cf_buf_view(&text), CF_ERR_SIZE);
}

/* Those compiled in are trusted where no others are told, and only there. */
static void test_other_roots(void **state)
{
    (void)state;
    const tls_peer_spec spec = {.name = NULL};
    cf_tls_config *c = NULL;
    cf_tls *tls;
    const char *why;
    int fd;
    pid_t pid = tls_peer_start(&spec, &fd);
    assert_ok(cf_tls_config_new(CF_VIEW_EMPTY, &c));
    assert_err(cf_tls_open(c, fd, "localhost", TLS_PEER_NOW, soon(), &tls, &why), CHAIN);
    assert_string_equal(why, "untrusted");
    cf_fd_close(&fd);
    (void)tls_peer_end(pid);
    cf_tls_config_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_talk),
        cmocka_unit_test(test_much),
        cmocka_unit_test(test_nothing_is_resumed),
        cmocka_unit_test(test_certificates),
        cmocka_unit_test(test_protocol),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_every_place),
        cmocka_unit_test(test_slow),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_failing_allocations),
        cmocka_unit_test(test_failing_config),
        cmocka_unit_test(test_roots),
        cmocka_unit_test(test_other_roots),
    };
    return cmocka_run_group_tests(tests, make_config, free_config);
}
