/* SPDX-License-Identifier: Apache-2.0 */
/* Buffers: bytes we own. Every buffer is wiped when it is freed or moved to a larger place, because any may hold a secret. */
#pragma once
#include "core/base/view.h"

typedef struct {
    uint8_t *data;
    size_t len, cap; /* len <= cap always */
} cf_buf;

#define CF_BUF_EMPTY                                                                               \
    {                                                                                              \
        NULL, 0, 0                                                                                 \
    }
/** A buffer that frees itself on every way out of the scope. */
#define CF_BUF(name) CF_AUTO(cf_buf_free) cf_buf name = CF_BUF_EMPTY

/** Octets no single buffer ever exceeds. */
#define CF_BUF_BYTES_MAX ((size_t)64 << 20)

static inline cf_view cf_buf_view(const cf_buf *b)
{
    return (cf_view){b->data, b->len};
}

/** Makes room for at least extra further octets; the buffer may move, its old place is wiped.
 *  error SIZE over CF_BUF_BYTES_MAX; NO_MEMORY. The buffer is unchanged after an error. */
CF_MUST_USE cf_result cf_buf_reserve(cf_buf *b, size_t extra);

/** Appends, growing as needed. Errors as cf_buf_reserve. v must not lie inside b. */
CF_MUST_USE cf_result cf_buf_append(cf_buf *b, cf_view v);

/** Replaces the content by a copy of v, which must not lie inside b. */
CF_MUST_USE cf_result cf_buf_set(cf_buf *b, cf_view v);

/** Wipes and forgets the content, keeps the memory. */
void cf_buf_clear(cf_buf *b);

/** Wipes and frees; leaves the zero state. Accepts the zero state. */
void cf_buf_free(cf_buf *b);

/** Hands the content over; *b is left in the zero state. */
cf_buf cf_buf_move(cf_buf *b);

/** Overwrites memory so that no optimiser removes it. */
void cf_wipe(void *p, size_t len);

/** Zeroed memory of count * size octets, or NULL when that overflows, is 0, or cannot be had. Freed with cf_mem_free. */
void *cf_mem_new(size_t count, size_t size);
void cf_mem_free(void *p);

/** Heap copy of the view with a NUL behind it, or NULL. Freed with cf_mem_free. */
char *cf_str_new(cf_view v);
