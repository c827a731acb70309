/* SPDX-License-Identifier: Apache-2.0 */
/* ECDSA P-384 as COSE uses it, RSA-OAEP as KMS uses it, and X.509 chains as attestation documents carry them. */
#pragma once
#include "core/crypto/dh.h"

#define CF_ES384_BYTES 96

/** ECDSA P-384 with SHA-384 over msg; signature r || s, fixed width (RFC 9053 section 2.1). k must be P-384. */
CF_MUST_USE cf_result cf_es384_sign(const cf_dh_key *k, cf_view msg,
                                    uint8_t ret[static CF_ES384_BYTES]);
/** pub: uncompressed P-384 point. Any s is accepted (no low-s rule). error SIGNATURE, KEY. */
CF_MUST_USE cf_result cf_es384_verify(cf_view pub, cf_view msg, cf_view sig);

/** RSA-2048 recipient key. Opaque. */
typedef struct cf_rsa_key cf_rsa_key;
#define CF_RSA_BITS 2048
#define CF_RSA_BYTES 256
#define CF_RSA_OAEP_BYTES_MAX (CF_RSA_BYTES - 2 * 32 - 2) /* plaintext, RFC 8017 section 7.1.1 */
#define CF_RSA_PKCS8_BYTES_MAX 2048 /* an ordinary one has about 1,220 octets */
#define CF_RSA_SPKI_BYTES_MAX 1024  /* an ordinary one has 294 */
CF_MUST_USE cf_result cf_rsa_generate(cf_rsa_key **ret); /* cost ~50 ms */
/** error KEY unless RSA-2048; TRAILING. */
CF_MUST_USE cf_result cf_rsa_from_pkcs8(cf_view der, cf_rsa_key **ret);
void cf_rsa_free(cf_rsa_key **k);
/** DER SubjectPublicKeyInfo, appended. */
CF_MUST_USE cf_result cf_rsa_public_spki(const cf_rsa_key *k, cf_buf *out);
/** RSAES-OAEP, SHA-256 for both hashes, empty label. One error, OPEN, for every failure. Appends (secret). */
CF_MUST_USE cf_result cf_rsa_oaep_decrypt(const cf_rsa_key *k, cf_view ct, cf_buf *out);
/** To a public key in DER SubjectPublicKeyInfo, which must be RSA-2048 (KEY). SIZE over CF_RSA_OAEP_BYTES_MAX.
 *  Appends 256 octets. */
CF_MUST_USE cf_result cf_rsa_oaep_encrypt(cf_view spki, cf_view pt, cf_buf *out);

#define CF_CERT_BYTES_MAX 4096 /* genuine ones take up to 1,024 */

/** A certificate of the profile that attestation documents carry. Views borrow from its DER. */
typedef struct {
    cf_view tbs;             /* the octets that are signed */
    cf_view issuer, subject; /* names, in DER */
    cf_view cn;              /* value of the subject's last common name, or empty */
    int64_t not_before_s, not_after_s;
    cf_view spki, signature; /* both in DER */
    bool es384;              /* signed with ecdsa-with-SHA384, by both places that say so */
    bool ca;
    int path_len; /* -1: not bounded */
    bool has_usage;
    uint8_t usage;         /* CF_CERT_USAGE_* and others; first octet of the bits */
    bool unknown_critical; /* bears an extension that must be understood, and is not */
} cf_cert;
#define CF_CERT_USAGE_SIGN 0x80      /* digitalSignature */
#define CF_CERT_USAGE_CERT_SIGN 0x04 /* keyCertSign */

/** RFC 5280 in DER, version 3, without unique identifiers; of the extensions basicConstraints and keyUsage are read. Says nothing
 *  about whether the certificate holds. error CHAIN, also over CF_CERT_BYTES_MAX. */
CF_MUST_USE cf_result cf_cert_read(cf_view der, cf_cert *ret);

/** What is wrong with a chain. */
typedef enum {
    CF_CHAIN_HOLDS,
    CF_CHAIN_ROOT, /* the first certificate is not the pinned one, or there are too many or none */
    CF_CHAIN_SYNTAX,    /* outside the profile of cf_cert_read */
    CF_CHAIN_ALGORITHM, /* not signed with ecdsa-with-SHA384 */
    CF_CHAIN_CRITICAL,  /* an unknown critical extension */
    CF_CHAIN_NAME,      /* its issuer is not the subject of the one above */
    CF_CHAIN_CA,        /* a CA that may not sign, or a leaf that may */
    CF_CHAIN_PATH_LENGTH,
    CF_CHAIN_NOT_YET, /* valid only later than the time asked for */
    CF_CHAIN_EXPIRED,
    CF_CHAIN_SIGNATURE,
    CF_CHAIN_KEY, /* no point of P-384 */
    CF_CHAIN_FAULT_COUNT
} cf_chain_fault;

/** The first fault, and the certificate that has it: place in the bundle, n for the leaf. */
typedef struct {
    cf_chain_fault fault;
    size_t at;
} cf_chain_verdict;

/** Verifies leaf <- bundle[n-1] <- ... <- bundle[0], where bundle[0] must equal root octet for octet: names (compared as octets),
 *  signatures (ecdsa-with-SHA384 over P-384), CA flags, keyCertSign, path lengths, validity at the given time (from notBefore up to
 *  and without notAfter). The root's own signature says nothing and is not looked at.
 *  in    all DER; at_ms milliseconds since the epoch; n 1..CF_CHAIN_CERTS_MAX
 *  out   *ret_pub the leaf's P-384 point
 *  error CHAIN whatever is wrong; KEY when all holds but the leaf's key is not P-384. cost n verifications */
#define CF_CHAIN_CERTS_MAX 8
CF_MUST_USE cf_result cf_chain_verify(cf_view root, const cf_view *bundle, size_t n, cf_view leaf,
                                      uint64_t at_ms, cf_dh_public *ret_pub);
/** As cf_chain_verify; *ret_verdict tells what the error was, when it was one of those. */
CF_MUST_USE cf_result cf_chain_judge(cf_view root, const cf_view *bundle, size_t n, cf_view leaf,
                                     uint64_t at_ms, cf_chain_verdict *ret_verdict,
                                     cf_dh_public *ret_pub);

#define CF_CERT_CN_BYTES_MAX 64 /* ub-common-name, RFC 5280 appendix A.1 */
/** Makes a certificate for the software NSM: subject CN, P-384 key of pub, signed by the issuer's key.
 *  path_len < 0: a leaf (CA false). not_before/after in seconds since the epoch. Appends DER. issuer_cn empty: self-signed form.
 *  error KEY (a key is not P-384), ARGUMENT (a name is empty, too long or not UTF-8, or the times make no sense). */
typedef struct {
    cf_view subject_cn, issuer_cn;
    int path_len; /* -1: end entity */
    int64_t not_before_s, not_after_s;
} cf_cert_spec;
CF_MUST_USE cf_result cf_cert_make(const cf_cert_spec *spec, cf_view subject_pub,
                                   const cf_dh_key *issuer, cf_buf *out);
