/* SPDX-License-Identifier: Apache-2.0 */
/* Offsets of time zones from UTC: the IANA time zone database, compiled in (zone_table.inc, made by tools/make_zones.py), so that
 * no file is read and the answer is part of the measured program. */
#pragma once
#include "core/time/time.h"

/** Longest name of a zone; a longer one is not looked up. */
#define CF_ZONE_NAME_BYTES_MAX 32

/** A zone, by value; from cf_zone_find only. The zero state is UTC. */
typedef struct {
    uint16_t row;          /* 0: fixed_seconds; else 1 + the number of a zone of the table */
    int32_t fixed_seconds; /* with row 0 */
} cf_zone;

/** Finds "" (UTC), "UTC", +HH:MM, -HH:MM, HH:MM (east), or a name of the IANA database, links of older names included
 *  ("US/Central"). Letters must match in case. Cost: some 10 ns; what asks about one zone again and again keeps the result.
 *  error NOT_FOUND anything else. */
CF_MUST_USE cf_result cf_zone_find(cf_view name, cf_zone *ret);

/** Seconds east of UTC (negative: west) that clocks of the zone show at that time: local mean time before the first rule, the
 *  zone's last rule for ever after. The magnitude is below CF_SECONDS_PER_DAY. Cost: some 10 ns.
 *  error RANGE: utc_seconds outside the range of timestamps; ARGUMENT: a zone that did not come from cf_zone_find. */
CF_MUST_USE cf_result cf_zone_offset_at(cf_zone zone, int64_t utc_seconds,
                                        int32_t *ret_offset_seconds);

/** Both in one. Errors of both. */
CF_MUST_USE cf_result cf_zone_offset(cf_view name, int64_t utc_seconds,
                                     int32_t *ret_offset_seconds);

/** Version of the database ("2025b"). Static storage. */
const char *cf_zone_version(void);
