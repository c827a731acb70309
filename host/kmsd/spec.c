/* SPDX-License-Identifier: Apache-2.0 */
#include "host/kmsd/spec.h"

#define BIT(n) (1u << (n))

static const cf_spec_info specs[CF_SPEC_COUNT] = {
    [CF_SPEC_SYMMETRIC] = {"SYMMETRIC_DEFAULT", 32, 0, BIT(CF_USE_ENCRYPT)},
    [CF_SPEC_HMAC_224] = {"HMAC_224", 28, 0, BIT(CF_USE_MAC)},
    [CF_SPEC_HMAC_256] = {"HMAC_256", 32, 0, BIT(CF_USE_MAC)},
    [CF_SPEC_HMAC_384] = {"HMAC_384", 48, 0, BIT(CF_USE_MAC)},
    [CF_SPEC_HMAC_512] = {"HMAC_512", 64, 0, BIT(CF_USE_MAC)},
    [CF_SPEC_RSA_2048] = {"RSA_2048", 0, CF_PAIR_RSA_2048, BIT(CF_USE_ENCRYPT) | BIT(CF_USE_SIGN)},
    [CF_SPEC_RSA_3072] = {"RSA_3072", 0, CF_PAIR_RSA_3072, BIT(CF_USE_ENCRYPT) | BIT(CF_USE_SIGN)},
    [CF_SPEC_RSA_4096] = {"RSA_4096", 0, CF_PAIR_RSA_4096, BIT(CF_USE_ENCRYPT) | BIT(CF_USE_SIGN)},
    [CF_SPEC_P256] = {"ECC_NIST_P256", 0, CF_PAIR_P256, BIT(CF_USE_SIGN) | BIT(CF_USE_AGREE)},
    [CF_SPEC_P384] = {"ECC_NIST_P384", 0, CF_PAIR_P384, BIT(CF_USE_SIGN) | BIT(CF_USE_AGREE)},
    [CF_SPEC_P521] = {"ECC_NIST_P521", 0, CF_PAIR_P521, BIT(CF_USE_SIGN) | BIT(CF_USE_AGREE)},
    [CF_SPEC_SECP256K1] = {"ECC_SECG_P256K1", 0, CF_PAIR_SECP256K1, BIT(CF_USE_SIGN)},
    [CF_SPEC_ED25519] = {"ECC_NIST_EDWARDS25519", 0, CF_PAIR_ED25519, BIT(CF_USE_SIGN)},
};

static const char *const uses[CF_USE_COUNT] = {
    [CF_USE_ENCRYPT] = "ENCRYPT_DECRYPT",
    [CF_USE_SIGN] = "SIGN_VERIFY",
    [CF_USE_MAC] = "GENERATE_VERIFY_MAC",
    [CF_USE_AGREE] = "KEY_AGREEMENT",
};

#define RSA (BIT(CF_SPEC_RSA_2048) | BIT(CF_SPEC_RSA_3072) | BIT(CF_SPEC_RSA_4096))
#define NIST (BIT(CF_SPEC_P256) | BIT(CF_SPEC_P384) | BIT(CF_SPEC_P521))

const cf_algorithm cf_algorithms[] = {
    {"SYMMETRIC_DEFAULT", CF_USE_ENCRYPT, BIT(CF_SPEC_SYMMETRIC), {0}},
    {"RSAES_OAEP_SHA_1", CF_USE_ENCRYPT, RSA, {.oaep = CF_OAEP_SHA1}},
    {"RSAES_OAEP_SHA_256", CF_USE_ENCRYPT, RSA, {.oaep = CF_OAEP_SHA256}},
    {"RSASSA_PKCS1_V1_5_SHA_256", CF_USE_SIGN, RSA, {.signing = {CF_SIGN_PKCS1, CF_SHA256}}},
    {"RSASSA_PKCS1_V1_5_SHA_384", CF_USE_SIGN, RSA, {.signing = {CF_SIGN_PKCS1, CF_SHA384}}},
    {"RSASSA_PKCS1_V1_5_SHA_512", CF_USE_SIGN, RSA, {.signing = {CF_SIGN_PKCS1, CF_SHA512}}},
    {"RSASSA_PSS_SHA_256", CF_USE_SIGN, RSA, {.signing = {CF_SIGN_PSS, CF_SHA256}}},
    {"RSASSA_PSS_SHA_384", CF_USE_SIGN, RSA, {.signing = {CF_SIGN_PSS, CF_SHA384}}},
    {"RSASSA_PSS_SHA_512", CF_USE_SIGN, RSA, {.signing = {CF_SIGN_PSS, CF_SHA512}}},
    {"ECDSA_SHA_256",
     CF_USE_SIGN,
     BIT(CF_SPEC_P256) | BIT(CF_SPEC_SECP256K1),
     {.signing = {CF_SIGN_ECDSA, CF_SHA256}}},
    {"ECDSA_SHA_384", CF_USE_SIGN, BIT(CF_SPEC_P384), {.signing = {CF_SIGN_ECDSA, CF_SHA384}}},
    {"ECDSA_SHA_512", CF_USE_SIGN, BIT(CF_SPEC_P521), {.signing = {CF_SIGN_ECDSA, CF_SHA512}}},
    {"ED25519_SHA_512",
     CF_USE_SIGN,
     BIT(CF_SPEC_ED25519),
     {.signing = {CF_SIGN_ED25519, CF_SHA512}}},
    {"ED25519_PH_SHA_512",
     CF_USE_SIGN,
     BIT(CF_SPEC_ED25519),
     {.signing = {CF_SIGN_ED25519PH, CF_SHA512}}},
    {"HMAC_SHA_224", CF_USE_MAC, BIT(CF_SPEC_HMAC_224), {.mac = CF_SHA224}},
    {"HMAC_SHA_256", CF_USE_MAC, BIT(CF_SPEC_HMAC_256), {.mac = CF_SHA256}},
    {"HMAC_SHA_384", CF_USE_MAC, BIT(CF_SPEC_HMAC_384), {.mac = CF_SHA384}},
    {"HMAC_SHA_512", CF_USE_MAC, BIT(CF_SPEC_HMAC_512), {.mac = CF_SHA512}},
    {"ECDH", CF_USE_AGREE, NIST, {0}},
    {NULL, 0, 0, {0}},
};

const cf_spec_info *cf_spec_info_of(cf_key_spec spec)
{
    return spec >= CF_SPEC_SYMMETRIC && spec < CF_SPEC_COUNT ? &specs[spec] : NULL;
}

const char *cf_use_name(cf_key_use use)
{
    return uses[use];
}

bool cf_spec_find(cf_view name, cf_key_spec *ret)
{
    for (cf_key_spec s = CF_SPEC_SYMMETRIC; s < CF_SPEC_COUNT; s++) {
        if (cf_view_eq(name, cf_view_str(specs[s].name))) {
            *ret = s;
            return true;
        }
    }
    return false;
}

bool cf_use_find(cf_view name, cf_key_use *ret)
{
    for (cf_key_use u = CF_USE_ENCRYPT; u < CF_USE_COUNT; u++) {
        if (cf_view_eq(name, cf_view_str(uses[u]))) {
            *ret = u;
            return true;
        }
    }
    return false;
}

bool cf_spec_is_rsa(cf_key_spec spec)
{
    return (RSA & BIT(spec)) != 0;
}

bool cf_spec_takes(cf_key_spec spec, cf_key_use use)
{
    return (specs[spec].uses & BIT(use)) != 0;
}

bool cf_algorithm_suits(const cf_algorithm *a, cf_key_spec spec, cf_key_use use)
{
    return a->use == use && (a->specs & BIT(spec)) != 0;
}

const cf_algorithm *cf_algorithm_find(cf_view name, cf_key_use use)
{
    for (const cf_algorithm *a = cf_algorithms; a->name != NULL; a++) {
        if (a->use == use && cf_view_eq(name, cf_view_str(a->name))) {
            return a;
        }
    }
    return NULL;
}
