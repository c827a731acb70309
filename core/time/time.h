/* SPDX-License-Identifier: Apache-2.0 */
/* Timestamps, durations and the civil calendar: RFC 3339 text, checked arithmetic. Pure: no clock, no libc time, no memory.
 * Calendar: proleptic Gregorian, no leap seconds (every day has 86 400 seconds), as Unix time has it. */
#pragma once
#include "core/base/view.h"

/** Seconds since 1970-01-01T00:00:00Z of the first and the last second that a timestamp may have. */
#define CF_TIMESTAMP_SECONDS_MIN INT64_C(-62135596800) /* 0001-01-01T00:00:00Z */
#define CF_TIMESTAMP_SECONDS_MAX INT64_C(253402300799) /* 9999-12-31T23:59:59Z */
#define CF_YEAR_FIRST 1
#define CF_YEAR_LAST 9999

#define CF_NANOS_PER_SECOND INT64_C(1000000000)
#define CF_SECONDS_PER_MINUTE 60
#define CF_SECONDS_PER_HOUR 3600
#define CF_SECONDS_PER_DAY 86400

/** Hours of an offset in a text, of a timestamp or a zone; its minutes go to 59. */
#define CF_OFFSET_HOURS_MAX 23

/** A point in time: the nanos always count forward from seconds, before 1970 too.
 *  In range means: seconds between the two constants above, nanos below CF_NANOS_PER_SECOND. */
typedef struct {
    int64_t seconds;
    uint32_t nanos;
} cf_timestamp;

/** Nanoseconds; every int64_t is a duration (about 292 years either way). */
typedef int64_t cf_duration;

/** Date and time of day, with what follows from the date. */
typedef struct {
    int32_t year;         /* 1..9999; 0 or 10000 only where an offset leads over the edge */
    uint8_t month;        /* 1..12 */
    uint8_t day;          /* 1..31 */
    uint8_t hour;         /* 0..23 */
    uint8_t minute;       /* 0..59 */
    uint8_t second;       /* 0..59 */
    uint8_t weekday;      /* 0 = Sunday .. 6 = Saturday */
    uint16_t day_of_year; /* 0..365 */
} cf_civil;

/** Longest texts: "9999-12-31T23:59:59.999999999Z" and "-9223372036.854775808s". */
#define CF_TIMESTAMP_TEXT_BYTES_MAX 30
#define CF_DURATION_TEXT_BYTES_MAX 22

/** A short text, held by value; only text[0..len) is meaningful, there is no NUL. */
typedef struct {
    uint8_t text[CF_TIMESTAMP_TEXT_BYTES_MAX];
    uint8_t len;
} cf_time_text;

/** The octets, borrowed from *t. */
static inline cf_view cf_time_text_view(const cf_time_text *t)
{
    return (cf_view){t->text, t->len};
}

/** True if seconds and nanos are in range. */
static inline bool cf_timestamp_ok(cf_timestamp t)
{
    return t.seconds >= CF_TIMESTAMP_SECONDS_MIN && t.seconds <= CF_TIMESTAMP_SECONDS_MAX &&
           t.nanos < CF_NANOS_PER_SECOND;
}

/** The timestamp of whole seconds. error RANGE outside CF_TIMESTAMP_SECONDS_MIN..MAX. */
CF_MUST_USE cf_result cf_timestamp_make(int64_t seconds, cf_timestamp *ret);

/** Order in time: negative, zero, positive. */
int cf_timestamp_cmp(cf_timestamp a, cf_timestamp b);

/* ---- Calendar ---- */

/** 28..31; 0 when month is not 1..12. year may be any. */
uint8_t cf_days_in_month(int32_t year, uint8_t month);

/** Date and time of day at utc_seconds + offset_seconds (a zone's offset, east is positive; 0 for UTC).
 *  error RANGE: utc_seconds outside the range of timestamps, or an offset of a whole day or more. Cost: some 10 ns. */
CF_MUST_USE cf_result cf_civil_at(int64_t utc_seconds, int32_t offset_seconds, cf_civil *ret);

/** Seconds since 1970 of that date and time, taken as UTC; weekday and day_of_year are not looked at.
 *  error RANGE: a field outside what its comment says, a day that its month does not have, a year outside 1..9999. */
CF_MUST_USE cf_result cf_civil_seconds(const cf_civil *civil, int64_t *ret_seconds);

/* ---- Text ---- */

/** Parses YYYY-MM-DDTHH:MM:SS[.digits](Z|+HH:MM|-HH:MM), RFC 3339 section 5.6 with T and Z in upper case only.
 *  Fraction digits after the ninth are cut off. No second 60. Cost: linear.
 *  error MALFORMED: another shape; RANGE: a field without such a value in the calendar (30 February, 24:00, an offset over
 *  23:59), or a time that leaves the range of timestamps, year 0000 and what an offset moves out of it included. */
CF_MUST_USE cf_result cf_timestamp_parse(cf_view text, cf_timestamp *ret);

/** Writes RFC 3339 text in UTC: "2009-02-13T23:31:30Z"; zeros at the end of the fraction are left out, with them the point.
 *  error RANGE when t is not in range. */
CF_MUST_USE cf_result cf_timestamp_format(cf_timestamp t, cf_time_text *ret);

/** Parses [+-](number unit)+ or [+-]0; a unit is h, m, s, ms, us, ns, or us with U+00B5 or U+03BC for its u; a number has
 *  digits before or behind a point, or both ("1h30m", "-1.5s", ".5s", "5.s"). Units may repeat, in any order. The fraction is
 *  exact, of any length, and each of the terms is cut to whole nanoseconds towards zero. Cost: linear.
 *  error MALFORMED: another shape; RANGE: the duration does not fit. */
CF_MUST_USE cf_result cf_duration_parse(cf_view text, cf_duration *ret);

/** Decimal seconds and "s": "90s", "-0.5s", "0s", zeros at the end of the fraction left out. Exact. */
cf_time_text cf_duration_format(cf_duration d);

/* ---- Arithmetic: error RANGE when the outcome does not fit or a timestamp given is not in range ---- */

CF_MUST_USE cf_result cf_timestamp_add(cf_timestamp t, cf_duration d, cf_timestamp *ret);
CF_MUST_USE cf_result cf_timestamp_sub(cf_timestamp t, cf_duration d, cf_timestamp *ret);

/** a - b. */
CF_MUST_USE cf_result cf_timestamp_diff(cf_timestamp a, cf_timestamp b, cf_duration *ret);

CF_MUST_USE cf_result cf_duration_add(cf_duration a, cf_duration b, cf_duration *ret);
CF_MUST_USE cf_result cf_duration_sub(cf_duration a, cf_duration b, cf_duration *ret);
CF_MUST_USE cf_result cf_duration_neg(cf_duration d, cf_duration *ret);
