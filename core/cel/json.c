/* SPDX-License-Identifier: Apache-2.0 */
/* JSON (RFC 8259) to values and back, in one pass each over a stack of fixed size. Not through core/codec: the engine can be used with
 * core/base alone, everything it takes comes from the caller's arena, and nothing here recurses. */
#include "core/base/number.h"
#include "core/cel/function.h"

/* --- reading */

/* An array or object that is open. */
typedef struct {
    cf_cel_map *map; /* NULL: an array */
    cf_cel_items items;
    cf_cel_value key;
} open_value;

/* What finding members costs when their names do not collide on purpose; a member takes four octets at least. */
#define STEPS_PER_OCTET 8u

typedef struct {
    const uint8_t *at, *end;
    cf_cel_run run; /* what building lists and maps charges */
    cf_cel_budget budget;
    open_value open[CF_CEL_NESTING_MAX];
    uint32_t depth;
} reader;

static void skip_blanks(reader *r)
{
    while (r->at < r->end &&
           (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r')) {
        r->at++;
    }
}

/* The next octet that is no blank, without taking it. */
static cf_result peek(reader *r, uint8_t *ret)
{
    *ret = 0;
    skip_blanks(r);
    CF_REQUIRE(r->at < r->end, TRUNCATED);
    *ret = *r->at;
    return cf_ok();
}

static cf_result take_word(reader *r, cf_view word)
{
    for (size_t i = 0; i < word.len; i++, r->at++) {
        CF_REQUIRE(r->at < r->end, TRUNCATED);
        CF_REQUIRE(*r->at == word.data[i], MALFORMED);
    }
    return cf_ok();
}

/* Digits, at least one. */
static cf_result take_digits(reader *r)
{
    CF_REQUIRE(r->at < r->end, TRUNCATED);
    CF_REQUIRE(*r->at >= '0' && *r->at <= '9', MALFORMED);
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9') {
        r->at++;
    }
    return cf_ok();
}

static bool take_if(reader *r, uint8_t a, uint8_t b)
{
    bool there = r->at < r->end && (*r->at == a || *r->at == b);
    r->at += there;
    return there;
}

/* The digits as an int, negative or not; false when they do not fit. */
static bool as_int(cf_view digits, bool negative, int64_t *ret)
{
    int64_t n = 0;
    for (size_t i = 0; i < digits.len; i++) {
        int64_t digit = digits.data[i] - '0';
        if (__builtin_mul_overflow(n, 10, &n) ||
            __builtin_add_overflow(n, negative ? -digit : digit, &n)) {
            return false;
        }
    }
    *ret = n;
    return true;
}

static cf_result take_number(reader *r, cf_cel_value *ret)
{
    const uint8_t *from = r->at;
    bool negative = take_if(r, '-', '-'), whole = true;
    const uint8_t *digits = r->at;
    if (!take_if(r, '0', '0')) {
        CF_TRY(take_digits(r));
    }
    cf_view integer = cf_view_make(digits, (size_t)(r->at - digits));
    if (take_if(r, '.', '.')) {
        whole = false;
        CF_TRY(take_digits(r));
    }
    if (take_if(r, 'e', 'E')) {
        whole = false;
        (void)take_if(r, '+', '-');
        CF_TRY(take_digits(r));
    }
    int64_t n = 0;
    if (whole && as_int(integer, negative, &n)) {
        *ret = cf_cel_int(n);
        return cf_ok();
    }
    double d = 0;
    CF_TRY(cf_double_parse(cf_view_make(from, (size_t)(r->at - from)), &d));
    *ret = cf_cel_double(d);
    return cf_ok();
}

/* Four hexadecimal digits. */
static cf_result take_hex4(reader *r, uint32_t *ret)
{
    *ret = 0;
    for (int i = 0; i < 4; i++, r->at++) {
        CF_REQUIRE(r->at < r->end, TRUNCATED);
        uint8_t c = *r->at, lower = c | 0x20;
        bool digit = c >= '0' && c <= '9';
        CF_REQUIRE(digit || (lower >= 'a' && lower <= 'f'), MALFORMED);
        *ret = *ret << 4 | (uint32_t)(digit ? c - '0' : lower - 'a' + 10);
    }
    return cf_ok();
}

/* What follows \u: one code point, of two escapes when it is beyond the first plane. */
static cf_result take_escaped(reader *r, uint32_t *ret)
{
    uint32_t low = 0;
    CF_TRY(take_hex4(r, ret));
    CF_REQUIRE(*ret < 0xdc00 || *ret > 0xdfff, MALFORMED);
    if (*ret < 0xd800 || *ret > 0xdbff) {
        return cf_ok();
    }
    CF_TRY(take_word(r, CF_LIT("\\u")));
    CF_TRY(take_hex4(r, &low));
    CF_REQUIRE(low >= 0xdc00 && low <= 0xdfff, MALFORMED);
    *ret = 0x10000 + ((*ret & 0x3ff) << 10 | (low & 0x3ff));
    return cf_ok();
}

/* Never longer than its escape: at most 3 octets for the 6 of \uXXXX, 4 for the 12 of a pair. */
static uint8_t *put_utf8(uint8_t *to, uint32_t c)
{
    if (c < 0x80) {
        *to++ = (uint8_t)c;
        return to;
    }
    if (c < 0x800) {
        *to++ = (uint8_t)(0xc0 | c >> 6);
    } else if (c < 0x10000) {
        *to++ = (uint8_t)(0xe0 | c >> 12);
        *to++ = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    } else {
        *to++ = (uint8_t)(0xf0 | c >> 18);
        *to++ = (uint8_t)(0x80 | (c >> 12 & 0x3f));
        *to++ = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    }
    *to++ = (uint8_t)(0x80 | (c & 0x3f));
    return to;
}

static cf_result take_escape(reader *r, uint8_t **to)
{
    static const char names[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    CF_REQUIRE(r->at < r->end, TRUNCATED);
    uint8_t c = *r->at++;
    if (c == 'u') {
        uint32_t code = 0;
        CF_TRY(take_escaped(r, &code));
        *to = put_utf8(*to, code);
        return cf_ok();
    }
    for (size_t i = 0; i < sizeof names - 1; i++) {
        if (names[i] == (char)c) {
            *(*to)++ = (uint8_t)meanings[i];
            return cf_ok();
        }
    }
    return cf_fail(CF_ERR_MALFORMED);
}

/* The end of the string that starts at `at`, behind its quote: what it takes in memory at most is known before any is taken. */
static cf_result find_quote(const reader *r, const uint8_t **ret)
{
    for (const uint8_t *p = r->at; p < r->end; p++) {
        if (*p == '"') {
            *ret = p;
            return cf_ok();
        }
        p += *p == '\\'; /* whatever it escapes is not the end */
    }
    return cf_fail(CF_ERR_TRUNCATED);
}

static cf_result take_string(reader *r, cf_cel_value *ret)
{
    const uint8_t *quote = NULL;
    void *memory = NULL;
    uint8_t seen = 0;
    r->at++;
    CF_TRY(find_quote(r, &quote));
    CF_REQUIRE((size_t)(quote - r->at) <= UINT32_MAX, SIZE);
    CF_TRY(cf_cel_new(&r->run, (size_t)(quote - r->at) + 1, &memory));
    uint8_t *to = memory;
    while (r->at < quote) {
        uint8_t c = *r->at++;
        CF_REQUIRE(c >= ' ', MALFORMED);
        if (c == '\\') {
            CF_TRY(take_escape(r, &to));
        } else {
            *to++ = c;
        }
    }
    r->at = quote + 1;
    *ret = cf_cel_string(cf_view_make(memory, (size_t)(to - (uint8_t *)memory)));
    for (uint32_t i = 0; i < ret->len; i++) {
        seen |= ret->s[i];
    }
    ret->flags = seen < 0x80 ? CF_CEL_ASCII : 0;
    return cf_ok();
}

static cf_result take_key(reader *r, open_value *object)
{
    uint8_t c = 0;
    CF_TRY(peek(r, &c));
    CF_REQUIRE(c == '"', MALFORMED);
    CF_TRY(take_string(r, &object->key));
    CF_TRY(peek(r, &c));
    CF_REQUIRE(c == ':', MALFORMED);
    r->at++;
    return cf_ok();
}

/* `[` or `{`: *ret_whole when it closes at once, and then *ret is the value. */
static cf_result take_opening(reader *r, bool object, cf_cel_value *ret, bool *ret_whole)
{
    uint8_t c = 0;
    CF_REQUIRE(r->depth < CF_CEL_NESTING_MAX, DEPTH);
    open_value *o = &r->open[r->depth];
    *o = (open_value){NULL, {NULL, 0, 0}, {0}};
    r->at++;
    if (object) {
        CF_TRY(cf_cel_map_new(&r->run, 0, &o->map));
    }
    CF_TRY(peek(r, &c));
    *ret_whole = c == (object ? '}' : ']');
    if (*ret_whole) {
        r->at++;
        *ret = object ? cf_cel_map_value(o->map) : cf_cel_items_list(&o->items);
        return cf_ok();
    }
    r->depth++;
    return object ? take_key(r, o) : cf_ok();
}

/* One value, or the opening of one (*ret_whole false). */
static cf_result take_value(reader *r, cf_cel_value *ret, bool *ret_whole)
{
    uint8_t c = 0;
    *ret_whole = true;
    CF_TRY(peek(r, &c));
    switch (c) {
    case '{':
    case '[':
        return take_opening(r, c == '{', ret, ret_whole);
    case '"':
        return take_string(r, ret);
    case 't':
        *ret = cf_cel_bool(true);
        return take_word(r, CF_LIT("true"));
    case 'f':
        *ret = cf_cel_bool(false);
        return take_word(r, CF_LIT("false"));
    case 'n':
        *ret = cf_cel_null();
        return take_word(r, CF_LIT("null"));
    default:
        CF_REQUIRE(c == '-' || (c >= '0' && c <= '9'), MALFORMED);
        return take_number(r, ret);
    }
}

/* Puts a finished value into what is open, and takes what closes behind it: *v is then the value that was closed, to be put in turn.
 * *ret_whole false when a further element or member is due. */
static cf_result put_value(reader *r, cf_cel_value *v, bool *ret_whole)
{
    uint8_t c = 0;
    open_value *o = &r->open[r->depth - 1];
    if (o->map != NULL) {
        cf_result put = cf_cel_map_put(&r->run, o->map, &o->key, v);
        CF_REQUIRE(put.code != CF_ERR_CEL_KEY, DUPLICATE);
        CF_TRY(put);
    } else {
        CF_TRY(cf_cel_items_push(&r->run, &o->items, v));
    }
    CF_TRY(peek(r, &c));
    *ret_whole = c == (o->map != NULL ? '}' : ']');
    CF_REQUIRE(*ret_whole || c == ',', MALFORMED);
    r->at++;
    if (!*ret_whole) {
        return o->map != NULL ? take_key(r, o) : cf_ok();
    }
    *v = o->map != NULL ? cf_cel_map_value(o->map) : cf_cel_items_list(&o->items);
    r->depth--;
    return cf_ok();
}

CF_MUST_USE cf_result cf_cel_from_json(cf_view text, size_t bytes_max, cf_arena *arena,
                                       cf_cel_value *ret)
{
    *ret = (cf_cel_value){0};
    CF_REQUIRE(text.len <= bytes_max, SIZE);
    CF_REQUIRE(text.len > 0, TRUNCATED);
    reader r = {.at = text.data, .end = text.data + text.len};
    CF_REQUIRE(cf_utf8_ok(text), UTF8);
    r.budget = (cf_cel_budget){.elements = CF_CEL_ELEMENTS_MAX, .output_bytes = UINT32_MAX};
    r.run = (cf_cel_run){.arena = arena, .budget = &r.budget};
    r.run.steps = STEPS_PER_OCTET * (uint64_t)text.len + STEPS_PER_OCTET;
    cf_cel_value v = {0};
    do {
        bool whole = false;
        CF_TRY(take_value(&r, &v, &whole));
        while (whole && r.depth > 0) {
            CF_TRY(put_value(&r, &v, &whole));
        }
    } while (r.depth > 0);
    skip_blanks(&r);
    CF_REQUIRE(r.at == r.end, TRAILING);
    *ret = v;
    return cf_ok();
}

/* --- writing */

/* A list, or a map, that is being written. */
typedef struct {
    const cf_cel_value *v;
    uint32_t next;
} open_output;

typedef struct {
    cf_buf *out;
    size_t max; /* out->len never exceeds this */
    open_output open[CF_CEL_NESTING_MAX];
    uint32_t depth;
} writer;

static cf_result put(writer *w, cf_view text)
{
    CF_REQUIRE(text.len <= w->max - w->out->len, BUDGET);
    return cf_buf_append(w->out, text);
}

static cf_result put_char(writer *w, char c)
{
    return put(w, cf_view_make(&c, 1));
}

/* What stands for an octet that may not stand for itself; *ret_len 0 for one that may. */
static void escape_of(uint8_t c, char ret[6], size_t *ret_len)
{
    static const char digits[] = "0123456789abcdef", letters[] = "btn?fr"; /* 0x08 to 0x0d */
    *ret_len = 0;
    ret[0] = '\\';
    if (c == '"' || c == '\\') {
        ret[1] = (char)c;
        *ret_len = 2;
    } else if (c >= '\b' && c <= '\r' && c != '\v') {
        ret[1] = letters[c - '\b'];
        *ret_len = 2;
    } else if (c < ' ') {
        ret[1] = 'u';
        ret[2] = ret[3] = '0';
        ret[4] = digits[c >> 4];
        ret[5] = digits[c & 15];
        *ret_len = 6;
    }
}

static cf_result put_string(writer *w, cf_view text)
{
    size_t plain = 0; /* from there on nothing is written yet */
    CF_TRY(put_char(w, '"'));
    for (size_t i = 0; i < text.len; i++) {
        char escape[6];
        size_t len;
        escape_of(text.data[i], escape, &len);
        if (len > 0) {
            CF_TRY(put(w, cf_view_sub(text, plain, i - plain)));
            CF_TRY(put(w, cf_view_make(escape, len)));
            plain = i + 1;
        }
    }
    CF_TRY(put(w, cf_view_sub(text, plain, text.len - plain)));
    return put_char(w, '"');
}

/* RFC 4648 section 4: the standard alphabet, padded. */
static cf_result put_base64(writer *w, cf_view octets)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    CF_TRY(put_char(w, '"'));
    for (size_t i = 0; i < octets.len; i += 3) {
        size_t n = octets.len - i < 3 ? octets.len - i : 3;
        uint32_t bits = (uint32_t)octets.data[i] << 16;
        bits |= n > 1 ? (uint32_t)octets.data[i + 1] << 8 : 0;
        bits |= n > 2 ? octets.data[i + 2] : 0;
        char four[4] = {digits[bits >> 18], digits[bits >> 12 & 63],
                        n > 1 ? digits[bits >> 6 & 63] : '=', n > 2 ? digits[bits & 63] : '='};
        CF_TRY(put(w, CF_VIEW_OF(four)));
    }
    return put_char(w, '"');
}

/* A finite double reads back as one: its text has a fraction or an exponent. */
static cf_result put_double(writer *w, double d)
{
    char text[CF_DOUBLE_PRINT_BYTES];
    bool whole = true;
    if (d != d) {
        return put(w, CF_LIT("\"NaN\""));
    }
    if (d - d != 0) {
        return put(w, d > 0 ? CF_LIT("\"Infinity\"") : CF_LIT("\"-Infinity\""));
    }
    size_t len = cf_double_print(d, text);
    for (size_t i = 0; i < len; i++) {
        whole = whole && text[i] != '.' && text[i] != 'e';
    }
    CF_TRY(put(w, cf_view_make(text, len)));
    return whole ? put(w, CF_LIT(".0")) : cf_ok();
}

/* Integers that a double does not hold for certain are text: readers of JSON may know no others. */
#define JSON_INT_MAX ((int64_t)1 << 53)

static cf_result put_scalar(writer *w, const cf_cel_value *v)
{
    char text[CF_CEL_PRINT_BYTES];
    size_t len;
    bool bare = v->kind == CF_CEL_BOOL ||
                (v->kind == CF_CEL_INT && v->i < JSON_INT_MAX && v->i > -JSON_INT_MAX) ||
                (v->kind == CF_CEL_UINT && v->u < (uint64_t)JSON_INT_MAX);
    CF_TRY(cf_cel_print(v, text, &len));
    return bare ? put(w, cf_view_make(text, len)) : put_string(w, cf_view_make(text, len));
}

static cf_result put_opening(writer *w, const cf_cel_value *v)
{
    CF_REQUIRE(w->depth < CF_CEL_NESTING_MAX, BUDGET);
    w->open[w->depth++] = (open_output){v, 0};
    return put_char(w, v->kind == CF_CEL_LIST ? '[' : '{');
}

/* One value, or the opening of one. */
static cf_result put_one(writer *w, const cf_cel_value *v)
{
    for (uint32_t i = 0; v->kind == CF_CEL_OPTIONAL && v->items != NULL; i++) {
        CF_REQUIRE(i < CF_CEL_NESTING_MAX, BUDGET);
        v = v->items;
    }
    switch ((cf_cel_kind)v->kind) {
    case CF_CEL_NULL:
    case CF_CEL_OPTIONAL:
        return put(w, CF_LIT("null"));
    case CF_CEL_BOOL:
    case CF_CEL_INT:
    case CF_CEL_UINT:
    case CF_CEL_TIMESTAMP:
    case CF_CEL_DURATION:
    case CF_CEL_IP:
    case CF_CEL_CIDR:
        return put_scalar(w, v);
    case CF_CEL_DOUBLE:
        return put_double(w, v->d);
    case CF_CEL_STRING:
        return put_string(w, cf_cel_text(v));
    case CF_CEL_BYTES:
        return put_base64(w, cf_cel_text(v));
    case CF_CEL_LIST:
    case CF_CEL_MAP:
        return put_opening(w, v);
    case CF_CEL_UNSET:
    case CF_CEL_ERROR:
    case CF_CEL_TYPE:
    case CF_CEL_KIND_COUNT:
        break;
    }
    return cf_fail(CF_ERR_CEL_CONVERT);
}

/* The next element or member of what is open, or its end. */
static cf_result put_next(writer *w)
{
    open_output *o = &w->open[w->depth - 1];
    bool list = o->v->kind == CF_CEL_LIST;
    uint32_t i = o->next++;
    if (i == (list ? o->v->len : o->v->map->count)) {
        w->depth--;
        return put_char(w, list ? ']' : '}');
    }
    if (i > 0) {
        CF_TRY(put_char(w, ','));
    }
    if (list) {
        return put_one(w, &o->v->items[i]);
    }
    const cf_cel_value *entry = &o->v->map->entries[2 * i];
    CF_REQUIRE(entry[0].kind == CF_CEL_STRING, CEL_CONVERT);
    CF_TRY(put_string(w, cf_cel_text(&entry[0])));
    CF_TRY(put_char(w, ':'));
    return put_one(w, &entry[1]);
}

static cf_result put_all(writer *w, const cf_cel_value *v)
{
    CF_TRY(put_one(w, v));
    while (w->depth > 0) {
        CF_TRY(put_next(w));
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_cel_to_json(const cf_cel_value *v, size_t bytes_max, cf_buf *out)
{
    size_t before = out->len;
    writer w;
    w.out = out;
    w.max = bytes_max < SIZE_MAX - before ? before + bytes_max : SIZE_MAX;
    w.depth = 0;
    cf_result r = put_all(&w, v);
    if (!cf_is_ok(r) && out->len > before) {
        cf_wipe(out->data + before, out->len - before);
        out->len = before;
    }
    return r;
}
