/* SPDX-License-Identifier: Apache-2.0 */
#include "core/crypto/hpke_priv.h"

static const uint8_t version_label[] = {'H', 'P', 'K', 'E', '-', 'v', '1'};

CF_MUST_USE cf_result cf_hpke_extract(cf_hpke_scope s, cf_view salt, cf_view label, cf_view ikm,
                                      cf_view ikm_more, cf_secret *ret)
{
    const cf_view parts[] = {CF_VIEW_OF(version_label), s.suite_id, label, ikm, ikm_more};
    return cf_hkdf_extract(s.hash, salt, parts, sizeof parts / sizeof parts[0], ret);
}

CF_MUST_USE cf_result cf_hpke_expand(cf_hpke_scope s, cf_view prk, cf_view label,
                                     const cf_view *info, size_t n, uint8_t *out, size_t len)
{
    CF_REQUIRE(n <= CF_HPKE_INFO_PARTS_MAX && len <= UINT16_MAX, ARGUMENT);
    const uint8_t len_be[2] = {(uint8_t)(len >> 8), (uint8_t)len};
    cf_view parts[4 + CF_HPKE_INFO_PARTS_MAX] = {CF_VIEW_OF(len_be), CF_VIEW_OF(version_label),
                                                 s.suite_id, label};
    for (size_t i = 0; i < n; i++) {
        parts[4 + i] = info[i];
    }
    return cf_hkdf_expand_to(s.hash, prk, parts, 4 + n, out, len);
}

void cf_hpke_keys_wipe(cf_hpke_keys *k)
{
    cf_wipe(k, sizeof *k);
}

/* Its parts are public, but a secret is what an extraction returns. */
static cf_result schedule_context(cf_hpke_scope s, const cf_hpke_input *in, cf_hpke_keys *ret)
{
    size_t hash = cf_hash_bytes(s.hash);
    CF_SECRET(psk_id_hash);
    CF_SECRET(info_hash);
    CF_TRY(cf_hpke_extract(s, CF_VIEW_EMPTY, CF_LIT("psk_id_hash"), in->psk_id, CF_VIEW_EMPTY,
                           &psk_id_hash));
    CF_TRY(cf_hpke_extract(s, CF_VIEW_EMPTY, CF_LIT("info_hash"), in->info, CF_VIEW_EMPTY,
                           &info_hash));
    ret->context[0] = (uint8_t)in->mode;
    cf_copy(ret->context + 1, psk_id_hash.b, hash);
    cf_copy(ret->context + 1 + hash, info_hash.b, hash);
    ret->context_len = (uint8_t)(1 + 2 * hash);
    return cf_ok();
}

/* LabeledExpand of the schedule's secret over its context. */
static cf_result expand(cf_hpke_scope s, const cf_hpke_keys *k, cf_view label, uint8_t *out,
                        size_t len)
{
    const cf_view context = {k->context, k->context_len};
    return cf_hpke_expand(s, cf_secret_view(&k->secret), label, &context, 1, out, len);
}

CF_MUST_USE cf_result cf_hpke_schedule(cf_hpke_suite suite, const cf_hpke_input *in,
                                       const cf_secret *shared, cf_hpke_keys *ret)
{
    uint8_t suite_id[CF_HPKE_SUITE_BYTES];
    cf_hpke_suite_id(suite, suite_id);
    cf_hpke_scope s = {suite.kdf, CF_VIEW_OF(suite_id)};
    CF_TRY(schedule_context(s, in, ret));
    CF_TRY(cf_hpke_extract(s, cf_secret_view(shared), CF_LIT("secret"), in->psk, CF_VIEW_EMPTY,
                           &ret->secret));
    ret->key.len = (uint8_t)cf_aead_key_bytes(suite.aead);
    if (ret->key.len > 0) {
        CF_TRY(expand(s, ret, CF_LIT("key"), ret->key.b, ret->key.len));
        CF_TRY(expand(s, ret, CF_LIT("base_nonce"), ret->base_nonce, sizeof ret->base_nonce));
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_hpke_exporter(cf_hpke_suite suite, const cf_hpke_keys *keys,
                                       cf_secret *ret)
{
    uint8_t suite_id[CF_HPKE_SUITE_BYTES];
    cf_hpke_suite_id(suite, suite_id);
    cf_hpke_scope s = {suite.kdf, CF_VIEW_OF(suite_id)};
    ret->len = (uint8_t)cf_hash_bytes(suite.kdf);
    return expand(s, keys, CF_LIT("exp"), ret->b, ret->len);
}
