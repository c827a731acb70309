/* SPDX-License-Identifier: Apache-2.0 */
/* One request on its way through: what operations read, and what they leave for the answer and the log. */
#pragma once
#include "core/kms/body.h"
#include "host/kmsd/input.h"
#include "host/kmsd/keys.h"
#include "host/kmsd/kmsd.h"

/** Exceptions: number, the service's name, HTTP status. */
#define CF_KMSD_EXCEPTIONS(X)                                                                      \
    X(ACCESS_DENIED, "AccessDeniedException", 400)                                                 \
    X(DRY_RUN, "DryRunOperationException", 400)                                                    \
    X(EXPIRED_TOKEN, "ExpiredTokenException", 400)                                                 \
    X(INCOMPLETE_SIGNATURE, "IncompleteSignature", 400)                                            \
    X(INCORRECT_KEY, "IncorrectKeyException", 400)                                                 \
    X(INTERNAL, "KMSInternalException", 500)                                                       \
    X(INVALID_ARN, "InvalidArnException", 400)                                                     \
    X(INVALID_CIPHERTEXT, "InvalidCiphertextException", 400)                                       \
    X(INVALID_GRANT_TOKEN, "InvalidGrantTokenException", 400)                                      \
    X(INVALID_KEY_USAGE, "InvalidKeyUsageException", 400)                                          \
    X(INVALID_MARKER, "InvalidMarkerException", 400)                                               \
    X(INVALID_SIGNATURE, "InvalidSignatureException", 400)                                         \
    X(LIMIT_EXCEEDED, "LimitExceededException", 400)                                               \
    X(MALFORMED_POLICY, "MalformedPolicyDocumentException", 400)                                   \
    X(MISSING_AUTHENTICATION, "MissingAuthenticationTokenException", 400)                          \
    X(NOT_FOUND, "NotFoundException", 400)                                                         \
    X(SERIALIZATION, "SerializationException", 400)                                                \
    X(TOO_LARGE, "SerializationException", 413)                                                    \
    X(UNAVAILABLE, "ServiceUnavailable", 503)                                                      \
    X(UNKNOWN_OPERATION, "UnknownOperationException", 400)                                         \
    X(UNRECOGNIZED_CLIENT, "UnrecognizedClientException", 400)                                     \
    X(UNSUPPORTED, "UnsupportedOperationException", 400)                                           \
    X(VALIDATION, "ValidationException", 400)

typedef enum {
    CF_KX_NONE = 0,
#define CF_KX_MEMBER(sym, name, status) CF_KX_##sym,
    CF_KMSD_EXCEPTIONS(CF_KX_MEMBER)
#undef CF_KX_MEMBER
        CF_KX_COUNT
} cf_kx;

const char *cf_kx_name(cf_kx x); /* "" for CF_KX_NONE */
unsigned cf_kx_status(cf_kx x);  /* 200 for CF_KX_NONE */

/** {"__type":...,"message":...} in place of what out holds; a message that is empty is left out, as the service does. */
void cf_kmsd_put_exception(cf_kx x, cf_view message, cf_buf *out);

/** The Recipient of a request, once it is verified. */
typedef struct {
    bool given;
    cf_buf doc; /* the payload's views borrow from it */
    cf_attest_payload payload;
    char pcr_hex[CF_PCR_COUNT]
                [2 * CF_PCR_BYTES_SHA384 + 1]; /* "" when the register is not listed */
} cf_kmsd_recipient;

struct cf_kmsd_op;

typedef struct {
    cf_kmsd *service;
    const cf_kmsd_caller *caller;
    const struct cf_kmsd_op *op;
    const json_t *in;
    uint64_t now_ms;
    cf_arena arena;
    cf_kms_body out;

    cf_kx refused;
    cf_buf message;

    const cf_key *key; /* NULL until one is found */
    char arn[CF_KMSD_ARN_BYTES_MAX];
    const cf_policy_pair *context;
    size_t context_n;
    cf_buf canonical; /* the context as it is bound to ciphertexts */
    cf_kmsd_recipient recipient;
    const char *attested_stage; /* where verification of a document stopped; NULL without one */
} cf_kmsd_call;

/** An operation: its name is its permission's as well. */
typedef struct cf_kmsd_op {
    const char *name;
    cf_result (*run)(cf_kmsd_call *c);
    const cf_in_member *members;
} cf_kmsd_op;

/** Ends an operation with an exception: notes it and its message, and returns the error that leads out. */
CF_MUST_USE cf_result cf_kmsd_refuse(cf_kmsd_call *c, cf_kx x, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Finds the key of the member KeyId: c->key and c->arn. Refuses by NotFound, InvalidArn; a damaged key by KMSInternal. */
CF_MUST_USE cf_result cf_kmsd_find_key(cf_kmsd_call *c);
/** Takes a key that was found by other means. */
CF_MUST_USE cf_result cf_kmsd_take_key(cf_kmsd_call *c, const cf_key *key);

/** The request as policies see it: action is "kms:…"; key, context and recipient as far as they are known. */
void cf_kmsd_policy_request(const cf_kmsd_call *c, cf_view action, cf_policy_request *ret);

/** Asks the key's policy, with the context and recipient read so far. Refuses by AccessDenied. */
CF_MUST_USE cf_result cf_kmsd_authorise(cf_kmsd_call *c);

/** Grant tokens and DryRun, which every operation on data has, once it is authorised. */
CF_MUST_USE cf_result cf_kmsd_check_tokens(cf_kmsd_call *c);
CF_MUST_USE cf_result cf_kmsd_end_dry_run(cf_kmsd_call *c);

/** Reads EncryptionContext. Refuses by Validation. */
CF_MUST_USE cf_result cf_kmsd_read_context(cf_kmsd_call *c);

/** Reads and verifies Recipient, if there is one. Refuses by Validation what is no document or cannot be sealed to, by AccessDenied
 *  what does not verify. */
CF_MUST_USE cf_result cf_kmsd_read_recipient(cf_kmsd_call *c);

/** Writes member plain with the octets, or CiphertextForRecipient when the request has a recipient. */
CF_MUST_USE cf_result cf_kmsd_put_secret(cf_kmsd_call *c, const char *plain, cf_view octets);

/** A member with a string, in the answer. */
void cf_kmsd_put_text(cf_kmsd_call *c, const char *name, const char *value);

extern const cf_kmsd_op cf_kmsd_ops[]; /* ends with a NULL name */
/** What the local caller alone may do, under a prefix of its own: docs/formats/kms-principals.md section 3. Ends with a NULL name. */
#define CF_KMSD_ADMIN_PREFIX "CofferKms."
extern const cf_kmsd_op cf_kmsd_admin_ops[];

cf_result cf_op_create_key(cf_kmsd_call *c);
cf_result cf_op_describe_key(cf_kmsd_call *c);
cf_result cf_op_list_keys(cf_kmsd_call *c);
cf_result cf_op_get_key_policy(cf_kmsd_call *c);
cf_result cf_op_put_key_policy(cf_kmsd_call *c);
cf_result cf_op_encrypt(cf_kmsd_call *c);
cf_result cf_op_decrypt(cf_kmsd_call *c);
cf_result cf_op_data_key(cf_kmsd_call *c);
cf_result cf_op_data_key_without(cf_kmsd_call *c);
cf_result cf_op_pair(cf_kmsd_call *c);
cf_result cf_op_pair_without(cf_kmsd_call *c);
