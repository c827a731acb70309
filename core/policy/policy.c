/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/number.h"
#include "core/policy/policy_priv.h"

#define ARN_PARTS 6
#define COMPARE_STEPS                                                                              \
    8 /* of two values, beside their octets: what a round of a pattern takes is one */

/* --- cost --- */

/* False, and nothing left, once there are not as many. */
static bool spend(size_t *left, size_t steps)
{
    *left = *left > steps ? *left - steps : 0;
    return *left > 0;
}

/* --- text --- */

static uint8_t folded(uint8_t c, bool fold)
{
    return fold && c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

bool cf_policy_eq_fold(cf_view a, cf_view b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (folded(a.data[i], true) != folded(b.data[i], true)) {
            return false;
        }
    }
    return true;
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

/* Whether it matches, unless nothing is left afterwards: then that is not known. */
static bool like(cf_view pattern, cf_view text, bool fold, size_t *left)
{
    size_t p = 0, t = 0;
    size_t star = SIZE_MAX,
           resume = 0; /* the last '*', and where the text goes on if it takes one character more */
    while (t < text.len) {
        if (!spend(left, 1)) {
            return false;
        }
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

bool cf_policy_like(cf_view pattern, cf_view text, bool fold)
{
    size_t left = SIZE_MAX;
    return like(pattern, text, fold, &left);
}

cf_view cf_policy_next_part(cf_view *rest, bool last)
{
    size_t n = 0;
    while (n < rest->len && (last || rest->data[n] != ':')) {
        n++;
    }
    cf_view part = cf_view_make(rest->data, n);
    *rest = n < rest->len ? cf_view_make(rest->data + n + 1, rest->len - n - 1) : CF_VIEW_EMPTY;
    return part;
}

/* A star in one part of an ARN does not reach into the next; one by itself stands for all parts. */
static bool arn_like(cf_view pattern, cf_view arn, size_t *left)
{
    if (cf_view_eq(pattern, CF_LIT("*"))) {
        return true;
    }
    for (size_t i = 0; i < ARN_PARTS; i++) {
        bool last = i == ARN_PARTS - 1;
        if (!like(cf_policy_next_part(&pattern, last), cf_policy_next_part(&arn, last), false,
                  left)) {
            return false;
        }
    }
    return true;
}

/* --- values of a request --- */

static bool is_grant_action(cf_view action)
{
    return cf_view_eq(action, CF_LIT("kms:CreateGrant")) ||
           cf_view_eq(action, CF_LIT("kms:ListGrants")) ||
           cf_view_eq(action, CF_LIT("kms:RevokeGrant"));
}

/* The value of a key that has one at most. */
static cf_view single_value(const cf_condition *c, const cf_policy_request *q)
{
    switch (c->key) {
    case CF_KEY_PCR:
        return q->pcrs[c->pcr];
    case CF_KEY_CALLER_ACCOUNT:
    case CF_KEY_PRINCIPAL_ACCOUNT:
        return q->account;
    case CF_KEY_PRINCIPAL_ARN: /* of a session the role's */
        return q->caller_role.len > 0 ? q->caller_role : q->caller;
    case CF_KEY_GRANT_FOR_AWS: /* no other service asks for grants here */
        return is_grant_action(q->action) ? CF_LIT("false") : CF_VIEW_EMPTY;
    case CF_KEY_ORIGIN:
        return q->key_origin;
    case CF_KEY_SPEC:
        return q->key_spec;
    case CF_KEY_USAGE:
        return q->key_usage;
    case CF_KEY_REQUEST_ALIAS:
        return q->request_alias;
    case CF_KEY_PARAMETER:
        return q->parameters[c->parameter];
    case CF_KEY_CONTEXT:
    case CF_KEY_CONTEXT_KEYS:
    case CF_KEY_GRANT_OPERATIONS:
    case CF_KEY_RESOURCE_ALIASES:
    case CF_KEY_COUNT:
        break;
    }
    return CF_VIEW_EMPTY;
}

/* What a request holds for a condition's key. */
typedef struct {
    const cf_condition *condition;
    const cf_policy_request *request;
    cf_view one; /* unless there may be several */
    size_t n;
} values;

static values values_of(const cf_condition *c, const cf_policy_request *q)
{
    values v = {c, q, CF_VIEW_EMPTY, 0};
    switch (c->key) {
    case CF_KEY_CONTEXT:
        for (size_t i = 0; i < q->context_n; i++) {
            if (cf_policy_eq_fold(q->context[i].name, c->name)) {
                v.one = q->context[i].value;
                v.n++;
            }
        }
        break;
    case CF_KEY_CONTEXT_KEYS:
        v.n = q->context_n;
        break;
    case CF_KEY_GRANT_OPERATIONS:
        v.n = q->grant_operations_n;
        break;
    case CF_KEY_RESOURCE_ALIASES:
        v.n = q->aliases_n;
        break;
    case CF_KEY_PCR:
    case CF_KEY_CALLER_ACCOUNT:
    case CF_KEY_GRANT_FOR_AWS:
    case CF_KEY_ORIGIN:
    case CF_KEY_SPEC:
    case CF_KEY_USAGE:
    case CF_KEY_PARAMETER:
    case CF_KEY_PRINCIPAL_ACCOUNT:
    case CF_KEY_PRINCIPAL_ARN:
    case CF_KEY_REQUEST_ALIAS:
    case CF_KEY_COUNT:
        v.one = single_value(c, q);
        v.n = v.one.len > 0;
        break;
    }
    return v;
}

static cf_view value_at(const values *v, size_t i)
{
    cf_cond_key key = v->condition->key;
    return key == CF_KEY_CONTEXT_KEYS       ? v->request->context[i].name
           : key == CF_KEY_GRANT_OPERATIONS ? v->request->grant_operations[i]
           : key == CF_KEY_RESOURCE_ALIASES ? v->request->aliases[i]
                                            : v->one;
}

/* --- conditions --- */

/* Both are decimal numbers: the parser and the request see to it. */
static bool number_matches(cf_cond_op op, cf_view wanted, cf_view value)
{
    double w, v;
    if (!cf_is_ok(cf_double_parse(wanted, &w)) || !cf_is_ok(cf_double_parse(value, &v))) {
        return false;
    }
    bool less = v < w;
    bool same = !less && !(w < v);
    return op == CF_COND_LESS             ? less
           : op == CF_COND_LESS_EQUALS    ? less || same
           : op == CF_COND_GREATER        ? !less && !same
           : op == CF_COND_GREATER_EQUALS ? !less
                                          : same;
}

static bool value_matches(cf_cond_op op, cf_view wanted, cf_view value, size_t *left)
{
    bool same_len = wanted.len == value.len;
    if (!spend(left, COMPARE_STEPS + (same_len ? value.len : 0))) {
        return false;
    }
    switch (op) {
    case CF_COND_EQUALS:
        return cf_view_eq(wanted, value);
    case CF_COND_EQUALS_FOLD:
    case CF_COND_BOOL:
        return cf_policy_eq_fold(wanted, value);
    case CF_COND_LIKE:
        return like(wanted, value, false, left);
    case CF_COND_ARN:
        return arn_like(wanted, value, left);
    case CF_COND_NUMBER_EQUALS:
    case CF_COND_LESS:
    case CF_COND_LESS_EQUALS:
    case CF_COND_GREATER:
    case CF_COND_GREATER_EQUALS:
        return number_matches(op, wanted, value);
    case CF_COND_NULL:
    case CF_COND_COUNT:
        break;
    }
    return false;
}

bool cf_policy_value_matches(cf_cond_op op, cf_view wanted, cf_view value)
{
    size_t left = SIZE_MAX;
    return value_matches(op, wanted, value, &left);
}

/* What a condition says of a request. UNCLEAR never lets anyone in: see applies(). */
typedef enum { COND_FALSE, COND_TRUE, COND_UNCLEAR } verdict;

static verdict verdict_of(bool holds)
{
    return holds ? COND_TRUE : COND_FALSE;
}

static bool holds_for(const cf_condition *c, cf_view value, size_t *left)
{
    for (size_t i = 0; *left > 0 && i < c->values.n; i++) {
        if (value_matches(c->op, c->values.at[i], value, left)) {
            return !c->negated;
        }
    }
    return c->negated;
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

/* Of a key that the request does not have. */
static bool holds_absent(const cf_condition *c)
{
    if (c->if_exists || c->set == CF_SET_ALL) {
        return true;
    }
    return c->set == CF_SET_NONE && c->negated;
}

static verdict judge(const cf_condition *c, const cf_policy_request *q, size_t *left)
{
    values v = values_of(c, q);
    (void)spend(left, COMPARE_STEPS + (c->key == CF_KEY_CONTEXT ? q->context_n : 0));
    if (c->key == CF_KEY_CONTEXT && v.n > 1) {
        return COND_UNCLEAR;
    }
    if (c->op == CF_COND_NULL) {
        return verdict_of(null_holds(c, v.n > 0));
    }
    if (v.n == 0) {
        return verdict_of(holds_absent(c));
    }
    size_t holding = 0;
    for (size_t i = 0; *left > 0 && i < v.n; i++) {
        holding += holds_for(c, value_at(&v, i), left);
    }
    return verdict_of(c->set == CF_SET_ALL ? holding == v.n : holding > 0);
}

/* --- statements --- */

static bool lists(const cf_policy_list *l, cf_view name)
{
    for (size_t i = 0; i < l->n; i++) {
        bool same = name.len > 0 && cf_view_eq(l->at[i], name);
        if (same || cf_view_eq(l->at[i], CF_LIT("*"))) {
            return true;
        }
    }
    return false;
}

static bool lists_account(const cf_policy_list *l, const cf_policy_request *q)
{
    return lists(l, q->account) || lists(l, q->account_root);
}

/* NotPrincipal takes a caller out of a Deny only if every name that the caller goes by is listed, the account's too; out of an
 * Allow if any is. Either way what is in doubt stays shut. */
static bool is_principal(const cf_statement *s, const cf_policy_request *q)
{
    const cf_policy_list *l = &s->principals;
    if (s->not_principals && s->deny) {
        bool role = q->caller_role.len == 0 || lists(l, q->caller_role);
        return !(lists(l, q->caller) && role && lists_account(l, q));
    }
    bool listed = lists(l, q->caller) || lists(l, q->caller_role) || lists_account(l, q);
    return listed != s->not_principals;
}

static bool covers(const cf_statement *s, cf_view action, size_t *left)
{
    bool listed = false;
    for (size_t i = 0; !listed && i < s->actions.n; i++) {
        listed = like(s->actions.at[i], action, true, left);
    }
    return s->has_action && s->has_resource && listed != s->not_actions;
}

bool cf_policy_covers(const cf_statement *s, cf_view action)
{
    size_t left = SIZE_MAX;
    return covers(s, action, &left);
}

/* What is unclear counts for a Deny and against an Allow. With nothing left the answer means nothing. */
static bool applies(const cf_statement *s, const cf_policy_request *q, size_t *left)
{
    if (!covers(s, q->action, left) || !is_principal(s, q)) {
        return false;
    }
    if (s->unknown != NULL && !s->deny) {
        return false;
    }
    for (size_t i = 0; *left > 0 && i < s->conditions_n; i++) {
        verdict v = judge(&s->conditions[i], q, left);
        if (v == COND_FALSE || (v == COND_UNCLEAR && !s->deny)) {
            return false;
        }
    }
    return true;
}

cf_policy_decision cf_policy_decide(const cf_policy *p, const cf_policy_request *q)
{
    cf_policy_decision decision = CF_POLICY_NO_ALLOW;
    size_t left = CF_POLICY_STEPS_MAX;
    for (size_t i = 0; i < p->statements_n; i++) {
        bool applied = applies(&p->statements[i], q, &left);
        if (left == 0) {
            return CF_POLICY_TOO_COSTLY;
        }
        if (!applied) {
            continue;
        }
        if (p->statements[i].deny) {
            return CF_POLICY_DENIED;
        }
        decision = CF_POLICY_ALLOWED;
    }
    return decision;
}

size_t cf_policy_bytes(const cf_policy *p)
{
    return sizeof *p + p->room_bytes;
}

void cf_policy_free(cf_policy **p)
{
    if (*p != NULL) {
        cf_arena_free(&(*p)->arena);
        cf_mem_free(*p);
        *p = NULL;
    }
}
