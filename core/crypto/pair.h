/* SPDX-License-Identifier: Apache-2.0 */
/* Key pairs that a key service keeps for its callers: RSA, ECDSA and Ed25519, by kind; signing, verifying, OAEP. */
#pragma once
#include "core/crypto/primitives.h"

typedef enum {
    CF_PAIR_RSA_2048 = 1,
    CF_PAIR_RSA_3072,
    CF_PAIR_RSA_4096,
    CF_PAIR_P256,
    CF_PAIR_P384,
    CF_PAIR_P521,
    CF_PAIR_SECP256K1,
    CF_PAIR_ED25519,
    CF_PAIR_COUNT
} cf_pair_kind;

#define CF_PAIR_PKCS8_BYTES_MAX 4096 /* RSA-4096 takes about 2,375 octets */
#define CF_PAIR_SIGNATURE_BYTES_MAX 512

/** A pair ready for use. Opaque; may be used by several threads at once. */
typedef struct cf_pair cf_pair;

/** error CRYPTO, ARGUMENT no such kind. cost a multiplication on a curve; RSA some 50, 200, 600 ms in the mean. */
CF_MUST_USE cf_result cf_pair_generate(cf_pair_kind kind, cf_pair **ret);
/** error KEY unless it is a pair of that kind; TRAILING. */
CF_MUST_USE cf_result cf_pair_from_pkcs8(cf_pair_kind kind, cf_view der, cf_pair **ret);
/** A public key alone, which verifies and encrypts; all else is KEY. error KEY unless it is one of that kind; TRAILING. */
CF_MUST_USE cf_result cf_pair_from_spki(cf_pair_kind kind, cf_view der, cf_pair **ret);
/** Another handle to the same pair. error NO_MEMORY. */
CF_MUST_USE cf_result cf_pair_share(const cf_pair *p, cf_pair **ret);
void cf_pair_free(cf_pair **p);

cf_pair_kind cf_pair_kind_of(const cf_pair *p);
/** PKCS#8 DER, appended (secret). */
CF_MUST_USE cf_result cf_pair_to_pkcs8(const cf_pair *p, cf_buf *out);
/** DER SubjectPublicKeyInfo, appended. */
CF_MUST_USE cf_result cf_pair_to_spki(const cf_pair *p, cf_buf *out);

typedef enum {
    CF_SIGN_PSS,   /* RFC 8017 section 8.1; MGF1 over the same hash, a salt as long as the hash */
    CF_SIGN_PKCS1, /* RFC 8017 section 8.2 */
    CF_SIGN_ECDSA, /* signature in DER; any s is taken */
    CF_SIGN_ED25519,
    CF_SIGN_ED25519PH, /* RFC 8032 section 5.1, no context; UNSUPPORTED where the library has no way to it */
} cf_sign_form;

typedef struct {
    cf_sign_form form;
    cf_hash hash; /* SHA-512 with both Ed25519 forms */
} cf_sign_scheme;

/** input: the digest of the message by scheme's hash, with CF_SIGN_ED25519 the message itself.
 *  out: signature appended. error KEY another kind of pair; ARGUMENT a digest of another length; UNSUPPORTED, CRYPTO, NO_MEMORY */
CF_MUST_USE cf_result cf_pair_sign(const cf_pair *p, cf_sign_scheme scheme, cf_view input,
                                   cf_buf *out);
/** error SIGNATURE it does not hold; others as cf_pair_sign. */
CF_MUST_USE cf_result cf_pair_verify(const cf_pair *p, cf_sign_scheme scheme, cf_view input,
                                     cf_view sig);

typedef enum {
    CF_OAEP_SHA1, /* in both places, as KMS names it: what old clients ask for, and sound in this place */
    CF_OAEP_SHA256,
} cf_oaep;

/** Octets that the pair takes at most; 0 when it is no RSA pair. */
size_t cf_pair_oaep_max(cf_pair_kind kind, cf_oaep oaep);
/** Empty label; appends. error KEY no RSA pair; SIZE over cf_pair_oaep_max. */
CF_MUST_USE cf_result cf_pair_oaep_encrypt(const cf_pair *p, cf_oaep oaep, cf_view pt, cf_buf *out);
/** Appends (secret). error KEY; OPEN for every other failure. */
CF_MUST_USE cf_result cf_pair_oaep_decrypt(const cf_pair *p, cf_oaep oaep, cf_view ct, cf_buf *out);
