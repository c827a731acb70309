/* SPDX-License-Identifier: Apache-2.0 */
/* Our keys as libcrypto's, for signing and certificates. */
#pragma once
#include "core/crypto/dh.h"
#include "core/crypto/lib_priv.h"

/** Owned by the caller; freed with EVP_PKEY_free. error KEY when pub is no point of the curve. */
CF_MUST_USE cf_result cf_pkey_public(cf_curve c, cf_view pub, EVP_PKEY **ret);
CF_MUST_USE cf_result cf_pkey_private(const cf_dh_key *k, EVP_PKEY **ret);

/** Any private key in PKCS#8 DER. error KEY, TRAILING. */
CF_MUST_USE cf_result cf_pkey_from_pkcs8(cf_view der, EVP_PKEY **ret);

/** ECDSA with SHA-384 over msg; the signature in DER. error SIGNATURE; CRYPTO, NO_MEMORY. */
CF_MUST_USE cf_result cf_pkey_verify_es384(EVP_PKEY *pkey, cf_view msg, cf_view sig);

/** OAEP with this hash in both places and no label; false when the library refuses. */
bool cf_pkey_set_oaep(EVP_PKEY_CTX *ctx, const EVP_MD *md);
