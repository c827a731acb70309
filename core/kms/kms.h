/* SPDX-License-Identifier: Apache-2.0 */
/* KMS requests and answers (JSON 1.1): what the enclave and the API send, and what they make of the answers. No I/O. */
#pragma once
#include "core/codec/json.h"
#include "core/vault/record.h"

#define CF_KMS_CONTENT_TYPE "application/x-amz-json-1.1"
#define CF_KMS_TARGET_PREFIX "TrentService." /* X-Amz-Target is this and the operation's name */
#define CF_KMS_ANSWER_BYTES_MAX 65536
#define CF_KMS_PUBLIC_KEY_BYTES_MAX 8192
#define CF_KMS_DOCUMENT_BYTES_MAX 262144

/** EncryptionContext {"tenant", "vault_id"} of a vault's key, or {"coffer:secret"} of a named secret; all empty: none (data of the AWS
 *  sample). */
typedef struct {
    cf_view tenant, vault_id;
    cf_view secret;
} cf_kms_context;

/** Body of Decrypt with Recipient. key_id empty: not named. Appends.
 *  error ARGUMENT half a context or both, or an empty blob or document; SIZE a blob or document over its limit; UTF8; NO_MEMORY */
CF_MUST_USE cf_result cf_kms_decrypt_encode(cf_view blob, cf_view key_id, const cf_kms_context *ctx,
                                            cf_view attestation_doc, cf_buf *out);
/** CiphertextForRecipient of the answer, appended. error KMS_ANSWER: none, or a plaintext came back, or no JSON; NO_MEMORY. */
CF_MUST_USE cf_result cf_kms_decrypt_answer(cf_view body, cf_buf *ret_cms);

/** Body of GenerateDataKeyPairWithoutPlaintext for the suite's curve (P-256, P-384, P-521). Appends.
 *  error UNSUPPORTED another curve; ARGUMENT no key id, half a context; UTF8; NO_MEMORY */
CF_MUST_USE cf_result cf_kms_pair_encode(cf_view key_id, cf_curve curve, const cf_kms_context *ctx,
                                         cf_buf *out);
/** SPKI and wrapped private key, appended. error KMS_ANSWER: one is missing, or the private key came in the clear; NO_MEMORY. */
CF_MUST_USE cf_result cf_kms_pair_answer(cf_view body, cf_buf *ret_spki, cf_buf *ret_blob);

/** Error class of an answer that is not 200: KMS_REFUSED (access, context, key, validation) or KMS_UNAVAILABLE (throttling, 5xx).
 *  The name (after '#', before ':') is appended to ret_name when it is one of KMS's; never the message. */
cf_err cf_kms_error(int status, cf_view body, cf_buf *ret_name);
