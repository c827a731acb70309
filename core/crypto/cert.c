/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates of the software NSM, in the shape of the genuine ones. */
#include "core/crypto/lib_priv.h"
#include "core/crypto/pkey_priv.h"
#include "core/crypto/sign.h"

#include <openssl/x509v3.h>

#define SERIAL_BYTES 16
#define X509_V3 2                        /* version number as encoded */
#define TIME_S_MAX INT64_C(253402300799) /* the last second of 9999, RFC 5280 section 4.1.2.5 */

CF_LIB_FREE(X509_NAME, X509_NAME_free)
CF_LIB_FREE(BASIC_CONSTRAINTS, BASIC_CONSTRAINTS_free)
CF_LIB_FREE(ASN1_BIT_STRING, ASN1_BIT_STRING_free)

static cf_result make_name(cf_view cn, X509_NAME **ret)
{
    CF_REQUIRE(cn.len > 0 && cn.len <= CF_CERT_CN_BYTES_MAX && cf_utf8_ok(cn), ARGUMENT);
    CF_AUTO(cf_lib_free_X509_NAME) X509_NAME *name = X509_NAME_new();
    CF_REQUIRE(name != NULL, NO_MEMORY);
    int added = X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8, cn.data,
                                           (uint8_t)cn.len, -1, 0);
    CF_TRY(cf_lib_ok(added == 1, CF_ERR_CRYPTO));
    *ret = name;
    name = NULL;
    return cf_ok();
}

static cf_result set_names(X509 *cert, const cf_cert_spec *spec)
{
    CF_AUTO(cf_lib_free_X509_NAME) X509_NAME *subject = NULL;
    CF_AUTO(cf_lib_free_X509_NAME) X509_NAME *issuer = NULL;
    CF_TRY(make_name(spec->subject_cn, &subject));
    CF_TRY(make_name(spec->issuer_cn.len > 0 ? spec->issuer_cn : spec->subject_cn, &issuer));
    bool set = X509_set_subject_name(cert, subject) == 1 && X509_set_issuer_name(cert, issuer) == 1;
    return cf_lib_ok(set, CF_ERR_CRYPTO);
}

static cf_result set_serial(X509 *cert)
{
    uint8_t serial[SERIAL_BYTES];
    CF_TRY(cf_random(serial, sizeof serial));
    serial[0] = (uint8_t)((serial[0] & 0x7F) | 0x40); /* positive, and of this length */
    CF_AUTO(cf_lib_free_BIGNUM) BIGNUM *bn = BN_bin2bn(serial, sizeof serial, NULL);
    CF_REQUIRE(bn != NULL, NO_MEMORY);
    ASN1_INTEGER *set = BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(cert));
    return cf_lib_ok(set != NULL, CF_ERR_CRYPTO);
}

static cf_result set_validity(X509 *cert, const cf_cert_spec *spec)
{
    CF_REQUIRE(spec->not_before_s >= 0 && spec->not_before_s <= spec->not_after_s, ARGUMENT);
    CF_REQUIRE(spec->not_after_s <= TIME_S_MAX, ARGUMENT);
    bool set = ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)spec->not_before_s) != NULL &&
               ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)spec->not_after_s) != NULL;
    return cf_lib_ok(set, CF_ERR_CRYPTO);
}

/* As the genuine ones: constraints critical in all; key usage critical in CAs only. */
static cf_result set_extensions(X509 *cert, int path_len)
{
    bool ca = path_len >= 0;
    CF_AUTO(cf_lib_free_BASIC_CONSTRAINTS) BASIC_CONSTRAINTS *constraints = BASIC_CONSTRAINTS_new();
    CF_AUTO(cf_lib_free_ASN1_BIT_STRING) ASN1_BIT_STRING *usage = ASN1_BIT_STRING_new();
    CF_REQUIRE(constraints != NULL && usage != NULL, NO_MEMORY);
    constraints->ca = ca ? 0xFF : 0; /* OpenSSL writes the octet as it is, and DER knows one */
    if (ca) {
        constraints->pathlen = ASN1_INTEGER_new();
        CF_REQUIRE(constraints->pathlen != NULL, NO_MEMORY);
        CF_TRY(cf_lib_ok(ASN1_INTEGER_set(constraints->pathlen, path_len) == 1, CF_ERR_CRYPTO));
    }
    /* bits of RFC 5280 section 4.2.1.3: 0 digitalSignature, 1 nonRepudiation, 5 keyCertSign, 6 cRLSign */
    const int ca_bits[] = {5, 6}, leaf_bits[] = {0, 1};
    const int *bits = ca ? ca_bits : leaf_bits;
    bool set = ASN1_BIT_STRING_set_bit(usage, bits[0], 1) == 1 &&
               ASN1_BIT_STRING_set_bit(usage, bits[1], 1) == 1 &&
               X509_add1_ext_i2d(cert, NID_basic_constraints, constraints, 1, 0) == 1 &&
               X509_add1_ext_i2d(cert, NID_key_usage, usage, ca ? 1 : 0, 0) == 1;
    return cf_lib_ok(set, CF_ERR_CRYPTO);
}

CF_MUST_USE cf_result cf_cert_make(const cf_cert_spec *spec, cf_view subject_pub,
                                   const cf_dh_key *issuer, cf_buf *out)
{
    CF_REQUIRE(cf_dh_curve(issuer) == CF_P384, KEY);
    CF_AUTO(cf_lib_free_EVP_PKEY) EVP_PKEY *subject_key = NULL;
    CF_AUTO(cf_lib_free_EVP_PKEY) EVP_PKEY *issuer_key = NULL;
    CF_TRY(cf_pkey_public(CF_P384, subject_pub, &subject_key));
    CF_TRY(cf_pkey_private(issuer, &issuer_key));
    CF_AUTO(cf_lib_free_X509) X509 *cert = X509_new();
    CF_REQUIRE(cert != NULL, NO_MEMORY);
    CF_TRY(cf_lib_ok(X509_set_version(cert, X509_V3) == 1, CF_ERR_CRYPTO));
    CF_TRY(set_serial(cert));
    CF_TRY(set_names(cert, spec));
    CF_TRY(set_validity(cert, spec));
    CF_TRY(set_extensions(cert, spec->path_len));
    bool signed_ =
        X509_set_pubkey(cert, subject_key) == 1 && X509_sign(cert, issuer_key, EVP_sha384()) > 0;
    cf_lib_wipe_stack();
    CF_TRY(cf_lib_ok(signed_, CF_ERR_CRYPTO));
    CF_AUTO(cf_lib_free_octets) cf_lib_octets der = {NULL, 0};
    int len = i2d_X509(cert, &der.data);
    CF_TRY(cf_lib_ok(len > 0, CF_ERR_CRYPTO));
    der.len = (size_t)len;
    return cf_buf_append(out, cf_view_make(der.data, der.len));
}
