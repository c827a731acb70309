/* SPDX-License-Identifier: Apache-2.0 */
/* EC_KEY is deprecated in OpenSSL 3 and nothing else here is as fast on it; a reference must be the best there is. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "bench/raw.h"

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdh.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "core/base/buf.h"

enum { POINT_BYTES = 97, SHARED_BYTES = 48 };

struct bench_raw {
    EC_KEY *key;
    EVP_PKEY *pkey;
    uint8_t peer[POINT_BYTES];
    uint8_t *spki;
    int spki_len;
    uint8_t shared[SHARED_BYTES];
};

static void need(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "bench: %s failed\n", what);
        exit(1);
    }
}

bench_raw *bench_raw_new(void)
{
    bench_raw *raw = cf_mem_new(1, sizeof *raw);
    need(raw != NULL, "memory");
    raw->key = EC_KEY_new_by_curve_name(NID_secp384r1);
    EC_KEY *peer = EC_KEY_new_by_curve_name(NID_secp384r1);
    raw->pkey = EVP_PKEY_new();
    EVP_PKEY *peer_pkey = EVP_PKEY_new();
    need(EC_KEY_generate_key(raw->key) == 1 && EC_KEY_generate_key(peer) == 1, "key generation");
    need(EVP_PKEY_set1_EC_KEY(raw->pkey, raw->key) == 1, "EVP_PKEY");
    need(EVP_PKEY_set1_EC_KEY(peer_pkey, peer) == 1, "EVP_PKEY");
    size_t len = EC_POINT_point2oct(EC_KEY_get0_group(peer), EC_KEY_get0_public_key(peer),
                                    POINT_CONVERSION_UNCOMPRESSED, raw->peer, POINT_BYTES, NULL);
    need(len == POINT_BYTES, "encoding");
    raw->spki_len = i2d_PUBKEY(peer_pkey, &raw->spki);
    need(raw->spki_len > 0, "encoding");
    EVP_PKEY_free(peer_pkey);
    EC_KEY_free(peer);
    return raw;
}

void bench_raw_free(bench_raw *raw)
{
    EC_KEY_free(raw->key);
    EVP_PKEY_free(raw->pkey);
    OPENSSL_free(raw->spki);
    cf_mem_free(raw);
}

static cf_result with_ec_key(void *ctx)
{
    bench_raw *raw = ctx;
    const EC_GROUP *group = EC_KEY_get0_group(raw->key);
    EC_POINT *point = EC_POINT_new(group);
    bool ok = point != NULL &&
              EC_POINT_oct2point(group, point, raw->peer, POINT_BYTES, NULL) == 1 &&
              ECDH_compute_key(raw->shared, SHARED_BYTES, point, raw->key, NULL) == SHARED_BYTES;
    EC_POINT_free(point);
    return ok ? cf_ok() : cf_fail(CF_ERR_CRYPTO);
}

static cf_result with_evp(void *ctx)
{
    bench_raw *raw = ctx;
    const uint8_t *at = raw->spki;
    size_t len = SHARED_BYTES;
    EVP_PKEY *peer = d2i_PUBKEY(NULL, &at, raw->spki_len);
    EVP_PKEY_CTX *derive = EVP_PKEY_CTX_new(raw->pkey, NULL);
    bool ok = peer != NULL && derive != NULL && EVP_PKEY_derive_init(derive) == 1 &&
              EVP_PKEY_derive_set_peer(derive, peer) == 1 &&
              EVP_PKEY_derive(derive, raw->shared, &len) == 1;
    EVP_PKEY_CTX_free(derive);
    EVP_PKEY_free(peer);
    return ok ? cf_ok() : cf_fail(CF_ERR_CRYPTO);
}

static cf_result with_ec_point(void *ctx)
{
    bench_raw *raw = ctx;
    const EC_GROUP *group = EC_KEY_get0_group(raw->key);
    EC_POINT *point = EC_POINT_new(group);
    BIGNUM *x = BN_new();
    bool ok =
        point != NULL && x != NULL &&
        EC_POINT_oct2point(group, point, raw->peer, POINT_BYTES, NULL) == 1 &&
        EC_POINT_mul(group, point, NULL, point, EC_KEY_get0_private_key(raw->key), NULL) == 1 &&
        EC_POINT_get_affine_coordinates(group, point, x, NULL, NULL) == 1 &&
        BN_bn2binpad(x, raw->shared, SHARED_BYTES) == SHARED_BYTES;
    BN_free(x);
    EC_POINT_free(point);
    return ok ? cf_ok() : cf_fail(CF_ERR_CRYPTO);
}

void bench_raw_rows(bench_raw *raw, bench_row rows[static BENCH_RAW_ROWS])
{
    rows[0] = (bench_row){.name = "ec_key", .fn = with_ec_key, .ctx = raw};
    rows[1] = (bench_row){.name = "evp_derive", .fn = with_evp, .ctx = raw};
    rows[2] = (bench_row){.name = "ec_point", .fn = with_ec_point, .ctx = raw};
}

const bench_row *bench_raw_best(const bench_row rows[static BENCH_RAW_ROWS], bench_plan plan)
{
    const bench_row *best = &rows[0];
    for (size_t i = 1; i < BENCH_RAW_ROWS; i++) {
        if (bench_median_us(&rows[i], plan) < bench_median_us(best, plan)) {
            best = &rows[i];
        }
    }
    return best;
}

const char *bench_lib(void)
{
    return OpenSSL_version(OPENSSL_VERSION);
}
