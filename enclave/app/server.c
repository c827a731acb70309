/* SPDX-License-Identifier: Apache-2.0 */
#include "enclave/app/server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "enclave/app/limits.h"
#include "sys/linux/clock.h"
#include "sys/linux/log.h"
#include "sys/linux/net.h"

#define EVENTS_AT_ONCE 64

/* What an event is about: a place in the table of connections, or one of these. A connection's serial number goes with it, because
 * its place may have become another's by an event before. */
enum { EVENT_LISTENER = CF_ENCLAVE_CONNECTIONS_MAX, EVENT_WAKE, EVENT_SIGNAL, EVENT_COUNT };
#define EVENT_PLACE_BITS 8
_Static_assert((CF_ENCLAVE_CONNECTIONS_MAX & (CF_ENCLAVE_CONNECTIONS_MAX - 1)) == 0,
               "a mask finds the place");
_Static_assert(EVENT_COUNT <= 1 << EVENT_PLACE_BITS, "a place has room beside its serial number");

struct cf_server {
    cf_app *app;
    int epoll, listener, signals;
    uint64_t serial;   /* of the newest connection */
    uint64_t sweep_ms; /* when to look at what time does */
    uint64_t stop_ms;  /* when to end; 0 while serving */
    cf_conn conns[CF_ENCLAVE_CONNECTIONS_MAX];
};

static uint64_t event_of(uint32_t place, uint64_t serial)
{
    return serial << EVENT_PLACE_BITS | place;
}

static CF_MUST_USE cf_result watch(const cf_server *s, int fd, uint64_t what)
{
    struct epoll_event e = {.events = EPOLLIN, .data.u64 = what};
    CF_REQUIRE(epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e) == 0, IO);
    return cf_ok();
}

static CF_MUST_USE cf_result set_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    CF_REQUIRE(flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0, IO);
    return cf_ok();
}

static CF_MUST_USE cf_result make(cf_server *s)
{
    sigset_t ending;
    (void)sigemptyset(&ending);
    (void)sigaddset(&ending, SIGTERM);
    (void)sigaddset(&ending, SIGINT);
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    s->signals = signalfd(-1, &ending, SFD_CLOEXEC | SFD_NONBLOCK);
    s->app->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    CF_REQUIRE(s->epoll >= 0 && s->signals >= 0 && s->app->wake >= 0, IO);
    CF_TRY(set_nonblocking(s->listener));
    CF_TRY(watch(s, s->listener, EVENT_LISTENER));
    CF_TRY(watch(s, s->app->wake, EVENT_WAKE));
    return watch(s, s->signals, EVENT_SIGNAL);
}

CF_MUST_USE cf_result cf_server_new(cf_app *app, int listener, cf_server **ret)
{
    *ret = NULL;
    CF_AUTO(cf_server_free) cf_server *s = cf_mem_new(1, sizeof *s);
    if (s == NULL) {
        cf_fd_close(&listener);
        return cf_fail(CF_ERR_NO_MEMORY);
    }
    s->app = app;
    s->epoll = s->signals = app->wake = -1;
    s->listener = listener;
    for (uint32_t i = 0; i < CF_ENCLAVE_CONNECTIONS_MAX; i++) {
        s->conns[i] = (cf_conn){.place = i, .fd = -1};
    }
    CF_TRY(make(s));
    *ret = s;
    s = NULL;
    return cf_ok();
}

static void drop(cf_conn *c)
{
    /* Its requests in flight find the place empty or another's, and go unanswered. */
    cf_fd_close(&c->fd);
    cf_conn_clear(c);
}

void cf_server_free(cf_server **server)
{
    cf_server *s = *server;
    if (s == NULL) {
        return;
    }
    for (size_t i = 0; i < CF_ENCLAVE_CONNECTIONS_MAX; i++) {
        drop(&s->conns[i]);
    }
    cf_fd_close(&s->listener);
    cf_fd_close(&s->signals);
    cf_fd_close(&s->app->wake);
    cf_fd_close(&s->epoll);
    cf_mem_free(s);
    *server = NULL;
}

/* ---- one connection ---- */

/* Takes whole frames off the front of what was read. */
static CF_MUST_USE cf_result take_frames(cf_server *s, cf_conn *c, uint64_t now_ms)
{
    for (;;) {
        cf_msg m;
        size_t used;
        CF_TRY(cf_frame_decode(cf_octets_view(&c->in), &used, &m));
        if (used == 0) {
            break;
        }
        CF_TRY(cf_app_message(s->app, c, &m, now_ms));
        cf_octets_use(&c->in, used, CF_ENCLAVE_READ_BYTES * 2);
        c->partial_ms = 0;
    }
    if (cf_octets_view(&c->in).len > 0 && c->partial_ms == 0) {
        c->partial_ms = now_ms;
    }
    return cf_ok();
}

static CF_MUST_USE cf_result read_some(cf_server *s, cf_conn *c, uint64_t now_ms)
{
    CF_TRY(cf_octets_reserve(&c->in, CF_ENCLAVE_READ_BYTES));
    cf_buf *b = &c->in.buf;
    ssize_t n = recv(c->fd, b->data + b->len, CF_ENCLAVE_READ_BYTES, MSG_DONTWAIT);
    if (n < 0) {
        CF_REQUIRE(errno == EAGAIN || errno == EINTR, IO);
        return cf_ok();
    }
    c->ended = n == 0;
    b->len += (size_t)n;
    CF_TRY(take_frames(s, c, now_ms));
    /* Half a frame that will never be whole. */
    CF_REQUIRE(!c->ended || cf_octets_view(&c->in).len == 0, TRUNCATED);
    return cf_ok();
}

static CF_MUST_USE cf_result write_some(cf_conn *c, uint64_t now_ms)
{
    while (cf_octets_view(&c->out).len > 0) {
        cf_view v = cf_octets_view(&c->out);
        ssize_t n = send(c->fd, v.data, v.len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0) {
            CF_REQUIRE(errno == EAGAIN || errno == EINTR, IO);
            c->unread_ms = c->unread_ms == 0 ? now_ms : c->unread_ms;
            return cf_ok();
        }
        cf_octets_use(&c->out, (size_t)n, CF_ENCLAVE_READ_BYTES * 2);
        c->unread_ms = 0;
    }
    return cf_ok();
}

/* Writes what can be written and settles what is waited for next; or ends the connection. An agent that leaves answers lying is
 * not read from, until it reads. */
static void settle(cf_server *s, cf_conn *c, uint64_t now_ms)
{
    if (c->fd < 0) {
        return;
    }
    if (c->broken) {
        cf_log(CF_LOG_WARN, "connection.refused", "code=%s", cf_err_code(CF_ERR_SIZE));
    }
    bool fine = !c->broken && cf_is_ok(write_some(c, now_ms));
    size_t waiting = cf_octets_view(&c->out).len;
    bool over = c->ended && c->inflight == 0 && waiting == 0;
    if (!fine || over) {
        drop(c);
        return;
    }
    uint32_t events = (c->ended || waiting > CF_ENCLAVE_OUT_BYTES_MAX / 2 ? 0 : EPOLLIN) |
                      (waiting > 0 ? EPOLLOUT : 0);
    if (events != c->events) {
        struct epoll_event e = {.events = events, .data.u64 = event_of(c->place, c->serial)};
        (void)epoll_ctl(s->epoll, EPOLL_CTL_MOD, c->fd, &e);
        c->events = events;
    }
}

static void on_conn(cf_server *s, cf_conn *c, uint32_t events, uint64_t now_ms)
{
    bool gone = (events & (EPOLLERR | EPOLLHUP)) != 0 && (events & EPOLLIN) == 0;
    if (!gone && (events & EPOLLIN) != 0) {
        cf_result r = read_some(s, c, now_ms);
        gone = !cf_is_ok(r);
        if (gone) {
            cf_log(CF_LOG_WARN, "connection.refused", "code=%s", cf_err_code(r.code));
        }
    }
    if (gone) {
        drop(c);
    } else {
        settle(s, c, now_ms);
    }
}

/* ---- all connections ---- */

/* A free place; when there is none, that of the oldest connection that has not said HELLO: idlers do not keep the agent out. */
static cf_conn *place_for(cf_server *s)
{
    cf_conn *oldest = NULL;
    for (size_t i = 0; i < CF_ENCLAVE_CONNECTIONS_MAX; i++) {
        cf_conn *c = &s->conns[i];
        if (c->fd < 0) {
            return c;
        }
        if (!c->greeted && (oldest == NULL || c->serial < oldest->serial)) {
            oldest = c;
        }
    }
    if (oldest != NULL) {
        drop(oldest);
    }
    return oldest;
}

static void on_listener(cf_server *s, uint64_t now_ms)
{
    CF_FD(fd);
    fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        return;
    }
    cf_conn *c = place_for(s);
    if (c == NULL || !cf_is_ok(watch(s, fd, event_of(c->place, s->serial + 1)))) {
        return;
    }
    c->fd = fd;
    fd = -1;
    c->serial = ++s->serial;
    c->since_ms = now_ms;
    c->events = EPOLLIN;
}

static void settle_all(cf_server *s, uint64_t now_ms)
{
    for (size_t i = 0; i < CF_ENCLAVE_CONNECTIONS_MAX; i++) {
        settle(s, &s->conns[i], now_ms);
    }
}

static void on_wake(cf_server *s, uint64_t now_ms)
{
    uint64_t count;
    ssize_t n = read(s->app->wake, &count, sizeof count);
    (void)n;
    cf_app_take_done(s->app, s->conns, now_ms);
    settle_all(s, now_ms);
}

static void on_signal(cf_server *s, uint64_t now_ms)
{
    struct signalfd_siginfo info;
    if (read(s->signals, &info, sizeof info) == (ssize_t)sizeof info && s->stop_ms == 0) {
        s->app->draining = true;
        s->stop_ms = now_ms + CF_ENCLAVE_STOP_TIMEOUT_MS;
        cf_fd_close(&s->listener);
        cf_log(CF_LOG_INFO, "stopping", "inflight=%zu", s->app->live_n);
    }
}

/* What time does: keys expire, and connections that keep others waiting end. */
static void sweep(cf_server *s, uint64_t now_ms)
{
    cf_keycache_sweep(s->app->cache, now_ms);
    for (size_t i = 0; i < CF_ENCLAVE_CONNECTIONS_MAX; i++) {
        cf_conn *c = &s->conns[i];
        if (c->fd < 0) {
            continue;
        }
        bool silent = !c->greeted && now_ms - c->since_ms > CF_ENCLAVE_HELLO_TIMEOUT_MS;
        bool slow = c->partial_ms != 0 && now_ms - c->partial_ms > CF_ENCLAVE_FRAME_TIMEOUT_MS;
        bool deaf = c->unread_ms != 0 && now_ms - c->unread_ms > CF_ENCLAVE_ANSWER_TIMEOUT_MS;
        if (silent || slow || deaf) {
            cf_log(CF_LOG_WARN, "connection.timeout", "code=%s",
                   silent ? "hello" : (slow ? "frame" : "answer"));
            drop(c);
        }
    }
    s->sweep_ms = now_ms + CF_ENCLAVE_SWEEP_MS;
}

/* Nothing left to do for anybody. */
static bool is_idle(const cf_server *s)
{
    bool idle = s->app->live_n == 0;
    for (size_t i = 0; i < CF_ENCLAVE_CONNECTIONS_MAX; i++) {
        idle = idle && (s->conns[i].fd < 0 || cf_octets_view(&s->conns[i].out).len == 0);
    }
    return idle;
}

static void on_event(cf_server *s, const struct epoll_event *e, uint64_t now_ms)
{
    uint64_t what = e->data.u64;
    switch (what) {
    case EVENT_LISTENER:
        on_listener(s, now_ms);
        break;
    case EVENT_WAKE:
        on_wake(s, now_ms);
        break;
    case EVENT_SIGNAL:
        on_signal(s, now_ms);
        break;
    default: {
        cf_conn *c = &s->conns[what & (CF_ENCLAVE_CONNECTIONS_MAX - 1)];
        if (c->fd >= 0 && event_of(c->place, c->serial) == what) {
            on_conn(s, c, e->events, now_ms);
        }
        break;
    }
    }
}

/* How long to sleep: until time has something to do. */
static int patience(const cf_server *s)
{
    uint64_t next_ms = cf_app_next_deadline(s->app);
    next_ms = s->sweep_ms < next_ms ? s->sweep_ms : next_ms;
    next_ms = s->stop_ms != 0 && s->stop_ms < next_ms ? s->stop_ms : next_ms;
    return cf_clock_poll_ms(next_ms);
}

void cf_server_run(cf_server *s)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    uint64_t now_ms = cf_clock_mono_ms();
    s->sweep_ms = now_ms + CF_ENCLAVE_SWEEP_MS;
    while (s->stop_ms == 0 || (now_ms < s->stop_ms && !is_idle(s))) {
        int n = epoll_wait(s->epoll, events, EVENTS_AT_ONCE, patience(s));
        now_ms = cf_clock_mono_ms();
        for (int i = 0; i < n; i++) {
            on_event(s, &events[i], now_ms);
        }
        if (cf_app_expire(s->app, s->conns, now_ms)) {
            settle_all(s, now_ms);
        }
        if (now_ms >= s->sweep_ms) {
            sweep(s, now_ms);
        }
    }
}

void cf_server_finish(cf_server *s)
{
    on_wake(s, cf_clock_mono_ms());
}
