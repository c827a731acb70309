/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP over TLS to clients that are right, slow, old, hostile or gone. */
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>

#include "host/tls/server.h"
#include "sys/linux/net.h"
#include "sys/tls/tls.h"
#include "tests/support/tls_peer.h"
#include "tests/unit/host/http/http_test.h"

#define BODY_MAX (1 << 20)
#define BIG_BYTES ((size_t)8 << 20)
#define REQUEST "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok"
#define RECORD_HEAD 5

static uint16_t port;
static cf_tls_server *tls;
static cf_http_layer layer;
static cf_http_server *server;
static cf_tls_config *trusting;
static atomic_uint handled;
static _Atomic(cf_http_call *) held;

static int make_tls(void **state)
{
    (void)state;
    CF_BUF(chain);
    CF_BUF(key);
    CF_BUF(root);
    const char *why;
    tls_peer_root(&root);
    tls_peer_server(&chain, &key);
    assert_ok(cf_tls_config_new(cf_buf_view(&root), &trusting));
    assert_ok(cf_tls_server_new(cf_buf_view(&chain), cf_buf_view(&key), &tls, &why));
    layer = cf_tls_server_layer(tls);
    test_layer = &layer;
    return 0;
}

static int free_tls(void **state)
{
    (void)state;
    cf_tls_config_free(&trusting);
    cf_tls_server_free(&tls);
    return 0;
}

static void handler(void *ctx, cf_http_call *c)
{
    (void)ctx;
    CF_BUF(body);
    atomic_fetch_add(&handled, 1);
    if (cf_view_eq(cf_http_path(c), CF_LIT("/hold"))) {
        cf_http_defer(c);
        atomic_store(&held, c);
        return;
    }
    if (cf_view_eq(cf_http_path(c), CF_LIT("/big"))) {
        cf_ignore(cf_buf_reserve(&body, BIG_BYTES));
        body.len = BIG_BYTES;
        memset(body.data, 'x', body.len);
    } else {
        cf_ignore(cf_buf_append(&body, cf_http_body(c)));
    }
    cf_http_answer(c, 200, "text/plain", &body);
}

static void start_with(unsigned connections, unsigned idle_s, unsigned receive_s, unsigned threads)
{
    const cf_http_limits limits = {.body_bytes_max = BODY_MAX,
                                   .connections_max = connections,
                                   .idle_timeout_s = idle_s,
                                   .receive_timeout_s = receive_s,
                                   .threads = threads,
                                   .layer = test_layer};
    atomic_store(&handled, 0);
    assert_ok(cf_http_server_start(listen_tcp(&port), &limits, handler, NULL, &server));
}

static uint64_t soon(void)
{
    return cf_clock_mono_ms() + WAIT_MS;
}

/* ---- a client that is right ---- */

typedef struct {
    int fd;
    cf_tls *tls;
} client;

static bool try_dial(client *c)
{
    const char *why;
    c->fd = dial_tcp(port);
    return cf_is_ok(cf_tls_open(trusting, c->fd, "localhost", TLS_PEER_NOW, soon(), &c->tls, &why));
}

static client dial(void)
{
    client c;
    assert_true(try_dial(&c));
    return c;
}

static void hang_up(client *c)
{
    cf_tls_free(&c->tls);
    cf_fd_close(&c->fd);
}

/* Octets of the answer that in begins with, and of its head; 0 while the head is not whole. */
static size_t answer_bytes(const cf_buf *in, size_t *ret_head)
{
    const char *end = in->len == 0 ? NULL : memmem(in->data, in->len, "\r\n\r\n", 4);
    if (end == NULL) {
        return 0;
    }
    *ret_head = (size_t)(end + 4 - (const char *)in->data);
    const char *told = memmem(in->data, *ret_head, "Content-Length: ", 16);
    assert_non_null(told);
    assert_memory_equal(in->data, "HTTP/1.1 200", 12);
    return *ret_head + strtoul(told + 16, NULL, 10);
}

/* The next answer's body; false when the connection ends before. */
static bool read_answer(client *c, cf_buf *body)
{
    CF_BUF(in);
    size_t head = 0, want = 0;
    while (want == 0 || in.len < want) {
        if (!cf_is_ok(cf_tls_read_some(c->tls, &in, 65536, soon()))) {
            return false;
        }
        want = answer_bytes(&in, &head);
    }
    assert_int_equal(in.len, want);
    assert_ok(cf_buf_set(body, cf_view_sub(cf_buf_view(&in), head, want - head)));
    return true;
}

static bool ask(client *c, const char *text, cf_buf *body)
{
    return cf_is_ok(cf_tls_write_full(c->tls, cf_view_str(text), soon())) && read_answer(c, body);
}

static bool alive(client *c)
{
    CF_BUF(body);
    return ask(c, REQUEST, &body) && cf_view_eq(cf_buf_view(&body), CF_LIT("ok"));
}

static void assert_serves(void)
{
    client c = dial();
    assert_true(alive(&c));
    hang_up(&c);
}

static void test_requests(void **state)
{
    (void)state;
    static char body[BODY_MAX];
    for (unsigned threads = 1; threads <= 2; threads++) {
        start_with(64, 30, 0, threads);
        client c = dial();
        assert_string_equal(cf_tls_version(c.tls), "TLSv1.3");
        for (int i = 0; i < 100; i++) {
            assert_true(alive(&c));
        }
        /* Bodies of the sizes around those of a record, and the largest. */
        static const size_t sizes[] = {0, 1, 16383, 16384, 16385, 100000, BODY_MAX};
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            CF_BUF(got);
            char head[100];
            snprintf(head, sizeof head, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n",
                     sizes[i]);
            for (size_t at = 0; at < sizes[i]; at++) {
                body[at] = (char)('a' + at % 23 + i);
            }
            assert_ok(cf_tls_write_full(c.tls, cf_view_str(head), soon()));
            assert_ok(cf_tls_write_full(c.tls, cf_view_make(body, sizes[i]), soon()));
            assert_true(read_answer(&c, &got));
            assert_view(cf_buf_view(&got), cf_view_make(body, sizes[i]));
        }
        /* Several in one record. */
        CF_BUF(got);
        assert_ok(cf_tls_write_full(c.tls, CF_LIT(REQUEST REQUEST REQUEST), soon()));
        size_t seen = 0;
        while (seen < 3) {
            assert_ok(cf_tls_read_some(c.tls, &got, 65536, soon()));
            seen = 0;
            for (size_t at = 0; at + 6 <= got.len; at++) {
                seen += memcmp(got.data + at, "\r\n\r\nok", 6) == 0;
            }
        }
        hang_up(&c);
        cf_http_server_stop(&server);
    }
}

static void test_big_answer(void **state)
{
    (void)state;
    start_with(64, 30, 10, 1);
    client c = dial();
    for (int i = 0; i < 2; i++) {
        CF_BUF(got);
        assert_true(ask(&c, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n", &got));
        assert_int_equal(got.len, BIG_BYTES);
    }
    hang_up(&c);
    cf_http_server_stop(&server);
}

/* Who does not take its answer is cut in time, and keeps nobody waiting. */
static void test_answers_not_taken(void **state)
{
    (void)state;
    start_with(64, 2, 1, 1);
    client c[4];
    for (int i = 0; i < 4; i++) {
        int small = 1 << 16;
        c[i] = dial();
        setsockopt(c[i].fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
        assert_ok(cf_tls_write_full(
            c[i].tls, CF_LIT("GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), soon()));
    }
    assert_serves();
    nap_ms(2600); /* a second for MHD, a second for what the layer still has */
    for (int i = 0; i < 4; i++) {
        CF_BUF(got);
        assert_false(read_answer(&c[i], &got));
        hang_up(&c[i]);
    }
    assert_serves();
    cf_http_server_stop(&server);
}

/* ---- clients that speak otherwise ---- */

typedef struct {
    int version_max;
    const char *suites, *groups, *signatures, *alpn;
    bool works;
} dialect;

static SSL *dial_as(const dialect *d, SSL_CTX **ret_ctx, int *ret_fd)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    assert_non_null(ctx);
#ifndef OPENSSL_IS_AWSLC
    SSL_CTX_set_security_level(ctx, 0);
#endif
    (void)SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
    assert_int_equal(SSL_CTX_set_max_proto_version(ctx, (uint16_t)d->version_max), 1);
    assert_true(d->suites == NULL || SSL_CTX_set_cipher_list(ctx, d->suites) == 1);
    assert_true(d->groups == NULL || SSL_CTX_set1_groups_list(ctx, d->groups) == 1);
    assert_true(d->signatures == NULL || SSL_CTX_set1_sigalgs_list(ctx, d->signatures) == 1);
    assert_true(d->alpn == NULL || SSL_CTX_set_alpn_protos(ctx, (const uint8_t *)d->alpn,
                                                           (unsigned)strlen(d->alpn)) == 0);
    (void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT);
    SSL *ssl = SSL_new(ctx);
    assert_non_null(ssl);
    const int one = 1;
    *ret_fd = dial_tcp(port);
    (void)setsockopt(*ret_fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    assert_int_equal(SSL_set_fd(ssl, *ret_fd), 1);
    *ret_ctx = ctx;
    return ssl;
}

static bool speaks(const dialect *d)
{
    SSL_CTX *ctx;
    char got[1000];
    int fd;
    SSL *ssl = dial_as(d, &ctx, &fd);
    bool ok = SSL_connect(ssl) == 1 && SSL_write(ssl, REQUEST, sizeof REQUEST - 1) > 0 &&
              SSL_read(ssl, got, sizeof got) > 12 && memcmp(got, "HTTP/1.1 200", 12) == 0;
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    close(fd);
    return ok;
}

static void test_dialects(void **state)
{
    (void)state;
    static const dialect rows[] = {
        {TLS1_3_VERSION, NULL, NULL, NULL, NULL, true},
        {TLS1_2_VERSION, NULL, NULL, NULL, NULL, true},
        {TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256", NULL, NULL, NULL, true},
        {TLS1_2_VERSION, "ECDHE-ECDSA-CHACHA20-POLY1305", NULL, NULL, NULL, true},
        {TLS1_3_VERSION, NULL, "P-384", NULL, NULL, true},
        {TLS1_3_VERSION, NULL, NULL, NULL, "\x02h2\x08http/1.1", true},
        {TLS1_1_VERSION, NULL, NULL, NULL, NULL, false},
        {TLS1_VERSION, NULL, NULL, NULL, NULL, false},
        /* without AEAD; without a key of the moment; of another kind than the server's */
        {TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA", NULL, NULL, NULL, false},
        {TLS1_2_VERSION, "AES128-GCM-SHA256", NULL, NULL, NULL, false},
        {TLS1_2_VERSION, "ECDHE-RSA-AES128-GCM-SHA256", NULL, NULL, NULL, false},
        {TLS1_2_VERSION, NULL, NULL, "ECDSA+SHA1", NULL, false},
        {TLS1_3_VERSION, NULL, "P-521", NULL, NULL, false},
        {TLS1_3_VERSION, NULL, NULL, NULL, "\x02h2", false},
        {TLS1_3_VERSION, NULL, NULL, NULL, "\x07http/1.", false},
    };
    start_with(64, 30, 0, 1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (speaks(&rows[i]) != rows[i].works) {
            fail_msg("row %zu", i);
        }
    }
    assert_serves();
    cf_http_server_stop(&server);
}

/* Neither tickets nor ids: a session cannot be taken up again. */
static void test_no_resumption(void **state)
{
    (void)state;
    start_with(64, 30, 0, 1);
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        const dialect d = {.version_max = version};
        SSL_CTX *ctx;
        char got[1000];
        int fd;
        SSL *ssl = dial_as(&d, &ctx, &fd);
        assert_int_equal(SSL_connect(ssl), 1);
        assert_true(SSL_write(ssl, REQUEST, sizeof REQUEST - 1) > 0 &&
                    SSL_read(ssl, got, sizeof got) > 0);
        SSL_SESSION *session = SSL_get1_session(ssl);
        assert_non_null(session);
        assert_false(SSL_SESSION_has_ticket(session));
        assert_false(SSL_SESSION_is_resumable(session));
        SSL_SESSION_free(session);
        SSL_free(ssl);
        SSL_CTX_free(ctx);
        close(fd);
    }
    cf_http_server_stop(&server);
}

/* ---- what is no TLS, and hands that are never shaken ---- */

/* A ClientHello of 16,000 octets, one in each record, so that very many octets say next to nothing. */
static size_t hello_in_pieces(uint8_t *to, size_t max)
{
    static const uint8_t head[] = {1, 0, 0x3e, 0x80, 3, 3};
    size_t len = 0;
    for (size_t i = 0; len + RECORD_HEAD + 1 <= max; i++) {
        const uint8_t record[] = {22, 3, 1, 0, 1, i < sizeof head ? head[i] : 0};
        cf_copy(to + len, record, sizeof record);
        len += sizeof record;
    }
    return len;
}

static void test_garbage(void **state)
{
    (void)state;
    static uint8_t random[70000];
    static const char *const texts[] = {
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "\x16\x03\x01\xff\xff\x01",             /* a record that is too long */
        "\x17\x03\x03\x01\x02 before its time", /* data */
        "\x15\x03\x01\x01\x02\x02\x28",         /* an alert that is too long */
        "\x80\x2e\x01\x03\x01",                 /* SSL 2 */
        "\x16\x03\x01\x01\x04\x02\x01\x01\x01", /* a ServerHello */
    };
    uint32_t x = 1;
    for (size_t i = 0; i < sizeof random; i++) {
        x = x * 1664525 + 1013904223;
        random[i] = (uint8_t)(x >> 24);
    }
    start_with(64, 30, 1, 1);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int fd = dial_tcp(port);
        assert_true(send_text(fd, texts[i]));
        /* At once, or when the time for hands to be shaken has passed. */
        assert_true(ends_within(fd, 2000));
        close(fd);
    }
    for (int i = 0; i < 20; i++) {
        int fd = dial_tcp(port);
        (void)send_octets(fd, random + i * 1000, sizeof random - (size_t)i * 1000);
        assert_true(ends_within(fd, 2000));
        close(fd);
    }
    assert_int_equal(atomic_load(&handled), 0);
    assert_serves();
    cf_http_server_stop(&server);
}

static void test_slow_handshake(void **state)
{
    (void)state;
    static uint8_t pieces[6 * 200];
    size_t len = hello_in_pieces(pieces, sizeof pieces);
    start_with(64, 10, 1, 1);
    /* Nothing at all; and something every now and then. */
    for (int drips = 0; drips < 2; drips++) {
        int fd = dial_tcp(port);
        uint64_t from = cf_clock_mono_ms();
        size_t at = 0;
        bool ended = false;
        while (!ended && cf_clock_mono_ms() - from < 2000) {
            if (drips != 0 && at < len) {
                (void)send_octets(fd, pieces + at++, 1);
            }
            ended = ends_within(fd, 20);
        }
        assert_true(ended);
        assert_in_range(cf_clock_mono_ms() - from, 900, 2000);
        close(fd);
    }
    /* Once shaken, the time is that of idle connections. */
    client c = dial();
    assert_false(ends_within(c.fd, 1600));
    assert_true(alive(&c));
    hang_up(&c);
    cf_http_server_stop(&server);
}

static void test_silent_limit(void **state)
{
    (void)state;
    static uint8_t pieces[CF_TLS_SERVER_SILENT_BYTES_MAX + 60];
    (void)hello_in_pieces(pieces, sizeof pieces);
    start_with(64, 30, 30, 1);
    for (int extra = -1; extra <= 1; extra++) {
        int fd = dial_tcp(port);
        assert_true(send_octets(fd, pieces, (size_t)(CF_TLS_SERVER_SILENT_BYTES_MAX + extra)));
        assert_true(ends_within(fd, 500) == (extra > 0));
        close(fd);
    }
    assert_serves();
    cf_http_server_stop(&server);
}

static bool send_key_update(SSL *ssl)
{
    if (SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED) != 1) {
        return false;
    }
#ifdef OPENSSL_IS_AWSLC
    return SSL_write(ssl, "", 0) >= 0; /* else it would wait for data */
#else
    return SSL_do_handshake(ssl) == 1;
#endif
}

/* Records that bring nothing are counted, however many; octets for HTTP begin the count anew. */
static void test_silent_records(void **state)
{
    (void)state;
    start_with(64, 30, 30, 1);
    const dialect d = {.version_max = TLS1_3_VERSION};
    SSL_CTX *ctx;
    int fd;
    SSL *ssl = dial_as(&d, &ctx, &fd);
    assert_int_equal(SSL_connect(ssl), 1);
    for (int round = 0; round < 200; round++) {
        char got[1000];
        for (int i = 0; i < 20; i++) {
            assert_true(send_key_update(ssl));
        }
        assert_true(SSL_write(ssl, REQUEST, sizeof REQUEST - 1) > 0);
        assert_true(SSL_read(ssl, got, sizeof got) > 0);
    }
    bool ended = false;
    for (int i = 0; i < CF_TLS_SERVER_SILENT_BYTES_MAX / 20 && !ended; i++) {
        ended = !send_key_update(ssl);
    }
    assert_true(ended || ends_within(fd, WAIT_MS));
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    close(fd);
    assert_serves();
    cf_http_server_stop(&server);
}

/* ---- ends ---- */

static void test_goodbyes(void **state)
{
    (void)state;
    const dialect d = {.version_max = TLS1_3_VERSION};
    start_with(64, 30, 5, 1);
    for (int asks = 0; asks < 2; asks++) {
        /* The client says goodbye, perhaps right behind a request: it gets its answer, and a goodbye. */
        SSL_CTX *ctx;
        char got[1000];
        int fd;
        SSL *ssl = dial_as(&d, &ctx, &fd);
        assert_int_equal(SSL_connect(ssl), 1);
        assert_true(asks == 0 || SSL_write(ssl, REQUEST, sizeof REQUEST - 1) > 0);
        assert_int_equal(SSL_shutdown(ssl), 0);
        if (asks != 0) {
            assert_true(SSL_read(ssl, got, sizeof got) > 12);
            assert_memory_equal(got, "HTTP/1.1 200", 12);
        }
        int n = SSL_read(ssl, got, sizeof got);
        assert_int_equal(SSL_get_error(ssl, n), SSL_ERROR_ZERO_RETURN);
        assert_true(ends_within(fd, WAIT_MS));
        SSL_free(ssl);
        SSL_CTX_free(ctx);
        close(fd);
    }
    /* The server does, after an answer that it was asked to be the last. */
    client c = dial();
    CF_BUF(body);
    assert_true(ask(&c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", &body));
    assert_err(cf_tls_read_some(c.tls, &body, 10, soon()), CLOSED);
    hang_up(&c);
    cf_http_server_stop(&server);
}

/* A request whose end never came is none, whichever way its client went. */
static void test_truncation(void **state)
{
    (void)state;
    start_with(64, 30, 5, 1);
    for (int how = 0; how < 4; how++) {
        client c = dial();
        assert_ok(cf_tls_write_full(
            c.tls, CF_LIT("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf"), soon()));
        if (how == 0) {
            shutdown(c.fd, SHUT_WR); /* no goodbye, as if somebody on the way had cut it */
            assert_true(ends_within(c.fd, WAIT_MS));
        } else if (how == 1) {
            const struct linger reset = {.l_onoff = 1, .l_linger = 0};
            nap_ms(20);
            setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        } else if (how == 2) {
            assert_true(send_text(c.fd, "no record")); /* altered */
            assert_true(ends_within(c.fd, WAIT_MS));
        }
        if (how < 3) {
            cf_fd_close(&c.fd);
        }
        cf_tls_free(&c.tls);
        cf_fd_close(&c.fd);
    }
    assert_serves();
    assert_int_equal(atomic_load(&handled), 1);
    cf_http_server_stop(&server);
}

/* Gone while an answer is made, while it is taken, and while hands are shaken. */
static void test_resets(void **state)
{
    (void)state;
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    start_with(64, 30, 5, 2);
    for (int i = 0; i < 30; i++) {
        client c = dial();
        const char *text = i % 2 == 0 ? "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n"
                                      : "GET /big HTTP/1.1\r\nHost: x\r\n\r\n";
        assert_ok(cf_tls_write_full(c.tls, cf_view_str(text), soon()));
        cf_http_call *call = NULL;
        while (i % 2 == 0 && (call = atomic_exchange(&held, NULL)) == NULL) {
            nap_ms(1);
        }
        setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        nap_ms((unsigned)i % 3);
        cf_fd_close(&c.fd);
        if (call != NULL) {
            nap_ms((unsigned)i % 5);
            cf_http_answer(call, 200, NULL, NULL);
        }
        cf_tls_free(&c.tls);
        int raw = dial_tcp(port);
        assert_true(send_text(raw, "\x16\x03\x01\x02"));
        setsockopt(raw, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(raw);
    }
    assert_serves();
    cf_http_server_stop(&server);
}

static void test_connection_limit(void **state)
{
    (void)state;
    enum { LIMIT = 8 };
    client c[LIMIT + 1];
    int raw[LIMIT + 1];
    start_with(LIMIT, 60, 60, 1);
    for (int i = 0; i < LIMIT; i++) {
        c[i] = dial();
        assert_true(alive(&c[i]));
        nap_ms(2);
    }
    assert_false(ends_within(c[0].fd, 100)); /* the limit itself */
    c[LIMIT] = dial();                       /* one more costs the one that idled longest */
    assert_true(alive(&c[LIMIT]));
    assert_true(ends_within(c[0].fd, WAIT_MS));
    assert_false(ends_within(c[1].fd, 100));
    /* Hands that are never shaken do not keep out those that are. */
    for (int i = 0; i <= LIMIT; i++) {
        raw[i] = dial_tcp(port);
        nap_ms(2);
    }
    assert_true(ends_within(raw[0], WAIT_MS));
    assert_serves();
    for (int i = 0; i <= LIMIT; i++) {
        close(raw[i]);
        hang_up(&c[i]);
    }
    assert_serves();
    cf_http_server_stop(&server);
}

static void *stop_run(void *ctx)
{
    (void)ctx;
    cf_http_server_stop(&server);
    return NULL;
}

static void test_stop(void **state)
{
    (void)state;
    pthread_t stopper;
    CF_BUF(body);
    start_with(64, 60, 0, 2);
    client idle = dial(), called = dial();
    int silent = dial_tcp(port);
    assert_ok(
        cf_tls_write_full(called.tls, CF_LIT("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n"), soon()));
    cf_http_call *call;
    while ((call = atomic_exchange(&held, NULL)) == NULL) {
        nap_ms(1);
    }
    assert_int_equal(pthread_create(&stopper, NULL, stop_run, NULL), 0);
    nap_ms(50);
    CF_BUF(text);
    assert_ok(cf_buf_append(&text, CF_LIT("in time")));
    cf_http_answer(call, 200, "text/plain", &text);
    assert_true(read_answer(&called, &body));
    assert_view(cf_buf_view(&body), CF_LIT("in time"));
    assert_int_equal(pthread_join(stopper, NULL), 0);
    assert_err(cf_tls_read_some(called.tls, &body, 10, soon()), CLOSED);
    assert_err(cf_tls_read_some(idle.tls, &body, 10, soon()), CLOSED);
    assert_true(ends_within(silent, WAIT_MS));
    close(silent);
    hang_up(&idle);
    hang_up(&called);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),          cmocka_unit_test(test_big_answer),
        cmocka_unit_test(test_answers_not_taken), cmocka_unit_test(test_dialects),
        cmocka_unit_test(test_no_resumption),     cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_slow_handshake),    cmocka_unit_test(test_silent_limit),
        cmocka_unit_test(test_silent_records),    cmocka_unit_test(test_goodbyes),
        cmocka_unit_test(test_truncation),        cmocka_unit_test(test_resets),
        cmocka_unit_test(test_connection_limit),  cmocka_unit_test(test_stop),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("host/tls/serve", tests, make_tls, free_tls);
}
