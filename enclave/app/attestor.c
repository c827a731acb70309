/* SPDX-License-Identifier: Apache-2.0 */
#include "enclave/app/attestor.h"

#include <pthread.h>

#include "enclave/app/limits.h"
#include "enclave/app/thread.h"
#include "sys/linux/clock.h"

struct cf_attestor {
    cf_identity *identity;
    cf_request_done *done;
    void *ctx;
    pthread_mutex_t lock;
    pthread_cond_t more;
    cf_request *first, *last;
    size_t n; /* that wait, and the one under way */
    bool stopping, running;
    pthread_t thread;
};

CF_MUST_USE cf_result cf_attestor_request(cf_view body, uint64_t number, uint64_t now_ms,
                                          cf_request **ret)
{
    *ret = NULL;
    cf_attest_ask ask;
    CF_AUTO(cf_request_free) cf_request *r = cf_mem_new(1, sizeof *r);
    CF_REQUIRE(r != NULL, NO_MEMORY);
    CF_TRY(cf_attest_ask_decode(body, &ask));
    CF_TRY(cf_buf_set(&r->body, ask.nonce));
    r->number = number;
    r->deadline_ms = now_ms + ask.deadline_ms;
    *ret = r;
    r = NULL;
    return cf_ok();
}

static CF_MUST_USE cf_result attest(cf_attestor *a, cf_request *r)
{
    CF_BUF(document);
    CF_BUF(body);
    CF_REQUIRE(cf_clock_mono_ms() < r->deadline_ms, TIMEOUT);
    CF_TRY(cf_identity_attest(a->identity, cf_buf_view(&r->body), &document));
    CF_TRY(cf_attest_doc_encode(cf_buf_view(&document), &body));
    return cf_frame_encode(CF_MSG_ANSWER + CF_MSG_ATTEST, r->number, cf_buf_view(&body),
                           &r->answer);
}

/* The first of those that wait; NULL at the end. */
static cf_request *next(cf_attestor *a)
{
    (void)pthread_mutex_lock(&a->lock);
    while (a->first == NULL && !a->stopping) {
        (void)pthread_cond_wait(&a->more, &a->lock);
    }
    cf_request *r = a->stopping ? NULL : a->first;
    if (r != NULL) {
        a->first = r->next;
    }
    (void)pthread_mutex_unlock(&a->lock);
    return r;
}

static void finish(cf_attestor *a, cf_request *r, cf_err error)
{
    r->error = error;
    (void)pthread_mutex_lock(&a->lock);
    a->n--;
    (void)pthread_mutex_unlock(&a->lock);
    a->done(a->ctx, r);
}

static void *run(void *self)
{
    cf_attestor *a = self;
    for (cf_request *r = next(a); r != NULL; r = next(a)) {
        finish(a, r, attest(a, r).code);
    }
    return NULL;
}

CF_MUST_USE cf_result cf_attestor_new(cf_identity *identity, cf_request_done *done, void *ctx,
                                      cf_attestor **ret)
{
    *ret = NULL;
    CF_AUTO(cf_attestor_free) cf_attestor *a = cf_mem_new(1, sizeof *a);
    CF_REQUIRE(a != NULL, NO_MEMORY);
    a->identity = identity;
    a->done = done;
    a->ctx = ctx;
    (void)pthread_mutex_init(&a->lock, NULL);
    (void)pthread_cond_init(&a->more, NULL);
    CF_TRY(cf_thread_start(&a->thread, run, a));
    a->running = true;
    *ret = a;
    a = NULL;
    return cf_ok();
}

void cf_attestor_free(cf_attestor **attestor)
{
    cf_attestor *a = *attestor;
    if (a == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&a->lock);
    a->stopping = true;
    (void)pthread_cond_signal(&a->more);
    (void)pthread_mutex_unlock(&a->lock);
    if (a->running) {
        (void)pthread_join(a->thread, NULL);
    }
    while (a->first != NULL) {
        cf_request *r = a->first;
        a->first = r->next;
        finish(a, r, CF_ERR_CLOSED);
    }
    (void)pthread_cond_destroy(&a->more);
    (void)pthread_mutex_destroy(&a->lock);
    cf_mem_free(a);
    *attestor = NULL;
}

CF_MUST_USE cf_result cf_attestor_put(cf_attestor *a, cf_request *r)
{
    (void)pthread_mutex_lock(&a->lock);
    bool room = a->n < CF_ENCLAVE_ATTESTS_MAX;
    if (room) {
        r->next = NULL;
        *(a->first == NULL ? &a->first : &a->last->next) = r;
        a->last = r;
        a->n++;
        (void)pthread_cond_signal(&a->more);
    }
    (void)pthread_mutex_unlock(&a->lock);
    CF_REQUIRE(room, BUSY);
    return cf_ok();
}
