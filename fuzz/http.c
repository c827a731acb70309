/* SPDX-License-Identifier: Apache-2.0 */
/* cf_http1_*: a response fed whole, octet by octet and in two parts gives one verdict and one content; a body that we cut into
 * chunks comes back; a request that is written has as many lines as it should. */
#include "core/http/http.h"

#include "fuzz/check.h"

typedef struct {
    cf_err err;
    bool complete;
} verdict;

static verdict feed(cf_http1_response *r, cf_view in)
{
    verdict v;
    v.err = cf_http1_read(r, in, &v.complete).code;
    fuzz_check(v.err == CF_OK || !v.complete);
    fuzz_check(v.err != CF_ERR_NO_MEMORY && v.err != CF_ERR_ARGUMENT && v.err != CF_ERR_STATE);
    return v;
}

static bool final(verdict v)
{
    return v.complete || v.err != CF_OK;
}

static void same(const cf_http1_response *a, verdict va, const cf_http1_response *b, verdict vb)
{
    fuzz_check(va.err == vb.err && va.complete == vb.complete);
    if (!va.complete) {
        return;
    }
    fuzz_check(a->status == b->status && a->keep_alive == b->keep_alive && a->used == b->used);
    fuzz_check(a->field_count == b->field_count && cf_view_eq(a->body, b->body));
    static const char *const names[] = {"content-length", "transfer-encoding", "connection", "a"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        cf_view x, y;
        cf_err ex = cf_http1_field_get(a, cf_view_str(names[i]), &x).code;
        cf_err ey = cf_http1_field_get(b, cf_view_str(names[i]), &y).code;
        fuzz_check(ex == ey && cf_view_eq(x, y));
    }
}

static void as_response(cf_view in, size_t body_max, size_t cut)
{
    CF_HTTP1_RESPONSE(whole, body_max);
    CF_HTTP1_RESPONSE(bytewise, body_max);
    CF_HTTP1_RESPONSE(halves, body_max);
    verdict w = feed(&whole, in);
    fuzz_check(!w.complete || (whole.used <= in.len && whole.body.len <= body_max));
    fuzz_check(final(w) || in.len <= CF_HTTP1_RESPONSE_BYTES_MAX(body_max));
    verdict v = {.err = CF_OK};
    for (size_t len = 0; len <= in.len && !final(v); len++) {
        v = feed(&bytewise, cf_view_sub(in, 0, len));
    }
    same(&whole, w, &bytewise, v);
    v = feed(&halves, cf_view_sub(in, 0, cut < in.len ? cut : in.len));
    v = final(v) ? v : feed(&halves, in);
    same(&whole, w, &halves, v);
}

/* The input is the body; its octets also say how long each chunk is. */
static void as_chunks(cf_view body)
{
    static const char hex[] = "0123456789abcdef";
    CF_BUF(in);
    fuzz_ok(cf_buf_set(&in, CF_LIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")));
    size_t at = 0, chunks = 0;
    while (at < body.len) {
        size_t left = body.len - at,
               want = chunks + 1 < CF_HTTP1_CHUNKS_MAX ? (size_t)1 + body.data[at] % 40 : left;
        size_t len = want < left ? want : left;
        for (int shift = 16; shift >= 0; shift -= 4) {
            fuzz_ok(cf_buf_append(&in, cf_view_make(&hex[len >> shift & 15], 1)));
        }
        fuzz_ok(cf_buf_append(&in, CF_LIT("\r\n")));
        fuzz_ok(cf_buf_append(&in, cf_view_sub(body, at, len)));
        fuzz_ok(cf_buf_append(&in, CF_LIT("\r\n")));
        at += len;
        chunks++;
    }
    fuzz_ok(cf_buf_append(&in, CF_LIT("0\r\n\r\n")));
    CF_HTTP1_RESPONSE(r, body.len);
    verdict v = feed(&r, cf_buf_view(&in));
    fuzz_check(v.complete && r.used == in.len && cf_view_eq(r.body, body));
}

static void as_request(cf_view in)
{
    size_t third = in.len / 3;
    cf_http1_field fields[] = {{cf_view_sub(in, 0, third), cf_view_sub(in, third, third)},
                               {CF_LIT("B"), cf_view_sub(in, third, third)}};
    cf_http1_request req = {.method = CF_LIT("POST"),
                            .path = cf_view_sub(in, 2 * third, in.len - 2 * third),
                            .host = CF_LIT("host"),
                            .fields = fields,
                            .field_count = 2};
    CF_BUF(out);
    cf_result r = cf_http1_put_request(&req, &out);
    fuzz_check(cf_is_ok(r) || (r.code == CF_ERR_ARGUMENT && out.len == 0));
    size_t cr = 0, lf = 0;
    for (size_t i = 0; i < out.len; i++) {
        cr += out.data[i] == '\r';
        lf += out.data[i] == '\n';
    }
    fuzz_check(!cf_is_ok(r) || (cr == 6 && lf == 6));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > (1 << 16)) {
        return 0;
    }
    cf_view rest = cf_view_make(data + 2, size - 2);
    as_response(rest, data[0], data[1]);
    as_chunks(rest);
    as_request(rest);
    return 0;
}
