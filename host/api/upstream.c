/* SPDX-License-Identifier: Apache-2.0 */
/* What the service asks of others: the enclave through the agent (docs/formats/wire.md section 4), and KMS for key pairs. */
#include <inttypes.h>
#include <stdio.h>

#include "core/codec/base64.h"
#include "core/kms/kms.h"
#include "core/vault/secret.h"
#include "host/api/call.h"
#include "sys/kms/tell.h"
#include "sys/linux/clock.h"
#include "sys/linux/log.h"

#define PAIR "GenerateDataKeyPairWithoutPlaintext"

void cf_api_clients_free(cf_api_clients *c)
{
    cf_http_client_free(&c->agent);
}

/* An error of the transport: also of an agent that is not there, or went away, or speaks no HTTP. */
static cf_err transport_error(cf_err code)
{
    return code == CF_ERR_TIMEOUT || code == CF_ERR_NO_MEMORY ? code : CF_ERR_ENCLAVE_UNAVAILABLE;
}

/* Codes that an agent or enclave may pass on to our caller; every other means that our request was wrong. */
static cf_err enclave_error(cf_err code)
{
    switch ((int)code) {
    case CF_ERR_KMS_REFUSED:
    case CF_ERR_KMS_UNAVAILABLE:
    case CF_ERR_KMS_ANSWER:
    case CF_ERR_KEY:
    case CF_ERR_BUSY:
    case CF_ERR_TIMEOUT:
    case CF_ERR_NO_MEMORY:
    case CF_ERR_ENCLAVE_UNAVAILABLE:
        return code;
    case CF_ERR_STATE: /* it drains, or is not ready yet */
    case CF_ERR_CLOSED:
        return CF_ERR_ENCLAVE_UNAVAILABLE;
    default:
        return CF_ERR_INTERNAL;
    }
}

/* An identifier in hex from a header of the agent's answer; anything else there is left out. */
static CF_MUST_USE cf_result note_hex(cf_api_call *c, const char *header, size_t octets,
                                      cf_view *ret)
{
    CF_BUF(raw);
    cf_view text = cf_http_client_header(c->clients->agent, header);
    if (text.len != 2 * octets || !cf_is_ok(cf_hex_decode(text, &raw))) {
        return cf_ok();
    }
    return cf_arena_copy(&c->arena, cf_buf_view(&raw), ret);
}

static CF_MUST_USE cf_result ask_once(cf_api_call *c, const char *path, cf_view body,
                                      unsigned *ret_status, cf_buf *ret_answer)
{
    uint32_t left = 0, theirs = 0;
    CF_TRY(cf_api_left(c, &left));
    CF_TRY(cf_api_left_for_others(c, &theirs));
    cf_http_client **agent = &c->clients->agent;
    if (*agent == NULL) {
        CF_TRY(cf_http_client_new(c->api->agent, agent));
    }
    char deadline[40];
    (void)snprintf(deadline, sizeof deadline, "Coffer-Deadline-Ms: %" PRIu32, theirs);
    const char *const headers[] = {"Content-Type: application/cbor", deadline, NULL};
    cf_http_request req = {
        .method = "POST",
        .path = path,
        .headers = headers,
        .body = body,
        .timeout_ms = left,
        .answer_bytes_max = CF_API_AGENT_ANSWER_BYTES_MAX,
    };
    cf_result r = cf_http_client_call(*agent, &req, ret_status, ret_answer);
    if (!cf_is_ok(r)) {
        cf_log(CF_LOG_WARN, "agent.failed", "request=%s code=%s", c->request_id,
               cf_err_code(r.code));
        return cf_fail(transport_error(r.code));
    }
    return r;
}

/* An agent that ends refuses what still comes on its connections, untouched, and says that it closes them. By then another may
 * have taken its place at the address: it is asked instead. */
static bool agent_ends(const cf_api_call *c, unsigned status)
{
    return status == 503 &&
           cf_view_eq(cf_http_client_header(c->clients->agent, "Connection"), CF_LIT("close"));
}

static CF_MUST_USE cf_result ask(cf_api_call *c, const char *path, cf_view body,
                                 unsigned *ret_status, cf_buf *ret_answer)
{
    CF_TRY(ask_once(c, path, body, ret_status, ret_answer));
    if (agent_ends(c, *ret_status)) {
        cf_buf_clear(ret_answer);
        CF_TRY(ask_once(c, path, body, ret_status, ret_answer));
    }
    CF_TRY(note_hex(c, "Coffer-Boot-Id", CF_BOOT_ID_BYTES, &c->record.boot_id));
    return note_hex(c, "Coffer-Pcr0", CF_PCR_BYTES, &c->record.pcr0);
}

static CF_MUST_USE cf_result ask_enclave(cf_api_call *c, const char *path, cf_view body,
                                         cf_buf *ret_answer)
{
    unsigned status = 0;
    CF_TRY(ask(c, path, body, &status, ret_answer));
    if (status == 200) {
        return cf_ok();
    }
    cf_err code = CF_ERR_INTERNAL;
    if (!cf_is_ok(cf_error_decode(cf_buf_view(ret_answer), &code))) {
        /* Not the agent's own words; something in between that only has a status. */
        code = status == 503   ? CF_ERR_ENCLAVE_UNAVAILABLE
               : status == 504 ? CF_ERR_TIMEOUT
                               : CF_ERR_INTERNAL;
    }
    cf_log(CF_LOG_WARN, "enclave.refused", "request=%s status=%u code=%s", c->request_id, status,
           cf_err_code(code));
    return cf_fail(enclave_error(code));
}

CF_MUST_USE cf_result cf_api_ask_enclave(cf_api_call *c, cf_view body, cf_buf *ret_answer)
{
    return ask_enclave(c, "/decrypt", body, ret_answer);
}

CF_MUST_USE cf_result cf_api_ask_document(cf_api_call *c, cf_view body, cf_buf *ret_answer)
{
    return ask_enclave(c, "/attest", body, ret_answer);
}

/* A pair that is made twice, since an answer was lost, does no harm: nobody has the first one. */
static CF_MUST_USE cf_result ask_kms(cf_api_call *c, cf_view body, cf_buf *ret_answer)
{
    uint32_t left = 0;
    cf_kms_outcome outcome;
    CF_TRY(cf_api_left_for_others(c, &left));
    uint64_t deadline_ms =
        cf_clock_mono_ms() + (left < CF_API_KMS_TIMEOUT_MS ? left : CF_API_KMS_TIMEOUT_MS);
    cf_result r = cf_kms_pool_call(c->api->kms, CF_LIT(CF_KMS_TARGET_PREFIX PAIR), body,
                                   deadline_ms, ret_answer, &outcome);
    if (!cf_is_ok(r)) {
        cf_kms_tell(c->request_id, PAIR, r, &outcome);
    }
    return r;
}

static CF_MUST_USE cf_result make_pair(cf_api_call *c, cf_curve curve,
                                       const cf_kms_context *context, cf_buf *ret_spki,
                                       cf_buf *ret_wrapped)
{
    CF_BUF(body);
    CF_BUF(answer);
    CF_TRY(cf_kms_pair_encode(c->api->kms_key, curve, context, &body));
    CF_TRY(ask_kms(c, cf_buf_view(&body), &answer));
    return cf_kms_pair_answer(cf_buf_view(&answer), ret_spki, ret_wrapped);
}

CF_MUST_USE cf_result cf_api_make_pair(cf_api_call *c, cf_curve curve, cf_view vault_id,
                                       cf_buf *ret_spki, cf_buf *ret_wrapped)
{
    const cf_kms_context context = {.tenant = c->api->tenant, .vault_id = vault_id};
    return make_pair(c, curve, &context, ret_spki, ret_wrapped);
}

CF_MUST_USE cf_result cf_api_make_secret(cf_api_call *c, cf_view name, cf_buf *ret_wrapped)
{
    CF_BUF(spki); /* nobody needs it */
    const cf_kms_context context = {.secret = name};
    CF_TRY(make_pair(c, CF_NAMED_SECRET_CURVE, &context, &spki, ret_wrapped));
    CF_REQUIRE(ret_wrapped->len <= CF_KMS_BLOB_BYTES_MAX, KMS_ANSWER);
    return cf_ok();
}
