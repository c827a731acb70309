/* SPDX-License-Identifier: Apache-2.0 */
/* Operations that make data keys, data key pairs and random octets. */
#include "core/crypto/dh.h"
#include "host/kmsd/blob.h"
#include "host/kmsd/ops.h"

#define RANDOM_BYTES_MAX 1024

/* What each of them does first: key, context, recipient, permission. */
static cf_result prepare(cf_kmsd_call *c, bool attested)
{
    const cf_algorithm *algorithm;
    CF_TRY(cf_kmsd_find_key(c, CF_NAME_KEY_OR_ALIAS));
    CF_TRY(cf_kmsd_read_context(c, "EncryptionContext", &c->context));
    if (attested) {
        CF_TRY(cf_kmsd_read_recipient(c));
    }
    CF_TRY(cf_kmsd_authorise(c));
    CF_TRY(cf_kmsd_need_enabled(c, &c->target));
    CF_TRY(cf_kmsd_need_use(c, &c->target, CF_USE_ENCRYPT));
    return cf_kmsd_algorithm(c, &c->target, NULL, "SYMMETRIC_DEFAULT", &algorithm);
}

static cf_result seal(cf_kmsd_call *c, cf_view plaintext, cf_buf *out)
{
    return cf_blob_seal(cf_key_id(c->target.key), cf_keyfile_current(cf_kmsd_file(c)),
                        cf_buf_view(&c->context.canonical), plaintext, out);
}

static void put_key(cf_kmsd_call *c)
{
    cf_kmsd_put_text(c, "KeyId", c->target.arn);
    cf_kmsd_put_material_id(c, "KeyMaterialId", cf_kmsd_file(c),
                            cf_keyfile_current(cf_kmsd_file(c)));
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
    CF_REQUIRE(*ret >= 1 && *ret <= RANDOM_BYTES_MAX, INTERNAL);
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
    cf_kmsd_put_blob(c, "CiphertextBlob", cf_buf_view(&blob));
    if (with_plaintext) {
        CF_TRY(cf_kmsd_put_secret(c, "Plaintext", cf_buf_view(&key)));
    }
    put_key(c);
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

cf_result cf_op_random(cf_kmsd_call *c)
{
    CF_BUF(octets);
    CF_TRY(cf_kmsd_authorise(c));
    if (cf_in_has(c->in, "CustomKeyStoreId")) {
        return cf_kmsd_refuse(c, CF_KX_UNSUPPORTED,
                              "Custom key stores are not supported by this service.");
    }
    if (!cf_in_has(c->in, "NumberOfBytes")) {
        return cf_kmsd_refuse(c, CF_KX_VALIDATION, "NumberOfBytes is required.");
    }
    CF_TRY(cf_kmsd_read_recipient(c));
    CF_TRY(random_octets((size_t)cf_in_number(c->in, "NumberOfBytes", 0), &octets));
    return cf_kmsd_put_secret(c, "Plaintext", cf_buf_view(&octets));
}

/* --- data key pairs --- */

/* Pairs of a NIST curve are made and written by the code whose forms the enclave reads. */
static cf_result make_nist_pair(cf_curve curve, cf_buf *ret_spki, cf_buf *ret_pkcs8)
{
    CF_AUTO(cf_dh_free) cf_dh_key *key = NULL;
    CF_TRY(cf_dh_generate(curve, &key));
    CF_TRY(cf_dh_public_to_spki(curve, cf_dh_public_view(cf_dh_public_of(key)), ret_spki));
    return cf_dh_to_pkcs8(key, ret_pkcs8);
}

static cf_result make_other_pair(cf_pair_kind kind, cf_buf *ret_spki, cf_buf *ret_pkcs8)
{
    CF_AUTO(cf_pair_free) cf_pair *pair = NULL;
    CF_TRY(cf_pair_generate(kind, &pair));
    CF_TRY(cf_pair_to_spki(pair, ret_spki));
    return cf_pair_to_pkcs8(pair, ret_pkcs8);
}

static cf_result make_pair(cf_key_spec spec, cf_buf *ret_spki, cf_buf *ret_pkcs8)
{
    if (cf_spec_takes(spec, CF_USE_AGREE)) {
        cf_curve curve = spec == CF_SPEC_P256 ? CF_P256 : spec == CF_SPEC_P384 ? CF_P384 : CF_P521;
        return make_nist_pair(curve, ret_spki, ret_pkcs8);
    }
    return make_other_pair(cf_spec_info_of(spec)->pair, ret_spki, ret_pkcs8);
}

static cf_result pair_spec(cf_kmsd_call *c, cf_key_spec *ret)
{
    cf_view name = cf_in_text(c->in, "KeyPairSpec");
    if (!cf_spec_find(name, ret)) {
        return cf_kmsd_refuse(c, CF_KX_UNSUPPORTED,
                              "KeyPairSpec %.*s is not supported by this service.",
                              cf_kmsd_shown(name), (const char *)name.data);
    }
    return cf_ok();
}

static cf_result pair(cf_kmsd_call *c, bool with_plaintext)
{
    CF_BUF(spki);
    CF_BUF(pkcs8);
    CF_BUF(blob);
    cf_key_spec spec = CF_SPEC_P384;
    CF_TRY(prepare(c, with_plaintext));
    CF_TRY(pair_spec(c, &spec));
    CF_TRY(cf_kmsd_end_dry_run(c));
    if (cf_spec_is_rsa(spec)) {
        CF_TRY(cf_kmsd_wait_turn(c, c->service->rsa_turns));
    }
    CF_TRY(make_pair(spec, &spki, &pkcs8));
    CF_TRY(seal(c, cf_buf_view(&pkcs8), &blob));
    cf_kmsd_put_blob(c, "PrivateKeyCiphertextBlob", cf_buf_view(&blob));
    if (with_plaintext) {
        CF_TRY(cf_kmsd_put_secret(c, "PrivateKeyPlaintext", cf_buf_view(&pkcs8)));
    }
    cf_kmsd_put_blob(c, "PublicKey", cf_buf_view(&spki));
    cf_kmsd_put_view(c, "KeyPairSpec", cf_in_text(c->in, "KeyPairSpec"));
    put_key(c);
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
