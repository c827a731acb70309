/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP client of the host side: kept connections to a Unix socket or a TCP address, one request at a time per client. */
#pragma once
#include "core/base/buf.h"

typedef struct cf_http_client cf_http_client; /* not shared between threads */

/** base: "unix:PATH" or "http://HOST:PORT". error ARGUMENT, NO_MEMORY. Does not connect yet. */
CF_MUST_USE cf_result cf_http_client_new(const char *base, cf_http_client **ret);
void cf_http_client_free(cf_http_client **c);

typedef struct {
    const char *method, *path;        /* path with its query, already encoded */
    const char *const *headers;       /* "Name: value", NULL-terminated, may be NULL */
    cf_view body;
    uint32_t timeout_ms;
    size_t answer_bytes_max;
} cf_http_request;

/** *ret_status and the body, appended to ret_body. error TIMEOUT, CLOSED, IO, NOT_FOUND (nobody listens), SIZE, MALFORMED.
 *  A kept connection found closed before the first octet of an answer is tried once more on a new one. */
CF_MUST_USE cf_result cf_http_client_call(cf_http_client *c, const cf_http_request *req, unsigned *ret_status, cf_buf *ret_body);

/** A header of the last answer, name without regard to case; the empty view when it had none. Valid until the next call.
 *  Headers of one answer are bounded by the client; what is over the bound is dropped with the call (SIZE). */
cf_view cf_http_client_header(const cf_http_client *c, const char *name);
