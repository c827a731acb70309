/* SPDX-License-Identifier: Apache-2.0 */
/* Ed25519ph of AWS-LC, which signs a digest. */
#include "core/crypto/pair_priv.h"

#include <openssl/curve25519.h>

typedef struct {
    uint8_t b[ED25519_PRIVATE_KEY_LEN];
} expanded;

static void expanded_wipe(expanded *k)
{
    cf_wipe(k, sizeof *k);
}

CF_MUST_USE cf_result cf_ed25519ph_sign(EVP_PKEY *pkey, const uint8_t *digest, cf_buf *out)
{
    CF_SECRET(seed);
    CF_AUTO(expanded_wipe) expanded key = {{0}};
    uint8_t pub[ED25519_PUBLIC_KEY_LEN], sig[ED25519_SIGNATURE_LEN];
    size_t len = sizeof seed.b;
    bool told = EVP_PKEY_get_raw_private_key(pkey, seed.b, &len) == 1;
    CF_TRY(cf_lib_ok(told && len == ED25519_SEED_LEN, CF_ERR_CRYPTO));
    ED25519_keypair_from_seed(pub, key.b, seed.b);
    int done = ED25519ph_sign_digest(sig, digest, key.b, NULL, 0);
    cf_lib_wipe_stack();
    CF_TRY(cf_lib_ok(done == 1, CF_ERR_CRYPTO));
    return cf_buf_append(out, CF_VIEW_OF(sig));
}

CF_MUST_USE cf_result cf_ed25519ph_verify(EVP_PKEY *pkey, const uint8_t *digest, cf_view sig)
{
    uint8_t pub[ED25519_PUBLIC_KEY_LEN];
    size_t len = sizeof pub;
    CF_REQUIRE(sig.len == ED25519_SIGNATURE_LEN, SIGNATURE);
    CF_TRY(cf_lib_ok(EVP_PKEY_get_raw_public_key(pkey, pub, &len) == 1, CF_ERR_CRYPTO));
    int holds = ED25519ph_verify_digest(digest, sig.data, pub, NULL, 0);
    return cf_lib_ok(holds == 1, CF_ERR_SIGNATURE);
}
