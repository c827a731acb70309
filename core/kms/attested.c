/* SPDX-License-Identifier: Apache-2.0 */
#include "core/kms/attested.h"

#include "core/kms/cms.h"
#include "core/kms/kms_priv.h"

/* What a request of an operation has. A bit of MAY is taken with a bit of MUST or by itself. */
enum { KEY = 1, BLOB = 2, ALGORITHM = 4, SPEC = 8, BYTES = 16, PUBLIC = 32, CONTEXT = 64 };

static const struct {
    cf_view target;
    unsigned must, may;
    const char *plaintext, *blob, *public_key; /* members of the answer */
} ops[] = {
    [CF_KMS_DECRYPT] = {CF_LIT_INIT(CF_KMS_TARGET_PREFIX "Decrypt"), BLOB,
                        KEY | ALGORITHM | CONTEXT, "Plaintext", NULL, NULL},
    [CF_KMS_DATA_KEY] = {CF_LIT_INIT(CF_KMS_TARGET_PREFIX "GenerateDataKey"), KEY,
                         SPEC | BYTES | CONTEXT, "Plaintext", "CiphertextBlob", NULL},
    [CF_KMS_DATA_KEY_PAIR] = {CF_LIT_INIT(CF_KMS_TARGET_PREFIX "GenerateDataKeyPair"), KEY | SPEC,
                              CONTEXT, "PrivateKeyPlaintext", "PrivateKeyCiphertextBlob",
                              "PublicKey"},
    [CF_KMS_RANDOM] = {CF_LIT_INIT(CF_KMS_TARGET_PREFIX "GenerateRandom"), BYTES, 0, "Plaintext",
                       NULL, NULL},
    [CF_KMS_SHARED_SECRET] = {CF_LIT_INIT(CF_KMS_TARGET_PREFIX "DeriveSharedSecret"), KEY | PUBLIC,
                              0, "SharedSecret", NULL, NULL},
};
_Static_assert(sizeof ops / sizeof *ops == CF_KMS_OP_COUNT, "every operation has a row");

cf_view cf_kms_target(cf_kms_op op)
{
    return ops[op].target;
}

static cf_result check_context(const cf_kms_attested *q)
{
    CF_REQUIRE(q->context_n <= CF_KMS_CONTEXT_PAIRS_MAX, SIZE);
    for (size_t i = 0; i < q->context_n; i++) {
        for (size_t k = 0; k < i; k++) {
            CF_REQUIRE(!cf_view_eq(q->context[i].name, q->context[k].name), DUPLICATE);
        }
    }
    return cf_ok();
}

static cf_result check(const cf_kms_attested *q)
{
    CF_REQUIRE(q->op < CF_KMS_OP_COUNT, ARGUMENT);
    unsigned has = (q->key_id.len > 0 ? KEY : 0U) | (q->blob.len > 0 ? BLOB : 0U) |
                   (q->algorithm.len > 0 ? ALGORITHM : 0U) | (q->spec.len > 0 ? SPEC : 0U) |
                   (q->bytes > 0 ? BYTES : 0U) | (q->public_key.len > 0 ? PUBLIC : 0U) |
                   (q->context_n > 0 ? CONTEXT : 0U);
    unsigned must = ops[q->op].must, may = ops[q->op].may, size = has & (SPEC | BYTES);
    CF_REQUIRE((has & must) == must && (has & ~(must | may)) == 0, ARGUMENT);
    CF_REQUIRE(q->op != CF_KMS_DATA_KEY || size == SPEC || size == BYTES, ARGUMENT);
    CF_REQUIRE(q->document.len > 0, ARGUMENT);
    CF_REQUIRE(q->document.len <= CF_KMS_DOCUMENT_BYTES_MAX, SIZE);
    CF_REQUIRE(q->blob.len <= CF_KMS_BLOB_BYTES_MAX, SIZE);
    CF_REQUIRE(q->key_id.len <= CF_KMS_KEY_ID_BYTES_MAX, SIZE);
    CF_REQUIRE(q->public_key.len <= CF_KMS_PUBLIC_KEY_BYTES_MAX, SIZE);
    CF_REQUIRE(q->algorithm.len <= CF_KMS_NAME_BYTES_MAX, SIZE);
    CF_REQUIRE(q->spec.len <= CF_KMS_NAME_BYTES_MAX, SIZE);
    CF_REQUIRE(q->bytes <= CF_KMS_RANDOM_BYTES_MAX, RANGE);
    return check_context(q);
}

void cf_kms_put_str(cf_kms_body *b, const char *name, cf_view value)
{
    if (value.len > 0) {
        cf_kms_body_name(b, name);
        cf_kms_body_str(b, value);
    }
}

static void put_base64(cf_kms_body *b, const char *name, cf_view value)
{
    if (value.len > 0) {
        cf_kms_body_name(b, name);
        cf_kms_body_base64(b, value);
    }
}

void cf_kms_put_context(cf_kms_body *b, const cf_kms_pair *pairs, size_t n)
{
    if (n == 0) {
        return;
    }
    cf_kms_body_name(b, "EncryptionContext");
    cf_kms_body_open(b, '{');
    for (size_t i = 0; i < n; i++) {
        cf_kms_body_member(b, pairs[i].name);
        cf_kms_body_str(b, pairs[i].value);
    }
    cf_kms_body_close(b, '}');
}

CF_MUST_USE cf_result cf_kms_attested_encode(const cf_kms_attested *q, cf_buf *out)
{
    CF_TRY(check(q));
    CF_BUF(text);
    cf_kms_body b = cf_kms_body_to(&text);
    cf_kms_body_open(&b, '{');
    put_base64(&b, "CiphertextBlob", q->blob);
    cf_kms_put_str(&b, "KeyId", q->key_id);
    cf_kms_put_str(&b, "EncryptionAlgorithm", q->algorithm);
    cf_kms_put_str(&b, q->op == CF_KMS_DATA_KEY ? "KeySpec" : "KeyPairSpec", q->spec);
    if (q->bytes > 0) {
        cf_kms_body_name(&b, "NumberOfBytes");
        cf_kms_body_number(&b, q->bytes);
    }
    cf_kms_put_str(&b, "KeyAgreementAlgorithm",
                   q->op == CF_KMS_SHARED_SECRET ? CF_LIT("ECDH") : CF_VIEW_EMPTY);
    put_base64(&b, "PublicKey", q->public_key);
    cf_kms_put_context(&b, q->context, q->context_n);
    cf_kms_body_name(&b, "Recipient");
    cf_kms_body_open(&b, '{');
    cf_kms_put_str(&b, "KeyEncryptionAlgorithm", CF_LIT("RSAES_OAEP_SHA_256"));
    put_base64(&b, "AttestationDocument", q->document);
    cf_kms_body_close(&b, '}');
    cf_kms_body_close(&b, '}');
    CF_TRY(cf_kms_body_end(&b));
    return cf_buf_append(out, cf_buf_view(&text));
}

void cf_kms_attested_answer_free(cf_kms_attested_answer *a)
{
    cf_buf_free(&a->cms);
    cf_buf_free(&a->blob);
    cf_buf_free(&a->public_key);
}

CF_MUST_USE cf_result cf_kms_attested_decode(cf_kms_op op, cf_view body,
                                             cf_kms_attested_answer *ret)
{
    CF_JSON(j);
    CF_AUTO(cf_kms_attested_answer_free) cf_kms_attested_answer a = {.cms = CF_BUF_EMPTY};
    *ret = (cf_kms_attested_answer){.cms = CF_BUF_EMPTY};
    CF_REQUIRE(op < CF_KMS_OP_COUNT, ARGUMENT);
    CF_TRY(cf_kms_answer_parse(body, &j));
    /* A service that hands the plaintext to everybody on the way has not understood Recipient; going on would hide it. */
    CF_REQUIRE(cf_kms_answer_lacks(j, ops[op].plaintext), KMS_ANSWER);
    CF_TRY(cf_kms_answer_octets(j, "CiphertextForRecipient", CF_CMS_BYTES_MAX, &a.cms));
    if (ops[op].blob != NULL) {
        CF_TRY(cf_kms_answer_octets(j, ops[op].blob, CF_KMS_BLOB_BYTES_MAX, &a.blob));
    }
    if (ops[op].public_key != NULL) {
        CF_TRY(cf_kms_answer_octets(j, ops[op].public_key, CF_KMS_PUBLIC_KEY_BYTES_MAX,
                                    &a.public_key));
    }
    *ret = a;
    a = (cf_kms_attested_answer){.cms = CF_BUF_EMPTY};
    return cf_ok();
}
