/* SPDX-License-Identifier: Apache-2.0 */
#include "core/crypto/ct_priv.h"
#include "core/crypto/lib_priv.h"

#define CBC_KEY_BYTES 32
#define CBC_BLOCK_BYTES 16
/* A piece for one call of the cipher, whose lengths are int; buffers never come near this. */
_Static_assert(CF_BUF_BYTES_MAX + CBC_BLOCK_BYTES <= INT32_MAX, "cipher lengths fit an int");

struct cf_aead_ctx {
    EVP_CIPHER_CTX *evp;
};

size_t cf_aead_key_bytes(cf_aead a)
{
    switch (a) {
    case CF_AES_128_GCM:
        return 16;
    case CF_AES_256_GCM:
    case CF_CHACHA20_POLY1305:
        return 32;
    case CF_EXPORT_ONLY:
        break;
    }
    return 0;
}

static const EVP_CIPHER *cipher_of(cf_aead a)
{
    switch (a) {
    case CF_AES_128_GCM:
        return EVP_aes_128_gcm();
    case CF_AES_256_GCM:
        return EVP_aes_256_gcm();
    case CF_CHACHA20_POLY1305:
        return EVP_chacha20_poly1305();
    case CF_EXPORT_ONLY:
        break;
    }
    return NULL;
}

CF_MUST_USE cf_result cf_aead_new(cf_aead a, cf_view key, cf_aead_ctx **ret)
{
    *ret = NULL;
    CF_REQUIRE(cf_aead_key_bytes(a) > 0, UNSUPPORTED);
    CF_REQUIRE(key.len == cf_aead_key_bytes(a), KEY);
    CF_AUTO(cf_aead_free) cf_aead_ctx *c = cf_mem_new(1, sizeof *c);
    CF_REQUIRE(c != NULL, NO_MEMORY);
    c->evp = EVP_CIPHER_CTX_new();
    CF_REQUIRE(c->evp != NULL, NO_MEMORY);
    int keyed = EVP_CipherInit_ex(c->evp, cipher_of(a), NULL, key.data, NULL, 1);
    CF_TRY(cf_lib_ok(keyed == 1, CF_ERR_CRYPTO));
    *ret = c;
    c = NULL;
    return cf_ok();
}

void cf_aead_free(cf_aead_ctx **c)
{
    if (*c != NULL) {
        EVP_CIPHER_CTX_free((*c)->evp); /* wipes the key schedule */
        cf_mem_free(*c);
        *c = NULL;
    }
}

static cf_result update(EVP_CIPHER_CTX *evp, uint8_t *out, cf_view in)
{
    int len = 0;
    if (in.len > 0) {
        int done = EVP_CipherUpdate(evp, out, &len, in.data, (int)in.len);
        CF_TRY(cf_lib_ok(done == 1 && (size_t)len == in.len, CF_ERR_CRYPTO));
    }
    return cf_ok();
}

/* The key stays in the context; only the nonce, and the direction, are new. */
static cf_result start(cf_aead_ctx *c, const uint8_t *nonce, int seal, cf_view aad)
{
    CF_REQUIRE(aad.len <= CF_BUF_BYTES_MAX, SIZE);
    CF_TRY(cf_lib_ok(EVP_CipherInit_ex(c->evp, NULL, NULL, NULL, nonce, seal) == 1, CF_ERR_CRYPTO));
    return update(c->evp, NULL, aad);
}

CF_MUST_USE cf_result cf_aead_seal(cf_aead_ctx *c, const uint8_t nonce[static CF_AEAD_NONCE_BYTES],
                                   cf_view aad, cf_view pt, cf_buf *out)
{
    CF_REQUIRE(pt.len <= CF_BUF_BYTES_MAX - CF_AEAD_TAG_BYTES, SIZE);
    CF_TRY(cf_buf_reserve(out, pt.len + CF_AEAD_TAG_BYTES));
    CF_TRY(start(c, nonce, 1, aad));
    uint8_t *ct = out->data + out->len;
    uint8_t none[CF_AEAD_TAG_BYTES];
    int len = 0;
    CF_TRY(update(c->evp, ct, pt));
    CF_TRY(cf_lib_ok(EVP_CipherFinal_ex(c->evp, none, &len) == 1 && len == 0, CF_ERR_CRYPTO));
    int tagged = EVP_CIPHER_CTX_ctrl(c->evp, EVP_CTRL_AEAD_GET_TAG, CF_AEAD_TAG_BYTES, ct + pt.len);
    CF_TRY(cf_lib_ok(tagged == 1, CF_ERR_CRYPTO));
    out->len += pt.len + CF_AEAD_TAG_BYTES;
    return cf_ok();
}

static cf_result open_into(cf_aead_ctx *c, cf_view body, cf_view tag, uint8_t *pt)
{
    uint8_t expected[CF_AEAD_TAG_BYTES], none[CF_AEAD_TAG_BYTES];
    int len = 0;
    cf_copy(expected, tag.data, sizeof expected);
    int set = EVP_CIPHER_CTX_ctrl(c->evp, EVP_CTRL_AEAD_SET_TAG, CF_AEAD_TAG_BYTES, expected);
    CF_TRY(cf_lib_ok(set == 1, CF_ERR_CRYPTO));
    CF_TRY(update(c->evp, pt, body));
    /* the library compares the tag, in constant time */
    return cf_lib_ok(EVP_CipherFinal_ex(c->evp, none, &len) == 1 && len == 0, CF_ERR_OPEN);
}

CF_MUST_USE cf_result cf_aead_open(cf_aead_ctx *c, const uint8_t nonce[static CF_AEAD_NONCE_BYTES],
                                   cf_view aad, cf_view ct, cf_buf *out)
{
    CF_REQUIRE(ct.len >= CF_AEAD_TAG_BYTES, OPEN);
    CF_REQUIRE(ct.len <= CF_BUF_BYTES_MAX, SIZE);
    cf_view body = {ct.data, ct.len - CF_AEAD_TAG_BYTES};
    cf_view tag = {ct.data + body.len, CF_AEAD_TAG_BYTES};
    CF_TRY(cf_buf_reserve(out, body.len));
    CF_TRY(start(c, nonce, 0, aad));
    uint8_t *pt = body.len > 0 ? out->data + out->len : NULL;
    cf_result r = open_into(c, body, tag, pt);
    if (!cf_is_ok(r)) {
        cf_wipe(pt, body.len); /* nothing unauthenticated is left where the caller could find it */
        return r;
    }
    out->len += body.len;
    return cf_ok();
}

static cf_result cbc(EVP_CIPHER_CTX **evp, cf_view key, cf_view iv, int encrypt)
{
    *evp = EVP_CIPHER_CTX_new();
    CF_REQUIRE(*evp != NULL, NO_MEMORY);
    bool ok = EVP_CipherInit_ex(*evp, EVP_aes_256_cbc(), NULL, key.data, iv.data, encrypt) == 1 &&
              EVP_CIPHER_CTX_set_padding(*evp, encrypt) == 1;
    return cf_lib_ok(ok, CF_ERR_CRYPTO);
}

CF_MUST_USE cf_result cf_aes256_cbc_decrypt(cf_view key, cf_view iv, cf_view ct, cf_buf *out)
{
    bool whole = ct.len > 0 && ct.len % CBC_BLOCK_BYTES == 0;
    CF_REQUIRE(key.len == CBC_KEY_BYTES && iv.len == CBC_BLOCK_BYTES && whole, OPEN);
    CF_REQUIRE(ct.len <= CF_BUF_BYTES_MAX, SIZE);
    CF_TRY(cf_buf_reserve(out, ct.len));
    CF_AUTO(cf_lib_free_EVP_CIPHER_CTX) EVP_CIPHER_CTX *evp = NULL;
    CF_TRY(cbc(&evp, key, iv, 0));
    cf_view pt = {out->data + out->len, ct.len};
    cf_result r = update(evp, out->data + out->len, ct);
    size_t padding = cf_is_ok(r) ? cf_ct_padding(pt) : 0;
    if (padding == 0) {
        cf_wipe(out->data + out->len, ct.len);
        return cf_fail(CF_ERR_OPEN);
    }
    out->len += ct.len - padding;
    return cf_ok();
}

CF_MUST_USE cf_result cf_aes256_cbc_encrypt(cf_view key, cf_view iv, cf_view pt, cf_buf *out)
{
    CF_REQUIRE(key.len == CBC_KEY_BYTES && iv.len == CBC_BLOCK_BYTES, KEY);
    CF_REQUIRE(pt.len <= CF_BUF_BYTES_MAX - CBC_BLOCK_BYTES, SIZE);
    CF_TRY(cf_buf_reserve(out, pt.len + CBC_BLOCK_BYTES));
    CF_AUTO(cf_lib_free_EVP_CIPHER_CTX) EVP_CIPHER_CTX *evp = NULL;
    CF_TRY(cbc(&evp, key, iv, 1));
    uint8_t *ct = out->data + out->len;
    int body = 0, last = 0;
    bool ok = (pt.len == 0 || EVP_CipherUpdate(evp, ct, &body, pt.data, (int)pt.len) == 1) &&
              EVP_CipherFinal_ex(evp, ct + body, &last) == 1;
    CF_TRY(cf_lib_ok(ok, CF_ERR_CRYPTO));
    out->len += (size_t)body + (size_t)last;
    return cf_ok();
}
