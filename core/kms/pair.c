/* SPDX-License-Identifier: Apache-2.0 */
/* GenerateDataKeyPairWithoutPlaintext: the host's call, apart from those of the enclave. */
#include "core/kms/kms.h"
#include "core/kms/kms_priv.h"

static const char *pair_spec(cf_curve curve)
{
    switch (curve) {
    case CF_P256:
        return "ECC_NIST_P256";
    case CF_P384:
        return "ECC_NIST_P384";
    case CF_P521:
        return "ECC_NIST_P521";
    case CF_X25519:
        break;
    }
    return NULL;
}

CF_MUST_USE cf_result cf_kms_pair_encode(cf_view key_id, cf_curve curve, const cf_kms_context *ctx,
                                         cf_buf *out)
{
    const char *spec = pair_spec(curve);
    CF_REQUIRE(spec != NULL, UNSUPPORTED);
    CF_REQUIRE(key_id.len > 0, ARGUMENT);
    CF_REQUIRE(key_id.len <= CF_KMS_KEY_ID_BYTES_MAX, SIZE);
    cf_kms_pair pairs[CF_KMS_CONTEXT_PAIRS];
    size_t pairs_n;
    CF_TRY(cf_kms_context_pairs(ctx, pairs, &pairs_n));
    CF_BUF(text);
    cf_kms_body b = cf_kms_body_to(&text);
    cf_kms_body_open(&b, '{');
    cf_kms_put_str(&b, "KeyId", key_id);
    cf_kms_put_str(&b, "KeyPairSpec", cf_view_str(spec));
    cf_kms_put_context(&b, pairs, pairs_n);
    cf_kms_body_close(&b, '}');
    CF_TRY(cf_kms_body_end(&b));
    return cf_buf_append(out, cf_buf_view(&text));
}

CF_MUST_USE cf_result cf_kms_pair_answer(cf_view text, cf_buf *ret_spki, cf_buf *ret_blob)
{
    CF_JSON(j);
    CF_BUF(spki);
    CF_BUF(blob);
    CF_TRY(cf_kms_answer_parse(text, &j));
    CF_REQUIRE(cf_kms_answer_lacks(j, "PrivateKeyPlaintext"), KMS_ANSWER);
    CF_TRY(cf_kms_answer_octets(j, "PublicKey", CF_KMS_PUBLIC_KEY_BYTES_MAX, &spki));
    CF_TRY(cf_kms_answer_octets(j, "PrivateKeyCiphertextBlob", CF_KMS_BLOB_BYTES_MAX, &blob));
    size_t before = ret_spki->len;
    CF_TRY(cf_buf_append(ret_spki, cf_buf_view(&spki)));
    cf_result r = cf_buf_append(ret_blob, cf_buf_view(&blob));
    if (!cf_is_ok(r)) {
        ret_spki->len = before;
    }
    return r;
}
