/* SPDX-License-Identifier: Apache-2.0 */
#include "enclave/app/conn.h"

#include "enclave/app/limits.h"

void cf_conn_send(cf_conn *c, cf_view frame)
{
    bool fits = cf_octets_view(&c->out).len + frame.len <= CF_ENCLAVE_OUT_BYTES_MAX;
    if (!fits || !cf_is_ok(cf_octets_append(&c->out, frame))) {
        c->broken = true;
    }
}

void cf_conn_answer(cf_conn *c, uint32_t kind, uint64_t request, cf_view body)
{
    CF_BUF(frame);
    if (cf_is_ok(cf_frame_encode(kind, request, body, &frame))) {
        cf_conn_send(c, cf_buf_view(&frame));
    } else {
        c->broken = true;
    }
}

void cf_conn_error(cf_conn *c, uint64_t request, cf_err code)
{
    CF_BUF(body);
    if (cf_is_ok(cf_error_encode(code, &body))) {
        cf_conn_answer(c, CF_MSG_ERROR, request, cf_buf_view(&body));
    } else {
        c->broken = true;
    }
}

void cf_conn_clear(cf_conn *c)
{
    cf_octets_free(&c->in);
    cf_octets_free(&c->out);
    *c = (cf_conn){.place = c->place, .fd = -1};
}
