/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/policy/lint_priv.h"

#define WRITERS_MAX 2 /* named principals that may set the policy */

static const struct {
    const char *code, *text;
    cf_lint_severity severity;
} lints[] = {
#define ROW(sym, code, severity, text) [CF_LINT_##sym] = {code, text, CF_LINT_##severity},
    CF_POLICY_LINTS(ROW)
#undef ROW
};

const char *cf_lint_code(cf_lint l)
{
    return lints[l].code;
}

const char *cf_lint_text(cf_lint l)
{
    return lints[l].text;
}

cf_lint_severity cf_lint_severity_of(cf_lint l)
{
    return lints[l].severity;
}

const char *cf_lint_severity_name(cf_lint_severity s)
{
    return s == CF_LINT_ERROR ? "error" : s == CF_LINT_WARNING ? "warning" : "note";
}

/* One run: where findings go, and what is being looked at. */
typedef struct {
    const cf_policy *policy;
    cf_policy_found *found;
    void *ctx;
    const cf_statement *s;
    size_t number; /* of s, from 1 */
    cf_buf about[CF_LINT_COUNT];
    bool is_found[CF_LINT_COUNT]; /* in s */
} linter;

static void linter_clear(linter *l)
{
    for (size_t i = 0; i < CF_LINT_COUNT; i++) {
        cf_buf_free(&l->about[i]);
        l->is_found[i] = false;
    }
}

/* Notes a finding of the statement once, with all that it is about. */
static cf_result note(linter *l, cf_lint lint, cf_view about)
{
    l->is_found[lint] = true;
    if (about.len == 0 || l->about[lint].len > CF_POLICY_ECHO_BYTES_MAX) {
        return cf_ok();
    }
    CF_TRY(cf_buf_append(&l->about[lint], l->about[lint].len > 0 ? CF_LIT(", ") : CF_VIEW_EMPTY));
    size_t n = about.len < CF_POLICY_ECHO_BYTES_MAX ? about.len : CF_POLICY_ECHO_BYTES_MAX;
    for (size_t i = 0; i < n; i++) {
        bool printable = about.data[i] >= ' ' && about.data[i] < 0x7F;
        CF_TRY(cf_buf_append(&l->about[lint],
                             printable ? cf_view_make(about.data + i, 1) : CF_LIT("?")));
    }
    return cf_ok();
}

static cf_result tell_unknown(linter *l)
{
    const cf_policy_unknown *u = l->s != NULL ? l->s->unknown : NULL;
    for (; u != NULL; u = u->next) {
        cf_policy_finding f = {.lint = CF_LINT_NOT_UNDERSTOOD,
                               .statement = l->number,
                               .sid = l->s->sid,
                               .about = u->text};
        CF_TRY(l->found(l->ctx, &f));
    }
    return cf_ok();
}

static cf_result tell_all(linter *l)
{
    for (unsigned i = 0; i < CF_LINT_COUNT; i++) {
        CF_TRY(i == CF_LINT_NOT_UNDERSTOOD ? tell_unknown(l) : cf_ok());
        if (l->is_found[i]) {
            cf_policy_finding f = {.lint = (cf_lint)i,
                                   .statement = l->number,
                                   .sid = l->s != NULL ? l->s->sid : CF_VIEW_EMPTY,
                                   .about = cf_buf_view(&l->about[i])};
            CF_TRY(l->found(l->ctx, &f));
        }
    }
    linter_clear(l);
    return cf_ok();
}

/* --- who --- */

static bool has_principal(const cf_statement *s, cf_view principal)
{
    for (size_t i = 0; i < s->principals.n; i++) {
        if (cf_view_eq(s->principals.at[i], principal)) {
            return true;
        }
    }
    return false;
}

static bool is_for_all(const cf_statement *s)
{
    return !s->not_principals && has_principal(s, CF_LIT("*"));
}

static bool is_for_account(const cf_statement *s)
{
    for (size_t i = 0; !s->not_principals && i < s->principals.n; i++) {
        if (cf_principal_is_account(s->principals.at[i])) {
            return true;
        }
    }
    return false;
}

/* True if the statement names the principal, or what includes it. */
static bool is_about(const cf_statement *s, cf_view principal)
{
    for (size_t i = 0; !s->not_principals && i < s->principals.n; i++) {
        if (cf_principal_includes(s->principals.at[i], principal)) {
            return true;
        }
    }
    return false;
}

/* True if the Deny is about everyone whom the Allow is about. */
static bool denies_same(const cf_statement *deny, const cf_statement *allow)
{
    bool all = !allow->not_principals;
    for (size_t i = 0; all && i < allow->principals.n; i++) {
        all = is_about(deny, allow->principals.at[i]);
    }
    return all || is_for_all(deny);
}

/* Nobody is among the principals, as when only services are. */
static bool is_for_nobody(const cf_statement *s)
{
    return !s->not_principals && s->principals.n == 0;
}

/* --- what is allowed --- */

/* True if s lets who do it in the scene (empty: someone), and no Deny keeps them from it. */
static bool passes_for(const linter *l, const cf_statement *s, cf_view who, const char *action,
                       cf_scene scene)
{
    cf_view name = cf_view_str(action);
    if (s->deny || is_for_nobody(s) || !cf_policy_covers(s, name) || !cf_scene_allows(s, scene)) {
        return false;
    }
    for (size_t i = 0; i < l->policy->statements_n; i++) {
        const cf_statement *d = &l->policy->statements[i];
        if (d->deny && cf_policy_covers(d, name) && cf_scene_denies(d, scene) &&
            (denies_same(d, s) || (who.len > 0 && is_about(d, who)))) {
            return false;
        }
    }
    return true;
}

static bool passes(const linter *l, const cf_statement *s, const char *action, cf_scene scene)
{
    return passes_for(l, s, CF_VIEW_EMPTY, action, scene);
}

/* A condition that is met only if one of its values is the request's. */
static bool is_positive(const cf_condition *c)
{
    return !c->negated && !c->if_exists && c->set != CF_SET_ALL && c->op != CF_COND_NULL;
}

static bool is_only(const cf_condition *c, const char *text)
{
    return c->values.n == 1 && cf_view_eq(c->values.at[0], cf_view_str(text));
}

/* True if only services may use the statement, on a caller's behalf. */
static bool is_for_services(const cf_statement *s)
{
    for (size_t i = 0; i < s->conditions_n; i++) {
        const cf_condition *c = &s->conditions[i];
        if (c->key == CF_KEY_GRANT_FOR_AWS && is_positive(c) && is_only(c, "true")) {
            return true;
        }
    }
    return false;
}

/* True if a grant with one of the operations that the condition lists leads to plaintext, or to other grants. */
static bool lists_way_in(const cf_condition *c)
{
    for (size_t k = 0; k < cf_policy_actions_n; k++) {
        const cf_policy_action *a = &cf_policy_actions[k];
        bool way_in =
            a->kind == CF_ACTION_OPENS || a->kind == CF_ACTION_MOVES || a->kind == CF_ACTION_GRANT;
        cf_view name = cf_view_str(a->name + strlen("kms:"));
        for (size_t i = 0; way_in && i < c->values.n; i++) {
            if (cf_policy_value_matches(c->op, c->values.at[i], name)) {
                return true;
            }
        }
    }
    return false;
}

/* True if the grants that the statement allows are for nothing but operations which keep plaintext in. */
static bool is_for_harmless(const cf_statement *s)
{
    for (size_t i = 0; i < s->conditions_n; i++) {
        const cf_condition *c = &s->conditions[i];
        if (c->key == CF_KEY_GRANT_OPERATIONS && c->set == CF_SET_ALL && !c->negated &&
            !lists_way_in(c)) {
            return true;
        }
    }
    return false;
}

/* True if the statement asks for an encryption context, whichever. */
static bool asks_for_context(const cf_statement *s)
{
    for (size_t i = 0; i < s->conditions_n; i++) {
        const cf_condition *c = &s->conditions[i];
        bool context = c->key == CF_KEY_CONTEXT || c->key == CF_KEY_CONTEXT_KEYS;
        if (context && (is_positive(c) || (c->op == CF_COND_NULL && is_only(c, "false")))) {
            return true;
        }
    }
    return false;
}

/* True if the condition leaves strangers in: one of its patterns matches an account, or an ARN, that is nobody's. */
static bool is_wide(const cf_condition *c)
{
    bool patterns = c->op == CF_COND_LIKE || c->op == CF_COND_ARN;
    cf_view stranger = c->key == CF_KEY_PRINCIPAL_ARN ? CF_LIT("arn:aws:iam::strangers:role/x")
                                                      : CF_LIT("strangers");
    for (size_t i = 0; patterns && i < c->values.n; i++) {
        if (cf_policy_value_matches(c->op, c->values.at[i], stranger)) {
            return true;
        }
    }
    return false;
}

/* True if a condition says whom "*" means. */
static bool narrows_principals(const cf_statement *s)
{
    for (size_t i = 0; i < s->conditions_n; i++) {
        const cf_condition *c = &s->conditions[i];
        bool caller = c->key == CF_KEY_CALLER_ACCOUNT || c->key == CF_KEY_PRINCIPAL_ACCOUNT ||
                      c->key == CF_KEY_PRINCIPAL_ARN;
        if (caller && is_positive(c) && !is_wide(c)) {
            return true;
        }
    }
    return false;
}

/* --- one statement --- */

static const struct {
    cf_scene scene;
    cf_lint lint;
} scenes[] = {
    /* the first that passes says it all */
    {CF_SCENE_FOREIGN, CF_LINT_ANY_ENCLAVE},
    {CF_SCENE_PARENT, CF_LINT_PCR_PARENT_ONLY},
    {CF_SCENE_KERNEL, CF_LINT_PCR_KERNEL_ONLY},
    {CF_SCENE_APPLICATION, CF_LINT_PCR_APPLICATION_ONLY},
    {CF_SCENE_SIGNER, CF_LINT_PCR_SIGNER_ONLY},
};

static cf_result lint_unattested(linter *l, const cf_policy_action *a)
{
    cf_lint lint = a->kind == CF_ACTION_MAKES ? CF_LINT_UNATTESTED_DATA_KEY
                   : is_for_account(l->s)     ? CF_LINT_ROOT_STATEMENT
                                              : CF_LINT_UNATTESTED;
    return note(l, lint, cf_view_str(a->name));
}

/* Of an action that takes a Recipient: with what may it be had? */
static cf_result lint_attested(linter *l, const cf_policy_action *a)
{
    if (passes(l, l->s, a->name, CF_SCENE_NO_DOCUMENT)) {
        return lint_unattested(l, a);
    }
    for (size_t i = 0; i < sizeof scenes / sizeof scenes[0]; i++) {
        bool said = scenes[i].lint == CF_LINT_ANY_ENCLAVE && l->is_found[CF_LINT_PCR_WILDCARD];
        if (passes(l, l->s, a->name, scenes[i].scene)) {
            CF_TRY(said ? cf_ok() : note(l, scenes[i].lint, cf_view_str(a->name)));
            break;
        }
    }
    if (!passes(l, l->s, a->name, CF_SCENE_FOREIGN) && passes(l, l->s, a->name, CF_SCENE_DEBUG)) {
        CF_TRY(note(l, CF_LINT_DEBUG_PCRS, cf_view_str(a->name)));
    }
    /* by anyone at all? */
    bool held = passes(l, l->s, a->name, CF_SCENE_WANTED);
    return held && a->kind == CF_ACTION_OPENS && !asks_for_context(l->s)
               ? note(l, CF_LINT_NO_CONTEXT, cf_view_str(a->name))
               : cf_ok();
}

static cf_result lint_action(linter *l, const cf_policy_action *a)
{
    switch (a->kind) {
    case CF_ACTION_OPENS:
    case CF_ACTION_MAKES:
        return lint_attested(l, a);
    case CF_ACTION_MOVES:
        return passes(l, l->s, a->name, CF_SCENE_NO_DOCUMENT)
                   ? note(l, CF_LINT_REENCRYPT, CF_VIEW_EMPTY)
                   : cf_ok();
    case CF_ACTION_GRANT:
        return passes(l, l->s, a->name, CF_SCENE_NO_DOCUMENT) && !is_for_services(l->s) &&
                       !is_for_harmless(l->s)
                   ? note(l, CF_LINT_GRANT_BYPASS, CF_VIEW_EMPTY)
                   : cf_ok();
    case CF_ACTION_REPLICATES:
        return passes(l, l->s, a->name, CF_SCENE_NO_DOCUMENT)
                   ? note(l, CF_LINT_REPLICATE, CF_VIEW_EMPTY)
                   : cf_ok();
    case CF_ACTION_POLICY:
        return passes(l, l->s, a->name, CF_SCENE_NO_DOCUMENT) &&
                       (is_for_all(l->s) || is_for_account(l->s) || l->s->not_principals)
                   ? note(l, CF_LINT_POLICY_WRITERS, CF_VIEW_EMPTY)
                   : cf_ok();
    case CF_ACTION_OTHER:
        break;
    }
    return cf_ok();
}

static bool is_hex96(cf_view v, bool any_case)
{
    bool hex = v.len == 2 * CF_PCR_BYTES_SHA384;
    for (size_t i = 0; hex && i < v.len; i++) {
        uint8_t c = v.data[i];
        hex =
            (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (any_case && c >= 'A' && c <= 'F');
    }
    return hex;
}

static bool has_wildcard(cf_view v)
{
    for (size_t i = 0; i < v.len; i++) {
        if (v.data[i] == '*' || v.data[i] == '?') {
            return true;
        }
    }
    return false;
}

/* The values that a condition on a register compares with. */
static cf_result lint_values(linter *l, const cf_condition *c)
{
    bool patterns = c->op == CF_COND_LIKE || c->op == CF_COND_ARN;
    for (size_t i = 0; c->op != CF_COND_NULL && i < c->values.n; i++) {
        cf_view v = c->values.at[i];
        if (patterns && has_wildcard(v)) {
            CF_TRY(l->s->deny ? cf_ok() : note(l, CF_LINT_PCR_WILDCARD, v));
        } else if (!is_hex96(v, c->op == CF_COND_EQUALS_FOLD)) {
            CF_TRY(note(l, CF_LINT_PCR_VALUE, v));
        }
    }
    return cf_ok();
}

/* A pattern, or a name, that is no action. */
static cf_result lint_names(linter *l)
{
    for (size_t i = 0; i < l->s->actions.n; i++) {
        bool known = false;
        for (size_t k = 0; !known && k < cf_policy_actions_n; k++) {
            known =
                cf_policy_like(l->s->actions.at[i], cf_view_str(cf_policy_actions[k].name), true);
        }
        if (!known) {
            CF_TRY(note(l, CF_LINT_UNKNOWN_ACTION, l->s->actions.at[i]));
        }
    }
    return cf_ok();
}

static cf_result lint_statement(linter *l)
{
    if (!l->s->has_action || !l->s->has_resource) {
        CF_TRY(note(l, CF_LINT_NO_EFFECT, CF_VIEW_EMPTY));
    }
    CF_TRY(lint_names(l));
    for (size_t i = 0; i < l->s->conditions_n; i++) {
        if (l->s->conditions[i].key == CF_KEY_PCR) {
            CF_TRY(lint_values(l, &l->s->conditions[i]));
        }
    }
    if (l->s->deny) {
        return cf_ok();
    }
    if (l->s->not_principals) {
        CF_TRY(note(l, CF_LINT_NOT_PRINCIPAL_ALLOW, CF_VIEW_EMPTY));
    }
    if (l->s->not_actions) {
        CF_TRY(note(l, CF_LINT_NOT_ACTION_ALLOW, CF_VIEW_EMPTY));
    }
    if (is_for_all(l->s) && !narrows_principals(l->s)) {
        CF_TRY(note(l, CF_LINT_WILDCARD_PRINCIPAL, CF_VIEW_EMPTY));
    }
    for (size_t i = 0; i < cf_policy_actions_n; i++) {
        CF_TRY(lint_action(l, &cf_policy_actions[i]));
    }
    return cf_ok();
}

/* --- the whole --- */

#define PUT_POLICY "kms:PutKeyPolicy"

static bool sets_policy(const linter *l, const cf_statement *s, cf_view who)
{
    return passes_for(l, s, who, PUT_POLICY, CF_SCENE_NO_DOCUMENT);
}

/* True if somebody whom s is for may go by the principal's name. */
static bool may_be_for(const cf_statement *s, cf_view principal)
{
    for (size_t i = 0; !s->not_principals && i < s->principals.n; i++) {
        if (cf_principal_meets(s->principals.at[i], principal)) {
            return true;
        }
    }
    return s->not_principals && !has_principal(s, principal);
}

/* True if the principal may open with some document, in whichever statement. */
static bool may_open(const linter *l, cf_view principal)
{
    for (size_t i = 0; i < l->policy->statements_n; i++) {
        const cf_statement *s = &l->policy->statements[i];
        bool concerned = !s->deny && may_be_for(s, principal);
        for (size_t k = 0; concerned && k < cf_policy_actions_n; k++) {
            if (cf_policy_actions[k].kind == CF_ACTION_OPENS &&
                passes_for(l, s, principal, cf_policy_actions[k].name, CF_SCENE_WANTED)) {
                return true;
            }
        }
    }
    return false;
}

/* True if an earlier statement has counted the principal. */
static bool counted(const linter *l, size_t statement, size_t place)
{
    const cf_statement *s = &l->policy->statements[statement];
    cf_view principal = s->principals.at[place];
    for (size_t i = 0; i < statement; i++) {
        const cf_statement *earlier = &l->policy->statements[i];
        if (!earlier->not_principals && has_principal(earlier, principal) &&
            sets_policy(l, earlier, principal)) {
            return true;
        }
    }
    for (size_t k = 0; k < place; k++) {
        if (cf_view_eq(s->principals.at[k], principal)) {
            return true;
        }
    }
    return false;
}

static cf_result lint_writers(linter *l)
{
    size_t named = 0;
    bool any = false;
    for (size_t i = 0; i < l->policy->statements_n; i++) {
        const cf_statement *s = &l->policy->statements[i];
        if (!sets_policy(l, s, CF_VIEW_EMPTY)) {
            continue;
        }
        any = true;
        for (size_t k = 0; !s->not_principals && k < s->principals.n; k++) {
            cf_view principal = s->principals.at[k];
            if (cf_view_eq(principal, CF_LIT("*")) || cf_principal_is_account(principal) ||
                counted(l, i, k) || !sets_policy(l, s, principal)) {
                continue;
            }
            named++;
            if (may_open(l, principal)) {
                CF_TRY(note(l, CF_LINT_POLICY_WRITER_DECRYPTS, principal));
            }
        }
    }
    if (named > WRITERS_MAX) {
        CF_TRY(note(l, CF_LINT_POLICY_WRITERS, CF_VIEW_EMPTY));
    }
    return any ? cf_ok() : note(l, CF_LINT_IMMUTABLE, CF_VIEW_EMPTY);
}

CF_MUST_USE cf_result cf_policy_lint(const cf_policy *p, cf_policy_found *found, void *ctx)
{
    CF_AUTO(linter_clear) linter l = {.policy = p, .found = found, .ctx = ctx};
    for (size_t i = 0; i < p->statements_n; i++) {
        l.s = &p->statements[i];
        l.number = i + 1;
        CF_TRY(lint_statement(&l));
        CF_TRY(tell_all(&l));
    }
    l.s = NULL;
    l.number = 0;
    CF_TRY(lint_writers(&l));
    return tell_all(&l);
}
