/* SPDX-License-Identifier: Apache-2.0 */
/* What the service takes: its operations, and the members of their requests with the bounds of the service's model. Members that
 * are not listed are ignored, as the service ignores them. */
#include "host/kmsd/call.h"

static const char *const key_specs[] = {"SYMMETRIC_DEFAULT",
                                        "RSA_2048",
                                        "RSA_3072",
                                        "RSA_4096",
                                        "ECC_NIST_P256",
                                        "ECC_NIST_P384",
                                        "ECC_NIST_P521",
                                        "ECC_SECG_P256K1",
                                        "ECC_NIST_EDWARDS25519",
                                        "HMAC_224",
                                        "HMAC_256",
                                        "HMAC_384",
                                        "HMAC_512",
                                        "ML_DSA_44",
                                        "ML_DSA_65",
                                        "ML_DSA_87",
                                        "SM2",
                                        NULL};
static const char *const key_usages[] = {"ENCRYPT_DECRYPT", "SIGN_VERIFY", "GENERATE_VERIFY_MAC",
                                         "KEY_AGREEMENT", NULL};
static const char *const origins[] = {"AWS_KMS", "EXTERNAL", "AWS_CLOUDHSM", "EXTERNAL_KEY_STORE",
                                      NULL};
static const char *const data_key_specs[] = {"AES_256", "AES_128", NULL};
static const char *const pair_specs[] = {"RSA_2048",
                                         "RSA_3072",
                                         "RSA_4096",
                                         "ECC_NIST_P256",
                                         "ECC_NIST_P384",
                                         "ECC_NIST_P521",
                                         "ECC_SECG_P256K1",
                                         "ECC_NIST_EDWARDS25519",
                                         "SM2",
                                         NULL};
static const char *const algorithms[] = {"SYMMETRIC_DEFAULT", "RSAES_OAEP_SHA_1",
                                         "RSAES_OAEP_SHA_256", "SM2PKE", NULL};

#define KEY_ID(required)                                                                           \
    {                                                                                              \
        "KeyId", CF_IN_TEXT, required, 1, 2048, NULL, false                                        \
    }
#define CONTEXT                                                                                    \
    {                                                                                              \
        "EncryptionContext", CF_IN_CONTEXT, false, 0, 0, NULL, false                               \
    }
#define RECIPIENT                                                                                  \
    {                                                                                              \
        "Recipient", CF_IN_RECIPIENT, false, 0, 0, NULL, false                                     \
    }
#define TOKENS                                                                                     \
    {                                                                                              \
        "GrantTokens", CF_IN_TOKENS, false, 0, 10, NULL, false                                     \
    }
#define FLAG(name)                                                                                 \
    {                                                                                              \
        name, CF_IN_BOOL, false, 0, 0, NULL, false                                                 \
    }
#define ENUM(name, required, values)                                                               \
    {                                                                                              \
        name, CF_IN_TEXT, required, 0, 0, values, false                                            \
    }
#define TEXT(name, required, min, max)                                                             \
    {                                                                                              \
        name, CF_IN_TEXT, required, min, max, NULL, false                                          \
    }
#define POLICY(required)                                                                           \
    {                                                                                              \
        "Policy", CF_IN_TEXT, required, 1, 131072, NULL, true                                      \
    }
#define BLOB(name, required, min, max)                                                             \
    {                                                                                              \
        name, CF_IN_BLOB, required, min, max, NULL, false                                          \
    }
#define NUMBER(name, min, max)                                                                     \
    {                                                                                              \
        name, CF_IN_NUMBER, false, min, max, NULL, false                                           \
    }
#define END                                                                                        \
    {                                                                                              \
        NULL, CF_IN_TEXT, false, 0, 0, NULL, false                                                 \
    }

static const cf_in_member create_key[] = {
    POLICY(false),
    TEXT("Description", false, 0, 8192),
    ENUM("KeyUsage", false, key_usages),
    ENUM("CustomerMasterKeySpec", false, key_specs),
    ENUM("KeySpec", false, key_specs),
    ENUM("Origin", false, origins),
    TEXT("CustomKeyStoreId", false, 1, 64),
    FLAG("BypassPolicyLockoutSafetyCheck"),
    {"Tags", CF_IN_LIST, false, 0, 0, NULL, false},
    FLAG("MultiRegion"),
    TEXT("XksKeyId", false, 1, 128),
    END,
};
static const cf_in_member describe_key[] = {KEY_ID(true), TOKENS, END};
static const cf_in_member list_keys[] = {NUMBER("Limit", 1, 1000), TEXT("Marker", false, 1, 1024),
                                         END};
static const cf_in_member get_key_policy[] = {KEY_ID(true), TEXT("PolicyName", false, 1, 128), END};
static const cf_in_member put_key_policy[] = {KEY_ID(true), TEXT("PolicyName", false, 1, 128),
                                              POLICY(true), FLAG("BypassPolicyLockoutSafetyCheck"),
                                              END};
static const cf_in_member encrypt[] = {
    KEY_ID(true), BLOB("Plaintext", true, 1, CF_KMSD_PLAINTEXT_BYTES_MAX), CONTEXT,
    TOKENS,       ENUM("EncryptionAlgorithm", false, algorithms),          FLAG("DryRun"),
    END};
static const cf_in_member decrypt[] = {
    BLOB("CiphertextBlob", true, 1, 6144),          CONTEXT,   TOKENS,         KEY_ID(false),
    ENUM("EncryptionAlgorithm", false, algorithms), RECIPIENT, FLAG("DryRun"), END};
static const cf_in_member data_key[] = {KEY_ID(true),
                                        CONTEXT,
                                        NUMBER("NumberOfBytes", 1, 1024),
                                        ENUM("KeySpec", false, data_key_specs),
                                        TOKENS,
                                        RECIPIENT,
                                        FLAG("DryRun"),
                                        END};
static const cf_in_member pair[] = {CONTEXT, KEY_ID(true), ENUM("KeyPairSpec", true, pair_specs),
                                    TOKENS,  RECIPIENT,    FLAG("DryRun"),
                                    END};

const cf_kmsd_op cf_kmsd_ops[] = {
    {"CreateKey", cf_op_create_key, create_key},
    {"Decrypt", cf_op_decrypt, decrypt},
    {"DescribeKey", cf_op_describe_key, describe_key},
    {"Encrypt", cf_op_encrypt, encrypt},
    {"GenerateDataKey", cf_op_data_key, data_key},
    {"GenerateDataKeyPair", cf_op_pair, pair},
    {"GenerateDataKeyPairWithoutPlaintext", cf_op_pair_without, pair},
    {"GenerateDataKeyWithoutPlaintext", cf_op_data_key_without, data_key},
    {"GetKeyPolicy", cf_op_get_key_policy, get_key_policy},
    {"ListKeys", cf_op_list_keys, list_keys},
    {"PutKeyPolicy", cf_op_put_key_policy, put_key_policy},
    {NULL, NULL, NULL},
};
