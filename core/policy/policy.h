/* SPDX-License-Identifier: Apache-2.0 */
/* Key policies: parsed once when they are set, decided on every request. docs/formats/kms-policy.md. No I/O. */
#pragma once
#include "core/attest/attest.h"

#define CF_POLICY_BYTES_MAX 32768           /* the service's quota; its model says 131,072 */
#define CF_POLICY_VALUE_BYTES_MAX 2048      /* one principal, action or condition value */
#define CF_POLICY_ARENA_BYTES_MAX (1 << 20) /* "a", in a list takes 4 octets of text and 17 here */
#define CF_POLICY_ECHO_BYTES_MAX 128        /* of a name from the policy in a sentence about it */
#define CF_POLICY_STEPS_MAX 2000000         /* of one decision: some milliseconds at most */

/** A parsed policy. Opaque; read by any number of threads. */
typedef struct cf_policy cf_policy;

/** out   *ret_why: after MALFORMED a sentence for the caller, with the statement's number and the name that is not understood, all of
 *        it printable ASCII; else empty. NULL: not wanted
 *  error MALFORMED; SIZE over CF_POLICY_BYTES_MAX; NO_MEMORY */
CF_MUST_USE cf_result cf_policy_parse(cf_view text, cf_policy **ret, cf_buf *ret_why);
void cf_policy_free(cf_policy **p);
/** Octets of memory that it takes. */
size_t cf_policy_bytes(const cf_policy *p);

/** Parameters of a request that a condition can ask for: symbol, condition key, whether it is a number. */
#define CF_POLICY_PARAMETERS(X)                                                                    \
    X(DATA_KEY_PAIR_SPEC, "kms:DataKeyPairSpec", false)                                            \
    X(DELETION_WINDOW, "kms:ScheduleKeyDeletionPendingWindowInDays", true)                         \
    X(ENCRYPTION_ALGORITHM, "kms:EncryptionAlgorithm", false)                                      \
    X(GRANT_CONSTRAINT, "kms:GrantConstraintType", false)                                          \
    X(GRANTEE, "kms:GranteePrincipal", false)                                                      \
    X(KEY_AGREEMENT_ALGORITHM, "kms:KeyAgreementAlgorithm", false)                                 \
    X(MAC_ALGORITHM, "kms:MacAlgorithm", false)                                                    \
    X(MESSAGE_TYPE, "kms:MessageType", false)                                                      \
    X(RETIRING, "kms:RetiringPrincipal", false)                                                    \
    X(ROTATION_PERIOD, "kms:RotationPeriodInDays", true)                                           \
    X(SIGNING_ALGORITHM, "kms:SigningAlgorithm", false)

typedef enum {
#define CF_POLICY_MEMBER(sym, key, number) CF_POLICY_##sym,
    CF_POLICY_PARAMETERS(CF_POLICY_MEMBER)
#undef CF_POLICY_MEMBER
        CF_POLICY_PARAMETER_COUNT
} cf_policy_parameter;

/** One pair of an encryption context. */
typedef struct {
    cf_view name, value;
} cf_policy_pair;

/** What a request brings along. Views are borrowed for the call. An empty view is a value that the request does not have: then the
 *  condition key is absent. */
typedef struct {
    cf_view action;             /* "kms:Decrypt" */
    cf_view caller;             /* ARN: a user, a role's session (sts), or the account's root */
    cf_view caller_role;        /* ARN of the role (iam) whose session the caller is */
    cf_view account;            /* 12 digits, the caller's */
    cf_view account_root;       /* ARN, of that account */
    cf_view pcrs[CF_PCR_COUNT]; /* lower-case hex from a verified document */
    const cf_policy_pair *context;
    size_t context_n;
    cf_view key_spec, key_usage,
        key_origin;         /* of the key: "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "AWS_KMS" */
    cf_view request_alias;  /* "alias/name", when the request names the key by it */
    const cf_view *aliases; /* of the key: "alias/name" */
    size_t aliases_n;
    const cf_view *grant_operations; /* that the grant to be made permits */
    size_t grant_operations_n;
    cf_view parameters[CF_POLICY_PARAMETER_COUNT]; /* numbers in decimal */
} cf_policy_request;

typedef enum {
    CF_POLICY_NO_ALLOW,
    CF_POLICY_DENIED,
    CF_POLICY_ALLOWED,
    CF_POLICY_TOO_COSTLY, /* it would take more than CF_POLICY_STEPS_MAX, and nobody is let in by guessing */
} cf_policy_decision;

/** ASCII letters folded: how policies compare names of actions and condition keys. */
bool cf_policy_eq_fold(cf_view a, cf_view b);

/** cost  the octets of the policy, as a rule. At worst, with patterns or lists that are made for it, their product with the request's,
 *        but no more than CF_POLICY_STEPS_MAX */
cf_policy_decision cf_policy_decide(const cf_policy *p, const cf_policy_request *q);
