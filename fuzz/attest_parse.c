/* SPDX-License-Identifier: Apache-2.0 */
/* cf_attest_parse, cf_attest_verify, cf_attest_examine, cf_attest_make: the input as a document. What parses is made again under a key of
 * ours and must parse to the same; nothing verifies under a root that nobody holds a key of; both judgements stop at the same stage. */
#include "core/attest/attest.h"

#include "fuzz/check.h"

static const cf_dh_key *signing_key(void)
{
    static cf_dh_key *key;
    if (key == NULL) {
        static const char seed[] =
            "a seed of some length for a key of P-384, of which there is but one";
        fuzz_ok(cf_dh_derive(CF_P384, cf_view_str(seed), &key));
    }
    return key;
}

static bool inside(cf_view whole, cf_view part)
{
    return part.len == 0 ||
           (part.data >= whole.data && part.data + part.len <= whole.data + whole.len);
}

static void check_views(cf_view doc, const cf_attest_payload *p)
{
    fuzz_check(p->module_id.len > 0 && inside(doc, p->module_id) && inside(doc, p->certificate));
    fuzz_check(p->cabundle_n >= 1 && p->cabundle_n <= CF_CHAIN_CERTS_MAX && p->timestamp_ms > 0);
    fuzz_check(inside(doc, p->public_key) && inside(doc, p->user_data) && inside(doc, p->nonce));
    for (size_t i = 0; i < p->cabundle_n; i++) {
        fuzz_check(p->cabundle[i].len > 0 && inside(doc, p->cabundle[i]));
    }
    for (size_t i = 0; i < CF_PCR_COUNT; i++) {
        fuzz_check(p->pcrs[i].len == 0 || p->pcrs[i].len == CF_PCR_BYTES_SHA384);
        fuzz_check(inside(doc, p->pcrs[i]));
    }
}

static void check_equal(const cf_attest_payload *a, const cf_attest_payload *b)
{
    fuzz_check(cf_view_eq(a->module_id, b->module_id) && a->timestamp_ms == b->timestamp_ms);
    fuzz_check(cf_view_eq(a->certificate, b->certificate) && a->cabundle_n == b->cabundle_n);
    for (size_t i = 0; i < a->cabundle_n; i++) {
        fuzz_check(cf_view_eq(a->cabundle[i], b->cabundle[i]));
    }
    for (size_t i = 0; i < CF_PCR_COUNT; i++) {
        fuzz_check(cf_view_eq(a->pcrs[i], b->pcrs[i]));
    }
    fuzz_check(a->has_public_key == b->has_public_key && cf_view_eq(a->public_key, b->public_key));
    fuzz_check(a->has_user_data == b->has_user_data && cf_view_eq(a->user_data, b->user_data));
    fuzz_check(a->has_nonce == b->has_nonce && cf_view_eq(a->nonce, b->nonce));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cf_view doc = cf_view_make(data, size);
    cf_attest_envelope env;
    cf_attest_payload p, again;
    cf_result parsed = cf_attest_parse(doc, &env, &p);
    if (!cf_is_ok(parsed)) {
        fuzz_check(p.module_id.len == 0 && env.payload.len == 0);
        return 0;
    }
    fuzz_check(size <= CF_ATTEST_BYTES_MAX && inside(doc, env.payload));
    fuzz_check(env.signature.len == CF_ES384_BYTES);
    check_views(doc, &p);

    CF_BUF(made);
    cf_result r = cf_attest_make(&p, signing_key(), &made);
    fuzz_check(cf_is_ok(r) ||
               r.code ==
                   CF_ERR_SIZE); /* 9 members of ours may take more room than fewer of theirs */
    if (cf_is_ok(r)) {
        fuzz_ok(cf_attest_parse(cf_buf_view(&made), &env, &again));
        check_equal(&p, &again);
    }

    /* the document's own first certificate as root: the chain is judged, and only a genuine document can go further */
    cf_attest_policy policy = {.root = p.cabundle[0], .archived = true, .allow_debug = true};
    cf_attest_stage stage = CF_ATTEST_HOLDS;
    cf_attest_report report;
    r = cf_attest_verify(doc, &policy, &stage, &again);
    fuzz_check(cf_is_ok(r) == (stage == CF_ATTEST_HOLDS));
    fuzz_ok(cf_attest_examine(doc, &policy, &report));
    fuzz_check(report.stage == stage && report.marks[CF_ATTEST_SYNTAX] == CF_ATTEST_PASSED);
    cf_attest_identity what;
    if (cf_is_ok(cf_attest_identity_get(p.user_data, &what))) {
        fuzz_check(inside(p.user_data, what.boot_id));
    }
    policy.root = CF_LIT("nobody's");
    r = cf_attest_verify(doc, &policy, &stage, &again);
    fuzz_check(r.code == CF_ERR_ATTESTATION && stage == CF_ATTEST_ROOT);
    return 0;
}
