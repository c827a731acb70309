/* SPDX-License-Identifier: Apache-2.0 */
/* What is left of a secret on the stack: each operation runs on a stack of our own, which is searched when its thread has ended. */
#include <pthread.h>

#include "core/crypto/hpke.h"
#include "core/crypto/sign.h"
#include "tests/support/test.h"

enum { STACK_BYTES = 1 << 20, PIECE_BYTES = 16 };

static _Alignas(4096) uint8_t stack[STACK_BYTES];

typedef struct {
    cf_hpke_suite suite;
    cf_dh_key *k;
    cf_dh_public enc;
    cf_buf ct, pkcs8;
    cf_secret scalar, shared, fresh;
} things;

static things t;
#define TEXT CF_LIT("sixteen octets, and a few more of the secret text")

static cf_view pub(void)
{
    return cf_dh_public_view(cf_dh_public_of(t.k));
}

static cf_result shared(void)
{
    CF_SECRET(s);
    return cf_dh_shared(t.k, cf_dh_public_view(&t.enc), &s);
}

static cf_result compute_public(void)
{
    CF_AUTO(cf_dh_free) cf_dh_key *k = NULL;
    return cf_dh_from_secret(t.suite.kem, cf_secret_view(&t.scalar), CF_VIEW_EMPTY, &k);
}

static cf_result from_pkcs8(void)
{
    CF_AUTO(cf_dh_free) cf_dh_key *k = NULL;
    cf_curve c;
    return cf_dh_from_pkcs8(cf_buf_view(&t.pkcs8), &c, &k);
}

static cf_result pair_from_pkcs8(void)
{
    CF_AUTO(cf_dh_free) cf_dh_key *k = NULL;
    return cf_dh_pair_from_pkcs8(cf_buf_view(&t.pkcs8), t.suite.kem, &k);
}

static cf_result generate(void)
{
    CF_AUTO(cf_dh_free) cf_dh_key *k = NULL;
    CF_TRY(cf_dh_generate(t.suite.kem, &k));
    return cf_dh_secret_of(k, &t.fresh);
}

static cf_result open_text(void)
{
    CF_BUF(pt);
    return cf_hpke_open_base(t.suite, t.k, cf_dh_public_view(&t.enc), CF_LIT("i"), CF_LIT("a"),
                             cf_buf_view(&t.ct), &pt);
}

static cf_result sign(void)
{
    uint8_t sig[CF_ES384_BYTES];
    return cf_es384_sign(t.k, CF_LIT("m"), sig);
}

/* Leaves the scalar where the search must find it: deep enough not to be overwritten by what ends the thread. */
static __attribute__((noinline)) cf_result careless(void)
{
    volatile uint8_t copy[4096];
    for (size_t i = 0; i < t.scalar.len; i++) {
        copy[i] = t.scalar.b[i];
    }
    return copy[0] == t.scalar.b[0] ? cf_ok() : cf_fail(CF_ERR_INTERNAL);
}

static void *run(void *arg)
{
    cf_result (**fn)(void) = arg;
    return cf_is_ok((*fn)()) ? arg : NULL;
}

/* Places where sixteen octets of the secret lie, in its own order or in that of little-endian words. */
static size_t residues(cf_view secret)
{
    size_t found = 0;
    uint8_t reversed[CF_SECRET_BYTES_MAX];
    for (size_t i = 0; i < secret.len; i++) {
        reversed[i] = secret.data[secret.len - 1 - i];
    }
    for (size_t at = 0; at + PIECE_BYTES <= secret.len; at += 8) {
        found += memmem(stack, sizeof stack, secret.data + at, PIECE_BYTES) != NULL;
        found += memmem(stack, sizeof stack, reversed + at, PIECE_BYTES) != NULL;
    }
    return found;
}

static size_t search(const char *name, cf_result (*fn)(void))
{
    pthread_attr_t attributes;
    pthread_t thread;
    void *result = NULL;
    cf_wipe(stack, sizeof stack);
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstack(&attributes, stack, sizeof stack), 0);
    assert_int_equal(pthread_create(&thread, &attributes, run, &fn), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_int_equal(pthread_attr_destroy(&attributes), 0);
    assert_ptr_equal(result, &fn);
    size_t found = residues(cf_secret_view(&t.scalar)) + residues(cf_secret_view(&t.shared)) +
                   residues(cf_secret_view(&t.fresh)) + residues(cf_view_sub(TEXT, 0, 48));
    print_message("%s: %zu\n", name, found);
    return found;
}

typedef struct {
    const char *name;
    cf_result (*fn)(void);
} operation;

static void find_nothing(cf_hpke_suite suite, const operation *ops, size_t n)
{
    t = (things){.suite = suite};
    assert_ok(cf_dh_generate(suite.kem, &t.k));
    assert_ok(cf_hpke_seal_base(suite, pub(), CF_LIT("i"), CF_LIT("a"), TEXT, &t.enc, &t.ct));
    assert_ok(cf_dh_to_pkcs8(t.k, &t.pkcs8));
    assert_ok(cf_dh_secret_of(t.k, &t.scalar));
    assert_ok(cf_dh_shared(t.k, cf_dh_public_view(&t.enc), &t.shared));
    assert_true(search("careless", careless) > 0); /* the search finds what is there */
    size_t found = 0;
    for (size_t i = 0; i < n; i++) {
        found += search(ops[i].name, ops[i].fn);
    }
    assert_int_equal(found, 0);
    cf_dh_free(&t.k);
    cf_buf_free(&t.ct);
    cf_buf_free(&t.pkcs8);
    cf_secret_wipe(&t.scalar);
    cf_secret_wipe(&t.shared);
    cf_secret_wipe(&t.fresh);
}

static void test_p384(void **state)
{
    (void)state;
    static const operation ops[] = {{"shared", shared},
                                    {"compute_public", compute_public},
                                    {"from_pkcs8", from_pkcs8},
                                    {"pair_from_pkcs8", pair_from_pkcs8},
                                    {"generate", generate},
                                    {"open", open_text},
                                    {"sign", sign}};
    find_nothing(CF_HPKE_DEFAULT, ops, sizeof ops / sizeof ops[0]);
}

static void test_x25519(void **state)
{
    (void)state;
    static const operation ops[] = {{"shared", shared},
                                    {"compute_public", compute_public},
                                    {"from_pkcs8", from_pkcs8},
                                    {"generate", generate},
                                    {"open", open_text}};
    const cf_hpke_suite suite = {CF_X25519, CF_SHA256, CF_CHACHA20_POLY1305};
    find_nothing(suite, ops, sizeof ops / sizeof ops[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_p384), cmocka_unit_test(test_x25519)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
