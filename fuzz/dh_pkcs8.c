/* SPDX-License-Identifier: Apache-2.0 */
/* cf_dh_from_pkcs8, cf_dh_pair_from_pkcs8, cf_dh_public_from_spki: a key that is read can be written and read again as the same
 * key; what is a pair is one by the other reader, too; of a public key there is one encoding, so what is written is the input. */
#include "core/crypto/dh.h"

#include "fuzz/check.h"

static void as_private(cf_view der)
{
    CF_AUTO(cf_dh_free) cf_dh_key *k = NULL, *again = NULL;
    cf_curve curve, back;
    cf_result r = cf_dh_from_pkcs8(der, &curve, &k);
    fuzz_check(cf_is_ok(r) == (k != NULL));
    if (k == NULL) {
        fuzz_check(r.code == CF_ERR_KEY || r.code == CF_ERR_UNSUPPORTED ||
                   r.code == CF_ERR_TRAILING);
        return;
    }
    CF_BUF(out);
    CF_SECRET(a);
    CF_SECRET(b);
    fuzz_ok(cf_dh_to_pkcs8(k, &out));
    fuzz_ok(cf_dh_from_pkcs8(cf_buf_view(&out), &back, &again));
    fuzz_ok(cf_dh_secret_of(k, &a));
    fuzz_ok(cf_dh_secret_of(again, &b));
    fuzz_check(curve == back && cf_ct_eq(cf_secret_view(&a), cf_secret_view(&b)));
    fuzz_check(cf_view_eq(cf_dh_public_view(cf_dh_public_of(k)),
                          cf_dh_public_view(cf_dh_public_of(again))));
}

static void as_pair(cf_view der, cf_curve expected)
{
    CF_AUTO(cf_dh_free) cf_dh_key *k = NULL, *again = NULL;
    cf_curve curve;
    cf_result r = cf_dh_pair_from_pkcs8(der, expected, &k);
    fuzz_check(cf_is_ok(r) == (k != NULL));
    if (k == NULL) {
        fuzz_check(r.code == CF_ERR_KEY);
        return;
    }
    fuzz_ok(cf_dh_from_pkcs8(der, &curve, &again));
    fuzz_check(curve == expected);
    fuzz_check(cf_view_eq(cf_dh_public_view(cf_dh_public_of(k)),
                          cf_dh_public_view(cf_dh_public_of(again))));
}

static void as_public(cf_view der)
{
    cf_curve curve;
    cf_dh_public pub;
    cf_result r = cf_dh_public_from_spki(der, &curve, &pub);
    fuzz_check(cf_is_ok(r) == (pub.len > 0));
    if (!cf_is_ok(r)) {
        fuzz_check(r.code == CF_ERR_KEY || r.code == CF_ERR_UNSUPPORTED ||
                   r.code == CF_ERR_TRAILING);
        return;
    }
    CF_BUF(out);
    fuzz_ok(cf_dh_public_to_spki(curve, cf_dh_public_view(&pub), &out));
    fuzz_check(cf_view_eq(cf_buf_view(&out), der));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const cf_curve curves[] = {CF_P256, CF_P384, CF_P521};
    as_private(cf_view_make(data, size));
    for (size_t i = 0; i < sizeof curves / sizeof *curves; i++) {
        as_pair(cf_view_make(data, size), curves[i]);
    }
    as_public(cf_view_make(data, size));
    return 0;
}
