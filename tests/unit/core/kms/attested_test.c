/* SPDX-License-Identifier: Apache-2.0 */
#include "core/kms/attested.h"

#include "core/kms/cms.h"
#include "core/kms/fault.h"
#include "tests/support/failmalloc.h"
#include "tests/support/test.h"

#define RECIPIENT                                                                                  \
    "\"Recipient\":{\"KeyEncryptionAlgorithm\":\"RSAES_OAEP_SHA_256\",\"AttestationDocument\":"    \
    "\"ZG9j\"}}"
#define DOC .document = CF_LIT_INIT("doc")
#define KEY .key_id = CF_LIT_INIT("k")

static const cf_kms_pair pairs[] = {{CF_LIT_INIT("a \"b\""), CF_LIT_INIT("\xc3\xa9")},
                                    {CF_LIT_INIT("A"), CF_LIT_INIT("")}};

static const struct {
    cf_kms_attested q;
    const char *target, *body;
} good[] = {
    {{.op = CF_KMS_DECRYPT, DOC, .blob = CF_LIT_INIT("blob")},
     "TrentService.Decrypt",
     "{\"CiphertextBlob\":\"YmxvYg==\"," RECIPIENT},
    {{.op = CF_KMS_DECRYPT,
      DOC,
      KEY,
      .blob = CF_LIT_INIT("blob"),
      .algorithm = CF_LIT_INIT("RSAES_OAEP_SHA_256"),
      .context = pairs,
      .context_n = 2},
     "TrentService.Decrypt",
     "{\"CiphertextBlob\":\"YmxvYg==\",\"KeyId\":\"k\",\"EncryptionAlgorithm\":\"RSAES_OAEP_SHA_"
     "256\","
     "\"EncryptionContext\":{\"a \\\"b\\\"\":\"\xc3\xa9\",\"A\":\"\"}," RECIPIENT},
    {{.op = CF_KMS_DATA_KEY, DOC, KEY, .spec = CF_LIT_INIT("AES_256")},
     "TrentService.GenerateDataKey",
     "{\"KeyId\":\"k\",\"KeySpec\":\"AES_256\"," RECIPIENT},
    {{.op = CF_KMS_DATA_KEY, DOC, KEY, .bytes = 1024, .context = pairs, .context_n = 1},
     "TrentService.GenerateDataKey",
     "{\"KeyId\":\"k\",\"NumberOfBytes\":1024,\"EncryptionContext\":{\"a "
     "\\\"b\\\"\":\"\xc3\xa9\"}," RECIPIENT},
    {{.op = CF_KMS_DATA_KEY_PAIR, DOC, KEY, .spec = CF_LIT_INIT("ECC_NIST_P384")},
     "TrentService.GenerateDataKeyPair",
     "{\"KeyId\":\"k\",\"KeyPairSpec\":\"ECC_NIST_P384\"," RECIPIENT},
    {{.op = CF_KMS_RANDOM, DOC, .bytes = 1},
     "TrentService.GenerateRandom",
     "{\"NumberOfBytes\":1," RECIPIENT},
    {{.op = CF_KMS_SHARED_SECRET, DOC, KEY, .public_key = CF_LIT_INIT("spki")},
     "TrentService.DeriveSharedSecret",
     "{\"KeyId\":\"k\",\"KeyAgreementAlgorithm\":\"ECDH\",\"PublicKey\":\"c3BraQ==\"," RECIPIENT},
};

static void test_bodies(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        CF_BUF(out);
        assert_ok(cf_kms_attested_encode(&good[i].q, &out));
        assert_view(cf_buf_view(&out), cf_view_str(good[i].body));
        assert_view(cf_kms_target(good[i].q.op), cf_view_str(good[i].target));
    }
}

static void refused(cf_kms_attested q, cf_err err)
{
    CF_BUF(out);
    cf_result r = cf_kms_attested_encode(&q, &out);
    assert_code(r, err);
    assert_true(cf_is_ok(r) == (out.len > 0));
}

/* Every operation with every member that another one takes. */
static void test_members(void **state)
{
    (void)state;
    enum { KEY_ID, BLOB, ALGORITHM, SPEC, BYTES, PUBLIC, CONTEXT, MEMBERS };
    static const char *const takes[CF_KMS_OP_COUNT] = {
        [CF_KMS_DECRYPT] = "?!?   ?",       [CF_KMS_DATA_KEY] = "!  11 ?",
        [CF_KMS_DATA_KEY_PAIR] = "!  !  ?", [CF_KMS_RANDOM] = "    !  ",
        [CF_KMS_SHARED_SECRET] = "!    ! ",
    };
    for (unsigned op = 0; op < CF_KMS_OP_COUNT; op++) {
        for (unsigned has = 0; has < 1U << MEMBERS; has++) {
            const cf_kms_attested q = {
                .op = (cf_kms_op)op,
                .document = CF_LIT("doc"),
                .key_id = has & 1U << KEY_ID ? CF_LIT("k") : CF_VIEW_EMPTY,
                .blob = has & 1U << BLOB ? CF_LIT("b") : CF_VIEW_EMPTY,
                .algorithm = has & 1U << ALGORITHM ? CF_LIT("x") : CF_VIEW_EMPTY,
                .spec = has & 1U << SPEC ? CF_LIT("x") : CF_VIEW_EMPTY,
                .bytes = has & 1U << BYTES ? 1 : 0,
                .public_key = has & 1U << PUBLIC ? CF_LIT("x") : CF_VIEW_EMPTY,
                .context = pairs,
                .context_n = has & 1U << CONTEXT ? 1 : 0,
            };
            bool ok = true;
            unsigned of_one = 0;
            for (unsigned m = 0; m < MEMBERS; m++) {
                bool given = (has & 1U << m) != 0;
                ok = ok && (takes[op][m] != '!' || given) && (takes[op][m] != ' ' || !given);
                of_one += takes[op][m] == '1' && given;
            }
            ok = ok && (op != CF_KMS_DATA_KEY || of_one == 1);
            refused(q, ok ? CF_OK : CF_ERR_ARGUMENT);
        }
    }
    refused((cf_kms_attested){.op = CF_KMS_OP_COUNT, .document = CF_LIT("d")}, CF_ERR_ARGUMENT);
    refused((cf_kms_attested){.op = CF_KMS_RANDOM, .bytes = 1}, CF_ERR_ARGUMENT);
}

static void test_limits(void **state)
{
    (void)state;
    static const uint8_t large[CF_KMS_DOCUMENT_BYTES_MAX + 1];
    static char names[CF_KMS_CONTEXT_PAIRS_MAX + 1][4];
    static cf_kms_pair many[CF_KMS_CONTEXT_PAIRS_MAX + 1];
    for (size_t i = 0; i < CF_KMS_CONTEXT_PAIRS_MAX + 1; i++) {
        (void)snprintf(names[i], sizeof names[i], "%zu", i);
        many[i] = (cf_kms_pair){cf_view_str(names[i]), CF_LIT("v")};
    }
    for (size_t over = 0; over < 2; over++) {
        cf_err size = over == 1 ? CF_ERR_SIZE : CF_OK;
        cf_kms_attested d = {.op = CF_KMS_DECRYPT, .document = CF_LIT("d"), .blob = CF_LIT("b")};
        d.document = cf_view_make(large, CF_KMS_DOCUMENT_BYTES_MAX + over);
        refused(d, size);
        d.document = CF_LIT("d");
        d.blob = cf_view_make(large, CF_KMS_BLOB_BYTES_MAX + over);
        refused(d, size);
        d.blob = CF_LIT("b");
        d.key_id = cf_view_make(large, CF_KMS_KEY_ID_BYTES_MAX + over);
        refused(d, size);
        d.key_id = CF_VIEW_EMPTY;
        d.algorithm = cf_view_make(large, CF_KMS_NAME_BYTES_MAX + over);
        refused(d, size);
        d.algorithm = CF_VIEW_EMPTY;
        d.context = many;
        d.context_n = CF_KMS_CONTEXT_PAIRS_MAX + over;
        refused(d, size);
        cf_kms_attested k = {.op = CF_KMS_DATA_KEY, .document = CF_LIT("d"), .key_id = CF_LIT("k")};
        k.spec = cf_view_make(large, CF_KMS_NAME_BYTES_MAX + over);
        refused(k, size);
        cf_kms_attested r = {.op = CF_KMS_RANDOM, .document = CF_LIT("d")};
        r.bytes = (uint32_t)(CF_KMS_RANDOM_BYTES_MAX + over);
        refused(r, over == 1 ? CF_ERR_RANGE : CF_OK);
        cf_kms_attested s = {
            .op = CF_KMS_SHARED_SECRET, .document = CF_LIT("d"), .key_id = CF_LIT("k")};
        s.public_key = cf_view_make(large, CF_KMS_PUBLIC_KEY_BYTES_MAX + over);
        refused(s, size);
    }
    cf_kms_attested d = {.op = CF_KMS_DECRYPT, .document = CF_LIT("d"), .blob = CF_LIT("b")};
    d.context = many;
    d.context_n = 5;
    many[4].name = many[1].name;
    refused(d, CF_ERR_DUPLICATE);
    many[4].name = CF_LIT("\xff");
    refused(d, CF_ERR_UTF8);
    many[4] = (cf_kms_pair){CF_LIT("4"), CF_LIT("\xed\xa0\x80")};
    refused(d, CF_ERR_UTF8);
}

#define CMS "\"CiphertextForRecipient\":\"Y21z\""

static void test_answers(void **state)
{
    (void)state;
    static const struct {
        cf_kms_op op;
        const char *body;
        bool ok;
        const char *blob, *public_key;
    } rows[] = {
        {CF_KMS_DECRYPT, "{" CMS "}", true, "", ""},
        {CF_KMS_DECRYPT, "{" CMS ",\"Plaintext\":\"eA==\"}", false, "", ""},
        {CF_KMS_DECRYPT, "{\"Plaintext\":\"eA==\"}", false, "", ""},
        {CF_KMS_DATA_KEY, "{" CMS ",\"CiphertextBlob\":\"YmxvYg==\",\"Plaintext\":\"\"}", true,
         "blob", ""},
        {CF_KMS_DATA_KEY, "{" CMS "}", false, "", ""},
        {CF_KMS_DATA_KEY, "{" CMS ",\"CiphertextBlob\":\"\"}", false, "", ""},
        {CF_KMS_DATA_KEY, "{" CMS ",\"CiphertextBlob\":\"YmxvYg==\",\"Plaintext\":\"eA==\"}", false,
         "", ""},
        {CF_KMS_DATA_KEY_PAIR,
         "{" CMS ",\"PrivateKeyCiphertextBlob\":\"YmxvYg==\",\"PublicKey\":\"cHVi\"}", true, "blob",
         "pub"},
        {CF_KMS_DATA_KEY_PAIR,
         "{" CMS ",\"PrivateKeyCiphertextBlob\":\"YmxvYg==\",\"PublicKey\":\"cHVi\","
         "\"PrivateKeyPlaintext\":\"eA==\"}",
         false, "", ""},
        {CF_KMS_DATA_KEY_PAIR, "{" CMS ",\"PrivateKeyCiphertextBlob\":\"YmxvYg==\"}", false, "",
         ""},
        {CF_KMS_DATA_KEY_PAIR, "{" CMS ",\"PublicKey\":\"cHVi\"}", false, "", ""},
        {CF_KMS_RANDOM, "{" CMS ",\"Plaintext\":null}", true, "", ""},
        {CF_KMS_RANDOM, "{" CMS ",\"Plaintext\":\"eA==\"}", false, "", ""},
        {CF_KMS_SHARED_SECRET, "{" CMS ",\"KeyOrigin\":\"AWS_KMS\"}", true, "", ""},
        {CF_KMS_SHARED_SECRET, "{" CMS ",\"SharedSecret\":\"eA==\"}", false, "", ""},
        {CF_KMS_SHARED_SECRET, "{}", false, "", ""},
        {CF_KMS_SHARED_SECRET, "", false, "", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CF_AUTO(cf_kms_attested_answer_free) cf_kms_attested_answer a = {.cms = {NULL, 0, 0}};
        cf_result r = cf_kms_attested_decode(rows[i].op, cf_view_str(rows[i].body), &a);
        if (cf_is_ok(r) != rows[i].ok) {
            print_error("%s\n", rows[i].body);
        }
        assert_code(r, rows[i].ok ? CF_OK : CF_ERR_KMS_ANSWER);
        assert_view(cf_buf_view(&a.cms), rows[i].ok ? CF_LIT("cms") : CF_VIEW_EMPTY);
        assert_view(cf_buf_view(&a.blob), cf_view_str(rows[i].blob));
        assert_view(cf_buf_view(&a.public_key), cf_view_str(rows[i].public_key));
    }
}

static cf_result both_ways(void *ctx)
{
    (void)ctx;
    CF_BUF(out);
    CF_AUTO(cf_kms_attested_answer_free) cf_kms_attested_answer a = {.cms = {NULL, 0, 0}};
    CF_TRY(cf_kms_attested_encode(&good[1].q, &out));
    return cf_kms_attested_decode(
        CF_KMS_DATA_KEY_PAIR,
        CF_LIT("{" CMS ",\"PrivateKeyCiphertextBlob\":\"YmxvYg==\",\"PublicKey\":\"cHVi\"}"), &a);
}

static void test_failing_allocations(void **state)
{
    (void)state;
    (void)failmalloc_each(both_ways, NULL, 5);
}

/* ---- what KMS says when it says no ---- */

static void test_faults(void **state)
{
    (void)state;
    static const struct {
        unsigned status;
        const char *body, *field, *code;
        cf_kms_remedy remedy;
    } rows[] = {
        {400, "{\"__type\":\"AccessDeniedException\",\"Message\":\"x\"}", "", "kms_access_denied",
         CF_KMS_FINAL},
        {400, "{\"message\":\"x\"}", "AccessDeniedException:http://internal/", "kms_access_denied",
         CF_KMS_FINAL},
        {400, "{\"__type\":\"DisabledException\"}", "AccessDeniedException", "kms_key_disabled",
         CF_KMS_FINAL},
        {400, "{\"__type\":\"com.amazon#ThrottlingException\"}", "", "kms_throttled", CF_KMS_LATER},
        {429, "", "", "kms_error", CF_KMS_LATER},
        {429, "{\"__type\":\"NotFoundException\"}", "", "kms_key_unknown", CF_KMS_LATER},
        {500, "{\"__type\":\"KMSInternalException\"}", "", "kms_internal", CF_KMS_LATER},
        {503, "<html>", "", "kms_error", CF_KMS_LATER},
        {499, "{}", "", "kms_error", CF_KMS_FINAL},
        {400, "{\"__type\":\"InvalidSignatureException\"}", "", "kms_signature_refused",
         CF_KMS_CLOCK},
        {400, "{\"__type\":\"ExpiredTokenException\"}", "", "kms_credentials_expired",
         CF_KMS_CREDENTIALS},
        {400, "{\"__type\":\"UnrecognizedClientException\"}", "", "kms_credentials_unknown",
         CF_KMS_CREDENTIALS},
        {400, "{\"__type\":\"\"}", "ValidationException", "kms_bad_request", CF_KMS_FINAL},
        {400, "{\"__type\":[]}", "", "kms_error", CF_KMS_FINAL},
        {404, "", "#", "kms_error", CF_KMS_FINAL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const cf_kms_fault *f =
            cf_kms_fault_of(cf_view_str(rows[i].body), cf_view_str(rows[i].field));
        assert_string_equal(f->code, rows[i].code);
        assert_int_equal(cf_kms_fault_remedy(f, rows[i].status), rows[i].remedy);
        assert_true(f->hint[0] != '\0');
    }
}

/* The names of the KMS's own model and those of all signed services: each has a row of its own. */
static void test_every_name(void **state)
{
    (void)state;
    static const char *const names[] = {
        "NotFoundException",
        "InvalidArnException",
        "DisabledException",
        "KMSInvalidStateException",
        "InvalidCiphertextException",
        "IncorrectKeyException",
        "InvalidKeyUsageException",
        "InvalidGrantTokenException",
        "KMSInvalidMacException",
        "KMSInvalidSignatureException",
        "DryRunOperationException",
        "MalformedPolicyDocumentException",
        "AlreadyExistsException",
        "LimitExceededException",
        "ConflictException",
        "UnsupportedOperationException",
        "TagException",
        "InvalidMarkerException",
        "InvalidAliasNameException",
        "ValidationException",
        "SerializationException",
        "UnknownOperationException",
        "AccessDeniedException",
        "UnrecognizedClientException",
        "InvalidSignatureException",
        "IncompleteSignature",
        "MissingAuthenticationTokenException",
        "ExpiredTokenException",
        "ThrottlingException",
        "DependencyTimeoutException",
        "KMSInternalException",
        "KeyUnavailableException",
        "ServiceUnavailable",
        "InternalFailure",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char body[128];
        (void)snprintf(body, sizeof body, "{\"__type\":\"%s\"}", names[i]);
        const cf_kms_fault *f = cf_kms_fault_of(cf_view_str(body), CF_VIEW_EMPTY);
        assert_string_equal(f->name, names[i]);
        assert_true(strncmp(f->code, "kms_", 4) == 0 && strcmp(f->code, "kms_error") != 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_failing_allocations),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_every_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
