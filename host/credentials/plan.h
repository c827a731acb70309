/* SPDX-License-Identifier: Apache-2.0 */
/* When credentials are asked for again. No I/O; time, which is milliseconds since 1970, and chance are the caller's. */
#pragma once
#include "host/credentials/creds.h"

typedef struct {
    uint64_t next_ms; /* ask then; UINT64_MAX: never */
    uint64_t expires_ms;
    unsigned failures; /* in a row */
} cf_creds_plan;

/** New ones, or the same again: the next are asked for before their end, by half of what is left of their life or CF_CREDS_EARLY_MS_MAX,
 *  and up to a fifth of that earlier by chance, so that many hosts do not ask at once. Without an end: after CF_CREDS_LOOK_MS where they
 *  come from a file, else never. */
void cf_creds_plan_got(cf_creds_plan *p, uint64_t now_ms, uint64_t expires_ms, bool from_file,
                       uint32_t chance);
/** None came: after a time that doubles from CF_CREDS_PAUSE_MS to CF_CREDS_PAUSE_MS_MAX, less up to half of it by chance. */
void cf_creds_plan_failed(cf_creds_plan *p, uint64_t now_ms, uint32_t chance);
