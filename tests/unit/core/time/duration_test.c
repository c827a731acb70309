/* SPDX-License-Identifier: Apache-2.0 */
#include "core/time/time.h"

#include "tests/support/failmalloc.h"
#include "tests/support/test.h"

static const struct {
    const char *text;
    cf_duration d;
    const char *back;
} good[] = {
    {"0", 0, "0s"},
    {"+0", 0, "0s"},
    {"-0", 0, "0s"},
    {"0s", 0, "0s"},
    {"-0.0h", 0, "0s"},
    {"1s", 1000000000, "1s"},
    {"1h", 3600000000000, "3600s"},
    {"1m", 60000000000, "60s"},
    {"1ms", 1000000, "0.001s"},
    {"1us", 1000, "0.000001s"},
    {"1\xC2\xB5s", 1000, "0.000001s"},
    {"1\xCE\xBCs", 1000, "0.000001s"},
    {"1ns", 1, "0.000000001s"},
    {"-1ns", -1, "-0.000000001s"},
    {"60s1ms", 60001000000, "60.001s"},
    {"1.5h", 5400000000000, "5400s"},
    {"-1.5h", -5400000000000, "-5400s"},
    {"+1.5h", 5400000000000, "5400s"},
    {".5s", 500000000, "0.5s"},
    {"-.5s", -500000000, "-0.5s"},
    {"5.s", 5000000000, "5s"},
    {"1h2m3s4ms5us6ns", 3723004005006, "3723.004005006s"},
    {"6ns5us4ms3s2m1h", 3723004005006, "3723.004005006s"},
    {"1s1s.5s", 2500000000, "2.5s"},
    {"1m1ms1m", 120001000000, "120.001s"},
    {"007s", 7000000000, "7s"},
    {"999999999s", 999999999000000000, "999999999s"},
    {"1000000000s", 1000000000000000000, "1000000000s"},
    {"1000000001.000000001s", 1000000001000000001, "1000000001.000000001s"},
    /* fractions are cut, never rounded, however long they are */
    {"0.9ns", 0, "0s"},
    {"0.9ns0.9ns", 0, "0s"},
    {"0.99999999999999999999999999999999999999999999s", 999999999, "0.999999999s"},
    {"1.9999ns", 1, "0.000000001s"},
    {"-1.9999ns", -1, "-0.000000001s"},
    {"0.1234567891us", 123, "0.000000123s"},
    {"0.333333333333333333333333333333333333h", 1199999999999, "1199.999999999s"},
    {"0.333333333333333333333333333333333334h", 1200000000000, "1200s"},
    {"0.290000000000000000000000000000000ms", 290000, "0.00029s"},
    {"0.830103483285477580700h", 2988372539827, "2988.372539827s"},
    {"9223372036.854775807s", INT64_MAX, "9223372036.854775807s"},
    {"9223372036854775807ns", INT64_MAX, "9223372036.854775807s"},
    {"9223372036854775806ns1ns", INT64_MAX, "9223372036.854775807s"},
    {"-9223372036854775808ns", INT64_MIN, "-9223372036.854775808s"},
    {"-9223372036.854775808s", INT64_MIN, "-9223372036.854775808s"},
    {"-9223372036s854775808ns", INT64_MIN, "-9223372036.854775808s"},
    {"2562047h47m16.854775807s", INT64_MAX, "9223372036.854775807s"},
};

static const struct {
    const char *text;
    cf_err err;
} bad[] = {
    {"9223372036854775808ns", CF_ERR_RANGE},
    {"9223372036.854775808s", CF_ERR_RANGE},
    {"9223372036854775807ns1ns", CF_ERR_RANGE},
    {"-9223372036854775809ns", CF_ERR_RANGE},
    {"-9223372036854775808ns1ns", CF_ERR_RANGE},
    {"9223372037s", CF_ERR_RANGE},
    {"2562048h", CF_ERR_RANGE},
    {"-2562048h", CF_ERR_RANGE},
    {"18446744073709551615ns", CF_ERR_RANGE},
    {"18446744073709551616ns", CF_ERR_RANGE},
    {"18446744073709551617ns", CF_ERR_RANGE},
    {"5124095576030431h", CF_ERR_RANGE}, /* 2^64 in nanoseconds is 0.6 hours less */
    {"9000000000s9000000000s9000000000s", CF_ERR_RANGE},
    {"99999999999999999999999999999999999999h", CF_ERR_RANGE},
    {"99999999999999999999999999999999999999hx", CF_ERR_MALFORMED},
    {"", CF_ERR_MALFORMED},
    {"+", CF_ERR_MALFORMED},
    {"-", CF_ERR_MALFORMED},
    {"+-1s", CF_ERR_MALFORMED},
    {"1", CF_ERR_MALFORMED},
    {"00", CF_ERR_MALFORMED},
    {"0.", CF_ERR_MALFORMED},
    {"0.0", CF_ERR_MALFORMED},
    {"s", CF_ERR_MALFORMED},
    {".s", CF_ERR_MALFORMED},
    {".", CF_ERR_MALFORMED},
    {"-.s", CF_ERR_MALFORMED},
    {"1..5s", CF_ERR_MALFORMED},
    {"1.5.5s", CF_ERR_MALFORMED},
    {"1s2", CF_ERR_MALFORMED},
    {"1s-2s", CF_ERR_MALFORMED},
    {"1s+2s", CF_ERR_MALFORMED},
    {"1h 2m", CF_ERR_MALFORMED},
    {" 1h", CF_ERR_MALFORMED},
    {"1h ", CF_ERR_MALFORMED},
    {"1 h", CF_ERR_MALFORMED},
    {"1d", CF_ERR_MALFORMED},
    {"1w", CF_ERR_MALFORMED},
    {"1y", CF_ERR_MALFORMED},
    {"1S", CF_ERR_MALFORMED},
    {"1H", CF_ERR_MALFORMED},
    {"1Ms", CF_ERR_MALFORMED},
    {"1hm", CF_ERR_MALFORMED},
    {"1sec", CF_ERR_MALFORMED},
    {"1e3s", CF_ERR_MALFORMED},
    {"1_000s", CF_ERR_MALFORMED},
    {"0x1s", CF_ERR_MALFORMED},
    {"1,5s", CF_ERR_MALFORMED},
    {"1\xC2s", CF_ERR_MALFORMED},
    {"1\xB5s", CF_ERR_MALFORMED},
    {"1\xC2\xB5", CF_ERR_MALFORMED},
    {"Infs", CF_ERR_MALFORMED},
};

static cf_result parses_all(void *ctx)
{
    (void)ctx;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        cf_duration d = 77;
        assert_ok(cf_duration_parse(cf_view_str(good[i].text), &d));
        assert_int_equal(d, good[i].d);
        cf_time_text text = cf_duration_format(d);
        assert_view(cf_time_text_view(&text), cf_view_str(good[i].back));
    }
    return cf_ok();
}

static void parses_and_formats(void **state)
{
    (void)state;
    assert_int_equal(failmalloc_each(parses_all, NULL, 0), 0);
    cf_time_text text = cf_duration_format(INT64_MIN);
    assert_int_equal(text.len, CF_DURATION_TEXT_BYTES_MAX);
}

static void refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cf_view text = view_copy(cf_view_str(bad[i].text));
        cf_duration d = 77;
        assert_code(cf_duration_parse(text, &d), bad[i].err);
        assert_int_equal(d, 0);
        view_free(text);
    }
    cf_duration d;
    assert_err(cf_duration_parse(CF_VIEW_EMPTY, &d), MALFORMED);
    assert_err(cf_duration_parse(CF_LIT("1s\0"), &d), MALFORMED);
    assert_err(cf_duration_parse(CF_LIT("0\0"), &d), MALFORMED);
}

static void round_trip(cf_duration d)
{
    cf_duration back = 0;
    cf_time_text text = cf_duration_format(d);
    assert_true(text.len <= CF_DURATION_TEXT_BYTES_MAX);
    assert_ok(cf_duration_parse(cf_time_text_view(&text), &back));
    assert_true(back == d);
}

static void round_trips(void **state)
{
    (void)state;
    for (int bit = 0; bit < 63; bit++) {
        for (int64_t near = -2; near <= 2; near++) {
            round_trip((INT64_C(1) << bit) + near);
            round_trip(-(INT64_C(1) << bit) - near);
        }
    }
    uint64_t n = 1;
    for (int i = 0; i < 20000; i++) {
        n = n * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        round_trip((int64_t)n >> (n >> 58));
    }
}

static void arithmetic(void **state)
{
    (void)state;
    cf_duration d = 77;
    assert_ok(cf_duration_add(INT64_MAX - 1, 1, &d));
    assert_true(d == INT64_MAX);
    assert_err(cf_duration_add(INT64_MAX, 1, &d), RANGE);
    assert_int_equal(d, 0);
    assert_err(cf_duration_add(INT64_MIN, -1, &d), RANGE);
    assert_ok(cf_duration_add(INT64_MIN, INT64_MAX, &d));
    assert_int_equal(d, -1);
    assert_ok(cf_duration_sub(INT64_MIN, INT64_MIN, &d));
    assert_int_equal(d, 0);
    d = 77;
    assert_err(cf_duration_sub(0, INT64_MIN, &d), RANGE);
    assert_int_equal(d, 0);
    assert_ok(cf_duration_sub(-1, INT64_MIN, &d));
    assert_true(d == INT64_MAX);
    assert_err(cf_duration_sub(INT64_MIN, 1, &d), RANGE);
    assert_err(cf_duration_neg(INT64_MIN, &d), RANGE);
    assert_ok(cf_duration_neg(INT64_MIN + 1, &d));
    assert_true(d == INT64_MAX);
    assert_ok(cf_duration_neg(INT64_MAX, &d));
    assert_true(d == -INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_and_formats),
        cmocka_unit_test(refuses),
        cmocka_unit_test(round_trips),
        cmocka_unit_test(arithmetic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
