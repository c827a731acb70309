/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/linux/clock.h"
#include "sys/nsm/soft_priv.h"

#define PCR_PLATFORM 16          /* registers below are the platform's and locked from the start */
#define RANDOM_BYTES 256         /* of one GetRandom */
#define RENEW_BEFORE_S (10 * 60) /* a document is worth something only while its leaf still lives */

struct cf_soft_nsm {
    const cf_soft_root *root;
    uint8_t module_id[CF_SOFT_MODULE_ID_BYTES];
    uint8_t pcrs[CF_PCR_COUNT][CF_PCR_BYTES_SHA384];
    uint32_t locked; /* bit per register */
    cf_soft_chain chain;
};

static uint32_t bit(unsigned index)
{
    return (uint32_t)1 << index;
}

void cf_soft_nsm_free(cf_soft_nsm **s)
{
    if (*s != NULL) {
        cf_soft_chain_clear(&(*s)->chain);
        cf_mem_free(*s);
        *s = NULL;
    }
}

/* A new path when there is none, when its leaf ends soon, or when the clock jumped back before it. */
static cf_result renew(cf_soft_nsm *s, uint64_t now_ms)
{
    int64_t now_s = (int64_t)(now_ms / 1000);
    if (s->chain.leaf_key != NULL && now_s >= s->chain.from_s &&
        now_s < s->chain.until_s - RENEW_BEFORE_S) {
        return cf_ok();
    }
    cf_soft_chain chain;
    CF_TRY(cf_soft_chain_make(s->root, CF_VIEW_OF(s->module_id), now_ms, &chain));
    cf_soft_chain_clear(&s->chain);
    s->chain = chain;
    return cf_ok();
}

/* The image is a single file without kernel or ramdisks, so it is its own bootstrap and its own application: PCR1 and PCR2
 * are PCR0 again. With PCR0 zero they are zero as well, which is what debug mode looks like. No role, no signing certificate:
 * PCR3 and PCR8 stay zero. */
static cf_result fill(cf_soft_nsm *s, const uint8_t *pcr0)
{
    for (size_t i = 0; i < 3; i++) {
        cf_copy(s->pcrs[i], pcr0, CF_PCR_BYTES_SHA384);
    }
    CF_TRY(cf_soft_pcr4(s->pcrs[4]));
    s->locked = bit(PCR_PLATFORM) - 1;
    uint64_t now_ms = cf_clock_wall_ms();
    CF_TRY(cf_soft_module_id(now_ms, s->module_id));
    return renew(s, now_ms);
}

CF_MUST_USE cf_result cf_soft_nsm_new(const cf_soft_root *root,
                                      const uint8_t pcr0[static CF_PCR_BYTES_SHA384],
                                      cf_soft_nsm **ret)
{
    *ret = NULL;
    CF_AUTO(cf_soft_nsm_free) cf_soft_nsm *s = cf_mem_new(1, sizeof *s);
    CF_REQUIRE(s != NULL, NO_MEMORY);
    s->root = root;
    CF_TRY(fill(s, pcr0));
    *ret = s;
    s = NULL;
    return cf_ok();
}

/* --- operations: each sets *m's members, or says what the device's error is; scratch lends octets to *m --- */

static cf_nsm_error describe_pcr(cf_soft_nsm *s, const cf_nsm_request *q, cf_nsm_response *m,
                                 cf_buf *scratch)
{
    (void)scratch;
    if (q->index >= CF_PCR_COUNT) {
        return CF_NSM_INVALID_INDEX;
    }
    m->lock = (s->locked & bit(q->index)) != 0;
    m->data = CF_VIEW_OF(s->pcrs[q->index]);
    return CF_NSM_SUCCESS;
}

/* Whether a register may still change. */
static cf_nsm_error writable(const cf_soft_nsm *s, uint16_t index)
{
    if (index >= CF_PCR_COUNT) {
        return CF_NSM_INVALID_INDEX;
    }
    return (s->locked & bit(index)) != 0 ? CF_NSM_READ_ONLY_INDEX : CF_NSM_SUCCESS;
}

static cf_nsm_error extend_pcr(cf_soft_nsm *s, const cf_nsm_request *q, cf_nsm_response *m,
                               cf_buf *scratch)
{
    (void)scratch;
    cf_nsm_error error = writable(s, q->index);
    if (error != CF_NSM_SUCCESS) {
        return error;
    }
    if (!cf_is_ok(cf_pcr_extend(s->pcrs[q->index], q->data))) {
        return CF_NSM_INTERNAL_ERROR;
    }
    m->data = CF_VIEW_OF(s->pcrs[q->index]);
    return CF_NSM_SUCCESS;
}

static cf_nsm_error lock_pcr(cf_soft_nsm *s, const cf_nsm_request *q, cf_nsm_response *m,
                             cf_buf *scratch)
{
    (void)m;
    (void)scratch;
    cf_nsm_error error = writable(s, q->index);
    if (error == CF_NSM_SUCCESS) {
        s->locked |= bit(q->index);
    }
    return error;
}

static cf_nsm_error lock_pcrs(cf_soft_nsm *s, const cf_nsm_request *q, cf_nsm_response *m,
                              cf_buf *scratch)
{
    (void)m;
    (void)scratch;
    if (q->index > CF_PCR_COUNT) {
        return CF_NSM_INVALID_INDEX;
    }
    for (unsigned i = 0; i < q->index; i++) {
        s->locked |= bit(i);
    }
    return CF_NSM_SUCCESS;
}

static cf_nsm_error describe_nsm(cf_soft_nsm *s, const cf_nsm_request *q, cf_nsm_response *m,
                                 cf_buf *scratch)
{
    (void)q;
    (void)scratch;
    m->version[0] = 1;
    m->module_id = CF_VIEW_OF(s->module_id);
    m->max_pcrs = CF_PCR_COUNT;
    m->locked_pcrs = s->locked;
    return CF_NSM_SUCCESS;
}

static cf_nsm_error attestation(cf_soft_nsm *s, const cf_nsm_request *q, cf_nsm_response *m,
                                cf_buf *scratch)
{
    if (q->user_data.len > CF_ATTEST_DATA_BYTES_MAX || q->nonce.len > CF_ATTEST_DATA_BYTES_MAX ||
        q->public_key.len > CF_ATTEST_DATA_BYTES_MAX) {
        return CF_NSM_INPUT_TOO_LARGE;
    }
    uint64_t now_ms = cf_clock_wall_ms();
    if (!cf_is_ok(renew(s, now_ms))) {
        return CF_NSM_INTERNAL_ERROR;
    }
    cf_attest_payload p = {
        .module_id = CF_VIEW_OF(s->module_id),
        .timestamp_ms = now_ms,
        .has_public_key = q->has_public_key,
        .has_user_data = q->has_user_data,
        .has_nonce = q->has_nonce,
        .public_key = q->public_key,
        .user_data = q->user_data,
        .nonce = q->nonce,
    };
    for (unsigned i = 0; i < CF_PCR_COUNT; i++) {
        if ((s->locked & bit(i)) != 0) {
            p.pcrs[i] = CF_VIEW_OF(s->pcrs[i]);
        }
    }
    cf_soft_chain_lend(&s->chain, &p);
    if (!cf_is_ok(cf_attest_make(&p, s->chain.leaf_key, scratch))) {
        return CF_NSM_INTERNAL_ERROR;
    }
    m->data = cf_buf_view(scratch);
    return CF_NSM_SUCCESS;
}

static cf_nsm_error get_random(cf_soft_nsm *s, const cf_nsm_request *q, cf_nsm_response *m,
                               cf_buf *scratch)
{
    (void)s;
    (void)q;
    if (!cf_is_ok(cf_buf_reserve(scratch, RANDOM_BYTES)) ||
        !cf_is_ok(cf_random(scratch->data, RANDOM_BYTES))) {
        return CF_NSM_INTERNAL_ERROR;
    }
    scratch->len = RANDOM_BYTES;
    m->data = cf_buf_view(scratch);
    return CF_NSM_SUCCESS;
}

static cf_nsm_error (*const operations[])(cf_soft_nsm *, const cf_nsm_request *, cf_nsm_response *,
                                          cf_buf *) = {
    [CF_NSM_DESCRIBE_PCR] = describe_pcr, [CF_NSM_EXTEND_PCR] = extend_pcr,
    [CF_NSM_LOCK_PCR] = lock_pcr,         [CF_NSM_LOCK_PCRS] = lock_pcrs,
    [CF_NSM_DESCRIBE] = describe_nsm,     [CF_NSM_ATTESTATION] = attestation,
    [CF_NSM_GET_RANDOM] = get_random,
};
_Static_assert(sizeof operations / sizeof operations[0] == CF_NSM_OP_COUNT,
               "every operation has a function");

CF_MUST_USE cf_result cf_soft_nsm_answer(cf_soft_nsm *s, cf_view request, cf_buf *ret_response)
{
    CF_BUF(scratch);
    cf_nsm_request q;
    cf_nsm_response m = {.error = CF_NSM_INVALID_OPERATION};
    cf_result parsed = cf_nsm_request_decode(request, &q);
    if (cf_is_ok(parsed)) {
        m.op = q.op;
        m.error = operations[q.op](s, &q, &m, &scratch);
    } else if (parsed.code == CF_ERR_SIZE) {
        m.error = CF_NSM_INPUT_TOO_LARGE;
    } else if (parsed.code == CF_ERR_RANGE) {
        m.error = CF_NSM_INVALID_ARGUMENT;
    }
    return cf_nsm_response_encode(&m, ret_response);
}
