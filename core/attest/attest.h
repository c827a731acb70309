/* SPDX-License-Identifier: Apache-2.0 */
/* Attestation documents in the exact form of the Nitro Secure Module: COSE_Sign1 (RFC 9052) around a CBOR payload. */
#pragma once
#include "core/base/arena.h"
#include "core/crypto/sign.h"

#define CF_PCR_COUNT 32
#define CF_PCR_BYTES_SHA384 48
#define CF_ATTEST_BYTES_MAX 16384
#define CF_ATTEST_DATA_BYTES_MAX 1024 /* each of public_key, user_data, nonce */

/** A parsed payload. Views borrow from the document. A PCR that is not listed has the empty view. */
typedef struct {
    cf_view module_id;
    uint64_t timestamp_ms;
    cf_view pcrs[CF_PCR_COUNT];
    cf_view certificate;
    cf_view cabundle[CF_CHAIN_CERTS_MAX];
    size_t cabundle_n;
    bool has_public_key, has_user_data, has_nonce; /* null and empty differ */
    cf_view public_key, user_data, nonce;
} cf_attest_payload;

/** Parts of the envelope; views borrow. */
typedef struct {
    cf_view protected_header, payload, signature;
} cf_attest_envelope;

/** Envelope and payload syntax only (nsm-attestation.md sections 3, 4). error parser codes. Never trust the result by itself. */
CF_MUST_USE cf_result cf_attest_parse(cf_view doc, cf_attest_envelope *ret_env, cf_attest_payload *ret);

/** Where verification stopped. */
typedef enum {
    CF_ATTEST_SYNTAX,
    CF_ATTEST_ROOT,
    CF_ATTEST_CHAIN,
    CF_ATTEST_SIGNATURE,
    CF_ATTEST_FRESHNESS,
    CF_ATTEST_DEBUG, /* PCR0 is all zero */
    CF_ATTEST_HOLDS
} cf_attest_stage;

typedef struct {
    cf_view root;          /* DER of the pinned root */
    uint64_t now_ms;       /* for freshness; the chain is judged at the document's own time */
    uint64_t age_max_ms;   /* |now - timestamp| at most; 0 is refused (ARGUMENT) */
    bool archived;         /* true: freshness is not judged */
    bool allow_debug;      /* false: all-zero PCR0 is refused */
} cf_attest_policy;

/** Whole verification. error ATTESTATION, or STALE at the freshness stage; *ret_stage tells where.
 *  cost six P-384 verifications for a bundle of four */
CF_MUST_USE cf_result cf_attest_verify(cf_view doc, const cf_attest_policy *policy, cf_attest_stage *ret_stage,
                                       cf_attest_payload *ret);

/** Makes a signed document (for the software NSM). payload->certificate and cabundle as given. Appends. */
CF_MUST_USE cf_result cf_attest_make(const cf_attest_payload *payload, const cf_dh_key *leaf_key, cf_buf *out);

/** PCR0 of a measured image: SHA-384(0^48 || SHA-384(image)) (nsm-attestation.md section 6). */
CF_MUST_USE cf_result cf_pcr_measure(cf_view image, uint8_t ret[static CF_PCR_BYTES_SHA384]);
