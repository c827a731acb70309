/* SPDX-License-Identifier: Apache-2.0 */
#include "core/policy/policy_priv.h"

static uint8_t folded(uint8_t c, bool fold)
{
    return fold && c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static bool equal(cf_view a, cf_view b, bool fold)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (folded(a.data[i], fold) != folded(b.data[i], fold)) {
            return false;
        }
    }
    return true;
}

bool cf_policy_eq_fold(cf_view a, cf_view b)
{
    return equal(a, b, true);
}

/* Octets of the UTF-8 character at off. */
static size_t char_bytes(cf_view v, size_t off)
{
    size_t n = 1;
    while (off + n < v.len && (v.data[off + n] & 0xC0) == 0x80) {
        n++;
    }
    return n;
}

bool cf_policy_like(cf_view pattern, cf_view text, bool fold)
{
    size_t p = 0, t = 0;
    size_t star = SIZE_MAX,
           resume = 0; /* the last '*', and where the text goes on if it takes one character more */
    while (t < text.len) {
        if (p < pattern.len && pattern.data[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.len && pattern.data[p] == '?') {
            p++;
            t += char_bytes(text, t);
        } else if (p < pattern.len && folded(pattern.data[p], fold) == folded(text.data[t], fold)) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            /* Only the last star can still stretch: what stood before it has matched as early as it could. */
            resume += char_bytes(text, resume);
            p = star + 1;
            t = resume;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.data[p] == '*') {
        p++;
    }
    return p == pattern.len;
}

/* What a condition says of a request. UNCLEAR never lets anyone in: see applies(). */
typedef enum { COND_FALSE, COND_TRUE, COND_UNCLEAR } verdict;

static verdict verdict_of(bool holds)
{
    return holds ? COND_TRUE : COND_FALSE;
}

/* The request's value for a condition's key. */
typedef struct {
    bool present, ambiguous;
    cf_view value;
} key_value;

static key_value look_up(const cf_condition *c, const cf_policy_request *q)
{
    key_value found = {false, false, CF_VIEW_EMPTY};
    if (c->is_pcr) {
        found.value = q->pcrs[c->pcr];
        found.present = found.value.len > 0;
        return found;
    }
    for (size_t i = 0; i < q->context_n; i++) {
        if (cf_policy_eq_fold(q->context[i].name, c->name)) {
            found.ambiguous = found.present;
            found.present = true;
            found.value = q->context[i].value;
        }
    }
    return found;
}

static bool value_matches(cf_cond_op op, cf_view wanted, cf_view value)
{
    switch (op) {
    case CF_COND_EQUALS:
    case CF_COND_NOT_EQUALS:
        return cf_view_eq(wanted, value);
    case CF_COND_EQUALS_FOLD:
    case CF_COND_NOT_EQUALS_FOLD:
    case CF_COND_BOOL:
        return cf_policy_eq_fold(wanted, value);
    case CF_COND_LIKE:
    case CF_COND_NOT_LIKE:
        return cf_policy_like(wanted, value, false);
    case CF_COND_NULL:
    case CF_COND_COUNT:
        break;
    }
    return false;
}

static bool any_matches(const cf_condition *c, cf_view value)
{
    for (size_t i = 0; i < c->values.n; i++) {
        if (value_matches(c->op, c->values.at[i], value)) {
            return true;
        }
    }
    return false;
}

/* Null: "true" holds for an absent key, "false" for a present one. */
static bool null_holds(const cf_condition *c, bool present)
{
    for (size_t i = 0; i < c->values.n; i++) {
        if (cf_view_eq(c->values.at[i], CF_LIT("true")) != present) {
            return true;
        }
    }
    return false;
}

static verdict judge(const cf_condition *c, const cf_policy_request *q)
{
    key_value v = look_up(c, q);
    if (v.ambiguous) {
        return COND_UNCLEAR;
    }
    switch (c->op) {
    case CF_COND_EQUALS:
    case CF_COND_EQUALS_FOLD:
    case CF_COND_LIKE:
    case CF_COND_BOOL:
        return verdict_of(v.present && any_matches(c, v.value));
    case CF_COND_NOT_EQUALS:
    case CF_COND_NOT_EQUALS_FOLD:
    case CF_COND_NOT_LIKE:
        return verdict_of(!v.present || !any_matches(c, v.value));
    case CF_COND_NULL:
        return verdict_of(null_holds(c, v.present));
    case CF_COND_COUNT:
        break;
    }
    return COND_UNCLEAR;
}

static bool is_principal(const cf_policy_list *principals, const cf_policy_request *q)
{
    for (size_t i = 0; i < principals->n; i++) {
        cf_view p = principals->at[i];
        if (cf_view_eq(p, CF_LIT("*")) || cf_view_eq(p, q->caller) || cf_view_eq(p, q->account) ||
            cf_view_eq(p, q->account_root)) {
            return true;
        }
    }
    return false;
}

static bool is_action(const cf_policy_list *actions, cf_view action)
{
    for (size_t i = 0; i < actions->n; i++) {
        if (cf_policy_like(actions->at[i], action, true)) {
            return true;
        }
    }
    return false;
}

/* What is unclear counts for a Deny and against an Allow. */
static bool applies(const cf_statement *s, const cf_policy_request *q)
{
    if (!s->has_action || !s->has_resource || !is_principal(&s->principals, q) ||
        !is_action(&s->actions, q->action)) {
        return false;
    }
    for (size_t i = 0; i < s->conditions_n; i++) {
        verdict v = judge(&s->conditions[i], q);
        if (v == COND_FALSE || (v == COND_UNCLEAR && !s->deny)) {
            return false;
        }
    }
    return true;
}

cf_policy_decision cf_policy_decide(const cf_policy *p, const cf_policy_request *q)
{
    cf_policy_decision decision = CF_POLICY_NO_ALLOW;
    for (size_t i = 0; i < p->statements_n; i++) {
        if (!applies(&p->statements[i], q)) {
            continue;
        }
        if (p->statements[i].deny) {
            return CF_POLICY_DENIED;
        }
        decision = CF_POLICY_ALLOWED;
    }
    return decision;
}

void cf_policy_free(cf_policy **p)
{
    if (*p != NULL) {
        cf_arena_free(&(*p)->arena);
        cf_mem_free(*p);
        *p = NULL;
    }
}
