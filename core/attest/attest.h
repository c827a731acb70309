/* SPDX-License-Identifier: Apache-2.0 */
/* Attestation documents in the exact form of the Nitro Secure Module: COSE_Sign1 (RFC 9052) around a CBOR payload.
 * The rules, and where this is stricter than the service's own text, are in docs/formats/attestation.md. */
#pragma once
#include "core/base/arena.h"
#include "core/crypto/sign.h"

#define CF_PCR_COUNT 32
#define CF_PCR_BYTES_SHA384 48
#define CF_ATTEST_BYTES_MAX 16384
#define CF_ATTEST_DATA_BYTES_MAX 1024 /* each of public_key, user_data, nonce */
#define CF_ATTEST_CERT_BYTES_MAX 1024 /* leaf, and each certificate of the bundle */
#define CF_ATTEST_MODULE_ID_BYTES_MAX 128

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

/** Envelope and payload syntax only. Never trust the result by itself.
 *  error SIZE over CF_ATTEST_BYTES_MAX or a member over its limit; MALFORMED, TRUNCATED, TRAILING, WRONG_TYPE, UTF8, DEPTH;
 *        DUPLICATE, MISSING a member; UNSUPPORTED a digest other than SHA384; RANGE a register or value outside its range */
CF_MUST_USE cf_result cf_attest_parse(cf_view doc, cf_attest_envelope *ret_env,
                                      cf_attest_payload *ret);

/** Where verification stopped. */
typedef enum {
    CF_ATTEST_SYNTAX,
    CF_ATTEST_ROOT,
    CF_ATTEST_CHAIN,
    CF_ATTEST_SIGNATURE,
    CF_ATTEST_FRESHNESS,
    CF_ATTEST_DEBUG, /* PCR0 is all zero or not listed */
    CF_ATTEST_HOLDS
} cf_attest_stage;

typedef struct {
    cf_view root;        /* DER of the pinned root */
    uint64_t now_ms;     /* for freshness; the chain is judged at the document's own time */
    uint64_t age_max_ms; /* |now - timestamp| at most; 0 is refused (ARGUMENT) unless archived */
    bool archived;       /* true: freshness is not judged */
    bool allow_debug;    /* false: all-zero PCR0 is refused */
} cf_attest_policy;

/** Whole verification, in the order of cf_attest_stage.
 *  out   *ret_stage where it stopped; *ret in the zero state unless all holds
 *  error ATTESTATION, or STALE at the freshness stage; ARGUMENT for a policy without root or window; NO_MEMORY, CRYPTO
 *  cost  five P-384 verifications for a bundle of four: the pinned root is compared, not verified */
CF_MUST_USE cf_result cf_attest_verify(cf_view doc, const cf_attest_policy *policy,
                                       cf_attest_stage *ret_stage, cf_attest_payload *ret);

/** Makes a signed document (for the software NSM). payload->certificate and cabundle as given. Appends.
 *  error ARGUMENT for a payload that would not parse, SIZE over CF_ATTEST_BYTES_MAX. */
CF_MUST_USE cf_result cf_attest_make(const cf_attest_payload *payload, const cf_dh_key *leaf_key,
                                     cf_buf *out);

/** A register's new value, in place: SHA-384(old || data). */
CF_MUST_USE cf_result cf_pcr_extend(uint8_t pcr[static CF_PCR_BYTES_SHA384], cf_view data);

/** PCR0 of a measured image: SHA-384(0^48 || SHA-384(image)). */
CF_MUST_USE cf_result cf_pcr_measure(cf_view image, uint8_t ret[static CF_PCR_BYTES_SHA384]);
