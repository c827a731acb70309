/* SPDX-License-Identifier: Apache-2.0 */
/* Every operation with its n-th allocation failing, for every n: the answer is KMSInternalException and nothing else, what stood
 * before still stands, and when the service ends nothing is left. */
#include <stdarg.h>

#include "tests/support/failmalloc.h"
#include "tests/unit/host/kmsd/rig.h"

#define TRIES_MAX 3000
#define ALICE "arn:aws:iam::000000000000:user/alice"

static char key[64], signing[64], mac[64], agreeing[64], blob[512], spki[512], token[512];

/* One request; true when it was answered as if nothing had failed. Requests are read by jansson, whose memory does not fail. */
static bool try_once(const char *op, const char *request, size_t n)
{
    char target[80];
    cf_kmsd_answer a;
    cf_kmsd_caller caller = cf_kmsd_local_caller(rig);
    cf_view body = quoted(request);
    (void)snprintf(target, sizeof target, "TrentService.%s", op);
    failmalloc_set(n);
    cf_kmsd_dispatch(rig, &caller, cf_view_str(target), body, "test", &a);
    failmalloc_set(0);
    bool failed = strcmp(a.exception, "KMSInternalException") == 0;
    if (!failed && a.status != 200) {
        fail_msg("%s, allocation %zu: %s %.*s", op, n, a.exception, (int)a.body.len,
                 (const char *)a.body.data);
    }
    cf_buf_free(&a.body);
    return !failed;
}

static size_t each(const char *op, const char *request)
{
    for (size_t n = 1; n < TRIES_MAX; n++) {
        if (try_once(op, request, n)) {
            RIG_OK("DescribeKey", "{'KeyId':'%s'}", key);
            RIG_OK("Decrypt", "{'CiphertextBlob':'%s'}", blob);
            return n;
        }
    }
    fail_msg("%s never succeeds", op);
    return 0;
}

static void copy_member(const json_t *j, const char *name, char *to, size_t room)
{
    (void)snprintf(to, room, "%s", rig_text(j, name));
}

static void prepare(void)
{
    (void)snprintf(key, sizeof key, "%s", rig_create("'Tags':[{'TagKey':'a','TagValue':'b'}]"));
    (void)snprintf(signing, sizeof signing, "%s",
                   rig_create("'KeySpec':'ECC_NIST_P256','KeyUsage':'SIGN_VERIFY'"));
    (void)snprintf(mac, sizeof mac, "%s",
                   rig_create("'KeySpec':'HMAC_256','KeyUsage':'GENERATE_VERIFY_MAC'"));
    (void)snprintf(agreeing, sizeof agreeing, "%s",
                   rig_create("'KeySpec':'ECC_NIST_P256','KeyUsage':'KEY_AGREEMENT'"));
    json_t *e = rig_call("Encrypt", "", "{'KeyId':'%s','Plaintext':'AAAA'}", key);
    json_t *p = rig_call("GetPublicKey", "", "{'KeyId':'%s'}", agreeing);
    json_t *g =
        rig_call("CreateGrant", "",
                 "{'KeyId':'%s','GranteePrincipal':'" ALICE "','Operations':['Encrypt']}", key);
    copy_member(e, "CiphertextBlob", blob, sizeof blob);
    copy_member(p, "PublicKey", spki, sizeof spki);
    copy_member(g, "GrantToken", token, sizeof token);
    json_decref(e);
    json_decref(p);
    json_decref(g);
    RIG_OK("CreateAlias", "{'AliasName':'alias/a','TargetKeyId':'%s'}", key);
}

/* "%s" in a request is the text beside it, wherever it stands. */
static void test_operations(void **state)
{
    (void)state;
    cf_kmsd_free(&rig);
    long live = failmalloc_live();
    rig_open();
    prepare();
    const struct {
        const char *op, *request, *text;
    } rows[] = {
        {"DescribeKey", "{'KeyId':'%s'}", key},
        {"Encrypt", "{'KeyId':'%s','Plaintext':'AAAA','EncryptionContext':{'a':'b'}}", key},
        {"Encrypt", "{'KeyId':'alias/a','Plaintext':'AAAA','GrantTokens':['%s']}", token},
        {"Decrypt", "{'CiphertextBlob':'%s'}", blob},
        {"GenerateDataKey", "{'KeyId':'%s','KeySpec':'AES_256'}", key},
        {"GenerateDataKeyPair", "{'KeyId':'%s','KeyPairSpec':'ECC_NIST_P256'}", key},
        {"GenerateDataKeyPairWithoutPlaintext",
         "{'KeyId':'%s','KeyPairSpec':'ECC_NIST_EDWARDS25519'}", key},
        {"ReEncrypt", "{'CiphertextBlob':'%s','DestinationKeyId':'alias/a'}", blob},
        {"GenerateRandom", "{'NumberOfBytes':1024}%s", ""},
        {"Sign", "{'KeyId':'%s','Message':'AAAA','SigningAlgorithm':'ECDSA_SHA_256'}", signing},
        {"GetPublicKey", "{'KeyId':'%s'}", signing},
        {"GenerateMac", "{'KeyId':'%s','Message':'AAAA','MacAlgorithm':'HMAC_SHA_256'}", mac},
        {"ListKeys", "{'Limit':1}%s", ""},
        {"ListAliases", "{'KeyId':'%s'}", key},
        {"ListGrants", "{'KeyId':'%s'}", key},
        {"ListRetirableGrants", "{'RetiringPrincipal':'" ALICE "'}%s", ""},
        {"ListResourceTags", "{'KeyId':'%s'}", key},
        {"ListKeyRotations", "{'KeyId':'%s','IncludeKeyMaterial':'ALL_KEY_MATERIAL'}", key},
        {"ListKeyPolicies", "{'KeyId':'%s'}", key},
        {"GetKeyPolicy", "{'KeyId':'%s'}", key},
        {"GetKeyRotationStatus", "{'KeyId':'%s'}", key},
        {"CreateKey", "{'Description':'d','Tags':[{'TagKey':'a','TagValue':'b'}]}%s", ""},
        {"CreateKey", "{'KeySpec':'ECC_NIST_P256','KeyUsage':'SIGN_VERIFY'}%s", ""},
        {"UpdateKeyDescription", "{'KeyId':'%s','Description':'other'}", key},
        {"TagResource", "{'KeyId':'%s','Tags':[{'TagKey':'c','TagValue':'d'}]}", key},
        {"UntagResource", "{'KeyId':'%s','TagKeys':['c']}", key},
        {"EnableKeyRotation", "{'KeyId':'%s'}", key},
        {"DisableKeyRotation", "{'KeyId':'%s'}", key},
        {"UpdateAlias", "{'AliasName':'alias/a','TargetKeyId':'%s'}", key},
        {"DisableKey", "{'KeyId':'%s'}", mac},
        {"EnableKey", "{'KeyId':'%s'}", mac},
        {"CreateGrant",
         "{'KeyId':'%s','GranteePrincipal':'" ALICE "','Operations':['Encrypt'],'Name':'n',"
         "'Constraints':{'EncryptionContextSubset':{'a':'b'}}}",
         key},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char request[1024];
        const char *hole = strstr(rows[i].request, "%s");
        (void)snprintf(request, sizeof request, "%.*s%s%s", (int)(hole - rows[i].request),
                       rows[i].request, rows[i].text, hole + 2);
        size_t n = each(rows[i].op, request);
        print_message("%s: %zu\n", rows[i].op, n);
        assert_true(n > 2);
    }
    char request[1024];
    (void)snprintf(request, sizeof request,
                   "{'KeyId':'%s','KeyAgreementAlgorithm':'ECDH','PublicKey':'%s'}", agreeing,
                   spki);
    assert_true(each("DeriveSharedSecret", request) > 2);
    /* what fails behind the change has been done all the same: each try has a key of its own */
    for (size_t n = 1; n < TRIES_MAX; n++) {
        (void)snprintf(request, sizeof request, "{'KeyId':'%s'}", rig_create(""));
        if (try_once("RotateKeyOnDemand", request, n)) {
            break;
        }
        json_decref(rig_call_as(NULL, "ListKeyRotations", request, ""));
    }
    cf_kmsd_free(&rig);
    /* the first time the libraries make what they keep for as long as the thread lives */
    static bool again;
    assert_true(!again || failmalloc_live() == live);
    again = true;
    rig_open();
}

/* The tables as a start reads them. */
static void test_start(void **state)
{
    (void)state;
    prepare();
    cf_kmsd_free(&rig);
    const cf_kmsd_options o = {.state = folder,
                               .attestation_root = in_folder("root.der"),
                               .region = "us-east-1",
                               .account = "000000000000",
                               .clock_ms = rig_clock};
    /* the first round makes what the libraries keep for as long as the thread lives */
    for (int round = 0; round < 2; round++) {
        size_t n = 0;
        cf_kmsd_free(&rig);
        long live = failmalloc_live();
        for (cf_result r = cf_fail(CF_ERR_NO_MEMORY); !cf_is_ok(r);) {
            n++;
            failmalloc_set(n);
            r = cf_kmsd_new(&o, &rig);
            failmalloc_set(0);
            if (!cf_is_ok(r)) {
                assert_null(rig);
                assert_true(round == 0 || failmalloc_live() == live);
            }
            assert_true(n < TRIES_MAX);
        }
        assert_true(n > 20);
    }
    RIG_OK("Decrypt", "{'CiphertextBlob':'%s'}", blob);
    RIG_OK("Encrypt", "{'KeyId':'alias/a','Plaintext':'AAAA'}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {RIG(test_operations), RIG(test_operations), RIG(test_start)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
