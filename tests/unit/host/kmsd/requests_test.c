/* SPDX-License-Identifier: Apache-2.0 */
/* What single requests are answered: dry runs, ids that are none, and what callers of other accounts learn. */
#include "tests/unit/host/kmsd/rig.h"

/* A copy of base64 of which the first octet is another one. */
static const char *altered(const char *text)
{
    static char copy[1024];
    (void)snprintf(copy, sizeof copy, "%s", text);
    copy[0] = copy[0] == 'A' ? 'B' : 'A';
    return copy;
}

/* --- dry runs --- */

static void test_dry_run_of_verify(void **state)
{
    (void)state;
    const char *id = rig_create("'KeySpec':'ECC_NIST_P256','KeyUsage':'SIGN_VERIFY'");
    json_t *signature = rig_call(
        "Sign", "", "{'KeyId':'%s','Message':'AAAA','SigningAlgorithm':'ECDSA_SHA_256'}", id);
    const char *text = rig_text(signature, "Signature");
    static const struct {
        bool right;
        const char *dry_run, *want;
    } rows[] = {
        {true, "false", ""},
        {true, "true", "DryRunOperationException"},
        {false, "false", "KMSInvalidSignatureException"},
        {false, "true", "KMSInvalidSignatureException"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        RIG_REFUSED("Verify", rows[i].want,
                    "{'KeyId':'%s','Message':'%s','SigningAlgorithm':'ECDSA_SHA_256',"
                    "'Signature':'%s','DryRun':%s}",
                    id, rows[i].right ? "AAAA" : "AAAB", text, rows[i].dry_run);
    }
    json_decref(signature);
}

static void test_dry_run_of_verify_mac(void **state)
{
    (void)state;
    const char *id = rig_create("'KeySpec':'HMAC_256','KeyUsage':'GENERATE_VERIFY_MAC'");
    json_t *mac = rig_call("GenerateMac", "",
                           "{'KeyId':'%s','Message':'AAAA','MacAlgorithm':'HMAC_SHA_256'}", id);
    const char *right = rig_text(mac, "Mac"), *wrong = altered(right);
    static const struct {
        bool right;
        const char *dry_run, *want;
    } rows[] = {
        {true, "false", ""},
        {true, "true", "DryRunOperationException"},
        {false, "false", "KMSInvalidMacException"},
        {false, "true", "KMSInvalidMacException"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        RIG_REFUSED("VerifyMac", rows[i].want,
                    "{'KeyId':'%s','Message':'AAAA','MacAlgorithm':'HMAC_SHA_256','Mac':'%s',"
                    "'DryRun':%s}",
                    id, rows[i].right ? right : wrong, rows[i].dry_run);
    }
    json_decref(mac);
}

/* --- ids of grants --- */

static void test_grant_ids(void **state)
{
    (void)state;
    const char *id = rig_create("");
    char none[65], longer[66], upper[65];
    (void)snprintf(none, sizeof none, "%064d", 0);
    (void)snprintf(longer, sizeof longer, "%065d", 0);
    (void)snprintf(upper, sizeof upper, "%063dA", 0);
    const struct {
        const char *grant, *want;
    } rows[] = {
        {none, "NotFoundException"},         {none + 1, "InvalidGrantIdException"},
        {longer, "InvalidGrantIdException"}, {upper, "InvalidGrantIdException"},
        {"abc", "InvalidGrantIdException"},  {"../principals", "InvalidGrantIdException"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        RIG_REFUSED("RevokeGrant", rows[i].want, "{'KeyId':'%s','GrantId':'%s'}", id,
                    rows[i].grant);
        RIG_REFUSED("RetireGrant", rows[i].want, "{'KeyId':'%s','GrantId':'%s'}", id,
                    rows[i].grant);
        RIG_REFUSED("ListGrants", i == 0 ? "" : rows[i].want, "{'KeyId':'%s','GrantId':'%s'}", id,
                    rows[i].grant);
    }
}

/* --- callers of other accounts --- */

#define FOREIGN "999999999999"

static cf_kmsd_answer foreign(const char *op, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static cf_kmsd_answer foreign(const char *op, const char *format, ...)
{
    char target[80], request[4096];
    cf_kmsd_answer a;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(request, sizeof request, format, args);
    va_end(args);
    (void)snprintf(target, sizeof target, "TrentService.%s", op);
    const cf_kmsd_caller caller = {.arn = "arn:aws:iam::" FOREIGN ":user/zoe",
                                   .role = "",
                                   .account = FOREIGN,
                                   .root = "arn:aws:iam::" FOREIGN ":root"};
    cf_kmsd_dispatch(rig, &caller, cf_view_str(target), quoted(request), "test", &a);
    return a;
}

/* What a foreign caller gets for a key that is none of its business. */
static void assert_veiled(const char *op, cf_kmsd_answer *a)
{
    char want[600];
    (void)snprintf(want, sizeof want,
                   "{\"__type\":\"AccessDeniedException\",\"message\":\"User: arn:aws:iam::" FOREIGN
                   ":user/zoe is not authorized to perform: kms:%s on this resource because the "
                   "resource does not exist in this Region, no resource-based policies allow "
                   "access, or a resource-based policy explicitly denies access\"}",
                   op);
    if (a->status != 400 || !cf_view_eq(cf_buf_view(&a->body), cf_view_str(want))) {
        fail_msg("%s: %.*s", op, (int)a->body.len, (const char *)a->body.data);
    }
    cf_buf_free(&a->body);
}

#define ARN "arn:aws:kms:us-east-1:000000000000:"
#define NOBODY "11111111-2222-3333-4444-555555555555"

static void test_foreign_callers_learn_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *op, *more;
    } rows[] = {
        {"DescribeKey", ""},
        {"GetKeyPolicy", ""},
        {"PutKeyPolicy", ",'Policy':'{}'"},
        {"DisableKey", ""},
        {"ScheduleKeyDeletion", ""},
        {"TagResource", ",'Tags':[{'TagKey':'aws:x','TagValue':'y'}]"},
        {"GetPublicKey", ""},
        {"Encrypt", ",'Plaintext':'AAAA'"},
        {"Encrypt", ",'Plaintext':'AAAA','DryRun':true"},
        {"Encrypt", ",'Plaintext':'AAAA','EncryptionAlgorithm':'RSAES_OAEP_SHA_1'"},
        {"Decrypt", ",'CiphertextBlob':'AAAA'"}, /* no blob at all */
        {"Decrypt", ",'CiphertextBlob':'AAAA','EncryptionAlgorithm':'RSAES_OAEP_SHA_1'"},
        {"GenerateDataKey", ",'KeySpec':'AES_256','Recipient':{'KeyEncryptionAlgorithm':"
                            "'RSAES_OAEP_SHA_256','AttestationDocument':'AAAA'}"},
        {"GenerateDataKey", ""}, /* neither length nor spec */
        {"GenerateDataKeyPair", ",'KeyPairSpec':'RSA_4096'"},
        {"Sign", ",'Message':'AAAA','SigningAlgorithm':'ECDSA_SHA_256'"},
        {"GenerateMac", ",'Message':'AAAA','MacAlgorithm':'HMAC_SHA_256'"},
        {"CreateGrant", ",'GranteePrincipal':'arn:aws:iam::" FOREIGN ":user/zoe',"
                        "'Operations':['Sign']"},
        {"CreateGrant", ",'GranteePrincipal':'nobody','Operations':['Decrypt']"},
        {"ListGrants", ""},
        {"RetireGrant",
         ",'GrantId':'0000000000000000000000000000000000000000000000000000000000000000'"},
        {"RevokeGrant", ",'GrantId':'x'"},
        {"RotateKeyOnDemand", ""},
        {"GetKeyRotationStatus", ""},
    };
    const char *id = rig_create("");
    RIG_OK("CreateAlias", "{'AliasName':'alias/there','TargetKeyId':'%s'}", id);
    char there[100];
    (void)snprintf(there, sizeof there, ARN "key/%s", id);
    const char *names[] = {there,  ARN "key/" NOBODY, id,
                           NOBODY, ARN "alias/there", ARN "alias/none"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        /* Those that manage keys take no aliases, which they say of all names of that form alike. */
        cf_kmsd_answer probe = foreign(rows[i].op, "{'KeyId':'alias/none'%s}", rows[i].more);
        bool aliases = strcmp(probe.exception, "NotFoundException") != 0;
        cf_buf_free(&probe.body);
        for (size_t k = 0; k < (aliases ? 6 : 4); k++) {
            cf_kmsd_answer a = foreign(rows[i].op, "{'KeyId':'%s'%s}", names[k], rows[i].more);
            assert_veiled(rows[i].op, &a);
        }
    }
    cf_kmsd_answer a = foreign("DescribeKey", "{'KeyId':'nonsense'}");
    assert_string_equal(a.exception, "NotFoundException");
    cf_buf_free(&a.body);
}

/* A ciphertext names its key, and anybody can write one. */
static void test_foreign_ciphertexts(void **state)
{
    (void)state;
    const char *of = rig_create(""), *other = rig_create("");
    json_t *e = rig_call("Encrypt", "", "{'KeyId':'%s','Plaintext':'AAAA'}", of);
    const char *blob = rig_text(e, "CiphertextBlob");
    cf_kmsd_answer a = foreign("Decrypt", "{'CiphertextBlob':'%s'}", blob);
    assert_veiled("Decrypt", &a);
    a = foreign("Decrypt", "{'CiphertextBlob':'%s','KeyId':'%s'}", blob, of);
    assert_veiled("Decrypt", &a);
    a = foreign("Decrypt", "{'CiphertextBlob':'%s','KeyId':'%s'}", blob, other);
    assert_veiled("Decrypt", &a);
    a = foreign("ReEncrypt", "{'CiphertextBlob':'%s','DestinationKeyId':'%s'}", blob, other);
    assert_veiled("ReEncrypt", &a);
    RIG_OK("ScheduleKeyDeletion", "{'KeyId':'%s','PendingWindowInDays':7}", of);
    rig_now_ms += 8 * DAY_MS;
    a = foreign("Decrypt", "{'CiphertextBlob':'%s'}", blob);
    assert_veiled("Decrypt", &a);
    json_decref(e);
}

/* Who is let in is told what is wrong, of the key that it was let in for. */
static void test_foreign_callers_with_leave(void **state)
{
    (void)state;
    const char
        *own = rig_create(""),
        *id = rig_create(
            "'BypassPolicyLockoutSafetyCheck':true,'Policy':'{\\'Statement\\':[{\\'Effect\\':"
            "\\'Allow\\',\\'Principal\\':{\\'AWS\\':[\\'" FOREIGN "\\',\\'000000000000\\']},"
            "\\'Action\\':\\'kms:*\\',\\'Resource\\':\\'*\\'}]}'");
    cf_kmsd_answer a = foreign("Encrypt", "{'KeyId':'" ARN "key/%s','Plaintext':'AAAA'}", id);
    assert_int_equal(a.status, 200);
    cf_buf_free(&a.body);
    a = foreign("Sign", "{'KeyId':'%s','Message':'AAAA','SigningAlgorithm':'ECDSA_SHA_256'}", id);
    assert_string_equal(a.exception, "InvalidKeyUsageException");
    cf_buf_free(&a.body);
    json_t *e = rig_call("Encrypt", "", "{'KeyId':'%s','Plaintext':'AAAA'}", id);
    a = foreign("ReEncrypt", "{'CiphertextBlob':'%s','DestinationKeyId':'%s'}",
                rig_text(e, "CiphertextBlob"), own);
    assert_veiled("ReEncrypt", &a);
    json_decref(e);
    RIG_OK("DisableKey", "{'KeyId':'%s'}", id);
    a = foreign("Encrypt", "{'KeyId':'%s','Plaintext':'AAAA'}", id);
    assert_string_equal(a.exception, "DisabledException");
    cf_buf_free(&a.body);
}

/* --- costly policies --- */

/* Whoever may use the key has leave by a pattern that takes the product of its octets and the context's. */
static void test_costly_policy(void **state)
{
    (void)state;
    char half[1001], context[8001], members[8192];
    memset(half, 'a', sizeof half);
    half[sizeof half - 1] = '\0';
    memset(context, 'a', sizeof context);
    context[sizeof context - 1] = '\0';
    (void)snprintf(members, sizeof members,
                   "'Policy':'{\\'Statement\\':[{\\'Effect\\':\\'Allow\\',\\'Principal\\':\\'*\\',"
                   "\\'Action\\':\\'*\\',\\'Resource\\':\\'*\\',\\'Condition\\':{"
                   "\\'StringNotLikeIfExists\\':{\\'kms:EncryptionContext:x\\':\\'*%s?%sb\\'}}}]}'",
                   half, half);
    const char *id = rig_create(members);
    RIG_OK("Encrypt", "{'KeyId':'%s','Plaintext':'AAAA','EncryptionContext':{'x':'a'}}", id);
    RIG_OK("CreateGrant",
           "{'KeyId':'%s','GranteePrincipal':'arn:aws:iam::000000000000:user/local',"
           "'Operations':['Encrypt']}",
           id);
    /* what cannot be decided is not let in, and grants do not make up for it: a Deny might have been there */
    json_t *a =
        rig_call("Encrypt", "AccessDeniedException",
                 "{'KeyId':'%s','Plaintext':'AAAA','EncryptionContext':{'x':'%s'}}", id, context);
    assert_non_null(strstr(rig_text(a, "message"), "takes too many steps to be evaluated"));
    json_decref(a);
}

/* --- memory --- */

static void test_memory_of_keys(void **state)
{
    (void)state;
    const char *id = rig_create("'Tags':[{'TagKey':'a','TagValue':'b'}]");
    char long_text[2001];
    (void)snprintf(long_text, sizeof long_text, "%02000d", 0);
    rig_keys_bytes_max = 6000;
    rig_restart();
    RIG_OK("UpdateKeyDescription", "{'KeyId':'%s','Description':'%s'}", id, long_text);
    RIG_OK("UpdateKeyDescription", "{'KeyId':'%s','Description':'short'}", id);
    rig_keys_bytes_max = 2000;
    rig_restart();
    RIG_REFUSED("CreateKey", "LimitExceededException", "{}");
    RIG_REFUSED("UpdateKeyDescription", "LimitExceededException",
                "{'KeyId':'%s','Description':'%s'}", id, long_text);
    RIG_REFUSED("TagResource", "LimitExceededException",
                "{'KeyId':'%s','Tags':[{'TagKey':'c','TagValue':'%.200s'}]}", id, long_text);
    RIG_OK("EnableKeyRotation", "{'KeyId':'%s','RotationPeriodInDays':90}", id);
    RIG_OK("RotateKeyOnDemand", "{'KeyId':'%s'}", id);
    rig_now_ms += 91 * DAY_MS;
    cf_kmsd_upkeep(rig);
    json_t *a = rig_call("ListKeyRotations", "", "{'KeyId':'%s'}", id);
    assert_int_equal(json_array_size(json_object_get(a, "Rotations")), 2);
    json_decref(a);
    RIG_OK("DisableKey", "{'KeyId':'%s'}", id);
    RIG_OK("UntagResource", "{'KeyId':'%s','TagKeys':['a']}", id);
    RIG_OK("ScheduleKeyDeletion", "{'KeyId':'%s','PendingWindowInDays':7}", id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG(test_dry_run_of_verify),   RIG(test_dry_run_of_verify_mac),
        RIG(test_grant_ids),           RIG(test_foreign_callers_learn_nothing),
        RIG(test_foreign_ciphertexts), RIG(test_foreign_callers_with_leave),
        RIG(test_costly_policy),       RIG(test_memory_of_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
