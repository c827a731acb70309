/* SPDX-License-Identifier: Apache-2.0 */
/* Headers as one buffer: name NUL value NUL, and so on. */
#pragma once
#include <string.h>

#include "core/base/buf.h"

/** The pair at *at, which moves behind it; false at the end. */
static inline bool cf_http_pair_next(const cf_buf *pairs, size_t *at, const char **ret_name,
                                     const char **ret_value)
{
    if (*at >= pairs->len) {
        return false;
    }
    *ret_name = (const char *)pairs->data + *at;
    *ret_value = *ret_name + strlen(*ret_name) + 1;
    *at = (size_t)(*ret_value - (const char *)pairs->data) + strlen(*ret_value) + 1;
    return true;
}

/** Appends a pair; neither part holds a NUL. pairs is as before after an error. */
static inline CF_MUST_USE cf_result cf_http_pair_add(cf_buf *pairs, cf_view name, cf_view value)
{
    CF_TRY(cf_buf_reserve(pairs, name.len + value.len + 2));
    CF_TRY(cf_buf_append(pairs, name));
    CF_TRY(cf_buf_append(pairs, CF_VIEW_OF("")));
    CF_TRY(cf_buf_append(pairs, value));
    return cf_buf_append(pairs, CF_VIEW_OF(""));
}
