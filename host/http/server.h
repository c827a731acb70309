/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 server over libmicrohttpd, shared by API, agent and KMS: bounded everywhere; a handler answers at once or later from
 * any thread. */
#pragma once
#include "core/base/buf.h"

typedef struct cf_http_server cf_http_server;
typedef struct cf_http_call cf_http_call; /* one request and its answer */

/** Shapes an answer that the server gives by itself: status and code are SIZE 413 (body), 414 (target), 431 (head);
 *  MALFORMED 400; BUSY 503 (the server stops, or holds too many octets of bodies); INTERNAL 500. Runs on a server thread and
 *  calls cf_http_answer before it returns. */
typedef void cf_http_refuse(void *ctx, cf_http_call *call, unsigned status, cf_err code);

/** How far a call of a layer has come. */
typedef enum {
    CF_HTTP_STEP_DONE,
    CF_HTTP_STEP_READ,  /* again once the socket can be read */
    CF_HTTP_STEP_WRITE, /* again once it can be written */
    CF_HTTP_STEP_ENDED, /* the client has said that it sends nothing more */
    CF_HTTP_STEP_FAILED,
} cf_http_step;

/** What stands between sockets and HTTP where a server is not plain: TLS (host/tls). A connection is one thread's; no call waits for
 *  its socket, and none goes on for long whatever the client sends. After FAILED a connection is only freed. */
typedef struct {
    /** A connection that has not begun. The socket stays the caller's, open until free. */
    cf_result (*open)(const void *config, int fd, void **ret_conn);
    cf_http_step (*begin)(void *conn);
    /** Some octets, at least one and at most max. */
    cf_http_step (*read)(void *conn, uint8_t *to, size_t max, size_t *ret_n);
    /** All of them, or none yet: then again with the same octets, wherever they lie. */
    cf_http_step (*write)(void *conn, cf_view v);
    cf_http_step (*end)(void *conn);
    void (*free)(void **conn);
    const void *config;
} cf_http_layer;

typedef struct {
    size_t body_bytes_max; /* 413 over it, before the handler runs */
    /* Over it the connection that idled longest goes; if none idles, the one that receives or sends longest; if the handler has
     * them all, the new one. */
    unsigned connections_max;
    /* A connection without a request is closed. */
    unsigned idle_timeout_s;
    /* From the first line of a request to its last octet, for taking an answer, and for the beginning and the end of a layer, however
     * the octets drip; 0: idle_timeout_s. */
    unsigned receive_timeout_s;
    unsigned threads;           /* epoll threads; 0: 1 */
    cf_http_refuse *refuse;     /* NULL: {"code":413,"error":"too_large"} */
    const cf_http_layer *layer; /* NULL: plain. Outlives the server. */
} cf_http_limits;

/** Octets of a request's target, and of its head as a whole (414, 431). What is no HTTP/1.x at all is answered 400 by the library
 *  itself and never reaches a handler. */
#define CF_HTTP_TARGET_BYTES_MAX ((size_t)4096)
#define CF_HTTP_HEAD_BYTES_MAX ((size_t)8192)
/** Octets of a refused body that are read and thrown away, so that the client gets to see its 413. */
#define CF_HTTP_DISCARD_BYTES_MAX ((size_t)4 << 20)
/** Octets of all bodies that a server holds at a time, whole or not, until their calls are answered (503). They come from anyone:
 *  a handler sees a request, and whose it is, only once it is whole. */
#define CF_HTTP_BODIES_BYTES_MAX ((size_t)64 << 20)
/** Octets of the headers that a handler sets for one answer. */
#define CF_HTTP_SET_BYTES_MAX ((size_t)4096)

/** Runs on a server thread once the request is whole. It either answers (cf_http_answer) before it returns, or has called
 *  cf_http_defer first and answers later from any thread. Exactly one answer per call. A HEAD arrives as GET; the body of its
 *  answer is not sent. */
typedef void cf_http_handler(void *ctx, cf_http_call *call);

/** Serves an already listening socket, which it takes, on threads of its own. Raises the process's soft limit of open files to what
 *  connections_max needs. error IO, ARGUMENT (a limit is 0), NO_MEMORY. */
CF_MUST_USE cf_result cf_http_server_start(int listen_fd, const cf_http_limits *limits,
                                           cf_http_handler *handler, void *ctx,
                                           cf_http_server **ret);
/** Stops taking connections, refuses requests that still come (BUSY), waits for deferred calls to be answered and then
 *  CF_HTTP_STOP_MS at most for the answers to be taken, frees. Not from a handler. */
#define CF_HTTP_STOP_MS 2000
void cf_http_server_stop(cf_http_server **s);

/* The request; views live until the answer. Header names without regard to case; empty view when absent. From one thread at a
 * time: the server's until cf_http_defer, then whoever holds the call. */
cf_view cf_http_method(const cf_http_call *c);
/** As sent, without the query; every %XX in it is well-formed. */
cf_view cf_http_path(const cf_http_call *c);
/** The value of the first such parameter, percent-decoded, + as a blank. */
cf_view cf_http_query(cf_http_call *c, const char *name);
bool cf_http_query_has(cf_http_call *c, const char *name);
cf_view cf_http_header(cf_http_call *c, const char *name);
/** The query as sent, without its '?'. */
cf_view cf_http_query_raw(const cf_http_call *c);
/** All headers as received, in order. Returns how many there are, of which the first max are in ret. */
typedef struct {
    cf_view name, value;
} cf_http_field;
size_t cf_http_fields(cf_http_call *c, cf_http_field *ret, size_t max);
cf_view cf_http_body(const cf_http_call *c);
/** A place for the handler's own pointer that lives as long as the call. */
void **cf_http_slot(cf_http_call *c);

/** Suspends the connection: the answer comes later. In the handler, at most once, before the call is handed to another thread. */
void cf_http_defer(cf_http_call *c);
/** A header of the coming answer. name and value are copied; CR, LF, NUL and an empty value are refused
 *  (ARGUMENT); SIZE over CF_HTTP_SET_BYTES_MAX in sum. */
CF_MUST_USE cf_result cf_http_set(cf_http_call *c, const char *name, cf_view value);
/** The answer; takes *body (moved, wiped once sent; NULL: none). content_type is static text, NULL for an answer without body. The
 *  call is gone afterwards, except for the handler that answers before it returns: to it views stay valid until then. */
void cf_http_answer(cf_http_call *c, unsigned status, const char *content_type, cf_buf *body);
