/* SPDX-License-Identifier: Apache-2.0 */
#include "core/kms/kms.h"
#include "sys/kms/link_priv.h"
#include "sys/linux/clock.h"

#define OK_STATUS 200

/* What is known of a call between its tries. */
typedef struct {
    cf_kms_link *link;
    cf_view target, body;
    uint64_t deadline_ms, generation; /* generation: of the credentials of the last try */
    bool clock_set,
        others_only; /* others_only: not again with the credentials of that generation */
} call;

/* The request, ready to be sent. */
static CF_MUST_USE cf_result prepare(call *c)
{
    cf_kms_service *s = c->link->service;
    const cf_aws_endpoint *e = s->spec.endpoint;
    CF_BUF(scratch);
    cf_http1_field fields[CF_AWS_FIELDS_MAX];
    cf_aws_request q = {.target = c->target,
                        .content_type = CF_LIT(CF_KMS_CONTENT_TYPE),
                        .host = cf_view_str(s->host),
                        .body = c->body};
    cf_http1_request request = {.method = CF_LIT("POST"),
                                .path = CF_LIT("/"),
                                .host = q.host,
                                .fields = fields,
                                .body = c->body};
    if (e == NULL) {
        CF_TRY(cf_aws_fields(&q, NULL, &scratch, fields, &request.field_count));
    } else {
        uint64_t before = c->generation;
        q.scope = (cf_sigv4_scope){cf_clock_wall_ms() / 1000 + (uint64_t)c->link->skew_s,
                                   cf_view_str(e->region), CF_LIT("kms")};
        CF_TRY(s->spec.sign(s->spec.sign_self, &q, &scratch, fields, &request.field_count,
                            &c->generation));
        CF_REQUIRE(!c->others_only || c->generation != before, NOT_FOUND);
    }
    cf_buf_clear(&c->link->out);
    return cf_http1_put_request(&request, &c->link->out);
}

/* How far off the service finds our clock; false when that is not what is wrong. */
static bool set_clock(call *c, const cf_kms_answer *a)
{
    int64_t ahead = (int64_t)a->date_unix_s - (int64_t)(cf_clock_wall_ms() / 1000);
    int64_t change = ahead - c->link->skew_s;
    bool off = change >= CF_KMS_SKEW_S_MIN || change <= -CF_KMS_SKEW_S_MIN;
    if (c->clock_set || a->date_unix_s == 0 || !off) {
        return false;
    }
    c->link->skew_s = ahead;
    c->clock_set = true;
    return true;
}

/* Half of the wait is chance, so that those who were refused together do not come back together. */
static bool back_off(call *c, unsigned tries)
{
    uint8_t chance[2] = {0};
    uint64_t wait_ms = (uint64_t)CF_KMS_BACKOFF_MS << (tries - 1);
    cf_ignore(cf_random(chance, sizeof chance));
    wait_ms = wait_ms / 2 + wait_ms / 2 * (chance[0] * 256U + chance[1]) / UINT16_MAX;
    uint64_t until_ms = cf_clock_mono_ms() + wait_ms;
    return tries < CF_KMS_TRIES_MAX && until_ms < c->deadline_ms &&
           cf_is_ok(cf_kms_pause(c->link->service, until_ms));
}

/* Whether the answer, which is a refusal, leaves something to try. What is not signed does not get better by another signature. */
static bool may_try(call *c, const cf_kms_answer *a, const cf_kms_outcome *o)
{
    bool is_signed = c->link->service->spec.endpoint != NULL;
    switch (cf_kms_fault_remedy(o->fault, o->status)) {
    case CF_KMS_LATER:
        return back_off(c, o->tries);
    case CF_KMS_CLOCK:
        return is_signed && set_clock(c, a);
    case CF_KMS_CREDENTIALS: {
        bool again = is_signed && !c->others_only;
        c->others_only = true;
        return again;
    }
    case CF_KMS_FINAL:
        break;
    }
    return false;
}

static cf_err refusal(const cf_kms_outcome *o)
{
    bool later = cf_kms_fault_remedy(o->fault, o->status) == CF_KMS_LATER;
    return later ? CF_ERR_KMS_UNAVAILABLE : CF_ERR_KMS_REFUSED;
}

/* Nothing can be signed: not at all, or not once the credentials were refused. */
static cf_err unsigned_fault(cf_result r, cf_kms_outcome *o)
{
    if (r.code != CF_ERR_NOT_FOUND) {
        return r.code;
    }
    if (o->fault == NULL) {
        o->fault = cf_kms_fault_of(CF_VIEW_EMPTY, CF_LIT("MissingAuthenticationTokenException"));
    }
    return CF_ERR_KMS_REFUSED;
}

CF_MUST_USE cf_result cf_kms_call(cf_kms_link *l, cf_view target, cf_view body,
                                  uint64_t deadline_ms, cf_buf *ret_body, cf_kms_outcome *ret)
{
    call c = {.link = l, .target = target, .body = body, .deadline_ms = deadline_ms};
    *ret = (cf_kms_outcome){.why = ""};
    for (;;) {
        CF_AUTO(cf_kms_answer_free) cf_kms_answer a = {.status = 0};
        cf_result r = prepare(&c);
        if (!cf_is_ok(r)) {
            return cf_fail(unsigned_fault(r, ret));
        }
        ret->tries++;
        ret->status = 0;
        ret->fault = NULL;
        r = cf_kms_exchange(l, deadline_ms, &a, &ret->why);
        cf_buf_clear(&l->out);
        CF_TRY(r);
        ret->status = a.status;
        if (a.status == OK_STATUS) {
            return cf_buf_append(ret_body, cf_buf_view(&a.body));
        }
        ret->fault = cf_kms_fault_of(cf_buf_view(&a.body), cf_buf_view(&a.error_type));
        if (!may_try(&c, &a, ret)) {
            return cf_fail(refusal(ret));
        }
    }
}
