/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the program, and what is counted. One instance; the I/O thread's unless said otherwise. */
#pragma once
#include <pthread.h>

#include "enclave/app/attestor.h"
#include "enclave/app/conn.h"
#include "enclave/app/kms_way.h"
#include "enclave/app/unwrap.h"
#include "enclave/app/workers.h"

typedef struct {
    cf_identity *identity;
    cf_credentials *credentials;
    cf_keycache *cache;
    cf_programs *programs;
    cf_kms_way *way;
    cf_kms_service *kms;
    cf_unwrap *unwrap;
    cf_attestor *attestor;
    cf_workers *workers;
    unsigned workers_n;

    uint64_t started_ms;
    bool draining;
    uint64_t answered;

    cf_request *live; /* all in flight */
    size_t live_n, live_bytes, waiting_n;

    /* Requests on their way back from workers, unwrapper and attestor. */
    pthread_mutex_t done_lock;
    cf_request *done, *done_last;
    int wake; /* eventfd: done is not empty */
} cf_app;

/** A cf_request_done for workers, unwrapper and attestor: any thread; ctx is the cf_app. */
void cf_app_done(void *app, cf_request *r);

/** One message of a connection: the table of docs/formats/wire.md section 2 and its handlers. What is answered at once lies in
 *  the connection's output afterwards. error: the connection cannot go on. */
CF_MUST_USE cf_result cf_app_message(cf_app *a, cf_conn *c, const cf_msg *m, uint64_t now_ms);

/** Takes what came back. Requests that have got all their keys go to the workers, those that want another wait for it; others are
 *  answered, through the table of connections, and freed. */
void cf_app_take_done(cf_app *a, cf_conn *conns, uint64_t now_ms);

/** Answers requests whose deadline passed while they waited for a key; true if there were any. */
bool cf_app_expire(cf_app *a, cf_conn *conns, uint64_t now_ms);
/** When the next of them does; CF_DEADLINE_NONE if none waits. */
uint64_t cf_app_next_deadline(const cf_app *a);
