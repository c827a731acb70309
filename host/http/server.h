/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 server over libmicrohttpd, shared by API, agent and KMS: bounded everywhere; a handler answers at once or later from
 * any thread. */
#pragma once
#include "core/base/buf.h"

typedef struct cf_http_server cf_http_server;
typedef struct cf_http_call cf_http_call; /* one request and its answer */

typedef struct {
    size_t body_bytes_max;      /* 413 over it, before the handler runs */
    unsigned connections_max;   /* further ones are closed at once */
    unsigned idle_timeout_s;    /* idle and slow connections are closed */
    unsigned threads;           /* epoll threads; 0: 1 */
} cf_http_limits;

/** Runs on a server thread once the request is whole. It either answers (cf_http_answer) before it returns, or has called
 *  cf_http_defer first and answers later from any thread. Exactly one answer per call. */
typedef void cf_http_handler(void *ctx, cf_http_call *call);

/** Serves an already listening socket, which it takes. error IO. */
CF_MUST_USE cf_result cf_http_server_start(int listen_fd, const cf_http_limits *limits, cf_http_handler *handler, void *ctx,
                                           cf_http_server **ret);
/** Stops taking connections, waits for deferred calls to be answered, frees. */
void cf_http_server_stop(cf_http_server **s);

/* The request; views live until the answer. Header names without regard to case; empty view when absent. */
cf_view cf_http_method(const cf_http_call *c);
cf_view cf_http_path(const cf_http_call *c);              /* as sent, without the query */
cf_view cf_http_query(cf_http_call *c, const char *name); /* percent-decoded value of the first such parameter */
bool cf_http_query_has(cf_http_call *c, const char *name);
cf_view cf_http_header(cf_http_call *c, const char *name);
cf_view cf_http_body(const cf_http_call *c);
/** A place for the handler's own pointer that lives as long as the call. */
void **cf_http_slot(cf_http_call *c);

/** Suspends the connection: the answer comes later. */
void cf_http_defer(cf_http_call *c);
/** A header of the coming answer. name and value are copied; CR, LF and NUL are refused (ARGUMENT). */
CF_MUST_USE cf_result cf_http_set(cf_http_call *c, const char *name, cf_view value);
/** The answer; takes *body (moved, wiped once sent). content_type is static text. The call is gone afterwards. */
void cf_http_answer(cf_http_call *c, unsigned status, const char *content_type, cf_buf *body);
