/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/number.h"
#include "core/policy/parse_priv.h"

#define RECIPIENT_PREFIX "kms:RecipientAttestation:"
#define CONTEXT_PREFIX "kms:EncryptionContext:"

/* --- operators --- */

static const struct {
    const char *name;
    cf_cond_op op;
    bool negated;
} operators[] = {
    {"StringEquals", CF_COND_EQUALS, false},
    {"StringNotEquals", CF_COND_EQUALS, true},
    {"StringEqualsIgnoreCase", CF_COND_EQUALS_FOLD, false},
    {"StringNotEqualsIgnoreCase", CF_COND_EQUALS_FOLD, true},
    {"StringLike", CF_COND_LIKE, false},
    {"StringNotLike", CF_COND_LIKE, true},
    {"ArnEquals", CF_COND_ARN, false},
    {"ArnLike", CF_COND_ARN, false},
    {"ArnNotEquals", CF_COND_ARN, true},
    {"ArnNotLike", CF_COND_ARN, true},
    {"Bool", CF_COND_BOOL, false},
    {"Null", CF_COND_NULL, false},
};

static bool take_front(cf_view *v, cf_view front)
{
    if (v->len <= front.len || !cf_view_eq(cf_view_make(v->data, front.len), front)) {
        return false;
    }
    *v = cf_view_make(v->data + front.len, v->len - front.len);
    return true;
}

static bool take_back(cf_view *v, cf_view back)
{
    if (v->len <= back.len ||
        !cf_view_eq(cf_view_make(v->data + v->len - back.len, back.len), back)) {
        return false;
    }
    v->len -= back.len;
    return true;
}

/* [ForAnyValue:|ForAllValues:]operator[IfExists] */
static cf_result read_operator(cf_policy_parser *ps, const char *text, cf_condition *ret)
{
    cf_view name = cf_view_str(text);
    if (take_front(&name, CF_LIT("ForAnyValue:"))) {
        ret->set = CF_SET_ANY;
    } else if (take_front(&name, CF_LIT("ForAllValues:"))) {
        ret->set = CF_SET_ALL;
    }
    ret->if_exists = take_back(&name, CF_LIT("IfExists"));
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
        if (cf_view_eq(name, cf_view_str(operators[i].name))) {
            ret->op = operators[i].op;
            ret->negated = operators[i].negated;
            bool bare = ret->set == CF_SET_NONE && !ret->if_exists;
            return ret->op != CF_COND_NULL || bare
                       ? cf_ok()
                       : cf_policy_malformed_name(
                             ps, "Null takes no set operator and no IfExists:", cf_view_str(text));
        }
    }
    return cf_policy_malformed_name(ps,
                                    "the condition operator is not supported:", cf_view_str(text));
}

/* --- keys --- */

static const struct {
    const char *name;
    cf_cond_key key;
    bool several; /* values of one request: only a set operator says what is meant */
} keys[] = {
    {"kms:CallerAccount", CF_KEY_CALLER_ACCOUNT, false},
    {"kms:EncryptionContextKeys", CF_KEY_CONTEXT_KEYS, true},
    {"kms:GrantIsForAWSResource", CF_KEY_GRANT_FOR_AWS, false},
    {"kms:KeyOrigin", CF_KEY_ORIGIN, false},
    {"kms:KeySpec", CF_KEY_SPEC, false},
    {"kms:KeyUsage", CF_KEY_USAGE, false},
    {"aws:PrincipalAccount", CF_KEY_PRINCIPAL_ACCOUNT, false},
    {"aws:PrincipalArn", CF_KEY_PRINCIPAL_ARN, false},
    {"kms:RequestAlias", CF_KEY_REQUEST_ALIAS, false},
    {"kms:ResourceAliases", CF_KEY_RESOURCE_ALIASES, true},
};

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

static cf_result unknown_key(cf_policy_parser *ps, cf_view key)
{
    if (cf_policy_eq_fold(key, CF_LIT("kms:ViaService"))) {
        return cf_policy_malformed_name(
            ps, "no other service calls this one on a caller's behalf, so it cannot enforce", key);
    }
    return cf_policy_malformed_name(ps, "the condition key is not supported:", key);
}

/* The keys without a name of the policy's own in them. */
static cf_result read_plain_key(cf_policy_parser *ps, cf_view key, cf_condition *c)
{
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (!cf_policy_eq_fold(key, cf_view_str(keys[i].name))) {
            continue;
        }
        c->key = keys[i].key;
        if (keys[i].several && c->set == CF_SET_NONE && c->op != CF_COND_NULL) {
            return cf_policy_malformed_name(
                ps,
                "the condition key has several values and needs ForAnyValue or ForAllValues:", key);
        }
        return cf_ok();
    }
    return unknown_key(ps, key);
}

static cf_result read_key(cf_policy_parser *ps, const char *text, cf_condition *c)
{
    cf_view key = cf_view_str(text), name = key;
    if (take_prefix(&name, CF_LIT(RECIPIENT_PREFIX))) {
        c->key = CF_KEY_PCR;
        return is_register(name, &c->pcr) ? cf_ok() : unknown_key(ps, key);
    }
    if (take_prefix(&name, CF_LIT(CONTEXT_PREFIX))) {
        c->key = CF_KEY_CONTEXT;
        return name.len <= CF_POLICY_VALUE_BYTES_MAX
                   ? cf_arena_copy(&ps->policy->arena, name, &c->name)
                   : unknown_key(ps, key);
    }
    return read_plain_key(ps, key, c);
}

/* --- values --- */

static cf_result any_value(cf_policy_parser *ps, cf_view v)
{
    (void)ps;
    (void)v;
    return cf_ok();
}

static cf_result check_bool(cf_policy_parser *ps, cf_view v)
{
    if (!cf_view_eq(v, CF_LIT("true")) && !cf_view_eq(v, CF_LIT("false"))) {
        return cf_policy_malformed_name(ps, "a condition value is neither true nor false:", v);
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

static cf_result read_values(cf_policy_parser *ps, const json_t *j, cf_condition *c)
{
    if (c->op != CF_COND_BOOL && c->op != CF_COND_NULL) {
        return cf_policy_read_list(ps, j, any_value, &c->values);
    }
    CF_JSON(strings);
    strings = bools_as_strings(j);
    CF_REQUIRE(strings != NULL, NO_MEMORY);
    return cf_policy_read_list(ps, strings, check_bool, &c->values);
}

/* --- the element --- */

static cf_result count_conditions(cf_policy_parser *ps, json_t *j, size_t *ret)
{
    const char *op_name;
    json_t *members;
    *ret = 0;
    json_object_foreach(j, op_name, members)
    {
        if (!json_is_object(members) || json_object_size(members) == 0) {
            return cf_policy_malformed_name(
                ps, "a condition operator must have an object with keys:", cf_view_str(op_name));
        }
        *ret += json_object_size(members);
    }
    return cf_ok();
}

/* {operator: {key: values}}; all keys of all operators become one list, since all of them must hold. */
CF_MUST_USE cf_result cf_policy_read_conditions(cf_policy_parser *ps, json_t *j, cf_statement *s)
{
    const char *op_name, *key;
    json_t *members, *values;
    void *room;
    size_t n = 0;
    if (!json_is_object(j)) {
        return cf_policy_malformed(ps, "the Condition must be an object");
    }
    CF_TRY(count_conditions(ps, j, &n));
    CF_TRY(cf_policy_array(ps, n, sizeof(cf_condition), &room));
    cf_condition *conditions = room;
    n = 0;
    json_object_foreach(j, op_name, members)
    {
        json_object_foreach(members, key, values)
        {
            CF_TRY(read_operator(ps, op_name, &conditions[n]));
            CF_TRY(read_key(ps, key, &conditions[n]));
            CF_TRY(read_values(ps, values, &conditions[n]));
            n++;
        }
    }
    s->conditions = conditions;
    s->conditions_n = n;
    return cf_ok();
}
