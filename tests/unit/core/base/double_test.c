/* SPDX-License-Identifier: Apache-2.0 */
/* Doubles as text: tables of the hard cases, then libc as the peer for numbers at random (glibc rounds exactly, both ways). */
#include "core/base/number.h"

#include <fenv.h>
#include <float.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>

#include "tests/support/test.h"

static uint64_t bits_of(double d)
{
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    return bits;
}

static double double_of(uint64_t bits)
{
    double d;
    memcpy(&d, &bits, sizeof d);
    return d;
}

static uint64_t next_random(uint64_t *state)
{
    *state += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static const struct {
    const char *text;
    double d;
} good[] = {
    {"0", 0},
    {"-0", -0.0},
    {"+0", 0},
    {"000.000", 0},
    {"-0.0e5", -0.0},
    {"1", 1},
    {"+1", 1},
    {"-1.5", -1.5},
    {"007", 7},
    {".5", 0.5},
    {"5.", 5},
    {"1e3", 1000},
    {"1E+3", 1000},
    {"15e-1", 1.5},
    {"0.1", 0.1},
    {"9007199254740992", 9007199254740992.0},
    {"9007199254740993", 9007199254740992.0}, /* halfway, to even */
    {"9007199254740993.000000000000000000001", 9007199254740994.0},
    {"9007199254740995", 9007199254740996.0},
    {"18446744073709551615", 18446744073709551616.0},
    {"123456789012345678901234567890", 123456789012345678901234567890.0},
    {"1e22", 1e22},
    {"1e23", 1e23},
    {"8.5e-23", 8.5e-23},
    {"2.2250738585072014e-308", DBL_MIN},
    {"2.2250738585072011e-308", 2.2250738585072011e-308}, /* once endless loops in others */
    {"2.2250738585072012e-308", DBL_MIN},
    {"1.7976931348623157e308", DBL_MAX},
    {"1.797693134862315807e308", DBL_MAX}, /* below the halfway point to 2^1024 */
    {"5e-324", 0x1p-1074},
    {"2.4703282292062328e-324", 0x1p-1074}, /* above half of the least */
    {"2.4703282292062327e-324", 0},         /* at or below it */
    {"1e-324", 0},
    {"1e-400", 0},
    {"-1e-400", -0.0},
    {"0e999999999999999999999999", 0},
    {"1e-999999999999999999999999", 0},
    {"0.000001e6", 1},
    {"1000000e-6", 1},
};

static const char *const malformed[] = {
    "",    "+",    "-",  ".",   "e5",   "1e",   "1e+",      "1.2.3",     " 1",       "1 ",
    "1_0", "0x1",  "1f", "NaN", "nan",  "inf",  "--1",      "+-1",       "1e5.0",    "1e5e5",
    "1,5", "1e 5", "-.", ".e1", "1e--", "1ee1", "\xD9\xA1", "1\xC2\xA0", "infinity",
};

static const char *const too_large[] = {
    "1e309",
    "-1e309",
    "1.7976931348623159e308",
    "1.797693134862315808e308", /* beyond the halfway point */
    "1e999999999999999999999999999",
    "17976931348623158079372897140530341507993413271003782693617377898044496829276475094664"
    "901797758720709633028641"
    "66928879109465555478519404026306574886715058206819089020007083836762738548458177115317"
    "644757302700698555713669"
    "59622842914819860834936475292719074168444365510704342711559699508093042880177904174497"
    "792", /* the halfway point itself, to even */
};

static void parse_as(cf_view text, cf_err err, double d)
{
    cf_view copy = view_copy(text); /* exact room: a read beyond the view is seen */
    double got = 77;
    assert_code(cf_double_parse(copy, &got), err);
    assert_int_equal(bits_of(got), bits_of(d));
    view_free(copy);
}

static void parses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        parse_as(cf_view_str(good[i].text), CF_OK, good[i].d);
    }
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        parse_as(cf_view_str(malformed[i]), CF_ERR_MALFORMED, 0);
    }
    for (size_t i = 0; i < sizeof too_large / sizeof too_large[0]; i++) {
        parse_as(cf_view_str(too_large[i]), CF_ERR_RANGE, 0);
    }
    parse_as(CF_LIT("1\0"), CF_ERR_MALFORMED, 0);
}

/* Text of head, n times fill, tail. */
static cf_view stretched(const char *head, char fill, size_t n, const char *tail)
{
    size_t h = strlen(head), t = strlen(tail);
    uint8_t *p = malloc(h + n + t);
    assert_non_null(p);
    memcpy(p, head, h);
    memset(p + h, fill, n);
    memcpy(p + h + n, tail, t);
    return cf_view_make(p, h + n + t);
}

static void parses_digits_without_end(void **state)
{
    (void)state;
    static const struct {
        const char *head, *tail;
        char fill;
        size_t n;
        double d;
    } rows[] = {
        {"1", "", '0', 308, 1e308},
        {"0.", "1", '0', 1000000, 0},
        {"0.", "1e1000001", '0', 1000000, 1},
        {"1", "e-1000000", '0', 1000000, 1},
        {"1", "e-1000000", '0', 766, 0},
        {"9007199254740993.", "1", '0', 740, 9007199254740994.0},
        {"9007199254740993.", "1", '0', 752, 9007199254740994.0}, /* the last digit kept, */
        {"9007199254740993.", "1", '0', 753, 9007199254740994.0}, /* and the first that is not */
        {"9007199254740993.", "1", '0', 1000000, 9007199254740994.0},
        {"9007199254740993.", "0", '0', 1000000, 9007199254740992.0},
        {"9007199254740992.", "", '9', 1000000, 9007199254740992.0},
        {"9007199254740994.", "", '9', 1000000, 9007199254740994.0},
        {"0.", "", '3', 1000000, 1.0 / 3},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cf_view text = stretched(rows[i].head, rows[i].fill, rows[i].n, rows[i].tail);
        parse_as(text, CF_OK, rows[i].d);
        view_free(text);
    }
    /* The longest halfway point has 768 digits: below it, at it, above it by a digit that is kept no more. */
    char half[800];
    assert_int_equal(snprintf(half, sizeof half, "%.767Le", 0x1.fffffffffffffp-1022L + 0x1p-1075L),
                     774);
    char *last = half + 768;
    assert_memory_equal(last - 2, "875e-308", 8);
    parse_as(cf_view_str(half), CF_OK, 0x1p-1021);
    memcpy(last, "4e-308", 7);
    parse_as(cf_view_str(half), CF_OK, 0x1.fffffffffffffp-1022);
    /* The next longest, whose lower neighbour is the even one. */
    assert_int_equal(snprintf(half, sizeof half, "%.767Le", 0x1.ffffffffffffep-1022L + 0x1p-1075L),
                     774);
    parse_as(cf_view_str(half), CF_OK, 0x1.ffffffffffffep-1022);
    memcpy(last + 1, "0000000001e-308", 16);
    parse_as(cf_view_str(half), CF_OK, 0x1.fffffffffffffp-1022);
    cf_view over = stretched("1", '0', 309, "");
    parse_as(over, CF_ERR_RANGE, 0);
    view_free(over);
    cf_view bad = stretched("1", '0', 1000000, "x");
    parse_as(bad, CF_ERR_MALFORMED, 0);
    view_free(bad);
}

static void parses_as_libc_does(void **state)
{
    (void)state;
    uint64_t seed = 1;
    char text[1300];
    for (int i = 0; i < 40000; i++) {
        uint64_t r = next_random(&seed);
        double d = double_of(r & ~(UINT64_C(1) << 63));
        if (i % 4 == 0) {
            d = (double)(r >> 11) * exp10((int)(r % 44) - 22);
        }
        if (!isfinite(d)) {
            continue;
        }
        double up = nextafter(d, INFINITY);
        switch (i % 3) {
        case 0: /* any number of digits */
            snprintf(text, sizeof text, "%.*e", (int)(next_random(&seed) % 40), d);
            break;
        case 1: /* exactly halfway, and a little more or less */
            snprintf(text, sizeof text, "%.1100Lf", ((long double)d + (long double)up) / 2);
            if (d > 1e30 || d < 1e-300) {
                snprintf(text, sizeof text, "%.1100f", d);
            }
            text[strlen(text) - 1] = (char)('0' + r % 3);
            break;
        default:
            snprintf(text, sizeof text, "%" PRIu64 "e%d", r >> (r % 64), (int)(r % 640) - 330);
            break;
        }
        double want = strtod(text, NULL);
        parse_as(cf_view_str(text), isinf(want) ? CF_ERR_RANGE : CF_OK, isinf(want) ? 0 : want);
    }
}

static const struct {
    double d;
    const char *print, *plain;
} printed[] = {
    {0, "0", "0"},
    {-0.0, "-0", "-0"},
    {1, "1", "1"},
    {-1.5, "-1.5", "-1.5"},
    {100000, "100000", "100000"},
    {999999, "999999", "999999"},
    {1e6, "1e+06", "1000000"},
    {1234567, "1.234567e+06", "1234567"},
    {123456789, "1.23456789e+08", "123456789"},
    {123456.789, "123456.789", "123456.789"},
    {0.0001, "0.0001", "0.0001"},
    {0.00012, "0.00012", "0.00012"},
    {0.00001, "1e-05", "0.00001"},
    {-0.000015, "-1.5e-05", "-0.000015"},
    {0.1, "0.1", "0.1"},
    {0.1 + 0.2, "0.30000000000000004", "0.30000000000000004"},
    {1.0 / 3, "0.3333333333333333", "0.3333333333333333"},
    {2.0 / 3, "0.6666666666666666", "0.6666666666666666"},
    {1e21, "1e+21", "1000000000000000000000"},
    {1e22, "1e+22", "10000000000000000000000"},
    {1e23, "1e+23", "100000000000000000000000"},
    {9007199254740993.0, "9.007199254740992e+15", "9007199254740992"},
    {0x1p63, "9.223372036854776e+18", "9223372036854776000"},
    {0x1p64, "1.8446744073709552e+19", "18446744073709552000"},
    {9.5367431640625e-07, "9.5367431640625e-07", "0.00000095367431640625"},
    /* powers of two, where the gap below is half of the one above */
    {0x1p-44, "5.684341886080802e-14", "0.00000000000005684341886080802"},
    {0x1p-1022, "2.2250738585072014e-308", NULL},
    {9.409340012568248e18, "9.409340012568248e+18", "9409340012568248000"},
    {5e-324, "5e-324", NULL},
    {1e-323, "1e-323", NULL},
    {DBL_MAX, "1.7976931348623157e+308", NULL},
    {-2.2250738585072011e-308, "-2.225073858507201e-308", NULL},
    {4.35, "4.35", "4.35"},
    {1e15, "1e+15", "1000000000000000"},
    {999999999999999, "9.99999999999999e+14", "999999999999999"},
};

static void prints(void **state)
{
    (void)state;
    char print[CF_DOUBLE_PRINT_BYTES], plain[CF_DOUBLE_TEXT_BYTES];
    for (size_t i = 0; i < sizeof printed / sizeof printed[0]; i++) {
        assert_view(cf_view_make(print, cf_double_print(printed[i].d, print)),
                    cf_view_str(printed[i].print));
        if (printed[i].plain != NULL) {
            assert_view(cf_view_make(plain, cf_double_plain(printed[i].d, plain)),
                        cf_view_str(printed[i].plain));
        }
    }
    assert_int_equal(cf_double_print(NAN, print), 0);
    assert_int_equal(cf_double_print(-INFINITY, print), 0);
    assert_int_equal(cf_double_plain(INFINITY, plain), 0);
    assert_int_equal(cf_double_plain(5e-324, plain), 326);
    assert_int_equal(cf_double_plain(-DBL_MAX, plain), 310);
}

/* Digits of a text, without sign, point, exponent and the zeros around them. */
static size_t digits_in(const char *text, size_t n)
{
    size_t count = 0, zeros = 0;
    for (size_t i = 0; i < n && text[i] != 'e'; i++) {
        if (text[i] >= '0' && text[i] <= '9' && (text[i] != '0' || count > 0)) {
            count++;
            zeros = text[i] == '0' ? zeros + 1 : 0;
        }
    }
    return count - zeros;
}

/* Reads back; no shorter text does, neither rounded up nor down; and of the same length none is nearer. */
static void check_shortest(double d)
{
    char print[CF_DOUBLE_PRINT_BYTES], plain[CF_DOUBLE_TEXT_BYTES], other[64];
    size_t n = cf_double_print(d, print);
    parse_as(cf_view_make(print, n), CF_OK, d);
    parse_as(cf_view_make(plain, cf_double_plain(d, plain)), CF_OK, d);
    size_t digits = digits_in(print, n);
    assert_in_range(digits, d != 0, 17);
    print[n] = '\0';
    static const int ways[] = {FE_TONEAREST, FE_DOWNWARD, FE_UPWARD};
    for (int i = 0; i < 3; i++) {
        if (digits > 1) {
            fesetround(ways[i]);
            snprintf(other, sizeof other, "%.*e", (int)digits - 2, d);
            fesetround(FE_TONEAREST);
            assert_true(bits_of(strtod(other, NULL)) != bits_of(d));
        }
    }
    snprintf(other, sizeof other, "%.*e", (int)digits - 1, d);
    if (bits_of(strtod(other, NULL)) == bits_of(d) &&
        strtold(other, NULL) != strtold(print, NULL)) {
        /* Both read back; ours may differ from the nearest in a tie alone. */
        assert_true(fabsl(strtold(other, NULL) - (long double)d) ==
                    fabsl(strtold(print, NULL) - (long double)d));
    }
}

static void prints_the_shortest(void **state)
{
    (void)state;
    uint64_t seed = 2;
    for (int i = 0; i < 20000; i++) {
        double d = double_of(next_random(&seed));
        if (isfinite(d)) {
            check_shortest(d);
        }
        uint64_t r = next_random(&seed);
        check_shortest((double)(r >> (r % 64) >> 11) / exp10((double)(r % 12)));
    }
    for (int e = -1074; e < 1024; e++) {
        check_shortest(ldexp(1, e));
        check_shortest(nextafter(ldexp(1, e), 0));
        check_shortest(nextafter(ldexp(1, e), INFINITY));
    }
    for (int e = -323; e < 309; e++) {
        check_shortest(exp10(e));
    }
}

static void check_places(double d, unsigned precision)
{
    char ours[CF_DOUBLE_TEXT_BYTES], libc[1000];
    int n = snprintf(libc, sizeof libc, "%.*f", (int)precision, d);
    assert_view(cf_view_make(ours, cf_double_fixed(d, precision, ours)),
                cf_view_make(libc, (size_t)n));
    n = snprintf(libc, sizeof libc, "%.*e", (int)precision, d);
    assert_view(cf_view_make(ours, cf_double_scientific(d, precision, ours)),
                cf_view_make(libc, (size_t)n));
}

static void prints_places(void **state)
{
    (void)state;
    static const double rows[] = {0,
                                  -0.0,
                                  0.5,
                                  1.5,
                                  2.5,
                                  -2.5,
                                  0.125,
                                  0.375,
                                  9.5,
                                  99.5,
                                  0.95,
                                  9.995,
                                  999999.9999,
                                  1e22,
                                  1e23,
                                  DBL_MAX,
                                  -DBL_MAX,
                                  DBL_MIN,
                                  5e-324,
                                  0.1,
                                  1.005,
                                  123456789,
                                  1e-7,
                                  0x1p64,
                                  0x1p-64,
                                  0x1p63,
                                  4503599627370497.5,
                                  9.9999999999e99};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (unsigned precision = 0; precision <= CF_DOUBLE_PRECISION_MAX; precision++) {
            check_places(rows[i], precision);
        }
    }
    uint64_t seed = 3;
    for (int i = 0; i < 20000; i++) {
        double d = double_of(next_random(&seed));
        uint64_t r = next_random(&seed);
        if (isfinite(d)) {
            check_places(d, (unsigned)(r % (CF_DOUBLE_PRECISION_MAX + 1)));
        }
        check_places((double)(int64_t)(r >> (r % 64)) / 1024, (unsigned)(r % 12));
    }
    char text[CF_DOUBLE_TEXT_BYTES];
    assert_int_equal(cf_double_fixed(-DBL_MAX, CF_DOUBLE_PRECISION_MAX, text), 411);
    assert_int_equal(cf_double_fixed(1, CF_DOUBLE_PRECISION_MAX + 1, text), 0);
    assert_int_equal(cf_double_scientific(1, CF_DOUBLE_PRECISION_MAX + 1, text), 0);
    assert_int_equal(cf_double_fixed(NAN, 1, text), 0);
    assert_int_equal(cf_double_scientific(INFINITY, 1, text), 0);
}

/* A host's locale and rounding mode change nothing. */
static void knows_no_locale_and_no_rounding_mode(void **state)
{
    (void)state;
    char text[CF_DOUBLE_PRINT_BYTES];
    static const char *const locales[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "C.UTF-8"};
    for (size_t i = 0; i < sizeof locales / sizeof locales[0]; i++) {
        (void)setlocale(LC_ALL, locales[i]);
        parse_as(CF_LIT("1.5"), CF_OK, 1.5);
        parse_as(CF_LIT("1,5"), CF_ERR_MALFORMED, 0);
        assert_view(cf_view_make(text, cf_double_print(1.5, text)), CF_LIT("1.5"));
    }
    (void)setlocale(LC_ALL, "C");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses),
        cmocka_unit_test(parses_digits_without_end),
        cmocka_unit_test(parses_as_libc_does),
        cmocka_unit_test(prints),
        cmocka_unit_test(prints_the_shortest),
        cmocka_unit_test(prints_places),
        cmocka_unit_test(knows_no_locale_and_no_rounding_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
