/* SPDX-License-Identifier: Apache-2.0 */
#include "host/kmsd/blob.h"

#include "core/base/reader.h"

#define MAGIC "CFKB"
#define VERSION 1
#define SALT_BYTES 20

_Static_assert(4 + 1 + CF_UUID_BYTES + CF_MATERIAL_ID_BYTES + SALT_BYTES + CF_AEAD_NONCE_BYTES ==
                   CF_BLOB_HEAD_BYTES,
               "docs/formats/kms-blob.md section 1");

/* The cipher of one blob, ready: its key is the material's under the blob's salt. */
static cf_result message_cipher(const cf_material *m, cf_view salt, cf_aead_ctx **ret)
{
    CF_SECRET(key);
    cf_view info[] = {CF_LIT("coffer-kms-data-1"), salt};
    CF_TRY(cf_hkdf_expand(CF_SHA256, cf_buf_view(&m->secret), info, 2, 32, &key));
    return cf_aead_new(CF_AES_256_GCM, cf_secret_view(&key), ret);
}

static cf_result make_aad(cf_view head, cf_view context, cf_buf *out)
{
    CF_TRY(cf_buf_append(out, CF_LIT("coffer-kms-blob-1\0")));
    CF_TRY(cf_buf_append(out, head));
    return cf_buf_append(out, context);
}

CF_MUST_USE cf_result cf_blob_seal(const cf_uuid *key, const cf_material *m, cf_view context,
                                   cf_view plaintext, cf_buf *out)
{
    CF_BUF(blob);
    CF_BUF(aad);
    CF_AUTO(cf_aead_free) cf_aead_ctx *cipher = NULL;
    uint8_t key_bytes[CF_UUID_BYTES], random[SALT_BYTES + CF_AEAD_NONCE_BYTES];
    cf_uuid_to_bytes(key, key_bytes);
    CF_TRY(cf_random(random, sizeof random));
    cf_writer w = cf_writer_to(&blob, CF_BLOB_HEAD_BYTES);
    cf_write(&w, CF_LIT(MAGIC));
    cf_write_u8(&w, VERSION);
    cf_write(&w, CF_VIEW_OF(key_bytes));
    cf_write(&w, CF_VIEW_OF(m->id));
    cf_write(&w, CF_VIEW_OF(random));
    CF_TRY(cf_write_end(&w));
    CF_TRY(make_aad(cf_buf_view(&blob), context, &aad));
    CF_TRY(message_cipher(m, cf_view_make(random, SALT_BYTES), &cipher));
    CF_TRY(cf_aead_seal(cipher, random + SALT_BYTES, cf_buf_view(&aad), plaintext, &blob));
    return cf_buf_append(out, cf_buf_view(&blob));
}

CF_MUST_USE cf_result cf_blob_parse(cf_view octets, cf_blob *ret)
{
    *ret = (cf_blob){.head = CF_VIEW_EMPTY};
    CF_REQUIRE(octets.len >= CF_BLOB_OVERHEAD_BYTES, MALFORMED);
    cf_reader r = cf_reader_of(octets);
    cf_view magic = cf_read(&r, 4);
    uint8_t version = cf_read_u8(&r);
    cf_view key = cf_read(&r, CF_UUID_BYTES);
    cf_blob b = {.head = cf_view_make(octets.data, CF_BLOB_HEAD_BYTES)};
    b.material_id = cf_read(&r, CF_MATERIAL_ID_BYTES);
    b.salt = cf_read(&r, SALT_BYTES);
    b.nonce = cf_read(&r, CF_AEAD_NONCE_BYTES);
    b.sealed = cf_read(&r, r.left);
    CF_TRY(cf_read_end(&r));
    CF_REQUIRE(cf_view_eq(magic, CF_LIT(MAGIC)) && version == VERSION, MALFORMED);
    cf_uuid_from_bytes(key.data, &b.key);
    *ret = b;
    return cf_ok();
}

CF_MUST_USE cf_result cf_blob_open(const cf_blob *b, const cf_material *m, cf_view context,
                                   cf_buf *out)
{
    CF_BUF(aad);
    CF_AUTO(cf_aead_free) cf_aead_ctx *cipher = NULL;
    CF_REQUIRE(cf_view_eq(b->material_id, CF_VIEW_OF(m->id)), OPEN);
    CF_TRY(make_aad(b->head, context, &aad));
    CF_TRY(message_cipher(m, b->salt, &cipher));
    return cf_aead_open(cipher, b->nonce.data, cf_buf_view(&aad), b->sealed, out);
}
