/* SPDX-License-Identifier: Apache-2.0 */
/* Modules without state: the table of routes, If-Match, JSON output, names that may be told, statuses. */
#include "host/api/call.h"
#include "host/api/if_match.h"
#include "tests/support/test.h"

static void test_table(void **state)
{
    (void)state;
    assert_in_range(cf_api_routes_n, 1, CF_METRICS_ROUTES_MAX - 1);
    for (size_t i = 0; i < cf_api_routes_n; i++) {
        const cf_route *r = &cf_api_routes[i], *found = NULL;
        cf_view params[CF_ROUTE_PARAMS_MAX];
        char allow[CF_ROUTE_ALLOW_BYTES_MAX];
        assert_non_null(r->fn);
        assert_true(r->pattern[0] == '/');
        /* Each row is reached by its own method and pattern, so no row hides another. */
        assert_ok(
            cf_route_find(cf_view_str(r->method), cf_view_str(r->pattern), &found, params, allow));
        assert_ptr_equal(found, r);
        /* Every attempt of a change and of a decrypt is audited, and only /health is open. */
        bool changes = strcmp(r->method, "GET") != 0;
        assert_true(!changes || (r->audited && r->action != NULL));
        assert_int_equal(r->open, strcmp(r->pattern, "/health") == 0);
        assert_true(r->open || r->scopes != CF_SCOPE_ANY ||
                    strncmp(r->pattern, "/v1/schemas", 11) == 0 ||
                    strcmp(r->pattern, "/v1/attestation") == 0);
    }
}

static void test_params(void **state)
{
    (void)state;
    const cf_route *r = NULL;
    cf_view params[CF_ROUTE_PARAMS_MAX];
    char allow[CF_ROUTE_ALLOW_BYTES_MAX];
    assert_ok(cf_route_find(CF_LIT("POST"), CF_LIT("/v1/vaults/a%2Fb/decrypt"), &r, params, allow));
    assert_string_equal(r->pattern, "/v1/vaults/{id}/decrypt");
    assert_view(params[0], CF_LIT("a%2Fb"));
    assert_err(cf_route_find(CF_LIT("POST"), CF_LIT("/v1/vaults/a"), &r, params, allow), METHOD);
    assert_null(r);
    assert_string_equal(allow, "GET, PATCH, DELETE");
    assert_err(cf_route_find(CF_LIT(""), CF_LIT("/v1/tokens"), &r, params, allow), METHOD);
    assert_string_equal(allow, "POST, GET");
    assert_err(cf_route_find(CF_LIT("GET"), CF_VIEW_EMPTY, &r, params, allow), ROUTE_UNKNOWN);
    assert_string_equal(allow, "");
}

static void test_if_match(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        cf_err err;
        bool two; /* met by version 2 */
    } cases[] = {
        {NULL, CF_OK, true},
        {"*", CF_OK, true},
        {" * ", CF_OK, true},
        {"\"2\"", CF_OK, true},
        {"2", CF_OK, true},
        {"\"1\", \"2\"", CF_OK, true},
        {"\"1\",\"2\"", CF_OK, true},
        {"1 , 2", CF_OK, true},
        {"\"1\"", CF_OK, false},
        {"W/\"2\"", CF_OK, false},
        {"\"02\"", CF_OK, false},
        {"\"\"", CF_OK, false},
        {"\"two\"", CF_OK, false},
        {"\"1,2\"", CF_OK, false},
        {"\"99999999999999999999999\"", CF_OK, false},
        {"\"0\"", CF_OK, false},
        {"", CF_ERR_MALFORMED, false},
        {" \t", CF_ERR_MALFORMED, false},
        {"two", CF_ERR_MALFORMED, false},
        {"\"2", CF_ERR_MALFORMED, false},
        {"2\"", CF_ERR_MALFORMED, false},
        {"W/2", CF_ERR_MALFORMED, false},
        {",", CF_ERR_MALFORMED, false},
        {"\"2\",,\"3\"", CF_ERR_MALFORMED, false},
        {"02", CF_ERR_MALFORMED, false},
        {"-2", CF_ERR_MALFORMED, false},
        {"*,\"2\"", CF_ERR_MALFORMED, false},
        {"w/\"2\"", CF_ERR_MALFORMED, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cf_if_match m;
        assert_code(cf_if_match_parse(cf_view_str(cases[i].text), &m), cases[i].err);
        if (cases[i].err == CF_OK) {
            assert_int_equal(cf_is_ok(cf_if_match_check(&m, 2)), cases[i].two);
        }
    }
    for (size_t n = CF_API_IF_MATCH_TAGS_MAX - 1; n <= CF_API_IF_MATCH_TAGS_MAX + 1; n++) {
        char text[8 * (CF_API_IF_MATCH_TAGS_MAX + 1)] = "";
        for (size_t i = 0; i < n; i++) {
            strcat(text, i == 0 ? "\"7\"" : ",\"7\"");
        }
        cf_if_match m;
        assert_code(cf_if_match_parse(cf_view_str(text), &m),
                    n > CF_API_IF_MATCH_TAGS_MAX ? CF_ERR_SIZE : CF_OK);
    }
}

static void test_json_out(void **state)
{
    (void)state;
    CF_BUF(b);
    cf_json_out o = cf_json_out_to(&b);
    cf_out_begin(&o, '{');
    cf_out_key(&o, "a");
    cf_out_u64(&o, UINT64_MAX);
    cf_out_key(&o, "b");
    cf_out_begin(&o, '[');
    cf_out_begin(&o, '{');
    cf_out_end(&o, '}');
    cf_out_str(&o, CF_LIT("x\"\\\n\x01\xc3\xa9"));
    cf_out_hex(&o, CF_LIT("\x00\xff"));
    cf_out_bool(&o, false);
    cf_out_end(&o, ']');
    cf_out_name(&o, CF_LIT("q\"q"));
    cf_out_time(&o, 0);
    cf_out_key(&o, "t");
    cf_out_time(&o, 5);
    cf_out_end(&o, '}');
    assert_ok(cf_out_done(&o));
    assert_view(cf_buf_view(&b),
                CF_LIT("{\"a\":18446744073709551615,\"b\":[{},\"x\\\"\\\\\\n\\u0001\xc3\xa9\","
                       "\"00ff\",false],\"q\\\"q\":null,\"t\":5}"));
    cf_buf_clear(&b);
    o = cf_json_out_to(&b);
    cf_out_str(&o, CF_LIT("\xff"));
    cf_out_str(&o, CF_LIT("later"));
    assert_err(cf_out_done(&o), UTF8);
}

static void test_tellable(void **state)
{
    (void)state;
    static const char *const yes[] = {
        "a", "first_name", "z9_",
        "a234567890123456789012345678901234567890123456789012345678901234"};
    static const char *const no[] = {
        "",
        "A",
        "9",
        "_sk",
        "a-b",
        "a b",
        "4111111111111111",
        "a\xc3\xa9",
        "a2345678901234567890123456789012345678901234567890123456789012345"};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        assert_true(cf_name_tellable(cf_view_str(yes[i])));
    }
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) {
        assert_false(cf_name_tellable(cf_view_str(no[i])));
    }
    cf_api_faults f = {.n = 0};
    assert_ok(cf_api_faults_result(&f));
    for (size_t i = 0; i <= CF_API_FAULTS_MAX; i++) {
        cf_api_fault_add(&f, CF_LIT("a"), i, i == 0 ? CF_ERR_BAD_VALUE : CF_ERR_SIZE, NULL);
        assert_int_equal(f.n, i < CF_API_FAULTS_MAX ? i + 1 : CF_API_FAULTS_MAX);
    }
    assert_err(cf_api_faults_result(&f), BAD_VALUE);
}

/* Statuses as docs/api.md has them: 5xx for what is not the caller's fault, and nothing below 400. */
static void test_statuses(void **state)
{
    (void)state;
    static const struct {
        cf_err code;
        unsigned status;
    } some[] = {{CF_ERR_UNAUTHENTICATED, 401},
                {CF_ERR_FORBIDDEN, 403},
                {CF_ERR_VAULT_UNKNOWN, 404},
                {CF_ERR_VERSION_MISMATCH, 412},
                {CF_ERR_KMS_REFUSED, 502},
                {CF_ERR_TIMEOUT, 504},
                {CF_ERR_BUSY, 503},
                {CF_ERR_ROW_ALTERED, 500},
                {CF_ERR_INTERNAL, 500},
                {CF_ERR_MALFORMED, 400},
                {CF_ERR_SIZE, 413},
                {CF_ERR_AUDIT_UNAVAILABLE, 503},
                {CF_ERR_METHOD, 405},
                {CF_ERR_MEDIA_TYPE, 415},
                {CF_ERR_EXISTS, 409}};
    for (size_t i = 0; i < sizeof some / sizeof some[0]; i++) {
        assert_int_equal(cf_api_status_of(some[i].code), some[i].status);
    }
    for (cf_err e = CF_OK; e < CF_ERR_COUNT; e++) {
        assert_in_range(cf_api_status_of(e), 400, 599);
    }
}

static void test_refusal_lines(void **state)
{
    (void)state;
    static cf_metrics m;
    uint64_t unsaid = 0;
    for (unsigned i = 0; i < CF_API_REFUSAL_LINES_MAX + 5; i++) {
        assert_int_equal(cf_metrics_refusal_line(&m, 5000 + i, &unsaid),
                         i < CF_API_REFUSAL_LINES_MAX);
        assert_int_equal(unsaid, 0);
    }
    assert_true(cf_metrics_refusal_line(&m, 6000, &unsaid));
    assert_int_equal(unsaid, 5);
}

static void test_quota(void **state)
{
    (void)state;
    static cf_quota q;
    uint64_t unsaid = 7;
    cf_quota_init(&q);
    for (unsigned i = 0; i <= CF_API_FORBIDDEN_ENTRIES_MAX + 1; i++) {
        bool room = i < CF_API_FORBIDDEN_ENTRIES_MAX;
        assert_int_equal(cf_quota_take(&q, "t_a", 5000 + i, &unsaid), room);
        assert_int_equal(unsaid, i == CF_API_FORBIDDEN_ENTRIES_MAX); /* told once in a second */
    }
    /* One token takes nothing from another, until there are too many of them. */
    for (unsigned i = 1; i <= CF_API_FORBIDDEN_TOKENS_MAX; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "t_%u", i);
        assert_int_equal(cf_quota_take(&q, id, 5999, &unsaid), i < CF_API_FORBIDDEN_TOKENS_MAX);
    }
    for (unsigned i = 0; i <= CF_API_FORBIDDEN_ENTRIES_MAX; i++) {
        assert_int_equal(cf_quota_take(&q, "t_a", 6000, &unsaid), i < CF_API_FORBIDDEN_ENTRIES_MAX);
    }
    assert_int_equal(unsaid, 3); /* one of t_a and one of the last token before, and this one */
    cf_quota_free(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),         cmocka_unit_test(test_params),
        cmocka_unit_test(test_if_match),      cmocka_unit_test(test_json_out),
        cmocka_unit_test(test_tellable),      cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_refusal_lines), cmocka_unit_test(test_quota),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
