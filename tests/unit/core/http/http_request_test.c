/* SPDX-License-Identifier: Apache-2.0 */
#include "core/http/http.h"
#include "tests/support/failmalloc.h"
#include "tests/support/test.h"

static const cf_http1_field kms_fields[] = {
    {CF_LIT_INIT("X-Amz-Target"), CF_LIT_INIT("TrentService.Decrypt")},
    {CF_LIT_INIT("Content-Type"), CF_LIT_INIT("application/x-amz-json-1.1")},
};

static const cf_http1_request kms_request = {
    .method = CF_LIT_INIT("POST"),
    .path = CF_LIT_INIT("/"),
    .host = CF_LIT_INIT("kms.eu-central-1.amazonaws.com"),
    .fields = kms_fields,
    .field_count = 2,
    .body = CF_LIT_INIT("{\"a\":1}"),
};

static void writes_requests(void **state)
{
    (void)state;
    CF_BUF(out);
    assert_ok(cf_buf_set(&out, CF_LIT(">")));
    assert_ok(cf_http1_put_request(&kms_request, &out));
    assert_view(cf_buf_view(&out), CF_LIT(">POST / HTTP/1.1\r\n"
                                          "Host: kms.eu-central-1.amazonaws.com\r\n"
                                          "X-Amz-Target: TrentService.Decrypt\r\n"
                                          "Content-Type: application/x-amz-json-1.1\r\n"
                                          "Content-Length: 7\r\n"
                                          "\r\n"
                                          "{\"a\":1}"));
}

static void says_a_length_where_one_belongs(void **state)
{
    (void)state;
    static const struct {
        const char *method, *body, *want;
    } rows[] = {
        {"GET", "", "GET /x?y=%20 HTTP/1.1\r\nHost: h\r\n\r\n"},
        {"DELETE", "", "DELETE /x?y=%20 HTTP/1.1\r\nHost: h\r\n\r\n"},
        {"GET", "b", "GET /x?y=%20 HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nb"},
        {"PUT", "", "PUT /x?y=%20 HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"},
        {"POST", "", "POST /x?y=%20 HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cf_http1_request req = {.method = cf_view_str(rows[i].method),
                                .path = CF_LIT("/x?y=%20"),
                                .host = CF_LIT("h"),
                                .body = cf_view_str(rows[i].body)};
        CF_BUF(out);
        assert_ok(cf_http1_put_request(&req, &out));
        assert_view(cf_buf_view(&out), cf_view_str(rows[i].want));
    }
}

static void refuse(const cf_http1_request *req, cf_err err)
{
    CF_BUF(out);
    assert_ok(cf_buf_set(&out, CF_LIT("kept")));
    assert_code(cf_http1_put_request(req, &out), err);
    assert_view(cf_buf_view(&out), CF_LIT("kept"));
}

/* Each octet in a value, name, method, path and host. */
static void refuses_octets_that_would_end_a_line(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        uint8_t text[3] = {'/', (uint8_t)c, 'x'};
        cf_view inner = CF_VIEW_OF(text), word = cf_view_make(text + 1, 2);
        bool visible = c > 0x20 && c < 0x7F;
        bool token = visible && strchr("\"(),/:;<=>?@[\\]{}", (int)c) == NULL;
        cf_http1_field field = {CF_LIT("Name"), inner};
        cf_http1_request req = {.method = CF_LIT("GET"),
                                .path = CF_LIT("/"),
                                .host = CF_LIT("h"),
                                .fields = &field,
                                .field_count = 1};
        CF_BUF(out);
        assert_code(cf_http1_put_request(&req, &out),
                    visible || c == ' ' || c == '\t' ? CF_OK : CF_ERR_ARGUMENT);
        field = (cf_http1_field){CF_LIT("Name"), word};
        assert_code(cf_http1_put_request(&req, &out), visible ? CF_OK : CF_ERR_ARGUMENT);
        field = (cf_http1_field){word, CF_LIT("value")};
        assert_code(cf_http1_put_request(&req, &out), token ? CF_OK : CF_ERR_ARGUMENT);
        req.field_count = 0;
        req.method = word;
        assert_code(cf_http1_put_request(&req, &out), token ? CF_OK : CF_ERR_ARGUMENT);
        req.method = CF_LIT("GET");
        req.host = word;
        assert_code(cf_http1_put_request(&req, &out), visible ? CF_OK : CF_ERR_ARGUMENT);
        req.host = CF_LIT("h");
        req.path = inner;
        assert_code(cf_http1_put_request(&req, &out), visible ? CF_OK : CF_ERR_ARGUMENT);
    }
}

static void refuses_the_rest(void **state)
{
    (void)state;
    static const char *const framing[] = {"Host",
                                          "host",
                                          "Content-Length",
                                          "CONTENT-LENGTH",
                                          "Transfer-Encoding",
                                          "transfer-encoding"};
    for (size_t i = 0; i < sizeof framing / sizeof framing[0]; i++) {
        cf_http1_field field = {cf_view_str(framing[i]), CF_LIT("1")};
        cf_http1_request req = kms_request;
        req.fields = &field;
        req.field_count = 1;
        refuse(&req, CF_ERR_ARGUMENT);
    }
    cf_http1_request req = kms_request;
    req.method = CF_LIT("HEAD");
    refuse(&req, CF_ERR_ARGUMENT);
    req.method = CF_LIT("CONNECT");
    refuse(&req, CF_ERR_ARGUMENT);
    req.method = CF_VIEW_EMPTY;
    refuse(&req, CF_ERR_ARGUMENT);
    req = kms_request;
    req.path = CF_VIEW_EMPTY;
    refuse(&req, CF_ERR_ARGUMENT);
    req.path = CF_LIT("x");
    refuse(&req, CF_ERR_ARGUMENT);
    req.path = CF_LIT("*");
    refuse(&req, CF_ERR_ARGUMENT);
    req = kms_request;
    req.host = CF_VIEW_EMPTY;
    refuse(&req, CF_ERR_ARGUMENT);
    cf_http1_field field = {CF_VIEW_EMPTY, CF_LIT("v")};
    req = kms_request;
    req.fields = &field;
    req.field_count = 1;
    refuse(&req, CF_ERR_ARGUMENT);
    field = (cf_http1_field){CF_LIT("Name"), CF_VIEW_EMPTY};
    CF_BUF(out);
    assert_ok(cf_http1_put_request(&req, &out));
}

static void bounds_fields_and_octets(void **state)
{
    (void)state;
    cf_http1_field fields[CF_HTTP1_HEADERS_MAX + 1];
    for (size_t i = 0; i <= CF_HTTP1_HEADERS_MAX; i++) {
        fields[i] = kms_fields[0];
    }
    for (size_t n = CF_HTTP1_HEADERS_MAX - 1; n <= CF_HTTP1_HEADERS_MAX + 1; n++) {
        cf_http1_request req = kms_request;
        req.fields = fields;
        req.field_count = n;
        CF_BUF(out);
        assert_code(cf_http1_put_request(&req, &out),
                    n <= CF_HTTP1_HEADERS_MAX ? CF_OK : CF_ERR_SIZE);
    }
    cf_http1_request req = kms_request;
    req.body = cf_view_make("", CF_BUF_BYTES_MAX); /* refused before it is looked at */
    refuse(&req, CF_ERR_SIZE);
}

static cf_result put(void *ctx)
{
    CF_BUF(out);
    cf_result r = cf_http1_put_request(ctx, &out);
    assert_int_equal(out.len > 0, cf_is_ok(r));
    return r;
}

static void survives_failing_allocations(void **state)
{
    (void)state;
    cf_http1_request req = kms_request;
    failmalloc_each(put, &req, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_requests),
        cmocka_unit_test(says_a_length_where_one_belongs),
        cmocka_unit_test(refuses_octets_that_would_end_a_line),
        cmocka_unit_test(refuses_the_rest),
        cmocka_unit_test(bounds_fields_and_octets),
        cmocka_unit_test(survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
