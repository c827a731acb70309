/* SPDX-License-Identifier: Apache-2.0 */
/* EC_KEY is deprecated in OpenSSL 3 and nothing else there is as fast; a reference must be the best there is. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "bench/attested.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdh.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "core/base/buf.h"

enum {
    VERIFICATIONS = 5,
    DIGEST_BYTES = 48,
    POINT_BYTES = 97,
    SHARED_BYTES = 48,
    RSA_BYTES = 256,
    KEY_BYTES = 32,
    BLOCK_BYTES = 16,
    PKCS8_BYTES = 185, /* of a P-384 key with its public key */
    CBC_BYTES = 192,   /* the same with its pad */
    FIELD_BYTES = 64,
    TAG_BYTES = 16,
};

struct bench_attested {
    EC_KEY *key;
    EVP_PKEY *rsa;
    EVP_PKEY_CTX *encrypt, *decrypt; /* RSAES-OAEP with SHA-256 */
    EVP_CIPHER_CTX *gcm, *cbc;
    uint8_t digest[DIGEST_BYTES], sig[128];
    uint8_t sig_len; /* int in one library, size_t in the other */
    uint8_t point[POINT_BYTES], shared[SHARED_BYTES];
    uint8_t aes_key[KEY_BYTES], iv[BLOCK_BYTES], plain[CBC_BYTES];
    uint8_t wrapped[PKCS8_BYTES + TAG_BYTES], field[FIELD_BYTES + TAG_BYTES];
    uint8_t sealed[RSA_BYTES], cbc_sealed[CBC_BYTES], out[RSA_BYTES];
};

static void need(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "bench: %s failed\n", what);
        exit(1);
    }
}

/* --- the operations --- */

static bool verify_document(bench_attested *a)
{
    bool ok = true;
    for (int i = 0; ok && i < VERIFICATIONS; i++) {
        ok = ECDSA_verify(0, a->digest, DIGEST_BYTES, a->sig, a->sig_len, a->key) == 1;
    }
    return ok;
}

/* AES-256-GCM: the last TAG_BYTES of from are the tag. */
static bool gcm_open(bench_attested *a, const uint8_t *from, int len)
{
    uint8_t tag[TAG_BYTES];
    int n = 0, rest = 0;
    for (int i = 0; i < TAG_BYTES; i++) {
        tag[i] = from[len + i];
    }
    return EVP_DecryptInit_ex(a->gcm, NULL, NULL, a->aes_key, a->iv) == 1 &&
           EVP_DecryptUpdate(a->gcm, a->out, &n, from, len) == 1 &&
           EVP_CIPHER_CTX_ctrl(a->gcm, EVP_CTRL_GCM_SET_TAG, TAG_BYTES, tag) == 1 &&
           EVP_DecryptFinal_ex(a->gcm, a->out + n, &rest) == 1;
}

/* One direction of AES-256-CBC over whole blocks. */
static bool cbc(bench_attested *a, bool encrypts, const uint8_t *from, uint8_t *to)
{
    int n = 0;
    return EVP_CipherInit_ex(a->cbc, EVP_aes_256_cbc(), NULL, a->aes_key, a->iv,
                             encrypts ? 1 : 0) == 1 &&
           EVP_CIPHER_CTX_set_padding(a->cbc, 0) == 1 &&
           EVP_CipherUpdate(a->cbc, to, &n, from, CBC_BYTES) == 1 && n == CBC_BYTES;
}

static bool rsa_seal(bench_attested *a)
{
    size_t len = RSA_BYTES;
    return EVP_PKEY_encrypt(a->encrypt, a->sealed, &len, a->aes_key, KEY_BYTES) == 1 &&
           len == RSA_BYTES;
}

static bool rsa_open(bench_attested *a)
{
    size_t len = RSA_BYTES;
    return EVP_PKEY_decrypt(a->decrypt, a->out, &len, a->sealed, RSA_BYTES) == 1 &&
           len == KEY_BYTES;
}

static bool public_of_private(const bench_attested *a)
{
    const EC_GROUP *group = EC_KEY_get0_group(a->key);
    EC_POINT *point = EC_POINT_new(group);
    bool ok = point != NULL &&
              EC_POINT_mul(group, point, EC_KEY_get0_private_key(a->key), NULL, NULL, NULL) == 1;
    EC_POINT_free(point);
    return ok;
}

static bool exchange(bench_attested *a)
{
    const EC_GROUP *group = EC_KEY_get0_group(a->key);
    EC_POINT *point = EC_POINT_new(group);
    bool ok = point != NULL && EC_POINT_oct2point(group, point, a->point, POINT_BYTES, NULL) == 1 &&
              ECDH_compute_key(a->shared, SHARED_BYTES, point, a->key, NULL) == SHARED_BYTES;
    EC_POINT_free(point);
    return ok;
}

cf_result bench_attested_document(void *ctx)
{
    return verify_document(ctx) ? cf_ok() : cf_fail(CF_ERR_CRYPTO);
}

cf_result bench_attested_service(void *ctx)
{
    bench_attested *a = ctx;
    bool ok = verify_document(a) && gcm_open(a, a->wrapped, PKCS8_BYTES) && rsa_seal(a) &&
              cbc(a, true, a->plain, a->cbc_sealed);
    return ok ? cf_ok() : cf_fail(CF_ERR_CRYPTO);
}

cf_result bench_attested_enclave(void *ctx)
{
    bench_attested *a = ctx;
    bool ok = rsa_open(a) && cbc(a, false, a->cbc_sealed, a->out) && public_of_private(a) &&
              exchange(a) && gcm_open(a, a->field, FIELD_BYTES);
    return ok ? cf_ok() : cf_fail(CF_ERR_CRYPTO);
}

cf_result bench_attested_whole(void *ctx)
{
    CF_TRY(bench_attested_service(ctx));
    return bench_attested_enclave(ctx);
}

/* --- preparation --- */

static void make_ec(bench_attested *a)
{
    EC_KEY *peer = EC_KEY_new_by_curve_name(NID_secp384r1);
    a->key = EC_KEY_new_by_curve_name(NID_secp384r1);
    need(a->key != NULL && peer != NULL && EC_KEY_generate_key(a->key) == 1 &&
             EC_KEY_generate_key(peer) == 1,
         "key generation");
    need(EC_POINT_point2oct(EC_KEY_get0_group(peer), EC_KEY_get0_public_key(peer),
                            POINT_CONVERSION_UNCOMPRESSED, a->point, POINT_BYTES,
                            NULL) == POINT_BYTES,
         "encoding");
    /* A digest like any other: one of zeros saves a verification half of its additions. */
    need(RAND_bytes(a->digest, DIGEST_BYTES) == 1, "randomness");
    unsigned sig_len = 0;
    need(ECDSA_sign(0, a->digest, DIGEST_BYTES, a->sig, &sig_len, a->key) == 1 &&
             sig_len <= sizeof a->sig,
         "signature");
    a->sig_len = (uint8_t)sig_len;
    EC_KEY_free(peer);
}

static EVP_PKEY_CTX *oaep(EVP_PKEY *rsa, int (*init)(EVP_PKEY_CTX *))
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(rsa, NULL);
    need(ctx != NULL && init(ctx) == 1 &&
             EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
             EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha256()) == 1 &&
             EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) == 1,
         "OAEP");
    return ctx;
}

static void make_rsa(bench_attested *a)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
    need(ctx != NULL && EVP_PKEY_keygen_init(ctx) == 1 &&
             EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, RSA_BYTES * 8) == 1 &&
             EVP_PKEY_keygen(ctx, &a->rsa) == 1,
         "RSA key generation");
    EVP_PKEY_CTX_free(ctx);
    a->encrypt = oaep(a->rsa, EVP_PKEY_encrypt_init);
    a->decrypt = oaep(a->rsa, EVP_PKEY_decrypt_init);
}

static void gcm_seal(bench_attested *a, uint8_t *to, int len)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0, rest = 0;
    need(ctx != NULL && EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, a->aes_key, a->iv) == 1 &&
             EVP_EncryptUpdate(ctx, to, &n, a->plain, len) == 1 &&
             EVP_EncryptFinal_ex(ctx, to + n, &rest) == 1 &&
             EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, to + len) == 1,
         "GCM");
    EVP_CIPHER_CTX_free(ctx);
}

bench_attested *bench_attested_new(void)
{
    bench_attested *a = cf_mem_new(1, sizeof *a);
    need(a != NULL, "memory");
    need(RAND_bytes(a->aes_key, KEY_BYTES) == 1 && RAND_bytes(a->iv, BLOCK_BYTES) == 1,
         "randomness");
    make_ec(a);
    make_rsa(a);
    gcm_seal(a, a->wrapped, PKCS8_BYTES);
    gcm_seal(a, a->field, FIELD_BYTES);
    a->gcm = EVP_CIPHER_CTX_new();
    a->cbc = EVP_CIPHER_CTX_new();
    need(a->gcm != NULL && a->cbc != NULL &&
             EVP_DecryptInit_ex(a->gcm, EVP_aes_256_gcm(), NULL, NULL, NULL) == 1,
         "AES");
    need(cf_is_ok(bench_attested_whole(a)), "an operation");
    return a;
}

void bench_attested_free(bench_attested *a)
{
    EC_KEY_free(a->key);
    EVP_PKEY_CTX_free(a->encrypt);
    EVP_PKEY_CTX_free(a->decrypt);
    EVP_PKEY_free(a->rsa);
    EVP_CIPHER_CTX_free(a->gcm);
    EVP_CIPHER_CTX_free(a->cbc);
    cf_mem_free(a);
}
