/* SPDX-License-Identifier: Apache-2.0 */
#include "core/time/time_priv.h"

/* Years are counted from 1 March here, so that the day of the leap year is the last of its year, and in periods of 400 years,
 * after which the calendar repeats. */
#define DAYS_PER_PERIOD 146097 /* 400 * 365 + 97 */
#define DAYS_PER_CENTURY 36524 /* the fourth of a period has one more */
#define DAYS_PER_FOUR 1461     /* the last four years of a century may have one less */
#define MARCH_TO_EPOCH 719468  /* days from 0000-03-01 to 1970-01-01 */
#define MARCH_TO_JANUARY 306
#define EPOCH_WEEKDAY 4 /* 1970-01-01 was a Thursday */

/* From March on months have 31 30 31 30 31 days, twice, then 31 and February: 153 days per five months. */
#define DAYS_PER_FIVE_MONTHS 153

static bool is_leap(int32_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

uint8_t cf_days_in_month(int32_t year, uint8_t month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (month < 1 || month > sizeof days) {
        return 0;
    }
    return (uint8_t)(days[month - 1] + (month == 2 && is_leap(year) ? 1 : 0));
}

int32_t cf_days_of(int32_t year, uint8_t month, uint8_t day)
{
    /* January and February belong to the year before; the period added keeps that one positive. */
    int32_t years = year + 400 - (month <= 2 ? 1 : 0);
    int32_t months = month > 2 ? month - 3 : month + 9;
    int32_t day_of_year = (DAYS_PER_FIVE_MONTHS * months + 2) / 5 + day - 1;
    return years * 365 + years / 4 - years / 100 + years / 400 + day_of_year - DAYS_PER_PERIOD -
           MARCH_TO_EPOCH;
}

void cf_days_split(int32_t days, cf_civil *ret)
{
    uint32_t since_march = (uint32_t)(days + MARCH_TO_EPOCH);
    uint32_t period = since_march / DAYS_PER_PERIOD;
    uint32_t left = since_march % DAYS_PER_PERIOD;
    /* Taking out the leap days that have passed makes every year 365 days long. */
    uint32_t years = (left - left / (DAYS_PER_FOUR - 1) + left / DAYS_PER_CENTURY -
                      left / (DAYS_PER_PERIOD - 1)) /
                     365;
    uint32_t day_of_year = left - (365 * years + years / 4 - years / 100);
    uint32_t months = (5 * day_of_year + 2) / DAYS_PER_FIVE_MONTHS;
    bool next_year = months >= 10;
    ret->year = (int32_t)(period * 400 + years + (next_year ? 1 : 0));
    ret->month = (uint8_t)(next_year ? months - 9 : months + 3);
    ret->day = (uint8_t)(day_of_year - (DAYS_PER_FIVE_MONTHS * months + 2) / 5 + 1);
    ret->weekday = (uint8_t)((since_march + EPOCH_WEEKDAY + 7 - MARCH_TO_EPOCH % 7) % 7);
    uint32_t january = next_year ? 0U - MARCH_TO_JANUARY : (is_leap(ret->year) ? 60U : 59U);
    ret->day_of_year = (uint16_t)(day_of_year + january);
}

cf_result cf_civil_at(int64_t utc_seconds, int32_t offset_seconds, cf_civil *ret)
{
    *ret = (cf_civil){0};
    CF_REQUIRE(utc_seconds >= CF_TIMESTAMP_SECONDS_MIN && utc_seconds <= CF_TIMESTAMP_SECONDS_MAX,
               RANGE);
    CF_REQUIRE(offset_seconds > -CF_SECONDS_PER_DAY && offset_seconds < CF_SECONDS_PER_DAY, RANGE);
    /* Counted from a day before the first one, no number is negative, and division is a floor. */
    uint64_t since =
        (uint64_t)(utc_seconds - CF_TIMESTAMP_SECONDS_MIN + CF_SECONDS_PER_DAY + offset_seconds);
    int32_t first_day = (int32_t)(CF_TIMESTAMP_SECONDS_MIN / CF_SECONDS_PER_DAY) - 1;
    cf_days_split((int32_t)(since / CF_SECONDS_PER_DAY) + first_day, ret);
    uint32_t second = (uint32_t)(since % CF_SECONDS_PER_DAY);
    ret->hour = (uint8_t)(second / CF_SECONDS_PER_HOUR);
    ret->minute = (uint8_t)(second / CF_SECONDS_PER_MINUTE % 60);
    ret->second = (uint8_t)(second % CF_SECONDS_PER_MINUTE);
    return cf_ok();
}

cf_result cf_civil_seconds(const cf_civil *civil, int64_t *ret_seconds)
{
    *ret_seconds = 0;
    CF_REQUIRE(civil->year >= CF_YEAR_FIRST && civil->year <= CF_YEAR_LAST, RANGE);
    CF_REQUIRE(civil->month >= 1 && civil->month <= 12, RANGE);
    CF_REQUIRE(civil->day >= 1 && civil->day <= cf_days_in_month(civil->year, civil->month), RANGE);
    CF_REQUIRE(civil->hour <= 23 && civil->minute <= 59 && civil->second <= 59, RANGE);
    int64_t day = cf_days_of(civil->year, civil->month, civil->day);
    *ret_seconds = day * CF_SECONDS_PER_DAY + civil->hour * CF_SECONDS_PER_HOUR +
                   civil->minute * CF_SECONDS_PER_MINUTE + civil->second;
    return cf_ok();
}
