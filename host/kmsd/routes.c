/* SPDX-License-Identifier: Apache-2.0 */
/* What the service takes: its operations, and the members of their requests with the bounds of the service's model. Members that
 * are not listed are ignored, as the service ignores them. */
#include "host/kmsd/ops.h"

/* --- enumerations --- */

static const char *const key_specs[] = {"RSA_2048",
                                        "RSA_3072",
                                        "RSA_4096",
                                        "ECC_NIST_P256",
                                        "ECC_NIST_P384",
                                        "ECC_NIST_P521",
                                        "ECC_SECG_P256K1",
                                        "SYMMETRIC_DEFAULT",
                                        "HMAC_224",
                                        "HMAC_256",
                                        "HMAC_384",
                                        "HMAC_512",
                                        "SM2",
                                        "ML_DSA_44",
                                        "ML_DSA_65",
                                        "ML_DSA_87",
                                        "ECC_NIST_EDWARDS25519",
                                        "ML_KEM_512",
                                        "ML_KEM_768",
                                        "ML_KEM_1024",
                                        NULL};
static const char *const old_key_specs[] = {"RSA_2048",
                                            "RSA_3072",
                                            "RSA_4096",
                                            "ECC_NIST_P256",
                                            "ECC_NIST_P384",
                                            "ECC_NIST_P521",
                                            "ECC_SECG_P256K1",
                                            "SYMMETRIC_DEFAULT",
                                            "HMAC_224",
                                            "HMAC_256",
                                            "HMAC_384",
                                            "HMAC_512",
                                            "SM2",
                                            NULL};
static const char *const key_usages[] = {
    "SIGN_VERIFY",   "ENCRYPT_DECRYPT",         "GENERATE_VERIFY_MAC",
    "KEY_AGREEMENT", "ENCAPSULATE_DECAPSULATE", NULL};
static const char *const origins[] = {"AWS_KMS", "EXTERNAL", "AWS_CLOUDHSM", "EXTERNAL_KEY_STORE",
                                      NULL};
static const char *const data_key_specs[] = {"AES_256", "AES_128", NULL};
static const char *const pair_specs[] = {
    "RSA_2048",      "RSA_3072",        "RSA_4096", "ECC_NIST_P256",         "ECC_NIST_P384",
    "ECC_NIST_P521", "ECC_SECG_P256K1", "SM2",      "ECC_NIST_EDWARDS25519", "ML_KEM_512",
    "ML_KEM_768",    "ML_KEM_1024",     NULL};
static const char *const encryption_algorithms[] = {"SYMMETRIC_DEFAULT", "RSAES_OAEP_SHA_1",
                                                    "RSAES_OAEP_SHA_256", "SM2PKE", NULL};
static const char *const signing_algorithms[] = {"RSASSA_PSS_SHA_256",
                                                 "RSASSA_PSS_SHA_384",
                                                 "RSASSA_PSS_SHA_512",
                                                 "RSASSA_PKCS1_V1_5_SHA_256",
                                                 "RSASSA_PKCS1_V1_5_SHA_384",
                                                 "RSASSA_PKCS1_V1_5_SHA_512",
                                                 "ECDSA_SHA_256",
                                                 "ECDSA_SHA_384",
                                                 "ECDSA_SHA_512",
                                                 "SM2DSA",
                                                 "ML_DSA_SHAKE_256",
                                                 "ED25519_SHA_512",
                                                 "ED25519_PH_SHA_512",
                                                 NULL};
static const char *const mac_algorithms[] = {"HMAC_SHA_224", "HMAC_SHA_256", "HMAC_SHA_384",
                                             "HMAC_SHA_512", NULL};
static const char *const agreement_algorithms[] = {"ECDH", NULL};
static const char *const message_types[] = {"RAW", "DIGEST", "EXTERNAL_MU", NULL};
static const char *const modifiers[] = {"IGNORE_CIPHERTEXT", NULL};
static const char *const rotation_materials[] = {"ALL_KEY_MATERIAL", "ROTATIONS_ONLY", NULL};
static const char *const owners[] = {"SELF", "OTHER_ACCOUNTS_VIA_RAM", NULL};
static const char *const recipient_algorithms[] = {"RSAES_OAEP_SHA_256", NULL};
static const char *const grant_operations[] = {
#define ROW(bit, name) name,
    CF_GRANT_OPERATIONS(ROW)
#undef ROW
        "Encapsulate",
    "Decapsulate", NULL};

/* --- rows --- */

#define ROW(name, kind, required, min, max, values, pattern, inner)                                \
    {                                                                                              \
        name, kind, required, min, max, values, pattern, inner                                     \
    }
#define END ROW(NULL, CF_IN_TEXT, false, 0, 0, NULL, NULL, NULL)
#define TEXT(name, required, min, max) ROW(name, CF_IN_TEXT, required, min, max, NULL, NULL, NULL)
#define WORD(name, required, min, max, pattern)                                                    \
    ROW(name, CF_IN_TEXT, required, min, max, NULL, &(pattern), NULL)
#define ENUM(name, required, values) ROW(name, CF_IN_TEXT, required, 0, 0, values, NULL, NULL)
#define BLOB(name, required, min, max) ROW(name, CF_IN_BLOB, required, min, max, NULL, NULL, NULL)
#define NUMBER(name, min, max) ROW(name, CF_IN_NUMBER, false, min, max, NULL, NULL, NULL)
#define FLAG(name) ROW(name, CF_IN_BOOL, false, 0, 0, NULL, NULL, NULL)
#define CONTEXT(name) ROW(name, CF_IN_CONTEXT, false, 0, 0, NULL, NULL, NULL)
#define OBJECT(name, inner) ROW(name, CF_IN_OBJECT, false, 0, 0, NULL, NULL, inner)
#define LIST(name, required, min, max, inner)                                                      \
    ROW(name, CF_IN_LIST, required, min, max, NULL, NULL, inner)

#define KEY_ID(required) TEXT("KeyId", required, 1, 2048)
#define POLICY(required) WORD("Policy", required, 1, 131072, cf_in_policy_text)
#define POLICY_NAME WORD("PolicyName", false, 1, 128, cf_in_word)
#define RECIPIENT OBJECT("Recipient", recipient)
#define TOKENS LIST("GrantTokens", false, 0, 10, token)
#define TAGS(required) LIST("Tags", required, 0, 1000, tag)
#define LIMIT(max) NUMBER("Limit", 1, max)
#define MARKER WORD("Marker", false, 1, 1024, cf_in_marker)
#define DRY_RUN FLAG("DryRun")
#define ALIAS_NAME WORD("AliasName", true, 1, 256, cf_in_name)
#define MESSAGE BLOB("Message", true, 1, CF_KMSD_PLAINTEXT_BYTES_MAX)
#define PRINCIPAL(name) WORD(name, false, 1, CF_KMSD_PRINCIPAL_BYTES_MAX, cf_in_principal)

/* What lists and objects hold: texts have one row without a name. */
static const cf_in_member token[] = {TEXT(NULL, true, 1, 8192)};
static const cf_in_member tag_key[] = {TEXT(NULL, true, 1, 128)};
static const cf_in_member tag[] = {TEXT("TagKey", true, 1, 128), TEXT("TagValue", true, 0, 256),
                                   END};
static const cf_in_member owner[] = {ENUM(NULL, true, owners)};
static const cf_in_member modifier[] = {ENUM(NULL, true, modifiers)};
static const cf_in_member grant_operation[] = {ENUM(NULL, true, grant_operations)};
static const cf_in_member recipient[] = {
    ENUM("KeyEncryptionAlgorithm", false, recipient_algorithms),
    BLOB("AttestationDocument", false, 1, 262144), END};
static const cf_in_member constraints[] = {CONTEXT("EncryptionContextSubset"),
                                           CONTEXT("EncryptionContextEquals"),
                                           TEXT("SourceArn", false, 20, 512), END};

/* --- members, by operation --- */

static const cf_in_member none[] = {END};
static const cf_in_member key_only[] = {KEY_ID(true), END};
static const cf_in_member key_page[] = {KEY_ID(true), LIMIT(1000), MARKER, END};

static const cf_in_member create_key[] = {
    POLICY(false),
    TEXT("Description", false, 0, 8192),
    ENUM("KeyUsage", false, key_usages),
    ENUM("CustomerMasterKeySpec", false, old_key_specs),
    ENUM("KeySpec", false, key_specs),
    ENUM("Origin", false, origins),
    TEXT("CustomKeyStoreId", false, 1, 64),
    FLAG("BypassPolicyLockoutSafetyCheck"),
    TAGS(false),
    FLAG("MultiRegion"),
    TEXT("XksKeyId", false, 1, 128),
    END,
};
static const cf_in_member key_and_tokens[] = {KEY_ID(true), TOKENS, END};
static const cf_in_member list_keys[] = {LIMIT(1000), MARKER,
                                         LIST("ResourceOwners", false, 1, 2, owner), END};
static const cf_in_member list_key_stores[] = {TEXT("CustomKeyStoreId", false, 1, 64),
                                               TEXT("CustomKeyStoreName", false, 1, 256),
                                               LIMIT(1000), MARKER, END};
static const cf_in_member describe_update[] = {KEY_ID(true), TEXT("Description", true, 0, 8192),
                                               END};
static const cf_in_member get_key_policy[] = {KEY_ID(true), POLICY_NAME, END};
static const cf_in_member put_key_policy[] = {KEY_ID(true), POLICY_NAME, POLICY(true),
                                              FLAG("BypassPolicyLockoutSafetyCheck"), END};

static const cf_in_member schedule_deletion[] = {KEY_ID(true), NUMBER("PendingWindowInDays", 7, 30),
                                                 END};
static const cf_in_member enable_rotation[] = {KEY_ID(true),
                                               NUMBER("RotationPeriodInDays", 90, 2560), END};
static const cf_in_member list_rotations[] = {
    KEY_ID(true), ENUM("IncludeKeyMaterial", false, rotation_materials), LIMIT(1000), MARKER, END};

static const cf_in_member tag_resource[] = {KEY_ID(true), TAGS(true), END};
static const cf_in_member untag_resource[] = {KEY_ID(true), LIST("TagKeys", true, 0, 1000, tag_key),
                                              END};
static const cf_in_member list_tags[] = {KEY_ID(true), LIMIT(50), MARKER, END};

static const cf_in_member set_alias[] = {ALIAS_NAME, TEXT("TargetKeyId", true, 1, 2048), END};
static const cf_in_member delete_alias[] = {ALIAS_NAME, END};
static const cf_in_member list_aliases[] = {KEY_ID(false), LIMIT(100), MARKER, END};

static const cf_in_member create_grant[] = {
    KEY_ID(true),
    PRINCIPAL("GranteePrincipal"),
    PRINCIPAL("RetiringPrincipal"),
    LIST("Operations", true, 0, 1000, grant_operation),
    OBJECT("Constraints", constraints),
    TOKENS,
    WORD("Name", false, 1, CF_GRANT_NAME_BYTES_MAX, cf_in_name),
    DRY_RUN,
    TEXT("GranteeServicePrincipal", false, 1, 128),
    TEXT("RetiringServicePrincipal", false, 1, 128),
    END,
};
static const cf_in_member list_grants[] = {
    KEY_ID(true), TEXT("GrantId", false, 1, 128), PRINCIPAL("GranteePrincipal"), LIMIT(100), MARKER,
    END};
static const cf_in_member list_retirable[] = {PRINCIPAL("RetiringPrincipal"), LIMIT(100), MARKER,
                                              END};
static const cf_in_member revoke_grant[] = {KEY_ID(true), TEXT("GrantId", true, 1, 128), DRY_RUN,
                                            END};
static const cf_in_member retire_grant[] = {TEXT("GrantToken", false, 1, 8192), KEY_ID(false),
                                            TEXT("GrantId", false, 1, 128), DRY_RUN, END};

static const cf_in_member encrypt[] = {KEY_ID(true),
                                       BLOB("Plaintext", true, 1, CF_KMSD_PLAINTEXT_BYTES_MAX),
                                       CONTEXT("EncryptionContext"),
                                       TOKENS,
                                       ENUM("EncryptionAlgorithm", false, encryption_algorithms),
                                       DRY_RUN,
                                       END};
static const cf_in_member decrypt[] = {BLOB("CiphertextBlob", false, 1, 6144),
                                       CONTEXT("EncryptionContext"),
                                       TOKENS,
                                       KEY_ID(false),
                                       ENUM("EncryptionAlgorithm", false, encryption_algorithms),
                                       RECIPIENT,
                                       DRY_RUN,
                                       LIST("DryRunModifiers", false, 0, 1000, modifier),
                                       END};
static const cf_in_member reencrypt[] = {
    BLOB("CiphertextBlob", false, 1, 6144),
    CONTEXT("SourceEncryptionContext"),
    TEXT("SourceKeyId", false, 1, 2048),
    TEXT("DestinationKeyId", true, 1, 2048),
    CONTEXT("DestinationEncryptionContext"),
    ENUM("SourceEncryptionAlgorithm", false, encryption_algorithms),
    ENUM("DestinationEncryptionAlgorithm", false, encryption_algorithms),
    TOKENS,
    DRY_RUN,
    LIST("DryRunModifiers", false, 0, 1000, modifier),
    END};
static const cf_in_member data_key[] = {KEY_ID(true),
                                        CONTEXT("EncryptionContext"),
                                        NUMBER("NumberOfBytes", 1, 1024),
                                        ENUM("KeySpec", false, data_key_specs),
                                        TOKENS,
                                        RECIPIENT,
                                        DRY_RUN,
                                        END};
static const cf_in_member data_key_without[] = {KEY_ID(true),
                                                CONTEXT("EncryptionContext"),
                                                NUMBER("NumberOfBytes", 1, 1024),
                                                ENUM("KeySpec", false, data_key_specs),
                                                TOKENS,
                                                DRY_RUN,
                                                END};
static const cf_in_member pair[] = {CONTEXT("EncryptionContext"),
                                    KEY_ID(true),
                                    ENUM("KeyPairSpec", true, pair_specs),
                                    TOKENS,
                                    RECIPIENT,
                                    DRY_RUN,
                                    END};
static const cf_in_member pair_without[] = {CONTEXT("EncryptionContext"),
                                            KEY_ID(true),
                                            ENUM("KeyPairSpec", true, pair_specs),
                                            TOKENS,
                                            DRY_RUN,
                                            END};
static const cf_in_member generate_random[] = {
    NUMBER("NumberOfBytes", 1, 1024), TEXT("CustomKeyStoreId", false, 1, 64), RECIPIENT, END};

static const cf_in_member sign[] = {MESSAGE,
                                    KEY_ID(true),
                                    ENUM("MessageType", false, message_types),
                                    TOKENS,
                                    ENUM("SigningAlgorithm", true, signing_algorithms),
                                    DRY_RUN,
                                    END};
static const cf_in_member verify[] = {MESSAGE,
                                      KEY_ID(true),
                                      ENUM("MessageType", false, message_types),
                                      BLOB("Signature", true, 1, 6144),
                                      ENUM("SigningAlgorithm", true, signing_algorithms),
                                      TOKENS,
                                      DRY_RUN,
                                      END};
static const cf_in_member generate_mac[] = {
    MESSAGE, KEY_ID(true), ENUM("MacAlgorithm", true, mac_algorithms), TOKENS, DRY_RUN, END};
static const cf_in_member verify_mac[] = {MESSAGE,
                                          KEY_ID(true),
                                          ENUM("MacAlgorithm", true, mac_algorithms),
                                          BLOB("Mac", true, 1, 6144),
                                          TOKENS,
                                          DRY_RUN,
                                          END};
static const cf_in_member derive[] = {KEY_ID(true),
                                      ENUM("KeyAgreementAlgorithm", true, agreement_algorithms),
                                      BLOB("PublicKey", true, 1, 8192),
                                      TOKENS,
                                      DRY_RUN,
                                      RECIPIENT,
                                      END};

/* --- operations --- */

#define CHANGE (CF_OP_CHANGES | CF_OP_LOCKS)
#define SILENT_CHANGE (CHANGE | CF_OP_SILENT)

const cf_kmsd_op cf_kmsd_ops[] = {
    {"CancelKeyDeletion", cf_op_cancel_deletion, key_only, CHANGE},
    {"CreateAlias", cf_op_create_alias, set_alias, SILENT_CHANGE},
    {"CreateGrant", cf_op_create_grant, create_grant, CHANGE},
    {"CreateKey", cf_op_create_key, create_key, CF_OP_CHANGES},
    {"Decrypt", cf_op_decrypt, decrypt, 0},
    {"DeleteAlias", cf_op_delete_alias, delete_alias, SILENT_CHANGE},
    {"DeriveSharedSecret", cf_op_derive, derive, 0},
    {"DescribeCustomKeyStores", cf_op_list_key_stores, list_key_stores, 0},
    {"DescribeKey", cf_op_describe_key, key_and_tokens, 0},
    {"DisableKey", cf_op_disable, key_only, SILENT_CHANGE},
    {"DisableKeyRotation", cf_op_disable_rotation, key_only, SILENT_CHANGE},
    {"EnableKey", cf_op_enable, key_only, SILENT_CHANGE},
    {"EnableKeyRotation", cf_op_enable_rotation, enable_rotation, SILENT_CHANGE},
    {"Encrypt", cf_op_encrypt, encrypt, 0},
    {"GenerateDataKey", cf_op_data_key, data_key, 0},
    {"GenerateDataKeyPair", cf_op_pair, pair, 0},
    {"GenerateDataKeyPairWithoutPlaintext", cf_op_pair_without, pair_without, 0},
    {"GenerateDataKeyWithoutPlaintext", cf_op_data_key_without, data_key_without, 0},
    {"GenerateMac", cf_op_generate_mac, generate_mac, 0},
    {"GenerateRandom", cf_op_random, generate_random, 0},
    {"GetKeyPolicy", cf_op_get_key_policy, get_key_policy, 0},
    {"GetKeyRotationStatus", cf_op_rotation_status, key_only, 0},
    {"GetPublicKey", cf_op_get_public_key, key_and_tokens, 0},
    {"ListAliases", cf_op_list_aliases, list_aliases, 0},
    {"ListGrants", cf_op_list_grants, list_grants, 0},
    {"ListKeyPolicies", cf_op_list_key_policies, key_page, 0},
    {"ListKeyRotations", cf_op_list_rotations, list_rotations, 0},
    {"ListKeys", cf_op_list_keys, list_keys, 0},
    {"ListResourceTags", cf_op_list_tags, list_tags, 0},
    {"ListRetirableGrants", cf_op_list_retirable_grants, list_retirable, 0},
    {"PutKeyPolicy", cf_op_put_key_policy, put_key_policy, SILENT_CHANGE},
    {"ReEncrypt", cf_op_reencrypt, reencrypt, 0},
    {"RetireGrant", cf_op_retire_grant, retire_grant, SILENT_CHANGE},
    {"RevokeGrant", cf_op_revoke_grant, revoke_grant, SILENT_CHANGE},
    {"RotateKeyOnDemand", cf_op_rotate, key_only, CHANGE},
    {"ScheduleKeyDeletion", cf_op_schedule_deletion, schedule_deletion, CHANGE},
    {"Sign", cf_op_sign, sign, 0},
    {"TagResource", cf_op_tag, tag_resource, SILENT_CHANGE},
    {"UntagResource", cf_op_untag, untag_resource, SILENT_CHANGE},
    {"UpdateAlias", cf_op_update_alias, set_alias, SILENT_CHANGE},
    {"UpdateKeyDescription", cf_op_update_description, describe_update, SILENT_CHANGE},
    {"Verify", cf_op_verify, verify, 0},
    {"VerifyMac", cf_op_verify_mac, verify_mac, 0},

    /* The service has them, and they are understood here so far as to say that this one does not. */
    {"ConnectCustomKeyStore", cf_op_unsupported, none, 0},
    {"CreateCustomKeyStore", cf_op_unsupported, none, 0},
    {"Decapsulate", cf_op_unsupported, none, 0},
    {"DeleteCustomKeyStore", cf_op_unsupported, none, 0},
    {"DeleteImportedKeyMaterial", cf_op_unsupported, none, 0},
    {"DisconnectCustomKeyStore", cf_op_unsupported, none, 0},
    {"Encapsulate", cf_op_unsupported, none, 0},
    {"GetKeyLastUsage", cf_op_unsupported, none, 0},
    {"GetParametersForImport", cf_op_unsupported, none, 0},
    {"ImportKeyMaterial", cf_op_unsupported, none, 0},
    {"ReplicateKey", cf_op_unsupported, none, 0},
    {"UpdateCustomKeyStore", cf_op_unsupported, none, 0},
    {"UpdatePrimaryRegion", cf_op_unsupported, none, 0},
    {NULL, NULL, NULL, 0},
};
