/* SPDX-License-Identifier: Apache-2.0 */
/* One request on its way through: what operations read, and what they leave for the answer, the log and the audit log. */
#pragma once
#include "core/kms/body.h"
#include "host/kmsd/input.h"
#include "host/kmsd/kmsd_priv.h"

/** Exceptions: number, the service's name, HTTP status. */
#define CF_KMSD_EXCEPTIONS(X)                                                                      \
    X(ACCESS_DENIED, "AccessDeniedException", 400)                                                 \
    X(ALREADY_EXISTS, "AlreadyExistsException", 400)                                               \
    X(DISABLED, "DisabledException", 400)                                                          \
    X(DRY_RUN, "DryRunOperationException", 400)                                                    \
    X(EXPIRED_TOKEN, "ExpiredTokenException", 400)                                                 \
    X(INCOMPLETE_SIGNATURE, "IncompleteSignature", 400)                                            \
    X(INCORRECT_KEY, "IncorrectKeyException", 400)                                                 \
    X(INTERNAL, "KMSInternalException", 500)                                                       \
    X(INVALID_ALIAS, "InvalidAliasNameException", 400)                                             \
    X(INVALID_ARN, "InvalidArnException", 400)                                                     \
    X(INVALID_CIPHERTEXT, "InvalidCiphertextException", 400)                                       \
    X(INVALID_GRANT_ID, "InvalidGrantIdException", 400)                                            \
    X(INVALID_GRANT_TOKEN, "InvalidGrantTokenException", 400)                                      \
    X(INVALID_KEY_USAGE, "InvalidKeyUsageException", 400)                                          \
    X(INVALID_MARKER, "InvalidMarkerException", 400)                                               \
    X(INVALID_SIGNATURE, "InvalidSignatureException", 400)                                         \
    X(INVALID_STATE, "KMSInvalidStateException", 400)                                              \
    X(LIMIT_EXCEEDED, "LimitExceededException", 400)                                               \
    X(MALFORMED_POLICY, "MalformedPolicyDocumentException", 400)                                   \
    X(MISSING_AUTHENTICATION, "MissingAuthenticationTokenException", 400)                          \
    X(NOT_FOUND, "NotFoundException", 400)                                                         \
    X(SERIALIZATION, "SerializationException", 400)                                                \
    X(TAG, "TagException", 400)                                                                    \
    X(THROTTLING, "ThrottlingException", 400)                                                      \
    X(TOO_LARGE, "SerializationException", 413)                                                    \
    X(UNAVAILABLE, "ServiceUnavailable", 503)                                                      \
    X(UNKNOWN_OPERATION, "UnknownOperationException", 400)                                         \
    X(UNRECOGNIZED_CLIENT, "UnrecognizedClientException", 400)                                     \
    X(UNSUPPORTED, "UnsupportedOperationException", 400)                                           \
    X(VALIDATION, "ValidationException", 400)                                                      \
    X(WRONG_MAC, "KMSInvalidMacException", 400)                                                    \
    X(WRONG_SIGNATURE, "KMSInvalidSignatureException", 400)

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

/** A key that a request names or a ciphertext belongs to. */
typedef struct {
    const cf_key *key; /* held; NULL until one is found */
    char arn[CF_KMSD_ARN_BYTES_MAX];
    char alias[CF_ALIAS_BYTES_MAX + 1]; /* that the request named it by, or "" */
} cf_kmsd_target;

/** An encryption context. */
typedef struct {
    bool read; /* the operation has one, be it empty */
    const cf_policy_pair *pairs;
    size_t n;
    cf_buf canonical; /* as it is bound to ciphertexts */
} cf_kmsd_context;

struct cf_kmsd_op;
struct cf_turn;

typedef struct {
    cf_kmsd *service;
    const cf_kmsd_caller *caller;
    const struct cf_kmsd_op *op;
    const json_t *in;
    uint64_t now_ms;
    cf_arena arena;
    cf_kms_body out;

    bool waits; /* what takes long is not done now: */
    struct cf_turn
        *turn; /* once this place was taken for it, the operation has ended without an answer */

    cf_kx refused;
    cf_buf message;

    cf_kmsd_target target, source; /* source: of ReEncrypt */
    cf_kmsd_context context, source_context;
    cf_kmsd_recipient recipient;
    bool seeking; /* a key was looked up, and nothing has said yet that the caller may know of it */
    const char *attested_stage; /* where verification of a document stopped; NULL without one */
    /* for the audit log: the alias that the request is about, the grant that was made or taken back; "" when there is none */
    char alias[CF_ALIAS_BYTES_MAX + 1];
    cf_state_name grant;
    char principal
        [CF_KMSD_CALLER_BYTES_MAX]; /* the same of a principal: ARN, or the id of an access key */
} cf_kmsd_call;

enum {
    CF_OP_CHANGES = 1, /* its line in the audit log is on the disk before the answer */
    CF_OP_LOCKS = 2,   /* it runs alone among those that change */
    CF_OP_SILENT =
        4, /* it has no output: then the service sends nothing, not even an empty object */
};

/** An operation: its name is its permission's as well. */
typedef struct cf_kmsd_op {
    const char *name;
    cf_result (*run)(cf_kmsd_call *c);
    const cf_in_member *members;
    unsigned flags;
} cf_kmsd_op;

/** Ends an operation with an exception: notes it and its message, and returns the error that leads out. */
CF_MUST_USE cf_result cf_kmsd_refuse(cf_kmsd_call *c, cf_kx x, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Octets of a request's text that a message may repeat: "%.*s". */
int cf_kmsd_shown(cf_view v);

/* --- keys --- */

/** What a member that names a key may be. */
typedef enum {
    CF_NAME_KEY,          /* id or ARN: what manages keys */
    CF_NAME_KEY_OR_ALIAS, /* what uses them */
} cf_name_form;

/** Finds the key of a member. Refuses by NotFound, InvalidArn; a damaged key by KMSInternal. */
CF_MUST_USE cf_result cf_kmsd_find(cf_kmsd_call *c, const char *member, cf_name_form form,
                                   cf_kmsd_target *ret);
/** Refuses grant tokens that were never given. */
CF_MUST_USE cf_result cf_kmsd_check_tokens(cf_kmsd_call *c);
/** Finds c->target by KeyId, after the grant tokens have been looked at. */
CF_MUST_USE cf_result cf_kmsd_find_key(cf_kmsd_call *c, cf_name_form form);
/** Takes a key that was found by other means; *key is taken. */
CF_MUST_USE cf_result cf_kmsd_take_key(cf_kmsd_call *c, const cf_key **key, cf_kmsd_target *ret);
void cf_kmsd_target_clear(cf_kmsd_target *t);

static inline const cf_keyfile *cf_kmsd_file(const cf_kmsd_call *c)
{
    return cf_key_file(c->target.key);
}

/** Refuses a key that is disabled or pending deletion. */
CF_MUST_USE cf_result cf_kmsd_need_enabled(cf_kmsd_call *c, const cf_kmsd_target *t);
/** Refuses a key that is pending deletion. */
CF_MUST_USE cf_result cf_kmsd_need_staying(cf_kmsd_call *c, const cf_kmsd_target *t);
/** Refuses a key that is for something else. */
CF_MUST_USE cf_result cf_kmsd_need_use(cf_kmsd_call *c, const cf_kmsd_target *t, cf_key_use use);
/** The algorithm that a member (NULL: none) names, or otherwise (NULL: none), which must be one of the key's. Refuses by
 *  InvalidKeyUsage. */
CF_MUST_USE cf_result cf_kmsd_algorithm(cf_kmsd_call *c, const cf_kmsd_target *t,
                                        const char *member, const char *otherwise,
                                        const cf_algorithm **ret);

/* --- permission --- */

/** Asks the key's policy and grants for the operation's own permission, with the context and recipient read so far. Without a key:
 *  whether the caller belongs to the account. Refuses by AccessDenied. */
CF_MUST_USE cf_result cf_kmsd_authorise(cf_kmsd_call *c);
/** The same for another permission, key or context. */
CF_MUST_USE cf_result cf_kmsd_authorise_for(cf_kmsd_call *c, const char *permission,
                                            const cf_kmsd_target *t,
                                            const cf_kmsd_context *context);
/** What the key's policy alone says of the operation. */
cf_policy_decision cf_kmsd_policy_says(const cf_kmsd_call *c, const cf_policy *p,
                                       const char *permission, const cf_kmsd_target *t,
                                       const cf_kmsd_context *context);
/** How an operation ended, as its caller may know it: while a key is sought, every refusal is one and the same to callers of other
 *  accounts, whether the key is there or not. */
CF_MUST_USE cf_result cf_kmsd_veil(cf_kmsd_call *c, cf_result r);
CF_MUST_USE cf_result cf_kmsd_refuse_access(cf_kmsd_call *c, const char *permission,
                                            const char *arn, cf_policy_decision why);
cf_grant_ask cf_kmsd_grant_ask(const cf_kmsd_call *c, uint32_t operations,
                               const cf_kmsd_context *context);

/* --- time --- */

/** Before what takes long: whether it is done now. Refuses by Throttling. error BUSY: later, in c->turn */
CF_MUST_USE cf_result cf_kmsd_wait_turn(cf_kmsd_call *c, struct cf_turns *turns);

/** One request, in its own words. Borrowed. */
typedef struct {
    const cf_kmsd_caller *caller;
    cf_view target, body;
    const char *id;
    uint64_t began_ms; /* monotonic */
} cf_kmsd_request;

/** As cf_kmsd_dispatch, but of a request that takes long nothing is done yet, nor noted, but that a turn is reserved for it, which is
 *  returned. Else NULL, and *ret is the answer. */
struct cf_turn *cf_kmsd_try(cf_kmsd *d, const cf_kmsd_request *q, cf_kmsd_answer *ret);
void cf_kmsd_answer_request(cf_kmsd *d, const cf_kmsd_request *q, cf_kmsd_answer *ret);
/** A cf_turn_run, whose work is a cf_http_call. */
void cf_kmsd_run_turn(void *service, struct cf_turn *turn, bool stopped);

/* --- members --- */

CF_MUST_USE cf_result cf_kmsd_end_dry_run(cf_kmsd_call *c);
/** Reads a context. Refuses by Validation. */
CF_MUST_USE cf_result cf_kmsd_read_context(cf_kmsd_call *c, const char *member,
                                           cf_kmsd_context *ret);
/** Reads and verifies Recipient, if there is one. Refuses by Validation what is no document or cannot be sealed to, by AccessDenied
 *  what does not verify. */
CF_MUST_USE cf_result cf_kmsd_read_recipient(cf_kmsd_call *c);

/* --- the answer --- */

/** Writes member plain with the octets, or CiphertextForRecipient when the request has a recipient. */
CF_MUST_USE cf_result cf_kmsd_put_secret(cf_kmsd_call *c, const char *plain, cf_view octets);
/** A member with a string; with octets in base64. */
void cf_kmsd_put_text(cf_kmsd_call *c, const char *name, const char *value);
void cf_kmsd_put_view(cf_kmsd_call *c, const char *name, cf_view value);
void cf_kmsd_put_blob(cf_kmsd_call *c, const char *name, cf_view octets);
void cf_kmsd_put_bool(cf_kmsd_call *c, const char *name, bool value);
void cf_kmsd_put_number(cf_kmsd_call *c, const char *name, uint64_t value);
void cf_kmsd_put_time(cf_kmsd_call *c, const char *name, uint64_t ms);
/** A material's id; ids are left out of attested answers, and of those about keys that are not symmetric. */
void cf_kmsd_put_material_id(cf_kmsd_call *c, const char *name, const cf_keyfile *k,
                             const cf_material *m);

/* --- pages --- */

#define CF_PAGE_MAX 1000

/** Where a page begins and how long it is. */
typedef struct {
    size_t max;
    cf_buf after; /* the last entry of the page before; empty: from the start */
} cf_kmsd_page;

static inline void cf_kmsd_page_clear(cf_kmsd_page *p)
{
    cf_buf_free(&p->after);
}

/** Reads Limit and Marker. Markers are the operation's own. Refuses by InvalidMarker. */
CF_MUST_USE cf_result cf_kmsd_read_page(cf_kmsd_call *c, size_t otherwise, cf_kmsd_page *ret);
/** Truncated, and NextMarker when more entries follow the last one. */
CF_MUST_USE cf_result cf_kmsd_end_page(cf_kmsd_call *c, bool more, cf_view last);
