/* SPDX-License-Identifier: Apache-2.0 */
/* Attestation documents in the exact form of the Nitro Secure Module: COSE_Sign1 (RFC 9052) around a CBOR payload.
 * The rules, and where this is stricter than the service's own text, are in docs/formats/attestation.md. */
#pragma once
#include "core/base/arena.h"
#include "core/crypto/hpke.h"
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

/** The stages of verification, in order. */
typedef enum {
    CF_ATTEST_SYNTAX,
    CF_ATTEST_ROOT,
    CF_ATTEST_CHAIN,
    CF_ATTEST_SIGNATURE,
    CF_ATTEST_FRESHNESS,
    CF_ATTEST_NONCE, /* the nonce that was asked for */
    CF_ATTEST_DEBUG, /* PCR0 is all zero or not listed */
    CF_ATTEST_PCRS,  /* each register that the policy names has one of its values */
    CF_ATTEST_HOLDS
} cf_attest_stage;

/** "syntax", "root" and so on, "holds"; static text. */
const char *cf_attest_stage_name(cf_attest_stage stage);

/** A value that a register may have. Several of one register are alternatives, so that a new image is let in beside the old one. */
typedef struct {
    uint8_t index;
    cf_view value; /* CF_PCR_BYTES_SHA384 octets */
} cf_attest_accepted;

typedef struct {
    cf_view root;        /* DER of the pinned root */
    uint64_t now_ms;     /* for freshness; the chain is judged at the document's own time */
    uint64_t age_max_ms; /* |now - timestamp| at most; 0 is refused (ARGUMENT) unless archived */
    bool archived;       /* true: freshness is not judged */
    bool need_nonce;     /* the document must bear this nonce, empty or not */
    cf_view nonce;
    bool allow_debug;               /* false: all-zero PCR0 is refused */
    const cf_attest_accepted *pcrs; /* registers that are not among them may have any value */
    size_t pcrs_n;                  /* at most CF_ATTEST_ACCEPTED_MAX */
} cf_attest_policy;
#define CF_ATTEST_ACCEPTED_MAX 256

/** Whole verification, in the order of cf_attest_stage.
 *  out   *ret_stage where it stopped; *ret in the zero state unless all holds
 *  error ATTESTATION, or STALE at the freshness stage; ARGUMENT for a policy without root or window, or with a value that no
 *        register can have; NO_MEMORY, CRYPTO
 *  cost  five P-384 verifications for a bundle of four: the pinned root is compared, not verified */
CF_MUST_USE cf_result cf_attest_verify(cf_view doc, const cf_attest_policy *policy,
                                       cf_attest_stage *ret_stage, cf_attest_payload *ret);

/** What became of a stage. */
typedef enum {
    CF_ATTEST_UNASKED, /* the policy does not ask */
    CF_ATTEST_UNKNOWN, /* cannot be said, since something before it failed */
    CF_ATTEST_FAILED,
    CF_ATTEST_PASSED
} cf_attest_mark;

/** All that can be said of a document, whether it holds or not; for people, never for a decision: that is `stage`. */
typedef struct {
    cf_attest_stage stage; /* the first that failed, or HOLDS */
    cf_attest_mark marks[CF_ATTEST_HOLDS];
    cf_err syntax; /* why the octets are no document */
    cf_chain_verdict
        chain; /* judged under the root that the document brings when that is not the pinned one */
    uint32_t wrong_pcrs;       /* bit per register that has none of its values */
    bool debug;                /* PCR0 is all zero */
    cf_attest_payload payload; /* the zero state if the syntax failed; borrows from the document */
} cf_attest_report;

/** Judges every stage on its own, as far as it can be.
 *  error ARGUMENT as cf_attest_verify, but the root may be empty: then it is not asked for; NO_MEMORY, CRYPTO
 *  cost  as cf_attest_verify, whatever fails */
CF_MUST_USE cf_result cf_attest_examine(cf_view doc, const cf_attest_policy *policy,
                                        cf_attest_report *ret);

/** DER of the root that AWS pins for Nitro Enclaves; static. Only the partition aws is known to use it. */
cf_view cf_attest_aws_root(void);

/** Makes a signed document (for the software NSM). payload->certificate and cabundle as given. Appends.
 *  error ARGUMENT for a payload that would not parse, SIZE over CF_ATTEST_BYTES_MAX. */
CF_MUST_USE cf_result cf_attest_make(const cf_attest_payload *payload, const cf_dh_key *leaf_key,
                                     cf_buf *out);

/** A register's new value, in place: SHA-384(old || data). */
CF_MUST_USE cf_result cf_pcr_extend(uint8_t pcr[static CF_PCR_BYTES_SHA384], cf_view data);

/** PCR0 of a measured image: SHA-384(0^48 || SHA-384(image)). */
CF_MUST_USE cf_result cf_pcr_measure(cf_view image, uint8_t ret[static CF_PCR_BYTES_SHA384]);

/** What user_data of an identity document says: whose the key in public_key is, and what for. */
#define CF_ATTEST_BOOT_ID_BYTES 16
#define CF_ATTEST_IDENTITY_MARK "coffer.identity.1"
#define CF_ATTEST_IDENTITY_BYTES                                                                   \
    (sizeof CF_ATTEST_IDENTITY_MARK - 1 + CF_ATTEST_BOOT_ID_BYTES + CF_HPKE_SUITE_BYTES)
typedef struct {
    cf_view boot_id; /* borrowed */
    cf_hpke_suite suite;
} cf_attest_identity;
/** error ARGUMENT for a boot id of another length. */
CF_MUST_USE cf_result cf_attest_identity_put(const cf_attest_identity *m,
                                             uint8_t ret[static CF_ATTEST_IDENTITY_BYTES]);
/** error MALFORMED for octets that are none; UNSUPPORTED a suite that there is none of. */
CF_MUST_USE cf_result cf_attest_identity_get(cf_view user_data, cf_attest_identity *ret);
