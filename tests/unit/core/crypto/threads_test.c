/* SPDX-License-Identifier: Apache-2.0 */
/* Many threads with the same keys: all that is const in the headers may be shared. Meant for ThreadSanitizer as well. */
#include <pthread.h>

#include "core/crypto/hpke.h"
#include "core/crypto/sign.h"
#include "tests/support/test.h"

enum { THREADS = 8, ROUNDS = 24, KEMS = 4 };

typedef struct {
    cf_dh_key *keys[KEMS];
    cf_dh_public enc[KEMS];
    cf_buf ct[KEMS], rsa_ct, spki, root, leaf;
    cf_rsa_key *rsa;
} shared_things;

static const cf_curve kems[KEMS] = {CF_P256, CF_P384, CF_P521, CF_X25519};
#define TEXT CF_LIT("the same for all")

static cf_hpke_suite suite_of(size_t i)
{
    return (cf_hpke_suite){kems[i], CF_SHA384, CF_AES_256_GCM};
}

static cf_result exchange(const shared_things *s, size_t i)
{
    CF_BUF(pt);
    CF_BUF(ct);
    cf_dh_public enc;
    CF_TRY(cf_hpke_open_base(suite_of(i), s->keys[i], cf_dh_public_view(&s->enc[i]), CF_LIT("i"),
                             CF_LIT("a"), cf_buf_view(&s->ct[i]), &pt));
    CF_REQUIRE(cf_view_eq(cf_buf_view(&pt), TEXT), INTERNAL);
    /* a failure too: the error queue belongs to the thread */
    cf_result r = cf_hpke_open_base(suite_of(i), s->keys[i], cf_buf_view(&s->ct[i]), CF_LIT("i"),
                                    CF_LIT("a"), cf_buf_view(&s->ct[i]), &pt);
    CF_REQUIRE(r.code == CF_ERR_OPEN, INTERNAL);
    return cf_hpke_seal_base(suite_of(i), cf_dh_public_view(cf_dh_public_of(s->keys[i])),
                             CF_LIT("i"), CF_LIT("a"), TEXT, &enc, &ct);
}

static cf_result others(const shared_things *s)
{
    CF_BUF(pt);
    uint8_t sig[CF_ES384_BYTES];
    cf_dh_public pub;
    cf_view bundle[] = {cf_buf_view(&s->root)};
    CF_TRY(cf_rsa_oaep_decrypt(s->rsa, cf_buf_view(&s->rsa_ct), &pt));
    CF_REQUIRE(cf_view_eq(cf_buf_view(&pt), TEXT), INTERNAL);
    CF_TRY(cf_es384_sign(s->keys[1], TEXT, sig));
    CF_TRY(cf_es384_verify(cf_dh_public_view(cf_dh_public_of(s->keys[1])), TEXT, CF_VIEW_OF(sig)));
    return cf_chain_verify(bundle[0], bundle, 1, cf_buf_view(&s->leaf), UINT64_C(1700000100000),
                           &pub);
}

/* Returns its argument when all went well. */
static void *work(void *arg)
{
    const shared_things *s = arg;
    for (size_t round = 0; round < ROUNDS; round++) {
        cf_result r = exchange(s, round % KEMS);
        if (cf_is_ok(r)) {
            r = others(s);
        }
        if (!cf_is_ok(r)) {
            return NULL;
        }
    }
    return arg;
}

static cf_result prepare(shared_things *s)
{
    for (size_t i = 0; i < KEMS; i++) {
        CF_TRY(cf_dh_generate(kems[i], &s->keys[i]));
        CF_TRY(cf_hpke_seal_base(suite_of(i), cf_dh_public_view(cf_dh_public_of(s->keys[i])),
                                 CF_LIT("i"), CF_LIT("a"), TEXT, &s->enc[i], &s->ct[i]));
    }
    CF_TRY(cf_rsa_generate(&s->rsa));
    CF_TRY(cf_rsa_public_spki(s->rsa, &s->spki));
    CF_TRY(cf_rsa_oaep_encrypt(cf_buf_view(&s->spki), TEXT, &s->rsa_ct));
    cf_view pub = cf_dh_public_view(cf_dh_public_of(s->keys[1]));
    cf_cert_spec spec = {.subject_cn = CF_LIT("r"),
                         .path_len = 1,
                         .not_before_s = 1700000000,
                         .not_after_s = 1700003600};
    CF_TRY(cf_cert_make(&spec, pub, s->keys[1], &s->root));
    spec.issuer_cn = CF_LIT("r");
    spec.subject_cn = CF_LIT("l");
    spec.path_len = -1;
    return cf_cert_make(&spec, pub, s->keys[1], &s->leaf);
}

static void test_threads(void **state)
{
    (void)state;
    static shared_things s;
    pthread_t threads[THREADS];
    assert_ok(prepare(&s));
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, work, &s), 0);
    }
    size_t well = 0;
    for (size_t i = 0; i < THREADS; i++) {
        void *result = NULL;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        well += result == &s;
    }
    assert_int_equal(well, THREADS);
    for (size_t i = 0; i < KEMS; i++) {
        cf_dh_free(&s.keys[i]);
        cf_buf_free(&s.ct[i]);
    }
    cf_rsa_free(&s.rsa);
    cf_buf_free(&s.spki);
    cf_buf_free(&s.rsa_ct);
    cf_buf_free(&s.root);
    cf_buf_free(&s.leaf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
