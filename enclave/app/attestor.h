/* SPDX-License-Identifier: Apache-2.0 */
/* Fresh attestation documents for whoever asks. The security module answers one at a time and as slowly as it likes, so a thread of
 * its own waits for it, and few wait for that thread: no worker and no connection of the KMS is held up. */
#pragma once
#include "enclave/app/identity.h"
#include "enclave/app/request.h"

typedef struct cf_attestor cf_attestor;

/** done is called by the thread with each request that was put: its answer is there, or its error. error NO_MEMORY. */
CF_MUST_USE cf_result cf_attestor_new(cf_identity *identity, cf_request_done *done, void *ctx,
                                      cf_attestor **ret);
/** Ends the thread; what still waits is done with CLOSED. */
void cf_attestor_free(cf_attestor **a);

/** The request of an ATTEST. error: those of cf_attest_ask_decode, NO_MEMORY. */
CF_MUST_USE cf_result cf_attestor_request(cf_view body, uint64_t number, uint64_t now_ms,
                                          cf_request **ret);
/** Hands it over. error BUSY: CF_ENCLAVE_ATTESTS_MAX wait or are under way; the request stays the caller's. */
CF_MUST_USE cf_result cf_attestor_put(cf_attestor *a, cf_request *r);
