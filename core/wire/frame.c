/* SPDX-License-Identifier: Apache-2.0 */
#include "core/wire/wire_priv.h"

#define MESSAGE_ITEMS 3

static CF_MUST_USE cf_result message_decode(cf_view octets, cf_msg *ret)
{
    cf_cbor c = cf_cbor_strict(octets);
    cf_cbor_array(&c);
    uint64_t kind = cf_cbor_uint(&c);
    uint64_t request = cf_cbor_uint(&c);
    if (cf_cbor_err(&c) == CF_OK && cf_cbor_peek(&c) != CF_CBOR_MAP) {
        return cf_fail(CF_ERR_WRONG_TYPE);
    }
    cf_view body = cf_cbor_raw(&c);
    cf_cbor_leave(&c);
    CF_TRY(cf_cbor_end(&c));
    CF_REQUIRE(kind <= UINT32_MAX, RANGE);
    *ret = (cf_msg){(uint32_t)kind, request, body};
    return cf_ok();
}

CF_MUST_USE cf_result cf_frame_decode(cf_view in, size_t *ret_used, cf_msg *ret)
{
    *ret_used = 0;
    *ret = (cf_msg){0};
    if (in.len < CF_FRAME_HEAD_BYTES) {
        return cf_ok();
    }
    cf_reader r = cf_reader_of(in);
    uint32_t len = cf_read_u32(&r);
    /* Judged before the octets arrive: nobody waits for a message that will be refused. */
    CF_REQUIRE(len > 0 && len <= CF_FRAME_BYTES_MAX, SIZE);
    if (r.left < len) {
        return cf_ok();
    }
    CF_TRY(message_decode(cf_read(&r, len), ret));
    *ret_used = CF_FRAME_HEAD_BYTES + (size_t)len;
    return cf_ok();
}

CF_MUST_USE cf_result cf_frame_encode(uint32_t kind, uint64_t request, cf_view body, cf_buf *out)
{
    size_t before = out->len;
    cf_writer w = cf_writer_to(out, before + CF_FRAME_HEAD_BYTES + CF_FRAME_BYTES_MAX);
    cf_write_u32(&w, 0);
    cf_cbor_put_array(&w, MESSAGE_ITEMS);
    cf_cbor_put_uint(&w, kind);
    cf_cbor_put_uint(&w, request);
    cf_write(&w, body);
    CF_TRY(cf_body_written(&w, before));
    uint32_t len = (uint32_t)(out->len - before - CF_FRAME_HEAD_BYTES);
    for (size_t i = 0; i < CF_FRAME_HEAD_BYTES; i++) {
        out->data[before + i] = (uint8_t)(len >> (8 * (CF_FRAME_HEAD_BYTES - 1 - i)));
    }
    return cf_ok();
}
