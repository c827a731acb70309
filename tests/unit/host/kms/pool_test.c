/* SPDX-License-Identifier: Apache-2.0 */
/* With connections that are counted, and calls that last for as long as the test wants. */
#include "host/kms/pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "host/kms/limits.h"
#include "sys/linux/clock.h"
#include "tests/support/test.h"

#define LINKS 5
#define THREADS (4 * LINKS)

static uint64_t ahead_ms; /* of the real clock */

/* In the place of sys/linux's. */
uint64_t cf_clock_mono_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000 + ahead_ms;
}

struct cf_kms_service {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned made, freed, calls, running, at_once;
    bool held; /* calls last until this is false */
    cf_err fails;
    cf_err no_link; /* a connection cannot be made */
};

struct cf_kms_link {
    cf_kms_service *service;
    unsigned calls;
    atomic_bool busy;
};

CF_MUST_USE cf_result cf_kms_link_new(cf_kms_service *s, cf_kms_link **ret)
{
    *ret = NULL;
    if (s->no_link != CF_OK) {
        return cf_fail(s->no_link);
    }
    *ret = cf_mem_new(1, sizeof **ret);
    assert_non_null(*ret);
    (*ret)->service = s;
    (void)pthread_mutex_lock(&s->lock);
    s->made++;
    (void)pthread_mutex_unlock(&s->lock);
    return cf_ok();
}

void cf_kms_link_free(cf_kms_link **l)
{
    if (*l != NULL) {
        (*l)->service->freed++;
        cf_mem_free(*l);
        *l = NULL;
    }
}

CF_MUST_USE cf_result cf_kms_call(cf_kms_link *l, cf_view target, cf_view body,
                                  uint64_t deadline_ms, cf_buf *ret_body, cf_kms_outcome *ret)
{
    cf_kms_service *s = l->service;
    (void)deadline_ms;
    assert_view(target, CF_LIT("T"));
    assert_false(atomic_exchange(&l->busy, true)); /* one thread's at a time */
    (void)pthread_mutex_lock(&s->lock);
    s->calls++;
    s->running++;
    s->at_once = s->running > s->at_once ? s->running : s->at_once;
    (void)pthread_cond_broadcast(&s->changed);
    while (s->held) {
        (void)pthread_cond_wait(&s->changed, &s->lock);
    }
    s->running--;
    cf_err fails = s->fails;
    (void)pthread_mutex_unlock(&s->lock);
    *ret = (cf_kms_outcome){.tries = ++l->calls, .why = ""};
    atomic_store(&l->busy, false);
    return fails != CF_OK ? cf_fail(fails) : cf_buf_append(ret_body, body);
}

static void begin(cf_kms_service *s, cf_kms_pool **ret)
{
    *s = (cf_kms_service){.made = 0};
    (void)pthread_mutex_init(&s->lock, NULL);
    (void)pthread_cond_init(&s->changed, NULL);
    assert_ok(cf_kms_pool_new(s, LINKS, ret));
}

static void end(cf_kms_service *s, cf_kms_pool **p)
{
    cf_kms_pool_free(p);
    assert_null(*p);
    assert_int_equal(s->made, s->freed);
    (void)pthread_mutex_destroy(&s->lock);
    (void)pthread_cond_destroy(&s->changed);
}

static cf_result call_within(cf_kms_pool *p, uint64_t ms, cf_kms_outcome *o)
{
    CF_BUF(body);
    cf_result r = cf_kms_pool_call(p, CF_LIT("T"), CF_LIT("b"), cf_clock_mono_ms() + ms, &body, o);
    assert_view(cf_buf_view(&body), cf_is_ok(r) ? CF_LIT("b") : CF_VIEW_EMPTY);
    return r;
}

/* One after the other they share a connection, also after one that failed: sys/kms mends it by itself. */
static void test_kept(void **state)
{
    (void)state;
    cf_kms_service s;
    cf_kms_pool *p;
    cf_kms_outcome o;
    begin(&s, &p);
    for (unsigned i = 1; i <= 5; i++) {
        assert_ok(call_within(p, 1000, &o));
        assert_int_equal(o.tries, i);
    }
    s.fails = CF_ERR_KMS_REFUSED;
    assert_err(call_within(p, 1000, &o), KMS_REFUSED);
    s.fails = CF_OK;
    assert_ok(call_within(p, 1000, &o));
    assert_int_equal(o.tries, 7);
    assert_int_equal(s.made, 1);
    end(&s, &p);
}

typedef struct {
    cf_kms_pool *pool;
    uint64_t ms;
    cf_result result;
    cf_kms_outcome outcome;
} caller;

static void *run(void *arg)
{
    caller *c = arg;
    c->result = call_within(c->pool, c->ms, &c->outcome);
    return NULL;
}

static void await_running(cf_kms_service *s, unsigned n)
{
    (void)pthread_mutex_lock(&s->lock);
    while (s->running < n) {
        (void)pthread_cond_wait(&s->changed, &s->lock);
    }
    (void)pthread_mutex_unlock(&s->lock);
}

static void hold(cf_kms_service *s, bool held)
{
    (void)pthread_mutex_lock(&s->lock);
    s->held = held;
    (void)pthread_cond_broadcast(&s->changed);
    (void)pthread_mutex_unlock(&s->lock);
}

/* More callers than connections: as many calls as there may be are in work, the others wait, and all are answered. One that cannot
 * wait for so long is told so, in time. */
static void test_bounded(void **state)
{
    (void)state;
    cf_kms_service s;
    cf_kms_pool *p;
    cf_kms_outcome o;
    pthread_t threads[THREADS];
    caller callers[THREADS];
    begin(&s, &p);
    hold(&s, true);
    for (size_t i = 0; i < THREADS; i++) {
        callers[i] = (caller){.pool = p, .ms = 60000};
        assert_int_equal(pthread_create(&threads[i], NULL, run, &callers[i]), 0);
    }
    await_running(&s, LINKS);
    uint64_t began = cf_clock_mono_ms();
    assert_err(call_within(p, 50, &o), KMS_UNAVAILABLE);
    assert_in_range(cf_clock_mono_ms() - began, 50, 5000);
    assert_true(o.tries == 0 && o.fault == NULL && o.why[0] == '\0');
    assert_err(call_within(p, 0, &o), KMS_UNAVAILABLE);
    assert_int_equal(s.calls, LINKS);
    hold(&s, false);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_ok(callers[i].result);
    }
    assert_int_equal(s.calls, THREADS);
    assert_int_equal(s.at_once, LINKS);
    assert_int_equal(s.made, LINKS);
    assert_ok(call_within(p, 1000, &o));
    end(&s, &p);
}

/* A connection that cannot be made leaves its place to the next call. */
static void test_no_link(void **state)
{
    (void)state;
    cf_kms_service s;
    cf_kms_pool *p;
    cf_kms_outcome o;
    begin(&s, &p);
    s.no_link = CF_ERR_NO_MEMORY;
    for (unsigned i = 0; i < 2 * LINKS; i++) {
        assert_err(call_within(p, 10, &o), NO_MEMORY);
    }
    s.no_link = CF_OK;
    assert_ok(call_within(p, 1000, &o));
    assert_int_equal(s.made, 1);
    end(&s, &p);
}

/* Quiet for long: made anew. */
static void test_idle(void **state)
{
    (void)state;
    cf_kms_service s;
    cf_kms_pool *p;
    cf_kms_outcome o;
    begin(&s, &p);
    assert_ok(call_within(p, 1000, &o));
    for (unsigned i = 0; i < 3; i++) {
        ahead_ms += CF_KMS_LINK_IDLE_MS - 1000;
        assert_ok(call_within(p, 1000, &o));
        assert_int_equal(s.made, 1);
    }
    ahead_ms += CF_KMS_LINK_IDLE_MS;
    assert_ok(call_within(p, 1000, &o));
    assert_int_equal(s.made, 2);
    assert_int_equal(s.freed, 1);
    end(&s, &p);
    ahead_ms = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kept),
        cmocka_unit_test(test_bounded),
        cmocka_unit_test(test_no_link),
        cmocka_unit_test(test_idle),
    };
    return cmocka_run_group_tests_name("host/kms/pool", tests, NULL, NULL);
}
