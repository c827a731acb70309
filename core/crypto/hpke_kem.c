/* SPDX-License-Identifier: Apache-2.0 */
#include "core/crypto/hpke_priv.h"

#define KEM_SUITE_BYTES 5  /* "KEM" || I2OSP(kem_id, 2) */
#define CANDIDATES_MAX 256 /* section 7.1.3: the counter is one octet */

static cf_hpke_scope kem_scope(const cf_curve_info *info, uint8_t suite_id[static KEM_SUITE_BYTES])
{
    cf_copy(suite_id, "KEM", 3);
    suite_id[3] = (uint8_t)((unsigned)info->curve >> 8);
    suite_id[4] = (uint8_t)info->curve;
    return (cf_hpke_scope){info->kem_hash, cf_view_make(suite_id, KEM_SUITE_BYTES)};
}

/* Candidates until one is a scalar of the group; on X25519 the first and only one is. */
static cf_result derive_scalar(const cf_curve_info *info, cf_view ikm, cf_secret *ret)
{
    uint8_t suite_id[KEM_SUITE_BYTES];
    cf_hpke_scope s = kem_scope(info, suite_id);
    CF_SECRET(prk);
    CF_TRY(cf_hpke_extract(s, CF_VIEW_EMPTY, CF_LIT("dkp_prk"), ikm, CF_VIEW_EMPTY, &prk));
    ret->len = info->secret;
    if (info->nid == 0) {
        return cf_hpke_expand(s, cf_secret_view(&prk), CF_LIT("sk"), NULL, 0, ret->b, ret->len);
    }
    for (unsigned i = 0; i < CANDIDATES_MAX; i++) {
        uint8_t counter = (uint8_t)i;
        cf_view part = cf_view_make(&counter, 1);
        CF_TRY(cf_hpke_expand(s, cf_secret_view(&prk), CF_LIT("candidate"), &part, 1, ret->b,
                              ret->len));
        ret->b[0] &= info->mask;
        if (cf_is_ok(cf_curve_scalar_ok(info, cf_secret_view(ret)))) {
            return cf_ok();
        }
    }
    return cf_fail(CF_ERR_KEY);
}

CF_MUST_USE cf_result cf_dh_derive(cf_curve c, cf_view ikm, cf_dh_key **ret)
{
    *ret = NULL;
    const cf_curve_info *info = cf_curve_find(c);
    CF_REQUIRE(info != NULL, ARGUMENT);
    CF_REQUIRE(ikm.len >= info->secret, KEY);
    CF_SECRET(scalar);
    CF_TRY(derive_scalar(info, ikm, &scalar));
    return cf_dh_from_secret(c, cf_secret_view(&scalar), CF_VIEW_EMPTY, ret);
}

/* ExtractAndExpand. auth_dh and auth_pk are empty without sender authentication. */
static cf_result extract_and_expand(const cf_curve_info *info, const cf_secret *dh,
                                    const cf_secret *auth_dh,
                                    const cf_view context[static CF_HPKE_INFO_PARTS_MAX],
                                    cf_secret *ret)
{
    uint8_t suite_id[KEM_SUITE_BYTES];
    cf_hpke_scope s = kem_scope(info, suite_id);
    CF_SECRET(prk);
    CF_TRY(cf_hpke_extract(s, CF_VIEW_EMPTY, CF_LIT("eae_prk"), cf_secret_view(dh),
                           cf_secret_view(auth_dh), &prk));
    CF_TRY(cf_hpke_expand(s, cf_secret_view(&prk), CF_LIT("shared_secret"), context,
                          CF_HPKE_INFO_PARTS_MAX, ret->b, info->kem_secret));
    ret->len = info->kem_secret;
    return cf_ok();
}

CF_MUST_USE cf_result cf_kem_encap(cf_view pk, const cf_dh_key *auth, const cf_dh_key *eph,
                                   cf_secret *ret_shared)
{
    cf_secret_wipe(ret_shared);
    const cf_curve_info *info = cf_curve_find(cf_dh_curve(eph));
    CF_SECRET(dh);
    CF_SECRET(auth_dh);
    CF_TRY(cf_dh_shared(eph, pk, &dh));
    cf_view context[CF_HPKE_INFO_PARTS_MAX] = {cf_dh_public_view(cf_dh_public_of(eph)), pk,
                                               CF_VIEW_EMPTY};
    if (auth != NULL) {
        CF_TRY(cf_dh_shared(auth, pk, &auth_dh));
        context[2] = cf_dh_public_view(cf_dh_public_of(auth));
    }
    return extract_and_expand(info, &dh, &auth_dh, context, ret_shared);
}

/* On the receiving side a key that is not valid is one way of many in which a message does not open. */
static cf_result undifferentiated(cf_result r)
{
    return r.code == CF_ERR_KEY || r.code == CF_ERR_CRYPTO ? cf_fail(CF_ERR_OPEN) : r;
}

CF_MUST_USE cf_result cf_kem_decap(cf_view enc, const cf_dh_key *sk, cf_view auth_pk,
                                   cf_secret *ret_shared)
{
    cf_secret_wipe(ret_shared);
    const cf_curve_info *info = cf_curve_find(cf_dh_curve(sk));
    CF_SECRET(dh);
    CF_SECRET(auth_dh);
    CF_TRY(undifferentiated(cf_dh_shared(sk, enc, &dh)));
    if (auth_pk.len > 0) {
        CF_TRY(undifferentiated(cf_dh_shared(sk, auth_pk, &auth_dh)));
    }
    const cf_view context[CF_HPKE_INFO_PARTS_MAX] = {enc, cf_dh_public_view(cf_dh_public_of(sk)),
                                                     auth_pk};
    return extract_and_expand(info, &dh, &auth_dh, context, ret_shared);
}
