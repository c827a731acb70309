/* SPDX-License-Identifier: Apache-2.0 */
#include "core/codec/cbor.h"

#define HEAD_BYTES_MAX 9 /* initial octet and an argument of eight */
#define FIRST_BREAK 0xFF /* major type 7, additional information 31 */
#define INFO_INDEFINITE 31

/* Major types, RFC 8949 section 3.1. */
enum {
    MAJOR_UINT,
    MAJOR_NINT,
    MAJOR_BYTES,
    MAJOR_TEXT,
    MAJOR_ARRAY,
    MAJOR_MAP,
    MAJOR_TAG,
    MAJOR_SIMPLE
};
/* Simple values, RFC 8949 section 3.3. */
enum { SIMPLE_FALSE = 20, SIMPLE_TRUE = 21, SIMPLE_NULL = 22, SIMPLE_OCTET = 24 };

/* What cf_cbor.open[].left holds in an indefinite map. */
#define PAIR_HAS_KEY 1   /* a value must come next */
#define PAIR_WANTS_KEY 2 /* a key or the break comes next */

/* One decoded head. Strings come with their content. */
typedef struct {
    cf_cbor_kind kind;
    uint64_t n; /* value, tag number, or number of items or pairs */
    cf_view s;  /* content of a string */
    bool flag, indefinite;
} head;

static const cf_cbor_kind kind_of_major[] = {
    [MAJOR_UINT] = CF_CBOR_UINT, [MAJOR_NINT] = CF_CBOR_NINT,    [MAJOR_BYTES] = CF_CBOR_BYTES,
    [MAJOR_TEXT] = CF_CBOR_TEXT, [MAJOR_ARRAY] = CF_CBOR_ARRAY,  [MAJOR_MAP] = CF_CBOR_MAP,
    [MAJOR_TAG] = CF_CBOR_TAG,   [MAJOR_SIMPLE] = CF_CBOR_OTHER,
};

cf_cbor cf_cbor_strict(cf_view v)
{
    return (cf_cbor){.in = cf_reader_of(v), .strict = true};
}

cf_cbor cf_cbor_lenient(cf_view v)
{
    return (cf_cbor){.in = cf_reader_of(v), .strict = false};
}

static void fail(cf_cbor *c, cf_err err)
{
    cf_reader_fail(&c->in, err);
}

/* True at the end of an open definite array or map: its next item is not the reader's to take. */
static bool exhausted(const cf_cbor *c)
{
    return c->depth > 0 && !c->open[c->depth - 1].indefinite && c->open[c->depth - 1].left == 0;
}

/* True where a break octet is allowed: in an indefinite array, or map between two pairs, and not
 * behind a tag. */
static bool break_allowed(const cf_cbor *c)
{
    return c->depth > 0 && c->open[c->depth - 1].indefinite && !c->tagged &&
           c->open[c->depth - 1].left != PAIR_HAS_KEY;
}

/* Kind of a head of major type 7: two booleans, null, break, and what nothing of ours uses. */
static cf_cbor_kind simple_kind(uint8_t info)
{
    switch (info) {
    case SIMPLE_FALSE:
    case SIMPLE_TRUE:
        return CF_CBOR_BOOL;
    case SIMPLE_NULL:
        return CF_CBOR_NULL;
    case INFO_INDEFINITE:
        return CF_CBOR_BREAK;
    default:
        return CF_CBOR_OTHER;
    }
}

/* The argument of a head: in the initial octet, or in 1, 2, 4 or 8 octets behind it. */
static uint64_t read_argument(cf_reader *in, uint8_t info)
{
    switch (info) {
    case 24:
        return cf_read_u8(in);
    case 25:
        return cf_read_u16(in);
    case 26:
        return cf_read_u32(in);
    case 27:
        return cf_read_u64(in);
    case INFO_INDEFINITE:
        return 0;
    default:
        if (info >= 28) {
            cf_reader_fail(in, CF_ERR_MALFORMED); /* 28 to 30 are reserved */
        }
        return info;
    }
}

/* Indefinite length exists for strings, arrays and maps; in major type 7 the same bits are the break. */
static bool may_be_indefinite(uint8_t major)
{
    return major >= MAJOR_BYTES && major <= MAJOR_MAP;
}

/* Decodes the head at the start of in, and takes a string's content with it. */
static void decode(cf_reader *in, head *ret)
{
    uint8_t first = cf_read_u8(in), major = first >> 5, info = first & 0x1F;
    ret->kind = major == MAJOR_SIMPLE ? simple_kind(info) : kind_of_major[major];
    ret->n = read_argument(in, info);
    ret->flag = info == SIMPLE_TRUE;
    ret->indefinite = info == INFO_INDEFINITE && major != MAJOR_SIMPLE;
    bool bad_simple = major == MAJOR_SIMPLE && info == SIMPLE_OCTET && ret->n < 32;
    if (bad_simple || (ret->indefinite && !may_be_indefinite(major))) {
        cf_reader_fail(in, CF_ERR_MALFORMED);
    }
    if ((major == MAJOR_BYTES || major == MAJOR_TEXT) && !ret->indefinite) {
        ret->s = cf_read(in, ret->n);
    }
}

/* RFC 8949 section 4.2.1: an argument may not stand in a longer form than its value needs. Floats
 * are left alone. */
static bool shortest(uint8_t first, uint64_t n)
{
    if (first >> 5 == 7) {
        return true;
    }
    switch (first & 0x1F) {
    case 24:
        return n >= 24;
    case 25:
        return n > UINT8_MAX;
    case 26:
        return n > UINT16_MAX;
    case 27:
        return n > UINT32_MAX;
    default:
        return true;
    }
}

static bool head_allowed(const cf_cbor *c, uint8_t first, const head *h)
{
    if (h->kind == CF_CBOR_BREAK) {
        return break_allowed(c);
    }
    if (h->indefinite && (h->kind == CF_CBOR_BYTES || h->kind == CF_CBOR_TEXT)) {
        return false;
    }
    return !c->strict || (!h->indefinite && h->kind != CF_CBOR_TAG && shortest(first, h->n));
}

/* Notes in the innermost open array or map that one of its items has been read. */
static void count_item(cf_cbor *c)
{
    c->tagged = false;
    if (c->depth == 0) {
        return;
    }
    uint64_t *left = &c->open[c->depth - 1].left;
    if (!c->open[c->depth - 1].indefinite) {
        --*left;
    } else if (*left != 0) {
        *left = *left == PAIR_WANTS_KEY ? PAIR_HAS_KEY : PAIR_WANTS_KEY;
    }
}

static void enter(cf_cbor *c, const head *h)
{
    if (c->depth == CF_CBOR_DEPTH_MAX) {
        fail(c, CF_ERR_DEPTH);
        return;
    }
    bool map = h->kind == CF_CBOR_MAP;
    /* Every item takes an octet at least, so a count beyond the octets left is refused here, before
     * anyone loops over it or makes room for it. */
    if (!h->indefinite && h->n > (map ? c->in.left / 2 : c->in.left)) {
        fail(c, CF_ERR_TRUNCATED);
        return;
    }
    c->open[c->depth].indefinite = h->indefinite;
    if (h->indefinite) {
        c->open[c->depth].left = map ? PAIR_WANTS_KEY : 0;
    } else {
        c->open[c->depth].left = map ? 2 * h->n : h->n;
    }
    c->depth++;
}

/* Consumes the next head and a string's content, counts the item, enters an array or map. After an
 * error ret->kind is CF_CBOR_NONE. A break or the end of what is open is given as CF_CBOR_BREAK and
 * not consumed. */
static void next(cf_cbor *c, head *ret)
{
    *ret = (head){.kind = CF_CBOR_NONE};
    if (c->in.err != CF_OK) {
        return;
    }
    if (exhausted(c)) {
        ret->kind = CF_CBOR_BREAK;
        return;
    }
    if (c->in.left == 0) {
        fail(c, CF_ERR_TRUNCATED);
        return;
    }
    uint8_t first = *c->in.at;
    cf_reader ahead = c->in; /* a break is looked at and left where it is */
    decode(&ahead, ret);
    if (ahead.err != CF_OK) {
        fail(c, ahead.err);
    } else if (!head_allowed(c, first, ret)) {
        fail(c, CF_ERR_MALFORMED);
    } else if (ret->kind != CF_CBOR_BREAK) {
        c->in = ahead;
        if (ret->kind == CF_CBOR_TAG) {
            c->tagged = true;
        } else {
            count_item(c);
        }
        if (ret->kind == CF_CBOR_ARRAY || ret->kind == CF_CBOR_MAP) {
            enter(c, ret);
        }
    }
    if (c->in.err != CF_OK) {
        *ret = (head){.kind = CF_CBOR_NONE};
    }
}

/* Consumes the next item, which must be of this kind. False with the error kept otherwise. */
static bool take(cf_cbor *c, cf_cbor_kind kind, head *ret)
{
    next(c, ret);
    if (ret->kind != kind) {
        fail(c, CF_ERR_WRONG_TYPE);
        return false;
    }
    return true;
}

cf_cbor_kind cf_cbor_peek(cf_cbor *c)
{
    if (c->in.err != CF_OK) {
        return CF_CBOR_NONE;
    }
    if (exhausted(c)) {
        return CF_CBOR_BREAK;
    }
    if (c->in.left == 0) {
        return CF_CBOR_NONE;
    }
    uint8_t first = *c->in.at;
    if (first == FIRST_BREAK && !break_allowed(c)) {
        fail(c, CF_ERR_MALFORMED);
        return CF_CBOR_NONE;
    }
    return first >> 5 == MAJOR_SIMPLE ? simple_kind(first & 0x1F) : kind_of_major[first >> 5];
}

uint64_t cf_cbor_uint(cf_cbor *c)
{
    head h;
    return take(c, CF_CBOR_UINT, &h) ? h.n : 0;
}

int64_t cf_cbor_int(cf_cbor *c)
{
    head h;
    next(c, &h);
    if (h.kind != CF_CBOR_UINT && h.kind != CF_CBOR_NINT) {
        fail(c, CF_ERR_WRONG_TYPE);
        return 0;
    }
    if (h.n > INT64_MAX) {
        fail(c, CF_ERR_RANGE);
        return 0;
    }
    return h.kind == CF_CBOR_UINT ? (int64_t)h.n : -1 - (int64_t)h.n;
}

bool cf_cbor_bool(cf_cbor *c)
{
    head h;
    return take(c, CF_CBOR_BOOL, &h) && h.flag;
}

cf_view cf_cbor_bytes(cf_cbor *c)
{
    head h;
    return take(c, CF_CBOR_BYTES, &h) ? h.s : CF_VIEW_EMPTY;
}

cf_view cf_cbor_text(cf_cbor *c)
{
    head h;
    if (!take(c, CF_CBOR_TEXT, &h)) {
        return CF_VIEW_EMPTY;
    }
    if (!cf_utf8_ok(h.s)) {
        fail(c, CF_ERR_UTF8);
        return CF_VIEW_EMPTY;
    }
    return h.s;
}

void cf_cbor_null(cf_cbor *c)
{
    head h;
    (void)take(c, CF_CBOR_NULL, &h);
}

uint64_t cf_cbor_tag(cf_cbor *c)
{
    head h;
    return take(c, CF_CBOR_TAG, &h) ? h.n : 0;
}

bool cf_cbor_take_null(cf_cbor *c)
{
    if (cf_cbor_peek(c) != CF_CBOR_NULL) {
        return false;
    }
    cf_cbor_null(c);
    return cf_cbor_err(c) == CF_OK;
}

void cf_cbor_array(cf_cbor *c)
{
    head h;
    (void)take(c, CF_CBOR_ARRAY, &h);
}

void cf_cbor_map(cf_cbor *c)
{
    head h;
    (void)take(c, CF_CBOR_MAP, &h);
}

bool cf_cbor_more(cf_cbor *c)
{
    if (c->in.err == CF_OK && c->depth == 0) {
        fail(c, CF_ERR_STATE);
    }
    switch (cf_cbor_peek(c)) {
    case CF_CBOR_NONE:
        fail(c, CF_ERR_TRUNCATED);
        return false;
    case CF_CBOR_BREAK:
        if (c->open[c->depth - 1].indefinite) {
            (void)cf_read(&c->in, 1);
        }
        c->depth--;
        return false;
    case CF_CBOR_UINT:
    case CF_CBOR_NINT:
    case CF_CBOR_BYTES:
    case CF_CBOR_TEXT:
    case CF_CBOR_ARRAY:
    case CF_CBOR_MAP:
    case CF_CBOR_TAG:
    case CF_CBOR_BOOL:
    case CF_CBOR_NULL:
    case CF_CBOR_OTHER:
        break;
    }
    return true;
}

void cf_cbor_leave(cf_cbor *c)
{
    if (cf_cbor_more(c)) {
        fail(c, CF_ERR_TRAILING);
    }
}

void cf_cbor_skip(cf_cbor *c)
{
    uint8_t base = c->depth;
    do {
        if (c->depth > base && !cf_cbor_more(c)) {
            continue; /* it left one level, or failed */
        }
        head h;
        next(c, &h);
        if (h.kind == CF_CBOR_BREAK) {
            fail(c, CF_ERR_WRONG_TYPE);
        }
    } while (c->in.err == CF_OK && (c->depth > base || c->tagged));
}

cf_view cf_cbor_raw(cf_cbor *c)
{
    const uint8_t *start = c->in.at;
    cf_cbor_skip(c);
    return c->in.err == CF_OK ? cf_view_make(start, (size_t)(c->in.at - start)) : CF_VIEW_EMPTY;
}

CF_MUST_USE cf_result cf_cbor_end(const cf_cbor *c)
{
    CF_TRY(cf_read_end(&c->in));
    CF_REQUIRE(c->depth == 0 && !c->tagged, TRUNCATED);
    return cf_ok();
}

/* A head with its argument in the shortest form. */
static void put_head(cf_writer *w, uint8_t major, uint64_t n)
{
    uint8_t b[HEAD_BYTES_MAX];
    size_t octets = n < 24 ? 0 : n <= UINT8_MAX ? 1 : n <= UINT16_MAX ? 2 : n <= UINT32_MAX ? 4 : 8;
    uint8_t info = (uint8_t)(octets == 0   ? n
                             : octets == 1 ? 24
                             : octets == 2 ? 25
                             : octets == 4 ? 26
                                           : 27);
    b[0] = (uint8_t)(major << 5 | info);
    for (size_t i = 0; i < octets; i++) {
        b[1 + i] = (uint8_t)(n >> (8 * (octets - 1 - i)));
    }
    cf_write(w, cf_view_make(b, 1 + octets));
}

void cf_cbor_put_uint(cf_writer *w, uint64_t n)
{
    put_head(w, MAJOR_UINT, n);
}

void cf_cbor_put_int(cf_writer *w, int64_t n)
{
    put_head(w, n >= 0 ? MAJOR_UINT : MAJOR_NINT, n >= 0 ? (uint64_t)n : (uint64_t)(-1 - n));
}

void cf_cbor_put_bool(cf_writer *w, bool on)
{
    put_head(w, MAJOR_SIMPLE, on ? SIMPLE_TRUE : SIMPLE_FALSE);
}

void cf_cbor_put_null(cf_writer *w)
{
    put_head(w, MAJOR_SIMPLE, SIMPLE_NULL);
}

void cf_cbor_put_bytes(cf_writer *w, cf_view v)
{
    put_head(w, MAJOR_BYTES, v.len);
    cf_write(w, v);
}

void cf_cbor_put_text(cf_writer *w, cf_view v)
{
    if (w->err == CF_OK && !cf_utf8_ok(v)) {
        w->err = CF_ERR_UTF8;
    }
    put_head(w, MAJOR_TEXT, v.len);
    cf_write(w, v);
}

void cf_cbor_put_array(cf_writer *w, size_t items)
{
    put_head(w, MAJOR_ARRAY, items);
}

void cf_cbor_put_map(cf_writer *w, size_t pairs)
{
    put_head(w, MAJOR_MAP, pairs);
}

void cf_cbor_put_map_open(cf_writer *w)
{
    cf_write_u8(w, MAJOR_MAP << 5 | INFO_INDEFINITE);
}

void cf_cbor_put_break(cf_writer *w)
{
    cf_write_u8(w, FIRST_BREAK);
}
