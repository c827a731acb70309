/* SPDX-License-Identifier: Apache-2.0 */
/* A set of values under CEL's equality, for functions that would else compare each value with each. */
#pragma once
#include "core/cel/function.h"

/** Values that a map takes as keys are found through one; the others, and among them doubles alone are equal to any of these, are
 *  few in most lists and are compared one by one. */
typedef struct {
    cf_cel_map *keys;
    cf_cel_items others;
} cf_cel_set;

/** An empty set with room for n keys. error BUDGET */
CF_MUST_USE cf_result cf_cel_set_new(cf_cel_run *run, size_t n, cf_cel_set *ret);

/** True if the set has a value equal to *v. Charges steps; error BUDGET */
CF_MUST_USE cf_result cf_cel_set_has(cf_cel_run *run, const cf_cel_set *set, const cf_cel_value *v,
                                     bool *ret);

/** Adds *v, which is not in the set as cf_cel_set_has tells. error BUDGET */
CF_MUST_USE cf_result cf_cel_set_add(cf_cel_run *run, cf_cel_set *set, const cf_cel_value *v);
