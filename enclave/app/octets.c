/* SPDX-License-Identifier: Apache-2.0 */
#include "enclave/app/octets.h"

CF_MUST_USE cf_result cf_octets_reserve(cf_octets *o, size_t extra)
{
    if (o->at > 0 && extra > o->buf.cap - o->buf.len) {
        CF_BUF(moved);
        cf_view rest = cf_octets_view(o);
        CF_TRY(cf_buf_reserve(&moved, rest.len + extra));
        CF_TRY(cf_buf_append(&moved, rest));
        cf_buf_free(&o->buf);
        o->buf = cf_buf_move(&moved);
        o->at = 0;
    }
    return cf_buf_reserve(&o->buf, extra);
}

CF_MUST_USE cf_result cf_octets_append(cf_octets *o, cf_view v)
{
    CF_TRY(cf_octets_reserve(o, v.len));
    return cf_buf_append(&o->buf, v);
}

void cf_octets_use(cf_octets *o, size_t n, size_t keep_bytes)
{
    o->at += n;
    if (o->at < o->buf.len) {
        return;
    }
    if (o->buf.cap > keep_bytes) {
        cf_octets_free(o);
        return;
    }
    /* Behind the length nothing was ever written, so it is all that needs to be wiped. */
    cf_wipe(o->buf.data, o->buf.len);
    o->buf.len = 0;
    o->at = 0;
}

void cf_octets_free(cf_octets *o)
{
    cf_buf_free(&o->buf);
    o->at = 0;
}
