/* SPDX-License-Identifier: Apache-2.0 */
#include "host/agent/answer.h"

#include "core/base/number.h"
#include "core/codec/base64.h"
#include "core/codec/json.h"
#include "core/crypto/primitives.h"
#include "host/agent/json.h"
#include "sys/linux/log.h"

#define ANSWER_ERROR_BYTES_MAX ((size_t)1024)

static const uint16_t statuses[CF_ERR_COUNT] = {
    [CF_ERR_TRUNCATED] = 400,
    [CF_ERR_TRAILING] = 400,
    [CF_ERR_MALFORMED] = 400,
    [CF_ERR_DUPLICATE] = 400,
    [CF_ERR_DEPTH] = 400,
    [CF_ERR_RANGE] = 400,
    [CF_ERR_UTF8] = 400,
    [CF_ERR_UNSUPPORTED] = 400,
    [CF_ERR_ARGUMENT] = 400,
    [CF_ERR_BAD_NAME] = 400,
    [CF_ERR_RESERVED_FIELD] = 400,
    [CF_ERR_BAD_VALUE] = 400,
    [CF_ERR_WRONG_TYPE] = 400,
    [CF_ERR_MISSING] = 400,
    [CF_ERR_UNKNOWN_MEMBER] = 400,
    [CF_ERR_EMPTY] = 400,
    [CF_ERR_ROUTE_UNKNOWN] = 404,
    [CF_ERR_METHOD] = 405,
    [CF_ERR_SIZE] = 413,
    [CF_ERR_MEDIA_TYPE] = 415,
    [CF_ERR_KMS_REFUSED] = 502,
    [CF_ERR_KMS_ANSWER] = 502,
    [CF_ERR_KEY] = 502,
    [CF_ERR_BUSY] = 503,
    [CF_ERR_STATE] = 503,
    [CF_ERR_NO_MEMORY] = 503,
    [CF_ERR_KMS_UNAVAILABLE] = 503,
    [CF_ERR_ENCLAVE_UNAVAILABLE] = 503,
    [CF_ERR_TIMEOUT] = 504,
};

unsigned cf_agent_status_of(cf_err code)
{
    unsigned status = (unsigned)code < CF_ERR_COUNT ? statuses[code] : 0;
    return status != 0 ? status : 500;
}

void cf_job_free(cf_job **j)
{
    if (*j != NULL) {
        cf_buf_free(&(*j)->own);
        cf_mem_free(*j);
        *j = NULL;
    }
}

static bool is_request_id(cf_view v)
{
    bool ok = v.len > 0 && v.len <= CF_AGENT_REQUEST_ID_BYTES_MAX;
    for (size_t i = 0; ok && i < v.len; i++) {
        uint8_t c = v.data[i];
        ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '.' || c == '_' || c == '-';
    }
    return ok;
}

/* The caller's, or one made here: only answers that failed carry one, so that good ones do not pay for it. */
static cf_result put_request_id(cf_http_call *call, cf_buf *out)
{
    cf_view given = cf_http_header(call, "X-Request-Id");
    if (is_request_id(given)) {
        return cf_buf_append(out, given);
    }
    uint8_t octets[16];
    CF_TRY(cf_random(octets, sizeof octets));
    return cf_hex_encode(CF_VIEW_OF(octets), out);
}

static cf_result put_refusal(unsigned status, cf_err code, cf_view request_id, cf_buf *out)
{
    CF_TRY(cf_buf_append(out, CF_LIT("{\"code\":")));
    CF_TRY(cf_put_u64_dec(out, status));
    CF_TRY(cf_buf_append(out, CF_LIT(",\"message\":")));
    CF_TRY(cf_json_put_string(out, cf_view_str(cf_err_text(code))));
    CF_TRY(cf_buf_append(out, CF_LIT(",\"error\":")));
    CF_TRY(cf_json_put_string(out, cf_view_str(cf_err_code(code))));
    CF_TRY(cf_buf_append(out, CF_LIT(",\"request_id\":")));
    CF_TRY(cf_json_put_string(out, request_id));
    return cf_buf_append(out, CF_LIT("}"));
}

void cf_agent_refuse(cf_http_call *call, bool json, unsigned status, cf_err code)
{
    CF_BUF(request_id);
    CF_BUF(body);
    /* What cannot be written for lack of memory leaves an answer with a status alone. */
    cf_ignore(put_request_id(call, &request_id));
    cf_ignore(json ? put_refusal(status, code, cf_buf_view(&request_id), &body)
                   : cf_error_encode(code, &body));
    cf_ignore(cf_http_set(call, "X-Request-Id", cf_buf_view(&request_id)));
    if (status >= 500) {
        cf_log(CF_LOG_WARN, "request.failed", "request=%.*s status=%u code=%s", (int)request_id.len,
               (const char *)request_id.data, status, cf_err_code(code));
    }
    cf_http_answer(call, status, json ? "application/json" : "application/cbor", &body);
}

/* The body of a message 130 or 134 in the form that was asked for. */
static cf_result put_answer(const cf_job *j, const cf_msg *answer, cf_buf *out)
{
    /* An answer to another question is none. */
    CF_REQUIRE(answer->kind == CF_MSG_ANSWER + (uint32_t)j->kind, INTERNAL);
    return j->json ? cf_agent_json_answer(answer->body, out) : cf_buf_append(out, answer->body);
}

static void done(const cf_job *j, const cf_enclave_id *id, const cf_msg *answer)
{
    cf_err code = j->code;
    CF_BUF(body);
    if (answer != NULL) {
        /* They fail for want of memory only, and then the answer fails too. */
        cf_ignore(cf_http_set(j->call, "Coffer-Boot-Id", cf_view_str(id->boot_id)));
        cf_ignore(cf_http_set(j->call, "Coffer-Pcr0", cf_view_str(id->pcr0)));
        cf_result r = answer->kind == CF_MSG_ERROR ? cf_error_decode(answer->body, &code)
                                                   : put_answer(j, answer, &body);
        code = cf_is_ok(r) ? code : CF_ERR_INTERNAL;
    }
    if (code != CF_OK) {
        cf_agent_refuse(j->call, j->json, cf_agent_status_of(code), code);
        return;
    }
    cf_http_answer(j->call, 200, j->json ? "application/json" : "application/cbor", &body);
}

void cf_agent_done(cf_job *j, const cf_enclave_id *id, const cf_msg *answer)
{
    done(j, id, answer);
    cf_job_free(&j);
}
