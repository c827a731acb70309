/* SPDX-License-Identifier: Apache-2.0 */
#include "core/kms/kms.h"

#include "core/kms/body.h"
#include "core/kms/cms.h"

static void put_str(cf_kms_body *b, const char *name, cf_view value)
{
    cf_kms_body_name(b, name);
    cf_kms_body_str(b, value);
}

static void put_base64(cf_kms_body *b, const char *name, cf_view value)
{
    cf_kms_body_name(b, name);
    cf_kms_body_base64(b, value);
}

static cf_result check_context(const cf_kms_context *ctx)
{
    CF_REQUIRE((ctx->tenant.len == 0) == (ctx->vault_id.len == 0), ARGUMENT);
    CF_REQUIRE(ctx->tenant.len == 0 || ctx->secret.len == 0, ARGUMENT);
    return cf_ok();
}

/* Sent with the same members and in the same order when a key is made and when it is used, though the order is free. */
static void put_context(cf_kms_body *b, const cf_kms_context *ctx)
{
    if (ctx->tenant.len == 0 && ctx->secret.len == 0) {
        return;
    }
    cf_kms_body_name(b, "EncryptionContext");
    cf_kms_body_open(b, '{');
    if (ctx->secret.len > 0) {
        put_str(b, "coffer:secret", ctx->secret);
    } else {
        put_str(b, "tenant", ctx->tenant);
        put_str(b, "vault_id", ctx->vault_id);
    }
    cf_kms_body_close(b, '}');
}

CF_MUST_USE cf_result cf_kms_decrypt_encode(cf_view blob, cf_view key_id, const cf_kms_context *ctx,
                                            cf_view attestation_doc, cf_buf *out)
{
    CF_REQUIRE(blob.len > 0 && attestation_doc.len > 0, ARGUMENT);
    CF_REQUIRE(blob.len <= CF_KMS_BLOB_BYTES_MAX &&
                   attestation_doc.len <= CF_KMS_DOCUMENT_BYTES_MAX,
               SIZE);
    CF_REQUIRE(key_id.len <= CF_KMS_KEY_ID_BYTES_MAX, SIZE);
    CF_TRY(check_context(ctx));
    CF_BUF(text);
    cf_kms_body b = cf_kms_body_to(&text);
    cf_kms_body_open(&b, '{');
    put_base64(&b, "CiphertextBlob", blob);
    if (key_id.len > 0) {
        put_str(&b, "KeyId", key_id);
    }
    put_context(&b, ctx);
    cf_kms_body_name(&b, "Recipient");
    cf_kms_body_open(&b, '{');
    put_str(&b, "KeyEncryptionAlgorithm", CF_LIT("RSAES_OAEP_SHA_256"));
    put_base64(&b, "AttestationDocument", attestation_doc);
    cf_kms_body_close(&b, '}');
    cf_kms_body_close(&b, '}');
    CF_TRY(cf_kms_body_end(&b));
    return cf_buf_append(out, cf_buf_view(&text));
}

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
    CF_TRY(check_context(ctx));
    CF_BUF(text);
    cf_kms_body b = cf_kms_body_to(&text);
    cf_kms_body_open(&b, '{');
    put_str(&b, "KeyId", key_id);
    put_str(&b, "KeyPairSpec", cf_view_str(spec));
    put_context(&b, ctx);
    cf_kms_body_close(&b, '}');
    CF_TRY(cf_kms_body_end(&b));
    return cf_buf_append(out, cf_buf_view(&text));
}

/* Whatever is wrong with an answer is one error; only want of memory is not the answer's fault. */
static cf_result answer_result(cf_result r)
{
    return cf_is_ok(r) || r.code == CF_ERR_NO_MEMORY ? r : cf_fail(CF_ERR_KMS_ANSWER);
}

/* Absent, null and the empty string are the same absence. */
static bool is_absent(const json_t *j, const char *name)
{
    const json_t *member = json_object_get(j, name);
    return member == NULL || json_is_null(member) ||
           (json_is_string(member) && json_string_length(member) == 0);
}

static cf_result parse_answer(cf_view text, json_t **ret)
{
    CF_TRY(answer_result(cf_json_parse(text, CF_KMS_ANSWER_BYTES_MAX, ret)));
    CF_REQUIRE(json_is_object(*ret), KMS_ANSWER);
    return cf_ok();
}

CF_MUST_USE cf_result cf_kms_decrypt_answer(cf_view text, cf_buf *ret_cms)
{
    CF_JSON(j);
    CF_BUF(cms);
    CF_TRY(parse_answer(text, &j));
    /* A service that hands the plaintext to everybody on the way has not understood Recipient; going on would hide it. */
    CF_REQUIRE(is_absent(j, "Plaintext"), KMS_ANSWER);
    CF_TRY(answer_result(cf_json_get_base64(j, "CiphertextForRecipient", CF_CMS_BYTES_MAX, &cms)));
    CF_REQUIRE(cms.len > 0, KMS_ANSWER);
    return cf_buf_append(ret_cms, cf_buf_view(&cms));
}

CF_MUST_USE cf_result cf_kms_pair_answer(cf_view text, cf_buf *ret_spki, cf_buf *ret_blob)
{
    CF_JSON(j);
    CF_BUF(spki);
    CF_BUF(blob);
    CF_TRY(parse_answer(text, &j));
    CF_REQUIRE(is_absent(j, "PrivateKeyPlaintext"), KMS_ANSWER);
    CF_TRY(answer_result(cf_json_get_base64(j, "PublicKey", CF_KMS_PUBLIC_KEY_BYTES_MAX, &spki)));
    CF_TRY(answer_result(
        cf_json_get_base64(j, "PrivateKeyCiphertextBlob", CF_KMS_BLOB_BYTES_MAX, &blob)));
    CF_REQUIRE(spki.len > 0 && blob.len > 0, KMS_ANSWER);
    size_t before = ret_spki->len;
    CF_TRY(cf_buf_append(ret_spki, cf_buf_view(&spki)));
    cf_result r = cf_buf_append(ret_blob, cf_buf_view(&blob));
    if (!cf_is_ok(r)) {
        ret_spki->len = before;
    }
    return r;
}

/* Names that KMS answers with. later: the same request may succeed another time. */
static const struct {
    const char *name;
    bool later;
} errors[] = {
    {"NotFoundException", false},
    {"InvalidArnException", false},
    {"DisabledException", false},
    {"KMSInvalidStateException", false},
    {"InvalidCiphertextException", false},
    {"IncorrectKeyException", false},
    {"InvalidKeyUsageException", false},
    {"InvalidGrantTokenException", false},
    {"KMSInvalidMacException", false},
    {"KMSInvalidSignatureException", false},
    {"DryRunOperationException", false},
    {"MalformedPolicyDocumentException", false},
    {"AlreadyExistsException", false},
    {"LimitExceededException", false},
    {"ConflictException", true},
    {"UnsupportedOperationException", false},
    {"TagException", false},
    {"InvalidMarkerException", false},
    {"InvalidAliasNameException", false},
    {"ValidationException", false},
    {"SerializationException", false},
    {"UnknownOperationException", false},
    {"AccessDeniedException", false},
    {"UnrecognizedClientException", false},
    {"InvalidSignatureException", false},
    {"IncompleteSignature", false},
    {"MissingAuthenticationTokenException", false},
    {"ExpiredTokenException", false},
    {"ThrottlingException", true},
    {"DependencyTimeoutException", true},
    {"KMSInternalException", true},
    {"KeyUnavailableException", true},
    {"ServiceUnavailable", true},
    {"InternalFailure", true},
};
#define ERRORS (sizeof errors / sizeof errors[0])

/* "com.amazonaws.kms#NotFoundException:http://..." means NotFoundException. */
static cf_view bare_name(cf_view type)
{
    size_t from = 0, to = type.len;
    for (size_t i = 0; i < to; i++) {
        if (type.data[i] == '#') {
            from = i + 1;
        } else if (type.data[i] == ':') {
            to = i;
        }
    }
    return cf_view_sub(type, from, to - from);
}

/* Row of the error that a body names, or ERRORS. */
static size_t error_row(cf_view text)
{
    CF_JSON(j);
    cf_view type = CF_VIEW_EMPTY;
    if (!cf_is_ok(cf_json_parse(text, CF_KMS_ANSWER_BYTES_MAX, &j)) ||
        !cf_is_ok(cf_json_get_str(j, "__type", CF_KMS_ANSWER_BYTES_MAX, &type))) {
        return ERRORS;
    }
    cf_view name = bare_name(type);
    size_t row = 0;
    while (row < ERRORS && !cf_view_eq(name, cf_view_str(errors[row].name))) {
        row++;
    }
    return row;
}

cf_err cf_kms_error(int status, cf_view text, cf_buf *ret_name)
{
    size_t row = error_row(text);
    bool later = status >= 500;
    if (row < ERRORS) {
        later = later || errors[row].later;
        cf_ignore(cf_buf_append(ret_name, cf_view_str(errors[row].name)));
    }
    return later ? CF_ERR_KMS_UNAVAILABLE : CF_ERR_KMS_REFUSED;
}
