/* SPDX-License-Identifier: Apache-2.0 */
#include "enclave/app/workers.h"

#include <pthread.h>
#include <sched.h>

#include "enclave/app/limits.h"
#include "enclave/app/thread.h"
#include "sys/linux/clock.h"

struct cf_workers {
    cf_keycache *cache;
    cf_programs *programs;
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

/* The next unit of the first request, or NULL at the end. A request leaves the queue with its last unit, and when it has to be
 * planned first: there is no unit then. */
static cf_request *next_unit(cf_workers *w, cf_unit **ret_unit)
{
    *ret_unit = NULL;
    (void)pthread_mutex_lock(&w->lock);
    while (w->first == NULL && !w->stopping) {
        (void)pthread_cond_wait(&w->more, &w->lock);
    }
    cf_request *r = w->first;
    if (r != NULL && r->planned) {
        *ret_unit = &r->units[r->unit_next++];
    }
    if (r != NULL && (!r->planned || r->unit_next == r->units_n)) {
        w->first = r->next;
    }
    (void)pthread_mutex_unlock(&w->lock);
    return r;
}

/* Back to the front, where it was before it was planned. */
static void put_first(cf_workers *w, cf_request *r)
{
    (void)pthread_mutex_lock(&w->lock);
    r->next = w->first;
    w->last = w->first == NULL ? r : w->last;
    w->first = r;
    (void)pthread_cond_broadcast(&w->more);
    (void)pthread_mutex_unlock(&w->lock);
}

/* Plaintext was computed with in there. A little memory is kept for the next request. */
static void clear(cf_arena *scratch)
{
    if (scratch->used > CF_ENCLAVE_SCRATCH_KEEP_BYTES) {
        cf_arena_free(scratch);
    } else {
        cf_arena_reset(scratch);
    }
}

static void end(cf_workers *w, cf_request *r, cf_arena *scratch)
{
    cf_request_finish(r, scratch);
    clear(scratch);
    cf_request_release(r, w->cache);
    w->done(w->ctx, r);
}

/* True if there is something to open: it is left to whoever comes first, unless there is one unit only. */
static bool plan(cf_workers *w, cf_request *r, cf_unit **ret_unit)
{
    cf_request_prepare(r, w->programs, cf_clock_mono_ms());
    if (r->error != CF_OK || r->units_n == 0) {
        return false;
    }
    if (r->units_n == 1) {
        *ret_unit = &r->units[r->unit_next++];
    } else {
        put_first(w, r);
    }
    return true;
}

static void *work(void *self)
{
    cf_workers *w = self;
    cf_unit *unit;
    CF_ARENA(scratch, CF_TRANSFORM_LIVE_BYTES_MAX);
    for (cf_request *r = next_unit(w, &unit); r != NULL; r = next_unit(w, &unit)) {
        if (unit == NULL && !plan(w, r, &unit)) {
            end(w, r, &scratch);
        } else if (unit != NULL) {
            cf_request_open_unit(r, unit, cf_clock_mono_ms());
            if (atomic_fetch_sub(&r->units_left, 1) == 1) {
                end(w, r, &scratch);
            }
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

CF_MUST_USE cf_result cf_workers_new(unsigned n, cf_keycache *cache, cf_programs *programs,
                                     cf_request_done *done, void *ctx, cf_workers **ret)
{
    *ret = NULL;
    CF_REQUIRE(n >= 1 && n <= CF_ENCLAVE_WORKERS_MAX, ARGUMENT);
    CF_AUTO(cf_workers_free) cf_workers *w = cf_mem_new(1, sizeof *w);
    CF_REQUIRE(w != NULL, NO_MEMORY);
    w->cache = cache;
    w->programs = programs;
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
