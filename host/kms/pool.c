/* SPDX-License-Identifier: Apache-2.0 */
#include "host/kms/pool.h"

#include <pthread.h>

#include "host/kms/limits.h"
#include "sys/linux/clock.h"

typedef struct {
    cf_kms_link *link; /* NULL: not made yet */
    uint64_t used_ms;  /* when its last call ended */
} seat;

struct cf_kms_pool {
    cf_kms_service *service;
    pthread_mutex_t lock;
    pthread_cond_t more;
    seat *free; /* a stack, so that few connections do the work of quiet times */
    size_t n;
};

CF_MUST_USE cf_result cf_kms_pool_new(cf_kms_service *s, size_t links, cf_kms_pool **ret)
{
    *ret = NULL;
    CF_AUTO(cf_kms_pool_free) cf_kms_pool *p = cf_mem_new(1, sizeof *p);
    CF_REQUIRE(p != NULL, NO_MEMORY);
    p->service = s;
    (void)pthread_mutex_init(&p->lock, NULL);
    (void)pthread_cond_init(&p->more, NULL);
    p->free = cf_mem_new(links, sizeof *p->free);
    CF_REQUIRE(p->free != NULL, NO_MEMORY);
    p->n = links;
    *ret = p;
    p = NULL;
    return cf_ok();
}

void cf_kms_pool_free(cf_kms_pool **pool)
{
    cf_kms_pool *p = *pool;
    if (p == NULL) {
        return;
    }
    for (size_t i = 0; i < p->n; i++) {
        cf_kms_link_free(&p->free[i].link);
    }
    (void)pthread_mutex_destroy(&p->lock);
    (void)pthread_cond_destroy(&p->more);
    cf_mem_free(p->free);
    cf_mem_free(p);
    *pool = NULL;
}

static CF_MUST_USE cf_result sit(cf_kms_pool *p, uint64_t deadline_ms, seat *ret)
{
    const struct timespec until = {(time_t)(deadline_ms / 1000),
                                   (long)(deadline_ms % 1000) * 1000000L};
    int timed_out = 0;
    (void)pthread_mutex_lock(&p->lock);
    while (p->n == 0 && timed_out == 0) {
        timed_out = pthread_cond_clockwait(&p->more, &p->lock, CLOCK_MONOTONIC, &until);
    }
    bool some = p->n > 0;
    if (some) {
        *ret = p->free[--p->n];
    }
    (void)pthread_mutex_unlock(&p->lock);
    CF_REQUIRE(some, KMS_UNAVAILABLE);
    return cf_ok();
}

static void stand_up(cf_kms_pool *p, seat s)
{
    s.used_ms = cf_clock_mono_ms();
    (void)pthread_mutex_lock(&p->lock);
    p->free[p->n++] = s;
    (void)pthread_mutex_unlock(&p->lock);
    (void)pthread_cond_signal(&p->more);
}

/* What lies on the way may have forgotten a connection that was quiet for long, and would tell nobody: a call on it would wait for
 * its whole time. */
static CF_MUST_USE cf_result ready(cf_kms_pool *p, seat *s)
{
    if (s->link != NULL && cf_clock_mono_ms() - s->used_ms >= CF_KMS_LINK_IDLE_MS) {
        cf_kms_link_free(&s->link);
    }
    return s->link != NULL ? cf_ok() : cf_kms_link_new(p->service, &s->link);
}

CF_MUST_USE cf_result cf_kms_pool_call(cf_kms_pool *p, cf_view target, cf_view body,
                                       uint64_t deadline_ms, cf_buf *ret_body, cf_kms_outcome *ret)
{
    seat s = {.link = NULL};
    *ret = (cf_kms_outcome){.why = ""};
    CF_TRY(sit(p, deadline_ms, &s));
    cf_result r = ready(p, &s);
    if (cf_is_ok(r)) {
        r = cf_kms_call(s.link, target, body, deadline_ms, ret_body, ret);
    }
    stand_up(p, s);
    return r;
}
