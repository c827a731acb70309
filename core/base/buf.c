/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/buf.h"

#include <stdlib.h>
#include <string.h>

#define BUF_BYTES_MIN ((size_t)64)

void cf_wipe(void *p, size_t len)
{
    if (len > 0) {
        memset(p, 0, len);
        /* the compiler must assume that this reads the memory, so the store above stays */
        __asm__ __volatile__("" : : "r"(p) : "memory");
    }
}

void *cf_mem_new(size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total) || total == 0) {
        return NULL;
    }
    return calloc(1, total);
}

void cf_mem_free(void *p)
{
    free(p);
}

char *cf_str_new(cf_view v)
{
    char *s = v.len < CF_BUF_BYTES_MAX ? cf_mem_new(v.len + 1, 1) : NULL;
    if (s != NULL) {
        cf_copy(s, v.data, v.len);
    }
    return s;
}

CF_MUST_USE cf_result cf_buf_reserve(cf_buf *b, size_t extra)
{
    if (extra <= b->cap - b->len) {
        return cf_ok();
    }
    CF_REQUIRE(extra <= CF_BUF_BYTES_MAX - b->len, SIZE);
    size_t need = b->len + extra, cap = b->cap < BUF_BYTES_MIN ? BUF_BYTES_MIN : b->cap;
    while (cap < need) {
        cap *= 2;
    }
    uint8_t *data = malloc(cap);
    CF_REQUIRE(data != NULL, NO_MEMORY);
    cf_copy(data, b->data, b->len);
    /* the whole capacity: a cut buffer may hold old octets behind its length */
    cf_wipe(b->data, b->cap);
    free(b->data);
    b->data = data;
    b->cap = cap;
    return cf_ok();
}

CF_MUST_USE cf_result cf_buf_append(cf_buf *b, cf_view v)
{
    CF_TRY(cf_buf_reserve(b, v.len));
    if (v.len > 0) {
        cf_copy(b->data + b->len, v.data, v.len);
        b->len += v.len;
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_buf_set(cf_buf *b, cf_view v)
{
    cf_buf_clear(b);
    return cf_buf_append(b, v);
}

void cf_buf_clear(cf_buf *b)
{
    cf_wipe(b->data, b->cap);
    b->len = 0;
}

void cf_buf_free(cf_buf *b)
{
    cf_wipe(b->data, b->cap);
    free(b->data);
    *b = (cf_buf)CF_BUF_EMPTY;
}

cf_buf cf_buf_move(cf_buf *b)
{
    cf_buf moved = *b;
    *b = (cf_buf)CF_BUF_EMPTY;
    return moved;
}
