/* SPDX-License-Identifier: Apache-2.0 */
#include "core/codec/base64.h"
#include "sys/linux/net.h"
#include "sys/nsm/nsm.h"

void cf_nsm_close(cf_nsm *n)
{
    if (n->ops != NULL) {
        n->ops->close(n->self);
    }
    *n = (cf_nsm){NULL, NULL};
}

CF_MUST_USE cf_result cf_nsm_open(int fd, cf_nsm *ret, bool *ret_device)
{
    CF_FD(stream);
    stream = fd;
    cf_result r = cf_nsm_open_device(CF_NSM_DEVICE, ret);
    *ret_device = cf_is_ok(r);
    /* A device that cannot be opened is no reason to believe somebody else. */
    if (r.code != CF_ERR_NOT_FOUND || stream < 0) {
        return r;
    }
    stream = -1;
    return cf_nsm_open_stream(fd, ret);
}

CF_MUST_USE cf_result cf_nsm_ask(cf_nsm *n, const cf_nsm_request *q, cf_buf *octets,
                                 cf_nsm_response *ret)
{
    *ret = (cf_nsm_response){.error = CF_NSM_INTERNAL_ERROR, .op = CF_NSM_OP_COUNT};
    CF_BUF(request);
    cf_buf_clear(octets);
    CF_TRY(cf_nsm_request_encode(q, &request));
    CF_TRY(n->ops->call(n->self, cf_buf_view(&request), octets));
    cf_nsm_response m;
    CF_REQUIRE(cf_is_ok(cf_nsm_response_decode(cf_buf_view(octets), &m)), NSM);
    if (m.error != CF_NSM_SUCCESS) {
        ret->error = m.error;
        return cf_fail(CF_ERR_NSM);
    }
    CF_REQUIRE(m.op == q->op, NSM);
    *ret = m;
    return cf_ok();
}

CF_MUST_USE cf_result cf_nsm_attest(cf_nsm *n, const cf_nsm_request *inputs, cf_buf *ret_doc)
{
    CF_BUF(octets);
    cf_nsm_request q = *inputs;
    cf_nsm_response m;
    q.op = CF_NSM_ATTESTATION;
    CF_TRY(cf_nsm_ask(n, &q, &octets, &m));
    CF_REQUIRE(m.data.len > 0, NSM);
    return cf_buf_append(ret_doc, m.data);
}

CF_MUST_USE cf_result cf_nsm_random(cf_nsm *n, uint8_t *out, size_t len)
{
    cf_nsm_request q = {.op = CF_NSM_GET_RANDOM};
    for (size_t got = 0; got < len;) {
        CF_BUF(octets);
        cf_nsm_response m;
        CF_TRY(cf_nsm_ask(n, &q, &octets, &m));
        /* How many octets come is the device's choice, but none at all would keep this loop for ever. */
        CF_REQUIRE(m.data.len > 0, NSM);
        size_t take = m.data.len < len - got ? m.data.len : len - got;
        cf_copy(out + got, m.data.data, take);
        got += take;
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_nsm_identity(cf_nsm *n, cf_buf *ret_module_id,
                                      uint8_t ret_pcr0[static CF_PCR_BYTES_SHA384])
{
    CF_BUF(octets);
    CF_BUF(pcr_octets);
    cf_nsm_request describe = {.op = CF_NSM_DESCRIBE};
    cf_nsm_request pcr0 = {.op = CF_NSM_DESCRIBE_PCR, .index = 0};
    cf_nsm_response module, value;
    CF_TRY(cf_nsm_ask(n, &describe, &octets, &module));
    CF_TRY(cf_nsm_ask(n, &pcr0, &pcr_octets, &value));
    CF_REQUIRE(module.module_id.len > 0 && value.data.len == CF_PCR_BYTES_SHA384, NSM);
    CF_TRY(cf_buf_append(ret_module_id, module.module_id));
    cf_copy(ret_pcr0, value.data.data, CF_PCR_BYTES_SHA384);
    return cf_ok();
}

CF_MUST_USE cf_result cf_nsm_conditions(cf_nsm *n, cf_view between, cf_buf *out)
{
    static const uint8_t zeros[CF_PCR_BYTES_SHA384];
    /* Those with a meaning: of the image, the role, the instance, the signature; and the first that is the enclave's own. */
    static const struct {
        cf_view name;
        uint16_t index;
    } keys[] = {{CF_LIT_INIT("ImageSha384="), 0}, {CF_LIT_INIT("PCR0="), 0},
                {CF_LIT_INIT("PCR1="), 1},        {CF_LIT_INIT("PCR2="), 2},
                {CF_LIT_INIT("PCR3="), 3},        {CF_LIT_INIT("PCR4="), 4},
                {CF_LIT_INIT("PCR8="), 8},        {CF_LIT_INIT("PCR16="), 16}};
    CF_BUF(octets);
    cf_view before = CF_VIEW_EMPTY;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        cf_nsm_response m;
        const cf_nsm_request q = {.op = CF_NSM_DESCRIBE_PCR, .index = keys[i].index};
        if (cf_is_ok(cf_nsm_ask(n, &q, &octets, &m)) && m.lock &&
            !cf_view_eq(m.data, CF_VIEW_OF(zeros))) {
            CF_TRY(cf_buf_append(out, before));
            CF_TRY(cf_buf_append(out, keys[i].name));
            CF_TRY(cf_hex_encode(m.data, out));
            before = between;
        }
    }
    return cf_ok();
}
