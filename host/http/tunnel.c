/* SPDX-License-Identifier: Apache-2.0 */
/* MHD reads and writes sockets and nothing else. So it gets one end of a pair, and this carries octets between the other end and the
 * layer, in MHD's own thread: no other is woken for a request. Of either direction only what the next socket did not take is kept,
 * and no more is read until it is gone. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/http/server_priv.h"
#include "sys/linux/net.h"

#define TUNNEL_EVENTS 64
#define TUNNEL_SCRATCH_BYTES 16384 /* a record of TLS */
#define TUNNEL_DROPS 16            /* of that size, of what a client sent in vain */

typedef struct {
    cf_http_tunnel *tunnel;
    int fd;
    uint32_t
        events; /* that epoll waits for; 0: it does not know the socket, which could otherwise tell its end again and again */
} end;

typedef enum { TUNNEL_BEGINS, TUNNEL_OPEN, TUNNEL_ENDS, TUNNEL_DEAD } tunnel_state;

struct cf_http_tunnel {
    cf_http_tunnel *prev, *next;
    cf_http_loop *loop;
    cf_http_link *link;
    bool owns_link; /* else MHD has it */
    void *conn;     /* of the layer */
    end socket, pair;
    tunnel_state state;
    bool deaf; /* nothing more is read from the client */
    bool
        reads_by_writing; /* the layer has to send something before it can go on reading, or beginning */
    cf_buf in, out;       /* taken from one side and not yet by the other */
    size_t in_done;       /* octets of in that were taken */
};

/* ---- birth and death ---- */

static const cf_http_layer *layer_of(const cf_http_tunnel *t)
{
    return t->loop->gate->layer;
}

/* False when the kernel has no room: then the tunnel cannot go on. */
static bool watch(end *e, uint32_t events)
{
    if (e->fd < 0 || events == e->events) {
        return true;
    }
    struct epoll_event event = {.events = events, .data.ptr = e};
    int what = events == 0 ? EPOLL_CTL_DEL : e->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    e->events = events;
    return epoll_ctl(e->tunnel->loop->tunnels.epoll_fd, what, e->fd, &event) == 0;
}

/* Octets that were never read would make the kernel reset the connection, and the client lose what it was told last. */
static void drop_unread(cf_http_tunnel *t)
{
    for (int i = 0; i < TUNNEL_DROPS; i++) {
        if (recv(t->socket.fd, t->loop->tunnels.scratch, TUNNEL_SCRATCH_BYTES, MSG_DONTWAIT) <= 0) {
            return;
        }
    }
}

/* Closes everything but MHD's end, which sees that it is alone. The memory goes later: events may still point at it. */
static void kill_tunnel(cf_http_tunnel *t)
{
    cf_http_tunnels *all = &t->loop->tunnels;
    if (t->state == TUNNEL_DEAD) {
        return;
    }
    t->state = TUNNEL_DEAD;
    layer_of(t)->free(&t->conn);
    if (t->owns_link) {
        cf_http_link_free(t->loop->gate, &t->link);
    } else {
        t->link->tunnel = NULL;
    }
    drop_unread(t);
    cf_fd_close(&t->socket.fd);
    cf_fd_close(&t->pair.fd);
    cf_buf_free(&t->in);
    cf_buf_free(&t->out);
    if (t->prev != NULL) {
        t->prev->next = t->next;
    } else {
        all->live = t->next;
    }
    if (t->next != NULL) {
        t->next->prev = t->prev;
    }
    t->next = all->dead;
    all->dead = t;
}

static void bury(cf_http_tunnels *all)
{
    while (all->dead != NULL) {
        cf_http_tunnel *t = all->dead;
        all->dead = t->next;
        cf_mem_free(t);
    }
}

void cf_http_tunnel_left(cf_http_link *link)
{
    cf_http_tunnel *t = link->tunnel;
    cf_http_link_hide(t->loop->gate, link, t->socket.fd);
    cf_http_link_busy(t->loop->gate, link);
    t->owns_link = true;
}

/* ---- octets ---- */

/* How many MHD's side takes. Once it has gone they are lost, which is learnt by reading. */
static size_t send_some(cf_http_tunnel *t, cf_view v)
{
    ssize_t n;
    do {
        n = send(t->pair.fd, v.data, v.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && errno != EAGAIN) {
        t->deaf = true;
        return v.len;
    }
    return n > 0 ? (size_t)n : 0;
}

static void give(cf_http_tunnel *t, cf_view v)
{
    size_t done = send_some(t, v);
    if (done < v.len && !cf_is_ok(cf_buf_set(&t->in, cf_view_sub(v, done, v.len - done)))) {
        kill_tunnel(t);
    }
}

static void give_kept(cf_http_tunnel *t)
{
    t->in_done +=
        send_some(t, cf_view_sub(cf_buf_view(&t->in), t->in_done, t->in.len - t->in_done));
    if (t->in_done == t->in.len) {
        t->in_done = 0;
        cf_buf_free(&t->in);
    }
}

/* From the client to MHD: ends by itself, as the pair holds only so much. A client that does not take what it is sent is not read. */
static void carry_in(cf_http_tunnel *t)
{
    uint8_t *scratch = t->loop->tunnels.scratch;
    while (t->state == TUNNEL_OPEN && !t->deaf && t->in.len == 0 && t->out.len == 0) {
        size_t n = 0;
        cf_http_step step = layer_of(t)->read(t->conn, scratch, TUNNEL_SCRATCH_BYTES, &n);
        t->reads_by_writing = step == CF_HTTP_STEP_WRITE;
        if (step == CF_HTTP_STEP_READ || step == CF_HTTP_STEP_WRITE) {
            return;
        }
        if (step == CF_HTTP_STEP_DONE) {
            give(t, cf_view_make(scratch, n));
            cf_wipe(scratch, n);
        } else if (step == CF_HTTP_STEP_ENDED) {
            t->deaf = true;
            (void)shutdown(t->pair.fd, SHUT_WR);
        } else {
            kill_tunnel(t);
        }
    }
}

static void go_to_end(cf_http_tunnel *t)
{
    t->state = TUNNEL_ENDS;
    if (layer_of(t)->end(t->conn) != CF_HTTP_STEP_WRITE) {
        kill_tunnel(t);
    }
}

/* False when the layer has to be asked again. */
static bool put(cf_http_tunnel *t, cf_view v)
{
    cf_http_step step = layer_of(t)->write(t->conn, v);
    if (step == CF_HTTP_STEP_DONE) {
        return true;
    }
    bool kept = step == CF_HTTP_STEP_WRITE && (t->out.len > 0 || cf_is_ok(cf_buf_set(&t->out, v)));
    if (!kept) {
        kill_tunnel(t);
    }
    return false;
}

/* From MHD to the client: ends by itself, as nobody writes to the other end meanwhile. */
static void carry_out(cf_http_tunnel *t)
{
    uint8_t *scratch = t->loop->tunnels.scratch;
    ssize_t n = TUNNEL_SCRATCH_BYTES;
    if (t->out.len > 0) {
        if (!put(t, cf_buf_view(&t->out))) {
            return;
        }
        cf_buf_free(&t->out);
    }
    while (t->state == TUNNEL_OPEN && t->out.len == 0 && n == TUNNEL_SCRATCH_BYTES) {
        do {
            n = recv(t->pair.fd, scratch, TUNNEL_SCRATCH_BYTES, MSG_DONTWAIT);
        } while (n < 0 && errno == EINTR);
        if (n > 0) {
            (void)put(t, cf_view_make(scratch, (size_t)n));
            cf_wipe(scratch, (size_t)n);
        } else if (n == 0 || errno != EAGAIN) {
            go_to_end(t);
        }
    }
}

/* The layer has begun: MHD gets its end of a pair. */
static void enter(cf_http_tunnel *t)
{
    const int one = 1;
    int pair[2];
    /* A client that waits for its last octets to be acknowledged before it sends more would wait for long: it has no answer yet. */
    (void)setsockopt(t->socket.fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) {
        kill_tunnel(t);
        return;
    }
    t->state = TUNNEL_OPEN;
    t->pair.fd = pair[0];
    cf_http_link_hide(t->loop->gate, t->link, pair[1]);
    t->owns_link = !cf_http_loop_enter(t->loop, t->link);
    if (t->owns_link) {
        kill_tunnel(t);
    }
}

static void begin(cf_http_tunnel *t)
{
    cf_http_step step = layer_of(t)->begin(t->conn);
    t->reads_by_writing = step == CF_HTTP_STEP_WRITE;
    if (step == CF_HTTP_STEP_DONE) {
        enter(t);
        carry_in(t);
    } else if (step != CF_HTTP_STEP_READ && step != CF_HTTP_STEP_WRITE) {
        kill_tunnel(t);
    }
}

/* ---- events ---- */

static void arm(cf_http_tunnel *t)
{
    uint32_t socket = 0, pair = 0;
    if (t->state == TUNNEL_BEGINS) {
        socket = t->reads_by_writing ? EPOLLOUT : EPOLLIN;
    } else if (t->state == TUNNEL_ENDS || t->out.len > 0) {
        socket = EPOLLOUT;
    } else if (!t->deaf && t->in.len == 0) {
        socket = t->reads_by_writing ? EPOLLOUT : EPOLLIN;
    }
    if (t->state == TUNNEL_OPEN) {
        pair = (t->out.len == 0 ? (uint32_t)EPOLLIN : 0) | (t->in.len > 0 ? (uint32_t)EPOLLOUT : 0);
    }
    if (t->state != TUNNEL_DEAD && !(watch(&t->socket, socket) && watch(&t->pair, pair))) {
        kill_tunnel(t);
    }
}

static void on_socket(cf_http_tunnel *t, uint32_t events)
{
    /* Both ways are shut: the connection was reset, or cut by the gate. */
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
        kill_tunnel(t);
    } else if (t->state == TUNNEL_BEGINS) {
        begin(t);
    } else if (t->state == TUNNEL_ENDS) {
        go_to_end(t);
    } else {
        if (t->out.len > 0) {
            carry_out(t);
        }
        carry_in(t);
    }
}

static void on_pair(cf_http_tunnel *t, uint32_t events)
{
    if (t->in.len > 0 && (events & (EPOLLOUT | EPOLLHUP)) != 0) {
        give_kept(t);
    }
    if (t->state == TUNNEL_OPEN && t->out.len == 0) {
        carry_out(t);
    }
}

void cf_http_tunnels_run(cf_http_loop *l)
{
    struct epoll_event events[TUNNEL_EVENTS];
    int n = epoll_wait(l->tunnels.epoll_fd, events, TUNNEL_EVENTS, 0);
    for (int i = 0; i < n; i++) {
        end *e = events[i].data.ptr;
        cf_http_tunnel *t = e->tunnel;
        if (t->state == TUNNEL_DEAD) {
            continue;
        }
        if (e == &t->socket) {
            on_socket(t, events[i].events);
        } else {
            on_pair(t, events[i].events);
        }
        arm(t);
    }
    bury(&l->tunnels);
}

void cf_http_tunnel_open(cf_http_loop *l, cf_http_link *link)
{
    const int one = 1;
    void *conn = NULL;
    cf_http_tunnel *t = cf_mem_new(1, sizeof *t);
    /* The last piece of an answer does not wait until the one before is acknowledged. */
    (void)setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (t == NULL || !cf_is_ok(l->gate->layer->open(l->gate->layer->config, link->fd, &conn))) {
        int fd = link->fd;
        cf_mem_free(t);
        cf_http_link_free(l->gate, &link);
        cf_fd_close(&fd);
        return;
    }
    *t = (cf_http_tunnel){.next = l->tunnels.live,
                          .loop = l,
                          .link = link,
                          .owns_link = true,
                          .conn = conn,
                          .socket = {t, link->fd, 0},
                          .pair = {t, -1, 0}};
    if (t->next != NULL) {
        t->next->prev = t;
    }
    l->tunnels.live = t;
    link->tunnel = t;
    cf_http_link_busy(l->gate, link);
    begin(t);
    arm(t);
    bury(&l->tunnels);
}

cf_result cf_http_tunnels_init(cf_http_loop *l)
{
    if (l->gate->layer == NULL) {
        return cf_ok();
    }
    l->tunnels.scratch = cf_mem_new(TUNNEL_SCRATCH_BYTES, 1);
    CF_REQUIRE(l->tunnels.scratch != NULL, NO_MEMORY);
    l->tunnels.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    CF_REQUIRE(l->tunnels.epoll_fd >= 0, IO);
    return cf_ok();
}

void cf_http_tunnels_free(cf_http_loop *l)
{
    cf_http_tunnels *all = &l->tunnels;
    while (all->live != NULL) {
        cf_http_tunnel *t = all->live;
        if (t->state == TUNNEL_OPEN) {
            carry_out(t);
        }
        if (t->state == TUNNEL_OPEN && t->out.len == 0) {
            go_to_end(t);
        }
        kill_tunnel(t);
    }
    bury(all);
    cf_mem_free(all->scratch);
    all->scratch = NULL;
    cf_fd_close(&all->epoll_fd);
}
