/* SPDX-License-Identifier: Apache-2.0 */
#include "core/crypto/pair_priv.h"

#include <openssl/rsa.h>

static bool suits(cf_pair_kind kind, cf_sign_form form)
{
    switch (form) {
    case CF_SIGN_PSS:
    case CF_SIGN_PKCS1:
        return kind <= CF_PAIR_RSA_4096;
    case CF_SIGN_ECDSA:
        return kind >= CF_PAIR_P256 && kind <= CF_PAIR_SECP256K1;
    case CF_SIGN_ED25519:
    case CF_SIGN_ED25519PH:
        return kind == CF_PAIR_ED25519;
    }
    return false;
}

static cf_result check(const cf_pair *p, cf_sign_scheme scheme, cf_view input)
{
    CF_REQUIRE(suits(p->kind, scheme.form), KEY);
    CF_REQUIRE(scheme.form == CF_SIGN_ED25519 || input.len == cf_hash_bytes(scheme.hash), ARGUMENT);
    CF_REQUIRE(cf_lib_md(scheme.hash) != NULL, ARGUMENT);
    return cf_ok();
}

/* What RSA and ECDSA need said of a digest. */
static bool set_scheme(EVP_PKEY_CTX *ctx, cf_sign_scheme scheme)
{
    if (EVP_PKEY_CTX_set_signature_md(ctx, cf_lib_md(scheme.hash)) != 1) {
        return false;
    }
    switch (scheme.form) {
    case CF_SIGN_PSS:
        return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1;
    case CF_SIGN_PKCS1:
        return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1;
    case CF_SIGN_ECDSA:
    case CF_SIGN_ED25519:
    case CF_SIGN_ED25519PH:
        break;
    }
    return true;
}

static cf_result sign_digest(const cf_pair *p, cf_sign_scheme scheme, cf_view digest, cf_buf *out)
{
    size_t len = CF_PAIR_SIGNATURE_BYTES_MAX;
    CF_TRY(cf_buf_reserve(out, len));
    CF_AUTO(cf_lib_free_EVP_PKEY_CTX) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(p->pkey, NULL);
    CF_REQUIRE(ctx != NULL, NO_MEMORY);
    bool done = EVP_PKEY_sign_init(ctx) == 1 && set_scheme(ctx, scheme) &&
                EVP_PKEY_sign(ctx, out->data + out->len, &len, digest.data, digest.len) == 1;
    cf_lib_wipe_stack();
    CF_TRY(cf_lib_ok(done, CF_ERR_CRYPTO));
    out->len += len;
    return cf_ok();
}

static cf_result sign_message(const cf_pair *p, cf_view message, cf_buf *out)
{
    size_t len = CF_ED25519_SIGNATURE_BYTES;
    CF_TRY(cf_buf_reserve(out, len));
    CF_AUTO(cf_lib_free_EVP_MD_CTX) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    CF_REQUIRE(ctx != NULL, NO_MEMORY);
    bool done = EVP_DigestSignInit(ctx, NULL, NULL, NULL, p->pkey) == 1 &&
                EVP_DigestSign(ctx, out->data + out->len, &len, message.data, message.len) == 1;
    cf_lib_wipe_stack();
    CF_TRY(cf_lib_ok(done, CF_ERR_CRYPTO));
    out->len += len;
    return cf_ok();
}

CF_MUST_USE cf_result cf_pair_sign(const cf_pair *p, cf_sign_scheme scheme, cf_view input,
                                   cf_buf *out)
{
    CF_REQUIRE(p->is_private, KEY);
    CF_TRY(check(p, scheme, input));
    if (scheme.form == CF_SIGN_ED25519PH) {
        return cf_ed25519ph_sign(p->pkey, input.data, out);
    }
    return scheme.form == CF_SIGN_ED25519 ? sign_message(p, input, out)
                                          : sign_digest(p, scheme, input, out);
}

static cf_result verify_digest(const cf_pair *p, cf_sign_scheme scheme, cf_view digest, cf_view sig)
{
    CF_AUTO(cf_lib_free_EVP_PKEY_CTX) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(p->pkey, NULL);
    CF_REQUIRE(ctx != NULL, NO_MEMORY);
    CF_TRY(cf_lib_ok(EVP_PKEY_verify_init(ctx) == 1 && set_scheme(ctx, scheme), CF_ERR_CRYPTO));
    int holds = EVP_PKEY_verify(ctx, sig.data, sig.len, digest.data, digest.len);
    return cf_lib_ok(holds == 1, CF_ERR_SIGNATURE);
}

static cf_result verify_message(const cf_pair *p, cf_view message, cf_view sig)
{
    CF_AUTO(cf_lib_free_EVP_MD_CTX) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    CF_REQUIRE(ctx != NULL, NO_MEMORY);
    int set = EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, p->pkey);
    CF_TRY(cf_lib_ok(set == 1, CF_ERR_CRYPTO));
    int holds = EVP_DigestVerify(ctx, sig.data, sig.len, message.data, message.len);
    return cf_lib_ok(holds == 1, CF_ERR_SIGNATURE);
}

CF_MUST_USE cf_result cf_pair_verify(const cf_pair *p, cf_sign_scheme scheme, cf_view input,
                                     cf_view sig)
{
    CF_TRY(check(p, scheme, input));
    CF_REQUIRE(sig.len > 0, SIGNATURE);
    if (scheme.form == CF_SIGN_ED25519PH) {
        return cf_ed25519ph_verify(p->pkey, input.data, sig);
    }
    return scheme.form == CF_SIGN_ED25519 ? verify_message(p, input, sig)
                                          : verify_digest(p, scheme, input, sig);
}
