/* SPDX-License-Identifier: Apache-2.0 */
#include "core/schema/schema.h"

#include "core/vault/record.h"
#include "tests/support/failmalloc.h"
#include "tests/support/test.h"

#define HEAD "{\"$id\":\"s\",\"type\":\"object\",\"additionalProperties\":false,\"properties\":"

static void person_text(cf_buf *ret)
{
    char path[1024];
    const char *root = getenv("CF_ROOT");
    snprintf(path, sizeof path, "%s/schemas/person.json", root == NULL ? "." : root);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    uint8_t piece[4096];
    size_t n;
    while ((n = fread(piece, 1, sizeof piece, file)) > 0) {
        assert_ok(cf_buf_append(ret, cf_view_make(piece, n)));
    }
    (void)fclose(file);
}

static void person(cf_schema **ret)
{
    CF_BUF(text);
    person_text(&text);
    assert_ok(cf_schema_parse(cf_buf_view(&text), ret, NULL));
}

static void has_the_fields_of_the_sample(void **state)
{
    (void)state;
    static const char *const names[] = {"address1",  "address2",    "address3",     "city",
                                        "country",   "dob",         "email",        "first_name",
                                        "last_name", "middle_name", "phone_number", "postal_code",
                                        "ssn4",      "ssn9",        "state"};
    CF_AUTO(cf_schema_free) cf_schema *s = NULL;
    person(&s);
    assert_view(cf_schema_name(s), CF_LIT("person"));
    assert_int_equal(cf_schema_fields(s), 15);
    for (size_t i = 0; i < 15; i++) {
        assert_view(cf_schema_field_at(s, i), cf_view_str(names[i]));
        assert_true(cf_schema_has(s, cf_view_str(names[i])));
    }
    assert_int_equal(cf_schema_field_at(s, 15).len, 0);
    assert_false(cf_schema_has(s, CF_LIT("Email")));
    assert_false(cf_schema_has(s, CF_LIT("")));
}

static void checks_values(void **state)
{
    (void)state;
    static const struct {
        const char *field, *value;
        cf_err err;
    } rows[] = {
        {"email", "a@b", CF_OK},
        {"email", "not checked in the sample", CF_OK},
        {"email", "", CF_OK},
        {"first_name", "J\xC3\xB6rg \xE5\xB1\xB1\xE7\x94\xB0", CF_OK},
        {"first_name", "tab\tand\r\nlines", CF_OK},
        {"first_name", "bell\a", CF_ERR_BAD_VALUE},
        {"first_name", "escape\x1B[31m", CF_ERR_BAD_VALUE},
        {"first_name", "delete\x7F", CF_ERR_BAD_VALUE},
        {"first_name", "cut \xC3", CF_ERR_UTF8},
        {"first_name", "surrogate \xED\xA0\x80", CF_ERR_UTF8},
        {"phone_number", "+41441234567", CF_OK},
        {"phone_number", "+12", CF_OK},
        {"phone_number", "+123456789012345", CF_OK},
        {"phone_number", "+1234567890123456", CF_ERR_BAD_VALUE},
        {"phone_number", "+1", CF_ERR_BAD_VALUE},
        {"phone_number", "+", CF_ERR_BAD_VALUE},
        {"phone_number", "", CF_ERR_BAD_VALUE},
        {"phone_number", "+01234", CF_ERR_BAD_VALUE},
        {"phone_number", "41441234567", CF_ERR_BAD_VALUE},
        {"phone_number", "+4144 1234567", CF_ERR_BAD_VALUE},
        {"phone_number", "+4144\n", CF_ERR_BAD_VALUE},
        {"ssn9", "123456789", CF_OK},
        {"ssn9", "12345678", CF_ERR_BAD_VALUE},
        {"ssn9", "1234567890", CF_ERR_SIZE},
        {"ssn9", "12345678x", CF_ERR_BAD_VALUE},
        {"ssn9", "12345678\n", CF_ERR_BAD_VALUE},
        {"ssn9", "\xD9\xA1\xD9\xA2\xD9\xA3\xD9\xA4\xD9\xA5\xD9\xA6\xD9\xA7\xD9\xA8\xD9\xA9",
         CF_ERR_BAD_VALUE}, /* nine digits of another script */
        {"ssn4", "0000", CF_OK},
        {"ssn4", "000", CF_ERR_BAD_VALUE},
        {"dob", "1979-04-05", CF_OK},
        {"dob", "2024-02-29", CF_OK},
        {"dob", "2000-02-29", CF_OK},
        {"dob", "1900-02-29", CF_ERR_BAD_VALUE},
        {"dob", "2023-02-29", CF_ERR_BAD_VALUE},
        {"dob", "2023-04-31", CF_ERR_BAD_VALUE},
        {"dob", "2023-12-31", CF_OK},
        {"dob", "2023-12-32", CF_ERR_BAD_VALUE},
        {"dob", "2023-00-10", CF_ERR_BAD_VALUE},
        {"dob", "2023-13-10", CF_ERR_BAD_VALUE},
        {"dob", "2023-01-00", CF_ERR_BAD_VALUE},
        {"dob", "0000-01-01", CF_ERR_BAD_VALUE},
        {"dob", "0001-01-01", CF_OK},
        {"dob", "9999-12-31", CF_OK},
        {"dob", "1979-4-5", CF_ERR_BAD_VALUE},
        {"dob", "1979/04/05", CF_ERR_BAD_VALUE},
        {"dob", "1979-04-05 ", CF_ERR_BAD_VALUE},
        {"dob", "", CF_ERR_BAD_VALUE},
        {"postal_code", "SW1A 1AA", CF_OK},
        {"postal_code", "12345-6789", CF_OK},
        {"postal_code", "", CF_OK},
        {"postal_code", "12_45", CF_ERR_BAD_VALUE},
        {"postal_code", "Z\xC3\xBC", CF_ERR_BAD_VALUE},
        {"country", "CH", CF_OK},
        {"country", "ch", CF_OK},
        {"country", "CHE", CF_ERR_BAD_VALUE},
        {"country", "C", CF_ERR_BAD_VALUE},
        {"country", "C1", CF_ERR_BAD_VALUE},
        {"country", "", CF_ERR_BAD_VALUE},
        {"unknown", "x", CF_ERR_UNKNOWN_FIELD},
        {"Email", "x", CF_ERR_BAD_NAME},
        {"", "x", CF_ERR_BAD_NAME},
        {"_sk", "x", CF_ERR_RESERVED_FIELD},
        {"pk", "x", CF_ERR_RESERVED_FIELD},
        {"expire_at", "x", CF_ERR_RESERVED_FIELD},
    };
    CF_AUTO(cf_schema_free) cf_schema *s = NULL;
    person(&s);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *reason = "?";
        cf_view field = cf_view_str(rows[i].field), value = cf_view_str(rows[i].value);
        cf_result r = cf_schema_check_text(s, field, value, &reason);
        if (r.code != rows[i].err || (reason == NULL) != (r.code == CF_OK)) {
            fail_msg("%s, case %zu: %s", rows[i].field, i, cf_err_code(r.code));
        }
        json_t *json = json_string(rows[i].value); /* NULL for what is not UTF-8 */
        if (json != NULL) {
            assert_code(cf_schema_check(s, field, json, &reason), rows[i].err);
        }
        json_decref(json);
    }
}

static void takes_nothing_but_text(void **state)
{
    (void)state;
    CF_AUTO(cf_schema_free) cf_schema *s = NULL;
    person(&s);
    const char *reason = NULL;
    json_t *others[] = {json_null(),    json_true(),  json_integer(123456789),
                        json_real(1.5), json_array(), json_object()};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_err(cf_schema_check(s, CF_LIT("ssn9"), others[i], &reason), WRONG_TYPE);
        assert_string_equal(reason, "is not text");
        json_decref(others[i]);
    }
    assert_err(cf_schema_check(s, CF_LIT("ssn9"), NULL, &reason), WRONG_TYPE);
    json_t *nul = json_stringn("a\0b", 3);
    assert_err(cf_schema_check(s, CF_LIT("city"), nul, &reason), BAD_VALUE);
    json_decref(nul);
}

/* 1024 code points, whatever their octets, and the octets of any value. */
static void holds_lengths(void **state)
{
    (void)state;
    CF_AUTO(cf_schema_free) cf_schema *s = NULL;
    CF_AUTO(cf_schema_free) cf_schema *open = NULL;
    person(&s);
    assert_ok(cf_schema_parse(CF_LIT(HEAD "{\"f\":{\"type\":\"string\"}}}"), &open, NULL));
    const char *reason = NULL;
    char *text = malloc(CF_VALUE_BYTES_MAX + 4);
    assert_non_null(text);
    for (size_t points = 1023; points <= 1025; points++) {
        for (size_t i = 0; i < points; i++) {
            memcpy(text + 4 * i, "\xF0\x9F\x98\x80", 4);
        }
        cf_err want = points <= 1024 ? CF_OK : CF_ERR_SIZE;
        assert_code(
            cf_schema_check_text(s, CF_LIT("city"), cf_view_make(text, 4 * points), &reason), want);
        memset(text, 'x', points);
        assert_code(cf_schema_check_text(s, CF_LIT("city"), cf_view_make(text, points), &reason),
                    want);
    }
    memset(text, 'x', CF_VALUE_BYTES_MAX + 1);
    for (size_t len = CF_VALUE_BYTES_MAX - 1; len <= CF_VALUE_BYTES_MAX + 1; len++) {
        assert_code(cf_schema_check_text(open, CF_LIT("f"), cf_view_make(text, len), &reason),
                    len <= CF_VALUE_BYTES_MAX ? CF_OK : CF_ERR_SIZE);
    }
    free(text);
}

static void matches_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
    } rows[] = {
        {"a@b", true},
        {"jane.doe+tag@mail.example.org", true},
        {"x!#$%&'*+/=?^_`{|}~-@e-x.org", true},
        {"", false},
        {"@b", false},
        {"a@", false},
        {"a", false},
        {"a@b@c", false},
        {"a b@c", false},
        {"a@b c", false},
        {"a@.b", false},
        {"a@b.", false},
        {"a@b..c", false},
        {"a@-b", false},
        {"a@b-", false},
        {"a@b-.c", false},
        {"a@b_c", false},
        {"\xC3\xB6@b", false},
        {"a@\xC3\xB6", false},
        {"a@123456789012345678901234567890123456789012345678901234567890123.org", true},
        {"a@1234567890123456789012345678901234567890123456789012345678901234.org", false},
    };
    CF_AUTO(cf_schema_free) cf_schema *s = NULL;
    assert_ok(cf_schema_parse(CF_LIT(HEAD "{\"mail\":{\"type\":\"string\",\"format\":\"email\"}}}"),
                              &s, NULL));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *reason = NULL;
        cf_result r = cf_schema_check_text(s, CF_LIT("mail"), cf_view_str(rows[i].text), &reason);
        if (cf_is_ok(r) != rows[i].ok) {
            fail_msg("case %zu", i);
        }
    }
}

static void derives(void **state)
{
    (void)state;
    CF_AUTO(cf_schema_free) cf_schema *s = NULL;
    cf_view field, value;
    person(&s);
    assert_true(cf_schema_derived(s, CF_LIT("ssn9"), CF_LIT("123456789"), 0, &field, &value));
    assert_view(field, CF_LIT("ssn4"));
    assert_view(value, CF_LIT("6789"));
    assert_false(cf_schema_derived(s, CF_LIT("ssn9"), CF_LIT("123456789"), 1, &field, &value));
    assert_false(cf_schema_derived(s, CF_LIT("ssn4"), CF_LIT("6789"), 0, &field, &value));
    assert_false(cf_schema_derived(s, CF_LIT("none"), CF_LIT("6789"), 0, &field, &value));
    assert_true(cf_schema_derives_from(s, CF_LIT("ssn4"), CF_LIT("ssn9")));
    assert_false(cf_schema_derives_from(s, CF_LIT("ssn9"), CF_LIT("ssn4")));
    assert_false(cf_schema_derives_from(s, CF_LIT("city"), CF_LIT("ssn9")));
    assert_false(cf_schema_derives_from(s, CF_LIT("city"), CF_LIT("")));
    assert_view(cf_schema_source(s, CF_LIT("ssn4")), CF_LIT("ssn9"));
    assert_int_equal(cf_schema_source(s, CF_LIT("none")).len, 0);
    /* code points, and several from one source */
    CF_AUTO(cf_schema_free) cf_schema *two = NULL;
    assert_ok(cf_schema_parse(
        CF_LIT(HEAD
               "{\"a\":{\"type\":\"string\",\"minLength\":2},\"b\":{\"type\":\"string\"},"
               "\"c\":{\"type\":\"string\"}},\"derived\":{\"c\":{\"from\":\"a\",\"take_last\":1},"
               "\"b\":{\"from\":\"a\",\"take_last\":2}}}"),
        &two, NULL));
    assert_true(cf_schema_derived(two, CF_LIT("a"), CF_LIT("x\xC3\xB6\xF0\x9F\x98\x80"), 0, &field,
                                  &value));
    assert_view(field, CF_LIT("b"));
    assert_view(value, CF_LIT("\xC3\xB6\xF0\x9F\x98\x80"));
    assert_true(cf_schema_derived(two, CF_LIT("a"), CF_LIT("x\xC3\xB6\xF0\x9F\x98\x80"), 1, &field,
                                  &value));
    assert_view(field, CF_LIT("c"));
    assert_view(value, CF_LIT("\xF0\x9F\x98\x80"));
}

/* Every rule of docs/schemas.md, broken alone. */
static void refuses_documents(void **state)
{
    (void)state;
#define ONE "{\"f\":{\"type\":\"string\"}}"
#define A_B(a, b, derived)                                                                         \
    HEAD "{\"a\":{\"type\":\"string\"" a "},\"b\":{\"type\":\"string\"" b                          \
         "}},\"derived\":" derived "}"
    static const struct {
        const char *text;
        cf_err err;
    } rows[] = {
        {HEAD ONE "}", CF_OK},
        {"", CF_ERR_TRUNCATED},
        {"[]", CF_ERR_WRONG_TYPE},
        {HEAD ONE "} x", CF_ERR_TRAILING},
        {HEAD "{\"f\":{\"type\":\"string\"},\"f\":{\"type\":\"string\"}}}", CF_ERR_DUPLICATE},
        {HEAD ONE ",\"required\":[]}", CF_ERR_UNKNOWN_MEMBER},
        {HEAD "{\"f\":{\"type\":\"string\",\"const\":\"x\"}}}", CF_ERR_UNKNOWN_MEMBER},
        {"{\"$id\":\"s\",\"type\":\"object\",\"additionalProperties\":false}", CF_ERR_MISSING},
        {"{\"$id\":\"s\",\"type\":\"object\",\"properties\":" ONE "}", CF_ERR_MISSING},
        {"{\"$id\":\"s\",\"additionalProperties\":false,\"properties\":" ONE "}", CF_ERR_MISSING},
        {"{\"type\":\"object\",\"additionalProperties\":false,\"properties\":" ONE "}",
         CF_ERR_MISSING},
        {"{\"$id\":\"s\",\"type\":\"object\",\"additionalProperties\":true,\"properties\":" ONE "}",
         CF_ERR_UNSUPPORTED},
        {"{\"$id\":\"s\",\"type\":\"array\",\"additionalProperties\":false,\"properties\":" ONE "}",
         CF_ERR_UNSUPPORTED},
        {"{\"$id\":\"S\",\"type\":\"object\",\"additionalProperties\":false,\"properties\":" ONE
         "}",
         CF_ERR_BAD_NAME},
        {"{\"$id\":7,\"type\":\"object\",\"additionalProperties\":false,\"properties\":" ONE "}",
         CF_ERR_WRONG_TYPE},
        {HEAD ONE ",\"$schema\":\"http://json-schema.org/draft-07/schema#\"}", CF_ERR_UNSUPPORTED},
        {HEAD ONE ",\"title\":1}", CF_ERR_WRONG_TYPE},
        {HEAD ONE ",\"description\":\"of all\"}", CF_OK},
        {HEAD "{}}", CF_ERR_EMPTY},
        {HEAD "[]}", CF_ERR_WRONG_TYPE},
        {HEAD "{\"f\":1}}", CF_ERR_WRONG_TYPE},
        {HEAD "{\"f\":{}}}", CF_ERR_MISSING},
        {HEAD "{\"f\":{\"type\":\"number\"}}}", CF_ERR_UNSUPPORTED},
        {HEAD "{\"F\":{\"type\":\"string\"}}}", CF_ERR_BAD_NAME},
        {HEAD "{\"_f\":{\"type\":\"string\"}}}", CF_ERR_RESERVED_FIELD},
        {HEAD "{\"id\":{\"type\":\"string\"}}}", CF_ERR_RESERVED_FIELD},
        {HEAD "{\"f\":{\"type\":\"string\",\"format\":\"uri\"}}}", CF_ERR_UNSUPPORTED},
        {HEAD "{\"f\":{\"type\":\"string\",\"format\":1}}}", CF_ERR_WRONG_TYPE},
        {HEAD "{\"f\":{\"type\":\"string\",\"minLength\":-1}}}", CF_ERR_RANGE},
        {HEAD "{\"f\":{\"type\":\"string\",\"minLength\":2,\"maxLength\":1}}}", CF_ERR_RANGE},
        {HEAD "{\"f\":{\"type\":\"string\",\"minLength\":2,\"maxLength\":2}}}", CF_OK},
        {HEAD "{\"f\":{\"type\":\"string\",\"maxLength\":65536}}}", CF_OK},
        {HEAD "{\"f\":{\"type\":\"string\",\"maxLength\":65537}}}", CF_ERR_RANGE},
        {HEAD "{\"f\":{\"type\":\"string\",\"maxLength\":1.5}}}", CF_ERR_WRONG_TYPE},
        {HEAD ONE ",\"derived\":[]}", CF_ERR_WRONG_TYPE},
        {HEAD ONE ",\"derived\":{}}", CF_OK},
        {A_B(",\"minLength\":2", "", "{\"b\":{\"from\":\"a\",\"take_last\":2}}"), CF_OK},
        {A_B(",\"minLength\":2", "", "{\"b\":{\"from\":\"a\",\"take_last\":3}}"), CF_ERR_RANGE},
        {A_B(",\"minLength\":2", "", "{\"b\":{\"from\":\"a\",\"take_last\":0}}"), CF_ERR_RANGE},
        {A_B(",\"minLength\":2", "", "{\"b\":{\"from\":\"a\"}}"), CF_ERR_RANGE},
        {A_B(",\"minLength\":2", "", "{\"b\":{\"take_last\":2}}"), CF_ERR_MISSING},
        {A_B(",\"minLength\":2", "", "{\"b\":{\"from\":\"a\",\"take_last\":2,\"x\":1}}"),
         CF_ERR_UNKNOWN_MEMBER},
        {A_B(",\"minLength\":2", "", "{\"b\":{\"from\":\"c\",\"take_last\":2}}"),
         CF_ERR_UNKNOWN_FIELD},
        {A_B(",\"minLength\":2", "", "{\"c\":{\"from\":\"a\",\"take_last\":2}}"),
         CF_ERR_UNKNOWN_FIELD},
        {A_B(",\"minLength\":2", "", "{\"a\":{\"from\":\"a\",\"take_last\":2}}"), CF_ERR_BAD_VALUE},
        {A_B(",\"minLength\":2", ",\"minLength\":2",
             "{\"a\":{\"from\":\"b\",\"take_last\":2},\"b\":{\"from\":\"a\",\"take_last\":2}}"),
         CF_ERR_BAD_VALUE},
        {A_B(",\"minLength\":2", ",\"maxLength\":1", "{\"b\":{\"from\":\"a\",\"take_last\":2}}"),
         CF_ERR_RANGE},
        {A_B(",\"minLength\":2", ",\"minLength\":3", "{\"b\":{\"from\":\"a\",\"take_last\":2}}"),
         CF_ERR_RANGE},
        {A_B(",\"minLength\":2", ",\"format\":\"digits\"",
             "{\"b\":{\"from\":\"a\",\"take_last\":2}}"),
         CF_ERR_BAD_VALUE},
        {A_B(",\"minLength\":10,\"format\":\"date\"", ",\"format\":\"date\"",
             "{\"b\":{\"from\":\"a\",\"take_last\":10}}"),
         CF_ERR_BAD_VALUE},
        {A_B(",\"minLength\":2,\"format\":\"digits\"", ",\"format\":\"digits\"",
             "{\"b\":{\"from\":\"a\",\"take_last\":2}}"),
         CF_OK},
        /* a chain, in whatever order it is written */
        {HEAD
         "{\"a\":{\"type\":\"string\",\"minLength\":3},\"b\":{\"type\":\"string\",\"minLength\":"
         "2},\"c\":{\"type\":\"string\"}},\"derived\":{\"c\":{\"from\":\"b\",\"take_last\":1},"
         "\"b\":{\"from\":\"a\",\"take_last\":2}}}",
         CF_ERR_BAD_VALUE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CF_AUTO(cf_schema_free) cf_schema *s = NULL;
        cf_result r = cf_schema_parse(cf_view_str(rows[i].text), &s, NULL);
        if (r.code != rows[i].err || (s != NULL) != (r.code == CF_OK)) {
            fail_msg("case %zu: %s", i, cf_err_code(r.code));
        }
    }
}

static void holds_limits_of_a_document(void **state)
{
    (void)state;
    for (unsigned n = CF_SCHEMA_FIELDS_MAX - 1; n <= CF_SCHEMA_FIELDS_MAX + 1; n++) {
        CF_BUF(text);
        assert_ok(cf_buf_append(&text, CF_LIT(HEAD "{")));
        for (unsigned i = 0; i < n; i++) {
            char field[128];
            /* the longest names, in falling order */
            snprintf(field, sizeof field, "%s\"f%063u\":{\"type\":\"string\"}", i == 0 ? "" : ",",
                     n - i);
            assert_ok(cf_buf_append(&text, cf_view_str(field)));
        }
        assert_ok(cf_buf_append(&text, CF_LIT("}}")));
        CF_AUTO(cf_schema_free) cf_schema *s = NULL;
        assert_code(cf_schema_parse(cf_buf_view(&text), &s, NULL),
                    n <= CF_SCHEMA_FIELDS_MAX ? CF_OK : CF_ERR_SIZE);
        for (size_t i = 1; s != NULL && i < n; i++) {
            assert_true(cf_view_cmp(cf_schema_field_at(s, i - 1), cf_schema_field_at(s, i)) < 0);
        }
    }
    for (size_t len = CF_SCHEMA_BYTES_MAX - 1; len <= CF_SCHEMA_BYTES_MAX + 1; len++) {
        char *text = malloc(len + 1);
        assert_non_null(text);
        memset(text, ' ', len);
        memcpy(text, HEAD "{\"f\":{\"type\":\"string\"}}}", sizeof HEAD - 1 + 24);
        CF_AUTO(cf_schema_free) cf_schema *s = NULL;
        assert_code(cf_schema_parse(cf_view_make(text, len), &s, NULL),
                    len <= CF_SCHEMA_BYTES_MAX ? CF_OK : CF_ERR_SIZE);
        free(text);
    }
    for (unsigned len = CF_SCHEMA_TEXT_BYTES_MAX - 1; len <= CF_SCHEMA_TEXT_BYTES_MAX + 1; len++) {
        char text[2048];
        snprintf(text, sizeof text, HEAD ONE ",\"title\":\"%0*u\"}", (int)len, 0u);
        CF_AUTO(cf_schema_free) cf_schema *s = NULL;
        assert_code(cf_schema_parse(cf_view_str(text), &s, NULL),
                    len <= CF_SCHEMA_TEXT_BYTES_MAX ? CF_OK : CF_ERR_SIZE);
    }
}

static cf_result parse(void *ctx)
{
    const cf_buf *text = ctx;
    CF_AUTO(cf_schema_free) cf_schema *s = NULL;
    return cf_schema_parse(cf_buf_view(text), &s, NULL);
}

static void survives_failing_allocations(void **state)
{
    (void)state;
    CF_BUF(text);
    person_text(&text);
    failmalloc_each(parse, &text, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_the_fields_of_the_sample),
        cmocka_unit_test(checks_values),
        cmocka_unit_test(takes_nothing_but_text),
        cmocka_unit_test(holds_lengths),
        cmocka_unit_test(matches_addresses),
        cmocka_unit_test(derives),
        cmocka_unit_test(refuses_documents),
        cmocka_unit_test(holds_limits_of_a_document),
        cmocka_unit_test(survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
