/* SPDX-License-Identifier: Apache-2.0 */
#include "core/crypto/pair_priv.h"

#include <openssl/obj_mac.h>
#include <openssl/rsa.h>

/* What a kind is to the library: bits of an RSA modulus, or the number of a curve's name; neither: Ed25519. head: how the public
 * keys of a curve begin in DER, which names it. */
typedef struct {
    int id, bits, nid;
    cf_view head;
} kind_info;

#define EC_KEY "\x06\x07\x2A\x86\x48\xCE\x3D\x02\x01"

static const kind_info kinds[CF_PAIR_COUNT] = {
    [CF_PAIR_RSA_2048] = {EVP_PKEY_RSA, 2048, 0, {NULL, 0}},
    [CF_PAIR_RSA_3072] = {EVP_PKEY_RSA, 3072, 0, {NULL, 0}},
    [CF_PAIR_RSA_4096] = {EVP_PKEY_RSA, 4096, 0, {NULL, 0}},
    [CF_PAIR_P256] = {EVP_PKEY_EC, 0, NID_X9_62_prime256v1,
                      CF_LIT_INIT("\x30\x59\x30\x13" EC_KEY
                                  "\x06\x08\x2A\x86\x48\xCE\x3D\x03\x01\x07")},
    [CF_PAIR_P384] = {EVP_PKEY_EC, 0, NID_secp384r1,
                      CF_LIT_INIT("\x30\x76\x30\x10" EC_KEY "\x06\x05\x2B\x81\x04\x00\x22")},
    [CF_PAIR_P521] = {EVP_PKEY_EC, 0, NID_secp521r1,
                      CF_LIT_INIT("\x30\x81\x9B\x30\x10" EC_KEY "\x06\x05\x2B\x81\x04\x00\x23")},
    [CF_PAIR_SECP256K1] = {EVP_PKEY_EC, 0, NID_secp256k1,
                           CF_LIT_INIT("\x30\x56\x30\x10" EC_KEY "\x06\x05\x2B\x81\x04\x00\x0A")},
    [CF_PAIR_ED25519] = {EVP_PKEY_ED25519, 0, 0,
                         CF_LIT_INIT("\x30\x2A\x30\x05\x06\x03\x2B\x65\x70")},
};

static bool is_kind(cf_pair_kind kind)
{
    return kind >= CF_PAIR_RSA_2048 && kind < CF_PAIR_COUNT;
}

void cf_pair_free(cf_pair **p)
{
    if (*p != NULL) {
        EVP_PKEY_free((*p)->pkey);
        cf_mem_free(*p);
        *p = NULL;
    }
}

cf_pair_kind cf_pair_kind_of(const cf_pair *p)
{
    return p->kind;
}

/* Takes the key over; *pkey is left to the caller after an error. */
static cf_result wrap(cf_pair_kind kind, bool is_private, EVP_PKEY **pkey, cf_pair **ret)
{
    cf_pair *p = cf_mem_new(1, sizeof *p);
    CF_REQUIRE(p != NULL, NO_MEMORY);
    *p = (cf_pair){*pkey, kind, is_private};
    *pkey = NULL;
    *ret = p;
    return cf_ok();
}

static bool set_parameters(EVP_PKEY_CTX *ctx, const kind_info *info)
{
    if (info->bits > 0) {
        return EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, info->bits) == 1;
    }
    return info->nid == 0 || EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx, info->nid) == 1;
}

CF_MUST_USE cf_result cf_pair_generate(cf_pair_kind kind, cf_pair **ret)
{
    *ret = NULL;
    CF_REQUIRE(is_kind(kind), ARGUMENT);
    CF_AUTO(cf_lib_free_EVP_PKEY_CTX)
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(kinds[kind].id, NULL);
    CF_REQUIRE(ctx != NULL, NO_MEMORY);
    CF_AUTO(cf_lib_free_EVP_PKEY) EVP_PKEY *pkey = NULL;
    bool done = EVP_PKEY_keygen_init(ctx) == 1 && set_parameters(ctx, &kinds[kind]) &&
                EVP_PKEY_keygen(ctx, &pkey) == 1;
    cf_lib_wipe_stack();
    CF_TRY(cf_lib_ok(done, CF_ERR_CRYPTO));
    return wrap(kind, true, &pkey, ret);
}

CF_MUST_USE cf_result cf_pair_to_spki(const cf_pair *p, cf_buf *out)
{
    CF_AUTO(cf_lib_free_octets) cf_lib_octets der = {NULL, 0};
    int len = i2d_PUBKEY(p->pkey, &der.data);
    CF_TRY(cf_lib_ok(len > 0, CF_ERR_CRYPTO));
    der.len = (size_t)len;
    return cf_buf_append(out, cf_view_make(der.data, der.len));
}

CF_LIB_FREE(PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free)

CF_MUST_USE cf_result cf_pair_to_pkcs8(const cf_pair *p, cf_buf *out)
{
    CF_REQUIRE(p->is_private, KEY);
    CF_AUTO(cf_lib_free_octets) cf_lib_octets der = {NULL, 0};
    CF_AUTO(cf_lib_free_PKCS8_PRIV_KEY_INFO) PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(p->pkey);
    CF_TRY(cf_lib_ok(info != NULL, CF_ERR_CRYPTO));
    int len = i2d_PKCS8_PRIV_KEY_INFO(info, &der.data);
    cf_lib_wipe_stack();
    CF_TRY(cf_lib_ok(len > 0, CF_ERR_CRYPTO));
    der.len = (size_t)len;
    return cf_buf_append(out, cf_view_make(der.data, der.len));
}

/* Whether the library's key is what its handle says. */
static cf_result check_kind(const cf_pair *p)
{
    CF_BUF(spki);
    const kind_info *info = &kinds[p->kind];
    CF_REQUIRE(EVP_PKEY_id(p->pkey) == info->id, KEY);
    CF_REQUIRE(info->bits == 0 || EVP_PKEY_bits(p->pkey) == info->bits, KEY);
    CF_TRY(cf_pair_to_spki(p, &spki));
    cf_view head = cf_view_sub(cf_buf_view(&spki), 0, info->head.len);
    CF_REQUIRE(cf_view_eq(head, info->head), KEY);
    return cf_ok();
}

/* As wrap, of a key that came from elsewhere. */
static cf_result take(cf_pair_kind kind, bool is_private, EVP_PKEY **pkey, cf_pair **ret)
{
    CF_AUTO(cf_pair_free) cf_pair *p = NULL;
    CF_TRY(wrap(kind, is_private, pkey, &p));
    CF_TRY(check_kind(p));
    *ret = p;
    p = NULL;
    return cf_ok();
}

CF_MUST_USE cf_result cf_pair_from_pkcs8(cf_pair_kind kind, cf_view der, cf_pair **ret)
{
    *ret = NULL;
    CF_REQUIRE(is_kind(kind), ARGUMENT);
    CF_REQUIRE(der.len <= CF_PAIR_PKCS8_BYTES_MAX, KEY);
    CF_AUTO(cf_lib_free_EVP_PKEY) EVP_PKEY *pkey = NULL;
    CF_TRY(cf_pkey_from_pkcs8(der, &pkey));
    return take(kind, true, &pkey, ret);
}

CF_MUST_USE cf_result cf_pair_from_spki(cf_pair_kind kind, cf_view der, cf_pair **ret)
{
    *ret = NULL;
    CF_REQUIRE(is_kind(kind), ARGUMENT);
    CF_REQUIRE(der.len <= CF_PAIR_PKCS8_BYTES_MAX, KEY);
    const uint8_t *at = der.data;
    CF_AUTO(cf_lib_free_EVP_PKEY) EVP_PKEY *pkey = d2i_PUBKEY(NULL, &at, (long)der.len);
    CF_TRY(cf_lib_ok(pkey != NULL, CF_ERR_KEY));
    CF_REQUIRE(at == der.data + der.len, TRAILING);
    return take(kind, false, &pkey, ret);
}

CF_MUST_USE cf_result cf_pair_share(const cf_pair *p, cf_pair **ret)
{
    *ret = NULL;
    CF_TRY(cf_lib_ok(EVP_PKEY_up_ref(p->pkey) == 1, CF_ERR_CRYPTO));
    CF_AUTO(cf_lib_free_EVP_PKEY) EVP_PKEY *pkey = p->pkey;
    return wrap(p->kind, p->is_private, &pkey, ret);
}

/* --- OAEP, RFC 8017 section 7.1 --- */

static size_t oaep_hash_bytes(cf_oaep oaep)
{
    return oaep == CF_OAEP_SHA1 ? 20 : 32;
}

size_t cf_pair_oaep_max(cf_pair_kind kind, cf_oaep oaep)
{
    if (!is_kind(kind) || kinds[kind].bits == 0) {
        return 0;
    }
    return (size_t)kinds[kind].bits / 8 - 2 * oaep_hash_bytes(oaep) - 2;
}

static const EVP_MD *oaep_md(cf_oaep oaep)
{
    return oaep == CF_OAEP_SHA1 ? EVP_sha1() : EVP_sha256();
}

CF_MUST_USE cf_result cf_pair_oaep_encrypt(const cf_pair *p, cf_oaep oaep, cf_view pt, cf_buf *out)
{
    static const uint8_t nothing[1] = {0};
    size_t len = (size_t)kinds[p->kind].bits / 8;
    CF_REQUIRE(len > 0, KEY);
    CF_REQUIRE(pt.len <= cf_pair_oaep_max(p->kind, oaep), SIZE);
    CF_TRY(cf_buf_reserve(out, len));
    CF_AUTO(cf_lib_free_EVP_PKEY_CTX) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(p->pkey, NULL);
    CF_REQUIRE(ctx != NULL, NO_MEMORY);
    CF_TRY(cf_lib_ok(EVP_PKEY_encrypt_init(ctx) == 1 && cf_pkey_set_oaep(ctx, oaep_md(oaep)),
                     CF_ERR_CRYPTO));
    int done =
        EVP_PKEY_encrypt(ctx, out->data + out->len, &len, pt.len > 0 ? pt.data : nothing, pt.len);
    CF_TRY(cf_lib_ok(done == 1, CF_ERR_CRYPTO));
    out->len += len;
    return cf_ok();
}

CF_MUST_USE cf_result cf_pair_oaep_decrypt(const cf_pair *p, cf_oaep oaep, cf_view ct, cf_buf *out)
{
    size_t room = (size_t)kinds[p->kind].bits / 8, len = room;
    CF_REQUIRE(room > 0 && p->is_private, KEY);
    CF_REQUIRE(ct.len == room, OPEN);
    CF_TRY(cf_buf_reserve(out, room));
    CF_AUTO(cf_lib_free_EVP_PKEY_CTX) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(p->pkey, NULL);
    CF_REQUIRE(ctx != NULL, NO_MEMORY);
    CF_TRY(cf_lib_ok(EVP_PKEY_decrypt_init(ctx) == 1 && cf_pkey_set_oaep(ctx, oaep_md(oaep)),
                     CF_ERR_CRYPTO));
    int done = EVP_PKEY_decrypt(ctx, out->data + out->len, &len, ct.data, ct.len);
    cf_lib_wipe_stack();
    if (done != 1) {
        /* as in cf_rsa_oaep_decrypt: nothing tells one failure from another */
        ERR_clear_error();
        cf_wipe(out->data + out->len, room);
        return cf_fail(CF_ERR_OPEN);
    }
    out->len += len;
    return cf_ok();
}
