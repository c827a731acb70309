/* SPDX-License-Identifier: Apache-2.0 */
/* Octets that are added behind and taken from the front: what a connection has read and not used, or has not yet written. */
#pragma once
#include "core/base/buf.h"

typedef struct {
    cf_buf buf;
    size_t at; /* octets before this are used, and wiped when the memory is next moved or emptied */
} cf_octets;

static inline cf_view cf_octets_view(const cf_octets *o)
{
    return cf_view_sub(cf_buf_view(&o->buf), o->at, o->buf.len - o->at);
}

/** Room for extra octets behind; moves what is there to the front of new memory when there is none. Errors of cf_buf_reserve. */
CF_MUST_USE cf_result cf_octets_reserve(cf_octets *o, size_t extra);
CF_MUST_USE cf_result cf_octets_append(cf_octets *o, cf_view v);
/** Takes n octets from the front; n is at most what is there. Memory beyond keep_bytes is given back when all is used. */
void cf_octets_use(cf_octets *o, size_t n, size_t keep_bytes);
void cf_octets_free(cf_octets *o);
