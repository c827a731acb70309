/* SPDX-License-Identifier: Apache-2.0 */
#include "core/crypto/primitives.h"
#include "tests/support/vectors.h"

static bool hmac_case(const json_t *group, const json_t *test, void *ctx)
{
    CF_BUF(key);
    CF_BUF(msg);
    CF_BUF(tag);
    cf_digest mac;
    vec_hex(test, "key", &key);
    vec_hex(test, "msg", &msg);
    vec_hex(test, "tag", &tag);
    cf_view whole = cf_buf_view(&msg);
    size_t cut = whole.len / 3;
    const cf_view parts[] = {
        {whole.data, cut}, CF_VIEW_EMPTY, cf_view_sub(whole, cut, whole.len - cut)};
    assert_ok(cf_hmac_parts(*(cf_hash *)ctx, cf_buf_view(&key), parts, 3, &mac));
    size_t tag_len = (size_t)vec_int(group, "tagSize") / 8;
    assert_true(tag_len <= mac.len);
    bool same = cf_ct_eq(cf_view_make(mac.b, tag_len), cf_buf_view(&tag));
    assert_int_equal(same, vec_valid(test));
    return true;
}

static bool hkdf_case(const json_t *group, const json_t *test, void *ctx)
{
    (void)group;
    cf_hash h = *(cf_hash *)ctx;
    CF_BUF(ikm);
    CF_BUF(salt);
    CF_BUF(info);
    CF_BUF(okm);
    CF_SECRET(prk);
    vec_hex(test, "ikm", &ikm);
    vec_hex(test, "salt", &salt);
    vec_hex(test, "info", &info);
    vec_hex(test, "okm", &okm);
    size_t len = (size_t)vec_int(test, "size");
    cf_view secret = cf_buf_view(&ikm), about = cf_buf_view(&info);
    assert_ok(cf_hkdf_extract(h, cf_buf_view(&salt), &secret, 1, &prk));
    uint8_t *out = cf_mem_new(len, 1);
    assert_non_null(out);
    cf_result r = cf_hkdf_expand_to(h, cf_secret_view(&prk), &about, 1, out, len);
    if (vec_valid(test)) {
        assert_ok(r);
        assert_view(cf_view_make(out, len), cf_buf_view(&okm));
    } else {
        assert_err(r, RANGE); /* the file's only invalid cases ask for more than 255 blocks */
    }
    cf_mem_free(out);
    return true;
}

static void test_hmac(void **state)
{
    (void)state;
    cf_hash h = CF_SHA256;
    vec_wycheproof("wycheproof/hmac_sha256_test.json", hmac_case, &h, 174, 0);
    h = CF_SHA384;
    vec_wycheproof("wycheproof/hmac_sha384_test.json", hmac_case, &h, 174, 0);
}

static void test_hkdf(void **state)
{
    (void)state;
    cf_hash h = CF_SHA256;
    vec_wycheproof("wycheproof/hkdf_sha256_test.json", hkdf_case, &h, 86, 0);
    h = CF_SHA384;
    vec_wycheproof("wycheproof/hkdf_sha384_test.json", hkdf_case, &h, 83, 0);
    h = CF_SHA512;
    vec_wycheproof("wycheproof/hkdf_sha512_test.json", hkdf_case, &h, 83, 0);
}

static bool aead_case(const json_t *group, const json_t *test, void *ctx)
{
    (void)ctx;
    if (vec_int(group, "ivSize") != 8 * CF_AEAD_NONCE_BYTES || vec_int(group, "keySize") == 192) {
        return false; /* nonces and keys that no suite of ours has */
    }
    assert_int_equal(vec_int(group, "tagSize"), 8 * CF_AEAD_TAG_BYTES);
    CF_BUF(key);
    CF_BUF(iv);
    CF_BUF(aad);
    CF_BUF(msg);
    CF_BUF(ct);
    CF_BUF(tag);
    CF_BUF(out);
    vec_hex(test, "key", &key);
    vec_hex(test, "iv", &iv);
    vec_hex(test, "aad", &aad);
    vec_hex(test, "msg", &msg);
    vec_hex(test, "ct", &ct);
    vec_hex(test, "tag", &tag);
    assert_ok(cf_buf_append(&ct, cf_buf_view(&tag)));
    bool chacha = ctx != NULL;
    cf_aead kind =
        chacha ? CF_CHACHA20_POLY1305 : (key.len == 16 ? CF_AES_128_GCM : CF_AES_256_GCM);
    CF_AUTO(cf_aead_free) cf_aead_ctx *c = NULL;
    assert_ok(cf_aead_new(kind, cf_buf_view(&key), &c));
    assert_int_equal(iv.len, CF_AEAD_NONCE_BYTES);
    bool valid = vec_valid(test);
    for (int pass = 0; pass < 2; pass++) { /* one context, many messages, both directions */
        cf_buf_clear(&out);
        cf_result r = cf_aead_open(c, iv.data, cf_buf_view(&aad), cf_buf_view(&ct), &out);
        assert_code(r, valid ? CF_OK : CF_ERR_OPEN);
        assert_view(cf_buf_view(&out), valid ? cf_buf_view(&msg) : CF_VIEW_EMPTY);
        cf_buf_clear(&out);
        assert_ok(cf_aead_seal(c, iv.data, cf_buf_view(&aad), cf_buf_view(&msg), &out));
        assert_int_equal(cf_view_eq(cf_buf_view(&out), cf_buf_view(&ct)), valid);
    }
    return true;
}

static void test_aead(void **state)
{
    (void)state;
    int chacha = 1;
    vec_wycheproof("wycheproof/aes_gcm_test.json", aead_case, NULL, 133, 183);
    vec_wycheproof("wycheproof/chacha20_poly1305_test.json", aead_case, &chacha, 316, 9);
}

static bool cbc_case(const json_t *group, const json_t *test, void *ctx)
{
    (void)ctx;
    if (vec_int(group, "keySize") != 256) {
        return false;
    }
    CF_BUF(key);
    CF_BUF(iv);
    CF_BUF(msg);
    CF_BUF(ct);
    CF_BUF(out);
    vec_hex(test, "key", &key);
    vec_hex(test, "iv", &iv);
    vec_hex(test, "msg", &msg);
    vec_hex(test, "ct", &ct);
    assert_ok(cf_buf_append(&out, CF_LIT("before")));
    cf_result r =
        cf_aes256_cbc_decrypt(cf_buf_view(&key), cf_buf_view(&iv), cf_buf_view(&ct), &out);
    if (vec_valid(test)) {
        assert_ok(r);
        assert_view(cf_view_sub(cf_buf_view(&out), 6, out.len - 6), cf_buf_view(&msg));
        cf_buf_clear(&out);
        assert_ok(
            cf_aes256_cbc_encrypt(cf_buf_view(&key), cf_buf_view(&iv), cf_buf_view(&msg), &out));
        assert_view(cf_buf_view(&out), cf_buf_view(&ct));
    } else {
        assert_err(r, OPEN);
        assert_view(cf_buf_view(&out), CF_LIT("before"));
    }
    return true;
}

static void test_cbc(void **state)
{
    (void)state;
    vec_wycheproof("wycheproof/aes_cbc_pkcs5_test.json", cbc_case, NULL, 72, 144);
}

/* Every value of the last octet against a plain reading of PKCS#7. */
static void test_cbc_padding(void **state)
{
    (void)state;
    uint8_t key[32] = {1}, iv[16] = {0}, block[16], last[16] = {0};
    size_t accepted = 0;
    for (unsigned pad = 0; pad < 256; pad++) {
        for (unsigned wrong = 0; wrong < 2; wrong++) {
            CF_BUF(ct);
            CF_BUF(pt);
            unsigned fill = pad > 16 ? 16 : pad;
            for (unsigned i = 0; i < 16; i++) {
                block[i] = (uint8_t)(i >= 16 - fill ? pad : 0xEE);
            }
            block[15] = (uint8_t)pad;
            if (wrong == 1 && fill > 1) {
                block[16 - fill] ^= 0x80;
            }
            /* the first block of the encryption is the block itself, without the padding behind it */
            assert_ok(
                cf_aes256_cbc_encrypt(CF_VIEW_OF(key), CF_VIEW_OF(iv), CF_VIEW_OF(block), &ct));
            cf_copy(last, ct.data, 16);
            cf_result r =
                cf_aes256_cbc_decrypt(CF_VIEW_OF(key), CF_VIEW_OF(iv), CF_VIEW_OF(last), &pt);
            bool fine = pad >= 1 && pad <= 16 && !(wrong == 1 && fill > 1);
            assert_code(r, fine ? CF_OK : CF_ERR_OPEN);
            assert_int_equal(pt.len, fine ? 16 - pad : 0);
            accepted += fine;
        }
    }
    assert_int_equal(accepted, 17);
}

/* FIPS 180-4 examples: "abc" in one, two and three parts, and the empty string. */
static void test_hash(void **state)
{
    (void)state;
    static const char *want[][2] = {
        {"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
         "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
         "8086072ba1e7cc2358baeca134c825a7",
         "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da"
         "274edebfe76f65fbd51ad2f14898b95b"},
        {"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
         "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
         "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
         "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"},
    };
    const cf_view parts[] = {CF_LIT("a"), CF_VIEW_EMPTY, CF_LIT("bc")};
    for (int h = CF_SHA256; h <= CF_SHA512; h++) {
        CF_BUF(digest);
        cf_digest got;
        vec_from_hex(want[h - 1][0], &digest);
        assert_int_equal(cf_hash_bytes((cf_hash)h), digest.len);
        assert_ok(cf_hash_of((cf_hash)h, CF_LIT("abc"), &got));
        assert_view(cf_digest_view(&got), cf_buf_view(&digest));
        assert_ok(cf_hash_parts((cf_hash)h, parts, 3, &got));
        assert_view(cf_digest_view(&got), cf_buf_view(&digest));
        vec_from_hex(want[h - 1][1], &digest);
        assert_ok(cf_hash_parts((cf_hash)h, NULL, 0, &got));
        assert_view(cf_digest_view(&got), cf_buf_view(&digest));
    }
    cf_digest none;
    assert_int_equal(cf_hash_bytes((cf_hash)0), 0);
    assert_err(cf_hash_of((cf_hash)0, CF_LIT("abc"), &none), ARGUMENT);
    assert_err(cf_hmac_parts((cf_hash)5, CF_LIT("k"), NULL, 0, &none), ARGUMENT);
}

/* The parts are the concatenation, whether they fit the stack or not, and whatever the length of the key. */
static void test_hmac_parts(void **state)
{
    (void)state;
    CF_BUF(text);
    assert_ok(cf_buf_reserve(&text, 2000));
    while (text.len < 2000) {
        text.data[text.len] = (uint8_t)text.len;
        text.len++;
    }
    const size_t sizes[] = {0, 1, 638, 639, 640, 641, 642, 2000},
                 keys[] = {0, 1, 127, 128, 129, 700};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
            cf_view msg = cf_view_sub(cf_buf_view(&text), 0, sizes[s]), key = {text.data, keys[k]};
            const cf_view two[] = {cf_view_sub(msg, 0, msg.len / 2),
                                   cf_view_sub(msg, msg.len / 2, msg.len - msg.len / 2)};
            cf_digest whole, parts;
            assert_ok(cf_hmac_parts(CF_SHA384, key, &msg, 1, &whole));
            assert_ok(cf_hmac_parts(CF_SHA384, key, two, 2, &parts));
            assert_view(cf_digest_view(&whole), cf_digest_view(&parts));
        }
    }
}

static void test_hkdf_limits(void **state)
{
    (void)state;
    static uint8_t out[255 * 48 + 1];
    CF_SECRET(okm);
    cf_view nine[9] = {CF_VIEW_EMPTY};
    cf_view prk = CF_LIT("0123456789abcdef0123456789abcdef0123456789abcdef");
    assert_ok(cf_hkdf_expand_to(CF_SHA384, prk, NULL, 0, out, 255 * 48 - 1));
    assert_ok(cf_hkdf_expand_to(CF_SHA384, prk, NULL, 0, out, 255 * 48));
    assert_err(cf_hkdf_expand_to(CF_SHA384, prk, NULL, 0, out, 255 * 48 + 1), RANGE);
    assert_ok(cf_hkdf_expand_to(CF_SHA384, prk, nine, 8, out, 48));
    assert_err(cf_hkdf_expand_to(CF_SHA384, prk, nine, 9, out, 48), ARGUMENT);
    assert_err(cf_hkdf_expand(CF_SHA384, prk, NULL, 0, 0, &okm), RANGE);
    assert_ok(cf_hkdf_expand(CF_SHA384, prk, NULL, 0, CF_SECRET_BYTES_MAX, &okm));
    assert_int_equal(okm.len, CF_SECRET_BYTES_MAX);
    assert_err(cf_hkdf_expand(CF_SHA384, prk, NULL, 0, CF_SECRET_BYTES_MAX + 1, &okm), RANGE);
}

static void test_aead_contract(void **state)
{
    (void)state;
    CF_AUTO(cf_aead_free) cf_aead_ctx *c = NULL;
    uint8_t key[33] = {0};
    const uint8_t nonce[CF_AEAD_NONCE_BYTES] = {0};
    const cf_aead kinds[] = {CF_AES_128_GCM, CF_AES_256_GCM, CF_CHACHA20_POLY1305};
    for (size_t i = 0; i < 3; i++) {
        CF_BUF(out);
        CF_BUF(back);
        size_t len = cf_aead_key_bytes(kinds[i]);
        assert_err(cf_aead_new(kinds[i], cf_view_make(key, len - 1), &c), KEY);
        assert_err(cf_aead_new(kinds[i], cf_view_make(key, len + 1), &c), KEY);
        assert_ok(cf_aead_new(kinds[i], cf_view_make(key, len), &c));
        assert_ok(cf_buf_append(&out, CF_LIT("kept")));
        assert_ok(cf_aead_seal(c, nonce, CF_VIEW_EMPTY, CF_VIEW_EMPTY, &out)); /* a tag alone */
        assert_int_equal(out.len, 4 + CF_AEAD_TAG_BYTES);
        cf_view ct = cf_view_sub(cf_buf_view(&out), 4, CF_AEAD_TAG_BYTES);
        assert_ok(cf_aead_open(c, nonce, CF_VIEW_EMPTY, ct, &back));
        assert_int_equal(back.len, 0);
        assert_err(cf_aead_open(c, nonce, CF_LIT("a"), ct, &back), OPEN);
        assert_err(cf_aead_open(c, nonce, CF_VIEW_EMPTY, cf_view_sub(ct, 0, 15), &back), OPEN);
        assert_err(cf_aead_open(c, nonce, CF_VIEW_EMPTY, CF_VIEW_EMPTY, &back), OPEN);
        cf_view big = {nonce, CF_BUF_BYTES_MAX + 1};
        assert_err(cf_aead_seal(c, nonce, CF_VIEW_EMPTY, big, &out), SIZE);
        assert_err(cf_aead_seal(c, nonce, big, CF_VIEW_EMPTY, &out), SIZE);
        assert_err(cf_aead_open(c, nonce, CF_VIEW_EMPTY, big, &out), SIZE);
        assert_int_equal(out.len, 4 + CF_AEAD_TAG_BYTES);
        cf_aead_free(&c);
        assert_null(c);
    }
    cf_aead_free(&c);
    assert_err(cf_aead_new(CF_EXPORT_ONLY, CF_VIEW_EMPTY, &c), UNSUPPORTED);
    assert_err(cf_aead_new((cf_aead)4, cf_view_make(key, 32), &c), UNSUPPORTED);
    CF_BUF(out);
    assert_err(
        cf_aes256_cbc_encrypt(cf_view_make(key, 31), cf_view_make(key, 16), CF_LIT("x"), &out),
        KEY);
    assert_err(
        cf_aes256_cbc_decrypt(cf_view_make(key, 32), cf_view_make(key, 15), CF_LIT("x"), &out),
        OPEN);
    assert_err(
        cf_aes256_cbc_decrypt(cf_view_make(key, 32), cf_view_make(key, 16), CF_VIEW_EMPTY, &out),
        OPEN);
}

static void test_random(void **state)
{
    (void)state;
    static uint8_t a[10000], b[10000];
    size_t zeros = 0;
    assert_ok(cf_random(a, sizeof a));
    assert_ok(cf_random(b, sizeof b));
    assert_ok(cf_random(NULL, 0));
    assert_false(cf_view_eq(cf_view_make(a, 32), cf_view_make(b, 32)));
    for (size_t i = 0; i < sizeof a; i++) {
        zeros += a[i] == 0; /* about 39; an unfilled chunk would have thousands */
    }
    assert_true(zeros < 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash),          cmocka_unit_test(test_hmac),
        cmocka_unit_test(test_hmac_parts),    cmocka_unit_test(test_hkdf),
        cmocka_unit_test(test_hkdf_limits),   cmocka_unit_test(test_aead),
        cmocka_unit_test(test_cbc),           cmocka_unit_test(test_cbc_padding),
        cmocka_unit_test(test_aead_contract), cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
