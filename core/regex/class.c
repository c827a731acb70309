/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of code points: collected range by range, then sorted, joined and kept once each. */
#include "core/regex/regex_priv.h"

#include <string.h>

#define CLASSES_FIRST 8
#define RANGES_FIRST 32
#define TIDY_FIRST 1024
/* A cycle of code points that differ in case has four members at most: three steps reach all. */
#define FOLD_STEPS 3

typedef struct {
    char name[7];
    uint8_t n;
    uint8_t ranges[4][2];
} ascii_set;

static const ascii_set ascii_sets[] = {
    {"d", 1, {{'0', '9'}}},
    {"s", 3, {{'\t', '\n'}, {'\f', '\r'}, {' ', ' '}}},
    {"w", 4, {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}},
    {"alnum", 3, {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}}},
    {"alpha", 2, {{'A', 'Z'}, {'a', 'z'}}},
    {"ascii", 1, {{0, 0x7F}}},
    {"blank", 2, {{'\t', '\t'}, {' ', ' '}}},
    {"cntrl", 2, {{0, 0x1F}, {0x7F, 0x7F}}},
    {"digit", 1, {{'0', '9'}}},
    {"graph", 1, {{'!', '~'}}},
    {"lower", 1, {{'a', 'z'}}},
    {"print", 1, {{' ', '~'}}},
    {"punct", 4, {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}}},
    {"space", 2, {{'\t', '\r'}, {' ', ' '}}},
    {"upper", 1, {{'A', 'Z'}}},
    {"word", 4, {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}},
    {"xdigit", 3, {{'0', '9'}, {'A', 'F'}, {'a', 'f'}}},
};

static cf_result ranges_reserve(regex_compilation *c)
{
    if (c->ranges_n < c->ranges_cap) {
        return cf_ok();
    }
    size_t cap = c->ranges_cap == 0 ? RANGES_FIRST : 2 * c->ranges_cap;
    cf_unicode_range *more = cf_arena_new(c->scratch, cap, sizeof *more);
    CF_REQUIRE(more != NULL, NO_MEMORY);
    cf_copy(more, c->ranges, c->ranges_n * sizeof *more);
    c->ranges = more;
    c->ranges_cap = cap;
    return cf_ok();
}

static cf_result add(regex_compilation *c, uint32_t lo, uint32_t hi)
{
    CF_TRY(regex_work(c, 1));
    if (c->ranges_n > c->part_at) {
        /* What comes in order is joined at once, which keeps the list short. */
        cf_unicode_range *last = &c->ranges[c->ranges_n - 1];
        if (lo >= last->lo && lo <= last->hi + 1) {
            last->hi = hi > last->hi ? hi : last->hi;
            return cf_ok();
        }
    }
    CF_TRY(ranges_reserve(c));
    c->ranges[c->ranges_n++] = (cf_unicode_range){lo, hi};
    return cf_ok();
}

static bool is_sorted(const cf_unicode_range *r, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        if (r[i].lo < r[i - 1].lo) {
            return false;
        }
    }
    return true;
}

/* Shell's sort: in place, and far from quadratic for the few thousand ranges that there can be. */
static void sort(cf_unicode_range *r, size_t n)
{
    static const uint16_t gaps[] = {28843, 12819, 5697, 2532, 1125, 701, 301,
                                    132,   57,    23,   10,   4,    1};
    for (size_t g = 0; g < sizeof gaps / sizeof gaps[0]; g++) {
        size_t gap = gaps[g];
        for (size_t i = gap; i < n; i++) {
            cf_unicode_range moved = r[i];
            size_t at = i;
            while (at >= gap && r[at - gap].lo > moved.lo) {
                r[at] = r[at - gap];
                at -= gap;
            }
            r[at] = moved;
        }
    }
}

/* Sorts the ranges from index from on, and joins those that overlap or touch. */
static cf_result tidy(regex_compilation *c, size_t from)
{
    size_t n = c->ranges_n - from, kept = 0;
    if (n == 0) {
        return cf_ok(); /* ranges may still be NULL */
    }
    cf_unicode_range *r = c->ranges + from;
    CF_TRY(regex_work(c, n));
    if (!is_sorted(r, n)) {
        CF_TRY(regex_work(c, 8 * n));
        sort(r, n);
    }
    for (size_t i = 0; i < n; i++) {
        if (kept > 0 && r[i].lo <= r[kept - 1].hi + 1) {
            r[kept - 1].hi = r[i].hi > r[kept - 1].hi ? r[i].hi : r[kept - 1].hi;
        } else {
            r[kept++] = r[i];
        }
    }
    c->ranges_n = from + kept;
    return cf_ok();
}

/* Replaces tidy ranges by what lies between them. */
static cf_result negate(regex_compilation *c, size_t from)
{
    uint32_t next = 0;
    size_t kept = from, n = c->ranges_n;
    for (size_t i = from; i < n; i++) {
        cf_unicode_range r = c->ranges[i];
        if (r.lo > next) {
            c->ranges[kept++] = (cf_unicode_range){next, r.lo - 1};
        }
        next = r.hi + 1;
    }
    c->ranges_n = kept;
    if (next <= CF_UNICODE_LAST) {
        CF_TRY(ranges_reserve(c));
        c->ranges[c->ranges_n++] = (cf_unicode_range){next, CF_UNICODE_LAST};
    }
    return cf_ok();
}

/* Adds the partners in case of all ranges from index from on, in steps along their cycles. */
static cf_result fold(regex_compilation *c, size_t from)
{
    c->part_at = c->ranges_n; /* so that no range grows that has been passed already */
    size_t begin = from, end = c->ranges_n;
    for (unsigned step = 0; step < FOLD_STEPS; step++) {
        for (size_t i = begin; i < end; i++) {
            cf_unicode_range image;
            size_t at = 0;
            while (cf_unicode_fold_range(c->ranges[i], &at, &image)) {
                CF_TRY(add(c, image.lo, image.hi));
            }
            CF_TRY(regex_work(c, 8)); /* the search for the first image */
        }
        begin = end;
        end = c->ranges_n;
        c->part_at = end;
    }
    return cf_ok();
}

/* A class may name large sets time and again: what has been collected is joined before it doubles. */
static cf_result part_begin(regex_compilation *c)
{
    if (c->ranges_n - c->class_at > c->tidy_at) {
        CF_TRY(tidy(c, c->class_at));
        size_t n = c->ranges_n - c->class_at;
        CF_REQUIRE(n <= c->limits.ranges_max, SIZE);
        c->tidy_at = TIDY_FIRST + 2 * n;
    }
    c->part_at = c->ranges_n;
    return cf_ok();
}

static cf_result part_end(regex_compilation *c, size_t from, bool negated, unsigned flags)
{
    if ((flags & REGEX_FOLD) != 0) {
        CF_TRY(fold(c, from));
    }
    if (negated) {
        CF_TRY(tidy(c, from));
        CF_TRY(negate(c, from));
    }
    return cf_ok();
}

void regex_class_begin(regex_compilation *c)
{
    c->class_at = c->part_at = c->ranges_n;
    c->tidy_at = TIDY_FIRST;
}

CF_MUST_USE cf_result regex_class_add(regex_compilation *c, uint32_t lo, uint32_t hi,
                                      unsigned flags)
{
    if ((flags & REGEX_FOLD) == 0) {
        if (c->ranges_n - c->class_at > c->tidy_at) {
            CF_TRY(part_begin(c));
        }
        return add(c, lo, hi);
    }
    CF_TRY(part_begin(c));
    size_t from = c->ranges_n;
    CF_TRY(add(c, lo, hi));
    return part_end(c, from, false, flags);
}

CF_MUST_USE cf_result regex_class_add_unicode(regex_compilation *c, cf_view name, bool negated,
                                              unsigned flags)
{
    cf_unicode_set set;
    cf_unicode_range range;
    CF_REQUIRE(cf_unicode_set_of(name, &set), UNSUPPORTED);
    CF_TRY(part_begin(c));
    size_t from = c->ranges_n;
    CF_TRY(regex_work(c, set.n));
    while (cf_unicode_set_next(&set, &range)) {
        CF_TRY(add(c, range.lo, range.hi));
    }
    return part_end(c, from, negated, flags);
}

CF_MUST_USE cf_result regex_class_add_ascii(regex_compilation *c, cf_view name, bool negated,
                                            unsigned flags)
{
    for (size_t i = 0; i < sizeof ascii_sets / sizeof ascii_sets[0]; i++) {
        const ascii_set *set = &ascii_sets[i];
        if (!cf_view_eq(name, cf_view_make(set->name, strlen(set->name)))) {
            continue;
        }
        CF_TRY(part_begin(c));
        size_t from = c->ranges_n;
        for (size_t j = 0; j < set->n; j++) {
            CF_TRY(add(c, set->ranges[j][0], set->ranges[j][1]));
        }
        return part_end(c, from, negated, flags);
    }
    return cf_fail(CF_ERR_PATTERN);
}

static regex_class class_of(const cf_unicode_range *r, size_t off, size_t n)
{
    regex_class class = {{0, 0}, (uint32_t)off, (uint32_t)n, 2166136261u, 0};
    for (size_t i = 0; i < n; i++) {
        class.hash = (class.hash ^ r[i].lo) * 16777619u;
        class.hash = (class.hash ^ r[i].hi) * 16777619u;
        for (uint32_t c = r[i].lo; c <= r[i].hi && c < 0x80; c++) {
            class.ascii[c / 64] |= UINT64_C(1) << c % 64;
        }
    }
    class.hash ^= class.hash >> 16;
    return class;
}

static bool classes_equal(const regex_compilation *c, const regex_class *a, const regex_class *b)
{
    const size_t size = sizeof(cf_unicode_range);
    return a->hash == b->hash && cf_view_eq(cf_view_make(c->ranges + a->off, a->n * size),
                                            cf_view_make(c->ranges + b->off, b->n * size));
}

static cf_result classes_reserve(regex_compilation *c)
{
    if (c->classes_n < c->classes_cap) {
        return cf_ok();
    }
    uint32_t cap = c->classes_cap == 0 ? CLASSES_FIRST : 2 * c->classes_cap;
    regex_class *more = cf_arena_new(c->scratch, cap, sizeof *more);
    CF_REQUIRE(more != NULL, NO_MEMORY);
    cf_copy(more, c->classes, c->classes_n * sizeof *more);
    c->classes = more;
    c->classes_cap = cap;
    return cf_ok();
}

CF_MUST_USE cf_result regex_class_end(regex_compilation *c, bool negated, uint32_t *ret,
                                      uint32_t *ret_char)
{
    *ret = 0;
    *ret_char = REGEX_NO_CHAR;
    CF_TRY(tidy(c, c->class_at));
    if (negated) {
        CF_TRY(negate(c, c->class_at));
    }
    CF_REQUIRE(c->ranges_n <= c->limits.ranges_max, SIZE);
    const cf_unicode_range *r = c->ranges + c->class_at;
    size_t n = c->ranges_n - c->class_at;
    if (n == 1 && r->lo == r->hi) {
        *ret_char = r->lo;
        c->ranges_n = c->class_at;
        return cf_ok();
    }
    regex_class class = class_of(r, c->class_at, n);
    uint32_t *chain = &c->chains[class.hash % (sizeof c->chains / sizeof c->chains[0])];
    for (uint32_t i = *chain; i != 0; i = c->classes[i - 1].same) {
        CF_TRY(regex_work(c, 1 + n / 8));
        if (classes_equal(c, &c->classes[i - 1], &class)) {
            c->ranges_n = c->class_at;
            *ret = i - 1;
            return cf_ok();
        }
    }
    CF_TRY(classes_reserve(c));
    class.same = *chain;
    *ret = c->classes_n++;
    *chain = *ret + 1;
    c->classes[*ret] = class;
    return cf_ok();
}
