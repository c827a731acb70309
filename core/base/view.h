/* SPDX-License-Identifier: Apache-2.0 */
/* Views: bytes that exist, borrowed, passed by value, never freed through the view. */
#pragma once
#include <string.h>

#include "core/base/result.h"

typedef struct {
    const uint8_t *data;
    size_t len;
} cf_view;

#define CF_VIEW_EMPTY ((cf_view){NULL, 0})
/** View of a string literal, without its NUL; the second form initialises what is static, a table's rows for example. */
#define CF_LIT(s) ((cf_view)CF_LIT_INIT(s))
#define CF_LIT_INIT(s)                                                                             \
    {                                                                                              \
        (const uint8_t *)("" s), sizeof("" s) - 1                                                  \
    }
/** View of a whole array (not of a pointer). */
#define CF_VIEW_OF(array) ((cf_view){(const uint8_t *)(array), sizeof(array)})

static inline cf_view cf_view_make(const void *data, size_t len)
{
    return (cf_view){(const uint8_t *)data, len};
}

/** View of a NUL-terminated string, without the NUL; NULL gives the empty view. */
static inline cf_view cf_view_str(const char *s)
{
    return s == NULL ? CF_VIEW_EMPTY : cf_view_make(s, strlen(s));
}

/** The len bytes from off; the empty view when they are not all there. */
static inline cf_view cf_view_sub(cf_view v, size_t off, size_t len)
{
    if (v.data == NULL || off > v.len || len > v.len - off) {
        return CF_VIEW_EMPTY;
    }
    return cf_view_make(v.data + off, len);
}

/** Equality for public data; time depends on the content. */
static inline bool cf_view_eq(cf_view a, cf_view b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/** Order by octets, a shorter prefix first: negative, zero, positive. Public data only. */
int cf_view_cmp(cf_view a, cf_view b);

/** Equality for secrets and tags; time depends on the lengths alone. */
bool cf_ct_eq(cf_view a, cf_view b);

/** Copies len octets between places that do not overlap; len 0 with NULL is fine. */
static inline void cf_copy(void *to, const void *from, size_t len)
{
    if (len > 0) {
        memcpy(to, from, len);
    }
}

/** True if the view is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms, at most U+10FFFF). */
bool cf_utf8_ok(cf_view v);

/** Number of code points of well-formed UTF-8. */
size_t cf_utf8_len(cf_view v);
