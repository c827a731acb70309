/* SPDX-License-Identifier: Apache-2.0 */
#include "host/credentials/plan.h"

/* The part of ms that chance takes: nothing for 0, nearly all of it for UINT32_MAX. */
static uint64_t part(uint64_t ms, uint32_t chance)
{
    return (ms * chance) >> 32;
}

void cf_creds_plan_got(cf_creds_plan *p, uint64_t now_ms, uint64_t expires_ms, bool from_file,
                       uint32_t chance)
{
    *p = (cf_creds_plan){.next_ms = UINT64_MAX, .expires_ms = expires_ms};
    if (expires_ms == 0) {
        p->next_ms = from_file ? now_ms + CF_CREDS_LOOK_MS : UINT64_MAX;
        return;
    }
    uint64_t left = expires_ms > now_ms ? expires_ms - now_ms : 0;
    uint64_t early = left / 2 < CF_CREDS_EARLY_MS_MAX ? left / 2 : CF_CREDS_EARLY_MS_MAX;
    uint64_t wait = left - early - part(early / 5, chance);
    p->next_ms = now_ms + (wait > CF_CREDS_PAUSE_MS ? wait : CF_CREDS_PAUSE_MS);
}

void cf_creds_plan_failed(cf_creds_plan *p, uint64_t now_ms, uint32_t chance)
{
    uint64_t wait = CF_CREDS_PAUSE_MS_MAX;
    if (p->failures < 6) {
        wait = (uint64_t)CF_CREDS_PAUSE_MS << p->failures;
    }
    wait = wait < CF_CREDS_PAUSE_MS_MAX ? wait : CF_CREDS_PAUSE_MS_MAX;
    p->failures += p->failures < UINT16_MAX;
    p->next_ms = now_ms + wait - part(wait / 2, chance);
}
