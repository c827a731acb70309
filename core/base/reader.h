/* SPDX-License-Identifier: Apache-2.0 */
/* A bounded reader and a bounded writer with sticky errors: read or write everything, check once, then use. */
#pragma once
#include "core/base/buf.h"

typedef struct {
    const uint8_t *at;
    size_t left;
    cf_err err; /* first error; later reads do nothing */
} cf_reader;

static inline cf_reader cf_reader_of(cf_view v)
{
    return (cf_reader){v.data, v.len, CF_OK};
}

/** Notes err unless there is one already. */
static inline void cf_reader_fail(cf_reader *r, cf_err err)
{
    if (r->err == CF_OK) {
        r->err = err;
    }
}

/** The next n octets, borrowed from the input; the empty view and TRUNCATED when they are not there. */
static inline cf_view cf_read(cf_reader *r, size_t n)
{
    if (r->err == CF_OK && n > r->left) {
        r->err = CF_ERR_TRUNCATED;
    }
    if (r->err != CF_OK) {
        return CF_VIEW_EMPTY;
    }
    cf_view v = {r->at, n};
    if (n > 0) {
        r->at += n;
        r->left -= n;
    }
    return v;
}

/** Big-endian unsigned numbers; 0 after an error, so test the error before branching on the value. */
uint8_t cf_read_u8(cf_reader *r);
uint16_t cf_read_u16(cf_reader *r);
uint32_t cf_read_u32(cf_reader *r);
uint64_t cf_read_u64(cf_reader *r);

/** The one check at the end: the first error, or TRAILING when octets are left. */
CF_MUST_USE cf_result cf_read_end(const cf_reader *r);

typedef struct {
    cf_buf *out; /* appended to; owned by the caller */
    size_t max;  /* out->len never exceeds this */
    cf_err err;
} cf_writer;

/** Writes behind what out holds; max bounds the whole buffer, not the addition. */
static inline cf_writer cf_writer_to(cf_buf *out, size_t max)
{
    return (cf_writer){out, max, CF_OK};
}

void cf_write(cf_writer *w, cf_view v);
void cf_write_u8(cf_writer *w, uint8_t n);
void cf_write_u16(cf_writer *w, uint16_t n);
void cf_write_u32(cf_writer *w, uint32_t n);
void cf_write_u64(cf_writer *w, uint64_t n);

/** The first error (SIZE over max, NO_MEMORY), or CF_OK. What out then holds is not to be used after an error. */
static inline CF_MUST_USE cf_result cf_write_end(const cf_writer *w)
{
    return (cf_result){w->err};
}
