/* SPDX-License-Identifier: Apache-2.0 */
/* Section 8.3 of the language's sheet: base64. The texts of RFC 4648 section 10, and what is refused. */
#include "tests/unit/core/cel/cel_test.h"

static const cel_row encoded[] = {
    {"base64.encode(b'')", NULL, "\"\""},
    {"base64.encode(b'f')", NULL, "\"Zg==\""},
    {"base64.encode(b'fo')", NULL, "\"Zm8=\""},
    {"base64.encode(b'foo')", NULL, "\"Zm9v\""},
    {"base64.encode(b'foob')", NULL, "\"Zm9vYg==\""},
    {"base64.encode(b'fooba')", NULL, "\"Zm9vYmE=\""},
    {"base64.encode(b'foobar')", NULL, "\"Zm9vYmFy\""},
    {"base64.encode(b'\\xfb\\xff\\xbe')", NULL, "\"+/++\""},
    {"base64.encode(dyn('a'))", NULL, NULL, CF_ERR_CEL_TYPE},
};

static const cel_row decoded[] = {
    {"base64.decode('') == b''", NULL, "true"},
    {"base64.decode('Zg==') == b'f'", NULL, "true"},
    {"base64.decode('Zm8=') == b'fo'", NULL, "true"},
    {"base64.decode('Zm9v') == b'foo'", NULL, "true"},
    {"base64.decode('Zm9vYg==') == b'foob'", NULL, "true"},
    {"base64.decode('Zm9vYmE=') == b'fooba'", NULL, "true"},
    {"base64.decode('Zm9vYmFy') == b'foobar'", NULL, "true"},
    {"base64.decode('+/++') == b'\\xfb\\xff\\xbe'", NULL, "true"},
    /* without padding, and with line ends between */
    {"base64.decode('Zg') == b'f'", NULL, "true"},
    {"base64.decode('Zm8') == b'fo'", NULL, "true"},
    {"base64.decode('Zm9v\\r\\nYmFy\\n') == b'foobar'", NULL, "true"},
    {"base64.decode('Z\\ng\\r=\\n=') == b'f'", NULL, "true"},
    {"base64.decode('Zh==') == b'f'", NULL, "true"}, /* spare bits */
    {"base64.decode('Z')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"base64.decode('Zm9vY')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"base64.decode('Zg=')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"base64.decode('Zg===')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"base64.decode('Zm9v=')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"base64.decode('Zm9v====')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"base64.decode('=')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"base64.decode('====')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"base64.decode('Zg==Zg==')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"base64.decode('-_--')", NULL, NULL, CF_ERR_CEL_CONVERT}, /* the URL-safe alphabet */
    {"base64.decode('Zm 9v')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"base64.decode('\\u00e9aaa')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"base64.decode('Zm9\\u0000')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"base64.decode(dyn(b'Zg=='))", NULL, NULL, CF_ERR_CEL_TYPE},
};

static void encodes(void **state)
{
    (void)state;
    CEL_ROWS(encoded);
}

static void decodes(void **state)
{
    (void)state;
    CEL_ROWS(decoded);
}

/* A result of the bound's size, and one octet more of what goes in. */
static void stays_within_the_budget(void **state)
{
    (void)state;
    static const cf_cel_budget small = {.output_bytes = 16};
    static const cel_row rows[] = {
        {"base64.encode(x) == '' || true", "{\"x\": \"\"}", "true", .budget = &small},
        {"base64.encode(bytes(x)).size()", "{\"x\": \"0123456789ab\"}", "16", .budget = &small},
        {"base64.encode(bytes(x))", "{\"x\": \"0123456789abc\"}", NULL, CF_ERR_BUDGET,
         .budget = &small},
        {"base64.decode(x).size()", "{\"x\": \"MDEyMzQ1Njc4OWFiY2RlZg\"}", "16", .budget = &small},
        {"base64.decode(x)", "{\"x\": \"MDEyMzQ1Njc4OWFiY2RlZmc\"}", NULL, CF_ERR_BUDGET,
         .budget = &small},
    };
    CEL_ROWS(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes),
        cmocka_unit_test(decodes),
        cmocka_unit_test(stays_within_the_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
