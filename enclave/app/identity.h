/* SPDX-License-Identifier: Apache-2.0 */
/* Who this enclave is: what it learns from the security module at boot, the two keys of its life (RSA for what the KMS sends, HPKE for
 * what clients do), and documents that tie them together. */
#pragma once
#include "core/crypto/hpke.h"
#include "core/crypto/sign.h"
#include "sys/nsm/nsm.h"

typedef struct cf_identity cf_identity;

/** Asks the module for its id and PCR0, and makes boot id and keys. Takes *nsm. cost: one RSA-2048 key.
 *  error NSM, IO, TIMEOUT of the module; SIZE for a module id over CF_MODULE_ID_BYTES_MAX; CRYPTO, ENTROPY, NO_MEMORY. */
CF_MUST_USE cf_result cf_identity_new(cf_nsm *nsm, cf_identity **ret);
void cf_identity_free(cf_identity **i);

/* Borrowed for as long as the identity lives. */
cf_view cf_identity_boot_id(const cf_identity *i);
cf_view cf_identity_module_id(const cf_identity *i);
cf_view cf_identity_pcr0(const cf_identity *i);
const cf_rsa_key *cf_identity_recipient(const cf_identity *i);
/** The key that clients seal to, of CF_IDENTITY_SUITE. */
const cf_dh_key *cf_identity_hpke(const cf_identity *i);
#define CF_IDENTITY_SUITE CF_HPKE_DEFAULT

/** An attestation document with the recipient key in it, appended; made anew once it is CF_ENCLAVE_DOCUMENT_AGE_MS old by the clock
 *  of now_ms, cf_clock_boot_ms: a verifier's clock does not stop when this machine is suspended. Any thread.
 *  error NSM whatever the module's fault; NO_MEMORY. */
CF_MUST_USE cf_result cf_identity_document(cf_identity *i, uint64_t now_ms, cf_buf *out);

/** As cf_nsm_conditions of its module. Any thread. */
CF_MUST_USE cf_result cf_identity_conditions(cf_identity *i, cf_view between, cf_buf *out);

/** A fresh document of the HPKE key, appended: public_key its SubjectPublicKeyInfo, user_data boot id and suite (cf_attest_identity), the
 *  nonce that of whoever asks, or null when it is empty. Any thread. error NSM whatever the module's fault; NO_MEMORY. */
CF_MUST_USE cf_result cf_identity_attest(cf_identity *i, cf_view nonce, cf_buf *out);
