/* SPDX-License-Identifier: Apache-2.0 */
#include "core/wire/wire_priv.h"

cf_body cf_body_of(cf_view octets)
{
    cf_body b = {.c = cf_cbor_strict(octets)};
    cf_cbor_map(&b.c);
    return b;
}

bool cf_body_next(cf_body *b)
{
    while (cf_cbor_more(&b->c)) {
        uint64_t last = b->key;
        b->key = cf_cbor_uint(&b->c);
        if (cf_cbor_err(&b->c) != CF_OK) {
            return false;
        }
        /* No body has a key 0, so the first one is always more than none. */
        if (b->key <= last) {
            cf_body_fail(b, b->key == last && last != 0 ? CF_ERR_DUPLICATE : CF_ERR_MALFORMED);
            return false;
        }
        if (b->key < CF_WIRE_KEY_IGNORABLE) {
            b->seen |= UINT64_C(1) << b->key;
            return true;
        }
        cf_cbor_skip(&b->c);
    }
    return false;
}

void cf_body_unknown(cf_body *b)
{
    cf_body_fail(b, CF_ERR_UNKNOWN_MEMBER);
}

CF_MUST_USE cf_result cf_body_end(const cf_body *b, uint64_t required)
{
    CF_TRY(cf_cbor_end(&b->c));
    CF_REQUIRE((b->seen & required) == required, MISSING);
    return cf_ok();
}

static cf_view bounded(cf_body *b, cf_view v, size_t min, size_t max)
{
    bool fits = v.len >= min && v.len <= max;
    if (fits && cf_cbor_err(&b->c) == CF_OK) {
        return v;
    }
    cf_err over = v.len > max ? CF_ERR_SIZE : CF_ERR_EMPTY;
    cf_body_fail(b, min == max ? CF_ERR_MALFORMED : over);
    return CF_VIEW_EMPTY;
}

cf_view cf_body_text(cf_body *b, size_t min, size_t max)
{
    return bounded(b, cf_cbor_text(&b->c), min, max);
}

cf_view cf_body_bytes(cf_body *b, size_t min, size_t max)
{
    return bounded(b, cf_cbor_bytes(&b->c), min, max);
}

uint64_t cf_body_uint(cf_body *b, uint64_t min, uint64_t max)
{
    uint64_t n = cf_cbor_uint(&b->c);
    if (cf_cbor_err(&b->c) == CF_OK && n >= min && n <= max) {
        return n;
    }
    cf_body_fail(b, CF_ERR_RANGE);
    return 0;
}

size_t cf_body_array(cf_body *b, size_t max)
{
    cf_cbor_array(&b->c);
    if (cf_cbor_err(&b->c) != CF_OK) {
        return 0;
    }
    uint64_t n = b->c.open[b->c.depth - 1].left;
    if (n > max) {
        cf_body_fail(b, CF_ERR_SIZE);
        return 0;
    }
    return (size_t)n;
}

void *cf_body_room(cf_body *b, cf_arena *arena, size_t n, size_t size)
{
    void *items = cf_cbor_err(&b->c) == CF_OK ? cf_arena_new(arena, n, size) : NULL;
    if (items == NULL) {
        cf_body_fail(b, CF_ERR_NO_MEMORY);
    }
    return items;
}

void cf_put_text(cf_writer *w, uint64_t key, cf_view v)
{
    cf_cbor_put_uint(w, key);
    cf_cbor_put_text(w, v);
}

void cf_put_bytes(cf_writer *w, uint64_t key, cf_view v)
{
    cf_cbor_put_uint(w, key);
    cf_cbor_put_bytes(w, v);
}

void cf_put_uint(cf_writer *w, uint64_t key, uint64_t n)
{
    cf_cbor_put_uint(w, key);
    cf_cbor_put_uint(w, n);
}
