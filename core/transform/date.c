/* SPDX-License-Identifier: Apache-2.0 */
/* Dates of people: days in UTC, and whole years between then and the request's one reading of the clock. */
#include "core/time/time.h"
#include "core/transform/transform_priv.h"

#define DATE_BYTES 10 /* YYYY-MM-DD */

/* A number of digits at the place; 0, which no part of a date is, for anything else. */
static int32_t digits_at(cf_view text, size_t at, size_t n)
{
    int32_t value = 0;
    for (size_t i = at; i < at + n; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return 0;
        }
        value = 10 * value + (text.data[i] - '0');
    }
    return value;
}

cf_result cf_fn_date(cf_cel_run *run, const cf_cel_value *args, uint32_t n, cf_cel_value *ret)
{
    (void)n;
    cf_view text = cf_cel_text(&args[0]);
    CF_TRY(cf_cel_charge(run, TRANSFORM_SMALL_STEPS));
    CF_REQUIRE(text.len == DATE_BYTES && text.data[4] == '-' && text.data[7] == '-', CEL_ARGUMENT);
    int32_t year = digits_at(text, 0, 4), month = digits_at(text, 5, 2),
            day = digits_at(text, 8, 2);
    CF_REQUIRE(year > 0 && month > 0 && day > 0, CEL_ARGUMENT);
    const cf_civil civil = {.year = year, .month = (uint8_t)month, .day = (uint8_t)day};
    int64_t seconds = 0;
    CF_REQUIRE(cf_is_ok(cf_civil_seconds(&civil, &seconds)), CEL_ARGUMENT);
    *ret = cf_cel_timestamp(seconds, 0);
    return cf_ok();
}

static CF_MUST_USE cf_result civil_now(const cf_cel_run *run, cf_civil *ret)
{
    CF_REQUIRE(run->host != NULL, INTERNAL);
    CF_REQUIRE(cf_is_ok(cf_civil_at(run->host->now_seconds, 0, ret)), CEL_OVERFLOW);
    return cf_ok();
}

cf_result cf_fn_today_utc(cf_cel_run *run, const cf_cel_value *args, uint32_t n, cf_cel_value *ret)
{
    (void)args;
    (void)n;
    cf_civil now;
    int64_t seconds = 0;
    CF_TRY(cf_cel_charge(run, TRANSFORM_SMALL_STEPS));
    CF_TRY(civil_now(run, &now));
    now.hour = now.minute = now.second = 0;
    CF_REQUIRE(cf_is_ok(cf_civil_seconds(&now, &seconds)), CEL_OVERFLOW);
    *ret = cf_cel_timestamp(seconds, 0);
    return cf_ok();
}

/* Seconds of the year that has come to pass, in an order that leap days do not disturb: who was born on 29 February is a
 * year older on 1 March of other years. */
static int32_t place_in_year(const cf_civil *c)
{
    int32_t day = c->month * 31 + c->day;
    return ((day * 24 + c->hour) * 60 + c->minute) * 60 + c->second;
}

cf_result cf_fn_age(cf_cel_run *run, const cf_cel_value *args, uint32_t n, cf_cel_value *ret)
{
    (void)n;
    cf_civil now, born;
    CF_TRY(cf_cel_charge(run, TRANSFORM_SMALL_STEPS));
    CF_TRY(civil_now(run, &now));
    CF_REQUIRE(cf_is_ok(cf_civil_at(args[0].i, 0, &born)), CEL_ARGUMENT);
    int32_t here = place_in_year(&now), there = place_in_year(&born);
    /* The reading has whole seconds: a fraction that is still to come keeps the year from being over. */
    bool over = here > there || (here == there && args[0].len == 0);
    int32_t years = now.year - born.year - (over ? 0 : 1);
    *ret = cf_cel_int(years > 0 ? years : 0);
    return cf_ok();
}
