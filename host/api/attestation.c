/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/attestation: a fresh document of the enclave's identity key, for whoever wants to know whom he deals with. It is passed on as
 * it came: who asks is to verify it, and would not believe us that it holds. */
#include "core/codec/base64.h"
#include "host/api/call.h"

static CF_MUST_USE cf_result refuse(cf_api_call *c, cf_err code, const char *reason)
{
    cf_api_fault_add(&c->faults, CF_LIT("nonce"), 0, code, reason);
    return cf_fail(code);
}

/* The parameter's octets; none when it was not given. */
static CF_MUST_USE cf_result read_nonce(cf_api_call *c, cf_buf *ret)
{
    if (!cf_http_query_has(c->http, "nonce")) {
        return cf_ok();
    }
    cf_view text = cf_http_query(c->http, "nonce");
    if (text.len == 0) {
        return refuse(c, CF_ERR_EMPTY, NULL);
    }
    if (text.len > 2 * CF_WIRE_NONCE_BYTES_MAX) {
        return refuse(c, CF_ERR_SIZE, NULL);
    }
    cf_result r = cf_hex_decode(text, ret);
    if (r.code == CF_ERR_MALFORMED) {
        return refuse(c, CF_ERR_BAD_VALUE, "the nonce is not hexadecimal");
    }
    return r;
}

static CF_MUST_USE cf_result ask(cf_api_call *c, cf_view nonce, cf_buf *answer,
                                 cf_view *ret_document)
{
    CF_BUF(body);
    uint32_t left = 0;
    CF_TRY(cf_api_left_for_others(c, &left));
    CF_TRY(cf_attest_ask_encode(&(cf_attest_ask){left, nonce}, &body));
    CF_TRY(cf_api_ask_document(c, cf_buf_view(&body), answer));
    CF_REQUIRE(cf_is_ok(cf_attest_doc_decode(cf_buf_view(answer), ret_document)), INTERNAL);
    return cf_ok();
}

static CF_MUST_USE cf_result write_json(cf_api_call *c, cf_view document)
{
    CF_BUF(text);
    CF_TRY(cf_base64_encode(document, &text));
    cf_json_out o = cf_json_out_to(&c->out);
    cf_out_begin(&o, '{');
    cf_out_key(&o, "document");
    cf_out_str(&o, cf_buf_view(&text));
    cf_out_key(&o, "boot_id");
    cf_out_hex(&o, c->record.boot_id);
    cf_out_key(&o, "pcr0");
    cf_out_hex(&o, c->record.pcr0);
    cf_out_end(&o, '}');
    return cf_out_done(&o);
}

CF_MUST_USE cf_result cf_api_attestation(cf_api_call *c)
{
    CF_BUF(nonce);
    CF_BUF(answer);
    cf_view document = CF_VIEW_EMPTY;
    CF_TRY(read_nonce(c, &nonce));
    CF_TRY(ask(c, cf_buf_view(&nonce), &answer, &document));
    if (cf_view_eq(cf_http_header(c->http, "Accept"), CF_LIT("application/cbor"))) {
        c->content_type = "application/cbor";
        return cf_buf_append(&c->out, document);
    }
    return write_json(c, document);
}
