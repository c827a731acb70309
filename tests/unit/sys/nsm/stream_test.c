/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/linux/clock.h"
#include "sys/linux/net.h"
#include "sys/nsm/frame_priv.h"
#include "sys/nsm/nsm.h"
#include "tests/support/test.h"

static char folder[64];
static cf_soft_root *root;
static const uint8_t pcr0[CF_PCR_BYTES_SHA384] = {0x12, 0x34};

static int setup(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/nsm_test.XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_ok(cf_soft_root_open(folder, &root));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char path[128];
    cf_soft_root_free(&root);
    (void)snprintf(path, sizeof path, "%s/nsm-root.key", folder);
    (void)unlink(path);
    (void)snprintf(path, sizeof path, "%s/nsm-root.der", folder);
    (void)unlink(path);
    return rmdir(folder);
}

/* A module served on one end of a socket pair by a thread of its own. */
typedef struct {
    cf_soft_nsm *s;
    int fd;
    pthread_t thread;
    cf_result outcome;
} served;

static void *serve_main(void *arg)
{
    served *v = arg;
    v->outcome = cf_soft_nsm_serve(v->s, v->fd);
    cf_fd_close(&v->fd);
    return NULL;
}

/* Returns the client's end. */
static int serve_start(served *v)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    assert_ok(cf_soft_nsm_new(root, pcr0, &v->s));
    v->fd = ends[0];
    assert_int_equal(pthread_create(&v->thread, NULL, serve_main, v), 0);
    return ends[1];
}

static cf_result serve_end(served *v)
{
    assert_int_equal(pthread_join(v->thread, NULL), 0);
    cf_soft_nsm_free(&v->s);
    return v->outcome;
}

static void test_client(void **state)
{
    (void)state;
    served v = {.fd = -1};
    cf_nsm n;
    assert_ok(cf_nsm_open_stream(serve_start(&v), &n));
    CF_BUF(id);
    uint8_t seen[CF_PCR_BYTES_SHA384] = {0};
    assert_ok(cf_nsm_identity(&n, &id, seen));
    assert_view(CF_VIEW_OF(seen), CF_VIEW_OF(pcr0));
    assert_int_equal(id.len, 39);

    uint8_t random[1000] = {0}, other[1000] = {0};
    assert_ok(cf_nsm_random(&n, random, sizeof random));
    assert_ok(cf_nsm_random(&n, other, sizeof other));
    assert_memory_not_equal(random, other, sizeof random);
    assert_memory_not_equal(random + 900, other + 900, 100);

    CF_BUF(doc);
    cf_nsm_request inputs = {.has_user_data = true, .user_data = CF_LIT("data")};
    assert_ok(cf_nsm_attest(&n, &inputs, &doc));
    cf_attest_policy policy = {
        .root = cf_soft_root_cert(root), .now_ms = cf_clock_wall_ms(), .age_max_ms = 60000};
    cf_attest_stage stage = CF_ATTEST_SYNTAX;
    cf_attest_payload p;
    assert_ok(cf_attest_verify(cf_buf_view(&doc), &policy, &stage, &p));
    assert_view(p.user_data, CF_LIT("data"));
    assert_view(p.module_id, cf_buf_view(&id));

    /* a refusal is an error of its own, and the stream goes on */
    static const uint8_t large[CF_ATTEST_DATA_BYTES_MAX + 1];
    inputs.user_data = CF_VIEW_OF(large);
    assert_err(cf_nsm_attest(&n, &inputs, &doc), NSM);
    assert_ok(cf_nsm_random(&n, random, 1));
    cf_nsm_close(&n);
    assert_null(n.ops);
    cf_nsm_close(&n);
    assert_ok(serve_end(&v));
}

typedef struct {
    cf_nsm *n;
    cf_result outcome;
} asker;

static void *ask_main(void *arg)
{
    asker *a = arg;
    for (int i = 0; i < 200 && cf_is_ok(a->outcome); i++) {
        uint8_t random[600];
        a->outcome = cf_nsm_random(a->n, random, sizeof random);
    }
    return NULL;
}

/* Several threads share one stream; no answer goes to another's request. */
static void test_calls_are_serialised(void **state)
{
    (void)state;
    served v = {.fd = -1};
    cf_nsm n;
    assert_ok(cf_nsm_open_stream(serve_start(&v), &n));
    pthread_t threads[4];
    asker askers[4];
    for (int i = 0; i < 4; i++) {
        askers[i] = (asker){&n, {CF_OK}};
        assert_int_equal(pthread_create(&threads[i], NULL, ask_main, &askers[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_ok(askers[i].outcome);
    }
    cf_nsm_close(&n);
    assert_ok(serve_end(&v));
}

/* Whatever the other side says instead of an answer is an error; afterwards the stream is not used again. */
static void test_bad_answers(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        bool close;
        cf_err err, next;
    } rows[] = {
        {"00000000", false, CF_ERR_SIZE, CF_ERR_IO},
        {"00003001", false, CF_ERR_SIZE, CF_ERR_IO},
        {"ffffffff", false, CF_ERR_SIZE, CF_ERR_IO},
        {"", true, CF_ERR_CLOSED, CF_ERR_IO},
        {"000000", true, CF_ERR_CLOSED, CF_ERR_IO},
        {"0000000a 6947", true, CF_ERR_CLOSED, CF_ERR_IO},
        {"00000001 ff 00000000", false, CF_ERR_NSM,
         CF_ERR_SIZE}, /* whole, but nonsense: still in step */
        {"00000008 67 4c6f636b504352 00000000", false, CF_ERR_NSM,
         CF_ERR_SIZE}, /* another operation's */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int ends[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        cf_nsm n;
        assert_ok(cf_nsm_open_stream(ends[0], &n));
        cf_view v = view_hex(rows[i].hex);
        assert_ok(cf_net_write_full(ends[1], v, CF_DEADLINE_NONE));
        view_free(v);
        if (rows[i].close) {
            assert_int_equal(shutdown(ends[1], SHUT_WR), 0);
        }
        uint8_t random[8];
        assert_code(cf_nsm_random(&n, random, sizeof random), rows[i].err);
        assert_code(cf_nsm_random(&n, random, sizeof random), rows[i].next);
        cf_nsm_close(&n);
        cf_fd_close(&ends[1]);
    }
}

/* Requests that are no requests: length 0 or over the limit ends the service, and so does silence in the middle of one. */
static void test_bad_requests(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        cf_err err;
    } rows[] = {
        {"00000000", CF_ERR_SIZE},
        {"00001001", CF_ERR_SIZE},
        {"0000", CF_OK}, /* gone before a request was whole */
        {"00000005 69", CF_OK},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        served v = {.fd = -1};
        int fd = serve_start(&v);
        cf_view octets = view_hex(rows[i].hex);
        assert_ok(cf_net_write_full(fd, octets, CF_DEADLINE_NONE));
        view_free(octets);
        assert_int_equal(shutdown(fd, SHUT_WR), 0);
        assert_code(serve_end(&v), rows[i].err);
        cf_fd_close(&fd);
    }
}

/* A request of the greatest length is answered, not cut. */
static void test_request_limit(void **state)
{
    (void)state;
    served v = {.fd = -1};
    int fd = serve_start(&v);
    static const uint8_t octets[CF_NSM_REQUEST_BYTES_MAX];
    CF_BUF(answer);
    for (size_t len = CF_NSM_REQUEST_BYTES_MAX - 1; len <= CF_NSM_REQUEST_BYTES_MAX; len++) {
        assert_ok(cf_nsm_frame_write(fd, CF_DEADLINE_NONE, cf_view_make(octets, len)));
        assert_ok(cf_nsm_frame_read(fd, CF_DEADLINE_NONE, CF_NSM_RESPONSE_BYTES_MAX, &answer));
        cf_nsm_response m;
        assert_ok(cf_nsm_response_decode(cf_buf_view(&answer), &m));
        assert_int_equal(m.error, CF_NSM_INVALID_OPERATION);
    }
    cf_fd_close(&fd);
    assert_ok(serve_end(&v));
}

/* The client's own limit: nothing is sent. */
static void test_call_limit(void **state)
{
    (void)state;
    served v = {.fd = -1};
    cf_nsm n;
    assert_ok(cf_nsm_open_stream(serve_start(&v), &n));
    static const uint8_t octets[CF_NSM_REQUEST_BYTES_MAX + 1];
    CF_BUF(answer);
    assert_err(n.ops->call(n.self, CF_VIEW_OF(octets), &answer), SIZE);
    assert_err(n.ops->call(n.self, CF_VIEW_EMPTY, &answer), SIZE);
    assert_ok(n.ops->call(n.self, cf_view_make(octets, CF_NSM_REQUEST_BYTES_MAX), &answer));
    cf_nsm_close(&n);
    assert_ok(serve_end(&v));
}

static void *silent_client(void *arg)
{
    cf_nsm *n = arg;
    uint8_t random[8];
    uint64_t begin = cf_clock_mono_ms();
    cf_result r = cf_nsm_random(n, random, sizeof random);
    uint64_t took = cf_clock_mono_ms() - begin;
    bool in_time = took >= CF_NSM_TIMEOUT_MS - 1 && took < CF_NSM_TIMEOUT_MS + 2000;
    bool given_up = cf_nsm_random(n, random, sizeof random).code == CF_ERR_IO;
    return r.code == CF_ERR_TIMEOUT && in_time && given_up ? arg : NULL;
}

/* A module that never answers, and an enclave that stops in the middle of a request: neither holds the other for ever. */
static void test_silence(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    cf_nsm n;
    assert_ok(cf_nsm_open_stream(ends[0], &n));
    pthread_t client;
    assert_int_equal(pthread_create(&client, NULL, silent_client, &n), 0);
    served v = {.fd = -1};
    int fd = serve_start(&v);
    uint64_t begin = cf_clock_mono_ms();
    assert_ok(cf_net_write_full(fd, CF_LIT("\0\0\0\x0a\x69"), CF_DEADLINE_NONE));
    assert_err(serve_end(&v), TIMEOUT);
    assert_in_range(cf_clock_mono_ms() - begin, CF_NSM_TIMEOUT_MS - 1, CF_NSM_TIMEOUT_MS + 2000);
    void *held = NULL;
    assert_int_equal(pthread_join(client, &held), 0);
    assert_non_null(held);
    cf_nsm_close(&n);
    cf_fd_close(&ends[1]);
    cf_fd_close(&fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_client),        cmocka_unit_test(test_calls_are_serialised),
        cmocka_unit_test(test_bad_answers),   cmocka_unit_test(test_bad_requests),
        cmocka_unit_test(test_request_limit), cmocka_unit_test(test_call_limit),
        cmocka_unit_test(test_silence),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
