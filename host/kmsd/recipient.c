/* SPDX-License-Identifier: Apache-2.0 */
#include "core/codec/base64.h"
#include "core/kms/cms.h"
#include "host/kmsd/call.h"
#include "host/kmsd/kmsd_priv.h"

/* Registers as policies compare them. */
static cf_result fill_registers(cf_kmsd_recipient *r)
{
    for (size_t i = 0; i < CF_PCR_COUNT; i++) {
        CF_BUF(hex);
        CF_TRY(cf_hex_encode(r->payload.pcrs[i], &hex));
        CF_REQUIRE(hex.len < sizeof r->pcr_hex[i], INTERNAL);
        cf_copy(r->pcr_hex[i], hex.data, hex.len);
        r->pcr_hex[i][hex.len] = '\0';
    }
    return cf_ok();
}

static cf_result verify(cf_kmsd_call *c)
{
    cf_kmsd_recipient *r = &c->recipient;
    cf_attest_policy policy = {.root = cf_buf_view(&c->service->attestation_root),
                               .now_ms = c->now_ms,
                               .age_max_ms = CF_KMSD_DOC_AGE_MS_MAX};
    cf_attest_stage stage = CF_ATTEST_SYNTAX;
    cf_result held = cf_attest_verify(cf_buf_view(&r->doc), &policy, &stage, &r->payload);
    c->attested_stage = cf_attest_stage_name(stage);
    if (held.code == CF_ERR_ATTESTATION && stage == CF_ATTEST_SYNTAX) {
        return cf_kmsd_refuse(c, CF_KX_VALIDATION, "The attestation document is not well-formed.");
    }
    if (held.code == CF_ERR_ATTESTATION || held.code == CF_ERR_STALE) {
        return cf_kmsd_refuse(c, CF_KX_ACCESS_DENIED, "The attestation document is refused: %s.",
                              cf_attest_stage_name(stage));
    }
    return held;
}

CF_MUST_USE cf_result cf_kmsd_read_recipient(cf_kmsd_call *c)
{
    cf_kmsd_recipient *r = &c->recipient;
    if (!cf_in_has(c->in, "Recipient")) {
        return cf_ok();
    }
    const json_t *in = json_object_get(c->in, "Recipient");
    if (!cf_in_has(in, "KeyEncryptionAlgorithm") || !cf_in_has(in, "AttestationDocument")) {
        return cf_kmsd_refuse(c, CF_KX_VALIDATION,
                              "Recipient needs KeyEncryptionAlgorithm and AttestationDocument.");
    }
    CF_TRY(cf_in_blob(in, "AttestationDocument", &r->doc));
    CF_TRY(verify(c));
    if (!r->payload.has_public_key || r->payload.public_key.len == 0) {
        return cf_kmsd_refuse(c, CF_KX_VALIDATION, "The attestation document has no public key.");
    }
    CF_TRY(fill_registers(r));
    r->given = true;
    return cf_ok();
}

/* Which of its two forms the service chooses is not known, so callers get to see both. */
static cf_result seal_to_recipient(cf_kmsd_call *c, cf_view octets, cf_buf *out)
{
    uint8_t coin;
    CF_TRY(cf_random(&coin, 1));
    cf_cms_form form = (coin & 1) == 0 ? CF_CMS_FORM_A : CF_CMS_FORM_B;
    cf_result r = cf_cms_make(c->recipient.payload.public_key, octets, form, out);
    if (r.code == CF_ERR_KEY) {
        return cf_kmsd_refuse(c, CF_KX_VALIDATION,
                              "The attestation document's public key is not an RSA-2048 key.");
    }
    return r;
}

CF_MUST_USE cf_result cf_kmsd_put_secret(cf_kmsd_call *c, const char *plain, cf_view octets)
{
    if (!c->recipient.given) {
        cf_kms_body_name(&c->out, plain);
        cf_kms_body_base64(&c->out, octets);
        return cf_ok();
    }
    CF_BUF(cms);
    CF_TRY(seal_to_recipient(c, octets, &cms));
    cf_kms_body_name(&c->out, "CiphertextForRecipient");
    cf_kms_body_base64(&c->out, cf_buf_view(&cms));
    return cf_ok();
}
