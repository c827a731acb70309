/* SPDX-License-Identifier: Apache-2.0 */
/* Worker threads and their queue. A request waits for the enclave and for the sync of its audit entry, so there are as many
 * workers as requests may be in work, not as there are processors. */
#include "host/api/call.h"
#include "sys/linux/clock.h"

typedef struct {
    cf_http_call *http;
    uint64_t began_ms;
} job;

struct cf_api_pool {
    cf_api *api;
    pthread_mutex_t lock;
    pthread_cond_t more;
    job ring[CF_API_QUEUE_CALLS_MAX];
    size_t first, n;
    bool stop; /* workers end once the ring is empty */
    pthread_t threads[CF_API_WORKERS_MAX];
    size_t threads_n;
};

/* The next job; false once the pool stops and nothing waits any more. */
static bool take(cf_api_pool *p, job *ret)
{
    (void)pthread_mutex_lock(&p->lock);
    while (p->n == 0 && !p->stop) {
        (void)pthread_cond_wait(&p->more, &p->lock);
    }
    bool some = p->n > 0;
    if (some) {
        *ret = p->ring[p->first];
        p->first = (p->first + 1) % CF_API_QUEUE_CALLS_MAX;
        p->n--;
    }
    (void)pthread_mutex_unlock(&p->lock);
    return some;
}

static void *work(void *arg)
{
    cf_api_pool *p = arg;
    CF_AUTO(cf_api_clients_free) cf_api_clients clients = {NULL};
    job j;
    while (take(p, &j)) {
        cf_api_serve(p->api, &clients, j.http, j.began_ms);
    }
    return NULL;
}

bool cf_api_pool_put(cf_api_pool *p, cf_http_call *http)
{
    uint64_t now = cf_clock_mono_ms();
    (void)pthread_mutex_lock(&p->lock);
    bool room = p->n < CF_API_QUEUE_CALLS_MAX && !p->stop;
    if (room) {
        /* Before the job can be seen: a worker may answer it at once. */
        cf_http_defer(http);
        p->ring[(p->first + p->n) % CF_API_QUEUE_CALLS_MAX] = (job){http, now};
        p->n++;
    }
    (void)pthread_mutex_unlock(&p->lock);
    if (room) {
        (void)pthread_cond_signal(&p->more);
    }
    return room;
}

CF_MUST_USE cf_result cf_api_pool_new(cf_api *api, unsigned workers, cf_api_pool **ret)
{
    *ret = NULL;
    CF_REQUIRE(workers > 0 && workers <= CF_API_WORKERS_MAX, ARGUMENT);
    CF_AUTO(cf_api_pool_free) cf_api_pool *p = cf_mem_new(1, sizeof *p);
    CF_REQUIRE(p != NULL, NO_MEMORY);
    p->api = api;
    (void)pthread_mutex_init(&p->lock, NULL);
    (void)pthread_cond_init(&p->more, NULL);
    while (p->threads_n < workers) {
        CF_REQUIRE(pthread_create(&p->threads[p->threads_n], NULL, work, p) == 0, NO_MEMORY);
        p->threads_n++;
    }
    *ret = p;
    p = NULL;
    return cf_ok();
}

void cf_api_pool_free(cf_api_pool **pool)
{
    cf_api_pool *p = *pool;
    if (p == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&p->lock);
    p->stop = true;
    (void)pthread_mutex_unlock(&p->lock);
    (void)pthread_cond_broadcast(&p->more);
    for (size_t i = 0; i < p->threads_n; i++) {
        (void)pthread_join(p->threads[i], NULL);
    }
    (void)pthread_cond_destroy(&p->more);
    (void)pthread_mutex_destroy(&p->lock);
    cf_mem_free(p);
    *pool = NULL;
}
