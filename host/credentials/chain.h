/* SPDX-License-Identifier: Apache-2.0 */
/* Asks the sources for credentials, one after the other, as settings in the environment tell. Does not decide when. */
#pragma once
#include "core/http/http.h"
#include "host/credentials/creds.h"
#include "host/credentials/url.h"

typedef struct {
    const cf_creds_url *url;
    cf_view method, path;
    const cf_http1_field *fields;
    size_t field_count;
    cf_view body;
    uint32_t timeout_ms; /* of the whole exchange */
} cf_creds_request;

/** How requests travel; a const table and its state. */
typedef struct {
    /** The status and the body, appended, of one answer. error TIMEOUT; NOT_FOUND, CLOSED, TRUNCATED, IO, NOT_PERMITTED, TLS, CHAIN it
     *  was not reached, or not by a connection to be trusted; SIZE, MALFORMED, UNSUPPORTED an answer that is none of HTTP's */
    cf_result (*exchange)(void *self, const cf_creds_request *req, unsigned *ret_status,
                          cf_buf *ret_body);
} cf_creds_http_ops;

typedef struct {
    const char *(*env)(const char *name); /* as getenv */
    const char *program; /* who asks: the name of a role's session where no setting tells one */
    const cf_creds_http_ops *http;
    void *http_self;
    bool single; /* the one source alone, else the chain */
    cf_creds_source source;
    const char *file; /* of CF_CREDS_FROM_FILE */
} cf_creds_chain_opts;

typedef struct cf_creds_chain cf_creds_chain; /* one thread's at a time */
/** Borrows what the options point to. error NO_MEMORY. */
CF_MUST_USE cf_result cf_creds_chain_new(const cf_creds_chain_opts *opts, cf_creds_chain **ret);
void cf_creds_chain_free(cf_creds_chain **c);

/** The first source that is configured answers for all: when it fails, the next is not asked.
 *  in    now_ms: since 1970; what has ended by then is EXPIRED, but for instance metadata: what it still gives is what there is, and
 *        may be taken longer than it says (docs/credentials.md)
 *  out   *ret replaced; as before after an error. *ret_story of the source that gave or failed; ABSENT when none is configured */
CF_MUST_USE cf_result cf_creds_chain_get(cf_creds_chain *c, uint64_t now_ms, cf_creds *ret,
                                         cf_creds_story *ret_story);
