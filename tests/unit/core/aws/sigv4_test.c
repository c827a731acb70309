/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/failmalloc.h"
#include "tests/unit/core/aws/suite.h"

static void expect_file(const char *name, const char *file, cf_view got)
{
    CF_BUF(want);
    suite_file(name, file, &want);
    if (!cf_view_eq(got, cf_buf_view(&want))) {
        fail_msg("%s/%s:\n%.*s\n---\n%.*s", name, file, (int)got.len, (const char *)got.data,
                 (int)want.len, (const char *)want.data);
    }
}

/* A line of signed-request.txt that starts with "Authorization:". */
static void expect_authorization(const char *name, cf_view got)
{
    CF_BUF(text);
    suite_file(name, "header-signed-request.txt", &text);
    cf_view rest = cf_buf_view(&text), prefix = CF_LIT("Authorization:");
    while (rest.len > 0) {
        cf_view line = suite_line(&rest);
        if (cf_view_eq(cf_view_sub(line, 0, prefix.len), prefix)) {
            assert_view(got, cf_view_sub(line, prefix.len, line.len - prefix.len));
            return;
        }
    }
    fail_msg("%s: no authorization", name);
}

static void run_header_form(const char *name)
{
    CF_AUTO(suite_request_free) suite_request p = {.text = CF_BUF_EMPTY};
    suite_settings s;
    CF_BUF(canonical);
    CF_BUF(names);
    CF_BUF(to_sign);
    CF_BUF(authorization);
    CF_SECRET(key);
    uint8_t signature[CF_SIGV4_HEX_BYTES];
    suite_settings_of(name, &s);
    suite_read(name, &p);
    p.request.path_as_is = !s.normalize;
    suite_add(&p, "X-Amz-Date", CF_LIT("20150830T123600Z"));
    if (s.credentials.session_token.len > 0) {
        suite_add(&p, "X-Amz-Security-Token", s.credentials.session_token);
    }
    if (s.sign_body) {
        suite_add(&p, "X-Amz-Content-Sha256", p.request.body_sha256);
    }
    assert_ok(cf_sigv4_canonical(&p.request, &canonical, &names));
    expect_file(name, "header-canonical-request.txt", cf_buf_view(&canonical));
    assert_ok(cf_sigv4_string_to_sign(&s.scope, cf_buf_view(&canonical), &to_sign));
    expect_file(name, "header-string-to-sign.txt", cf_buf_view(&to_sign));
    assert_ok(cf_sigv4_key(s.credentials.secret, &s.scope, &key));
    assert_ok(cf_sigv4_signature(&key, cf_buf_view(&to_sign), signature));
    expect_file(name, "header-signature.txt", CF_VIEW_OF(signature));
    assert_ok(cf_sigv4_authorize(&s.credentials, &s.scope, &p.request, &authorization));
    expect_authorization(name, cf_buf_view(&authorization));
    json_decref(s.context);
}

static void run_query_form(const char *name)
{
    CF_AUTO(suite_request_free) suite_request p = {.text = CF_BUF_EMPTY};
    suite_settings s;
    CF_BUF(query);
    CF_BUF(canonical);
    CF_BUF(names);
    CF_BUF(to_sign);
    CF_BUF(want);
    CF_AUTO(suite_request_free) suite_request signed_ = {.text = CF_BUF_EMPTY};
    suite_settings_of(name, &s);
    suite_read(name, &p);
    p.request.path_as_is = !s.normalize;
    assert_ok(cf_sigv4_presign(&s.credentials, &s.scope, &p.request, s.expires, &query));
    /* the query that the suite sends, octet for octet */
    suite_file(name, "query-signed-request.txt", &signed_.text);
    cf_view rest = cf_buf_view(&signed_.text);
    suite_read_target(suite_line(&rest), &signed_);
    cf_view got = cf_buf_view(&query), sent = signed_.request.query;
    assert_view(cf_view_sub(got, got.len - 64, 64), cf_view_sub(sent, sent.len - 64, 64));
    suite_file(name, "query-signature.txt", &want);
    assert_view(cf_view_sub(got, got.len - 64, 64), cf_buf_view(&want));
    /* what it stands on: the query without the signature */
    p.request.query = cf_view_sub(got, 0, got.len - 64 - (sizeof "&X-Amz-Signature=" - 1));
    assert_ok(cf_sigv4_canonical(&p.request, &canonical, &names));
    expect_file(name, "query-canonical-request.txt", cf_buf_view(&canonical));
    assert_ok(cf_sigv4_string_to_sign(&s.scope, cf_buf_view(&canonical), &to_sign));
    expect_file(name, "query-string-to-sign.txt", cf_buf_view(&to_sign));
    json_decref(s.context);
}

static void test_suite(void **state)
{
    (void)state;
    suite_each(run_header_form);
    suite_each(run_query_form);
}

static void test_json_posts(void **state)
{
    (void)state;
    json_t *root = vec_load("sigv4/aws-json-posts.json");
    const json_t *keys = vec_array(root, "signing_keys"), *requests = vec_array(root, "requests");
    assert_true(json_array_size(keys) == 4 && json_array_size(requests) == 4);
    for (size_t i = 0; i < json_array_size(keys); i++) {
        const json_t *row = json_array_get(keys, i);
        cf_sigv4_scope scope = {suite_time(vec_text(row, "date")),
                                cf_view_str(vec_text(row, "region")),
                                cf_view_str(vec_text(row, "service"))};
        CF_SECRET(key);
        CF_BUF(want);
        assert_ok(cf_sigv4_key(cf_view_str(vec_text(row, "secret")), &scope, &key));
        vec_hex(row, "key_hex", &want);
        assert_view(cf_secret_view(&key), cf_buf_view(&want));
    }
    for (size_t i = 0; i < json_array_size(requests); i++) {
        const json_t *row = json_array_get(requests, i);
        CF_AUTO(suite_request_free) suite_request p = {.text = CF_BUF_EMPTY};
        suite_json_post(row, &p);
        cf_sigv4_credentials c = {cf_view_str(vec_text(row, "access_key_id")),
                                  cf_view_str(vec_text(row, "secret_access_key")), CF_VIEW_EMPTY};
        cf_sigv4_scope scope = {suite_time(vec_text(row, "timestamp")),
                                cf_view_str(vec_text(row, "region")),
                                cf_view_str(vec_text(row, "service"))};
        CF_BUF(canonical);
        CF_BUF(names);
        CF_BUF(to_sign);
        CF_BUF(authorization);
        assert_ok(cf_sigv4_canonical(&p.request, &canonical, &names));
        assert_view(cf_buf_view(&canonical), cf_view_str(vec_text(row, "canonical_request")));
        assert_ok(cf_sigv4_string_to_sign(&scope, cf_buf_view(&canonical), &to_sign));
        assert_view(cf_buf_view(&to_sign), cf_view_str(vec_text(row, "string_to_sign")));
        assert_ok(cf_sigv4_authorize(&c, &scope, &p.request, &authorization));
        assert_view(cf_buf_view(&authorization), cf_view_str(vec_text(row, "authorization")));
    }
    json_decref(root);
}

static void test_dates(void **state)
{
    (void)state;
    static const struct {
        uint64_t s;
        const char *text;
    } rows[] = {
        {0, "19700101T000000Z"},          {AUGUST_2015, "20150830T123600Z"},
        {951782399, "20000228T235959Z"},  {951782400, "20000229T000000Z"},
        {951868800, "20000301T000000Z"},  {1709164800, "20240229T000000Z"},
        {1704067199, "20231231T235959Z"}, {4107542400, "21000301T000000Z"},
        {4107542399, "21000228T235959Z"}, {253402300799, "99991231T235959Z"},
    };
    char date[CF_SIGV4_DATE_BYTES + 1];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_ok(cf_sigv4_date(rows[i].s, date));
        assert_string_equal(date, rows[i].text);
    }
    assert_err(cf_sigv4_date(253402300800, date), RANGE);
    assert_err(cf_sigv4_date(UINT64_MAX, date), RANGE);
    assert_string_equal(date, "");
}

static const cf_sigv4_header usual[] = {
    {CF_LIT_INIT("Host"), CF_LIT_INIT("h")},
    {CF_LIT_INIT("X-Amz-Date"), CF_LIT_INIT("20150830T123600Z")}};
static const cf_sigv4_credentials who = {CF_LIT_INIT("AKID"), CF_LIT_INIT("secret"), {NULL, 0}};
static const cf_sigv4_scope where = {AUGUST_2015, CF_LIT_INIT("us-east-1"), CF_LIT_INIT("kms")};

static cf_sigv4_request usual_request(void)
{
    return (cf_sigv4_request){.method = CF_LIT("POST"),
                              .headers = usual,
                              .headers_n = 2,
                              .body_sha256 = CF_LIT(CF_SIGV4_EMPTY_BODY)};
}

static void test_arguments(void **state)
{
    (void)state;
    CF_BUF(out);
    cf_sigv4_request q = usual_request();
    assert_ok(cf_sigv4_authorize(&who, &where, &q, &out));
    cf_buf_clear(&out);
    q.headers_n = 1; /* no date */
    assert_err(cf_sigv4_authorize(&who, &where, &q, &out), ARGUMENT);
    q.headers = usual + 1; /* no host */
    assert_err(cf_sigv4_authorize(&who, &where, &q, &out), ARGUMENT);
    assert_err(cf_sigv4_presign(&who, &where, &q, 60, &out), ARGUMENT);
    q = usual_request();
    cf_sigv4_scope another = {AUGUST_2015 + 1, where.region,
                              where.service}; /* not the time that the header says */
    assert_err(cf_sigv4_authorize(&who, &another, &q, &out), ARGUMENT);
    q.headers_n = 1;
    assert_ok(cf_sigv4_presign(&who, &where, &q, 1, &out));
    cf_buf_clear(&out);
    assert_ok(cf_sigv4_presign(&who, &where, &q, CF_SIGV4_EXPIRES_S_MAX - 1, &out));
    cf_buf_clear(&out);
    assert_ok(cf_sigv4_presign(&who, &where, &q, CF_SIGV4_EXPIRES_S_MAX, &out));
    cf_buf_clear(&out);
    assert_err(cf_sigv4_presign(&who, &where, &q, CF_SIGV4_EXPIRES_S_MAX + 1, &out), RANGE);
    assert_err(cf_sigv4_presign(&who, &where, &q, 0, &out), RANGE);
    static const char *const bad[] = {"%", "a=%1", "%zz=1", "a=%0g"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        q = usual_request();
        q.query = cf_view_str(bad[i]);
        assert_err(cf_sigv4_authorize(&who, &where, &q, &out), MALFORMED);
    }
    static const cf_sigv4_header strange[] = {
        {CF_LIT_INIT("host"), CF_LIT_INIT("h")},
        {CF_LIT_INIT("x-amz-date"), CF_LIT_INIT("20150830T123600Z")},
        {CF_LIT_INIT("a:b"), CF_LIT_INIT("c")}};
    q.query = CF_VIEW_EMPTY;
    q.headers = strange;
    q.headers_n = 3;
    assert_err(cf_sigv4_authorize(&who, &where, &q, &out), ARGUMENT);
    assert_int_equal(out.len, 0);
}

static void test_limits(void **state)
{
    (void)state;
    static cf_sigv4_header headers[CF_SIGV4_HEADERS_MAX + 1];
    static char names[CF_SIGV4_HEADERS_MAX + 1][8];
    for (size_t i = 0; i <= CF_SIGV4_HEADERS_MAX; i++) {
        (void)snprintf(names[i], sizeof names[i], "h%zu", i);
        headers[i] = i < 2 ? usual[i] : (cf_sigv4_header){cf_view_str(names[i]), CF_LIT("v")};
    }
    for (size_t n = CF_SIGV4_HEADERS_MAX - 1; n <= CF_SIGV4_HEADERS_MAX + 1; n++) {
        CF_BUF(out);
        cf_sigv4_request q = usual_request();
        q.headers = headers;
        q.headers_n = n;
        assert_code(cf_sigv4_authorize(&who, &where, &q, &out),
                    n <= CF_SIGV4_HEADERS_MAX ? CF_OK : CF_ERR_SIZE);
    }
    for (size_t n = CF_SIGV4_PARAMS_MAX - 1; n <= CF_SIGV4_PARAMS_MAX + 1; n++) {
        CF_BUF(query);
        CF_BUF(out);
        cf_sigv4_request q = usual_request();
        for (size_t i = 0; i < n; i++) {
            assert_ok(cf_buf_append(&query, CF_LIT("&a=b")));
        }
        q.query = cf_buf_view(&query);
        assert_code(cf_sigv4_authorize(&who, &where, &q, &out),
                    n <= CF_SIGV4_PARAMS_MAX ? CF_OK : CF_ERR_SIZE);
    }
    static char region[CF_SIGV4_NAME_BYTES_MAX + 2];
    for (size_t n = CF_SIGV4_NAME_BYTES_MAX - 1; n <= CF_SIGV4_NAME_BYTES_MAX + 1; n++) {
        CF_BUF(out);
        memset(region, 'r', n);
        region[n] = '\0';
        cf_sigv4_scope s = {AUGUST_2015, cf_view_str(region), CF_LIT("kms")};
        cf_sigv4_request q = usual_request();
        assert_code(cf_sigv4_authorize(&who, &s, &q, &out),
                    n <= CF_SIGV4_NAME_BYTES_MAX ? CF_OK : CF_ERR_ARGUMENT);
    }
}

static cf_result sign_both(void *ctx)
{
    (void)ctx;
    CF_BUF(out);
    cf_sigv4_request q = usual_request();
    q.query = CF_LIT("b=2&a=1");
    CF_TRY(cf_sigv4_authorize(&who, &where, &q, &out));
    return cf_sigv4_presign(&who, &where, &q, 60, &out);
}

/* Allocations of libcrypto fail as well and are not always told apart; none may crash or leak. */
static void test_failing_allocations(void **state)
{
    (void)state;
    size_t failed = 0;
    for (int round = 0; round < 2; round++) {
        long live = failmalloc_live();
        failed = 0;
        for (cf_result r = cf_fail(CF_ERR_NO_MEMORY); !cf_is_ok(r); failed += !cf_is_ok(r)) {
            failmalloc_set(failed + 1);
            r = sign_both(NULL);
            failmalloc_set(0);
        }
        assert_true(round == 0 || failmalloc_live() == live);
    }
    assert_true(failed > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suite),  cmocka_unit_test(test_json_posts),
        cmocka_unit_test(test_dates),  cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_limits), cmocka_unit_test(test_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
