/* SPDX-License-Identifier: Apache-2.0 */
#include "host/credentials/keeper.h"

#include <inttypes.h>
#include <pthread.h>
#include <time.h>

#include "core/crypto/primitives.h"
#include "host/credentials/plan.h"
#include "sys/linux/clock.h"
#include "sys/linux/log.h"

/* The wall clock may jump, so it is looked at again after so long at most. */
#define KEEPER_SLEEP_MS_MAX 10000

struct cf_creds_keeper {
    cf_creds_http *http;
    cf_creds_chain *chain;
    cf_creds_lend *lend;
    void *ctx;
    pthread_t thread;
    bool running;

    /* The thread's own, or of who calls before it runs. */
    cf_creds current;
    cf_creds_plan plan;

    pthread_mutex_t lock; /* all below */
    pthread_cond_t changed;
    bool stopping;
    cf_creds_status status; /* but for expired, which the clock tells */
};

const char *cf_creds_state_name(cf_creds_state s)
{
    static const char *const names[] = {[CF_CREDS_STATE_NONE] = "none",
                                        [CF_CREDS_STATE_FRESH] = "fresh",
                                        [CF_CREDS_STATE_STALE] = "stale",
                                        [CF_CREDS_STATE_EXPIRED] = "expired"};
    return names[s];
}

cf_result cf_creds_keeper_new(const cf_creds_chain_opts *opts, cf_creds_keeper **ret)
{
    *ret = NULL;
    CF_AUTO(cf_creds_keeper_free) cf_creds_keeper *k = cf_mem_new(1, sizeof *k);
    CF_REQUIRE(k != NULL, NO_MEMORY);
    k->status.source = CF_CREDS_SOURCE_COUNT;
    (void)pthread_mutex_init(&k->lock, NULL);
    (void)pthread_cond_init(&k->changed, NULL);
    CF_TRY(cf_creds_http_new(opts->env, &k->http));
    cf_creds_chain_opts own = *opts;
    own.http = &cf_creds_http_ops_tcp;
    own.http_self = k->http;
    CF_TRY(cf_creds_chain_new(&own, &k->chain));
    *ret = k;
    k = NULL;
    return cf_ok();
}

void cf_creds_keeper_free(cf_creds_keeper **keeper)
{
    cf_creds_keeper *k = *keeper;
    if (k == NULL) {
        return;
    }
    if (k->running) {
        (void)pthread_mutex_lock(&k->lock);
        k->stopping = true;
        (void)pthread_cond_signal(&k->changed);
        (void)pthread_mutex_unlock(&k->lock);
        cf_creds_http_cancel(k->http);
        (void)pthread_join(k->thread, NULL);
    }
    cf_creds_chain_free(&k->chain);
    cf_creds_http_free(&k->http);
    cf_creds_free(&k->current);
    (void)pthread_mutex_destroy(&k->lock);
    (void)pthread_cond_destroy(&k->changed);
    cf_mem_free(k);
    *keeper = NULL;
}

/* --- one attempt --- */

static uint32_t chance(void)
{
    uint8_t octets[4] = {0};
    cf_ignore(cf_random(octets, sizeof octets)); /* without, all ask at their latest time */
    return (uint32_t)octets[0] << 24 | (uint32_t)octets[1] << 16 | (uint32_t)octets[2] << 8 |
           octets[3];
}

static bool same_story(const cf_creds_story *a, const cf_creds_story *b)
{
    return a->source == b->source && a->fault == b->fault && a->cause == b->cause &&
           a->status == b->status && cf_view_eq(cf_view_str(a->what), cf_view_str(b->what));
}

static void tell_failure(const cf_creds_story *s, const cf_creds_status *was)
{
    if (was->last.fault == CF_CREDS_NONE || !same_story(s, &was->last)) {
        cf_log(CF_LOG_WARN, "credentials.failed", "source=%s code=%s at=%s cause=%s status=%u",
               cf_creds_source_name(s->source), cf_creds_fault_code(s->fault), s->what,
               cf_err_code(s->cause), s->status);
    }
}

static void tell_success(const cf_creds_story *s, const cf_creds_status *was, bool changed,
                         uint64_t now_ms, uint64_t expires_ms)
{
    const char *source = cf_creds_source_name(s->source);
    if (changed && expires_ms == 0) {
        cf_log(CF_LOG_INFO, "credentials.changed", "source=%s expires=never", source);
    } else if (changed) {
        cf_log(CF_LOG_INFO, "credentials.changed", "source=%s expires_in_s=%" PRIu64, source,
               expires_ms > now_ms ? (expires_ms - now_ms) / 1000 : 0);
    } else if (s->fault == CF_CREDS_NONE && was->last.fault != CF_CREDS_NONE) {
        cf_log(CF_LOG_INFO, "credentials.recovered", "source=%s", source);
    }
}

/* Takes what came into use, unless it ends before what is: metadata that cannot give new ones may give any old ones. True when that
 * is a change. */
static bool take(cf_creds_keeper *k, cf_creds *got, bool ended)
{
    bool older = k->current.access_key_id.len > 0 &&
                 (k->current.expires_ms == 0 || got->expires_ms < k->current.expires_ms);
    if ((ended && older) || cf_creds_same(got, &k->current)) {
        return false;
    }
    cf_creds_free(&k->current);
    k->current = *got;
    *got = (cf_creds){{0}, {0}, {0}, 0};
    return true;
}

/* What the last attempt came to. fresh: it gave some that have not ended. */
static void note(cf_creds_keeper *k, const cf_creds_story *s, bool fresh, bool changed)
{
    k->status.last = *s;
    if (fresh || changed) {
        k->status.source = s->source;
        k->status.expires_ms = k->current.expires_ms;
        k->status.changes += changed;
    }
    if (fresh) {
        k->status.state = CF_CREDS_STATE_FRESH;
    } else if (changed || k->status.state == CF_CREDS_STATE_FRESH) {
        k->status.state = CF_CREDS_STATE_STALE;
    }
}

/* Asks once. True when what is in use has changed. */
static bool attempt(cf_creds_keeper *k, cf_creds_story *s)
{
    CF_CREDS(got);
    cf_result r = cf_creds_chain_get(k->chain, cf_clock_wall_ms(), &got, s);
    uint64_t now_ms = cf_clock_wall_ms();
    bool came = cf_is_ok(r), ended = came && cf_creds_ended(&got, now_ms), fresh = came && !ended;
    if (ended) {
        cf_ignore(cf_creds_need(false, s, CF_CREDS_EXPIRED, CF_ERR_STALE, "expiration"));
    }
    bool changed = came && take(k, &got, ended);
    bool file = s->source == CF_CREDS_FROM_FILE || s->source == CF_CREDS_FROM_PROFILE;
    if (fresh) {
        cf_creds_plan_got(&k->plan, now_ms, k->current.expires_ms, file, chance());
    } else {
        cf_creds_plan_failed(&k->plan, now_ms, chance());
    }
    (void)pthread_mutex_lock(&k->lock);
    cf_creds_status was = k->status;
    bool stopping = k->stopping;
    note(k, s, fresh, changed);
    (void)pthread_mutex_unlock(&k->lock);
    if (came) {
        tell_success(s, &was, changed, now_ms, k->current.expires_ms);
    }
    if (!fresh && !stopping) {
        tell_failure(s, &was);
    }
    return changed;
}

cf_result cf_creds_keeper_first(cf_creds_keeper *k, cf_buf *ret_body, cf_creds_story *ret_story)
{
    bool changed = attempt(k, ret_story);
    cf_creds_fault f = ret_story->fault;
    if (f == CF_CREDS_SETTINGS || f == CF_CREDS_UNSUPPORTED || f == CF_CREDS_ABSENT) {
        return cf_fail(ret_story->cause);
    }
    return changed ? cf_creds_put(&k->current, ret_body) : cf_ok();
}

/* --- the thread --- */

/* Sleeps for so long, or until the end is asked for. False then. */
static bool rest(cf_creds_keeper *k, uint64_t ms)
{
    uint64_t due = cf_clock_mono_ms() + ms;
    const struct timespec until = {(time_t)(due / 1000), (long)(due % 1000) * 1000000L};
    (void)pthread_mutex_lock(&k->lock);
    if (!k->stopping) {
        (void)pthread_cond_clockwait(&k->changed, &k->lock, CLOCK_MONOTONIC, &until);
    }
    bool going = !k->stopping;
    (void)pthread_mutex_unlock(&k->lock);
    return going;
}

static void hand_on(cf_creds_keeper *k)
{
    CF_BUF(body);
    if (cf_is_ok(cf_creds_put(&k->current, &body))) {
        k->lend(k->ctx, cf_buf_view(&body));
    } else {
        /* For lack of memory alone: as if none had come, so that the next attempt hands them on. */
        cf_creds_free(&k->current);
        cf_creds_plan_failed(&k->plan, cf_clock_wall_ms(), chance());
    }
}

static void *run(void *ctx)
{
    cf_creds_keeper *k = ctx;
    bool going = true;
    while (going) {
        uint64_t now_ms = cf_clock_wall_ms();
        cf_creds_story story;
        if (now_ms < k->plan.next_ms) {
            uint64_t wait = k->plan.next_ms - now_ms;
            going = rest(k, wait < KEEPER_SLEEP_MS_MAX ? wait : KEEPER_SLEEP_MS_MAX);
        } else if (attempt(k, &story)) {
            hand_on(k);
        } else {
            going = rest(k, 0);
        }
    }
    return NULL;
}

cf_result cf_creds_keeper_run(cf_creds_keeper *k, cf_creds_lend *lend, void *ctx)
{
    k->lend = lend;
    k->ctx = ctx;
    CF_REQUIRE(pthread_create(&k->thread, NULL, run, k) == 0, IO);
    k->running = true;
    return cf_ok();
}

void cf_creds_keeper_look(cf_creds_keeper *k, cf_creds_status *ret)
{
    (void)pthread_mutex_lock(&k->lock);
    *ret = k->status;
    (void)pthread_mutex_unlock(&k->lock);
    if (ret->expires_ms != 0 && ret->expires_ms <= cf_clock_wall_ms()) {
        ret->state = CF_CREDS_STATE_EXPIRED;
    }
}
