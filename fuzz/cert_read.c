/* SPDX-License-Identifier: Apache-2.0 */
/* cf_cert_read: the input as a certificate. What it reads, libcrypto must read to the same, unless libcrypto refuses it. */
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "core/crypto/sign.h"
#include "fuzz/check.h"

static void check_inside(cf_view der, cf_view v)
{
    fuzz_check(v.len == 0 || (v.data >= der.data && v.data + v.len <= der.data + der.len));
}

static void check_time(const ASN1_TIME *theirs, int64_t ours)
{
    /* Not all years of a GeneralizedTime fit both. */
    struct tm tm;
    if (ASN1_TIME_to_tm(theirs, &tm) == 1 && ours > INT64_C(-62135596800)) {
        int day = 0, second = 0;
        ASN1_TIME *own = ASN1_TIME_set(NULL, (time_t)ours);
        fuzz_check(own == NULL ||
                   (ASN1_TIME_diff(&day, &second, own, theirs) == 1 && day == 0 && second == 0));
        ASN1_TIME_free(own);
    }
}

static void check_name(cf_view ours, X509_NAME *theirs)
{
    const uint8_t *der = NULL;
    size_t len = 0;
    if (X509_NAME_get0_der(theirs, &der, &len) == 1) {
        fuzz_check(cf_view_eq(ours, cf_view_make(der, len)));
    }
}

static void compare(const cf_cert *c, X509 *x)
{
    check_name(c->issuer, X509_get_issuer_name(x));
    check_name(c->subject, X509_get_subject_name(x));
    check_time(X509_get0_notBefore(x), c->not_before_s);
    check_time(X509_get0_notAfter(x), c->not_after_s);
    if (c->es384) {
        fuzz_check(X509_get_signature_nid(x) == NID_ecdsa_with_SHA384);
    }
    uint32_t flags = X509_get_extension_flags(x);
    if ((flags & EXFLAG_INVALID) != 0) {
        return; /* an extension that we do not read */
    }
    fuzz_check(((flags & EXFLAG_CA) != 0) == c->ca);
    fuzz_check(((flags & EXFLAG_KUSAGE) != 0) == c->has_usage);
    fuzz_check((flags & EXFLAG_CRITICAL) == 0 || c->unknown_critical);
    if (c->has_usage) {
        fuzz_check(((X509_get_key_usage(x) & KU_KEY_CERT_SIGN) != 0) ==
                   ((c->usage & CF_CERT_USAGE_CERT_SIGN) != 0));
        fuzz_check(((X509_get_key_usage(x) & KU_DIGITAL_SIGNATURE) != 0) ==
                   ((c->usage & CF_CERT_USAGE_SIGN) != 0));
    }
    if (c->ca) {
        fuzz_check(X509_get_pathlen(x) == c->path_len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cf_view der = cf_view_make(data, size);
    cf_cert c;
    cf_result r = cf_cert_read(der, &c);
    fuzz_check(cf_is_ok(r) ? c.tbs.len > 0 : r.code == CF_ERR_CHAIN && c.tbs.len == 0);
    if (!cf_is_ok(r)) {
        return 0;
    }
    const cf_view views[] = {c.tbs, c.issuer, c.subject, c.cn, c.spki, c.signature};
    for (size_t i = 0; i < sizeof views / sizeof views[0]; i++) {
        check_inside(der, views[i]);
    }
    const uint8_t *at = data;
    X509 *x = d2i_X509(NULL, &at, (long)size);
    if (x != NULL) {
        compare(&c, x);
    }
    X509_free(x);
    ERR_clear_error();
    return 0;
}
