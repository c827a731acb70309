/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/attest/doc.h"

#include "core/codec/cbor.h"

#define ZERO_48                                                                                    \
    "5830 000000000000000000000000000000000000000000000000"                                        \
    "000000000000000000000000000000000000000000000000"

const doc_member doc_plain[DOC_MEMBERS] = {
    {"module_id", "63 692d61"}, {"digest", "66 534841333834"}, {"timestamp", "1b 0000018d00000000"},
    {"pcrs", "a1 00" ZERO_48},  {"certificate", "42 3000"},    {"cabundle", "81 42 3000"},
    {"public_key", "f6"},       {"user_data", "f6"},           {"nonce", "f6"},
};

void doc_hex(const char *hex, cf_buf *out)
{
    cf_view v = view_hex(hex);
    assert_ok(cf_buf_append(out, v));
    view_free(v);
}

void doc_bytes(size_t len, cf_buf *out)
{
    CF_BUF(content);
    assert_ok(cf_buf_reserve(&content, len + 1));
    memset(content.data, 'x', len);
    cf_writer w = cf_writer_to(out, CF_BUF_BYTES_MAX);
    cf_cbor_put_bytes(&w, cf_view_make(content.data, len));
    assert_ok(cf_write_end(&w));
}

void doc_payload(const doc_member *members, size_t n, bool indefinite, cf_buf *out)
{
    cf_writer w = cf_writer_to(out, CF_BUF_BYTES_MAX);
    if (indefinite) {
        cf_cbor_put_map_open(&w);
    } else {
        cf_cbor_put_map(&w, n);
    }
    for (size_t i = 0; i < n; i++) {
        cf_cbor_put_text(&w, cf_view_str(members[i].name));
        assert_ok(cf_write_end(&w));
        doc_hex(members[i].value, out);
    }
    if (indefinite) {
        cf_cbor_put_break(&w);
    }
    assert_ok(cf_write_end(&w));
}

void doc_envelope(cf_view payload, cf_buf *out)
{
    doc_hex("84 44a1013822 a0", out);
    cf_writer w = cf_writer_to(out, CF_BUF_BYTES_MAX);
    cf_cbor_put_bytes(&w, payload);
    assert_ok(cf_write_end(&w));
    doc_bytes(CF_ES384_BYTES, out);
}
