/* SPDX-License-Identifier: Apache-2.0 */
/* sets.*: lists whose order and repetitions do not count. */
#include "core/cel/lib_priv.h"
#include "core/cel/set_priv.h"

/* Below it every double that equals a whole number equals it exactly, as the keys of a map do. */
#define EXACT_DOUBLE 0x1p53

/* Products of lengths up to which comparing each with each is the cheapest. */
#define PAIRS_MAX 64u

static bool is_key(const cf_cel_value *v)
{
    return v->kind == CF_CEL_INT || v->kind == CF_CEL_UINT || v->kind == CF_CEL_BOOL ||
           v->kind == CF_CEL_STRING;
}

cf_result cf_cel_set_new(cf_cel_run *run, size_t n, cf_cel_set *ret)
{
    *ret = (cf_cel_set){0};
    return cf_cel_map_new(run, n, &ret->keys);
}

static cf_result list_has(cf_cel_run *run, const cf_cel_value *items, uint32_t n,
                          const cf_cel_value *v, bool *ret)
{
    *ret = false;
    for (uint32_t i = 0; i < n && !*ret; i++) {
        CF_TRY(cf_cel_equal(run, &items[i], v, ret));
    }
    return cf_ok();
}

/* Large doubles equal all the whole numbers that are rounded to them, which no index finds. */
static cf_result any_key_equals(cf_cel_run *run, const cf_cel_map *keys, const cf_cel_value *v,
                                bool *ret)
{
    *ret = false;
    for (uint32_t i = 0; i < keys->count && !*ret; i++) {
        CF_TRY(cf_cel_equal(run, &keys->entries[2 * i], v, ret));
    }
    return cf_ok();
}

cf_result cf_cel_set_has(cf_cel_run *run, const cf_cel_set *set, const cf_cel_value *v, bool *ret)
{
    *ret = false;
    if (v->kind == CF_CEL_DOUBLE && (v->d >= EXACT_DOUBLE || v->d <= -EXACT_DOUBLE)) {
        CF_TRY(any_key_equals(run, set->keys, v, ret));
    } else {
        const cf_cel_value *found;
        CF_TRY(cf_cel_map_get(run, set->keys, v, &found));
        *ret = found != NULL;
    }
    return *ret ? cf_ok() : list_has(run, set->others.items, set->others.count, v, ret);
}

cf_result cf_cel_set_add(cf_cel_run *run, cf_cel_set *set, const cf_cel_value *v)
{
    if (is_key(v)) {
        const cf_cel_value nothing = cf_cel_null();
        return cf_cel_map_put(run, set->keys, v, &nothing);
    }
    return cf_cel_items_push(run, &set->others, v);
}

static cf_result set_of(cf_cel_run *run, const cf_cel_value *list, cf_cel_set *ret)
{
    CF_TRY(cf_cel_set_new(run, list->len, ret));
    for (uint32_t i = 0; i < list->len; i++) {
        bool there;
        CF_TRY(cf_cel_set_has(run, ret, &list->items[i], &there));
        if (!there) {
            CF_TRY(cf_cel_set_add(run, ret, &list->items[i]));
        }
    }
    return cf_ok();
}

/* Looks the elements of a list up in another until one is there, or is not there: stop says which. *ret is true if one did. */
static cf_result first_found(cf_cel_run *run, const cf_cel_value *in, const cf_cel_value *list,
                             bool stop, bool *ret)
{
    cf_cel_set set = {0};
    bool small = (uint64_t)in->len * list->len <= PAIRS_MAX;
    *ret = false;
    if (!small) {
        CF_TRY(set_of(run, in, &set));
    }
    for (uint32_t i = 0; i < list->len; i++) {
        bool there;
        CF_TRY(small ? list_has(run, in->items, in->len, &list->items[i], &there)
                     : cf_cel_set_has(run, &set, &list->items[i], &there));
        if (there == stop) {
            *ret = true;
            return cf_ok();
        }
    }
    return cf_ok();
}

CF_CEL_FUNCTION(contains)
{
    bool lacks;
    CF_TRY(first_found(run, &args[0], &args[1], false, &lacks));
    return cf_cel_give(ret, cf_cel_bool(!lacks));
}

CF_CEL_FUNCTION(equivalent)
{
    bool lacks;
    CF_TRY(first_found(run, &args[0], &args[1], false, &lacks));
    if (!lacks) {
        CF_TRY(first_found(run, &args[1], &args[0], false, &lacks));
    }
    return cf_cel_give(ret, cf_cel_bool(!lacks));
}

CF_CEL_FUNCTION(intersects)
{
    bool shares;
    CF_TRY(first_found(run, &args[1], &args[0], true, &shares));
    return cf_cel_give(ret, cf_cel_bool(shares));
}

static const cf_cel_function rows[] = {
    {"sets.contains", "(list(A),list(A))->bool", contains, 0},
    {"sets.equivalent", "(list(A),list(A))->bool", equivalent, 0},
    {"sets.intersects", "(list(A),list(A))->bool", intersects, 0},
};

const cf_cel_library cf_cel_lib_sets = {rows, sizeof rows / sizeof rows[0]};
