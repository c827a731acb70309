/* SPDX-License-Identifier: Apache-2.0 */
/* AWS Signature Version 4, the side that receives: what a request claims, and whether it holds. No I/O, no clock. */
#pragma once
#include "core/aws/sigv4.h"

/** Between the time of a signature and now, either way. A presigned request lives longer by what it says. */
#define CF_SIGV4_SKEW_S 300
#define CF_SIGV4_KEY_ID_BYTES_MAX 128
#define CF_SIGV4_TOKEN_BYTES_MAX 4096

/** Where a request stops. */
typedef enum {
    CF_SIGV4_HOLDS,
    CF_SIGV4_UNSIGNED,   /* neither form of a signature */
    CF_SIGV4_INCOMPLETE, /* a part is missing, twice there, or of no known form; or both forms */
    CF_SIGV4_HEADER_UNSIGNED, /* host or a header x-amz-* is not among the signed ones */
    CF_SIGV4_SCOPE_DATE,      /* the scope is of another day than the request */
    CF_SIGV4_SCOPE_REGION,
    CF_SIGV4_SCOPE_SERVICE,
    CF_SIGV4_NOT_YET, /* of a time to come */
    CF_SIGV4_EXPIRED,
    CF_SIGV4_BODY,     /* x-amz-content-sha256 is not the body's */
    CF_SIGV4_MISMATCH, /* another key, or anything that is signed was changed */
    CF_SIGV4_VERDICT_COUNT
} cf_sigv4_verdict;

/** What a request says of its signature. Views borrow from the request or from `room`. */
typedef struct {
    bool query_form;
    cf_view access_key_id;
    cf_view scope_date, region, service;
    cf_view date; /* as sent */
    uint64_t unix_s;
    uint32_t expires_s; /* 0 in the header form */
    cf_view signed_headers, signature;
    cf_view session_token; /* empty: none */
    cf_buf room;
    cf_buf query; /* without the signature */
} cf_sigv4_claim;

void cf_sigv4_claim_free(cf_sigv4_claim *c);

/** Reads what a request claims. Nothing of it is proven.
 *  in    q with all headers of the request as received, and its query as sent
 *  out   *ret owned by the caller, who frees it after an error as well; *ret_verdict UNSIGNED, INCOMPLETE or, on success, HOLDS
 *  error SIGNATURE with a verdict; NO_MEMORY */
CF_MUST_USE cf_result cf_sigv4_claim_read(const cf_sigv4_request *q, cf_sigv4_claim *ret,
                                          cf_sigv4_verdict *ret_verdict);

/** What must be true of a claim. */
typedef struct {
    cf_view secret; /* of the claim's access key */
    cf_view region, service;
    uint64_t now_s;
} cf_sigv4_expected;

/** Proves a claim of the same request, whose body_sha256 is that of the body that came. Every header x-amz-* and host must be signed;
 *  signatures are compared in constant time.
 *  error SIGNATURE with a verdict; those of cf_sigv4_canonical are MISMATCH; NO_MEMORY, CRYPTO
 *  cost  seven hashes of short texts */
CF_MUST_USE cf_result cf_sigv4_verify(const cf_sigv4_claim *c, const cf_sigv4_request *q,
                                      const cf_sigv4_expected *e, cf_sigv4_verdict *ret_verdict);

/** The inverse of cf_sigv4_date. error MALFORMED, also for days that no month has. */
CF_MUST_USE cf_result cf_sigv4_parse_date(cf_view text, uint64_t *ret_unix_s);
