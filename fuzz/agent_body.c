/* SPDX-License-Identifier: Apache-2.0 */
/* cf_body_read: what it takes makes a frame that is read back as it was, with any deadline. cf_enclave_log_feed: the lines of octets
 * that come in two pieces are those of the whole, and none holds a control character. */
#include "fuzz/check.h"
#include "host/agent/body.h"
#include "host/agent/enclave_log.h"

static void as_body(cf_view in)
{
    cf_body_head head, again;
    CF_BUF(body);
    CF_BUF(frame);
    cf_msg m;
    size_t used = 0;
    if (!cf_is_ok(cf_body_read(in, &head))) {
        return;
    }
    fuzz_check(head.deadline_ms >= 1 && head.deadline_ms <= CF_DEADLINE_MS_MAX);
    fuzz_ok(cf_body_put(head.pairs, head.rest, head.deadline_ms, &body));
    fuzz_check(cf_view_eq(cf_buf_view(&body), in));
    cf_buf_free(&body);
    fuzz_ok(cf_body_put(head.pairs, head.rest, CF_DEADLINE_MS_MAX, &body));
    fuzz_ok(cf_frame_encode(CF_MSG_DECRYPT, UINT64_MAX, cf_buf_view(&body), &frame));
    fuzz_ok(cf_frame_decode(cf_buf_view(&frame), &used, &m));
    fuzz_check(used == frame.len && cf_view_eq(m.body, cf_buf_view(&body)));
    if (body.len <= CF_AGENT_BODY_BYTES_MAX) {
        fuzz_ok(cf_body_read(cf_buf_view(&body), &again));
        fuzz_check(again.pairs == head.pairs && cf_view_eq(again.rest, head.rest));
    }
}

static void add_line(void *ctx, bool own, cf_view line)
{
    fuzz_check(line.len > 0 && line.len <= CF_AGENT_LOG_LINE_BYTES_MAX);
    for (size_t i = 0; i < line.len; i++) {
        fuzz_check(line.data[i] >= ' ' && line.data[i] < 0x7F);
    }
    cf_buf *out = ctx;
    fuzz_ok(cf_buf_append(out, own ? CF_LIT("+") : CF_LIT("-")));
    fuzz_ok(cf_buf_append(out, line));
    fuzz_ok(cf_buf_append(out, CF_LIT("\n")));
}

static void as_log(cf_view in, size_t cut)
{
    CF_BUF(whole);
    CF_BUF(pieces);
    cf_enclave_log l = {0};
    cf_enclave_log_feed(&l, in, 1000, add_line, &whole);
    cf_enclave_log_end(&l, 1000, add_line, &whole);
    l = (cf_enclave_log){0};
    cut = cut < in.len ? cut : in.len;
    cf_enclave_log_feed(&l, cf_view_sub(in, 0, cut), 1000, add_line, &pieces);
    cf_enclave_log_feed(&l, cf_view_sub(in, cut, in.len - cut), 1000, add_line, &pieces);
    cf_enclave_log_end(&l, 1000, add_line, &pieces);
    fuzz_check(cf_view_eq(cf_buf_view(&whole), cf_buf_view(&pieces)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0) {
        cf_view in = cf_view_make(data + 1, size - 1);
        if (data[0] == 0) {
            as_body(in);
        } else {
            as_log(in, data[0]);
        }
    }
    return 0;
}
