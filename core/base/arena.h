/* SPDX-License-Identifier: Apache-2.0 */
/* An arena: one request's memory in few pieces, bounded, wiped and freed together. */
#pragma once
#include "core/base/buf.h"

typedef struct cf_arena_block cf_arena_block;

typedef struct {
    cf_arena_block *blocks; /* newest first */
    size_t used, max;       /* octets handed out, and their bound */
    uint8_t *at;            /* the newest block's free octets, all zero */
    size_t left;
    size_t lent; /* octets behind them that were lent and are not zero yet */
} cf_arena;

/** An arena that wipes and frees all it gave on every way out of the scope. bytes_max bounds the
 *  sum of all pieces, each rounded up to alignof(max_align_t). */
#define CF_ARENA(name, bytes_max) CF_AUTO(cf_arena_free) cf_arena name = {.max = (bytes_max)}

/** True if the bound allows a further piece of that many octets. */
bool cf_arena_fits(const cf_arena *a, size_t bytes);

/** Zeroed memory, aligned for any type, valid until cf_arena_free; NULL over the bound or out of
 *  memory. size 0 gives a valid pointer. */
void *cf_arena_new(cf_arena *a, size_t count, size_t size);

/** cf_arena_new for a size that is a multiple of 16 and not 0: a few instructions when the block has room. */
static inline void *cf_arena_take(cf_arena *a, size_t bytes)
{
    if (CF_UNLIKELY(bytes > a->left || bytes > a->max - a->used)) {
        return cf_arena_new(a, 1, bytes);
    }
    void *p = a->at;
    a->at += bytes;
    a->left -= bytes;
    a->used += bytes;
    return p;
}

/** A copy of v inside the arena. error SIZE over the bound, NO_MEMORY. */
CF_MUST_USE cf_result cf_arena_copy(cf_arena *a, cf_view v, cf_view *ret);

/** Lets a new arena use memory of the caller's first, aligned for any type, which must outlive it. The arena zeroes what it
 *  gives out and wipes nothing of it afterwards. */
void cf_arena_lend(cf_arena *a, void *memory, size_t bytes);

/** Wipes all pieces and keeps a block for what comes next: the newest, or one in place of several of up to 1 MiB together. A round that
 *  is like the one before asks for no memory. cost the octets that were used. */
void cf_arena_reset(cf_arena *a);

/** Wipes and frees all pieces; leaves an empty arena with the same bound. */
void cf_arena_free(cf_arena *a);
