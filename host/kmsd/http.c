/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP around the service: which requests are its own, who sent them, and the form of its answers. */
#include "core/kms/kms.h"
#include "host/kmsd/turns.h"
#include "sys/linux/clock.h"
#include "sys/linux/log.h"

/* "application/x-amz-json-1.1", perhaps with parameters behind a ';'. */
static bool is_amz_json(cf_view type)
{
    cf_view want = CF_LIT(CF_KMS_CONTENT_TYPE);
    return cf_policy_eq_fold(cf_view_sub(type, 0, want.len), want) &&
           (type.len == want.len || type.data[want.len] == ';' || type.data[want.len] == ' ');
}

static void answer_http(cf_http_call *call, const char *request_id, cf_kmsd_answer *a)
{
    cf_ignore(cf_http_set(call, "x-amzn-RequestId", cf_view_str(request_id)));
    if (*a->exception != '\0') {
        cf_ignore(cf_http_set(call, "x-amzn-ErrorType", cf_view_str(a->exception)));
    }
    cf_http_answer(call, a->status, CF_KMS_CONTENT_TYPE, &a->body);
}

/* A request id for the answer; without randomness one that says so. */
static void make_request_id(cf_uuid *ret)
{
    if (!cf_is_ok(cf_uuid_make(ret))) {
        static const uint8_t zero[CF_UUID_BYTES];
        cf_uuid_from_bytes(zero, ret);
    }
}

static void answer_exception(cf_http_call *call, unsigned status, cf_kx x, cf_view message)
{
    cf_uuid id;
    make_request_id(&id);
    cf_kmsd_answer a = {.status = status, .exception = cf_kx_name(x)};
    cf_kmsd_put_exception(x, message, &a.body);
    cf_log(CF_LOG_INFO, "request.done", "request=%s op=- key=- status=%u outcome=%s ms=0", id.text,
           status, a.exception);
    answer_http(call, id.text, &a);
    cf_buf_free(&a.body);
}

static bool is_request(cf_http_call *call)
{
    return cf_view_eq(cf_http_method(call), CF_LIT("POST")) &&
           cf_view_eq(cf_http_path(call), CF_LIT("/")) &&
           is_amz_json(cf_http_header(call, "Content-Type"));
}

static void answer_unknown(cf_http_call *call)
{
    answer_exception(call, cf_kx_status(CF_KX_UNKNOWN_OPERATION), CF_KX_UNKNOWN_OPERATION,
                     CF_VIEW_EMPTY);
}

static cf_kmsd_request request_of(cf_http_call *call, const cf_kmsd_caller *caller,
                                  const cf_uuid *id, uint64_t began_ms)
{
    return (cf_kmsd_request){.caller = caller,
                             .target = cf_http_header(call, "X-Amz-Target"),
                             .body = cf_http_body(call),
                             .id = id->text,
                             .began_ms = began_ms};
}

static void serve(cf_kmsd *d, const cf_kmsd_caller *caller, cf_http_call *call)
{
    cf_uuid id;
    cf_kmsd_answer a;
    make_request_id(&id);
    const cf_kmsd_request q = request_of(call, caller, &id, cf_clock_mono_ms());
    cf_turn *turn = cf_kmsd_try(d, &q, &a);
    if (turn != NULL) {
        turn->request = id;
        turn->began_ms = q.began_ms;
        turn->work = call;
        cf_http_defer(call);
        cf_turns_put(turn);
        return;
    }
    answer_http(call, id.text, &a);
    cf_buf_free(&a.body);
}

void cf_kmsd_run_turn(void *service, cf_turn *turn, bool stopped)
{
    cf_http_call *call = turn->work;
    cf_kmsd_answer a;
    if (stopped) {
        answer_exception(call, cf_kx_status(CF_KX_UNAVAILABLE), CF_KX_UNAVAILABLE,
                         CF_LIT("The service stops."));
        return;
    }
    const cf_kmsd_request q = request_of(call, &turn->who.caller, &turn->request, turn->began_ms);
    cf_kmsd_answer_request(service, &q, &a);
    answer_http(call, turn->request.text, &a);
    cf_buf_free(&a.body);
}

void cf_kmsd_handle(void *ctx, cf_http_call *call)
{
    if (!is_request(call)) {
        answer_unknown(call);
        return;
    }
    cf_kmsd_caller caller = cf_kmsd_local_caller(ctx);
    serve(ctx, &caller, call);
}

void cf_kmsd_handle_signed(void *ctx, cf_http_call *call)
{
    cf_kmsd_identity who;
    CF_AUTO(cf_kmsd_denial_free) cf_kmsd_denial denial = {.exception = CF_KX_NONE};
    if (!is_request(call)) {
        answer_unknown(call);
        return;
    }
    cf_result r = cf_kmsd_authenticate_http(ctx, call, cf_clock_wall_ms(), &who, &denial);
    if (cf_is_ok(r)) {
        serve(ctx, &who.caller, call);
    } else if (r.code == CF_ERR_UNAUTHENTICATED) {
        answer_exception(call, cf_kx_status(denial.exception), denial.exception,
                         cf_buf_view(&denial.message));
    } else {
        cf_log(CF_LOG_ERROR, "request.failed", "request=- code=%s", cf_err_code(r.code));
        answer_exception(call, cf_kx_status(CF_KX_INTERNAL), CF_KX_INTERNAL, CF_VIEW_EMPTY);
    }
}

void cf_kmsd_refuse_http(void *ctx, cf_http_call *call, unsigned status, cf_err code)
{
    (void)ctx;
    cf_kx x = code == CF_ERR_SIZE        ? CF_KX_TOO_LARGE
              : code == CF_ERR_BUSY      ? CF_KX_UNAVAILABLE
              : code == CF_ERR_MALFORMED ? CF_KX_SERIALIZATION
                                         : CF_KX_INTERNAL;
    answer_exception(call, status, x, CF_LIT("The request is refused before it is read."));
}
