/* SPDX-License-Identifier: Apache-2.0 */
/* States of keys, and what the clock brings: deletion and rotation. */
#include <stdarg.h>

#include "tests/unit/host/kmsd/rig.h"

#define DISABLED "DisabledException"
#define STATE "KMSInvalidStateException"

/* What each operation answers in each state; requests that would otherwise succeed. */
typedef struct {
    const char *op, *disabled, *pending;
    const char *request; /* "%s" is the key's id */
} state_row;

static void walk(const state_row *rows, size_t n, const char *id)
{
    for (size_t i = 0; i < n; i++) {
        char request[512];
        const char *hole = strstr(rows[i].request, "%s");
        int head = (int)(hole - rows[i].request);
        (void)snprintf(request, sizeof request, "%.*s%s%s", head, rows[i].request, id, hole + 2);
        RIG_OK("DisableKey", "{'KeyId':'%s'}", id);
        json_decref(rig_call_as(NULL, rows[i].op, request, rows[i].disabled));
        RIG_OK("EnableKey", "{'KeyId':'%s'}", id);
        RIG_OK("ScheduleKeyDeletion", "{'KeyId':'%s','PendingWindowInDays':7}", id);
        json_decref(rig_call_as(NULL, rows[i].op, request, rows[i].pending));
        RIG_OK("CancelKeyDeletion", "{'KeyId':'%s'}", id);
        RIG_OK("EnableKey", "{'KeyId':'%s'}", id);
        RIG_OK("DescribeKey", "{'KeyId':'%s'}", id);
    }
}

static void test_states(void **state)
{
    (void)state;
    static const state_row symmetric[] = {
        {"Encrypt", DISABLED, STATE, "{'KeyId':'%s','Plaintext':'AAAA'}"},
        {"GenerateDataKey", DISABLED, STATE, "{'KeyId':'%s','KeySpec':'AES_256'}"},
        {"GenerateDataKeyWithoutPlaintext", DISABLED, STATE, "{'KeyId':'%s','KeySpec':'AES_256'}"},
        {"GenerateDataKeyPair", DISABLED, STATE, "{'KeyId':'%s','KeyPairSpec':'ECC_NIST_P256'}"},
        {"GenerateDataKeyPairWithoutPlaintext", DISABLED, STATE,
         "{'KeyId':'%s','KeyPairSpec':'ECC_NIST_P256'}"},
        {"EnableKeyRotation", DISABLED, STATE, "{'KeyId':'%s'}"},
        {"DisableKeyRotation", DISABLED, STATE, "{'KeyId':'%s'}"},
        {"RotateKeyOnDemand", DISABLED, STATE, "{'KeyId':'%s'}"},
        {"CreateGrant", DISABLED, STATE,
         "{'KeyId':'%s','GranteePrincipal':'arn:aws:iam::000000000000:user/"
         "a','Operations':['Encrypt']}"},
        {"EnableKey", "", STATE, "{'KeyId':'%s'}"},
        {"DisableKey", "", STATE, "{'KeyId':'%s'}"},
        {"TagResource", "", STATE, "{'KeyId':'%s','Tags':[{'TagKey':'a','TagValue':'b'}]}"},
        {"UntagResource", "", STATE, "{'KeyId':'%s','TagKeys':['a']}"},
        {"UpdateKeyDescription", "", STATE, "{'KeyId':'%s','Description':'d'}"},
        {"DescribeKey", "", "", "{'KeyId':'%s'}"},
        {"GetKeyPolicy", "", "", "{'KeyId':'%s'}"},
        {"GetKeyRotationStatus", "", "", "{'KeyId':'%s'}"},
        {"ListAliases", "", "", "{'KeyId':'%s'}"},
        {"ListGrants", "", "", "{'KeyId':'%s'}"},
        {"ListKeyPolicies", "", "", "{'KeyId':'%s'}"},
        {"ListKeyRotations", "", "", "{'KeyId':'%s'}"},
        {"ListResourceTags", "", "", "{'KeyId':'%s'}"},
        {"PutKeyPolicy", "", "",
         "{'KeyId':'%s','Policy':'{\\'Statement\\':{\\'Effect\\':\\'Allow\\',\\'Principal\\':"
         "\\'*\\',\\'Action\\':\\'kms:*\\',\\'Resource\\':\\'*\\'}}'}"},
    };
    static const state_row signing[] = {
        {"Sign", DISABLED, STATE,
         "{'KeyId':'%s','Message':'AAAA','SigningAlgorithm':'ECDSA_SHA_256'}"},
        {"Verify", DISABLED, STATE,
         "{'KeyId':'%s','Message':'AAAA','SigningAlgorithm':'ECDSA_SHA_256','Signature':'AAAA'}"},
        {"GetPublicKey", DISABLED, STATE, "{'KeyId':'%s'}"},
    };
    static const state_row mac[] = {
        {"GenerateMac", DISABLED, STATE,
         "{'KeyId':'%s','Message':'AAAA','MacAlgorithm':'HMAC_SHA_256'}"},
        {"VerifyMac", DISABLED, STATE,
         "{'KeyId':'%s','Message':'AAAA','MacAlgorithm':'HMAC_SHA_256','Mac':'AAAA'}"},
    };
    walk(symmetric, sizeof symmetric / sizeof symmetric[0], rig_create(""));
    walk(signing, sizeof signing / sizeof signing[0],
         rig_create("'KeySpec':'ECC_NIST_P256','KeyUsage':'SIGN_VERIFY'"));
    walk(mac, sizeof mac / sizeof mac[0],
         rig_create("'KeySpec':'HMAC_256','KeyUsage':'GENERATE_VERIFY_MAC'"));
}

/* The two that lead there and back. */
static void test_scheduling(void **state)
{
    (void)state;
    const char *id = rig_create("");
    RIG_REFUSED("CancelKeyDeletion", STATE, "{'KeyId':'%s'}", id);
    RIG_OK("DisableKey", "{'KeyId':'%s'}", id);
    RIG_REFUSED("CancelKeyDeletion", STATE, "{'KeyId':'%s'}", id);
    RIG_OK("ScheduleKeyDeletion", "{'KeyId':'%s'}", id);
    RIG_REFUSED("ScheduleKeyDeletion", STATE, "{'KeyId':'%s'}", id);
    RIG_OK("CancelKeyDeletion", "{'KeyId':'%s'}", id);
    RIG_REFUSED("CancelKeyDeletion", STATE, "{'KeyId':'%s'}", id);
}

static void test_state_of_ciphertexts(void **state)
{
    (void)state;
    const char *id = rig_create("");
    json_t *e = rig_call("Encrypt", "", "{'KeyId':'%s','Plaintext':'AAAA'}", id);
    const char *blob = rig_text(e, "CiphertextBlob");
    const char *other = rig_create("");
    RIG_OK("DisableKey", "{'KeyId':'%s'}", id);
    RIG_REFUSED("Decrypt", DISABLED, "{'CiphertextBlob':'%s'}", blob);
    RIG_REFUSED("ReEncrypt", DISABLED, "{'CiphertextBlob':'%s','DestinationKeyId':'%s'}", blob,
                other);
    RIG_OK("EnableKey", "{'KeyId':'%s'}", id);
    RIG_OK("Decrypt", "{'CiphertextBlob':'%s'}", blob);
    RIG_OK("DisableKey", "{'KeyId':'%s'}", other);
    RIG_REFUSED("ReEncrypt", DISABLED, "{'CiphertextBlob':'%s','DestinationKeyId':'%s'}", blob,
                other);
    RIG_OK("EnableKey", "{'KeyId':'%s'}", other);
    RIG_OK("ReEncrypt", "{'CiphertextBlob':'%s','DestinationKeyId':'%s'}", blob, other);
    json_decref(e);
}

/* --- deletion --- */

static void test_deletion(void **state)
{
    (void)state;
    const char *id = rig_create(""), *other = rig_create("");
    json_t *e = rig_call("Encrypt", "", "{'KeyId':'%s','Plaintext':'AAAA'}", id);
    RIG_OK("CreateAlias", "{'AliasName':'alias/a','TargetKeyId':'%s'}", id);
    RIG_OK("CreateAlias", "{'AliasName':'alias/b','TargetKeyId':'%s'}", id);
    RIG_OK("CreateAlias", "{'AliasName':'alias/c','TargetKeyId':'%s'}", other);
    RIG_OK("CreateGrant",
           "{'KeyId':'%s','GranteePrincipal':'arn:aws:iam::000000000000:user/a','Operations':['"
           "Encrypt']}",
           id);
    json_t *a = rig_call("ScheduleKeyDeletion", "", "{'KeyId':'%s','PendingWindowInDays':7}", id);
    assert_string_equal(rig_text(a, "KeyState"), "PendingDeletion");
    assert_int_equal(json_integer_value(json_object_get(a, "PendingWindowInDays")), 7);
    assert_true(json_number_value(json_object_get(a, "DeletionDate")) * 1000 ==
                (double)(RIG_START_MS + 7 * DAY_MS));
    json_decref(a);
    RIG_REFUSED("CreateAlias", STATE, "{'AliasName':'alias/d','TargetKeyId':'%s'}", id);
    RIG_REFUSED("UpdateAlias", STATE, "{'AliasName':'alias/c','TargetKeyId':'%s'}", id);
    /* up to the last millisecond it can be taken back */
    rig_now_ms = RIG_START_MS + 7 * DAY_MS - 1;
    cf_kmsd_upkeep(rig);
    RIG_OK("CancelKeyDeletion", "{'KeyId':'%s'}", id);
    RIG_REFUSED("Decrypt", DISABLED, "{'CiphertextBlob':'%s'}", rig_text(e, "CiphertextBlob"));
    RIG_OK("EnableKey", "{'KeyId':'%s'}", id);
    RIG_OK("Decrypt", "{'CiphertextBlob':'%s'}", rig_text(e, "CiphertextBlob"));
    RIG_OK("ScheduleKeyDeletion", "{'KeyId':'%s'}", id); /* 30 days */
    rig_now_ms += 30 * DAY_MS;
    /* gone at once, whether the upkeep has come or not */
    for (int round = 0; round < 3; round++) {
        RIG_REFUSED("DescribeKey", "NotFoundException", "{'KeyId':'%s'}", id);
        RIG_REFUSED("CancelKeyDeletion", "NotFoundException", "{'KeyId':'%s'}", id);
        RIG_REFUSED("Decrypt", "InvalidCiphertextException", "{'CiphertextBlob':'%s'}",
                    rig_text(e, "CiphertextBlob"));
        RIG_REFUSED("Encrypt", "NotFoundException", "{'KeyId':'alias/a','Plaintext':'AAAA'}");
        if (round == 0) {
            cf_kmsd_upkeep(rig);
        } else {
            rig_restart();
        }
        assert_int_equal(count_files("keys"), 1);
        assert_int_equal(count_files("aliases"), 1);
        assert_int_equal(count_files("grants"), 0);
    }
    RIG_OK("Encrypt", "{'KeyId':'alias/c','Plaintext':'AAAA'}");
    RIG_OK("CreateAlias", "{'AliasName':'alias/a','TargetKeyId':'%s'}", other);
    json_decref(e);
}

/* A service that was not there when a key was due destroys it when it comes back. */
static void test_due_while_away(void **state)
{
    (void)state;
    const char *id = rig_create("");
    RIG_OK("ScheduleKeyDeletion", "{'KeyId':'%s','PendingWindowInDays':7}", id);
    rig_now_ms += 8 * DAY_MS;
    rig_restart();
    cf_kmsd_upkeep(rig);
    assert_int_equal(count_files("keys"), 0);
}

static void test_window(void **state)
{
    (void)state;
    const char *id = rig_create("");
    static const struct {
        int days;
        const char *exception;
    } rows[] = {{6, "ValidationException"}, {7, ""}, {8, ""}, {29, ""}, {30, ""},
                {31, "ValidationException"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        RIG_REFUSED("ScheduleKeyDeletion", rows[i].exception,
                    "{'KeyId':'%s','PendingWindowInDays':%d}", id, rows[i].days);
        if (*rows[i].exception == '\0') {
            RIG_OK("CancelKeyDeletion", "{'KeyId':'%s'}", id);
        }
    }
}

/* --- rotation --- */

static size_t rotations(const char *id, const char *type)
{
    size_t n = 0, i;
    const json_t *j;
    json_t *a = rig_call("ListKeyRotations", "", "{'KeyId':'%s','Limit':1000}", id);
    json_array_foreach(json_object_get(a, "Rotations"), i, j)
    {
        n += strcmp(rig_text(j, "RotationType"), type) == 0;
    }
    json_decref(a);
    return n;
}

static double next_rotation_ms(const char *id)
{
    json_t *a = rig_call("GetKeyRotationStatus", "", "{'KeyId':'%s'}", id);
    double at = json_number_value(json_object_get(a, "NextRotationDate")) * 1000;
    assert_int_equal(json_is_true(json_object_get(a, "KeyRotationEnabled")), at != 0);
    json_decref(a);
    return at;
}

static void test_automatic_rotation(void **state)
{
    (void)state;
    const char *id = rig_create("");
    assert_true(next_rotation_ms(id) == 0);
    RIG_OK("EnableKeyRotation", "{'KeyId':'%s'}", id);
    assert_true(next_rotation_ms(id) == (double)(RIG_START_MS + 365 * DAY_MS));
    RIG_OK("EnableKeyRotation", "{'KeyId':'%s','RotationPeriodInDays':90}", id);
    json_t *blobs[3];
    for (uint64_t i = 0; i < 3; i++) {
        assert_true(next_rotation_ms(id) == (double)(RIG_START_MS + 90 * DAY_MS * (i + 1)));
        blobs[i] = rig_call("Encrypt", "", "{'KeyId':'%s','Plaintext':'AAA%d'}", id, (int)i);
        rig_now_ms = RIG_START_MS + 90 * DAY_MS * (i + 1) - 1;
        cf_kmsd_upkeep(rig);
        assert_int_equal(rotations(id, "AUTOMATIC"), i);
        rig_now_ms++;
        cf_kmsd_upkeep(rig);
        cf_kmsd_upkeep(rig);
        assert_int_equal(rotations(id, "AUTOMATIC"), i + 1);
    }
    char ids[3][65];
    for (int i = 0; i < 3; i++) {
        char want[8];
        (void)snprintf(want, sizeof want, "AAA%d", i);
        json_t *d = rig_call("Decrypt", "", "{'CiphertextBlob':'%s'}",
                             rig_text(blobs[i], "CiphertextBlob"));
        assert_string_equal(rig_text(d, "Plaintext"), want);
        (void)snprintf(ids[i], sizeof ids[i], "%s", rig_text(d, "KeyMaterialId"));
        json_decref(d);
        json_decref(blobs[i]);
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(ids[i], ids[j]);
        }
    }
    /* away for years: one rotation, and the next in its turn */
    rig_now_ms = RIG_START_MS + 1001 * DAY_MS;
    rig_restart();
    cf_kmsd_upkeep(rig);
    assert_int_equal(rotations(id, "AUTOMATIC"), 4);
    assert_true(next_rotation_ms(id) == (double)(RIG_START_MS + 90 * 12 * DAY_MS));
    /* not while it is disabled; then at once */
    RIG_OK("DisableKey", "{'KeyId':'%s'}", id);
    rig_now_ms += 365 * DAY_MS;
    cf_kmsd_upkeep(rig);
    assert_int_equal(rotations(id, "AUTOMATIC"), 4);
    RIG_OK("EnableKey", "{'KeyId':'%s'}", id);
    cf_kmsd_upkeep(rig);
    assert_int_equal(rotations(id, "AUTOMATIC"), 5);
    RIG_OK("DisableKeyRotation", "{'KeyId':'%s'}", id);
    assert_true(next_rotation_ms(id) == 0);
    rig_now_ms += 3650 * DAY_MS;
    cf_kmsd_upkeep(rig);
    assert_int_equal(rotations(id, "AUTOMATIC"), 5);
}

static void test_rotation_on_demand(void **state)
{
    (void)state;
    const char *id = rig_create("");
    RIG_OK("EnableKeyRotation", "{'KeyId':'%s','RotationPeriodInDays':90}", id);
    json_t *e = rig_call("Encrypt", "", "{'KeyId':'%s','Plaintext':'AAAA'}", id);
    for (int i = 0; i < CF_KMSD_ON_DEMAND_MAX; i++) {
        RIG_OK("RotateKeyOnDemand", "{'KeyId':'%s'}", id);
    }
    assert_true(next_rotation_ms(id) == (double)(RIG_START_MS + 90 * DAY_MS));
    RIG_REFUSED("RotateKeyOnDemand", "LimitExceededException", "{'KeyId':'%s'}", id);
    assert_int_equal(rotations(id, "ON_DEMAND"), CF_KMSD_ON_DEMAND_MAX);
    rig_restart();
    RIG_OK("Decrypt", "{'CiphertextBlob':'%s'}", rig_text(e, "CiphertextBlob"));
    /* automatic ones go on */
    rig_now_ms += 90 * DAY_MS;
    cf_kmsd_upkeep(rig);
    assert_int_equal(rotations(id, "AUTOMATIC"), 1);
    json_decref(e);
    const char *rsa = rig_create("'KeySpec':'ECC_NIST_P256','KeyUsage':'SIGN_VERIFY'");
    static const char *const ops[] = {"RotateKeyOnDemand", "EnableKeyRotation",
                                      "DisableKeyRotation", "GetKeyRotationStatus",
                                      "ListKeyRotations"};
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        RIG_REFUSED(ops[i], "UnsupportedOperationException", "{'KeyId':'%s'}", rsa);
    }
}

/* As many materials as a key may have: rotation then stops, and nothing breaks. */
static void test_materials_end(void **state)
{
    (void)state;
    const char *id = rig_create("");
    RIG_OK("EnableKeyRotation", "{'KeyId':'%s','RotationPeriodInDays':90}", id);
    json_t *e = rig_call("Encrypt", "", "{'KeyId':'%s','Plaintext':'AAAA'}", id);
    for (int i = 0; i < CF_KMSD_MATERIALS_MAX + 2; i++) {
        rig_now_ms += 90 * DAY_MS;
        cf_kmsd_upkeep(rig);
    }
    assert_int_equal(rotations(id, "AUTOMATIC"), CF_KMSD_MATERIALS_MAX - 1);
    RIG_REFUSED("RotateKeyOnDemand", "LimitExceededException", "{'KeyId':'%s'}", id);
    RIG_OK("Decrypt", "{'CiphertextBlob':'%s'}", rig_text(e, "CiphertextBlob"));
    json_decref(e);
}

/* --- what cannot be written --- */

static void test_audit_fails_closed(void **state)
{
    (void)state;
    const char *id = rig_create("");
    json_t *e = rig_call("Encrypt", "", "{'KeyId':'%s','Plaintext':'AAAA'}", id);
    assert_int_equal(rename(in_folder("audit"), in_folder("away")), 0);
    rig_now_ms += DAY_MS; /* a new file is due, and has no place */
    json_t *d = rig_call("Decrypt", "KMSInternalException", "{'CiphertextBlob':'%s'}",
                         rig_text(e, "CiphertextBlob"));
    assert_null(json_object_get(d, "Plaintext"));
    json_decref(d);
    assert_int_equal(rename(in_folder("away"), in_folder("audit")), 0);
    RIG_OK("Decrypt", "{'CiphertextBlob':'%s'}", rig_text(e, "CiphertextBlob"));
    json_decref(e);
}

static void test_state_that_cannot_be_written(void **state)
{
    (void)state;
    const char *id = rig_create("");
    assert_int_equal(rename(in_folder("keys"), in_folder("away")), 0);
    RIG_REFUSED("DisableKey", "KMSInternalException", "{'KeyId':'%s'}", id);
    RIG_REFUSED("ScheduleKeyDeletion", "KMSInternalException", "{'KeyId':'%s'}", id);
    RIG_REFUSED("RotateKeyOnDemand", "KMSInternalException", "{'KeyId':'%s'}", id);
    RIG_OK("Encrypt", "{'KeyId':'%s','Plaintext':'AAAA'}", id);
    assert_int_equal(rotations(id, "ON_DEMAND"), 0);
    assert_int_equal(rename(in_folder("away"), in_folder("keys")), 0);
    RIG_OK("DisableKey", "{'KeyId':'%s'}", id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG(test_states),
        RIG(test_scheduling),
        RIG(test_state_of_ciphertexts),
        RIG(test_deletion),
        RIG(test_due_while_away),
        RIG(test_window),
        RIG(test_automatic_rotation),
        RIG(test_rotation_on_demand),
        RIG(test_materials_end),
        RIG(test_audit_fails_closed),
        RIG(test_state_that_cannot_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
