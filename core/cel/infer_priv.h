/* SPDX-License-Identifier: Apache-2.0 */
/* What the checker knows of types: which fit each other, what variables of the checker must be for that, and which type covers two. */
#pragma once
#include "core/cel/env_priv.h"

/** Comparing types that share parts costs more than the parts are many, in the worst case exponentially: so each comparison of two
 *  composites is a step, and a check has this many and so many more for every node. */
#define CF_CEL_TYPE_STEPS_MIN 4096u
#define CF_CEL_TYPE_STEPS_PER_NODE 32u

/** Types that wait to be compared, of one comparison: a chain needs one, a map two for each map within it. */
#define CF_CEL_TYPE_PAIRS_MAX 512u

/** What a variable was before it was bound. */
typedef struct {
    cf_cel_type variable, a, b;
} cf_cel_bound;

typedef struct {
    cf_cel_pool *pool;
    uint32_t steps; /* left; none is BUDGET */
    cf_cel_bound *trail;
    uint32_t trail_n, trail_cap;
} cf_cel_infer;

/** What t stands for: itself, or for a variable what it is bound to in the end; a free variable stands for itself. */
static inline cf_cel_type cf_cel_infer_value(const cf_cel_infer *f, cf_cel_type t)
{
    while (t >= CF_CEL_T_SIMPLE_END) {
        const cf_cel_composite *row = cf_cel_pool_at(f->pool, t);
        if (row->of != CF_CEL_OF_VARIABLE || row->b == 0) {
            break;
        }
        t = row->a;
    }
    return t;
}

/** True for dyn and free variables: they go with any type. t must be a value. */
static inline bool cf_cel_infer_any(const cf_cel_infer *f, cf_cel_type t)
{
    return t == CF_CEL_T_DYN || cf_cel_type_is(f->pool, t, CF_CEL_OF_VARIABLE);
}

/** A free variable. */
CF_MUST_USE cf_result cf_cel_infer_variable(cf_cel_infer *f, cf_cel_type *ret);

/** A free variable t is to be dyn; any other type stays. */
CF_MUST_USE cf_result cf_cel_infer_dyn(cf_cel_infer *f, cf_cel_type t);

/** True if a value of either type may stand where the other is expected; variables are bound as that needs. Nothing is bound when it is
 *  false. error BUDGET, NO_MEMORY */
CF_MUST_USE cf_result cf_cel_infer_fits(cf_cel_infer *f, cf_cel_type a, cf_cel_type b, bool *ret);

/** If the types fit each other, *ret is true and *io the more general of both; dyn when each is so in some part. */
CF_MUST_USE cf_result cf_cel_infer_join(cf_cel_infer *f, cf_cel_type more, cf_cel_type *io,
                                        bool *ret);

/** The result type of a call with these arguments; *ret_found false when no overload takes them, dyn when the overloads that do have
 *  different ones. error BUDGET, NO_MEMORY */
CF_MUST_USE cf_result cf_cel_infer_call(cf_cel_infer *f, const cf_cel_group *group,
                                        const cf_cel_type *args, cf_cel_type *ret, bool *ret_found);
