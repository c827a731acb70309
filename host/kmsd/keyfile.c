/* SPDX-License-Identifier: Apache-2.0 */
#include "host/kmsd/keyfile.h"

#include "core/codec/cbor.h"
#include "core/policy/policy.h"

#define FORMAT 1
#define META_MEMBERS 5

void cf_keyfile_clear(cf_keyfile *k)
{
    cf_buf_free(&k->description);
    cf_buf_free(&k->policy);
    cf_secret_wipe(&k->material.secret);
    *k = (cf_keyfile){.created_ms = 0};
}

static cf_result seal_cipher(const cf_secret *root, const cf_uuid *id, cf_aead_ctx **ret)
{
    CF_SECRET(key);
    cf_view info[] = {CF_LIT("coffer-kms-seal-1"), cf_uuid_view(id)};
    CF_TRY(cf_hkdf_expand(CF_SHA256, cf_secret_view(root), info, 2, 32, &key));
    return cf_aead_new(CF_AES_256_GCM, cf_secret_view(&key), ret);
}

static cf_result make_aad(cf_view meta, cf_buf *out)
{
    CF_TRY(cf_buf_append(out, CF_LIT("coffer-kms-key-1\0")));
    return cf_buf_append(out, meta);
}

static cf_result put_meta(const cf_keyfile *k, cf_buf *out)
{
    cf_writer w = cf_writer_to(out, CF_KMSD_KEY_FILE_BYTES_MAX);
    cf_cbor_put_map(&w, META_MEMBERS);
    cf_cbor_put_uint(&w, 1);
    cf_cbor_put_text(&w, cf_uuid_view(&k->id));
    cf_cbor_put_uint(&w, 2);
    cf_cbor_put_uint(&w, k->created_ms);
    cf_cbor_put_uint(&w, 3);
    cf_cbor_put_text(&w, cf_buf_view(&k->description));
    cf_cbor_put_uint(&w, 4);
    cf_cbor_put_bytes(&w, CF_VIEW_OF(k->material.id));
    cf_cbor_put_uint(&w, 5);
    cf_cbor_put_text(&w, cf_buf_view(&k->policy));
    return cf_write_end(&w);
}

CF_MUST_USE cf_result cf_keyfile_seal(const cf_secret *root, const cf_keyfile *k, cf_buf *out)
{
    CF_BUF(meta);
    CF_BUF(aad);
    CF_BUF(sealed);
    CF_BUF(file);
    CF_AUTO(cf_aead_free) cf_aead_ctx *cipher = NULL;
    uint8_t nonce[CF_AEAD_NONCE_BYTES];
    CF_TRY(put_meta(k, &meta));
    CF_TRY(make_aad(cf_buf_view(&meta), &aad));
    CF_TRY(seal_cipher(root, &k->id, &cipher));
    CF_TRY(cf_random(nonce, sizeof nonce));
    CF_TRY(cf_buf_append(&sealed, CF_VIEW_OF(nonce)));
    CF_TRY(cf_aead_seal(cipher, nonce, cf_buf_view(&aad), cf_secret_view(&k->material.secret),
                        &sealed));
    cf_writer w = cf_writer_to(&file, CF_KMSD_KEY_FILE_BYTES_MAX);
    cf_cbor_put_array(&w, 3);
    cf_cbor_put_uint(&w, FORMAT);
    cf_cbor_put_bytes(&w, cf_buf_view(&meta));
    cf_cbor_put_bytes(&w, cf_buf_view(&sealed));
    CF_TRY(cf_write_end(&w));
    return cf_buf_append(out, cf_buf_view(&file));
}

/* The number of the next member must be this one: they come all, in order. */
static void take_number(cf_cbor *c, uint64_t number)
{
    if (cf_cbor_uint(c) != number) {
        cf_reader_fail(&c->in, CF_ERR_MALFORMED);
    }
}

static cf_result get_meta(cf_view octets, cf_keyfile *k)
{
    cf_cbor c = cf_cbor_strict(octets);
    cf_cbor_map(&c);
    take_number(&c, 1);
    cf_view id = cf_cbor_text(&c);
    take_number(&c, 2);
    k->created_ms = cf_cbor_uint(&c);
    take_number(&c, 3);
    cf_view description = cf_cbor_text(&c);
    take_number(&c, 4);
    cf_view material_id = cf_cbor_bytes(&c);
    take_number(&c, 5);
    cf_view policy = cf_cbor_text(&c);
    cf_cbor_leave(&c);
    CF_TRY(cf_cbor_end(&c));
    CF_REQUIRE(material_id.len == CF_MATERIAL_ID_BYTES, MALFORMED);
    CF_TRY(cf_uuid_parse(id, &k->id));
    cf_copy(k->material.id, material_id.data, CF_MATERIAL_ID_BYTES);
    CF_TRY(cf_buf_append(&k->description, description));
    return cf_buf_append(&k->policy, policy);
}

static cf_result open_material(const cf_secret *root, cf_view meta, cf_view sealed, cf_keyfile *k)
{
    CF_BUF(aad);
    CF_BUF(material);
    CF_AUTO(cf_aead_free) cf_aead_ctx *cipher = NULL;
    CF_REQUIRE(sealed.len == CF_AEAD_NONCE_BYTES + CF_MATERIAL_BYTES + CF_AEAD_TAG_BYTES,
               MALFORMED);
    CF_TRY(make_aad(meta, &aad));
    CF_TRY(seal_cipher(root, &k->id, &cipher));
    cf_view ct = cf_view_sub(sealed, CF_AEAD_NONCE_BYTES, sealed.len - CF_AEAD_NONCE_BYTES);
    CF_TRY(cf_aead_open(cipher, sealed.data, cf_buf_view(&aad), ct, &material));
    return cf_secret_set(&k->material.secret, cf_buf_view(&material));
}

CF_MUST_USE cf_result cf_keyfile_open(const cf_secret *root, cf_view octets, cf_keyfile *ret)
{
    *ret = (cf_keyfile){.created_ms = 0};
    CF_REQUIRE(octets.len <= CF_KMSD_KEY_FILE_BYTES_MAX, SIZE);
    CF_AUTO(cf_keyfile_clear) cf_keyfile k = {.created_ms = 0};
    cf_cbor c = cf_cbor_strict(octets);
    cf_cbor_array(&c);
    uint64_t format = cf_cbor_uint(&c);
    cf_view meta = cf_cbor_bytes(&c), sealed = cf_cbor_bytes(&c);
    cf_cbor_leave(&c);
    CF_TRY(cf_cbor_end(&c));
    CF_REQUIRE(format == FORMAT, UNSUPPORTED);
    CF_TRY(get_meta(meta, &k));
    CF_TRY(open_material(root, meta, sealed, &k));
    *ret = k;
    k = (cf_keyfile){.created_ms = 0};
    return cf_ok();
}
