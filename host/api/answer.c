/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that do not depend on the route: statuses, error bodies, headers. */
#include "core/codec/base64.h"
#include "core/crypto/primitives.h"
#include "host/api/call.h"

/* docs/api.md section 3. What is not listed is a fault of ours: 500. */
static const uint16_t statuses[CF_ERR_COUNT] = {
    [CF_ERR_TRUNCATED] = 400,
    [CF_ERR_TRAILING] = 400,
    [CF_ERR_MALFORMED] = 400,
    [CF_ERR_DUPLICATE] = 400,
    [CF_ERR_DEPTH] = 400,
    [CF_ERR_UTF8] = 400,
    [CF_ERR_RANGE] = 400,
    [CF_ERR_UNAUTHENTICATED] = 401,
    [CF_ERR_FORBIDDEN] = 403,
    [CF_ERR_NOT_FOUND] = 404,
    [CF_ERR_VAULT_UNKNOWN] = 404,
    [CF_ERR_ROUTE_UNKNOWN] = 404,
    [CF_ERR_METHOD] = 405,
    [CF_ERR_EXISTS] = 409,
    [CF_ERR_VERSION_MISMATCH] = 412,
    [CF_ERR_SIZE] = 413,
    [CF_ERR_MEDIA_TYPE] = 415,
    [CF_ERR_WRONG_TYPE] = 422,
    [CF_ERR_KMS_REFUSED] = 502,
    [CF_ERR_KMS_ANSWER] = 502,
    [CF_ERR_KEY] = 502,
    [CF_ERR_BUSY] = 503,
    [CF_ERR_NO_MEMORY] = 503,
    [CF_ERR_KMS_UNAVAILABLE] = 503,
    [CF_ERR_ENCLAVE_UNAVAILABLE] = 503,
    [CF_ERR_STORE_UNAVAILABLE] = 503,
    [CF_ERR_AUDIT_UNAVAILABLE] = 503,
    [CF_ERR_TIMEOUT] = 504,
};

unsigned cf_api_status_of(cf_err code)
{
    unsigned status = (unsigned)code < CF_ERR_COUNT ? statuses[code] : 0;
    return status != 0 ? status : 500;
}

static void put_faults(cf_json_out *o, const cf_api_faults *faults)
{
    cf_out_key(o, "fields");
    cf_out_begin(o, '[');
    for (size_t i = 0; i < faults->n; i++) {
        const cf_api_fault *f = &faults->all[i];
        cf_out_begin(o, '{');
        cf_out_key(o, "name");
        cf_out_str(o, f->name);
        if (f->name.len == 0) {
            cf_out_key(o, "index");
            cf_out_u64(o, f->index);
        }
        cf_out_key(o, "code");
        cf_out_text(o, cf_err_code(f->code));
        cf_out_key(o, "reason");
        cf_out_text(o, f->reason);
        cf_out_end(o, '}');
    }
    cf_out_end(o, ']');
}

CF_MUST_USE cf_result cf_api_error_body(unsigned status, cf_err code, const cf_api_faults *faults,
                                        const char *request_id, cf_buf *out)
{
    cf_json_out o = cf_json_out_to(out);
    cf_out_begin(&o, '{');
    cf_out_key(&o, "statusCode");
    cf_out_u64(&o, status);
    cf_out_key(&o, "message");
    cf_out_text(&o, cf_err_text(code));
    cf_out_key(&o, "code");
    cf_out_text(&o, cf_err_code(code));
    if (faults != NULL && faults->n > 0) {
        put_faults(&o, faults);
    }
    cf_out_key(&o, "request_id");
    cf_out_text(&o, request_id);
    cf_out_end(&o, '}');
    return cf_out_done(&o);
}

static bool is_request_id(cf_view v)
{
    bool ok = v.len > 0 && v.len <= CF_API_REQUEST_ID_BYTES_MAX;
    for (size_t i = 0; ok && i < v.len; i++) {
        uint8_t c = v.data[i];
        ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '.' || c == '_' || c == '-';
    }
    return ok;
}

void cf_api_request_id(cf_http_call *http, char ret[static CF_API_REQUEST_ID_BYTES_MAX + 1])
{
    cf_view given = cf_http_header(http, "X-Request-Id");
    if (is_request_id(given)) {
        cf_copy(ret, given.data, given.len);
        ret[given.len] = '\0';
        return;
    }
    static const char digits[] = "0123456789abcdef";
    uint8_t octets[16] = {0};
    /* Without randomness nothing else of the request will work; its id is then all zeros. */
    cf_ignore(cf_random(octets, sizeof octets));
    for (size_t i = 0; i < sizeof octets; i++) {
        ret[2 * i] = digits[octets[i] >> 4];
        ret[2 * i + 1] = digits[octets[i] & 15];
    }
    ret[2 * sizeof octets] = '\0';
}

void cf_api_set_headers(cf_http_call *http, const char *request_id)
{
    static const struct {
        const char *name, *value;
    } fixed[] = {
        {"Cache-Control", "no-cache, no-store, must-revalidate"},
        {"Pragma", "no-cache"},
        {"Expires", "0"},
        {"X-Content-Type-Options", "nosniff"},
    };
    /* A header fails for lack of memory only, and then the answer will too. */
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        cf_ignore(cf_http_set(http, fixed[i].name, cf_view_str(fixed[i].value)));
    }
    cf_ignore(cf_http_set(http, "X-Request-Id", cf_view_str(request_id)));
}
