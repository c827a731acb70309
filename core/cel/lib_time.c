/* SPDX-License-Identifier: Apache-2.0 */
/* timestamp(), duration() and what is read off them. Arithmetic and order are operators, the engine's. */
#include "core/cel/lib_priv.h"
#include "core/time/zone.h"

/* The words of core/time in those of the language. */
static cf_result told(cf_result r)
{
    if (r.code == CF_ERR_RANGE) {
        return cf_fail(CF_ERR_CEL_OVERFLOW);
    }
    return r.code == CF_ERR_MALFORMED ? cf_fail(CF_ERR_CEL_CONVERT) : r;
}

CF_CEL_FUNCTION(same)
{
    return cf_cel_give(ret, args[0]);
}

CF_CEL_FUNCTION(timestamp_text)
{
    cf_timestamp t;
    CF_TRY(cf_cel_charge_text(run, args[0].len));
    CF_TRY(told(cf_timestamp_parse(cf_cel_text(&args[0]), &t)));
    return cf_cel_give(ret, cf_cel_timestamp(t.seconds, t.nanos));
}

CF_CEL_FUNCTION(timestamp_seconds)
{
    cf_timestamp t;
    CF_TRY(told(cf_timestamp_make(args[0].i, &t)));
    return cf_cel_give(ret, cf_cel_timestamp(t.seconds, t.nanos));
}

CF_CEL_FUNCTION(duration_text)
{
    cf_duration d;
    /* Each term is a product of its own: 15 to 25 ns for two octets. */
    CF_TRY(cf_cel_charge(run, 1 + args[0].len));
    CF_TRY(told(cf_duration_parse(cf_cel_text(&args[0]), &d)));
    return cf_cel_give(ret, cf_cel_duration(d));
}

/* ---- Parts of a timestamp: args[1], if there is one, is the time zone ---- */

/* Steps of a look-up among the names of zones, measured against other steps. */
#define ZONE_STEPS 4

static cf_result civil_of(cf_cel_run *run, const cf_cel_value *args, uint32_t n, cf_civil *ret)
{
    int32_t offset_seconds = 0;
    if (n == 2) {
        cf_zone zone;
        CF_TRY(cf_cel_charge(run, ZONE_STEPS));
        CF_REQUIRE(cf_is_ok(cf_zone_find(cf_cel_text(&args[1]), &zone)), CEL_ARGUMENT);
        CF_TRY(told(cf_zone_offset_at(zone, args[0].i, &offset_seconds)));
    }
    return told(cf_civil_at(args[0].i, offset_seconds, ret));
}

CF_CEL_FUNCTION(full_year)
{
    cf_civil at;
    CF_TRY(civil_of(run, args, n, &at));
    return cf_cel_give(ret, cf_cel_int(at.year));
}

CF_CEL_FUNCTION(month)
{
    cf_civil at;
    CF_TRY(civil_of(run, args, n, &at));
    return cf_cel_give(ret, cf_cel_int(at.month - 1));
}

CF_CEL_FUNCTION(date)
{
    cf_civil at;
    CF_TRY(civil_of(run, args, n, &at));
    return cf_cel_give(ret, cf_cel_int(at.day));
}

CF_CEL_FUNCTION(day_of_month)
{
    cf_civil at;
    CF_TRY(civil_of(run, args, n, &at));
    return cf_cel_give(ret, cf_cel_int(at.day - 1));
}

CF_CEL_FUNCTION(day_of_week)
{
    cf_civil at;
    CF_TRY(civil_of(run, args, n, &at));
    return cf_cel_give(ret, cf_cel_int(at.weekday));
}

CF_CEL_FUNCTION(day_of_year)
{
    cf_civil at;
    CF_TRY(civil_of(run, args, n, &at));
    return cf_cel_give(ret, cf_cel_int(at.day_of_year));
}

CF_CEL_FUNCTION(hours)
{
    cf_civil at;
    CF_TRY(civil_of(run, args, n, &at));
    return cf_cel_give(ret, cf_cel_int(at.hour));
}

CF_CEL_FUNCTION(minutes)
{
    cf_civil at;
    CF_TRY(civil_of(run, args, n, &at));
    return cf_cel_give(ret, cf_cel_int(at.minute));
}

CF_CEL_FUNCTION(seconds)
{
    cf_civil at;
    CF_TRY(civil_of(run, args, n, &at));
    return cf_cel_give(ret, cf_cel_int(at.second));
}

CF_CEL_FUNCTION(milliseconds)
{
    cf_civil at;
    CF_TRY(civil_of(run, args, n, &at));
    return cf_cel_give(ret, cf_cel_int(args[0].len / 1000000));
}

/* ---- A duration as whole units, cut towards zero; milliseconds are those beyond the seconds ---- */

CF_CEL_FUNCTION(duration_hours)
{
    return cf_cel_give(ret, cf_cel_int(args[0].i / (CF_SECONDS_PER_HOUR * CF_NANOS_PER_SECOND)));
}

CF_CEL_FUNCTION(duration_minutes)
{
    return cf_cel_give(ret, cf_cel_int(args[0].i / (CF_SECONDS_PER_MINUTE * CF_NANOS_PER_SECOND)));
}

CF_CEL_FUNCTION(duration_seconds)
{
    return cf_cel_give(ret, cf_cel_int(args[0].i / CF_NANOS_PER_SECOND));
}

CF_CEL_FUNCTION(duration_milliseconds)
{
    return cf_cel_give(ret, cf_cel_int(args[0].i % CF_NANOS_PER_SECOND / 1000000));
}

static const cf_cel_function rows[] = {
    {"timestamp", "(timestamp)->timestamp", same, 0},
    {"timestamp", "(string)->timestamp", timestamp_text, 0},
    {"timestamp", "(int)->timestamp", timestamp_seconds, 0},
    {"duration", "(duration)->duration", same, 0},
    {"duration", "(string)->duration", duration_text, 0},
    {"getFullYear", "timestamp.()->int", full_year, 0},
    {"getFullYear", "timestamp.(string)->int", full_year, 0},
    {"getMonth", "timestamp.()->int", month, 0},
    {"getMonth", "timestamp.(string)->int", month, 0},
    {"getDate", "timestamp.()->int", date, 0},
    {"getDate", "timestamp.(string)->int", date, 0},
    {"getDayOfMonth", "timestamp.()->int", day_of_month, 0},
    {"getDayOfMonth", "timestamp.(string)->int", day_of_month, 0},
    {"getDayOfWeek", "timestamp.()->int", day_of_week, 0},
    {"getDayOfWeek", "timestamp.(string)->int", day_of_week, 0},
    {"getDayOfYear", "timestamp.()->int", day_of_year, 0},
    {"getDayOfYear", "timestamp.(string)->int", day_of_year, 0},
    {"getHours", "timestamp.()->int", hours, 0},
    {"getHours", "timestamp.(string)->int", hours, 0},
    {"getMinutes", "timestamp.()->int", minutes, 0},
    {"getMinutes", "timestamp.(string)->int", minutes, 0},
    {"getSeconds", "timestamp.()->int", seconds, 0},
    {"getSeconds", "timestamp.(string)->int", seconds, 0},
    {"getMilliseconds", "timestamp.()->int", milliseconds, 0},
    {"getMilliseconds", "timestamp.(string)->int", milliseconds, 0},
    {"getHours", "duration.()->int", duration_hours, 0},
    {"getMinutes", "duration.()->int", duration_minutes, 0},
    {"getSeconds", "duration.()->int", duration_seconds, 0},
    {"getMilliseconds", "duration.()->int", duration_milliseconds, 0},
};

const cf_cel_library cf_cel_lib_time = {rows, sizeof rows / sizeof rows[0]};
