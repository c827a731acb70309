/* SPDX-License-Identifier: Apache-2.0 */
/* The table of docs/formats/wire.md section 2, row by row and in every state. The rows below are the document's, not the program's. */
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "enclave/app/app.h"
#include "enclave/app/limits.h"
#include "sys/linux/net.h"
#include "tests/support/test.h"

/* A security module that is a function. */
static cf_soft_nsm *soft;
static cf_soft_root *root;

static cf_result nsm_call(void *self, cf_view request, cf_buf *ret_response)
{
    (void)self;
    return cf_soft_nsm_answer(soft, request, ret_response);
}

static void nsm_close(void *self)
{
    (void)self;
}

static const cf_nsm_ops nsm_ops = {nsm_call, nsm_close};

static char folder[] = "/tmp/cf-dispatch-XXXXXX";
static cf_app app = {.done_lock = PTHREAD_MUTEX_INITIALIZER};
static int channel;

static int make_app(void **state)
{
    (void)state;
    uint8_t pcr0[CF_PCR_BYTES] = {1};
    cf_nsm nsm = {&nsm_ops, NULL};
    int ends[2];
    bool locked;
    assert_non_null(mkdtemp(folder));
    assert_ok(cf_soft_root_open(folder, &root));
    assert_ok(cf_soft_nsm_new(root, pcr0, &soft));
    assert_ok(cf_identity_new(&nsm, &app.identity));
    assert_ok(cf_credentials_new(&app.credentials));
    assert_ok(cf_keycache_new(4, 1000, 4, &app.cache, &locked));
    assert_ok(cf_programs_new(4, 1 << 20, &app.programs));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    char kms[16];
    (void)snprintf(kms, sizeof kms, "fd:%d", ends[0]);
    channel = ends[1];
    assert_ok(cf_kms_way_open(kms, NULL, NULL, &app.way));
    assert_ok(cf_kms_way_service(app.way, app.credentials, &app.kms));
    app.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    app.workers_n = 1;
    assert_ok(cf_workers_new(1, app.cache, app.programs, cf_app_done, &app, &app.workers));
    const cf_unwrap_spec spec = {.identity = app.identity,
                                 .cache = app.cache,
                                 .kms = app.kms,
                                 .threads = 1,
                                 .done = cf_app_done,
                                 .ctx = &app};
    assert_ok(cf_unwrap_new(&spec, &app.unwrap));
    return 0;
}

static int free_app(void **state)
{
    (void)state;
    cf_kms_service_stop(app.kms);
    cf_unwrap_free(&app.unwrap);
    cf_workers_free(&app.workers);
    cf_kms_service_free(&app.kms);
    cf_kms_way_free(&app.way);
    cf_identity_free(&app.identity);
    cf_credentials_free(&app.credentials);
    cf_keycache_free(&app.cache);
    cf_programs_free(&app.programs);
    cf_soft_nsm_free(&soft);
    cf_soft_root_free(&root);
    cf_fd_close(&app.wake);
    cf_fd_close(&channel);
    char path[64];
    (void)snprintf(path, sizeof path, "%s/nsm-root.key", folder);
    (void)unlink(path);
    (void)snprintf(path, sizeof path, "%s/nsm-root.der", folder);
    (void)unlink(path);
    return rmdir(folder);
}

enum { NEW, READY, DRAINING, STATES };

/* A connection in that state. */
static cf_conn conn_in(int state)
{
    app.draining = state == DRAINING;
    return (cf_conn){.fd = 0, .serial = 1, .greeted = state != NEW};
}

/* What a message is answered with: its kind, and the error if it is one. */
static uint32_t answer_to(int state, uint32_t kind, cf_view body, cf_err *ret_err)
{
    cf_conn c = conn_in(state);
    const cf_msg m = {kind, 77, body};
    cf_msg answer;
    size_t used;
    assert_ok(cf_app_message(&app, &c, &m, 1));
    assert_false(c.broken);
    assert_ok(cf_frame_decode(cf_octets_view(&c.out), &used, &answer));
    assert_int_equal(used, cf_octets_view(&c.out).len); /* one answer, to the request */
    assert_int_equal(answer.request, 77);
    *ret_err = CF_OK;
    if (answer.kind == CF_MSG_ERROR) {
        assert_ok(cf_error_decode(answer.body, ret_err));
    }
    cf_conn_clear(&c);
    app.draining = false;
    return answer.kind;
}

static const struct {
    uint32_t kind;
    bool states[STATES];
    size_t body_max;
    const char *body; /* one that is taken; those answered later have tests of their own */
    size_t body_len;
    cf_err outcome;
} rows[] = {
    {1, {true, false, false}, 256, "\xa2\x01\x01\x02\x01", 5, CF_OK},
    {2, {false, true, false}, 1048576, "\xa0", 1, CF_ERR_MISSING},
    {3, {false, true, true}, 16, "\xa0", 1, CF_OK},
    {4,
     {false, true, false},
     16384,
     "\xa2\x01\x61"
     "a"
     "\x02\x61"
     "b",
     7,
     CF_OK},
    {5, {false, true, false}, 16, "\xa0", 1, CF_OK},
    {6, {false, true, false}, 1024, "\xa0", 1, CF_ERR_MISSING},
};
#define ROWS_N (sizeof rows / sizeof *rows)

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS_N; i++) {
        for (int s = NEW; s < STATES; s++) {
            cf_err err;
            uint32_t kind =
                answer_to(s, rows[i].kind, cf_view_make(rows[i].body, rows[i].body_len), &err);
            assert_code((cf_result){err}, rows[i].states[s] ? rows[i].outcome : CF_ERR_STATE);
            assert_int_equal(kind, err == CF_OK ? rows[i].kind + 128 : 255);
        }
    }
}

static void test_unlisted_kinds(void **state)
{
    (void)state;
    for (uint32_t kind = 0; kind < 1000; kind++) {
        for (int s = NEW; s < STATES; s++) {
            cf_err err;
            if (kind < 1 || kind > ROWS_N) {
                assert_int_equal(answer_to(s, kind, CF_LIT("\xa0"), &err), 255);
                assert_code((cf_result){err}, CF_ERR_UNSUPPORTED);
            }
        }
    }
}

/* A body one over its row's limit is too large before anybody looks into it; one at the limit is looked into. */
static void test_body_limits(void **state)
{
    (void)state;
    static uint8_t octets[1048577];
    for (size_t i = 0; i < ROWS_N; i++) {
        int s = rows[i].states[READY] ? READY : NEW;
        cf_err err;
        (void)answer_to(s, rows[i].kind, cf_view_make(octets, rows[i].body_max + 1), &err);
        assert_code((cf_result){err}, CF_ERR_SIZE);
        (void)answer_to(s, rows[i].kind, cf_view_make(octets, rows[i].body_max), &err);
        assert_code((cf_result){err}, CF_ERR_WRONG_TYPE);
    }
}

static void test_versions(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        cf_err err;
    } all[] = {{"\xa2\x01\x01\x02\x01", CF_OK},
               {"\xa2\x01\x01\x02\x17", CF_OK},
               {"\xa2\x01\x02\x02\x03", CF_ERR_UNSUPPORTED},
               {"\xa2\x01\x02\x02\x01", CF_ERR_RANGE}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        cf_err err;
        (void)answer_to(NEW, CF_MSG_HELLO, cf_view_make(all[i].body, 5), &err);
        assert_code((cf_result){err}, all[i].err);
    }
}

static void test_states_follow(void **state)
{
    (void)state;
    cf_conn c = conn_in(NEW);
    const cf_msg hello = {CF_MSG_HELLO, 1, CF_LIT("\xa2\x01\x01\x02\x01")},
                 wrong = {CF_MSG_HELLO, 1, CF_LIT("\xa0")};
    const cf_msg drain = {CF_MSG_DRAIN, 2, CF_LIT("\xa0")};
    assert_ok(cf_app_message(&app, &c, &wrong, 1));
    assert_false(c.greeted); /* a HELLO that fails greets nobody */
    assert_ok(cf_app_message(&app, &c, &hello, 1));
    assert_true(c.greeted);
    assert_ok(cf_app_message(&app, &c, &drain, 1));
    assert_true(app.draining); /* for all connections */
    app.draining = false;
    cf_conn_clear(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),          cmocka_unit_test(test_unlisted_kinds),
        cmocka_unit_test(test_body_limits),   cmocka_unit_test(test_versions),
        cmocka_unit_test(test_states_follow),
    };
    return cmocka_run_group_tests(tests, make_app, free_app);
}
