/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP client of the host side: a kept connection to a Unix socket or a TCP address, one request at a time per client. It takes what
 * core/http takes. */
#pragma once
#include "core/base/buf.h"

typedef struct cf_http_client cf_http_client; /* not shared between threads */

/** base: "unix:PATH", "http://HOST:PORT" or "HOST:PORT". error ARGUMENT, NO_MEMORY. Does not connect yet. */
CF_MUST_USE cf_result cf_http_client_new(const char *base, cf_http_client **ret);
void cf_http_client_free(cf_http_client **c);

typedef struct {
    const char *method, *path;  /* path with its query, already encoded */
    const char *const *headers; /* "Name: value", NULL-terminated, may be NULL */
    cf_view body;
    uint32_t timeout_ms; /* of the whole call; 0 is an ARGUMENT */
    size_t answer_bytes_max;
    bool once; /* never sent a second time, see below */
} cf_http_request;

/** *ret_status and the body, appended to ret_body, which is as before after an error. error TIMEOUT (of the whole call), CLOSED (also
 *  in the middle of an answer), IO, NOT_FOUND (nobody listens), SIZE (body over answer_bytes_max, or a limit of core/http), MALFORMED
 *  and UNSUPPORTED of core/http; ARGUMENT (also HEAD), NO_MEMORY.
 *  A kept connection found closed before the first octet of an answer is tried once more on a new one, so a request that was
 *  taken may arrive twice; with `once` that is CLOSED instead.
 *  cost  one copy of the body; what was sent and received is wiped */
CF_MUST_USE cf_result cf_http_client_call(cf_http_client *c, const cf_http_request *req,
                                          unsigned *ret_status, cf_buf *ret_body);

/** A header of the last answer, name without regard to case; the first if there are several; the empty view when it had none. Valid
 *  until the next call. */
cf_view cf_http_client_header(const cf_http_client *c, const char *name);
