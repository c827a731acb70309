/* SPDX-License-Identifier: Apache-2.0 */
#include "core/policy/make.h"

#include "core/base/number.h"
#include "core/codec/json.h"

/* --- JSON with one member or element on a line --- */

typedef struct {
    cf_buf *out;
    unsigned depth;
    bool first; /* of the object or list that is open */
    cf_err err;
} pen;

static void put(pen *p, cf_view v)
{
    if (p->err == CF_OK) {
        p->err = cf_buf_append(p->out, v).code;
    }
}

static void put_str(pen *p, cf_view v)
{
    if (p->err == CF_OK) {
        p->err = cf_json_put_string(p->out, v).code;
    }
}

/* A new line for the next member or element. */
static void next(pen *p)
{
    put(p, p->first ? CF_LIT("\n") : CF_LIT(",\n"));
    p->first = false;
    for (unsigned i = 0; i < p->depth; i++) {
        put(p, CF_LIT("  "));
    }
}

static void name(pen *p, cf_view v)
{
    next(p);
    put_str(p, v);
    put(p, CF_LIT(": "));
}

static void enter(pen *p, cf_view bracket)
{
    put(p, bracket);
    p->depth++;
    p->first = true;
}

static void leave(pen *p, cf_view bracket)
{
    p->depth--;
    p->first = true; /* no comma before a bracket */
    next(p);
    put(p, bracket);
    p->first = false;
}

static void member(pen *p, const char *of, cf_view value)
{
    name(p, cf_view_str(of));
    put_str(p, value);
}

/* One text by itself, several as a list. */
static void texts(pen *p, const cf_view *v, size_t n)
{
    if (n == 1) {
        put_str(p, v[0]);
        return;
    }
    enter(p, CF_LIT("["));
    for (size_t i = 0; i < n; i++) {
        next(p);
        put_str(p, v[i]);
    }
    leave(p, CF_LIT("]"));
}

/* --- statements --- */

static void begin(pen *p, cf_view sid, const char *effect)
{
    next(p);
    enter(p, CF_LIT("{"));
    member(p, "Sid", sid);
    member(p, "Effect", cf_view_str(effect));
}

static void principals(pen *p, const cf_view *v, size_t n)
{
    name(p, CF_LIT("Principal"));
    enter(p, CF_LIT("{"));
    name(p, CF_LIT("AWS"));
    texts(p, v, n);
    leave(p, CF_LIT("}"));
}

static void everyone(pen *p)
{
    static const cf_view all[] = {CF_LIT_INIT("*")};
    principals(p, all, 1);
}

/* actions ends with NULL. */
static void actions(pen *p, const char *const *list)
{
    name(p, CF_LIT("Action"));
    enter(p, CF_LIT("["));
    for (size_t i = 0; list[i] != NULL; i++) {
        next(p);
        put_str(p, cf_view_str(list[i]));
    }
    leave(p, CF_LIT("]"));
    member(p, "Resource", CF_LIT("*"));
}

static bool has_value(const cf_policy_plan *plan, unsigned pcr)
{
    for (size_t i = 0; i < plan->values_n; i++) {
        if (plan->values[i].pcr == pcr) {
            return true;
        }
    }
    return false;
}

/* "kms:RecipientAttestation:PCR0": [ ... ] */
static void pcr_member(pen *p, const cf_policy_plan *plan, unsigned pcr)
{
    CF_BUF(key);
    cf_view values[CF_POLICY_VALUES_MAX];
    size_t n = 0;
    for (size_t i = 0; i < plan->values_n; i++) {
        if (plan->values[i].pcr == pcr) {
            values[n] = plan->values[i].hex;
            n++;
        }
    }
    cf_result r = cf_buf_append(&key, CF_LIT("kms:RecipientAttestation:PCR"));
    if (cf_is_ok(r)) {
        r = cf_put_u64_dec(&key, pcr);
    }
    if (!cf_is_ok(r)) {
        p->err = r.code;
        return;
    }
    name(p, cf_buf_view(&key));
    texts(p, values, n);
}

/* The context that is asked for, as members of the condition. */
static void context_members(pen *p, const cf_policy_plan *plan)
{
    if (plan->context_n == 0) {
        name(p, CF_LIT("Null"));
        enter(p, CF_LIT("{"));
        member(p, "kms:EncryptionContextKeys", CF_LIT("false"));
        leave(p, CF_LIT("}"));
        return;
    }
    name(p, CF_LIT("StringEquals"));
    enter(p, CF_LIT("{"));
    for (size_t i = 0; i < plan->context_n; i++) {
        CF_BUF(key);
        cf_result r = cf_buf_append(&key, CF_LIT("kms:EncryptionContext:"));
        if (cf_is_ok(r)) {
            r = cf_buf_append(&key, plan->context[i].name);
        }
        if (!cf_is_ok(r)) {
            p->err = r.code;
            return;
        }
        name(p, cf_buf_view(&key));
        put_str(p, plan->context[i].value);
    }
    leave(p, CF_LIT("}"));
}

/* --- the statements of the policy, docs/kms-policies.md section 3 --- */

static void administration(pen *p, const cf_policy_plan *plan)
{
    static const char *const list[] = {"kms:CancelKeyDeletion",
                                       "kms:CreateAlias",
                                       "kms:DeleteAlias",
                                       "kms:DescribeKey",
                                       "kms:DisableKey",
                                       "kms:DisableKeyRotation",
                                       "kms:EnableKey",
                                       "kms:EnableKeyRotation",
                                       "kms:GetKeyPolicy",
                                       "kms:GetKeyRotationStatus",
                                       "kms:ListGrants",
                                       "kms:ListKeyPolicies",
                                       "kms:ListKeyRotations",
                                       "kms:ListResourceTags",
                                       "kms:PutKeyPolicy",
                                       "kms:RevokeGrant",
                                       "kms:RotateKeyOnDemand",
                                       "kms:ScheduleKeyDeletion",
                                       "kms:TagResource",
                                       "kms:UntagResource",
                                       "kms:UpdateAlias",
                                       "kms:UpdateKeyDescription",
                                       NULL};
    if (plan->admins_n > 0) {
        begin(p, CF_LIT("Administration"), "Allow");
        principals(p, plan->admins, plan->admins_n);
        actions(p, list);
        leave(p, CF_LIT("}"));
    }
}

static void seeing(pen *p, const cf_policy_plan *plan)
{
    static const char *const list[] = {"kms:DescribeKey", "kms:GetKeyPolicy", NULL};
    begin(p, CF_LIT("Description"), "Allow");
    principals(p, plan->users, plan->users_n);
    actions(p, list);
    leave(p, CF_LIT("}"));
}

static void sealing(pen *p, const cf_policy_plan *plan)
{
    static const char *const list[] = {"kms:Encrypt", "kms:GenerateDataKeyPairWithoutPlaintext",
                                       "kms:GenerateDataKeyWithoutPlaintext", NULL};
    begin(p, CF_LIT("Sealing"), "Allow");
    principals(p, plan->users, plan->users_n);
    actions(p, list);
    name(p, CF_LIT("Condition"));
    enter(p, CF_LIT("{"));
    context_members(p, plan);
    leave(p, CF_LIT("}"));
    leave(p, CF_LIT("}"));
}

static const char *const opening_actions[] = {"kms:Decrypt", "kms:GenerateDataKey",
                                              "kms:GenerateDataKeyPair", NULL};

static void opening(pen *p, const cf_policy_plan *plan)
{
    begin(p, CF_LIT("AttestedOpening"), "Allow");
    principals(p, plan->users, plan->users_n);
    actions(p, opening_actions);
    name(p, CF_LIT("Condition"));
    enter(p, CF_LIT("{"));
    name(p, CF_LIT("StringEqualsIgnoreCase"));
    enter(p, CF_LIT("{"));
    for (unsigned pcr = 0; pcr < CF_PCR_COUNT; pcr++) {
        if (has_value(plan, pcr)) {
            pcr_member(p, plan, pcr);
        }
    }
    leave(p, CF_LIT("}"));
    context_members(p, plan);
    leave(p, CF_LIT("}"));
    leave(p, CF_LIT("}"));
}

/* One Deny for each register, since conditions of one statement must hold all at once. It holds without a document as well. */
static void refusals(pen *p, const cf_policy_plan *plan)
{
    static const char *const list[] = {"kms:Decapsulate",         "kms:Decrypt",
                                       "kms:DeriveSharedSecret",  "kms:GenerateDataKey",
                                       "kms:GenerateDataKeyPair", NULL};
    for (unsigned pcr = 0; pcr < CF_PCR_COUNT; pcr++) {
        if (!has_value(plan, pcr)) {
            continue;
        }
        CF_BUF(sid);
        cf_result r = cf_buf_append(&sid, CF_LIT("NothingButPCR"));
        if (cf_is_ok(r)) {
            r = cf_put_u64_dec(&sid, pcr);
        }
        if (!cf_is_ok(r)) {
            p->err = r.code;
            return;
        }
        begin(p, cf_buf_view(&sid), "Deny");
        everyone(p);
        actions(p, list);
        name(p, CF_LIT("Condition"));
        enter(p, CF_LIT("{"));
        name(p, CF_LIT("StringNotEqualsIgnoreCase"));
        enter(p, CF_LIT("{"));
        pcr_member(p, plan, pcr);
        leave(p, CF_LIT("}"));
        leave(p, CF_LIT("}"));
        leave(p, CF_LIT("}"));
    }
}

static void no_way_around(pen *p)
{
    static const char *const list[] = {"kms:CreateGrant", "kms:ReEncryptFrom", "kms:ReplicateKey",
                                       NULL};
    begin(p, CF_LIT("NoWayAround"), "Deny");
    everyone(p);
    actions(p, list);
    leave(p, CF_LIT("}"));
}

static bool plan_ok(const cf_policy_plan *plan)
{
    bool ok = plan->users_n >= 1 && plan->users_n <= CF_POLICY_PRINCIPALS_MAX &&
              plan->admins_n <= CF_POLICY_PRINCIPALS_MAX && plan->values_n >= 1 &&
              plan->values_n <= CF_POLICY_VALUES_MAX && plan->context_n <= CF_POLICY_PAIRS_MAX;
    for (size_t i = 0; ok && i < plan->values_n; i++) {
        ok = plan->values[i].pcr < CF_PCR_COUNT;
    }
    return ok;
}

CF_MUST_USE cf_result cf_policy_make(const cf_policy_plan *plan, cf_buf *out)
{
    CF_REQUIRE(plan_ok(plan), ARGUMENT);
    CF_BUF(text);
    pen p = {.out = &text, .first = true};
    enter(&p, CF_LIT("{"));
    member(&p, "Version", CF_LIT("2012-10-17"));
    name(&p, CF_LIT("Statement"));
    enter(&p, CF_LIT("["));
    administration(&p, plan);
    seeing(&p, plan);
    sealing(&p, plan);
    opening(&p, plan);
    refusals(&p, plan);
    no_way_around(&p);
    leave(&p, CF_LIT("]"));
    leave(&p, CF_LIT("}"));
    put(&p, CF_LIT("\n"));
    CF_TRY((cf_result){p.err});
    return cf_buf_append(out, cf_buf_view(&text));
}
