/* SPDX-License-Identifier: Apache-2.0 */
/* The parsed form of a policy, shared by parser, decision and lint. */
#pragma once
#include <stdalign.h>

#include "core/policy/policy.h"

/** Operators by the way in which one value is compared with one of the policy's. */
typedef enum {
    CF_COND_EQUALS,
    CF_COND_EQUALS_FOLD,
    CF_COND_LIKE,
    CF_COND_ARN, /* ArnEquals and ArnLike are one operator */
    CF_COND_BOOL,
    CF_COND_NULL,
    CF_COND_NUMBER_EQUALS,
    CF_COND_LESS,
    CF_COND_LESS_EQUALS,
    CF_COND_GREATER,
    CF_COND_GREATER_EQUALS,
    CF_COND_COUNT
} cf_cond_op;

/** What a condition looks at. */
typedef enum {
    CF_KEY_PCR,     /* kms:RecipientAttestation:PCR<n>, and ImageSha384 for 0 */
    CF_KEY_CONTEXT, /* kms:EncryptionContext:<name> */
    CF_KEY_CONTEXT_KEYS,
    CF_KEY_CALLER_ACCOUNT,
    CF_KEY_GRANT_FOR_AWS,
    CF_KEY_GRANT_OPERATIONS,
    CF_KEY_ORIGIN,
    CF_KEY_SPEC,
    CF_KEY_USAGE,
    CF_KEY_PARAMETER,
    CF_KEY_PRINCIPAL_ACCOUNT,
    CF_KEY_PRINCIPAL_ARN,
    CF_KEY_REQUEST_ALIAS,
    CF_KEY_RESOURCE_ALIASES,
    CF_KEY_COUNT
} cf_cond_key;

/** How many of the request's values must hold. */
typedef enum { CF_SET_NONE, CF_SET_ANY, CF_SET_ALL } cf_cond_set;

typedef struct {
    const cf_view *at;
    size_t n;
} cf_policy_list;

/** One key of one operator. */
typedef struct {
    cf_cond_op op;
    bool negated, if_exists;
    cf_cond_set set;
    cf_cond_key key;
    uint8_t pcr;                   /* register, of CF_KEY_PCR */
    cf_view name;                  /* of CF_KEY_CONTEXT */
    cf_policy_parameter parameter; /* of CF_KEY_PARAMETER */
    cf_policy_list values;
} cf_condition;

/** Something of the policy language that is not evaluated here: a sentence, printable ASCII. */
typedef struct cf_policy_unknown {
    cf_view text;
    const struct cf_policy_unknown *next;
} cf_policy_unknown;

typedef struct {
    cf_view sid; /* empty: none */
    bool deny;
    const cf_policy_unknown *unknown; /* of what was read for the lint; then it may apply or not */
    bool has_action, has_resource;    /* without them the statement never takes effect */
    bool not_principals, not_actions; /* the lists say who and what is meant not */
    cf_policy_list principals, actions;
    const cf_condition *conditions;
    size_t conditions_n;
} cf_statement;

struct cf_policy {
    cf_arena arena; /* of room, as long as it suffices */
    const cf_statement *statements;
    size_t statements_n;
    size_t room_bytes;
    alignas(max_align_t) uint8_t room[];
};

/** The text up to the next ':', which is taken away as well; the last part of an ARN (last) may hold further ones. */
cf_view cf_policy_next_part(cf_view *rest, bool last);

/** `*` is any text, `?` any one character. No recursion; time is the product of the lengths at worst. */
bool cf_policy_like(cf_view pattern, cf_view text, bool fold);

/** True if the statement is about the action. */
bool cf_policy_covers(const cf_statement *s, cf_view action);

/** One value of a condition against the request's, by the operator alone. */
bool cf_policy_value_matches(cf_cond_op op, cf_view wanted, cf_view value);
