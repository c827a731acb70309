/* SPDX-License-Identifier: Apache-2.0 */
#include "host/agent/body.h"

#include "core/codec/cbor.h"

#define BODY_KEY_DEADLINE 1
#define BODY_PAIRS_MAX                                                                             \
    23 /* that one octet of head can tell; the format has nine keys, and room for more */
#define BODY_MAP 0xA0

/* The same code judges it here and in the enclave, at the same depth. */
static cf_result check_carried(cf_view body)
{
    CF_BUF(frame);
    size_t used = 0;
    cf_msg msg;
    CF_TRY(cf_frame_encode(CF_MSG_DECRYPT, UINT64_MAX, body, &frame));
    CF_TRY(cf_frame_decode(cf_buf_view(&frame), &used, &msg));
    CF_REQUIRE(used == frame.len && msg.body.len == body.len, MALFORMED);
    return cf_ok();
}

cf_result cf_body_read(cf_view body, cf_body_head *ret)
{
    *ret = (cf_body_head){0};
    CF_REQUIRE(body.len <= CF_AGENT_BODY_BYTES_MAX, SIZE);
    CF_REQUIRE(body.len > 0, TRUNCATED);
    CF_REQUIRE((body.data[0] & 0xE0) == BODY_MAP, WRONG_TYPE);
    CF_TRY(check_carried(body));
    CF_REQUIRE(body.data[0] != BODY_MAP, MISSING);
    CF_REQUIRE(body.data[0] <= BODY_MAP + BODY_PAIRS_MAX, SIZE);
    cf_cbor c = cf_cbor_strict(body);
    cf_cbor_map(&c);
    CF_REQUIRE(cf_cbor_peek(&c) == CF_CBOR_UINT && cf_cbor_uint(&c) == BODY_KEY_DEADLINE, MISSING);
    uint64_t deadline_ms = cf_cbor_uint(&c);
    if (cf_cbor_err(&c) != CF_OK) {
        return cf_fail(cf_cbor_err(&c));
    }
    CF_REQUIRE(deadline_ms >= 1 && deadline_ms <= CF_DEADLINE_MS_MAX, RANGE);
    *ret = (cf_body_head){deadline_ms, (uint8_t)(body.data[0] - BODY_MAP),
                          cf_view_make(c.in.at, c.in.left)};
    return cf_ok();
}

cf_result cf_body_put(uint8_t pairs, cf_view rest, uint64_t deadline_ms, cf_buf *out)
{
    deadline_ms = deadline_ms == 0                   ? 1
                  : deadline_ms > CF_DEADLINE_MS_MAX ? CF_DEADLINE_MS_MAX
                                                     : deadline_ms;
    cf_writer w = cf_writer_to(out, out->len + CF_FRAME_BYTES_MAX);
    cf_cbor_put_map(&w, pairs);
    cf_cbor_put_uint(&w, BODY_KEY_DEADLINE);
    cf_cbor_put_uint(&w, deadline_ms);
    cf_write(&w, rest);
    return cf_write_end(&w);
}
