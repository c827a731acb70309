/* SPDX-License-Identifier: Apache-2.0 */
/* A key policy that binds a key to enclaves, made from what is to be true. docs/kms-policies.md section 3. No I/O. */
#pragma once
#include "core/policy/policy.h"

#define CF_POLICY_PRINCIPALS_MAX 16
#define CF_POLICY_VALUES_MAX 16 /* of all registers together */
#define CF_POLICY_PAIRS_MAX 16

/** One accepted value of a register. */
typedef struct {
    uint8_t pcr;
    cf_view hex; /* 96 digits */
} cf_policy_value;

/** Views are borrowed for the call. */
typedef struct {
    const cf_view *users; /* ARNs: who may seal, and open inside the enclave; at least one */
    size_t users_n;
    const cf_view *
        admins; /* ARNs: who may do the rest, the policy included; none: nobody may ever change it */
    size_t admins_n;
    const cf_policy_value *values; /* several of one register: any of them; at least one */
    size_t values_n;
    const cf_policy_pair *context; /* that every use must have; none: some context, whichever */
    size_t context_n;
} cf_policy_plan;

/** The policy as indented JSON, appended. What the names and values say is not looked at here: cf_policy_parse and cf_policy_lint do.
 *  error ARGUMENT a count of 0 that may not be, or over its bound; UTF8; NO_MEMORY */
CF_MUST_USE cf_result cf_policy_make(const cf_policy_plan *plan, cf_buf *out);
