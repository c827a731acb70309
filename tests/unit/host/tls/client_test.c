/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP client over TLS: against our own server, and against servers that are wrong or gone. */
#include <fcntl.h>
#include <signal.h>

#include "host/tls/client.h"
#include "host/tls/server.h"
#include "sys/linux/net.h"
#include "tests/support/tls_peer.h"
#include "tests/unit/host/http/http_test.h"

#define BIG_BYTES ((size_t)3 << 20)
#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define TIMEOUT_MS 5000
#define SHORT_MS 300

static cf_tls_config *trusting;
static cf_http_client_layer layer;

static int make_config(void **state)
{
    (void)state;
    CF_BUF(root);
    tls_peer_root(&root);
    assert_ok(cf_tls_config_new(cf_buf_view(&root), &trusting));
    layer = cf_tls_client_layer(trusting);
    return 0;
}

static int free_config(void **state)
{
    (void)state;
    cf_tls_config_free(&trusting);
    return 0;
}

static cf_http_client *client_of(uint16_t port)
{
    cf_http_client *c = NULL;
    char url[64];
    (void)snprintf(url, sizeof url, "https://localhost:%u", port);
    assert_ok(cf_http_client_new_over(url, &layer, &c));
    return c;
}

static cf_http_request request_of(const char *method, cf_view body)
{
    return (cf_http_request){.method = method,
                             .path = "/",
                             .body = body,
                             .timeout_ms = TIMEOUT_MS,
                             .answer_bytes_max = 2 * BIG_BYTES};
}

static cf_result call(cf_http_client *c, const cf_http_request *req, cf_buf *body)
{
    unsigned status = 0;
    cf_result r = cf_http_client_call(c, req, &status, body);
    assert_int_equal(status, cf_is_ok(r) ? 200 : 0);
    return r;
}

/* ---- our own server ---- */

static _Atomic(uint64_t) handled;
static char host_seen[64];

static void handler(void *ctx, cf_http_call *c)
{
    (void)ctx;
    CF_BUF(body);
    atomic_fetch_add(&handled, 1);
    cf_view host = cf_http_header(c, "Host");
    (void)snprintf(host_seen, sizeof host_seen, "%.*s", (int)host.len, (const char *)host.data);
    if (cf_view_eq(cf_http_method(c), CF_LIT("DELETE"))) {
        cf_ignore(cf_buf_reserve(&body, BIG_BYTES));
        body.len = BIG_BYTES;
        memset(body.data, 'x', body.len);
    } else {
        cf_ignore(cf_buf_append(&body, cf_http_body(c)));
    }
    cf_http_answer(c, 200, "text/plain", &body);
}

typedef struct {
    cf_tls_server *tls;
    cf_http_layer layer;
    cf_http_server *http;
} own_server;

static void start_on(own_server *s, int fd)
{
    CF_BUF(chain);
    CF_BUF(key);
    const char *why;
    tls_peer_server(&chain, &key);
    assert_ok(cf_tls_server_new(cf_buf_view(&chain), cf_buf_view(&key), &s->tls, &why));
    s->layer = cf_tls_server_layer(s->tls);
    const cf_http_limits limits = {.body_bytes_max = 2 * BIG_BYTES,
                                   .connections_max = 2,
                                   .idle_timeout_s = 60,
                                   .layer = &s->layer};
    atomic_store(&handled, 0);
    assert_ok(cf_http_server_start(fd, &limits, handler, NULL, &s->http));
}

static void stop(own_server *s)
{
    cf_http_server_stop(&s->http);
    cf_tls_server_free(&s->tls);
}

static void test_calls(void **state)
{
    (void)state;
    uint16_t port;
    own_server s;
    CF_BUF(big);
    start_on(&s, listen_tcp(&port));
    cf_http_client *c = client_of(port);
    assert_ok(cf_buf_reserve(&big, BIG_BYTES));
    big.len = BIG_BYTES;
    memset(big.data, 'y', big.len);
    for (int i = 0; i < 3; i++) {
        CF_BUF(body);
        cf_http_request post = request_of("POST", CF_LIT("some octets"));
        post.once = true; /* a connection that is not kept would be told */
        assert_ok(call(c, &post, &body));
        assert_view(cf_buf_view(&body), CF_LIT("some octets"));
        assert_string_equal(cf_http_client_why(c), "");
        assert_true(cf_http_client_header(c, "Date").len > 0);
        cf_buf_clear(&body);
        cf_http_request post_big = request_of("POST", cf_buf_view(&big));
        assert_ok(call(c, &post_big, &body));
        assert_view(cf_buf_view(&body), cf_buf_view(&big));
        cf_buf_clear(&body);
        cf_http_request get_big = request_of("DELETE", CF_VIEW_EMPTY);
        assert_ok(call(c, &get_big, &body));
        assert_int_equal(body.len, BIG_BYTES);
        cf_buf_clear(&body);
        get_big.answer_bytes_max = BIG_BYTES - 1;
        assert_err(call(c, &get_big, &body), SIZE);
        assert_int_equal(body.len, 0);
    }
    /* The server starts again between two calls. */
    CF_BUF(body);
    cf_http_request get = request_of("GET", CF_VIEW_EMPTY);
    assert_ok(call(c, &get, &body));
    stop(&s);
    assert_err(call(c, &get, &body), NOT_FOUND);
    char text[64];
    cf_net_addr addr;
    int fd;
    (void)snprintf(text, sizeof text, "127.0.0.1:%u", port);
    assert_string_equal(host_seen + strlen(host_seen) - strlen(strchr(text, ':')),
                        strchr(text, ':'));
    assert_ok(cf_net_parse(text, &addr));
    assert_ok(cf_net_listen(&addr, 16, &fd));
    start_on(&s, fd);
    assert_ok(call(c, &get, &body));
    assert_int_equal(atomic_load(&handled), 1);
    cf_http_client_free(&c);
    stop(&s);
}

/* Where this user may listen there. */
static void test_usual_port(void **state)
{
    (void)state;
    cf_net_addr addr;
    int fd;
    assert_ok(cf_net_parse("127.0.0.1:443", &addr));
    if (!cf_is_ok(cf_net_listen(&addr, 16, &fd))) {
        skip();
    }
    own_server s;
    CF_BUF(body);
    CF_AUTO(cf_http_client_free) cf_http_client *c = NULL;
    start_on(&s, fd);
    assert_ok(cf_http_client_new_over("https://localhost/", &layer, &c));
    cf_http_request get = request_of("GET", CF_VIEW_EMPTY);
    assert_ok(call(c, &get, &body));
    assert_string_equal(host_seen, "localhost");
    stop(&s);
}

/* ---- addresses ---- */

static void test_addresses(void **state)
{
    (void)state;
    static const char *const good[] = {"https://localhost",     "https://localhost:1",
                                       "https://localhost:1/",  "https://a.b-c.example.org",
                                       "http://127.0.0.1:1",    "unix:/x",
                                       "localhost:1",           "https://1a.example:65535",
                                       "https://x_y.internal:1"};
    static const char *const bad[] = {
        "https://",
        "https:///",
        "https://:1",
        "https://127.0.0.1",
        "https://127.1:1",
        "https://2130706433",
        "https://0x7f.1:1",
        "https://[::1]:1",
        "https://[::1]",
        "https://host:",
        "https://host:65536",
        "https://host/x",
        "https://host:1/x",
        "https://u@host",
        "https://u:p@host:1",
        "https://h ost",
        "https://host?x",
        "https://unix:1",
        "https://fd:3",
        "https://vsock:3:1",
        "https://h\xc3\xb6st",
        "https",
        "HTTPS://host",
        "https:host:1",
    };
    cf_http_client *c = NULL;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_ok(cf_http_client_new_over(good[i], &layer, &c));
        assert_string_equal(cf_http_client_why(c), "");
        cf_http_client_free(&c);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_err(cf_http_client_new_over(bad[i], &layer, &c), ARGUMENT);
        assert_null(c);
    }
    assert_err(cf_http_client_new_over("https://localhost:1", NULL, &c), ARGUMENT);
}

/* ---- servers that are wrong ---- */

/* One call to a server that is not to be trusted, with a token that nobody may see. */
static void refused(const tls_peer_spec *wrong, cf_err want, const char *why)
{
    int ends[2];
    uint16_t port;
    char seen[64];
    CF_BUF(body);
    unsigned status = 1;
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    tls_peer_spec spec = *wrong;
    spec.requests_fd = ends[1];
    int fd = listen_tcp(&port);
    pid_t peer = tls_peer_listen(&spec, 1, fd);
    cf_http_client *c = client_of(port);
    const char *const headers[] = {"Authorization: Bearer secret", NULL};
    cf_http_request req = request_of("POST", CF_LIT("x"));
    req.headers = headers;
    assert_code(cf_http_client_call(c, &req, &status, &body), want);
    assert_string_equal(cf_http_client_why(c), why);
    assert_true(status == 0 && body.len == 0);
    cf_http_client_free(&c);
    assert_int_equal(tls_peer_end(peer) & TLS_PEER_SHOOK, 0);
    assert_int_equal(read(ends[0], seen, sizeof seen), -1);
    close(ends[0]);
    close(ends[1]);
    close(fd);
}

static void test_refused(void **state)
{
    (void)state;
    /* of an authority that has the name of ours */
    refused(&(tls_peer_spec){.other_authority = true}, CF_ERR_CHAIN, "bad_certificate");
    refused(&(tls_peer_spec){.self_signed = true}, CF_ERR_CHAIN, "untrusted");
    refused(&(tls_peer_spec){.to_s = TLS_PEER_NOW}, CF_ERR_CHAIN, "expired");
    refused(&(tls_peer_spec){.from_s = TLS_PEER_TO - 1}, CF_ERR_CHAIN, "not_yet_valid");
    refused(&(tls_peer_spec){.name = "example.org"}, CF_ERR_CHAIN, "wrong_host");
    refused(&(tls_peer_spec){.common_name_only = true}, CF_ERR_CHAIN, "wrong_host");
    refused(&(tls_peer_spec){.version_max = 0x0302}, CF_ERR_TLS, "protocol");
    refused(&(tls_peer_spec){.plain = true}, CF_ERR_TLS, "protocol");
    refused(&(tls_peer_spec){.cut_at = 200}, CF_ERR_CLOSED, "");
}

/* What a call says of a refusal, the next one does not. */
static void test_why_is_of_the_last_call(void **state)
{
    (void)state;
    uint16_t port;
    CF_BUF(body);
    int fd = listen_tcp(&port);
    const char *const script[] = {ANSWER, NULL};
    const tls_peer_spec specs[] = {{.name = "example.org"}, {.script = script}};
    pid_t peer = tls_peer_listen(specs, 2, fd);
    cf_http_client *c = client_of(port);
    cf_http_request req = request_of("GET", CF_VIEW_EMPTY);
    assert_err(call(c, &req, &body), CHAIN);
    assert_string_equal(cf_http_client_why(c), "wrong_host");
    assert_ok(call(c, &req, &body));
    assert_string_equal(cf_http_client_why(c), "");
    cf_http_client_free(&c);
    assert_int_equal(tls_peer_end(peer) & (TLS_PEER_SHOOK | TLS_PEER_NAMED | TLS_PEER_ALPN),
                     TLS_PEER_SHOOK | TLS_PEER_NAMED | TLS_PEER_ALPN);
    /* Also when nobody is there any more who could be refused. */
    peer = tls_peer_listen(specs, 1, fd);
    c = client_of(port);
    assert_err(call(c, &req, &body), CHAIN);
    (void)tls_peer_end(peer);
    close(fd);
    assert_string_equal(cf_http_client_why(c), "wrong_host");
    assert_err(call(c, &req, &body), NOT_FOUND);
    assert_string_equal(cf_http_client_why(c), "");
    cf_http_client_free(&c);
}

/* Who is done says so. */
static void test_goodbye(void **state)
{
    (void)state;
    uint16_t port;
    CF_BUF(body);
    int fd = listen_tcp(&port);
    const char *const script[] = {ANSWER, ANSWER, NULL};
    const tls_peer_spec spec = {.script = script};
    pid_t peer = tls_peer_listen(&spec, 1, fd);
    cf_http_client *c = client_of(port);
    cf_http_request req = request_of("GET", CF_VIEW_EMPTY);
    assert_ok(call(c, &req, &body));
    cf_http_client_free(&c);
    assert_int_equal(tls_peer_end(peer) & TLS_PEER_GOODBYE, TLS_PEER_GOODBYE);
    close(fd);
}

static void test_slow(void **state)
{
    (void)state;
    /* In the middle of the handshake, and in drops that never amount to one. */
    static const tls_peer_spec specs[] = {{.hang_at = 100}, {.drip_ms = 5}};
    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++) {
        uint16_t port;
        CF_BUF(body);
        int fd = listen_tcp(&port);
        pid_t peer = tls_peer_listen(&specs[i], 1, fd);
        cf_http_client *c = client_of(port);
        cf_http_request req = request_of("GET", CF_VIEW_EMPTY);
        req.timeout_ms = SHORT_MS;
        uint64_t from = cf_clock_mono_ms();
        assert_err(call(c, &req, &body), TIMEOUT);
        assert_in_range(cf_clock_mono_ms() - from, SHORT_MS - 1, SHORT_MS + 1000);
        cf_http_client_free(&c);
        (void)tls_peer_end(peer);
        close(fd);
    }
}

/* ---- connections that end ---- */

/* Two calls, to a first connection with these answers and, where there is one, to a second one. */
static void two_calls(const char *const *script, bool no_goodbye, bool once, cf_err want,
                      size_t connections)
{
    uint16_t port;
    CF_BUF(body);
    int fd = listen_tcp(&port);
    const char *const second[] = {ANSWER, NULL};
    const tls_peer_spec specs[] = {{.script = script, .no_goodbye = no_goodbye},
                                   {.script = second}};
    pid_t peer = tls_peer_listen(specs, connections, fd);
    cf_http_client *c = client_of(port);
    cf_http_request req = request_of("POST", CF_LIT("x"));
    req.once = once;
    assert_ok(call(c, &req, &body));
    if (script[1] == NULL) {
        nap_ms(50); /* its end has come */
    }
    cf_buf_clear(&body);
    assert_code(call(c, &req, &body), want);
    assert_view(cf_buf_view(&body), want == CF_OK ? CF_LIT("ok") : CF_VIEW_EMPTY);
    assert_string_equal(cf_http_client_why(c), "");
    cf_http_client_free(&c);
    assert_int_equal(tls_peer_end(peer) & TLS_PEER_SHOOK, TLS_PEER_SHOOK);
    close(fd);
}

static void test_kept_connection(void **state)
{
    (void)state;
    const char *const kept[] = {ANSWER, ANSWER, NULL}, *const closed[] = {ANSWER, NULL},
                      *const lost[] = {ANSWER, "", NULL},
                      *const half[] = {ANSWER, "HTTP/1.1 200 OK\r\nContent-Le", NULL},
                      *const body[] = {ANSWER, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok",
                                       NULL};
    for (int how = 0; how < 2; how++) {
        bool no_goodbye = how == 1;
        two_calls(kept, no_goodbye, true, CF_OK, 1);
        /* Ended between the calls: a new one, also for what is sent once. */
        two_calls(closed, no_goodbye, true, CF_OK, 2);
        /* Ended after the second request was taken and before the first octet of its answer: once more. */
        two_calls(lost, no_goodbye, false, CF_OK, 2);
        two_calls(lost, no_goodbye, true, CF_ERR_CLOSED, 1);
        /* In the middle of an answer: never again, whichever way it ends. */
        two_calls(half, no_goodbye, false, CF_ERR_CLOSED, 1);
        two_calls(body, no_goodbye, false, CF_ERR_CLOSED, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_usual_port),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_why_is_of_the_last_call),
        cmocka_unit_test(test_goodbye),
        cmocka_unit_test(test_slow),
        cmocka_unit_test(test_kept_connection),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("host/tls/client", tests, make_config, free_config);
}
