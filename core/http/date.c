/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP-date in its one form that may be sent: RFC 9110 section 5.6.7, IMF-fixdate. */
#include "core/base/reader.h"
#include "core/http/http.h"

#define DATE_BYTES 29 /* Sun, 06 Nov 1994 08:49:37 GMT */
#define YEAR_MIN 1970

static unsigned digits(cf_reader *r, size_t n)
{
    cf_view v = cf_read(r, n);
    unsigned number = 0;
    for (size_t i = 0; i < v.len; i++) {
        bool digit = v.data[i] >= '0' && v.data[i] <= '9';
        if (!digit) {
            cf_reader_fail(r, CF_ERR_MALFORMED);
        }
        number = number * 10 + (digit ? v.data[i] - (unsigned)'0' : 0);
    }
    return number;
}

static void expect(cf_reader *r, cf_view text)
{
    if (!cf_view_eq(cf_read(r, text.len), text)) {
        cf_reader_fail(r, CF_ERR_MALFORMED);
    }
}

/* Place of the next three letters in a list of such, from 0 on. */
static unsigned name(cf_reader *r, cf_view list)
{
    cf_view v = cf_read(r, 3);
    for (size_t i = 0; v.len == 3 && i < list.len; i += 3) {
        if (cf_view_eq(v, cf_view_sub(list, i, 3))) {
            return (unsigned)(i / 3);
        }
    }
    cf_reader_fail(r, CF_ERR_MALFORMED);
    return 0;
}

/* Days from 1970-01-01 to a date of the Gregorian calendar; years begin in March, so that a leap day is a year's last. */
static uint64_t days_to(unsigned year, unsigned month, unsigned day)
{
    uint64_t y = month > 2 ? year : year - 1, from_march = (month + 9) % 12;
    uint64_t leap_days = y / 4 - y / 100 + y / 400;
    return y * 365 + leap_days + (153 * from_march + 2) / 5 + day - 1 - 719468;
}

static bool is_leap(unsigned year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static unsigned days_in(unsigned year, unsigned month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year) ? 1U : 0U);
}

CF_MUST_USE cf_result cf_http1_date(cf_view text, uint64_t *ret_unix_s)
{
    *ret_unix_s = 0;
    CF_REQUIRE(text.len == DATE_BYTES, MALFORMED);
    cf_reader r = cf_reader_of(text);
    unsigned of_week = name(&r, CF_LIT("ThuFriSatSunMonTueWed")); /* the first day was a Thursday */
    expect(&r, CF_LIT(", "));
    unsigned day = digits(&r, 2);
    expect(&r, CF_LIT(" "));
    unsigned month = name(&r, CF_LIT("JanFebMarAprMayJunJulAugSepOctNovDec")) + 1;
    expect(&r, CF_LIT(" "));
    unsigned year = digits(&r, 4);
    expect(&r, CF_LIT(" "));
    unsigned hour = digits(&r, 2);
    expect(&r, CF_LIT(":"));
    unsigned minute = digits(&r, 2);
    expect(&r, CF_LIT(":"));
    unsigned second = digits(&r, 2);
    expect(&r, CF_LIT(" GMT"));
    CF_TRY(cf_read_end(&r));
    CF_REQUIRE(year >= YEAR_MIN && day >= 1 && day <= days_in(year, month), RANGE);
    CF_REQUIRE(hour < 24 && minute < 60 && second <= 60, RANGE);
    uint64_t days = days_to(year, month, day);
    CF_REQUIRE(days % 7 == of_week, MALFORMED);
    *ret_unix_s = days * 86400 + hour * 3600U + minute * 60U + second;
    return cf_ok();
}
