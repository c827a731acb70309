/* SPDX-License-Identifier: Apache-2.0 */
#include "core/crypto/lib_priv.h"
#include "core/crypto/pkey_priv.h"
#include "core/crypto/sign.h"

#include <openssl/ecdsa.h>

#define ES384_HALF_BYTES (CF_ES384_BYTES / 2)
#define ES384_DER_BYTES_MAX 112 /* 104 are enough: two heads, two INTEGERs of 49 octets */

CF_LIB_FREE(ECDSA_SIG, ECDSA_SIG_free)

CF_MUST_USE cf_result cf_pkey_public(cf_curve c, cf_view pub, EVP_PKEY **ret)
{
    CF_BUF(spki);
    CF_TRY(cf_dh_public_to_spki(c, pub, &spki));
    const uint8_t *at = spki.data;
    *ret = d2i_PUBKEY(NULL, &at, (long)spki.len);
    return cf_lib_ok(*ret != NULL, CF_ERR_KEY);
}

CF_LIB_FREE(PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free)

CF_MUST_USE cf_result cf_pkey_from_pkcs8(cf_view der, EVP_PKEY **ret)
{
    const uint8_t *at = der.data;
    CF_AUTO(cf_lib_free_PKCS8_PRIV_KEY_INFO)
    PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)der.len);
    CF_TRY(cf_lib_ok(info != NULL, CF_ERR_KEY));
    CF_REQUIRE(at == der.data + der.len, TRAILING);
    *ret = EVP_PKCS82PKEY(info);
    cf_lib_wipe_stack();
    return cf_lib_ok(*ret != NULL, CF_ERR_KEY);
}

CF_MUST_USE cf_result cf_pkey_private(const cf_dh_key *k, EVP_PKEY **ret)
{
    CF_BUF(pkcs8);
    CF_TRY(cf_dh_to_pkcs8(k, &pkcs8));
    return cf_pkey_from_pkcs8(cf_buf_view(&pkcs8), ret);
}

/* The library's DER form as r || s. */
static cf_result to_fixed(cf_view der, uint8_t *ret)
{
    const uint8_t *at = der.data;
    CF_AUTO(cf_lib_free_ECDSA_SIG) ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)der.len);
    CF_TRY(cf_lib_ok(sig != NULL, CF_ERR_CRYPTO));
    const BIGNUM *r = NULL, *s = NULL;
    ECDSA_SIG_get0(sig, &r, &s);
    bool fits = BN_bn2binpad(r, ret, ES384_HALF_BYTES) == ES384_HALF_BYTES &&
                BN_bn2binpad(s, ret + ES384_HALF_BYTES, ES384_HALF_BYTES) == ES384_HALF_BYTES;
    return cf_lib_ok(fits, CF_ERR_CRYPTO);
}

CF_MUST_USE cf_result cf_es384_sign(const cf_dh_key *k, cf_view msg,
                                    uint8_t ret[static CF_ES384_BYTES])
{
    CF_REQUIRE(cf_dh_curve(k) == CF_P384, KEY);
    CF_AUTO(cf_lib_free_EVP_PKEY) EVP_PKEY *pkey = NULL;
    CF_TRY(cf_pkey_private(k, &pkey));
    CF_AUTO(cf_lib_free_EVP_MD_CTX) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    CF_REQUIRE(ctx != NULL, NO_MEMORY);
    uint8_t der[ES384_DER_BYTES_MAX];
    size_t len = sizeof der;
    bool done = EVP_DigestSignInit(ctx, NULL, EVP_sha384(), NULL, pkey) == 1 &&
                EVP_DigestSign(ctx, der, &len, msg.data, msg.len) == 1;
    cf_lib_wipe_stack();
    CF_TRY(cf_lib_ok(done, CF_ERR_CRYPTO));
    return to_fixed(cf_view_make(der, len), ret);
}

/* r || s in the library's DER form. */
static cf_result to_der(cf_view sig, cf_lib_octets *ret)
{
    CF_AUTO(cf_lib_free_ECDSA_SIG) ECDSA_SIG *s = ECDSA_SIG_new();
    CF_AUTO(cf_lib_free_BIGNUM) BIGNUM *bn_r = BN_bin2bn(sig.data, ES384_HALF_BYTES, NULL);
    CF_AUTO(cf_lib_free_BIGNUM)
    BIGNUM *bn_s = BN_bin2bn(sig.data + ES384_HALF_BYTES, ES384_HALF_BYTES, NULL);
    CF_REQUIRE(s != NULL && bn_r != NULL && bn_s != NULL, NO_MEMORY);
    CF_TRY(cf_lib_ok(ECDSA_SIG_set0(s, bn_r, bn_s) == 1, CF_ERR_CRYPTO));
    bn_r = NULL; /* s owns them now */
    bn_s = NULL;
    int len = i2d_ECDSA_SIG(s, &ret->data);
    CF_TRY(cf_lib_ok(len > 0, CF_ERR_CRYPTO));
    ret->len = (size_t)len;
    return cf_ok();
}

CF_MUST_USE cf_result cf_pkey_verify_es384(EVP_PKEY *pkey, cf_view msg, cf_view sig)
{
    CF_AUTO(cf_lib_free_EVP_MD_CTX) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    CF_REQUIRE(ctx != NULL, NO_MEMORY);
    int set = EVP_DigestVerifyInit(ctx, NULL, EVP_sha384(), NULL, pkey);
    CF_TRY(cf_lib_ok(set == 1, CF_ERR_CRYPTO));
    int holds = EVP_DigestVerify(ctx, sig.data, sig.len, msg.data, msg.len);
    return cf_lib_ok(holds == 1, CF_ERR_SIGNATURE);
}

CF_MUST_USE cf_result cf_es384_verify(cf_view pub, cf_view msg, cf_view sig)
{
    CF_REQUIRE(pub.len == cf_dh_public_bytes(CF_P384), KEY);
    CF_REQUIRE(sig.len == CF_ES384_BYTES, SIGNATURE);
    CF_AUTO(cf_lib_free_EVP_PKEY) EVP_PKEY *pkey = NULL;
    CF_TRY(cf_pkey_public(CF_P384, pub, &pkey));
    CF_AUTO(cf_lib_free_octets) cf_lib_octets der = {NULL, 0};
    CF_TRY(to_der(sig, &der));
    return cf_pkey_verify_es384(pkey, msg, cf_view_make(der.data, der.len));
}
