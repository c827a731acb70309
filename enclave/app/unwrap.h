/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that are not cached: requests wait here, one call of the KMS is made per key, and threads of their own wait for it, so
 * that no worker does. */
#pragma once
#include "enclave/app/identity.h"
#include "enclave/app/request.h"
#include "sys/kms/client.h"

typedef struct cf_unwrap cf_unwrap;

typedef struct {
    cf_identity *identity;
    cf_keycache *cache;
    cf_kms_service *kms;
    unsigned threads; /* at most CF_ENCLAVE_KMS_THREADS */
    /** Called by a thread of the unwrapper with each request that waited: the key is settled. */
    cf_request_done *done;
    void *ctx;
} cf_unwrap_spec;
CF_MUST_USE cf_result cf_unwrap_new(const cf_unwrap_spec *spec, cf_unwrap **ret);
/** Ends the threads; what still waits is done with CLOSED. */
void cf_unwrap_free(cf_unwrap **u);

/** True and the request has all its keys, or cannot go on (r->error); false and the request waits for one of them: it now belongs to the
 *  unwrapper, and is to be given here again when it comes back without an error. error NO_MEMORY (the request stays the caller's). */
CF_MUST_USE cf_result cf_unwrap_get(cf_unwrap *u, cf_request *r, uint64_t now_ms, bool *ret_has);
/** True when the request still waited and is the caller's again; false when it is on its way to done. */
bool cf_unwrap_forget(cf_unwrap *u, cf_request *r);
/** Requests made to the KMS so far. */
uint64_t cf_unwrap_calls(cf_unwrap *u);
