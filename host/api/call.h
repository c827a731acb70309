/* SPDX-License-Identifier: Apache-2.0 */
/* Inside host/api: one request on its way through the service, and what its handlers share. */
#pragma once
#include <pthread.h>

#include "core/base/arena.h"
#include "host/api/api.h"
#include "host/api/input.h"
#include "host/api/json_out.h"
#include "host/api/metrics.h"
#include "host/api/quota.h"
#include "host/api/routes.h"
#include "host/api/token.h"
#include "host/http/client.h"
#include "host/kms/pool.h"

/** A worker thread's kept connection, one request at a time on it; made when first used. Those to the KMS are shared. */
typedef struct {
    cf_http_client *agent;
} cf_api_clients;
void cf_api_clients_free(cf_api_clients *c);

typedef struct cf_api_pool cf_api_pool;                 /* pool.c */
typedef struct cf_api_health_state cf_api_health_state; /* health.c */

struct cf_api {
    cf_store store;
    cf_secret row_key;
    const cf_schemas *schemas;
    const char *agent;
    cf_kms_pool *kms;
    cf_view kms_key, tenant;
    cf_encoding encoding;
    cf_token_cache *tokens;
    cf_metrics metrics;
    cf_quota forbidden; /* entries about what scopes forbid */
    cf_api_pool *pool;
    cf_api_health_state *health_state;
    /* Held to read by who makes a token, and to write by who revokes one, which happens once, since a second end would look like one put
     * back; and by who makes room for one, which others would take, for as long as they come. */
    pthread_rwlock_t tokens_change;
    pthread_mutex_t stripes
        [CF_API_STRIPES]; /* a vault's changes hold the lock of its id: they come one after the other */
};

/** What the audit entry of the request will tell. Views live as long as the call. */
typedef struct {
    const char *action;
    cf_view object; /* vault or token id */
    uint64_t version;
    cf_names fields;
    cf_view reason, seal;
    cf_view boot_id, pcr0;
    cf_names expressions; /* of a decrypt: their names, the hash of their sources, */
    cf_view sources;
    uint64_t answered; /* and how many of the fields are answered */
    cf_err outcome;    /* of a request that succeeds: CF_OK, or what went wrong with a part of it */
    bool entered;      /* the entry is durable */
} cf_api_record;

struct cf_api_call {
    cf_api *api;
    cf_api_clients *clients;
    cf_http_call *http;
    const cf_route *route;
    cf_view params[CF_ROUTE_PARAMS_MAX];
    uint64_t began_ms, deadline_ms; /* of cf_clock_mono_ms */
    char request_id[CF_API_REQUEST_ID_BYTES_MAX + 1];
    char allow[CF_ROUTE_ALLOW_BYTES_MAX];
    cf_token token; /* id is empty until there was a valid one */
    cf_arena arena;
    json_t *
        body; /* once it was parsed; names and values of the request borrow from it until the answer */
    cf_api_faults faults;
    cf_api_record record;
    /* the answer of a success; an error's is made from its code */
    cf_buf out;
    uint64_t version;         /* for ETag; 0: none */
    unsigned status;          /* 0: 200 */
    const char *content_type; /* NULL: application/json */
    bool created;             /* a Location for the object */
};

/** One request from its first look at the token to its answer, on the calling thread. */
void cf_api_serve(cf_api *api, cf_api_clients *clients, cf_http_call *http, uint64_t began_ms);

/** Milliseconds left of the request's time. error TIMEOUT none. */
CF_MUST_USE cf_result cf_api_left(const cf_api_call *c, uint32_t *ret_ms);
/** Those of them that enclave and KMS may take: they give up first, so that time is left for the audit entry, and their answers are
 *  told apart from none at all. */
CF_MUST_USE cf_result cf_api_left_for_others(const cf_api_call *c, uint32_t *ret_ms);

/** Parses the body into c->body. error as cf_json_parse; SIZE cannot be. */
CF_MUST_USE cf_result cf_api_parse_body(cf_api_call *c);

/** Makes the change and the request's audit entry in one transaction; returns once both are durable. put and token_put may be
 *  NULL. Errors of the store's change. */
CF_MUST_USE cf_result cf_api_commit(cf_api_call *c, const cf_store_put *put,
                                    const cf_token *token_put);
/** As cf_api_commit for the first admin's token, which is stored although there are CF_STORE_TOKENS_MAX. */
CF_MUST_USE cf_result cf_api_commit_first(cf_api_call *c, const cf_token *token_put);
/** The same for a new secret. */
CF_MUST_USE cf_result cf_api_commit_secret(cf_api_call *c, const cf_store_secret *secret);
/** The audit entry alone. error AUDIT_UNAVAILABLE in place of STORE_UNAVAILABLE. */
CF_MUST_USE cf_result cf_api_enter(cf_api_call *c);
/** The entry of a request that failed, where it is due; what cannot be entered is logged and counted. */
void cf_api_enter_failure(cf_api_call *c, cf_err code);

/** Status of an error's answer, when it is about the request as a whole; faults of fields and members are 422. */
unsigned cf_api_status_of(cf_err code);
/** The body of an error: docs/api.md section 3. faults may be NULL. */
CF_MUST_USE cf_result cf_api_error_body(unsigned status, cf_err code, const cf_api_faults *faults,
                                        const char *request_id, cf_buf *out);
/** Headers that every answer has. */
void cf_api_set_headers(cf_http_call *http, const char *request_id);
/** The caller's request id if it may be kept, else a random one. */
void cf_api_request_id(cf_http_call *http, char ret[static CF_API_REQUEST_ID_BYTES_MAX + 1]);
/** Answers 503 busy at once. */
void cf_api_answer_busy(cf_api *api, cf_http_call *http);

/** A vault's row as it was stored, checked and decoded. */
typedef struct {
    cf_buf octets, seal;
    cf_row row; /* borrows from octets, arrays in the call's arena */
    const cf_schema *schema;
} cf_loaded;
void cf_loaded_free(cf_loaded *l);
#define CF_LOADED(name)                                                                            \
    CF_AUTO(cf_loaded_free) cf_loaded name = {CF_BUF_EMPTY, CF_BUF_EMPTY, {.version = 0}, NULL}
/** The vault that the request's path names. error VAULT_UNKNOWN (also a text that is no id, and a tombstone), ROW_ALTERED,
 *  STORE_UNAVAILABLE, UNSUPPORTED its schema is not configured. */
CF_MUST_USE cf_result cf_api_load(cf_api_call *c, cf_loaded *ret);

/** Sends a body of wire.md section 3 to the agent; the body of the enclave's answer appended, boot id and PCR0 of its enclave noted
 *  in the record. error ENCLAVE_UNAVAILABLE, BUSY, TIMEOUT, KMS_REFUSED, KMS_UNAVAILABLE, KMS_ANSWER, KEY, INTERNAL. */
CF_MUST_USE cf_result cf_api_ask_enclave(cf_api_call *c, cf_view body, cf_buf *ret_answer);
/** The same with the body of an ATTEST. */
CF_MUST_USE cf_result cf_api_ask_document(cf_api_call *c, cf_view body, cf_buf *ret_answer);
/** A fresh pair for the vault: SPKI and wrapped private key appended. error KMS_REFUSED, KMS_UNAVAILABLE, KMS_ANSWER; TIMEOUT no time
 *  was left to ask. */
CF_MUST_USE cf_result cf_api_make_pair(cf_api_call *c, cf_curve curve, cf_view vault_id,
                                       cf_buf *ret_spki, cf_buf *ret_wrapped);
/** The same for a secret: its wrapped private key appended. */
CF_MUST_USE cf_result cf_api_make_secret(cf_api_call *c, cf_view name, cf_buf *ret_wrapped);

/** pool.c: workers and their queue. */
CF_MUST_USE cf_result cf_api_pool_new(cf_api *api, unsigned workers, cf_api_pool **ret);
void cf_api_pool_free(cf_api_pool **p);
/** Defers the call and queues it; false, and nothing done, when the queue is full. */
bool cf_api_pool_put(cf_api_pool *p, cf_http_call *http);

/** health.c */
CF_MUST_USE cf_result cf_api_health_new(cf_api_health_state **ret);
void cf_api_health_free(cf_api_health_state **h);
