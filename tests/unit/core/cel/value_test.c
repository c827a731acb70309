/* SPDX-License-Identifier: Apache-2.0 */
/* Memory, lists and maps that grow, equality and order, without an expression around them. Sections are those of docs/cel.md's
 * language sheet: 4 values, 5.3 equality, 5.4 ordering, 5.5 look-up by number, 9 optionals. */
#include <math.h>

#include "core/cel/function.h"
#include "tests/support/failmalloc.h"
#include "tests/support/test.h"

#define ARENA_BYTES ((size_t)32 << 20)
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const cf_cel_budget budget = {
    .elements = CF_CEL_ELEMENTS_MAX,
    .output_bytes = CF_CEL_OUTPUT_BYTES_MAX,
    .steps = CF_CEL_STEPS_MAX,
    .live_bytes = CF_CEL_LIVE_BYTES_MAX,
};

#define RUN(name, bytes)                                                                           \
    CF_ARENA(name##_arena, bytes);                                                                 \
    cf_cel_run name = {.arena = &name##_arena, .steps = CF_CEL_STEPS_MAX, .budget = &budget}

static cf_cel_value text(const char *s)
{
    return cf_cel_string(cf_view_str(s));
}

static cf_cel_value bytes(const char *s)
{
    return cf_cel_bytes(cf_view_str(s));
}

static cf_cel_value address(cf_cel_kind kind, uint16_t family, uint32_t bits, const uint8_t *octets)
{
    return (cf_cel_value){.kind = (uint8_t)kind, .aux = family, .len = bits, .s = octets};
}

/* A map of the n entries key, value, ... */
static cf_cel_value map_of(cf_cel_run *run, const cf_cel_value *entries, size_t n)
{
    cf_cel_map *map;
    assert_ok(cf_cel_map_new(run, 0, &map));
    for (size_t i = 0; i < n; i++) {
        assert_ok(cf_cel_map_put(run, map, &entries[2 * i], &entries[2 * i + 1]));
    }
    return cf_cel_map_value(map);
}

/* ---- Equality, 5.3 ---- */

typedef struct {
    cf_cel_value a, b;
    bool equal;
} pair;

static void assert_pairs(const pair *pairs, size_t n)
{
    RUN(run, ARENA_BYTES);
    for (size_t i = 0; i < n; i++) {
        for (int swapped = 0; swapped < 2; swapped++) {
            bool equal = !pairs[i].equal;
            uint64_t before = run.steps;
            assert_ok(cf_cel_equal(&run, swapped ? &pairs[i].b : &pairs[i].a,
                                   swapped ? &pairs[i].a : &pairs[i].b, &equal));
            if (equal != pairs[i].equal) {
                print_error("pair %zu\n", i);
            }
            assert_int_equal(equal, pairs[i].equal);
            assert_true(run.steps < before);
        }
    }
}

static void numbers_are_equal_on_one_line(void **state)
{
    (void)state;
    const pair pairs[] = {
        {cf_cel_int(1), cf_cel_int(1), true},
        {cf_cel_int(1), cf_cel_int(2), false},
        {cf_cel_int(1), cf_cel_uint(1), true},
        {cf_cel_int(1), cf_cel_double(1), true},
        {cf_cel_uint(1), cf_cel_double(1), true},
        {cf_cel_int(-1), cf_cel_uint(UINT64_MAX), false},
        {cf_cel_int(INT64_MIN), cf_cel_uint((uint64_t)INT64_MAX + 1), false},
        {cf_cel_int(INT64_MAX), cf_cel_uint(INT64_MAX), true},
        {cf_cel_double(0.0), cf_cel_double(-0.0), true},
        {cf_cel_int(0), cf_cel_double(-0.0), true},
        {cf_cel_int(1), cf_cel_double(1.5), false},
        /* NaN is unequal to all, itself included */
        {cf_cel_double(NAN), cf_cel_double(NAN), false},
        {cf_cel_double(NAN), cf_cel_int(0), false},
        {cf_cel_double(NAN), cf_cel_uint(0), false},
        {cf_cel_double(INFINITY), cf_cel_double(INFINITY), true},
        {cf_cel_double(INFINITY), cf_cel_int(INT64_MAX), false},
        {cf_cel_double(-INFINITY), cf_cel_uint(0), false},
        /* the conversion to double is lossy on purpose */
        {cf_cel_int(9007199254740993), cf_cel_double(9007199254740992.0), true},
        {cf_cel_uint(9007199254740993), cf_cel_double(9007199254740992.0), true},
        {cf_cel_int(9007199254740993), cf_cel_int(9007199254740992), false},
        {cf_cel_int(INT64_MAX), cf_cel_double(0x1p63), true},
        {cf_cel_int(INT64_MIN), cf_cel_double(-0x1p63), true},
        {cf_cel_uint(UINT64_MAX), cf_cel_double(0x1p64), true},
        {cf_cel_int(INT64_MAX), cf_cel_double(nextafter(0x1p63, INFINITY)), false},
        {cf_cel_uint(UINT64_MAX), cf_cel_double(nextafter(0x1p64, INFINITY)), false},
    };
    assert_pairs(pairs, COUNT(pairs));
}

static void scalars_are_equal_within_their_type(void **state)
{
    (void)state;
    const char *copy = strdup("text that is longer than eight octets");
    const cf_cel_value held[] = {cf_cel_int(1), cf_cel_uint(1), cf_cel_double(NAN)};
    const pair pairs[] = {
        {cf_cel_null(), cf_cel_null(), true},
        {cf_cel_null(), cf_cel_bool(false), false},
        {cf_cel_null(), cf_cel_int(0), false},
        {cf_cel_bool(true), cf_cel_bool(true), true},
        {cf_cel_bool(true), cf_cel_bool(false), false},
        {cf_cel_bool(true), cf_cel_int(1), false},
        {text("a"), text("a"), true},
        {text("a"), text("b"), false},
        {text("a"), text("ab"), false},
        {text(""), text(""), true},
        {text(""), cf_cel_string(CF_VIEW_EMPTY), true},
        {text("text that is longer than eight octets"), text(copy), true},
        {text("text that is longer than eight octeTs"), text(copy), false},
        {cf_cel_string(CF_LIT("a\0b")), cf_cel_string(CF_LIT("a\0c")), false},
        {text("a"), bytes("a"), false},
        {bytes("a"), bytes("a"), true},
        {text("int"), cf_cel_type_value(CF_LIT("int")), false},
        {cf_cel_type_value(CF_LIT("int")), cf_cel_type_value(CF_LIT("int")), true},
        {cf_cel_type_value(CF_LIT("int")), cf_cel_type_value(CF_LIT("uint")), false},
        {cf_cel_timestamp(5, 6), cf_cel_timestamp(5, 6), true},
        {cf_cel_timestamp(5, 6), cf_cel_timestamp(5, 7), false},
        {cf_cel_timestamp(5, 6), cf_cel_timestamp(4, 6), false},
        {cf_cel_duration(5), cf_cel_duration(5), true},
        {cf_cel_duration(5), cf_cel_duration(-5), false},
        {cf_cel_duration(5), cf_cel_int(5), false},
        /* 9: none equals none, and two that hold something are as what they hold */
        {cf_cel_optional(NULL), cf_cel_optional(NULL), true},
        {cf_cel_optional(NULL), cf_cel_null(), false},
        {cf_cel_optional(&held[0]), cf_cel_optional(NULL), false},
        {cf_cel_optional(&held[0]), cf_cel_optional(&held[1]), true},
        {cf_cel_optional(&held[2]), cf_cel_optional(&held[2]), false},
        {cf_cel_optional(&held[0]), cf_cel_int(1), false},
    };
    assert_pairs(pairs, COUNT(pairs));
    free((void *)(uintptr_t)copy);
}

/* Every octet counts, at every length. */
static void texts_of_all_lengths(void **state)
{
    (void)state;
    RUN(run, ARENA_BYTES);
    for (size_t len = 0; len < 48; len++) {
        uint8_t octets[48], twin[48];
        memset(octets, 'x', sizeof octets);
        memset(twin, 'x', sizeof twin);
        for (size_t changed = 0; changed <= len; changed++) {
            const cf_cel_value a = cf_cel_string((cf_view){octets, len});
            const cf_cel_value b = cf_cel_string((cf_view){twin, len});
            const cf_cel_value entry[] = {b, b};
            const cf_cel_value *found = NULL;
            bool equal = false;
            twin[changed] ^= 1;
            assert_ok(cf_cel_equal(&run, &a, &b, &equal));
            assert_int_equal(equal, changed == len);
            assert_ok(cf_cel_map_get(&run, map_of(&run, entry, 1).map, &a, &found));
            assert_int_equal(found != NULL, changed == len);
            twin[changed] ^= 1;
        }
    }
}

/* 8.7: by address; prefixes of the two families meet where they mean the same. */
static void addresses_are_equal_by_their_octets(void **state)
{
    (void)state;
    const uint8_t v4[16] = {[10] = 0xff, [11] = 0xff, [12] = 192, [13] = 168, [15] = 1};
    const uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
    const pair pairs[] = {
        {address(CF_CEL_IP, 4, 0, v4), address(CF_CEL_IP, 4, 0, v4), true},
        {address(CF_CEL_IP, 4, 0, v4), address(CF_CEL_IP, 6, 0, v4), true},
        {address(CF_CEL_IP, 6, 0, v6), address(CF_CEL_IP, 6, 0, v6), true},
        {address(CF_CEL_IP, 6, 0, v6), address(CF_CEL_IP, 4, 0, v4), false},
        {address(CF_CEL_CIDR, 4, 24, v4), address(CF_CEL_CIDR, 4, 24, v4), true},
        {address(CF_CEL_CIDR, 4, 24, v4), address(CF_CEL_CIDR, 4, 25, v4), false},
        {address(CF_CEL_CIDR, 4, 24, v4), address(CF_CEL_CIDR, 6, 120, v4), true},
        {address(CF_CEL_CIDR, 4, 24, v4), address(CF_CEL_CIDR, 6, 24, v4), false},
        {address(CF_CEL_CIDR, 4, 32, v4), address(CF_CEL_IP, 4, 0, v4), false},
    };
    assert_pairs(pairs, COUNT(pairs));
}

static void lists_and_maps_are_equal_by_content(void **state)
{
    (void)state;
    RUN(run, ARENA_BYTES);
    const cf_cel_value ints[] = {cf_cel_int(1), cf_cel_int(2), cf_cel_int(3)};
    const cf_cel_value mixed[] = {cf_cel_double(1), cf_cel_uint(2), cf_cel_int(3)};
    const cf_cel_value nan[] = {cf_cel_double(NAN)};
    const cf_cel_value deep_a[] = {cf_cel_list(ints, 3), cf_cel_list(ints, 2),
                                   cf_cel_list(NULL, 0)};
    const cf_cel_value deep_b[] = {cf_cel_list(mixed, 3), cf_cel_list(mixed, 2),
                                   cf_cel_list(NULL, 0)};
    const cf_cel_value deep_c[] = {cf_cel_list(mixed, 3), cf_cel_list(ints + 1, 2),
                                   cf_cel_list(NULL, 0)};
    const cf_cel_value xy[] = {text("x"), cf_cel_list(ints, 3), text("y"), cf_cel_int(1)};
    const cf_cel_value yx[] = {text("y"), cf_cel_uint(1), text("x"), cf_cel_list(mixed, 3)};
    const cf_cel_value xz[] = {text("x"), cf_cel_list(ints, 3), text("z"), cf_cel_int(1)};
    const cf_cel_value numbers[] = {cf_cel_int(1), text("a"), cf_cel_bool(true), text("b")};
    const cf_cel_value other_numbers[] = {cf_cel_bool(true), text("b"), cf_cel_uint(1), text("a")};
    const pair pairs[] = {
        {cf_cel_list(NULL, 0), cf_cel_list(ints, 0), true},
        {cf_cel_list(ints, 3), cf_cel_list(mixed, 3), true},
        {cf_cel_list(ints, 2), cf_cel_list(ints, 3), false},
        {cf_cel_list(ints, 2), cf_cel_list(ints + 1, 2), false},
        {cf_cel_list(ints, 1), cf_cel_int(1), false},
        {cf_cel_list(nan, 1), cf_cel_list(nan, 1), false},
        {cf_cel_list(deep_a, 3), cf_cel_list(deep_b, 3), true},
        {cf_cel_list(deep_a, 3), cf_cel_list(deep_c, 3), false},
        {map_of(&run, NULL, 0), map_of(&run, NULL, 0), true},
        {map_of(&run, NULL, 0), cf_cel_list(NULL, 0), false},
        {map_of(&run, xy, 2), map_of(&run, yx, 2), true},
        {map_of(&run, xy, 2), map_of(&run, xz, 2), false},
        {map_of(&run, xy, 2), map_of(&run, xy, 1), false},
        {map_of(&run, numbers, 2), map_of(&run, other_numbers, 2), true},
    };
    assert_pairs(pairs, COUNT(pairs));
}

/* Lists within lists, `levels` of them around a number. */
static cf_cel_value nested(cf_cel_run *run, size_t levels)
{
    cf_cel_value v = cf_cel_int(1);
    for (size_t i = 0; i < levels; i++) {
        void *room;
        assert_ok(cf_cel_new(run, sizeof v, &room));
        cf_cel_value *item = room;
        *item = v;
        v = cf_cel_list(item, 1);
    }
    return v;
}

static void equality_is_bounded_in_depth(void **state)
{
    (void)state;
    for (size_t levels = CF_CEL_NESTING_MAX - 1; levels <= CF_CEL_NESTING_MAX + 1; levels++) {
        RUN(run, ARENA_BYTES);
        cf_cel_value a = nested(&run, levels), b = nested(&run, levels);
        bool equal = false;
        cf_result r = cf_cel_equal(&run, &a, &b, &equal);
        assert_code(r, levels > CF_CEL_NESTING_MAX ? CF_ERR_BUDGET : CF_OK);
        assert_int_equal(equal, cf_is_ok(r));
        assert_string_equal(cf_is_ok(r) ? "nesting" : run.over, "nesting");
    }
}

/* What is compared is paid for, and an error leaves false. */
static void equality_is_charged(void **state)
{
    (void)state;
    RUN(run, ARENA_BYTES);
    static char long_text[1600];
    memset(long_text, 'x', sizeof long_text);
    cf_cel_value a = cf_cel_string(CF_VIEW_OF(long_text)), items[100];
    for (size_t i = 0; i < COUNT(items); i++) {
        items[i] = cf_cel_int((int64_t)i);
    }
    cf_cel_value list = cf_cel_list(items, COUNT(items));
    const struct {
        const cf_cel_value *v;
        uint64_t steps;
    } costs[] = {{&a, 101}, {&list, 101}, {&items[0], 1}};
    for (size_t i = 0; i < COUNT(costs); i++) {
        bool equal = false;
        cf_cel_value twin = *costs[i].v;
        run.steps = costs[i].steps;
        assert_ok(cf_cel_equal(&run, costs[i].v, &twin, &equal));
        assert_true(equal);
        assert_int_equal(run.steps, 0);
        run.steps = costs[i].steps - 1;
        run.over = NULL;
        assert_err(cf_cel_equal(&run, costs[i].v, &twin, &equal), BUDGET);
        assert_false(equal);
        assert_string_equal(run.over, "steps");
    }
}

/* ---- Order, 5.4 ---- */

#define UNORDERED 2
#define NO_ORDER 3

static void values_have_an_order(void **state)
{
    (void)state;
    RUN(run, ARENA_BYTES);
    const struct {
        cf_cel_value a, b;
        int order;
    } rows[] = {
        {cf_cel_bool(false), cf_cel_bool(true), -1},
        {cf_cel_bool(true), cf_cel_bool(true), 0},
        {cf_cel_int(-1), cf_cel_int(1), -1},
        {cf_cel_int(INT64_MIN), cf_cel_int(INT64_MAX), -1},
        {cf_cel_uint(0), cf_cel_uint(UINT64_MAX), -1},
        {cf_cel_double(-INFINITY), cf_cel_double(INFINITY), -1},
        {cf_cel_double(-0.0), cf_cel_double(0.0), 0},
        {cf_cel_double(NAN), cf_cel_double(NAN), UNORDERED},
        {cf_cel_double(NAN), cf_cel_int(1), UNORDERED},
        {cf_cel_double(NAN), cf_cel_uint(1), UNORDERED},
        {cf_cel_int(-1), cf_cel_uint(0), -1},
        {cf_cel_int(INT64_MAX), cf_cel_uint((uint64_t)INT64_MAX + 1), -1},
        {cf_cel_int(2), cf_cel_uint(1), 1},
        {cf_cel_int(1), cf_cel_double(1.5), -1},
        {cf_cel_int(2), cf_cel_double(1.5), 1},
        /* 5.3: near 2^63 the strict order is lost, beyond it the double decides */
        {cf_cel_int(INT64_MAX), cf_cel_double(0x1p63), 0},
        {cf_cel_int(INT64_MAX), cf_cel_double(nextafter(0x1p63, INFINITY)), -1},
        {cf_cel_int(INT64_MIN), cf_cel_double(-0x1p63), 0},
        {cf_cel_int(INT64_MIN), cf_cel_double(nextafter(-0x1p63, -INFINITY)), 1},
        {cf_cel_uint(0), cf_cel_double(-1e-300), 1},
        {cf_cel_uint(0), cf_cel_double(-0.0), 0},
        {cf_cel_uint(UINT64_MAX), cf_cel_double(0x1p64), 0},
        {cf_cel_uint(UINT64_MAX), cf_cel_double(INFINITY), -1},
        {text(""), text("a"), -1},
        {text("a"), text("a"), 0},
        {text("ab"), text("b"), -1},
        {text("Z"), text("a"), -1},
        {text("z"), text("\xc3\xa9"), -1},                    /* U+007A, U+00E9 */
        {text("\xef\xbf\xbd"), text("\xf0\x90\x80\x80"), -1}, /* U+FFFD, U+10000 */
        {bytes("\x7f"), bytes("\x80"), -1},
        {bytes("a"), bytes("ab"), -1},
        {cf_cel_timestamp(-1, 999999999), cf_cel_timestamp(0, 0), -1},
        {cf_cel_timestamp(7, 1), cf_cel_timestamp(7, 2), -1},
        {cf_cel_timestamp(7, 1), cf_cel_timestamp(7, 1), 0},
        {cf_cel_duration(-1), cf_cel_duration(0), -1},
        {cf_cel_list(NULL, 0), cf_cel_list(NULL, 0), NO_ORDER},
        {cf_cel_null(), cf_cel_null(), NO_ORDER},
        {cf_cel_type_value(CF_LIT("int")), cf_cel_type_value(CF_LIT("int")), NO_ORDER},
        {cf_cel_optional(NULL), cf_cel_optional(NULL), NO_ORDER},
        {text("a"), bytes("a"), NO_ORDER},
        {text("1"), cf_cel_int(1), NO_ORDER},
        {cf_cel_bool(true), cf_cel_int(1), NO_ORDER},
        {cf_cel_duration(1), cf_cel_timestamp(1, 0), NO_ORDER},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int there = 9, back = 9, order = rows[i].order;
        cf_result r = cf_cel_compare(&run, &rows[i].a, &rows[i].b, &there);
        assert_code(r, order == NO_ORDER ? CF_ERR_CEL_TYPE : CF_OK);
        assert_code(cf_cel_compare(&run, &rows[i].b, &rows[i].a, &back), r.code);
        if (order != NO_ORDER) {
            assert_int_equal(there, order);
            assert_int_equal(back, order == UNORDERED ? UNORDERED : -order);
        }
    }
    run.steps = 0;
    int order;
    assert_err(cf_cel_compare(&run, &rows[0].a, &rows[0].b, &order), BUDGET);
    assert_err(cf_cel_compare(&run, &rows[2].a, &rows[2].b, &order), BUDGET);
    static char long_text[1600];
    memset(long_text, 'x', sizeof long_text);
    cf_cel_value a = cf_cel_string(CF_VIEW_OF(long_text));
    run.steps = 100;
    assert_err(cf_cel_compare(&run, &a, &a, &order), BUDGET);
    run.steps = 101;
    assert_ok(cf_cel_compare(&run, &a, &a, &order));
    assert_int_equal(run.steps, 0);
}

/* 9: what optional.ofNonZeroValue turns into none. */
static void zero_values(void **state)
{
    (void)state;
    RUN(run, ARENA_BYTES);
    const cf_cel_value one[] = {text("x"), cf_cel_int(0)};
    const struct {
        cf_cel_value v;
        bool zero;
    } rows[] = {
        {cf_cel_null(), true},
        {cf_cel_bool(false), true},
        {cf_cel_bool(true), false},
        {cf_cel_int(0), true},
        {cf_cel_int(-1), false},
        {cf_cel_uint(0), true},
        {cf_cel_uint(1), false},
        {cf_cel_double(0.0), true},
        {cf_cel_double(-0.0), true},
        {cf_cel_double(NAN), false},
        {cf_cel_double(1e-300), false},
        {text(""), true},
        {text("0"), false},
        {bytes(""), true},
        {bytes("0"), false},
        {cf_cel_list(NULL, 0), true},
        {cf_cel_list(one, 1), false},
        {map_of(&run, NULL, 0), true},
        {map_of(&run, one, 1), false},
        {cf_cel_timestamp(0, 0), true},
        {cf_cel_timestamp(0, 1), false},
        {cf_cel_timestamp(-1, 0), false},
        {cf_cel_duration(0), true},
        {cf_cel_duration(-1), false},
        {cf_cel_optional(NULL), false},
        {cf_cel_type_value(CF_LIT("int")), false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(cf_cel_is_zero(&rows[i].v), rows[i].zero);
    }
}

static void kinds_have_names(void **state)
{
    (void)state;
    for (cf_cel_kind kind = CF_CEL_NULL; kind < CF_CEL_KIND_COUNT; kind++) {
        assert_true(cf_cel_kind_name(kind).len > 0);
        for (cf_cel_kind other = CF_CEL_NULL; other < kind; other++) {
            assert_false(cf_view_eq(cf_cel_kind_name(kind), cf_cel_kind_name(other)));
        }
    }
    assert_view(cf_cel_kind_name(CF_CEL_NULL), CF_LIT("null_type"));
    assert_view(cf_cel_kind_name(CF_CEL_TIMESTAMP), CF_LIT("google.protobuf.Timestamp"));
    assert_view(cf_cel_kind_name(CF_CEL_DURATION), CF_LIT("google.protobuf.Duration"));
    assert_view(cf_cel_kind_name(CF_CEL_CIDR), CF_LIT("net.CIDR"));
    assert_view(cf_cel_kind_name(CF_CEL_KIND_COUNT), CF_VIEW_EMPTY);
}

/* ---- Memory ---- */

static void memory_is_bounded(void **state)
{
    (void)state;
    for (size_t max = 1008; max <= 1040; max += 16) {
        RUN(run, max);
        void *p;
        assert_code(cf_cel_new(&run, 1024, &p), max < 1024 ? CF_ERR_BUDGET : CF_OK);
        assert_int_equal(p != NULL, max >= 1024);
        assert_string_equal(max < 1024 ? run.over : "live_bytes", "live_bytes");
    }
    RUN(run, ARENA_BYTES);
    void *p, *empty;
    assert_err(cf_cel_new(&run, SIZE_MAX, &p), BUDGET);
    assert_null(p);
    assert_ok(cf_cel_new(&run, 0, &empty));
    assert_ok(cf_cel_new(&run, 1, &p));
    assert_true(p != empty && (uintptr_t)p % 16 == 0);
}

static void text_is_bounded_and_charged(void **state)
{
    (void)state;
    for (size_t len = CF_CEL_OUTPUT_BYTES_MAX - 1; len <= CF_CEL_OUTPUT_BYTES_MAX + 1; len++) {
        RUN(run, ARENA_BYTES);
        uint8_t *octets;
        cf_cel_value v;
        bool fits = len <= CF_CEL_OUTPUT_BYTES_MAX;
        assert_code(cf_cel_text_new(&run, CF_CEL_BYTES, len, &octets, &v),
                    fits ? CF_OK : CF_ERR_BUDGET);
        assert_int_equal(v.kind, fits ? CF_CEL_BYTES : CF_CEL_UNSET);
        if (fits) {
            assert_int_equal(v.len, len);
            assert_ptr_equal(v.s, octets);
            assert_int_equal(CF_CEL_STEPS_MAX - run.steps, 1 + len / 16);
        } else {
            assert_null(octets);
            assert_string_equal(run.over, "output_bytes");
        }
    }
    RUN(run, ARENA_BYTES);
    cf_cel_value v;
    assert_ok(cf_cel_string_copy(&run, CF_LIT("a\0b"), &v));
    assert_view(cf_cel_text(&v), CF_LIT("a\0b"));
    assert_ok(cf_cel_string_copy(&run, CF_VIEW_EMPTY, &v));
    assert_int_equal(v.len, 0);
    run.steps = 0;
    assert_err(cf_cel_string_copy(&run, CF_LIT("a"), &v), BUDGET);
}

static void optionals_hold_a_copy(void **state)
{
    (void)state;
    RUN(run, ARENA_BYTES);
    cf_cel_value v = cf_cel_int(5), held;
    assert_ok(cf_cel_optional_of(&run, &v, &held));
    v = cf_cel_null();
    assert_int_equal(held.kind, CF_CEL_OPTIONAL);
    assert_int_equal(held.items->i, 5);
    RUN(full, 0);
    assert_err(cf_cel_optional_of(&full, &v, &held), BUDGET);
    assert_int_equal(held.kind, CF_CEL_UNSET);
}

/* ---- Lists ---- */

static void lists_grow_to_their_bound(void **state)
{
    (void)state;
    RUN(run, ARENA_BYTES);
    cf_cel_items l = {0};
    for (uint32_t i = 0; i < CF_CEL_ELEMENTS_MAX; i++) {
        cf_cel_value v = cf_cel_int(i);
        assert_ok(cf_cel_items_push(&run, &l, &v));
    }
    cf_cel_value one = cf_cel_int(-1);
    assert_err(cf_cel_items_push(&run, &l, &one), BUDGET);
    assert_string_equal(run.over, "elements");
    cf_cel_value list = cf_cel_items_list(&l);
    assert_int_equal(list.len, CF_CEL_ELEMENTS_MAX);
    for (uint32_t i = 0; i < list.len; i++) {
        assert_int_equal(list.items[i].i, i);
    }
    /* copies included, the growth is paid with less than three times the elements */
    assert_true(run_arena.used < 3 * sizeof one * CF_CEL_ELEMENTS_MAX);
    for (uint32_t cap = CF_CEL_ELEMENTS_MAX - 1; cap <= CF_CEL_ELEMENTS_MAX + 1; cap++) {
        RUN(other, ARENA_BYTES);
        cf_cel_items reserved = {0};
        assert_code(cf_cel_items_reserve(&other, &reserved, cap),
                    cap > CF_CEL_ELEMENTS_MAX ? CF_ERR_BUDGET : CF_OK);
    }
}

/* The arena's last piece grows where it is. */
static void lists_grow_in_place(void **state)
{
    (void)state;
    RUN(run, ARENA_BYTES);
    cf_cel_items l = {0}, second = {0};
    cf_cel_value v = cf_cel_int(1);
    for (uint32_t i = 0; i < 512; i++) {
        assert_ok(cf_cel_items_push(&run, &l, &v));
    }
    assert_int_equal(run_arena.used, 512 * sizeof v);
    /* when something lies behind it, it moves */
    assert_ok(cf_cel_items_push(&run, &second, &v));
    const cf_cel_value *before = l.items;
    assert_ok(cf_cel_items_push(&run, &l, &v));
    assert_ptr_not_equal(l.items, before);
    assert_int_equal(l.count, 513);
    assert_int_equal(l.items[512].i, 1);
    assert_int_equal(second.items[0].i, 1);
    /* and not beyond the arena's bound */
    RUN(tight, 8 * sizeof v);
    cf_cel_items few = {0};
    for (uint32_t i = 0; i < 8; i++) {
        assert_ok(cf_cel_items_push(&tight, &few, &v));
    }
    assert_err(cf_cel_items_push(&tight, &few, &v), BUDGET);
    assert_string_equal(tight.over, "live_bytes");
    assert_int_equal(few.count, 8);
}

static void small_budgets_of_elements_hold(void **state)
{
    (void)state;
    for (uint32_t max = 1; max < 40; max++) {
        cf_cel_budget small = budget;
        small.elements = max;
        RUN(run, ARENA_BYTES);
        run.budget = &small;
        cf_cel_items l = {0};
        cf_cel_map *map;
        assert_ok(cf_cel_map_new(&run, 0, &map));
        cf_cel_value v = cf_cel_int(0);
        for (uint32_t i = 0; i < max; i++) {
            v.i = i;
            assert_ok(cf_cel_items_push(&run, &l, &v));
            assert_ok(cf_cel_map_put(&run, map, &v, &v));
        }
        v.i = max;
        assert_err(cf_cel_items_push(&run, &l, &v), BUDGET);
        assert_err(cf_cel_map_put(&run, map, &v, &v), BUDGET);
        assert_string_equal(run.over, "elements");
        assert_int_equal(l.count, max);
        assert_int_equal(map->count, max);
        assert_code(cf_cel_map_new(&run, max + 1, &map), CF_ERR_BUDGET);
    }
}

/* ---- Maps, 4 and 5.5 ---- */

static const cf_cel_value *get(cf_cel_run *run, const cf_cel_map *map, cf_cel_value key)
{
    const cf_cel_value *found = NULL;
    assert_ok(cf_cel_map_get(run, map, &key, &found));
    return found;
}

/* Small and large maps alike, with and without room from the start. */
static void maps_find_what_was_put(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {0, 1, 7, 8, 9, 16, 17, 100, 1000, 5000};
    for (size_t s = 0; s < 2 * COUNT(sizes); s++) {
        RUN(run, ARENA_BYTES);
        uint32_t n = sizes[s / 2];
        cf_cel_map *map;
        assert_ok(cf_cel_map_new(&run, s % 2 == 0 ? 0 : n, &map));
        for (uint32_t i = 0; i < n; i++) {
            char name[16];
            cf_cel_value key, value = cf_cel_int(i);
            (void)snprintf(name, sizeof name, "key %u", i);
            assert_ok(cf_cel_string_copy(&run, cf_view_str(name), &key));
            if (i % 3 == 1) {
                key = cf_cel_int((int64_t)i - 50);
            }
            assert_ok(cf_cel_map_put(&run, map, &key, &value));
            assert_err(cf_cel_map_put(&run, map, &key, &value), CEL_KEY);
        }
        run.steps = CF_CEL_STEPS_MAX;
        assert_int_equal(map->count, n);
        for (uint32_t i = 0; i < n; i++) {
            assert_int_equal(map->entries[2 * i + 1].i, i); /* in the order they were put */
            assert_int_equal(get(&run, map, map->entries[2 * i])->i, i);
        }
        assert_null(get(&run, map, text("key")));
        assert_null(get(&run, map, cf_cel_int(INT64_MIN)));
        assert_null(get(&run, map, cf_cel_bool(true)));
    }
}

static void keys_have_four_types_and_appear_once(void **state)
{
    (void)state;
    for (uint32_t filler = 0; filler <= 20; filler += 20) { /* without and with an index */
        RUN(run, ARENA_BYTES);
        cf_cel_map *map;
        assert_ok(cf_cel_map_new(&run, 0, &map));
        for (uint32_t i = 0; i < filler; i++) {
            cf_cel_value key = cf_cel_int(1000 + (int64_t)i);
            assert_ok(cf_cel_map_put(&run, map, &key, &key));
        }
        const cf_cel_value good[] = {cf_cel_int(1),
                                     cf_cel_uint(2),
                                     text("1"),
                                     cf_cel_bool(true),
                                     cf_cel_bool(false),
                                     cf_cel_int(-1),
                                     cf_cel_uint(UINT64_MAX),
                                     text("")};
        for (size_t i = 0; i < COUNT(good); i++) {
            cf_cel_value value = cf_cel_int((int64_t)i);
            assert_ok(cf_cel_map_put(&run, map, &good[i], &value));
        }
        const cf_cel_value there[] = {cf_cel_int(1), cf_cel_uint(1), cf_cel_int(2), text("1"),
                                      cf_cel_bool(true)};
        const cf_cel_value bad[] = {cf_cel_double(3),
                                    cf_cel_null(),
                                    bytes("a"),
                                    cf_cel_list(NULL, 0),
                                    cf_cel_duration(1),
                                    cf_cel_optional(NULL),
                                    cf_cel_type_value(CF_LIT("int"))};
        for (size_t i = 0; i < COUNT(there); i++) {
            assert_err(cf_cel_map_put(&run, map, &there[i], &there[i]), CEL_KEY);
        }
        for (size_t i = 0; i < COUNT(bad); i++) {
            assert_err(cf_cel_map_put(&run, map, &bad[i], &bad[i]), CEL_KEY);
            assert_null(get(&run, map, bad[i]));
        }
        assert_int_equal(map->count, filler + COUNT(good));
        /* a number is found across types when it is exactly that number */
        assert_int_equal(get(&run, map, cf_cel_double(1))->i, 0);
        assert_int_equal(get(&run, map, cf_cel_uint(1))->i, 0);
        assert_int_equal(get(&run, map, cf_cel_int(2))->i, 1);
        assert_int_equal(get(&run, map, cf_cel_double(2))->i, 1);
        assert_int_equal(get(&run, map, cf_cel_int(-1))->i, 5);
        assert_int_equal(get(&run, map, cf_cel_uint(UINT64_MAX))->i, 6);
        assert_null(get(&run, map, cf_cel_double(1.5)));
        assert_null(get(&run, map, cf_cel_double(NAN)));
        assert_null(get(&run, map, cf_cel_double(INFINITY)));
        assert_null(get(&run, map, cf_cel_double(-INFINITY)));
        assert_null(get(&run, map, cf_cel_double(0x1p64))); /* is not 2^64 - 1 */
        assert_null(get(&run, map, cf_cel_double(0x1p63)));
        assert_null(get(&run, map, cf_cel_double(-0x1p63)));
    }
}

/* Numbers whose place in an index of 2048 is that of 0, found by what a look-up costs. */
static size_t colliding(cf_cel_value *keys, size_t n)
{
    RUN(run, ARENA_BYTES);
    cf_cel_map *map;
    cf_cel_value zero = cf_cel_int(0);
    size_t found = 0;
    assert_ok(cf_cel_map_new(&run, 1024, &map));
    assert_ok(cf_cel_map_put(&run, map, &zero, &zero));
    for (int64_t i = 1; found < n && i < 4000000; i++) {
        const cf_cel_value *value;
        keys[found] = cf_cel_int(i);
        run.steps = 1;
        found += !cf_is_ok(cf_cel_map_get(&run, map, &keys[found], &value));
    }
    return found;
}

/* Whoever makes keys collide pays for it in steps. */
static void collisions_are_charged(void **state)
{
    (void)state;
    static cf_cel_value keys[500];
    assert_int_equal(colliding(keys, COUNT(keys)), COUNT(keys));
    RUN(run, ARENA_BYTES);
    cf_cel_map *map;
    assert_ok(cf_cel_map_new(&run, 1024, &map));
    for (size_t i = 0; i < COUNT(keys); i++) {
        assert_ok(cf_cel_map_put(&run, map, &keys[i], &keys[i]));
    }
    assert_true(CF_CEL_STEPS_MAX - run.steps >= COUNT(keys) * COUNT(keys) / 2);
    run.steps = COUNT(keys) - 1;
    const cf_cel_value *value;
    assert_err(cf_cel_map_get(&run, map, &keys[COUNT(keys) - 1], &value), BUDGET);
    assert_null(value);
    assert_string_equal(run.over, "steps");
}

static cf_result grow_all(void *ctx)
{
    (void)ctx;
    RUN(run, ARENA_BYTES);
    cf_cel_items l = {0};
    cf_cel_map *map;
    CF_TRY(cf_cel_map_new(&run, 0, &map));
    for (int64_t i = 0; i < 3000; i++) {
        cf_cel_value v = cf_cel_int(i);
        CF_TRY(cf_cel_items_push(&run, &l, &v));
        CF_TRY(cf_cel_map_put(&run, map, &v, &v));
    }
    return cf_ok();
}

static void lack_of_memory(void **state)
{
    (void)state;
    (void)failmalloc_each(grow_all, NULL, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_equal_on_one_line),
        cmocka_unit_test(scalars_are_equal_within_their_type),
        cmocka_unit_test(texts_of_all_lengths),
        cmocka_unit_test(addresses_are_equal_by_their_octets),
        cmocka_unit_test(lists_and_maps_are_equal_by_content),
        cmocka_unit_test(equality_is_bounded_in_depth),
        cmocka_unit_test(equality_is_charged),
        cmocka_unit_test(values_have_an_order),
        cmocka_unit_test(zero_values),
        cmocka_unit_test(kinds_have_names),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(text_is_bounded_and_charged),
        cmocka_unit_test(optionals_hold_a_copy),
        cmocka_unit_test(lists_grow_to_their_bound),
        cmocka_unit_test(lists_grow_in_place),
        cmocka_unit_test(small_budgets_of_elements_hold),
        cmocka_unit_test(maps_find_what_was_put),
        cmocka_unit_test(keys_have_four_types_and_appear_once),
        cmocka_unit_test(collisions_are_charged),
        cmocka_unit_test(lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
