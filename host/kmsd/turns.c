/* SPDX-License-Identifier: Apache-2.0 */
#include "host/kmsd/turns.h"

#include <pthread.h>
#include <stdio.h>

#include "sys/linux/lock.h"

typedef enum { PLACE_FREE, PLACE_RESERVED, PLACE_WAITING, PLACE_RUNNING } place_state;

typedef struct {
    cf_turn turn;
    place_state state;
    size_t caller;  /* of callers */
    uint64_t since; /* the clock's time when it was put */
} place;

/** Somebody with places; free when there are none. */
typedef struct {
    char name[CF_KMSD_CALLER_BYTES_MAX];
    unsigned places, running;
    uint64_t served; /* the clock's time of the last turn, or of the arrival */
} holder;

struct cf_turns {
    cf_turns_bounds bounds;
    cf_turn_run *run;
    void *ctx;
    pthread_mutex_t lock;
    pthread_cond_t more;
    bool has_lock, stopped, ended;
    uint64_t clock; /* counts what is put and begun */
    place *places;
    holder *callers; /* as many, since each has a place */
    pthread_t *threads;
    size_t threads_n;
};

/* --- places --- */

/* Index of the name, else of a free entry, which it takes. There is one while a place is free. */
static size_t caller_of(cf_turns *t, const char *name)
{
    size_t vacant = 0;
    for (size_t i = 0; i < t->bounds.places_max; i++) {
        bool taken = t->callers[i].places > 0;
        if (taken && cf_view_eq(cf_view_str(t->callers[i].name), cf_view_str(name))) {
            return i;
        }
        vacant = taken ? vacant : i;
    }
    holder *h = &t->callers[vacant];
    *h = (holder){.served = t->clock};
    (void)snprintf(h->name, sizeof h->name, "%s", name);
    return vacant;
}

static place *free_place(cf_turns *t)
{
    for (size_t i = 0; i < t->bounds.places_max; i++) {
        if (t->places[i].state == PLACE_FREE) {
            return &t->places[i];
        }
    }
    return NULL;
}

static place *place_of(cf_turns *t, const cf_turn *turn)
{
    size_t i = 0;
    while (&t->places[i].turn != turn) {
        i++; /* it is there: nobody else makes turns */
    }
    return &t->places[i];
}

static void copy_caller(const cf_kmsd_caller *from, cf_kmsd_identity *to)
{
    (void)snprintf(to->arn, sizeof to->arn, "%s", from->arn);
    (void)snprintf(to->role, sizeof to->role, "%s", from->role);
    (void)snprintf(to->root, sizeof to->root, "%s", from->root);
    (void)snprintf(to->account, sizeof to->account, "%s", from->account);
    to->caller = (cf_kmsd_caller){.arn = to->arn,
                                  .role = to->role,
                                  .account = to->account,
                                  .root = to->root,
                                  .local = from->local};
}

cf_turn *cf_turns_reserve(cf_turns *t, const cf_kmsd_caller *caller)
{
    CF_AUTO(cf_unlock) CF_HELD pthread_mutex_t *held = cf_hold(&t->lock);
    place *p = free_place(t);
    if (p == NULL) {
        return NULL;
    }
    size_t who = caller_of(t, *caller->role != '\0' ? caller->role : caller->arn);
    if (t->callers[who].places >= t->bounds.per_caller_max) {
        return NULL;
    }
    t->callers[who].places++;
    *p = (place){.state = PLACE_RESERVED, .caller = who};
    p->turn.of = t;
    copy_caller(caller, &p->turn.who);
    return &p->turn;
}

void cf_turns_put(cf_turn *turn)
{
    cf_turns *t = turn->of;
    CF_AUTO(cf_unlock) CF_HELD pthread_mutex_t *held = cf_hold(&t->lock);
    place *p = place_of(t, turn);
    p->state = PLACE_WAITING;
    p->since = t->clock++;
    (void)pthread_cond_signal(&t->more);
}

/* --- threads --- */

/* Whether the caller's longest pause, then the place's, makes a its turn before b. */
static bool comes_first(const cf_turns *t, const place *a, const place *b)
{
    uint64_t served_a = t->callers[a->caller].served, served_b = t->callers[b->caller].served;
    return served_a != served_b ? served_a < served_b : a->since < b->since;
}

/* Of those who have not a thread already, so that one is left for the others; NULL when nobody waits. */
static place *next_place(cf_turns *t)
{
    place *next = NULL;
    for (size_t i = 0; i < t->bounds.places_max; i++) {
        place *p = &t->places[i];
        bool may = p->state == PLACE_WAITING &&
                   (t->stopped || t->callers[p->caller].running < t->bounds.running_max);
        if (may && (next == NULL || comes_first(t, p, next))) {
            next = p;
        }
    }
    return next;
}

/* Under the lock, which is left for the time of the work. */
static void run_place(cf_turns *t, place *p)
{
    bool stopped = t->stopped;
    holder *h = &t->callers[p->caller];
    p->state = PLACE_RUNNING;
    h->running++;
    h->served = t->clock++;
    (void)pthread_mutex_unlock(&t->lock);
    t->run(t->ctx, &p->turn, stopped);
    (void)pthread_mutex_lock(&t->lock);
    h->running--;
    h->places--;
    p->state = PLACE_FREE;
}

static void *work(void *arg)
{
    cf_turns *t = arg;
    (void)pthread_mutex_lock(&t->lock);
    for (;;) {
        place *p = next_place(t);
        if (p != NULL) {
            run_place(t, p);
        } else if (t->ended) {
            break;
        } else {
            (void)pthread_cond_wait(&t->more, &t->lock);
        }
    }
    (void)pthread_mutex_unlock(&t->lock);
    return NULL;
}

static cf_result start(cf_turns *t)
{
    t->places = cf_mem_new(t->bounds.places_max, sizeof *t->places);
    t->callers = cf_mem_new(t->bounds.places_max, sizeof *t->callers);
    t->threads = cf_mem_new(t->bounds.threads, sizeof *t->threads);
    CF_REQUIRE(t->places != NULL && t->callers != NULL && t->threads != NULL, NO_MEMORY);
    CF_REQUIRE(pthread_mutex_init(&t->lock, NULL) == 0, NO_MEMORY);
    t->has_lock = pthread_cond_init(&t->more, NULL) == 0;
    CF_REQUIRE(t->has_lock, NO_MEMORY);
    while (t->threads_n < t->bounds.threads) {
        CF_REQUIRE(pthread_create(&t->threads[t->threads_n], NULL, work, t) == 0, NO_MEMORY);
        t->threads_n++;
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_turns_new(const cf_turns_bounds *b, cf_turn_run *run, void *ctx,
                                   cf_turns **ret)
{
    *ret = NULL;
    CF_AUTO(cf_turns_free) cf_turns *t = cf_mem_new(1, sizeof *t);
    CF_REQUIRE(t != NULL, NO_MEMORY);
    t->bounds = *b;
    t->run = run;
    t->ctx = ctx;
    CF_TRY(start(t));
    *ret = t;
    t = NULL;
    return cf_ok();
}

static void tell(cf_turns *t, bool *what)
{
    (void)pthread_mutex_lock(&t->lock);
    *what = true;
    (void)pthread_cond_broadcast(&t->more);
    (void)pthread_mutex_unlock(&t->lock);
}

void cf_turns_stop(cf_turns *t)
{
    tell(t, &t->stopped);
}

void cf_turns_free(cf_turns **turns)
{
    cf_turns *t = *turns;
    if (t == NULL) {
        return;
    }
    if (t->has_lock) {
        tell(t, &t->stopped);
        tell(t, &t->ended);
        for (size_t i = 0; i < t->threads_n; i++) {
            (void)pthread_join(t->threads[i], NULL);
        }
        (void)pthread_cond_destroy(&t->more);
        (void)pthread_mutex_destroy(&t->lock);
    }
    cf_mem_free(t->places);
    cf_mem_free(t->callers);
    cf_mem_free(t->threads);
    cf_mem_free(t);
    *turns = NULL;
}
