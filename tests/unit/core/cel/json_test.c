/* SPDX-License-Identifier: Apache-2.0 */
/* JSON to values and back: RFC 8259, section 4 of docs/cel.md's mapping, and jansson as a peer that reads the same texts. */
#include "core/cel/cel.h"

#include <jansson.h>
#include <math.h>

#include "core/cel/function.h"
#include "tests/support/failmalloc.h"
#include "tests/support/test.h"

#define ARENA_BYTES ((size_t)32 << 20)

/* What the text becomes when it is read and written again, or the error. */
static const struct {
    const char *text, *again;
    cf_err err;
} rows[] = {
    /* RFC 8259 section 3: values */
    {"null", "null", CF_OK},
    {"true", "true", CF_OK},
    {" \t\r\nfalse\n", "false", CF_OK},
    {"", NULL, CF_ERR_TRUNCATED},
    {" ", NULL, CF_ERR_TRUNCATED},
    {"nul", NULL, CF_ERR_TRUNCATED},
    {"nulL", NULL, CF_ERR_MALFORMED},
    {"True", NULL, CF_ERR_MALFORMED},
    {"truefalse", NULL, CF_ERR_TRAILING},
    {"1 2", NULL, CF_ERR_TRAILING},
    {"\f1", NULL, CF_ERR_MALFORMED},
    {"\xef\xbb\xbf"
     "1",
     NULL, CF_ERR_MALFORMED}, /* section 8.1: a byte order mark may be refused */
    /* section 6: numbers; whole ones that fit are int */
    {"0", "0", CF_OK},
    {"-0", "0", CF_OK},
    {"-1", "-1", CF_OK},
    {"9007199254740991", "9007199254740991", CF_OK},
    {"9007199254740992", "\"9007199254740992\"", CF_OK},
    {"-9007199254740991", "-9007199254740991", CF_OK},
    {"-9007199254740992", "\"-9007199254740992\"", CF_OK},
    {"9223372036854775807", "\"9223372036854775807\"", CF_OK},
    {"-9223372036854775808", "\"-9223372036854775808\"", CF_OK},
    {"9223372036854775808", "9.223372036854775808e+18",
     CF_OK}, /* double from here on; the digits are compared as a number */
    {"-9223372036854775809", "-9.223372036854775808e+18", CF_OK},
    {"1.0", "1.0", CF_OK},
    {"-0.0", "-0.0", CF_OK},
    {"1e0", "1.0", CF_OK},
    {"1E+2", "100.0", CF_OK},
    {"25e-1", "2.5", CF_OK},
    {"1e400", NULL, CF_ERR_RANGE},
    {"-1e400", NULL, CF_ERR_RANGE},
    {"1e-400", "0.0", CF_OK},
    {"+1", NULL, CF_ERR_MALFORMED},
    {"01", NULL, CF_ERR_TRAILING},
    {"-", NULL, CF_ERR_TRUNCATED},
    {"-a", NULL, CF_ERR_MALFORMED},
    {"1.", NULL, CF_ERR_TRUNCATED},
    {"1.e1", NULL, CF_ERR_MALFORMED},
    {".5", NULL, CF_ERR_MALFORMED},
    {"1e", NULL, CF_ERR_TRUNCATED},
    {"1e+", NULL, CF_ERR_TRUNCATED},
    {"0x1", NULL, CF_ERR_TRAILING},
    {"NaN", NULL, CF_ERR_MALFORMED},
    {"Infinity", NULL, CF_ERR_MALFORMED},
    /* section 7: strings */
    {"\"\"", "\"\"", CF_OK},
    {"\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"a\\\"\\\\/\\b\\f\\n\\r\\t\"", CF_OK},
    {"\"\\u0041\\u00e9\\u20ac\\uD83D\\uDE00\\u0000\\u001F\\u000b\"",
     "\"A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\\u0000\\u001f\\u000b\"", CF_OK},
    {"\"\\ud7ff\\ue000\\uffff\\udbff\\udfff\"",
     "\"\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\xf4\x8f\xbf\xbf\"", CF_OK},
    {"\"\x7f\"", "\"\x7f\"", CF_OK},
    {"\"", NULL, CF_ERR_TRUNCATED},
    {"\"\\\"", NULL, CF_ERR_TRUNCATED},
    {"\"\\", NULL, CF_ERR_TRUNCATED},
    {"\"\n\"", NULL, CF_ERR_MALFORMED},
    {"\"\x1f\"", NULL, CF_ERR_MALFORMED},
    {"\"\\x41\"", NULL, CF_ERR_MALFORMED},
    {"\"\\'\"", NULL, CF_ERR_MALFORMED},
    {"\"\\u004\"", NULL, CF_ERR_MALFORMED},
    {"\"\\u004g\"", NULL, CF_ERR_MALFORMED},
    {"\"\\ud800\"", NULL, CF_ERR_MALFORMED},
    {"\"\\udc00\"", NULL, CF_ERR_MALFORMED},
    {"\"\\udfff\\ud800\"", NULL, CF_ERR_MALFORMED},
    {"\"\\ud800\\u0041\"", NULL, CF_ERR_MALFORMED},
    {"\"\\ud800\\ud800\"", NULL, CF_ERR_MALFORMED},
    {"\"\\ud800x\"", NULL, CF_ERR_MALFORMED},
    {"'a'", NULL, CF_ERR_MALFORMED},
    {"\"\xff\"", NULL, CF_ERR_UTF8},
    {"\"\xed\xa0\x80\"", NULL, CF_ERR_UTF8},
    /* section 5: arrays; section 4: objects */
    {"[]", "[]", CF_OK},
    {"[ ]", "[]", CF_OK},
    {"[1,[2,[]],{}]", "[1,[2,[]],{}]", CF_OK},
    {"[1,]", NULL, CF_ERR_MALFORMED},
    {"[,1]", NULL, CF_ERR_MALFORMED},
    {"[1 2]", NULL, CF_ERR_MALFORMED},
    {"[1", NULL, CF_ERR_TRUNCATED},
    {"[1,", NULL, CF_ERR_TRUNCATED},
    {"[", NULL, CF_ERR_TRUNCATED},
    {"]", NULL, CF_ERR_MALFORMED},
    {"[1}", NULL, CF_ERR_MALFORMED},
    {"[01]", NULL, CF_ERR_MALFORMED},
    {"{}", "{}", CF_OK},
    {"{ \"b\" : 1 , \"a\" : { \"\" : [ ] } }", "{\"b\":1,\"a\":{\"\":[]}}", CF_OK},
    {"{\"a\":1,\"a\":1}", NULL, CF_ERR_DUPLICATE},
    {"{\"a\":1,\"\\u0061\":1}", NULL, CF_ERR_DUPLICATE},
    {"[{\"a\":{\"b\":1,\"b\":1}}]", NULL, CF_ERR_DUPLICATE},
    {"{\"a\":1,}", NULL, CF_ERR_MALFORMED},
    {"{,}", NULL, CF_ERR_MALFORMED},
    {"{\"a\"}", NULL, CF_ERR_MALFORMED},
    {"{\"a\":}", NULL, CF_ERR_MALFORMED},
    {"{\"a\" 1}", NULL, CF_ERR_MALFORMED},
    {"{a:1}", NULL, CF_ERR_MALFORMED},
    {"{1:1}", NULL, CF_ERR_MALFORMED},
    {"{\"a\":1]", NULL, CF_ERR_MALFORMED},
    {"{\"a\":1", NULL, CF_ERR_TRUNCATED},
    {"{\"a\":", NULL, CF_ERR_TRUNCATED},
    {"{\"a", NULL, CF_ERR_TRUNCATED},
    {"{", NULL, CF_ERR_TRUNCATED},
    {"[1] // no", NULL, CF_ERR_TRAILING},
};

/* Doubles of many digits are compared as numbers, all else as text. */
static bool same_text(cf_view got, const char *want)
{
    if (cf_view_eq(got, cf_view_str(want))) {
        return true;
    }
    char text[64] = {0};
    return strstr(want, "e+") != NULL && got.len < sizeof text && memcpy(text, got.data, got.len) &&
           strtod(text, NULL) == strtod(want, NULL);
}

static void reads_and_writes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CF_ARENA(arena, ARENA_BYTES);
        CF_BUF(out);
        cf_cel_value v = cf_cel_int(77);
        cf_view text = view_copy(cf_view_str(rows[i].text));
        cf_result r = cf_cel_from_json(text, text.len, &arena, &v);
        view_free(text); /* values do not point into it */
        if (r.code != rows[i].err) {
            print_error("%s\n", rows[i].text);
        }
        assert_code(r, rows[i].err);
        assert_int_equal(v.kind == CF_CEL_UNSET, rows[i].err != CF_OK);
        if (rows[i].err == CF_OK) {
            assert_ok(cf_cel_to_json(&v, SIZE_MAX, &out));
            if (!same_text(cf_buf_view(&out), rows[i].again)) {
                assert_view(cf_buf_view(&out), cf_view_str(rows[i].again));
            }
        }
    }
}

static void kinds_of_numbers_and_text(void **state)
{
    (void)state;
    CF_ARENA(arena, ARENA_BYTES);
    cf_cel_value v;
    assert_ok(cf_cel_from_json(CF_LIT("[1, 1.0, 1e0, 9223372036854775808, \"a\", \"\\u00e9\"]"), 99,
                               &arena, &v));
    const uint8_t kinds[] = {CF_CEL_INT,    CF_CEL_DOUBLE, CF_CEL_DOUBLE,
                             CF_CEL_DOUBLE, CF_CEL_STRING, CF_CEL_STRING};
    assert_int_equal(v.len, sizeof kinds);
    for (size_t i = 0; i < sizeof kinds; i++) {
        assert_int_equal(v.items[i].kind, kinds[i]);
    }
    assert_true(v.items[3].d == 9223372036854775808.0);
    assert_true((v.items[4].flags & CF_CEL_ASCII) != 0);
    assert_true((v.items[5].flags & CF_CEL_ASCII) == 0);
}

static void size_is_bounded(void **state)
{
    (void)state;
    CF_ARENA(arena, ARENA_BYTES);
    cf_cel_value v;
    assert_ok(cf_cel_from_json(CF_LIT("[1]"), 4, &arena, &v));
    assert_ok(cf_cel_from_json(CF_LIT("[1]"), 3, &arena, &v));
    assert_err(cf_cel_from_json(CF_LIT("[1]"), 2, &arena, &v), SIZE);
    assert_err(cf_cel_from_json(CF_LIT("\xff\xff"), 1, &arena, &v), SIZE); /* before all else */
    assert_err(cf_cel_from_json(CF_VIEW_EMPTY, 0, &arena, &v), TRUNCATED);
}

/* n openings and, when closed, as many ends. */
static void put_nested(cf_buf *out, size_t n, bool objects)
{
    cf_buf_clear(out);
    for (size_t i = 0; i < n; i++) {
        assert_ok(cf_buf_append(out, objects ? CF_LIT("{\"a\":") : CF_LIT("[")));
    }
    assert_ok(cf_buf_append(out, CF_LIT("1")));
    for (size_t i = 0; i < n; i++) {
        assert_ok(cf_buf_append(out, objects ? CF_LIT("}") : CF_LIT("]")));
    }
}

static void depth_is_bounded(void **state)
{
    (void)state;
    CF_BUF(text);
    for (int objects = 0; objects < 2; objects++) {
        for (size_t n = CF_CEL_NESTING_MAX - 1; n <= CF_CEL_NESTING_MAX + 1; n++) {
            CF_ARENA(arena, ARENA_BYTES);
            CF_BUF(out);
            cf_cel_value v;
            put_nested(&text, n, objects == 1);
            cf_result r = cf_cel_from_json(cf_buf_view(&text), SIZE_MAX, &arena, &v);
            assert_code(r, n > CF_CEL_NESTING_MAX ? CF_ERR_DEPTH : CF_OK);
            if (cf_is_ok(r)) {
                assert_ok(cf_cel_to_json(&v, SIZE_MAX, &out));
                assert_view(cf_buf_view(&out), cf_buf_view(&text));
            }
        }
    }
}

/* A list within a list of CF_CEL_NESTING_MAX + 1 levels, made without the reader. */
static void writer_is_bounded_in_depth(void **state)
{
    (void)state;
    static cf_cel_value levels[CF_CEL_NESTING_MAX + 1];
    CF_BUF(out);
    assert_ok(cf_buf_append(&out, CF_LIT("x")));
    levels[0] = cf_cel_list(NULL, 0);
    for (size_t i = 1; i <= CF_CEL_NESTING_MAX; i++) {
        levels[i] = cf_cel_list(&levels[i - 1], 1);
    }
    assert_err(cf_cel_to_json(&levels[CF_CEL_NESTING_MAX], SIZE_MAX, &out), BUDGET);
    assert_view(cf_buf_view(&out), CF_LIT("x")); /* as before */
    assert_ok(cf_cel_to_json(&levels[CF_CEL_NESTING_MAX - 1], SIZE_MAX, &out));
    assert_int_equal(out.len, 1 + 2 * CF_CEL_NESTING_MAX);
    for (size_t i = 1; i <= CF_CEL_NESTING_MAX; i++) {
        levels[i] = cf_cel_optional(&levels[i - 1]);
    }
    cf_buf_clear(&out);
    assert_ok(cf_cel_to_json(&levels[CF_CEL_NESTING_MAX], SIZE_MAX, &out));
    assert_view(cf_buf_view(&out), CF_LIT("[]"));
}

static void elements_are_bounded(void **state)
{
    (void)state;
    for (size_t n = CF_CEL_ELEMENTS_MAX - 1; n <= CF_CEL_ELEMENTS_MAX + 1; n++) {
        CF_ARENA(arena, ARENA_BYTES);
        CF_BUF(text);
        cf_cel_value v;
        for (size_t i = 0; i < n; i++) {
            assert_ok(cf_buf_append(&text, i == 0 ? CF_LIT("[1") : CF_LIT(",1")));
        }
        assert_ok(cf_buf_append(&text, CF_LIT("]")));
        assert_code(cf_cel_from_json(cf_buf_view(&text), SIZE_MAX, &arena, &v),
                    n > CF_CEL_ELEMENTS_MAX ? CF_ERR_BUDGET : CF_OK);
    }
}

static void memory_is_bounded(void **state)
{
    (void)state;
    const cf_view text =
        CF_LIT("[\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"]");
    size_t needed = 0;
    {
        CF_ARENA(arena, ARENA_BYTES);
        cf_cel_value v;
        assert_ok(cf_cel_from_json(text, SIZE_MAX, &arena, &v));
        needed = arena.used;
    }
    for (size_t max = needed - 16; max <= needed; max += 16) {
        CF_ARENA(arena, max);
        cf_cel_value v;
        assert_code(cf_cel_from_json(text, SIZE_MAX, &arena, &v),
                    max < needed ? CF_ERR_BUDGET : CF_OK);
        assert_true(arena.used <= max);
    }
}

/* The mapping of what JSON has no values for. */
static void writes_every_kind(void **state)
{
    (void)state;
    static const uint8_t loopback[16] = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1};
    const cf_cel_value held = cf_cel_uint(7);
    const struct {
        cf_cel_value v;
        const char *json;
    } kinds[] = {
        {cf_cel_uint(9007199254740991u), "9007199254740991"},
        {cf_cel_uint(9007199254740992u), "\"9007199254740992\""},
        {cf_cel_uint(UINT64_MAX), "\"18446744073709551615\""},
        {cf_cel_double(NAN), "\"NaN\""},
        {cf_cel_double(INFINITY), "\"Infinity\""},
        {cf_cel_double(-INFINITY), "\"-Infinity\""},
        {cf_cel_double(0.1), "0.1"},
        {cf_cel_double(1000000), "1e+06"},
        {cf_cel_bytes(CF_LIT("")), "\"\""},
        {cf_cel_bytes(CF_LIT("f")), "\"Zg==\""}, /* RFC 4648 section 10 */
        {cf_cel_bytes(CF_LIT("fo")), "\"Zm8=\""},
        {cf_cel_bytes(CF_LIT("foo")), "\"Zm9v\""},
        {cf_cel_bytes(CF_LIT("foobar")), "\"Zm9vYmFy\""},
        {cf_cel_bytes(CF_LIT("\xfb\xff\xfe")), "\"+//+\""},
        {cf_cel_timestamp(0, 0), "\"1970-01-01T00:00:00Z\""},
        {cf_cel_timestamp(-1, 500000000), "\"1969-12-31T23:59:59.5Z\""},
        {cf_cel_duration(-1500000000), "\"-1.5s\""},
        {(cf_cel_value){.kind = CF_CEL_IP, .aux = 4, .s = loopback}, "\"127.0.0.1\""},
        {(cf_cel_value){.kind = CF_CEL_CIDR, .aux = 4, .len = 8, .s = loopback}, "\"127.0.0.1/8\""},
        {cf_cel_optional(NULL), "null"},
        {cf_cel_optional(&held), "7"},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        CF_BUF(out);
        assert_ok(cf_cel_to_json(&kinds[i].v, SIZE_MAX, &out));
        assert_view(cf_buf_view(&out), cf_view_str(kinds[i].json));
    }
    const cf_cel_value none[] = {cf_cel_type_value(CF_LIT("int")), {0}, {.kind = CF_CEL_ERROR}};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        CF_BUF(out);
        assert_err(cf_cel_to_json(&none[i], SIZE_MAX, &out), CEL_CONVERT);
        assert_int_equal(out.len, 0);
    }
}

static void keys_must_be_text(void **state)
{
    (void)state;
    cf_cel_value entries[4] = {cf_cel_string(CF_LIT("a")), cf_cel_int(1), cf_cel_int(2),
                               cf_cel_int(3)};
    const cf_cel_map map = {.count = 2, .cap = 2, .entries = entries};
    const cf_cel_value v = cf_cel_map_value(&map);
    CF_BUF(out);
    assert_err(cf_cel_to_json(&v, SIZE_MAX, &out), CEL_CONVERT);
    assert_int_equal(out.len, 0);
    entries[2] = cf_cel_string(CF_LIT("b"));
    assert_ok(cf_cel_to_json(&v, SIZE_MAX, &out));
    assert_view(cf_buf_view(&out), CF_LIT("{\"a\":1,\"b\":3}"));
}

static void output_is_bounded(void **state)
{
    (void)state;
    const cf_cel_value items[2] = {cf_cel_int(1), cf_cel_string(CF_LIT("two"))};
    const cf_cel_value v = cf_cel_list(items, 2);
    const cf_view whole = CF_LIT("[1,\"two\"]");
    for (size_t max = 0; max <= whole.len + 1; max++) {
        CF_BUF(out);
        assert_ok(cf_buf_append(&out, CF_LIT("before")));
        cf_result r = cf_cel_to_json(&v, max, &out);
        assert_code(r, max < whole.len ? CF_ERR_BUDGET : CF_OK);
        assert_int_equal(out.len, 6 + (cf_is_ok(r) ? whole.len : 0));
    }
}

static void every_beginning_is_refused(void **state)
{
    (void)state;
    const cf_view text =
        CF_LIT("{\"a\":[1,-2.5e3,true,null,\"\\u00e9\\ud83d\\ude00x\",{\"b\":{}}],\"c\":false}");
    for (size_t n = 0; n < text.len; n++) {
        CF_ARENA(arena, ARENA_BYTES);
        cf_cel_value v;
        cf_view part = view_copy(cf_view_sub(text, 0, n));
        assert_err(cf_cel_from_json(part, SIZE_MAX, &arena, &v), TRUNCATED);
        view_free(part);
    }
}

/* --- names that collide: found by running the hash of a map's index backwards */

#define HASH_FACTOR UINT64_C(0x9E3779B97F4A7C15)

static uint64_t hash_word(uint64_t h, uint64_t word)
{
    h = (h ^ word) * HASH_FACTOR;
    return h ^ h >> 29;
}

static uint64_t before_shift(uint64_t h)
{
    h ^= h >> 29;
    return h ^ h >> 58;
}

/* The word that takes the state h to the outcome. */
static uint64_t word_between(uint64_t h, uint64_t outcome)
{
    uint64_t inverse = HASH_FACTOR; /* Newton: each turn doubles the bits that are right */
    for (int i = 0; i < 6; i++) {
        inverse *= 2 - HASH_FACTOR * inverse;
    }
    return before_shift(outcome) * inverse ^ h;
}

/* Eight octets, number i of those whose hash ends in 20 zeros once it is folded to 32 bits. False when they are no plain text. */
static bool colliding_name(uint64_t i, uint8_t name[8])
{
    uint64_t word = word_between(hash_word(8, 0), word_between(0, i << 32 | (i & 0xfffff)));
    for (size_t k = 0; k < 8; k++) {
        name[k] = (uint8_t)(word >> 8 * k);
        if (name[k] < ' ' || name[k] > '~' || name[k] == '"' || name[k] == '\\') {
            return false;
        }
    }
    return true;
}

static cf_result read_members(bool collide, size_t n)
{
    CF_ARENA(arena, ARENA_BYTES);
    CF_BUF(text);
    cf_cel_value v;
    uint64_t i = 1;
    for (size_t k = 0; k < n; k++, i++) {
        uint8_t name[8];
        if (collide) {
            while (!colliding_name(i, name)) {
                i++;
            }
        } else {
            for (size_t j = 0, rest = k; j < sizeof name; j++, rest /= 10) {
                name[j] = (uint8_t)('0' + rest % 10);
            }
        }
        assert_ok(cf_buf_append(&text, k == 0 ? CF_LIT("{\"") : CF_LIT(",\"")));
        assert_ok(cf_buf_append(&text, CF_VIEW_OF(name)));
        assert_ok(cf_buf_append(&text, CF_LIT("\":1")));
    }
    assert_ok(cf_buf_append(&text, CF_LIT("}")));
    return cf_cel_from_json(cf_buf_view(&text), SIZE_MAX, &arena, &v);
}

static void colliding_names_cost_their_budget(void **state)
{
    (void)state;
    assert_err(read_members(true, 1000), BUDGET);
    assert_ok(read_members(true, 10));
    assert_ok(read_members(false, 1000));
    assert_ok(read_members(false, 100000));
}

/* --- the peer */

static json_t *peer_read(cf_view text)
{
    return json_loadb((const char *)text.data, text.len,
                      JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
}

/* jansson refuses whole numbers beyond int64, which are double here. */
static bool peer_has_no_such_int(cf_view text)
{
    json_error_t error;
    json_t *j = json_loadb((const char *)text.data, text.len,
                           JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    json_decref(j);
    return j == NULL && json_error_code(&error) == json_error_numeric_overflow;
}

/* An int beyond 2^53 is written as text. */
static bool holds_int_as_text(cf_view json)
{
    for (size_t i = 1; i < json.len; i++) {
        if (json.data[i - 1] == '"' && strchr("-0123456789", json.data[i]) != NULL) {
            return true;
        }
    }
    return false;
}

/* Both refuse, or both read the same. */
static bool agrees(cf_view text, bool *ret_read)
{
    CF_ARENA(arena, ARENA_BYTES);
    CF_BUF(out);
    cf_cel_value v;
    cf_result r = cf_cel_from_json(text, SIZE_MAX, &arena, &v);
    json_t *peer = peer_read(text);
    *ret_read = cf_is_ok(r);
    bool same = cf_is_ok(r) == (peer != NULL) || peer_has_no_such_int(text);
    if (same && peer != NULL) {
        assert_ok(cf_cel_to_json(&v, SIZE_MAX, &out));
        json_t *again = peer_read(cf_buf_view(&out));
        same =
            again != NULL && (json_equal(peer, again) == 1 || holds_int_as_text(cf_buf_view(&out)));
        json_decref(again);
    }
    json_decref(peer);
    return same;
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* The rows, and each with one octet changed, taken out or put in. */
static void peer_agrees(void **state)
{
    (void)state;
    static const char alphabet[] =
        "\"\\/{}[]:,.-+eEu0123456789dD8cC abnrtfls\n\t\x01\x7f\xc3\xa9\xed\xa0";
    uint32_t seed = 20261120;
    size_t read = 0, all = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (size_t round = 0; round < 200; round++) {
            CF_BUF(text);
            bool was_read = false;
            assert_ok(cf_buf_append(&text, cf_view_str(rows[i].text)));
            if (round > 0) {
                uint8_t c = (uint8_t)alphabet[next_random(&seed) % (sizeof alphabet - 1)];
                size_t at = next_random(&seed) % (text.len + 1);
                if (at == text.len) {
                    assert_ok(cf_buf_append(&text, cf_view_make(&c, 1)));
                } else if (round % 3 == 0) {
                    text.len = at; /* the rest is taken away */
                } else {
                    text.data[at] = c;
                }
            }
            if (!agrees(cf_buf_view(&text), &was_read)) {
                print_error("the peer differs on: %.*s\n", (int)text.len, (const char *)text.data);
                fail();
            }
            read += was_read;
            all++;
        }
    }
    assert_true(read > 1000 && all - read > 1000); /* both ways were seen */
}

static cf_result read_some(void *ctx)
{
    (void)ctx;
    CF_ARENA(arena, ARENA_BYTES);
    CF_BUF(out);
    cf_cel_value v;
    static char text[40000]; /* more than one block of the arena */
    const cf_view head = CF_LIT("[{\"a\":[1,2,3,4,5,6,7,8,9],\"b\":\""), tail = CF_LIT("\"}]");
    memset(text, 'x', sizeof text);
    cf_copy(text, head.data, head.len);
    cf_copy(text + sizeof text - tail.len, tail.data, tail.len);
    CF_TRY(cf_cel_from_json(cf_view_make(text, sizeof text), SIZE_MAX, &arena, &v));
    return cf_cel_to_json(&v, SIZE_MAX, &out);
}

static void lack_of_memory(void **state)
{
    (void)state;
    (void)failmalloc_each(read_some, NULL, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes),
        cmocka_unit_test(kinds_of_numbers_and_text),
        cmocka_unit_test(size_is_bounded),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(writer_is_bounded_in_depth),
        cmocka_unit_test(elements_are_bounded),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(writes_every_kind),
        cmocka_unit_test(keys_must_be_text),
        cmocka_unit_test(output_is_bounded),
        cmocka_unit_test(every_beginning_is_refused),
        cmocka_unit_test(colliding_names_cost_their_budget),
        cmocka_unit_test(peer_agrees),
        cmocka_unit_test(lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
