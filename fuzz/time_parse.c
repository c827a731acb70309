/* SPDX-License-Identifier: Apache-2.0 */
/* cf_timestamp_parse, cf_duration_parse and cf_zone_find, each on the whole input: what is taken is in range, and written and read
 * again it is the same; arithmetic on what was read goes back to where it came from. */
#include "core/time/zone.h"

#include "fuzz/check.h"

static void as_timestamp(cf_view in)
{
    cf_timestamp t, back, moved;
    if (!cf_is_ok(cf_timestamp_parse(in, &t))) {
        fuzz_check(t.seconds == 0 && t.nanos == 0);
        return;
    }
    fuzz_check(cf_timestamp_ok(t));
    cf_time_text text;
    fuzz_ok(cf_timestamp_format(t, &text));
    fuzz_check(text.len <= CF_TIMESTAMP_TEXT_BYTES_MAX);
    fuzz_ok(cf_timestamp_parse(cf_time_text_view(&text), &back));
    fuzz_check(cf_timestamp_cmp(t, back) == 0);
    cf_duration since, again;
    if (cf_is_ok(cf_timestamp_diff(t, (cf_timestamp){0, 0}, &since))) {
        fuzz_ok(cf_timestamp_add((cf_timestamp){0, 0}, since, &moved));
        fuzz_check(cf_timestamp_cmp(t, moved) == 0);
    }
    if (cf_is_ok(cf_timestamp_add(t, t.seconds, &moved))) {
        fuzz_ok(cf_timestamp_diff(moved, t, &again));
        fuzz_check(again == t.seconds);
    }
    cf_civil civil;
    int64_t seconds;
    fuzz_ok(cf_civil_at(t.seconds, 0, &civil));
    fuzz_ok(cf_civil_seconds(&civil, &seconds));
    fuzz_check(seconds == t.seconds);
}

static void as_duration(cf_view in)
{
    cf_duration d, back;
    if (!cf_is_ok(cf_duration_parse(in, &d))) {
        fuzz_check(d == 0);
        return;
    }
    cf_time_text text = cf_duration_format(d);
    fuzz_check(text.len <= CF_DURATION_TEXT_BYTES_MAX);
    fuzz_ok(cf_duration_parse(cf_time_text_view(&text), &back));
    fuzz_check(d == back);
    fuzz_check(cf_is_ok(cf_duration_neg(d, &back)) == (d != INT64_MIN));
    cf_timestamp t;
    fuzz_ok(cf_timestamp_add((cf_timestamp){0, 0}, d, &t));
    fuzz_ok(cf_timestamp_sub(t, d, &t));
    fuzz_check(t.seconds == 0 && t.nanos == 0);
}

static void as_zone(cf_view in)
{
    cf_zone zone;
    if (!cf_is_ok(cf_zone_find(in, &zone))) {
        fuzz_check(zone.row == 0 && zone.fixed_seconds == 0);
        return;
    }
    fuzz_check(in.len <= CF_ZONE_NAME_BYTES_MAX);
    for (int64_t at = CF_TIMESTAMP_SECONDS_MIN; at < CF_TIMESTAMP_SECONDS_MAX; at += 1234567891) {
        int32_t offset;
        cf_civil civil;
        fuzz_ok(cf_zone_offset_at(zone, at, &offset));
        fuzz_ok(cf_civil_at(at, offset, &civil));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cf_view in = cf_view_make(data, size);
    as_timestamp(in);
    as_duration(in);
    as_zone(in);
    return 0;
}
