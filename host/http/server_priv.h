/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the server share: gate.c takes connections and watches their time, loop.c is a thread that serves them, tunnel.c
 * takes a layer such as TLS off them, call.c is one request and its answer, server.c joins all to libmicrohttpd. */
#pragma once
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "core/base/arena.h"
#include "host/http/server.h"

typedef struct cf_http_loop cf_http_loop;
typedef struct cf_http_tunnel cf_http_tunnel;

/** One connection as the gate sees it. Server threads write due_ms and waiting, the gate reads them. */
typedef struct cf_http_link cf_http_link;
struct cf_http_link {
    cf_http_link *prev, *next; /* in the gate's list; under its lock */
    cf_http_loop *loop;        /* whose connection it is */
    cf_http_link *joins_next;  /* in that loop's list of newcomers */
    cf_http_tunnel *tunnel;    /* of its loop's thread; NULL: plain */
    int fd;                    /* MHD's once it has joined; valid while due_ms is not 0 */
    _Atomic uint64_t due_ms;   /* the gate cuts the connection when this passes; 0: never */
    atomic_bool waiting;       /* no request has begun: given up first for a new connection */
};

/** The gate: one thread that accepts, and closes what is too slow or too many. */
typedef struct {
    int listen_fd, wake_fd;
    unsigned connections_max;
    uint32_t idle_ms, receive_ms;
    const cf_http_layer *layer; /* NULL: plain */
    cf_http_loop *loops;        /* take the accepted sockets in turn */
    unsigned loops_n, loops_next;
    pthread_t thread;
    bool running;
    pthread_mutex_t lock;
    cf_http_link *links;
    unsigned links_n;
} cf_http_gate;

/** The connections of one thread that a layer stands before. */
typedef struct {
    int epoll_fd;     /* -1: none, the server is plain */
    uint8_t *scratch; /* octets on their way; wiped after each */
    cf_http_tunnel *live, *dead;
} cf_http_tunnels;

/** One server thread with an MHD daemon that nobody else enters. What others have for it waits in its lists. */
struct cf_http_loop {
    cf_http_gate *gate;
    struct MHD_Daemon *daemon;
    int daemon_fd, wake_fd;
    pthread_t thread;
    bool running;
    cf_http_link *joining; /* whose socket MHD is taking right now; the thread's own, as are: */
    cf_http_tunnels tunnels;
    pthread_mutex_t lock;
    bool woken, stopping;             /* this and the rest under the lock */
    cf_http_link *joins, **joins_end; /* accepted, oldest first */
    cf_http_call *answers, **answers_end;
};

struct cf_http_server {
    cf_http_limits limits;
    cf_http_handler *handler;
    void *ctx;
    cf_http_loop *loops;
    unsigned loops_n;
    cf_http_gate gate;
    atomic_bool stopping;
    atomic_uint pending;        /* calls that the handler owes an answer */
    atomic_uint active;         /* calls whose answer has not been taken yet */
    atomic_size_t bodies_bytes; /* octets of all bodies held, at most CF_HTTP_BODIES_BYTES_MAX */
};

typedef enum {
    CF_CALL_NEW,   /* its target is known */
    CF_CALL_BODY,  /* its head is accepted */
    CF_CALL_WHOLE, /* the handler has it, or has answered */
} cf_http_stage;

struct cf_http_call {
    cf_http_server *server;
    struct MHD_Connection *conn;
    cf_http_link *link;
    cf_http_call *answers_next; /* in the loop's list */
    cf_http_stage stage;
    bool deferred, counted, answered;
    bool closing;           /* the connection ends with this answer */
    unsigned refuse_status; /* 0, or: the body is thrown away and the call refused */
    cf_err refuse_code;
    cf_view method, path, query;
    cf_buf body;
    size_t charged; /* its part of the server's bodies_bytes */
    size_t discarded;
    cf_arena arena; /* decoded query values */
    void *slot;
    cf_buf headers; /* of the answer, as pairs */
    cf_buf answer;  /* MHD borrows it until the call is freed */
    struct MHD_Response *response;
    unsigned status;
    char target[]; /* as sent, NUL-terminated */
};

/* gate.c */

/** Starts the thread; listen_fd is the gate's from now on, also after an error. */
CF_MUST_USE cf_result cf_http_gate_start(cf_http_gate *g);
/** Takes no more connections: ends the thread and closes the socket. Links may live on. */
void cf_http_gate_close(cf_http_gate *g);
/** The gate leaves the link's socket, which is fd from now on, alone until its state is told again. */
void cf_http_link_hide(cf_http_gate *g, cf_http_link *l, int fd);
/** Removes and frees the link of a connection that is ending; its socket may be closed afterwards. */
void cf_http_link_free(cf_http_gate *g, cf_http_link **l);
/** A link waits for a request, receives one or sends its answer, or leaves its time to the handler. */
void cf_http_link_wait(const cf_http_gate *g, cf_http_link *l);
void cf_http_link_busy(const cf_http_gate *g, cf_http_link *l);
void cf_http_link_handle(cf_http_link *l);

/* loop.c */

/** From a loop of zeros; l->daemon is set next. error IO. */
CF_MUST_USE cf_result cf_http_loop_init(cf_http_loop *l, cf_http_gate *g);
/** Starts the thread that runs l->daemon. error IO (also for a daemon that is NULL). */
CF_MUST_USE cf_result cf_http_loop_start(cf_http_loop *l);
/** Ends what was started: the thread, the daemon, all its connections. */
void cf_http_loop_stop(cf_http_loop *l);
/** Hands over a connection, or a deferred call that has its answer; from any thread. */
void cf_http_loop_join(cf_http_loop *l, cf_http_link *link);
void cf_http_loop_answer(cf_http_loop *l, cf_http_call *c);
/** MHD takes the link's socket. False when it does not: then it has closed it, and the link is the caller's. */
bool cf_http_loop_enter(cf_http_loop *l, cf_http_link *link);
/** Called by MHD when a connection begins and, before its socket is closed, when it ends. */
void cf_http_loop_notify(void *loop, struct MHD_Connection *conn, void **link,
                         enum MHD_ConnectionNotificationCode what);

/* tunnel.c: a socket, a layer, and behind it a pair of sockets of which MHD has one end. All from the loop's thread. */

/** error IO, NO_MEMORY; cf_http_tunnels_free all the same. Does nothing for a plain server. */
CF_MUST_USE cf_result cf_http_tunnels_init(cf_http_loop *l);
/** After MHD: what can be sent at once of its last answers is sent. */
void cf_http_tunnels_free(cf_http_loop *l);
/** Takes an accepted link. MHD gets it once the layer has begun. */
void cf_http_tunnel_open(cf_http_loop *l, cf_http_link *link);
/** Takes the link back, whose end of the pair MHD is about to close: what is left is sent, and the layer ended. */
void cf_http_tunnel_left(cf_http_link *link);
/** Carries what can be carried without waiting; when epoll_fd has something to tell. */
void cf_http_tunnels_run(cf_http_loop *l);

/* call.c */

/** A new call for a target, or NULL (no memory; the connection is then closed). */
cf_http_call *cf_http_call_new(cf_http_server *s, struct MHD_Connection *conn, const char *target);
void cf_http_call_free(cf_http_call **c);
/** Forgets the body and gives its octets back to the server's sum. */
void cf_http_call_drop_body(cf_http_call *c);
/** An answer by the server itself, through the owner's hook when there is one. */
void cf_http_call_refuse(cf_http_call *c, unsigned status, cf_err code);
/** True if every % in the view is followed by two hexadecimal digits. */
bool cf_http_percent_ok(cf_view v);
