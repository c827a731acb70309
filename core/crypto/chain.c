/* SPDX-License-Identifier: Apache-2.0 */
/* Chains of attestation documents: one given path from a pinned root, nothing to be looked for. All that is cheap is checked first,
 * then the signatures from the root downwards, so that no key is used before it is known whose it is. */
#include "core/crypto/curve_priv.h"
#include "core/crypto/pkey_priv.h"
#include "core/crypto/sign.h"

/* The bundle, root first, and the leaf behind it. */
typedef struct {
    cf_cert certs[CF_CHAIN_CERTS_MAX + 1];
    size_t leaf; /* its place, the number of those before it */
    int64_t at_s;
} path;

static cf_chain_fault check_time(const cf_cert *c, int64_t at_s)
{
    if (at_s < c->not_before_s) {
        return CF_CHAIN_NOT_YET;
    }
    return at_s < c->not_after_s ? CF_CHAIN_HOLDS : CF_CHAIN_EXPIRED;
}

/* Octet for octet: the order of attributes differs from level to level, but a name is copied as it is. */
static bool is_issued(const path *p, size_t i)
{
    const cf_cert *issuer = &p->certs[i == 0 ? 0 : i - 1];
    return cf_view_eq(p->certs[i].issuer, issuer->subject);
}

/* A CA says so and may sign certificates, both in so many words. A leaf is none, and may sign unless it says what else it may. */
static bool may_do_its_part(const path *p, size_t i)
{
    const cf_cert *c = &p->certs[i];
    if (i < p->leaf) {
        return c->ca && c->has_usage && (c->usage & CF_CERT_USAGE_CERT_SIGN) != 0;
    }
    return !c->ca && (!c->has_usage || (c->usage & CF_CERT_USAGE_SIGN) != 0);
}

/* CAs between this one and the leaf. */
static bool is_short_enough(const path *p, size_t i)
{
    return i == p->leaf || p->certs[i].path_len < 0 ||
           (size_t)p->certs[i].path_len >= p->leaf - 1 - i;
}

/* What can be said of a certificate without a signature. */
static cf_chain_fault check_cert(const path *p, size_t i)
{
    const cf_cert *c = &p->certs[i];
    if (!c->es384) {
        return CF_CHAIN_ALGORITHM;
    }
    if (c->unknown_critical) {
        return CF_CHAIN_CRITICAL;
    }
    if (!is_issued(p, i)) {
        return CF_CHAIN_NAME;
    }
    if (!may_do_its_part(p, i)) {
        return CF_CHAIN_CA;
    }
    return is_short_enough(p, i) ? check_time(c, p->at_s) : CF_CHAIN_PATH_LENGTH;
}

/* error KEY unless it is a P-384 key by name. Whether the point is on the curve is the library's to find out. */
static cf_result key_of(const cf_cert *c, EVP_PKEY **ret)
{
    const cf_curve_info *info = NULL;
    cf_view pub = CF_VIEW_EMPTY;
    cf_result r = cf_spki_read(c->spki, &info, &pub);
    CF_REQUIRE(cf_is_ok(r) && info->curve == CF_P384, KEY);
    CF_REQUIRE(pub.len == info->public && pub.data[0] == CF_SEC1_UNCOMPRESSED, KEY);
    const uint8_t *at = c->spki.data;
    *ret = d2i_PUBKEY(NULL, &at, (long)c->spki.len);
    return cf_lib_ok(*ret != NULL, CF_ERR_KEY);
}

/* The signature of one under the key of the one above. */
static cf_result check_signature(const path *p, size_t i, cf_chain_verdict *v)
{
    CF_AUTO(cf_lib_free_EVP_PKEY) EVP_PKEY *issuer = NULL;
    *v = (cf_chain_verdict){CF_CHAIN_KEY, i - 1};
    CF_TRY(key_of(&p->certs[i - 1], &issuer));
    *v = (cf_chain_verdict){CF_CHAIN_SIGNATURE, i};
    return cf_pkey_verify_es384(issuer, p->certs[i].tbs, p->certs[i].signature);
}

static cf_result judge(path *p, const cf_view *bundle, cf_view leaf, cf_chain_verdict *v)
{
    for (size_t i = 0; i <= p->leaf; i++) {
        *v = (cf_chain_verdict){CF_CHAIN_SYNTAX, i};
        CF_TRY(cf_cert_read(i < p->leaf ? bundle[i] : leaf, &p->certs[i]));
    }
    for (size_t i = 0; i <= p->leaf; i++) {
        *v = (cf_chain_verdict){check_cert(p, i), i};
        CF_REQUIRE(v->fault == CF_CHAIN_HOLDS, CHAIN);
    }
    for (size_t i = 1; i <= p->leaf; i++) {
        CF_TRY(check_signature(p, i, v));
    }
    *v = (cf_chain_verdict){CF_CHAIN_HOLDS, 0};
    return cf_ok();
}

CF_MUST_USE cf_result cf_chain_judge(cf_view root, const cf_view *bundle, size_t n, cf_view leaf,
                                     uint64_t at_ms, cf_chain_verdict *ret_verdict,
                                     cf_dh_public *ret_pub)
{
    *ret_pub = (cf_dh_public){{0}, 0};
    *ret_verdict = (cf_chain_verdict){CF_CHAIN_ROOT, 0};
    CF_REQUIRE(n >= 1 && n <= CF_CHAIN_CERTS_MAX && root.len > 0, CHAIN);
    CF_REQUIRE(cf_view_eq(bundle[0], root), CHAIN);
    path p = {.leaf = n, .at_s = (int64_t)(at_ms / 1000)};
    cf_result r = judge(&p, bundle, leaf, ret_verdict);
    bool judged = r.code != CF_ERR_NO_MEMORY && r.code != CF_ERR_CRYPTO;
    CF_REQUIRE(cf_is_ok(r) || !judged, CHAIN);
    CF_TRY(r);
    cf_curve curve = CF_P384;
    *ret_verdict = (cf_chain_verdict){CF_CHAIN_KEY, n};
    r = cf_dh_public_from_spki(p.certs[n].spki, &curve, ret_pub);
    CF_REQUIRE(r.code != CF_ERR_NO_MEMORY, NO_MEMORY);
    if (!cf_is_ok(r) || curve != CF_P384) {
        *ret_pub = (cf_dh_public){{0}, 0};
        return cf_fail(CF_ERR_KEY);
    }
    *ret_verdict = (cf_chain_verdict){CF_CHAIN_HOLDS, 0};
    return cf_ok();
}

CF_MUST_USE cf_result cf_chain_verify(cf_view root, const cf_view *bundle, size_t n, cf_view leaf,
                                      uint64_t at_ms, cf_dh_public *ret_pub)
{
    cf_chain_verdict verdict;
    return cf_chain_judge(root, bundle, n, leaf, at_ms, &verdict, ret_pub);
}
