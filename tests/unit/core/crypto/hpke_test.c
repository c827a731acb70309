/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of HPKE that vectors do not show: inputs, modes, directions, sequence numbers, limits. */
#include "core/crypto/hpke.h"
#include "tests/support/vectors.h"

#define PSK CF_LIT("0123456789abcdef0123456789abcdef")

typedef struct {
    cf_dh_key *r, *s, *other;
} keys;

static int setup(void **state)
{
    static keys k;
    assert_ok(cf_dh_generate(CF_P384, &k.r));
    assert_ok(cf_dh_generate(CF_P384, &k.s));
    assert_ok(cf_dh_generate(CF_X25519, &k.other));
    *state = &k;
    return 0;
}

static int teardown(void **state)
{
    keys *k = *state;
    cf_dh_free(&k->r);
    cf_dh_free(&k->s);
    cf_dh_free(&k->other);
    return 0;
}

static cf_view pub(const cf_dh_key *k)
{
    return cf_dh_public_view(cf_dh_public_of(k));
}

static void pair(const keys *k, cf_hpke_suite s, cf_hpke **ret_sender, cf_hpke **ret_receiver)
{
    const cf_hpke_input in = {.mode = CF_HPKE_BASE, .info = CF_LIT("i")};
    cf_dh_public enc;
    assert_ok(cf_hpke_sender(s, &in, pub(k->r), NULL, NULL, &enc, ret_sender));
    assert_ok(cf_hpke_receiver(s, &in, cf_dh_public_view(&enc), k->r, CF_VIEW_EMPTY, ret_receiver));
}

static void test_suites(void **state)
{
    (void)state;
    const cf_curve kems[] = {CF_P256, CF_P384, CF_P521, CF_X25519};
    const cf_aead aeads[] = {CF_AES_128_GCM, CF_AES_256_GCM, CF_CHACHA20_POLY1305, CF_EXPORT_ONLY};
    size_t suites = 0;
    for (size_t i = 0; i < 4; i++) {
        CF_AUTO(cf_dh_free) cf_dh_key *r = NULL;
        assert_ok(cf_dh_generate(kems[i], &r));
        for (int kdf = CF_SHA256; kdf <= CF_SHA512; kdf++) {
            for (size_t a = 0; a < 4; a++) {
                cf_hpke_suite s = {kems[i], (cf_hash)kdf, aeads[a]};
                assert_true(cf_hpke_suite_ok(s));
                suites++;
                CF_BUF(ct);
                CF_BUF(pt);
                cf_dh_public enc;
                cf_result sealed = cf_hpke_seal_base(s, pub(r), CF_LIT("i"), CF_LIT("a"),
                                                     CF_LIT("text"), &enc, &ct);
                if (aeads[a] == CF_EXPORT_ONLY) {
                    assert_err(sealed, STATE);
                    assert_int_equal(enc.len, 0);
                    continue;
                }
                assert_ok(sealed);
                assert_int_equal(enc.len, cf_dh_public_bytes(kems[i]));
                cf_view e = cf_dh_public_view(&enc), c = cf_buf_view(&ct);
                assert_ok(cf_hpke_open_base(s, r, e, CF_LIT("i"), CF_LIT("a"), c, &pt));
                assert_view(cf_buf_view(&pt), CF_LIT("text"));
                cf_buf_clear(&pt);
                /* every other AEAD and KDF of the same KEM fails */
                cf_hpke_suite t = s;
                t.kdf = s.kdf == CF_SHA512 ? CF_SHA256 : (cf_hash)(s.kdf + 1);
                assert_err(cf_hpke_open_base(t, r, e, CF_LIT("i"), CF_LIT("a"), c, &pt), OPEN);
                t = s;
                t.aead = s.aead == CF_CHACHA20_POLY1305 ? CF_AES_128_GCM : (cf_aead)(s.aead + 1);
                assert_err(cf_hpke_open_base(t, r, e, CF_LIT("i"), CF_LIT("a"), c, &pt), OPEN);
                assert_int_equal(pt.len, 0);
            }
        }
    }
    assert_int_equal(suites, 48);
}

static void test_suite_id(void **state)
{
    (void)state;
    cf_hpke_suite s = {0};
    assert_ok(cf_hpke_suite_from_id(CF_LIT("HPKE\x00\x11\x00\x02\x00\x02"), &s));
    assert_true(s.kem == CF_P384 && s.kdf == CF_SHA384 && s.aead == CF_AES_256_GCM);
    assert_err(cf_hpke_suite_from_id(CF_LIT("HPKE\x00\x11\x00\x02\x00"), &s), MALFORMED);
    assert_err(cf_hpke_suite_from_id(CF_LIT("HPKE\x00\x11\x00\x02\x00\x02\x00"), &s), MALFORMED);
    assert_err(cf_hpke_suite_from_id(CF_LIT("hPKE\x00\x11\x00\x02\x00\x02"), &s), MALFORMED);
    assert_err(cf_hpke_suite_from_id(CF_VIEW_EMPTY, &s), MALFORMED);
    assert_err(cf_hpke_suite_from_id(CF_LIT("HPKE\x00\x21\x00\x02\x00\x02"), &s),
               UNSUPPORTED); /* X448 */
    assert_err(cf_hpke_suite_from_id(CF_LIT("HPKE\x01\x11\x00\x02\x00\x02"), &s), UNSUPPORTED);
    assert_err(cf_hpke_suite_from_id(CF_LIT("HPKE\x00\x11\x00\x04\x00\x02"), &s),
               UNSUPPORTED); /* SHA-224 is a hash here, and no KDF */
    assert_err(cf_hpke_suite_from_id(CF_LIT("HPKE\x00\x11\x00\x00\x00\x02"), &s), UNSUPPORTED);
    assert_err(cf_hpke_suite_from_id(CF_LIT("HPKE\x00\x11\x00\x02\x00\x00"), &s), UNSUPPORTED);
    assert_err(cf_hpke_suite_from_id(CF_LIT("HPKE\x00\x11\x00\x02\xFF\xFE"), &s), UNSUPPORTED);
    assert_int_equal(s.kem, 0);
}

/* Mode, PSK and sender's key: each combination that does not fit is refused on both sides, before any computation. */
static void test_inputs(void **state)
{
    const keys *k = *state;
    const cf_view none = CF_VIEW_EMPTY, id = CF_LIT("id"), cut = {PSK.data, 31};
    const struct {
        int mode;
        cf_view psk, id;
        bool auth;
        cf_err err;
    } rows[] = {
        {0, none, none, false, CF_OK},
        {0, PSK, id, false, CF_ERR_ARGUMENT},
        {0, PSK, none, false, CF_ERR_ARGUMENT},
        {0, none, id, false, CF_ERR_ARGUMENT},
        {0, none, none, true, CF_ERR_ARGUMENT},
        {1, PSK, id, false, CF_OK},
        {1, none, none, false, CF_ERR_ARGUMENT},
        {1, PSK, none, false, CF_ERR_ARGUMENT},
        {1, none, id, false, CF_ERR_ARGUMENT},
        {1, cut, id, false, CF_ERR_ARGUMENT},
        {1, PSK, id, true, CF_ERR_ARGUMENT},
        {2, none, none, true, CF_OK},
        {2, none, none, false, CF_ERR_ARGUMENT},
        {2, PSK, id, true, CF_ERR_ARGUMENT},
        {3, PSK, id, true, CF_OK},
        {3, PSK, id, false, CF_ERR_ARGUMENT},
        {3, none, none, true, CF_ERR_ARGUMENT},
        {3, cut, id, true, CF_ERR_ARGUMENT},
        {4, none, none, false, CF_ERR_ARGUMENT},
        {-1, none, none, false, CF_ERR_ARGUMENT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const cf_hpke_input in = {(cf_hpke_mode)rows[i].mode, CF_LIT("i"), rows[i].psk, rows[i].id};
        CF_AUTO(cf_hpke_free) cf_hpke *sender = NULL, *receiver = NULL;
        cf_dh_public enc;
        assert_code(cf_hpke_sender(CF_HPKE_DEFAULT, &in, pub(k->r), rows[i].auth ? k->s : NULL,
                                   NULL, &enc, &sender),
                    rows[i].err);
        cf_view e = rows[i].err == CF_OK ? cf_dh_public_view(&enc) : pub(k->s);
        assert_code(cf_hpke_receiver(CF_HPKE_DEFAULT, &in, e, k->r, rows[i].auth ? pub(k->s) : none,
                                     &receiver),
                    rows[i].err);
        assert_int_equal(sender != NULL, rows[i].err == CF_OK);
        assert_int_equal(receiver != NULL, rows[i].err == CF_OK);
    }
}

static void test_wrong_keys(void **state)
{
    const keys *k = *state;
    const cf_hpke_input base = {.mode = CF_HPKE_BASE}, auth = {.mode = CF_HPKE_AUTH};
    cf_hpke *c = NULL;
    cf_dh_public enc;
    cf_hpke_suite s = CF_HPKE_DEFAULT, bad = {CF_P384, CF_SHA384, (cf_aead)9};
    assert_err(cf_hpke_sender(s, &base, pub(k->other), NULL, NULL, &enc, &c), KEY);
    assert_err(cf_hpke_sender(s, &base, CF_VIEW_EMPTY, NULL, NULL, &enc, &c), KEY);
    assert_err(cf_hpke_sender(s, &auth, pub(k->r), k->other, NULL, &enc, &c), ARGUMENT);
    assert_err(cf_hpke_sender(s, &base, pub(k->r), NULL, k->other, &enc, &c), ARGUMENT);
    assert_err(cf_hpke_sender(bad, &base, pub(k->r), NULL, NULL, &enc, &c), UNSUPPORTED);
    assert_err(cf_hpke_receiver(bad, &base, pub(k->s), k->r, CF_VIEW_EMPTY, &c), UNSUPPORTED);
    assert_err(cf_hpke_receiver(s, &base, pub(k->s), k->other, CF_VIEW_EMPTY, &c), ARGUMENT);
    assert_err(cf_hpke_receiver(s, &base, pub(k->other), k->r, CF_VIEW_EMPTY, &c), OPEN);
    assert_err(cf_hpke_receiver(s, &auth, pub(k->s), k->r, pub(k->other), &c), OPEN);
    assert_null(c);
    assert_int_equal(enc.len, 0);
}

static void test_one_way(void **state)
{
    const keys *k = *state;
    CF_AUTO(cf_hpke_free) cf_hpke *sender = NULL, *receiver = NULL;
    CF_BUF(ct);
    CF_BUF(out);
    pair(k, CF_HPKE_DEFAULT, &sender, &receiver);
    assert_ok(cf_hpke_seal(sender, CF_LIT("a"), CF_LIT("text"), &ct));
    assert_err(cf_hpke_open(sender, CF_LIT("a"), cf_buf_view(&ct), &out), STATE);
    assert_err(cf_hpke_open_at(sender, 0, CF_LIT("a"), cf_buf_view(&ct), &out), STATE);
    assert_err(cf_hpke_seal(receiver, CF_LIT("a"), CF_LIT("text"), &out), STATE);
    assert_int_equal(out.len, 0);
    assert_int_equal(cf_hpke_seq(receiver), 0);
    assert_ok(cf_hpke_open(receiver, CF_LIT("a"), cf_buf_view(&ct), &out));
    assert_view(cf_buf_view(&out), CF_LIT("text"));
}

/* Messages in order; one lost, one repeated, one out of order. */
static void test_sequence(void **state)
{
    const keys *k = *state;
    CF_AUTO(cf_hpke_free) cf_hpke *sender = NULL, *receiver = NULL;
    cf_buf ct[3] = {CF_BUF_EMPTY, CF_BUF_EMPTY, CF_BUF_EMPTY};
    CF_BUF(out);
    pair(k, CF_HPKE_DEFAULT, &sender, &receiver);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(cf_hpke_seq(sender), i);
        assert_ok(cf_hpke_seal(sender, CF_VIEW_EMPTY, CF_LIT("same text"), &ct[i]));
    }
    assert_false(cf_view_eq(cf_buf_view(&ct[0]), cf_buf_view(&ct[1])));
    assert_ok(cf_hpke_open(receiver, CF_VIEW_EMPTY, cf_buf_view(&ct[0]), &out));
    assert_err(cf_hpke_open(receiver, CF_VIEW_EMPTY, cf_buf_view(&ct[0]), &out), OPEN);
    assert_err(cf_hpke_open(receiver, CF_VIEW_EMPTY, cf_buf_view(&ct[2]), &out), OPEN);
    assert_int_equal(cf_hpke_seq(receiver), 1); /* a failure does not move it */
    assert_ok(cf_hpke_open_at(receiver, 2, CF_VIEW_EMPTY, cf_buf_view(&ct[2]), &out));
    assert_ok(cf_hpke_open_at(receiver, 0, CF_VIEW_EMPTY, cf_buf_view(&ct[0]), &out));
    assert_int_equal(cf_hpke_seq(receiver), 1);
    assert_ok(cf_hpke_open(receiver, CF_VIEW_EMPTY, cf_buf_view(&ct[1]), &out));
    assert_int_equal(cf_hpke_seq(receiver), 2);
    assert_int_equal(out.len, 4 * CF_LIT("same text").len);
    assert_err(cf_hpke_set_seq(sender, 2),
               ARGUMENT); /* a number used twice would be a nonce used twice */
    assert_ok(cf_hpke_set_seq(sender, 3));
    assert_ok(cf_hpke_set_seq(sender, 10));
    assert_err(cf_hpke_set_seq(sender, 9), ARGUMENT);
    for (size_t i = 0; i < 3; i++) {
        cf_buf_free(&ct[i]);
    }
}

static void test_sequence_limit(void **state)
{
    const keys *k = *state;
    CF_AUTO(cf_hpke_free) cf_hpke *sender = NULL, *receiver = NULL;
    CF_BUF(ct);
    CF_BUF(out);
    pair(k, CF_HPKE_DEFAULT, &sender, &receiver);
    assert_ok(cf_hpke_set_seq(sender, UINT64_MAX - 1));
    assert_ok(cf_hpke_set_seq(receiver, UINT64_MAX - 1));
    assert_ok(cf_hpke_seal(sender, CF_VIEW_EMPTY, CF_LIT("last"), &ct));
    assert_int_equal(cf_hpke_seq(sender), UINT64_MAX);
    assert_err(cf_hpke_seal(sender, CF_VIEW_EMPTY, CF_LIT("one too many"), &ct), LIMIT);
    assert_int_equal(ct.len, 4 + CF_AEAD_TAG_BYTES);
    assert_ok(cf_hpke_open(receiver, CF_VIEW_EMPTY, cf_buf_view(&ct), &out));
    assert_err(cf_hpke_open(receiver, CF_VIEW_EMPTY, cf_buf_view(&ct), &out), LIMIT);
    assert_err(cf_hpke_open_at(receiver, UINT64_MAX, CF_VIEW_EMPTY, cf_buf_view(&ct), &out), LIMIT);
    assert_view(cf_buf_view(&out), CF_LIT("last"));
}

static void test_export_limits(void **state)
{
    const keys *k = *state;
    for (int kdf = CF_SHA256; kdf <= CF_SHA512; kdf++) {
        CF_AUTO(cf_hpke_free) cf_hpke *sender = NULL, *receiver = NULL;
        CF_BUF(a);
        CF_BUF(b);
        size_t max = 255 * cf_hash_bytes((cf_hash)kdf);
        pair(k, (cf_hpke_suite){CF_P384, (cf_hash)kdf, CF_EXPORT_ONLY}, &sender, &receiver);
        assert_ok(cf_hpke_export(sender, CF_LIT("c"), max, &a));
        assert_ok(cf_hpke_export(receiver, CF_LIT("c"), max, &b));
        assert_int_equal(a.len, max);
        assert_view(cf_buf_view(&a), cf_buf_view(&b));
        assert_err(cf_hpke_export(sender, CF_LIT("c"), max + 1, &a), RANGE);
        assert_ok(cf_hpke_export(sender, CF_LIT("c"), max - 1, &a));
        assert_ok(cf_hpke_export(sender, CF_LIT("c"), 0, &a));
        assert_int_equal(a.len, 2 * max - 1);
    }
}

/* Two encapsulations of the same inputs share nothing. */
static void test_fresh(void **state)
{
    const keys *k = *state;
    CF_BUF(a);
    CF_BUF(b);
    cf_dh_public enc_a, enc_b;
    assert_ok(cf_hpke_seal_base(CF_HPKE_DEFAULT, pub(k->r), CF_LIT("i"), CF_LIT("a"), CF_LIT("x"),
                                &enc_a, &a));
    assert_ok(cf_hpke_seal_base(CF_HPKE_DEFAULT, pub(k->r), CF_LIT("i"), CF_LIT("a"), CF_LIT("x"),
                                &enc_b, &b));
    assert_false(cf_view_eq(cf_dh_public_view(&enc_a), cf_dh_public_view(&enc_b)));
    assert_false(cf_view_eq(cf_buf_view(&a), cf_buf_view(&b)));
}

/* An info that does not fit the stack of the key schedule, and a long text. */
static void test_large(void **state)
{
    const keys *k = *state;
    CF_BUF(big);
    CF_BUF(ct);
    CF_BUF(pt);
    cf_dh_public enc;
    size_t len = (size_t)1 << 20;
    assert_ok(cf_buf_reserve(&big, len));
    big.len = len;
    assert_ok(cf_random(big.data, big.len));
    cf_view v = cf_buf_view(&big);
    assert_ok(cf_hpke_seal_base(CF_HPKE_DEFAULT, pub(k->r), v, v, v, &enc, &ct));
    assert_ok(cf_hpke_open_base(CF_HPKE_DEFAULT, k->r, cf_dh_public_view(&enc), v, v,
                                cf_buf_view(&ct), &pt));
    assert_view(cf_buf_view(&pt), v);
    cf_buf_clear(&pt);
    big.data[len - 1] ^= 1;
    assert_err(cf_hpke_open_base(CF_HPKE_DEFAULT, k->r, cf_dh_public_view(&enc), v, v,
                                 cf_buf_view(&ct), &pt),
               OPEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suites),         cmocka_unit_test(test_suite_id),
        cmocka_unit_test(test_inputs),         cmocka_unit_test(test_wrong_keys),
        cmocka_unit_test(test_one_way),        cmocka_unit_test(test_sequence),
        cmocka_unit_test(test_sequence_limit), cmocka_unit_test(test_export_limits),
        cmocka_unit_test(test_fresh),          cmocka_unit_test(test_large),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
