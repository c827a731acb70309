/* SPDX-License-Identifier: Apache-2.0 */
/* The five operations of KMS that take an attestation document and answer with what only its enclave opens. No I/O. */
#pragma once
#include "core/kms/kms.h"

#define CF_KMS_CONTEXT_PAIRS_MAX 64
#define CF_KMS_NAME_BYTES_MAX 64 /* of an algorithm or specification */
#define CF_KMS_RANDOM_BYTES_MAX 1024

typedef enum {
    CF_KMS_DECRYPT,
    CF_KMS_DATA_KEY,      /* GenerateDataKey */
    CF_KMS_DATA_KEY_PAIR, /* GenerateDataKeyPair */
    CF_KMS_RANDOM,        /* GenerateRandom */
    CF_KMS_SHARED_SECRET, /* DeriveSharedSecret, with ECDH */
    CF_KMS_OP_COUNT
} cf_kms_op;

/** Value of X-Amz-Target. */
cf_view cf_kms_target(cf_kms_op op);

typedef struct {
    cf_view name, value;
} cf_kms_pair;

/** A request. What an operation takes has to be there, and nothing else, but for what is marked. */
typedef struct {
    cf_kms_op op;
    cf_view document;           /* all */
    cf_view key_id;             /* all but random; decrypt may go without */
    cf_view blob;               /* decrypt */
    cf_view algorithm;          /* decrypt may have one */
    cf_view spec;               /* data key, unless it has bytes; data key pair */
    uint32_t bytes;             /* data key, unless it has a spec; random */
    cf_view public_key;         /* shared secret: SubjectPublicKeyInfo */
    const cf_kms_pair *context; /* decrypt, data key and pair may have one */
    size_t context_n;
} cf_kms_attested;

/** Body of the request, appended.
 *  error ARGUMENT too little or too much for the operation; SIZE, RANGE over a limit; DUPLICATE a name twice in the context; UTF8;
 *        NO_MEMORY. out keeps its length after an error. */
CF_MUST_USE cf_result cf_kms_attested_encode(const cf_kms_attested *q, cf_buf *out);

/** What came back; empty where the operation gives no such thing. */
typedef struct {
    cf_buf cms;        /* CiphertextForRecipient: cf_cms_open */
    cf_buf blob;       /* the data key, or the pair's private key, wrapped */
    cf_buf public_key; /* of the pair */
} cf_kms_attested_answer;
void cf_kms_attested_answer_free(cf_kms_attested_answer *a);
/** error KMS_ANSWER something is missing, or the plaintext came in the clear; NO_MEMORY. *ret is empty then. */
CF_MUST_USE cf_result cf_kms_attested_decode(cf_kms_op op, cf_view body,
                                             cf_kms_attested_answer *ret);
