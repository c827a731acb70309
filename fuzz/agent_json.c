/* SPDX-License-Identifier: Apache-2.0 */
/* cf_agent_json_read, cf_agent_json_answer: a request that is taken is one that the enclave reads, and may be sent; an answer is JSON.
 * The first octet chooses which of the two. */
#include "core/codec/json.h"
#include "fuzz/check.h"
#include "host/agent/body.h"
#include "host/agent/json.h"

static void as_request(cf_view in)
{
    CF_BUF(body);
    CF_ARENA(arena, (size_t)8 << 20);
    cf_decrypt m;
    cf_body_head head;
    cf_result r = cf_agent_json_read(in, CF_LIT("key"), 1000, &body);
    fuzz_check(r.code != CF_ERR_NO_MEMORY && r.code != CF_ERR_INTERNAL);
    if (cf_is_ok(r)) {
        fuzz_ok(cf_decrypt_decode(cf_buf_view(&body), &arena, &m));
        fuzz_check(m.deadline_ms == 1000 && m.fields_n + m.expressions_n > 0);
        fuzz_ok(cf_body_read(cf_buf_view(&body), &head));
    } else {
        fuzz_check(body.len == 0);
    }
}

static void as_results(cf_view in)
{
    CF_BUF(text);
    CF_JSON(j);
    CF_ARENA(arena, (size_t)1 << 20);
    cf_answer a;
    if (cf_is_ok(cf_agent_json_answer(in, &text))) {
        fuzz_ok(cf_answer_decode(in, &arena, &a));
        if (a.expressions_n > 0) {
            return; /* results are the enclave's JSON, and passed on as they are */
        }
        /* Names come from the enclave and may repeat or hold a NUL; all else is JSON that our own reader takes. */
        cf_result r = cf_json_parse(cf_buf_view(&text), CF_BUF_BYTES_MAX, &j);
        fuzz_check(cf_is_ok(r) || r.code == CF_ERR_DUPLICATE || r.code == CF_ERR_MALFORMED);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0) {
        cf_view in = cf_view_make(data + 1, size - 1);
        if (data[0] % 2 == 0) {
            as_request(in);
        } else {
            as_results(in);
        }
    }
    return 0;
}
