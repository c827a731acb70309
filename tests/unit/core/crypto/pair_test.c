/* SPDX-License-Identifier: Apache-2.0 */
#include "core/crypto/pair.h"
#include "tests/support/vectors.h"

static const cf_pair_kind all_kinds[] = {CF_PAIR_RSA_2048,  CF_PAIR_RSA_3072, CF_PAIR_RSA_4096,
                                         CF_PAIR_P256,      CF_PAIR_P384,     CF_PAIR_P521,
                                         CF_PAIR_SECP256K1, CF_PAIR_ED25519};
#define KINDS (sizeof all_kinds / sizeof all_kinds[0])

/* One pair of each kind, made once: RSA takes its time. */
static cf_pair *pairs[CF_PAIR_COUNT];

static int make_pairs(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        assert_ok(cf_pair_generate(all_kinds[i], &pairs[all_kinds[i]]));
    }
    return 0;
}

static int free_pairs(void **state)
{
    (void)state;
    for (size_t i = 0; i < CF_PAIR_COUNT; i++) {
        cf_pair_free(&pairs[i]);
    }
    return 0;
}

static const cf_sign_scheme schemes[] = {
    {CF_SIGN_PSS, CF_SHA256},       {CF_SIGN_PSS, CF_SHA384},     {CF_SIGN_PSS, CF_SHA512},
    {CF_SIGN_PKCS1, CF_SHA256},     {CF_SIGN_PKCS1, CF_SHA384},   {CF_SIGN_PKCS1, CF_SHA512},
    {CF_SIGN_ECDSA, CF_SHA256},     {CF_SIGN_ECDSA, CF_SHA384},   {CF_SIGN_ECDSA, CF_SHA512},
    {CF_SIGN_ED25519PH, CF_SHA512}, {CF_SIGN_ED25519, CF_SHA512},
};
#define SCHEMES (sizeof schemes / sizeof schemes[0])

static bool suits(cf_pair_kind kind, cf_sign_form form)
{
    bool rsa = kind <= CF_PAIR_RSA_4096, ed = kind == CF_PAIR_ED25519;
    switch (form) {
    case CF_SIGN_PSS:
    case CF_SIGN_PKCS1:
        return rsa;
    case CF_SIGN_ECDSA:
        return !rsa && !ed;
    case CF_SIGN_ED25519:
    case CF_SIGN_ED25519PH:
        return ed;
    }
    return false;
}

static cf_view input_of(cf_sign_scheme scheme, const char *text, cf_digest *room)
{
    if (scheme.form == CF_SIGN_ED25519) {
        return cf_view_str(text);
    }
    assert_ok(cf_hash_of(scheme.hash, cf_view_str(text), room));
    return cf_digest_view(room);
}

/* What was signed verifies with the public key alone, and nothing else does. */
static void check_signature(cf_pair_kind kind, cf_sign_scheme scheme)
{
    CF_BUF(sig);
    CF_BUF(spki);
    CF_AUTO(cf_pair_free) cf_pair *pub = NULL;
    cf_digest room, other_room;
    cf_view input = input_of(scheme, "a message", &room);
    cf_view other = input_of(scheme, "another message", &other_room);
    cf_result r = cf_pair_sign(pairs[kind], scheme, input, &sig);
    if (!suits(kind, scheme.form)) {
        assert_err(r, KEY);
        assert_err(cf_pair_verify(pairs[kind], scheme, input, CF_LIT("x")), KEY);
        return;
    }
    if (scheme.form == CF_SIGN_ED25519PH && r.code == CF_ERR_UNSUPPORTED) {
        return;
    }
    assert_ok(r);
    assert_true(sig.len <= CF_PAIR_SIGNATURE_BYTES_MAX);
    assert_ok(cf_pair_to_spki(pairs[kind], &spki));
    assert_ok(cf_pair_from_spki(kind, cf_buf_view(&spki), &pub));
    const cf_pair *both[] = {pairs[kind], pub};
    for (size_t i = 0; i < 2; i++) {
        assert_ok(cf_pair_verify(both[i], scheme, input, cf_buf_view(&sig)));
        assert_err(cf_pair_verify(both[i], scheme, other, cf_buf_view(&sig)), SIGNATURE);
        assert_err(cf_pair_verify(both[i], scheme, input, cf_view_make(sig.data, sig.len - 1)),
                   SIGNATURE);
        assert_err(cf_pair_verify(both[i], scheme, input, CF_VIEW_EMPTY), SIGNATURE);
        sig.data[sig.len / 2] ^= 1;
        assert_err(cf_pair_verify(both[i], scheme, input, cf_buf_view(&sig)), SIGNATURE);
        sig.data[sig.len / 2] ^= 1;
    }
    CF_BUF(no);
    assert_err(cf_pair_sign(pub, scheme, input, &no), KEY);
    assert_err(cf_pair_to_pkcs8(pub, &no), KEY);
    assert_int_equal(no.len, 0);
    if (scheme.form != CF_SIGN_ED25519) {
        cf_view cut = cf_view_sub(input, 0, input.len - 1);
        assert_err(cf_pair_sign(pairs[kind], scheme, cut, &no), ARGUMENT);
        assert_err(cf_pair_verify(pairs[kind], scheme, cut, cf_buf_view(&sig)), ARGUMENT);
    }
}

static void test_sign(void **state)
{
    (void)state;
    for (size_t k = 0; k < KINDS; k++) {
        for (size_t s = 0; s < SCHEMES; s++) {
            check_signature(all_kinds[k], schemes[s]);
        }
    }
}

/* A pair survives its encodings, and is refused as one of any other kind. */
static void test_encodings(void **state)
{
    (void)state;
    for (size_t k = 0; k < KINDS; k++) {
        CF_BUF(pkcs8);
        CF_BUF(spki);
        cf_pair_kind kind = all_kinds[k];
        assert_int_equal(cf_pair_kind_of(pairs[kind]), kind);
        assert_ok(cf_pair_to_pkcs8(pairs[kind], &pkcs8));
        assert_ok(cf_pair_to_spki(pairs[kind], &spki));
        assert_true(pkcs8.len <= CF_PAIR_PKCS8_BYTES_MAX);
        for (size_t other = 0; other < KINDS; other++) {
            CF_AUTO(cf_pair_free) cf_pair *from = NULL, *pub = NULL;
            cf_result r = cf_pair_from_pkcs8(all_kinds[other], cf_buf_view(&pkcs8), &from);
            cf_result p = cf_pair_from_spki(all_kinds[other], cf_buf_view(&spki), &pub);
            if (other != k) {
                assert_err(r, KEY);
                assert_err(p, KEY);
                assert_null(from);
                assert_null(pub);
                continue;
            }
            CF_BUF(again);
            assert_ok(r);
            assert_ok(p);
            assert_ok(cf_pair_to_pkcs8(from, &again));
            assert_view(cf_buf_view(&again), cf_buf_view(&pkcs8));
            cf_buf_clear(&again);
            assert_ok(cf_pair_to_spki(from, &again));
            assert_view(cf_buf_view(&again), cf_buf_view(&spki));
        }
        CF_AUTO(cf_pair_free) cf_pair *no = NULL;
        assert_err(cf_pair_from_pkcs8(kind, cf_view_make(pkcs8.data, pkcs8.len - 1), &no), KEY);
        assert_ok(cf_buf_append(&pkcs8, CF_LIT("\0")));
        assert_err(cf_pair_from_pkcs8(kind, cf_buf_view(&pkcs8), &no), TRAILING);
        assert_ok(cf_buf_append(&spki, CF_LIT("\0")));
        assert_err(cf_pair_from_spki(kind, cf_buf_view(&spki), &no), TRAILING);
        assert_err(cf_pair_from_pkcs8(kind, CF_VIEW_EMPTY, &no), KEY);
    }
    cf_pair *no = NULL;
    assert_err(cf_pair_generate((cf_pair_kind)0, &no), ARGUMENT);
    assert_err(cf_pair_generate(CF_PAIR_COUNT, &no), ARGUMENT);
    assert_err(cf_pair_from_pkcs8(CF_PAIR_COUNT, CF_LIT("x"), &no), ARGUMENT);
}

static void test_share(void **state)
{
    (void)state;
    CF_AUTO(cf_pair_free) cf_pair *first = NULL, *second = NULL;
    CF_BUF(sig);
    cf_digest d;
    const cf_sign_scheme scheme = {CF_SIGN_ECDSA, CF_SHA256};
    assert_ok(cf_pair_generate(CF_PAIR_P256, &first));
    assert_ok(cf_pair_share(first, &second));
    assert_ok(cf_hash_of(CF_SHA256, CF_LIT("m"), &d));
    assert_ok(cf_pair_sign(first, scheme, cf_digest_view(&d), &sig));
    cf_pair_free(&first);
    assert_ok(cf_pair_verify(second, scheme, cf_digest_view(&d), cf_buf_view(&sig)));
}

/* --- published vectors --- */

typedef struct {
    cf_pair_kind kind;
    cf_sign_scheme scheme;
    size_t valid;
} ecdsa_ctx;

static bool ecdsa_case(const json_t *group, const json_t *test, void *ctx)
{
    ecdsa_ctx *c = ctx;
    CF_BUF(spki);
    CF_BUF(msg);
    CF_BUF(sig);
    CF_AUTO(cf_pair_free) cf_pair *p = NULL;
    cf_digest d;
    vec_hex(group, "publicKeyDer", &spki);
    vec_hex(test, "msg", &msg);
    vec_hex(test, "sig", &sig);
    assert_ok(cf_pair_from_spki(c->kind, cf_buf_view(&spki), &p));
    assert_ok(cf_hash_of(c->scheme.hash, cf_buf_view(&msg), &d));
    cf_result r = cf_pair_verify(p, c->scheme, cf_digest_view(&d), cf_buf_view(&sig));
    if (!vec_valid(test)) {
        assert_err(r, SIGNATURE);
        return true;
    }
    assert_ok(r);
    c->valid++;
    return true;
}

static void test_wycheproof_ecdsa(void **state)
{
    (void)state;
    ecdsa_ctx c = {CF_PAIR_P256, {CF_SIGN_ECDSA, CF_SHA256}, 0};
    vec_wycheproof("wycheproof/ecdsa_secp256r1_sha256_test.json", ecdsa_case, &c, 484, 0);
    assert_int_equal(c.valid, 174);
    c = (ecdsa_ctx){CF_PAIR_P384, {CF_SIGN_ECDSA, CF_SHA384}, 0};
    vec_wycheproof("wycheproof/ecdsa_secp384r1_sha384_test.json", ecdsa_case, &c, 504, 0);
    assert_int_equal(c.valid, 194);
}

typedef struct {
    size_t opened, refused;
} oaep_ctx;

static bool kind_of_size(long long bits, cf_pair_kind *ret)
{
    *ret = bits == 2048 ? CF_PAIR_RSA_2048 : bits == 3072 ? CF_PAIR_RSA_3072 : CF_PAIR_RSA_4096;
    return bits == 2048 || bits == 3072 || bits == 4096;
}

/* A case opens exactly when it is valid, without a label, and has our hash in both places. */
static bool oaep_case(const json_t *group, const json_t *test, void *ctx)
{
    oaep_ctx *c = ctx;
    cf_pair_kind kind;
    CF_BUF(pkcs8);
    CF_BUF(msg);
    CF_BUF(ct);
    CF_BUF(label);
    CF_AUTO(cf_pair_free) cf_pair *p = NULL;
    if (!kind_of_size(vec_int(group, "keySize"), &kind)) {
        return false;
    }
    vec_hex(group, "privateKeyPkcs8", &pkcs8);
    vec_hex(test, "msg", &msg);
    vec_hex(test, "ct", &ct);
    vec_hex(test, "label", &label);
    assert_ok(cf_pair_from_pkcs8(kind, cf_buf_view(&pkcs8), &p));
    for (cf_oaep oaep = CF_OAEP_SHA1; oaep <= CF_OAEP_SHA256; oaep++) {
        const char *hash = oaep == CF_OAEP_SHA1 ? "SHA-1" : "SHA-256";
        CF_BUF(out);
        bool ours = vec_valid(test) && label.len == 0 &&
                    strcmp(vec_text(group, "sha"), hash) == 0 &&
                    strcmp(vec_text(group, "mgfSha"), hash) == 0;
        cf_result r = cf_pair_oaep_decrypt(p, oaep, cf_buf_view(&ct), &out);
        if (ours) {
            assert_ok(r);
            assert_view(cf_buf_view(&out), cf_buf_view(&msg));
            c->opened++;
        } else {
            assert_err(r, OPEN);
            assert_int_equal(out.len, 0);
            c->refused++;
        }
    }
    return true;
}

static void test_wycheproof_oaep(void **state)
{
    (void)state;
    oaep_ctx c = {0, 0};
    vec_wycheproof("wycheproof/rsa_oaep_3072_sha256_mgf1sha256_test.json", oaep_case, &c, 37, 0);
    vec_wycheproof("wycheproof/rsa_oaep_4096_sha256_mgf1sha256_test.json", oaep_case, &c, 37, 0);
    size_t before = c.opened;
    assert_true(before >= 20);
    vec_wycheproof("wycheproof/rsa_oaep_misc_test.json", oaep_case, &c, 210, 185);
    assert_true(c.opened > before);
    print_message("%zu opened, %zu refused\n", c.opened, c.refused);
}

static void test_oaep(void **state)
{
    (void)state;
    static const struct {
        cf_pair_kind kind;
        size_t sha1, sha256; /* RFC 8017 section 7.1.1 */
    } rows[] = {{CF_PAIR_RSA_2048, 214, 190},
                {CF_PAIR_RSA_3072, 342, 318},
                {CF_PAIR_RSA_4096, 470, 446},
                {CF_PAIR_P256, 0, 0},
                {CF_PAIR_ED25519, 0, 0}};
    uint8_t text[471] = {1, 2, 3};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const cf_pair *p = pairs[rows[i].kind];
        for (cf_oaep oaep = CF_OAEP_SHA1; oaep <= CF_OAEP_SHA256; oaep++) {
            size_t max = oaep == CF_OAEP_SHA1 ? rows[i].sha1 : rows[i].sha256;
            cf_oaep other = oaep == CF_OAEP_SHA1 ? CF_OAEP_SHA256 : CF_OAEP_SHA1;
            CF_BUF(ct);
            CF_BUF(pt);
            assert_int_equal(cf_pair_oaep_max(rows[i].kind, oaep), max);
            if (max == 0) {
                assert_err(cf_pair_oaep_encrypt(p, oaep, CF_LIT("x"), &ct), KEY);
                assert_err(cf_pair_oaep_decrypt(p, oaep, CF_LIT("x"), &ct), KEY);
                continue;
            }
            assert_ok(cf_pair_oaep_encrypt(p, oaep, cf_view_make(text, max), &ct));
            assert_ok(cf_pair_oaep_decrypt(p, oaep, cf_buf_view(&ct), &pt));
            assert_view(cf_buf_view(&pt), cf_view_make(text, max));
            cf_buf_clear(&pt);
            assert_err(cf_pair_oaep_decrypt(p, other, cf_buf_view(&ct), &pt), OPEN);
            assert_err(cf_pair_oaep_decrypt(p, oaep, cf_view_make(ct.data, ct.len - 1), &pt), OPEN);
            cf_buf_clear(&ct);
            assert_ok(cf_pair_oaep_encrypt(p, oaep, CF_VIEW_EMPTY, &ct));
            assert_ok(cf_pair_oaep_decrypt(p, oaep, cf_buf_view(&ct), &pt));
            assert_int_equal(pt.len, 0);
            assert_err(cf_pair_oaep_encrypt(p, oaep, cf_view_make(text, max + 1), &ct), SIZE);
        }
    }
}

/* RFC 8032 sections 7.1 (test 2) and 7.3: the seed behind the head of its PKCS#8 form. */
static void test_rfc8032(void **state)
{
    (void)state;
    static const struct {
        const char *seed, *msg, *sig;
        cf_sign_form form;
    } rows[] = {
        {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", "72",
         "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
         "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
         CF_SIGN_ED25519},
        {"833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42", "616263",
         "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41"
         "31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406",
         CF_SIGN_ED25519PH},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CF_BUF(pkcs8);
        CF_BUF(seed);
        CF_BUF(msg);
        CF_BUF(want);
        CF_BUF(sig);
        CF_AUTO(cf_pair_free) cf_pair *p = NULL;
        cf_digest d;
        vec_from_hex("302e020100300506032b657004220420", &pkcs8);
        vec_from_hex(rows[i].seed, &seed);
        assert_ok(cf_buf_append(&pkcs8, cf_buf_view(&seed)));
        assert_ok(cf_pair_from_pkcs8(CF_PAIR_ED25519, cf_buf_view(&pkcs8), &p));
        vec_from_hex(rows[i].msg, &msg);
        vec_from_hex(rows[i].sig, &want);
        assert_ok(cf_hash_of(CF_SHA512, cf_buf_view(&msg), &d));
        cf_view input = rows[i].form == CF_SIGN_ED25519 ? cf_buf_view(&msg) : cf_digest_view(&d);
        cf_result r = cf_pair_sign(p, (cf_sign_scheme){rows[i].form, CF_SHA512}, input, &sig);
        if (rows[i].form == CF_SIGN_ED25519PH && r.code == CF_ERR_UNSUPPORTED) {
            continue; /* OpenSSL */
        }
        assert_ok(r);
        assert_view(cf_buf_view(&sig), cf_buf_view(&want));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sign),
        cmocka_unit_test(test_encodings),
        cmocka_unit_test(test_share),
        cmocka_unit_test(test_wycheproof_ecdsa),
        cmocka_unit_test(test_wycheproof_oaep),
        cmocka_unit_test(test_oaep),
        cmocka_unit_test(test_rfc8032),
    };
    return cmocka_run_group_tests(tests, make_pairs, free_pairs);
}
