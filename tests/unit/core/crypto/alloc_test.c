/* SPDX-License-Identifier: Apache-2.0 */
/* Every operation with its n-th allocation failing, for every n, libcrypto's own included where it is linked statically; and no
 * freed block holds a secret. */
#include "core/crypto/hpke.h"
#include "core/crypto/sign.h"
#include "tests/support/failmalloc.h"
#include "tests/support/test.h"

typedef struct {
    cf_hpke_suite suite;
    cf_dh_key *k, *peer;
    cf_rsa_key *rsa;
    cf_dh_public enc;
    cf_buf ct, pkcs8, spki, rsa_spki, rsa_ct, root, leaf;
    uint8_t sig[CF_ES384_BYTES];
} fixture;

static fixture f;

#define INFO CF_LIT("info")
#define TEXT CF_LIT("a text that must not stay in memory")

static cf_view pub(const cf_dh_key *k)
{
    return cf_dh_public_view(cf_dh_public_of(k));
}

static cf_result generate(void *ctx)
{
    (void)ctx;
    CF_AUTO(cf_dh_free) cf_dh_key *k = NULL;
    return cf_dh_generate(f.suite.kem, &k);
}

static cf_result from_octets(void *ctx)
{
    (void)ctx;
    CF_SECRET(s);
    CF_AUTO(cf_dh_free) cf_dh_key *k = NULL;
    CF_TRY(cf_dh_secret_of(f.k, &s));
    return cf_dh_from_secret(f.suite.kem, cf_secret_view(&s), pub(f.k), &k);
}

static cf_result from_pkcs8(void *ctx)
{
    (void)ctx;
    CF_AUTO(cf_dh_free) cf_dh_key *k = NULL;
    cf_curve c;
    return cf_dh_from_pkcs8(cf_buf_view(&f.pkcs8), &c, &k);
}

static cf_result pair_from_pkcs8(void *ctx)
{
    (void)ctx;
    CF_AUTO(cf_dh_free) cf_dh_key *k = NULL;
    return cf_dh_pair_from_pkcs8(cf_buf_view(&f.pkcs8), f.suite.kem, &k);
}

static cf_result from_spki(void *ctx)
{
    (void)ctx;
    cf_curve c;
    cf_dh_public p;
    return cf_dh_public_from_spki(cf_buf_view(&f.spki), &c, &p);
}

static cf_result to_der(void *ctx)
{
    (void)ctx;
    CF_BUF(out);
    CF_TRY(cf_dh_to_pkcs8(f.k, &out));
    return cf_dh_public_to_spki(f.suite.kem, pub(f.k), &out);
}

static cf_result shared(void *ctx)
{
    (void)ctx;
    CF_SECRET(s);
    return cf_dh_shared(f.k, pub(f.peer), &s);
}

static cf_result seal(void *ctx)
{
    (void)ctx;
    cf_dh_public enc;
    CF_BUF(ct);
    return cf_hpke_seal_base(f.suite, pub(f.k), INFO, CF_VIEW_EMPTY, TEXT, &enc, &ct);
}

static cf_result open_(void *ctx)
{
    (void)ctx;
    CF_BUF(pt);
    CF_TRY(cf_hpke_open_base(f.suite, f.k, cf_dh_public_view(&f.enc), INFO, CF_VIEW_EMPTY,
                             cf_buf_view(&f.ct), &pt));
    return cf_view_eq(cf_buf_view(&pt), TEXT) ? cf_ok() : cf_fail(CF_ERR_INTERNAL);
}

static cf_result export_all_modes(void *ctx)
{
    (void)ctx;
    for (int mode = CF_HPKE_BASE; mode <= CF_HPKE_AUTH_PSK; mode++) {
        bool psk = mode == CF_HPKE_PSK || mode == CF_HPKE_AUTH_PSK, auth = mode >= CF_HPKE_AUTH;
        const cf_hpke_input in = {(cf_hpke_mode)mode, INFO,
                                  psk ? CF_LIT("0123456789abcdef0123456789abcdef") : CF_VIEW_EMPTY,
                                  psk ? CF_LIT("id") : CF_VIEW_EMPTY};
        CF_AUTO(cf_hpke_free) cf_hpke *c = NULL;
        CF_BUF(out);
        CF_TRY(cf_hpke_receiver(f.suite, &in, cf_dh_public_view(&f.enc), f.k,
                                auth ? pub(f.peer) : CF_VIEW_EMPTY, &c));
        CF_TRY(cf_hpke_export(c, INFO, 100, &out));
    }
    return cf_ok();
}

/* Inputs over the stack's room go through the heap. */
static cf_result primitives(void *ctx)
{
    (void)ctx;
    static const uint8_t zeros[2000];
    const cf_view parts[] = {CF_VIEW_OF(zeros), INFO};
    cf_digest d;
    CF_SECRET(s);
    CF_TRY(cf_hash_parts(CF_SHA384, parts, 2, &d));
    CF_TRY(cf_hmac_parts(CF_SHA256, CF_VIEW_OF(zeros), parts, 2, &d));
    CF_TRY(cf_hkdf_extract(CF_SHA512, INFO, parts, 2, &s));
    CF_TRY(cf_hkdf_expand(CF_SHA384, INFO, parts, 2, 60, &s));
    return cf_random(d.b, sizeof d.b);
}

static cf_result aead(void *ctx)
{
    (void)ctx;
    static const uint8_t key[32], nonce[CF_AEAD_NONCE_BYTES];
    for (int a = CF_AES_256_GCM; a <= CF_CHACHA20_POLY1305; a++) {
        CF_AUTO(cf_aead_free) cf_aead_ctx *c = NULL;
        CF_BUF(ct);
        CF_BUF(pt);
        CF_TRY(cf_aead_new((cf_aead)a, CF_VIEW_OF(key), &c));
        CF_TRY(cf_aead_seal(c, nonce, INFO, TEXT, &ct));
        CF_TRY(cf_aead_open(c, nonce, INFO, cf_buf_view(&ct), &pt));
    }
    return cf_ok();
}

static cf_result cbc(void *ctx)
{
    (void)ctx;
    static const uint8_t key[32];
    CF_BUF(ct);
    CF_BUF(pt);
    CF_TRY(cf_aes256_cbc_encrypt(CF_VIEW_OF(key), cf_view_make(key, 16), TEXT, &ct));
    return cf_aes256_cbc_decrypt(CF_VIEW_OF(key), cf_view_make(key, 16), cf_buf_view(&ct), &pt);
}

static cf_result sign(void *ctx)
{
    (void)ctx;
    uint8_t sig[CF_ES384_BYTES];
    return cf_es384_sign(f.peer, TEXT, sig);
}

static cf_result verify(void *ctx)
{
    (void)ctx;
    return cf_es384_verify(pub(f.peer), TEXT, CF_VIEW_OF(f.sig));
}

static cf_result rsa_decrypt(void *ctx)
{
    (void)ctx;
    CF_BUF(pt);
    return cf_rsa_oaep_decrypt(f.rsa, cf_buf_view(&f.rsa_ct), &pt);
}

static cf_result rsa_encrypt(void *ctx)
{
    (void)ctx;
    CF_BUF(ct);
    return cf_rsa_oaep_encrypt(cf_buf_view(&f.rsa_spki), TEXT, &ct);
}

static cf_result chain(void *ctx)
{
    (void)ctx;
    cf_dh_public p;
    cf_view bundle[] = {cf_buf_view(&f.root)};
    return cf_chain_verify(bundle[0], bundle, 1, cf_buf_view(&f.leaf), UINT64_C(1700000100000), &p);
}

static const cf_cert_spec root_spec = {.subject_cn = {(const uint8_t *)"r", 1},
                                       .path_len = 1,
                                       .not_before_s = 1700000000,
                                       .not_after_s = 1700003600};
static const cf_cert_spec leaf_spec = {.subject_cn = {(const uint8_t *)"l", 1},
                                       .issuer_cn = {(const uint8_t *)"r", 1},
                                       .path_len = -1,
                                       .not_before_s = 1700000000,
                                       .not_after_s = 1700003600};

static cf_result make_cert(void *ctx)
{
    (void)ctx;
    CF_BUF(der);
    return cf_cert_make(&leaf_spec, pub(f.peer), f.peer, &der);
}

static cf_result prepare(cf_curve kem)
{
    f.suite = (cf_hpke_suite){kem, CF_SHA384, CF_AES_256_GCM};
    CF_TRY(cf_dh_generate(kem, &f.k));
    CF_TRY(cf_dh_generate(kem, &f.peer));
    CF_TRY(cf_hpke_seal_base(f.suite, pub(f.k), INFO, CF_VIEW_EMPTY, TEXT, &f.enc, &f.ct));
    CF_TRY(cf_dh_to_pkcs8(f.k, &f.pkcs8));
    return cf_dh_public_to_spki(kem, pub(f.k), &f.spki);
}

static cf_result prepare_p384(void)
{
    CF_TRY(prepare(CF_P384));
    CF_TRY(cf_es384_sign(f.peer, TEXT, f.sig));
    CF_TRY(cf_cert_make(&root_spec, pub(f.peer), f.peer, &f.root));
    CF_TRY(cf_cert_make(&leaf_spec, pub(f.k), f.peer, &f.leaf));
    CF_TRY(cf_rsa_generate(&f.rsa));
    CF_TRY(cf_rsa_public_spki(f.rsa, &f.rsa_spki));
    return cf_rsa_oaep_encrypt(cf_buf_view(&f.rsa_spki), TEXT, &f.rsa_ct);
}

static void release(void)
{
    cf_buf *bufs[] = {&f.ct, &f.pkcs8, &f.spki, &f.rsa_spki, &f.rsa_ct, &f.root, &f.leaf};
    for (size_t i = 0; i < sizeof bufs / sizeof bufs[0]; i++) {
        cf_buf_free(bufs[i]);
    }
    cf_dh_free(&f.k);
    cf_dh_free(&f.peer);
    cf_rsa_free(&f.rsa);
}

typedef struct {
    const char *name;
    cf_result (*fn)(void *);
    cf_err
        closed; /* what the operation may say instead of NO_MEMORY; CF_OK: nothing, see each_tolerant */
} operation;

/* As failmalloc_each, for an operation that may succeed although an allocation failed, or takes the failure for a bad input; it
 * never answers something else. The library's error queue may keep a string or two for the thread; a leak would add up. */
static void each_tolerant(const operation *op)
{
    enum { RUNS = 600, KEPT = 2 };
    size_t refused = 0;
    long live = failmalloc_live();
    for (size_t n = 1; n <= RUNS; n++) {
        failmalloc_set(n);
        cf_result r = op->fn(NULL);
        failmalloc_set(0);
        assert_true(cf_is_ok(r) || r.code == CF_ERR_NO_MEMORY || r.code == op->closed);
        refused += !cf_is_ok(r);
    }
    assert_true(refused <= RUNS / 2); /* the last half reached the end */
    assert_in_range(failmalloc_live() - live + KEPT, 0, 2 * KEPT);
    print_message("%s: %zu failures\n", op->name, refused);
}

/* The second run counts: the first, and a first error, fill what the library keeps for the thread. */
static void run(const operation *ops, size_t n)
{
    static const uint8_t off_curve[CF_DH_PUBLIC_BYTES_MAX] = {4};
    CF_SECRET(none);
    cf_ignore(cf_dh_shared(f.k, cf_view_make(off_curve, pub(f.k).len), &none));
    for (size_t i = 0; i < n; i++) {
        assert_ok(ops[i].fn(NULL));
        if (ops[i].closed != CF_OK) {
            each_tolerant(&ops[i]);
        } else {
            print_message("%s: %zu allocations\n", ops[i].name,
                          failmalloc_each(ops[i].fn, NULL, 0));
        }
    }
}

/* clang-format off */
#define OP(f) {.name = #f, .fn = f, .closed = CF_OK}
#define CLOSED(f, err) {.name = #f, .fn = f, .closed = CF_ERR_##err}
/* clang-format on */

static void test_key_exchange(void **state)
{
    (void)state;
    static const operation ops[] = {
        OP(generate), OP(from_octets), OP(from_pkcs8), OP(from_spki),        OP(to_der),
        OP(shared),   OP(seal),        OP(open_),      OP(export_all_modes), OP(pair_from_pkcs8)};
    const cf_curve kems[] = {CF_P256, CF_P384, CF_P521, CF_X25519};
    const size_t n = sizeof ops / sizeof ops[0];
    for (size_t i = 0; i < 4; i++) {
        assert_ok(prepare(kems[i]));
        run(ops, kems[i] == CF_X25519 ? n - 1 : n); /* which has no pairs */
        release();
    }
}

static void test_others(void **state)
{
    (void)state;
    static const operation ops[] = {OP(primitives),
                                    OP(aead),
                                    OP(cbc),
                                    OP(sign),
                                    CLOSED(verify, SIGNATURE),
                                    CLOSED(chain, CHAIN),
                                    CLOSED(rsa_decrypt, OPEN),
                                    CLOSED(rsa_encrypt, KEY),
                                    CLOSED(make_cert, CRYPTO)};
    assert_ok(prepare_p384());
    run(ops, sizeof ops / sizeof ops[0]);
    release();
}

/* The scalar, the shared secret's plaintext: no block that is given back holds them. */
static void test_wiped(void **state)
{
    (void)state;
    static const operation ops[] = {OP(from_octets), OP(from_pkcs8),  OP(to_der),
                                    OP(shared),      OP(seal),        OP(open_),
                                    OP(sign),        OP(rsa_decrypt), OP(pair_from_pkcs8)};
    static cf_secret scalar;
    assert_ok(prepare_p384());
    const cf_dh_key *holders[] = {f.k, f.peer};
    for (size_t h = 0; h < 2; h++) {
        assert_ok(cf_dh_secret_of(holders[h], &scalar));
        size_t before = failmalloc_watch(cf_secret_view(&scalar));
        for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
            assert_ok(ops[i].fn(NULL));
            assert_int_equal(failmalloc_watch(cf_secret_view(&scalar)), before);
        }
        (void)failmalloc_watch(CF_VIEW_EMPTY);
    }
    size_t before = failmalloc_watch(TEXT);
    assert_ok(open_(NULL));
    assert_ok(rsa_decrypt(NULL));
    assert_ok(cbc(NULL));
    assert_int_equal(failmalloc_watch(CF_VIEW_EMPTY), before);
    cf_secret_wipe(&scalar);
    release();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key_exchange),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_wiped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
