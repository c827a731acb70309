/* SPDX-License-Identifier: Apache-2.0 */
#include "host/agent/relay.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/agent/relay_priv.h"
#include "sys/linux/clock.h"
#include "sys/linux/log.h"

#define RELAY_EVENTS 32
#define RELAY_LOG_READ_BYTES 4096

cf_result cf_relay_watch_fd(cf_relay *r, int fd, uint64_t tag)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.u64 = tag};
    CF_REQUIRE(epoll_ctl(r->epoll_fd, EPOLL_CTL_ADD, fd, &ev) == 0, IO);
    return cf_ok();
}

void cf_relay_fail(cf_relay *r, cf_job_list *failed)
{
    for (cf_job *j; (j = cf_job_pop(failed)) != NULL;) {
        r->opts.done(j, NULL, NULL);
    }
}

static void wake(cf_relay *r)
{
    uint64_t one = 1;
    while (write(r->wake_fd, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

/* --- callers --- */

/* With the lock. */
static cf_result take(cf_relay *r, cf_job *j, cf_job_list *failed)
{
    bool never =
        r->stopping || (r->watch.state == CF_WATCH_DOWN && r->watch.start_at_ms >= j->due_ms);
    CF_REQUIRE(!never, ENCLAVE_UNAVAILABLE);
    CF_TRY(cf_table_add(&r->table, j));
    cf_relay_dispatch(r, failed);
    return cf_ok();
}

void cf_relay_submit(cf_relay *r, cf_job *j)
{
    cf_job_list failed = {0};
    uint64_t due_ms = j->due_ms;
    (void)pthread_mutex_lock(&r->lock);
    cf_result taken = take(r, j, &failed);
    if (!cf_is_ok(taken)) {
        j->code = taken.code;
        cf_job_push(&failed, j);
    }
    if (due_ms < r->wake_ms) {
        r->wake_ms = due_ms;
        wake(r);
    }
    (void)pthread_mutex_unlock(&r->lock);
    cf_relay_fail(r, &failed);
}

void cf_relay_hurry(cf_relay *r, uint64_t timeout_ms)
{
    (void)pthread_mutex_lock(&r->lock);
    cf_table_hurry(&r->table, cf_clock_mono_ms() + timeout_ms);
    wake(r);
    (void)pthread_mutex_unlock(&r->lock);
}

cf_result cf_relay_lend(cf_relay *r, cf_view body)
{
    CF_BUF(copy);
    CF_TRY(cf_buf_set(&copy, body));
    (void)pthread_mutex_lock(&r->lock);
    cf_buf_free(&r->lent);
    r->lent = cf_buf_move(&copy);
    cf_relay_lend_all(r);
    wake(r);
    (void)pthread_mutex_unlock(&r->lock);
    return cf_ok();
}

void cf_relay_look(cf_relay *r, cf_relay_status *ret)
{
    (void)pthread_mutex_lock(&r->lock);
    *ret = (cf_relay_status){.state = r->watch.state,
                             .healthy = cf_watch_healthy(&r->watch, cf_clock_mono_ms()),
                             .pid = r->pid,
                             .started_ms = r->started_ms,
                             .starts = r->starts,
                             .id = r->id,
                             .health = r->health,
                             .inflight = r->table.flight.n,
                             .waiting = r->table.waiting.n};
    (void)pthread_mutex_unlock(&r->lock);
}

cf_result cf_relay_wait(cf_relay *r, uint64_t timeout_ms)
{
    uint64_t due = cf_clock_mono_ms() + timeout_ms;
    const struct timespec until = {(time_t)(due / 1000), (long)(due % 1000) * 1000000L};
    int timed_out = 0;
    (void)pthread_mutex_lock(&r->lock);
    while (timed_out == 0 && r->watch.state != CF_WATCH_SERVING && r->watch.failures == 0) {
        timed_out = pthread_cond_clockwait(&r->changed, &r->lock, CLOCK_MONOTONIC, &until);
    }
    cf_watch_state state = r->watch.state;
    (void)pthread_mutex_unlock(&r->lock);
    CF_REQUIRE(state == CF_WATCH_SERVING || timed_out == 0, TIMEOUT);
    CF_REQUIRE(state == CF_WATCH_SERVING, CLOSED);
    return cf_ok();
}

/* --- the enclave's log --- */

static void log_line(void *ctx, bool own, cf_view line)
{
    const cf_relay *r = ctx;
    if (!own) {
        cf_log(CF_LOG_WARN, "enclave.wrote", "pid=%d text=%.*s", r->enclave.pid, (int)line.len,
               (const char *)line.data);
        return;
    }
    uint8_t text[CF_AGENT_LOG_LINE_BYTES_MAX + 1];
    cf_copy(text, line.data, line.len);
    text[line.len] = '\n';
    ssize_t n = write(STDERR_FILENO, text, line.len + 1);
    (void)n;
}

/* True when there may be more. */
static bool log_read(cf_relay *r)
{
    uint8_t octets[RELAY_LOG_READ_BYTES];
    ssize_t n = r->enclave.log_fd < 0 ? -1 : read(r->enclave.log_fd, octets, sizeof octets);
    uint64_t now = cf_clock_mono_ms();
    if (n > 0) {
        cf_enclave_log_feed(&r->log, cf_view_make(octets, (size_t)n), now, log_line, r);
    } else if (n == 0) {
        (void)epoll_ctl(r->epoll_fd, EPOLL_CTL_DEL, r->enclave.log_fd, NULL);
    }
    uint64_t dropped = now / 1000 != r->log_told_s ? cf_enclave_log_dropped(&r->log) : 0;
    if (dropped > 0) {
        r->log_told_s = now / 1000;
        cf_log(CF_LOG_WARN, "enclave.log_dropped", "pid=%d lines=%" PRIu64, r->enclave.pid,
               dropped);
    }
    return n > 0;
}

/* --- supervision --- */

/* With the lock: there is no enclave, and none before the watch says so. */
static void note_gone(cf_relay *r, cf_job_list *failed)
{
    cf_watch_gone(&r->watch, cf_clock_mono_ms());
    cf_table_give_up(&r->table, r->watch.start_at_ms, failed);
    r->pid = 0;
    r->started_ms = 0;
    r->id = (cf_enclave_id){0};
    r->health = (cf_health){0};
    r->unfit = false;
    (void)pthread_cond_broadcast(&r->changed);
}

static cf_result start_process(cf_relay *r)
{
    CF_TRY(cf_launcher_start(r->opts.launcher, &r->enclave));
    r->booted_ms = cf_clock_mono_ms();
    r->log = (cf_enclave_log){0};
    cf_log(CF_LOG_INFO, "enclave.started", "pid=%d", r->enclave.pid);
    (void)pthread_mutex_lock(&r->lock);
    r->pid = r->enclave.pid;
    r->started_ms = r->enclave.started_ms;
    r->starts++;
    (void)pthread_mutex_unlock(&r->lock);
    CF_TRY(cf_relay_watch_fd(r, r->enclave.log_fd, CF_TAG_LOG));
    return cf_relay_watch_fd(r, r->enclave.pid_fd, CF_TAG_PROCESS);
}

static void start(cf_relay *r)
{
    cf_result started = start_process(r);
    if (cf_is_ok(started)) {
        return;
    }
    cf_job_list failed = {0};
    int status = 0;
    cf_log(CF_LOG_ERROR, "enclave.start_failed", "code=%s", cf_err_code(started.code));
    cf_enclave_kill(&r->enclave);
    while (r->enclave.pid > 0 && !cf_enclave_reap(&r->enclave, &status)) {
        (void)usleep(1000);
    }
    (void)pthread_mutex_lock(&r->lock);
    note_gone(r, &failed);
    (void)pthread_mutex_unlock(&r->lock);
    cf_relay_fail(r, &failed);
}

/* The process may be gone: then so are its connections, and the watch says when the next is started. */
static void reap(cf_relay *r)
{
    int status = 0;
    cf_job_list failed = {0};
    pid_t pid = r->enclave.pid;
    while (log_read(r)) {
    }
    if (pid == 0 || !cf_enclave_reap(&r->enclave, &status)) {
        return;
    }
    cf_enclave_log_end(&r->log, cf_clock_mono_ms(), log_line, r);
    cf_relay_links_lost(r);
    (void)pthread_mutex_lock(&r->lock);
    note_gone(r, &failed);
    uint64_t wait = r->watch.start_at_ms - cf_clock_mono_ms();
    (void)pthread_mutex_unlock(&r->lock);
    cf_log(CF_LOG_WARN, "enclave.ended", "pid=%d %s=%d restart_in_ms=%u", pid,
           WIFSIGNALED(status) ? "signal" : "status",
           WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
           wait > CF_AGENT_BACKOFF_MS_MAX ? 0 : (unsigned)wait);
    cf_relay_fail(r, &failed);
}

static void kill_hung(cf_relay *r, const char *what)
{
    cf_log(CF_LOG_ERROR, "enclave.hung", "pid=%d while=%s", r->enclave.pid, what);
    cf_enclave_kill(&r->enclave);
}

static void supervise(cf_relay *r)
{
    (void)pthread_mutex_lock(&r->lock);
    bool booting = r->watch.state == CF_WATCH_BOOTING;
    cf_watch_action action = cf_watch_step(&r->watch, cf_clock_mono_ms());
    if (action == CF_WATCH_PING) {
        /* One that cannot be asked will not answer, and is treated so. */
        (void)cf_relay_ping(r);
    }
    (void)pthread_mutex_unlock(&r->lock);
    if (action == CF_WATCH_START) {
        start(r);
    } else if (action == CF_WATCH_KILL) {
        kill_hung(r, booting ? "booting" : "asked_for_health");
    }
}

/* Jobs whose time is up. The enclave still owes answers to those that it has; it is stuck if none of them ever comes. One that says
 * of itself that it does not serve is no better. */
static void expire(cf_relay *r, cf_job_list *failed)
{
    uint64_t now = cf_clock_mono_ms();
    unsigned late[CF_AGENT_LINKS_MAX] = {0};
    bool stuck = false;
    (void)pthread_mutex_lock(&r->lock);
    cf_table_expire(&r->table, now, r->watch.state == CF_WATCH_SERVING, late, failed);
    for (unsigned i = 0; i < r->opts.links; i++) {
        cf_link *l = &r->links[i];
        l->late_ms = l->late == 0 ? now : l->late_ms;
        l->late += late[i];
        stuck = stuck || (l->late > 0 && now - l->late_ms >= CF_AGENT_LATE_TIMEOUT_MS);
    }
    const char *what = r->unfit ? "not_ready" : "answering";
    stuck = (stuck || r->unfit) && cf_watch_fault(&r->watch);
    (void)pthread_mutex_unlock(&r->lock);
    if (stuck) {
        kill_hung(r, what);
    }
}

/* --- the loop --- */

/* With the lock: when there is something to do that no descriptor tells. */
static uint64_t next_ms(const cf_relay *r)
{
    uint64_t next = cf_watch_next_ms(&r->watch);
    next = r->table.due_ms < next ? r->table.due_ms : next;
    bool alive = r->watch.state == CF_WATCH_BOOTING || r->watch.state == CF_WATCH_SERVING;
    for (unsigned i = 0; alive && i < r->opts.links; i++) {
        if (r->links[i].state == CF_LINK_DOWN && r->links[i].retry_ms < next) {
            next = r->links[i].retry_ms;
        }
    }
    return next;
}

/* What time and lost connections ask for. False when the relay is to end. */
static bool settle(cf_relay *r, int *ret_wait_ms)
{
    cf_job_list failed = {0};
    supervise(r);
    cf_relay_links_broken(r);
    if (r->enclave.pid > 0) {
        cf_relay_dial(r);
    }
    expire(r, &failed);
    (void)pthread_mutex_lock(&r->lock);
    cf_relay_dispatch(r, &failed);
    r->wake_ms = next_ms(r);
    *ret_wait_ms = cf_clock_poll_ms(r->wake_ms);
    bool going = !r->stopping;
    (void)pthread_mutex_unlock(&r->lock);
    cf_relay_fail(r, &failed);
    return going;
}

static void on_event(cf_relay *r, const struct epoll_event *ev)
{
    uint64_t count;
    switch (ev->data.u64) {
    case CF_TAG_WAKE:
        while (read(r->wake_fd, &count, sizeof count) < 0 && errno == EINTR) {
        }
        break;
    case CF_TAG_PROCESS:
        reap(r);
        break;
    case CF_TAG_LOG:
        (void)log_read(r);
        break;
    default:
        cf_relay_link_event(r, (unsigned)(ev->data.u64 - CF_TAG_LINK), ev->events);
        break;
    }
}

static void end(cf_relay *r)
{
    cf_job_list failed = {0};
    int status = 0;
    cf_enclave_kill(&r->enclave);
    while (r->enclave.pid > 0 && !cf_enclave_reap(&r->enclave, &status)) {
        (void)usleep(1000);
    }
    cf_relay_links_lost(r);
    (void)pthread_mutex_lock(&r->lock);
    cf_table_give_up(&r->table, UINT64_MAX, &failed);
    (void)pthread_mutex_unlock(&r->lock);
    cf_relay_fail(r, &failed);
}

static void *run(void *ctx)
{
    cf_relay *r = ctx;
    struct epoll_event events[RELAY_EVENTS];
    int wait_ms = 0;
    while (settle(r, &wait_ms)) {
        int n = epoll_wait(r->epoll_fd, events, RELAY_EVENTS, wait_ms);
        for (int i = 0; i < n; i++) {
            on_event(r, &events[i]);
        }
    }
    end(r);
    return NULL;
}

static void relay_free(cf_relay **r)
{
    if (*r == NULL) {
        return;
    }
    cf_fd_close(&(*r)->epoll_fd);
    cf_fd_close(&(*r)->wake_fd);
    cf_buf_free(&(*r)->scratch);
    cf_buf_free(&(*r)->lent);
    (void)pthread_mutex_destroy(&(*r)->lock);
    (void)pthread_cond_destroy(&(*r)->changed);
    cf_mem_free(*r);
    *r = NULL;
}

cf_result cf_relay_start(const cf_relay_opts *opts, cf_relay **ret)
{
    *ret = NULL;
    CF_REQUIRE(opts->links >= 1 && opts->links <= CF_AGENT_LINKS_MAX && opts->done != NULL,
               ARGUMENT);
    CF_AUTO(relay_free) cf_relay *r = cf_mem_new(1, sizeof *r);
    CF_REQUIRE(r != NULL, NO_MEMORY);
    r->opts = *opts;
    r->opts.credentials = CF_VIEW_EMPTY;
    r->epoll_fd = r->wake_fd = -1;
    r->enclave = CF_ENCLAVE_NONE;
    (void)pthread_mutex_init(&r->lock, NULL);
    (void)pthread_cond_init(&r->changed, NULL);
    CF_TRY(cf_buf_set(&r->lent, opts->credentials));
    cf_table_init(&r->table);
    cf_watch_init(&r->watch, cf_clock_mono_ms());
    for (size_t i = 0; i < CF_AGENT_LINKS_MAX; i++) {
        cf_link_init(&r->links[i]);
    }
    r->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    r->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    CF_REQUIRE(r->epoll_fd >= 0 && r->wake_fd >= 0, IO);
    CF_TRY(cf_relay_watch_fd(r, r->wake_fd, CF_TAG_WAKE));
    CF_REQUIRE(pthread_create(&r->thread, NULL, run, r) == 0, IO);
    *ret = r;
    r = NULL;
    return cf_ok();
}

void cf_relay_stop(cf_relay **relay)
{
    cf_relay *r = *relay;
    if (r == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&r->lock);
    r->stopping = true;
    wake(r);
    (void)pthread_mutex_unlock(&r->lock);
    (void)pthread_join(r->thread, NULL);
    relay_free(relay);
}
