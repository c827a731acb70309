/* SPDX-License-Identifier: Apache-2.0 */
/* ATTEST and its answer: docs/formats/wire.md section 2. */
#include "core/wire/wire_priv.h"

enum { KEY_DEADLINE = 1, KEY_NONCE = 2, KEY_DOCUMENT = 1 };

CF_MUST_USE cf_result cf_attest_ask_encode(const cf_attest_ask *m, cf_buf *out)
{
    CF_REQUIRE(m->deadline_ms >= 1 && m->deadline_ms <= CF_DEADLINE_MS_MAX, ARGUMENT);
    CF_REQUIRE(m->nonce.len <= CF_WIRE_NONCE_BYTES_MAX, SIZE);
    size_t before = out->len;
    bool nonce = m->nonce.len > 0;
    cf_writer w = cf_body_writer(out);
    cf_cbor_put_map(&w, 1 + (size_t)nonce);
    cf_put_uint(&w, KEY_DEADLINE, m->deadline_ms);
    if (nonce) {
        cf_put_bytes(&w, KEY_NONCE, m->nonce);
    }
    return cf_body_written(&w, before);
}

CF_MUST_USE cf_result cf_attest_ask_decode(cf_view body, cf_attest_ask *ret)
{
    *ret = (cf_attest_ask){0};
    cf_attest_ask m = {0};
    cf_body b = cf_body_of(body);
    while (cf_body_next(&b)) {
        switch (b.key) {
        case KEY_DEADLINE:
            m.deadline_ms = cf_body_uint(&b, 1, CF_DEADLINE_MS_MAX);
            break;
        case KEY_NONCE:
            m.nonce = cf_body_bytes(&b, 1, CF_WIRE_NONCE_BYTES_MAX);
            break;
        default:
            cf_body_unknown(&b);
            break;
        }
    }
    CF_TRY(cf_body_end(&b, UINT64_C(1) << KEY_DEADLINE));
    *ret = m;
    return cf_ok();
}

CF_MUST_USE cf_result cf_attest_doc_encode(cf_view document, cf_buf *out)
{
    CF_REQUIRE(document.len > 0, ARGUMENT);
    CF_REQUIRE(document.len <= CF_WIRE_DOCUMENT_BYTES_MAX, SIZE);
    size_t before = out->len;
    cf_writer w = cf_body_writer(out);
    cf_cbor_put_map(&w, 1);
    cf_put_bytes(&w, KEY_DOCUMENT, document);
    return cf_body_written(&w, before);
}

CF_MUST_USE cf_result cf_attest_doc_decode(cf_view body, cf_view *ret)
{
    *ret = CF_VIEW_EMPTY;
    cf_view document = CF_VIEW_EMPTY;
    cf_body b = cf_body_of(body);
    while (cf_body_next(&b)) {
        if (b.key == KEY_DOCUMENT) {
            document = cf_body_bytes(&b, 1, CF_WIRE_DOCUMENT_BYTES_MAX);
        } else {
            cf_body_unknown(&b);
        }
    }
    CF_TRY(cf_body_end(&b, UINT64_C(1) << KEY_DOCUMENT));
    *ret = document;
    return cf_ok();
}
