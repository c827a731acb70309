/* SPDX-License-Identifier: Apache-2.0 */
#include "core/attest/attest_priv.h"

/* Every verdict is one error; what is no verdict, because the library could not judge, is passed on. */
static cf_result verdict(cf_result r)
{
    bool judged = r.code != CF_ERR_NO_MEMORY && r.code != CF_ERR_CRYPTO;
    return cf_is_ok(r) || !judged ? r : cf_fail(CF_ERR_ATTESTATION);
}

static bool all_zero(cf_view v)
{
    uint8_t any = 0;
    for (size_t i = 0; i < v.len; i++) {
        any |= v.data[i];
    }
    return any == 0;
}

static cf_result check_signature(const cf_attest_envelope *env, const cf_dh_public *leaf)
{
    CF_BUF(tbs);
    CF_TRY(cf_attest_to_be_signed(env->payload, &tbs));
    return cf_es384_verify(cf_dh_public_view(leaf), cf_buf_view(&tbs), env->signature);
}

static cf_result check_freshness(const cf_attest_policy *policy, uint64_t timestamp_ms)
{
    if (policy->archived) {
        return cf_ok();
    }
    uint64_t now = policy->now_ms;
    uint64_t apart = now > timestamp_ms ? now - timestamp_ms : timestamp_ms - now;
    CF_REQUIRE(apart <= policy->age_max_ms, STALE);
    return cf_ok();
}

/* In debug mode PCR0 is zero while PCR3 and PCR4 keep their values (sheet, section 6): a policy that
 * names only those would let it in. A document that does not list PCR0 says just as little. */
static cf_result check_debug(const cf_attest_policy *policy, cf_view pcr0)
{
    CF_REQUIRE(policy->allow_debug || (pcr0.len > 0 && !all_zero(pcr0)), ATTESTATION);
    return cf_ok();
}

/* The order of the sheet's section 5. *stage is where it stands when this returns. */
static cf_result run_stages(cf_view doc, const cf_attest_policy *policy, cf_attest_stage *stage,
                            cf_attest_payload *p)
{
    cf_attest_envelope env;
    CF_TRY(verdict(cf_attest_parse(doc, &env, p)));

    *stage = CF_ATTEST_ROOT;
    CF_REQUIRE(cf_view_eq(p->cabundle[0], policy->root), ATTESTATION);

    /* The leaf lives three hours, so the chain is judged when the document was made; whether that is
     * now is a question of its own. */
    *stage = CF_ATTEST_CHAIN;
    cf_dh_public leaf;
    CF_TRY(verdict(cf_chain_verify(policy->root, p->cabundle, p->cabundle_n, p->certificate,
                                   p->timestamp_ms, &leaf)));

    *stage = CF_ATTEST_SIGNATURE;
    CF_TRY(verdict(check_signature(&env, &leaf)));

    *stage = CF_ATTEST_FRESHNESS;
    CF_TRY(check_freshness(policy, p->timestamp_ms));

    *stage = CF_ATTEST_DEBUG;
    CF_TRY(check_debug(policy, p->pcrs[0]));

    *stage = CF_ATTEST_HOLDS;
    return cf_ok();
}

CF_MUST_USE cf_result cf_attest_verify(cf_view doc, const cf_attest_policy *policy,
                                       cf_attest_stage *ret_stage, cf_attest_payload *ret)
{
    *ret_stage = CF_ATTEST_SYNTAX;
    *ret = (cf_attest_payload){.timestamp_ms = 0};
    CF_REQUIRE(policy->root.len > 0, ARGUMENT);
    CF_REQUIRE(policy->archived || policy->age_max_ms > 0, ARGUMENT);
    cf_attest_payload p;
    CF_TRY(run_stages(doc, policy, ret_stage, &p));
    *ret = p;
    return cf_ok();
}
