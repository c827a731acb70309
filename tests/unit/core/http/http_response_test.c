/* SPDX-License-Identifier: Apache-2.0 */
#include "core/http/http.h"
#include "tests/support/failmalloc.h"
#include "tests/support/test.h"

#define BODY_MAX 20
#define MORE CF_ERR_COUNT /* no error: the reader asks for more */
#define OK_HEAD "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK_HEAD "Transfer-Encoding: chunked\r\n\r\n"

static const struct {
    cf_view in;
    cf_err verdict; /* CF_OK: complete */
    unsigned status;
    cf_view body;
    bool closes;
} rows[] = {
    /* with Content-Length */
    {CF_LIT_INIT(OK_HEAD "Content-Length: 5\r\n\r\nhello"), CF_OK, 200, CF_LIT_INIT("hello"),
     false},
    {CF_LIT_INIT(OK_HEAD "Content-Length: 0\r\n\r\n"), CF_OK, 200, CF_LIT_INIT(""), false},
    {CF_LIT_INIT(OK_HEAD "content-length:5\r\n\r\nhello"), CF_OK, 200, CF_LIT_INIT("hello"), false},
    {CF_LIT_INIT(OK_HEAD "CONTENT-LENGTH: \t5\t \r\n\r\n\r\n\r\n\r"), CF_OK, 200,
     CF_LIT_INIT("\r\n\r\n\r"), false},
    {CF_LIT_INIT("HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\n{}"), CF_OK, 400,
     CF_LIT_INIT("{}"), false},
    {CF_LIT_INIT("HTTP/1.1 599 \r\nContent-Length: 2\r\n\r\n{}"), CF_OK, 599, CF_LIT_INIT("{}"),
     false},
    {CF_LIT_INIT("HTTP/1.1 200 d'accord \xc3\xa9\r\nX: \xff\r\nContent-Length: 0\r\n\r\n"), CF_OK,
     200, CF_LIT_INIT(""), false},
    {CF_LIT_INIT(OK_HEAD "Empty:\r\nContent-Length: 1\r\n\r\nx"), CF_OK, 200, CF_LIT_INIT("x"),
     false},
    {CF_LIT_INIT(OK_HEAD "Content-Length: 20\r\n\r\n12345678901234567890"), CF_OK, 200,
     CF_LIT_INIT("12345678901234567890"), false},
    {CF_LIT_INIT(OK_HEAD "Content-Length: 19\r\n\r\n1234567890123456789"), CF_OK, 200,
     CF_LIT_INIT("1234567890123456789"), false},
    /* without a body */
    {CF_LIT_INIT("HTTP/1.1 204 No Content\r\n\r\n"), CF_OK, 204, CF_LIT_INIT(""), false},
    {CF_LIT_INIT("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"), CF_OK, 204,
     CF_LIT_INIT(""), false},
    {CF_LIT_INIT("HTTP/1.1 304 Not Modified\r\nContent-Length: 12345\r\n\r\n"), CF_OK, 304,
     CF_LIT_INIT(""), false},
    /* chunked */
    {CF_LIT_INIT(CHUNKED "5\r\nhello\r\n0\r\n\r\n"), CF_OK, 200, CF_LIT_INIT("hello"), false},
    {CF_LIT_INIT(CHUNKED "1\r\na\r\n00002;x=\"y\"\r\nbc\r\nA\r\n0123456789\r\n0;last\r\n\r\n"),
     CF_OK, 200, CF_LIT_INIT("abc0123456789"), false},
    {CF_LIT_INIT(CHUNKED "2\r\n\r\n\r\n0\r\n\r\n"), CF_OK, 200, CF_LIT_INIT("\r\n"), false},
    {CF_LIT_INIT(CHUNKED "0\r\n\r\n"), CF_OK, 200, CF_LIT_INIT(""), false},
    {CF_LIT_INIT(CHUNKED "1\r\na\r\n0\r\nExpires: never\r\nContent-Length: 7\r\n\r\n"), CF_OK, 200,
     CF_LIT_INIT("a"), false},
    {CF_LIT_INIT(OK_HEAD
                 "transfer-encoding: CHUNKED\r\n\r\n14\r\n12345678901234567890\r\n0\r\n\r\n"),
     CF_OK, 200, CF_LIT_INIT("12345678901234567890"), false},
    /* 1xx before it */
    {CF_LIT_INIT("HTTP/1.1 100 Continue\r\n\r\n" OK_HEAD "Content-Length: 1\r\n\r\nx"), CF_OK, 200,
     CF_LIT_INIT("x"), false},
    {CF_LIT_INIT("HTTP/1.1 103 Early Hints\r\nLink: <a>\r\nConnection: close\r\n\r\nHTTP/1.1 100 "
                 "\r\n\r\n" OK_HEAD "Content-Length: 1\r\n\r\nx"),
     CF_OK, 200, CF_LIT_INIT("x"), false},
    /* the connection */
    {CF_LIT_INIT(OK_HEAD "Connection: close\r\nContent-Length: 1\r\n\r\nx"), CF_OK, 200,
     CF_LIT_INIT("x"), true},
    {CF_LIT_INIT(OK_HEAD "Connection: keep-alive\r\nContent-Length: 1\r\n\r\nx"), CF_OK, 200,
     CF_LIT_INIT("x"), false},
    {CF_LIT_INIT(OK_HEAD "connection: a,\t Close ,b\r\nContent-Length: 1\r\n\r\nx"), CF_OK, 200,
     CF_LIT_INIT("x"), true},
    {CF_LIT_INIT(OK_HEAD "Connection: a\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx"), CF_OK,
     200, CF_LIT_INIT("x"), true},
    {CF_LIT_INIT(OK_HEAD "Connection: closed, ,\r\nContent-Length: 1\r\n\r\nx"), CF_OK, 200,
     CF_LIT_INIT("x"), false},
    /* not whole */
    {CF_LIT_INIT(""), MORE, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT("HTTP/1.1 200 OK\r"), MORE, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT(OK_HEAD), MORE, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT(OK_HEAD "Content-Length: 5\r\n\r\nhell"), MORE, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT(CHUNKED "5\r\nhello\r\n"), MORE, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT(CHUNKED "5\r\nhello\r\n0\r\n"), MORE, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT(CHUNKED "5\r\nhellox"), MORE, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT("HTTP/1.1 100 Continue\r\n\r\n"), MORE, 0, CF_LIT_INIT(""), false},
    /* status lines */
    {CF_LIT_INIT("\r\n" OK_HEAD), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"), CF_ERR_UNSUPPORTED, 0,
     CF_LIT_INIT(""), false},
    {CF_LIT_INIT("HTTP/2 200\r\n"), CF_ERR_UNSUPPORTED, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT("http/1.1 200 OK\r\n"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT("ICY 200 OK\r\n"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT("HTTP/1.1 200\r\n"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT("HTTP/1.1  200 OK\r\n"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT("HTTP/1.1 2x0 OK\r\n"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT("HTTP/1.1 20 OK\r\n"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT("HTTP/1.1 2000 OK\r\n"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT("HTTP/1.1 099 OK\r\n"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT("HTTP/1.1 600 OK\r\n"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT("HTTP/1.1 200 O\x01K\r\n"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    /* ends of lines */
    {CF_LIT_INIT("HTTP/1.1 200 OK\n"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT("\n"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT(OK_HEAD "Content-Length: 0\n\r\n"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT(OK_HEAD "Content-Length: 0\r\n\n"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT(OK_HEAD "A: b\rContent-Length: 0\r\n"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""),
     false},
    {CF_LIT_INIT("HTTP/1.1 200 OK\r\r\n"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT(CHUNKED "5\nhello\r\n"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT(CHUNKED "5\r\nhello\n0"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT(CHUNKED "5\r\nhello\r\n0\r\n\n"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    /* fields */
    {CF_LIT_INIT(OK_HEAD "A: b\r\n folded\r\n"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT(OK_HEAD "A: b\r\n\tfolded: x\r\n"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT(OK_HEAD " A: b\r\n"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT(OK_HEAD "A : b\r\n"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT(OK_HEAD ": b\r\n"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT(OK_HEAD "no colon\r\n"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT(OK_HEAD "A\0: b\r\n"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT(OK_HEAD "A: b\0c\r\n"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT(OK_HEAD "A: b\x7f\r\n"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT(OK_HEAD "\xc3\xa9: b\r\n"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    /* framing */
    {CF_LIT_INIT(OK_HEAD "\r\n"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT(OK_HEAD "Connection: close\r\n\r\nto the end"), CF_ERR_MALFORMED, 0,
     CF_LIT_INIT(""), false},
    {CF_LIT_INIT(OK_HEAD "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"), CF_ERR_MALFORMED,
     0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT(OK_HEAD "Content-Length: 5\r\ncontent-length: 6\r\n\r\nhello"), CF_ERR_MALFORMED,
     0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT(OK_HEAD "Content-Length: 5, 5\r\n\r\nhello"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""),
     false},
    {CF_LIT_INIT(OK_HEAD "Content-Length: +5\r\n\r\nhello"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""),
     false},
    {CF_LIT_INIT(OK_HEAD "Content-Length: -1\r\n\r\nhello"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""),
     false},
    {CF_LIT_INIT(OK_HEAD "Content-Length: 05\r\n\r\nhello"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""),
     false},
    {CF_LIT_INIT(OK_HEAD "Content-Length: 0x5\r\n\r\nhello"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""),
     false},
    {CF_LIT_INIT(OK_HEAD "Content-Length:\r\n\r\nhello"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""),
     false},
    {CF_LIT_INIT(OK_HEAD "Content-Length: 21\r\n\r\n"), CF_ERR_SIZE, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT(OK_HEAD "Content-Length: 99999999999999999999999\r\n\r\n"), CF_ERR_SIZE, 0,
     CF_LIT_INIT(""), false},
    {CF_LIT_INIT(OK_HEAD "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
     CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT(OK_HEAD "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n"),
     CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT(OK_HEAD "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
     CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT(OK_HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n"), CF_ERR_UNSUPPORTED, 0,
     CF_LIT_INIT(""), false},
    {CF_LIT_INIT(OK_HEAD "Transfer-Encoding: identity\r\n\r\n"), CF_ERR_UNSUPPORTED, 0,
     CF_LIT_INIT(""), false},
    {CF_LIT_INIT(OK_HEAD "Transfer-Encoding: xchunked\r\n\r\n"), CF_ERR_UNSUPPORTED, 0,
     CF_LIT_INIT(""), false},
    {CF_LIT_INIT("HTTP/1.1 204 No Content\r\nContent-Length: 1\r\n\r\n"), CF_ERR_MALFORMED, 0,
     CF_LIT_INIT(""), false},
    {CF_LIT_INIT("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n"), CF_ERR_MALFORMED,
     0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT("HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n"),
     CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT("HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n"), CF_ERR_MALFORMED, 0,
     CF_LIT_INIT(""), false},
    {CF_LIT_INIT("HTTP/1.1 101 Switching Protocols\r\n\r\n"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""),
     false},
    /* chunks */
    {CF_LIT_INIT(CHUNKED "\r\n"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT(CHUNKED ";x\r\n"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT(CHUNKED "5 \r\nhello\r\n"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT(CHUNKED " 5\r\nhello\r\n"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT(CHUNKED "0x5\r\nhello\r\n"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT(CHUNKED "-1\r\n"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT(CHUNKED "g\r\n"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT(CHUNKED "5;\x01\r\nhello\r\n"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT(CHUNKED "5\r\nhelloXX"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT(CHUNKED "4\r\nhello\r\n"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT(CHUNKED "15\r\n"), CF_ERR_SIZE, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT(CHUNKED "14\r\n12345678901234567890\r\n1\r\n"), CF_ERR_SIZE, 0, CF_LIT_INIT(""),
     false},
    {CF_LIT_INIT(CHUNKED "ffffffffffffffff\r\n"), CF_ERR_SIZE, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT(CHUNKED "10000000000000005\r\n"), CF_ERR_SIZE, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT(CHUNKED "0\r\n folded\r\n\r\n"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
    {CF_LIT_INIT(CHUNKED "0\r\nno colon\r\n\r\n"), CF_ERR_MALFORMED, 0, CF_LIT_INIT(""), false},
};

static cf_err read_once(cf_http1_response *r, cf_view in)
{
    bool complete = true;
    cf_result got = cf_http1_read(r, in, &complete);
    assert_true(cf_is_ok(got) || !complete);
    return cf_is_ok(got) && !complete ? MORE : got.code;
}

static void check(cf_http1_response *r, cf_err verdict, cf_view in, size_t row)
{
    if (verdict != rows[row].verdict) {
        fail_msg("row %zu (%.*s): %s", row, (int)in.len, (const char *)in.data,
                 verdict == MORE ? "more" : cf_err_code(verdict));
    }
    if (verdict == CF_OK) {
        assert_int_equal(r->status, rows[row].status);
        assert_view(r->body, rows[row].body);
        assert_int_equal(r->keep_alive, !rows[row].closes);
        assert_int_equal(r->used, rows[row].in.len);
    }
}

/* Every row as a whole, cut at each octet, octet by octet (each time at another place), and with more behind it. */
static void gives_one_verdict_however_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cf_view in = view_copy(rows[i].in);
        for (size_t cut = 0; cut <= in.len; cut++) {
            CF_HTTP1_RESPONSE(r, BODY_MAX);
            cf_view first = view_copy(cf_view_sub(in, 0, cut));
            cf_err verdict = read_once(&r, first);
            if (verdict != MORE) {
                check(&r, verdict, in, i);
            }
            view_free(first); /* what was kept of it may not be looked at again */
            if (verdict == MORE) {
                check(&r, read_once(&r, in), in, i);
            }
        }
        CF_HTTP1_RESPONSE(bytewise, BODY_MAX);
        cf_err verdict = MORE;
        cf_view part = CF_VIEW_EMPTY;
        for (size_t len = 0; len <= in.len && verdict == MORE; len++) {
            view_free(part);
            part = view_copy(cf_view_sub(in, 0, len));
            verdict = read_once(&bytewise, part);
        }
        check(&bytewise, verdict, in, i);
        view_free(part);
        if (rows[i].verdict == CF_OK) {
            CF_BUF(more);
            assert_ok(cf_buf_set(&more, in));
            assert_ok(cf_buf_append(&more, CF_LIT("HTTP/1.1 200 next")));
            CF_HTTP1_RESPONSE(r, BODY_MAX);
            check(&r, read_once(&r, cf_buf_view(&more)), in, i);
        }
        view_free(in);
    }
}

static void borrows_a_body_with_a_length(void **state)
{
    (void)state;
    cf_view in = CF_LIT(OK_HEAD "Content-Length: 5\r\n\r\nhello");
    CF_HTTP1_RESPONSE(r, BODY_MAX);
    assert_int_equal(read_once(&r, in), CF_OK);
    assert_ptr_equal(r.body.data, in.data + in.len - 5);
    /* asked again, with the input somewhere else */
    cf_view moved = view_copy(in);
    assert_int_equal(read_once(&r, moved), CF_OK);
    assert_ptr_equal(r.body.data, moved.data + in.len - 5);
    view_free(moved);
}

static void finds_fields(void **state)
{
    (void)state;
    CF_HTTP1_RESPONSE(r, BODY_MAX);
    cf_view v = CF_LIT("before");
    assert_err(cf_http1_field_get(&r, CF_LIT("A"), &v), STATE);
    cf_view in = CF_LIT("HTTP/1.1 100 \r\nOnly-In-Interim: x\r\n\r\n" OK_HEAD
                        "A: one\r\nB:two \r\na-long-Name:\tx y\t\r\nb: again\r\n"
                        "E:\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(read_once(&r, cf_view_sub(in, 0, in.len - 1)), MORE);
    assert_err(cf_http1_field_get(&r, CF_LIT("A"), &v), STATE);
    assert_int_equal(read_once(&r, in), CF_OK);
    assert_int_equal(r.field_count, 6);
    assert_ok(cf_http1_field_get(&r, CF_LIT("a"), &v));
    assert_view(v, CF_LIT("one"));
    assert_ok(cf_http1_field_get(&r, CF_LIT("A-LONG-NAME"), &v));
    assert_view(v, CF_LIT("x y"));
    assert_ok(cf_http1_field_get(&r, CF_LIT("e"), &v));
    assert_view(v, CF_LIT(""));
    assert_err(cf_http1_field_get(&r, CF_LIT("B"), &v), DUPLICATE);
    assert_null(v.data);
    assert_err(cf_http1_field_get(&r, CF_LIT("A-LONG"), &v), NOT_FOUND);
    assert_err(cf_http1_field_get(&r, CF_VIEW_EMPTY, &v), NOT_FOUND);
    assert_err(cf_http1_field_get(&r, CF_LIT("Only-In-Interim"), &v), NOT_FOUND);
}

static void bounds_the_number_of_fields(void **state)
{
    (void)state;
    for (size_t n = CF_HTTP1_HEADERS_MAX - 1; n <= CF_HTTP1_HEADERS_MAX + 1; n++) {
        CF_BUF(in);
        assert_ok(cf_buf_set(&in, CF_LIT(OK_HEAD "Content-Length: 0\r\n")));
        for (size_t i = 1; i < n; i++) {
            assert_ok(cf_buf_append(&in, CF_LIT("A: b\r\n")));
        }
        assert_ok(cf_buf_append(&in, CF_LIT("\r\n")));
        CF_HTTP1_RESPONSE(r, BODY_MAX);
        assert_int_equal(read_once(&r, cf_buf_view(&in)),
                         n <= CF_HTTP1_HEADERS_MAX ? CF_OK : CF_ERR_SIZE);
    }
}

/* Feeds from the first octet on until a verdict; gives it and how many octets it took. */
static cf_err feed(cf_view in, size_t body_max, size_t *ret_len)
{
    CF_HTTP1_RESPONSE(r, body_max);
    cf_err verdict = MORE;
    size_t len = 0;
    while (verdict == MORE && len < in.len) {
        len++;
        verdict = read_once(&r, cf_view_sub(in, 0, len));
    }
    *ret_len = len;
    CF_HTTP1_RESPONSE(whole, body_max);
    assert_int_equal(read_once(&whole, in), verdict);
    return verdict;
}

/* A head of exactly total octets, in one long field or behind a 1xx response. */
static void put_head(cf_buf *in, const char *before, size_t total)
{
    assert_ok(cf_buf_set(in, cf_view_str(before)));
    assert_ok(cf_buf_append(in, CF_LIT(OK_HEAD "Content-Length: 0\r\nLong: ")));
    while (in->len < total - 4) {
        assert_ok(cf_buf_append(in, CF_LIT("x")));
    }
    assert_ok(cf_buf_append(in, CF_LIT("\r\n\r\n")));
}

static void bounds_the_octets_of_heads(void **state)
{
    (void)state;
    static const char *const before[] = {"", "HTTP/1.1 100 Continue\r\nA: b\r\n\r\n"};
    size_t len;
    CF_BUF(in);
    for (size_t i = 0; i < 2; i++) {
        for (size_t total = CF_HTTP1_HEAD_BYTES_MAX - 1; total <= CF_HTTP1_HEAD_BYTES_MAX + 1;
             total++) {
            put_head(&in, before[i], total);
            bool fits = total <= CF_HTTP1_HEAD_BYTES_MAX;
            assert_int_equal(feed(cf_buf_view(&in), 0, &len), fits ? CF_OK : CF_ERR_SIZE);
            assert_int_equal(len, fits ? total : CF_HTTP1_HEAD_BYTES_MAX);
        }
    }
    /* without any end of a line, and the same in a trailer */
    cf_buf_clear(&in);
    while (in.len < CF_HTTP1_HEAD_BYTES_MAX + 5) {
        assert_ok(cf_buf_append(&in, CF_LIT("H")));
    }
    assert_int_equal(feed(cf_buf_view(&in), 0, &len), CF_ERR_SIZE);
    assert_int_equal(len, CF_HTTP1_HEAD_BYTES_MAX);
    for (size_t total = CF_HTTP1_HEAD_BYTES_MAX - 1; total <= CF_HTTP1_HEAD_BYTES_MAX + 1;
         total++) {
        assert_ok(cf_buf_set(&in, CF_LIT(CHUNKED "0\r\n")));
        size_t start = in.len;
        assert_ok(cf_buf_append(&in, CF_LIT("T: ")));
        while (in.len < start + total - 4) {
            assert_ok(cf_buf_append(&in, CF_LIT("x")));
        }
        assert_ok(cf_buf_append(&in, CF_LIT("\r\n\r\n")));
        assert_int_equal(feed(cf_buf_view(&in), 0, &len),
                         total <= CF_HTTP1_HEAD_BYTES_MAX ? CF_OK : CF_ERR_SIZE);
    }
}

static void bounds_interim_responses(void **state)
{
    (void)state;
    for (size_t n = CF_HTTP1_INTERIM_MAX - 1; n <= CF_HTTP1_INTERIM_MAX + 1; n++) {
        CF_BUF(in);
        for (size_t i = 0; i < n; i++) {
            assert_ok(cf_buf_append(&in, CF_LIT("HTTP/1.1 102 \r\n\r\n")));
        }
        assert_ok(cf_buf_append(&in, CF_LIT("HTTP/1.1 204 \r\n\r\n")));
        size_t len;
        assert_int_equal(feed(cf_buf_view(&in), 0, &len),
                         n <= CF_HTTP1_INTERIM_MAX ? CF_OK : CF_ERR_SIZE);
    }
}

static void bounds_chunks(void **state)
{
    (void)state;
    CF_BUF(in);
    size_t len;
    for (size_t n = CF_HTTP1_CHUNKS_MAX - 1; n <= CF_HTTP1_CHUNKS_MAX + 1; n++) {
        assert_ok(cf_buf_set(&in, CF_LIT(CHUNKED)));
        for (size_t i = 0; i < n; i++) {
            assert_ok(cf_buf_append(&in, CF_LIT("1\r\nx\r\n")));
        }
        assert_ok(cf_buf_append(&in, CF_LIT("0\r\n\r\n")));
        CF_HTTP1_RESPONSE(r, n);
        assert_int_equal(read_once(&r, cf_buf_view(&in)),
                         n <= CF_HTTP1_CHUNKS_MAX ? CF_OK : CF_ERR_SIZE);
    }
    for (size_t n = CF_HTTP1_CHUNK_LINE_BYTES_MAX - 1; n <= CF_HTTP1_CHUNK_LINE_BYTES_MAX + 1;
         n++) {
        assert_ok(cf_buf_set(&in, CF_LIT(CHUNKED "1\r\na\r\n")));
        for (size_t i = 0; i < n - 3; i++) {
            assert_ok(cf_buf_append(&in, CF_LIT("0")));
        }
        assert_ok(cf_buf_append(&in, CF_LIT("1\r\nb\r\n0\r\n\r\n")));
        assert_int_equal(feed(cf_buf_view(&in), BODY_MAX, &len),
                         n <= CF_HTTP1_CHUNK_LINE_BYTES_MAX ? CF_OK : CF_ERR_SIZE);
    }
}

/* The largest body there is room for, whatever the caller would allow. */
static void bounds_bodies_by_the_largest_buffer(void **state)
{
    (void)state;
    CF_HTTP1_RESPONSE(fits, SIZE_MAX);
    assert_int_equal(read_once(&fits, CF_LIT(OK_HEAD "Content-Length: 67108864\r\n\r\n")), MORE);
    CF_HTTP1_RESPONSE(over, SIZE_MAX);
    assert_int_equal(read_once(&over, CF_LIT(OK_HEAD "Content-Length: 67108865\r\n\r\n")),
                     CF_ERR_SIZE);
    CF_HTTP1_RESPONSE(chunk_fits, SIZE_MAX);
    assert_int_equal(read_once(&chunk_fits, CF_LIT(CHUNKED "4000000\r\n")), MORE);
    CF_HTTP1_RESPONSE(chunk_over, SIZE_MAX);
    assert_int_equal(read_once(&chunk_over, CF_LIT(CHUNKED "4000001\r\n")), CF_ERR_SIZE);
}

static void keeps_errors_and_starts_again(void **state)
{
    (void)state;
    cf_view good = CF_LIT(OK_HEAD "Content-Length: 1\r\n\r\nx");
    CF_HTTP1_RESPONSE(r, BODY_MAX);
    assert_int_equal(read_once(&r, CF_LIT("nonsense\r\n")), CF_ERR_MALFORMED);
    assert_int_equal(read_once(&r, good), CF_ERR_MALFORMED);
    cf_view v;
    assert_err(cf_http1_field_get(&r, CF_LIT("Content-Length"), &v), STATE);
    cf_http1_response_free(&r);
    assert_int_equal(read_once(&r, good), CF_OK);
    cf_http1_response_free(&r);
    assert_int_equal(r.body_max, BODY_MAX);
    assert_int_equal(read_once(&r, CF_LIT("HTTP/1.1 2")), MORE);
    assert_int_equal(read_once(&r, CF_LIT("HTTP/1.1")), CF_ERR_ARGUMENT);
    cf_http1_response_free(&r);
    assert_int_equal(read_once(&r, CF_LIT(CHUNKED "3\r\nabc\r\n0\r\n\r\n")), CF_OK);
    assert_view(r.body, CF_LIT("abc"));
}

static void wipes_chunked_bodies(void **state)
{
    (void)state;
    static const uint8_t secret[] = "a secret";
    size_t before = failmalloc_watch(CF_VIEW_OF(secret));
    for (int i = 0; i < 2; i++) {
        CF_HTTP1_RESPONSE(r, 1000);
        (void)read_once(&r, i == 0
                                ? CF_LIT(CHUNKED "9\r\na "
                                                 "secret\0\r\n40\r\n0123456789012345678901234567890"
                                                 "123456789012345678901234567890123\r\n0\r\n\r\n")
                                : CF_LIT(CHUNKED "9\r\na secret\0\r\nbad\r\n"));
    }
    assert_int_equal(failmalloc_watch(CF_VIEW_EMPTY) - before, 0);
}

static cf_result read_chunks(void *ctx)
{
    (void)ctx;
    CF_HTTP1_RESPONSE(r, 1000);
    bool complete;
    cf_view in = CF_LIT(CHUNKED "9\r\n123456789\r\n40\r\n012345678901234567890123456789012345678901"
                                "2345678901234567890123\r\n0\r\n\r\n");
    cf_result got = cf_http1_read(&r, in, &complete);
    assert_int_equal(complete, cf_is_ok(got));
    return got;
}

static void survives_failing_allocations(void **state)
{
    (void)state;
    assert_int_equal(failmalloc_each(read_chunks, NULL, 2), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_one_verdict_however_cut),
        cmocka_unit_test(borrows_a_body_with_a_length),
        cmocka_unit_test(finds_fields),
        cmocka_unit_test(bounds_the_number_of_fields),
        cmocka_unit_test(bounds_the_octets_of_heads),
        cmocka_unit_test(bounds_interim_responses),
        cmocka_unit_test(bounds_chunks),
        cmocka_unit_test(bounds_bodies_by_the_largest_buffer),
        cmocka_unit_test(keeps_errors_and_starts_again),
        cmocka_unit_test(wipes_chunked_bodies),
        cmocka_unit_test(survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
