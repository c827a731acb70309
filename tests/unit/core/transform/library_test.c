/* SPDX-License-Identifier: Apache-2.0 */
/* Each function: known answers, and every bad argument. The field `text` is what a row gives. */
#include "core/codec/base64.h"
#include "tests/unit/core/transform/rig.h"

typedef struct {
    const char *text, *source; /* text NULL: not set */
    const char *json;          /* NULL: an error */
    cf_err error;
} row;

static const cf_transform_secret secrets[] = {
    /* RFC 4231 test cases 1 and 2; case 6 needs 131 octets, more than a secret has */
    {CF_LIT_INIT("one"),
     CF_LIT_INIT("\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b"
                 "\x0b\x0b\x0b"),
     CF_OK},
    {CF_LIT_INIT("two"), CF_LIT_INIT("Jefe"), CF_OK},
    {CF_LIT_INIT("gone"), CF_LIT_INIT(""), CF_ERR_KMS_REFUSED},
};

static void check(const row *rows, size_t n, int64_t now)
{
    for (size_t i = 0; i < n; i++) {
        const row *w = &rows[i];
        struct cf_cel_host host = {now, secrets, 3};
        const rig_request q = {.fields = {{"text", w->text}, {NULL, NULL}},
                               .expressions = {{"r", w->source}, {NULL, NULL}},
                               .host = &host};
        RIG_ANSWER(a);
        assert_ok(rig_run(&q, &a));
        const cf_transform_result *r = &a.results[0];
        bool same = w->json != NULL ? r->code == CF_OK && cf_view_eq(r->json, cf_view_str(w->json))
                                    : r->code == w->error && r->json.len == 0;
        if (!same) {
            fail_msg("%s of %s: %s %.*s", w->source, w->text == NULL ? "null" : w->text,
                     cf_err_code(r->code), (int)r->json.len,
                     r->json.len > 0 ? (const char *)r->json.data : "");
        }
    }
}
#define CHECK(rows) check(rows, sizeof rows / sizeof *rows, RIG_NOW)

static void test_is_empty(void **state)
{
    (void)state;
    static const row rows[] = {
        {"", "is_empty(text)", "true", CF_OK},
        {"", "text.is_empty()", "true", CF_OK},
        {"x", "is_empty(text)", "false", CF_OK},
        {" ", "text.is_empty()", "false", CF_OK},
        {NULL, "is_empty(text)", "true", CF_OK},
        {NULL, "text.is_empty()", "true", CF_OK},
        {NULL, "text == null", "true", CF_OK},
        {"x", "is_empty(7)", NULL, CF_ERR_CEL_TYPE},
        {"x", "is_empty(dyn(7))", NULL, CF_ERR_CEL_TYPE},
    };
    CHECK(rows);
}

/* Unicode's full mapping, not ASCII's: SpecialCasing.txt. */
static void test_case(void **state)
{
    (void)state;
    static const row rows[] = {
        {"Ada LOVELACE 1815", "to_lowercase(text)", "\"ada lovelace 1815\"", CF_OK},
        {"Ada Lovelace", "text.to_uppercase()", "\"ADA LOVELACE\"", CF_OK},
        {"stra\xc3\x9f"
         "e",
         "to_uppercase(text)", "\"STRASSE\"", CF_OK},
        {"\xce\x91\xce\xa3", "text.to_lowercase()", "\"\xce\xb1\xcf\x82\"",
         CF_OK},                                                    /* final sigma */
        {"\xc4\xb0", "to_lowercase(text)", "\"i\xcc\x87\"", CF_OK}, /* I with a dot */
        {"\xef\xac\x83", "to_uppercase(text)", "\"FFI\"", CF_OK},   /* a ligature */
        {"", "to_uppercase(text)", "\"\"", CF_OK},
        {NULL, "to_uppercase(text)", NULL, CF_ERR_CEL_TYPE},
        {"x", "to_lowercase(b'x')", NULL, CF_ERR_CEL_TYPE},
    };
    CHECK(rows);
}

/* RFC 4648 section 10. */
static void test_encodings(void **state)
{
    (void)state;
    static const row rows[] = {
        {"", "base64_encode(text)", "\"\"", CF_OK},
        {"f", "base64_encode(text)", "\"Zg==\"", CF_OK},
        {"fo", "text.base64_encode()", "\"Zm8=\"", CF_OK},
        {"foobar", "base64_encode(text)", "\"Zm9vYmFy\"", CF_OK},
        {"x", "base64_encode(b'\\xff')", "\"/w==\"", CF_OK},
        {"x", "b'\\xff'.base64_encode()", "\"/w==\"", CF_OK},
        {"Zm9vYmFy", "base64_decode(text)", "\"foobar\"", CF_OK},
        {"w6k=", "text.base64_decode()", "\"\xc3\xa9\"", CF_OK},
        {"", "base64_decode(text)", "\"\"", CF_OK},
        {"Zm8", "base64_decode(text)", NULL, CF_ERR_CEL_ARGUMENT},
        {"Zm9=", "base64_decode(text)", NULL, CF_ERR_CEL_ARGUMENT}, /* spare bits */
        {"Zm8=\n", "base64_decode(text)", NULL, CF_ERR_CEL_ARGUMENT},
        {"_w==", "base64_decode(text)", NULL, CF_ERR_CEL_ARGUMENT},
        {"/w==", "base64_decode(text)", NULL, CF_ERR_CEL_ARGUMENT}, /* no UTF-8 */
        {"foobar", "hex_encode(text)", "\"666f6f626172\"", CF_OK},
        {"\xc3\xa9", "text.hex_encode()", "\"c3a9\"", CF_OK},
        {"x", "hex_encode(b'\\x00\\xff')", "\"00ff\"", CF_OK},
        {"666f6f", "hex_decode(text)", "\"foo\"", CF_OK},
        {"c3a9", "text.hex_decode()", "\"\xc3\xa9\"", CF_OK},
        {"C3A9", "hex_decode(text)", NULL, CF_ERR_CEL_ARGUMENT},
        {"c3a", "hex_decode(text)", NULL, CF_ERR_CEL_ARGUMENT},
        {"c3", "hex_decode(text)", NULL, CF_ERR_CEL_ARGUMENT},
        {"zz", "hex_decode(text)", NULL, CF_ERR_CEL_ARGUMENT},
        {"foo", "text.hex_encode().hex_decode() == text", "true", CF_OK},
        {"foo", "text.base64_encode().base64_decode() == text", "true", CF_OK},
    };
    CHECK(rows);
}

/* FIPS 180-4, the examples of NIST; RFC 4231. */
static void test_digests(void **state)
{
    (void)state;
    static const row rows[] = {
        {"", "sha256(text)", "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"",
         CF_OK},
        {"abc", "text.sha256()",
         "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"", CF_OK},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "sha256(text)",
         "\"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1\"", CF_OK},
        {"x", "sha256(b'abc')",
         "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"", CF_OK},
        {"abc", "sha384(text)",
         "\"cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca"
         "1"
         "34c825a7\"",
         CF_OK},
        {"abc", "text.sha512()",
         "\"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c2"
         "3"
         "a3feebbd454d4423643ce80e2a9ac94fa54ca49f\"",
         CF_OK},
        {NULL, "sha256(text)", NULL, CF_ERR_CEL_TYPE},
        {"Hi There", "hmac_sha256(text, 'one')",
         "\"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7\"", CF_OK},
        {"Hi There", "text.hmac_sha384('one')",
         "\"afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e"
         "8"
         "b2fa9cb6\"",
         CF_OK},
        {"what do ya want for nothing?", "text.hmac_sha512('two')",
         "\"164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f6"
         "5"
         "f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737\"",
         CF_OK},
        {"x", "hmac_sha256(b'Hi There', 'one')",
         "\"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7\"", CF_OK},
        /* a name may be computed, as long as its secret was sent */
        {"x", "hmac_sha256('Hi There', 'o' + 'ne')",
         "\"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7\"", CF_OK},
        {"x", "hmac_sha256(text, 'three')", NULL, CF_ERR_SECRET_UNKNOWN},
        {"x", "hmac_sha256(text, '')", NULL, CF_ERR_SECRET_UNKNOWN},
        {"x", "hmac_sha256(text, text)", NULL, CF_ERR_SECRET_UNKNOWN},
        {"x", "text.hmac_sha256('gone')", NULL, CF_ERR_KMS_REFUSED},
        {"x", "hmac_sha256(text, 1)", NULL, CF_ERR_CEL_TYPE},
        {"x", "hmac_sha256(text)", NULL, CF_ERR_CEL_TYPE},
        {NULL, "hmac_sha256(text, 'one')", NULL, CF_ERR_CEL_TYPE},
    };
    CHECK(rows);
}

static void test_dates(void **state)
{
    (void)state;
    static const row rows[] = {
        {"1979-04-05", "date(text)", "\"1979-04-05T00:00:00Z\"", CF_OK},
        {"1979-04-05", "text.date().getFullYear()", "1979", CF_OK},
        {"0001-01-01", "date(text)", "\"0001-01-01T00:00:00Z\"", CF_OK},
        {"9999-12-31", "date(text)", "\"9999-12-31T00:00:00Z\"", CF_OK},
        {"2024-02-29", "date(text) < today_utc()", "true", CF_OK},
        {"2023-02-29", "date(text)", NULL, CF_ERR_CEL_ARGUMENT},
        {"2023-13-01", "date(text)", NULL, CF_ERR_CEL_ARGUMENT},
        {"2023-00-01", "date(text)", NULL, CF_ERR_CEL_ARGUMENT},
        {"2023-01-00", "date(text)", NULL, CF_ERR_CEL_ARGUMENT},
        {"0000-01-01", "date(text)", NULL, CF_ERR_CEL_ARGUMENT},
        {"2023-1-01", "date(text)", NULL, CF_ERR_CEL_ARGUMENT},
        {"2023-01-01 ", "date(text)", NULL, CF_ERR_CEL_ARGUMENT},
        {"2023-01-1x", "date(text)", NULL, CF_ERR_CEL_ARGUMENT},
        {"2023/01/01", "date(text)", NULL, CF_ERR_CEL_ARGUMENT},
        {"+023-01-01", "date(text)", NULL, CF_ERR_CEL_ARGUMENT},
        {"", "date(text)", NULL, CF_ERR_CEL_ARGUMENT},
        {NULL, "date(text)", NULL, CF_ERR_CEL_TYPE},
        {"x", "today_utc()", "\"2026-01-01T00:00:00Z\"", CF_OK},
        {"2000-01-01", "age(date(text))", "26", CF_OK}, /* the birthday itself */
        {"2000-01-02", "text.date().age()", "25", CF_OK},
        {"1999-12-31", "date(text).age()", "26", CF_OK},
        {"2026-01-01", "date(text).age()", "0", CF_OK},
        {"2040-01-01", "date(text).age()", "0", CF_OK}, /* not born yet */
        {"0001-01-01", "date(text).age()", "2025", CF_OK},
        {"x", "age(timestamp('2000-01-01T00:00:00.5Z'))", "25", CF_OK},
        {"2000-01-01", "age(text)", NULL, CF_ERR_CEL_TYPE},
    };
    CHECK(rows);
    /* the day of the year counts, and the time of day: at 2024-02-28T12:00:00Z, and on 29 February and 1 March */
    static const row leap[] = {{"2000-02-29", "date(text).age()", "23", CF_OK},
                               {"2000-02-28", "date(text).age()", "24", CF_OK},
                               {"x", "today_utc()", "\"2024-02-28T00:00:00Z\"", CF_OK},
                               {"x", "age(timestamp('2000-02-28T12:00:01Z'))", "23", CF_OK},
                               {"x", "age(timestamp('2000-02-28T12:00:00Z'))", "24", CF_OK}};
    check(leap, sizeof leap / sizeof *leap, 1709121600);
    static const row on_day[] = {{"2000-02-29", "date(text).age()", "24", CF_OK}};
    check(on_day, 1, 1709164800);
    static const row common[] = {{"2000-02-29", "date(text).age()", "22", CF_OK}};
    check(common, 1, 1677628799); /* 2023-02-28T23:59:59Z */
    static const row march[] = {{"2000-02-29", "date(text).age()", "23", CF_OK}};
    check(march, 1, 1677628800);
}

static void test_masks(void **state)
{
    (void)state;
    static const row rows[] = {
        {"123456789", "mask(text, 4)", "\"*****6789\"", CF_OK},
        {"123456789", "text.mask(0)", "\"*********\"", CF_OK},
        {"12345", "mask(text, 4)", "\"*2345\"", CF_OK},
        {"1234", "mask(text, 4)", "\"****\"", CF_OK}, /* would be its own mask */
        {"12", "mask(text, 4)", "\"**\"", CF_OK},
        {"", "mask(text, 4)", "\"\"", CF_OK},
        {"\xc3\xa9\xc3\xa8\xe2\x82\xac", "mask(text, 1)", "\"**\xe2\x82\xac\"", CF_OK},
        {"123456789", "mask(text, 9223372036854775807)", "\"*********\"", CF_OK},
        {"123456789", "mask(text, -1)", NULL, CF_ERR_CEL_ARGUMENT},
        {"123456789", "mask(text, -9223372036854775808)", NULL, CF_ERR_CEL_ARGUMENT},
        {"123456789", "mask(text, 4u)", NULL, CF_ERR_CEL_TYPE},
        {"123456789", "mask(text)", NULL, CF_ERR_CEL_TYPE},
        {"4111 1111 1111 1111", "last4(text)", "\"1111\"", CF_OK},
        {"1234", "text.last4()", "\"1234\"", CF_OK},
        {"a\xc3\xa9\xc3\xa8\xe2\x82\xac"
         "b",
         "last4(text)",
         "\"\xc3\xa9\xc3\xa8\xe2\x82\xac"
         "b\"",
         CF_OK},
        {"123", "last4(text)", NULL, CF_ERR_CEL_ARGUMENT},
        {"\xc3\xa9\xc3\xa8", "last4(text)", NULL,
         CF_ERR_CEL_ARGUMENT}, /* four octets, not four characters */
        {"", "last4(text)", NULL, CF_ERR_CEL_ARGUMENT},
        {"ada@example.org", "redact_email(text)", "\"a***@example.org\"", CF_OK},
        {"ab@example.org", "text.redact_email()", "\"a***@example.org\"", CF_OK},
        {"a@example.org", "redact_email(text)", "\"***@example.org\"", CF_OK},
        {"\xc3\xa9va@example.org", "redact_email(text)", "\"\xc3\xa9***@example.org\"", CF_OK},
        {"\xc3\xa9@example.org", "redact_email(text)", "\"***@example.org\"", CF_OK},
        {"\\\"a@b\\\"@example.org", "redact_email(text)", "\"\\\\***@example.org\"", CF_OK},
        {"ada.example.org", "redact_email(text)", NULL, CF_ERR_CEL_ARGUMENT},
        {"@example.org", "redact_email(text)", NULL, CF_ERR_CEL_ARGUMENT},
        {"ada@", "redact_email(text)", NULL, CF_ERR_CEL_ARGUMENT},
        {"@", "redact_email(text)", NULL, CF_ERR_CEL_ARGUMENT},
        {"", "redact_email(text)", NULL, CF_ERR_CEL_ARGUMENT},
    };
    CHECK(rows);
}

/* Test numbers that networks publish. */
static void test_cards(void **state)
{
    (void)state;
    static const row rows[] = {
        {"4111111111111111", "luhn_valid(text)", "true", CF_OK},
        {"4111 1111 1111 1111", "text.luhn_valid()", "true", CF_OK},
        {"4111-1111-1111-1111", "luhn_valid(text)", "true", CF_OK},
        {"4111111111111112", "luhn_valid(text)", "false", CF_OK},
        {"1411111111111111", "luhn_valid(text)", "false", CF_OK}, /* two digits exchanged */
        {"79927398713", "luhn_valid(text)", "true", CF_OK},
        {"79927398710", "luhn_valid(text)", "false", CF_OK},
        {"378282246310005", "luhn_valid(text)", "true", CF_OK},
        {"30569309025904", "luhn_valid(text)", "true", CF_OK},
        {"00", "luhn_valid(text)", "true", CF_OK},
        {"0", "luhn_valid(text)", "false", CF_OK},
        {"", "luhn_valid(text)", "false", CF_OK},
        {" 4111111111111111", "luhn_valid(text)", "false", CF_OK},
        {"4111111111111111 ", "luhn_valid(text)", "false", CF_OK},
        {"4111  111111111111", "luhn_valid(text)", "false", CF_OK},
        {"4111x11111111111", "luhn_valid(text)", "false", CF_OK},
        {"\xef\xbc\x94", "luhn_valid(text)", "false", CF_OK}, /* a wide digit */
        {NULL, "luhn_valid(text)", NULL, CF_ERR_CEL_TYPE},
        {"4111111111111111", "card_network(text)", "\"visa\"", CF_OK},
        {"4222222222222", "text.card_network()", "\"visa\"", CF_OK},
        {"5555 5555 5555 4444", "card_network(text)", "\"mastercard\"", CF_OK},
        {"2221000000000009", "card_network(text)", "\"mastercard\"", CF_OK},
        {"2720990000000007", "card_network(text)", "\"mastercard\"", CF_OK},
        {"2721000000000000", "card_network(text)", "\"unknown\"", CF_OK},
        {"2220999999999999", "card_network(text)", "\"unknown\"", CF_OK},
        {"378282246310005", "card_network(text)", "\"amex\"", CF_OK},
        {"341111111111111", "card_network(text)", "\"amex\"", CF_OK},
        {"6011111111111117", "card_network(text)", "\"discover\"", CF_OK},
        {"6500000000000002", "card_network(text)", "\"discover\"", CF_OK},
        {"30569309025904", "card_network(text)", "\"diners\"", CF_OK},
        {"38520000023237", "card_network(text)", "\"diners\"", CF_OK},
        {"3530111333300000", "card_network(text)", "\"jcb\"", CF_OK},
        {"6200000000000005", "card_network(text)", "\"unionpay\"", CF_OK},
        {"6759649826438453", "card_network(text)", "\"maestro\"", CF_OK},
        {"411111111111111", "card_network(text)", "\"visa\"",
         CF_OK}, /* 15 digits: within 13 to 19 */
        {"411111111111", "card_network(text)", "\"unknown\"", CF_OK},
        {"41111111111111111111", "card_network(text)", "\"unknown\"", CF_OK},
        {"55555555555544444", "card_network(text)", "\"unknown\"", CF_OK},
        {"visa", "card_network(text)", "\"unknown\"", CF_OK},
        {"", "card_network(text)", "\"unknown\"", CF_OK},
    };
    CHECK(rows);
}

/* Every row of the library is a function and a method of the same arguments, but for the one without any. */
static void test_both_styles(void **state)
{
    (void)state;
    const cf_cel_function *rows = cf_transform_library.rows;
    size_t functions = 0, methods = 0;
    for (size_t i = 0; i < cf_transform_library.n; i++) {
        bool is_function = rows[i].signature[0] == '(';
        functions += is_function;
        methods += !is_function;
        if (!is_function) {
            assert_string_equal(rows[i].name, rows[i - 1].name);
            assert_ptr_equal(rows[i].impl, rows[i - 1].impl);
        }
    }
    assert_int_equal(functions, methods + 1);
}

/* Work that grows with a text is charged with it, so that no list of steps buys more than some milliseconds. */
static void test_charges(void **state)
{
    (void)state;
    static const char *const sources[] = {
        "to_uppercase(text)", "to_lowercase(text)", "base64_encode(text)",
        "hex_encode(text)",   "sha256(text)",       "hmac_sha512(text, 'one')",
        "mask(text, 2)",      "luhn_valid(text)",   "card_network(text)",
    };
    static char text[CF_TRANSFORM_JSON_BYTES_MAX / 4 + 1];
    memset(text, '7', sizeof text - 1);
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        char source[256];
        CF_ARENA(arena, CF_CEL_LIVE_BYTES_MAX);
        cf_cel_program *p = NULL;
        cf_cel_error error;
        struct cf_cel_host host = {RIG_NOW, secrets, 3};
        cf_cel_value value = cf_cel_string(cf_view_make(text, sizeof text - 1)), got;
        (void)snprintf(source, sizeof source, "%s", sources[i]);
        const cf_transform_source s = {cf_view_str(source), CF_LIT("text")};
        assert_ok(cf_transform_compile(rig_all()->env, &s, &p, &error));
        uint64_t steps = CF_CEL_STEPS_MAX;
        assert_ok(cf_cel_eval_shared(p, &value, &host, NULL, &steps, &arena, &got, &error));
        assert_in_range(CF_CEL_STEPS_MAX - steps, (sizeof text - 1) / 32, sizeof text);
        /* and there is no way around what is left */
        steps = CF_CEL_STEPS_MAX - steps - 1;
        assert_err(cf_cel_eval_shared(p, &value, &host, NULL, &steps, &arena, &got, &error),
                   BUDGET);
        assert_int_equal(steps, 0);
        cf_cel_program_free(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_empty),  cmocka_unit_test(test_case),
        cmocka_unit_test(test_encodings), cmocka_unit_test(test_digests),
        cmocka_unit_test(test_dates),     cmocka_unit_test(test_masks),
        cmocka_unit_test(test_cards),     cmocka_unit_test(test_both_styles),
        cmocka_unit_test(test_charges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
