/* SPDX-License-Identifier: Apache-2.0 */
/* The client against our own server, and against servers that break off, dawdle and lie. */
#include <sys/un.h>

#include "core/http/http.h"
#include "host/http/client.h"
#include "sys/linux/net.h"
#include "tests/unit/host/http/http_test.h"

/* --- against our own server, over a Unix socket --- */

static cf_http_server *server;
static char folder[] = "/tmp/coffer-http-XXXXXX";
static char base[128];

static void mirror(void *ctx, cf_http_call *c)
{
    (void)ctx;
    CF_BUF(body);
    if (cf_view_eq(cf_http_path(c), CF_LIT("/big"))) {
        static char big[100000];
        memset(big, 'z', sizeof big);
        cf_ignore(cf_buf_append(&body, CF_VIEW_OF(big)));
    } else {
        cf_ignore(cf_buf_append(&body, cf_http_method(c)));
        cf_ignore(cf_buf_append(&body, CF_LIT(" ")));
        cf_ignore(cf_buf_append(&body, cf_http_path(c)));
        cf_ignore(cf_buf_append(&body, CF_LIT(" ")));
        cf_ignore(cf_buf_append(&body, cf_http_query(c, "q")));
        cf_ignore(cf_buf_append(&body, CF_LIT(" ")));
        cf_ignore(cf_buf_append(&body, cf_http_header(c, "Content-Type")));
        cf_ignore(cf_buf_append(&body, CF_LIT(" ")));
        cf_ignore(cf_buf_append(&body, cf_http_body(c)));
    }
    cf_ignore(cf_http_set(c, "Coffer-Boot-Id", CF_LIT("00ff")));
    cf_http_answer(c, cf_http_header(c, "X-Status").len > 0 ? 418 : 200, "text/plain", &body);
}

static int start(void **state)
{
    (void)state;
    cf_net_addr addr;
    int fd;
    const cf_http_limits limits = {
        .body_bytes_max = 1 << 20, .connections_max = 16, .idle_timeout_s = 30};
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    snprintf(base, sizeof base, "unix:%s/s.sock", folder);
    return cf_is_ok(cf_net_parse(base, &addr)) && cf_is_ok(cf_net_listen(&addr, 16, &fd)) &&
                   cf_is_ok(cf_http_server_start(fd, &limits, mirror, NULL, &server))
               ? 0
               : 1;
}

static int stop(void **state)
{
    (void)state;
    cf_http_server_stop(&server);
    unlink(base + 5);
    return rmdir(folder);
}

static void assert_call(cf_http_client *c, const cf_http_request *req, unsigned status,
                        const char *want)
{
    CF_BUF(body);
    unsigned got = 0;
    assert_ok(cf_http_client_call(c, req, &got, &body));
    assert_int_equal(got, status);
    assert_view(cf_buf_view(&body), cf_view_str(want));
}

static void test_calls(void **state)
{
    (void)state;
    CF_AUTO(cf_http_client_free) cf_http_client *c = NULL;
    const char *const typed[] = {"Content-Type: application/cbor", "X-Status: 1", NULL};
    assert_ok(cf_http_client_new("http://127.0.0.1:1/", &c));
    cf_http_client_free(&c);
    assert_ok(cf_http_client_new("[::1]:1", &c));
    cf_http_client_free(&c);
    assert_ok(cf_http_client_new(base, &c));
    assert_int_equal(cf_http_client_header(c, "Date").len, 0);
    for (int i = 0; i < 2; i++) {
        assert_call(
            c, &(cf_http_request){"GET", "/a/b?q=x%20y", NULL, CF_VIEW_EMPTY, 2000, 1000, false},
            200, "GET /a/b x y  ");
        assert_call(c, &(cf_http_request){"POST", "/p", typed, CF_LIT("text"), 2000, 1000, false},
                    418, "POST /p  application/cbor text");
        assert_view(cf_http_client_header(c, "coffer-boot-ID"), CF_LIT("00ff"));
        assert_view(cf_http_client_header(c, "Content-Type"), CF_LIT("text/plain"));
        assert_int_equal(cf_http_client_header(c, "Coffer").len, 0);
        assert_call(c, &(cf_http_request){"POST", "/p", NULL, CF_VIEW_EMPTY, 2000, 1000, false},
                    200, "POST /p   ");
        assert_call(c, &(cf_http_request){"PATCH", "/p", NULL, CF_LIT("x"), 2000, 1000, false}, 200,
                    "PATCH /p   x");
        assert_call(c, &(cf_http_request){"DELETE", "/p", NULL, CF_VIEW_EMPTY, 2000, 1000, false},
                    200, "DELETE /p   ");
    }
}

static void test_answer_bound(void **state)
{
    (void)state;
    CF_AUTO(cf_http_client_free) cf_http_client *c = NULL;
    CF_BUF(body);
    unsigned status = 0;
    assert_ok(cf_http_client_new(base, &c));
    assert_ok(cf_buf_append(&body, CF_LIT("before")));
    cf_http_request req = {"GET", "/big", NULL, CF_VIEW_EMPTY, 2000, 99999, false};
    assert_err(cf_http_client_call(c, &req, &status, &body), SIZE);
    assert_view(cf_buf_view(&body), CF_LIT("before"));
    req.answer_bytes_max = 100000;
    assert_ok(cf_http_client_call(c, &req, &status, &body));
    assert_int_equal(body.len, 6 + 100000);
    req.answer_bytes_max = 100001;
    assert_ok(cf_http_client_call(c, &req, &status, &body));
    assert_int_equal(body.len, 6 + 200000);
}

static void test_arguments(void **state)
{
    (void)state;
    CF_AUTO(cf_http_client_free) cf_http_client *c = NULL;
    CF_BUF(body);
    unsigned status = 0;
    static const char *const bad[] = {"",
                                      "unix:",
                                      "http://",
                                      "ftp://host",
                                      "/path",
                                      "https://host",
                                      "https://host:1",
                                      "http://host",
                                      "http://host:1/x",
                                      "vsock:3:1",
                                      "fd:3"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_err(cf_http_client_new(bad[i], &c), ARGUMENT);
        assert_null(c);
    }
    const char *const folded[] = {"X-A: b\r\nX-Evil: c", NULL};
    assert_ok(cf_http_client_new(base, &c));
    assert_err(
        cf_http_client_call(c, &(cf_http_request){"GET", "path", NULL, CF_VIEW_EMPTY, 1, 1, false},
                            &status, &body),
        ARGUMENT);
    assert_err(cf_http_client_call(c,
                                   &(cf_http_request){"GET", "/", NULL, CF_VIEW_EMPTY, 0, 1, false},
                                   &status, &body),
               ARGUMENT);
    assert_err(
        cf_http_client_call(c, &(cf_http_request){"GET", "/", folded, CF_VIEW_EMPTY, 1, 1, false},
                            &status, &body),
        ARGUMENT);
    assert_err(
        cf_http_client_call(c, &(cf_http_request){"HEAD", "/", NULL, CF_VIEW_EMPTY, 1, 1, false},
                            &status, &body),
        ARGUMENT);
}

static void test_nobody_listens(void **state)
{
    (void)state;
    CF_AUTO(cf_http_client_free) cf_http_client *c = NULL;
    CF_AUTO(cf_http_client_free) cf_http_client *d = NULL;
    CF_BUF(body);
    unsigned status = 0;
    uint16_t port;
    char url[64];
    const cf_http_request req = {"GET", "/", NULL, CF_VIEW_EMPTY, 2000, 1000, false};
    assert_ok(cf_http_client_new("unix:/nowhere/at/all", &c));
    assert_err(cf_http_client_call(c, &req, &status, &body), NOT_FOUND);
    close(listen_tcp(&port));
    snprintf(url, sizeof url, "http://127.0.0.1:%u", port);
    assert_ok(cf_http_client_new(url, &d));
    assert_err(cf_http_client_call(d, &req, &status, &body), NOT_FOUND);
    assert_int_equal(status, 0);
}

/* --- against a script --- */

#define OK_HEAD "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
#define STEPS_MAX 8

/* What the server does, request after request; it listens again after CLOSE. */
typedef enum { END, ANSWER, CLOSE, SILENT, DRIP } step_kind;
typedef struct {
    step_kind kind;
    const char *text;
} step;

typedef struct {
    int listen_fd;
    const step *steps;
    unsigned connections;
} script;

static void read_request(int fd)
{
    char text[8192];
    size_t len = 0;
    do {
        if (recv_some(fd, text, sizeof text, &len, WAIT_MS) <= 0) {
            return;
        }
    } while (strstr(text, "\r\n\r\n") == NULL);
}

static void *script_run(void *ctx)
{
    script *s = ctx;
    int fd = -1;
    for (const step *at = s->steps; at->kind != END; at++) {
        if (fd < 0) {
            fd = accept(s->listen_fd, NULL, NULL);
            s->connections++;
        }
        if (at->kind != CLOSE) {
            read_request(fd);
        }
        if (at->kind == ANSWER) {
            (void)send_text(fd, at->text);
        } else if (at->kind == SILENT) {
            (void)ends_within(fd, WAIT_MS);
        } else if (at->kind == DRIP) {
            for (const char *p = at->text; *p != '\0' && send_octets(fd, p, 1); p++) {
                nap_ms(50);
            }
        }
        if (at->kind != ANSWER) {
            shutdown(fd, SHUT_RDWR);
            close(fd);
            fd = -1;
        }
    }
    if (fd >= 0) {
        (void)ends_within(fd, WAIT_MS);
        close(fd);
    }
    return NULL;
}

/* Runs the script and one call per outcome; want[i] is the expected error, CF_OK with the body "ok". */
static void run_script(const step *steps, const cf_err *want, size_t calls, unsigned connections)
{
    uint16_t port;
    pthread_t thread;
    script s = {.listen_fd = listen_tcp(&port), .steps = steps};
    cf_http_client *c = NULL;
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%u", port);
    assert_ok(cf_http_client_new(url, &c));
    assert_int_equal(pthread_create(&thread, NULL, script_run, &s), 0);
    for (size_t i = 0; i < calls; i++) {
        CF_BUF(body);
        unsigned status = 0;
        uint64_t from = cf_clock_mono_ms();
        cf_result r = cf_http_client_call(
            c, &(cf_http_request){"POST", "/", NULL, CF_LIT("x"), 400, 1000, false}, &status,
            &body);
        assert_code(r, want[i]);
        assert_view(cf_buf_view(&body), want[i] == CF_OK ? CF_LIT("ok") : CF_VIEW_EMPTY);
        assert_true(cf_clock_mono_ms() - from < 1000);
    }
    cf_http_client_free(&c);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(s.connections, connections);
    close(s.listen_fd);
}

static void test_kept_connection(void **state)
{
    (void)state;
    const step kept[] = {
        {ANSWER, OK_HEAD "ok"}, {ANSWER, OK_HEAD "ok"}, {ANSWER, OK_HEAD "ok"}, {END, NULL}};
    run_script(kept, (cf_err[]){CF_OK, CF_OK, CF_OK}, 3, 1);
    /* Closed between two requests: the second goes to a new connection. */
    const step closed[] = {
        {ANSWER, OK_HEAD "ok"}, {CLOSE, NULL}, {ANSWER, OK_HEAD "ok"}, {END, NULL}};
    run_script(closed, (cf_err[]){CF_OK, CF_OK}, 2, 2);
    /* Closed after the second request was taken, without an answer: tried once more, and no more than once. */
    const step lost[] = {{ANSWER, OK_HEAD "ok"}, {DRIP, ""}, {ANSWER, OK_HEAD "ok"}, {END, NULL}};
    run_script(lost, (cf_err[]){CF_OK, CF_OK}, 2, 2);
    const step lost_twice[] = {{ANSWER, OK_HEAD "ok"}, {DRIP, ""}, {DRIP, ""}, {END, NULL}};
    run_script(lost_twice, (cf_err[]){CF_OK, CF_ERR_CLOSED}, 2, 2);
    /* A new connection is not tried again. */
    const step refused[] = {{DRIP, ""}, {ANSWER, OK_HEAD "ok"}, {END, NULL}};
    run_script(refused, (cf_err[]){CF_ERR_CLOSED, CF_OK}, 2, 2);
    /* Closed by its own word. */
    const step last[] = {
        {ANSWER, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"},
        {CLOSE, NULL},
        {ANSWER, OK_HEAD "ok"},
        {END, NULL}};
    run_script(last, (cf_err[]){CF_OK, CF_OK}, 2, 2);
}

static void test_bad_answers(void **state)
{
    (void)state;
    static const struct {
        step first;
        cf_err want;
    } rows[] = {
        {{SILENT, NULL}, CF_ERR_TIMEOUT},
        {{DRIP, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"}, CF_ERR_TIMEOUT},
        {{DRIP, "HTTP"}, CF_ERR_CLOSED},
        {{DRIP, "HTTP/1"}, CF_ERR_CLOSED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const step steps[] = {rows[i].first, {ANSWER, OK_HEAD "ok"}, {END, NULL}};
        run_script(steps, (cf_err[]){rows[i].want, CF_OK}, 2, 2);
    }
    static const struct {
        const char *text;
        cf_err want;
    } texts[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nok", CF_ERR_CLOSED},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", CF_ERR_CLOSED},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", CF_OK},
        {"HTTP/1.1 100 Continue\r\n\r\n" OK_HEAD "ok", CF_OK},
        {"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n", CF_ERR_SIZE},
        {OK_HEAD "ok unasked", CF_OK},
        {"no http at all\r\n\r\n", CF_ERR_MALFORMED},
        {"HTTP/1.1 abc\r\n\r\n", CF_ERR_MALFORMED},
        {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", CF_ERR_UNSUPPORTED},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", CF_ERR_MALFORMED},
        {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", CF_ERR_MALFORMED},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const step steps[] = {
            {ANSWER, texts[i].text}, {CLOSE, NULL}, {ANSWER, OK_HEAD "ok"}, {END, NULL}};
        run_script(steps, (cf_err[]){texts[i].want, CF_OK}, 2, 2);
    }
}

static void test_head_bound(void **state)
{
    (void)state;
    static char text[CF_HTTP1_HEAD_BYTES_MAX + 64];
    static const char *const begin = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: ",
                             *const end = "\r\n\r\n";
    for (int over = -1; over <= 1; over++) {
        size_t fill = (size_t)((int)CF_HTTP1_HEAD_BYTES_MAX + over) - strlen(begin) - strlen(end);
        snprintf(text, sizeof text, "%s%0*d%sok", begin, (int)fill, 0, end);
        const step steps[] = {{ANSWER, text}, {CLOSE, NULL}, {ANSWER, OK_HEAD "ok"}, {END, NULL}};
        run_script(steps, (cf_err[]){over > 0 ? CF_ERR_SIZE : CF_OK, CF_OK}, 2, 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),           cmocka_unit_test(test_answer_bound),
        cmocka_unit_test(test_arguments),       cmocka_unit_test(test_nobody_listens),
        cmocka_unit_test(test_kept_connection), cmocka_unit_test(test_bad_answers),
        cmocka_unit_test(test_head_bound),
    };
    return cmocka_run_group_tests_name("host/http/client", tests, start, stop);
}
