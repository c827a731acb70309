/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns of fields: docs/schemas.md, docs/regex.md. */
#include "core/schema/schema.h"

#include "tests/support/failmalloc.h"
#include "tests/support/test.h"

#define HEAD "{\"$id\":\"s\",\"type\":\"object\",\"additionalProperties\":false,\"properties\":"
#define FIELD(more) HEAD "{\"a\":{\"type\":\"string\"},\"f\":{\"type\":\"string\"," more "}}}"

static void matches_values(void **state)
{
    (void)state;
    static const struct {
        const char *document, *value;
        cf_err err;
    } rows[] = {
        {FIELD("\"pattern\":\"^[A-Z]{2}\\\\d{3}$\""), "AB123", CF_OK},
        {FIELD("\"pattern\":\"^[A-Z]{2}\\\\d{3}$\""), "AB1234", CF_ERR_BAD_VALUE},
        {FIELD("\"pattern\":\"^[A-Z]{2}\\\\d{3}$\""), "", CF_ERR_BAD_VALUE},
        /* anywhere, unless anchored; the end is the very end */
        {FIELD("\"pattern\":\"b\""), "abc", CF_OK},
        {FIELD("\"pattern\":\"b\""), "ac", CF_ERR_BAD_VALUE},
        {FIELD("\"pattern\":\"c$\""), "abc\n", CF_ERR_BAD_VALUE},
        {FIELD("\"pattern\":\"\""), "", CF_OK},
        {FIELD("\"pattern\":\"(?i)^\\\\p{Greek}+$\""), "\u0391\u03BB\u03C6\u03B1", CF_OK},
        {FIELD("\"pattern\":\"(?i)^\\\\p{Greek}+$\""), "Alpha", CF_ERR_BAD_VALUE},
        /* beside lengths and format, which are told first */
        {FIELD("\"maxLength\":2,\"pattern\":\"^a\""), "abc", CF_ERR_SIZE},
        {FIELD("\"maxLength\":2,\"pattern\":\"^a\""), "ab", CF_OK},
        {FIELD("\"format\":\"digits\",\"pattern\":\"^1\""), "12", CF_OK},
        {FIELD("\"format\":\"digits\",\"pattern\":\"^1\""), "21", CF_ERR_BAD_VALUE},
        {FIELD("\"format\":\"digits\",\"pattern\":\"^1\""), "1x", CF_ERR_BAD_VALUE},
        /* without a table of states */
        {FIELD("\"pattern\":\"(a|b)*a(a|b){12}c\""), "abbbbbbbbbbbbbc", CF_ERR_BAD_VALUE},
        {FIELD("\"pattern\":\"(a|b)*a(a|b){12}c\""), "aabbbbbbbbbbbbc", CF_OK},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CF_AUTO(cf_schema_free) cf_schema *s = NULL;
        cf_schema_fault fault;
        const char *reason = "";
        assert_ok(cf_schema_parse(cf_view_str(rows[i].document), &s, &fault));
        assert_int_equal(fault.len, 0);
        cf_result r = cf_schema_check_text(s, CF_LIT("f"), cf_view_str(rows[i].value), &reason);
        if (r.code != rows[i].err || (reason == NULL) != cf_is_ok(r)) {
            fail_msg("case %zu: %s", i, cf_err_code(r.code));
        }
        assert_ok(cf_schema_check_text(s, CF_LIT("a"), cf_view_str(rows[i].value), &reason));
    }
}

static void says_why_without_the_value(void **state)
{
    (void)state;
    CF_AUTO(cf_schema_free) cf_schema *s = NULL;
    const char *reason = NULL;
    assert_ok(cf_schema_parse(CF_LIT(FIELD("\"pattern\":\"^a$\"")), &s, NULL));
    assert_err(cf_schema_check_text(s, CF_LIT("f"), CF_LIT("b"), &reason), BAD_VALUE);
    assert_string_equal(reason, "does not match the pattern of the field");
}

static void refuses_patterns(void **state)
{
    (void)state;
    static const struct {
        const char *pattern; /* as JSON has it */
        cf_err err;
        size_t offset;
    } rows[] = {
        {"\"a(b\"", CF_ERR_PATTERN, 3},
        {"\"ab[z-a]\"", CF_ERR_PATTERN, 3},
        {"\"a**\"", CF_ERR_PATTERN, 2},
        {"\"(a)\\\\1\"", CF_ERR_UNSUPPORTED, 3},
        {"\"x(?=a)\"", CF_ERR_UNSUPPORTED, 1},
        {"\"\\\\pX\"", CF_ERR_UNSUPPORTED, 0},
        {"\"a{1000}\"", CF_ERR_SIZE, 1}, /* and the match */
        {"\"[\\\\pL][\\\\pL0][\\\\pL1][\\\\pL2]\"", CF_ERR_SIZE, 17},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char document[512];
        cf_schema *s = NULL;
        cf_schema_fault fault;
        (void)snprintf(document, sizeof document,
                       HEAD
                       "{\"a\":{\"type\":\"string\"},\"f\":{\"type\":\"string\",\"pattern\":%s}}}",
                       rows[i].pattern);
        assert_code(cf_schema_parse(cf_view_str(document), &s, &fault), rows[i].err);
        assert_null(s);
        assert_view(cf_view_make(fault.name, fault.len), CF_LIT("f"));
        assert_true(fault.in_pattern);
        assert_int_equal(fault.offset, rows[i].offset);
    }
}

/* Also what has nothing to do with patterns is told with its field. */
static void names_the_field_at_fault(void **state)
{
    (void)state;
    static const struct {
        const char *document, *field;
        cf_err err;
    } rows[] = {
        {FIELD("\"pattern\":1"), "f", CF_ERR_WRONG_TYPE},
        {FIELD("\"format\":\"uri\""), "f", CF_ERR_UNSUPPORTED},
        {HEAD "{\"Bad\":{\"type\":\"string\"}}}", "Bad", CF_ERR_BAD_NAME},
        {HEAD
         "{\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\":1}}",
         "", CF_ERR_BAD_NAME},
        {HEAD "{\"a\":{\"type\":\"string\",\"minLength\":2},\"b\":{\"type\":\"string\",\"pattern\":"
              "\"x\"}},"
              "\"derived\":{\"b\":{\"from\":\"a\",\"take_last\":2}}}",
         "b", CF_ERR_BAD_VALUE},
        {HEAD "{\"a\":{\"type\":\"string\"}},\"more\":1}", "", CF_ERR_UNKNOWN_MEMBER},
        {"{", "", CF_ERR_TRUNCATED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cf_schema *s = NULL;
        cf_schema_fault fault;
        assert_code(cf_schema_parse(cf_view_str(rows[i].document), &s, &fault), rows[i].err);
        assert_view(cf_view_make(fault.name, fault.len), cf_view_str(rows[i].field));
        assert_false(fault.in_pattern);
    }
}

static cf_result parse_with(const char *pattern)
{
    char document[2048];
    CF_AUTO(cf_schema_free) cf_schema *s = NULL;
    (void)snprintf(document, sizeof document,
                   HEAD "{\"f\":{\"type\":\"string\",\"pattern\":\"%s\"}}}", pattern);
    return cf_schema_parse(cf_view_str(document), &s, NULL);
}

static void bounds_a_pattern(void **state)
{
    (void)state;
    char text[CF_SCHEMA_TEXT_BYTES_MAX + 2];
    for (size_t len = CF_SCHEMA_TEXT_BYTES_MAX - 1; len <= CF_SCHEMA_TEXT_BYTES_MAX + 1; len++) {
        memset(text, 'a', len);
        text[0] = '[';
        text[len - 1] = ']';
        text[len] = '\0';
        assert_code(parse_with(text), len <= CF_SCHEMA_TEXT_BYTES_MAX ? CF_OK : CF_ERR_SIZE);
    }
    for (int n = CF_SCHEMA_PATTERN_INSTRUCTIONS_MAX - 1;
         n <= CF_SCHEMA_PATTERN_INSTRUCTIONS_MAX + 1; n++) {
        (void)snprintf(text, sizeof text, "a{%d}", n - 1); /* and the match */
        assert_code(parse_with(text),
                    n <= CF_SCHEMA_PATTERN_INSTRUCTIONS_MAX ? CF_OK : CF_ERR_SIZE);
    }
    /* 659 ranges each, but for the digit that joins none. */
    assert_ok(parse_with("\\\\pL[\\\\pL0][\\\\pL1]"));
    assert_err(parse_with("\\\\pL[\\\\pL0][\\\\pL1][\\\\pL2]"), SIZE);
}

/* All patterns together: these take some twenty kilobytes each. */
static void bounds_all_patterns(void **state)
{
    (void)state;
    size_t taken = 0;
    for (size_t n = 8; n <= CF_SCHEMA_FIELDS_MAX; n += 8) {
        CF_BUF(text);
        assert_ok(cf_buf_append(&text, CF_LIT(HEAD "{")));
        for (size_t i = 0; i < n; i++) {
            char field[128];
            (void)snprintf(field, sizeof field,
                           "%s\"f%zu\":{\"type\":\"string\",\"pattern\":\"\\\\pL[\\\\pL0][\\\\pL1]{"
                           "200,240}\"}",
                           i == 0 ? "" : ",", i);
            assert_ok(cf_buf_append(&text, cf_view_str(field)));
        }
        assert_ok(cf_buf_append(&text, CF_LIT("}}")));
        CF_AUTO(cf_schema_free) cf_schema *s = NULL;
        cf_result r = cf_schema_parse(cf_buf_view(&text), &s, NULL);
        if (!cf_is_ok(r)) {
            assert_err(r, SIZE);
            break;
        }
        taken = n;
    }
    assert_in_range(taken, 64, CF_SCHEMA_FIELDS_MAX - 8);
}

/* A value that takes more steps than it may is refused as one that does not match, within moments. */
static void bounds_the_work_of_a_value(void **state)
{
    (void)state;
    CF_AUTO(cf_schema_free) cf_schema *s = NULL;
    const char *reason = NULL;
    static char text[CF_VALUE_BYTES_MAX];
    memset(text, 'a', sizeof text);
    assert_ok(cf_schema_parse(CF_LIT(FIELD("\"pattern\":\"(a?){100}(a?){100}[^b]*a(a|b){20}a$\"")),
                              &s, NULL));
    assert_ok(cf_schema_check_text(s, CF_LIT("f"), cf_view_make(text, 2000), &reason));
    assert_err(cf_schema_check_text(s, CF_LIT("f"), cf_view_make(text, sizeof text), &reason),
               BAD_VALUE);
    assert_non_null(reason);
}

static cf_result parse(void *ctx)
{
    CF_AUTO(cf_schema_free) cf_schema *s = NULL;
    return cf_schema_parse(cf_view_str(ctx), &s, NULL);
}

static void survives_failing_allocations(void **state)
{
    (void)state;
    static char document[] = FIELD("\"pattern\":\"^([A-K]+|\\\\pL{2,3})$\"");
    (void)failmalloc_each(parse, document, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_values),
        cmocka_unit_test(says_why_without_the_value),
        cmocka_unit_test(refuses_patterns),
        cmocka_unit_test(names_the_field_at_fault),
        cmocka_unit_test(bounds_a_pattern),
        cmocka_unit_test(bounds_all_patterns),
        cmocka_unit_test(bounds_the_work_of_a_value),
        cmocka_unit_test(survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
