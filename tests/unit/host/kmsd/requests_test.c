/* SPDX-License-Identifier: Apache-2.0 */
/* What single requests are answered: dry runs, and ids that are none. */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG(test_dry_run_of_verify),
        RIG(test_dry_run_of_verify_mac),
        RIG(test_grant_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
