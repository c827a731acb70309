/* SPDX-License-Identifier: Apache-2.0 */
/* The strings extension but format. Indices are code points; in a text known to be ASCII they are octets, otherwise they are found by
 * walking. Results share the memory of their receiver where they are parts of it. */
#include <string.h>

#include "core/cel/text_priv.h"
#include "core/unicode/unicode.h"

/* ---- Shared: finding and writing ---- */

/* libc's search is linear in both, but takes some nanoseconds for an octet of a text made for it once there are more than two octets to
 * compare: a step is then worth fewer of them. */
static size_t search_cost(size_t octets, size_t part)
{
    return part > 2 ? 4 * octets : octets;
}

cf_result cf_cel_find(cf_cel_run *run, cf_view text, size_t from, cf_view part, size_t *ret_at,
                      bool *ret_found)
{
    *ret_at = text.len;
    *ret_found = part.len == 0;
    if (part.len == 0 || part.len > text.len - from) {
        *ret_at = part.len == 0 ? from : text.len;
        return cf_cel_charge(run, 2);
    }
    const uint8_t *at = memmem(text.data + from, text.len - from, part.data, part.len);
    *ret_found = at != NULL;
    *ret_at = at != NULL ? (size_t)(at - text.data) : text.len;
    return cf_cel_charge_text(run, search_cost(*ret_at - from + part.len, part.len));
}

/* The first piece of a growing text. */
#define WRITER_BYTES_FIRST 64u

cf_result cf_cel_write(cf_cel_run *run, cf_cel_writer *w, cf_view text)
{
    CF_TRY(cf_cel_charge_text(run, text.len));
    if (text.len == 0) {
        return cf_ok(); /* octets may still be NULL */
    }
    if (text.len > run->budget->output_bytes - w->len) {
        run->over = "output_bytes";
        return cf_fail(CF_ERR_BUDGET);
    }
    if (text.len > w->cap - w->len) {
        size_t need = w->len + text.len, cap = w->cap == 0 ? WRITER_BYTES_FIRST : 2 * w->cap;
        cap = cap > need ? cap : need;
        void *room;
        CF_TRY(cf_cel_new(run, cap, &room));
        cf_copy(room, w->octets, w->len);
        w->octets = room;
        w->cap = cap;
    }
    cf_copy(w->octets + w->len, text.data, text.len);
    w->len += text.len;
    return cf_ok();
}

/* ---- Code points ---- */

/* Octets of the code point that begins with c, in well-formed text. */
static size_t point_size(uint8_t c)
{
    return c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
}

static bool is_ascii(const cf_cel_value *s)
{
    return (s->flags & CF_CEL_ASCII) != 0;
}

/* The octet at which code point `index` of s begins, or s->len for the number of all. error CEL_INDEX no such index; BUDGET */
static cf_result octet_at(cf_cel_run *run, const cf_cel_value *s, const cf_cel_value *index,
                          size_t *ret)
{
    *ret = 0;
    /* There are never more code points than octets. */
    CF_REQUIRE(index->i >= 0 && index->i <= s->len, CEL_INDEX);
    if (is_ascii(s)) {
        *ret = (size_t)index->i;
        return cf_ok();
    }
    size_t at = 0;
    int64_t left = index->i;
    for (; left > 0 && at < s->len; left--) {
        at += point_size(s->s[at]);
    }
    CF_TRY(cf_cel_charge_text(run, at));
    CF_REQUIRE(left == 0, CEL_INDEX);
    *ret = at;
    return cf_ok();
}

/* The index of the code point that begins at an octet. */
static cf_result index_of_octet(cf_cel_run *run, const cf_cel_value *s, size_t at,
                                cf_cel_value *ret)
{
    size_t index = at;
    if (!is_ascii(s)) {
        CF_TRY(cf_cel_charge_text(run, at));
        index = cf_utf8_len((cf_view){s->s, at});
    }
    return cf_cel_give(ret, cf_cel_int((int64_t)index));
}

/* One code point of s as a string. */
static cf_cel_value point_at(const cf_cel_value *s, size_t at)
{
    cf_cel_value v = cf_cel_text_part(s, at, at + point_size(s->s[at]));
    v.flags = v.len == 1 ? CF_CEL_ASCII : 0;
    return v;
}

/* ---- charAt, substring, indexOf, lastIndexOf ---- */

CF_CEL_FUNCTION(char_at)
{
    size_t at;
    CF_TRY(octet_at(run, &args[0], &args[1], &at));
    return cf_cel_give(ret, at == args[0].len ? cf_cel_text_part(&args[0], at, at)
                                              : point_at(&args[0], at));
}

CF_CEL_FUNCTION(substring)
{
    size_t from, to = args[0].len;
    CF_TRY(octet_at(run, &args[0], &args[1], &from));
    if (n == 3) {
        CF_REQUIRE(args[1].i <= args[2].i, CEL_INDEX);
        CF_TRY(octet_at(run, &args[0], &args[2], &to));
    }
    return cf_cel_give(ret, cf_cel_text_part(&args[0], from, to));
}

CF_CEL_FUNCTION(index_of)
{
    size_t from = 0, at;
    bool found;
    if (n == 3) {
        CF_TRY(octet_at(run, &args[0], &args[2], &from));
    }
    CF_TRY(cf_cel_find(run, cf_cel_text(&args[0]), from, cf_cel_text(&args[1]), &at, &found));
    *ret = cf_cel_int(-1);
    return found ? index_of_octet(run, &args[0], at, ret) : cf_ok();
}

/* The last start of part that is not behind octet `from`. What is compared at a start that looks right is charged. */
static cf_result find_last(cf_cel_run *run, cf_view text, size_t from, cf_view part, size_t *ret_at,
                           bool *ret_found)
{
    *ret_at = 0;
    *ret_found = false;
    if (part.len > text.len) {
        return cf_cel_charge(run, 1);
    }
    size_t at = text.len - part.len < from ? text.len - part.len : from;
    CF_TRY(cf_cel_charge_text(run, at));
    for (;; at--) {
        if (part.len == 0 || (text.data[at] == part.data[0] &&
                              text.data[at + part.len - 1] == part.data[part.len - 1])) {
            CF_TRY(cf_cel_charge_text(run, part.len));
            if (cf_view_eq((cf_view){text.data + at, part.len}, part)) {
                *ret_at = at;
                *ret_found = true;
                return cf_ok();
            }
        }
        if (at == 0) {
            return cf_ok();
        }
    }
}

CF_CEL_FUNCTION(last_index_of)
{
    size_t from = args[0].len, at;
    bool found;
    if (n == 3) {
        CF_TRY(octet_at(run, &args[0], &args[2], &from));
    }
    CF_TRY(find_last(run, cf_cel_text(&args[0]), from, cf_cel_text(&args[1]), &at, &found));
    *ret = cf_cel_int(-1);
    return found ? index_of_octet(run, &args[0], at, ret) : cf_ok();
}

/* ---- split, join, replace ---- */

/* At most `limit` pieces, the last one the rest. */
static cf_result split_points(cf_cel_run *run, const cf_cel_value *s, uint64_t limit,
                              cf_cel_items *list)
{
    for (size_t at = 0; at < s->len;) {
        cf_cel_value piece =
            list->count + UINT64_C(1) < limit ? point_at(s, at) : cf_cel_text_part(s, at, s->len);
        CF_TRY(cf_cel_charge(run, 1));
        CF_TRY(cf_cel_items_push(run, list, &piece));
        at += piece.len;
    }
    return cf_ok();
}

static cf_result split_at(cf_cel_run *run, const cf_cel_value *s, cf_view separator, uint64_t limit,
                          cf_cel_items *list)
{
    size_t at = 0, end = 0;
    for (bool more = true; more; at = end + separator.len) {
        more = list->count + UINT64_C(1) < limit;
        end = s->len;
        if (more) {
            CF_TRY(cf_cel_find(run, cf_cel_text(s), at, separator, &end, &more));
        }
        cf_cel_value piece = cf_cel_text_part(s, at, end);
        CF_TRY(cf_cel_items_push(run, list, &piece));
    }
    return cf_ok();
}

CF_CEL_FUNCTION(split)
{
    cf_cel_items list = {0};
    uint64_t limit = n == 3 && args[2].i >= 0 ? (uint64_t)args[2].i : UINT64_MAX;
    if (limit > 0) {
        CF_TRY(args[1].len == 0 ? split_points(run, &args[0], limit, &list)
                                : split_at(run, &args[0], cf_cel_text(&args[1]), limit, &list));
    }
    return cf_cel_give(ret, cf_cel_items_list(&list));
}

CF_CEL_FUNCTION(join)
{
    cf_view separator = n == 2 ? cf_cel_text(&args[1]) : CF_VIEW_EMPTY;
    uint8_t ascii = n == 2 && args[0].len > 1 ? args[1].flags : CF_CEL_ASCII;
    size_t len = args[0].len == 0 ? 0 : (args[0].len - 1) * separator.len;
    CF_TRY(cf_cel_charge(run, args[0].len));
    for (uint32_t i = 0; i < args[0].len; i++) {
        CF_REQUIRE(args[0].items[i].kind == CF_CEL_STRING, CEL_TYPE);
        len += args[0].items[i].len;
        ascii &= args[0].items[i].flags;
    }
    uint8_t *at;
    CF_TRY(cf_cel_text_new(run, CF_CEL_STRING, len, &at, ret));
    ret->flags = ascii;
    for (uint32_t i = 0; i < args[0].len; i++) {
        if (i > 0) {
            cf_copy(at, separator.data, separator.len);
            at += separator.len;
        }
        cf_copy(at, args[0].items[i].s, args[0].items[i].len);
        at += args[0].items[i].len;
    }
    return cf_ok();
}

/* Where a replacement goes: [at, at + the length of what is replaced). An empty one is found before every code point and at the end. */
typedef struct {
    cf_view text, part;
    size_t at, next; /* of the place found, and where to search on */
    uint64_t left;   /* places that may still be replaced */
} places;

static cf_result next_place(cf_cel_run *run, places *p, bool *ret_found)
{
    *ret_found = false;
    if (p->left == 0 || p->next > p->text.len) {
        return cf_ok();
    }
    p->left--;
    CF_TRY(cf_cel_find(run, p->text, p->next, p->part, &p->at, ret_found));
    p->next = p->at + p->part.len;
    if (p->part.len == 0) {
        p->next += p->at < p->text.len ? point_size(p->text.data[p->at]) : 1;
    }
    return cf_ok();
}

CF_CEL_FUNCTION(replace)
{
    places first = {.text = cf_cel_text(&args[0]), .part = cf_cel_text(&args[1])};
    first.left = n == 4 && args[3].i >= 0 ? (uint64_t)args[3].i : UINT64_MAX;
    uint64_t count = 0;
    bool found = true;
    for (places p = first; found; count += found) {
        CF_TRY(next_place(run, &p, &found));
    }
    if (count == 0) {
        return cf_cel_give(ret, args[0]);
    }
    cf_view by = cf_cel_text(&args[2]);
    uint8_t *to;
    /* All factors are below 2^32, and count * part.len is at most text.len. */
    CF_TRY(cf_cel_text_new(run, CF_CEL_STRING,
                           first.text.len - count * first.part.len + count * by.len, &to, ret));
    ret->flags = args[0].flags & args[2].flags;
    size_t done = 0;
    for (places p = first; count > 0; count--) {
        CF_TRY(next_place(run, &p, &found));
        cf_copy(to, p.text.data + done, p.at - done);
        to += p.at - done;
        cf_copy(to, by.data, by.len);
        to += by.len;
        done = p.at + p.part.len;
    }
    cf_copy(to, first.text.data + done, first.text.len - done);
    return cf_ok();
}

/* ---- trim, lowerAscii, upperAscii, reverse, quote ---- */

CF_CEL_FUNCTION(trim)
{
    cf_view text = cf_cel_text(&args[0]);
    size_t from = 0, to = text.len, size = 0;
    uint32_t point;
    while ((size = cf_utf8_get(text, from, &point)) > 0 && cf_unicode_is_space(point)) {
        from += size;
    }
    while (to > from && (size = cf_utf8_get_before(text, to, &point)) > 0 &&
           cf_unicode_is_space(point)) {
        to -= size;
    }
    CF_TRY(cf_cel_charge(run, 1 + (from + text.len - to) / 4));
    return cf_cel_give(ret, cf_cel_text_part(&args[0], from, to));
}

/* The text with the letters from first on, 26 of them, in the other case. */
static cf_result other_case(cf_cel_run *run, const cf_cel_value *s, uint8_t first,
                            cf_cel_value *ret)
{
    uint8_t *to;
    CF_TRY(cf_cel_text_new(run, CF_CEL_STRING, s->len, &to, ret));
    for (uint32_t i = 0; i < s->len; i++) {
        uint8_t letter = (uint8_t)(s->s[i] - first) < 26 ? 0x20 : 0;
        to[i] = s->s[i] ^ letter;
    }
    ret->flags = s->flags;
    return cf_ok();
}

CF_CEL_FUNCTION(lower_ascii)
{
    return other_case(run, &args[0], 'A', ret);
}

CF_CEL_FUNCTION(upper_ascii)
{
    return other_case(run, &args[0], 'a', ret);
}

CF_CEL_FUNCTION(reverse)
{
    uint8_t *octets;
    CF_TRY(cf_cel_charge_text(run, args[0].len));
    CF_TRY(cf_cel_text_new(run, CF_CEL_STRING, args[0].len, &octets, ret));
    for (size_t at = 0, size; at < args[0].len; at += size) {
        size = point_size(args[0].s[at]);
        for (size_t i = 0; i < size; i++) {
            octets[args[0].len - at - size + i] = args[0].s[at + i];
        }
    }
    ret->flags = args[0].flags;
    return cf_ok();
}

/* The letter behind the backslash, 0 for what is written as it is. */
static uint8_t escape_of(uint8_t c)
{
    static const uint8_t controls[] = {'a', 'b', 't', 'n', 'v', 'f', 'r'}; /* from 0x07 on */
    if (c >= '\a' && c <= '\r') {
        return controls[c - '\a'];
    }
    return c == '\\' || c == '"' ? c : 0;
}

CF_CEL_FUNCTION(quote)
{
    size_t len = 2;
    CF_TRY(cf_cel_charge_text(run, 2 * (size_t)args[0].len));
    for (uint32_t i = 0; i < args[0].len; i++) {
        len += escape_of(args[0].s[i]) != 0 ? 2 : 1;
    }
    uint8_t *to;
    CF_TRY(cf_cel_text_new(run, CF_CEL_STRING, len, &to, ret));
    *to++ = '"';
    for (uint32_t i = 0; i < args[0].len; i++) {
        uint8_t c = args[0].s[i], escape = escape_of(c);
        if (escape != 0) {
            *to++ = '\\';
        }
        *to++ = escape != 0 ? escape : c;
    }
    *to = '"';
    ret->flags = args[0].flags;
    return cf_ok();
}

static const cf_cel_function rows[] = {
    {"charAt", "string.(int)->string", char_at, 0},
    {"indexOf", "string.(string)->int", index_of, 0},
    {"indexOf", "string.(string,int)->int", index_of, 0},
    {"lastIndexOf", "string.(string)->int", last_index_of, 0},
    {"lastIndexOf", "string.(string,int)->int", last_index_of, 0},
    {"substring", "string.(int)->string", substring, 0},
    {"substring", "string.(int,int)->string", substring, 0},
    {"split", "string.(string)->list(string)", split, 0},
    {"split", "string.(string,int)->list(string)", split, 0},
    {"replace", "string.(string,string)->string", replace, 0},
    {"replace", "string.(string,string,int)->string", replace, 0},
    {"join", "list(string).()->string", join, 0},
    {"join", "list(string).(string)->string", join, 0},
    {"trim", "string.()->string", trim, 0},
    {"lowerAscii", "string.()->string", lower_ascii, 0},
    {"upperAscii", "string.()->string", upper_ascii, 0},
    {"reverse", "string.()->string", reverse, 0},
    {"strings.quote", "(string)->string", quote, 0},
    {"format", "string.(list(dyn))->string", cf_cel_format, 0},
};

const cf_cel_library cf_cel_lib_strings = {rows, sizeof rows / sizeof rows[0]};
