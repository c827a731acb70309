/* SPDX-License-Identifier: Apache-2.0 */
/* cf_frame_decode over a stream, and the bodies that carry no fields: what decodes encodes to the same octets, unless it has keys
 * that may be ignored. */
#include "core/wire/wire.h"

#include "fuzz/check.h"

/* The encoding of what was decoded: the same octets, or fewer where keys were skipped. */
static void same_or_less(cf_view body, const cf_buf *again)
{
    fuzz_check(cf_view_eq(cf_buf_view(again), body) || again->len < body.len);
}

static void body_of(const cf_msg *m)
{
    CF_BUF(again);
    cf_hello hello;
    cf_hello_answer answer;
    cf_health health;
    cf_credentials_view credentials;
    cf_attest_ask ask;
    cf_view document;
    cf_err err;
    if (cf_is_ok(cf_hello_decode(m->body, &hello))) {
        fuzz_ok(cf_hello_encode(&hello, &again));
        same_or_less(m->body, &again);
    }
    cf_buf_clear(&again);
    if (cf_is_ok(cf_hello_answer_decode(m->body, &answer))) {
        fuzz_ok(cf_hello_answer_encode(&answer, &again));
        same_or_less(m->body, &again);
    }
    cf_buf_clear(&again);
    if (cf_is_ok(cf_health_decode(m->body, &health))) {
        fuzz_ok(cf_health_encode(&health, &again));
        same_or_less(m->body, &again);
    }
    cf_buf_clear(&again);
    if (cf_is_ok(cf_credentials_decode(m->body, &credentials))) {
        fuzz_ok(cf_credentials_encode(&credentials, &again));
        same_or_less(m->body, &again);
    }
    cf_buf_clear(&again);
    if (cf_is_ok(cf_attest_ask_decode(m->body, &ask))) {
        fuzz_ok(cf_attest_ask_encode(&ask, &again));
        same_or_less(m->body, &again);
    }
    cf_buf_clear(&again);
    if (cf_is_ok(cf_attest_doc_decode(m->body, &document))) {
        fuzz_ok(cf_attest_doc_encode(document, &again));
        same_or_less(m->body, &again);
    }
    if (cf_is_ok(cf_error_decode(m->body, &err))) {
        fuzz_check(err != CF_OK);
    }
    cf_ignore(cf_empty_decode(m->body));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cf_view in = cf_view_make(data, size);
    size_t used = 1;
    while (used > 0) {
        cf_msg m;
        cf_result r = cf_frame_decode(in, &used, &m);
        fuzz_check(cf_is_ok(r) || used == 0);
        if (used > 0) {
            CF_BUF(again);
            fuzz_ok(cf_frame_encode(m.kind, m.request, m.body, &again));
            fuzz_check(cf_view_eq(cf_buf_view(&again), cf_view_sub(in, 0, used)));
            body_of(&m);
        }
        in = cf_view_make(in.data + used, in.len - used);
    }
    return 0;
}
