/* SPDX-License-Identifier: Apache-2.0 */
/* The parsed form of a policy, shared by parser and decision. */
#pragma once
#include "core/policy/policy.h"

typedef enum {
    CF_COND_EQUALS,
    CF_COND_NOT_EQUALS,
    CF_COND_EQUALS_FOLD,
    CF_COND_NOT_EQUALS_FOLD,
    CF_COND_LIKE,
    CF_COND_NOT_LIKE,
    CF_COND_BOOL,
    CF_COND_NULL,
    CF_COND_COUNT
} cf_cond_op;

typedef struct {
    const cf_view *at;
    size_t n;
} cf_policy_list;

/** One key of one operator. */
typedef struct {
    cf_cond_op op;
    bool is_pcr;
    uint8_t pcr;  /* register, when is_pcr */
    cf_view name; /* of the encryption context, otherwise */
    cf_policy_list values;
} cf_condition;

typedef struct {
    bool deny;
    bool has_action, has_resource; /* without them the statement never takes effect */
    cf_policy_list principals, actions;
    const cf_condition *conditions;
    size_t conditions_n;
} cf_statement;

struct cf_policy {
    cf_arena arena;
    const cf_statement *statements;
    size_t statements_n;
};

/** `*` is any text, `?` any one character. No recursion; time is the product of the lengths at worst. */
bool cf_policy_like(cf_view pattern, cf_view text, bool fold);
