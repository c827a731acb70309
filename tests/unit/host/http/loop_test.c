/* SPDX-License-Identifier: Apache-2.0 */
/* Much that happens to the sockets of one thread at once: nothing of it may be forgotten. */
#include <semaphore.h>

#include "tests/unit/host/http/http_test.h"

/* libmicrohttpd takes this many events from the kernel at a time. */
#define EVENTS 128
#define CROWD_MAX (2 * EVENTS + 2)
#define SOON_MS 3000 /* far below every timeout of the server */

static uint16_t port;
static cf_http_server *server;
static sem_t entered, leave;

static void handler(void *ctx, cf_http_call *c)
{
    (void)ctx;
    if (cf_view_eq(cf_http_path(c), CF_LIT("/block"))) {
        /* The server's only thread looks at no socket until the test lets it. */
        sem_post(&entered);
        sem_wait(&leave);
    }
    cf_http_answer(c, 200, NULL, NULL);
}

static int start(void **state)
{
    (void)state;
    const cf_http_limits limits = {.body_bytes_max = 1 << 20,
                                   .connections_max = 1024,
                                   .idle_timeout_s = 60,
                                   .threads = 1,
                                   .layer = test_layer};
    sem_init(&entered, 0, 0);
    sem_init(&leave, 0, 0);
    assert_ok(cf_http_server_start(listen_tcp(&port), &limits, handler, NULL, &server));
    return 0;
}

static int stop(void **state)
{
    (void)state;
    sem_post(&leave);
    cf_http_server_stop(&server);
    sem_destroy(&entered);
    sem_destroy(&leave);
    return 0;
}

/* A connection whose request keeps the server's thread busy until `leave`. */
static int block_server(void)
{
    int fd = dial_tcp(port);
    assert_true(send_text(fd, "GET /block HTTP/1.1\r\nHost: x\r\n\r\n"));
    sem_wait(&entered);
    return fd;
}

/* The next answer on a connection; a holds what came behind the one before. */
static bool next_answered_soon(int fd, answer *a)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return (a->len > a->used || poll(&p, 1, SOON_MS) == 1) && recv_answer(fd, a, false) == 200;
}

static bool answered_soon(int fd)
{
    answer a = {0};
    return next_answered_soon(fd, &a);
}

static const char plain[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

static void dial_crowd(int *fds, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        fds[i] = dial_tcp(port);
        assert_true(send_text(fds[i], plain) && answered_soon(fds[i]));
    }
}

/* Events arrive in every number around that which the library takes at once: all are served, and nobody needs to do anything more
 * for that. */
static void test_requests_at_once(void **state)
{
    (void)state;
    static int fds[CROWD_MAX];
    dial_crowd(fds, CROWD_MAX);
    for (size_t n = EVENTS - 2; n <= CROWD_MAX; n += n == EVENTS + 2 ? EVENTS - 4 : 1) {
        int blocker = block_server();
        for (size_t i = 0; i < n; i++) {
            assert_true(send_text(fds[i], plain));
        }
        sem_post(&leave);
        for (size_t i = 0; i < n; i++) {
            if (!answered_soon(fds[i])) {
                fail_msg("of %zu at once number %zu is not answered", n, i);
            }
        }
        assert_true(answered_soon(blocker));
        close(blocker);
    }
    for (size_t i = 0; i < CROWD_MAX; i++) {
        close(fds[i]);
    }
}

/* A crowd leaves as a newcomer arrives, which is one event more. */
static void test_newcomer_after_crowd(void **state)
{
    (void)state;
    static int fds[CROWD_MAX];
    for (size_t n = EVENTS - 3; n <= EVENTS + 1; n++) {
        dial_crowd(fds, n);
        int blocker = block_server();
        for (size_t i = 0; i < n; i++) {
            close(fds[i]);
        }
        int newcomer = dial_tcp(port);
        assert_true(send_text(newcomer, plain));
        nap_ms(100); /* until it has been accepted */
        sem_post(&leave);
        if (!answered_soon(newcomer)) {
            fail_msg("a newcomer behind %zu that left is not answered", n);
        }
        assert_true(answered_soon(blocker));
        close(blocker);
        close(newcomer);
    }
}

/* Whoever has said all there is to say, and waits for the end, gets it soon; the end of its octets arrives together with the last of
 * them. What it asked for is answered before. */
static void test_last_words(void **state)
{
    (void)state;
    enum { PIECES = 9 };
    static char large[200 * 1024];
    static const struct {
        const char *text;
        size_t large;
        unsigned answers;
    } rows[] = {
        {"", 0, 0},
        {"GET / HT", 0, 0},
        {"GET / HTTP/1.1\r\nHost:", 0, 0},
        {plain, 0, 1},
        {"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", 0, 2},
        {"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /", 0, 1},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 204801\r\n\r\n", sizeof large, 0},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 204800\r\n\r\n", sizeof large, 1},
        {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n32000\r\n", sizeof large,
         0},
    };
    _Static_assert(sizeof rows / sizeof rows[0] == PIECES, "a connection for each");
    int fds[PIECES];
    for (size_t i = 0; i < PIECES; i++) {
        fds[i] = dial_tcp(port);
    }
    int blocker = block_server();
    for (size_t i = 0; i < PIECES; i++) {
        assert_true(send_text(fds[i], rows[i].text) && send_octets(fds[i], large, rows[i].large));
        shutdown(fds[i], SHUT_WR);
    }
    sem_post(&leave);
    for (size_t i = 0; i < PIECES; i++) {
        answer a = {0};
        for (unsigned k = 0; k < rows[i].answers; k++) {
            assert_true(next_answered_soon(fds[i], &a));
        }
        if (a.len > a.used || !ends_within(fds[i], SOON_MS)) {
            fail_msg("row %zu does not end", i);
        }
        close(fds[i]);
    }
    assert_true(answered_soon(blocker));
    close(blocker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_requests_at_once, start, stop),
        cmocka_unit_test_setup_teardown(test_newcomer_after_crowd, start, stop),
        cmocka_unit_test_setup_teardown(test_last_words, start, stop),
    };
    return run_both("host/http/loop", tests);
}
