/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions on registers, seen from the side of one who wants to pass them. */
#include "core/policy/lint_priv.h"

#define PCR_IMAGE 0
#define PCR_KERNEL 1
#define PCR_APPLICATION 2
#define PCR_ROLE 3
#define PCR_INSTANCE 4
#define PCR_SIGNER 8
#define PCR_FREE_FIRST                                                                             \
    16 /* from here on an enclave extends registers itself, with whatever it likes */

static const char zeros[] =
    "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
    "000";
_Static_assert(sizeof zeros - 1 == 2 * CF_PCR_BYTES_SHA384, "a register of zeros in hex");

/* What a register holds in a scene. */
typedef enum {
    REG_ABSENT,
    REG_FOREIGN, /* something that is no value of the policy, and that its owner did not choose freely */
    REG_OPTIONAL, /* the same, or zero: without a role, or unsigned */
    REG_ZERO,
    REG_WANTED, /* there, and whatever suits */
    REG_FREE,   /* whatever suits, or left out, as registers are that nobody has locked */
} reg;

static reg reg_of(cf_scene scene, unsigned pcr)
{
    if (scene == CF_SCENE_NO_DOCUMENT) {
        return REG_ABSENT;
    }
    if (pcr >= PCR_FREE_FIRST) {
        return REG_FREE;
    }
    if (scene == CF_SCENE_WANTED) {
        return REG_WANTED;
    }
    if (scene == CF_SCENE_DEBUG && pcr != PCR_ROLE && pcr != PCR_INSTANCE) {
        return REG_ZERO; /* those two say what they always say */
    }
    bool parent = scene != CF_SCENE_FOREIGN;
    switch (pcr) {
    case PCR_IMAGE:
        return REG_FOREIGN;
    case PCR_KERNEL:
        return scene == CF_SCENE_KERNEL ? REG_WANTED : REG_FOREIGN;
    case PCR_APPLICATION:
        return scene == CF_SCENE_APPLICATION ? REG_WANTED : REG_FOREIGN;
    case PCR_ROLE:
        return parent ? REG_WANTED : REG_OPTIONAL;
    case PCR_INSTANCE:
        return parent ? REG_WANTED : REG_FOREIGN;
    case PCR_SIGNER:
        return scene == CF_SCENE_SIGNER ? REG_WANTED : REG_OPTIONAL;
    default:
        return REG_ZERO; /* locked at boot, and not used */
    }
}

static bool has_star(cf_view v)
{
    for (size_t i = 0; i < v.len; i++) {
        if (v.data[i] == '*') {
            return true;
        }
    }
    return false;
}

/* True if one of the values is what a register of zeros shows. */
static bool lists_zeros(const cf_condition *c)
{
    for (size_t i = 0; i < c->values.n; i++) {
        if (cf_policy_value_matches(c->op, c->values.at[i],
                                    cf_view_make(zeros, sizeof zeros - 1))) {
            return true;
        }
    }
    return false;
}

/* True if an image can be made until its register matches one of the values: literals never, patterns with a star soon. */
static bool lists_pattern(const cf_condition *c)
{
    bool patterns = c->op == CF_COND_LIKE || c->op == CF_COND_ARN;
    for (size_t i = 0; patterns && i < c->values.n; i++) {
        if (has_star(c->values.at[i])) {
            return true;
        }
    }
    return false;
}

static bool lists_text(const cf_condition *c, cf_view text)
{
    for (size_t i = 0; i < c->values.n; i++) {
        if (cf_view_eq(c->values.at[i], text)) {
            return true;
        }
    }
    return false;
}

static bool null_holds(const cf_condition *c, bool present)
{
    return lists_text(c, present ? CF_LIT("false") : CF_LIT("true"));
}

static bool absent_holds(const cf_condition *c)
{
    return c->if_exists || c->set == CF_SET_ALL || (c->set == CF_SET_NONE && c->negated);
}

/* May the condition of an Allow hold? */
static bool may_hold(const cf_condition *c, reg r)
{
    if (c->op == CF_COND_NULL) {
        return r == REG_FREE || null_holds(c, r != REG_ABSENT);
    }
    switch (r) {
    case REG_ABSENT:
        return absent_holds(c);
    case REG_WANTED:
    case REG_FREE:
        return true;
    case REG_ZERO:
        return lists_zeros(c) != c->negated;
    case REG_FOREIGN:
        return c->negated || lists_pattern(c);
    case REG_OPTIONAL:
        return c->negated || lists_pattern(c) || lists_zeros(c);
    }
    return true;
}

static bool must_hold_foreign(const cf_condition *c)
{
    bool patterns = c->op == CF_COND_LIKE || c->op == CF_COND_ARN;
    return c->negated ? !lists_pattern(c) : patterns && lists_text(c, CF_LIT("*"));
}

/* Must the condition of a Deny hold? */
static bool must_hold(const cf_condition *c, reg r)
{
    if (c->op == CF_COND_NULL) {
        return null_holds(c, r != REG_ABSENT) && (r != REG_FREE || null_holds(c, false));
    }
    switch (r) {
    case REG_ABSENT:
        return absent_holds(c);
    case REG_WANTED:
    case REG_FREE:
        return false;
    case REG_ZERO:
        return lists_zeros(c) != c->negated;
    case REG_FOREIGN:
        return must_hold_foreign(c);
    case REG_OPTIONAL:
        return must_hold_foreign(c) && lists_zeros(c) != c->negated;
    }
    return false;
}

bool cf_scene_allows(const cf_statement *s, cf_scene scene)
{
    for (size_t i = 0; i < s->conditions_n; i++) {
        const cf_condition *c = &s->conditions[i];
        if (c->key == CF_KEY_PCR && !may_hold(c, reg_of(scene, c->pcr))) {
            return false;
        }
    }
    return true;
}

bool cf_scene_denies(const cf_statement *s, cf_scene scene)
{
    if (s->unknown != NULL) {
        return false;
    }
    for (size_t i = 0; i < s->conditions_n; i++) {
        const cf_condition *c = &s->conditions[i];
        if (c->key != CF_KEY_PCR || !must_hold(c, reg_of(scene, c->pcr))) {
            return false;
        }
    }
    return true;
}
