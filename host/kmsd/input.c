/* SPDX-License-Identifier: Apache-2.0 */
#include "host/kmsd/input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/number.h"
#include "core/codec/base64.h"
#include "core/codec/cbor.h"
#include "core/crypto/primitives.h"
#include "host/kmsd/limits.h"

static bool all_of(cf_view v, bool (*ok)(uint8_t c))
{
    for (size_t i = 0; i < v.len; i++) {
        if (!ok(v.data[i])) {
            return false;
        }
    }
    return true;
}

/* Up to U+00FF in UTF-8: code points above U+007F begin with C2 or C3. */
static bool is_policy_octet(uint8_t c)
{
    return c <= 0xC3 && (c >= 0x20 || c == '\t' || c == '\n' || c == '\r');
}

static bool is_marker_octet(uint8_t c)
{
    return c >= 0x20 && c <= 0xC3;
}

static bool is_alnum(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_word_octet(uint8_t c)
{
    return is_alnum(c) || c == '_';
}

static bool is_name_octet(uint8_t c)
{
    return is_word_octet(c) || c == ':' || c == '/' || c == '-';
}

static bool is_principal_octet(uint8_t c)
{
    return is_name_octet(c) || c == '+' || c == '=' || c == ',' || c == '.' || c == '@';
}

static bool is_hex_octet(uint8_t c)
{
    return (c >= 'a' && c <= 'f') || (c >= '0' && c <= '9');
}

const cf_in_pattern cf_in_policy_text = {"[\\u0009\\u000A\\u000D\\u0020-\\u00FF]+",
                                         is_policy_octet};
const cf_in_pattern cf_in_marker = {"[\\u0020-\\u00FF]*", is_marker_octet};
const cf_in_pattern cf_in_name = {"^[a-zA-Z0-9:/_-]+$", is_name_octet};
const cf_in_pattern cf_in_word = {"[\\w]+", is_word_octet};
const cf_in_pattern cf_in_principal = {"^[\\w+=,.@:/-]+$", is_principal_octet};
const cf_in_pattern cf_in_hex = {"^[a-f0-9]+$", is_hex_octet};

static const json_t *member_of(const json_t *in, const char *name)
{
    const json_t *j = json_object_get(in, name);
    return j == NULL || json_is_null(j) ? NULL : j;
}

bool cf_in_has(const json_t *in, const char *name)
{
    return member_of(in, name) != NULL;
}

static cf_view text_of(const json_t *j)
{
    return cf_view_make(json_string_value(j), json_string_length(j));
}

cf_view cf_in_text(const json_t *in, const char *name)
{
    const json_t *j = member_of(in, name);
    return json_is_string(j) ? text_of(j) : CF_VIEW_EMPTY;
}

uint64_t cf_in_number(const json_t *in, const char *name, uint64_t otherwise)
{
    const json_t *j = member_of(in, name);
    return json_is_integer(j) ? (uint64_t)json_integer_value(j) : otherwise;
}

bool cf_in_bool(const json_t *in, const char *name)
{
    return json_is_true(member_of(in, name));
}

CF_MUST_USE cf_result cf_in_blob(const json_t *in, const char *name, cf_buf *out)
{
    return cf_base64_decode(cf_in_text(in, name), out);
}

/* --- base64 --- */

/* Bits of a character of base64; 64 for others. */
static unsigned base64_bits(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26u;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52u;
    }
    return c == '+' ? 62 : c == '/' ? 63 : 64;
}

/* True for characters of base64, without its pad. A bit for each octet instead of a branch: most of a request is looked at so. */
static bool is_base64_text(cf_view v)
{
    static const uint64_t taken[4] = {
        UINT64_C(1) << '+' | UINT64_C(1) << '/' | UINT64_C(0x3FF) << '0',
        UINT64_C(0x3FFFFFF) << ('A' - 64) | UINT64_C(0x3FFFFFF) << ('a' - 64)};
    uint64_t all = 1;
    for (size_t i = 0; i < v.len; i++) {
        all &= taken[v.data[i] >> 6] >> (v.data[i] & 63);
    }
    return all != 0;
}

static size_t pad_of(cf_view v)
{
    return v.len < 2 || v.data[v.len - 1] != '=' ? 0 : v.data[v.len - 2] != '=' ? 1 : 2;
}

/* --- the text --- */

/* jansson takes a text octet by octet, and most of a request is a document in base64. So a text as long as that is taken out of the
 * request, a mark parsed in its place, and the text put back. */
#define LONG_BYTES_MIN 1024
#define MARK_BYTES 16 /* random ones: nobody else says the same */

typedef struct {
    cf_view text;                 /* borrows from the request; empty: there is none */
    size_t at;                    /* where it stands there */
    uint8_t mark[2 * MARK_BYTES]; /* in hexadecimal */
} long_text;

/* The first octets of base64 between two quotes that are so many. Without a quote or a backslash among them they are the whole of a JSON
 * text; or what stands between two texts, where a mark is as malformed. */
static void find_long(cf_view body, long_text *ret)
{
    size_t at = 0;
    const uint8_t *quote;
    while ((quote = memchr(body.data + at, '"', body.len - at)) != NULL) {
        size_t end = (size_t)(quote - body.data);
        cf_view between = cf_view_sub(body, at, end - at);
        if (at > 0 && between.len >= LONG_BYTES_MIN &&
            is_base64_text(cf_view_sub(between, 0, between.len - pad_of(between)))) {
            ret->text = between;
            ret->at = at;
            return;
        }
        at = end + 1;
    }
}

static cf_result make_mark(long_text *l)
{
    CF_BUF(hex);
    uint8_t octets[MARK_BYTES];
    CF_TRY(cf_random(octets, sizeof octets));
    CF_TRY(cf_hex_encode(CF_VIEW_OF(octets), &hex));
    CF_REQUIRE(hex.len == sizeof l->mark, INTERNAL);
    cf_copy(l->mark, hex.data, hex.len);
    return cf_ok();
}

static cf_result put_marked(cf_view body, const long_text *l, cf_buf *out)
{
    size_t behind = l->at + l->text.len;
    CF_TRY(cf_buf_reserve(out, body.len - l->text.len + sizeof l->mark));
    CF_TRY(cf_buf_append(out, cf_view_sub(body, 0, l->at)));
    CF_TRY(cf_buf_append(out, CF_VIEW_OF(l->mark)));
    return cf_buf_append(out, cf_view_sub(body, behind, body.len - behind));
}

static json_t *find_mark_in(const json_t *object, const long_text *l)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        if (json_is_string(value) && cf_view_eq(text_of(value), CF_VIEW_OF(l->mark))) {
            return value;
        }
    }
    return NULL;
}

/* The value that is the mark, of the request itself or of an object in it: no other place has long texts. */
static json_t *find_mark(const json_t *in, const long_text *l)
{
    const char *name;
    json_t *value, *found = find_mark_in(in, l);
    json_object_foreach((json_t *)(uintptr_t)in, name, value)
    {
        found = found != NULL ? found : find_mark_in(value, l);
    }
    return found;
}

/* *ret stays NULL where the text turns out to be something else than such a value. */
static cf_result parse_marked(cf_view body, long_text *l, json_t **ret)
{
    CF_BUF(marked);
    CF_JSON(in);
    CF_TRY(make_mark(l));
    CF_TRY(put_marked(body, l, &marked));
    CF_TRY(cf_json_parse(cf_buf_view(&marked), CF_KMSD_BODY_BYTES_MAX, &in));
    json_t *value = find_mark(in, l);
    if (value == NULL) {
        return cf_ok();
    }
    int rc = json_string_setn_nocheck(value, (const char *)l->text.data, l->text.len);
    CF_REQUIRE(rc == 0, NO_MEMORY);
    *ret = in;
    in = NULL;
    return cf_ok();
}

CF_MUST_USE cf_result cf_in_parse(cf_view body, json_t **ret)
{
    long_text l = {.text = CF_VIEW_EMPTY};
    *ret = NULL;
    if (body.len > 0 && body.len <= CF_KMSD_BODY_BYTES_MAX) {
        find_long(body, &l);
    }
    if (l.text.len > 0) {
        CF_TRY(parse_marked(body, &l, ret));
    }
    return *ret != NULL ? cf_ok() : cf_json_parse(body, CF_KMSD_BODY_BYTES_MAX, ret);
}

/* --- types --- */

/* What cf_base64_decode takes, found out without its memory. */
static bool is_base64(const json_t *j)
{
    cf_view v = text_of(j);
    if (!json_is_string(j) || v.len % 4 != 0) {
        return false;
    }
    size_t pad = pad_of(v), digits = v.len - pad;
    if (!is_base64_text(cf_view_sub(v, 0, digits))) {
        return false;
    }
    unsigned spare = pad == 0 ? 0 : pad == 1 ? 3 : 15;
    return digits == 0 || (base64_bits(v.data[digits - 1]) & spare) == 0;
}

static bool all_members_strings(const json_t *j)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)j, name, value)
    {
        if (!json_is_string(value)) {
            return false;
        }
    }
    return json_is_object(j);
}

static bool type_ok(const json_t *j, cf_in_kind kind)
{
    switch (kind) {
    case CF_IN_TEXT:
        return json_is_string(j);
    case CF_IN_BLOB:
        return is_base64(j);
    case CF_IN_NUMBER:
        return json_is_integer(j);
    case CF_IN_BOOL:
        return json_is_boolean(j);
    case CF_IN_CONTEXT:
        return all_members_strings(j);
    case CF_IN_OBJECT:
        return json_is_object(j);
    case CF_IN_LIST:
        return json_is_array(j);
    }
    return false;
}

/* The first of these members that has another type than the table's, or NULL; what is inside of them is not looked at. */
static const char *unreadable_leaf(const json_t *in, const cf_in_member *members)
{
    for (const cf_in_member *m = members; m->name != NULL; m++) {
        const json_t *j = member_of(in, m->name);
        if (j != NULL && !type_ok(j, m->kind)) {
            return m->name;
        }
    }
    return NULL;
}

/* What elements of a list are, by the list's inner rows: the row of its texts has no name. */
static bool is_list_of_texts(const cf_in_member *m)
{
    return m->inner->name == NULL;
}

static const char *unreadable_element(const json_t *list, const cf_in_member *m)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *j = json_array_get(list, i);
        if (!type_ok(j, is_list_of_texts(m) ? CF_IN_TEXT : CF_IN_OBJECT)) {
            return m->name;
        }
        const char *name = is_list_of_texts(m) ? NULL : unreadable_leaf(j, m->inner);
        if (name != NULL) {
            return name;
        }
    }
    return NULL;
}

static const char *unreadable(const json_t *in, const cf_in_member *members)
{
    const char *name = unreadable_leaf(in, members);
    for (const cf_in_member *m = members; name == NULL && m->name != NULL; m++) {
        const json_t *j = member_of(in, m->name);
        if (j != NULL && m->kind == CF_IN_OBJECT) {
            name = unreadable_leaf(j, m->inner);
        } else if (j != NULL && m->kind == CF_IN_LIST) {
            name = unreadable_element(j, m);
        }
    }
    return name;
}

/* --- bounds --- */

#define PREFIX_BYTES 64

/* Sentences gathered so far. */
typedef struct {
    cf_buf text;
    cf_err err;
    uint32_t n;
    char prefix[PREFIX_BYTES]; /* of names inside a member: "recipient.", "tags.1.member." */
} complaints;

static void complaints_free(complaints *c)
{
    cf_buf_free(&c->text);
}

cf_view cf_in_echo(cf_view v)
{
    if (v.len <= CF_KMSD_ECHO_BYTES_MAX) {
        return v;
    }
    size_t len = CF_KMSD_ECHO_BYTES_MAX;
    while (len > 0 && (v.data[len] & 0xC0) == 0x80) {
        len--;
    }
    return cf_view_make(v.data, len);
}

static void say(complaints *c, cf_view v)
{
    if (c->err == CF_OK) {
        c->err = cf_buf_append(&c->text, v).code;
    }
}

/* "Value '1025' at 'numberOfBytes' failed to satisfy constraint: ". value NULL: one that is not repeated. The service's sentences
 * have member names with a small first letter. */
static void begin_with(complaints *c, const char *before, cf_view value, const char *after,
                       const char *name)
{
    char first[1] = {(char)(name[0] | 0x20)};
    say(c, c->n > 0 ? CF_LIT("; Value ") : CF_LIT("Value "));
    c->n++;
    say(c, cf_view_str(before));
    say(c, cf_in_echo(value));
    say(c, cf_view_str(after));
    say(c, CF_LIT("at '"));
    say(c, cf_view_str(c->prefix));
    say(c, CF_VIEW_OF(first));
    say(c, cf_view_str(name + 1));
    say(c, CF_LIT("' failed to satisfy constraint: "));
}

static void begin(complaints *c, const cf_view *value, const char *name)
{
    if (value != NULL) {
        begin_with(c, "'", *value, "' ", name);
    } else {
        begin_with(c, "", CF_VIEW_EMPTY, "", name);
    }
}

static void say_bound(complaints *c, const char *what, const char *side, uint64_t bound)
{
    char text[80];
    (void)snprintf(text, sizeof text, "Member must have %s %s than or equal to %llu", what, side,
                   (unsigned long long)bound);
    say(c, cf_view_str(text));
}

static void check_length(complaints *c, const cf_in_member *m, const cf_view *value, size_t len)
{
    if (len < m->min) {
        begin(c, value, m->name);
        say_bound(c, "length", "greater", m->min);
    } else if (len > m->max) {
        begin(c, value, m->name);
        say_bound(c, "length", "less", m->max);
    }
}

static bool is_value(const cf_in_member *m, cf_view v)
{
    for (const char *const *known = m->values; *known != NULL; known++) {
        if (cf_view_eq(v, cf_view_str(*known))) {
            return true;
        }
    }
    return false;
}

static void say_values(complaints *c, const cf_in_member *m)
{
    say(c, CF_LIT("Member must satisfy enum value set: ["));
    for (const char *const *known = m->values; *known != NULL; known++) {
        say(c, known == m->values ? CF_VIEW_EMPTY : CF_LIT(", "));
        say(c, cf_view_str(*known));
    }
    say(c, CF_LIT("]"));
}

static void check_text(complaints *c, const cf_in_member *m, cf_view v)
{
    if (m->values != NULL) {
        if (!is_value(m, v)) {
            begin(c, &v, m->name);
            say_values(c, m);
        }
        return;
    }
    check_length(c, m, &v, cf_utf8_len(v));
    if (m->pattern != NULL && !all_of(v, m->pattern->octet)) {
        /* a policy is not repeated */
        begin(c, m->pattern == &cf_in_policy_text ? NULL : &v, m->name);
        say(c, CF_LIT("Member must satisfy regular expression pattern: "));
        say(c, cf_view_str(m->pattern->text));
    }
}

/* Octets that base64 stands for. */
static size_t decoded_len(cf_view text)
{
    size_t pad = 0;
    while (pad < 2 && pad < text.len && text.data[text.len - 1 - pad] == '=') {
        pad++;
    }
    return text.len / 4 * 3 - pad;
}

static void check_number(complaints *c, const cf_in_member *m, json_int_t n)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%lld", (long long)n);
    cf_view value = cf_view_str(text);
    if (n < (json_int_t)m->min) {
        begin(c, &value, m->name);
        say_bound(c, "value", "greater", m->min);
    } else if (n > (json_int_t)m->max) {
        begin(c, &value, m->name);
        say_bound(c, "value", "less", m->max);
    }
}

static void check_leaf(complaints *c, const cf_in_member *m, const json_t *j)
{
    switch (m->kind) {
    case CF_IN_TEXT:
        check_text(c, m, text_of(j));
        break;
    case CF_IN_BLOB:
        check_length(c, m, NULL, decoded_len(text_of(j)));
        break;
    case CF_IN_NUMBER:
        check_number(c, m, json_integer_value(j));
        break;
    case CF_IN_BOOL:
    case CF_IN_CONTEXT:
    case CF_IN_OBJECT:
    case CF_IN_LIST:
        break;
    }
}

static void say_missing(complaints *c, const char *name)
{
    begin_with(c, "null ", CF_VIEW_EMPTY, "", name);
    say(c, CF_LIT("Member must not be null"));
}

/* Members with nothing in them, or of which what is in them is looked at elsewhere. */
static void check_leaves(complaints *c, const cf_in_member *members, const json_t *in)
{
    for (const cf_in_member *m = members; m->name != NULL; m++) {
        const json_t *j = member_of(in, m->name);
        if (j != NULL) {
            check_leaf(c, m, j);
        } else if (m->required) {
            say_missing(c, m->name);
        }
    }
}

/* The service tells of the list, not of the element. */
static void check_texts(complaints *c, const cf_in_member *m, const json_t *list)
{
    const cf_in_member *row = m->inner;
    char bounds[160];
    (void)snprintf(bounds, sizeof bounds,
                   "Member must satisfy constraint: [Member must have length less than or equal to "
                   "%u, Member must have length greater than or equal to %u]",
                   (unsigned)row->max, (unsigned)row->min);
    for (size_t i = 0; i < json_array_size(list); i++) {
        cf_view v = text_of(json_array_get(list, i));
        size_t len = cf_utf8_len(v);
        if (row->values != NULL && !is_value(row, v)) {
            begin(c, NULL, m->name);
            say(c, CF_LIT("Member must satisfy constraint: ["));
            say_values(c, row);
            say(c, CF_LIT("]"));
            return;
        }
        if (row->values == NULL && (len < row->min || len > row->max)) {
            begin(c, NULL, m->name);
            say(c, cf_view_str(bounds));
            return;
        }
    }
}

static void check_list(complaints *c, const cf_in_member *m, const json_t *list)
{
    check_length(c, m, NULL, json_array_size(list));
    if (is_list_of_texts(m)) {
        check_texts(c, m, list);
        return;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        (void)snprintf(c->prefix, sizeof c->prefix, "%c%s.%zu.member.", m->name[0] | 0x20,
                       m->name + 1, i + 1);
        check_leaves(c, m->inner, json_array_get(list, i));
    }
    c->prefix[0] = '\0';
}

static void check_inside(complaints *c, const cf_in_member *m, const json_t *j)
{
    if (m->kind == CF_IN_OBJECT) {
        (void)snprintf(c->prefix, sizeof c->prefix, "%c%s.", m->name[0] | 0x20, m->name + 1);
        check_leaves(c, m->inner, j);
        c->prefix[0] = '\0';
    } else if (m->kind == CF_IN_LIST) {
        check_list(c, m, j);
    }
}

static cf_result report(complaints *c, cf_in_report *ret)
{
    char head[64];
    if (c->n == 0) {
        return cf_ok();
    }
    (void)snprintf(head, sizeof head, "%u validation error%s detected: ", c->n,
                   c->n == 1 ? "" : "s");
    CF_TRY(cf_fail(c->err));
    CF_TRY(cf_buf_append(&ret->message, cf_view_str(head)));
    CF_TRY(cf_buf_append(&ret->message, cf_buf_view(&c->text)));
    return cf_fail(CF_ERR_ARGUMENT);
}

CF_MUST_USE cf_result cf_in_check(const json_t *in, const cf_in_member *members, cf_in_report *ret)
{
    *ret = (cf_in_report){false, CF_BUF_EMPTY};
    const char *name = unreadable(in, members);
    if (name != NULL) {
        ret->unreadable = true;
        CF_TRY(cf_buf_append(&ret->message, CF_LIT("The value of ")));
        CF_TRY(cf_buf_append(&ret->message, cf_view_str(name)));
        CF_TRY(cf_buf_append(&ret->message, CF_LIT(" cannot be converted to its type")));
        return cf_fail(CF_ERR_ARGUMENT);
    }
    CF_AUTO(complaints_free) complaints c = {.err = CF_OK};
    check_leaves(&c, members, in);
    for (const cf_in_member *m = members; m->name != NULL; m++) {
        const json_t *j = member_of(in, m->name);
        if (j != NULL) {
            check_inside(&c, m, j);
        }
    }
    return report(&c, ret);
}

/* --- encryption context --- */

static int compare_pairs(const void *a, const void *b)
{
    const cf_policy_pair *x = a, *y = b;
    return cf_view_cmp(x->name, y->name);
}

CF_MUST_USE cf_result cf_in_context(const json_t *in, const char *name, cf_arena *arena,
                                    const cf_policy_pair **ret, size_t *ret_n,
                                    cf_buf *ret_canonical)
{
    const char *key;
    json_t *value;
    const json_t *j = member_of(in, name);
    size_t n = json_object_size(j), i = 0;
    *ret = NULL;
    *ret_n = 0;
    CF_REQUIRE(n <= CF_KMSD_CONTEXT_BYTES_MAX / 2, SIZE); /* a pair takes two octets at least */
    cf_policy_pair *pairs = cf_arena_new(arena, n, sizeof *pairs);
    CF_REQUIRE(pairs != NULL, NO_MEMORY);
    json_object_foreach((json_t *)(uintptr_t)j, key, value)
    {
        pairs[i] = (cf_policy_pair){cf_view_str(key), text_of(value)};
        i++;
    }
    qsort(pairs, n, sizeof *pairs, compare_pairs);
    CF_BUF(canonical);
    cf_writer w = cf_writer_to(&canonical, CF_KMSD_CONTEXT_BYTES_MAX);
    cf_cbor_put_map(&w, n);
    for (i = 0; i < n; i++) {
        cf_cbor_put_text(&w, pairs[i].name);
        cf_cbor_put_text(&w, pairs[i].value);
    }
    CF_TRY(cf_write_end(&w));
    CF_TRY(cf_buf_append(ret_canonical, cf_buf_view(&canonical)));
    *ret = pairs;
    *ret_n = n;
    return cf_ok();
}
