/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of scalars without an expression around them: the longest of each kind, and the kinds that have none. What string(v) gives for
 * each is in lib_convert_test.c. */
#include <float.h>

#include "core/cel/function.h"
#include "tests/support/test.h"

static const uint8_t ones[16] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
/* ::ffff:192.168.0.1, which is an IPv4 address or its twin of version 6 */
static const uint8_t mapped[16] = {[10] = 0xFF, [11] = 0xFF, [12] = 192, [13] = 168, [15] = 1};
/* 1:0:0:2::3 and 1::2:0:0:3: of two runs of zeros the longer becomes "::", of equal ones the first */
static const uint8_t longer[16] = {[1] = 1, [7] = 2, [15] = 3};
static const uint8_t first[16] = {[1] = 1, [7] = 2, [9] = 3, [15] = 4};

static void writes_the_longest(void **state)
{
    (void)state;
    const struct {
        cf_cel_value v;
        const char *text;
    } rows[] = {
        {cf_cel_bool(false), "false"},
        {cf_cel_int(INT64_MIN), "-9223372036854775808"},
        {cf_cel_uint(UINT64_MAX), "18446744073709551615"},
        {cf_cel_double(-DBL_MIN), "-2.2250738585072014e-308"},
        {cf_cel_timestamp(INT64_C(253402300799), 999999999), "9999-12-31T23:59:59.999999999Z"},
        {cf_cel_duration(INT64_MIN), "-9223372036.854775808s"},
        {{.kind = CF_CEL_IP, .aux = 6, .s = ones}, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
        {{.kind = CF_CEL_CIDR, .aux = 6, .len = 128, .s = ones},
         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"},
        {{.kind = CF_CEL_IP, .aux = 4, .s = ones}, "255.255.255.255"},
        {{.kind = CF_CEL_CIDR, .aux = 4, .len = 32, .s = ones}, "255.255.255.255/32"},
        {{.kind = CF_CEL_IP, .aux = 4, .s = mapped}, "192.168.0.1"},
        {{.kind = CF_CEL_IP, .aux = 6, .s = mapped}, "::ffff:c0a8:1"},
        {{.kind = CF_CEL_IP, .aux = 6, .s = longer}, "1:0:0:2::3"},
        {{.kind = CF_CEL_IP, .aux = 6, .s = first}, "1::2:3:0:0:4"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[CF_CEL_PRINT_BYTES];
        size_t len = 77;
        assert_ok(cf_cel_print(&rows[i].v, text, &len));
        assert_view(cf_view_make(text, len), cf_view_str(rows[i].text));
    }
}

static void has_no_text_for_the_rest(void **state)
{
    (void)state;
    static const cf_cel_kind kinds[] = {CF_CEL_UNSET,  CF_CEL_ERROR, CF_CEL_NULL,
                                        CF_CEL_STRING, CF_CEL_BYTES, CF_CEL_LIST,
                                        CF_CEL_MAP,    CF_CEL_TYPE,  CF_CEL_OPTIONAL};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        char text[CF_CEL_PRINT_BYTES];
        size_t len = 77;
        cf_cel_value v = {.kind = (uint8_t)kinds[i]};
        assert_err(cf_cel_print(&v, text, &len), CEL_TYPE);
        assert_int_equal(len, 0);
    }
    char text[CF_CEL_PRINT_BYTES];
    size_t len = 77;
    cf_cel_value late = cf_cel_timestamp(INT64_C(253402300800), 0);
    assert_err(cf_cel_print(&late, text, &len), RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_the_longest),
        cmocka_unit_test(has_no_text_for_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
