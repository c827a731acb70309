/* SPDX-License-Identifier: Apache-2.0 */
#include "core/kms/kms.h"

#include "core/kms/cms.h"
#include "tests/support/failmalloc.h"
#include "tests/support/test.h"

static const cf_kms_context some = {CF_LIT_INIT("t1"), CF_LIT_INIT("v_1"), {NULL, 0}};
static const cf_kms_context secret = {.secret = CF_LIT_INIT("email-index")};
static const cf_kms_context none = {{NULL, 0}, {NULL, 0}, {NULL, 0}};

static void test_decrypt_body(void **state)
{
    (void)state;
    CF_BUF(out);
    assert_ok(
        cf_kms_decrypt_encode(CF_LIT("blob"), CF_LIT("key \"1\""), &some, CF_LIT("doc"), &out));
    assert_view(cf_buf_view(&out),
                CF_LIT("{\"CiphertextBlob\":\"YmxvYg==\",\"KeyId\":\"key \\\"1\\\"\","
                       "\"EncryptionContext\":{\"tenant\":\"t1\",\"vault_id\":\"v_1\"},"
                       "\"Recipient\":{\"KeyEncryptionAlgorithm\":\"RSAES_OAEP_SHA_256\","
                       "\"AttestationDocument\":\"ZG9j\"}}"));
    cf_buf_clear(&out);
    assert_ok(cf_kms_decrypt_encode(CF_LIT("blob"), CF_VIEW_EMPTY, &none, CF_LIT("doc"), &out));
    assert_view(cf_buf_view(&out), CF_LIT("{\"CiphertextBlob\":\"YmxvYg==\","
                                          "\"Recipient\":{\"KeyEncryptionAlgorithm\":\"RSAES_OAEP_"
                                          "SHA_256\",\"AttestationDocument\":\"ZG9j\"}}"));
    cf_buf_clear(&out);
    assert_ok(cf_kms_decrypt_encode(CF_LIT("blob"), CF_LIT("k"), &secret, CF_LIT("doc"), &out));
    assert_view(cf_buf_view(&out),
                CF_LIT("{\"CiphertextBlob\":\"YmxvYg==\",\"KeyId\":\"k\","
                       "\"EncryptionContext\":{\"coffer:secret\":\"email-index\"},"
                       "\"Recipient\":{\"KeyEncryptionAlgorithm\":\"RSAES_OAEP_SHA_256\","
                       "\"AttestationDocument\":\"ZG9j\"}}"));
}

static void test_decrypt_body_arguments(void **state)
{
    (void)state;
    static const uint8_t large[CF_KMS_DOCUMENT_BYTES_MAX + 1];
    CF_BUF(out);
    cf_kms_context half = {.tenant = CF_LIT("t")}, other_half = {.vault_id = CF_LIT("v")};
    cf_kms_context both = {CF_LIT("t"), CF_LIT("v"), CF_LIT("s")};
    cf_view x = CF_LIT("x");
    assert_err(cf_kms_decrypt_encode(x, x, &half, x, &out), ARGUMENT);
    assert_err(cf_kms_decrypt_encode(x, x, &other_half, x, &out), ARGUMENT);
    assert_err(cf_kms_decrypt_encode(x, x, &both, x, &out), ARGUMENT);
    assert_err(cf_kms_decrypt_encode(CF_VIEW_EMPTY, x, &some, x, &out), ARGUMENT);
    assert_err(cf_kms_decrypt_encode(x, x, &some, CF_VIEW_EMPTY, &out), ARGUMENT);
    assert_err(cf_kms_decrypt_encode(x, CF_LIT("\xff"), &some, x, &out), UTF8);
    assert_ok(cf_kms_decrypt_encode(cf_view_make(large, CF_KMS_BLOB_BYTES_MAX), x, &some, x, &out));
    cf_buf_clear(&out);
    assert_err(
        cf_kms_decrypt_encode(cf_view_make(large, CF_KMS_BLOB_BYTES_MAX + 1), x, &some, x, &out),
        SIZE);
    assert_ok(
        cf_kms_decrypt_encode(x, x, &some, cf_view_make(large, CF_KMS_DOCUMENT_BYTES_MAX), &out));
    cf_buf_clear(&out);
    assert_err(cf_kms_decrypt_encode(x, x, &some,
                                     cf_view_make(large, CF_KMS_DOCUMENT_BYTES_MAX + 1), &out),
               SIZE);
    assert_err(
        cf_kms_decrypt_encode(x, cf_view_make(large, CF_KMS_KEY_ID_BYTES_MAX + 1), &some, x, &out),
        SIZE);
    assert_int_equal(out.len, 0);
}

static void test_pair_body(void **state)
{
    (void)state;
    static const struct {
        cf_curve curve;
        const char *spec;
    } rows[] = {{CF_P256, "ECC_NIST_P256"}, {CF_P384, "ECC_NIST_P384"}, {CF_P521, "ECC_NIST_P521"}};
    for (size_t i = 0; i < 3; i++) {
        CF_BUF(out);
        char want[200];
        (void)snprintf(want, sizeof want,
                       "{\"KeyId\":\"k\",\"KeyPairSpec\":\"%s\",\"EncryptionContext\":{\"tenant\":"
                       "\"t1\",\"vault_id\":\"v_1\"}}",
                       rows[i].spec);
        assert_ok(cf_kms_pair_encode(CF_LIT("k"), rows[i].curve, &some, &out));
        assert_view(cf_buf_view(&out), cf_view_str(want));
    }
    CF_BUF(out);
    assert_err(cf_kms_pair_encode(CF_LIT("k"), CF_X25519, &some, &out), UNSUPPORTED);
    assert_err(cf_kms_pair_encode(CF_VIEW_EMPTY, CF_P384, &some, &out), ARGUMENT);
    assert_int_equal(out.len, 0);
}

static void test_decrypt_answers(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        bool ok;
    } rows[] = {
        {"{\"CiphertextForRecipient\":\"Y21z\",\"KeyId\":\"k\"}", true},
        {"{\"CiphertextForRecipient\":\"Y21z\",\"Plaintext\":null,\"New\":[{}]}", true},
        {"{\"CiphertextForRecipient\":\"Y21z\",\"Plaintext\":\"\"}", true},
        {"{\"CiphertextForRecipient\":\"Y21z\",\"Plaintext\":\"cGxhaW4=\"}", false},
        {"{\"CiphertextForRecipient\":\"Y21z\",\"Plaintext\":[]}", false},
        {"{\"Plaintext\":\"cGxhaW4=\"}", false},
        {"{\"CiphertextForRecipient\":\"\"}", false},
        {"{\"CiphertextForRecipient\":null}", false},
        {"{\"CiphertextForRecipient\":\"Y21\"}", false},
        {"{\"CiphertextForRecipient\":5}", false},
        {"{\"CiphertextForRecipient\":\"Y21z\",\"CiphertextForRecipient\":\"Y21z\"}", false},
        {"{}", false},
        {"[]", false},
        {"null", false},
        {"", false},
        {"{", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CF_BUF(cms);
        cf_result r = cf_kms_decrypt_answer(cf_view_str(rows[i].body), &cms);
        if (r.code != (rows[i].ok ? CF_OK : CF_ERR_KMS_ANSWER)) {
            fail_msg("%s: %s", rows[i].body, cf_err_code(r.code));
        }
        assert_view(cf_buf_view(&cms), rows[i].ok ? CF_LIT("cms") : CF_VIEW_EMPTY);
    }
}

/* An answer with a member of len octets in base64. */
static void sized_answer(const char *name, size_t len, const char *rest, cf_buf *out)
{
    assert_ok(cf_buf_append(out, CF_LIT("{\"")));
    assert_ok(cf_buf_append(out, cf_view_str(name)));
    assert_ok(cf_buf_append(out, CF_LIT("\":\"")));
    for (size_t i = 0; i < len / 3; i++) {
        assert_ok(cf_buf_append(out, CF_LIT("AAAA")));
    }
    assert_ok(cf_buf_append(out, len % 3 == 0 ? CF_VIEW_EMPTY
                                              : (len % 3 == 1 ? CF_LIT("AA==") : CF_LIT("AAA="))));
    assert_ok(cf_buf_append(out, CF_LIT("\"")));
    assert_ok(cf_buf_append(out, cf_view_str(rest)));
    assert_ok(cf_buf_append(out, CF_LIT("}")));
}

static void test_answer_limits(void **state)
{
    (void)state;
    for (int by = -1; by <= 1; by++) {
        CF_BUF(a);
        CF_BUF(b);
        CF_BUF(c);
        CF_BUF(x);
        CF_BUF(y);
        cf_err want = by <= 0 ? CF_OK : CF_ERR_KMS_ANSWER;
        sized_answer("CiphertextForRecipient", (size_t)(CF_CMS_BYTES_MAX + by), "", &a);
        assert_code(cf_kms_decrypt_answer(cf_buf_view(&a), &x), want);
        sized_answer("PublicKey", (size_t)(CF_KMS_PUBLIC_KEY_BYTES_MAX + by),
                     ",\"PrivateKeyCiphertextBlob\":\"AAAA\"", &b);
        assert_code(cf_kms_pair_answer(cf_buf_view(&b), &x, &y), want);
        sized_answer("PrivateKeyCiphertextBlob", (size_t)(CF_KMS_BLOB_BYTES_MAX + by),
                     ",\"PublicKey\":\"AAAA\"", &c);
        assert_code(cf_kms_pair_answer(cf_buf_view(&c), &x, &y), want);
    }
    for (size_t len = CF_KMS_ANSWER_BYTES_MAX - 1; len <= CF_KMS_ANSWER_BYTES_MAX + 1; len++) {
        CF_BUF(body);
        CF_BUF(cms);
        assert_ok(cf_buf_append(&body, CF_LIT("{\"CiphertextForRecipient\":\"Y21z\"}")));
        while (body.len < len) {
            assert_ok(cf_buf_append(&body, CF_LIT(" ")));
        }
        assert_code(cf_kms_decrypt_answer(cf_buf_view(&body), &cms),
                    len <= CF_KMS_ANSWER_BYTES_MAX ? CF_OK : CF_ERR_KMS_ANSWER);
    }
}

#define WITH_PLAINTEXT                                                                             \
    "{\"PublicKey\":\"cHVi\",\"PrivateKeyCiphertextBlob\":\"YmxvYg==\","                           \
    "\"PrivateKeyPlaintext\":\"cHJpdg==\"}"

static void test_pair_answers(void **state)
{
    (void)state;
    CF_BUF(spki);
    CF_BUF(blob);
    assert_ok(cf_kms_pair_answer(
        CF_LIT(
            "{\"PublicKey\":\"cHVi\",\"PrivateKeyCiphertextBlob\":\"YmxvYg==\",\"KeyId\":\"k\"}"),
        &spki, &blob));
    assert_view(cf_buf_view(&spki), CF_LIT("pub"));
    assert_view(cf_buf_view(&blob), CF_LIT("blob"));
    static const char *const bad[] = {
        "{\"PublicKey\":\"cHVi\"}",
        "{\"PrivateKeyCiphertextBlob\":\"YmxvYg==\"}",
        "{\"PublicKey\":\"cHVi\",\"PrivateKeyCiphertextBlob\":\"\"}",
        "{\"PublicKey\":\"\",\"PrivateKeyCiphertextBlob\":\"YmxvYg==\"}",
        WITH_PLAINTEXT,
        "{}",
        "text",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CF_BUF(a);
        CF_BUF(b);
        assert_err(cf_kms_pair_answer(cf_view_str(bad[i]), &a, &b), KMS_ANSWER);
        assert_int_equal(a.len + b.len, 0);
    }
}

static void test_error_classes(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *body;
        cf_err err;
        const char *name;
    } rows[] = {
        {400, "{\"__type\":\"AccessDeniedException\",\"message\":\"m\"}", CF_ERR_KMS_REFUSED,
         "AccessDeniedException"},
        {400, "{\"__type\":\"com.amazonaws.kms#NotFoundException\"}", CF_ERR_KMS_REFUSED,
         "NotFoundException"},
        {400, "{\"__type\":\"a#b#InvalidCiphertextException:http://x/y#z\"}", CF_ERR_KMS_REFUSED,
         "InvalidCiphertextException"},
        {400, "{\"__type\":\"IncorrectKeyException:\"}", CF_ERR_KMS_REFUSED,
         "IncorrectKeyException"},
        {400, "{\"__type\":\"ThrottlingException\"}", CF_ERR_KMS_UNAVAILABLE,
         "ThrottlingException"},
        {500, "{\"__type\":\"KMSInternalException\"}", CF_ERR_KMS_UNAVAILABLE,
         "KMSInternalException"},
        {400, "{\"__type\":\"KMSInternalException\"}", CF_ERR_KMS_UNAVAILABLE,
         "KMSInternalException"},
        {500, "{\"__type\":\"AccessDeniedException\"}", CF_ERR_KMS_UNAVAILABLE,
         "AccessDeniedException"},
        {503, "busy", CF_ERR_KMS_UNAVAILABLE, ""},
        {400, "{\"__type\":\"somebody's secret\"}", CF_ERR_KMS_REFUSED, ""},
        {400, "{\"__type\":\"accessdeniedexception\"}", CF_ERR_KMS_REFUSED, ""},
        {400, "{\"__type\":17}", CF_ERR_KMS_REFUSED, ""},
        {403, "", CF_ERR_KMS_REFUSED, ""},
        {413, "[]", CF_ERR_KMS_REFUSED, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CF_BUF(name);
        cf_err err = cf_kms_error(rows[i].status, cf_view_str(rows[i].body), &name);
        if (err != rows[i].err) {
            fail_msg("%s: %s", rows[i].body, cf_err_code(err));
        }
        assert_view(cf_buf_view(&name), cf_view_str(rows[i].name));
    }
}

static cf_result encode_all(void *ctx)
{
    (void)ctx;
    CF_BUF(out);
    CF_TRY(cf_kms_decrypt_encode(CF_LIT("blob"), CF_LIT("key"), &some, CF_LIT("doc"), &out));
    CF_TRY(cf_kms_pair_encode(CF_LIT("k"), CF_P384, &some, &out));
    return cf_kms_decrypt_answer(CF_LIT("{\"CiphertextForRecipient\":\"Y21z\"}"), &out);
}

static void test_failing_allocations(void **state)
{
    (void)state;
    (void)failmalloc_each(encode_all, NULL, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decrypt_body),  cmocka_unit_test(test_decrypt_body_arguments),
        cmocka_unit_test(test_pair_body),     cmocka_unit_test(test_decrypt_answers),
        cmocka_unit_test(test_answer_limits), cmocka_unit_test(test_pair_answers),
        cmocka_unit_test(test_error_classes), cmocka_unit_test(test_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
