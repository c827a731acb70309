/* SPDX-License-Identifier: Apache-2.0 */
/* Keys in DER: PKCS#8 (RFC 5958, RFC 5915, RFC 8410) and SubjectPublicKeyInfo (RFC 5480, RFC 8410). Read here and not by
 * libcrypto, so that both libraries take exactly the same encodings, and so that no key costs a needless multiplication. */
#include "core/codec/der.h"
#include "core/crypto/curve_priv.h"

#define TAG_INTEGER 0x02
#define TAG_BIT_STRING 0x03
#define TAG_OCTET_STRING 0x04
#define TAG_OID 0x06
#define TAG_SEQUENCE 0x30
#define TAG_CONTEXT_0 0xA0  /* attributes; in the EC key its parameters */
#define TAG_CONTEXT_1 0xA1  /* in the EC key its public key */
#define TAG_PUBLIC_KEY 0x81 /* RFC 5958: publicKey, implicit */

#define KEY_DER_BYTES_MAX 512 /* room for what we write; P-521 takes 241 */

static const uint8_t oid_ec[] = {0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01};

/* AlgorithmIdentifier of a curve by name. */
static cf_result read_algorithm(cf_reader *r, const cf_curve_info **ret)
{
    cf_reader alg = cf_der_enter(r, TAG_SEQUENCE);
    cf_der_item id = cf_der_next(&alg);
    bool ec = cf_view_eq(id.body, CF_VIEW_OF(oid_ec));
    cf_der_item name = ec ? cf_der_next(&alg) : id;
    CF_REQUIRE(alg.err == CF_OK && id.tag == TAG_OID, KEY);
    /* parameters spelled out instead of named are an invitation to other curves: CVE-2020-0601 */
    const cf_curve_info *info = name.tag == TAG_OID ? cf_curve_by_oid(name.body) : NULL;
    CF_REQUIRE(info != NULL && ec == (info->nid != 0), UNSUPPORTED);
    CF_REQUIRE(alg.left == 0, KEY);
    *ret = info;
    return cf_ok();
}

/* Contents of a BIT STRING without unused bits. */
static cf_view bits_of(cf_reader *r, cf_view body)
{
    cf_reader bits = cf_reader_of(body);
    if (cf_read_u8(&bits) != 0 || bits.err != CF_OK) {
        cf_reader_fail(r, CF_ERR_MALFORMED);
        return CF_VIEW_EMPTY;
    }
    return cf_read(&bits, bits.left);
}

/* ECPrivateKey, RFC 5915 section 3: scalar, then the curve's name again and the public key, each where the encoder saw fit. */
static void read_ec_key(cf_reader *r, const cf_curve_info *info, cf_view *scalar, cf_view *pub)
{
    cf_reader key = cf_der_enter(r, TAG_SEQUENCE);
    cf_reader version = cf_der_enter(&key, TAG_INTEGER);
    if (cf_read_u8(&version) != 1 || version.left != 0) {
        cf_reader_fail(&key, CF_ERR_MALFORMED);
    }
    cf_reader sk = cf_der_enter(&key, TAG_OCTET_STRING);
    *scalar = cf_read(&sk, sk.left);
    cf_der_item item = {0};
    if (key.left > 0) {
        item = cf_der_next(&key);
    }
    if (item.tag == TAG_CONTEXT_0) {
        cf_reader params = cf_reader_of(item.body);
        cf_der_item name = cf_der_next(&params);
        cf_view oid = cf_view_make(info->oid, info->oid_len);
        if (name.tag != TAG_OID || params.left != 0 || !cf_view_eq(name.body, oid)) {
            cf_reader_fail(&key, CF_ERR_MALFORMED);
        }
        item = key.left > 0 ? cf_der_next(&key) : (cf_der_item){0};
    }
    if (item.tag == TAG_CONTEXT_1) {
        cf_reader outer = cf_reader_of(item.body);
        cf_der_item bits = cf_der_next(&outer);
        if (bits.tag != TAG_BIT_STRING || outer.left != 0) {
            cf_reader_fail(&key, CF_ERR_MALFORMED);
        }
        *pub = bits_of(&key, bits.body);
    } else if (item.tag != 0) {
        cf_reader_fail(&key, CF_ERR_MALFORMED);
    }
    if (key.err != CF_OK || key.left != 0) {
        cf_reader_fail(r, CF_ERR_MALFORMED);
    }
}

/* What follows the private key in PrivateKeyInfo: attributes, which are skipped, and from version 2 on the public key. */
static void read_tail(cf_reader *r, cf_view *pub)
{
    uint8_t last = 0;
    while (r->err == CF_OK && r->left > 0) {
        cf_der_item item = cf_der_next(r);
        if (item.tag == TAG_PUBLIC_KEY && last != TAG_PUBLIC_KEY) {
            *pub = bits_of(r, item.body);
        } else if (item.tag != TAG_CONTEXT_0 || last != 0) {
            cf_reader_fail(r, CF_ERR_MALFORMED);
        }
        last = item.tag;
    }
}

/* The scalar in its curve's width: some encoders drop leading zeros, which RFC 5915 section 3 does not allow; refusing them
 * would lose one key in 256, and nothing is ambiguous about them. */
static cf_result widen(const cf_curve_info *info, cf_view scalar, cf_secret *ret)
{
    CF_REQUIRE(scalar.len > 0 && scalar.len <= info->secret, KEY);
    CF_REQUIRE(info->nid != 0 || scalar.len == info->secret, KEY);
    cf_copy(ret->b + (info->secret - scalar.len), scalar.data, scalar.len);
    ret->len = info->secret;
    return cf_ok();
}

CF_MUST_USE cf_result cf_dh_from_pkcs8(cf_view der, cf_curve *ret_curve, cf_dh_key **ret)
{
    *ret = NULL;
    cf_reader r = cf_reader_of(der);
    cf_reader all = cf_der_enter(&r, TAG_SEQUENCE);
    cf_reader version = cf_der_enter(&all, TAG_INTEGER);
    CF_REQUIRE(cf_read_u8(&version) <= 1 && version.left == 0 && version.err == CF_OK, KEY);
    const cf_curve_info *info = NULL;
    CF_TRY(read_algorithm(&all, &info));
    cf_reader inner = cf_der_enter(&all, TAG_OCTET_STRING);
    cf_view scalar = CF_VIEW_EMPTY, pub = CF_VIEW_EMPTY;
    if (info->nid == 0) {
        cf_reader sk = cf_der_enter(&inner, TAG_OCTET_STRING);
        scalar = cf_read(&sk, sk.left);
    } else {
        read_ec_key(&inner, info, &scalar, &pub);
    }
    read_tail(&all, &pub);
    CF_REQUIRE(all.err == CF_OK && inner.err == CF_OK && inner.left == 0, KEY);
    CF_REQUIRE(r.left == 0, TRAILING);
    CF_SECRET(wide);
    CF_TRY(widen(info, scalar, &wide));
    CF_TRY(cf_dh_from_secret(info->curve, cf_secret_view(&wide), pub, ret));
    *ret_curve = info->curve;
    return cf_ok();
}

/* What a pair looks like. The curve's name may stand in the EC key too, as OpenSSL writes it and the AWS sample's keys have it. */
static cf_result read_pair(cf_view der, const cf_curve_info *expected, cf_secret *ret_scalar,
                           cf_view *ret_pub)
{
    cf_reader r = cf_reader_of(der);
    cf_reader all = cf_der_enter(&r, TAG_SEQUENCE);
    cf_reader version = cf_der_enter(&all, TAG_INTEGER);
    CF_REQUIRE(cf_read_u8(&version) == 0 && version.left == 0 && version.err == CF_OK, KEY);
    const cf_curve_info *info = NULL;
    CF_TRY(read_algorithm(&all, &info));
    CF_REQUIRE(info == expected, KEY);
    cf_reader inner = cf_der_enter(&all, TAG_OCTET_STRING);
    cf_view scalar = CF_VIEW_EMPTY;
    read_ec_key(&inner, info, &scalar, ret_pub);
    CF_REQUIRE(inner.err == CF_OK && inner.left == 0, KEY);
    CF_REQUIRE(all.err == CF_OK && all.left == 0 && r.err == CF_OK && r.left == 0, KEY);
    CF_TRY(widen(info, scalar, ret_scalar));
    return cf_curve_scalar_ok(info, cf_secret_view(ret_scalar));
}

CF_MUST_USE cf_result cf_dh_pair_from_pkcs8(cf_view der, cf_curve expected, cf_dh_key **ret)
{
    *ret = NULL;
    const cf_curve_info *info = cf_curve_find(expected);
    CF_REQUIRE(info != NULL && info->nid != 0, ARGUMENT);
    CF_SECRET(scalar);
    cf_view pub = CF_VIEW_EMPTY;
    bool read = cf_is_ok(read_pair(der, info, &scalar, &pub));
    if (!read) {
        /* a scalar of every curve, for a multiplication like any other */
        scalar.len = info->secret;
        for (size_t i = 0; i < scalar.len; i++) {
            scalar.b[i] = 1;
        }
    }
    CF_AUTO(cf_dh_free) cf_dh_key *k = NULL;
    CF_TRY(cf_dh_from_secret(expected, cf_secret_view(&scalar), CF_VIEW_EMPTY, &k));
    bool same = cf_ct_eq(pub, cf_dh_public_view(cf_dh_public_of(k)));
    CF_REQUIRE(read && same, KEY);
    *ret = k;
    k = NULL;
    return cf_ok();
}

CF_MUST_USE cf_result cf_spki_read(cf_view der, const cf_curve_info **ret_info, cf_view *ret_pub)
{
    cf_reader r = cf_reader_of(der);
    cf_reader all = cf_der_enter(&r, TAG_SEQUENCE);
    CF_REQUIRE(all.err == CF_OK, KEY);
    const cf_curve_info *info = NULL;
    CF_TRY(read_algorithm(&all, &info));
    cf_der_item bits = cf_der_next(&all);
    cf_view pub = bits_of(&all, bits.body);
    CF_REQUIRE(all.err == CF_OK && bits.tag == TAG_BIT_STRING && all.left == 0, KEY);
    CF_REQUIRE(r.left == 0, TRAILING);
    *ret_info = info;
    *ret_pub = pub;
    return cf_ok();
}

CF_MUST_USE cf_result cf_dh_public_from_spki(cf_view der, cf_curve *ret_curve, cf_dh_public *ret)
{
    *ret = (cf_dh_public){{0}, 0};
    const cf_curve_info *info = NULL;
    cf_view pub = CF_VIEW_EMPTY;
    CF_TRY(cf_spki_read(der, &info, &pub));
    CF_TRY(cf_curve_public_ok(info, pub));
    cf_copy(ret->b, pub.data, pub.len);
    ret->len = (uint8_t)pub.len;
    *ret_curve = info->curve;
    return cf_ok();
}

static void put_algorithm(cf_writer *w, const cf_curve_info *info)
{
    CF_BUF(body);
    cf_writer inner = cf_writer_to(&body, KEY_DER_BYTES_MAX);
    if (info->nid != 0) {
        cf_der_put(&inner, TAG_OID, CF_VIEW_OF(oid_ec));
    }
    cf_der_put(&inner, TAG_OID, cf_view_make(info->oid, info->oid_len));
    w->err = w->err == CF_OK ? inner.err : w->err;
    cf_der_put(w, TAG_SEQUENCE, cf_buf_view(&body));
}

static void put_bits(cf_writer *w, cf_view pub)
{
    CF_BUF(body);
    cf_writer inner = cf_writer_to(&body, KEY_DER_BYTES_MAX);
    cf_write_u8(&inner, 0);
    cf_write(&inner, pub);
    w->err = w->err == CF_OK ? inner.err : w->err;
    cf_der_put(w, TAG_BIT_STRING, cf_buf_view(&body));
}

/* Wraps what was written into one SEQUENCE behind out; out is as before after an error. */
static cf_result finish(const cf_writer *w, cf_buf *out)
{
    CF_TRY(cf_write_end(w));
    CF_BUF(whole);
    cf_writer outer = cf_writer_to(&whole, KEY_DER_BYTES_MAX);
    cf_der_put(&outer, TAG_SEQUENCE, cf_buf_view(w->out));
    CF_TRY(cf_write_end(&outer));
    return cf_buf_append(out, cf_buf_view(&whole));
}

CF_MUST_USE cf_result cf_dh_public_to_spki(cf_curve c, cf_view pub, cf_buf *out)
{
    const cf_curve_info *info = cf_curve_find(c);
    CF_REQUIRE(info != NULL, ARGUMENT);
    CF_REQUIRE(pub.len == info->public, KEY);
    CF_BUF(body);
    cf_writer w = cf_writer_to(&body, KEY_DER_BYTES_MAX);
    put_algorithm(&w, info);
    put_bits(&w, pub);
    return finish(&w, out);
}

/* ECPrivateKey with the public key and without the curve's name, as most encoders of PKCS#8 write it. */
static cf_result put_ec_key(cf_view scalar, cf_view pub, cf_buf *out)
{
    static const uint8_t version[] = {1};
    CF_BUF(bits);
    cf_writer wb = cf_writer_to(&bits, KEY_DER_BYTES_MAX);
    put_bits(&wb, pub);
    CF_TRY(cf_write_end(&wb));
    CF_BUF(body);
    cf_writer w = cf_writer_to(&body, KEY_DER_BYTES_MAX);
    cf_der_put(&w, TAG_INTEGER, CF_VIEW_OF(version));
    cf_der_put(&w, TAG_OCTET_STRING, scalar);
    cf_der_put(&w, TAG_CONTEXT_1, cf_buf_view(&bits));
    return finish(&w, out);
}

CF_MUST_USE cf_result cf_dh_to_pkcs8(const cf_dh_key *k, cf_buf *out)
{
    static const uint8_t version[] = {0};
    const cf_curve_info *info = cf_curve_find(cf_dh_curve(k));
    CF_SECRET(scalar);
    CF_TRY(cf_dh_secret_of(k, &scalar));
    CF_BUF(key);
    if (info->nid != 0) {
        CF_TRY(put_ec_key(cf_secret_view(&scalar), cf_dh_public_view(cf_dh_public_of(k)), &key));
    } else {
        cf_writer wk = cf_writer_to(&key, KEY_DER_BYTES_MAX);
        cf_der_put(&wk, TAG_OCTET_STRING, cf_secret_view(&scalar));
        CF_TRY(cf_write_end(&wk));
    }
    CF_BUF(body);
    cf_writer w = cf_writer_to(&body, KEY_DER_BYTES_MAX);
    cf_der_put(&w, TAG_INTEGER, CF_VIEW_OF(version));
    put_algorithm(&w, info);
    cf_der_put(&w, TAG_OCTET_STRING, cf_buf_view(&key));
    return finish(&w, out);
}
