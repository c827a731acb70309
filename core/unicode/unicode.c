/* SPDX-License-Identifier: Apache-2.0 */
/* Sets by name, and simple case folding. */
#include "core/unicode/tables_priv.h"

#include <string.h>

#define ALL_CATEGORIES ((UINT64_C(1) << (UNICODE_ZS + 1)) - 1)
#define BIT(category) (UINT64_C(1) << UNICODE_##category)

typedef struct {
    char name[4];
    uint64_t values;
} category_row;

static const category_row category_rows[] = {
    {"Any", ALL_CATEGORIES},
    {"C", BIT(CC) | BIT(CF) | BIT(CO) | BIT(CS)},
    {"Cc", BIT(CC)},
    {"Cf", BIT(CF)},
    {"Co", BIT(CO)},
    {"Cs", BIT(CS)},
    {"L", BIT(LL) | BIT(LM) | BIT(LO) | BIT(LT) | BIT(LU)},
    {"Ll", BIT(LL)},
    {"Lm", BIT(LM)},
    {"Lo", BIT(LO)},
    {"Lt", BIT(LT)},
    {"Lu", BIT(LU)},
    {"M", BIT(MC) | BIT(ME) | BIT(MN)},
    {"Mc", BIT(MC)},
    {"Me", BIT(ME)},
    {"Mn", BIT(MN)},
    {"N", BIT(ND) | BIT(NL) | BIT(NO)},
    {"Nd", BIT(ND)},
    {"Nl", BIT(NL)},
    {"No", BIT(NO)},
    {"P", BIT(PC) | BIT(PD) | BIT(PE) | BIT(PF) | BIT(PI) | BIT(PO) | BIT(PS)},
    {"Pc", BIT(PC)},
    {"Pd", BIT(PD)},
    {"Pe", BIT(PE)},
    {"Pf", BIT(PF)},
    {"Pi", BIT(PI)},
    {"Po", BIT(PO)},
    {"Ps", BIT(PS)},
    {"S", BIT(SC) | BIT(SK) | BIT(SM) | BIT(SO)},
    {"Sc", BIT(SC)},
    {"Sk", BIT(SK)},
    {"Sm", BIT(SM)},
    {"So", BIT(SO)},
    {"Z", BIT(ZL) | BIT(ZP) | BIT(ZS)},
    {"Zl", BIT(ZL)},
    {"Zp", BIT(ZP)},
    {"Zs", BIT(ZS)},
};

static bool is_name(cf_view name, const char *row)
{
    return cf_view_eq(name, cf_view_make(row, strlen(row)));
}

bool cf_unicode_set_of(cf_view name, cf_unicode_set *ret)
{
    *ret = (cf_unicode_set){NULL, 0, 0, 0, false};
    for (size_t i = 0; i < sizeof category_rows / sizeof category_rows[0]; i++) {
        if (is_name(name, category_rows[i].name)) {
            *ret = (cf_unicode_set){cf_unicode_categories, cf_unicode_categories_n, 0,
                                    category_rows[i].values, false};
            return true;
        }
    }
    for (size_t i = 0; i < cf_unicode_script_names_n; i++) {
        if (is_name(name, cf_unicode_script_names[i])) {
            *ret = (cf_unicode_set){cf_unicode_scripts, cf_unicode_scripts_n, 0, i + 1, true};
            return true;
        }
    }
    return false;
}

static bool run_is_in(const cf_unicode_set *set, size_t i)
{
    uint32_t value = set->runs[i] & 0xFF;
    return set->by_value ? value == set->values : (set->values >> value & 1) != 0;
}

bool cf_unicode_set_next(cf_unicode_set *set, cf_unicode_range *ret)
{
    *ret = (cf_unicode_range){0, 0};
    while (set->at < set->n && !run_is_in(set, set->at)) {
        set->at++;
    }
    if (set->at == set->n) {
        return false;
    }
    ret->lo = set->runs[set->at] >> 8;
    while (set->at < set->n && run_is_in(set, set->at)) {
        set->at++;
    }
    ret->hi = set->at < set->n ? (set->runs[set->at] >> 8) - 1 : CF_UNICODE_LAST;
    return true;
}

/* The run that holds c. */
static size_t run_find(const uint32_t *runs, size_t n, uint32_t c)
{
    size_t low = 0, high = n; /* runs[low] begins at or before c, runs[high] behind it */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (runs[middle] >> 8 <= c) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

bool cf_unicode_set_has(const cf_unicode_set *set, uint32_t c)
{
    return set->n > 0 && c <= CF_UNICODE_LAST && run_is_in(set, run_find(set->runs, set->n, c));
}

bool cf_unicode_run_has(const uint32_t *runs, size_t n, uint32_t c)
{
    return (runs[run_find(runs, n, c)] & 1) != 0;
}

bool cf_unicode_is_space(uint32_t c)
{
    if (c < 0x80) {
        return c == ' ' || (c >= '\t' && c <= '\r');
    }
    return cf_unicode_run_has(cf_unicode_space, cf_unicode_space_n, c);
}

size_t cf_unicode_map_find(const unicode_map *maps, size_t n, uint32_t c)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (maps[middle].hi < c) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

uint32_t cf_unicode_map_apply(const unicode_map *map, uint32_t c)
{
    uint32_t off = c - map->lo;
    switch (map->kind) {
    case UNICODE_SWAP:
        return off % 2 == 0 ? c + 1 : c - 1;
    case UNICODE_ALTERNATE:
        return off % 2 == 0 ? c + (uint32_t)map->delta : c;
    default:
        return c + (uint32_t)map->delta;
    }
}

uint32_t cf_unicode_fold_next(uint32_t c)
{
    size_t i = cf_unicode_map_find(cf_unicode_fold_maps, cf_unicode_fold_maps_n, c);
    bool found = i < cf_unicode_fold_maps_n && cf_unicode_fold_maps[i].lo <= c;
    return found ? cf_unicode_map_apply(&cf_unicode_fold_maps[i], c) : c;
}

bool cf_unicode_fold_range(cf_unicode_range range, size_t *at, cf_unicode_range *ret)
{
    *ret = (cf_unicode_range){0, 0};
    if (*at == 0) {
        /* Stored one higher, so that 0 means the beginning. */
        *at = cf_unicode_map_find(cf_unicode_fold_maps, cf_unicode_fold_maps_n, range.lo) + 1;
    }
    if (*at > cf_unicode_fold_maps_n || cf_unicode_fold_maps[*at - 1].lo > range.hi) {
        return false;
    }
    const unicode_map *map = &cf_unicode_fold_maps[*at - 1];
    uint32_t lo = range.lo > map->lo ? range.lo : map->lo;
    uint32_t hi = range.hi < map->hi ? range.hi : map->hi;
    if (map->kind == UNICODE_SWAP) {
        /* Whole pairs: the image of a half is the other half. */
        *ret = (cf_unicode_range){lo - (lo - map->lo) % 2, hi + (hi - map->lo + 1) % 2};
    } else {
        *ret = (cf_unicode_range){lo + (uint32_t)map->delta, hi + (uint32_t)map->delta};
    }
    (*at)++;
    return true;
}
