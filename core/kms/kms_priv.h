/* SPDX-License-Identifier: Apache-2.0 */
/* How bodies of KMS are made and read. */
#pragma once
#include "core/kms/attested.h"
#include "core/kms/body.h"

/** A member; none when the value is empty. */
void cf_kms_put_str(cf_kms_body *b, const char *name, cf_view value);
/** EncryptionContext; none when there are no pairs. */
void cf_kms_put_context(cf_kms_body *b, const cf_kms_pair *pairs, size_t n);

/** The pairs of a vault's key or a named secret, in the order in which they are always sent. error ARGUMENT half a context, or both. */
#define CF_KMS_CONTEXT_PAIRS 2
CF_MUST_USE cf_result cf_kms_context_pairs(const cf_kms_context *ctx,
                                           cf_kms_pair ret[static CF_KMS_CONTEXT_PAIRS],
                                           size_t *ret_n);

/** Whatever is wrong with an answer is one error, KMS_ANSWER; only want of memory is not the answer's fault. */
CF_MUST_USE cf_result cf_kms_answer_result(cf_result r);
/** The object that the text is. error KMS_ANSWER, NO_MEMORY. */
CF_MUST_USE cf_result cf_kms_answer_parse(cf_view text, json_t **ret);
/** Absent, null and the empty string are the same absence. */
bool cf_kms_answer_lacks(const json_t *j, const char *name);
/** The octets of a member, which must be there, in the place of what was there. error KMS_ANSWER, NO_MEMORY. */
CF_MUST_USE cf_result cf_kms_answer_octets(const json_t *j, const char *name, size_t max,
                                           cf_buf *ret);
