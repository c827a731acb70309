/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/expressions.h"

#include <string.h>

#include "core/cel/cel.h"
#include "core/transform/transform.h"

/* Of lists of {"":0} a value takes 34 times its text, and of no others more. */
#define RESULT_ARENA_BYTES (40 * CF_RESULTS_JSON_BYTES_MAX)

/* ---- the body ---- */

static cf_err fault_of(cf_view name, const json_t *source)
{
    cf_result r = cf_field_name_check(name);
    if (!cf_is_ok(r)) {
        return r.code;
    }
    if (!json_is_string(source)) {
        return CF_ERR_WRONG_TYPE;
    }
    size_t len = json_string_length(source);
    return len == 0 ? CF_ERR_EMPTY : len > CF_EXPRESSION_BYTES_MAX ? CF_ERR_SIZE : CF_OK;
}

static void member_fault(cf_api_faults *faults, const char *member, cf_err code, const char *reason)
{
    cf_api_fault_add(faults, cf_view_str(member), 0, code, reason);
}

static CF_MUST_USE cf_result read_list(json_t *object, cf_arena *arena, cf_api_faults *faults,
                                       cf_api_expressions *ret)
{
    size_t count = json_object_size(object), octets = 0, index = 0;
    if (count > CF_REQUEST_EXPRESSIONS_MAX) {
        member_fault(faults, "expressions", CF_ERR_SIZE, "too many expressions are given");
        return cf_api_faults_result(faults);
    }
    cf_expression *all = cf_arena_new(arena, count, sizeof *all);
    CF_REQUIRE(all != NULL, NO_MEMORY);
    for (void *at = json_object_iter(object); at != NULL; at = json_object_iter_next(object, at)) {
        cf_view name = cf_view_str(json_object_iter_key(at));
        const json_t *source = json_object_iter_value(at);
        cf_err code = fault_of(name, source);
        if (code != CF_OK) {
            cf_api_fault_add(faults, name, index, code, NULL);
        } else {
            all[ret->n++] = (cf_expression){
                name, cf_view_make(json_string_value(source), json_string_length(source))};
            octets += json_string_length(source);
        }
        index++;
    }
    if (octets > CF_EXPRESSIONS_BYTES_MAX) {
        member_fault(faults, "expressions", CF_ERR_SIZE, "the expressions together are too long");
    }
    ret->all = all;
    return cf_api_faults_result(faults);
}

CF_MUST_USE cf_result cf_expressions_read(const json_t *body, cf_arena *arena,
                                          cf_api_faults *faults, cf_api_expressions *ret)
{
    *ret = (cf_api_expressions){NULL, 0, false};
    cf_api_expressions e = {NULL, 0, false};
    json_t *object = json_object_get(body, "expressions");
    const json_t *only = json_object_get(body, "results_only");
    if (object != NULL && !json_is_object(object)) {
        member_fault(faults, "expressions", CF_ERR_WRONG_TYPE, NULL);
    } else if (object != NULL) {
        cf_ignore(read_list(object, arena, faults, &e)); /* its faults are noted */
        CF_REQUIRE(e.all != NULL || faults->n > 0, NO_MEMORY);
    }
    if (only != NULL && !json_is_boolean(only)) {
        member_fault(faults, "results_only", CF_ERR_WRONG_TYPE, NULL);
    } else if (json_is_true(only) && e.n == 0) {
        member_fault(faults, "expressions", CF_ERR_MISSING, "there are no results without them");
    }
    CF_TRY(cf_api_faults_result(faults));
    e.results_only = json_is_true(only);
    *ret = e;
    return cf_ok();
}

bool cf_expressions_has(const cf_api_expressions *e, cf_view name)
{
    for (size_t i = 0; i < e->n; i++) {
        if (cf_view_eq(e->all[i].name, name)) {
            return true;
        }
    }
    return false;
}

/* ---- what they need ---- */

CF_MUST_USE cf_result cf_expressions_mentioned(const cf_api_expressions *e, const cf_schema *schema,
                                               cf_arena *arena, cf_names *ret)
{
    *ret = (cf_names){NULL, 0};
    cf_names names = {cf_arena_new(arena, cf_schema_fields(schema), sizeof(cf_view)), 0};
    CF_REQUIRE(names.all != NULL, NO_MEMORY);
    for (size_t i = 0; i < e->n; i++) {
        size_t at = 0;
        cf_view name;
        while (cf_transform_mention(e->all[i].source, &at, &name)) {
            if (cf_schema_has(schema, name) && !cf_names_has(&names, name)) {
                names.all[names.n++] = name;
            }
        }
    }
    *ret = names;
    return cf_ok();
}

static bool is_name_part(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

/* The name stands there by itself. It need not be in quotes: what is sent and not used does no harm. */
static bool stands_in(cf_view name, cf_view source)
{
    for (size_t at = 0; at + name.len <= source.len; at++) {
        const uint8_t *hit = memmem(source.data + at, source.len - at, name.data, name.len);
        if (hit == NULL) {
            return false;
        }
        at = (size_t)(hit - source.data);
        size_t end = at + name.len;
        if ((at == 0 || !is_name_part(source.data[at - 1])) &&
            (end == source.len || !is_name_part(source.data[end]))) {
            return true;
        }
    }
    return false;
}

typedef struct {
    cf_api_call *c;
    const cf_api_expressions *e;
    cf_secret_ref *all; /* room for one more than may be sent */
    size_t n;
    cf_err err;
} secret_search;

static bool is_wanted(const cf_api_expressions *e, cf_view name)
{
    for (size_t i = 0; i < e->n; i++) {
        cf_view source = e->all[i].source;
        if (memmem(source.data, source.len, "hmac_", 5) != NULL && stands_in(name, source)) {
            return true;
        }
    }
    return false;
}

static cf_result take_secret(secret_search *s, const cf_store_secret *secret)
{
    cf_view name = cf_view_str(secret->name);
    if (!is_wanted(s->e, name)) {
        return cf_ok();
    }
    CF_REQUIRE(!secret->altered, ROW_ALTERED);
    cf_secret_ref *one = &s->all[s->n++];
    CF_TRY(cf_arena_copy(&s->c->arena, name, &one->name));
    CF_TRY(cf_arena_copy(&s->c->arena, secret->kms_key, &one->kms_key));
    return cf_arena_copy(&s->c->arena, secret->wrapped, &one->wrapped);
}

static bool on_secret(void *ctx, const cf_store_secret *secret)
{
    secret_search *s = ctx;
    s->err = take_secret(s, secret).code;
    return s->err == CF_OK && s->n <= CF_REQUEST_SECRETS_MAX;
}

CF_MUST_USE cf_result cf_expressions_secrets(cf_api_call *c, const cf_api_expressions *e,
                                             const cf_secret_ref **ret, size_t *ret_n)
{
    *ret = NULL;
    *ret_n = 0;
    bool any = false;
    for (size_t i = 0; i < e->n && !any; i++) {
        any = memmem(e->all[i].source.data, e->all[i].source.len, "hmac_", 5) != NULL;
    }
    if (!any) {
        return cf_ok();
    }
    secret_search s = {c, e, NULL, 0, CF_OK};
    s.all = cf_arena_new(&c->arena, CF_REQUEST_SECRETS_MAX + 1, sizeof *s.all);
    CF_REQUIRE(s.all != NULL, NO_MEMORY);
    CF_TRY(c->api->store.ops->secrets_walk(c->api->store.self, on_secret, &s));
    if (s.err != CF_OK) {
        return cf_fail(s.err);
    }
    if (s.n > CF_REQUEST_SECRETS_MAX) {
        member_fault(&c->faults, "expressions", CF_ERR_SIZE, "too many secrets are named");
        return cf_api_faults_result(&c->faults);
    }
    *ret = s.all;
    *ret_n = s.n;
    return cf_ok();
}

CF_MUST_USE cf_result cf_expressions_note(cf_api_call *c, const cf_api_expressions *e)
{
    if (e->n == 0) {
        return cf_ok();
    }
    cf_view *names = cf_arena_new(&c->arena, e->n, sizeof *names);
    cf_view *sources = cf_arena_new(&c->arena, e->n, sizeof *sources);
    uint8_t *hash = cf_arena_new(&c->arena, CF_AUDIT_SOURCES_BYTES, 1);
    CF_REQUIRE(names != NULL && sources != NULL && hash != NULL, NO_MEMORY);
    for (size_t i = 0; i < e->n; i++) {
        names[i] = e->all[i].name;
        sources[i] = e->all[i].source;
    }
    CF_TRY(cf_audit_sources(names, sources, e->n, hash));
    c->record.expressions = (cf_names){names, e->n};
    c->record.sources = cf_view_make(hash, CF_AUDIT_SOURCES_BYTES);
    return cf_ok();
}

/* ---- what came back ---- */

/* A text that is no JSON, or more than one value, would be read as something else by whoever reads the answer. */
static CF_MUST_USE cf_result check_text(cf_view json)
{
    CF_ARENA(arena, RESULT_ARENA_BYTES);
    cf_cel_value value;
    cf_result r = cf_cel_from_json(json, CF_RESULTS_JSON_BYTES_MAX, &arena, &value);
    return cf_is_ok(r) || r.code == CF_ERR_NO_MEMORY ? r : cf_fail(CF_ERR_INTERNAL);
}

CF_MUST_USE cf_result cf_expressions_check(const cf_api_expressions *e, const cf_answer *a)
{
    CF_REQUIRE(a->evaluated == (e->n > 0) && a->expressions_n == e->n, INTERNAL);
    for (size_t i = 0; i < e->n; i++) {
        CF_REQUIRE(cf_view_eq(a->expressions[i].name, e->all[i].name), INTERNAL);
        if (a->expressions[i].code == CF_OK) {
            CF_TRY(check_text(a->expressions[i].json));
        }
    }
    return cf_ok();
}
