/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that runs MHD. MHD's own threads take 128 events at a time and, when there were exactly as many, sleep on them until
 * something else happens (0.9.75 to 1.0.1, MHD_epoll). So this one waits itself, for MHD's sockets and for what other threads hand
 * over, and enters MHD, which nobody else does, only when MHD need not wait. */
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/http/server_priv.h"
#include "sys/linux/net.h"

/* Under the lock. True when the thread must be woken: it is once for all that is handed over until it looks. */
static bool must_wake(cf_http_loop *l)
{
    bool must = !l->woken;
    l->woken = true;
    return must;
}

static void wake(cf_http_loop *l)
{
    const uint64_t one = 1;
    while (write(l->wake_fd, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

void cf_http_loop_join(cf_http_loop *l, cf_http_link *link)
{
    pthread_mutex_lock(&l->lock);
    *l->joins_end = link;
    l->joins_end = &link->joins_next;
    bool must = must_wake(l);
    pthread_mutex_unlock(&l->lock);
    if (must) {
        wake(l);
    }
}

void cf_http_loop_answer(cf_http_loop *l, cf_http_call *c)
{
    pthread_mutex_lock(&l->lock);
    *l->answers_end = c;
    l->answers_end = &c->answers_next;
    bool must = must_wake(l);
    pthread_mutex_unlock(&l->lock);
    if (must) {
        wake(l);
    }
}

bool cf_http_loop_enter(cf_http_loop *l, cf_http_link *link)
{
    /* MHD keeps the address for itself and we do not ask for it. */
    static const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    /* Should MHD refuse the socket, it closes it before we know. */
    cf_http_link_hide(l->gate, link, link->fd);
    l->joining = link;
    (void)MHD_add_connection(l->daemon, link->fd, &nobody, sizeof nobody);
    bool taken = l->joining == NULL;
    l->joining = NULL;
    return taken;
}

static void join(cf_http_loop *l, cf_http_link *link)
{
    if (l->gate->layer != NULL) {
        cf_http_tunnel_open(l, link);
    } else if (!cf_http_loop_enter(l, link)) {
        cf_http_link_free(l->gate, &link);
    }
}

void cf_http_loop_notify(void *loop, struct MHD_Connection *conn, void **link,
                         enum MHD_ConnectionNotificationCode what)
{
    (void)conn;
    cf_http_loop *l = loop;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        cf_http_link *ended = *link;
        *link = NULL;
        if (ended != NULL && ended->tunnel != NULL) {
            cf_http_tunnel_left(ended);
        } else {
            cf_http_link_free(l->gate, &ended);
        }
        return;
    }
    cf_http_link_wait(l->gate, l->joining);
    *link = l->joining;
    l->joining = NULL;
}

/* Takes what was handed over. False once the loop is to end. */
static bool take(cf_http_loop *l)
{
    pthread_mutex_lock(&l->lock);
    cf_http_link *joins = l->joins;
    cf_http_call *answers = l->answers;
    l->joins = NULL;
    l->joins_end = &l->joins;
    l->answers = NULL;
    l->answers_end = &l->answers;
    l->woken = false;
    bool stopping = l->stopping;
    pthread_mutex_unlock(&l->lock);
    while (joins != NULL) {
        cf_http_link *link = joins;
        joins = link->joins_next;
        join(l, link);
    }
    while (answers != NULL) {
        cf_http_call *c = answers;
        answers = c->answers_next;
        MHD_resume_connection(c->conn);
    }
    return !stopping;
}

/* Until a socket or another thread has something, or MHD has work left. */
static void await(cf_http_loop *l)
{
    MHD_UNSIGNED_LONG_LONG left_ms = 0;
    /* There are no timeouts of MHD's own: either it has work left or all the time. */
    int wait_ms = MHD_get_timeout(l->daemon, &left_ms) == MHD_YES ? 0 : -1;
    struct pollfd fds[] = {{.fd = l->daemon_fd, .events = POLLIN},
                           {.fd = l->wake_fd, .events = POLLIN},
                           {.fd = l->tunnels.epoll_fd, .events = POLLIN}};
    if (poll(fds, 3, wait_ms) <= 0) {
        return;
    }
    if (fds[1].revents != 0) {
        /* Before the lists are looked at: whoever comes in between wakes us once more. */
        uint64_t count;
        while (read(l->wake_fd, &count, sizeof count) < 0 && errno == EINTR) {
        }
    }
    if (fds[2].revents != 0) {
        cf_http_tunnels_run(l);
    }
}

static void *loop_run(void *loop)
{
    cf_http_loop *l = loop;
    while (take(l)) {
        MHD_run(l->daemon);
        await(l);
    }
    return NULL;
}

cf_result cf_http_loop_init(cf_http_loop *l, cf_http_gate *g)
{
    l->gate = g;
    l->tunnels.epoll_fd = -1;
    l->joins_end = &l->joins;
    l->answers_end = &l->answers;
    l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    CF_REQUIRE(l->wake_fd >= 0, IO);
    pthread_mutex_init(&l->lock, NULL);
    return cf_ok();
}

cf_result cf_http_loop_start(cf_http_loop *l)
{
    CF_REQUIRE(l->daemon != NULL, IO);
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    CF_REQUIRE(info != NULL && info->epoll_fd >= 0, IO);
    l->daemon_fd = info->epoll_fd;
    CF_TRY(cf_http_tunnels_init(l));
    CF_REQUIRE(pthread_create(&l->thread, NULL, loop_run, l) == 0, IO);
    l->running = true;
    return cf_ok();
}

void cf_http_loop_stop(cf_http_loop *l)
{
    if (l->running) {
        pthread_mutex_lock(&l->lock);
        l->stopping = true;
        pthread_mutex_unlock(&l->lock);
        wake(l);
        pthread_join(l->thread, NULL);
        l->running = false;
    }
    if (l->daemon != NULL) {
        MHD_stop_daemon(l->daemon);
        l->daemon = NULL;
    }
    cf_http_tunnels_free(l);
    cf_fd_close(&l->wake_fd);
    pthread_mutex_destroy(&l->lock);
}
