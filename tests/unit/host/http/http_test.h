/* SPDX-License-Identifier: Apache-2.0 */
/* A server on a loopback port and raw sockets to talk to it, for the tests of host/http. */
#pragma once
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "host/http/server.h"
#include "sys/linux/clock.h"
#include "tests/support/test.h"

#define WAIT_MS 10000 /* for what should come at once */

/* A layer that changes nothing, so that clients need not know of it: what holds for a plain server holds for one with a layer. */
typedef struct {
    int fd;
    size_t written; /* of the octets that are written now */
} through;

static inline cf_result through_open(const void *config, int fd, void **ret)
{
    (void)config;
    through *t = cf_mem_new(1, sizeof *t);
    assert_non_null(t);
    t->fd = fd;
    *ret = t;
    return cf_ok();
}

static inline void through_free(void **conn)
{
    cf_mem_free(*conn);
    *conn = NULL;
}

static inline cf_http_step through_done(void *conn)
{
    (void)conn;
    return CF_HTTP_STEP_DONE;
}

static inline cf_http_step through_read(void *conn, uint8_t *to, size_t max, size_t *ret_n)
{
    ssize_t n = recv(((through *)conn)->fd, to, max, MSG_DONTWAIT);
    *ret_n = n > 0 ? (size_t)n : 0;
    return n > 0             ? CF_HTTP_STEP_DONE
           : n == 0          ? CF_HTTP_STEP_ENDED
           : errno == EAGAIN ? CF_HTTP_STEP_READ
                             : CF_HTTP_STEP_FAILED;
}

static inline cf_http_step through_write(void *conn, cf_view v)
{
    through *t = conn;
    ssize_t n = send(t->fd, v.data + t->written, v.len - t->written, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) {
        return CF_HTTP_STEP_FAILED;
    }
    t->written += n > 0 ? (size_t)n : 0;
    if (t->written < v.len) {
        return CF_HTTP_STEP_WRITE;
    }
    t->written = 0;
    return CF_HTTP_STEP_DONE;
}

static const cf_http_layer through_layer = {.open = through_open,
                                            .begin = through_done,
                                            .read = through_read,
                                            .write = through_write,
                                            .end = through_done,
                                            .free = through_free};
/* What servers are started with. */
static const cf_http_layer *test_layer __attribute__((unused));

/* Runs the tests plain, and with the layer. */
#define run_both(name, tests)                                                                      \
    (cmocka_run_group_tests_name(name, tests, NULL, NULL) +                                        \
     (test_layer = &through_layer,                                                                 \
      cmocka_run_group_tests_name(name " with a layer", tests, NULL, NULL)))

static inline void nap_ms(unsigned ms)
{
    const struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000L};
    nanosleep(&t, NULL);
}

static inline int listen_tcp(uint16_t *ret_port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&a, len) == 0 && listen(fd, 1024) == 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    *ret_port = ntohs(a.sin_port);
    return fd;
}

static inline int dial_tcp(uint16_t port)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

/* False when the other side has gone. */
static inline bool send_octets(int fd, const void *data, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = send(fd, (const char *)data + done, len - done, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        done += (size_t)n;
    }
    return true;
}

static inline bool send_text(int fd, const char *text)
{
    return send_octets(fd, text, strlen(text));
}

/* Some octets behind what text holds; 0 at the end of the stream or a reset, -1 when nothing came in time. */
static inline ssize_t recv_some(int fd, char *text, size_t cap, size_t *len, int wait_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    assert_true(*len + 1 < cap);
    if (poll(&p, 1, wait_ms) <= 0) {
        return -1;
    }
    ssize_t n = recv(fd, text + *len, cap - 1 - *len, 0);
    if (n > 0) {
        *len += (size_t)n;
        text[*len] = '\0';
    }
    return n < 0 ? 0 : n;
}

typedef struct {
    char text[65536]; /* what was received, this answer first */
    size_t len;       /* octets of text */
    size_t used;      /* octets of this answer */
    unsigned status;  /* 0: the connection ended before an answer */
    const char *body;
    size_t body_len;
} answer;

static inline const char *head_value(const answer *a, const char *name)
{
    static char value[256];
    char want[80];
    snprintf(want, sizeof want, "\r\n%s: ", name);
    const char *at = strcasestr(a->text, want);
    if (at == NULL || a->body == NULL || at >= a->body) {
        return NULL;
    }
    snprintf(value, sizeof value, "%.*s", (int)strcspn(at + strlen(want), "\r"), at + strlen(want));
    return value;
}

/* Reads the next answer; a holds what came behind the one before. no_body: the answer to a HEAD, or 100. */
static inline unsigned recv_answer(int fd, answer *a, bool no_body)
{
    memmove(a->text, a->text + a->used, a->len - a->used);
    a->len -= a->used;
    a->text[a->len] = '\0';
    a->used = a->status = 0;
    a->body = NULL;
    const char *end;
    while ((end = strstr(a->text, "\r\n\r\n")) == NULL) {
        ssize_t n = recv_some(fd, a->text, sizeof a->text, &a->len, WAIT_MS);
        assert_true(n >= 0);
        if (n == 0) {
            return 0;
        }
    }
    a->body = end + 4;
    a->status = (unsigned)strtoul(a->text + strlen("HTTP/1.1 "), NULL, 10);
    const char *told = head_value(a, "Content-Length");
    a->body_len = no_body || told == NULL ? 0 : strtoul(told, NULL, 10);
    a->used = (size_t)(a->body - a->text) + a->body_len;
    while (a->len < a->used) {
        assert_true(recv_some(fd, a->text, sizeof a->text, &a->len, WAIT_MS) > 0);
    }
    return a->status;
}

/* One request on a connection of its own that the server closes. */
static inline unsigned exchange(uint16_t port, const char *request, answer *a)
{
    int fd = dial_tcp(port);
    *a = (answer){0};
    (void)send_text(fd, request);
    unsigned status = recv_answer(fd, a, false);
    close(fd);
    return status;
}

/* True when the server ends the connection within the time; what it still sends is thrown away. */
static inline bool ends_within(int fd, int ms)
{
    char waste[65536];
    uint64_t due = cf_clock_mono_ms() + (uint64_t)ms;
    for (;;) {
        uint64_t now = cf_clock_mono_ms();
        size_t len = 0;
        if (now >= due) {
            return false;
        }
        if (recv_some(fd, waste, sizeof waste, &len, (int)(due - now)) == 0) {
            return true;
        }
    }
}
