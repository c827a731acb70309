/* SPDX-License-Identifier: Apache-2.0 */
/* CMS EnvelopedData (RFC 5652 section 6) in the forms KMS answers with: kms sheet section 5.1. */
#pragma once
#include "core/crypto/sign.h"

#define CF_CMS_BYTES_MAX 6144

/** Opens CiphertextForRecipient: one RSAES-OAEP-SHA-256 recipient, AES-256-CBC; BER forms A and B, and DER.
 *  out plaintext appended (secret). error OPEN for everything from the first wrong octet to the last wrong pad */
CF_MUST_USE cf_result cf_cms_open(const cf_rsa_key *key, cf_view cms, cf_buf *ret_plaintext);

typedef enum { CF_CMS_FORM_A, CF_CMS_FORM_B } cf_cms_form; /* encryptedContent constructed indefinite, or primitive */
/** Makes what KMS makes, for a recipient's DER SubjectPublicKeyInfo of RSA-2048. Appends. error KEY, SIZE. */
CF_MUST_USE cf_result cf_cms_make(cf_view recipient_spki, cf_view plaintext, cf_cms_form form, cf_buf *out);
