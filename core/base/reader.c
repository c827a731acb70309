/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/reader.h"

static uint64_t read_be(cf_reader *r, size_t octets)
{
    cf_view v = cf_read(r, octets);
    uint64_t n = 0;
    for (size_t i = 0; i < v.len; i++) {
        n = n << 8 | v.data[i];
    }
    return n;
}

uint8_t cf_read_u8(cf_reader *r)
{
    return (uint8_t)read_be(r, 1);
}

uint16_t cf_read_u16(cf_reader *r)
{
    return (uint16_t)read_be(r, 2);
}

uint32_t cf_read_u32(cf_reader *r)
{
    return (uint32_t)read_be(r, 4);
}

uint64_t cf_read_u64(cf_reader *r)
{
    return read_be(r, 8);
}

CF_MUST_USE cf_result cf_read_end(const cf_reader *r)
{
    if (r->err != CF_OK) {
        return cf_fail(r->err);
    }
    CF_REQUIRE(r->left == 0, TRAILING);
    return cf_ok();
}

void cf_write(cf_writer *w, cf_view v)
{
    if (w->err != CF_OK) {
        return;
    }
    if (w->out->len > w->max || v.len > w->max - w->out->len) {
        w->err = CF_ERR_SIZE;
        return;
    }
    w->err = cf_buf_append(w->out, v).code;
}

static void write_be(cf_writer *w, uint64_t n, size_t octets)
{
    uint8_t be[8];
    for (size_t i = 0; i < octets; i++) {
        be[i] = (uint8_t)(n >> (8 * (octets - 1 - i)));
    }
    cf_write(w, cf_view_make(be, octets));
}

void cf_write_u8(cf_writer *w, uint8_t n)
{
    write_be(w, n, 1);
}

void cf_write_u16(cf_writer *w, uint16_t n)
{
    write_be(w, n, 2);
}

void cf_write_u32(cf_writer *w, uint32_t n)
{
    write_be(w, n, 4);
}

void cf_write_u64(cf_writer *w, uint64_t n)
{
    write_be(w, n, 8);
}
