/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/number.h"
#include "core/policy/lint.h"
#include "core/policy/parse_priv.h"

#define ACCOUNT_DIGITS 12
#define UNIQUE_ID_BYTES 16 /* at least */

CF_MUST_USE cf_result cf_policy_malformed(cf_policy_parser *ps, const char *why)
{
    ps->why = why;
    return cf_fail(CF_ERR_MALFORMED);
}

CF_MUST_USE cf_result cf_policy_malformed_name(cf_policy_parser *ps, const char *why, cf_view name)
{
    ps->name = name;
    return cf_policy_malformed(ps, why);
}

CF_MUST_USE cf_result cf_policy_beyond(cf_policy_parser *ps, const char *why, cf_view name)
{
    ps->beyond = true;
    return cf_policy_malformed_name(ps, why, name);
}

/* The service has one sentence for all that is wrong with principals; the lint says which it is. */
static cf_result bad_principal(cf_policy_parser *ps, cf_view v)
{
    if (ps->for_lint) {
        return cf_policy_malformed_name(
            ps,
            v.len > 0 ? "the principal is no account, and no ARN of a user, role or session:"
                      : "the principals must be \"*\", or an object of AWS and Service",
            v);
    }
    ps->verbatim = true;
    return cf_policy_malformed(ps,
                               "Policy contains a statement with one or more invalid principals.");
}

CF_MUST_USE cf_result cf_policy_array(cf_policy_parser *ps, size_t n, size_t size, void **ret)
{
    *ret = cf_arena_new(&ps->policy->arena, n, size);
    CF_REQUIRE(*ret != NULL, NO_MEMORY);
    return cf_ok();
}

static cf_view text_of(const json_t *j)
{
    return cf_view_make(json_string_value(j), json_string_length(j));
}

/* A string of acceptable length, copied to *at, behind which the next one goes; a sentence quotes the copy, which outlives the text.
 * Variables would change what a value means, so they are refused rather than compared as they stand. */
static cf_result copy_string(cf_policy_parser *ps, const json_t *j, uint8_t **at, cf_view *ret)
{
    static const char no_string[] = "there is a value that is no string where only strings may be";
    if (json_is_number(j) || json_is_boolean(j)) {
        return cf_policy_beyond(ps, no_string, CF_VIEW_EMPTY);
    }
    if (!json_is_string(j)) {
        return cf_policy_malformed(ps, no_string);
    }
    cf_view v = text_of(j);
    if (v.len > CF_POLICY_VALUE_BYTES_MAX) {
        return cf_policy_malformed(ps, "there is a value that is too long");
    }
    cf_copy(*at, v.data, v.len);
    *ret = cf_view_make(*at, v.len);
    *at += v.len;
    for (size_t i = 0; i + 1 < v.len; i++) {
        if (v.data[i] == '$' && v.data[i + 1] == '{') {
            return cf_policy_beyond(ps, "policy variables are not supported:", *ret);
        }
    }
    return cf_ok();
}

/* Memory for copies of the strings, and for a view of each before them: one piece, since lists of short values are many pieces. */
static cf_result make_room(cf_policy_parser *ps, const json_t *j, size_t n, cf_view **ret_views,
                           uint8_t **ret_texts)
{
    void *room;
    size_t bytes = 0;
    bool single = !json_is_array(j);
    for (size_t i = 0; i < n; i++) {
        bytes += json_string_length(single ? j : json_array_get(j, i)); /* 0 for what is none */
    }
    CF_TRY(cf_policy_array(ps, 1, n * sizeof(cf_view) + bytes, &room));
    *ret_views = room;
    *ret_texts = (uint8_t *)room + n * sizeof(cf_view);
    return cf_ok();
}

CF_MUST_USE cf_result cf_policy_read_list(cf_policy_parser *ps, const json_t *j,
                                          cf_policy_check *check, cf_policy_list *ret)
{
    bool single = !json_is_array(j);
    size_t n = single ? 1 : json_array_size(j);
    if (n == 0) {
        return cf_policy_malformed(ps, "there is an empty list");
    }
    cf_view *values;
    uint8_t *texts;
    CF_TRY(make_room(ps, j, n, &values, &texts));
    for (size_t i = 0; i < n; i++) {
        CF_TRY(copy_string(ps, single ? j : json_array_get(j, i), &texts, &values[i]));
        CF_TRY(check(ps, values[i]));
    }
    *ret = (cf_policy_list){values, n};
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

static bool starts_with(cf_view v, cf_view prefix)
{
    return v.len >= prefix.len && cf_view_eq(cf_view_make(v.data, prefix.len), prefix);
}

/* root, user/x, role/x, assumed-role/x: something is named, and exactly. Federated users are nobody here. */
static bool is_resource_part(cf_view v, bool for_lint)
{
    for (size_t i = 0; i < v.len; i++) {
        if (v.data[i] <= ' ' || v.data[i] >= 0x7F || v.data[i] == '*' || v.data[i] == '?') {
            return false;
        }
    }
    static const cf_view kinds[] = {CF_LIT_INIT("user/"), CF_LIT_INIT("role/"),
                                    CF_LIT_INIT("assumed-role/"), CF_LIT_INIT("federated-user/")};
    const size_t n = sizeof kinds / sizeof kinds[0];
    for (size_t i = 0; i < (for_lint ? n : n - 1); i++) {
        if (starts_with(v, kinds[i]) && v.len > kinds[i].len) {
            return true;
        }
    }
    return cf_view_eq(v, CF_LIT("root"));
}

/* AIDACKCEVSQ6C2EXAMPLE: what the service shows of a user or role that has been deleted. */
static bool is_unique_id(cf_view v)
{
    bool id = v.len >= UNIQUE_ID_BYTES && starts_with(v, CF_LIT("A"));
    for (size_t i = 0; id && i < v.len; i++) {
        id = (v.data[i] >= 'A' && v.data[i] <= 'Z') || (v.data[i] >= '0' && v.data[i] <= '9');
    }
    return id;
}

/* arn:aws:iam::123456789012:user/name */
static cf_result check_principal(cf_policy_parser *ps, cf_view v)
{
    if (cf_view_eq(v, CF_LIT("*")) || is_account(v) || (ps->for_lint && is_unique_id(v))) {
        return cf_ok();
    }
    cf_view rest = v;
    bool ok = cf_view_eq(cf_policy_next_part(&rest, false), CF_LIT("arn"));
    ok = starts_with(cf_policy_next_part(&rest, false), CF_LIT("aws")) && ok;
    cf_view service = cf_policy_next_part(&rest, false);
    ok = ok && (cf_view_eq(service, CF_LIT("iam")) || cf_view_eq(service, CF_LIT("sts")));
    ok = cf_policy_next_part(&rest, false).len == 0 && ok;
    ok = is_account(cf_policy_next_part(&rest, false)) && ok;
    return ok && is_resource_part(rest, ps->for_lint) ? cf_ok() : bad_principal(ps, v);
}

static cf_result any_service(cf_policy_parser *ps, cf_view v)
{
    return v.len > 0 ? cf_ok() : bad_principal(ps, v);
}

static cf_result read_principals(cf_policy_parser *ps, const json_t *j, cf_statement *s)
{
    if (json_is_string(j)) {
        return cf_view_eq(text_of(j), CF_LIT("*"))
                   ? cf_policy_read_list(ps, j, check_principal, &s->principals)
                   : bad_principal(ps, text_of(j));
    }
    static const char *const kinds[] = {"AWS", "Service", NULL};
    if (!json_is_object(j) || json_object_size(j) == 0 || !cf_is_ok(cf_json_only(j, kinds))) {
        return bad_principal(ps, CF_VIEW_EMPTY);
    }
    const json_t *service = json_object_get(j, "Service"), *aws = json_object_get(j, "AWS");
    if (service != NULL) {
        cf_policy_list services; /* nobody who can reach the service that enforces this is one */
        CF_TRY(cf_policy_read_list(ps, service, any_service, &services));
    }
    return aws == NULL ? cf_ok() : cf_policy_read_list(ps, aws, check_principal, &s->principals);
}

/* --- actions and resources --- */

static bool is_name(cf_view v)
{
    bool ok = v.len > 0;
    for (size_t i = 0; ok && i < v.len; i++) {
        uint8_t c = v.data[i], low = c | 0x20;
        ok = (low >= 'a' && low <= 'z') || c == '*' || c == '?';
    }
    return ok;
}

/* To the lint those of other services are actions too, which it does not know. */
static cf_result check_action(cf_policy_parser *ps, cf_view v)
{
    cf_view name = v, service = cf_policy_next_part(&name, false);
    bool ok =
        cf_policy_eq_fold(service, CF_LIT("kms")) ? is_name(name) : ps->for_lint && name.len > 0;
    if (!ok && !cf_view_eq(v, CF_LIT("*"))) {
        return cf_policy_malformed_name(ps, "the action is not one of this service:", v);
    }
    return cf_ok();
}

static cf_result check_resource(cf_policy_parser *ps, cf_view v)
{
    if (!cf_view_eq(v, CF_LIT("*"))) {
        return cf_policy_beyond(ps, "the resource of a key policy must be \"*\", not", v);
    }
    return cf_ok();
}

/* A resource that is not "*" may be the key or not, and the same holds of NotResource. */
static cf_result read_resource(cf_policy_parser *ps, const json_t *j, cf_statement *s)
{
    const json_t *resource = json_object_get(j, "Resource"),
                 *no = json_object_get(j, "NotResource");
    cf_policy_list resources;
    bool known;
    s->has_resource = resource != NULL || no != NULL;
    if (no != NULL) {
        CF_TRY(cf_policy_note_beyond(
            ps, cf_policy_beyond(ps, "the element is not supported:", CF_LIT("NotResource")),
            &known));
    }
    return resource == NULL
               ? cf_ok()
               : cf_policy_note_beyond(
                     ps, cf_policy_read_list(ps, resource, check_resource, &resources), &known);
}

/* --- statements --- */

static cf_result read_effect(cf_policy_parser *ps, const json_t *j, cf_statement *s)
{
    cf_view effect = json_is_string(j) ? text_of(j) : CF_VIEW_EMPTY;
    s->deny = cf_view_eq(effect, CF_LIT("Deny"));
    if (!s->deny && !cf_view_eq(effect, CF_LIT("Allow"))) {
        return cf_policy_malformed(ps, "the effect must be \"Allow\" or \"Deny\"");
    }
    return cf_ok();
}

static cf_result read_sid(cf_policy_parser *ps, const json_t *j, cf_statement *s)
{
    if (j == NULL) {
        return cf_ok();
    }
    if (!json_is_string(j)) {
        return cf_policy_malformed(ps, "the Sid is no string");
    }
    void *room;
    CF_TRY(cf_policy_array(ps, json_string_length(j), 1, &room));
    uint8_t *at = room;
    return copy_string(ps, j, &at, &s->sid);
}

/* One of an element and its opposite: Principal or NotPrincipal. */
static cf_result one_of(cf_policy_parser *ps, const json_t *j, const char *name,
                        const char *not_name, const json_t **ret, bool *ret_not)
{
    const json_t *plain = json_object_get(j, name), *negated = json_object_get(j, not_name);
    if (plain != NULL && negated != NULL) {
        return cf_policy_malformed_name(
            ps, "an element may not stand beside its opposite:", cf_view_str(not_name));
    }
    *ret_not = negated != NULL;
    *ret = negated != NULL ? negated : plain;
    return cf_ok();
}

static cf_result check_members(cf_policy_parser *ps, json_t *j, const char *const *names)
{
    const char *name;
    json_t *value;
    json_object_foreach(j, name, value)
    {
        bool known = false;
        for (size_t i = 0; !known && names[i] != NULL; i++) {
            known = cf_view_eq(cf_view_str(name), cf_view_str(names[i]));
        }
        if (!known) {
            return cf_policy_malformed_name(ps, "the element is not supported:", cf_view_str(name));
        }
    }
    return cf_ok();
}

static cf_result read_statement(cf_policy_parser *ps, json_t *j, cf_statement *s)
{
    static const char *const names[] = {"Sid",       "Effect",    "Principal", "NotPrincipal",
                                        "Action",    "NotAction", "Resource",  "NotResource",
                                        "Condition", NULL};
    const json_t *principals, *actions;
    if (!json_is_object(j)) {
        return cf_policy_malformed(ps, "a statement must be an object");
    }
    ps->unknown = &s->unknown;
    CF_TRY(check_members(ps, j, names));
    CF_TRY(read_sid(ps, json_object_get(j, "Sid"), s));
    CF_TRY(read_effect(ps, json_object_get(j, "Effect"), s));
    CF_TRY(one_of(ps, j, "Principal", "NotPrincipal", &principals, &s->not_principals));
    if (principals == NULL) {
        return cf_policy_malformed(ps, "there is neither Principal nor NotPrincipal");
    }
    CF_TRY(read_principals(ps, principals, s));
    CF_TRY(one_of(ps, j, "Action", "NotAction", &actions, &s->not_actions));
    s->has_action = actions != NULL;
    if (actions != NULL) {
        CF_TRY(cf_policy_read_list(ps, actions, check_action, &s->actions));
    }
    CF_TRY(read_resource(ps, j, s));
    json_t *condition = json_object_get(j, "Condition");
    return condition == NULL ? cf_ok() : cf_policy_read_conditions(ps, condition, s);
}

/* --- the whole --- */

static cf_result read_header(cf_policy_parser *ps, json_t *j)
{
    static const char *const names[] = {"Version", "Id", "Statement", NULL};
    if (!json_is_object(j)) {
        return cf_policy_malformed(ps, "The policy must be an object");
    }
    CF_TRY(check_members(ps, j, names));
    const json_t *version = json_object_get(j, "Version"), *id = json_object_get(j, "Id");
    bool known = version == NULL ||
                 (json_is_string(version) && (cf_view_eq(text_of(version), CF_LIT("2012-10-17")) ||
                                              cf_view_eq(text_of(version), CF_LIT("2008-10-17"))));
    if (!known || (id != NULL && !json_is_string(id))) {
        return cf_policy_malformed(ps, "The Version is unknown, or the Id is no string");
    }
    return cf_ok();
}

static cf_result read_policy(cf_policy_parser *ps, json_t *j)
{
    CF_TRY(read_header(ps, j));
    json_t *list = json_object_get(j, "Statement");
    bool single = json_is_object(list);
    size_t n = single ? 1 : json_array_size(list);
    if (n == 0) {
        return cf_policy_malformed(ps, "The policy has no statement");
    }
    void *room;
    CF_TRY(cf_policy_array(ps, n, sizeof(cf_statement), &room));
    cf_statement *statements = room;
    for (size_t i = 0; i < n; i++) {
        ps->statement = i + 1;
        CF_TRY(read_statement(ps, single ? list : json_array_get(list, i), &statements[i]));
    }
    ps->policy->statements = statements;
    ps->policy->statements_n = n;
    return cf_ok();
}

/* What a policy says, on its way into a message: printable, and not too much of it. */
static cf_result put_echo(cf_view v, cf_buf *out)
{
    size_t n = v.len < CF_POLICY_ECHO_BYTES_MAX ? v.len : CF_POLICY_ECHO_BYTES_MAX;
    for (size_t i = 0; i < n; i++) {
        bool printable = v.data[i] >= ' ' && v.data[i] < 0x7F;
        CF_TRY(cf_buf_append(out, printable ? cf_view_make(v.data + i, 1) : CF_LIT("?")));
    }
    return cf_buf_append(out, n < v.len ? CF_LIT("...") : CF_VIEW_EMPTY);
}

static cf_result put_reason(const cf_policy_parser *ps, cf_buf *out)
{
    CF_TRY(cf_buf_append(out, cf_view_str(ps->why)));
    if (ps->name.len > 0) {
        CF_TRY(cf_buf_append(out, CF_LIT(" \"")));
        CF_TRY(put_echo(ps->name, out));
        CF_TRY(cf_buf_append(out, CF_LIT("\"")));
    }
    return cf_ok();
}

static cf_result put_why(const cf_policy_parser *ps, cf_buf *out)
{
    if (ps->statement > 0 && !ps->verbatim) {
        CF_TRY(cf_buf_append(out, CF_LIT("Statement ")));
        CF_TRY(cf_put_u64_dec(out, ps->statement));
        CF_TRY(cf_buf_append(out, CF_LIT(": ")));
    }
    CF_TRY(put_reason(ps, out));
    return cf_buf_append(out, ps->verbatim ? CF_VIEW_EMPTY : CF_LIT("."));
}

CF_MUST_USE cf_result cf_policy_note_beyond(cf_policy_parser *ps, cf_result r, bool *ret_known)
{
    CF_BUF(text);
    void *room;
    *ret_known = cf_is_ok(r);
    if (cf_is_ok(r) || r.code != CF_ERR_MALFORMED || !ps->beyond || !ps->for_lint) {
        return r;
    }
    CF_TRY(cf_policy_array(ps, 1, sizeof(cf_policy_unknown), &room));
    cf_policy_unknown *note = room;
    CF_TRY(put_reason(ps, &text));
    CF_TRY(cf_arena_copy(&ps->policy->arena, cf_buf_view(&text), &note->text));
    *ps->unknown = note;
    ps->unknown = &note->next;
    ps->beyond = false;
    ps->why = "";
    ps->name = CF_VIEW_EMPTY;
    return cf_ok();
}

/* Where the text stops being JSON. Only after the checks that keep the parser's own recursion in bounds. */
static cf_result put_place(cf_view text, cf_buf *out)
{
    CF_JSON(j);
    json_error_t error = {.line = 0};
    j = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY,
                   &error);
    if (error.line > 0) {
        CF_TRY(cf_buf_append(out, CF_LIT(" Line ")));
        CF_TRY(cf_put_u64_dec(out, (uint64_t)error.line));
        CF_TRY(cf_buf_append(out, CF_LIT(", column ")));
        CF_TRY(cf_put_u64_dec(out, (uint64_t)error.column));
        CF_TRY(cf_buf_append(out, CF_LIT(".")));
    }
    return cf_ok();
}

/* Reads the policy into memory of room octets and, when it takes more, of further pieces. j NULL: it is none. */
static cf_result build(json_t *j, bool for_lint, size_t room, cf_policy **ret, cf_buf *why)
{
    CF_AUTO(cf_policy_free) cf_policy *policy = cf_mem_new(1, sizeof *policy + room);
    CF_REQUIRE(policy != NULL, NO_MEMORY);
    policy->room_bytes = room;
    policy->arena.max = CF_POLICY_ARENA_BYTES_MAX;
    cf_arena_lend(&policy->arena, policy->room, room);
    cf_policy_parser ps = {.policy = policy, .for_lint = for_lint, .why = ""};
    cf_result r = j != NULL ? read_policy(&ps, j)
                            : cf_policy_malformed(&ps, "The policy is not well-formed JSON");
    if (r.code == CF_ERR_MALFORMED && why != NULL) {
        CF_TRY(put_why(&ps, why)); /* while the text that it quotes is there */
    }
    CF_TRY(r);
    *ret = policy;
    policy = NULL;
    return cf_ok();
}

/* Twice: what the first one takes is the memory of the second, which is kept for as long as its key and takes no octet more. */
static cf_result parse(cf_view text, bool for_lint, cf_policy **ret, cf_buf *ret_why)
{
    *ret = NULL;
    CF_JSON(j);
    CF_AUTO(cf_policy_free) cf_policy *draft = NULL;
    if (ret_why != NULL) {
        cf_buf_clear(ret_why);
    }
    CF_REQUIRE(text.len <= CF_POLICY_BYTES_MAX, SIZE);
    cf_result r = cf_json_parse(text, CF_POLICY_BYTES_MAX, &j);
    CF_REQUIRE(r.code != CF_ERR_NO_MEMORY, NO_MEMORY);
    bool shaped = r.code != CF_ERR_UTF8 && r.code != CF_ERR_DEPTH && r.code != CF_ERR_SIZE;
    cf_result built = build(cf_is_ok(r) ? j : NULL, for_lint, 0, &draft, ret_why);
    if (for_lint && shaped && !cf_is_ok(r) && ret_why != NULL) {
        CF_TRY(put_place(text, ret_why));
    }
    CF_TRY(built);
    return build(j, for_lint, draft->arena.used, ret, NULL);
}

CF_MUST_USE cf_result cf_policy_parse(cf_view text, cf_policy **ret, cf_buf *ret_why)
{
    return parse(text, false, ret, ret_why);
}

CF_MUST_USE cf_result cf_policy_parse_for_lint(cf_view text, cf_policy **ret, cf_buf *ret_why)
{
    return parse(text, true, ret, ret_why);
}
