/* SPDX-License-Identifier: Apache-2.0 */
#include "core/attest/attest_priv.h"

#define TAG_COSE_SIGN1 18          /* RFC 9052 section 2; real documents come without it */
#define SIGN1_ITEMS 4              /* protected, unprotected, payload, signature */
#define SIG_STRUCTURE_BYTES_MAX 64 /* all of Sig_structure but the payload */

CF_MUST_USE cf_result cf_attest_envelope_parse(cf_view doc, cf_attest_envelope *ret)
{
    *ret = (cf_attest_envelope){.payload = CF_VIEW_EMPTY};
    CF_REQUIRE(doc.len <= CF_ATTEST_BYTES_MAX, SIZE);
    cf_cbor c = cf_cbor_lenient(doc);
    if (cf_cbor_peek(&c) == CF_CBOR_TAG && cf_cbor_tag(&c) != TAG_COSE_SIGN1) {
        cf_reader_fail(&c.in, CF_ERR_MALFORMED);
    }
    cf_attest_envelope e = {.payload = CF_VIEW_EMPTY};
    cf_cbor_array(&c);
    e.protected_header = cf_cbor_bytes(&c);
    cf_view unprotected = cf_cbor_raw(&c);
    e.payload = cf_cbor_bytes(&c);
    e.signature = cf_cbor_bytes(&c);
    cf_cbor_leave(&c);
    CF_TRY(cf_cbor_end(&c));
    /* Only these octets are ever sent. Any other header would be a statement that nobody here
     * understands, and of the unprotected ones not even a signed statement. */
    CF_REQUIRE(cf_view_eq(e.protected_header, CF_LIT(CF_ATTEST_PROTECTED)), MALFORMED);
    CF_REQUIRE(cf_view_eq(unprotected, CF_LIT("\xa0")), MALFORMED);
    CF_REQUIRE(e.signature.len == CF_ES384_BYTES, MALFORMED);
    *ret = e;
    return cf_ok();
}

CF_MUST_USE cf_result cf_attest_to_be_signed(cf_view payload, cf_buf *out)
{
    CF_REQUIRE(payload.len <= CF_ATTEST_BYTES_MAX, SIZE);
    cf_writer w = cf_writer_to(out, out->len + payload.len + SIG_STRUCTURE_BYTES_MAX);
    cf_cbor_put_array(&w, SIGN1_ITEMS);
    cf_cbor_put_text(&w, CF_LIT("Signature1"));
    cf_cbor_put_bytes(&w, CF_LIT(CF_ATTEST_PROTECTED));
    cf_cbor_put_bytes(&w, CF_VIEW_EMPTY); /* external_aad */
    cf_cbor_put_bytes(&w, payload);
    return cf_write_end(&w);
}

CF_MUST_USE cf_result cf_attest_parse(cf_view doc, cf_attest_envelope *ret_env,
                                      cf_attest_payload *ret)
{
    *ret = (cf_attest_payload){.timestamp_ms = 0};
    CF_TRY(cf_attest_envelope_parse(doc, ret_env));
    cf_result r = cf_attest_payload_parse(ret_env->payload, ret);
    if (!cf_is_ok(r)) {
        *ret_env = (cf_attest_envelope){.payload = CF_VIEW_EMPTY};
    }
    return r;
}
