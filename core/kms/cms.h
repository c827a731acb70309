/* SPDX-License-Identifier: Apache-2.0 */
/* CMS EnvelopedData (RFC 5652 section 6) in the forms that KMS answers with, and no others: one RSAES-OAEP-SHA-256 key transport
 * recipient (version 0 or 2, either kind of identifier, which is ignored), AES-256-CBC, id-data. No originatorInfo, no attributes. */
#pragma once
#include "core/crypto/sign.h"

#define CF_CMS_BYTES_MAX 6144

/** Opens CiphertextForRecipient: BER forms A and B, and DER.
 *  out   plaintext appended (secret)
 *  error OPEN for everything from the first wrong octet to the last wrong pad; NO_MEMORY
 *  CBC authenticates nothing: whoever can change the octets on their way learns from the outcome. They must come over TLS that
 *  ends at the caller, or from the same machine; and the caller must take no plaintext with an octet in it that may be anything
 *  (cf_dh_pair_from_pkcs8 takes none), nor tell one that it cannot use from one that does not open. */
CF_MUST_USE cf_result cf_cms_open(const cf_rsa_key *key, cf_view cms, cf_buf *ret_plaintext);

typedef enum {
    CF_CMS_FORM_A,
    CF_CMS_FORM_B
} cf_cms_form; /* encryptedContent constructed indefinite, or primitive */
/** Makes what KMS makes, for a recipient's DER SubjectPublicKeyInfo of RSA-2048. Appends. error KEY; SIZE over CF_CMS_BYTES_MAX. */
CF_MUST_USE cf_result cf_cms_make(cf_view recipient_spki, cf_view plaintext, cf_cms_form form,
                                  cf_buf *out);
