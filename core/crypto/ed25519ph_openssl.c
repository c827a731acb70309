/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL 3.0 has no Ed25519ph, and later ones take the message and not its digest. */
#include "core/crypto/pair_priv.h"

CF_MUST_USE cf_result cf_ed25519ph_sign(EVP_PKEY *pkey, const uint8_t *digest, cf_buf *out)
{
    (void)pkey;
    (void)digest;
    (void)out;
    return cf_fail(CF_ERR_UNSUPPORTED);
}

CF_MUST_USE cf_result cf_ed25519ph_verify(EVP_PKEY *pkey, const uint8_t *digest, cf_view sig)
{
    (void)pkey;
    (void)digest;
    (void)sig;
    return cf_fail(CF_ERR_UNSUPPORTED);
}
