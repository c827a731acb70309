/* SPDX-License-Identifier: Apache-2.0 */
#include "core/crypto/dh.h"

#include <openssl/bn.h>
#include <openssl/ec.h>

#include "core/crypto/curve_priv.h"
#include "tests/support/vectors.h"

static const cf_curve all_curves[] = {CF_P256, CF_P384, CF_P521, CF_X25519};
enum { CURVES = 4, NIST_CURVES = 3 };

/* The table's orders are the library's. */
static void test_orders(void **state)
{
    (void)state;
    for (size_t i = 0; i < NIST_CURVES; i++) {
        const cf_curve_info *info = cf_curve_find(all_curves[i]);
        assert_non_null(info);
        EC_GROUP *group = EC_GROUP_new_by_curve_name(info->nid);
        uint8_t order[CF_SECRET_BYTES_MAX];
        assert_int_equal(BN_bn2binpad(EC_GROUP_get0_order(group), order, info->secret),
                         info->secret);
        assert_view(cf_view_make(order, info->secret), cf_view_make(info->order, info->secret));
        EC_GROUP_free(group);
    }
}

static void test_sizes(void **state)
{
    (void)state;
    const size_t publics[] = {65, 97, 133, 32}, secrets[] = {32, 48, 66, 32};
    for (size_t i = 0; i < CURVES; i++) {
        assert_int_equal(cf_dh_public_bytes(all_curves[i]), publics[i]);
        assert_int_equal(cf_dh_secret_bytes(all_curves[i]), secrets[i]);
    }
    assert_int_equal(cf_dh_public_bytes((cf_curve)0), 0);
    assert_int_equal(cf_dh_secret_bytes((cf_curve)0x21), 0);
    CF_AUTO(cf_dh_free) cf_dh_key *k = NULL;
    assert_err(cf_dh_generate((cf_curve)0x21, &k), ARGUMENT);
    assert_err(cf_dh_from_secret((cf_curve)0, CF_LIT("x"), CF_VIEW_EMPTY, &k), ARGUMENT);
    cf_dh_free(&k);
}

/* scalar = order + delta, for small delta. */
static void near_order(const cf_curve_info *info, int delta, uint8_t *ret)
{
    int carry = delta;
    for (size_t i = info->secret; i > 0; i--) {
        int v = info->order[i - 1] + carry;
        ret[i - 1] = (uint8_t)(v & 0xFF);
        carry = v < 0 ? -1 : v >> 8;
    }
}

static void test_scalar_range(void **state)
{
    (void)state;
    for (size_t i = 0; i < NIST_CURVES; i++) {
        const cf_curve_info *info = cf_curve_find(all_curves[i]);
        uint8_t s[CF_SECRET_BYTES_MAX + 1] = {0};
        cf_view whole = cf_view_make(s, info->secret);
        assert_err(cf_curve_scalar_ok(info, whole), KEY); /* 0 */
        s[info->secret - 1] = 1;
        assert_ok(cf_curve_scalar_ok(info, whole));
        assert_err(cf_curve_scalar_ok(info, cf_view_make(s, info->secret - 1u)), KEY);
        assert_err(cf_curve_scalar_ok(info, cf_view_make(s, info->secret + 1u)), KEY);
        const struct {
            int delta;
            cf_err err;
        } around[] = {
            {-2, CF_OK}, {-1, CF_OK}, {0, CF_ERR_KEY}, {1, CF_ERR_KEY}, {256, CF_ERR_KEY}};
        for (size_t d = 0; d < sizeof around / sizeof around[0]; d++) {
            CF_AUTO(cf_dh_free) cf_dh_key *k = NULL;
            near_order(info, around[d].delta, s);
            assert_code(cf_dh_from_secret(all_curves[i], whole, CF_VIEW_EMPTY, &k), around[d].err);
            assert_int_equal(k != NULL, around[d].err == CF_OK);
        }
        for (size_t b = 0; b < info->secret; b++) {
            s[b] = 0xFF;
        }
        assert_err(cf_curve_scalar_ok(info, whole), KEY);
    }
}

/* Two fresh pairs agree, and a key is the same however it is made. */
static void test_generate_and_agree(void **state)
{
    (void)state;
    for (size_t i = 0; i < CURVES; i++) {
        cf_curve c = all_curves[i];
        CF_AUTO(cf_dh_free) cf_dh_key *a = NULL, *b = NULL, *again = NULL, *cached = NULL;
        assert_ok(cf_dh_generate(c, &a));
        assert_ok(cf_dh_generate(c, &b));
        cf_view pub_a = cf_dh_public_view(cf_dh_public_of(a)),
                pub_b = cf_dh_public_view(cf_dh_public_of(b));
        CF_SECRET(ab);
        CF_SECRET(ba);
        CF_SECRET(scalar);
        assert_false(cf_view_eq(pub_a, pub_b));
        assert_ok(cf_dh_shared(a, pub_b, &ab));
        assert_ok(cf_dh_shared(b, pub_a, &ba));
        assert_view(cf_secret_view(&ab), cf_secret_view(&ba));
        assert_int_equal(ab.len, cf_dh_secret_bytes(c));
        assert_int_equal(cf_dh_curve(a), c);
        assert_ok(cf_dh_secret_of(a, &scalar));
        assert_int_equal(scalar.len, cf_dh_secret_bytes(c));
        assert_ok(cf_dh_from_secret(c, cf_secret_view(&scalar), CF_VIEW_EMPTY, &again));
        assert_view(cf_dh_public_view(cf_dh_public_of(again)), pub_a);
        assert_ok(cf_dh_from_secret(c, cf_secret_view(&scalar), pub_a, &cached));
        assert_ok(cf_dh_shared(cached, pub_b, &ba));
        assert_view(cf_secret_view(&ab), cf_secret_view(&ba));
        cf_dh_free(&again);
        cf_dh_free(&cached);
        cf_dh_free(&b);
    }
}

/* Every way in which a public key can be wrong, at each of the three doors. */
static void refuse_public(cf_curve c, const cf_dh_key *k, cf_view pub)
{
    CF_SECRET(shared);
    CF_SECRET(scalar);
    CF_AUTO(cf_dh_free) cf_dh_key *made = NULL;
    assert_err(cf_dh_shared(k, pub, &shared), KEY);
    assert_int_equal(shared.len, 0);
    assert_ok(cf_dh_secret_of(k, &scalar));
    if (pub.len > 0) {
        assert_err(cf_dh_from_secret(c, cf_secret_view(&scalar), pub, &made), KEY);
        assert_null(made);
    }
}

static void test_bad_public(void **state)
{
    (void)state;
    for (size_t i = 0; i < NIST_CURVES; i++) {
        cf_curve c = all_curves[i];
        CF_AUTO(cf_dh_free) cf_dh_key *k = NULL;
        assert_ok(cf_dh_generate(c, &k));
        cf_dh_public p = *cf_dh_public_of(k);
        refuse_public(c, k, CF_VIEW_EMPTY);
        refuse_public(c, k, cf_view_make(p.b, 1));
        refuse_public(c, k, cf_view_make(p.b, p.len - 1u));
        const uint8_t heads[] = {0x00, 0x01, 0x02, 0x03, 0x05, 0x06, 0x07, 0x84, 0xFF};
        for (size_t h = 0; h < sizeof heads; h++) {
            p.b[0] = heads[h];
            refuse_public(c, k, cf_dh_public_view(&p));
            refuse_public(c, k,
                          cf_view_make(p.b, 1u + (p.len - 1u) / 2)); /* the compressed length */
        }
        p.b[0] = 0x04;
        p.b[p.len - 1] ^= 1;
        refuse_public(c, k, cf_dh_public_view(&p));
        cf_wipe(p.b + 1, p.len - 1u); /* (0, 0) */
        refuse_public(c, k, cf_dh_public_view(&p));
        cf_wipe(p.b, p.len);
        refuse_public(c, k, cf_dh_public_view(&p));
        for (size_t b = 1; b < p.len; b++) { /* coordinates over the field */
            p.b[b] = 0xFF;
        }
        p.b[0] = 0x04;
        refuse_public(c, k, cf_dh_public_view(&p));
    }
    CF_AUTO(cf_dh_free) cf_dh_key *x = NULL, *other = NULL;
    CF_SECRET(scalar);
    const uint8_t zero[32] = {0};
    assert_ok(cf_dh_generate(CF_X25519, &x));
    assert_ok(cf_dh_generate(CF_X25519, &other));
    assert_ok(cf_dh_secret_of(x, &scalar));
    assert_err(cf_dh_shared(x, CF_VIEW_OF(zero), &scalar), KEY);
    assert_err(cf_dh_shared(x, cf_view_make(zero, 31), &scalar), KEY);
    assert_ok(cf_dh_secret_of(x, &scalar));
    cf_dh_key *made = NULL;
    assert_err(cf_dh_from_secret(CF_X25519, cf_secret_view(&scalar),
                                 cf_dh_public_view(cf_dh_public_of(other)), &made),
               KEY);
    assert_null(made);
}

/* A scalar of a Wycheproof file in its curve's width: theirs are INTEGERs, with a zero in front or without leading ones. */
static void fit_scalar(cf_curve c, const cf_buf *in, cf_buf *ret)
{
    size_t width = cf_dh_secret_bytes(c), skip = 0;
    while (skip < in->len && in->data[skip] == 0) {
        skip++;
    }
    assert_true(in->len - skip <= width);
    cf_buf_clear(ret);
    assert_ok(cf_buf_reserve(ret, width));
    cf_wipe(ret->data, width);
    ret->len = width;
    cf_copy(ret->data + (width - (in->len - skip)), in->data + skip, in->len - skip);
}

typedef struct {
    cf_curve curve;
    size_t valid, refused;
} tally;

static void check_shared(cf_curve c, const json_t *test, cf_view pub)
{
    CF_BUF(raw);
    CF_BUF(scalar);
    CF_BUF(want);
    CF_SECRET(shared);
    CF_AUTO(cf_dh_free) cf_dh_key *k = NULL;
    vec_hex(test, "private", &raw);
    vec_hex(test, "shared", &want);
    fit_scalar(c, &raw, &scalar);
    assert_ok(cf_dh_from_secret(c, cf_buf_view(&scalar), CF_VIEW_EMPTY, &k));
    assert_ok(cf_dh_shared(k, pub, &shared));
    assert_view(cf_secret_view(&shared), cf_buf_view(&want));
}

static void check_refused(cf_curve c, cf_view pub)
{
    CF_SECRET(shared);
    CF_AUTO(cf_dh_free) cf_dh_key *k = NULL;
    assert_ok(cf_dh_generate(c, &k));
    assert_err(cf_dh_shared(k, pub, &shared), KEY);
}

static bool ecpoint_case(const json_t *group, const json_t *test, void *ctx)
{
    (void)group;
    tally *t = ctx;
    CF_BUF(pub);
    vec_hex(test, "public", &pub);
    if (strcmp(vec_text(test, "result"), "valid") == 0) {
        check_shared(t->curve, test, cf_buf_view(&pub));
        t->valid++;
    } else { /* the one "acceptable" case is a compressed point, which HPKE does not know */
        check_refused(t->curve, cf_buf_view(&pub));
        t->refused++;
    }
    return true;
}

static bool spki_case(const json_t *group, const json_t *test, void *ctx)
{
    (void)group;
    tally *t = ctx;
    CF_BUF(der);
    cf_curve c = (cf_curve)0;
    cf_dh_public pub;
    vec_hex(test, "public", &der);
    cf_result r = cf_dh_public_from_spki(cf_buf_view(&der), &c, &pub);
    if (strcmp(vec_text(test, "result"), "valid") == 0) {
        assert_ok(r);
        assert_int_equal(c, t->curve);
        check_shared(c, test, cf_dh_public_view(&pub));
        t->valid++;
        return true;
    }
    /* unnamed curves, compressed points and encodings that are not DER are tolerable to some and not to us; what is left of
     * the invalid ones is a key of another curve of ours, which is then not this one's */
    if (cf_is_ok(r)) {
        assert_int_not_equal(c, t->curve);
    } else {
        assert_true(r.code == CF_ERR_KEY || r.code == CF_ERR_UNSUPPORTED ||
                    r.code == CF_ERR_TRAILING);
        assert_int_equal(pub.len, 0);
    }
    t->refused++;
    return true;
}

static void test_wycheproof_ecdh(void **state)
{
    (void)state;
    const struct {
        cf_curve curve;
        const char *points, *spki;
        size_t valid, points_refused, spki_refused;
    } files[] = {
        {CF_P256, "wycheproof/ecdh_secp256r1_ecpoint_test.json",
         "wycheproof/ecdh_secp256r1_test.json", 330, 25, 282},
        {CF_P384, "wycheproof/ecdh_secp384r1_ecpoint_test.json",
         "wycheproof/ecdh_secp384r1_test.json", 771, 19, 276},
        {CF_P521, "wycheproof/ecdh_secp521r1_ecpoint_test.json",
         "wycheproof/ecdh_secp521r1_test.json", 632, 29, 284},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        tally points = {files[i].curve, 0, 0}, spki = points;
        vec_wycheproof(files[i].points, ecpoint_case, &points,
                       files[i].valid + files[i].points_refused, 0);
        assert_int_equal(points.valid, files[i].valid);
        vec_wycheproof(files[i].spki, spki_case, &spki, files[i].valid + files[i].spki_refused, 0);
        assert_int_equal(spki.valid, files[i].valid);
        assert_int_equal(spki.refused, files[i].spki_refused);
    }
}

static bool has_flag(const json_t *test, const char *flag)
{
    const json_t *flags = vec_array(test, "flags");
    for (size_t i = 0; i < json_array_size(flags); i++) {
        if (strcmp(json_string_value(json_array_get(flags, i)), flag) == 0) {
            return true;
        }
    }
    return false;
}

/* Points of small order are "acceptable" to the file and refused by RFC 9180; the other acceptable ones are ordinary to us. */
static bool x25519_case(const json_t *group, const json_t *test, void *ctx)
{
    (void)group;
    tally *t = ctx;
    CF_BUF(pub);
    vec_hex(test, "public", &pub);
    assert_string_not_equal(vec_text(test, "result"), "invalid");
    if (has_flag(test, "ZeroSharedSecret")) {
        CF_BUF(scalar);
        CF_SECRET(shared);
        CF_AUTO(cf_dh_free) cf_dh_key *k = NULL;
        vec_hex(test, "private", &scalar);
        assert_ok(cf_dh_from_secret(CF_X25519, cf_buf_view(&scalar), CF_VIEW_EMPTY, &k));
        assert_err(cf_dh_shared(k, cf_buf_view(&pub), &shared), KEY);
        t->refused++;
    } else {
        check_shared(CF_X25519, test, cf_buf_view(&pub));
        t->valid++;
    }
    return true;
}

static bool x25519_asn_case(const json_t *group, const json_t *test, void *ctx)
{
    (void)group;
    tally *t = ctx;
    CF_BUF(spki);
    CF_BUF(pkcs8);
    CF_BUF(want);
    CF_SECRET(shared);
    CF_AUTO(cf_dh_free) cf_dh_key *k = NULL;
    cf_curve c = (cf_curve)0;
    cf_dh_public pub;
    vec_hex(test, "public", &spki);
    vec_hex(test, "private", &pkcs8);
    vec_hex(test, "shared", &want);
    if (has_flag(test, "MissingOctetString")) {
        assert_err(cf_dh_from_pkcs8(cf_buf_view(&pkcs8), &c, &k), KEY);
        t->refused++;
        return true;
    }
    assert_ok(cf_dh_from_pkcs8(cf_buf_view(&pkcs8), &c, &k));
    assert_int_equal(c, CF_X25519);
    cf_result r = cf_dh_public_from_spki(cf_buf_view(&spki), &c, &pub);
    if (strcmp(vec_text(test, "result"), "invalid") == 0) {
        assert_true(!cf_is_ok(r) || c != CF_X25519);
        t->refused++;
        return true;
    }
    assert_ok(r);
    r = cf_dh_shared(k, cf_dh_public_view(&pub), &shared);
    if (has_flag(test, "ZeroSharedSecret")) {
        assert_err(r, KEY);
        t->refused++;
    } else {
        assert_ok(r);
        assert_view(cf_secret_view(&shared), cf_buf_view(&want));
        t->valid++;
    }
    return true;
}

static void test_wycheproof_x25519(void **state)
{
    (void)state;
    tally raw = {CF_X25519, 0, 0}, asn = raw;
    vec_wycheproof("wycheproof/x25519_test.json", x25519_case, &raw, 518, 0);
    assert_int_equal(raw.valid, 487);
    assert_int_equal(raw.refused, 31);
    vec_wycheproof("wycheproof/x25519_asn_test.json", x25519_asn_case, &asn, 537, 0);
    assert_int_equal(asn.valid, 487);
    assert_int_equal(asn.refused, 50);
}

static void test_derive_contract(void **state)
{
    (void)state;
    uint8_t ikm[67] = {7};
    for (size_t i = 0; i < CURVES; i++) {
        CF_AUTO(cf_dh_free) cf_dh_key *k = NULL, *longer = NULL;
        size_t min = cf_dh_secret_bytes(all_curves[i]);
        assert_err(cf_dh_derive(all_curves[i], cf_view_make(ikm, min - 1), &k), KEY);
        assert_ok(cf_dh_derive(all_curves[i], cf_view_make(ikm, min), &k));
        assert_ok(cf_dh_derive(all_curves[i], cf_view_make(ikm, min + 1), &longer));
        assert_false(cf_view_eq(cf_dh_public_view(cf_dh_public_of(k)),
                                cf_dh_public_view(cf_dh_public_of(longer))));
        cf_dh_free(&longer);
    }
    cf_dh_key *none = NULL;
    assert_err(cf_dh_derive((cf_curve)1, CF_VIEW_OF(ikm), &none), ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_orders),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_scalar_range),
        cmocka_unit_test(test_generate_and_agree),
        cmocka_unit_test(test_bad_public),
        cmocka_unit_test(test_wycheproof_ecdh),
        cmocka_unit_test(test_wycheproof_x25519),
        cmocka_unit_test(test_derive_contract),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
