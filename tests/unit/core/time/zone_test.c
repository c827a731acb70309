/* SPDX-License-Identifier: Apache-2.0 */
/* All zones at all their changes are compared with another implementation by tests/interop/test_zones.py; here are the forms of
 * names, the edges, and some offsets that are a matter of record. */
#include "core/time/zone.h"

#include "tests/support/failmalloc.h"
#include "tests/support/test.h"

#define FIRST CF_TIMESTAMP_SECONDS_MIN
#define LAST CF_TIMESTAMP_SECONDS_MAX

static const struct {
    const char *name, *at;
    int32_t offset;
} rows[] = {
    {"", "2024-07-01T00:00:00Z", 0},
    {"UTC", "2024-07-01T00:00:00Z", 0},
    {"GMT", "2024-07-01T00:00:00Z", 0},
    {"Etc/UTC", "0001-01-01T00:00:00Z", 0},
    {"Etc/GMT+5", "2024-07-01T00:00:00Z", -18000},
    {"+00:00", "2024-07-01T00:00:00Z", 0},
    {"-00:00", "2024-07-01T00:00:00Z", 0},
    {"00:00", "2024-07-01T00:00:00Z", 0},
    {"05:30", "2024-07-01T00:00:00Z", 19800},
    {"+05:30", "2024-07-01T00:00:00Z", 19800},
    {"-05:30", "2024-07-01T00:00:00Z", -19800},
    {"-00:01", "2024-07-01T00:00:00Z", -60},
    {"+23:59", "2024-07-01T00:00:00Z", 86340},
    {"-23:59", "2024-07-01T00:00:00Z", -86340},
    {"23:59", "9999-12-31T23:59:59Z", 86340},
    /* New York: local mean time until 1883-11-18T17:00:00Z, rules of 2007 since then */
    {"America/New_York", "0001-01-01T00:00:00Z", -17762},
    {"America/New_York", "1883-11-18T16:59:59Z", -17762},
    {"America/New_York", "1883-11-18T17:00:00Z", -18000},
    {"America/New_York", "2024-03-10T06:59:59Z", -18000},
    {"America/New_York", "2024-03-10T07:00:00Z", -14400},
    {"America/New_York", "2024-11-03T05:59:59Z", -14400},
    {"America/New_York", "2024-11-03T06:00:00Z", -18000},
    {"America/New_York", "9999-07-01T00:00:00Z", -14400},
    {"America/New_York", "9999-12-31T23:59:59Z", -18000},
    {"US/Eastern", "2024-07-01T00:00:00Z", -14400},
    {"US/Central", "2024-01-01T00:00:00Z", -21600},
    {"Europe/London", "1969-01-01T00:00:00Z", 3600},
    {"Europe/Berlin", "2024-03-31T00:59:59Z", 3600},
    {"Europe/Berlin", "2024-03-31T01:00:00Z", 7200},
    {"Europe/Berlin", "2024-10-27T00:59:59Z", 7200},
    {"Europe/Berlin", "2024-10-27T01:00:00Z", 3600},
    /* the south: summer spans the new year */
    {"Australia/Sydney", "2024-01-01T00:00:00Z", 39600},
    {"Australia/Sydney", "2024-04-06T15:59:59Z", 39600},
    {"Australia/Sydney", "2024-04-06T16:00:00Z", 36000},
    {"Australia/Sydney", "2024-10-05T15:59:59Z", 36000},
    {"Australia/Sydney", "2024-10-05T16:00:00Z", 39600},
    {"Australia/Sydney", "3000-01-01T00:00:00Z", 39600},
    /* winter time as the exception */
    {"Europe/Dublin", "2024-01-15T00:00:00Z", 0},
    {"Europe/Dublin", "2024-07-15T00:00:00Z", 3600},
    /* parts of an hour */
    {"Asia/Kathmandu", "2024-07-01T00:00:00Z", 20700},
    {"Asia/Kolkata", "2024-07-01T00:00:00Z", 19800},
    {"Australia/Lord_Howe", "2024-01-01T00:00:00Z", 39600},
    {"Australia/Lord_Howe", "2024-07-01T00:00:00Z", 37800},
    {"Pacific/Chatham", "2024-01-01T00:00:00Z", 49500},
    /* a day left out: Samoa went from -10 to +14 */
    {"Pacific/Apia", "2011-12-30T09:59:59Z", -36000},
    {"Pacific/Apia", "2011-12-30T10:00:00Z", 50400},
    /* a change that is not on a full minute */
    {"Europe/Amsterdam", "1880-01-01T00:00:00Z", 1050},
    {"Africa/Monrovia", "1972-01-07T00:44:29Z", -2670},
    {"Africa/Monrovia", "1972-01-07T00:44:30Z", 0},
};

static int64_t at(const char *text)
{
    cf_timestamp t;
    assert_ok(cf_timestamp_parse(cf_view_str(text), &t));
    return t.seconds;
}

static cf_result all_rows(void *ctx)
{
    (void)ctx;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int32_t offset = 77;
        assert_ok(cf_zone_offset(cf_view_str(rows[i].name), at(rows[i].at), &offset));
        if (offset != rows[i].offset) {
            print_error("%s at %s\n", rows[i].name, rows[i].at);
        }
        assert_int_equal(offset, rows[i].offset);
    }
    return cf_ok();
}

static void offsets(void **state)
{
    (void)state;
    assert_int_equal(failmalloc_each(all_rows, NULL, 0), 0);
}

static void unknown_names(void **state)
{
    (void)state;
    static const char *const names[] = {
        " ",
        "utc",
        "UTC ",
        "Utc",
        "Z ",
        "america/new_york",
        "America/New_York ",
        "America/New_Yor",
        "America/New_Yorkk",
        "America/",
        "America",
        "/",
        "Nowhere/Land",
        "AAA",
        "zzz",
        "~",
        "Local",
        "+",
        "-",
        "+0",
        "0",
        "12",
        "+12",
        "+1200",
        "+1:00",
        "1:00",
        "+01:0",
        "+001:00",
        "+01:00:00",
        "01:00 ",
        " 01:00",
        "+24:00",
        "-24:00",
        "24:00",
        "+00:60",
        "-12:99",
        "+-1:00",
        "--01:00",
        "+ab:cd",
        "++01:00",
        "UTC+01:00",
        "GMT+01:00",
        "UTC+1",
        "1America",
        "America/Argentina/ComodRivadaviaX",
        "\xC3\x84",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        cf_view name = view_copy(cf_view_str(names[i]));
        cf_zone zone = {7, 7};
        int32_t offset = 77;
        assert_err(cf_zone_find(name, &zone), NOT_FOUND);
        assert_true(zone.row == 0 && zone.fixed_seconds == 0);
        assert_err(cf_zone_offset(name, 0, &offset), NOT_FOUND);
        assert_int_equal(offset, 0);
        view_free(name);
    }
    cf_zone zone;
    assert_err(cf_zone_find(CF_LIT("UTC\0"), &zone), NOT_FOUND);
    assert_err(cf_zone_find(CF_LIT("\0"), &zone), NOT_FOUND);
    assert_err(cf_zone_find(CF_LIT("Europe/Berlin\0"), &zone), NOT_FOUND);
}

static void edges(void **state)
{
    (void)state;
    int32_t offset = 77;
    cf_zone zone;
    /* the longest name there is */
    cf_view longest = CF_LIT("America/Argentina/ComodRivadavia");
    assert_int_equal(longest.len, CF_ZONE_NAME_BYTES_MAX);
    assert_ok(cf_zone_find(longest, &zone));
    assert_ok(cf_zone_offset_at(zone, FIRST, &offset));
    assert_ok(cf_zone_offset_at(zone, LAST, &offset));
    assert_int_equal(offset, -10800);
    assert_err(cf_zone_offset_at(zone, LAST + 1, &offset), RANGE);
    assert_int_equal(offset, 0);
    assert_err(cf_zone_offset_at(zone, FIRST - 1, &offset), RANGE);
    assert_err(cf_zone_offset_at(zone, INT64_MIN, &offset), RANGE);
    assert_err(cf_zone_offset_at(zone, INT64_MAX, &offset), RANGE);
    assert_err(cf_zone_offset_at((cf_zone){0, 0}, LAST + 1, &offset), RANGE);
    assert_ok(cf_zone_offset_at((cf_zone){0, 0}, LAST, &offset));
    assert_err(cf_zone_offset_at((cf_zone){UINT16_MAX, 0}, 0, &offset), ARGUMENT);
    /* exactly one row behind the last is no zone */
    uint16_t row = 1;
    while (cf_is_ok(cf_zone_offset_at((cf_zone){row, 0}, 0, &offset))) {
        row++;
    }
    assert_true(row > 300 && row < 1000);
    assert_true(strlen(cf_zone_version()) == 5);
}

static void names_at_both_ends(void **state)
{
    (void)state;
    cf_zone zone;
    assert_ok(cf_zone_find(CF_LIT("Africa/Abidjan"), &zone));
    assert_ok(cf_zone_find(CF_LIT("Zulu"), &zone));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offsets),
        cmocka_unit_test(unknown_names),
        cmocka_unit_test(edges),
        cmocka_unit_test(names_at_both_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
