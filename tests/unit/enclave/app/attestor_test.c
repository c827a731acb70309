/* SPDX-License-Identifier: Apache-2.0 */
#include "enclave/app/attestor.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "enclave/app/limits.h"
#include "sys/linux/clock.h"
#include "tests/support/test.h"

static char folder[] = "/tmp/attestor_test.XXXXXX";
static cf_soft_root *root;
static cf_soft_nsm *module;
static const uint8_t pcr0[CF_PCR_BYTES_SHA384] = {0xab, 0xcd};

/* The module, which can be made to wait, or to fail. */
static sem_t gate;
static cf_err module_fails;

static cf_result call(void *self, cf_view request, cf_buf *ret_response)
{
    (void)sem_wait(&gate);
    cf_result r = module_fails != CF_OK ? cf_fail(module_fails)
                                        : cf_soft_nsm_answer(self, request, ret_response);
    (void)sem_post(&gate);
    return r;
}

static void no_close(void *self)
{
    (void)self;
}

static cf_identity *make_identity(void)
{
    static const cf_nsm_ops ops = {call, no_close};
    cf_nsm nsm = {&ops, module};
    cf_identity *identity = NULL;
    assert_ok(cf_identity_new(&nsm, &identity));
    return identity;
}

static int setup(void **state)
{
    (void)state;
    assert_int_equal(sem_init(&gate, 0, 1), 0);
    assert_non_null(mkdtemp(folder));
    assert_ok(cf_soft_root_open(folder, &root));
    assert_ok(cf_soft_nsm_new(root, pcr0, &module));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char path[64];
    cf_soft_nsm_free(&module);
    cf_soft_root_free(&root);
    (void)snprintf(path, sizeof path, "%s/nsm-root.key", folder);
    (void)unlink(path);
    (void)snprintf(path, sizeof path, "%s/nsm-root.der", folder);
    (void)unlink(path);
    return rmdir(folder);
}

/* Where requests go when they are done. */
typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t more;
    cf_request *all[2 * CF_ENCLAVE_ATTESTS_MAX];
    size_t n;
} basket;

static void put_done(void *ctx, cf_request *r)
{
    basket *b = ctx;
    (void)pthread_mutex_lock(&b->lock);
    b->all[b->n++] = r;
    (void)pthread_cond_signal(&b->more);
    (void)pthread_mutex_unlock(&b->lock);
}

static void wait_for(basket *b, size_t n)
{
    (void)pthread_mutex_lock(&b->lock);
    while (b->n < n) {
        (void)pthread_cond_wait(&b->more, &b->lock);
    }
    (void)pthread_mutex_unlock(&b->lock);
}

static void empty(basket *b)
{
    for (size_t i = 0; i < b->n; i++) {
        cf_request_free(&b->all[i]);
    }
    b->n = 0;
}
#define BASKET                                                                                     \
    {                                                                                              \
        .lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER                        \
    }

static cf_request *request(uint64_t number, uint64_t deadline_ms, const char *nonce)
{
    CF_BUF(body);
    cf_request *r = NULL;
    const cf_attest_ask ask = {deadline_ms, cf_view_str(nonce)};
    assert_ok(cf_attest_ask_encode(&ask, &body));
    assert_ok(cf_attestor_request(cf_buf_view(&body), number, cf_clock_mono_ms(), &r));
    return r;
}

/* The payload of the document that a request was answered with. */
static void verify(const cf_request *r, const char *nonce, cf_attest_payload *ret)
{
    cf_msg m;
    size_t used;
    cf_view document;
    assert_code((cf_result){r->error}, CF_OK);
    assert_ok(cf_frame_decode(cf_buf_view(&r->answer), &used, &m));
    assert_int_equal(m.kind, CF_MSG_ANSWER + CF_MSG_ATTEST);
    assert_true(m.request == r->number);
    assert_ok(cf_attest_doc_decode(m.body, &document));
    cf_attest_policy policy = {.root = cf_soft_root_cert(root),
                               .now_ms = cf_clock_wall_ms(),
                               .age_max_ms = 10000,
                               .need_nonce = nonce != NULL,
                               .nonce = cf_view_str(nonce)};
    cf_attest_stage stage;
    assert_ok(cf_attest_verify(document, &policy, &stage, ret));
    assert_int_equal(ret->has_nonce, nonce != NULL);
}

/* The key of the document is the enclave's own: what is sealed to it opens. */
static void check_key(const cf_identity *identity, const cf_attest_payload *p)
{
    cf_attest_identity what;
    cf_curve curve;
    cf_dh_public key, enc;
    assert_ok(cf_attest_identity_get(p->user_data, &what));
    assert_view(what.boot_id, cf_identity_boot_id(identity));
    assert_ok(cf_dh_public_from_spki(p->public_key, &curve, &key));
    assert_int_equal(curve, what.suite.kem);
    CF_BUF(sealed);
    CF_BUF(opened);
    cf_view pk = cf_dh_public_view(&key), info = CF_LIT("info");
    assert_ok(
        cf_hpke_seal_base(what.suite, pk, info, CF_VIEW_EMPTY, CF_LIT("hello"), &enc, &sealed));
    assert_ok(cf_hpke_open_base(what.suite, cf_identity_hpke(identity), cf_dh_public_view(&enc),
                                info, CF_VIEW_EMPTY, cf_buf_view(&sealed), &opened));
    assert_view(cf_buf_view(&opened), CF_LIT("hello"));
}

static void test_documents(void **state)
{
    (void)state;
    CF_AUTO(cf_identity_free) cf_identity *identity = make_identity();
    CF_AUTO(cf_attestor_free) cf_attestor *a = NULL;
    basket b = BASKET;
    cf_attest_payload first, second, plain;
    assert_ok(cf_attestor_new(identity, put_done, &b, &a));
    assert_ok(cf_attestor_put(a, request(1, 5000, "one")));
    assert_ok(cf_attestor_put(a, request(2, 5000, "two")));
    assert_ok(cf_attestor_put(a, request(3, 5000, "")));
    wait_for(&b, 3);
    verify(b.all[0], "one", &first);
    verify(b.all[1], "two", &second);
    verify(b.all[2], NULL, &plain);
    check_key(identity, &first);
    assert_view(first.public_key, second.public_key); /* of this boot */
    assert_view(first.public_key, plain.public_key);
    /* another boot has another */
    CF_AUTO(cf_identity_free) cf_identity *other = make_identity();
    assert_false(cf_view_eq(cf_dh_public_view(cf_dh_public_of(cf_identity_hpke(identity))),
                            cf_dh_public_view(cf_dh_public_of(cf_identity_hpke(other)))));
    empty(&b);
}

static void test_bounds(void **state)
{
    (void)state;
    CF_AUTO(cf_identity_free) cf_identity *identity = make_identity();
    CF_AUTO(cf_attestor_free) cf_attestor *a = NULL;
    basket b = BASKET;
    assert_ok(cf_attestor_new(identity, put_done, &b, &a));
    (void)sem_wait(&gate);
    for (size_t i = 0; i < CF_ENCLAVE_ATTESTS_MAX; i++) {
        assert_ok(cf_attestor_put(a, request(i, i == 3 ? 1 : 60000, "nonce")));
    }
    cf_request *over = request(99, 1000, "nonce");
    assert_err(cf_attestor_put(a, over), BUSY);
    const struct timespec little = {0, 20000000};
    (void)nanosleep(&little, NULL);
    (void)sem_post(&gate);
    wait_for(&b, CF_ENCLAVE_ATTESTS_MAX);
    for (size_t i = 0; i < CF_ENCLAVE_ATTESTS_MAX; i++) {
        assert_true(b.all[i]->number == i); /* in their order */
        assert_code((cf_result){b.all[i]->error}, i == 3 ? CF_ERR_TIMEOUT : CF_OK);
    }
    assert_ok(cf_attestor_put(a, over)); /* there is room again */
    wait_for(&b, CF_ENCLAVE_ATTESTS_MAX + 1);
    empty(&b);
}

static void test_failures(void **state)
{
    (void)state;
    static const struct {
        cf_err module, request;
    } rows[] = {{CF_ERR_IO, CF_ERR_NSM},
                {CF_ERR_TIMEOUT, CF_ERR_NSM},
                {CF_ERR_NO_MEMORY, CF_ERR_NO_MEMORY}};
    CF_AUTO(cf_identity_free) cf_identity *identity = make_identity();
    CF_AUTO(cf_attestor_free) cf_attestor *a = NULL;
    basket b = BASKET;
    assert_ok(cf_attestor_new(identity, put_done, &b, &a));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        (void)sem_wait(&gate);
        module_fails = rows[i].module;
        (void)sem_post(&gate);
        assert_ok(cf_attestor_put(a, request(i, 5000, "nonce")));
        wait_for(&b, i + 1);
        assert_code((cf_result){b.all[i]->error}, rows[i].request);
        assert_int_equal(b.all[i]->answer.len, 0);
    }
    module_fails = CF_OK;
    empty(&b);
    cf_request *r = NULL;
    assert_err(cf_attestor_request(CF_LIT("\xa0"), 1, 0, &r), MISSING);
    assert_null(r);
}

/* What waits when the program ends is answered all the same. */
static void *open_gate_later(void *unused)
{
    const struct timespec little = {0, 50000000};
    (void)nanosleep(&little, NULL);
    (void)sem_post(&gate);
    return unused;
}

static void test_end(void **state)
{
    (void)state;
    enum { N = 3 };
    pthread_t thread;
    CF_AUTO(cf_identity_free) cf_identity *identity = make_identity();
    CF_AUTO(cf_attestor_free) cf_attestor *a = NULL;
    basket b = BASKET;
    assert_ok(cf_attestor_new(identity, put_done, &b, &a));
    (void)sem_wait(&gate);
    for (size_t i = 0; i < N; i++) {
        assert_ok(cf_attestor_put(a, request(i, 60000, "nonce")));
    }
    const struct timespec little = {0, 20000000};
    (void)nanosleep(&little, NULL); /* the first is under way */
    assert_int_equal(pthread_create(&thread, NULL, open_gate_later, NULL), 0);
    cf_attestor_free(&a);
    assert_null(a);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(b.n, N);
    assert_code((cf_result){b.all[0]->error}, CF_OK);
    assert_code((cf_result){b.all[1]->error}, CF_ERR_CLOSED);
    assert_code((cf_result){b.all[2]->error}, CF_ERR_CLOSED);
    empty(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_documents),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_end),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
