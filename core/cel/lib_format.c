/* SPDX-License-Identifier: Apache-2.0 */
/* format of the strings extension: %[.N]c with c one of s d f e x X o b, and %%. */
#include <string.h>

#include "core/base/number.h"
#include "core/cel/text_priv.h"
#include "core/unicode/utf8.h"

#define PRECISION_DEFAULT 6

static cf_result write_char(cf_cel_run *run, cf_cel_writer *w, char c)
{
    return cf_cel_write(run, w, cf_view_make(&c, 1));
}

/* ---- Numbers ---- */

/* 0 for what is finite. */
static size_t special_name(double d, char *to)
{
    cf_view name = isnan(d) ? CF_LIT("NaN") : d > 0 ? CF_LIT("Infinity") : CF_LIT("-Infinity");
    if (isfinite(d)) {
        return 0;
    }
    cf_copy(to, name.data, name.len);
    return name.len;
}

/* letter: 'f', 'e', or 's' for the shortest digits without an exponent. */
static cf_result write_double(cf_cel_run *run, cf_cel_writer *w, double d, uint8_t letter,
                              unsigned precision)
{
    char text[CF_DOUBLE_TEXT_BYTES];
    CF_TRY(cf_cel_charge(run, cf_cel_double_steps(d)));
    size_t len = special_name(d, text);
    if (len == 0) {
        len = letter == 'f'   ? cf_double_fixed(d, precision, text)
              : letter == 'e' ? cf_double_scientific(d, precision, text)
                              : cf_double_plain(d, text);
    }
    return cf_cel_write(run, w, cf_view_make(text, len));
}

static cf_result write_places(cf_cel_run *run, cf_cel_writer *w, const cf_cel_value *v,
                              uint8_t letter, unsigned precision)
{
    switch (v->kind) {
    case CF_CEL_INT:
        return write_double(run, w, (double)v->i, letter, precision);
    case CF_CEL_UINT:
        return write_double(run, w, (double)v->u, letter, precision);
    case CF_CEL_DOUBLE:
        return write_double(run, w, v->d, letter, precision);
    default:
        return cf_fail(CF_ERR_CEL_ARGUMENT);
    }
}

/* An int, a uint or a bool in base 2^bits; a minus sign for negative ones. */
static cf_result write_bits(cf_cel_run *run, cf_cel_writer *w, const cf_cel_value *v, unsigned bits,
                            const char *digits)
{
    char text[1 + 64];
    size_t at = sizeof text;
    bool negative = v->kind == CF_CEL_INT && v->i < 0;
    uint64_t n = v->kind == CF_CEL_BOOL ? v->b : negative ? 0 - v->u : v->u;
    do {
        text[--at] = digits[n & ((1u << bits) - 1)];
        n >>= bits;
    } while (n > 0);
    if (negative) {
        text[--at] = '-';
    }
    return cf_cel_write(run, w, cf_view_make(text + at, sizeof text - at));
}

static cf_result write_octets_hex(cf_cel_run *run, cf_cel_writer *w, cf_view octets,
                                  const char *digits)
{
    char text[64];
    for (size_t at = 0; at < octets.len;) {
        size_t n = 0;
        for (; at < octets.len && n < sizeof text; at++) {
            text[n++] = digits[octets.data[at] >> 4];
            text[n++] = digits[octets.data[at] & 15];
        }
        CF_TRY(cf_cel_write(run, w, cf_view_make(text, n)));
    }
    return cf_ok();
}

/* ---- %s ---- */

/* Each run of octets that are no UTF-8 becomes one U+FFFD. */
static cf_result write_bytes(cf_cel_run *run, cf_cel_writer *w, cf_view octets)
{
    size_t done = 0, at = 0;
    uint32_t point;
    CF_TRY(cf_cel_charge_text(run, octets.len));
    while (at < octets.len) {
        size_t size = cf_utf8_get(octets, at, &point);
        at += size;
        if (size > 0) {
            continue;
        }
        CF_TRY(cf_cel_write(run, w, (cf_view){octets.data + done, at - done}));
        CF_TRY(cf_cel_write(run, w, CF_LIT("\xEF\xBF\xBD")));
        while (at < octets.len && cf_utf8_get(octets, at, &point) == 0) {
            at++;
        }
        done = at;
    }
    return cf_cel_write(run, w, (cf_view){octets.data + done, at - done});
}

static cf_result write_scalar(cf_cel_run *run, cf_cel_writer *w, const cf_cel_value *v)
{
    char text[CF_CEL_PRINT_BYTES];
    size_t len;
    switch (v->kind) {
    case CF_CEL_NULL:
        return cf_cel_write(run, w, CF_LIT("null"));
    case CF_CEL_STRING:
    case CF_CEL_TYPE:
        return cf_cel_write(run, w, cf_cel_text(v));
    case CF_CEL_BYTES:
        return write_bytes(run, w, cf_cel_text(v));
    case CF_CEL_DOUBLE:
        return write_double(run, w, v->d, 's', 0);
    case CF_CEL_BOOL:
    case CF_CEL_INT:
    case CF_CEL_UINT:
    case CF_CEL_TIMESTAMP:
    case CF_CEL_DURATION:
        CF_TRY(cf_cel_print(v, text, &len));
        return cf_cel_write(run, w, cf_view_make(text, len));
    default:
        return cf_fail(CF_ERR_CEL_ARGUMENT);
    }
}

/* The values of an open list; of an open map each entry's key as text and then its value. */
typedef struct {
    const cf_cel_value *next;
    uint32_t left;
    bool map, begun;
} open_items;

/* A map's entries in the order of their keys' texts, of equal texts in the map's own order. */
static cf_result sorted_entries(cf_cel_run *run, const cf_cel_map *map, const cf_cel_value **ret)
{
    cf_cel_items numbers = {0}, keys = {0}, entries = {0};
    cf_cel_value order;
    CF_TRY(cf_cel_items_reserve(run, &numbers, map->count));
    CF_TRY(cf_cel_items_reserve(run, &keys, map->count));
    for (uint32_t i = 0; i < map->count; i++) {
        cf_cel_writer text = {0};
        cf_cel_value number = cf_cel_int(i), key = map->entries[2 * i];
        if (key.kind != CF_CEL_STRING) {
            CF_TRY(write_scalar(run, &text, &key));
            key = cf_cel_written(&text);
        }
        CF_TRY(cf_cel_items_push(run, &numbers, &number));
        CF_TRY(cf_cel_items_push(run, &keys, &key));
    }
    CF_TRY(cf_cel_sort_by(run, numbers.items, keys.items, map->count, &order));
    for (uint32_t i = 0; i < map->count; i++) {
        uint32_t at = (uint32_t)order.items[i].i;
        CF_TRY(cf_cel_items_push(run, &entries, &keys.items[at]));
        CF_TRY(cf_cel_items_push(run, &entries, &map->entries[2 * at + 1]));
    }
    *ret = entries.items;
    return cf_ok();
}

static cf_result open_value(cf_cel_run *run, cf_cel_writer *w, const cf_cel_value *v,
                            open_items *ret)
{
    *ret = (open_items){.map = v->kind == CF_CEL_MAP};
    CF_TRY(write_char(run, w, ret->map ? '{' : '['));
    ret->left = ret->map ? v->map->count : v->len;
    if (ret->map && ret->left > 0) {
        return sorted_entries(run, v->map, &ret->next);
    }
    ret->next = v->items;
    return cf_ok();
}

/* What stands before the next value of f: a comma, and in a map the key. */
static cf_result next_value(cf_cel_run *run, cf_cel_writer *w, open_items *f,
                            const cf_cel_value **ret)
{
    if (f->begun) {
        CF_TRY(cf_cel_write(run, w, CF_LIT(", ")));
    }
    f->begun = true;
    if (f->map) {
        CF_TRY(write_scalar(run, w, f->next));
        CF_TRY(cf_cel_write(run, w, CF_LIT(": ")));
        f->next++;
    }
    f->left--;
    *ret = f->next++;
    return cf_ok();
}

static cf_result write_value(cf_cel_run *run, cf_cel_writer *w, const cf_cel_value *v)
{
    open_items stack[CF_CEL_NESTING_MAX];
    uint32_t depth = 0;
    for (;;) {
        if (v->kind != CF_CEL_LIST && v->kind != CF_CEL_MAP) {
            CF_TRY(write_scalar(run, w, v));
        } else if (depth == CF_CEL_NESTING_MAX) {
            run->over = "nesting";
            return cf_fail(CF_ERR_BUDGET);
        } else {
            CF_TRY(open_value(run, w, v, &stack[depth]));
            depth++;
        }
        for (; depth > 0 && stack[depth - 1].left == 0; depth--) {
            CF_TRY(write_char(run, w, stack[depth - 1].map ? '}' : ']'));
        }
        if (depth == 0) {
            return cf_ok();
        }
        CF_TRY(next_value(run, w, &stack[depth - 1], &v));
    }
}

/* ---- Clauses ---- */

static cf_result write_clause(cf_cel_run *run, cf_cel_writer *w, uint8_t letter, unsigned precision,
                              const cf_cel_value *v)
{
    const char *digits = letter == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    bool integer = v->kind == CF_CEL_INT || v->kind == CF_CEL_UINT;
    switch (letter) {
    case 's':
        return write_value(run, w, v);
    case 'd':
        CF_REQUIRE(integer || v->kind == CF_CEL_DOUBLE, CEL_ARGUMENT);
        return write_scalar(run, w, v);
    case 'f':
    case 'e':
        return write_places(run, w, v, letter, precision);
    case 'x':
    case 'X':
        if (v->kind == CF_CEL_STRING || v->kind == CF_CEL_BYTES) {
            return write_octets_hex(run, w, cf_cel_text(v), digits);
        }
        CF_REQUIRE(integer, CEL_ARGUMENT);
        return write_bits(run, w, v, 4, digits);
    case 'o':
        CF_REQUIRE(integer, CEL_ARGUMENT);
        return write_bits(run, w, v, 3, digits);
    case 'b':
        CF_REQUIRE(integer || v->kind == CF_CEL_BOOL, CEL_ARGUMENT);
        return write_bits(run, w, v, 1, digits);
    default:
        return cf_fail(CF_ERR_CEL_ARGUMENT);
    }
}

/* What stands behind a percent sign at octet *at: [.digits]letter. error CEL_ARGUMENT it ends before, no digit, a precision that is
 * too large; the letter is not looked at. */
static cf_result read_clause(cf_view format, size_t *at, unsigned *ret_precision,
                             uint8_t *ret_letter)
{
    unsigned precision = PRECISION_DEFAULT;
    *ret_precision = 0;
    *ret_letter = 0;
    if (*at < format.len && format.data[*at] == '.') {
        size_t first = ++*at;
        for (precision = 0; *at < format.len && format.data[*at] >= '0' && format.data[*at] <= '9';
             ++*at) {
            precision = precision * 10 + (format.data[*at] - '0');
            CF_REQUIRE(precision <= CF_DOUBLE_PRECISION_MAX, CEL_ARGUMENT);
        }
        CF_REQUIRE(*at > first, CEL_ARGUMENT);
    }
    CF_REQUIRE(*at < format.len, CEL_ARGUMENT);
    *ret_precision = precision;
    *ret_letter = format.data[*at];
    ++*at;
    return cf_ok();
}

cf_result cf_cel_format(cf_cel_run *run, const cf_cel_value *args, uint32_t n, cf_cel_value *ret)
{
    (void)n;
    cf_view format = cf_cel_text(&args[0]);
    cf_cel_writer w = {0};
    uint32_t used = 0;
    for (size_t at = 0; at < format.len;) {
        const uint8_t *percent = memchr(format.data + at, '%', format.len - at);
        size_t end = percent == NULL ? format.len : (size_t)(percent - format.data);
        CF_TRY(cf_cel_write(run, &w, (cf_view){format.data + at, end - at}));
        at = end + 1;
        if (percent != NULL && at < format.len && format.data[at] == '%') {
            CF_TRY(write_char(run, &w, '%'));
            at++;
        } else if (percent != NULL) {
            unsigned precision;
            uint8_t letter;
            CF_TRY(read_clause(format, &at, &precision, &letter));
            CF_REQUIRE(used < args[1].len, CEL_ARGUMENT);
            CF_TRY(write_clause(run, &w, letter, precision, &args[1].items[used]));
            used++;
        }
    }
    CF_REQUIRE(used == args[1].len, CEL_ARGUMENT);
    return cf_cel_give(ret, cf_cel_written(&w));
}
