/* SPDX-License-Identifier: Apache-2.0 */
/* The threads that compute. Requests are taken in order; all workers help with the first one while it has units left. */
#pragma once
#include "enclave/app/request.h"

typedef struct cf_workers cf_workers;

/** n threads, pinned to the processors that the process may use, in turn. done is called by a worker with each finished request.
 *  error NO_MEMORY. */
CF_MUST_USE cf_result cf_workers_new(unsigned n, cf_keycache *cache, cf_programs *programs,
                                     cf_request_done *done, void *ctx, cf_workers **ret);
/** Waits for what is queued. */
void cf_workers_free(cf_workers **w);

/** Hands over a request that has its keys. Never waits: what is in flight is bounded by whoever accepted it. */
void cf_workers_put(cf_workers *w, cf_request *r);

/** Processors that this process may use, at least 1. */
unsigned cf_workers_default(void);
