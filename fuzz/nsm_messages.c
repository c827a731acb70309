/* SPDX-License-Identifier: Apache-2.0 */
/* cf_nsm_request_decode, cf_nsm_response_decode: the input as either. What decodes encodes again, and decodes to the same; a software
 * module answers anything. */
#include "sys/nsm/soft_priv.h"

#include "fuzz/check.h"

/* A module under a root that is in memory only. */
static cf_soft_nsm *module(void)
{
    static cf_soft_nsm *s;
    if (s == NULL) {
        static cf_soft_root root;
        static const uint8_t pcr0[CF_PCR_BYTES_SHA384] = {1};
        cf_cert_spec spec = {.subject_cn = CF_LIT(CF_SOFT_ROOT_CN),
                             .path_len = 3,
                             .not_before_s = 0,
                             .not_after_s = 4000000000};
        fuzz_ok(cf_dh_generate(CF_P384, &root.key));
        fuzz_ok(cf_cert_make(&spec, cf_dh_public_view(cf_dh_public_of(root.key)), root.key,
                             &root.cert));
        fuzz_ok(cf_soft_nsm_new(&root, pcr0, &s));
    }
    return s;
}

static void request(cf_view in)
{
    cf_nsm_request a, b;
    CF_BUF(octets);
    if (!cf_is_ok(cf_nsm_request_decode(in, &a))) {
        fuzz_check(a.op == CF_NSM_OP_COUNT);
        return;
    }
    cf_result r = cf_nsm_request_encode(&a, &octets);
    fuzz_check(cf_is_ok(r) || r.code == CF_ERR_SIZE); /* members that were left out are written */
    if (cf_is_ok(r)) {
        fuzz_ok(cf_nsm_request_decode(cf_buf_view(&octets), &b));
        fuzz_check(a.op == b.op && a.index == b.index && cf_view_eq(a.data, b.data));
        fuzz_check(a.has_nonce == b.has_nonce && cf_view_eq(a.nonce, b.nonce));
        fuzz_check(a.has_user_data == b.has_user_data && cf_view_eq(a.user_data, b.user_data));
        fuzz_check(a.has_public_key == b.has_public_key && cf_view_eq(a.public_key, b.public_key));
    }
}

static void response(cf_view in)
{
    cf_nsm_response a, b;
    CF_BUF(octets);
    if (!cf_is_ok(cf_nsm_response_decode(in, &a))) {
        fuzz_check(a.error == CF_NSM_INTERNAL_ERROR && a.data.len == 0);
        return;
    }
    if (a.error == CF_NSM_SUCCESS && a.op == CF_NSM_OP_COUNT) {
        return; /* {"Error": "Success"} says nothing, and is not said */
    }
    fuzz_ok(cf_nsm_response_encode(&a, &octets));
    fuzz_ok(cf_nsm_response_decode(cf_buf_view(&octets), &b));
    fuzz_check(a.error == b.error && a.op == b.op && a.lock == b.lock &&
               cf_view_eq(a.data, b.data));
    fuzz_check(cf_view_eq(a.module_id, b.module_id) && a.max_pcrs == b.max_pcrs);
    fuzz_check(a.locked_pcrs == b.locked_pcrs && a.version[2] == b.version[2]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cf_view in = cf_view_make(data, size);
    CF_BUF(answer);
    cf_nsm_response m;
    request(in);
    response(in);
    fuzz_ok(cf_soft_nsm_answer(module(), in, &answer));
    fuzz_ok(cf_nsm_response_decode(cf_buf_view(&answer), &m));
    return 0;
}
