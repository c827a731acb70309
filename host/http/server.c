/* SPDX-License-Identifier: Apache-2.0 */
#include "host/http/server.h"

#include <string.h>
#include <time.h>

#include "host/http/server_priv.h"
#include "sys/linux/clock.h"
#include "sys/linux/net.h"

/* Memory of one connection: half of it is the first read buffer, so it holds any head that we accept and reads bodies in pieces
 * of 16 KiB and more. */
#define SERVER_CONNECTION_BYTES ((size_t)32 << 10)
#define SERVER_INCREMENT_BYTES ((size_t)8 << 10)
/* Connections that give way to others and that MHD has not yet closed. */
#define SERVER_CONNECTIONS_SLACK 64
/* A body of a length that the client told is given room at once up to here, and grows beyond. */
#define SERVER_BODY_ROOM_BYTES ((size_t)64 << 10)
#define SERVER_STOP_POLL_MS 5
_Static_assert(CF_HTTP_HEAD_BYTES_MAX + SERVER_INCREMENT_BYTES <= SERVER_CONNECTION_BYTES / 2,
               "a head fits in the read buffer");

static void refuse_later(cf_http_call *c, unsigned status, cf_err code)
{
    if (c->refuse_status == 0) {
        c->refuse_status = status;
        c->refuse_code = code;
    }
}

static enum MHD_Result queue_answer(cf_http_call *c)
{
    struct MHD_Response *response = c->response;
    c->response = NULL;
    /* Before the client can know: its next request may have a body as large, on another thread. */
    cf_http_call_drop_body(c);
    if (response == NULL) {
        return MHD_NO;
    }
    cf_http_link_busy(&c->server->gate, c->link);
    enum MHD_Result queued = MHD_queue_response(c->conn, c->status, response);
    MHD_destroy_response(response);
    return queued;
}

/* Headers of which one value decides; which of two counts, a proxy in front may see otherwise. */
static const char *const single_heads[] = {MHD_HTTP_HEADER_AUTHORIZATION,
                                           MHD_HTTP_HEADER_CONTENT_TYPE, MHD_HTTP_HEADER_HOST,
                                           MHD_HTTP_HEADER_IF_MATCH};
#define SERVER_SINGLES (sizeof single_heads / sizeof single_heads[0])

typedef struct {
    unsigned lengths, encodings, singles[SERVER_SINGLES];
    bool chunked, bad;
    const char *next; /* where the line behind the last header begins */
} head_sums;

/* Before 0.9.77 libmicrohttpd takes bare LF for the end of a line, cuts a value at a NUL, and appends a folded line to the *name* of
 * its header, which it moves for that. It leaves all other heads where they were received, CRLF and colon overwritten with NUL, so
 * what it took for a header must lie right behind the one before, name before value, with nothing but blanks between. Later
 * versions refuse all this by themselves when they are told to be strict. */
#if MHD_VERSION >= 0x00097701
static bool head_in_place(head_sums *sums, const char *name, const char *value)
{
    (void)sums;
    (void)name;
    (void)value;
    return true;
}
#else
static bool head_in_place(head_sums *sums, const char *name, const char *value)
{
    const char *after = name + strlen(name) + 1;
    /* As numbers: a moved name and its value are not of one object. */
    if ((sums->next != NULL && sums->next != name) || (uintptr_t)value < (uintptr_t)after ||
        (uintptr_t)value - (uintptr_t)after > CF_HTTP_HEAD_BYTES_MAX) {
        return false;
    }
    while (after < value && (*after == ' ' || *after == '\t')) {
        after++;
    }
    const char *end = value + strlen(value);
    sums->next = end + 2;
    return after == value && end[1] == '\0';
}
#endif

/* RFC 9110 section 5.5. */
static bool value_ok(const char *value)
{
    for (; *value != '\0'; value++) {
        if (((uint8_t)*value < ' ' && *value != '\t') || *value == 127) {
            return false;
        }
    }
    return true;
}

static enum MHD_Result sum_head(void *ctx, enum MHD_ValueKind kind, const char *name,
                                const char *value)
{
    (void)kind;
    head_sums *sums = ctx;
    if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0) {
        sums->lengths++;
    } else if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0) {
        sums->encodings++;
        sums->chunked = value != NULL && strcasecmp(value, "chunked") == 0;
    }
    for (size_t i = 0; i < SERVER_SINGLES; i++) {
        if (strcasecmp(name, single_heads[i]) == 0) {
            sums->bad = sums->bad || sums->singles[i]++ > 0;
        }
    }
    sums->bad = sums->bad || value == NULL || !head_in_place(sums, name, value) ||
                !value_ok(value) || name[0] == '\0' || name[strcspn(name, " \t")] != '\0';
    /* The rest is of no interest, and where it lies of no meaning. */
    return sums->bad ? MHD_NO : MHD_YES;
}

/* A head that can be read in two ways, above all the length of its body, is refused: a proxy in front may read the other (RFC 9112
 * sections 5.1, 5.2 and 6.3). */
static void check_heads(cf_http_call *c, const char *head_end)
{
    head_sums sums = {0};
    MHD_get_connection_values(c->conn, MHD_HEADER_KIND, sum_head, &sums);
    /* Behind the last header is the empty line and nothing else. */
    bool cut = sums.next != NULL && sums.next + 2 != head_end;
    if (sums.bad || cut || sums.lengths + sums.encodings > 1 ||
        (sums.encodings == 1 && !sums.chunked)) {
        refuse_later(c, MHD_HTTP_BAD_REQUEST, CF_ERR_MALFORMED);
        c->closing = true;
    }
}

/* The told length of the body; MHD has refused what is no number. */
static uint64_t told_length(cf_view digits)
{
    uint64_t n = 0;
    for (size_t i = 0; i < digits.len && n <= CF_BUF_BYTES_MAX; i++) {
        n = n * 10 + (uint64_t)(digits.data[i] - '0');
    }
    return n;
}

/* The head is there, the body is not: everything that can be refused now is. */
static enum MHD_Result begin(cf_http_call *c, const char *method)
{
    c->stage = CF_CALL_BODY;
    c->method = strcmp(method, MHD_HTTP_METHOD_HEAD) == 0 ? CF_LIT("GET") : cf_view_str(method);
    cf_view length = cf_http_header(c, MHD_HTTP_HEADER_CONTENT_LENGTH);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c->conn, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    if (info == NULL || info->header_size > CF_HTTP_HEAD_BYTES_MAX) {
        refuse_later(c, MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE, CF_ERR_SIZE);
    }
    if (!cf_http_percent_ok(c->path) || !cf_http_percent_ok(c->query)) {
        refuse_later(c, MHD_HTTP_BAD_REQUEST, CF_ERR_MALFORMED);
    }
    /* The method is the first word of the head, where it was received. */
    check_heads(c, info == NULL ? NULL : method + info->header_size);
    uint64_t told = told_length(length);
    if (told > c->server->limits.body_bytes_max) {
        refuse_later(c, MHD_HTTP_CONTENT_TOO_LARGE, CF_ERR_SIZE);
    }
    /* A client that waits for leave to send, or that would send too much to be read for nothing, is told at once. MHD closes the
     * connection after an answer that did not wait for the body. */
    bool asks = cf_http_header(c, MHD_HTTP_HEADER_EXPECT).data != NULL;
    bool endless = told > c->server->limits.body_bytes_max + CF_HTTP_DISCARD_BYTES_MAX;
    if (c->refuse_status != 0 && (c->closing || endless || (asks && told > 0))) {
        cf_http_call_refuse(c, c->refuse_status, c->refuse_code);
        return queue_answer(c);
    }
    return MHD_YES;
}

/* False when the server holds as many octets of bodies as it may. */
static bool charge(cf_http_call *c, size_t len)
{
    atomic_size_t *sum = &c->server->bodies_bytes;
    size_t before = atomic_fetch_add(sum, len);
    if (before > CF_HTTP_BODIES_BYTES_MAX || len > CF_HTTP_BODIES_BYTES_MAX - before) {
        atomic_fetch_sub(sum, len);
        return false;
    }
    c->charged += len;
    return true;
}

/* One piece of the body. False ends the connection. */
static bool take(cf_http_call *c, const char *data, size_t len)
{
    size_t max = c->server->limits.body_bytes_max;
    if (len > max - c->body.len) {
        refuse_later(c, MHD_HTTP_CONTENT_TOO_LARGE, CF_ERR_SIZE);
        cf_http_call_drop_body(c);
    }
    if (c->refuse_status == 0 && !charge(c, len)) {
        refuse_later(c, MHD_HTTP_SERVICE_UNAVAILABLE, CF_ERR_BUSY);
        cf_http_call_drop_body(c);
    }
    if (c->refuse_status != 0) {
        c->discarded += len;
        return c->discarded <= max + CF_HTTP_DISCARD_BYTES_MAX;
    }
    if (c->body.data == NULL) {
        uint64_t told = told_length(cf_http_header(c, MHD_HTTP_HEADER_CONTENT_LENGTH));
        if (told <= SERVER_BODY_ROOM_BYTES && told > len &&
            !cf_is_ok(cf_buf_reserve(&c->body, (size_t)told))) {
            return false;
        }
    }
    if (!cf_is_ok(cf_buf_append(&c->body, cf_view_make(data, len)))) {
        return false;
    }
    /* The piece lies in MHD's read buffer, which outlives the request and is freed as it is. It may hold what must be wiped, and MHD
     * does not look at octets again that were taken. */
    cf_wipe((void *)(uintptr_t)data, len);
    return true;
}

/* The request is whole. */
static enum MHD_Result handle(cf_http_call *c)
{
    cf_http_server *s = c->server;
    c->stage = CF_CALL_WHOLE;
    cf_http_link_handle(c->link);
    atomic_fetch_add(&s->active, 1);
    atomic_fetch_add(&s->pending, 1);
    c->counted = true;
    if (c->refuse_status != 0) {
        cf_http_call_refuse(c, c->refuse_status, c->refuse_code);
    } else if (atomic_load(&s->stopping)) {
        cf_http_call_refuse(c, MHD_HTTP_SERVICE_UNAVAILABLE, CF_ERR_BUSY);
    } else {
        s->handler(s->ctx, c);
    }
    if (c->deferred) {
        /* Another thread has the call now; MHD comes back when it is answered. */
        return MHD_YES;
    }
    if (!c->answered) {
        cf_http_call_refuse(c, MHD_HTTP_INTERNAL_SERVER_ERROR, CF_ERR_INTERNAL);
    }
    return queue_answer(c);
}

static enum MHD_Result on_access(void *ctx, struct MHD_Connection *conn, const char *url,
                                 const char *method, const char *version, const char *data,
                                 size_t *data_len, void **slot)
{
    (void)ctx;
    (void)conn;
    (void)url;
    (void)version;
    cf_http_call *c = *slot;
    if (c == NULL) {
        return MHD_NO;
    }
    if (c->stage == CF_CALL_NEW) {
        return begin(c, method);
    }
    if (c->stage == CF_CALL_BODY && *data_len > 0) {
        bool taken = take(c, data, *data_len);
        *data_len = 0;
        return taken ? MHD_YES : MHD_NO;
    }
    return c->stage == CF_CALL_BODY ? handle(c) : queue_answer(c);
}

/* The first that is known of a request, and the only place that sees its target as it was sent. */
static void *on_target(void *ctx, const char *target, struct MHD_Connection *conn)
{
    cf_http_server *s = ctx;
    cf_http_link *link =
        MHD_get_connection_info(conn, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    cf_http_call *c = link == NULL ? NULL : cf_http_call_new(s, conn, target);
    if (c != NULL) {
        c->link = link;
        cf_http_link_busy(&s->gate, link);
    }
    return c;
}

static void on_completed(void *ctx, struct MHD_Connection *conn, void **slot,
                         enum MHD_RequestTerminationCode how)
{
    (void)conn;
    (void)how;
    cf_http_server *s = ctx;
    cf_http_call *c = *slot;
    *slot = NULL;
    if (c == NULL) {
        return;
    }
    cf_http_link_wait(&s->gate, c->link);
    bool counted = c->counted;
    cf_http_call_free(&c);
    if (counted) {
        atomic_fetch_sub(&s->active, 1);
    }
}

/* Targets stay as they were sent; call.c decodes what is asked for. */
static size_t leave_escaped(void *ctx, struct MHD_Connection *conn, char *text)
{
    (void)ctx;
    (void)conn;
    return strlen(text);
}

#if MHD_VERSION >= 0x00097701
#define SERVER_STRICT MHD_OPTION_CLIENT_DISCIPLINE_LVL, 2
#else
#define SERVER_STRICT MHD_OPTION_STRICT_FOR_CLIENT, 1
#endif

/* Later versions believe that they are entered by several threads unless they are told. */
#if MHD_VERSION >= 0x00097707
#define SERVER_ONE_THREAD MHD_USE_NO_THREAD_SAFETY
#else
#define SERVER_ONE_THREAD 0
#endif

/* A daemon for one thread of ours; why not for threads of MHD's own is told in loop.c. */
static struct MHD_Daemon *daemon_start(cf_http_server *s, cf_http_loop *l)
{
    /* The gate counts connections; MHD's own limit only stands behind it. */
    unsigned connections = s->limits.connections_max + SERVER_CONNECTIONS_SLACK;
    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET | SERVER_ONE_THREAD, 0,
        NULL, NULL, on_access, s, MHD_OPTION_URI_LOG_CALLBACK, on_target, s,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_NOTIFY_CONNECTION,
        cf_http_loop_notify, l, MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL,
        MHD_OPTION_CONNECTION_LIMIT, connections, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        SERVER_CONNECTION_BYTES, MHD_OPTION_CONNECTION_MEMORY_INCREMENT, SERVER_INCREMENT_BYTES,
        MHD_OPTION_CONNECTION_TIMEOUT, 0U, SERVER_STRICT, MHD_OPTION_END);
}

static void server_free(cf_http_server *s)
{
    pthread_mutex_destroy(&s->gate.lock);
    cf_mem_free(s->loops);
    cf_mem_free(s);
}

static cf_result server_start(cf_http_server *s)
{
    unsigned threads = s->limits.threads > 1 ? s->limits.threads : 1;
    s->loops = cf_mem_new(threads, sizeof *s->loops);
    CF_REQUIRE(s->loops != NULL, NO_MEMORY);
    while (s->loops_n < threads) {
        cf_http_loop *l = &s->loops[s->loops_n];
        CF_TRY(cf_http_loop_init(l, &s->gate));
        s->loops_n++;
        l->daemon = daemon_start(s, l);
        CF_TRY(cf_http_loop_start(l));
    }
    s->gate.loops = s->loops;
    s->gate.loops_n = s->loops_n;
    return cf_http_gate_start(&s->gate);
}

cf_result cf_http_server_start(int listen_fd, const cf_http_limits *limits,
                               cf_http_handler *handler, void *ctx, cf_http_server **ret)
{
    *ret = NULL;
    CF_FD(fd);
    fd = listen_fd;
    CF_REQUIRE(limits->body_bytes_max > 0 && limits->body_bytes_max <= CF_BUF_BYTES_MAX, ARGUMENT);
    CF_REQUIRE(limits->connections_max > 0 && limits->idle_timeout_s > 0 && handler != NULL,
               ARGUMENT);
    cf_http_server *s = cf_mem_new(1, sizeof *s);
    CF_REQUIRE(s != NULL, NO_MEMORY);
    s->limits = *limits;
    s->handler = handler;
    s->ctx = ctx;
    s->gate.connections_max = limits->connections_max;
    s->gate.layer = limits->layer;
    s->gate.idle_ms = limits->idle_timeout_s * 1000;
    s->gate.receive_ms =
        (limits->receive_timeout_s > 0 ? limits->receive_timeout_s : limits->idle_timeout_s) * 1000;
    s->gate.listen_fd = fd;
    s->gate.wake_fd = -1;
    fd = -1;
    pthread_mutex_init(&s->gate.lock, NULL);
    cf_result started = server_start(s);
    if (!cf_is_ok(started)) {
        cf_http_server_stop(&s);
        return started;
    }
    *ret = s;
    return cf_ok();
}

void cf_http_server_stop(cf_http_server **server)
{
    cf_http_server *s = *server;
    *server = NULL;
    if (s == NULL) {
        return;
    }
    const struct timespec pause = {0, SERVER_STOP_POLL_MS * 1000000L};
    cf_http_gate_close(&s->gate);
    atomic_store(&s->stopping, true);
    while (atomic_load(&s->pending) > 0) {
        nanosleep(&pause, NULL);
    }
    uint64_t due = cf_clock_mono_ms() + CF_HTTP_STOP_MS;
    while (atomic_load(&s->active) > 0 && cf_clock_mono_ms() < due) {
        nanosleep(&pause, NULL);
    }
    for (unsigned i = 0; i < s->loops_n; i++) {
        cf_http_loop_stop(&s->loops[i]);
    }
    server_free(s);
}
