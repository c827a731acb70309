/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of core/time share. */
#pragma once
#include "core/time/time.h"

/** Days since 1970-01-01 of a date that exists, of the years 0 to 10000. */
int32_t cf_days_of(int32_t year, uint8_t month, uint8_t day);

/** The date of a number of days since 1970-01-01, at or after 0000-03-01; fills in the members of the date alone. */
void cf_days_split(int32_t days, cf_civil *ret);

/** Seconds of the text HH:MM. error MALFORMED: not of that shape; RANGE: over 23:59. *ret_seconds is 0 after an error. */
CF_MUST_USE cf_result cf_hours_minutes_parse(cf_view text, int32_t *ret_seconds);

static inline bool cf_is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}
