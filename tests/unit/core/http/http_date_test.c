/* SPDX-License-Identifier: Apache-2.0 */
#include "core/http/http.h"
#include "tests/support/test.h"

static const struct {
    const char *text;
    uint64_t unix_s;
} good[] = {
    {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777}, /* the RFC's own */
    {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
    {"Fri, 29 Feb 1980 23:59:59 GMT", 320716799},
    {"Tue, 29 Feb 2000 12:00:00 GMT", 951825600},
    {"Wed, 01 Mar 2000 00:00:00 GMT", 951868800},
    {"Fri, 31 Dec 1999 23:59:59 GMT", 946684799},
    {"Sat, 31 Dec 2016 23:59:60 GMT", 1483228800}, /* a leap second is the next day's first */
    {"Thu, 01 Jan 2026 00:00:00 GMT", 1767225600},
    {"Mon, 01 Mar 2100 00:00:00 GMT", 4107542400},
    {"Fri, 31 Dec 9999 23:59:59 GMT", 253402300799},
};

static const struct {
    const char *text;
    cf_err err;
} bad[] = {
    {"", CF_ERR_MALFORMED},
    {"Sunday, 06-Nov-94 08:49:37 GMT", CF_ERR_MALFORMED},
    {"Sun Nov  6 08:49:37 1994", CF_ERR_MALFORMED},
    {"Sun, 06 Nov 1994 08:49:37 UTC", CF_ERR_MALFORMED},
    {"Mon, 06 Nov 1994 08:49:37 GMT", CF_ERR_MALFORMED}, /* it was a Sunday */
    {"sun, 06 Nov 1994 08:49:37 GMT", CF_ERR_MALFORMED},
    {"Sun, 06 nov 1994 08:49:37 GMT", CF_ERR_MALFORMED},
    {"Sun,  6 Nov 1994 08:49:37 GMT", CF_ERR_MALFORMED},
    {"Sun, 06 Nov 1994 08:49:37 GMT ", CF_ERR_MALFORMED},
    {"Sun, 06 Nov 1994 08:49:37 GM", CF_ERR_MALFORMED},
    {"Sun, 06 Nov 1994 08.49.37 GMT", CF_ERR_MALFORMED},
    {"Sun, 06 Nov 19x4 08:49:37 GMT", CF_ERR_MALFORMED},
    {"Sun, 06 Xov 1994 08:49:37 GMT", CF_ERR_MALFORMED},
    {"Wed, 31 Dec 1969 23:59:59 GMT", CF_ERR_RANGE},
    {"Sun, 00 Nov 1994 08:49:37 GMT", CF_ERR_RANGE},
    {"Sun, 31 Nov 1994 08:49:37 GMT", CF_ERR_RANGE},
    {"Thu, 29 Feb 1900 08:49:37 GMT", CF_ERR_RANGE},
    {"Mon, 29 Feb 2100 08:49:37 GMT", CF_ERR_RANGE},
    {"Sun, 06 Nov 1994 24:00:00 GMT", CF_ERR_RANGE},
    {"Sun, 06 Nov 1994 08:60:37 GMT", CF_ERR_RANGE},
    {"Sun, 06 Nov 1994 08:49:61 GMT", CF_ERR_RANGE},
};

static void test_dates(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        uint64_t got = 1;
        assert_ok(cf_http1_date(cf_view_str(good[i].text), &got));
        assert_int_equal(got, good[i].unix_s);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint64_t got = 1;
        cf_result r = cf_http1_date(cf_view_str(bad[i].text), &got);
        if (r.code != bad[i].err) {
            print_error("%s\n", bad[i].text);
        }
        assert_code(r, bad[i].err);
        assert_int_equal(got, 0);
    }
}

/* Every day of 400 years, by the calendar's rules counted forth. */
static void test_calendar(void **state)
{
    (void)state;
    static const char days[] = "ThuFriSatSunMonTueWed",
                      months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    static const unsigned lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    uint64_t day = 0;
    for (unsigned year = 1970; year < 2370; year++) {
        bool leap = year % 400 == 0 || (year % 4 == 0 && year % 100 != 0);
        for (unsigned m = 0; m < 12; m++) {
            for (unsigned d = 1; d <= lengths[m] + (m == 1 && leap ? 1 : 0); d++, day++) {
                char text[64];
                uint64_t got;
                (void)snprintf(text, sizeof text, "%.3s, %02u %.3s %u 00:00:01 GMT",
                               days + 3 * (day % 7), d, months + 3 * (size_t)m, year);
                assert_ok(cf_http1_date(cf_view_str(text), &got));
                assert_int_equal(got, day * 86400 + 1);
            }
        }
    }
    assert_int_equal(day, 146097);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_calendar),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
