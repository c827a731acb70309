/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/bench.h"

enum { ANSWER_ROOM = 65536, EVENTS = 64 };

typedef struct {
    int fd;
    char in[ANSWER_ROOM];
    size_t got;
    double began_us; /* 0: idle */
} conn;

struct load {
    int epoll;
    unsigned n;
    conn conns[LOAD_CONNECTIONS_MAX];
    size_t next; /* request to send */
    unsigned busy;
};

static void need(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
        exit(1);
    }
}

static int dial(unsigned port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    need(fd >= 0, "socket");
    need(connect(fd, (struct sockaddr *)&to, sizeof to) == 0, "connect");
    need(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0, "TCP_NODELAY");
    return fd;
}

load *load_new(unsigned port, unsigned connections)
{
    load *l = cf_mem_new(1, sizeof *l);
    need(l != NULL && connections <= LOAD_CONNECTIONS_MAX, "memory");
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    need(l->epoll >= 0, "epoll");
    for (l->n = 0; l->n < connections; l->n++) {
        l->conns[l->n].fd = dial(port);
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = &l->conns[l->n]};
        need(epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->conns[l->n].fd, &e) == 0, "epoll");
    }
    return l;
}

void load_free(load *l)
{
    for (unsigned i = 0; i < l->n; i++) {
        (void)close(l->conns[i].fd);
    }
    (void)close(l->epoll);
    cf_mem_free(l);
}

void load_times_free(load_times *t)
{
    free(t->ms);
    *t = (load_times){NULL, 0, 0, 0, 0, 0};
}

double load_quantile(load_times *t, double q)
{
    need(t->n > 0, "no request was answered");
    qsort(t->ms, t->n, sizeof t->ms[0], bench_compare);
    size_t at = (size_t)(q * (double)t->n);
    return t->ms[at < t->n ? at : t->n - 1];
}

static void note(load_times *t, double ms)
{
    if (t->n == t->cap) {
        t->cap = t->cap == 0 ? 65536 : 2 * t->cap;
        t->ms = realloc(t->ms, t->cap * sizeof t->ms[0]);
        need(t->ms != NULL, "memory");
    }
    t->ms[t->n++] = ms;
    t->last_n++;
}

static void send_next(load *l, conn *c, const load_plan *plan)
{
    const cf_buf *r = &plan->requests[l->next++ % plan->requests_n];
    c->got = 0;
    c->began_us = bench_now_us();
    l->busy++;
    /* A request is far smaller than a socket's buffer. */
    need(send(c->fd, r->data, r->len, MSG_NOSIGNAL) == (ssize_t)r->len, "send");
}

/* True once the answer in the buffer is whole; a wrong one ends the program. */
static bool whole(const conn *c, const load_plan *plan)
{
    const char *end = memmem(c->in, c->got, "\r\n\r\n", 4);
    if (end == NULL) {
        return false;
    }
    size_t head = (size_t)(end - c->in) + 4;
    const char *length = memmem(c->in, head, "Content-Length: ", 16);
    need(length != NULL, "an answer without Content-Length");
    size_t body = 0;
    for (length += 16; *length >= '0' && *length <= '9'; length++) {
        body = body * 10 + (size_t)(*length - '0');
    }
    if (c->got < head + body) {
        return false;
    }
    bool ok = memcmp(c->in, "HTTP/1.1 200", 12) == 0 && c->got == head + body &&
              memmem(c->in + head, body, plan->expect, strlen(plan->expect)) != NULL;
    if (!ok) {
        fprintf(stderr, "bench: wrong answer: %.12s, %zu octets\n", c->in, body);
        exit(1);
    }
    return true;
}

static void on_readable(load *l, conn *c, const load_plan *plan, load_times *times, double until_us)
{
    ssize_t n = recv(c->fd, c->in + c->got, sizeof c->in - c->got, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    need(n > 0, "the service closed a connection");
    c->got += (size_t)n;
    if (!whole(c, plan)) {
        return;
    }
    double now = bench_now_us();
    note(times, (now - c->began_us) / 1000);
    c->began_us = 0;
    l->busy--;
    if (now < until_us) {
        send_next(l, c, plan);
    }
}

void load_body(const load *l, const char *key, char *ret, size_t room)
{
    const conn *c = &l->conns[0];
    const char *at = memmem(c->in, c->got, key, strlen(key));
    need(at != NULL, "a member of an answer");
    at += strlen(key);
    const char *end = memchr(at, '"', c->got - (size_t)(at - c->in));
    need(end != NULL && (size_t)(end - at) < room, "a member of an answer");
    cf_copy(ret, at, (size_t)(end - at));
    ret[end - at] = '\0';
}

void load_run(load *l, const load_plan *plan, load_times *times)
{
    struct epoll_event events[EVENTS];
    times->last_n = 0;
    times->began_us = bench_now_us();
    double until = times->began_us + plan->seconds * 1e6;
    for (unsigned i = 0; i < l->n; i++) {
        send_next(l, &l->conns[i], plan);
    }
    while (l->busy > 0) {
        int n = epoll_wait(l->epoll, events, EVENTS, 15000);
        need(n > 0 || (n < 0 && errno == EINTR), "no answer in 15 s");
        for (int i = 0; i < n; i++) {
            on_readable(l, events[i].data.ptr, plan, times, until);
        }
    }
    times->ended_us = bench_now_us();
}
