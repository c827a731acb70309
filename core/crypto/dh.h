/* SPDX-License-Identifier: Apache-2.0 */
/* Diffie-Hellman over P-256, P-384, P-521 and X25519 with HPKE's key forms (RFC 9180 section 7.1). */
#pragma once
#include "core/crypto/primitives.h"

typedef enum {
    CF_P256 = 0x10,
    CF_P384 = 0x11,
    CF_P521 = 0x12,
    CF_X25519 = 0x20
} cf_curve; /* HPKE KEM registry */
#define CF_DH_PUBLIC_BYTES_MAX 133

/** Public key: uncompressed SEC1 point (65, 97, 133 octets) or 32 octets of X25519. */
typedef struct {
    uint8_t b[CF_DH_PUBLIC_BYTES_MAX];
    uint8_t len;
} cf_dh_public;

static inline cf_view cf_dh_public_view(const cf_dh_public *p)
{
    return (cf_view){p->b, p->len};
}

size_t cf_dh_public_bytes(cf_curve c); /* 65, 97, 133, 32; 0 for no curve */
size_t cf_dh_secret_bytes(cf_curve c); /* 32, 48, 66, 32 */

/** A private key ready for use, its public key with it. Opaque; may be used by several threads at once. */
typedef struct cf_dh_key cf_dh_key;

/** Fresh pair. error CRYPTO, ENTROPY. cost one base-point multiplication. */
CF_MUST_USE cf_result cf_dh_generate(cf_curve c, cf_dh_key **ret);
/** From the scalar (big-endian, fixed width) and, where known, its public key; with pub empty it is computed
 *  (one multiplication). A pub that is given is checked to be on the curve, not to belong to the scalar, which would cost that
 *  multiplication; on X25519 it is always computed, and must be the same. A key takes some 240 octets of heap.
 *  error KEY for a wrong length, a scalar of 0 or not below the order (on X25519 any 32 octets are one), a bad pub. */
CF_MUST_USE cf_result cf_dh_from_secret(cf_curve c, cf_view scalar, cf_view pub, cf_dh_key **ret);
/** From PKCS#8 DER of an EC or X25519 key; the public part inside is used when present, as in cf_dh_from_secret; the curve is told
 *  back. Scalars whose encoder dropped leading zeros are taken. error KEY, UNSUPPORTED (algorithm, curve, unnamed curve), TRAILING. */
CF_MUST_USE cf_result cf_dh_from_pkcs8(cf_view der, cf_curve *ret_curve, cf_dh_key **ret);
/** From PKCS#8 DER that came over a link which others can alter, and who watch what becomes of it: a NIST curve, the expected one,
 *  version 0, no attributes, the public key inside and the scalar's own, and so no octet that may be anything.
 *  error KEY for all that is wrong, at the cost of a key; ARGUMENT no NIST curve; NO_MEMORY. cost one base-point multiplication
 *  whatever the octets are, so that not even its absence tells how far they were good. */
CF_MUST_USE cf_result cf_dh_pair_from_pkcs8(cf_view der, cf_curve expected, cf_dh_key **ret);
/** RFC 9180 section 7.1.3 DeriveKeyPair. ikm of at least the scalar's length (KEY). */
CF_MUST_USE cf_result cf_dh_derive(cf_curve c, cf_view ikm, cf_dh_key **ret);
void cf_dh_free(cf_dh_key **k);

cf_curve cf_dh_curve(const cf_dh_key *k);
const cf_dh_public *cf_dh_public_of(const cf_dh_key *k);
/** The scalar, fixed width. */
CF_MUST_USE cf_result cf_dh_secret_of(const cf_dh_key *k, cf_secret *ret);
/** PKCS#8 DER, appended to out (secret). */
CF_MUST_USE cf_result cf_dh_to_pkcs8(const cf_dh_key *k, cf_buf *out);

/** Shared x coordinate, fixed width, or X25519 output. Peer is checked per section 7.1.4: exact length, 0x04, on the
 *  curve, not infinity; an all-zero X25519 output is refused. error KEY. cost point decode and one multiplication. */
CF_MUST_USE cf_result cf_dh_shared(const cf_dh_key *k, cf_view peer, cf_secret *ret);

/** Public key to and from DER SubjectPublicKeyInfo. from: KEY, UNSUPPORTED, TRAILING; uncompressed points only. */
CF_MUST_USE cf_result cf_dh_public_to_spki(cf_curve c, cf_view pub, cf_buf *out);
CF_MUST_USE cf_result cf_dh_public_from_spki(cf_view der, cf_curve *ret_curve, cf_dh_public *ret);
