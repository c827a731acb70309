/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of key pairs, and the one operation that the libraries do not share: one file for each of them. */
#pragma once
#include "core/crypto/pair.h"
#include "core/crypto/pkey_priv.h"

struct cf_pair {
    EVP_PKEY *pkey; /* counted by the library: handles may share it */
    cf_pair_kind kind;
    bool is_private;
};

#define CF_ED25519_SIGNATURE_BYTES 64
#define CF_ED25519_DIGEST_BYTES 64

/** digest: 64 octets. error UNSUPPORTED where the library has no interface for it. */
CF_MUST_USE cf_result cf_ed25519ph_sign(EVP_PKEY *pkey, const uint8_t *digest, cf_buf *out);
CF_MUST_USE cf_result cf_ed25519ph_verify(EVP_PKEY *pkey, const uint8_t *digest, cf_view sig);
