/* SPDX-License-Identifier: Apache-2.0 */
/* Who has signed a request. */
#pragma once
#include "core/aws/verify.h"
#include "host/kmsd/call.h"
#include "host/kmsd/principal.h"

/** A caller that a signature has proven; caller's texts are the ones beside it. */
typedef struct {
    cf_kmsd_caller caller;
    char arn[CF_KMSD_CALLER_BYTES_MAX], role[CF_KMSD_CALLER_BYTES_MAX],
        root[CF_KMSD_CALLER_BYTES_MAX];
    char account[CF_KMSD_ACCOUNT_BYTES + 1];
} cf_kmsd_identity;

/** Why there is no identity, as the service tells it. */
typedef struct {
    cf_kx exception;
    cf_buf message;
} cf_kmsd_denial;

static inline void cf_kmsd_denial_free(cf_kmsd_denial *d)
{
    cf_buf_free(&d->message);
}

/** Finds the secret of the request's access key and proves its signature.
 *  in    q with all headers as received and the digest of the body; the names' region; service "kms"
 *  out   *ret the caller's, not to be copied: it points into itself; *ret_denial the caller frees
 *  error UNAUTHENTICATED with a denial; NO_MEMORY, CRYPTO */
CF_MUST_USE cf_result cf_kmsd_authenticate(cf_kmsd *d, const cf_sigv4_request *q, uint64_t now_ms,
                                           cf_kmsd_identity *ret, cf_kmsd_denial *ret_denial);

/** The same of a request as it came over HTTP. */
CF_MUST_USE cf_result cf_kmsd_authenticate_http(cf_kmsd *d, cf_http_call *call, uint64_t now_ms,
                                                cf_kmsd_identity *ret, cf_kmsd_denial *ret_denial);
