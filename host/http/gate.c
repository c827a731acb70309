/* SPDX-License-Identifier: Apache-2.0 */
/* MHD has one idle timeout, which every octet renews, and at its connection limit it leaves new clients waiting. Both would let a few
 * slow or idle clients hold the service, so connections are accepted and timed here and only served by MHD. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/http/server_priv.h"
#include "sys/linux/clock.h"
#include "sys/linux/net.h"

#define GATE_TICK_MS 250     /* how late a slow connection may be cut, or a client's end be told */
#define GATE_PAUSE_MS 20     /* after accept failed for want of files or memory */
#define GATE_ACCEPTS 64      /* in a row, before the clock is looked at */
#define GATE_POLLS 64        /* sockets, in one system call */
#define GATE_LAYER_FILES 3   /* of a connection with a layer: its socket and a pair */
#define GATE_SPARE_FILES 256 /* what the rest of the program may have open */

void cf_http_link_wait(const cf_http_gate *g, cf_http_link *l)
{
    atomic_store_explicit(&l->waiting, true, memory_order_relaxed);
    atomic_store_explicit(&l->due_ms, cf_clock_mono_ms() + g->idle_ms, memory_order_relaxed);
}

void cf_http_link_busy(const cf_http_gate *g, cf_http_link *l)
{
    atomic_store_explicit(&l->due_ms, cf_clock_mono_ms() + g->receive_ms, memory_order_relaxed);
    atomic_store_explicit(&l->waiting, false, memory_order_relaxed);
}

void cf_http_link_handle(cf_http_link *l)
{
    atomic_store_explicit(&l->due_ms, 0, memory_order_relaxed);
}

/* NULL when there is no memory for it. */
static cf_http_link *link_new(cf_http_gate *g, int fd)
{
    cf_http_link *l = cf_mem_new(1, sizeof *l);
    if (l == NULL) {
        return NULL;
    }
    l->fd = fd;
    l->loop = &g->loops[g->loops_next++ % g->loops_n];
    cf_http_link_wait(g, l);
    pthread_mutex_lock(&g->lock);
    l->next = g->links;
    if (l->next != NULL) {
        l->next->prev = l;
    }
    g->links = l;
    g->links_n++;
    pthread_mutex_unlock(&g->lock);
    return l;
}

void cf_http_link_hide(cf_http_gate *g, cf_http_link *l, int fd)
{
    /* The gate looks at this, and uses the socket, under the same lock. */
    pthread_mutex_lock(&g->lock);
    l->fd = fd;
    atomic_store_explicit(&l->due_ms, 0, memory_order_relaxed);
    pthread_mutex_unlock(&g->lock);
}

void cf_http_link_free(cf_http_gate *g, cf_http_link **link)
{
    cf_http_link *l = *link;
    *link = NULL;
    if (l == NULL) {
        return;
    }
    pthread_mutex_lock(&g->lock);
    if (l->prev != NULL) {
        l->prev->next = l->next;
    } else {
        g->links = l->next;
    }
    if (l->next != NULL) {
        l->next->prev = l->prev;
    }
    g->links_n--;
    pthread_mutex_unlock(&g->lock);
    cf_mem_free(l);
}

/* Cuts what is overdue. MHD notices the end of the stream and closes; it tells us before it does, so the descriptors are its own. */
static void cut_overdue(cf_http_gate *g)
{
    uint64_t now = cf_clock_mono_ms();
    pthread_mutex_lock(&g->lock);
    for (cf_http_link *l = g->links; l != NULL; l = l->next) {
        uint64_t due = atomic_load_explicit(&l->due_ms, memory_order_relaxed);
        if (due != 0 && due <= now) {
            shutdown(l->fd, SHUT_RDWR);
        }
    }
    pthread_mutex_unlock(&g->lock);
}

static void shut_ended(struct pollfd *fds, nfds_t n)
{
    if (poll(fds, n, 0) <= 0) {
        return;
    }
    for (nfds_t i = 0; i < n; i++) {
        if ((fds[i].revents & POLLRDHUP) != 0) {
            shutdown(fds[i].fd, SHUT_RD);
        }
    }
}

/* MHD waits for the edge of an event, and one edge tells of the last octets of a client together with the end behind them: it takes
 * the octets, and would see the end only when it is cut. Shutting the half that brings nothing more makes an edge of its own; until
 * it is noticed, at each tick. Where the handler has the call MHD looks by itself afterwards. */
static void tell_ends(cf_http_gate *g)
{
    struct pollfd fds[GATE_POLLS];
    nfds_t n = 0;
    pthread_mutex_lock(&g->lock);
    for (cf_http_link *l = g->links; l != NULL; l = l->next) {
        if (atomic_load_explicit(&l->due_ms, memory_order_relaxed) != 0) {
            fds[n++] = (struct pollfd){.fd = l->fd, .events = POLLRDHUP};
        }
        if (n == GATE_POLLS) {
            shut_ended(fds, n);
            n = 0;
        }
    }
    shut_ended(fds, n);
    pthread_mutex_unlock(&g->lock);
}

/* The link that idles or, if none does, that receives or sends longest; not one whose time is the handler's. Under the lock. */
static cf_http_link *longest_link(const cf_http_gate *g)
{
    cf_http_link *found = NULL;
    uint64_t found_due = UINT64_MAX;
    bool found_waits = false;
    for (cf_http_link *l = g->links; l != NULL; l = l->next) {
        uint64_t due = atomic_load_explicit(&l->due_ms, memory_order_relaxed);
        bool waits = atomic_load_explicit(&l->waiting, memory_order_relaxed);
        /* The list begins with the newest: of those that are due at once the last is the oldest. */
        if (due != 0 && (waits == found_waits ? due <= found_due : waits)) {
            found = l;
            found_due = due;
            found_waits = waits;
        }
    }
    return found;
}

/* True when there is room for one more, if need be at the cost of another: else anyone who holds connections_max idle ones, or half
 * a head on each, would keep all others out. A request in time outlives connections_max newer ones. */
static bool make_room(cf_http_gate *g, bool full)
{
    bool room = true;
    pthread_mutex_lock(&g->lock);
    if (full || g->links_n >= g->connections_max) {
        cf_http_link *l = longest_link(g);
        room = l != NULL;
        if (room) {
            /* Once only: the next that comes takes another one. */
            atomic_store_explicit(&l->due_ms, 0, memory_order_relaxed);
            shutdown(l->fd, SHUT_RDWR);
        }
    }
    pthread_mutex_unlock(&g->lock);
    return room;
}

/* False when the gate should pause: accept cannot get a descriptor. */
static bool accept_some(cf_http_gate *g)
{
    for (int i = 0; i < GATE_ACCEPTS; i++) {
        int fd = accept4(g->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
                (void)make_room(g, true);
                return false;
            }
            return true;
        }
        cf_http_link *l = make_room(g, false) ? link_new(g, fd) : NULL;
        if (l == NULL) {
            close(fd);
            continue;
        }
        cf_http_loop_join(l->loop, l);
    }
    return true;
}

static void *gate_run(void *gate)
{
    cf_http_gate *g = gate;
    uint64_t next_tick = 0;
    bool paused = false;
    for (;;) {
        struct pollfd fds[] = {{.fd = g->wake_fd, .events = POLLIN},
                               {.fd = paused ? -1 : g->listen_fd, .events = POLLIN}};
        poll(fds, 2, paused ? GATE_PAUSE_MS : GATE_TICK_MS);
        if (fds[0].revents != 0) {
            return NULL;
        }
        paused = fds[1].revents != 0 && !accept_some(g);
        if (cf_clock_mono_ms() >= next_tick) {
            cut_overdue(g);
            tell_ends(g);
            next_tick = cf_clock_mono_ms() + GATE_TICK_MS;
        }
    }
}

/* The usual soft limit of 1,024 files is below what the gate is to hold. */
static void raise_files(const cf_http_gate *g)
{
    struct rlimit lim;
    rlim_t each = g->layer != NULL ? GATE_LAYER_FILES : 1;
    rlim_t want = each * g->connections_max + GATE_SPARE_FILES;
    if (getrlimit(RLIMIT_NOFILE, &lim) == 0 && lim.rlim_cur != RLIM_INFINITY &&
        lim.rlim_cur < want) {
        lim.rlim_cur = lim.rlim_max == RLIM_INFINITY || lim.rlim_max > want ? want : lim.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &lim);
    }
}

cf_result cf_http_gate_start(cf_http_gate *g)
{
    raise_files(g);
    /* accept_some calls accept until nobody waits. */
    int flags = fcntl(g->listen_fd, F_GETFL);
    CF_REQUIRE(flags >= 0 && fcntl(g->listen_fd, F_SETFL, flags | O_NONBLOCK) == 0, IO);
    g->wake_fd = eventfd(0, EFD_CLOEXEC);
    CF_REQUIRE(g->wake_fd >= 0, IO);
    CF_REQUIRE(pthread_create(&g->thread, NULL, gate_run, g) == 0, IO);
    g->running = true;
    return cf_ok();
}

void cf_http_gate_close(cf_http_gate *g)
{
    if (g->running) {
        uint64_t one = 1;
        while (write(g->wake_fd, &one, sizeof one) < 0 && errno == EINTR) {
        }
        pthread_join(g->thread, NULL);
        g->running = false;
    }
    cf_fd_close(&g->wake_fd);
    cf_fd_close(&g->listen_fd);
}
