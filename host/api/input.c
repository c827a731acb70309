/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/input.h"

#include <stdlib.h>

#include "core/base/number.h"

/* json.h keeps NUL out of all strings and member names, so a member's name ends at its NUL. */
static cf_view text_of(const json_t *string)
{
    return cf_view_make(json_string_value(string), json_string_length(string));
}

static int by_name(const void *a, const void *b)
{
    return cf_view_cmp(((const cf_input_field *)a)->name, ((const cf_input_field *)b)->name);
}

const cf_input_field *cf_input_find(const cf_input *in, cf_view name)
{
    cf_input_field key = {.name = name};
    return in->n == 0 ? NULL : bsearch(&key, in->all, in->n, sizeof key, by_name);
}

/* One member of the body: what is wrong with it, or a field more. */
static void take_field(cf_view name, const json_t *value, size_t index, const cf_schema *schema,
                       cf_api_faults *faults, cf_input *in)
{
    const char *reason = NULL;
    cf_result r = cf_field_name_check(name);
    if (cf_is_ok(r)) {
        r = cf_schema_check(schema, name, value, &reason);
    }
    if (cf_is_ok(r) && json_string_length(value) > CF_VALUE_BYTES_MAX) {
        r = cf_fail(CF_ERR_SIZE);
    }
    if (!cf_is_ok(r)) {
        cf_api_fault_add(faults, name, index, r.code, reason);
        return;
    }
    in->all[in->n++] = (cf_input_field){.name = name, .value = text_of(value)};
}

/* Adds what is derived from the given fields, which are sorted. A derived field that was given too must agree, or the vault
 * would tell two different things. */
static CF_MUST_USE cf_result derive(const cf_schema *schema, size_t room, cf_api_faults *faults,
                                    cf_input *in)
{
    const cf_input given = *in;
    for (size_t i = 0; i < given.n; i++) {
        cf_view name = CF_VIEW_EMPTY, value = CF_VIEW_EMPTY;
        for (size_t k = 0;
             cf_schema_derived(schema, given.all[i].name, given.all[i].value, k, &name, &value);
             k++) {
            const cf_input_field *same = cf_input_find(&given, name);
            if (same == NULL) {
                CF_REQUIRE(in->n < room, INTERNAL);
                in->all[in->n++] = (cf_input_field){name, value, true};
            } else if (!cf_ct_eq(same->value, value)) {
                cf_api_fault_add(faults, name, 0, CF_ERR_BAD_VALUE,
                                 "differs from what is derived from another field given");
            }
        }
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_input_fields(const json_t *body, const cf_schema *schema, bool allow_none,
                                      cf_arena *arena, cf_api_faults *faults, cf_input *ret)
{
    *ret = (cf_input){NULL, 0};
    CF_REQUIRE(json_is_object(body), WRONG_TYPE);
    /* No more fields can pass than the schema has, with what is derived among them. */
    size_t room = cf_schema_fields(schema), index = 0;
    cf_input in = {cf_arena_new(arena, room + 1, sizeof(cf_input_field)), 0};
    CF_REQUIRE(in.all != NULL, NO_MEMORY);
    const char *key = NULL;
    json_t *value = NULL;
    /* The macro walks a const object, although jansson's iterators are typed for one that is not. */
    json_object_foreach((json_t *)(uintptr_t)body, key, value)
    {
        take_field(cf_view_str(key), value, index++, schema, faults, &in);
    }
    CF_TRY(cf_api_faults_result(faults));
    if (in.n == 0 && !allow_none) {
        cf_api_fault_add(faults, CF_VIEW_EMPTY, 0, CF_ERR_EMPTY,
                         "at least one field must be given");
        return cf_api_faults_result(faults);
    }
    if (in.n > 1) {
        qsort(in.all, in.n, sizeof in.all[0], by_name);
    }
    CF_TRY(derive(schema, room, faults, &in));
    CF_TRY(cf_api_faults_result(faults));
    if (in.n > 1) {
        qsort(in.all, in.n, sizeof in.all[0], by_name);
    }
    *ret = in;
    return cf_ok();
}

bool cf_names_has(const cf_names *names, cf_view name)
{
    for (size_t i = 0; i < names->n; i++) {
        if (cf_view_eq(names->all[i], name)) {
            return true;
        }
    }
    return false;
}

static void take_name(cf_view name, size_t index, cf_api_faults *faults, cf_names *names)
{
    cf_result r = cf_field_name_check(name);
    if (cf_is_ok(r) && cf_names_has(names, name)) {
        r = cf_fail(CF_ERR_DUPLICATE);
    }
    if (!cf_is_ok(r)) {
        cf_api_fault_add(faults, name, index, r.code, NULL);
        return;
    }
    names->all[names->n++] = name;
}

/* Room for the names, once their number is known to be within bounds. */
static CF_MUST_USE cf_result names_room(const char *member, size_t count, cf_arena *arena,
                                        cf_api_faults *faults, cf_names *ret)
{
    if (count == 0) {
        cf_api_fault_add(faults, cf_view_str(member), 0, CF_ERR_EMPTY,
                         "at least one field must be named");
    } else if (count > CF_REQUEST_FIELDS_MAX) {
        cf_api_fault_add(faults, cf_view_str(member), 0, CF_ERR_SIZE, "too many fields are named");
    }
    CF_TRY(cf_api_faults_result(faults));
    ret->all = cf_arena_new(arena, count, sizeof(cf_view));
    CF_REQUIRE(ret->all != NULL, NO_MEMORY);
    return cf_ok();
}

CF_MUST_USE cf_result cf_names_of_json(const json_t *body, const char *member, cf_arena *arena,
                                       cf_api_faults *faults, cf_names *ret)
{
    *ret = (cf_names){NULL, 0};
    const json_t *list = json_object_get(body, member);
    if (!json_is_array(list)) {
        cf_api_fault_add(faults, cf_view_str(member), 0,
                         list == NULL ? CF_ERR_MISSING : CF_ERR_WRONG_TYPE, NULL);
        return cf_api_faults_result(faults);
    }
    cf_names names = {NULL, 0};
    size_t count = json_array_size(list);
    CF_TRY(names_room(member, count, arena, faults, &names));
    for (size_t i = 0; i < count; i++) {
        const json_t *name = json_array_get(list, i);
        if (json_is_string(name)) {
            take_name(text_of(name), i, faults, &names);
        } else {
            cf_api_fault_add(faults, CF_VIEW_EMPTY, i, CF_ERR_WRONG_TYPE, NULL);
        }
    }
    CF_TRY(cf_api_faults_result(faults));
    *ret = names;
    return cf_ok();
}

CF_MUST_USE cf_result cf_names_of_text(cf_view text, cf_arena *arena, cf_api_faults *faults,
                                       cf_names *ret)
{
    *ret = (cf_names){NULL, 0};
    if (text.len > CF_API_QUERY_BYTES_MAX) {
        cf_api_fault_add(faults, CF_LIT("fields"), 0, CF_ERR_SIZE, NULL);
        return cf_api_faults_result(faults);
    }
    size_t count = text.len > 0;
    for (size_t i = 0; i < text.len; i++) {
        count += text.data[i] == ',';
    }
    cf_names names = {NULL, 0};
    CF_TRY(names_room("fields", count, arena, faults, &names));
    for (size_t i = 0, index = 0; index < count; index++) {
        size_t start = i;
        while (i < text.len && text.data[i] != ',') {
            i++;
        }
        take_name(cf_view_sub(text, start, i - start), index, faults, &names);
        i++;
    }
    CF_TRY(cf_api_faults_result(faults));
    *ret = names;
    return cf_ok();
}

CF_MUST_USE cf_result cf_names_known(const cf_names *names, const cf_schema *schema,
                                     cf_api_faults *faults)
{
    for (size_t i = 0; i < names->n; i++) {
        if (!cf_schema_has(schema, names->all[i])) {
            cf_api_fault_add(faults, names->all[i], i, CF_ERR_UNKNOWN_FIELD, NULL);
        }
    }
    return cf_api_faults_result(faults);
}

CF_MUST_USE cf_result cf_input_text(const json_t *body, const char *member, size_t min, size_t max,
                                    cf_api_faults *faults, cf_view *ret)
{
    *ret = CF_VIEW_EMPTY;
    cf_view text = CF_VIEW_EMPTY;
    cf_result r = cf_json_get_str(body, member, max, &text);
    if (cf_is_ok(r) && text.len < min) {
        r = cf_fail(CF_ERR_EMPTY);
    }
    if (!cf_is_ok(r)) {
        cf_api_fault_add(faults, cf_view_str(member), 0, r.code, NULL);
        return r;
    }
    *ret = text;
    return cf_ok();
}

CF_MUST_USE cf_result cf_input_only(const json_t *body, const char *const *members,
                                    cf_api_faults *faults)
{
    CF_REQUIRE(json_is_object(body), WRONG_TYPE);
    const char *key = NULL;
    json_t *value = NULL;
    size_t index = 0;
    json_object_foreach((json_t *)(uintptr_t)body, key, value)
    {
        bool known = false;
        for (size_t i = 0; members[i] != NULL; i++) {
            known = known || cf_view_eq(cf_view_str(key), cf_view_str(members[i]));
        }
        if (!known) {
            cf_api_fault_add(faults, cf_view_str(key), index, CF_ERR_UNKNOWN_MEMBER, NULL);
        }
        index++;
    }
    return cf_api_faults_result(faults);
}

CF_MUST_USE cf_result cf_input_number(cf_view text, const char *name, uint64_t min, uint64_t max,
                                      cf_api_faults *faults, uint64_t *ret)
{
    uint64_t n = 0;
    cf_result r = cf_parse_u64(text, max, &n);
    if (!cf_is_ok(r) || n < min) {
        cf_api_fault_add(faults, cf_view_str(name), 0, CF_ERR_RANGE, NULL);
        return cf_api_faults_result(faults);
    }
    *ret = n;
    return cf_ok();
}
