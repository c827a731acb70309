/* SPDX-License-Identifier: Apache-2.0 */
/* coffer-kmsd: a local key service that speaks the protocol of AWS KMS, verifies attestation documents against a local root,
 * and enforces key policies. docs/formats/kms-blob.md */
#pragma once
#include "host/http/server.h"
#include "host/kmsd/id.h"

typedef struct cf_kmsd cf_kmsd;

typedef struct {
    const char *state;            /* folder */
    const char *attestation_root; /* DER file: the root that documents are verified against */
    const char *region, *account;
    uint64_t (*clock_ms)(void); /* milliseconds since the epoch; NULL: the machine's clock */
    size_t keys_bytes_max;      /* 0: CF_KMSD_KEYS_BYTES_MAX */
} cf_kmsd_options;

/** Opens state and root. Logs why it cannot. error ARGUMENT region or account; others as cf_keys_open, cf_file_read. */
CF_MUST_USE cf_result cf_kmsd_new(const cf_kmsd_options *o, cf_kmsd **ret);
void cf_kmsd_free(cf_kmsd **d); /* wipes */

/** An answer: status, and a body (empty for operations without output). */
typedef struct {
    unsigned status;
    const char *exception; /* static; "" on success */
    cf_buf body;
} cf_kmsd_answer;

/** Who sent a request, as the transport has found out. Static or borrowed for the request. */
typedef struct {
    const char *arn;     /* of a user, a role's session, or the account's root */
    const char *role;    /* of a session its role's, else "" */
    const char *account; /* 12 digits */
    const char *root;    /* ARN of the account's root */
    bool local;          /* over a socket that only one user reaches: may make principals */
} cf_kmsd_caller;

/** Whoever reaches a Unix socket that only one user of the machine reaches. */
cf_kmsd_caller cf_kmsd_local_caller(const cf_kmsd *d);

/** One request without its transport: target is the header X-Amz-Target. Thread-safe. Logs one line. Never fails: whatever goes
 *  wrong is an answer. caller, body and request id are borrowed; ret->body the caller frees. */
void cf_kmsd_dispatch(cf_kmsd *d, const cf_kmsd_caller *caller, cf_view target, cf_view body,
                      const char *request_id, cf_kmsd_answer *ret);

/** To be called before the servers stop: requests that wait for a turn are answered that the service is not available. */
void cf_kmsd_stop(cf_kmsd *d);

/** What is to be done by the clock: keys that are due are destroyed or rotated, and the audit log reaches the disk. To be called every
 *  CF_KMSD_UPKEEP_MS or so, from one thread. */
void cf_kmsd_upkeep(cf_kmsd *d);

/** Two cf_http_handler; ctx is the cf_kmsd. The first takes whoever sends for the local caller, the second proves a signature. */
void cf_kmsd_handle(void *ctx, cf_http_call *call);
void cf_kmsd_handle_signed(void *ctx, cf_http_call *call);
/** A cf_http_refuse in the service's form. */
void cf_kmsd_refuse_http(void *ctx, cf_http_call *call, unsigned status, cf_err code);
