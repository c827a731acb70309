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
    {"NumericEquals", CF_COND_NUMBER_EQUALS, false},
    {"NumericNotEquals", CF_COND_NUMBER_EQUALS, true},
    {"NumericLessThan", CF_COND_LESS, false},
    {"NumericLessThanEquals", CF_COND_LESS_EQUALS, false},
    {"NumericGreaterThan", CF_COND_GREATER, false},
    {"NumericGreaterThanEquals", CF_COND_GREATER_EQUALS, false},
};

/* Operators of the language for which the service has no values. */
static const char *const beyond[] = {
    "DateEquals",         "DateNotEquals",   "DateLessThan",
    "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals",
    "BinaryEquals",       "IpAddress",       "NotIpAddress"};

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
    for (size_t i = 0; i < sizeof beyond / sizeof beyond[0]; i++) {
        if (cf_view_eq(name, cf_view_str(beyond[i]))) {
            return cf_policy_beyond(ps,
                                    "the condition operator is not supported:", cf_view_str(text));
        }
    }
    return cf_policy_malformed_name(ps, "there is no condition operator of the name",
                                    cf_view_str(text));
}

/* --- keys --- */

static const struct {
    const char *name;
    cf_cond_key key;
    bool several; /* values of one request: only a set operator says what is meant */
    bool number;
    cf_policy_parameter parameter;
} keys[] = {{.name = "kms:CallerAccount", .key = CF_KEY_CALLER_ACCOUNT},
            {.name = "kms:EncryptionContextKeys", .key = CF_KEY_CONTEXT_KEYS, .several = true},
            {.name = "kms:GrantIsForAWSResource", .key = CF_KEY_GRANT_FOR_AWS},
            {.name = "kms:GrantOperations", .key = CF_KEY_GRANT_OPERATIONS, .several = true},
            {.name = "kms:KeyOrigin", .key = CF_KEY_ORIGIN},
            {.name = "kms:KeySpec", .key = CF_KEY_SPEC},
            {.name = "kms:KeyUsage", .key = CF_KEY_USAGE},
            {.name = "aws:PrincipalAccount", .key = CF_KEY_PRINCIPAL_ACCOUNT},
            {.name = "aws:PrincipalArn", .key = CF_KEY_PRINCIPAL_ARN},
            {.name = "kms:RequestAlias", .key = CF_KEY_REQUEST_ALIAS},
            {.name = "kms:ResourceAliases", .key = CF_KEY_RESOURCE_ALIASES, .several = true},
#define ROW(sym, text, is_number)                                                                  \
    {.name = (text), .key = CF_KEY_PARAMETER, .number = (is_number), .parameter = CF_POLICY_##sym},
            CF_POLICY_PARAMETERS(ROW)
#undef ROW
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
        return cf_policy_beyond(ps,
                                "the condition key is not supported, since no other service calls "
                                "this one on a caller's behalf:",
                                key);
    }
    return cf_policy_beyond(ps, "the condition key is not supported:", key);
}

static bool is_numeric(cf_cond_op op)
{
    return op >= CF_COND_NUMBER_EQUALS && op < CF_COND_COUNT;
}

static cf_result no_number(cf_policy_parser *ps, cf_view key)
{
    return cf_policy_beyond(ps, "the value of the condition key is no number:", key);
}

/* The keys without a name of the policy's own in them. */
static cf_result read_plain_key(cf_policy_parser *ps, cf_view key, cf_condition *c)
{
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (!cf_policy_eq_fold(key, cf_view_str(keys[i].name))) {
            continue;
        }
        c->key = keys[i].key;
        c->parameter = keys[i].parameter;
        if (keys[i].several && c->set == CF_SET_NONE && c->op != CF_COND_NULL) {
            return cf_policy_beyond(
                ps,
                "the condition key has several values and needs ForAnyValue or ForAllValues:", key);
        }
        return keys[i].number || !is_numeric(c->op) ? cf_ok() : no_number(ps, key);
    }
    return unknown_key(ps, key);
}

static cf_result read_key(cf_policy_parser *ps, const char *text, cf_condition *c)
{
    cf_view key = cf_view_str(text), name = key;
    if (take_prefix(&name, CF_LIT(RECIPIENT_PREFIX))) {
        c->key = CF_KEY_PCR;
        return !is_register(name, &c->pcr) ? unknown_key(ps, key)
               : is_numeric(c->op)         ? no_number(ps, key)
                                           : cf_ok();
    }
    if (take_prefix(&name, CF_LIT(CONTEXT_PREFIX))) {
        c->key = CF_KEY_CONTEXT;
        if (is_numeric(c->op)) {
            return no_number(ps, key);
        }
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

static cf_result check_number(cf_policy_parser *ps, cf_view v)
{
    double number;
    if (!cf_is_ok(cf_double_parse(v, &number))) {
        return cf_policy_malformed_name(ps, "a condition value is no number:", v);
    }
    return cf_ok();
}

/* A boolean or a whole number, as the string that means the same. *ret is NULL for what stays as it is. */
static cf_result scalar_as_string(const json_t *j, bool numeric, json_t **ret)
{
    CF_BUF(text);
    *ret = NULL;
    if (numeric && json_is_integer(j) && json_integer_value(j) >= 0) {
        CF_TRY(cf_put_u64_dec(&text, (uint64_t)json_integer_value(j)));
    } else if (!numeric && json_is_boolean(j)) {
        CF_TRY(cf_buf_append(&text, json_is_true(j) ? CF_LIT("true") : CF_LIT("false")));
    } else {
        return cf_ok();
    }
    *ret = cf_json_str(cf_buf_view(&text));
    CF_REQUIRE(*ret != NULL, NO_MEMORY);
    return cf_ok();
}

/* Bool and Null take true as well as "true", Numeric 7 as well as "7". The list is changed in place. */
static cf_result scalars_as_strings(json_t *list, bool numeric)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *text;
        CF_TRY(scalar_as_string(json_array_get(list, i), numeric, &text));
        CF_REQUIRE(text == NULL || json_array_set_new(list, i, text) == 0, NO_MEMORY);
    }
    return cf_ok();
}

static cf_result read_values(cf_policy_parser *ps, json_t *j, cf_condition *c)
{
    bool numeric = is_numeric(c->op);
    if (c->op != CF_COND_BOOL && c->op != CF_COND_NULL && !numeric) {
        return cf_policy_read_list(ps, j, any_value, &c->values);
    }
    CF_JSON(list);
    list = json_is_array(j) ? json_copy(j) : json_array();
    CF_REQUIRE(list != NULL && (json_is_array(j) || json_array_append(list, j) == 0), NO_MEMORY);
    CF_TRY(scalars_as_strings(list, numeric));
    return cf_policy_read_list(ps, list, numeric ? check_number : check_bool, &c->values);
}

/* Values that nobody compares: strings, numbers and booleans. */
static cf_result check_values(cf_policy_parser *ps, const json_t *j)
{
    bool single = !json_is_array(j), scalar = single || json_array_size(j) > 0;
    for (size_t i = 0; scalar && i < (single ? 1 : json_array_size(j)); i++) {
        const json_t *value = single ? j : json_array_get(j, i);
        scalar = json_is_string(value) || json_is_number(value) || json_is_boolean(value);
    }
    return scalar ? cf_ok()
                  : cf_policy_malformed(ps, "there is a condition without values, or with one that "
                                            "is neither string nor number nor boolean");
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

/* To the lint a condition that is beyond is only a note. */
static cf_result read_condition(cf_policy_parser *ps, const char *op_name, const char *key,
                                json_t *values, cf_condition *c, bool *ret_known)
{
    cf_result r = read_operator(ps, op_name, c);
    r = cf_is_ok(r) ? read_key(ps, key, c) : r;
    r = cf_is_ok(r) ? read_values(ps, values, c) : r;
    CF_TRY(cf_policy_note_beyond(ps, r, ret_known));
    return *ret_known ? cf_ok() : check_values(ps, values);
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
            bool known;
            conditions[n] = (cf_condition){.values = {NULL, 0}};
            CF_TRY(read_condition(ps, op_name, key, values, &conditions[n], &known));
            n += known;
        }
    }
    s->conditions = conditions;
    s->conditions_n = n;
    return cf_ok();
}
