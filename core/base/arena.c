/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/arena.h"

#include <stdalign.h>
#include <string.h>

#define ARENA_BLOCK_BYTES ((size_t)16 << 10)
#define ARENA_LENT_BYTES ((size_t)2 << 10)   /* of lent memory, zeroed at once */
#define ARENA_JOINED_BYTES ((size_t)1 << 20) /* of a block that a reset makes out of several */

struct cf_arena_block {
    cf_arena_block *next;
    size_t cap;
    alignas(max_align_t) uint8_t bytes[];
};

static bool block_new(cf_arena *a, size_t need)
{
    size_t cap = need > ARENA_BLOCK_BYTES ? need : ARENA_BLOCK_BYTES;
    cf_arena_block *block = cf_mem_new(1, sizeof *block + cap);
    if (block == NULL) {
        return false;
    }
    block->cap = cap;
    block->next = a->blocks;
    a->blocks = block;
    a->at = block->bytes;
    a->left = cap;
    a->lent = 0;
    return true;
}

/* Zeroes more of the memory that was lent. */
static bool lent_more(cf_arena *a, size_t need)
{
    size_t lack = need - a->left, more = lack < ARENA_LENT_BYTES ? ARENA_LENT_BYTES : lack;
    if (lack > a->lent) {
        return false;
    }
    more = more < a->lent ? more : a->lent;
    memset(a->at + a->left, 0, more);
    a->left += more;
    a->lent -= more;
    return true;
}

static size_t rounded(size_t bytes)
{
    size_t align = alignof(max_align_t);
    return bytes == 0 ? align : (bytes + align - 1) / align * align;
}

/* The bound counts what a piece really takes. The first test keeps the sums here and in block_new
 * from wrapping, whatever bound the caller chose. */
bool cf_arena_fits(const cf_arena *a, size_t bytes)
{
    return bytes <= SIZE_MAX / 2 && a->used <= a->max && rounded(bytes) <= a->max - a->used;
}

void *cf_arena_new(cf_arena *a, size_t count, size_t size)
{
    size_t need;
    if (__builtin_mul_overflow(count, size, &need) || !cf_arena_fits(a, need)) {
        return NULL;
    }
    need = rounded(need);
    if (need > a->left && !lent_more(a, need) && !block_new(a, need)) {
        return NULL;
    }
    void *p = a->at;
    a->at += need;
    a->left -= need;
    a->used += need;
    return p;
}

CF_MUST_USE cf_result cf_arena_copy(cf_arena *a, cf_view v, cf_view *ret)
{
    *ret = CF_VIEW_EMPTY;
    CF_REQUIRE(cf_arena_fits(a, v.len), SIZE);
    uint8_t *p = cf_arena_new(a, v.len, 1);
    CF_REQUIRE(p != NULL, NO_MEMORY);
    cf_copy(p, v.data, v.len);
    *ret = cf_view_make(p, v.len);
    return cf_ok();
}

void cf_arena_lend(cf_arena *a, void *memory, size_t bytes)
{
    a->at = memory;
    a->left = 0;
    a->lent = bytes;
}

static void block_free(cf_arena_block *block)
{
    cf_wipe(block->bytes, block->cap);
    cf_mem_free(block);
}

/* What needed several blocks needs them again: one of their size takes their place, so that the next round asks for none. */
static bool join_blocks(cf_arena *a)
{
    size_t all = 0;
    for (const cf_arena_block *b = a->blocks; b != NULL && all <= ARENA_JOINED_BYTES; b = b->next) {
        all += b->cap;
    }
    if (a->blocks == NULL || a->blocks->next == NULL || all > ARENA_JOINED_BYTES) {
        return false;
    }
    cf_arena_free(a);
    (void)block_new(a, all); /* without memory the arena is as good as a new one */
    return true;
}

void cf_arena_reset(cf_arena *a)
{
    cf_arena_block *kept = a->blocks;
    if (kept != NULL && !join_blocks(a)) {
        while (kept->next != NULL) {
            cf_arena_block *next = kept->next;
            kept->next = next->next;
            block_free(next);
        }
        cf_wipe(kept->bytes, kept->cap - a->left);
        a->at = kept->bytes;
        a->left = kept->cap;
    }
    a->used = 0;
}

void cf_arena_free(cf_arena *a)
{
    while (a->blocks != NULL) {
        cf_arena_block *next = a->blocks->next;
        block_free(a->blocks);
        a->blocks = next;
    }
    *a = (cf_arena){.max = a->max};
}
