/* SPDX-License-Identifier: Apache-2.0 */
#include "core/time/zone.h"

#include "core/time/time_priv.h"

typedef struct {
    uint16_t zone; /* number of a row of zones[] */
    uint8_t len;
    char name[CF_ZONE_NAME_BYTES_MAX + 1];
} zone_name;

/* Where a zone's data lie in the shared tables. The first of its offsets holds before the first change, the rule after the last. */
typedef struct {
    uint16_t first_change, change_count, first_offset;
    uint8_t rule;
} zone_data;

/* A day of the year as POSIX writes it, Mm.w.d: the w-th such weekday of the month, the last one for 5; seconds from its
 * midnight, which may lie beyond the day. Month 0: there is no summer time. */
typedef struct {
    uint8_t month, week, weekday;
    int32_t seconds;
} zone_date;

typedef struct {
    int32_t standard_seconds, summer_seconds;
    zone_date start, end; /* in the local time that they end */
} zone_rule;

typedef struct {
    uint16_t change;
    uint8_t second;
} zone_second;

#include "core/time/zone_table.inc"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

const char *cf_zone_version(void)
{
    return ZONE_VERSION;
}

/* ---- Names ---- */

static cf_result fixed(cf_view name, cf_zone *ret)
{
    bool sign = name.data[0] == '+' || name.data[0] == '-';
    int32_t seconds;
    if (!cf_is_ok(
            cf_hours_minutes_parse(sign ? cf_view_sub(name, 1, name.len - 1) : name, &seconds))) {
        return cf_fail(CF_ERR_NOT_FOUND);
    }
    ret->fixed_seconds = name.data[0] == '-' ? -seconds : seconds;
    return cf_ok();
}

cf_result cf_zone_find(cf_view name, cf_zone *ret)
{
    *ret = (cf_zone){0, 0};
    if (name.len == 0 || cf_view_eq(name, CF_LIT("UTC"))) {
        return cf_ok();
    }
    /* No name of the database starts like a fixed offset. */
    if (name.data[0] == '+' || name.data[0] == '-' || cf_is_digit(name.data[0])) {
        return fixed(name, ret);
    }
    size_t low = 0, high = COUNT(zone_names);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const zone_name *row = &zone_names[middle];
        int order = cf_view_cmp(name, cf_view_make(row->name, row->len));
        if (order == 0) {
            ret->row = (uint16_t)(row->zone + 1);
            return cf_ok();
        }
        low = order > 0 ? middle + 1 : low;
        high = order < 0 ? middle : high;
    }
    return cf_fail(CF_ERR_NOT_FOUND);
}

/* ---- Offsets ---- */

/* Seconds since 1970, in the local time before it, of a rule's date in that year. */
static int64_t date_seconds(const zone_date *date, int32_t year)
{
    int32_t first = cf_days_of(year, date->month, 1);
    /* 1970-01-01 was a Thursday, day 4; the multiple of 7 keeps the dividend above 0 from the year 0 on. */
    int32_t first_weekday = (first + 4 + 7 * 110000) % 7;
    int32_t day = 1 + (date->weekday + 7 - first_weekday) % 7 + 7 * (date->week - 1);
    if (day > cf_days_in_month(year, date->month)) {
        day -= 7;
    }
    return (int64_t)(first + day - 1) * CF_SECONDS_PER_DAY + date->seconds;
}

static int32_t rule_offset(const zone_rule *rule, int64_t utc_seconds)
{
    if (rule->start.month == 0) {
        return rule->standard_seconds;
    }
    /* The year of UTC will do for the local one: tools/make_zones.py lets no rule act near the new year. */
    cf_civil date;
    int64_t since = utc_seconds - CF_TIMESTAMP_SECONDS_MIN;
    cf_days_split(
        (int32_t)(since / CF_SECONDS_PER_DAY + CF_TIMESTAMP_SECONDS_MIN / CF_SECONDS_PER_DAY),
        &date);
    int64_t start = date_seconds(&rule->start, date.year) - rule->standard_seconds;
    int64_t end = date_seconds(&rule->end, date.year) - rule->summer_seconds;
    bool summer = start < end ? start <= utc_seconds && utc_seconds < end
                              : start <= utc_seconds || utc_seconds < end;
    return summer ? rule->summer_seconds : rule->standard_seconds;
}

/* Seconds that the change lies past its full minute. */
static uint8_t odd_seconds(size_t change)
{
    size_t low = 0, high = COUNT(zone_seconds);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (zone_seconds[middle].change == change) {
            return zone_seconds[middle].second;
        }
        low = zone_seconds[middle].change < change ? middle + 1 : low;
        high = zone_seconds[middle].change > change ? middle : high;
    }
    return 0;
}

/* How many of the zone's changes are not after that second, which is counted from the first minute of the table. */
static size_t changes_until(const zone_data *zone, int64_t biased_seconds)
{
    if (biased_seconds < 0) {
        return 0;
    }
    uint64_t minute = (uint64_t)biased_seconds / CF_SECONDS_PER_MINUTE;
    const uint32_t *changes = &zone_changes[zone->first_change];
    size_t low = 0, high = zone->change_count;
    /* Most questions are about the time after the last change. */
    if (high > 0 && changes[high - 1] >> ZONE_TYPE_BITS < minute) {
        return high;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        bool after = changes[middle] >> ZONE_TYPE_BITS > minute;
        low = after ? low : middle + 1;
        high = after ? middle : high;
    }
    /* Two changes never share a minute, so the seconds of one decide. */
    if (low > 0 && changes[low - 1] >> ZONE_TYPE_BITS == minute &&
        (uint64_t)biased_seconds % CF_SECONDS_PER_MINUTE <
            odd_seconds(zone->first_change + low - 1)) {
        low--;
    }
    return low;
}

cf_result cf_zone_offset_at(cf_zone zone, int64_t utc_seconds, int32_t *ret_offset_seconds)
{
    *ret_offset_seconds = 0;
    CF_REQUIRE(utc_seconds >= CF_TIMESTAMP_SECONDS_MIN && utc_seconds <= CF_TIMESTAMP_SECONDS_MAX,
               RANGE);
    CF_REQUIRE(zone.row <= COUNT(zones), ARGUMENT);
    if (zone.row == 0) {
        *ret_offset_seconds = zone.fixed_seconds;
        return cf_ok();
    }
    const zone_data *data = &zones[zone.row - 1];
    size_t passed = changes_until(data, utc_seconds + ZONE_MINUTES_BIAS * CF_SECONDS_PER_MINUTE);
    if (passed == data->change_count) {
        *ret_offset_seconds = rule_offset(&zone_rules[data->rule], utc_seconds);
        return cf_ok();
    }
    uint32_t mask = (UINT32_C(1) << ZONE_TYPE_BITS) - 1;
    uint32_t type = passed == 0 ? 0 : zone_changes[data->first_change + passed - 1] & mask;
    *ret_offset_seconds = zone_offsets[data->first_offset + type];
    return cf_ok();
}

cf_result cf_zone_offset(cf_view name, int64_t utc_seconds, int32_t *ret_offset_seconds)
{
    *ret_offset_seconds = 0;
    cf_zone zone;
    CF_TRY(cf_zone_find(name, &zone));
    return cf_zone_offset_at(zone, utc_seconds, ret_offset_seconds);
}
