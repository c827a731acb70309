/* SPDX-License-Identifier: Apache-2.0 */
#include "core/crypto/pkey_priv.h"
#include "core/crypto/sign.h"

#include <openssl/rsa.h>

struct cf_rsa_key {
    EVP_PKEY *pkey;
};

void cf_rsa_free(cf_rsa_key **k)
{
    if (*k != NULL) {
        EVP_PKEY_free((*k)->pkey);
        cf_mem_free(*k);
        *k = NULL;
    }
}

/* Takes the key over; *pkey is left to the caller after an error. */
static cf_result wrap(EVP_PKEY **pkey, cf_rsa_key **ret)
{
    cf_rsa_key *k = cf_mem_new(1, sizeof *k);
    CF_REQUIRE(k != NULL, NO_MEMORY);
    k->pkey = *pkey;
    *pkey = NULL;
    *ret = k;
    return cf_ok();
}

static bool is_rsa_2048(const EVP_PKEY *pkey)
{
    return pkey != NULL && EVP_PKEY_id(pkey) == EVP_PKEY_RSA && EVP_PKEY_bits(pkey) == CF_RSA_BITS;
}

CF_MUST_USE cf_result cf_rsa_generate(cf_rsa_key **ret)
{
    *ret = NULL;
    CF_AUTO(cf_lib_free_EVP_PKEY_CTX)
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
    CF_REQUIRE(ctx != NULL, NO_MEMORY);
    CF_AUTO(cf_lib_free_EVP_PKEY) EVP_PKEY *pkey = NULL;
    bool done = EVP_PKEY_keygen_init(ctx) == 1 &&
                EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, CF_RSA_BITS) == 1 &&
                EVP_PKEY_keygen(ctx, &pkey) == 1;
    cf_lib_wipe_stack();
    CF_TRY(cf_lib_ok(done, CF_ERR_CRYPTO));
    return wrap(&pkey, ret);
}

CF_MUST_USE cf_result cf_rsa_from_pkcs8(cf_view der, cf_rsa_key **ret)
{
    *ret = NULL;
    CF_REQUIRE(der.len <= CF_RSA_PKCS8_BYTES_MAX, KEY);
    CF_AUTO(cf_lib_free_EVP_PKEY) EVP_PKEY *pkey = NULL;
    CF_TRY(cf_pkey_from_pkcs8(der, &pkey));
    CF_REQUIRE(is_rsa_2048(pkey), KEY);
    return wrap(&pkey, ret);
}

CF_MUST_USE cf_result cf_rsa_public_spki(const cf_rsa_key *k, cf_buf *out)
{
    CF_AUTO(cf_lib_free_octets) cf_lib_octets der = {NULL, 0};
    int len = i2d_PUBKEY(k->pkey, &der.data);
    CF_TRY(cf_lib_ok(len > 0, CF_ERR_CRYPTO));
    der.len = (size_t)len;
    return cf_buf_append(out, cf_view_make(der.data, der.len));
}

bool cf_pkey_set_oaep(EVP_PKEY_CTX *ctx, const EVP_MD *md)
{
    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_oaep_md(ctx, md) == 1 && EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) == 1;
}

/* RSAES_OAEP_SHA_256 as KMS means it. */
static bool set_oaep(EVP_PKEY_CTX *ctx)
{
    return cf_pkey_set_oaep(ctx, EVP_sha256());
}

CF_MUST_USE cf_result cf_rsa_oaep_decrypt(const cf_rsa_key *k, cf_view ct, cf_buf *out)
{
    CF_REQUIRE(ct.len == CF_RSA_BYTES, OPEN);
    CF_TRY(cf_buf_reserve(out, CF_RSA_BYTES));
    CF_AUTO(cf_lib_free_EVP_PKEY_CTX) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(k->pkey, NULL);
    CF_REQUIRE(ctx != NULL, NO_MEMORY);
    CF_TRY(cf_lib_ok(EVP_PKEY_decrypt_init(ctx) == 1 && set_oaep(ctx), CF_ERR_CRYPTO));
    size_t len = CF_RSA_BYTES;
    int done = EVP_PKEY_decrypt(ctx, out->data + out->len, &len, ct.data, ct.len);
    cf_lib_wipe_stack();
    if (done != 1) {
        /* whatever the library says is not told apart, not even by the state of its error queue */
        ERR_clear_error();
        cf_wipe(out->data + out->len, CF_RSA_BYTES);
        return cf_fail(CF_ERR_OPEN);
    }
    out->len += len;
    return cf_ok();
}

CF_MUST_USE cf_result cf_rsa_oaep_encrypt(cf_view spki, cf_view pt, cf_buf *out)
{
    CF_REQUIRE(spki.len <= CF_RSA_SPKI_BYTES_MAX, KEY);
    CF_REQUIRE(pt.len <= CF_RSA_OAEP_BYTES_MAX, SIZE);
    const uint8_t *at = spki.data;
    CF_AUTO(cf_lib_free_EVP_PKEY) EVP_PKEY *pkey = d2i_PUBKEY(NULL, &at, (long)spki.len);
    CF_TRY(cf_lib_ok(is_rsa_2048(pkey) && at == spki.data + spki.len, CF_ERR_KEY));
    CF_TRY(cf_buf_reserve(out, CF_RSA_BYTES));
    CF_AUTO(cf_lib_free_EVP_PKEY_CTX) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
    CF_REQUIRE(ctx != NULL, NO_MEMORY);
    CF_TRY(cf_lib_ok(EVP_PKEY_encrypt_init(ctx) == 1 && set_oaep(ctx), CF_ERR_CRYPTO));
    static const uint8_t nothing[1] = {0};
    size_t len = CF_RSA_BYTES;
    int done =
        EVP_PKEY_encrypt(ctx, out->data + out->len, &len, pt.len > 0 ? pt.data : nothing, pt.len);
    CF_TRY(cf_lib_ok(done == 1 && len == CF_RSA_BYTES, CF_ERR_CRYPTO));
    out->len += len;
    return cf_ok();
}
