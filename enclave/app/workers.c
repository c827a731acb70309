/* SPDX-License-Identifier: Apache-2.0 */
#include "enclave/app/workers.h"

#include <pthread.h>
#include <sched.h>

#include "enclave/app/limits.h"
#include "enclave/app/thread.h"
#include "sys/linux/clock.h"

struct cf_workers {
    cf_keycache *cache;
    cf_request_done *done;
    void *ctx;
    pthread_mutex_t lock;
    pthread_cond_t more;
    cf_request *first, *last;
    bool stopping;
    unsigned n;
    pthread_t threads[CF_ENCLAVE_WORKERS_MAX];
};

unsigned cf_workers_default(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return n < 1 ? 1 : (n > CF_ENCLAVE_WORKERS_MAX ? CF_ENCLAVE_WORKERS_MAX : (unsigned)n);
}

/* The next unit of the first request, or NULL at the end. A request leaves the queue with its last unit. */
static cf_request *next_unit(cf_workers *w, cf_unit **ret_unit)
{
    (void)pthread_mutex_lock(&w->lock);
    while (w->first == NULL && !w->stopping) {
        (void)pthread_cond_wait(&w->more, &w->lock);
    }
    cf_request *r = w->first;
    if (r != NULL) {
        *ret_unit = &r->units[r->unit_next++];
        if (r->unit_next == r->units_n) {
            w->first = r->next;
        }
    }
    (void)pthread_mutex_unlock(&w->lock);
    return r;
}

static void *work(void *self)
{
    cf_workers *w = self;
    cf_unit *unit;
    for (cf_request *r = next_unit(w, &unit); r != NULL; r = next_unit(w, &unit)) {
        cf_request_open_unit(r, unit, cf_clock_mono_ms());
        if (atomic_fetch_sub(&r->units_left, 1) == 1) {
            cf_keycache_release(w->cache, r->key);
            r->key = NULL;
            cf_request_finish(r);
            w->done(w->ctx, r);
        }
    }
    return NULL;
}

/* The n-th processor of those allowed, round and round. A refusal costs speed only. */
static void pin(pthread_t thread, unsigned n)
{
    cpu_set_t allowed, one;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0 || CPU_COUNT(&allowed) == 0) {
        return;
    }
    unsigned skip = n % (unsigned)CPU_COUNT(&allowed);
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &allowed) && skip-- == 0) {
            CPU_ZERO(&one);
            CPU_SET(cpu, &one);
            (void)pthread_setaffinity_np(thread, sizeof one, &one);
            return;
        }
    }
}

CF_MUST_USE cf_result cf_workers_new(unsigned n, cf_keycache *cache, cf_request_done *done,
                                     void *ctx, cf_workers **ret)
{
    *ret = NULL;
    CF_REQUIRE(n >= 1 && n <= CF_ENCLAVE_WORKERS_MAX, ARGUMENT);
    CF_AUTO(cf_workers_free) cf_workers *w = cf_mem_new(1, sizeof *w);
    CF_REQUIRE(w != NULL, NO_MEMORY);
    w->cache = cache;
    w->done = done;
    w->ctx = ctx;
    (void)pthread_mutex_init(&w->lock, NULL);
    (void)pthread_cond_init(&w->more, NULL);
    for (; w->n < n; w->n++) {
        CF_TRY(cf_thread_start(&w->threads[w->n], work, w));
        pin(w->threads[w->n], w->n);
        cf_thread_be_patient(w->threads[w->n]);
    }
    *ret = w;
    w = NULL;
    return cf_ok();
}

void cf_workers_free(cf_workers **workers)
{
    cf_workers *w = *workers;
    if (w == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&w->lock);
    w->stopping = true;
    (void)pthread_cond_broadcast(&w->more);
    (void)pthread_mutex_unlock(&w->lock);
    for (unsigned i = 0; i < w->n; i++) {
        (void)pthread_join(w->threads[i], NULL);
    }
    (void)pthread_cond_destroy(&w->more);
    (void)pthread_mutex_destroy(&w->lock);
    cf_mem_free(w);
    *workers = NULL;
}

void cf_workers_put(cf_workers *w, cf_request *r)
{
    bool many = r->units_n > 1;
    r->next = NULL;
    (void)pthread_mutex_lock(&w->lock);
    if (w->first == NULL) {
        w->first = r;
    } else {
        w->last->next = r;
    }
    w->last = r;
    (void)(many ? pthread_cond_broadcast(&w->more) : pthread_cond_signal(&w->more));
    (void)pthread_mutex_unlock(&w->lock);
}
