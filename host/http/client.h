/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP client of the host side: a kept connection to a Unix socket or a TCP address, one request at a time per client, plain or through
 * a layer. It takes what core/http takes. */
#pragma once
#include "core/base/buf.h"

typedef struct cf_http_client cf_http_client; /* not shared between threads */

/** What stands between HTTP and the socket where an address is https: TLS (host/tls). Apart, so that who calls plain services only
 *  links none. Errors of a read or a write are those of cf_net_read_some, cf_net_write_full, and the layer's own; after any the
 *  connection is only freed. */
typedef struct {
    /** A connection to the host, whose name has been verified. The socket stays the caller's, open until free.
     *  out *ret_why why the layer refuses the other side, static text, "" for any other error */
    cf_result (*open)(const void *config, int fd, const char *host, uint64_t deadline_ms,
                      void **ret_conn, const char **ret_why);
    /** Some octets, at least one and at most max, appended. */
    cf_result (*read)(void *conn, cf_buf *buf, size_t max, uint64_t deadline_ms);
    /** All of them. */
    cf_result (*write)(void *conn, cf_view v, uint64_t deadline_ms);
    void (*free)(void **conn);
    const void *config; /* outlives the client */
} cf_http_client_layer;

/** base: "unix:PATH", "http://HOST:PORT" or "HOST:PORT". error ARGUMENT, NO_MEMORY. Does not connect yet. */
CF_MUST_USE cf_result cf_http_client_new(const char *base, cf_http_client **ret);
/** Or "https://HOST" (port 443), "https://HOST:PORT", which go through the layer; others do not. The host by its name in the DNS: a
 *  number, which no certificate is held to here, is an ARGUMENT. layer is copied; NULL: as above. */
CF_MUST_USE cf_result cf_http_client_new_over(const char *base, const cf_http_client_layer *layer,
                                              cf_http_client **ret);
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
 *  and UNSUPPORTED of core/http; ARGUMENT (also HEAD), NO_MEMORY; the layer's own, before anything of the request was sent if
 *  cf_http_client_why tells why.
 *  A kept connection found closed before the first octet of an answer is tried once more on a new one, so a request that was
 *  taken may arrive twice; with `once` that is CLOSED instead.
 *  cost  one copy of the body; what was sent and received is wiped */
CF_MUST_USE cf_result cf_http_client_call(cf_http_client *c, const cf_http_request *req,
                                          unsigned *ret_status, cf_buf *ret_body);

/** Why the layer refused the other side in the last call, static text ("expired"; sys/tls/tls.h); "" when it did not. */
const char *cf_http_client_why(const cf_http_client *c);

/** A header of the last answer, name without regard to case; the first if there are several; the empty view when it had none. Valid
 *  until the next call. */
cf_view cf_http_client_header(const cf_http_client *c, const char *name);
