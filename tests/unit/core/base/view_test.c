/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/test.h"

static void makes_views(void **state)
{
    (void)state;
    static const uint8_t array[3] = {1, 2, 3};
    assert_int_equal(CF_LIT("").len, 0);
    assert_int_equal(CF_LIT("a\0b").len, 3);
    assert_int_equal(CF_VIEW_OF(array).len, 3);
    assert_ptr_equal(CF_VIEW_OF(array).data, array);
    assert_int_equal(cf_view_str("abc").len, 3);
    assert_int_equal(cf_view_str("").len, 0);
    assert_int_equal(cf_view_str(NULL).len, 0);
    assert_null(cf_view_str(NULL).data);
}

static void cuts_views(void **state)
{
    (void)state;
    cf_view v = CF_LIT("abcdef");
    static const struct {
        size_t off, len;
        const char *want;
    } rows[] = {
        {0, 6, "abcdef"}, {0, 0, ""}, {5, 1, "f"}, {6, 0, ""},        {2, 3, "cde"},
        {0, 7, ""},       {6, 1, ""}, {7, 0, ""},  {1, SIZE_MAX, ""}, {SIZE_MAX, 1, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_view(cf_view_sub(v, rows[i].off, rows[i].len), cf_view_str(rows[i].want));
    }
    assert_ptr_equal(cf_view_sub(v, 6, 0).data, v.data + 6);
    assert_null(cf_view_sub(v, 7, 0).data);
    assert_null(cf_view_sub(CF_VIEW_EMPTY, 0, 0).data);
}

static void compares(void **state)
{
    (void)state;
    static const struct {
        cf_view a, b;
        int order;
    } rows[] = {
        {CF_LIT_INIT(""), CF_LIT_INIT(""), 0},
        {CF_LIT_INIT("a"), CF_LIT_INIT("a"), 0},
        {CF_LIT_INIT("a"), CF_LIT_INIT("b"), -1},
        {CF_LIT_INIT(""), CF_LIT_INIT("a"), -1},
        {CF_LIT_INIT("ab"), CF_LIT_INIT("abc"), -1},
        {CF_LIT_INIT("abd"), CF_LIT_INIT("abcz"), 1},
        {CF_LIT_INIT("\x7f"), CF_LIT_INIT("\x80"), -1},
        {CF_LIT_INIT("a\0b"), CF_LIT_INIT("a\0c"), -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int there = cf_view_cmp(rows[i].a, rows[i].b), back = cf_view_cmp(rows[i].b, rows[i].a);
        assert_int_equal((there > 0) - (there < 0), rows[i].order);
        assert_int_equal((back > 0) - (back < 0), -rows[i].order);
        assert_int_equal(cf_view_eq(rows[i].a, rows[i].b), rows[i].order == 0);
        assert_int_equal(cf_ct_eq(rows[i].a, rows[i].b), rows[i].order == 0);
    }
    assert_true(cf_view_eq(CF_VIEW_EMPTY, CF_LIT("")));
    assert_true(cf_ct_eq(CF_VIEW_EMPTY, CF_LIT("")));
    assert_int_equal(cf_view_cmp(CF_VIEW_EMPTY, CF_LIT("")), 0);
}

static void constant_time_compare_sees_every_bit(void **state)
{
    (void)state;
    uint8_t a[17] = {0}, b[17] = {0};
    for (size_t bit = 0; bit < 8 * sizeof b; bit++) {
        b[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(cf_ct_eq(CF_VIEW_OF(a), CF_VIEW_OF(b)));
        b[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_true(cf_ct_eq(CF_VIEW_OF(a), CF_VIEW_OF(b)));
    assert_false(cf_ct_eq(CF_VIEW_OF(a), cf_view_make(b, 16)));
}

static void copies(void **state)
{
    (void)state;
    uint8_t to[4] = {9, 9, 9, 9};
    cf_copy(to, "ab", 2);
    assert_memory_equal(to, "ab\x09\x09", 4);
    cf_copy(to, NULL, 0);
    cf_copy(NULL, NULL, 0);
    assert_memory_equal(to, "ab\x09\x09", 4);
}

/* RFC 3629 section 3 and 4, and the usual ways to break it; each also behind and before plain text. */
static const struct {
    cf_view text;
    int points; /* code points, or -1 when not well-formed */
} utf8_rows[] = {
    {CF_LIT_INIT(""), 0},
    {CF_LIT_INIT("plain"), 5},
    {CF_LIT_INIT("\0"), 1},
    {CF_LIT_INIT("\x7f"), 1},
    {CF_LIT_INIT("\xc2\x80"), 1},         /* U+0080, first of two octets */
    {CF_LIT_INIT("\xdf\xbf"), 1},         /* U+07FF, last */
    {CF_LIT_INIT("\xe0\xa0\x80"), 1},     /* U+0800 */
    {CF_LIT_INIT("\xed\x9f\xbf"), 1},     /* U+D7FF, before the surrogates */
    {CF_LIT_INIT("\xee\x80\x80"), 1},     /* U+E000, behind them */
    {CF_LIT_INIT("\xef\xbf\xbf"), 1},     /* U+FFFF */
    {CF_LIT_INIT("\xf0\x90\x80\x80"), 1}, /* U+10000 */
    {CF_LIT_INIT("\xf4\x8f\xbf\xbf"), 1}, /* U+10FFFF */
    {CF_LIT_INIT("z\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\x92"), 4},
    {CF_LIT_INIT("\x80"), -1},             /* continuation alone */
    {CF_LIT_INIT("\xbf"), -1},             /* likewise, last one */
    {CF_LIT_INIT("\xc0\x80"), -1},         /* overlong NUL */
    {CF_LIT_INIT("\xc1\xbf"), -1},         /* overlong U+007F */
    {CF_LIT_INIT("\xe0\x9f\xbf"), -1},     /* overlong U+07FF */
    {CF_LIT_INIT("\xf0\x8f\xbf\xbf"), -1}, /* overlong U+FFFF */
    {CF_LIT_INIT("\xed\xa0\x80"), -1},     /* U+D800 */
    {CF_LIT_INIT("\xed\xbf\xbf"), -1},     /* U+DFFF */
    {CF_LIT_INIT("\xf4\x90\x80\x80"), -1}, /* U+110000 */
    {CF_LIT_INIT("\xf5\x80\x80\x80"), -1}, /* leads nothing */
    {CF_LIT_INIT("\xff"), -1},             /* never occurs */
    {CF_LIT_INIT("\xfe"), -1},
    {CF_LIT_INIT("\xc2"), -1},         /* cut after one of two */
    {CF_LIT_INIT("\xe2\x82"), -1},     /* two of three */
    {CF_LIT_INIT("\xf0\x9f\x94"), -1}, /* three of four */
    {CF_LIT_INIT("\xc2g"), -1},        /* lead without continuation */
    {CF_LIT_INIT("\xe2\x82g"), -1},
    {CF_LIT_INIT("\xf0\x9fg\x92"), -1},
    {CF_LIT_INIT("\xc2\xc2\x80"), -1},
};

static void checks_utf8(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof utf8_rows / sizeof utf8_rows[0]; i++) {
        cf_view exact = view_copy(utf8_rows[i].text);
        assert_int_equal(cf_utf8_ok(exact), utf8_rows[i].points >= 0);
        if (utf8_rows[i].points >= 0) {
            assert_int_equal(cf_utf8_len(exact), utf8_rows[i].points);
        }
        uint8_t padded[16] = {'x'};
        cf_copy(padded + 1, exact.data, exact.len);
        padded[1 + exact.len] = 'y';
        assert_int_equal(cf_utf8_ok(cf_view_make(padded, exact.len + 2)), utf8_rows[i].points >= 0);
        view_free(exact);
    }
    assert_true(cf_utf8_ok(CF_VIEW_EMPTY));
}

/* Every scalar value encodes to well-formed text, and every surrogate does not. */
static void checks_every_code_point(void **state)
{
    (void)state;
    for (uint32_t c = 0x800; c <= 0x10FFFF; c++) {
        uint8_t t[4];
        size_t n = c < 0x10000 ? 3 : 4;
        for (size_t i = 1; i < n; i++) {
            t[i] = (uint8_t)(0x80 | (c >> (6 * (n - 1 - i)) & 0x3F));
        }
        t[0] = (uint8_t)(n == 3 ? 0xE0 | c >> 12 : 0xF0 | c >> 18);
        assert_int_equal(cf_utf8_ok(cf_view_make(t, n)), c < 0xD800 || c > 0xDFFF);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_views),
        cmocka_unit_test(cuts_views),
        cmocka_unit_test(compares),
        cmocka_unit_test(constant_time_compare_sees_every_bit),
        cmocka_unit_test(copies),
        cmocka_unit_test(checks_utf8),
        cmocka_unit_test(checks_every_code_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
