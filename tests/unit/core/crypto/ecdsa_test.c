/* SPDX-License-Identifier: Apache-2.0 */
#include "core/crypto/sign.h"
#include "tests/support/vectors.h"

/* What verifies must not once a bit is changed or the message is longer. */
static bool p1363_case(const json_t *group, const json_t *test, void *ctx)
{
    size_t *valid = ctx;
    CF_BUF(pub);
    CF_BUF(msg);
    CF_BUF(sig);
    vec_hex(json_object_get(group, "publicKey"), "uncompressed", &pub);
    vec_hex(test, "msg", &msg);
    vec_hex(test, "sig", &sig);
    cf_result r = cf_es384_verify(cf_buf_view(&pub), cf_buf_view(&msg), cf_buf_view(&sig));
    if (!vec_valid(test)) {
        assert_err(r, SIGNATURE);
        return true;
    }
    assert_ok(r);
    (*valid)++;
    assert_ok(cf_buf_append(&msg, CF_LIT("\0")));
    assert_err(cf_es384_verify(cf_buf_view(&pub), cf_buf_view(&msg), cf_buf_view(&sig)), SIGNATURE);
    msg.len--;
    sig.data[sig.len / 4] ^= 1;
    assert_err(cf_es384_verify(cf_buf_view(&pub), cf_buf_view(&msg), cf_buf_view(&sig)), SIGNATURE);
    sig.data[sig.len / 4] ^= 1;
    sig.data[sig.len - 1] ^= 1;
    assert_err(cf_es384_verify(cf_buf_view(&pub), cf_buf_view(&msg), cf_buf_view(&sig)), SIGNATURE);
    return true;
}

static void test_wycheproof(void **state)
{
    (void)state;
    size_t valid = 0;
    vec_wycheproof("wycheproof/ecdsa_secp384r1_sha384_p1363_test.json", p1363_case, &valid, 280, 0);
    assert_int_equal(valid, 193);
}

static void test_sign_and_verify(void **state)
{
    (void)state;
    CF_AUTO(cf_dh_free) cf_dh_key *k = NULL, *other = NULL, *wrong = NULL;
    assert_ok(cf_dh_generate(CF_P384, &k));
    assert_ok(cf_dh_generate(CF_P384, &other));
    assert_ok(cf_dh_generate(CF_P256, &wrong));
    cf_view pub = cf_dh_public_view(cf_dh_public_of(k));
    uint8_t sig[CF_ES384_BYTES + 1] = {0}, again[CF_ES384_BYTES];
    cf_view whole = cf_view_make(sig, CF_ES384_BYTES);
    for (unsigned i = 0; i < 40;
         i++) { /* long enough to meet an r or s with a leading zero now and then */
        cf_view msg = cf_view_make("0123456789012345678901234567890123456789", i);
        assert_ok(cf_es384_sign(k, msg, sig));
        assert_ok(cf_es384_verify(pub, msg, whole));
        assert_err(cf_es384_verify(cf_dh_public_view(cf_dh_public_of(other)), msg, whole),
                   SIGNATURE);
    }
    assert_ok(cf_es384_sign(k, CF_LIT("m"), sig));
    assert_ok(cf_es384_sign(k, CF_LIT("m"), again));
    assert_false(cf_view_eq(whole, CF_VIEW_OF(again))); /* a fresh nonce each time */
    assert_err(cf_es384_verify(pub, CF_LIT("m"), cf_view_make(sig, CF_ES384_BYTES - 1)), SIGNATURE);
    assert_err(cf_es384_verify(pub, CF_LIT("m"), cf_view_make(sig, CF_ES384_BYTES + 1)), SIGNATURE);
    assert_err(cf_es384_verify(pub, CF_LIT("m"), CF_VIEW_EMPTY), SIGNATURE);
    assert_err(cf_es384_verify(cf_view_sub(pub, 0, 96), CF_LIT("m"), whole), KEY);
    assert_err(cf_es384_verify(cf_dh_public_view(cf_dh_public_of(wrong)), CF_LIT("m"), whole), KEY);
    assert_err(cf_es384_sign(wrong, CF_LIT("m"), sig), KEY);
    CF_BUF(off_curve);
    assert_ok(cf_buf_append(&off_curve, pub));
    off_curve.data[96] ^= 1;
    assert_err(cf_es384_verify(cf_buf_view(&off_curve), CF_LIT("m"), whole), KEY);
}

/* n - s in place of s is as good a signature: attestation documents come with either (no low-s rule). */
static void test_high_s(void **state)
{
    (void)state;
    static const uint8_t order[48] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                      0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                      0xFF, 0xFF, 0xFF, 0xFF, 0xC7, 0x63, 0x4D, 0x81, 0xF4, 0x37,
                                      0x2D, 0xDF, 0x58, 0x1A, 0x0D, 0xB2, 0x48, 0xB0, 0xA7, 0x7A,
                                      0xEC, 0xEC, 0x19, 0x6A, 0xCC, 0xC5, 0x29, 0x73};
    CF_AUTO(cf_dh_free) cf_dh_key *k = NULL;
    uint8_t sig[CF_ES384_BYTES];
    assert_ok(cf_dh_generate(CF_P384, &k));
    assert_ok(cf_es384_sign(k, CF_LIT("m"), sig));
    int borrow = 0;
    for (int i = 47; i >= 0; i--) {
        int v = order[i] - sig[48 + i] - borrow;
        borrow = v < 0;
        sig[48 + i] = (uint8_t)(v & 0xFF);
    }
    assert_ok(cf_es384_verify(cf_dh_public_view(cf_dh_public_of(k)), CF_LIT("m"), CF_VIEW_OF(sig)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wycheproof),
        cmocka_unit_test(test_sign_and_verify),
        cmocka_unit_test(test_high_s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
