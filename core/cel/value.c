/* SPDX-License-Identifier: Apache-2.0 */
/* Values: memory for them, lists and maps while they grow, equality and order. */
#include "core/cel/function.h"

/* Entries up to which a map is searched from front to back. */
#define MAP_LINEAR_MAX 8u
/* Elements of the first piece of a growing list, entries of that of a map. */
#define ITEMS_FIRST 4u

cf_view cf_cel_kind_name(cf_cel_kind kind)
{
    static const cf_view names[CF_CEL_KIND_COUNT] = {
        [CF_CEL_NULL] = CF_LIT_INIT("null_type"),
        [CF_CEL_BOOL] = CF_LIT_INIT("bool"),
        [CF_CEL_INT] = CF_LIT_INIT("int"),
        [CF_CEL_UINT] = CF_LIT_INIT("uint"),
        [CF_CEL_DOUBLE] = CF_LIT_INIT("double"),
        [CF_CEL_STRING] = CF_LIT_INIT("string"),
        [CF_CEL_BYTES] = CF_LIT_INIT("bytes"),
        [CF_CEL_LIST] = CF_LIT_INIT("list"),
        [CF_CEL_MAP] = CF_LIT_INIT("map"),
        [CF_CEL_TYPE] = CF_LIT_INIT("type"),
        [CF_CEL_TIMESTAMP] = CF_LIT_INIT("google.protobuf.Timestamp"),
        [CF_CEL_DURATION] = CF_LIT_INIT("google.protobuf.Duration"),
        [CF_CEL_OPTIONAL] = CF_LIT_INIT("optional_type"),
        [CF_CEL_IP] = CF_LIT_INIT("net.IP"),
        [CF_CEL_CIDR] = CF_LIT_INIT("net.CIDR"),
    };
    return kind < CF_CEL_KIND_COUNT ? names[kind] : CF_VIEW_EMPTY;
}

/* ---- Memory ---- */

static cf_result over(cf_cel_run *run, const char *member)
{
    run->over = member;
    return cf_fail(CF_ERR_BUDGET);
}

cf_result cf_cel_new(cf_cel_run *run, size_t bytes, void **ret)
{
    *ret = NULL;
    if (CF_UNLIKELY(bytes > SIZE_MAX / 2)) {
        return over(run, "live_bytes");
    }
    *ret = cf_arena_take(run->arena, bytes == 0 ? 16 : (bytes + 15) / 16 * 16);
    if (CF_UNLIKELY(*ret == NULL)) {
        return cf_arena_fits(run->arena, bytes) ? cf_fail(CF_ERR_NO_MEMORY)
                                                : over(run, "live_bytes");
    }
    return cf_ok();
}

cf_result cf_cel_text_new(cf_cel_run *run, cf_cel_kind kind, size_t len, uint8_t **ret_octets,
                          cf_cel_value *ret)
{
    *ret_octets = NULL;
    *ret = (cf_cel_value){.kind = CF_CEL_UNSET};
    if (CF_UNLIKELY(len > run->budget->output_bytes)) {
        return over(run, "output_bytes");
    }
    CF_TRY(cf_cel_charge_text(run, len));
    void *octets;
    CF_TRY(cf_cel_new(run, len, &octets));
    *ret_octets = octets;
    *ret = (cf_cel_value){.kind = (uint8_t)kind, .len = (uint32_t)len, .s = octets};
    return cf_ok();
}

cf_result cf_cel_string_copy(cf_cel_run *run, cf_view text, cf_cel_value *ret)
{
    uint8_t *octets;
    CF_TRY(cf_cel_text_new(run, CF_CEL_STRING, text.len, &octets, ret));
    cf_copy(octets, text.data, text.len);
    return cf_ok();
}

cf_result cf_cel_optional_of(cf_cel_run *run, const cf_cel_value *v, cf_cel_value *ret)
{
    *ret = (cf_cel_value){.kind = CF_CEL_UNSET};
    void *room;
    CF_TRY(cf_cel_new(run, sizeof *v, &room));
    cf_cel_value *held = room;
    *held = *v;
    *ret = cf_cel_optional(held);
    return cf_ok();
}

/* ---- Lists that grow ---- */

/* A list that is the arena's last piece grows where it is while the block has room. */
static bool extend_in_place(cf_arena *a, cf_cel_items *l, size_t cap)
{
    size_t more = (cap - l->cap) * sizeof *l->items;
    if (l->items == NULL || (const uint8_t *)(l->items + l->cap) != a->at || more > a->left ||
        more > a->max - a->used) {
        return false;
    }
    (void)cf_arena_take(a, more);
    l->cap = (uint32_t)cap;
    return true;
}

cf_result cf_cel_items_reserve(cf_cel_run *run, cf_cel_items *l, size_t cap)
{
    if (CF_UNLIKELY(cap > run->budget->elements)) {
        return over(run, "elements");
    }
    if (cap <= l->cap || extend_in_place(run->arena, l, cap)) {
        return cf_ok();
    }
    void *room;
    CF_TRY(cf_cel_new(run, cap * sizeof *l->items, &room));
    cf_copy(room, l->items, l->count * sizeof *l->items);
    l->items = room;
    l->cap = (uint32_t)cap;
    return cf_ok();
}

/* Doubles, within the bound on elements; a full list at the bound asks for one more and fails. */
static size_t grown(size_t cap, uint32_t elements_max)
{
    if (cap == 0) {
        return ITEMS_FIRST < elements_max ? ITEMS_FIRST : (elements_max == 0 ? 1 : elements_max);
    }
    size_t twice = 2 * cap;
    return twice <= elements_max ? twice : (cap < elements_max ? elements_max : cap + 1);
}

cf_result cf_cel_items_push(cf_cel_run *run, cf_cel_items *l, const cf_cel_value *v)
{
    if (CF_UNLIKELY(l->count == l->cap)) {
        CF_TRY(cf_cel_items_reserve(run, l, grown(l->cap, run->budget->elements)));
    }
    l->items[l->count++] = *v;
    return cf_ok();
}

/* ---- Text ---- */

/* Written out, because the compilers make one load of it; they count the steps before that when they choose what to inline. */
#define LOAD static inline __attribute__((always_inline))

LOAD uint64_t load64(const uint8_t *p)
{
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 |
           (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 |
           (uint64_t)p[7] << 56;
}

LOAD uint32_t load32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Most text here is short, and what differs differs in the end more often than at the front: names, keys, addresses. Loads from both
 * ends that overlap make up all lengths. */
static bool octets_equal(const uint8_t *a, const uint8_t *b, size_t n)
{
    if (n >= 8) {
        return load64(a + n - 8) == load64(b + n - 8) && load64(a) == load64(b) &&
               (n <= 16 || cf_view_eq((cf_view){a + 8, n - 16}, (cf_view){b + 8, n - 16}));
    }
    if (n >= 4) {
        return load32(a + n - 4) == load32(b + n - 4) && load32(a) == load32(b);
    }
    return n == 0 || (a[n - 1] == b[n - 1] && a[0] == b[0] && a[n / 2] == b[n / 2]);
}

static bool text_equal(const cf_cel_value *a, const cf_cel_value *b)
{
    return a->s == b->s || octets_equal(a->s, b->s, a->len);
}

/* ---- Maps ---- */

static uint64_t mix(uint64_t h, uint64_t word)
{
    h = (h ^ word) * UINT64_C(0x9E3779B97F4A7C15);
    return h ^ h >> 29;
}

/* No secret seed: who finds keys that collide pays for the probes in steps. */
static uint32_t text_hash(const uint8_t *s, size_t len)
{
    uint64_t h = mix(len, 0);
    for (; len >= 8; len -= 8, s += 8) {
        h = mix(h, load64(s));
    }
    uint64_t tail = 0;
    for (size_t i = 0; i < len; i++) {
        tail |= (uint64_t)s[i] << 8 * i;
    }
    h = mix(h, tail);
    return (uint32_t)(h ^ h >> 32);
}

/* Numbers hash by their 64 bits, which an int and a uint that are equal share. */
static uint32_t key_hash(const cf_cel_value *key)
{
    if (key->kind == CF_CEL_STRING) {
        return text_hash(key->s, key->len);
    }
    uint64_t h = mix(0, key->kind == CF_CEL_BOOL ? key->b : key->u);
    return (uint32_t)(h ^ h >> 32);
}

static bool is_key(const cf_cel_value *v)
{
    return v->kind == CF_CEL_INT || v->kind == CF_CEL_UINT || v->kind == CF_CEL_BOOL ||
           v->kind == CF_CEL_STRING;
}

/* Equality of keys that are no text, which is exact: an int and a uint with the same bits are equal unless the top one is a sign. */
static bool number_key_equal(const cf_cel_value *a, const cf_cel_value *b)
{
    if (a->kind == CF_CEL_BOOL) {
        return b->kind == CF_CEL_BOOL && a->b == b->b;
    }
    return (a->kind == CF_CEL_INT || a->kind == CF_CEL_UINT) &&
           (b->kind == CF_CEL_INT || b->kind == CF_CEL_UINT) && a->u == b->u &&
           (a->kind == b->kind || a->i >= 0);
}

static cf_result key_equal(cf_cel_run *run, const cf_cel_value *a, const cf_cel_value *b, bool *ret)
{
    *ret = false;
    if (a->kind != CF_CEL_STRING) {
        *ret = number_key_equal(a, b);
    } else if (b->kind == CF_CEL_STRING && a->len == b->len) {
        CF_TRY(cf_cel_charge_text(run, a->len));
        *ret = text_equal(a, b);
    }
    return cf_ok();
}

/* The slot of the index that has the key's entry, or the free one where it would be. */
static cf_result map_probe(cf_cel_run *run, const cf_cel_map *map, const cf_cel_value *key,
                           uint32_t *ret_slot)
{
    uint32_t slot = key_hash(key) & map->mask;
    *ret_slot = slot;
    CF_TRY(cf_cel_charge_text(run, key->kind == CF_CEL_STRING ? key->len : 0));
    bool same = false;
    while (map->index[slot] != 0) {
        CF_TRY(cf_cel_charge(run, 1));
        CF_TRY(key_equal(run, &map->entries[2 * (map->index[slot] - 1)], key, &same));
        if (same) {
            break;
        }
        slot = (slot + 1) & map->mask;
    }
    *ret_slot = slot;
    return cf_ok();
}

/* The number of the key's entry in a map without an index, or its count when there is none. Charged afterwards: the entries are few. */
static cf_result map_search(cf_cel_run *run, const cf_cel_map *map, const cf_cel_value *key,
                            uint32_t *ret)
{
    const cf_cel_value *entry = map->entries;
    uint64_t steps = 1;
    uint32_t i = 0;
    if (key->kind == CF_CEL_STRING) {
        for (; i < map->count; i++, entry += 2) {
            if (entry->kind == CF_CEL_STRING && entry->len == key->len) {
                steps += 1 + key->len / 16;
                if (text_equal(entry, key)) {
                    break;
                }
            }
        }
    } else {
        while (i < map->count && !number_key_equal(entry, key)) {
            i++;
            entry += 2;
        }
    }
    *ret = i;
    return cf_cel_charge(run, steps);
}

/* A double finds the int or uint that it is exactly; false when it is none. */
static bool whole_key(const cf_cel_value *key, cf_cel_value *ret)
{
    double d = key->d;
    if (d >= -0x1p63 && d < 0x1p63 && d == (double)(int64_t)d) {
        *ret = cf_cel_int((int64_t)d);
        return true;
    }
    if (d >= 0x1p63 && d < 0x1p64) {
        *ret = cf_cel_uint((uint64_t)d);
        return true;
    }
    return false;
}

cf_result cf_cel_map_get(cf_cel_run *run, const cf_cel_map *map, const cf_cel_value *key,
                         const cf_cel_value **ret)
{
    *ret = NULL;
    cf_cel_value whole;
    if (key->kind == CF_CEL_DOUBLE && whole_key(key, &whole)) {
        key = &whole;
    }
    if (!is_key(key)) {
        return cf_cel_charge(run, 1);
    }
    uint32_t at;
    if (map->index == NULL) {
        CF_TRY(map_search(run, map, key, &at));
        *ret = at == map->count ? NULL : &map->entries[2 * at + 1];
    } else {
        CF_TRY(map_probe(run, map, key, &at));
        *ret = map->index[at] == 0 ? NULL : &map->entries[2 * (map->index[at] - 1) + 1];
    }
    return cf_ok();
}

/* An index over the entries so far with at least half of its slots free when the map has cap entries. */
static cf_result map_reindex(cf_cel_run *run, cf_cel_map *map)
{
    size_t slots = 32;
    while (slots < 2 * (size_t)map->cap) {
        slots *= 2;
    }
    void *room;
    CF_TRY(cf_cel_new(run, slots * sizeof *map->index, &room));
    map->index = room;
    map->mask = (uint32_t)(slots - 1);
    for (uint32_t i = 0; i < map->count; i++) {
        uint32_t slot;
        CF_TRY(map_probe(run, map, &map->entries[2 * i], &slot));
        map->index[slot] = i + 1;
    }
    return cf_ok();
}

static cf_result map_grow(cf_cel_run *run, cf_cel_map *map, size_t cap)
{
    if (CF_UNLIKELY(cap > run->budget->elements)) {
        return over(run, "elements");
    }
    void *room;
    CF_TRY(cf_cel_new(run, cap * 2 * sizeof *map->entries, &room));
    cf_copy(room, map->entries, (size_t)map->count * 2 * sizeof *map->entries);
    map->entries = room;
    map->cap = (uint32_t)cap;
    return cap > MAP_LINEAR_MAX ? map_reindex(run, map) : cf_ok();
}

cf_result cf_cel_map_new(cf_cel_run *run, size_t cap, cf_cel_map **ret)
{
    *ret = NULL;
    void *room;
    CF_TRY(cf_cel_new(run, sizeof **ret, &room));
    cf_cel_map *map = room;
    if (cap > 0) {
        CF_TRY(map_grow(run, map, cap));
    }
    *ret = map;
    return cf_ok();
}

cf_result cf_cel_map_put(cf_cel_run *run, cf_cel_map *map, const cf_cel_value *key,
                         const cf_cel_value *value)
{
    CF_REQUIRE(is_key(key), CEL_KEY);
    if (map->count == map->cap) {
        CF_TRY(map_grow(run, map, grown(map->cap, run->budget->elements)));
    }
    uint32_t at;
    if (map->index == NULL) {
        CF_TRY(map_search(run, map, key, &at));
        CF_REQUIRE(at == map->count, CEL_KEY);
    } else {
        CF_TRY(map_probe(run, map, key, &at));
        CF_REQUIRE(map->index[at] == 0, CEL_KEY);
        map->index[at] = map->count + 1;
    }
    cf_cel_value *entry = &map->entries[2 * map->count++];
    entry[0] = *key;
    entry[1] = *value;
    return cf_ok();
}

/* ---- Numbers on one line ---- */

static bool is_number(const cf_cel_value *v)
{
    return v->kind == CF_CEL_INT || v->kind == CF_CEL_UINT || v->kind == CF_CEL_DOUBLE;
}

#define ORDER(a, b) (((a) > (b)) - ((a) < (b)))
#define UNORDERED 2

static int order_doubles(double a, double b)
{
    return a != a || b != b ? UNORDERED : ORDER(a, b);
}

/* Beyond the range of the integer the double decides; within, the integer is rounded to a double, so that neighbours of more than
 * 53 bits are equal. That loss is the language's own. */
static int order_int_double(int64_t i, double d)
{
    if (d < -0x1p63) {
        return 1;
    }
    return d > 0x1p63 ? -1 : order_doubles((double)i, d);
}

static int order_uint_double(uint64_t u, double d)
{
    if (d < 0) {
        return 1;
    }
    return d > 0x1p64 ? -1 : order_doubles((double)u, d);
}

static int order_int_uint(int64_t i, uint64_t u)
{
    return u > INT64_MAX ? -1 : ORDER(i, (int64_t)u);
}

static int reversed(int order)
{
    return order == UNORDERED ? UNORDERED : -order;
}

/* Order of two numbers: -1, 0, 1 or UNORDERED. */
static int order_numbers(const cf_cel_value *a, const cf_cel_value *b)
{
    if (a->kind == b->kind) {
        if (a->kind == CF_CEL_DOUBLE) {
            return order_doubles(a->d, b->d);
        }
        return a->kind == CF_CEL_INT ? ORDER(a->i, b->i) : ORDER(a->u, b->u);
    }
    if (a->kind == CF_CEL_INT) {
        return b->kind == CF_CEL_UINT ? order_int_uint(a->i, b->u) : order_int_double(a->i, b->d);
    }
    if (a->kind == CF_CEL_UINT && b->kind == CF_CEL_DOUBLE) {
        return order_uint_double(a->u, b->d);
    }
    return reversed(order_numbers(b, a));
}

/* ---- Equality ---- */

/* Pairs that are still to be compared: the elements of two lists, or the entries of a map that are looked up in the other. */
typedef struct {
    const cf_cel_value *a, *b;
    const cf_cel_map *in; /* NULL for lists */
    uint32_t left;
} equal_frame;

typedef struct {
    uint32_t depth;
    equal_frame frames[CF_CEL_NESTING_MAX];
} equal_stack;

static cf_result equal_push(cf_cel_run *run, equal_stack *stack, equal_frame frame)
{
    if (frame.left == 0) {
        return cf_ok();
    }
    if (stack->depth == CF_CEL_NESTING_MAX) {
        return over(run, "nesting");
    }
    stack->frames[stack->depth++] = frame;
    return cf_ok();
}

/* Addresses are kept as 16 octets, so that an IPv4 address and its mapped twin are the same, and their prefixes count from the front
 * of the 16. */
static bool address_equal(const cf_cel_value *a, const cf_cel_value *b)
{
    if (a->kind == CF_CEL_CIDR &&
        a->len + (a->aux == 4 ? 96u : 0u) != b->len + (b->aux == 4 ? 96u : 0u)) {
        return false;
    }
    return cf_view_eq((cf_view){a->s, 16}, (cf_view){b->s, 16});
}

/* Equality of what holds no other values. */
static cf_result equal_scalars(cf_cel_run *run, const cf_cel_value *a, const cf_cel_value *b,
                               bool *ret)
{
    *ret = false;
    CF_TRY(cf_cel_charge(run, 1));
    if (is_number(a) && is_number(b)) {
        *ret = order_numbers(a, b) == 0;
        return cf_ok();
    }
    if (a->kind != b->kind) {
        return cf_ok();
    }
    switch (a->kind) {
    case CF_CEL_NULL:
        *ret = true;
        return cf_ok();
    case CF_CEL_BOOL:
        *ret = a->b == b->b;
        return cf_ok();
    case CF_CEL_DURATION:
        *ret = a->i == b->i;
        return cf_ok();
    case CF_CEL_TIMESTAMP:
        *ret = a->i == b->i && a->len == b->len;
        return cf_ok();
    case CF_CEL_IP:
    case CF_CEL_CIDR:
        *ret = address_equal(a, b);
        return cf_ok();
    case CF_CEL_STRING:
    case CF_CEL_BYTES:
    case CF_CEL_TYPE:
        if (a->len == b->len) {
            CF_TRY(cf_cel_charge_text(run, a->len));
            *ret = text_equal(a, b);
        }
        return cf_ok();
    default:
        return cf_ok();
    }
}

static bool holds_values(const cf_cel_value *v)
{
    return v->kind == CF_CEL_LIST || v->kind == CF_CEL_MAP || v->kind == CF_CEL_OPTIONAL;
}

/* Compares what two values say by themselves and leaves what they hold on the stack. */
static cf_result equal_step(cf_cel_run *run, equal_stack *stack, const cf_cel_value *a,
                            const cf_cel_value *b, bool *ret)
{
    if (!holds_values(a) || a->kind != b->kind) {
        return equal_scalars(run, a, b, ret);
    }
    *ret = false;
    CF_TRY(cf_cel_charge(run, 1));
    if (a->kind == CF_CEL_LIST) {
        *ret = a->len == b->len;
        return *ret ? equal_push(run, stack, (equal_frame){a->items, b->items, NULL, a->len})
                    : cf_ok();
    }
    if (a->kind == CF_CEL_MAP) {
        *ret = a->map->count == b->map->count;
        return *ret ? equal_push(run, stack,
                                 (equal_frame){a->map->entries, NULL, b->map, a->map->count})
                    : cf_ok();
    }
    *ret = (a->items == NULL) == (b->items == NULL);
    return *ret && a->items != NULL
               ? equal_push(run, stack, (equal_frame){a->items, b->items, NULL, 1})
               : cf_ok();
}

/* The next pair of the topmost frame; *ret_b is NULL when a map lacks the key. */
static cf_result equal_next(cf_cel_run *run, equal_frame *f, const cf_cel_value **ret_a,
                            const cf_cel_value **ret_b)
{
    f->left--;
    if (f->in == NULL) {
        *ret_a = f->a++;
        *ret_b = f->b++;
        return cf_ok();
    }
    const cf_cel_value *key = f->a;
    *ret_a = key + 1;
    f->a += 2;
    return cf_cel_map_get(run, f->in, key, ret_b);
}

static cf_result equal_deep(cf_cel_run *run, const cf_cel_value *a, const cf_cel_value *b,
                            bool *ret)
{
    /* Release builds would clear all of it for every comparison; the frames below depth alone are read. */
    __attribute__((uninitialized)) equal_stack stack;
    stack.depth = 0;
    for (;;) {
        cf_result r = equal_step(run, &stack, a, b, ret);
        *ret = *ret && r.code == CF_OK;
        while (stack.depth > 0 && stack.frames[stack.depth - 1].left == 0) {
            stack.depth--;
        }
        if (!*ret || stack.depth == 0) {
            return r;
        }
        r = equal_next(run, &stack.frames[stack.depth - 1], &a, &b);
        *ret = r.code == CF_OK && b != NULL;
        if (!*ret) {
            return r;
        }
    }
}

cf_result cf_cel_equal(cf_cel_run *run, const cf_cel_value *a, const cf_cel_value *b, bool *ret)
{
    *ret = false;
    if (a->kind == CF_CEL_STRING && b->kind == CF_CEL_STRING) {
        if (a->len != b->len) {
            return cf_cel_charge(run, 1);
        }
        CF_TRY(cf_cel_charge_text(run, a->len));
        *ret = text_equal(a, b);
        return cf_ok();
    }
    if (a->kind == CF_CEL_INT && b->kind == CF_CEL_INT) {
        CF_TRY(cf_cel_charge(run, 1));
        *ret = a->i == b->i;
        return cf_ok();
    }
    if (holds_values(a) && a->kind == b->kind) {
        return equal_deep(run, a, b, ret);
    }
    return equal_scalars(run, a, b, ret);
}

/* ---- Order ---- */

static cf_result compare_texts(cf_cel_run *run, const cf_cel_value *a, const cf_cel_value *b,
                               int *ret)
{
    CF_TRY(cf_cel_charge(run, (a->len < b->len ? a->len : b->len) / 16));
    int order = cf_view_cmp(cf_cel_text(a), cf_cel_text(b));
    *ret = ORDER(order, 0);
    return cf_ok();
}

cf_result cf_cel_compare(cf_cel_run *run, const cf_cel_value *a, const cf_cel_value *b, int *ret)
{
    *ret = 0;
    CF_TRY(cf_cel_charge(run, 1));
    if (is_number(a) && is_number(b)) {
        *ret = order_numbers(a, b);
        return cf_ok();
    }
    CF_REQUIRE(a->kind == b->kind, CEL_TYPE);
    switch (a->kind) {
    case CF_CEL_STRING:
    case CF_CEL_BYTES:
        return compare_texts(run, a, b, ret);
    case CF_CEL_BOOL:
        *ret = (int)a->b - (int)b->b;
        return cf_ok();
    case CF_CEL_DURATION:
        *ret = ORDER(a->i, b->i);
        return cf_ok();
    case CF_CEL_TIMESTAMP:
        *ret = a->i != b->i ? ORDER(a->i, b->i) : ORDER(a->len, b->len);
        return cf_ok();
    default:
        return cf_fail(CF_ERR_CEL_TYPE);
    }
}

bool cf_cel_is_zero(const cf_cel_value *v)
{
    switch (v->kind) {
    case CF_CEL_NULL:
        return true;
    case CF_CEL_BOOL:
        return !v->b;
    case CF_CEL_INT:
    case CF_CEL_UINT:
    case CF_CEL_DURATION:
        return v->u == 0;
    case CF_CEL_DOUBLE:
        return v->d == 0;
    case CF_CEL_STRING:
    case CF_CEL_BYTES:
    case CF_CEL_LIST:
        return v->len == 0;
    case CF_CEL_MAP:
        return v->map->count == 0;
    case CF_CEL_TIMESTAMP:
        return v->i == 0 && v->len == 0;
    default:
        return false;
    }
}
