/* SPDX-License-Identifier: Apache-2.0 */
/* Schema documents: docs/schemas.md. */
#include "core/schema/schema_priv.h"

#define DRAFT "https://json-schema.org/draft/2020-12/schema"
/* Twice the fields and their names, and room for the arena's rounding. */
#define ARENA_BYTES_MAX                                                                            \
    (CF_SCHEMA_FIELDS_MAX * (sizeof(schema_field) + 2 * (CF_FIELD_NAME_BYTES_MAX + 32)) + 1024 +   \
     CF_SCHEMA_PATTERNS_BYTES_MAX)

void cf_schema_free(cf_schema **s)
{
    if (*s != NULL) {
        cf_arena_free(&(*s)->arena);
        cf_mem_free(*s);
        *s = NULL;
    }
}

/* An optional member for people. */
static cf_result check_text(const json_t *object, const char *name)
{
    cf_view text;
    cf_result r = cf_json_get_str(object, name, CF_SCHEMA_TEXT_BYTES_MAX, &text);
    return r.code == CF_ERR_MISSING ? cf_ok() : r;
}

/* A member that has one possible value. */
static cf_result check_word(const json_t *object, const char *name, cf_view word)
{
    cf_view text;
    CF_TRY(cf_json_get_str(object, name, CF_SCHEMA_TEXT_BYTES_MAX, &text));
    CF_REQUIRE(cf_view_eq(text, word), UNSUPPORTED);
    return cf_ok();
}

static cf_result root_parse(const json_t *root, cf_schema *s)
{
    static const char *const members[] = {
        "$schema", "$id",        "title",   "description",
        "type",    "properties", "derived", "additionalProperties",
        NULL};
    cf_view name;
    CF_TRY(cf_json_only(root, members));
    cf_result r = check_word(root, "$schema", CF_LIT(DRAFT));
    if (r.code != CF_ERR_MISSING) {
        CF_TRY(r);
    }
    CF_TRY(check_text(root, "title"));
    CF_TRY(check_text(root, "description"));
    CF_TRY(check_word(root, "type", CF_LIT("object")));
    const json_t *more = json_object_get(root, "additionalProperties");
    CF_REQUIRE(more != NULL, MISSING);
    CF_REQUIRE(json_is_false(more), UNSUPPORTED);
    CF_TRY(cf_json_get_str(root, "$id", CF_SCHEMA_TEXT_BYTES_MAX, &name));
    CF_REQUIRE(cf_tenant_ok(name), BAD_NAME);
    return cf_arena_copy(&s->arena, name, &s->name);
}

/* An optional number; *ret keeps what it has when the member is absent. */
static cf_result get_number(const json_t *object, const char *name, size_t *ret)
{
    uint64_t n = 0;
    cf_result r = cf_json_get_u64(object, name, CF_VALUE_BYTES_MAX, &n);
    if (r.code == CF_ERR_MISSING) {
        return cf_ok();
    }
    CF_TRY(r);
    *ret = (size_t)n;
    return cf_ok();
}

static cf_result format_parse(const json_t *object, schema_field *f)
{
    cf_view format;
    cf_result r = cf_json_get_str(object, "format", CF_SCHEMA_TEXT_BYTES_MAX, &format);
    if (r.code == CF_ERR_MISSING) {
        return cf_ok();
    }
    CF_TRY(r);
    f->format = cf_schema_format(format);
    CF_REQUIRE(f->format != NULL, UNSUPPORTED);
    return cf_ok();
}

/* Compiled once, with the document. */
static cf_result pattern_parse(const json_t *object, cf_arena *arena, schema_field *f,
                               cf_schema_fault *fault)
{
    static const cf_regex_limits limits = {
        .pattern_bytes_max = CF_SCHEMA_TEXT_BYTES_MAX,
        .instructions_max = CF_SCHEMA_PATTERN_INSTRUCTIONS_MAX,
        .ranges_max = CF_SCHEMA_PATTERN_RANGES_MAX,
    };
    cf_view pattern;
    uint64_t steps = UINT64_MAX;
    cf_result r = cf_json_get_str(object, "pattern", CF_SCHEMA_TEXT_BYTES_MAX, &pattern);
    if (r.code == CF_ERR_MISSING) {
        return cf_ok();
    }
    CF_TRY(r);
    fault->in_pattern = true;
    CF_TRY(cf_regex_compile_in(pattern, &limits, arena, &steps, &f->pattern, &fault->offset));
    CF_REQUIRE(cf_regex_mem_bytes(f->pattern, 0) <= SCHEMA_MATCH_BYTES, SIZE);
    fault->in_pattern = false;
    return cf_ok();
}

static cf_result field_parse(const json_t *object, cf_arena *arena, schema_field *f,
                             cf_schema_fault *fault)
{
    static const char *const members[] = {"type",      "title",  "description", "minLength",
                                          "maxLength", "format", "pattern",     NULL};
    CF_TRY(cf_json_only(object, members));
    CF_TRY(check_word(object, "type", CF_LIT("string")));
    CF_TRY(check_text(object, "title"));
    CF_TRY(check_text(object, "description"));
    f->points_max = CF_VALUE_BYTES_MAX;
    CF_TRY(get_number(object, "minLength", &f->points_min));
    CF_TRY(get_number(object, "maxLength", &f->points_max));
    CF_REQUIRE(f->points_min <= f->points_max, RANGE);
    CF_TRY(format_parse(object, f));
    return pattern_parse(object, arena, f, fault);
}

/* What is wrong from here on is wrong with that field; a name that is too long to be one is not told. */
static void fault_at(cf_schema_fault *fault, cf_view name)
{
    *fault = (cf_schema_fault){.len = name.len <= sizeof fault->name ? name.len : 0};
    cf_copy(fault->name, name.data, fault->len);
}

/* Moves the last field to its place among those before it. */
static void sort_last(cf_schema *s)
{
    schema_field last = s->fields[s->n - 1];
    size_t at = s->n - 1;
    while (at > 0 && cf_view_cmp(last.name, s->fields[at - 1].name) < 0) {
        s->fields[at] = s->fields[at - 1];
        at--;
    }
    s->fields[at] = last;
}

static cf_result fields_parse(json_t *properties, cf_schema *s, cf_schema_fault *fault)
{
    CF_REQUIRE(json_is_object(properties), WRONG_TYPE);
    size_t n = json_object_size(properties);
    CF_REQUIRE(n > 0, EMPTY);
    CF_REQUIRE(n <= CF_SCHEMA_FIELDS_MAX, SIZE);
    s->fields = cf_arena_new(&s->arena, n, sizeof *s->fields);
    CF_REQUIRE(s->fields != NULL, NO_MEMORY);
    const char *name = NULL;
    json_t *object = NULL;
    json_object_foreach(properties, name, object)
    {
        schema_field f = {.points_min = 0};
        fault_at(fault, cf_view_str(name));
        CF_TRY(cf_field_name_check(cf_view_str(name)));
        CF_TRY(cf_arena_copy(&s->arena, cf_view_str(name), &f.name));
        CF_TRY(field_parse(object, &s->arena, &f, fault));
        s->fields[s->n++] = f;
        sort_last(s);
    }
    fault_at(fault, CF_VIEW_EMPTY);
    return cf_ok();
}

/* What is derived must be there whenever its source is, and meet its own rules whatever the source's value: so that a value
 * that was accepted never fails later. */
static cf_result derived_rules(const schema_field *f, const schema_field *source)
{
    CF_REQUIRE(source != NULL, UNKNOWN_FIELD);
    CF_REQUIRE(source != f && source->source.len == 0, BAD_VALUE);
    CF_REQUIRE(f->take_last > 0 && f->take_last <= source->points_min, RANGE);
    CF_REQUIRE(f->take_last >= f->points_min && f->take_last <= f->points_max, RANGE);
    CF_REQUIRE(f->pattern == NULL, BAD_VALUE);
    bool digits = source->format != NULL && source->format->ascii_digits;
    bool follows = f->format == NULL || (f->format->ascii_digits && digits);
    CF_REQUIRE(follows, BAD_VALUE);
    return cf_ok();
}

static cf_result derived_parse(json_t *derived, cf_schema *s, cf_schema_fault *fault)
{
    static const char *const members[] = {"from", "take_last", NULL};
    CF_REQUIRE(json_is_object(derived), WRONG_TYPE);
    const char *name = NULL;
    json_t *object = NULL;
    json_object_foreach(derived, name, object)
    {
        cf_view from;
        schema_field *f = cf_schema_find(s, cf_view_str(name));
        fault_at(fault, cf_view_str(name));
        CF_REQUIRE(f != NULL, UNKNOWN_FIELD);
        CF_TRY(cf_json_only(object, members));
        CF_TRY(cf_json_get_str(object, "from", CF_FIELD_NAME_BYTES_MAX, &from));
        CF_TRY(get_number(object, "take_last", &f->take_last));
        const schema_field *source = cf_schema_find(s, from);
        CF_TRY(derived_rules(f, source));
        f->source = source->name;
    }
    /* Nor is a source derived by what came after it. */
    for (size_t i = 0; i < s->n; i++) {
        cf_view source = s->fields[i].source;
        fault_at(fault, s->fields[i].name);
        CF_REQUIRE(source.len == 0 || cf_schema_find(s, source)->source.len == 0, BAD_VALUE);
    }
    return cf_ok();
}

static cf_result schema_parse(cf_view json, cf_schema **ret, cf_schema_fault *fault)
{
    CF_JSON(root);
    CF_TRY(cf_json_parse(json, CF_SCHEMA_BYTES_MAX, &root));
    CF_AUTO(cf_schema_free) cf_schema *s = cf_mem_new(1, sizeof *s);
    CF_REQUIRE(s != NULL, NO_MEMORY);
    s->arena.max = ARENA_BYTES_MAX;
    CF_TRY(root_parse(root, s));
    json_t *properties = json_object_get(root, "properties"), *derived = NULL;
    CF_REQUIRE(properties != NULL, MISSING);
    CF_TRY(fields_parse(properties, s, fault));
    derived = json_object_get(root, "derived");
    if (derived != NULL) {
        CF_TRY(derived_parse(derived, s, fault));
    }
    *ret = s;
    s = NULL;
    return cf_ok();
}

CF_MUST_USE cf_result cf_schema_parse(cf_view json, cf_schema **ret, cf_schema_fault *ret_fault)
{
    cf_schema_fault fault = {.len = 0};
    *ret = NULL;
    cf_result r = schema_parse(json, ret, &fault);
    if (cf_is_ok(r)) {
        fault_at(&fault, CF_VIEW_EMPTY);
    }
    if (ret_fault != NULL) {
        *ret_fault = fault;
    }
    return r;
}
