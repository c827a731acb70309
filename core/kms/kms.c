/* SPDX-License-Identifier: Apache-2.0 */
#include "core/kms/kms.h"

#include "core/kms/kms_priv.h"

CF_MUST_USE cf_result cf_kms_context_pairs(const cf_kms_context *ctx,
                                           cf_kms_pair ret[static CF_KMS_CONTEXT_PAIRS],
                                           size_t *ret_n)
{
    *ret_n = 0;
    CF_REQUIRE((ctx->tenant.len == 0) == (ctx->vault_id.len == 0), ARGUMENT);
    CF_REQUIRE(ctx->tenant.len == 0 || ctx->secret.len == 0, ARGUMENT);
    if (ctx->secret.len > 0) {
        ret[(*ret_n)++] = (cf_kms_pair){CF_LIT("coffer:secret"), ctx->secret};
    } else if (ctx->tenant.len > 0) {
        ret[(*ret_n)++] = (cf_kms_pair){CF_LIT("tenant"), ctx->tenant};
        ret[(*ret_n)++] = (cf_kms_pair){CF_LIT("vault_id"), ctx->vault_id};
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_kms_decrypt_encode(cf_view blob, cf_view key_id, const cf_kms_context *ctx,
                                            cf_view attestation_doc, cf_buf *out)
{
    cf_kms_pair pairs[CF_KMS_CONTEXT_PAIRS];
    cf_kms_attested request = {.op = CF_KMS_DECRYPT,
                               .document = attestation_doc,
                               .key_id = key_id,
                               .blob = blob,
                               .context = pairs};
    CF_TRY(cf_kms_context_pairs(ctx, pairs, &request.context_n));
    return cf_kms_attested_encode(&request, out);
}

CF_MUST_USE cf_result cf_kms_decrypt_answer(cf_view text, cf_buf *ret_cms)
{
    CF_AUTO(cf_kms_attested_answer_free) cf_kms_attested_answer answer = {.cms = CF_BUF_EMPTY};
    CF_TRY(cf_kms_attested_decode(CF_KMS_DECRYPT, text, &answer));
    return cf_buf_append(ret_cms, cf_buf_view(&answer.cms));
}
