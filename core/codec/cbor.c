/* SPDX-License-Identifier: Apache-2.0 */
#include "core/codec/cbor.h"

#include <cbor.h>

/* libcbor 0.9 changed the lengths that it hands to callbacks from size_t to uint64_t; the one set
 * of callbacks below serves both where the two are the same type, which is so on 64-bit Linux. */
_Static_assert(sizeof(size_t) == sizeof(uint64_t), "64-bit platforms only");

#define HEAD_BYTES_MAX 9 /* initial octet and an argument of eight */
#define FIRST_BREAK 0xFF /* major type 7, additional information 31 */

/* What cf_cbor.open[].left holds in an indefinite map. */
#define PAIR_HAS_KEY 1   /* a value must come next */
#define PAIR_WANTS_KEY 2 /* a key or the break comes next */

/* One decoded head. Strings come with their content, as libcbor claims it together with the
 * head. */
typedef struct {
    cf_cbor_kind kind;
    uint64_t n; /* value, tag number, or number of items or pairs */
    cf_view s;  /* content of a string */
    bool flag, indefinite;
} head;

static void on_u8(void *to, uint8_t n)
{
    *(head *)to = (head){.kind = CF_CBOR_UINT, .n = n};
}

static void on_u16(void *to, uint16_t n)
{
    *(head *)to = (head){.kind = CF_CBOR_UINT, .n = n};
}

static void on_u32(void *to, uint32_t n)
{
    *(head *)to = (head){.kind = CF_CBOR_UINT, .n = n};
}

static void on_u64(void *to, uint64_t n)
{
    *(head *)to = (head){.kind = CF_CBOR_UINT, .n = n};
}

static void on_n8(void *to, uint8_t n)
{
    *(head *)to = (head){.kind = CF_CBOR_NINT, .n = n};
}

static void on_n16(void *to, uint16_t n)
{
    *(head *)to = (head){.kind = CF_CBOR_NINT, .n = n};
}

static void on_n32(void *to, uint32_t n)
{
    *(head *)to = (head){.kind = CF_CBOR_NINT, .n = n};
}

static void on_n64(void *to, uint64_t n)
{
    *(head *)to = (head){.kind = CF_CBOR_NINT, .n = n};
}

static void on_bytes(void *to, cbor_data data, uint64_t len)
{
    *(head *)to = (head){.kind = CF_CBOR_BYTES, .n = len, .s = {data, len}};
}

static void on_text(void *to, cbor_data data, uint64_t len)
{
    *(head *)to = (head){.kind = CF_CBOR_TEXT, .n = len, .s = {data, len}};
}

static void on_bytes_open(void *to)
{
    *(head *)to = (head){.kind = CF_CBOR_BYTES, .indefinite = true};
}

static void on_text_open(void *to)
{
    *(head *)to = (head){.kind = CF_CBOR_TEXT, .indefinite = true};
}

static void on_array(void *to, uint64_t n)
{
    *(head *)to = (head){.kind = CF_CBOR_ARRAY, .n = n};
}

static void on_map(void *to, uint64_t n)
{
    *(head *)to = (head){.kind = CF_CBOR_MAP, .n = n};
}

static void on_array_open(void *to)
{
    *(head *)to = (head){.kind = CF_CBOR_ARRAY, .indefinite = true};
}

static void on_map_open(void *to)
{
    *(head *)to = (head){.kind = CF_CBOR_MAP, .indefinite = true};
}

static void on_tag(void *to, uint64_t n)
{
    *(head *)to = (head){.kind = CF_CBOR_TAG, .n = n};
}

static void on_float(void *to, float n)
{
    (void)n;
    *(head *)to = (head){.kind = CF_CBOR_OTHER};
}

static void on_double(void *to, double n)
{
    (void)n;
    *(head *)to = (head){.kind = CF_CBOR_OTHER};
}

static void on_undefined(void *to)
{
    *(head *)to = (head){.kind = CF_CBOR_OTHER};
}

static void on_null(void *to)
{
    *(head *)to = (head){.kind = CF_CBOR_NULL};
}

static void on_bool(void *to, bool b)
{
    *(head *)to = (head){.kind = CF_CBOR_BOOL, .flag = b};
}

static void on_break(void *to)
{
    *(head *)to = (head){.kind = CF_CBOR_BREAK};
}

static const struct cbor_callbacks callbacks = {
    .uint8 = on_u8,
    .uint16 = on_u16,
    .uint32 = on_u32,
    .uint64 = on_u64,
    .negint8 = on_n8,
    .negint16 = on_n16,
    .negint32 = on_n32,
    .negint64 = on_n64,
    .byte_string_start = on_bytes_open,
    .byte_string = on_bytes,
    .string = on_text,
    .string_start = on_text_open,
    .indef_array_start = on_array_open,
    .array_start = on_array,
    .indef_map_start = on_map_open,
    .map_start = on_map,
    .tag = on_tag,
    .float2 = on_float,
    .float4 = on_float,
    .float8 = on_double,
    .undefined = on_undefined,
    .null = on_null,
    .boolean = on_bool,
    .indef_break = on_break,
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

/* Hands the octets to libcbor. False, with the error kept, when they do not start with a head. */
static bool decode(cf_cbor *c, const uint8_t *at, size_t left, head *ret, size_t *ret_used)
{
    struct cbor_decoder_result got = cbor_stream_decode(at, left, &callbacks, ret);
    *ret_used = got.read;
    if (got.status == CBOR_DECODER_FINISHED && ret->kind != CF_CBOR_NONE) {
        return true;
    }
    fail(c, got.status == CBOR_DECODER_NEDATA ? CF_ERR_TRUNCATED : CF_ERR_MALFORMED);
    return false;
}

/* Tags and simple values: older releases of libcbor refuse many that are well-formed (0.8 all tags
 * from 6 to 20, among them COSE's 18). Their heads have the form of an unsigned integer's (RFC 8949
 * section 3), so they are given as one. */
static bool is_tag_or_simple(uint8_t first)
{
    uint8_t info = first & 0x1F;
    return first >> 5 == 6 || (first >> 5 == 7 && (info < 20 || info == 24));
}

static bool decode_as_uint(cf_cbor *c, uint8_t first, head *ret, size_t *ret_used)
{
    uint8_t copy[HEAD_BYTES_MAX];
    size_t len = c->in.left < sizeof copy ? c->in.left : sizeof copy;
    cf_copy(copy, c->in.at, len);
    copy[0] = first & 0x1F;
    if (!decode(c, copy, len, ret, ret_used)) {
        return false;
    }
    ret->kind = first >> 5 == 6 ? CF_CBOR_TAG : CF_CBOR_OTHER;
    if (ret->kind == CF_CBOR_OTHER && *ret_used == 2 && ret->n < 32) {
        fail(c, CF_ERR_MALFORMED); /* RFC 8949 section 3.3: not well-formed */
        return false;
    }
    return true;
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
    size_t used = 0;
    bool ok = is_tag_or_simple(first) ? decode_as_uint(c, first, ret, &used)
                                      : decode(c, c->in.at, c->in.left, ret, &used);
    if (ok && !head_allowed(c, first, ret)) {
        fail(c, CF_ERR_MALFORMED);
        ok = false;
    }
    if (ok && ret->kind != CF_CBOR_BREAK) {
        (void)cf_read(&c->in, used);
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
    static const cf_cbor_kind of_major[] = {CF_CBOR_UINT, CF_CBOR_NINT,  CF_CBOR_BYTES,
                                            CF_CBOR_TEXT, CF_CBOR_ARRAY, CF_CBOR_MAP,
                                            CF_CBOR_TAG,  CF_CBOR_OTHER};
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
    switch (first) {
    case 0xF4:
    case 0xF5:
        return CF_CBOR_BOOL;
    case 0xF6:
        return CF_CBOR_NULL;
    case FIRST_BREAK:
        if (!break_allowed(c)) {
            fail(c, CF_ERR_MALFORMED);
            return CF_CBOR_NONE;
        }
        return CF_CBOR_BREAK;
    default:
        return of_major[first >> 5];
    }
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

static void put_head(cf_writer *w, const uint8_t *head_bytes, size_t len)
{
    cf_write(w, cf_view_make(head_bytes, len));
}

void cf_cbor_put_uint(cf_writer *w, uint64_t n)
{
    uint8_t b[HEAD_BYTES_MAX];
    put_head(w, b, cbor_encode_uint(n, b, sizeof b));
}

void cf_cbor_put_int(cf_writer *w, int64_t n)
{
    uint8_t b[HEAD_BYTES_MAX];
    if (n >= 0) {
        put_head(w, b, cbor_encode_uint((uint64_t)n, b, sizeof b));
    } else {
        put_head(w, b, cbor_encode_negint((uint64_t)(-1 - n), b, sizeof b));
    }
}

void cf_cbor_put_bool(cf_writer *w, bool on)
{
    uint8_t b[HEAD_BYTES_MAX];
    put_head(w, b, cbor_encode_bool(on, b, sizeof b));
}

void cf_cbor_put_null(cf_writer *w)
{
    uint8_t b[HEAD_BYTES_MAX];
    put_head(w, b, cbor_encode_null(b, sizeof b));
}

void cf_cbor_put_bytes(cf_writer *w, cf_view v)
{
    uint8_t b[HEAD_BYTES_MAX];
    put_head(w, b, cbor_encode_bytestring_start(v.len, b, sizeof b));
    cf_write(w, v);
}

void cf_cbor_put_text(cf_writer *w, cf_view v)
{
    if (w->err == CF_OK && !cf_utf8_ok(v)) {
        w->err = CF_ERR_UTF8;
    }
    uint8_t b[HEAD_BYTES_MAX];
    put_head(w, b, cbor_encode_string_start(v.len, b, sizeof b));
    cf_write(w, v);
}

void cf_cbor_put_array(cf_writer *w, size_t items)
{
    uint8_t b[HEAD_BYTES_MAX];
    put_head(w, b, cbor_encode_array_start(items, b, sizeof b));
}

void cf_cbor_put_map(cf_writer *w, size_t pairs)
{
    uint8_t b[HEAD_BYTES_MAX];
    put_head(w, b, cbor_encode_map_start(pairs, b, sizeof b));
}

void cf_cbor_put_map_open(cf_writer *w)
{
    uint8_t b[HEAD_BYTES_MAX];
    put_head(w, b, cbor_encode_indef_map_start(b, sizeof b));
}

void cf_cbor_put_break(cf_writer *w)
{
    uint8_t b[HEAD_BYTES_MAX];
    put_head(w, b, cbor_encode_break(b, sizeof b));
}
