/* SPDX-License-Identifier: Apache-2.0 */
#include "core/crypto/dh.h"

#include "core/crypto/curve_priv.h"
#include "core/crypto/lib_priv.h"

/* A random scalar is out of range with probability below 2^-32; so often in a row means a broken generator. */
#define GENERATE_TRIES_MAX 8

/* Octets only, so that a cache of ten thousand keys is small, a key is made from octets at the cost of a copy, and any number
 * of threads may use one: nothing in it changes. The NIST curves go through the EC_POINT interface, which both libraries share
 * and OpenSSL 3 does not deprecate: EVP_PKEY_derive costs twice as much on OpenSSL, as it multiplies a second time to check
 * the order of a peer that lies on a curve of prime order anyway, and it gains nothing on AWS-LC. */
struct cf_dh_key {
    const cf_curve_info *info;
    EVP_PKEY *x; /* X25519 only: making one multiplies, so it is made once */
    cf_secret sk;
    cf_dh_public pub;
};

void cf_dh_free(cf_dh_key **k)
{
    if (*k != NULL) {
        EVP_PKEY_free((*k)->x);
        cf_wipe(*k, sizeof **k);
        cf_mem_free(*k);
        *k = NULL;
    }
}

cf_curve cf_dh_curve(const cf_dh_key *k)
{
    return k->info->curve;
}

const cf_dh_public *cf_dh_public_of(const cf_dh_key *k)
{
    return &k->pub;
}

CF_MUST_USE cf_result cf_dh_secret_of(const cf_dh_key *k, cf_secret *ret)
{
    return cf_secret_set(ret, cf_secret_view(&k->sk));
}

/* What one multiplication needs from the library; all of it freed and wiped together. */
typedef struct {
    EC_GROUP *group;
    EC_POINT *point;
    BN_CTX *ctx;
    BIGNUM *scalar, *x;
} ec_work;

static void ec_work_clear(ec_work *w)
{
    cf_lib_free_BIGNUM(&w->x);
    cf_lib_free_BIGNUM(&w->scalar);
    cf_lib_free_BN_CTX(&w->ctx);
    cf_lib_free_EC_POINT(&w->point);
    cf_lib_free_EC_GROUP(&w->group);
    cf_lib_wipe_stack(); /* the multiplication leaves the scalar's digits in its dead frames */
}

static cf_result ec_work_init(ec_work *w, const cf_curve_info *info, cf_view scalar)
{
    w->group = EC_GROUP_new_by_curve_name(info->nid);
    CF_REQUIRE(w->group != NULL, NO_MEMORY);
    w->point = EC_POINT_new(w->group);
    w->ctx = BN_CTX_new();
    w->scalar = BN_bin2bn(scalar.data, info->secret, NULL);
    w->x = BN_new();
    CF_REQUIRE(w->point != NULL && w->ctx != NULL && w->scalar != NULL && w->x != NULL, NO_MEMORY);
    return cf_ok();
}

static cf_result ec_public(const cf_curve_info *info, cf_view scalar, cf_dh_public *ret)
{
    CF_AUTO(ec_work_clear) ec_work w = {0};
    CF_TRY(ec_work_init(&w, info, scalar));
    int done = EC_POINT_mul(w.group, w.point, w.scalar, NULL, NULL, w.ctx);
    CF_TRY(cf_lib_ok(done == 1, CF_ERR_CRYPTO));
    size_t len = EC_POINT_point2oct(w.group, w.point, POINT_CONVERSION_UNCOMPRESSED, ret->b,
                                    sizeof ret->b, w.ctx);
    CF_TRY(cf_lib_ok(len == info->public, CF_ERR_CRYPTO));
    ret->len = info->public;
    return cf_ok();
}

static cf_result ec_shared(const cf_curve_info *info, cf_view scalar, cf_view peer, cf_secret *ret)
{
    CF_REQUIRE(peer.len == info->public && peer.data[0] == CF_SEC1_UNCOMPRESSED, KEY);
    CF_AUTO(ec_work_clear) ec_work w = {0};
    CF_TRY(ec_work_init(&w, info, scalar));
    /* refuses coordinates outside the field and points off the curve; infinity has no encoding of this length */
    int decoded = EC_POINT_oct2point(w.group, w.point, peer.data, peer.len, w.ctx);
    CF_TRY(cf_lib_ok(decoded == 1, CF_ERR_KEY));
    bool done = EC_POINT_mul(w.group, w.point, NULL, w.point, w.scalar, w.ctx) == 1 &&
                EC_POINT_get_affine_coordinates(w.group, w.point, w.x, NULL, w.ctx) == 1 &&
                BN_bn2binpad(w.x, ret->b, info->secret) == info->secret;
    CF_TRY(cf_lib_ok(done, CF_ERR_CRYPTO));
    ret->len = info->secret;
    return cf_ok();
}

static cf_result x25519_shared(EVP_PKEY *sk, cf_view peer, cf_secret *ret)
{
    CF_AUTO(cf_lib_free_EVP_PKEY)
    EVP_PKEY *pk = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, peer.data, peer.len);
    CF_TRY(cf_lib_ok(pk != NULL, CF_ERR_KEY));
    CF_AUTO(cf_lib_free_EVP_PKEY_CTX) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(sk, NULL);
    CF_REQUIRE(ctx != NULL, NO_MEMORY);
    size_t len = sizeof ret->b;
    bool done = EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, pk) == 1 &&
                EVP_PKEY_derive(ctx, ret->b, &len) == 1;
    cf_lib_wipe_stack();
    CF_TRY(cf_lib_ok(done, CF_ERR_KEY)); /* both libraries refuse the all-zero output */
    ret->len = (uint8_t)len;
    /* RFC 9180 section 7.1.4 demands the check, so it does not rest on the library alone */
    static const uint8_t zero[32] = {0};
    CF_REQUIRE(!cf_ct_eq(cf_secret_view(ret), CF_VIEW_OF(zero)), KEY);
    return cf_ok();
}

CF_MUST_USE cf_result cf_dh_shared(const cf_dh_key *k, cf_view peer, cf_secret *ret)
{
    cf_secret_wipe(ret);
    CF_REQUIRE(peer.len == k->info->public, KEY);
    cf_result r = k->info->nid == 0 ? x25519_shared(k->x, peer, ret)
                                    : ec_shared(k->info, cf_secret_view(&k->sk), peer, ret);
    if (!cf_is_ok(r)) {
        cf_secret_wipe(ret);
    }
    return r;
}

/* Fills in what follows from the scalar. A given public key is believed to belong to it: finding out costs a multiplication. */
static cf_result complete(cf_dh_key *k, cf_view pub)
{
    cf_view sk = cf_secret_view(&k->sk);
    if (k->info->nid == 0) {
        size_t len = sizeof k->pub.b;
        k->x = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, sk.data, sk.len);
        cf_lib_wipe_stack();
        CF_TRY(cf_lib_ok(k->x != NULL, CF_ERR_CRYPTO));
        int told = EVP_PKEY_get_raw_public_key(k->x, k->pub.b, &len);
        CF_TRY(cf_lib_ok(told == 1 && len == k->info->public, CF_ERR_CRYPTO));
        k->pub.len = k->info->public;
        CF_REQUIRE(pub.len == 0 || cf_view_eq(pub, cf_dh_public_view(&k->pub)), KEY);
        return cf_ok();
    }
    if (pub.len == 0) {
        return ec_public(k->info, sk, &k->pub);
    }
    CF_TRY(cf_curve_public_ok(k->info, pub));
    cf_copy(k->pub.b, pub.data, pub.len);
    k->pub.len = (uint8_t)pub.len;
    return cf_ok();
}

CF_MUST_USE cf_result cf_dh_from_secret(cf_curve c, cf_view scalar, cf_view pub, cf_dh_key **ret)
{
    *ret = NULL;
    const cf_curve_info *info = cf_curve_find(c);
    CF_REQUIRE(info != NULL, ARGUMENT);
    CF_TRY(cf_curve_scalar_ok(info, scalar));
    CF_AUTO(cf_dh_free) cf_dh_key *k = cf_mem_new(1, sizeof *k);
    CF_REQUIRE(k != NULL, NO_MEMORY);
    k->info = info;
    CF_TRY(cf_secret_set(&k->sk, scalar));
    CF_TRY(complete(k, pub));
    *ret = k;
    k = NULL;
    return cf_ok();
}

CF_MUST_USE cf_result cf_dh_generate(cf_curve c, cf_dh_key **ret)
{
    *ret = NULL;
    const cf_curve_info *info = cf_curve_find(c);
    CF_REQUIRE(info != NULL, ARGUMENT);
    CF_SECRET(scalar);
    scalar.len = info->secret;
    for (int i = 0; i < GENERATE_TRIES_MAX; i++) {
        CF_TRY(cf_random(scalar.b, scalar.len));
        scalar.b[0] &= info->mask;
        if (cf_is_ok(cf_curve_scalar_ok(info, cf_secret_view(&scalar)))) {
            return cf_dh_from_secret(c, cf_secret_view(&scalar), CF_VIEW_EMPTY, ret);
        }
    }
    return cf_fail(CF_ERR_ENTROPY);
}
