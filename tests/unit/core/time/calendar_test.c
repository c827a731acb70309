/* SPDX-License-Identifier: Apache-2.0 */
#include "core/time/time.h"

#include "tests/support/test.h"

static const struct {
    int64_t seconds;
    cf_civil civil;
} known[] = {
    {0, {1970, 1, 1, 0, 0, 0, 4, 0}},
    {-1, {1969, 12, 31, 23, 59, 59, 3, 364}},
    {-86400, {1969, 12, 31, 0, 0, 0, 3, 364}},
    {-86401, {1969, 12, 30, 23, 59, 59, 2, 363}},
    {1234567890, {2009, 2, 13, 23, 31, 30, 5, 43}},
    {951782400, {2000, 2, 29, 0, 0, 0, 2, 59}},
    {951868800, {2000, 3, 1, 0, 0, 0, 3, 60}},
    {978220800, {2000, 12, 31, 0, 0, 0, 0, 365}},
    {4107542399, {2100, 2, 28, 23, 59, 59, 0, 58}},
    {4107542400, {2100, 3, 1, 0, 0, 0, 1, 59}},
    {2147483647, {2038, 1, 19, 3, 14, 7, 2, 18}},
    {-2208988800, {1900, 1, 1, 0, 0, 0, 1, 0}},
    {-11644473600, {1601, 1, 1, 0, 0, 0, 1, 0}},
    {CF_TIMESTAMP_SECONDS_MIN, {1, 1, 1, 0, 0, 0, 1, 0}},
    {CF_TIMESTAMP_SECONDS_MAX, {9999, 12, 31, 23, 59, 59, 5, 364}},
};

static void same(const cf_civil *a, const cf_civil *b)
{
    assert_int_equal(a->year, b->year);
    assert_int_equal(a->month, b->month);
    assert_int_equal(a->day, b->day);
    assert_int_equal(a->hour, b->hour);
    assert_int_equal(a->minute, b->minute);
    assert_int_equal(a->second, b->second);
    assert_int_equal(a->weekday, b->weekday);
    assert_int_equal(a->day_of_year, b->day_of_year);
}

static void known_dates(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        cf_civil civil;
        int64_t seconds;
        assert_ok(cf_civil_at(known[i].seconds, 0, &civil));
        same(&civil, &known[i].civil);
        assert_ok(cf_civil_seconds(&known[i].civil, &seconds));
        assert_int_equal(seconds, known[i].seconds);
    }
}

static bool leap(int32_t year)
{
    return year % 400 == 0 || (year % 4 == 0 && year % 100 != 0);
}

/* Every day of the range, against a calendar that is counted on day by day. */
static void every_day(void **state)
{
    (void)state;
    static const uint8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    cf_civil c = {.year = 1, .month = 1, .day = 1, .weekday = 1};
    int64_t days = 0;
    for (int64_t s = CF_TIMESTAMP_SECONDS_MIN; s < CF_TIMESTAMP_SECONDS_MAX;
         s += CF_SECONDS_PER_DAY) {
        uint8_t length = (uint8_t)(lengths[c.month - 1] + (c.month == 2 && leap(c.year) ? 1 : 0));
        cf_civil got;
        int64_t back = 0;
        assert_ok(cf_civil_at(s, 0, &got));
        same(&got, &c);
        assert_ok(cf_civil_seconds(&got, &back));
        assert_true(back == s);
        assert_ok(cf_civil_at(s + CF_SECONDS_PER_DAY - 1, 0, &got));
        assert_true(got.day == c.day && got.hour == 23 && got.minute == 59 && got.second == 59);
        c.weekday = (uint8_t)((c.weekday + 1) % 7);
        c.day_of_year++;
        if (++c.day > length) {
            c.day = 1;
            c.month++;
        }
        if (c.month > 12) {
            c.month = 1;
            c.year++;
            c.day_of_year = 0;
        }
        days++;
    }
    assert_int_equal(days, 3652059);
    assert_int_equal(c.year, 10000);
}

static void every_second_of_a_day(void **state)
{
    (void)state;
    for (int32_t s = 0; s < CF_SECONDS_PER_DAY; s++) {
        cf_civil c;
        assert_ok(cf_civil_at(s - CF_SECONDS_PER_DAY, 0, &c));
        assert_true(c.hour * 3600 + c.minute * 60 + c.second == s && c.day == 31);
    }
}

static void offsets(void **state)
{
    (void)state;
    cf_civil c;
    assert_ok(cf_civil_at(0, 5 * 3600 + 30 * 60, &c));
    same(&c, &(cf_civil){1970, 1, 1, 5, 30, 0, 4, 0});
    assert_ok(cf_civil_at(0, -1, &c));
    same(&c, &(cf_civil){1969, 12, 31, 23, 59, 59, 3, 364});
    /* over both edges of the range */
    assert_ok(cf_civil_at(CF_TIMESTAMP_SECONDS_MAX, 1, &c));
    same(&c, &(cf_civil){10000, 1, 1, 0, 0, 0, 6, 0});
    assert_ok(cf_civil_at(CF_TIMESTAMP_SECONDS_MAX, CF_SECONDS_PER_DAY - 1, &c));
    same(&c, &(cf_civil){10000, 1, 1, 23, 59, 58, 6, 0});
    assert_ok(cf_civil_at(CF_TIMESTAMP_SECONDS_MIN, -1, &c));
    same(&c, &(cf_civil){0, 12, 31, 23, 59, 59, 0, 365});
    assert_ok(cf_civil_at(CF_TIMESTAMP_SECONDS_MIN, -CF_SECONDS_PER_DAY + 1, &c));
    same(&c, &(cf_civil){0, 12, 31, 0, 0, 1, 0, 365});
}

static void limits(void **state)
{
    (void)state;
    cf_civil c;
    const cf_civil none = {0};
    assert_err(cf_civil_at(CF_TIMESTAMP_SECONDS_MIN - 1, 0, &c), RANGE);
    assert_err(cf_civil_at(CF_TIMESTAMP_SECONDS_MAX + 1, 0, &c), RANGE);
    assert_err(cf_civil_at(INT64_MIN, 0, &c), RANGE);
    assert_err(cf_civil_at(INT64_MAX, 0, &c), RANGE);
    assert_err(cf_civil_at(0, CF_SECONDS_PER_DAY, &c), RANGE);
    assert_err(cf_civil_at(0, -CF_SECONDS_PER_DAY, &c), RANGE);
    assert_err(cf_civil_at(0, INT32_MIN, &c), RANGE);
    same(&c, &none);
    static const cf_civil bad[] = {
        {.year = 0, .month = 12, .day = 31},
        {.year = 10000, .month = 1, .day = 1},
        {.year = -1, .month = 1, .day = 1},
        {.year = 2000, .month = 0, .day = 1},
        {.year = 2000, .month = 13, .day = 1},
        {.year = 2000, .month = 1, .day = 0},
        {.year = 2000, .month = 1, .day = 32},
        {.year = 2000, .month = 2, .day = 30},
        {.year = 2001, .month = 2, .day = 29},
        {.year = 1900, .month = 2, .day = 29},
        {.year = 2000, .month = 4, .day = 31},
        {.year = 2000, .month = 1, .day = 1, .hour = 24},
        {.year = 2000, .month = 1, .day = 1, .minute = 60},
        {.year = 2000, .month = 1, .day = 1, .second = 60},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t seconds = 77;
        assert_err(cf_civil_seconds(&bad[i], &seconds), RANGE);
        assert_int_equal(seconds, 0);
    }
    assert_int_equal(cf_days_in_month(2000, 2), 29);
    assert_int_equal(cf_days_in_month(2100, 2), 28);
    assert_int_equal(cf_days_in_month(2024, 12), 31);
    assert_int_equal(cf_days_in_month(2024, 0), 0);
    assert_int_equal(cf_days_in_month(2024, 13), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_dates),
        cmocka_unit_test(every_day),
        cmocka_unit_test(every_second_of_a_day),
        cmocka_unit_test(offsets),
        cmocka_unit_test(limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
