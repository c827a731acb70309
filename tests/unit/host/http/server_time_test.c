/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that are slow, idle, many or gone, answers that come later, and the end of the server. */
#include <sys/resource.h>

#include "tests/unit/host/http/http_test.h"

#define HELD_MAX 64
#define BODY_MAX (1 << 20)
#define BIG_BYTES ((size_t)8 << 20)

static uint16_t port;
static cf_http_server *server;

/* Deferred calls, by the number in their query. */
static pthread_mutex_t held_lock = PTHREAD_MUTEX_INITIALIZER;
static cf_http_call *held[HELD_MAX];

static void answer_text(cf_http_call *c, unsigned status, cf_view text)
{
    CF_BUF(body);
    cf_ignore(cf_buf_append(&body, text));
    cf_http_answer(c, status, "text/plain", &body);
}

static void hold(cf_http_call *c)
{
    cf_view n = cf_http_query(c, "n");
    size_t at = 0;
    for (size_t i = 0; i < n.len; i++) {
        at = at * 10 + (size_t)(n.data[i] - '0');
    }
    cf_http_defer(c);
    pthread_mutex_lock(&held_lock);
    held[at % HELD_MAX] = c;
    pthread_mutex_unlock(&held_lock);
}

/* Takes the call once it has arrived. */
static cf_http_call *take_held(size_t at)
{
    cf_http_call *c = NULL;
    for (int i = 0; i < WAIT_MS && c == NULL; i++) {
        pthread_mutex_lock(&held_lock);
        c = held[at];
        held[at] = NULL;
        pthread_mutex_unlock(&held_lock);
        if (c == NULL) {
            nap_ms(1);
        }
    }
    assert_non_null(c);
    return c;
}

static void *answer_at_once(void *ctx)
{
    answer_text(ctx, 200, CF_LIT("other thread"));
    return NULL;
}

static void handler(void *ctx, cf_http_call *c)
{
    (void)ctx;
    cf_view path = cf_http_path(c);
    if (cf_view_eq(path, CF_LIT("/hold"))) {
        hold(c);
    } else if (cf_view_eq(path, CF_LIT("/race"))) {
        /* Answered by another thread, it may be before this one returns. */
        pthread_t t;
        cf_http_defer(c);
        if (pthread_create(&t, NULL, answer_at_once, c) == 0) {
            pthread_detach(t);
        }
    } else if (cf_view_eq(path, CF_LIT("/big"))) {
        CF_BUF(body);
        cf_ignore(cf_buf_reserve(&body, BIG_BYTES));
        body.len = BIG_BYTES;
        memset(body.data, 'x', body.len);
        cf_http_answer(c, 200, "text/plain", &body);
    } else {
        answer_text(c, 200, cf_http_body(c));
    }
}

static void start_with(unsigned connections, unsigned idle_s, unsigned receive_s, unsigned threads)
{
    const cf_http_limits limits = {.body_bytes_max = BODY_MAX,
                                   .connections_max = connections,
                                   .idle_timeout_s = idle_s,
                                   .receive_timeout_s = receive_s,
                                   .threads = threads,
                                   .layer = test_layer};
    assert_ok(cf_http_server_start(listen_tcp(&port), &limits, handler, NULL, &server));
}

static void assert_serves(void)
{
    answer a;
    assert_int_equal(
        exchange(port, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok", &a), 200);
    assert_int_equal(a.body_len, 2);
}

/* Sends one octet each 50 ms; true when the server ended the connection between min_ms and max_ms. */
static bool drip(const char *begin, char octet, unsigned min_ms, unsigned max_ms)
{
    int fd = dial_tcp(port);
    uint64_t from = cf_clock_mono_ms(), now = from;
    (void)send_text(fd, begin);
    bool ended = false;
    while (!ended && now - from < max_ms) {
        ended = !send_octets(fd, &octet, 1) || ends_within(fd, 50);
        now = cf_clock_mono_ms();
    }
    close(fd);
    if (!ended || now - from < min_ms) {
        print_error("%s: %s after %u ms\n", begin, ended ? "ended" : "lives",
                    (unsigned)(now - from));
    }
    return ended && now - from >= min_ms;
}

static void test_slow_senders(void **state)
{
    (void)state;
    start_with(64, 2, 1, 1);
    /* Each octet is in time; the request as a whole is not. */
    assert_true(drip("GET / HTTP/1.1\r\nHost: x\r\nX-A: ", 'a', 900, 2000));
    assert_true(drip("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n", 'a', 900, 2000));
    assert_true(drip("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n", 'a',
                     900, 2000));
    /* Before its first line is whole a request counts as idle. */
    assert_true(drip("GET /", 'a', 1900, 3000));
    assert_true(drip("", '\n', 0, 3000)); /* newer libraries bear only so many empty lines */
    /* Nothing at all. */
    int fd = dial_tcp(port);
    assert_false(ends_within(fd, 1500));
    assert_true(ends_within(fd, 1500));
    close(fd);
    assert_serves();
    cf_http_server_stop(&server);
}

static void test_kept_connections_idle_out(void **state)
{
    (void)state;
    answer a = {0};
    start_with(64, 1, 5, 1);
    int fd = dial_tcp(port);
    for (int i = 0; i < 3; i++) {
        nap_ms(600);
        assert_true(send_text(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
        assert_int_equal(recv_answer(fd, &a, false), 200);
    }
    assert_true(ends_within(fd, 2000));
    close(fd);
    cf_http_server_stop(&server);
}

/* All octets until the end of the stream, after slow_ms in which it took one at a time only. */
static size_t read_big(unsigned slow_ms)
{
    static char waste[1 << 16];
    int fd = dial_tcp(port), small = 1 << 16;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    assert_true(send_text(fd, "GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    size_t got = 0;
    for (uint64_t due = cf_clock_mono_ms() + slow_ms; cf_clock_mono_ms() < due; nap_ms(20)) {
        got += recv(fd, waste, 1, 0) == 1;
    }
    ssize_t n;
    while ((n = recv(fd, waste, sizeof waste, 0)) > 0) {
        got += (size_t)n;
    }
    close(fd);
    return got;
}

/* Who takes the answer so slowly that it would last for ever loses what the system has not yet taken; in time it gets it all. */
static void test_slow_reader(void **state)
{
    (void)state;
    start_with(64, 1, 1, 1);
    /* The system itself holds some 4 MiB for it. */
    assert_true(read_big(2000) < BIG_BYTES);
    assert_true(read_big(400) > BIG_BYTES);
    assert_in_range(read_big(0), BIG_BYTES + 1, BIG_BYTES + 512);
    cf_http_server_stop(&server);
}

static void test_idle_connections(void **state)
{
    (void)state;
    enum { IDLE = 1000 };
    static int fds[IDLE];
    struct rlimit lim;
    start_with(4096, 60, 0, 1);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &lim), 0);
    if (lim.rlim_cur < 2 * IDLE + 100) {
        print_message("skipped: this user may open %llu files only\n",
                      (unsigned long long)lim.rlim_cur);
        skip();
    }
    for (int i = 0; i < IDLE; i++) {
        fds[i] = dial_tcp(port);
        /* A third says nothing, a third is in a head, a third in a body. */
        if (i % 3 > 0) {
            assert_true(send_text(
                fds[i], i % 3 == 1 ? "GET / HTTP/1.1\r\nX-A: b"
                                   : "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nb"));
        }
    }
    uint64_t from = cf_clock_mono_ms();
    for (int i = 0; i < 200; i++) {
        assert_serves();
    }
    assert_true(cf_clock_mono_ms() - from < 2000);
    for (int i = 0; i < IDLE; i++) {
        close(fds[i]);
    }
    assert_serves();
    cf_http_server_stop(&server);
}

/* Tells whether a connection is still there, by a request on it. */
static bool alive(int fd)
{
    answer a = {0};
    return send_text(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n") && recv_answer(fd, &a, false) == 200;
}

static void test_connection_limit(void **state)
{
    (void)state;
    enum { LIMIT = 8 };
    int fds[LIMIT + 1];
    start_with(LIMIT, 60, 0, 1);
    for (int i = 0; i < LIMIT - 1; i++) {
        fds[i] = dial_tcp(port);
        assert_true(alive(fds[i]));
        nap_ms(2);
    }
    fds[LIMIT - 1] = dial_tcp(port); /* the limit itself */
    assert_true(alive(fds[LIMIT - 1]));
    assert_false(ends_within(fds[0], 100));
    fds[LIMIT] = dial_tcp(port); /* one more costs the one that idled longest */
    assert_true(alive(fds[LIMIT]));
    assert_true(ends_within(fds[0], WAIT_MS));
    for (int i = 1; i <= LIMIT; i++) {
        assert_true(alive(fds[i]));
    }
    /* All at work: now the new one goes. */
    for (int i = 1; i <= LIMIT; i++) {
        char request[80];
        snprintf(request, sizeof request, "GET /hold?n=%d HTTP/1.1\r\nHost: x\r\n\r\n", i);
        assert_true(send_text(fds[i], request));
    }
    cf_http_call *calls[LIMIT + 1];
    for (size_t i = 1; i <= LIMIT; i++) {
        calls[i] = take_held(i);
    }
    int extra = dial_tcp(port);
    assert_true(ends_within(extra, WAIT_MS));
    close(extra);
    for (size_t i = 1; i <= LIMIT; i++) {
        answer a = {0};
        answer_text(calls[i], 200, CF_LIT("done"));
        assert_int_equal(recv_answer(fds[i], &a, false), 200);
    }
    for (int i = 0; i <= LIMIT; i++) {
        close(fds[i]);
    }
    assert_serves();
    cf_http_server_stop(&server);
}

/* Half a head or body on each connection keeps nobody out: the one that is longest at it goes. */
static void test_connection_limit_receiving(void **state)
{
    (void)state;
    enum { LIMIT = 8 };
    static const char *const halves[] = {
        "GET / HTTP/1.1\r\nHost: x\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nb"};
    int fds[LIMIT + 1];
    start_with(LIMIT, 60, 60, 1);
    /* The oldest of all is in the handler, which owes it an answer. */
    fds[0] = dial_tcp(port);
    assert_true(send_text(fds[0], "GET /hold?n=5 HTTP/1.1\r\nHost: x\r\n\r\n"));
    cf_http_call *c = take_held(5);
    for (int i = 1; i < LIMIT; i++) {
        fds[i] = dial_tcp(port);
        assert_true(send_text(fds[i], halves[i % 2]));
        nap_ms(10);
    }
    assert_false(ends_within(fds[1], 100));
    fds[LIMIT] = dial_tcp(port);
    assert_true(alive(fds[LIMIT]));
    assert_true(ends_within(fds[1], WAIT_MS));
    /* Now one idles, soon after its answer: it goes, though it is the newest. */
    nap_ms(100);
    int newer = dial_tcp(port);
    assert_true(alive(newer));
    assert_true(ends_within(fds[LIMIT], WAIT_MS));
    close(newer);
    for (int i = 2; i < LIMIT; i++) {
        assert_false(ends_within(fds[i], 10));
    }
    answer a = {0};
    answer_text(c, 200, CF_LIT("done"));
    assert_int_equal(recv_answer(fds[0], &a, false), 200);
    for (int i = 0; i <= LIMIT; i++) {
        close(fds[i]);
    }
    assert_serves();
    cf_http_server_stop(&server);
}

static unsigned post_octets(size_t len, answer *a)
{
    char request[256];
    snprintf(request, sizeof request,
             "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%0*d", len, (int)len, 0);
    return exchange(port, request, a);
}

/* Bodies that are never whole, of anyone, take so much memory and no more. */
static void test_bodies_limit(void **state)
{
    (void)state;
    enum { N = CF_HTTP_BODIES_BYTES_MAX / BODY_MAX };
    static char body[BODY_MAX - 1];
    int fds[N];
    answer a;
    start_with(4 * N, 60, 0, 2);
    for (int i = 0; i < N; i++) {
        fds[i] = dial_tcp(port);
        assert_true(send_text(fds[i], i % 2 == 0 ? "POST / HTTP/1.1\r\nHost: x\r\n"
                                                   "Content-Length: 1048576\r\n\r\n"
                                                 : "POST / HTTP/1.1\r\nHost: x\r\n"
                                                   "Transfer-Encoding: chunked\r\n\r\n100000\r\n"));
        assert_true(send_octets(fds[i], body, sizeof body));
    }
    /* Each of them lacks one octet, so there is room for N. Once they have arrived: */
    uint64_t due = cf_clock_mono_ms() + WAIT_MS;
    while (post_octets(N + 1, &a) == 200 && cf_clock_mono_ms() < due) {
        nap_ms(5);
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(post_octets(N - 1, &a), 200);
        assert_int_equal(post_octets(N, &a), 200);
        assert_int_equal(post_octets(N + 1, &a), 503);
        assert_string_equal(a.body, "{\"code\":503,\"error\":\"busy\"}");
    }
    assert_int_equal(exchange(port, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", &a), 200);
    /* One that is gone, and one that is whole and answered, give back what they had. */
    close(fds[0]);
    assert_true(send_text(fds[1], "b\r\n0\r\n\r\n"));
    char octet;
    assert_int_equal(recv(fds[1], &octet, 1, 0), 1);
    while (post_octets(N + 1, &a) != 200 && cf_clock_mono_ms() < due) {
        nap_ms(5);
    }
    assert_int_equal(post_octets(N + 1, &a), 200);
    for (int i = 1; i < N; i++) {
        close(fds[i]);
    }
    cf_http_server_stop(&server);
}

static void test_deferred(void **state)
{
    (void)state;
    enum { N = 40 };
    for (unsigned threads = 1; threads <= 3; threads += 2) {
        int fds[N];
        start_with(64, 1, 1, threads);
        for (int i = 0; i < N; i++) {
            char request[128];
            fds[i] = dial_tcp(port);
            /* The second request waits behind the first. */
            snprintf(request, sizeof request,
                     "GET /hold?n=%d HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
                     i);
            assert_true(send_text(fds[i], request));
        }
        /* Longer than any timeout of the server: while the handler has a call its time is the handler's. */
        nap_ms(threads == 1 ? 1600 : 0);
        for (int i = N - 1; i >= 0; i--) {
            answer a = {0};
            char text[16];
            snprintf(text, sizeof text, "number %d", i);
            answer_text(take_held((size_t)i), 202, cf_view_str(text));
            assert_int_equal(recv_answer(fds[i], &a, false), 202);
            assert_view(cf_view_make(a.body, a.body_len), cf_view_str(text));
            assert_int_equal(recv_answer(fds[i], &a, false), 200);
            close(fds[i]);
        }
        for (int i = 0; i < 300; i++) {
            answer a;
            assert_int_equal(exchange(port, "GET /race HTTP/1.1\r\nHost: x\r\n\r\n", &a), 200);
            assert_memory_equal(a.body, "other thread", 12);
        }
        cf_http_server_stop(&server);
    }
}

static void test_half_closed_and_gone(void **state)
{
    (void)state;
    answer a = {0};
    start_with(64, 5, 0, 1);
    /* It said all it has to say, and waits. */
    int fd = dial_tcp(port);
    assert_true(send_text(fd, "GET /hold?n=1 HTTP/1.1\r\nHost: x\r\n\r\n"));
    shutdown(fd, SHUT_WR);
    cf_http_call *c = take_held(1);
    nap_ms(20);
    answer_text(c, 200, CF_LIT("still there"));
    assert_int_equal(recv_answer(fd, &a, false), 200);
    assert_memory_equal(a.body, "still there", 11);
    assert_true(ends_within(fd, WAIT_MS));
    close(fd);
    /* It is gone when its answer comes. */
    for (int how = 0; how < 2; how++) {
        fd = dial_tcp(port);
        assert_true(send_text(fd, "GET /hold?n=2 HTTP/1.1\r\nHost: x\r\n\r\n"));
        c = take_held(2);
        const struct linger reset = {.l_onoff = how, .l_linger = 0};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(fd);
        nap_ms(20);
        answer_text(c, 200, CF_LIT("for nobody"));
    }
    assert_serves();
    cf_http_server_stop(&server);
}

typedef struct {
    int fd;
    bool sent;
} sender;

static void *send_run(void *ctx)
{
    static const char body[BODY_MAX];
    sender *s = ctx;
    s->sent =
        send_text(s->fd, "POST /race HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\n") &&
        send_octets(s->fd, body, sizeof body);
    return NULL;
}

/* Far more than the system holds comes behind a request that has no answer yet: it waits where it is, and nothing of it is lost. */
static void test_sends_ahead(void **state)
{
    (void)state;
    pthread_t thread;
    answer a = {0};
    start_with(64, 60, 0, 1);
    sender s = {.fd = dial_tcp(port)};
    assert_true(send_text(s.fd, "GET /hold?n=4 HTTP/1.1\r\nHost: x\r\n\r\n"));
    cf_http_call *c = take_held(4);
    assert_int_equal(pthread_create(&thread, NULL, send_run, &s), 0);
    nap_ms(200);
    assert_serves();
    answer_text(c, 200, CF_LIT("first"));
    assert_int_equal(recv_answer(s.fd, &a, false), 200);
    assert_view(cf_view_make(a.body, a.body_len), CF_LIT("first"));
    assert_int_equal(recv_answer(s.fd, &a, false), 200);
    assert_view(cf_view_make(a.body, a.body_len), CF_LIT("other thread"));
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(s.sent);
    close(s.fd);
    cf_http_server_stop(&server);
}

static void *stop_run(void *ctx)
{
    (void)ctx;
    cf_http_server_stop(&server);
    return NULL;
}

static void test_stop(void **state)
{
    (void)state;
    pthread_t stopper;
    answer a = {0}, b = {0};
    start_with(64, 60, 0, 2);
    int called = dial_tcp(port), idle = dial_tcp(port), kept = dial_tcp(port);
    assert_true(send_text(called, "GET /hold?n=3 HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_true(alive(kept));
    cf_http_call *c = take_held(3);
    assert_int_equal(pthread_create(&stopper, NULL, stop_run, NULL), 0);
    nap_ms(100);
    /* The deferred call keeps the server; a new request is refused and a new connection not taken. */
    assert_true(send_text(kept, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_int_equal(recv_answer(kept, &b, false), 503);
    assert_string_equal(b.body, "{\"code\":503,\"error\":\"busy\"}");
    assert_string_equal(head_value(&b, "Connection"), "close");
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    int late = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(late, (struct sockaddr *)&to, sizeof to), -1);
    answer_text(c, 200, CF_LIT("in time"));
    assert_int_equal(recv_answer(called, &a, false), 200);
    assert_string_equal(a.body, "in time");
    assert_int_equal(pthread_join(stopper, NULL), 0);
    assert_null(server);
    assert_true(ends_within(idle, WAIT_MS));
    close(called);
    close(idle);
    close(kept);
    close(late);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slow_senders),
        cmocka_unit_test(test_kept_connections_idle_out),
        cmocka_unit_test(test_slow_reader),
        cmocka_unit_test(test_idle_connections),
        cmocka_unit_test(test_connection_limit),
        cmocka_unit_test(test_connection_limit_receiving),
        cmocka_unit_test(test_bodies_limit),
        cmocka_unit_test(test_deferred),
        cmocka_unit_test(test_half_closed_and_gone),
        cmocka_unit_test(test_sends_ahead),
        cmocka_unit_test(test_stop),
    };
    return run_both("host/http/server_time", tests);
}
