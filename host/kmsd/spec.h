/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds of keys and their algorithms, by the service's names. Tables; no I/O. */
#pragma once
#include "core/crypto/pair.h"

/** KeySpec. The numbers are those of key files: docs/formats/kms-blob.md section 2. */
typedef enum {
    CF_SPEC_SYMMETRIC = 1,
    CF_SPEC_HMAC_224 = 2,
    CF_SPEC_HMAC_256 = 3,
    CF_SPEC_HMAC_384 = 4,
    CF_SPEC_HMAC_512 = 5,
    CF_SPEC_RSA_2048 = 6,
    CF_SPEC_RSA_3072 = 7,
    CF_SPEC_RSA_4096 = 8,
    CF_SPEC_P256 = 9,
    CF_SPEC_P384 = 10,
    CF_SPEC_P521 = 11,
    CF_SPEC_SECP256K1 = 12,
    CF_SPEC_ED25519 = 13,
    CF_SPEC_COUNT
} cf_key_spec;

/** KeyUsage, with the numbers of key files. */
typedef enum {
    CF_USE_ENCRYPT = 1,
    CF_USE_SIGN = 2,
    CF_USE_MAC = 3,
    CF_USE_AGREE = 4,
    CF_USE_COUNT
} cf_key_use;

typedef struct {
    const char *name;
    uint8_t secret_bytes; /* of a symmetric key; 0: a pair of the next member's kind */
    cf_pair_kind pair;
    uint8_t uses; /* bits 1 << cf_key_use */
} cf_spec_info;

/** NULL for what is no spec. */
const cf_spec_info *cf_spec_info_of(cf_key_spec spec);
const char *cf_use_name(cf_key_use use);
/** False when there is none of that name here. */
bool cf_spec_find(cf_view name, cf_key_spec *ret);
bool cf_use_find(cf_view name, cf_key_use *ret);
/** Whether keys of the spec take long to be made. */
bool cf_spec_is_rsa(cf_key_spec spec);
bool cf_spec_takes(cf_key_spec spec, cf_key_use use);

/** An algorithm, the keys that it is for, and what it is to the library. */
typedef struct {
    const char *name;
    cf_key_use use;
    uint16_t specs; /* bits 1 << cf_key_spec */
    union {
        cf_oaep oaep;           /* ENCRYPT, but SYMMETRIC_DEFAULT */
        cf_sign_scheme signing; /* SIGN */
        cf_hash mac;            /* MAC */
    } as;
} cf_algorithm;

/** All, up to a row whose name is NULL; the order in which lists of a key's algorithms have them. */
extern const cf_algorithm cf_algorithms[];

/** Whether the algorithm is one of a key's. */
bool cf_algorithm_suits(const cf_algorithm *a, cf_key_spec spec, cf_key_use use);
/** NULL when there is none of that name and use here. */
const cf_algorithm *cf_algorithm_find(cf_view name, cf_key_use use);
