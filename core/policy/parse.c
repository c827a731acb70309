/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/number.h"
#include "core/codec/json.h"
#include "core/policy/policy_priv.h"

#define ACCOUNT_DIGITS 12
#define RECIPIENT_PREFIX "kms:RecipientAttestation:"
#define CONTEXT_PREFIX "kms:EncryptionContext:"

/* One parse: where things are put, and the first reason to refuse. */
typedef struct {
    cf_policy *policy;
    const char *why;
} parser;

static CF_MUST_USE cf_result malformed(parser *ps, const char *why)
{
    ps->why = why;
    return cf_fail(CF_ERR_MALFORMED);
}

static cf_result arena_array(parser *ps, size_t n, size_t size, void **ret)
{
    *ret = cf_arena_new(&ps->policy->arena, n, size);
    CF_REQUIRE(*ret != NULL, NO_MEMORY);
    return cf_ok();
}

static cf_view text_of(const json_t *j)
{
    return cf_view_make(json_string_value(j), json_string_length(j));
}

/* A string of acceptable length, copied. Variables would change what a value means, so they are refused rather than compared
 * as they stand. */
static cf_result copy_string(parser *ps, const json_t *j, cf_view *ret)
{
    if (!json_is_string(j)) {
        return malformed(ps,
                         "The policy has a value that is not a string where only strings may be.");
    }
    cf_view v = text_of(j);
    if (v.len > CF_POLICY_VALUE_BYTES_MAX) {
        return malformed(ps, "The policy has a value that is too long.");
    }
    for (size_t i = 0; i + 1 < v.len; i++) {
        if (v.data[i] == '$' && v.data[i + 1] == '{') {
            return malformed(ps, "The policy uses policy variables, which are not supported.");
        }
    }
    return cf_arena_copy(&ps->policy->arena, v, ret);
}

/* A string, or a list of one string at least. check looks at each. */
static cf_result read_list(parser *ps, const json_t *j, cf_result (*check)(parser *ps, cf_view v),
                           cf_policy_list *ret)
{
    bool single = !json_is_array(j);
    size_t n = single ? 1 : json_array_size(j);
    if (n == 0) {
        return malformed(ps, "The policy has an empty list.");
    }
    void *room;
    CF_TRY(arena_array(ps, n, sizeof(cf_view), &room));
    cf_view *values = room;
    for (size_t i = 0; i < n; i++) {
        CF_TRY(copy_string(ps, single ? j : json_array_get(j, i), &values[i]));
        CF_TRY(check(ps, values[i]));
    }
    *ret = (cf_policy_list){values, n};
    return cf_ok();
}

static cf_result any_value(parser *ps, cf_view v)
{
    (void)ps;
    (void)v;
    return cf_ok();
}

/* --- principals --- */

static bool is_account(cf_view v)
{
    bool digits = v.len == ACCOUNT_DIGITS;
    for (size_t i = 0; digits && i < v.len; i++) {
        digits = v.data[i] >= '0' && v.data[i] <= '9';
    }
    return digits;
}

/* The text up to the next ':', which is taken away as well. */
static cf_view next_part(cf_view *rest)
{
    size_t n = 0;
    while (n < rest->len && rest->data[n] != ':') {
        n++;
    }
    cf_view part = cf_view_make(rest->data, n);
    *rest = n < rest->len ? cf_view_make(rest->data + n + 1, rest->len - n - 1) : CF_VIEW_EMPTY;
    return part;
}

static bool starts_with(cf_view v, cf_view prefix)
{
    return v.len >= prefix.len && cf_view_eq(cf_view_make(v.data, prefix.len), prefix);
}

/* root, user/x, role/x, assumed-role/x: something is named, and exactly. */
static bool is_resource_part(cf_view v)
{
    for (size_t i = 0; i < v.len; i++) {
        if (v.data[i] <= ' ' || v.data[i] >= 0x7F || v.data[i] == '*' || v.data[i] == '?') {
            return false;
        }
    }
    static const cf_view kinds[] = {CF_LIT_INIT("user/"), CF_LIT_INIT("role/"),
                                    CF_LIT_INIT("assumed-role/")};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (starts_with(v, kinds[i]) && v.len > kinds[i].len) {
            return true;
        }
    }
    return cf_view_eq(v, CF_LIT("root"));
}

/* arn:aws:iam::123456789012:user/name */
static cf_result check_principal(parser *ps, cf_view v)
{
    if (cf_view_eq(v, CF_LIT("*")) || is_account(v)) {
        return cf_ok();
    }
    cf_view rest = v;
    bool ok = cf_view_eq(next_part(&rest), CF_LIT("arn"));
    ok = starts_with(next_part(&rest), CF_LIT("aws")) && ok;
    cf_view service = next_part(&rest);
    ok = ok && (cf_view_eq(service, CF_LIT("iam")) || cf_view_eq(service, CF_LIT("sts")));
    ok = next_part(&rest).len == 0 && ok;
    ok = is_account(next_part(&rest)) && ok;
    if (!ok || !is_resource_part(rest)) {
        return malformed(ps, "Policy contains a statement with one or more invalid principals.");
    }
    return cf_ok();
}

static cf_result read_principal(parser *ps, const json_t *j, cf_statement *s)
{
    if (json_is_string(j)) {
        if (!cf_view_eq(text_of(j), CF_LIT("*"))) {
            return malformed(ps,
                             "Policy contains a statement with one or more invalid principals.");
        }
        return read_list(ps, j, check_principal, &s->principals);
    }
    static const char *const kinds[] = {"AWS", "Service", NULL};
    if (!json_is_object(j) || json_object_size(j) == 0 || !cf_is_ok(cf_json_only(j, kinds))) {
        return malformed(ps, "Policy contains a statement with one or more invalid principals.");
    }
    const json_t *service = json_object_get(j, "Service"), *aws = json_object_get(j, "AWS");
    if (service != NULL) {
        cf_policy_list services; /* nobody who can reach this daemon is one */
        CF_TRY(read_list(ps, service, any_value, &services));
    }
    return aws == NULL ? cf_ok() : read_list(ps, aws, check_principal, &s->principals);
}

/* --- actions and resources --- */

static cf_result check_action(parser *ps, cf_view v)
{
    bool ok = cf_view_eq(v, CF_LIT("*")) ||
              (v.len > 4 && cf_policy_eq_fold(cf_view_make(v.data, 4), CF_LIT("kms:")));
    for (size_t i = 4; ok && i < v.len; i++) {
        uint8_t c = v.data[i], low = c | 0x20;
        ok = (low >= 'a' && low <= 'z') || c == '*' || c == '?';
    }
    return ok ? cf_ok()
              : malformed(ps, "The policy has an action that is not one of this service.");
}

static cf_result check_resource(parser *ps, cf_view v)
{
    if (!cf_view_eq(v, CF_LIT("*"))) {
        return malformed(ps, "The resource of a key policy must be \"*\".");
    }
    return cf_ok();
}

/* --- conditions --- */

static const char *const operators[] = {
    [CF_COND_EQUALS] = "StringEquals",
    [CF_COND_NOT_EQUALS] = "StringNotEquals",
    [CF_COND_EQUALS_FOLD] = "StringEqualsIgnoreCase",
    [CF_COND_NOT_EQUALS_FOLD] = "StringNotEqualsIgnoreCase",
    [CF_COND_LIKE] = "StringLike",
    [CF_COND_NOT_LIKE] = "StringNotLike",
    [CF_COND_BOOL] = "Bool",
    [CF_COND_NULL] = "Null",
};
_Static_assert(sizeof operators / sizeof operators[0] == CF_COND_COUNT,
               "every operator has a name");

static cf_result read_operator(parser *ps, const char *name, cf_cond_op *ret)
{
    for (unsigned op = 0; op < CF_COND_COUNT; op++) {
        if (cf_view_eq(cf_view_str(name), cf_view_str(operators[op]))) {
            *ret = (cf_cond_op)op;
            return cf_ok();
        }
    }
    return malformed(ps, "The policy has a condition operator that is not supported.");
}

/* Strips a prefix without regard to case. */
static bool take_prefix(cf_view *v, cf_view prefix)
{
    if (v->len <= prefix.len || !cf_policy_eq_fold(cf_view_make(v->data, prefix.len), prefix)) {
        return false;
    }
    *v = cf_view_make(v->data + prefix.len, v->len - prefix.len);
    return true;
}

static bool is_register(cf_view name, uint8_t *ret)
{
    uint64_t index = 0;
    if (cf_policy_eq_fold(name, CF_LIT("ImageSha384"))) {
        *ret = 0; /* the same measurement under another name */
        return true;
    }
    if (!take_prefix(&name, CF_LIT("PCR")) ||
        !cf_is_ok(cf_parse_u64(name, CF_PCR_COUNT - 1, &index))) {
        return false;
    }
    *ret = (uint8_t)index;
    return true;
}

static cf_result read_key(parser *ps, const char *key, cf_condition *c)
{
    cf_view name = cf_view_str(key);
    if (take_prefix(&name, CF_LIT(RECIPIENT_PREFIX))) {
        c->is_pcr = true;
        if (is_register(name, &c->pcr)) {
            return cf_ok();
        }
    } else if (take_prefix(&name, CF_LIT(CONTEXT_PREFIX)) &&
               name.len <= CF_POLICY_VALUE_BYTES_MAX) {
        return cf_arena_copy(&ps->policy->arena, name, &c->name);
    }
    return malformed(ps, "The policy has a condition key that is not supported.");
}

static cf_result check_bool(parser *ps, cf_view v)
{
    if (!cf_view_eq(v, CF_LIT("true")) && !cf_view_eq(v, CF_LIT("false"))) {
        return malformed(ps, "The policy has a condition value that is neither true nor false.");
    }
    return cf_ok();
}

/* Bool and Null take true and false as well as "true" and "false". Returns a new reference, NULL when out of memory. */
static json_t *bools_as_strings(const json_t *j)
{
    if (json_is_boolean(j)) {
        return json_string(json_is_true(j) ? "true" : "false");
    }
    json_t *copy = json_deep_copy(j);
    for (size_t i = 0; json_is_array(copy) && i < json_array_size(copy); i++) {
        const json_t *value = json_array_get(copy, i);
        if (json_is_boolean(value)) {
            const char *text = json_is_true(value) ? "true" : "false";
            if (json_array_set_new(copy, i, json_string(text)) != 0) {
                json_decref(copy);
                return NULL;
            }
        }
    }
    return copy;
}

static cf_result read_values(parser *ps, const json_t *j, cf_condition *c)
{
    if (c->op != CF_COND_BOOL && c->op != CF_COND_NULL) {
        return read_list(ps, j, any_value, &c->values);
    }
    CF_JSON(strings);
    strings = bools_as_strings(j);
    CF_REQUIRE(strings != NULL, NO_MEMORY);
    return read_list(ps, strings, check_bool, &c->values);
}

/* {operator: {key: values}}; all keys of all operators become one list, since all of them must hold. */
static cf_result read_conditions(parser *ps, json_t *j, cf_statement *s)
{
    const char *op_name, *key;
    json_t *keys, *values;
    size_t n = 0;
    if (!json_is_object(j)) {
        return malformed(ps, "The condition of a statement must be an object.");
    }
    json_object_foreach(j, op_name, keys)
    {
        if (!json_is_object(keys) || json_object_size(keys) == 0) {
            return malformed(ps, "A condition operator must have an object with keys.");
        }
        n += json_object_size(keys);
    }
    void *room;
    CF_TRY(arena_array(ps, n, sizeof(cf_condition), &room));
    cf_condition *conditions = room;
    n = 0;
    json_object_foreach(j, op_name, keys)
    {
        cf_cond_op op = CF_COND_COUNT;
        CF_TRY(read_operator(ps, op_name, &op));
        json_object_foreach(keys, key, values)
        {
            conditions[n].op = op;
            CF_TRY(read_key(ps, key, &conditions[n]));
            CF_TRY(read_values(ps, values, &conditions[n]));
            n++;
        }
    }
    s->conditions = conditions;
    s->conditions_n = n;
    return cf_ok();
}

/* --- statements --- */

static cf_result read_effect(parser *ps, const json_t *j, cf_statement *s)
{
    cf_view effect = json_is_string(j) ? text_of(j) : CF_VIEW_EMPTY;
    s->deny = cf_view_eq(effect, CF_LIT("Deny"));
    if (!s->deny && !cf_view_eq(effect, CF_LIT("Allow"))) {
        return malformed(ps, "The effect of a statement must be \"Allow\" or \"Deny\".");
    }
    return cf_ok();
}

static cf_result read_statement(parser *ps, json_t *j, cf_statement *s)
{
    static const char *const names[] = {"Sid",      "Effect",    "Principal", "Action",
                                        "Resource", "Condition", NULL};
    if (!json_is_object(j) || !cf_is_ok(cf_json_only(j, names))) {
        return malformed(ps, "The policy has a statement with an element that is not supported.");
    }
    const json_t *sid = json_object_get(j, "Sid"), *principal = json_object_get(j, "Principal"),
                 *action = json_object_get(j, "Action"), *resource = json_object_get(j, "Resource");
    json_t *condition = json_object_get(j, "Condition");
    if ((sid != NULL && !json_is_string(sid)) || principal == NULL) {
        return malformed(
            ps, "The policy has a statement without principal, or with a Sid that is no string.");
    }
    CF_TRY(read_effect(ps, json_object_get(j, "Effect"), s));
    CF_TRY(read_principal(ps, principal, s));
    s->has_action = action != NULL;
    if (action != NULL) {
        CF_TRY(read_list(ps, action, check_action, &s->actions));
    }
    s->has_resource = resource != NULL;
    if (resource != NULL) {
        cf_policy_list resources;
        CF_TRY(read_list(ps, resource, check_resource, &resources));
    }
    return condition == NULL ? cf_ok() : read_conditions(ps, condition, s);
}

static cf_result read_header(parser *ps, const json_t *j)
{
    static const char *const names[] = {"Version", "Id", "Statement", NULL};
    if (!json_is_object(j) || !cf_is_ok(cf_json_only(j, names))) {
        return malformed(
            ps, "The policy must be an object with Version, Id and Statement and nothing else.");
    }
    const json_t *version = json_object_get(j, "Version"), *id = json_object_get(j, "Id");
    bool known = version == NULL ||
                 (json_is_string(version) && (cf_view_eq(text_of(version), CF_LIT("2012-10-17")) ||
                                              cf_view_eq(text_of(version), CF_LIT("2008-10-17"))));
    if (!known || (id != NULL && !json_is_string(id))) {
        return malformed(ps, "The policy has an unknown version, or an Id that is no string.");
    }
    return cf_ok();
}

static cf_result read_policy(parser *ps, const json_t *j)
{
    CF_TRY(read_header(ps, j));
    json_t *list = json_object_get(j, "Statement");
    bool single = json_is_object(list);
    size_t n = single ? 1 : json_array_size(list);
    if (n == 0) {
        return malformed(ps, "The policy has no statement.");
    }
    void *room;
    CF_TRY(arena_array(ps, n, sizeof(cf_statement), &room));
    cf_statement *statements = room;
    for (size_t i = 0; i < n; i++) {
        CF_TRY(read_statement(ps, single ? list : json_array_get(list, i), &statements[i]));
    }
    ps->policy->statements = statements;
    ps->policy->statements_n = n;
    return cf_ok();
}

CF_MUST_USE cf_result cf_policy_parse(cf_view text, cf_policy **ret, const char **ret_why)
{
    *ret = NULL;
    *ret_why = "";
    CF_REQUIRE(text.len <= CF_POLICY_BYTES_MAX, SIZE);
    CF_AUTO(cf_policy_free) cf_policy *policy = cf_mem_new(1, sizeof *policy);
    CF_REQUIRE(policy != NULL, NO_MEMORY);
    policy->arena.max = CF_POLICY_ARENA_BYTES_MAX;
    CF_JSON(j);
    cf_result parsed = cf_json_parse(text, CF_POLICY_BYTES_MAX, &j);
    if (!cf_is_ok(parsed)) {
        *ret_why = "The policy is not well-formed JSON.";
        return parsed.code == CF_ERR_NO_MEMORY ? parsed : cf_fail(CF_ERR_MALFORMED);
    }
    parser ps = {policy, ""};
    cf_result r = read_policy(&ps, j);
    if (!cf_is_ok(r)) {
        *ret_why = ps.why;
        return r;
    }
    *ret = policy;
    policy = NULL;
    return cf_ok();
}
