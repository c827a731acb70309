/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on data: encrypting, decrypting, data keys and data key pairs. */
#include "host/kmsd/call.h"
#include "host/kmsd/kmsd_priv.h"

#define DATA_KEY_BYTES_MAX 1024

/* What every operation under a key that the request names does first: key, context, recipient, permission. */
static cf_result prepare(cf_kmsd_call *c, bool attested)
{
    CF_TRY(cf_kmsd_check_tokens(c));
    CF_TRY(cf_kmsd_find_key(c));
    CF_TRY(cf_kmsd_read_context(c));
    if (attested) {
        CF_TRY(cf_kmsd_read_recipient(c));
    }
    return cf_kmsd_authorise(c);
}

static cf_result seal(cf_kmsd_call *c, cf_view plaintext, cf_buf *out)
{
    return cf_blob_seal(cf_key_id(c->key), cf_key_material(c->key), cf_buf_view(&c->canonical),
                        plaintext, out);
}

static void put_blob(cf_kmsd_call *c, const char *name, const cf_buf *octets)
{
    cf_kms_body_name(&c->out, name);
    cf_kms_body_base64(&c->out, cf_buf_view(octets));
}

/* The service leaves it out of attested answers. */
static void put_material_id(cf_kmsd_call *c)
{
    if (!c->recipient.given) {
        cf_kms_body_name(&c->out, "KeyMaterialId");
        cf_kms_body_hex(&c->out, CF_VIEW_OF(cf_key_material(c->key)->id));
    }
}

/* All keys here are symmetric. */
static cf_result check_algorithm(cf_kmsd_call *c)
{
    cf_view algorithm = cf_in_text(c->in, "EncryptionAlgorithm");
    if (cf_in_has(c->in, "EncryptionAlgorithm") &&
        !cf_view_eq(algorithm, CF_LIT("SYMMETRIC_DEFAULT"))) {
        return cf_kmsd_refuse(c, CF_KX_INVALID_KEY_USAGE,
                              "%s key usage does not allow this encryption algorithm.", c->arn);
    }
    return cf_ok();
}

cf_result cf_op_encrypt(cf_kmsd_call *c)
{
    CF_BUF(plaintext);
    CF_BUF(blob);
    CF_TRY(prepare(c, false));
    CF_TRY(check_algorithm(c));
    CF_TRY(cf_kmsd_end_dry_run(c));
    CF_TRY(cf_in_blob(c->in, "Plaintext", &plaintext));
    CF_TRY(seal(c, cf_buf_view(&plaintext), &blob));
    put_blob(c, "CiphertextBlob", &blob);
    cf_kmsd_put_text(c, "KeyId", c->arn);
    cf_kmsd_put_text(c, "EncryptionAlgorithm", "SYMMETRIC_DEFAULT");
    return cf_ok();
}

/* --- Decrypt --- */

static cf_result refuse_ciphertext(cf_kmsd_call *c)
{
    return cf_kmsd_refuse(c, CF_KX_INVALID_CIPHERTEXT, "%s", "");
}

/* The key that the blob names; the one that the request names, if it does, must be the same. */
static cf_result find_blob_key(cf_kmsd_call *c, cf_view octets, cf_blob *ret)
{
    const cf_key *named = NULL;
    if (cf_in_has(c->in, "KeyId")) {
        CF_TRY(cf_kmsd_find_key(c));
        named = c->key;
    }
    if (!cf_is_ok(cf_blob_parse(octets, ret))) {
        return refuse_ciphertext(c);
    }
    const cf_key *key = cf_keys_find(c->service->keys, &ret->key);
    if (key == NULL) {
        return refuse_ciphertext(c);
    }
    if (named != NULL && named != key) {
        return cf_kmsd_refuse(
            c, CF_KX_INCORRECT_KEY,
            "The key ID in the request does not identify a CMK that can perform this operation.");
    }
    return cf_kmsd_take_key(c, key);
}

cf_result cf_op_decrypt(cf_kmsd_call *c)
{
    CF_BUF(octets);
    CF_BUF(plaintext);
    cf_blob blob;
    CF_TRY(cf_kmsd_check_tokens(c));
    CF_TRY(cf_in_blob(c->in, "CiphertextBlob", &octets));
    CF_TRY(find_blob_key(c, cf_buf_view(&octets), &blob));
    CF_TRY(cf_kmsd_read_context(c));
    CF_TRY(cf_kmsd_read_recipient(c));
    CF_TRY(cf_kmsd_authorise(c));
    CF_TRY(check_algorithm(c));
    cf_result r =
        cf_blob_open(&blob, cf_key_material(c->key), cf_buf_view(&c->canonical), &plaintext);
    if (r.code == CF_ERR_OPEN) {
        return refuse_ciphertext(c);
    }
    CF_TRY(r);
    CF_TRY(cf_kmsd_end_dry_run(c));
    cf_kmsd_put_text(c, "KeyId", c->arn);
    CF_TRY(cf_kmsd_put_secret(c, "Plaintext", cf_buf_view(&plaintext)));
    cf_kmsd_put_text(c, "EncryptionAlgorithm", "SYMMETRIC_DEFAULT");
    put_material_id(c);
    return cf_ok();
}

/* --- data keys --- */

/* Exactly one of two members says how long the key is. */
static cf_result data_key_len(cf_kmsd_call *c, size_t *ret)
{
    bool by_spec = cf_in_has(c->in, "KeySpec");
    *ret = 0;
    if (by_spec == cf_in_has(c->in, "NumberOfBytes")) {
        return cf_kmsd_refuse(c, CF_KX_VALIDATION,
                              "Please specify either number of bytes or key spec.");
    }
    if (by_spec) {
        *ret = cf_view_eq(cf_in_text(c->in, "KeySpec"), CF_LIT("AES_256")) ? 32 : 16;
    } else {
        *ret = (size_t)cf_in_number(c->in, "NumberOfBytes", 0);
    }
    CF_REQUIRE(*ret >= 1 && *ret <= DATA_KEY_BYTES_MAX, INTERNAL);
    return cf_ok();
}

static cf_result random_octets(size_t len, cf_buf *out)
{
    CF_TRY(cf_buf_reserve(out, len));
    CF_TRY(cf_random(out->data + out->len, len));
    out->len += len;
    return cf_ok();
}

static cf_result data_key(cf_kmsd_call *c, bool with_plaintext)
{
    CF_BUF(key);
    CF_BUF(blob);
    size_t len;
    CF_TRY(prepare(c, with_plaintext));
    CF_TRY(data_key_len(c, &len));
    CF_TRY(cf_kmsd_end_dry_run(c));
    CF_TRY(random_octets(len, &key));
    CF_TRY(seal(c, cf_buf_view(&key), &blob));
    put_blob(c, "CiphertextBlob", &blob);
    if (with_plaintext) {
        CF_TRY(cf_kmsd_put_secret(c, "Plaintext", cf_buf_view(&key)));
    }
    cf_kmsd_put_text(c, "KeyId", c->arn);
    put_material_id(c);
    return cf_ok();
}

cf_result cf_op_data_key(cf_kmsd_call *c)
{
    return data_key(c, true);
}

cf_result cf_op_data_key_without(cf_kmsd_call *c)
{
    return data_key(c, false);
}

/* --- data key pairs --- */

static cf_result pair_curve(cf_kmsd_call *c, cf_curve *ret)
{
    static const struct {
        const char *spec;
        cf_curve curve;
    } known[] = {
        {"ECC_NIST_P256", CF_P256}, {"ECC_NIST_P384", CF_P384}, {"ECC_NIST_P521", CF_P521}};
    cf_view spec = cf_in_text(c->in, "KeyPairSpec");
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (cf_view_eq(spec, cf_view_str(known[i].spec))) {
            *ret = known[i].curve;
            return cf_ok();
        }
    }
    return cf_kmsd_refuse(c, CF_KX_UNSUPPORTED,
                          "Pairs other than those of P-256, P-384 and P-521 are not supported.");
}

static cf_result make_pair(cf_curve curve, cf_buf *ret_spki, cf_buf *ret_pkcs8)
{
    CF_AUTO(cf_dh_free) cf_dh_key *key = NULL;
    CF_TRY(cf_dh_generate(curve, &key));
    CF_TRY(cf_dh_public_to_spki(curve, cf_dh_public_view(cf_dh_public_of(key)), ret_spki));
    return cf_dh_to_pkcs8(key, ret_pkcs8);
}

static cf_result pair(cf_kmsd_call *c, bool with_plaintext)
{
    CF_BUF(spki);
    CF_BUF(pkcs8);
    CF_BUF(blob);
    cf_curve curve = CF_P384;
    CF_TRY(prepare(c, with_plaintext));
    CF_TRY(pair_curve(c, &curve));
    CF_TRY(cf_kmsd_end_dry_run(c));
    CF_TRY(make_pair(curve, &spki, &pkcs8));
    CF_TRY(seal(c, cf_buf_view(&pkcs8), &blob));
    put_blob(c, "PrivateKeyCiphertextBlob", &blob);
    if (with_plaintext) {
        CF_TRY(cf_kmsd_put_secret(c, "PrivateKeyPlaintext", cf_buf_view(&pkcs8)));
    }
    put_blob(c, "PublicKey", &spki);
    cf_kmsd_put_text(c, "KeyId", c->arn);
    cf_kms_body_name(&c->out, "KeyPairSpec");
    cf_kms_body_str(&c->out, cf_in_text(c->in, "KeyPairSpec"));
    put_material_id(c);
    return cf_ok();
}

cf_result cf_op_pair(cf_kmsd_call *c)
{
    return pair(c, true);
}

cf_result cf_op_pair_without(cf_kmsd_call *c)
{
    return pair(c, false);
}
