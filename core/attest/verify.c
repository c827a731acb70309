/* SPDX-License-Identifier: Apache-2.0 */
#include "core/attest/attest_priv.h"

static const char *const names[] = {
    [CF_ATTEST_SYNTAX] = "syntax",       [CF_ATTEST_ROOT] = "root",
    [CF_ATTEST_CHAIN] = "chain",         [CF_ATTEST_SIGNATURE] = "signature",
    [CF_ATTEST_FRESHNESS] = "freshness", [CF_ATTEST_NONCE] = "nonce",
    [CF_ATTEST_DEBUG] = "debug",         [CF_ATTEST_PCRS] = "pcrs",
    [CF_ATTEST_HOLDS] = "holds",
};

const char *cf_attest_stage_name(cf_attest_stage stage)
{
    return (unsigned)stage <= CF_ATTEST_HOLDS ? names[stage] : "";
}

/* One document under judgement. */
typedef struct {
    cf_view doc;
    const cf_attest_policy *policy;
    cf_attest_envelope env;
    cf_view root; /* that the chain is judged under */
    cf_dh_public leaf;
    cf_attest_report *report;
} trial;

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

static cf_result check_syntax(trial *t)
{
    cf_result r = cf_attest_parse(t->doc, &t->env, &t->report->payload);
    t->report->syntax = r.code;
    CF_TRY(verdict(r));
    cf_view pcr0 = t->report->payload.pcrs[0];
    t->report->debug = pcr0.len > 0 && all_zero(pcr0);
    return cf_ok();
}

static cf_result check_root(trial *t)
{
    CF_REQUIRE(cf_view_eq(t->report->payload.cabundle[0], t->root), ATTESTATION);
    return cf_ok();
}

/* The leaf lives three hours, so the chain is judged when the document was made; whether that is now is a question of its own. */
static cf_result check_chain(trial *t)
{
    const cf_attest_payload *p = &t->report->payload;
    return verdict(cf_chain_judge(t->root, p->cabundle, p->cabundle_n, p->certificate,
                                  p->timestamp_ms, &t->report->chain, &t->leaf));
}

static cf_result check_signature(trial *t)
{
    CF_BUF(tbs);
    CF_TRY(cf_attest_to_be_signed(t->env.payload, &tbs));
    return verdict(
        cf_es384_verify(cf_dh_public_view(&t->leaf), cf_buf_view(&tbs), t->env.signature));
}

static cf_result check_freshness(trial *t)
{
    uint64_t now = t->policy->now_ms, then = t->report->payload.timestamp_ms;
    uint64_t apart = now > then ? now - then : then - now;
    CF_REQUIRE(apart <= t->policy->age_max_ms, STALE);
    return cf_ok();
}

static cf_result check_nonce(trial *t)
{
    const cf_attest_payload *p = &t->report->payload;
    CF_REQUIRE(p->has_nonce && cf_view_eq(p->nonce, t->policy->nonce), ATTESTATION);
    return cf_ok();
}

/* In debug mode PCR0 is zero while PCR3 and PCR4 keep their values (sheet, section 6): a policy that names only those would let it
 * in. A document that does not list PCR0 says just as little. */
static cf_result check_debug(trial *t)
{
    CF_REQUIRE(t->report->payload.pcrs[0].len > 0 && !t->report->debug, ATTESTATION);
    return cf_ok();
}

/* A register that is named and not listed is wrong: it may have any value. */
static cf_result check_pcrs(trial *t)
{
    uint32_t named = 0, right = 0;
    for (size_t i = 0; i < t->policy->pcrs_n; i++) {
        const cf_attest_accepted *a = &t->policy->pcrs[i];
        uint32_t bit = (uint32_t)1 << a->index;
        named |= bit;
        right |= cf_view_eq(t->report->payload.pcrs[a->index], a->value) ? bit : 0;
    }
    t->report->wrong_pcrs = named & ~right;
    CF_REQUIRE(t->report->wrong_pcrs == 0, ATTESTATION);
    return cf_ok();
}

static bool asks_root(const cf_attest_policy *p)
{
    return p->root.len > 0;
}

static bool asks_freshness(const cf_attest_policy *p)
{
    return !p->archived;
}

static bool asks_nonce(const cf_attest_policy *p)
{
    return p->need_nonce;
}

static bool asks_debug(const cf_attest_policy *p)
{
    return !p->allow_debug;
}

static bool asks_pcrs(const cf_attest_policy *p)
{
    return p->pcrs_n > 0;
}

/* The order of the sheet's section 5. asked NULL: always. */
static const struct {
    cf_result (*check)(trial *t);
    bool (*asked)(const cf_attest_policy *policy);
} stages[] = {
    [CF_ATTEST_SYNTAX] = {check_syntax, NULL},
    [CF_ATTEST_ROOT] = {check_root, asks_root},
    [CF_ATTEST_CHAIN] = {check_chain, NULL},
    [CF_ATTEST_SIGNATURE] = {check_signature, NULL},
    [CF_ATTEST_FRESHNESS] = {check_freshness, asks_freshness},
    [CF_ATTEST_NONCE] = {check_nonce, asks_nonce},
    [CF_ATTEST_DEBUG] = {check_debug, asks_debug},
    [CF_ATTEST_PCRS] = {check_pcrs, asks_pcrs},
};
_Static_assert(sizeof stages / sizeof stages[0] == CF_ATTEST_HOLDS, "every stage has a check");

static cf_result check_policy(const cf_attest_policy *p)
{
    CF_REQUIRE(p->archived || p->age_max_ms > 0, ARGUMENT);
    CF_REQUIRE(p->pcrs_n <= CF_ATTEST_ACCEPTED_MAX, ARGUMENT);
    for (size_t i = 0; i < p->pcrs_n; i++) {
        CF_REQUIRE(p->pcrs[i].index < CF_PCR_COUNT, ARGUMENT);
        CF_REQUIRE(p->pcrs[i].value.len == CF_PCR_BYTES_SHA384, ARGUMENT);
    }
    return cf_ok();
}

/* Stops at the first stage that fails. */
static cf_result run(trial *t)
{
    for (unsigned s = CF_ATTEST_SYNTAX; s < CF_ATTEST_HOLDS; s++) {
        t->report->stage = (cf_attest_stage)s;
        if (stages[s].asked == NULL || stages[s].asked(t->policy)) {
            CF_TRY(stages[s].check(t));
        }
    }
    t->report->stage = CF_ATTEST_HOLDS;
    return cf_ok();
}

CF_MUST_USE cf_result cf_attest_verify(cf_view doc, const cf_attest_policy *policy,
                                       cf_attest_stage *ret_stage, cf_attest_payload *ret)
{
    *ret_stage = CF_ATTEST_SYNTAX;
    *ret = (cf_attest_payload){.timestamp_ms = 0};
    CF_REQUIRE(policy->root.len > 0, ARGUMENT);
    CF_TRY(check_policy(policy));
    cf_attest_report report = {.stage = CF_ATTEST_SYNTAX};
    trial t = {.doc = doc, .policy = policy, .root = policy->root, .report = &report};
    cf_result r = run(&t);
    *ret_stage = report.stage;
    CF_TRY(r);
    *ret = report.payload;
    return cf_ok();
}

/* The key of a leaf whose chain does not hold: whether the document is at least signed with it tells one mishap from another. */
static bool leaf_key(trial *t)
{
    cf_cert leaf;
    cf_curve curve = CF_X25519;
    return cf_is_ok(cf_cert_read(t->report->payload.certificate, &leaf)) &&
           cf_is_ok(cf_dh_public_from_spki(leaf.spki, &curve, &t->leaf)) && curve == CF_P384;
}

/* Whether the stage can be judged although one before it failed, and made ready for it. */
static bool can_judge(trial *t, cf_attest_stage stage)
{
    const cf_attest_mark *marks = t->report->marks;
    if (stage == CF_ATTEST_SYNTAX) {
        return true;
    }
    if (marks[CF_ATTEST_SYNTAX] != CF_ATTEST_PASSED) {
        return false;
    }
    if (stage == CF_ATTEST_CHAIN && marks[CF_ATTEST_ROOT] != CF_ATTEST_PASSED) {
        t->root = t->report->payload.cabundle[0];
    }
    return stage != CF_ATTEST_SIGNATURE || marks[CF_ATTEST_CHAIN] == CF_ATTEST_PASSED ||
           leaf_key(t);
}

/* error NO_MEMORY, CRYPTO: nothing was judged. */
static cf_result examine_stage(trial *t, cf_attest_stage stage)
{
    cf_attest_mark *mark = &t->report->marks[stage];
    *mark = CF_ATTEST_UNASKED;
    if (stages[stage].asked != NULL && !stages[stage].asked(t->policy)) {
        return cf_ok();
    }
    *mark = CF_ATTEST_UNKNOWN;
    if (can_judge(t, stage)) {
        cf_result r = stages[stage].check(t);
        CF_REQUIRE(r.code != CF_ERR_NO_MEMORY, NO_MEMORY);
        CF_REQUIRE(r.code != CF_ERR_CRYPTO, CRYPTO);
        *mark = cf_is_ok(r) ? CF_ATTEST_PASSED : CF_ATTEST_FAILED;
    }
    bool open = t->report->stage == CF_ATTEST_HOLDS;
    if (open && (*mark == CF_ATTEST_FAILED || *mark == CF_ATTEST_UNKNOWN)) {
        t->report->stage = stage;
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_attest_examine(cf_view doc, const cf_attest_policy *policy,
                                        cf_attest_report *ret)
{
    *ret = (cf_attest_report){.stage = CF_ATTEST_SYNTAX};
    CF_TRY(check_policy(policy));
    cf_attest_report report = {.stage = CF_ATTEST_HOLDS};
    trial t = {.doc = doc, .policy = policy, .root = policy->root, .report = &report};
    for (unsigned s = CF_ATTEST_SYNTAX; s < CF_ATTEST_HOLDS; s++) {
        CF_TRY(examine_stage(&t, (cf_attest_stage)s));
    }
    *ret = report;
    return cf_ok();
}
