/* SPDX-License-Identifier: Apache-2.0 */
#include "core/crypto/sign.h"
#include "tests/support/vectors.h"

typedef struct {
    bool same_hash; /* the file uses SHA-256 in both places, as we do */
    size_t valid, labelled;
} tally;

static bool oaep_case(const json_t *group, const json_t *test, void *ctx)
{
    tally *t = ctx;
    CF_BUF(pkcs8);
    CF_BUF(msg);
    CF_BUF(ct);
    CF_BUF(label);
    CF_BUF(out);
    CF_AUTO(cf_rsa_free) cf_rsa_key *k = NULL;
    vec_hex(group, "privateKeyPkcs8", &pkcs8);
    vec_hex(test, "msg", &msg);
    vec_hex(test, "ct", &ct);
    vec_hex(test, "label", &label);
    assert_ok(cf_rsa_from_pkcs8(cf_buf_view(&pkcs8), &k));
    assert_ok(cf_buf_append(&out, CF_LIT("before")));
    cf_result r = cf_rsa_oaep_decrypt(k, cf_buf_view(&ct), &out);
    bool ours = vec_valid(test) && label.len == 0 && t->same_hash;
    t->labelled += vec_valid(test) && label.len > 0;
    if (!ours) {
        assert_err(r, OPEN);
        assert_view(cf_buf_view(&out), CF_LIT("before"));
        return true;
    }
    assert_ok(r);
    assert_view(cf_view_sub(cf_buf_view(&out), 6, out.len - 6), cf_buf_view(&msg));
    t->valid++;
    cf_buf_clear(&out);
    ct.data[ct.len - 1] ^= 1;
    assert_err(cf_rsa_oaep_decrypt(k, cf_buf_view(&ct), &out), OPEN);
    assert_err(cf_rsa_oaep_decrypt(k, cf_view_sub(cf_buf_view(&ct), 0, ct.len - 1), &out), OPEN);
    assert_err(cf_rsa_oaep_decrypt(k, CF_VIEW_EMPTY, &out), OPEN);
    assert_int_equal(out.len, 0);
    return true;
}

static void test_wycheproof(void **state)
{
    (void)state;
    tally same = {true, 0, 0}, other = {false, 0, 0};
    vec_wycheproof("wycheproof/rsa_oaep_2048_sha256_mgf1sha256_test.json", oaep_case, &same, 37, 0);
    assert_int_equal(same.valid + same.labelled, 18);
    assert_true(same.valid >= 10 && same.labelled >= 1);
    /* the same key and hash with MGF1 over SHA-1: nothing of it is ours */
    vec_wycheproof("wycheproof/rsa_oaep_2048_sha256_mgf1sha1_test.json", oaep_case, &other, 31, 0);
    assert_int_equal(other.valid, 0);
}

static void test_round_trip(void **state)
{
    (void)state;
    CF_AUTO(cf_rsa_free) cf_rsa_key *k = NULL, *other = NULL;
    CF_BUF(spki);
    assert_ok(cf_rsa_generate(&k));
    assert_ok(cf_rsa_generate(&other));
    assert_ok(cf_rsa_public_spki(k, &spki));
    assert_int_equal(spki.len, 294);
    uint8_t text[CF_RSA_OAEP_BYTES_MAX + 1];
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = (uint8_t)i;
    }
    const size_t sizes[] = {0, 1, 32, CF_RSA_OAEP_BYTES_MAX - 1, CF_RSA_OAEP_BYTES_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        CF_BUF(ct);
        CF_BUF(pt);
        assert_ok(cf_rsa_oaep_encrypt(cf_buf_view(&spki), cf_view_make(text, sizes[i]), &ct));
        assert_int_equal(ct.len, CF_RSA_BYTES);
        assert_ok(cf_rsa_oaep_decrypt(k, cf_buf_view(&ct), &pt));
        assert_view(cf_buf_view(&pt), cf_view_make(text, sizes[i]));
        cf_buf_clear(&pt);
        assert_err(cf_rsa_oaep_decrypt(other, cf_buf_view(&ct), &pt), OPEN);
    }
    CF_BUF(ct);
    assert_err(cf_rsa_oaep_encrypt(cf_buf_view(&spki), CF_VIEW_OF(text), &ct), SIZE);
    assert_int_equal(ct.len, 0);
}

/* Keys that are none, or not RSA-2048. */
static void test_keys_refused(void **state)
{
    (void)state;
    CF_AUTO(cf_rsa_free) cf_rsa_key *k = NULL, *bad = NULL;
    CF_AUTO(cf_dh_free) cf_dh_key *ec = NULL;
    CF_BUF(spki);
    CF_BUF(ec_der);
    CF_BUF(out);
    assert_ok(cf_rsa_generate(&k));
    assert_ok(cf_rsa_public_spki(k, &spki));
    for (size_t len = 0; len < spki.len; len += 7) {
        assert_err(cf_rsa_oaep_encrypt(cf_view_sub(cf_buf_view(&spki), 0, len), CF_LIT("x"), &out),
                   KEY);
    }
    assert_ok(cf_buf_append(&spki, CF_LIT("\0")));
    assert_err(cf_rsa_oaep_encrypt(cf_buf_view(&spki), CF_LIT("x"), &out), KEY);
    assert_ok(cf_dh_generate(CF_P384, &ec));
    assert_ok(cf_dh_public_to_spki(CF_P384, cf_dh_public_view(cf_dh_public_of(ec)), &ec_der));
    assert_err(cf_rsa_oaep_encrypt(cf_buf_view(&ec_der), CF_LIT("x"), &out), KEY);
    cf_buf_clear(&ec_der);
    assert_ok(cf_dh_to_pkcs8(ec, &ec_der));
    assert_err(cf_rsa_from_pkcs8(cf_buf_view(&ec_der), &bad), KEY);
    assert_err(cf_rsa_from_pkcs8(CF_VIEW_EMPTY, &bad), KEY);
    /* a genuine RSA-3072 key */
    static const char *wide = "30820122300d06092a864886f70d01010105000382010f003082010a0282010100";
    CF_BUF(cut);
    vec_from_hex(wide, &cut);
    assert_err(cf_rsa_oaep_encrypt(cf_buf_view(&cut), CF_LIT("x"), &out), KEY);

    json_t *root = vec_load("wycheproof/rsa_oaep_2048_sha256_mgf1sha256_test.json");
    CF_BUF(pkcs8);
    vec_hex(json_array_get(vec_array(root, "testGroups"), 0), "privateKeyPkcs8", &pkcs8);
    json_decref(root);
    for (size_t len = 0; len < pkcs8.len; len += 13) {
        assert_err(cf_rsa_from_pkcs8(cf_view_sub(cf_buf_view(&pkcs8), 0, len), &bad), KEY);
    }
    assert_ok(cf_buf_append(&pkcs8, CF_LIT("\0")));
    assert_err(cf_rsa_from_pkcs8(cf_buf_view(&pkcs8), &bad), TRAILING);
    cf_view big = cf_view_make(pkcs8.data, CF_RSA_PKCS8_BYTES_MAX + 1);
    assert_err(cf_rsa_from_pkcs8(big, &bad), KEY); /* refused by its length, before it is read */
    big.len = CF_RSA_SPKI_BYTES_MAX + 1;
    assert_err(cf_rsa_oaep_encrypt(big, CF_LIT("x"), &out), KEY);
    assert_null(bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wycheproof),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_keys_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
