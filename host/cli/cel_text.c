/* SPDX-License-Identifier: Apache-2.0 */
/* Functions here call themselves as deep as a value is nested, which cf_cel_from_json and the engine bound to CF_CEL_NESTING_MAX. */
#include "host/cli/cel_text.h"

#include "core/base/number.h"
#include "core/cel/function.h"
#include "core/codec/base64.h"
#include "core/time/time.h"

/* --- to text */

static cf_result put_hex_escape(cf_buf *out, const char *head, uint8_t c)
{
    CF_TRY(cf_buf_append(out, cf_view_str(head)));
    return cf_hex_encode(cf_view_make(&c, 1), out);
}

/* In quotes; octets that are no printable ASCII are escaped where octets are meant, control characters where text is. */
static cf_result put_quoted(cf_buf *out, cf_view text, bool octets)
{
    CF_TRY(cf_buf_append(out, octets ? CF_LIT("b\"") : CF_LIT("\"")));
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        bool c1 = !octets && c == 0xc2 && i + 1 < text.len && text.data[i + 1] < 0xa0;
        if (c == '"' || c == '\\') {
            CF_TRY(cf_buf_append(out, CF_LIT("\\")));
            CF_TRY(cf_buf_append(out, cf_view_make(&c, 1)));
        } else if (c < ' ' || c == 0x7f || (octets && c > 0x7f)) {
            CF_TRY(put_hex_escape(out, "\\x", c));
        } else if (c1) { /* U+0080 to U+009F speak to a terminal, too */
            CF_TRY(put_hex_escape(out, "\\x", text.data[++i]));
        } else {
            CF_TRY(cf_buf_append(out, cf_view_make(&c, 1)));
        }
    }
    return cf_buf_append(out, CF_LIT("\""));
}

/* 1.0 for what prints as 1; also 1e+06, NaN. */
static cf_result put_scalar(cf_buf *out, const cf_cel_value *v)
{
    char text[CF_CEL_PRINT_BYTES];
    size_t len;
    CF_TRY(cf_cel_print(v, text, &len));
    bool whole = v->kind == CF_CEL_DOUBLE;
    for (size_t i = 0; i < len; i++) {
        whole = whole && ((text[i] >= '0' && text[i] <= '9') || text[i] == '-');
    }
    CF_TRY(cf_buf_append(out, cf_view_make(text, len)));
    return cf_buf_append(out, whole                    ? CF_LIT(".0")
                              : v->kind == CF_CEL_UINT ? CF_LIT("u")
                                                       : CF_VIEW_EMPTY);
}

/* timestamp("..."): the function whose argument is the text. */
static cf_result put_call(cf_buf *out, cf_view function, const cf_cel_value *v)
{
    char text[CF_CEL_PRINT_BYTES];
    size_t len;
    CF_TRY(cf_cel_print(v, text, &len));
    CF_TRY(cf_buf_append(out, function));
    CF_TRY(cf_buf_append(out, CF_LIT("(")));
    CF_TRY(put_quoted(out, cf_view_make(text, len), false));
    return cf_buf_append(out, CF_LIT(")"));
}

static cf_result put_value(cf_buf *out, const cf_cel_value *v, uint32_t depth);

static cf_result put_list(cf_buf *out, const cf_cel_value *v, uint32_t depth)
{
    CF_TRY(cf_buf_append(out, CF_LIT("[")));
    for (uint32_t i = 0; i < v->len; i++) {
        CF_TRY(cf_buf_append(out, i > 0 ? CF_LIT(", ") : CF_VIEW_EMPTY));
        CF_TRY(put_value(out, &v->items[i], depth + 1));
    }
    return cf_buf_append(out, CF_LIT("]"));
}

static cf_result put_map(cf_buf *out, const cf_cel_map *map, uint32_t depth)
{
    CF_TRY(cf_buf_append(out, CF_LIT("{")));
    for (uint32_t i = 0; i < map->count; i++) {
        CF_TRY(cf_buf_append(out, i > 0 ? CF_LIT(", ") : CF_VIEW_EMPTY));
        CF_TRY(put_value(out, &map->entries[2 * i], depth + 1));
        CF_TRY(cf_buf_append(out, CF_LIT(": ")));
        CF_TRY(put_value(out, &map->entries[2 * i + 1], depth + 1));
    }
    return cf_buf_append(out, CF_LIT("}"));
}

static cf_result put_value(cf_buf *out, const cf_cel_value *v, uint32_t depth)
{
    if (depth > CF_CEL_NESTING_MAX) {
        return cf_buf_append(out, CF_LIT("..."));
    }
    switch ((cf_cel_kind)v->kind) {
    case CF_CEL_NULL:
        return cf_buf_append(out, CF_LIT("null"));
    case CF_CEL_BOOL:
    case CF_CEL_INT:
    case CF_CEL_UINT:
    case CF_CEL_DOUBLE:
        return put_scalar(out, v);
    case CF_CEL_STRING:
    case CF_CEL_BYTES:
        return put_quoted(out, cf_cel_text(v), v->kind == CF_CEL_BYTES);
    case CF_CEL_LIST:
        return put_list(out, v, depth);
    case CF_CEL_MAP:
        return put_map(out, v->map, depth);
    case CF_CEL_TYPE:
        return cf_buf_append(out, cf_cel_text(v));
    case CF_CEL_TIMESTAMP:
        return put_call(out, CF_LIT("timestamp"), v);
    case CF_CEL_DURATION:
        return put_call(out, CF_LIT("duration"), v);
    case CF_CEL_IP:
        return put_call(out, CF_LIT("ip"), v);
    case CF_CEL_CIDR:
        return put_call(out, CF_LIT("cidr"), v);
    case CF_CEL_OPTIONAL:
        if (v->items == NULL) {
            return cf_buf_append(out, CF_LIT("optional.none()"));
        }
        CF_TRY(cf_buf_append(out, CF_LIT("optional.of(")));
        CF_TRY(put_value(out, v->items, depth + 1));
        return cf_buf_append(out, CF_LIT(")"));
    case CF_CEL_UNSET:
    case CF_CEL_ERROR:
    case CF_CEL_KIND_COUNT:
        break;
    }
    return cf_buf_append(out, CF_LIT("no value"));
}

cf_result cli_cel_put(const cf_cel_value *v, cf_buf *out)
{
    return put_value(out, v, 0);
}

/* --- from typed JSON */

const cf_cel_value *cli_cel_member(const cf_cel_value *v, const char *name)
{
    for (uint32_t i = 0; v->kind == CF_CEL_MAP && i < v->map->count; i++) {
        if (cf_view_eq(cf_cel_text(&v->map->entries[2 * i]), cf_view_str(name))) {
            return &v->map->entries[2 * i + 1];
        }
    }
    return NULL;
}

static cf_result text_to_int(const cf_cel_value *text, int64_t *ret)
{
    uint64_t n = 0;
    CF_REQUIRE(text->kind == CF_CEL_STRING, MALFORMED);
    bool negative = text->len > 0 && text->s[0] == '-';
    cf_view digits = cf_view_sub(cf_cel_text(text), negative, text->len - negative);
    CF_TRY(cf_parse_u64(digits, (uint64_t)INT64_MAX + negative, &n));
    *ret = negative ? (int64_t)(0 - n) : (int64_t)n;
    return cf_ok();
}

/* {"seconds": "..", "nanos": n}; what is absent is 0. */
static cf_result read_time(const cf_cel_value *typed, int64_t *ret_seconds, int64_t *ret_nanos)
{
    const cf_cel_value *seconds = cli_cel_member(typed, "seconds");
    const cf_cel_value *nanos = cli_cel_member(typed, "nanos");
    *ret_seconds = 0;
    *ret_nanos = nanos != NULL ? nanos->i : 0;
    CF_REQUIRE(typed->kind == CF_CEL_MAP && (nanos == NULL || nanos->kind == CF_CEL_INT),
               MALFORMED);
    return seconds != NULL ? text_to_int(seconds, ret_seconds) : cf_ok();
}

static cf_result read_timestamp(const cf_cel_value *typed, cf_cel_value *ret)
{
    int64_t seconds, nanos;
    CF_TRY(read_time(typed, &seconds, &nanos));
    CF_REQUIRE(nanos >= 0 && nanos < CF_NANOS_PER_SECOND, RANGE);
    *ret = cf_cel_timestamp(seconds, (uint32_t)nanos);
    return cf_ok();
}

static cf_result read_duration(const cf_cel_value *typed, cf_cel_value *ret)
{
    int64_t seconds, nanos;
    CF_TRY(read_time(typed, &seconds, &nanos));
    CF_REQUIRE(!__builtin_mul_overflow(seconds, CF_NANOS_PER_SECOND, &seconds) &&
                   !__builtin_add_overflow(seconds, nanos, &nanos),
               RANGE);
    *ret = cf_cel_duration(nanos);
    return cf_ok();
}

static cf_result read_double(const cf_cel_value *typed, cf_cel_value *ret)
{
    static const struct {
        cf_view name;
        double d;
    } names[] = {{CF_LIT_INIT("NaN"), __builtin_nan("")},
                 {CF_LIT_INIT("Infinity"), __builtin_inf()},
                 {CF_LIT_INIT("-Infinity"), -__builtin_inf()}};
    if (typed->kind == CF_CEL_DOUBLE || typed->kind == CF_CEL_INT) {
        *ret = typed->kind == CF_CEL_INT ? cf_cel_double((double)typed->i) : *typed;
        return cf_ok();
    }
    for (size_t i = 0; typed->kind == CF_CEL_STRING && i < sizeof names / sizeof names[0]; i++) {
        if (cf_view_eq(cf_cel_text(typed), names[i].name)) {
            *ret = cf_cel_double(names[i].d);
            return cf_ok();
        }
    }
    return cf_fail(CF_ERR_MALFORMED);
}

static cf_result read_bytes(const cf_cel_value *typed, cf_arena *arena, cf_cel_value *ret)
{
    CF_BUF(octets);
    cf_view copy;
    CF_REQUIRE(typed->kind == CF_CEL_STRING, MALFORMED);
    CF_TRY(cf_base64_decode(cf_cel_text(typed), &octets));
    CF_TRY(cf_arena_copy(arena, cf_buf_view(&octets), &copy));
    *ret = cf_cel_bytes(copy);
    return cf_ok();
}

static cf_result read_list(const cf_cel_value *typed, cf_arena *arena, cf_cel_value *ret)
{
    CF_REQUIRE(typed->kind == CF_CEL_LIST, MALFORMED);
    cf_cel_value *items = cf_arena_new(arena, typed->len, sizeof *items);
    CF_REQUIRE(items != NULL, NO_MEMORY);
    for (uint32_t i = 0; i < typed->len; i++) {
        CF_TRY(cli_cel_typed(&typed->items[i], arena, &items[i]));
    }
    *ret = cf_cel_list(items, typed->len);
    return cf_ok();
}

/* A list of pairs. The map has no index: it is read from front to back, or handed to the engine, which copies what it changes. */
static cf_result read_map(const cf_cel_value *typed, cf_arena *arena, cf_cel_value *ret)
{
    static const cf_cel_budget budget = {.elements = CF_CEL_ELEMENTS_MAX,
                                         .output_bytes = UINT32_MAX};
    cf_cel_run run = {.arena = arena, .steps = UINT64_MAX, .budget = &budget};
    cf_cel_map *map = NULL;
    CF_REQUIRE(typed->kind == CF_CEL_LIST, MALFORMED);
    CF_TRY(cf_cel_map_new(&run, typed->len, &map));
    for (uint32_t i = 0; i < typed->len; i++) {
        const cf_cel_value *pair = &typed->items[i];
        cf_cel_value key, value;
        CF_REQUIRE(pair->kind == CF_CEL_LIST && pair->len == 2, MALFORMED);
        CF_TRY(cli_cel_typed(&pair->items[0], arena, &key));
        CF_TRY(cli_cel_typed(&pair->items[1], arena, &value));
        CF_TRY(cf_cel_map_put(&run, map, &key, &value));
    }
    *ret = cf_cel_map_value(map);
    return cf_ok();
}

static cf_result read_number(bool is_uint, const cf_cel_value *typed, cf_cel_value *ret)
{
    int64_t i = 0;
    uint64_t u = 0;
    CF_REQUIRE(typed->kind == CF_CEL_STRING, MALFORMED);
    if (is_uint) {
        CF_TRY(cf_parse_u64(cf_cel_text(typed), UINT64_MAX, &u));
    } else {
        CF_TRY(text_to_int(typed, &i));
    }
    *ret = is_uint ? cf_cel_uint(u) : cf_cel_int(i);
    return cf_ok();
}

static const struct {
    cf_view name;
    cf_cel_kind kind;
} forms[] = {
    {CF_LIT_INIT("null"), CF_CEL_NULL},
    {CF_LIT_INIT("bool"), CF_CEL_BOOL},
    {CF_LIT_INIT("int"), CF_CEL_INT},
    {CF_LIT_INIT("uint"), CF_CEL_UINT},
    {CF_LIT_INIT("double"), CF_CEL_DOUBLE},
    {CF_LIT_INIT("string"), CF_CEL_STRING},
    {CF_LIT_INIT("bytes"), CF_CEL_BYTES},
    {CF_LIT_INIT("list"), CF_CEL_LIST},
    {CF_LIT_INIT("map"), CF_CEL_MAP},
    {CF_LIT_INIT("type"), CF_CEL_TYPE},
    {CF_LIT_INIT("timestamp"), CF_CEL_TIMESTAMP},
    {CF_LIT_INIT("duration"), CF_CEL_DURATION},
};

static cf_result read_form(cf_cel_kind kind, const cf_cel_value *held, cf_arena *arena,
                           cf_cel_value *ret)
{
    switch (kind) {
    case CF_CEL_NULL:
    case CF_CEL_BOOL:
    case CF_CEL_STRING:
        CF_REQUIRE(held->kind == kind, MALFORMED);
        *ret = *held;
        return cf_ok();
    case CF_CEL_TYPE:
        CF_REQUIRE(held->kind == CF_CEL_STRING, MALFORMED);
        *ret = cf_cel_type_value(cf_cel_text(held));
        return cf_ok();
    case CF_CEL_INT:
    case CF_CEL_UINT:
        return read_number(kind == CF_CEL_UINT, held, ret);
    case CF_CEL_DOUBLE:
        return read_double(held, ret);
    case CF_CEL_BYTES:
        return read_bytes(held, arena, ret);
    case CF_CEL_LIST:
        return read_list(held, arena, ret);
    case CF_CEL_MAP:
        return read_map(held, arena, ret);
    case CF_CEL_TIMESTAMP:
        return read_timestamp(held, ret);
    case CF_CEL_DURATION:
        return read_duration(held, ret);
    case CF_CEL_UNSET:
    case CF_CEL_ERROR:
    case CF_CEL_OPTIONAL:
    case CF_CEL_IP:
    case CF_CEL_CIDR:
    case CF_CEL_KIND_COUNT:
        break;
    }
    return cf_fail(CF_ERR_UNSUPPORTED);
}

cf_result cli_cel_typed(const cf_cel_value *typed, cf_arena *arena, cf_cel_value *ret)
{
    *ret = (cf_cel_value){0};
    CF_REQUIRE(typed->kind == CF_CEL_MAP && typed->map->count == 1, MALFORMED);
    cf_view name = cf_cel_text(&typed->map->entries[0]);
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (cf_view_eq(name, forms[i].name)) {
            return read_form(forms[i].kind, &typed->map->entries[1], arena, ret);
        }
    }
    return cf_fail(CF_ERR_UNSUPPORTED);
}

/* --- comparing */

static bool same_map(const cf_cel_map *a, const cf_cel_map *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (uint32_t i = 0; i < a->count; i++) {
        uint32_t j = 0;
        while (j < b->count && !cli_cel_same(&a->entries[2 * i], &b->entries[2 * j])) {
            j++;
        }
        if (j == b->count || !cli_cel_same(&a->entries[2 * i + 1], &b->entries[2 * j + 1])) {
            return false;
        }
    }
    return true;
}

bool cli_cel_same(const cf_cel_value *a, const cf_cel_value *b)
{
    if (a->kind != b->kind) {
        return false;
    }
    switch ((cf_cel_kind)a->kind) {
    case CF_CEL_NULL:
        return true;
    case CF_CEL_BOOL:
        return a->b == b->b;
    case CF_CEL_INT:
    case CF_CEL_UINT:
    case CF_CEL_DURATION:
        return a->u == b->u;
    case CF_CEL_TIMESTAMP:
        return a->i == b->i && a->len == b->len;
    case CF_CEL_DOUBLE: /* the same bits: -0.0 is not 0.0 here */
        return a->u == b->u || (a->d != a->d && b->d != b->d);
    case CF_CEL_STRING:
    case CF_CEL_BYTES:
    case CF_CEL_TYPE:
        return cf_view_eq(cf_cel_text(a), cf_cel_text(b));
    case CF_CEL_LIST:
        for (uint32_t i = 0; a->len == b->len && i < a->len; i++) {
            if (!cli_cel_same(&a->items[i], &b->items[i])) {
                return false;
            }
        }
        return a->len == b->len;
    case CF_CEL_MAP:
        return same_map(a->map, b->map);
    case CF_CEL_IP:
    case CF_CEL_CIDR:
        return a->aux == b->aux && a->len == b->len &&
               cf_view_eq(cf_view_make(a->s, 16), cf_view_make(b->s, 16));
    case CF_CEL_OPTIONAL:
        return a->items == NULL || b->items == NULL ? a->items == b->items
                                                    : cli_cel_same(a->items, b->items);
    case CF_CEL_UNSET:
    case CF_CEL_ERROR:
    case CF_CEL_KIND_COUNT:
        break;
    }
    return false;
}
