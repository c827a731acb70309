/* SPDX-License-Identifier: Apache-2.0 */
#include "core/aws/request.h"

#include "tests/support/failmalloc.h"
#include "tests/support/vectors.h"

#define NEW_YEAR_2026 1767225600 /* of all rows */

static cf_view text_of(const json_t *row, const char *name)
{
    const char *text = json_string_value(json_object_get(row, name));
    return cf_view_str(text);
}

static cf_view field_of(const cf_http1_field *fields, size_t n, const char *name)
{
    cf_view found = CF_VIEW_EMPTY;
    for (size_t i = 0; i < n; i++) {
        if (cf_view_eq(fields[i].name, cf_view_str(name))) {
            assert_int_equal(found.len, 0);
            found = fields[i].value;
        }
    }
    return found;
}

static cf_aws_request request_of(const json_t *row)
{
    const json_t *headers = json_object_get(row, "headers");
    return (cf_aws_request){
        .target = text_of(headers, "x-amz-target"),
        .content_type = text_of(headers, "content-type"),
        .host = text_of(headers, "host"),
        .body = text_of(row, "body"),
        .scope = {NEW_YEAR_2026, text_of(row, "region"), text_of(row, "service")}};
}

static cf_sigv4_credentials credentials_of(const json_t *row)
{
    return (cf_sigv4_credentials){text_of(row, "access_key_id"), text_of(row, "secret_access_key"),
                                  text_of(row, "session_token")};
}

/* The very octets that another implementation made, with a session token and without. */
static void test_vectors(void **state)
{
    (void)state;
    json_t *root = vec_load("sigv4/aws-json-posts.json");
    const json_t *rows = vec_array(root, "requests");
    unsigned tokens = 0;
    CF_BUF(scratch);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const cf_aws_request q = request_of(row);
        const cf_sigv4_credentials c = credentials_of(row);
        cf_http1_field f[CF_AWS_FIELDS_MAX];
        size_t n;
        assert_string_equal(vec_text(row, "timestamp"), "20260101T000000Z");
        assert_ok(cf_aws_fields(&q, &c, &scratch, f, &n));
        assert_int_equal(n, c.session_token.len > 0 ? 5 : 4);
        assert_view(field_of(f, n, "Authorization"), text_of(row, "authorization"));
        assert_view(field_of(f, n, "X-Amz-Date"), CF_LIT("20260101T000000Z"));
        assert_view(field_of(f, n, "X-Amz-Security-Token"), c.session_token);
        assert_view(field_of(f, n, "X-Amz-Target"), q.target);
        assert_view(field_of(f, n, "Content-Type"), q.content_type);
        tokens += c.session_token.len > 0;
    }
    assert_true(tokens > 0 && tokens < json_array_size(rows));
    json_decref(root);
}

static void test_unsigned(void **state)
{
    (void)state;
    const cf_aws_request q = {.target = CF_LIT("T.Op"), .content_type = CF_LIT("x/y")};
    cf_http1_field f[CF_AWS_FIELDS_MAX];
    size_t n;
    CF_BUF(scratch);
    assert_ok(cf_buf_append(&scratch, CF_LIT("of before")));
    assert_ok(cf_aws_fields(&q, NULL, &scratch, f, &n));
    assert_int_equal(n, 2);
    assert_int_equal(scratch.len, 0);
    assert_view(field_of(f, n, "X-Amz-Target"), CF_LIT("T.Op"));
}

static void test_refused(void **state)
{
    (void)state;
    const cf_sigv4_credentials c = {CF_LIT("AKID"), CF_LIT("secret"), CF_VIEW_EMPTY};
    cf_aws_request q = {.target = CF_LIT("T.Op"),
                        .content_type = CF_LIT("x/y"),
                        .host = CF_LIT("h"),
                        .scope = {NEW_YEAR_2026, CF_LIT("us-east-1"), CF_LIT("kms")}};
    cf_http1_field f[CF_AWS_FIELDS_MAX];
    size_t n = 7;
    CF_BUF(scratch);
    q.scope.unix_s = UINT64_MAX;
    assert_err(cf_aws_fields(&q, &c, &scratch, f, &n), RANGE);
    assert_int_equal(n, 0);
    q.scope.unix_s = NEW_YEAR_2026;
    q.host = CF_VIEW_EMPTY;
    assert_err(cf_aws_fields(&q, &c, &scratch, f, &n), ARGUMENT);
    q.host = CF_LIT("h");
    q.scope.region = CF_VIEW_EMPTY;
    assert_err(cf_aws_fields(&q, &c, &scratch, f, &n), ARGUMENT);
    assert_int_equal(n, 0);
}

static cf_result sign_once(void *row)
{
    const cf_aws_request q = request_of(row);
    const cf_sigv4_credentials c = credentials_of(row);
    cf_http1_field f[CF_AWS_FIELDS_MAX];
    size_t n;
    CF_BUF(scratch);
    return cf_aws_fields(&q, &c, &scratch, f, &n);
}

/* Every allocation may fail, those of libcrypto too, which are not always told apart. None leaks, and what held the secret is wiped
 * whichever fails. */
static void test_memory(void **state)
{
    (void)state;
    json_t *root = vec_load("sigv4/aws-json-posts.json");
    json_t *row = json_array_get(vec_array(root, "requests"), 0);
    size_t failed = 0, before = failmalloc_watch(text_of(row, "secret_access_key"));
    for (int round = 0; round < 2; round++) {
        long live = failmalloc_live();
        failed = 0;
        for (cf_result r = cf_fail(CF_ERR_NO_MEMORY); !cf_is_ok(r); failed += !cf_is_ok(r)) {
            failmalloc_set(failed + 1);
            r = sign_once(row);
            failmalloc_set(0);
        }
        /* in the first round the library makes what it keeps for the thread */
        assert_true(round == 0 || failmalloc_live() == live);
    }
    assert_true(failed >= 10);
    assert_int_equal(failmalloc_watch(CF_VIEW_EMPTY), before);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_unsigned),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
