/* SPDX-License-Identifier: Apache-2.0 */
#include "host/kmsd/sealed.h"

#include "core/codec/cbor.h"

static cf_result file_cipher(const cf_secret *root, const cf_sealed_kind *kind, cf_view name,
                             cf_aead_ctx **ret)
{
    CF_SECRET(key);
    cf_view info[] = {kind->key_label, name};
    CF_TRY(cf_hkdf_expand(CF_SHA256, cf_secret_view(root), info, 2, 32, &key));
    return cf_aead_new(CF_AES_256_GCM, cf_secret_view(&key), ret);
}

static cf_result make_aad(const cf_sealed_kind *kind, cf_view meta, cf_buf *out)
{
    CF_TRY(cf_buf_append(out, kind->aad_label));
    return cf_buf_append(out, meta);
}

CF_MUST_USE cf_result cf_sealed_make(const cf_secret *root, const cf_sealed_kind *kind,
                                     cf_view name, const cf_sealed *parts, size_t max, cf_buf *out)
{
    CF_BUF(aad);
    CF_BUF(sealed);
    CF_BUF(file);
    CF_AUTO(cf_aead_free) cf_aead_ctx *cipher = NULL;
    uint8_t nonce[CF_AEAD_NONCE_BYTES];
    CF_TRY(make_aad(kind, parts->meta, &aad));
    CF_TRY(file_cipher(root, kind, name, &cipher));
    CF_TRY(cf_random(nonce, sizeof nonce));
    CF_TRY(cf_buf_append(&sealed, CF_VIEW_OF(nonce)));
    CF_TRY(cf_aead_seal(cipher, nonce, cf_buf_view(&aad), parts->sealed, &sealed));
    cf_writer w = cf_writer_to(&file, max);
    cf_cbor_put_array(&w, 3);
    cf_cbor_put_uint(&w, parts->format);
    cf_cbor_put_bytes(&w, parts->meta);
    cf_cbor_put_bytes(&w, cf_buf_view(&sealed));
    CF_TRY(cf_write_end(&w));
    return cf_buf_append(out, cf_buf_view(&file));
}

CF_MUST_USE cf_result cf_sealed_parse(cf_view octets, size_t max, cf_sealed *ret)
{
    *ret = (cf_sealed){.format = 0};
    CF_REQUIRE(octets.len <= max, SIZE);
    cf_sealed s;
    cf_cbor c = cf_cbor_strict(octets);
    cf_cbor_array(&c);
    s.format = cf_cbor_uint(&c);
    s.meta = cf_cbor_bytes(&c);
    s.sealed = cf_cbor_bytes(&c);
    cf_cbor_leave(&c);
    CF_TRY(cf_cbor_end(&c));
    *ret = s;
    return cf_ok();
}

CF_MUST_USE cf_result cf_sealed_open(const cf_secret *root, const cf_sealed_kind *kind,
                                     cf_view name, const cf_sealed *parts, cf_buf *out)
{
    CF_BUF(aad);
    CF_AUTO(cf_aead_free) cf_aead_ctx *cipher = NULL;
    CF_REQUIRE(parts->sealed.len >= CF_AEAD_NONCE_BYTES + CF_AEAD_TAG_BYTES, MALFORMED);
    CF_TRY(make_aad(kind, parts->meta, &aad));
    CF_TRY(file_cipher(root, kind, name, &cipher));
    cf_view ct =
        cf_view_sub(parts->sealed, CF_AEAD_NONCE_BYTES, parts->sealed.len - CF_AEAD_NONCE_BYTES);
    return cf_aead_open(cipher, parts->sealed.data, cf_buf_view(&aad), ct, out);
}
