/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of lists. Parts of a list share its elements: nothing changes a list that another value holds. */
#include "core/cel/lib_priv.h"
#include "core/cel/set_priv.h"

/* ---- Parts ---- */

CF_CEL_FUNCTION(slice)
{
    int64_t from = args[1].i, to = args[2].i;
    CF_REQUIRE(from >= 0 && from <= to && to <= args[0].len, CEL_INDEX);
    *ret =
        to == 0 ? cf_cel_list(NULL, 0) : cf_cel_list(args[0].items + from, (uint32_t)(to - from));
    return cf_ok();
}

CF_CEL_FUNCTION(first)
{
    return cf_cel_give(ret, cf_cel_optional(args[0].len == 0 ? NULL : args[0].items));
}

CF_CEL_FUNCTION(last)
{
    return cf_cel_give(ret,
                       cf_cel_optional(args[0].len == 0 ? NULL : args[0].items + args[0].len - 1));
}

/* ---- New lists ---- */

CF_CEL_FUNCTION(range)
{
    cf_cel_items l = {0};
    CF_REQUIRE(args[0].i >= 0, CEL_ARGUMENT);
    uint64_t count = (uint64_t)args[0].i;
    CF_TRY(cf_cel_items_reserve(run, &l, count));
    CF_TRY(cf_cel_charge(run, count));
    for (uint64_t i = 0; i < count; i++) {
        l.items[i] = cf_cel_int((int64_t)i);
    }
    return cf_cel_give(ret, cf_cel_list(l.items, (uint32_t)count));
}

CF_CEL_FUNCTION(reverse)
{
    cf_cel_items l = {0};
    uint32_t count = args[0].len;
    CF_TRY(cf_cel_charge(run, count));
    CF_TRY(cf_cel_items_reserve(run, &l, count));
    for (uint32_t i = 0; i < count; i++) {
        l.items[i] = args[0].items[count - 1 - i];
    }
    return cf_cel_give(ret, cf_cel_list(l.items, count));
}

CF_CEL_FUNCTION(distinct)
{
    cf_cel_items kept = {0};
    cf_cel_set seen;
    CF_TRY(cf_cel_set_new(run, args[0].len, &seen));
    for (uint32_t i = 0; i < args[0].len; i++) {
        const cf_cel_value *v = &args[0].items[i];
        bool there;
        CF_TRY(cf_cel_set_has(run, &seen, v, &there));
        if (!there) {
            CF_TRY(cf_cel_set_add(run, &seen, v));
            CF_TRY(cf_cel_items_push(run, &kept, v));
        }
    }
    return cf_cel_give(ret, cf_cel_items_list(&kept));
}

/* ---- flatten ---- */

typedef struct {
    const cf_cel_value *at;
    uint32_t left;
} flatten_frame;

/* Lists down to that depth give their elements in their own place. */
static cf_result flatten_to(cf_cel_run *run, const cf_cel_value *list, uint64_t depth_max,
                            cf_cel_value *ret)
{
    /* Release builds would clear all of it; the frames up to depth alone are read. */
    __attribute__((uninitialized)) flatten_frame frames[CF_CEL_NESTING_MAX];
    uint32_t depth = 0;
    cf_cel_items l = {0};
    frames[0] = (flatten_frame){list->items, list->len};
    for (;;) {
        flatten_frame *f = &frames[depth];
        if (f->left == 0) {
            if (depth == 0) {
                break;
            }
            depth--;
            continue;
        }
        f->left--;
        const cf_cel_value *v = f->at++;
        CF_TRY(cf_cel_charge(run, 1));
        if (v->kind != CF_CEL_LIST || depth == depth_max) {
            CF_TRY(cf_cel_items_push(run, &l, v));
        } else if (depth + 1 == CF_CEL_NESTING_MAX) {
            run->over = "nesting";
            return cf_fail(CF_ERR_BUDGET);
        } else {
            frames[++depth] = (flatten_frame){v->items, v->len};
        }
    }
    *ret = cf_cel_items_list(&l);
    return cf_ok();
}

CF_CEL_FUNCTION(flatten)
{
    CF_REQUIRE(n == 1 || args[1].i >= 0, CEL_ARGUMENT);
    return flatten_to(run, &args[0], n == 1 ? 1 : (uint64_t)args[1].i, ret);
}

/* ---- sort ---- */

static bool sortable(const cf_cel_value *v)
{
    return (v->kind >= CF_CEL_BOOL && v->kind <= CF_CEL_BYTES) || v->kind == CF_CEL_TIMESTAMP ||
           v->kind == CF_CEL_DURATION;
}

/* The keys are of one type that has an order; a NaN has none. */
static cf_result check_keys(const cf_cel_value *keys, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        CF_REQUIRE(sortable(&keys[i]) && keys[i].kind == keys[0].kind, CEL_TYPE);
        CF_REQUIRE(keys[i].kind != CF_CEL_DOUBLE || keys[i].d == keys[i].d, CEL_ARGUMENT);
    }
    return cf_ok();
}

/* Merges the two sorted runs from[low, middle) and from[middle, high) into to. Of equal keys the earlier comes first. */
static cf_result merge(cf_cel_run *run, const cf_cel_value *keys, const uint32_t *from,
                       uint32_t *to, const uint32_t bounds[3])
{
    uint32_t a = bounds[0], b = bounds[1], at = bounds[0];
    while (a < bounds[1] && b < bounds[2]) {
        int order;
        CF_TRY(cf_cel_compare(run, &keys[from[a]], &keys[from[b]], &order));
        to[at++] = order > 0 ? from[b++] : from[a++];
    }
    while (a < bounds[1]) {
        to[at++] = from[a++];
    }
    while (b < bounds[2]) {
        to[at++] = from[b++];
    }
    return cf_ok();
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Sorts the numbers 0 to n-1 by the keys of these numbers. *ret points to one of the two halves of a new piece. */
static cf_result sort_numbers(cf_cel_run *run, const cf_cel_value *keys, uint32_t n,
                              const uint32_t **ret)
{
    void *room;
    CF_TRY(cf_cel_new(run, 2 * (size_t)n * sizeof **ret, &room));
    uint32_t *from = room, *to = from + n;
    for (uint32_t i = 0; i < n; i++) {
        from[i] = i;
    }
    for (uint32_t width = 1; width < n; width *= 2) {
        for (uint32_t low = 0; low < n; low += 2 * width) {
            uint32_t middle = least(low + width, n);
            CF_TRY(merge(run, keys, from, to,
                         (const uint32_t[]){low, middle, least(low + 2 * width, n)}));
        }
        uint32_t *sorted = to;
        to = from;
        from = sorted;
    }
    *ret = from;
    return cf_ok();
}

/* The bound on elements keeps the widths above from wrapping. */
_Static_assert(CF_CEL_ELEMENTS_MAX < UINT32_MAX / 4,
               "runs of the merge sort are counted in 32 bits");

cf_result cf_cel_sort_by(cf_cel_run *run, const cf_cel_value *items, const cf_cel_value *keys,
                         uint32_t n, cf_cel_value *ret_list)
{
    *ret_list = (cf_cel_value){.kind = CF_CEL_UNSET};
    cf_cel_items l = {0};
    const uint32_t *order;
    CF_TRY(cf_cel_charge(run, n));
    CF_TRY(check_keys(keys, n));
    CF_TRY(cf_cel_items_reserve(run, &l, n));
    CF_TRY(sort_numbers(run, keys, n, &order));
    for (uint32_t i = 0; i < n; i++) {
        l.items[i] = items[order[i]];
    }
    *ret_list = cf_cel_list(l.items, n);
    return cf_ok();
}

CF_CEL_FUNCTION(sort)
{
    return cf_cel_sort_by(run, args[0].items, args[0].items, args[0].len, ret);
}

static const cf_cel_function rows[] = {
    {"distinct", "list(A).()->list(A)", distinct, 0},
    {"flatten", "list(list(A)).()->list(A)", flatten, 0},
    {"flatten", "list(dyn).(int)->list(dyn)", flatten, 0},
    {"lists.range", "(int)->list(int)", range, 0},
    {"reverse", "list(A).()->list(A)", reverse, 0},
    {"slice", "list(A).(int,int)->list(A)", slice, 0},
    {"sort", "list(int).()->list(int)", sort, 0},
    {"sort", "list(uint).()->list(uint)", sort, 0},
    {"sort", "list(double).()->list(double)", sort, 0},
    {"sort", "list(bool).()->list(bool)", sort, 0},
    {"sort", "list(string).()->list(string)", sort, 0},
    {"sort", "list(bytes).()->list(bytes)", sort, 0},
    {"sort", "list(timestamp).()->list(timestamp)", sort, 0},
    {"sort", "list(duration).()->list(duration)", sort, 0},
    {"first", "list(A).()->optional(A)", first, 0},
    {"last", "list(A).()->optional(A)", last, 0},
};

const cf_cel_library cf_cel_lib_lists = {rows, sizeof rows / sizeof rows[0]};
