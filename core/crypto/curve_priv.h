/* SPDX-License-Identifier: Apache-2.0 */
/* The table of curves: sizes, orders, object identifiers and the hash that HPKE ties to each. */
#pragma once
#include "core/crypto/dh.h"

#define CF_SEC1_UNCOMPRESSED 0x04 /* first octet of an uncompressed point, SEC 1 section 2.3.3 */

typedef struct {
    cf_curve curve;
    int nid;                /* libcrypto's number of the group; 0 for X25519 */
    cf_hash kem_hash;       /* RFC 9180 section 7.1: belongs to the KEM, not to the suite's KDF */
    uint8_t secret, public; /* octets */
    uint8_t kem_secret;     /* octets of the KEM's shared secret */
    uint8_t mask;           /* over the first octet of a candidate scalar (section 7.1.3) */
    uint8_t order[CF_SECRET_BYTES_MAX]; /* big-endian, `secret` octets */
    uint8_t oid_len;
    uint8_t oid[8]; /* contents octets: of the named curve, or of X25519's algorithm */
} cf_curve_info;

/** The row of a curve, static; NULL for no cf_curve. */
const cf_curve_info *cf_curve_find(cf_curve c);

/** The row whose object identifier has these contents octets; NULL when there is none. */
const cf_curve_info *cf_curve_by_oid(cf_view oid);

/** KEY unless 0 < scalar < order; any 32 octets on X25519. Time depends on the outcome alone. */
CF_MUST_USE cf_result cf_curve_scalar_ok(const cf_curve_info *info, cf_view scalar);

/** KEY unless pub is what dh.h calls a public key of the curve. */
CF_MUST_USE cf_result cf_curve_public_ok(const cf_curve_info *info, cf_view pub);

/** The parts of a SubjectPublicKeyInfo of a curve by name; *ret_pub borrows from der and may be no point of the curve.
 *  error KEY, TRAILING; UNSUPPORTED another algorithm or curve. */
CF_MUST_USE cf_result cf_spki_read(cf_view der, const cf_curve_info **ret_info, cf_view *ret_pub);
