/* SPDX-License-Identifier: Apache-2.0 */
#include "core/codec/der.h"
#include "core/kms/cms_priv.h"

/* The next element must have this tag and these contents. */
static cf_result take_exact(cf_reader *r, uint8_t tag, cf_view body, cf_err otherwise)
{
    cf_der_item item = cf_ber_next(r);
    if (r->err != CF_OK) {
        return cf_fail(r->err);
    }
    bool same = item.tag == tag && cf_view_eq(item.body, body);
    return same ? cf_ok() : cf_fail(otherwise);
}

/* The contents of the next element, which must have this tag. */
static cf_result take_body(cf_reader *r, uint8_t tag, cf_view *ret)
{
    cf_reader inner = cf_ber_enter(r, tag);
    *ret = cf_view_make(inner.at, inner.left);
    return cf_fail(inner.err);
}

/* KMS says 2; other makers of the same content say 0, which goes with issuerAndSerialNumber (RFC 5652 section 6.2.1). */
static cf_result take_version(cf_reader *r)
{
    cf_view v;
    CF_TRY(take_body(r, CF_TAG_INTEGER, &v));
    CF_REQUIRE(v.len == 1 && (v.data[0] == 0 || v.data[0] == 2), UNSUPPORTED);
    return cf_ok();
}

/* AlgorithmIdentifier of SHA-256, with NULL parameters or none: both occur (RFC 5754 section 2). */
static cf_result take_sha256(cf_reader *r)
{
    cf_reader alg = cf_ber_enter(r, CF_TAG_SEQUENCE);
    CF_TRY(take_exact(&alg, CF_TAG_OID, CF_LIT(CF_OID_SHA256), CF_ERR_UNSUPPORTED));
    if (alg.left > 0) {
        CF_TRY(take_exact(&alg, CF_TAG_NULL, CF_VIEW_EMPTY, CF_ERR_UNSUPPORTED));
    }
    return cf_read_end(&alg);
}

static cf_result take_mgf1(cf_reader *r)
{
    cf_reader alg = cf_ber_enter(r, CF_TAG_SEQUENCE);
    CF_TRY(take_exact(&alg, CF_TAG_OID, CF_LIT(CF_OID_MGF1), CF_ERR_UNSUPPORTED));
    CF_TRY(take_sha256(&alg));
    return cf_read_end(&alg);
}

/* pSourceAlgorithm, which KMS leaves out: its default, the empty label, may be spelled out. */
static cf_result take_empty_label(cf_reader *r)
{
    cf_reader alg = cf_ber_enter(r, CF_TAG_SEQUENCE);
    CF_TRY(take_exact(&alg, CF_TAG_OID, CF_LIT(CF_OID_P_SPECIFIED), CF_ERR_UNSUPPORTED));
    CF_TRY(take_exact(&alg, CF_TAG_OCTETS, CF_VIEW_EMPTY, CF_ERR_UNSUPPORTED));
    return cf_read_end(&alg);
}

/* RSAES-OAEP-params, RFC 8017 appendix A.2.1. Both hashes must be named: their default is SHA-1. */
static cf_result take_oaep(cf_reader *r)
{
    cf_reader alg = cf_ber_enter(r, CF_TAG_SEQUENCE);
    CF_TRY(take_exact(&alg, CF_TAG_OID, CF_LIT(CF_OID_RSAES_OAEP), CF_ERR_UNSUPPORTED));
    cf_reader params = cf_ber_enter(&alg, CF_TAG_SEQUENCE);
    cf_reader hash = cf_ber_enter(&params, CF_TAG_CONTEXT_0_C);
    CF_TRY(take_sha256(&hash));
    CF_TRY(cf_read_end(&hash));
    cf_reader mask = cf_ber_enter(&params, CF_TAG_CONTEXT_1_C);
    CF_TRY(take_mgf1(&mask));
    CF_TRY(cf_read_end(&mask));
    if (params.left > 0) {
        cf_reader label = cf_ber_enter(&params, CF_TAG_CONTEXT_2_C);
        CF_TRY(take_empty_label(&label));
        CF_TRY(cf_read_end(&label));
    }
    CF_TRY(cf_read_end(&params));
    return cf_read_end(&alg);
}

/* KeyTransRecipientInfo, the only member of its set. Who it names is not looked at: there is one key to try. */
static cf_result take_recipient(cf_reader *r, cf_cms_parts *p)
{
    cf_reader set = cf_ber_enter(r, CF_TAG_SET);
    cf_reader info = cf_ber_enter(&set, CF_TAG_SEQUENCE);
    CF_TRY(take_version(&info));
    cf_der_item id = cf_ber_next(&info);
    CF_REQUIRE(info.err != CF_OK || id.tag == CF_TAG_CONTEXT_0 || id.tag == CF_TAG_SEQUENCE,
               UNSUPPORTED);
    CF_TRY(take_oaep(&info));
    CF_TRY(take_body(&info, CF_TAG_OCTETS, &p->encrypted_key));
    CF_TRY(cf_read_end(&info));
    return cf_read_end(&set);
}

static cf_result take_aes256_cbc(cf_reader *r, cf_cms_parts *p)
{
    cf_reader alg = cf_ber_enter(r, CF_TAG_SEQUENCE);
    CF_TRY(take_exact(&alg, CF_TAG_OID, CF_LIT(CF_OID_AES256_CBC), CF_ERR_UNSUPPORTED));
    CF_TRY(take_body(&alg, CF_TAG_OCTETS, &p->iv));
    CF_REQUIRE(p->iv.len == CF_CMS_IV_BYTES, MALFORMED);
    return cf_read_end(&alg);
}

/* Form A: a string in pieces, which may again be in pieces. An explicit stack, since the sender decides how deep. */
static cf_result gather(cf_view body, cf_buf *out)
{
    cf_reader stack[CF_DER_DEPTH_MAX];
    size_t depth = 1;
    stack[0] = cf_reader_of(body);
    while (depth > 0) {
        cf_reader *r = &stack[depth - 1];
        if (r->left == 0) {
            depth--;
            continue;
        }
        cf_der_item item = cf_ber_next(r);
        CF_TRY(cf_fail(r->err));
        if (item.tag == CF_TAG_OCTETS) {
            CF_TRY(cf_buf_append(out, item.body));
        } else {
            CF_REQUIRE(item.tag == CF_TAG_OCTETS_CONS, MALFORMED);
            CF_REQUIRE(depth < CF_DER_DEPTH_MAX, DEPTH);
            stack[depth] = cf_reader_of(item.body);
            depth++;
        }
    }
    return cf_ok();
}

/* EncryptedContentInfo */
static cf_result take_content(cf_reader *r, cf_cms_parts *p)
{
    cf_reader info = cf_ber_enter(r, CF_TAG_SEQUENCE);
    CF_TRY(take_exact(&info, CF_TAG_OID, CF_LIT(CF_OID_DATA), CF_ERR_UNSUPPORTED));
    CF_TRY(take_aes256_cbc(&info, p));
    cf_der_item content = cf_ber_next(&info);
    CF_TRY(cf_read_end(&info));
    if (content.tag == CF_TAG_CONTEXT_0) {
        return cf_buf_append(&p->ciphertext, content.body);
    }
    CF_REQUIRE(content.tag == CF_TAG_CONTEXT_0_C, MALFORMED);
    return gather(content.body, &p->ciphertext);
}

CF_MUST_USE cf_result cf_cms_parse(cf_view cms, cf_cms_parts *ret)
{
    *ret = (cf_cms_parts){.iv = CF_VIEW_EMPTY};
    CF_REQUIRE(cms.len <= CF_CMS_BYTES_MAX, SIZE);
    CF_AUTO(cf_cms_parts_clear) cf_cms_parts p = {.iv = CF_VIEW_EMPTY};
    cf_reader in = cf_reader_of(cms);
    cf_reader info = cf_ber_enter(&in, CF_TAG_SEQUENCE);
    CF_TRY(cf_read_end(&in));
    CF_TRY(take_exact(&info, CF_TAG_OID, CF_LIT(CF_OID_ENVELOPED_DATA), CF_ERR_UNSUPPORTED));
    cf_reader outer = cf_ber_enter(&info, CF_TAG_CONTEXT_0_C);
    CF_TRY(cf_read_end(&info));
    cf_reader data = cf_ber_enter(&outer, CF_TAG_SEQUENCE);
    CF_TRY(cf_read_end(&outer));
    CF_TRY(take_version(&data));
    CF_TRY(take_recipient(&data, &p));
    CF_TRY(take_content(&data, &p));
    CF_TRY(cf_read_end(&data));
    *ret = p;
    p = (cf_cms_parts){.iv = CF_VIEW_EMPTY};
    return cf_ok();
}

static cf_result open_parts(const cf_rsa_key *key, cf_view cms, cf_buf *out)
{
    CF_AUTO(cf_cms_parts_clear) cf_cms_parts p = {.iv = CF_VIEW_EMPTY};
    CF_BUF(content_key);
    CF_TRY(cf_cms_parse(cms, &p));
    CF_TRY(cf_rsa_oaep_decrypt(key, p.encrypted_key, &content_key));
    CF_REQUIRE(content_key.len == CF_CMS_KEY_BYTES, OPEN);
    return cf_aes256_cbc_decrypt(cf_buf_view(&content_key), p.iv, cf_buf_view(&p.ciphertext), out);
}

CF_MUST_USE cf_result cf_cms_open(const cf_rsa_key *key, cf_view cms, cf_buf *ret_plaintext)
{
    cf_result r = open_parts(key, cms, ret_plaintext);
    return cf_is_ok(r) || r.code == CF_ERR_NO_MEMORY ? r : cf_fail(CF_ERR_OPEN);
}
