/* SPDX-License-Identifier: Apache-2.0 */
/* PKCS#8 and SubjectPublicKeyInfo: what we write, what others write, and what nobody may. */
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "core/codec/der.h"
#include "core/crypto/dh.h"
#include "tests/support/vectors.h"

static const cf_curve all_curves[] = {CF_P256, CF_P384, CF_P521, CF_X25519};
enum { CURVES = 4 };

static void free_pkey(EVP_PKEY **p)
{
    EVP_PKEY_free(*p);
}

/* Every proper prefix is refused, and so is one octet more, in a copy of its exact size. */
static void refuse_cuts(cf_view der, bool pkcs8)
{
    for (size_t len = 0; len <= der.len + 1; len++) {
        if (len == der.len) {
            continue;
        }
        CF_BUF(longer);
        CF_AUTO(cf_dh_free) cf_dh_key *k = NULL;
        cf_curve c = CF_P256;
        cf_dh_public pub;
        assert_ok(cf_buf_append(&longer, der));
        assert_ok(cf_buf_append(&longer, CF_LIT("\0")));
        cf_view cut = view_copy(cf_view_sub(cf_buf_view(&longer), 0, len));
        cf_result r = pkcs8 ? cf_dh_from_pkcs8(cut, &c, &k) : cf_dh_public_from_spki(cut, &c, &pub);
        if (len > der.len) {
            assert_err(r, TRAILING);
        } else {
            assert_err(r, KEY);
        }
        assert_null(k);
        view_free(cut);
    }
}

static void test_round_trips(void **state)
{
    (void)state;
    const size_t pkcs8_bytes[] = {138, 185, 241, 48}, spki_bytes[] = {91, 120, 158, 44};
    for (size_t i = 0; i < CURVES; i++) {
        CF_AUTO(cf_dh_free) cf_dh_key *k = NULL, *back = NULL;
        CF_BUF(pkcs8);
        CF_BUF(spki);
        cf_curve c = (cf_curve)0;
        cf_dh_public pub;
        assert_ok(cf_dh_generate(all_curves[i], &k));
        cf_view known = cf_dh_public_view(cf_dh_public_of(k));
        assert_ok(cf_dh_to_pkcs8(k, &pkcs8));
        assert_int_equal(pkcs8.len, pkcs8_bytes[i]);
        assert_ok(cf_dh_from_pkcs8(cf_buf_view(&pkcs8), &c, &back));
        assert_int_equal(c, all_curves[i]);
        assert_view(cf_dh_public_view(cf_dh_public_of(back)), known);
        assert_ok(cf_dh_public_to_spki(c, known, &spki));
        assert_int_equal(spki.len, spki_bytes[i]);
        assert_ok(cf_dh_public_from_spki(cf_buf_view(&spki), &c, &pub));
        assert_view(cf_dh_public_view(&pub), known);
        refuse_cuts(cf_buf_view(&pkcs8), true);
        refuse_cuts(cf_buf_view(&spki), false);
        assert_err(cf_dh_public_to_spki(c, cf_view_sub(known, 0, known.len - 1), &spki), KEY);
        assert_err(cf_dh_public_to_spki((cf_curve)7, known, &spki), ARGUMENT);
        assert_int_equal(spki.len, spki_bytes[i]);
    }
}

/* libcrypto reads what we write, and writes the same. */
static void test_against_library(void **state)
{
    (void)state;
    for (size_t i = 0; i < CURVES; i++) {
        CF_AUTO(cf_dh_free) cf_dh_key *k = NULL;
        CF_BUF(pkcs8);
        CF_BUF(spki);
        assert_ok(cf_dh_generate(all_curves[i], &k));
        assert_ok(cf_dh_to_pkcs8(k, &pkcs8));
        assert_ok(
            cf_dh_public_to_spki(all_curves[i], cf_dh_public_view(cf_dh_public_of(k)), &spki));
        const uint8_t *at = pkcs8.data;
        CF_AUTO(free_pkey) EVP_PKEY *pkey = d2i_AutoPrivateKey(NULL, &at, (long)pkcs8.len);
        assert_non_null(pkey);
        uint8_t *der = NULL;
        int len = i2d_PUBKEY(pkey, &der);
        assert_true(len > 0);
        assert_view(cf_view_make(der, (size_t)len), cf_buf_view(&spki));
        OPENSSL_free(der);
        PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pkey);
        assert_non_null(info);
        der = NULL;
        len = i2d_PKCS8_PRIV_KEY_INFO(info, &der);
        assert_true(len > 0);
        assert_view(cf_view_make(der, (size_t)len), cf_buf_view(&pkcs8));
        OPENSSL_free(der);
        PKCS8_PRIV_KEY_INFO_free(info);
    }
}

/* Any one bit changed: read as another key or refused, never a crash; the sanitizers watch. */
static void test_flips(void **state)
{
    (void)state;
    size_t refused = 0, read = 0;
    for (size_t i = 0; i < CURVES; i++) {
        CF_AUTO(cf_dh_free) cf_dh_key *k = NULL;
        CF_BUF(der);
        assert_ok(
            cf_dh_derive(all_curves[i],
                         CF_LIT("a seed that is long enough for a key of the curve P-521, in all "
                                "of its octets"),
                         &k));
        assert_ok(cf_dh_to_pkcs8(k, &der));
        for (size_t bit = 0; bit < 8 * der.len; bit++) {
            CF_AUTO(cf_dh_free) cf_dh_key *other = NULL;
            cf_curve c = (cf_curve)0;
            der.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            cf_result r = cf_dh_from_pkcs8(cf_buf_view(&der), &c, &other);
            der.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_equal(cf_is_ok(r), other != NULL);
            assert_true(cf_is_ok(r) || r.code == CF_ERR_KEY || r.code == CF_ERR_UNSUPPORTED ||
                        r.code == CF_ERR_TRAILING);
            read += cf_is_ok(r);
            refused += !cf_is_ok(r);
        }
    }
    assert_true(read > 800 &&
                refused > 2500); /* scalars read; points, lengths, tags and names do not */
}

/* Pieces of a PKCS#8 of P-384, put together by hand. */
typedef struct {
    const char *version, *algorithm, *before, *after, *tail; /* hexadecimal */
} shape;

#define EC_384 "301006072a8648ce3d020106052b81040022"
static const char scalar_hex[] = "0000078ea8889520ae1efed8fabbe6e867adc80204f666db51d786468cbdd72e"
                                 "3342fff58d25c1723523860edda4344f";

static void append_hex(cf_buf *out, const char *hex)
{
    cf_view v = view_hex(hex);
    assert_ok(cf_buf_append(out, v));
    view_free(v);
}

static void build(const shape *s, size_t scalar_skip, cf_buf *ret)
{
    CF_BUF(inner);
    CF_BUF(body);
    CF_BUF(scalar);
    CF_BUF(key);
    cf_buf_clear(ret);
    append_hex(&inner, s->before);
    append_hex(&scalar, scalar_hex + 2 * scalar_skip);
    cf_writer wi = cf_writer_to(&inner, 1024);
    cf_der_put(&wi, 0x04, cf_buf_view(&scalar));
    append_hex(&inner, s->after);
    cf_writer wk = cf_writer_to(&key, 1024);
    cf_der_put(&wk, 0x30, cf_buf_view(&inner));
    append_hex(&body, s->version);
    append_hex(&body, s->algorithm);
    cf_writer wb = cf_writer_to(&body, 1024);
    cf_der_put(&wb, 0x04, cf_buf_view(&key));
    append_hex(&body, s->tail);
    cf_writer w = cf_writer_to(ret, 1024);
    cf_der_put(&w, 0x30, cf_buf_view(&body));
    assert_ok(cf_write_end(&w));
}

static void test_shapes(void **state)
{
    (void)state;
    const char *v0 = "020100", *v1 = "020101", *ec1 = "020101";
    /* the point of the scalar above, computed below, in both of its wrappings */
    CF_AUTO(cf_dh_free) cf_dh_key *k = NULL;
    CF_BUF(sk);
    vec_from_hex(scalar_hex, &sk);
    assert_ok(cf_dh_from_secret(CF_P384, cf_buf_view(&sk), CF_VIEW_EMPTY, &k));
    char with_pub[256] = "a164036200", with_tail[256] = "816200", wrong_pub[256];
    const cf_dh_public *pub = cf_dh_public_of(k);
    for (size_t i = 0; i < pub->len; i++) {
        char octet[3];
        (void)snprintf(octet, sizeof octet, "%02x", pub->b[i]);
        strncat(with_pub, octet, 3);
        strncat(with_tail, octet, 3);
    }
    (void)snprintf(wrong_pub, sizeof wrong_pub, "%s", with_pub);
    wrong_pub[strlen(wrong_pub) - 1] ^= 1; /* still a hexadecimal digit; no longer a point */
    char unused_bits[256];
    (void)snprintf(unused_bits, sizeof unused_bits, "%s", with_pub);
    unused_bits[9] = '1';
    const struct {
        shape s;
        size_t skip;
        cf_err err;
    } rows[] = {
        {{v0, EC_384, ec1, "", ""}, 0, CF_OK}, /* no public part: computed */
        {{v0, EC_384, ec1, with_pub, ""}, 0, CF_OK},
        {{v0, EC_384, ec1, "a00706052b81040022", ""}, 0, CF_OK}, /* curve named again */
        {{v1, EC_384, ec1, "", with_tail}, 0, CF_OK},            /* RFC 5958 version 2 */
        {{v0, EC_384, ec1, "", "a00430020500"}, 0, CF_OK},       /* attributes */
        {{v1, EC_384, ec1, "", ""}, 0, CF_OK},
        {{v0, EC_384, ec1, "", ""}, 2, CF_OK},       /* leading zeros dropped by the encoder */
        {{v0, EC_384, ec1, "", ""}, 48, CF_ERR_KEY}, /* and all of the scalar with them */
        {{v0, EC_384, ec1, wrong_pub, ""}, 0, CF_ERR_KEY},
        {{v0, EC_384, ec1, unused_bits, ""}, 0, CF_ERR_KEY},
        {{v0, EC_384, ec1, "a00706052b81040023", ""}, 0, CF_ERR_KEY}, /* names two curves */
        {{v0, EC_384, ec1, "a00906052b810400220500", ""}, 0, CF_ERR_KEY},
        {{v0, EC_384, ec1, "a20706052b81040022", ""}, 0, CF_ERR_KEY},
        {{v0, EC_384, ec1, "0500", ""}, 0, CF_ERR_KEY},
        {{v0, EC_384, ec1, "", "0500"}, 0, CF_ERR_KEY},
        {{v0, EC_384, ec1, "", "a00430020500a00430020500"}, 0, CF_ERR_KEY},
        {{"020102", EC_384, ec1, "", ""}, 0, CF_ERR_KEY},
        {{"02020000", EC_384, ec1, "", ""}, 0, CF_ERR_KEY},
        {{"0200", EC_384, ec1, "", ""}, 0, CF_ERR_KEY},
        {{v0, EC_384, "020100", "", ""}, 0, CF_ERR_KEY},
        {{v0, EC_384, "020102", "", ""}, 0, CF_ERR_KEY},
        {{v0, "300d06092a864886f70d0101010500", ec1, "", ""}, 0, CF_ERR_UNSUPPORTED}, /* RSA */
        {{v0, "301006072a8648ce3d020106052b8104000a", ec1, "", ""},
         0,
         CF_ERR_UNSUPPORTED}, /* secp256k1 */
        {{v0, "300d06072a8648ce3d020130020500", ec1, "", ""}, 0, CF_ERR_UNSUPPORTED}, /* explicit */
        {{v0, "301006072a8648ce3d020106032b656e0500", ec1, "", ""},
         0,
         CF_ERR_UNSUPPORTED}, /* X25519 as a name */
        {{v0, "300906072a8648ce3d0201", ec1, "", ""}, 0, CF_ERR_KEY},
        {{v0, "301206072a8648ce3d020106052b810400220500", ec1, "", ""}, 0, CF_ERR_KEY},
        {{v0, "300706052b81040022", ec1, "", ""},
         0,
         CF_ERR_UNSUPPORTED}, /* curve as the algorithm */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CF_BUF(der);
        CF_AUTO(cf_dh_free) cf_dh_key *got = NULL;
        cf_curve c = (cf_curve)0;
        build(&rows[i].s, rows[i].skip, &der);
        cf_result r = cf_dh_from_pkcs8(cf_buf_view(&der), &c, &got);
        if (r.code != rows[i].err) {
            fail_msg("row %zu: %s", i, cf_err_code(r.code));
        }
        if (cf_is_ok(r)) {
            assert_int_equal(c, CF_P384);
            assert_view(cf_dh_public_view(cf_dh_public_of(got)), cf_dh_public_view(pub));
        }
    }
}

/* What cf_dh_pair_from_pkcs8 makes of these octets: a key of the curve, or the one error. */
static bool is_pair(cf_view der, cf_curve expected)
{
    CF_AUTO(cf_dh_free) cf_dh_key *k = NULL;
    cf_view exact = view_copy(der);
    cf_result r = cf_dh_pair_from_pkcs8(exact, expected, &k);
    view_free(exact);
    assert_true(cf_is_ok(r) || r.code == CF_ERR_KEY);
    assert_int_equal(cf_is_ok(r), k != NULL);
    return cf_is_ok(r);
}

/* Of a pair no bit is free, none can be cut off and none put behind; and it is of the curve that was expected. */
static void test_pair_has_no_slack(void **state)
{
    (void)state;
    for (size_t i = 0; i < CURVES - 1; i++) {
        CF_AUTO(cf_dh_free) cf_dh_key *k = NULL, *got = NULL;
        CF_BUF(der);
        assert_ok(cf_dh_generate(all_curves[i], &k));
        assert_ok(cf_dh_to_pkcs8(k, &der));
        assert_ok(cf_dh_pair_from_pkcs8(cf_buf_view(&der), all_curves[i], &got));
        CF_SECRET(a);
        CF_SECRET(b);
        assert_ok(cf_dh_secret_of(k, &a));
        assert_ok(cf_dh_secret_of(got, &b));
        assert_view(cf_secret_view(&a), cf_secret_view(&b));
        assert_view(cf_dh_public_view(cf_dh_public_of(got)), cf_dh_public_view(cf_dh_public_of(k)));
        for (size_t bit = 0; bit < 8 * der.len; bit++) {
            der.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            if (is_pair(cf_buf_view(&der), all_curves[i])) {
                fail_msg("bit %zu", bit);
            }
            der.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        for (size_t len = 0; len < der.len; len++) {
            assert_false(is_pair(cf_view_sub(cf_buf_view(&der), 0, len), all_curves[i]));
        }
        for (size_t j = 0; j < CURVES - 1; j++) {
            assert_int_equal(is_pair(cf_buf_view(&der), all_curves[j]), i == j);
        }
        assert_ok(cf_buf_append(&der, CF_LIT("\0")));
        assert_false(is_pair(cf_buf_view(&der), all_curves[i]));
    }
}

/* X25519 has no form in which all octets are bound to each other, so it has no pairs. */
static void test_pair_curves(void **state)
{
    (void)state;
    CF_AUTO(cf_dh_free) cf_dh_key *x = NULL, *k = NULL;
    CF_BUF(der);
    assert_ok(cf_dh_generate(CF_X25519, &x));
    assert_ok(cf_dh_to_pkcs8(x, &der));
    assert_err(cf_dh_pair_from_pkcs8(cf_buf_view(&der), CF_X25519, &k), ARGUMENT);
    assert_err(cf_dh_pair_from_pkcs8(cf_buf_view(&der), (cf_curve)7, &k), ARGUMENT);
    for (size_t i = 0; i < CURVES - 1; i++) {
        assert_err(cf_dh_pair_from_pkcs8(cf_buf_view(&der), all_curves[i], &k), KEY);
        assert_err(cf_dh_pair_from_pkcs8(CF_VIEW_EMPTY, all_curves[i], &k), KEY);
    }
    assert_null(k);
}

/* The shapes that cf_dh_from_pkcs8 takes from others, most of which leave an observer octets to play with. */
static void test_pair_shapes(void **state)
{
    (void)state;
    const char *v0 = "020100", *v1 = "020101", *ec1 = "020101", *named = "a00706052b81040022";
    CF_AUTO(cf_dh_free) cf_dh_key *k = NULL, *other = NULL;
    CF_BUF(sk);
    vec_from_hex(scalar_hex, &sk);
    assert_ok(cf_dh_from_secret(CF_P384, cf_buf_view(&sk), CF_VIEW_EMPTY, &k));
    assert_ok(cf_dh_generate(CF_P384, &other));
    char with_pub[256], with_other[256], with_tail[256], named_pub[512], compressed[256];
    char pub[200] = "", pub_other[200] = "";
    for (size_t i = 0; i < 97; i++) {
        (void)snprintf(pub + 2 * i, 3, "%02x", cf_dh_public_of(k)->b[i]);
        (void)snprintf(pub_other + 2 * i, 3, "%02x", cf_dh_public_of(other)->b[i]);
    }
    (void)snprintf(with_pub, sizeof with_pub, "a164036200%s", pub);
    (void)snprintf(with_other, sizeof with_other, "a164036200%s", pub_other);
    (void)snprintf(with_tail, sizeof with_tail, "816200%s", pub);
    (void)snprintf(named_pub, sizeof named_pub, "%s%s", named, with_pub);
    (void)snprintf(compressed, sizeof compressed, "a13403320003%.96s", pub + 2);
    const struct {
        shape s;
        size_t skip;
        bool ok;
    } rows[] = {
        {{v0, EC_384, ec1, with_pub, ""}, 0, true},
        {{v0, EC_384, ec1, named_pub, ""}, 0, true}, /* the sample's form */
        {{v0, EC_384, ec1, with_pub, ""}, 2, true},  /* leading zeros dropped by the encoder */
        {{v0, EC_384, ec1, with_pub, ""}, 3, false}, /* and an octet that is none */
        {{v0, EC_384, ec1, "", ""}, 0, false},
        {{v0, EC_384, ec1, named, ""}, 0, false},
        {{v0, EC_384, ec1, with_other, ""}, 0, false}, /* a point, but not the scalar's */
        {{v0, EC_384, ec1, compressed, ""}, 0, false},
        {{v0, EC_384, ec1, with_pub, "a00430020500"}, 0, false}, /* attributes */
        {{v0, EC_384, ec1, with_pub, "a000"}, 0, false},
        {{v1, EC_384, ec1, with_pub, ""}, 0, false},
        {{v1, EC_384, ec1, "", with_tail}, 0, false},
        {{v1, EC_384, ec1, with_pub, with_tail}, 0, false},
        {{v0, "301306072a8648ce3d020106082a8648ce3d030107", ec1, with_pub, ""}, 0, false},
        {{v0, "300706052b81040022", ec1, with_pub, ""}, 0, false},
        {{v0, "300506032b656e", ec1, with_pub, ""}, 0, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CF_BUF(der);
        build(&rows[i].s, rows[i].skip, &der);
        if (is_pair(cf_buf_view(&der), CF_P384) != rows[i].ok) {
            fail_msg("row %zu", i);
        }
    }
}

/* Points that SubjectPublicKeyInfo may carry elsewhere and may not here. */
static void test_spki_refused(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        cf_err err;
    } rows[] = {
        /* compressed point of P-256's generator */
        {"3039301306072a8648ce3d020106082a8648ce3d030107032200036b17d1f2e12c4247f8bce6e563a440f2770"
         "37d812deb33a0f4a1394"
         "5d898c296",
         CF_ERR_KEY},
        /* the point at infinity */
        {"3019301306072a8648ce3d020106082a8648ce3d03010703020000", CF_ERR_KEY},
        /* an Ed25519 key */
        {"302a300506032b6570032100000000000000000000000000000000000000000000000000000000000000000a",
         CF_ERR_UNSUPPORTED},
        /* X25519 with parameters */
        {"302c300706032b656e05000321000000000000000000000000000000000000000000000000000000000000000"
         "00a",
         CF_ERR_KEY},
        {"3000", CF_ERR_KEY},
        {"", CF_ERR_KEY},
        {"0400", CF_ERR_KEY},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CF_BUF(der);
        cf_curve c = (cf_curve)0;
        cf_dh_public pub;
        vec_from_hex(rows[i].hex, &der);
        cf_result r = cf_dh_public_from_spki(cf_buf_view(&der), &c, &pub);
        if (r.code != rows[i].err) {
            fail_msg("row %zu: %s", i, cf_err_code(r.code));
        }
        assert_int_equal(pub.len, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),  cmocka_unit_test(test_against_library),
        cmocka_unit_test(test_flips),        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_spki_refused), cmocka_unit_test(test_pair_has_no_slack),
        cmocka_unit_test(test_pair_curves),  cmocka_unit_test(test_pair_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
