/* SPDX-License-Identifier: Apache-2.0 */
#include "host/agent/watch.h"

void cf_watch_init(cf_watch *w, uint64_t now_ms)
{
    *w = (cf_watch){.state = CF_WATCH_DOWN, .start_at_ms = now_ms};
}

static uint64_t deadline_ms(const cf_watch *w)
{
    return w->state == CF_WATCH_BOOTING ? w->since_ms + CF_AGENT_BOOT_TIMEOUT_MS
                                        : w->ping_ms + CF_AGENT_HEALTH_TIMEOUT_MS;
}

uint64_t cf_watch_next_ms(const cf_watch *w)
{
    switch (w->state) {
    case CF_WATCH_DOWN:
        return w->start_at_ms;
    case CF_WATCH_BOOTING:
        return deadline_ms(w);
    case CF_WATCH_SERVING:
        return w->ping_ms != 0 ? deadline_ms(w) : w->pong_ms + CF_AGENT_HEALTH_INTERVAL_MS;
    case CF_WATCH_ENDING:
        break;
    }
    return UINT64_MAX;
}

cf_watch_action cf_watch_step(cf_watch *w, uint64_t now_ms)
{
    if (now_ms < cf_watch_next_ms(w)) {
        return CF_WATCH_NOTHING;
    }
    if (w->state == CF_WATCH_DOWN) {
        w->state = CF_WATCH_BOOTING;
        w->since_ms = now_ms;
        return CF_WATCH_START;
    }
    if (w->state == CF_WATCH_SERVING && w->ping_ms == 0) {
        w->ping_ms = now_ms;
        return CF_WATCH_PING;
    }
    w->state = CF_WATCH_ENDING;
    return CF_WATCH_KILL;
}

void cf_watch_ready(cf_watch *w, uint64_t now_ms)
{
    if (w->state == CF_WATCH_BOOTING) {
        w->state = CF_WATCH_SERVING;
        w->since_ms = w->pong_ms = now_ms;
        w->ping_ms = 0;
    }
}

void cf_watch_pong(cf_watch *w, uint64_t now_ms)
{
    if (w->state == CF_WATCH_SERVING) {
        w->ping_ms = 0;
        w->pong_ms = now_ms;
    }
}

bool cf_watch_fault(cf_watch *w)
{
    bool alive = w->state == CF_WATCH_BOOTING || w->state == CF_WATCH_SERVING;
    w->state = alive ? CF_WATCH_ENDING : w->state;
    return alive;
}

void cf_watch_gone(cf_watch *w, uint64_t now_ms)
{
    /* pong_ms is 0 for one that never got ready. */
    bool steady = w->pong_ms != 0 && now_ms - w->since_ms >= CF_AGENT_STEADY_MS;
    w->failures = steady ? 0 : w->failures + 1;
    uint64_t wait = 0;
    if (w->failures > 0) {
        wait = CF_AGENT_BACKOFF_MS;
        for (unsigned i = 1; i < w->failures && wait < CF_AGENT_BACKOFF_MS_MAX; i++) {
            wait *= 2;
        }
        wait = wait < CF_AGENT_BACKOFF_MS_MAX ? wait : CF_AGENT_BACKOFF_MS_MAX;
    }
    *w = (cf_watch){.state = CF_WATCH_DOWN, .start_at_ms = now_ms + wait, .failures = w->failures};
}

bool cf_watch_healthy(const cf_watch *w, uint64_t now_ms)
{
    return w->state == CF_WATCH_SERVING && now_ms - w->pong_ms <= CF_AGENT_HEALTH_FRESH_MS;
}
