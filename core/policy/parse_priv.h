/* SPDX-License-Identifier: Apache-2.0 */
/* What the two halves of the parser share. */
#pragma once
#include "core/codec/json.h"
#include "core/policy/policy_priv.h"

/** One parse: where things are put, and the first reason to refuse. */
typedef struct {
    cf_policy *policy;
    size_t statement; /* being read, from 1; 0: none yet */
    bool verbatim;    /* the sentence is the service's own and stands alone */
    bool for_lint;    /* what is beyond is noted, not refused */
    bool beyond;      /* the reason to refuse is something of the language that is not evaluated */
    const cf_policy_unknown **unknown; /* where the statement's next note goes */
    const char *why;
    cf_view name; /* what it is about, from the JSON text; empty: nothing */
} cf_policy_parser;

CF_MUST_USE cf_result cf_policy_malformed(cf_policy_parser *ps, const char *why);
/** The same about a name that the policy uses. */
CF_MUST_USE cf_result cf_policy_malformed_name(cf_policy_parser *ps, const char *why, cf_view name);

/** The same about what the language has, and the lint can pass over. */
CF_MUST_USE cf_result cf_policy_beyond(cf_policy_parser *ps, const char *why, cf_view name);
/** Takes the result of reading a part of a statement: what is beyond becomes a note, and success with *ret_known false. */
CF_MUST_USE cf_result cf_policy_note_beyond(cf_policy_parser *ps, cf_result r, bool *ret_known);

CF_MUST_USE cf_result cf_policy_array(cf_policy_parser *ps, size_t n, size_t size, void **ret);

typedef cf_result cf_policy_check(cf_policy_parser *ps, cf_view v);
/** A string, or a list of one string at least. check looks at each. */
CF_MUST_USE cf_result cf_policy_read_list(cf_policy_parser *ps, const json_t *j,
                                          cf_policy_check *check, cf_policy_list *ret);

/** The element Condition. */
CF_MUST_USE cf_result cf_policy_read_conditions(cf_policy_parser *ps, json_t *j, cf_statement *s);
