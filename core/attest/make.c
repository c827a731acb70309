/* SPDX-License-Identifier: Apache-2.0 */
#include "core/attest/attest_priv.h"

#define SIGN1_ITEMS 4

static void put_optional(cf_writer *w, const char *name, bool has, cf_view v)
{
    cf_cbor_put_text(w, cf_view_str(name));
    if (has) {
        cf_cbor_put_bytes(w, v);
    } else {
        cf_cbor_put_null(w);
    }
}

static void put_pcrs(cf_writer *w, const cf_attest_payload *p)
{
    size_t listed = 0;
    for (size_t i = 0; i < CF_PCR_COUNT; i++) {
        listed += p->pcrs[i].len > 0;
    }
    cf_cbor_put_text(w, CF_LIT("pcrs"));
    cf_cbor_put_map(w, listed);
    for (size_t i = 0; i < CF_PCR_COUNT; i++) {
        if (p->pcrs[i].len > 0) {
            cf_cbor_put_uint(w, i);
            cf_cbor_put_bytes(w, p->pcrs[i]);
        }
    }
}

/* The members in the order, and the outer map in the indefinite form, of today's real documents. */
static void put_payload(cf_writer *w, const cf_attest_payload *p)
{
    cf_cbor_put_map_open(w);
    cf_cbor_put_text(w, CF_LIT("module_id"));
    cf_cbor_put_text(w, p->module_id);
    cf_cbor_put_text(w, CF_LIT("digest"));
    cf_cbor_put_text(w, CF_LIT(CF_ATTEST_DIGEST));
    cf_cbor_put_text(w, CF_LIT("timestamp"));
    cf_cbor_put_uint(w, p->timestamp_ms);
    put_pcrs(w, p);
    cf_cbor_put_text(w, CF_LIT("certificate"));
    cf_cbor_put_bytes(w, p->certificate);
    cf_cbor_put_text(w, CF_LIT("cabundle"));
    cf_cbor_put_array(w, p->cabundle_n);
    for (size_t i = 0; i < p->cabundle_n; i++) {
        cf_cbor_put_bytes(w, p->cabundle[i]);
    }
    put_optional(w, "public_key", p->has_public_key, p->public_key);
    put_optional(w, "user_data", p->has_user_data, p->user_data);
    put_optional(w, "nonce", p->has_nonce, p->nonce);
    cf_cbor_put_break(w);
}

CF_MUST_USE cf_result cf_attest_make(const cf_attest_payload *payload, const cf_dh_key *leaf_key,
                                     cf_buf *out)
{
    CF_REQUIRE(cf_attest_payload_ok(payload), ARGUMENT);
    CF_BUF(body);
    cf_writer bw = cf_writer_to(&body, CF_ATTEST_BYTES_MAX);
    put_payload(&bw, payload);
    CF_TRY(cf_write_end(&bw));

    CF_BUF(tbs);
    CF_TRY(cf_attest_to_be_signed(cf_buf_view(&body), &tbs));
    uint8_t signature[CF_ES384_BYTES];
    CF_TRY(cf_es384_sign(leaf_key, cf_buf_view(&tbs), signature));

    CF_BUF(doc);
    cf_writer w = cf_writer_to(&doc, CF_ATTEST_BYTES_MAX);
    cf_cbor_put_array(&w, SIGN1_ITEMS);
    cf_cbor_put_bytes(&w, CF_LIT(CF_ATTEST_PROTECTED));
    cf_cbor_put_map(&w, 0);
    cf_cbor_put_bytes(&w, cf_buf_view(&body));
    cf_cbor_put_bytes(&w, CF_VIEW_OF(signature));
    CF_TRY(cf_write_end(&w));
    return cf_buf_append(out, cf_buf_view(&doc));
}
