/* SPDX-License-Identifier: Apache-2.0 */
/* Values against a schema, and what is derived from them. */
#include "core/schema/schema_priv.h"

schema_field *cf_schema_find(const cf_schema *s, cf_view name)
{
    size_t low = 0, high = s->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = cf_view_cmp(name, s->fields[middle].name);
        if (order == 0) {
            return &s->fields[middle];
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

cf_view cf_schema_name(const cf_schema *s)
{
    return s->name;
}

bool cf_schema_has(const cf_schema *s, cf_view field)
{
    return cf_schema_find(s, field) != NULL;
}

size_t cf_schema_fields(const cf_schema *s)
{
    return s->n;
}

cf_view cf_schema_field_at(const cf_schema *s, size_t i)
{
    return i < s->n ? s->fields[i].name : CF_VIEW_EMPTY;
}

/* Tab, line feed and carriage return are part of text; other controls have no place in a person's data, and in logs, terminals
 * and spreadsheets they do harm. */
static bool has_controls(cf_view text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F) {
            return true;
        }
    }
    return false;
}

static cf_result name_check(const cf_schema *s, cf_view field, const schema_field **ret,
                            const char **ret_reason)
{
    cf_result r = cf_field_name_check(field);
    if (!cf_is_ok(r)) {
        *ret_reason =
            r.code == CF_ERR_RESERVED_FIELD ? "is a reserved name" : "is not a field name";
        return r;
    }
    *ret = cf_schema_find(s, field);
    if (*ret == NULL) {
        *ret_reason = "is not in the schema";
        return cf_fail(CF_ERR_UNKNOWN_FIELD);
    }
    return cf_ok();
}

/* A pattern matches anywhere in the text, as JSON Schema has it. */
static bool pattern_matches(const cf_regex *pattern, cf_view text)
{
    _Alignas(max_align_t) uint8_t scratch[SCHEMA_MATCH_BYTES];
    cf_regex_mem mem = {scratch, sizeof scratch};
    uint64_t steps = CF_SCHEMA_MATCH_STEPS_MAX;
    bool found = false;
    /* A text that takes more steps than there are counts as one that does not match. */
    return cf_is_ok(cf_regex_match(pattern, text, &mem, &steps, &found)) && found;
}

static cf_result text_check(const schema_field *f, cf_view text, const char **ret_reason)
{
    *ret_reason = "is longer than allowed";
    CF_REQUIRE(text.len <= CF_VALUE_BYTES_MAX, SIZE);
    *ret_reason = "is not valid UTF-8";
    CF_REQUIRE(cf_utf8_ok(text), UTF8);
    size_t points = cf_utf8_len(text);
    *ret_reason = "is longer than allowed";
    CF_REQUIRE(points <= f->points_max, SIZE);
    *ret_reason = "is shorter than allowed";
    CF_REQUIRE(points >= f->points_min, BAD_VALUE);
    *ret_reason = "has control characters";
    CF_REQUIRE(!has_controls(text), BAD_VALUE);
    if (f->format != NULL) {
        *ret_reason = f->format->reason;
        CF_REQUIRE(f->format->matches(text), BAD_VALUE);
    }
    if (f->pattern != NULL) {
        *ret_reason = "does not match the pattern of the field";
        CF_REQUIRE(pattern_matches(f->pattern, text), BAD_VALUE);
    }
    *ret_reason = NULL;
    return cf_ok();
}

CF_MUST_USE cf_result cf_schema_check_text(const cf_schema *s, cf_view field, cf_view text,
                                           const char **ret_reason)
{
    const schema_field *f = NULL;
    *ret_reason = NULL;
    CF_TRY(name_check(s, field, &f, ret_reason));
    return text_check(f, text, ret_reason);
}

CF_MUST_USE cf_result cf_schema_check(const cf_schema *s, cf_view field, const json_t *value,
                                      const char **ret_reason)
{
    const schema_field *f = NULL;
    *ret_reason = NULL;
    CF_TRY(name_check(s, field, &f, ret_reason));
    if (!json_is_string(value)) {
        *ret_reason = "is not text";
        return cf_fail(CF_ERR_WRONG_TYPE);
    }
    cf_view text = cf_view_make(json_string_value(value), json_string_length(value));
    return text_check(f, text, ret_reason);
}

/* The last code points of well-formed UTF-8; all of it when it has fewer. */
static cf_view tail(cf_view text, size_t points)
{
    size_t at = text.len;
    while (at > 0 && points > 0) {
        at--;
        points -= (text.data[at] & 0xC0) != 0x80;
    }
    return cf_view_sub(text, at, text.len - at);
}

bool cf_schema_derived(const cf_schema *s, cf_view field, cf_view value, size_t i,
                       cf_view *ret_field, cf_view *ret_value)
{
    *ret_field = *ret_value = CF_VIEW_EMPTY;
    for (size_t at = 0; at < s->n; at++) {
        const schema_field *f = &s->fields[at];
        if (f->source.len == 0 || !cf_view_eq(f->source, field)) {
            continue;
        }
        if (i == 0) {
            *ret_field = f->name;
            *ret_value = tail(value, f->take_last);
            return true;
        }
        i--;
    }
    return false;
}

cf_view cf_schema_source(const cf_schema *s, cf_view field)
{
    const schema_field *f = cf_schema_find(s, field);
    return f == NULL ? CF_VIEW_EMPTY : f->source;
}

bool cf_schema_derives_from(const cf_schema *s, cf_view field, cf_view source)
{
    cf_view real = cf_schema_source(s, field);
    return real.len > 0 && cf_view_eq(real, source);
}
