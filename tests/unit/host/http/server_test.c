/* SPDX-License-Identifier: Apache-2.0 */
/* What the server understands, refuses and answers. */
#include <fcntl.h>

#include "tests/unit/host/http/http_test.h"

#define BODY_MAX 20000

static uint16_t port;
static cf_http_server *server;
static atomic_uint handled;

static void answer_text(cf_http_call *c, unsigned status, cf_view text)
{
    CF_BUF(body);
    cf_ignore(cf_buf_append(&body, text));
    cf_http_answer(c, status, "text/plain", &body);
}

/* On a server thread, where an assertion of cmocka would jump to another stack: the first step that went wrong is the answer. */
static void on_set(cf_http_call *c)
{
    static char text[CF_HTTP_SET_BYTES_MAX];
    memset(text, 'y', sizeof text);
    /* Each header counts its name, its value and two NULs. */
    size_t left = CF_HTTP_SET_BYTES_MAX - (5 + 11 + 2) - (5 + 2);
    const struct {
        const char *name;
        cf_view value;
        cf_err err;
    } steps[] = {
        {"X-One", CF_LIT("first value"), CF_OK},
        {"X-Bad", CF_VIEW_EMPTY, CF_ERR_ARGUMENT},
        {"X-Bad", CF_LIT("a\r\nX-Evil: 1"), CF_ERR_ARGUMENT},
        {"X-Bad", CF_LIT("a\nb"), CF_ERR_ARGUMENT},
        {"X-Bad", CF_VIEW_OF("a"), CF_ERR_ARGUMENT},
        {"X-Bad: b", CF_LIT("a"), CF_ERR_ARGUMENT},
        {"X Bad", CF_LIT("a"), CF_ERR_ARGUMENT},
        {"", CF_LIT("a"), CF_ERR_ARGUMENT},
        {"X-Big", cf_view_make(text, left + 1), CF_ERR_SIZE},
        {"X-Big", cf_view_make(text, sizeof text), CF_ERR_SIZE},
        {"X-Big", cf_view_make(text, left), CF_OK},
        {"a", CF_LIT("b"), CF_ERR_SIZE},
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (cf_http_set(c, steps[i].name, steps[i].value).code != steps[i].err) {
            uint8_t digits[] = {(uint8_t)('0' + i / 10), (uint8_t)('0' + i % 10)};
            answer_text(c, 500, CF_VIEW_OF(digits));
            return;
        }
    }
    answer_text(c, 201, CF_LIT("set"));
}

static void on_query(cf_http_call *c)
{
    CF_BUF(out);
    const char *names[] = {"a", "b", "c d", "e"};
    for (size_t i = 0; i < 4; i++) {
        cf_ignore(cf_buf_append(&out, cf_http_query_has(c, names[i]) ? CF_LIT("[") : CF_LIT("(")));
        cf_ignore(cf_buf_append(&out, cf_http_query(c, names[i])));
        cf_ignore(cf_buf_append(&out, CF_LIT("|")));
    }
    cf_http_answer(c, 200, "text/plain", &out);
}

/* All that a signature may cover: "query|name:value|...|count of two at most". */
static void on_fields(cf_http_call *c)
{
    CF_BUF(out);
    cf_http_field all[16], few[2];
    size_t n = cf_http_fields(c, all, 16), again = cf_http_fields(c, few, 2);
    cf_ignore(cf_buf_append(&out, cf_http_query_raw(c)));
    for (size_t i = 0; i < n && i < 16; i++) {
        cf_ignore(cf_buf_append(&out, CF_LIT("|")));
        cf_ignore(cf_buf_append(&out, all[i].name));
        cf_ignore(cf_buf_append(&out, CF_LIT(":")));
        cf_ignore(cf_buf_append(&out, all[i].value));
    }
    bool same = again == n && cf_view_eq(few[0].name, all[0].name) &&
                cf_view_eq(few[1].value, all[1].value);
    cf_http_answer(c, same ? 200 : 500, "text/plain", &out);
}

static void handler(void *ctx, cf_http_call *c)
{
    (void)ctx;
    atomic_fetch_add(&handled, 1);
    cf_view path = cf_http_path(c);
    if (cf_view_eq(path, CF_LIT("/echo"))) {
        answer_text(c, 200, cf_http_body(c));
    } else if (cf_view_eq(path, CF_LIT("/method"))) {
        answer_text(c, 200, cf_http_method(c));
    } else if (cf_view_eq(path, CF_LIT("/header"))) {
        answer_text(c, cf_http_header(c, "x-none").data == NULL ? 200 : 500,
                    cf_http_header(c, "x-THING"));
    } else if (cf_view_eq(path, CF_LIT("/query"))) {
        on_query(c);
    } else if (cf_view_eq(path, CF_LIT("/fields"))) {
        on_fields(c);
    } else if (cf_view_eq(path, CF_LIT("/set"))) {
        on_set(c);
    } else if (cf_view_eq(path, CF_LIT("/empty"))) {
        cf_http_answer(c, 204, NULL, NULL);
    } else if (cf_view_eq(path, CF_LIT("/forgets"))) {
        return;
    } else {
        *cf_http_slot(c) = c;
        answer_text(c, *cf_http_slot(c) == c ? 404 : 500, path);
    }
}

/* Shapes what the server answers by itself. */
static void on_refuse(void *ctx, cf_http_call *c, unsigned status, cf_err code)
{
    (void)ctx;
    CF_BUF(body);
    cf_ignore(cf_buf_append(&body, CF_LIT("refused: ")));
    cf_ignore(cf_buf_append(&body, cf_view_str(cf_err_code(code))));
    cf_http_answer(c, status, "text/x-refused", &body);
}

static int start(void **state)
{
    (void)state;
    const cf_http_limits limits = {.body_bytes_max = BODY_MAX,
                                   .connections_max = 64,
                                   .idle_timeout_s = 30,
                                   .refuse = on_refuse,
                                   .layer = test_layer};
    atomic_store(&handled, 0);
    return cf_is_ok(cf_http_server_start(listen_tcp(&port), &limits, handler, NULL, &server)) ? 0
                                                                                              : 1;
}

static int stop(void **state)
{
    (void)state;
    cf_http_server_stop(&server);
    return server == NULL ? 0 : 1;
}

static void test_answers(void **state)
{
    (void)state;
    answer a = {0};
    int fd = dial_tcp(port);
    /* One kept connection for all. */
    assert_true(send_text(fd, "GET /method HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_int_equal(recv_answer(fd, &a, false), 200);
    assert_string_equal(head_value(&a, "Content-Type"), "text/plain");
    assert_memory_equal(a.body, "GET", 3);
    assert_true(send_text(fd, "HEAD /method HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_int_equal(recv_answer(fd, &a, true), 200);
    assert_string_equal(head_value(&a, "Content-Length"), "3");
    assert_int_equal(a.len, a.used);
    assert_true(send_text(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"));
    assert_int_equal(recv_answer(fd, &a, false), 200);
    assert_int_equal(a.body_len, 5);
    assert_memory_equal(a.body, "hello", 5);
    assert_true(send_text(fd, "GET /empty HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_int_equal(recv_answer(fd, &a, false), 204);
    assert_null(head_value(&a, "Content-Type"));
    assert_true(send_text(fd, "GET /header HTTP/1.1\r\nHost: x\r\nX-Thing:  some value\r\n\r\n"));
    assert_int_equal(recv_answer(fd, &a, false), 200);
    assert_memory_equal(a.body, "some value", 10);
    assert_true(send_text(fd, "GET /set HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_int_equal(recv_answer(fd, &a, false), 201);
    assert_string_equal(head_value(&a, "X-One"), "first value");
    assert_null(head_value(&a, "X-Evil"));
    assert_null(head_value(&a, "X-Bad"));
    assert_true(send_text(fd, "DELETE /nothing HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_int_equal(recv_answer(fd, &a, false), 404);
    assert_memory_equal(a.body, "/nothing", 8);
    close(fd);
}

static void test_target(void **state)
{
    (void)state;
    static const struct {
        const char *target;
        unsigned status;
        const char *body;
    } rows[] = {
        {"/query?a=1&b=2&c%20d=3", 200, "[1|[2|[3|(|"},
        {"/query?a=x%2Fy%26z+w&a=second", 200, "[x/y&z w|(|(|(|"},
        {"/query?a&b=&c+d=no", 200, "[|[|(|(|"},
        {"/query?aa=1&&=x&e=%e2%82%ac=", 200, "(|(|(|[\xe2\x82\xac=|"},
        {"/query?", 200, "(|(|(|(|"},
        {"/query", 200, "(|(|(|(|"},
        {"/a%2fb", 404, "/a%2fb"},
        {"http://host:1/method", 200, "GET"},
        {"http://host", 404, "/"},
        {"HTTPS://host/method", 200, "GET"},
        {"hTTp://host/query?a=1", 200, "[1|(|(|(|"},
        {"http://host?a/method", 404, "/"},
        {"http://host?a=http://b/method", 404, "/"},
        {"http:///method", 400, "refused: malformed"},
        {"http://?a/method", 400, "refused: malformed"},
        {"http://host#/method", 400, "refused: malformed"},
        {"http://host/method#", 400, "refused: malformed"},
        {"/method#x", 400, "refused: malformed"},
        {"/query?a=1#x", 400, "refused: malformed"},
        {"*", 404, "*"},
        {"/a%2", 400, "refused: malformed"},
        {"/a%zz", 400, "refused: malformed"},
        {"/query?a=%", 400, "refused: malformed"},
        {"/query?a=%f", 400, "refused: malformed"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char request[256];
        answer a;
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", rows[i].target);
        assert_int_equal(exchange(port, request, &a), rows[i].status);
        assert_view(cf_view_make(a.body, a.body_len), cf_view_str(rows[i].body));
    }
}

/* In order, repeated ones too, the query as it was sent. */
static void test_fields(void **state)
{
    (void)state;
    answer a;
    assert_int_equal(exchange(port,
                              "GET /fields?a=%2f&b+c HTTP/1.1\r\nHost: x\r\nX-B:  two words\r\n"
                              "x-a: 1\r\nX-B: again\r\nX-Empty:\r\n\r\n",
                              &a),
                     200);
    assert_view(cf_view_make(a.body, a.body_len),
                CF_LIT("a=%2f&b+c|Host:x|X-B:two words|x-a:1|X-B:again|X-Empty:"));
    assert_int_equal(exchange(port, "GET /fields HTTP/1.1\r\nHost: x\r\nA: b\r\n\r\n", &a), 200);
    assert_view(cf_view_make(a.body, a.body_len), CF_LIT("|Host:x|A:b"));
}

/* A request whose target has exactly this many octets. */
static unsigned with_target(size_t len, answer *a)
{
    char request[CF_HTTP_HEAD_BYTES_MAX];
    int n =
        snprintf(request, sizeof request, "GET /%0*d HTTP/1.1\r\nHost: x\r\n\r\n", (int)len - 1, 0);
    assert_true(n > 0 && (size_t)n < sizeof request);
    return exchange(port, request, a);
}

/* A request whose head has exactly this many octets. */
static unsigned with_head(size_t len, answer *a)
{
    static char request[1 << 20];
    const char *start_text = "GET /method HTTP/1.1\r\nHost: x\r\nX-Filler: ",
               *end_text = "\r\n\r\n";
    size_t fill = len - strlen(start_text) - strlen(end_text);
    snprintf(request, sizeof request, "%s%0*d%s", start_text, (int)fill, 0, end_text);
    assert_int_equal(strlen(request), len);
    return exchange(port, request, a);
}

static void test_head_limits(void **state)
{
    (void)state;
    answer a;
    assert_int_equal(with_target(CF_HTTP_TARGET_BYTES_MAX - 1, &a), 404);
    assert_int_equal(with_target(CF_HTTP_TARGET_BYTES_MAX, &a), 404);
    assert_int_equal(with_target(CF_HTTP_TARGET_BYTES_MAX + 1, &a), 414);
    assert_string_equal(head_value(&a, "Content-Type"), "text/x-refused");
    assert_int_equal(with_head(CF_HTTP_HEAD_BYTES_MAX - 1, &a), 200);
    assert_int_equal(with_head(CF_HTTP_HEAD_BYTES_MAX, &a), 200);
    assert_int_equal(with_head(CF_HTTP_HEAD_BYTES_MAX + 1, &a), 431);
    assert_memory_equal(a.body, "refused: too_large", 18);
    /* Far over what the library has room for: it answers by itself, or the connection breaks off while we still send. */
    unsigned before = atomic_load(&handled), status = with_head(1000000, &a);
    assert_true(status == 431 || status == 414 || status == 413 || status == 0);
    assert_int_equal(atomic_load(&handled), before);
}

/* A body of len octets, at once or in chunks of a piece each. */
static unsigned with_body(int fd, size_t len, size_t piece, answer *a)
{
    static char body[BODY_MAX * 2];
    char line[64];
    memset(body, 'b', sizeof body);
    assert_true(len <= sizeof body);
    assert_true(send_text(fd, "POST /echo HTTP/1.1\r\nHost: x\r\n"));
    if (piece == 0) {
        snprintf(line, sizeof line, "Content-Length: %zu\r\n\r\n", len);
        assert_true(send_text(fd, line) && send_octets(fd, body, len));
    } else {
        assert_true(send_text(fd, "Transfer-Encoding: chunked\r\n\r\n"));
        for (size_t done = 0; done < len;) {
            size_t n = len - done < piece ? len - done : piece;
            snprintf(line, sizeof line, "%zx\r\n", n);
            assert_true(send_text(fd, line) && send_octets(fd, body + done, n) &&
                        send_text(fd, "\r\n"));
            done += n;
        }
        assert_true(send_text(fd, "0\r\n\r\n"));
    }
    unsigned status = recv_answer(fd, a, false);
    if (status == 200) {
        assert_view(cf_view_make(a->body, a->body_len), cf_view_make(body, len));
    }
    return status;
}

static void test_body_limits(void **state)
{
    (void)state;
    answer a = {0};
    /* A refused body does not cost the connection. */
    int fd = dial_tcp(port);
    const size_t pieces[] = {0, 1000, 7, BODY_MAX * 2};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        assert_int_equal(with_body(fd, 0, pieces[i], &a), 200);
        assert_int_equal(with_body(fd, BODY_MAX - 1, pieces[i], &a), 200);
        assert_int_equal(with_body(fd, BODY_MAX, pieces[i], &a), 200);
        assert_int_equal(with_body(fd, BODY_MAX + 1, pieces[i], &a), 413);
        assert_memory_equal(a.body, "refused: too_large", 18);
        assert_int_equal(with_body(fd, 3, pieces[i], &a), 200);
    }
    close(fd);
    /* More than is read for nothing: told at once, and the end. */
    fd = dial_tcp(port);
    a = (answer){0};
    assert_true(
        send_text(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\n"));
    assert_int_equal(recv_answer(fd, &a, false), 413);
    assert_true(ends_within(fd, WAIT_MS));
    close(fd);
    /* Chunks without end: cut. */
    fd = dial_tcp(port);
    static char chunk[65536];
    bool going =
        send_text(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    size_t sent = 0;
    while (going && sent < CF_HTTP_DISCARD_BYTES_MAX * 8) {
        going = send_text(fd, "10000\r\n") && send_octets(fd, chunk, sizeof chunk) &&
                send_text(fd, "\r\n");
        sent += sizeof chunk;
    }
    assert_false(going);
    close(fd);
}

static void test_expect(void **state)
{
    (void)state;
    answer a = {0};
    int fd = dial_tcp(port);
    assert_true(send_text(
        fd, "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"));
    assert_int_equal(recv_answer(fd, &a, true), 100);
    assert_true(send_text(fd, "body"));
    assert_int_equal(recv_answer(fd, &a, false), 200);
    assert_memory_equal(a.body, "body", 4);
    /* Refused without leave to send. */
    assert_true(send_text(
        fd,
        "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 30000\r\n\r\n"));
    assert_int_equal(recv_answer(fd, &a, false), 413);
    close(fd);
}

static void test_pipelined(void **state)
{
    (void)state;
    answer a = {0};
    int fd = dial_tcp(port);
    char all[8192] = "";
    for (int i = 0; i < 50; i++) {
        size_t at = strlen(all);
        snprintf(all + at, sizeof all - at,
                 "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n%04d", i);
    }
    assert_true(send_text(fd, all));
    for (int i = 0; i < 50; i++) {
        char want[8];
        snprintf(want, sizeof want, "%04d", i);
        assert_int_equal(recv_answer(fd, &a, false), 200);
        assert_memory_equal(a.body, want, 4);
    }
    close(fd);
}

/* Each is refused before a handler sees it, and ends the connection: what follows cannot be trusted. */
static void test_refused_heads(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 4\r\n\r\nhello",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: "
        "chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
        "chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n\r\nhello",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length : 5\r\n\r\nhello",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\nhello",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5x\r\n\r\nhello",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\nhello",
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
        "chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
        "chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
        "chunked\r\n\r\nfffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        "GET /echo HTTP/1.1\r\n\r\n",
        "GET /echo HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
        "GET /e cho HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /echo HTTP/3.7\r\nHost: x\r\n\r\n",
        "\x16\x03\x01\x02\x01\x01\x01\x01\xfc\x03\x03\r\n\r\n",
        "GET\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        answer a = {0};
        int fd = dial_tcp(port);
        unsigned before = atomic_load(&handled);
        assert_true(send_text(fd, rows[i]));
        unsigned status = recv_answer(fd, &a, false);
        if (!(status == 0 || (status >= 400 && status <= 505))) {
            print_error("row %zu: status %u\n", i, status);
        }
        assert_true(status == 0 || (status >= 400 && status <= 505));
        assert_int_equal(atomic_load(&handled), before);
        assert_true(ends_within(fd, WAIT_MS));
        close(fd);
    }
}

/* Heads that a proxy in front might read in another way. Each is answered 400 before a handler sees it, and ends the connection. */
static void test_ambiguous_heads(void **state)
{
    (void)state;
#define POST "POST /echo HTTP/1.1\r\nHost: x\r\n"
#define CHUNKS "\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    const cf_view rows[] = {
        /* Folded lines; the older library would append them to the name. */
        CF_LIT(POST "Transfer-Enc: chunked\r\n oding" CHUNKS),
        CF_LIT(POST "Content-Len: 5\r\n gth\r\n\r\nhello"),
        CF_LIT(POST "Content-Len: 5\r\n g\r\n\tth\r\nX-A: b\r\n\r\nhello"),
        CF_LIT(POST "Content-Length:\r\n 5\r\n\r\nhello"),
        CF_LIT(POST "Transfer-Encoding:\r\n chunked" CHUNKS),
        CF_LIT(POST "Transfer-Encoding: \r\n\tchunked\r\nContent-Length: 5\r\n\r\nhello"),
        CF_LIT(POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n ,x\r\n\r\nhello"),
        CF_LIT(POST "X-A: b\r\n Content-Length: 5\r\n\r\nhello"),
        CF_LIT(POST "X-A: b\r\n \r\nContent-Length: 5\r\n\r\nhello"),
        CF_LIT(POST "Content-Length: 5\r\nX-A: b\r\n \r\n\r\nhello"),
        /* NUL, bare CR, bare LF and other controls in values. */
        CF_LIT(POST "X-A: a\0b\r\nContent-Length: 5\r\n\r\nhello"),
        CF_LIT(POST "X-A: a\0\0b: c\r\nContent-Length: 5\r\n\r\nhello"),
        CF_LIT(POST "X-A: a\0\r\nContent-Length: 5\r\n\r\nhello"),
        CF_LIT(POST "Content-Length: 5\r\nX-A: a\0b\r\n\r\nhello"),
        CF_LIT(POST "Content-Length: 5\0\r\n\r\nhello"),
        CF_LIT(POST "X-A: a\rContent-Length: 9\r\nContent-Length: 5\r\n\r\nhello"),
        CF_LIT(POST "X-A: a\r\r\nContent-Length: 5\r\n\r\nhello"),
        CF_LIT(POST "X-A: a\nContent-Length: 5\r\n\r\nhello"),
        CF_LIT(POST "X-A: a\r\nContent-Length: 5\n\r\nhello"),
        CF_LIT(POST "X-A: a\r\nContent-Length: 5\r\n\nhello"),
        /* Said twice. */
        CF_LIT(POST "host: x\r\n\r\n"),
        CF_LIT(POST "If-Match: \"1\"\r\nX-A: b\r\nif-match: \"1\"\r\n\r\n"),
        CF_LIT(POST "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n"),
        CF_LIT(POST "Content-Type: text/plain\r\nCONTENT-TYPE: text/plain\r\n\r\n"),
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        answer a = {0};
        int fd = dial_tcp(port);
        unsigned before = atomic_load(&handled);
        assert_true(send_octets(fd, rows[i].data, rows[i].len));
        unsigned status = recv_answer(fd, &a, false);
        if (status != 400) {
            print_error("row %zu: status %u\n", i, status);
        }
        assert_int_equal(status, 400);
        assert_int_equal(atomic_load(&handled), before);
        assert_true(ends_within(fd, WAIT_MS));
        close(fd);
    }
    /* What only looks odd is taken, also behind another request. */
    static const char *const taken[] = {
        POST "X-A:\r\nContent-Length:5\r\n\r\nhello",
        POST "Content-Length:\t 5\r\nX-A:\r\n\r\nhello",
        POST "X-A: b \t\r\nX-A: \tc\td\r\nContent-Length: 5\r\nX-A: \r\n\r\nhello",
        POST "X-A: \xc3\xa9:=\"\r\nTransfer-Encoding: Chunked" CHUNKS,
        POST "Authorization: a\r\nContent-Type: b\r\nIf-Match: c\r\n"
             "Cookie: a=b; c=d\r\nContent-Length: 5\r\n\r\nhello",
    };
    answer a = {0};
    int fd = dial_tcp(port);
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        assert_true(send_text(fd, taken[i]));
        assert_int_equal(recv_answer(fd, &a, false), 200);
        assert_view(cf_view_make(a.body, a.body_len), CF_LIT("hello"));
    }
    close(fd);
#undef POST
#undef CHUNKS
}

static void test_odd_requests(void **state)
{
    (void)state;
    answer a;
    /* Methods are the handler's to refuse. */
    assert_int_equal(exchange(port, "BREW /method HTTP/1.1\r\nHost: x\r\n\r\n", &a), 200);
    assert_memory_equal(a.body, "BREW", 4);
    assert_int_equal(exchange(port, "get /method HTTP/1.1\r\nHost: x\r\n\r\n", &a), 200);
    assert_memory_equal(a.body, "get", 3);
    /* HTTP/1.0 ends with its answer. */
    int fd = dial_tcp(port);
    assert_true(send_text(fd, "GET /method HTTP/1.0\r\n\r\n"));
    a = (answer){0};
    assert_int_equal(recv_answer(fd, &a, false), 200);
    assert_true(ends_within(fd, WAIT_MS));
    close(fd);
    /* A client that goes away in the middle of a body. */
    fd = dial_tcp(port);
    assert_true(send_text(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\npart"));
    close(fd);
    /* A client that has nothing more to say, before its answer. */
    fd = dial_tcp(port);
    assert_true(send_text(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nlast"));
    shutdown(fd, SHUT_WR);
    a = (answer){0};
    assert_int_equal(recv_answer(fd, &a, false), 200);
    close(fd);
    /* A handler that does not answer is our fault. */
    assert_int_equal(exchange(port, "GET /forgets HTTP/1.1\r\nHost: x\r\n\r\n", &a), 500);
    assert_memory_equal(a.body, "refused: internal", 17);
}

/* Octets of the canary in this process's writable memory. */
static size_t copies_of(const uint8_t *mask, size_t len)
{
    static uint8_t page[65536];
    char line[256];
    size_t found = 0;
    FILE *maps = fopen("/proc/self/maps", "re");
    int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    assert_true(maps != NULL && mem >= 0);
    while (fgets(line, sizeof line, maps) != NULL) {
        char *end;
        uintptr_t from = strtoul(line, &end, 16), to = strtoul(end + 1, &end, 16);
        /* Shadow memory of the sanitizers is larger than anything of ours. */
        if (strncmp(end, " rw", 3) != 0 || to - from > (uintptr_t)256 << 20) {
            continue;
        }
        for (uintptr_t at = from; at < to; at += sizeof page - len) {
            size_t n = to - at < sizeof page ? to - at : sizeof page;
            ssize_t got = pread(mem, page, n, (off_t)at);
            for (ssize_t i = 0; i + (ssize_t)len <= got; i++) {
                size_t same = 0;
                while (same < len && page[i + (ssize_t)same] == (uint8_t)(mask[same] ^ 0x5a)) {
                    same++;
                }
                /* The copy that reading itself makes does not count. */
                found += same == len && !(at + (size_t)i >= (uintptr_t)page &&
                                          at + (size_t)i < (uintptr_t)page + sizeof page);
            }
        }
    }
    explicit_bzero(page, sizeof page);
    fclose(maps);
    close(mem);
    return found;
}

static void test_body_is_wiped(void **state)
{
    (void)state;
    /* The canary exists in the clear only in the request. */
    uint8_t mask[24];
    for (size_t i = 0; i < sizeof mask; i++) {
        mask[i] = (uint8_t)(rand() % 200 + 1);
    }
    static const struct {
        const char *head, *tail;
    } rows[] = {
        {"Connection: close\r\nContent-Length: 24\r\n\r\n", ""},
        {"Content-Length: 24\r\n\r\n", ""},
        {"Transfer-Encoding: chunked\r\n\r\n18\r\n", "\r\n0\r\n\r\n"},
        {"Content-Length: 99\r\n\r\n", NULL}, /* never whole: the client goes away */
    };
    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++) {
        char request[256];
        answer a = {0};
        /* The neighbour keeps the allocator from giving the memory of a closed connection back to the system. */
        int fd = dial_tcp(port), neighbour;
        nap_ms(20);
        neighbour = dial_tcp(port);
        assert_true(send_text(neighbour, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
        assert_int_equal(recv_answer(neighbour, &a, false), 404);
        a = (answer){0};
        int n = snprintf(request, sizeof request, "POST /nothing HTTP/1.1\r\nHost: x\r\n%s",
                         rows[row].head);
        for (size_t i = 0; i < sizeof mask; i++) {
            request[n++] = (char)(mask[i] ^ 0x5a);
        }
        assert_true(copies_of(mask, sizeof mask) > 0);
        assert_true(send_octets(fd, request, (size_t)n));
        explicit_bzero(request, sizeof request);
        if (rows[row].tail != NULL) {
            assert_true(send_text(fd, rows[row].tail));
            assert_int_equal(recv_answer(fd, &a, false), 404);
        } else {
            nap_ms(50);
            close(fd);
        }
        nap_ms(50);
        assert_int_equal(copies_of(mask, sizeof mask), 0);
        if (rows[row].tail != NULL) {
            close(fd);
        }
        close(neighbour);
    }
}

static void test_start_refuses(void **state)
{
    (void)state;
    cf_http_server *s = NULL;
    uint16_t unused;
    const cf_http_limits no_body = {.connections_max = 1, .idle_timeout_s = 1};
    const cf_http_limits no_connections = {.body_bytes_max = 1, .idle_timeout_s = 1};
    const cf_http_limits no_time = {.body_bytes_max = 1, .connections_max = 1};
    assert_err(cf_http_server_start(listen_tcp(&unused), &no_body, handler, NULL, &s), ARGUMENT);
    assert_err(cf_http_server_start(listen_tcp(&unused), &no_connections, handler, NULL, &s),
               ARGUMENT);
    assert_err(cf_http_server_start(listen_tcp(&unused), &no_time, handler, NULL, &s), ARGUMENT);
    assert_null(s);
    cf_http_server_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_answers, start, stop),
        cmocka_unit_test_setup_teardown(test_target, start, stop),
        cmocka_unit_test_setup_teardown(test_fields, start, stop),
        cmocka_unit_test_setup_teardown(test_head_limits, start, stop),
        cmocka_unit_test_setup_teardown(test_body_limits, start, stop),
        cmocka_unit_test_setup_teardown(test_expect, start, stop),
        cmocka_unit_test_setup_teardown(test_pipelined, start, stop),
        cmocka_unit_test_setup_teardown(test_refused_heads, start, stop),
        cmocka_unit_test_setup_teardown(test_ambiguous_heads, start, stop),
        cmocka_unit_test_setup_teardown(test_odd_requests, start, stop),
        cmocka_unit_test_setup_teardown(test_body_is_wiped, start, stop),
        cmocka_unit_test(test_start_refuses),
    };
    return run_both("host/http/server", tests);
}
