/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes, MAC, KDF, AEAD, CBC and randomness, straight from libcrypto's EVP-level interface. */
#pragma once
#include "core/base/secret.h"

typedef enum {
    CF_SHA256 = 1,
    CF_SHA384 = 2,
    CF_SHA512 = 3,
    CF_SHA224 = 4, /* no KDF of HPKE, as the three above are by these numbers: for MACs alone */
} cf_hash;
#define CF_HASH_BYTES_MAX 64

/** A digest, MAC or fingerprint; public unless the caller says otherwise. */
typedef struct {
    uint8_t b[CF_HASH_BYTES_MAX];
    uint8_t len;
} cf_digest;

static inline cf_view cf_digest_view(const cf_digest *d)
{
    return (cf_view){d->b, d->len};
}

/** Octets of a digest: 32, 48, 64, 28. */
size_t cf_hash_bytes(cf_hash h);

/** Digest of the concatenation of n parts. error CRYPTO. */
CF_MUST_USE cf_result cf_hash_parts(cf_hash h, const cf_view *parts, size_t n, cf_digest *ret);
CF_MUST_USE cf_result cf_hash_of(cf_hash h, cf_view data, cf_digest *ret);

/** HMAC (RFC 2104) over the concatenation of n parts. error CRYPTO. */
CF_MUST_USE cf_result cf_hmac_parts(cf_hash h, cf_view key, const cf_view *parts, size_t n,
                                    cf_digest *ret);

/** HKDF (RFC 5869). extract: ikm is the concatenation of n parts; *ret is secret, hash-size octets.
 *  expand: info is the concatenation of n parts, 1 <= len <= min(255 * hash, CF_SECRET_BYTES_MAX) for cf_hkdf_expand. */
CF_MUST_USE cf_result cf_hkdf_extract(cf_hash h, cf_view salt, const cf_view *parts, size_t n,
                                      cf_secret *ret);
CF_MUST_USE cf_result cf_hkdf_expand(cf_hash h, cf_view prk, const cf_view *parts, size_t n,
                                     size_t len, cf_secret *ret);
/** The same into len octets at out, len <= 255 * hash (RANGE). */
CF_MUST_USE cf_result cf_hkdf_expand_to(cf_hash h, cf_view prk, const cf_view *parts, size_t n,
                                        uint8_t *out, size_t len);

typedef enum {
    CF_AES_128_GCM = 1,
    CF_AES_256_GCM = 2,
    CF_CHACHA20_POLY1305 = 3,
    CF_EXPORT_ONLY = 0xFFFF
} cf_aead; /* numbers of the HPKE AEAD registry */
#define CF_AEAD_NONCE_BYTES 12
#define CF_AEAD_TAG_BYTES 16

size_t cf_aead_key_bytes(cf_aead a); /* 16, 32, 32; 0 for export only */

/** One key, expanded once for many messages. Opaque; not shared between threads. */
typedef struct cf_aead_ctx cf_aead_ctx;
CF_MUST_USE cf_result cf_aead_new(cf_aead a, cf_view key,
                                  cf_aead_ctx **ret); /* KEY wrong length, UNSUPPORTED, CRYPTO */
void cf_aead_free(cf_aead_ctx **c);

/** Appends ct || tag[16] to out. error SIZE, NO_MEMORY, CRYPTO; out keeps its length after an error. */
CF_MUST_USE cf_result cf_aead_seal(cf_aead_ctx *c, const uint8_t nonce[static CF_AEAD_NONCE_BYTES],
                                   cf_view aad, cf_view pt, cf_buf *out);
/** Appends the plaintext of ct || tag[16]. error OPEN (tag wrong, or shorter than a tag; nothing is released), SIZE, NO_MEMORY. */
CF_MUST_USE cf_result cf_aead_open(cf_aead_ctx *c, const uint8_t nonce[static CF_AEAD_NONCE_BYTES],
                                   cf_view aad, cf_view ct, cf_buf *out);

/** AES-256-CBC with PKCS#7 padding, for CMS. decrypt: one error, OPEN, for every failure. Appends to out. */
CF_MUST_USE cf_result cf_aes256_cbc_decrypt(cf_view key, cf_view iv, cf_view ct, cf_buf *out);
CF_MUST_USE cf_result cf_aes256_cbc_encrypt(cf_view key, cf_view iv, cf_view pt, cf_buf *out);

/** Fills from the library's random generator, seeded by the kernel. error ENTROPY. */
CF_MUST_USE cf_result cf_random(uint8_t *out, size_t len);

/** Name and version of the library underneath, as it was configured. Static storage. */
const char *cf_crypto_name(void);
