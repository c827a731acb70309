/* SPDX-License-Identifier: Apache-2.0 */
/* Published HPKE vectors, stage by stage, and for every case that opens its tampered siblings, which must not. */
#include "core/base/reader.h"
#include "core/codec/base64.h"
#include "core/crypto/hpke.h"
#include "core/crypto/hpke_priv.h"
#include "tests/support/vectors.h"

/* How much was really looked at; compared at the end with what the files are known to hold. */
typedef struct {
    size_t cases, pairs, seals, opens, exports, tampered_contexts, tampered_messages;
} counts;

typedef struct {
    const json_t *json;
    char name[64];
    cf_hpke_suite suite;
    cf_hpke_mode mode;
    cf_buf info, psk, psk_id, enc, pk_s, pk_r;
    cf_dh_key *r, *e, *s; /* e and s are NULL where the case has none */
} hpke_case;

static void case_clear(hpke_case *c)
{
    cf_buf *bufs[] = {&c->info, &c->psk, &c->psk_id, &c->enc, &c->pk_s, &c->pk_r};
    for (size_t i = 0; i < sizeof bufs / sizeof bufs[0]; i++) {
        cf_buf_free(bufs[i]);
    }
    cf_dh_free(&c->r);
    cf_dh_free(&c->e);
    cf_dh_free(&c->s);
}

static cf_hpke_input input_of(const hpke_case *c)
{
    return (cf_hpke_input){c->mode, cf_buf_view(&c->info), cf_buf_view(&c->psk),
                           cf_buf_view(&c->psk_id)};
}

/* The pair from its input keying material, and the pair from its scalar: both must be what the file says. */
static cf_dh_key *pair_of(const json_t *json, cf_curve kem, const char *ikm, const char *sk,
                          const char *pk, counts *n)
{
    if (!vec_has(json, sk)) {
        return NULL;
    }
    CF_BUF(want_sk);
    CF_BUF(want_pk);
    CF_BUF(seed);
    vec_hex(json, sk, &want_sk);
    vec_hex(json, vec_has(json, pk) ? pk : "enc", &want_pk);
    cf_dh_key *loaded = NULL;
    assert_ok(cf_dh_from_secret(kem, cf_buf_view(&want_sk), CF_VIEW_EMPTY, &loaded));
    assert_view(cf_dh_public_view(cf_dh_public_of(loaded)), cf_buf_view(&want_pk));
    if (vec_has(json, ikm)) {
        CF_AUTO(cf_dh_free) cf_dh_key *derived = NULL;
        CF_SECRET(scalar);
        vec_hex(json, ikm, &seed);
        assert_ok(cf_dh_derive(kem, cf_buf_view(&seed), &derived));
        assert_ok(cf_dh_secret_of(derived, &scalar));
        assert_view(cf_secret_view(&scalar), cf_buf_view(&want_sk));
        assert_view(cf_dh_public_view(cf_dh_public_of(derived)), cf_buf_view(&want_pk));
        n->pairs++;
    }
    return loaded;
}

static void load(const json_t *json, const char *file, size_t index, hpke_case *c, counts *n)
{
    *c = (hpke_case){.json = json};
    (void)snprintf(c->name, sizeof c->name, "%s[%zu]", file, index);
    c->suite = (cf_hpke_suite){(cf_curve)vec_int(json, "kem_id"), (cf_hash)vec_int(json, "kdf_id"),
                               (cf_aead)vec_int(json, "aead_id")};
    c->mode = (cf_hpke_mode)vec_int(json, "mode");
    assert_true(cf_hpke_suite_ok(c->suite));
    vec_hex(json, "info", &c->info);
    vec_hex(json, "enc", &c->enc);
    vec_hex(json, "pkRm", &c->pk_r);
    vec_hex_opt(json, "psk", &c->psk);
    vec_hex_opt(json, "psk_id", &c->psk_id);
    vec_hex_opt(json, "pkSm", &c->pk_s);
    c->r = pair_of(json, c->suite.kem, "ikmR", "skRm", "pkRm", n);
    c->e = pair_of(json, c->suite.kem, "ikmE", "skEm", "pkEm", n);
    c->s = pair_of(json, c->suite.kem, "ikmS", "skSm", "pkSm", n);
    assert_non_null(c->r);
    if (vec_has(json, "suite_id")) {
        CF_BUF(want);
        uint8_t id[CF_HPKE_SUITE_BYTES];
        cf_hpke_suite back = {0};
        vec_hex(json, "suite_id", &want);
        cf_hpke_suite_id(c->suite, id);
        assert_view(CF_VIEW_OF(id), cf_buf_view(&want));
        assert_ok(cf_hpke_suite_from_id(CF_VIEW_OF(id), &back));
        assert_true(back.kem == c->suite.kem && back.kdf == c->suite.kdf);
        assert_true(back.aead == c->suite.aead);
    }
}

static void check_kem(const json_t *json, const cf_dh_key *r, const cf_dh_key *e,
                      const cf_dh_key *s, cf_view enc, cf_view pk_s, cf_secret *ret)
{
    CF_BUF(want);
    vec_hex(json, "shared_secret", &want);
    if (e != NULL) {
        assert_ok(cf_kem_encap(cf_dh_public_view(cf_dh_public_of(r)), s, e, ret));
        assert_view(cf_secret_view(ret), cf_buf_view(&want));
        assert_view(cf_dh_public_view(cf_dh_public_of(e)), enc);
    }
    assert_ok(cf_kem_decap(enc, r, pk_s, ret));
    assert_view(cf_secret_view(ret), cf_buf_view(&want));
}

static void check_schedule(const hpke_case *c)
{
    CF_SECRET(shared);
    CF_BUF(want);
    check_kem(c->json, c->r, c->e, c->s, cf_buf_view(&c->enc), cf_buf_view(&c->pk_s), &shared);
    cf_hpke_input in = input_of(c);
    CF_AUTO(cf_hpke_keys_wipe) cf_hpke_keys keys = {0};
    assert_ok(cf_hpke_schedule(c->suite, &in, &shared, &keys));
    CF_SECRET(exporter);
    assert_ok(cf_hpke_exporter(c->suite, &keys, &exporter));
    vec_hex(c->json, "exporter_secret", &want);
    assert_view(cf_secret_view(&exporter), cf_buf_view(&want));
    vec_hex_opt(c->json, "secret", &want);
    if (want.len > 0) {
        assert_view(cf_secret_view(&keys.secret), cf_buf_view(&want));
        vec_hex(c->json, "key_schedule_context", &want);
        assert_view(cf_view_make(keys.context, keys.context_len), cf_buf_view(&want));
    }
    vec_hex(c->json, "key", &want);
    assert_view(cf_secret_view(&keys.key), cf_buf_view(&want));
    vec_hex(c->json, "base_nonce", &want);
    if (c->suite.aead == CF_EXPORT_ONLY) {
        assert_int_equal(want.len, 0);
    } else {
        assert_view(CF_VIEW_OF(keys.base_nonce), cf_buf_view(&want));
    }
}

static cf_hpke *receiver_of(const hpke_case *c)
{
    cf_hpke_input in = input_of(c);
    cf_hpke *ret = NULL;
    assert_ok(
        cf_hpke_receiver(c->suite, &in, cf_buf_view(&c->enc), c->r, cf_buf_view(&c->pk_s), &ret));
    return ret;
}

static cf_hpke *sender_of(const hpke_case *c)
{
    cf_hpke_input in = input_of(c);
    cf_hpke *ret = NULL;
    cf_dh_public enc;
    assert_ok(cf_hpke_sender(c->suite, &in, cf_dh_public_view(cf_dh_public_of(c->r)), c->s, c->e,
                             &enc, &ret));
    assert_view(cf_dh_public_view(&enc), cf_buf_view(&c->enc));
    return ret;
}

typedef struct {
    uint64_t seq;
    cf_buf aad, pt, ct;
} message;

static void message_clear(message *m)
{
    cf_buf_free(&m->aad);
    cf_buf_free(&m->pt);
    cf_buf_free(&m->ct);
}

static void message_load(const json_t *json, message *m)
{
    m->seq = (uint64_t)vec_int(json, "seq");
    vec_hex_opt(json, "aad", &m->aad);
    vec_hex(json, "pt", &m->pt);
    vec_hex(json, "ct", &m->ct);
}

static void must_not_open(cf_hpke *receiver, uint64_t seq, cf_view aad, cf_view ct, counts *n)
{
    CF_BUF(pt);
    uint64_t before = cf_hpke_seq(receiver);
    assert_err(cf_hpke_open_at(receiver, seq, aad, ct, &pt), OPEN);
    assert_int_equal(pt.len, 0);
    /* nothing unauthenticated is left behind the length either */
    for (size_t i = 0; i < pt.cap && ct.len >= CF_AEAD_TAG_BYTES && i < ct.len - CF_AEAD_TAG_BYTES;
         i++) {
        assert_int_equal(pt.data[i], 0);
    }
    assert_int_equal(cf_hpke_seq(receiver), before);
    n->tampered_messages++;
}

/* Each place of a message changed by one bit, cut, or taken for another number. */
static void tamper_message(cf_hpke *receiver, message *m, counts *n)
{
    cf_view aad = cf_buf_view(&m->aad), ct = cf_buf_view(&m->ct);
    const size_t places[] = {0, ct.len / 2, ct.len - CF_AEAD_TAG_BYTES, ct.len - 1};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        m->ct.data[places[i]] ^= (uint8_t)(1u << (places[i] % 8));
        must_not_open(receiver, m->seq, aad, ct, n);
        m->ct.data[places[i]] ^= (uint8_t)(1u << (places[i] % 8));
    }
    const size_t cuts[] = {0, 1, CF_AEAD_TAG_BYTES - 1, ct.len - 1};
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        must_not_open(receiver, m->seq, aad, cf_view_sub(ct, 0, cuts[i]), n);
    }
    CF_BUF(longer);
    assert_ok(cf_buf_append(&longer, ct));
    assert_ok(cf_buf_append(&longer, CF_LIT("\0")));
    must_not_open(receiver, m->seq, aad, cf_buf_view(&longer), n);
    cf_buf_clear(&longer);
    assert_ok(cf_buf_append(&longer, aad));
    assert_ok(cf_buf_append(&longer, CF_LIT("\0")));
    must_not_open(receiver, m->seq, cf_buf_view(&longer), ct, n);
    if (aad.len > 0) {
        m->aad.data[0] ^= 1;
        must_not_open(receiver, m->seq, aad, ct, n);
        m->aad.data[0] ^= 1;
        must_not_open(receiver, m->seq, CF_VIEW_EMPTY, ct, n);
    }
    must_not_open(receiver, m->seq + 1, aad, ct, n);
    must_not_open(receiver, m->seq ^ ((uint64_t)1 << 40), aad, ct, n);
}

static void check_messages(const hpke_case *c, counts *n)
{
    CF_AUTO(cf_hpke_free) cf_hpke *receiver = receiver_of(c);
    CF_AUTO(cf_hpke_free) cf_hpke *sender = c->e == NULL ? NULL : sender_of(c);
    const json_t *list = vec_array(c->json, "encryptions");
    for (size_t i = 0; i < json_array_size(list); i++) {
        CF_AUTO(message_clear) message m = {0};
        CF_BUF(got);
        message_load(json_array_get(list, i), &m);
        if (sender != NULL) {
            assert_ok(cf_hpke_set_seq(sender, m.seq));
            assert_ok(cf_hpke_seal(sender, cf_buf_view(&m.aad), cf_buf_view(&m.pt), &got));
            assert_view(cf_buf_view(&got), cf_buf_view(&m.ct));
            assert_int_equal(cf_hpke_seq(sender), m.seq + 1);
            n->seals++;
        }
        tamper_message(receiver, &m, n);
        cf_buf_clear(&got);
        assert_ok(cf_hpke_open_at(receiver, m.seq, cf_buf_view(&m.aad), cf_buf_view(&m.ct), &got));
        assert_view(cf_buf_view(&got), cf_buf_view(&m.pt));
        cf_buf_clear(&got);
        assert_ok(cf_hpke_set_seq(receiver, m.seq));
        assert_ok(cf_hpke_open(receiver, cf_buf_view(&m.aad), cf_buf_view(&m.ct), &got));
        assert_view(cf_buf_view(&got), cf_buf_view(&m.pt));
        assert_int_equal(cf_hpke_seq(receiver), m.seq + 1);
        n->opens++;
    }
}

static void check_exports(const hpke_case *c, counts *n)
{
    CF_AUTO(cf_hpke_free) cf_hpke *receiver = receiver_of(c);
    CF_AUTO(cf_hpke_free) cf_hpke *sender = c->e == NULL ? NULL : sender_of(c);
    const json_t *list = vec_array(c->json, "exports");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *json = json_array_get(list, i);
        CF_BUF(context);
        CF_BUF(want);
        CF_BUF(got);
        size_t len = (size_t)vec_int(json, "L");
        vec_hex(json, "exporter_context", &context);
        vec_hex(json, "exported_value", &want);
        assert_ok(cf_hpke_export(receiver, cf_buf_view(&context), len, &got));
        assert_view(cf_buf_view(&got), cf_buf_view(&want));
        if (sender != NULL) {
            cf_buf_clear(&got);
            assert_ok(cf_hpke_export(sender, cf_buf_view(&context), len, &got));
            assert_view(cf_buf_view(&got), cf_buf_view(&want));
        }
        n->exports++;
    }
}

/* A receiver made from altered inputs: either it is refused with OPEN when it is set up, or it is another context, which opens
 * nothing and exports something else. */
static void must_be_other(const hpke_case *c, const cf_hpke_input *in, cf_view enc,
                          const cf_dh_key *sk, cf_view pk_s, bool refused, counts *n)
{
    CF_AUTO(cf_hpke_free) cf_hpke *receiver = NULL;
    cf_result r = cf_hpke_receiver(c->suite, in, enc, sk, pk_s, &receiver);
    n->tampered_contexts++;
    if (refused) {
        assert_err(r, OPEN);
        assert_null(receiver);
        return;
    }
    assert_ok(r);
    const json_t *list = vec_array(c->json, "encryptions");
    if (json_array_size(list) > 0) {
        CF_AUTO(message_clear) message m = {0};
        message_load(json_array_get(list, 0), &m);
        must_not_open(receiver, m.seq, cf_buf_view(&m.aad), cf_buf_view(&m.ct), n);
    }
    CF_AUTO(cf_hpke_free) cf_hpke *genuine = receiver_of(c);
    CF_BUF(a);
    CF_BUF(b);
    assert_ok(cf_hpke_export(receiver, CF_LIT("x"), 32, &a));
    assert_ok(cf_hpke_export(genuine, CF_LIT("x"), 32, &b));
    assert_false(cf_view_eq(cf_buf_view(&a), cf_buf_view(&b)));
}

static void tamper_enc(const hpke_case *c, counts *n)
{
    cf_hpke_input in = input_of(c);
    CF_BUF(enc);
    cf_view pk_s = cf_buf_view(&c->pk_s);
    bool x25519 = c->suite.kem == CF_X25519;
    const size_t places[] = {0, 1, c->enc.len / 2, c->enc.len - 1};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        assert_ok(cf_buf_set(&enc, cf_buf_view(&c->enc)));
        enc.data[places[i]] ^= 1;
        must_be_other(c, &in, cf_buf_view(&enc), c->r, pk_s, !x25519, n);
    }
    const size_t cuts[] = {0, 1, c->enc.len / 2 + 1, c->enc.len - 1};
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        must_be_other(c, &in, cf_view_sub(cf_buf_view(&c->enc), 0, cuts[i]), c->r, pk_s, true, n);
    }
    assert_ok(cf_buf_set(&enc, cf_buf_view(&c->enc)));
    assert_ok(cf_buf_append(&enc, CF_LIT("\0")));
    must_be_other(c, &in, cf_buf_view(&enc), c->r, pk_s, true, n);
    cf_wipe(enc.data, enc.len); /* X25519: a point of small order; the others: no encoding */
    must_be_other(c, &in, cf_view_sub(cf_buf_view(&enc), 0, c->enc.len), c->r, pk_s, true, n);
    must_be_other(c, &in, cf_buf_view(&c->pk_r), c->r, pk_s, false, n);
}

/* The same octets in a copy with one bit changed. */
static cf_view flipped(cf_view v, cf_buf *room)
{
    assert_ok(cf_buf_set(room, v));
    room->data[v.len / 2] ^= 0x10;
    return cf_buf_view(room);
}

static void tamper_context(const hpke_case *c, counts *n)
{
    CF_BUF(room);
    cf_view enc = cf_buf_view(&c->enc), pk_s = cf_buf_view(&c->pk_s);
    cf_hpke_input in = input_of(c);
    assert_ok(cf_buf_append(&room, in.info));
    assert_ok(cf_buf_append(&room, CF_LIT("\0")));
    in.info = cf_buf_view(&room);
    must_be_other(c, &in, enc, c->r, pk_s, false, n);
    in = input_of(c);
    if (in.info.len > 0) {
        in.info = flipped(in.info, &room);
        must_be_other(c, &in, enc, c->r, pk_s, false, n);
    }
    in = input_of(c);
    if (in.psk.len > 0) {
        in.psk = flipped(in.psk, &room);
        must_be_other(c, &in, enc, c->r, pk_s, false, n);
        in = input_of(c);
        in.psk_id = flipped(in.psk_id, &room);
        must_be_other(c, &in, enc, c->r, pk_s, false, n);
        in = input_of(c);
        in.psk = CF_VIEW_EMPTY;
        in.psk_id = CF_VIEW_EMPTY;
        in.mode = c->mode == CF_HPKE_PSK ? CF_HPKE_BASE : CF_HPKE_AUTH;
        must_be_other(c, &in, enc, c->r, pk_s, false, n);
    }
    in = input_of(c);
    CF_AUTO(cf_dh_free) cf_dh_key *other = NULL;
    assert_ok(cf_dh_generate(c->suite.kem, &other));
    must_be_other(c, &in, enc, other, pk_s, false, n);
    if (pk_s.len > 0) {
        must_be_other(c, &in, enc, c->r, cf_dh_public_view(cf_dh_public_of(other)), false, n);
        must_be_other(c, &in, enc, c->r, cf_view_sub(pk_s, 0, pk_s.len - 1), true, n);
        in.mode = c->mode == CF_HPKE_AUTH ? CF_HPKE_BASE : CF_HPKE_PSK;
        must_be_other(c, &in, enc, c->r, CF_VIEW_EMPTY, false, n);
    }
}

static void check_export_only(const hpke_case *c)
{
    CF_AUTO(cf_hpke_free) cf_hpke *receiver = receiver_of(c);
    CF_AUTO(cf_hpke_free) cf_hpke *sender = sender_of(c);
    CF_BUF(out);
    uint8_t ct[CF_AEAD_TAG_BYTES + 1] = {0};
    assert_err(cf_hpke_seal(sender, CF_VIEW_EMPTY, CF_LIT("x"), &out), STATE);
    assert_err(cf_hpke_open(receiver, CF_VIEW_EMPTY, CF_VIEW_OF(ct), &out), STATE);
    assert_err(cf_hpke_open_at(receiver, 0, CF_VIEW_EMPTY, CF_VIEW_OF(ct), &out), STATE);
}

static counts run_file(const char *file)
{
    counts n = {0};
    json_t *root = vec_load(file);
    assert_true(json_is_array(root));
    for (size_t i = 0; i < json_array_size(root); i++) {
        CF_AUTO(case_clear) hpke_case c;
        load(json_array_get(root, i), file, i, &c, &n);
        check_schedule(&c);
        check_messages(&c, &n);
        check_exports(&c, &n);
        tamper_enc(&c, &n);
        tamper_context(&c, &n);
        if (c.suite.aead == CF_EXPORT_ONLY) {
            check_export_only(&c);
        }
        n.cases++;
    }
    json_decref(root);
    print_message(
        "%s: %zu cases, %zu pairs, %zu seals, %zu opens, %zu exports, %zu altered contexts, "
        "%zu altered messages\n",
        file, n.cases, n.pairs, n.seals, n.opens, n.exports, n.tampered_contexts,
        n.tampered_messages);
    return n;
}

static void check_counts(counts got, counts want)
{
    assert_int_equal(got.cases, want.cases);
    assert_int_equal(got.pairs, want.pairs);
    assert_int_equal(got.seals, want.seals);
    assert_int_equal(got.opens, want.opens);
    assert_int_equal(got.exports, want.exports);
    assert_int_equal(got.tampered_contexts, want.tampered_contexts);
    assert_true(got.tampered_messages >= want.opens * 14);
}

static void test_rfc9180_p256(void **state)
{
    (void)state;
    check_counts(run_file("hpke/rfc9180-p256.json"),
                 (counts){.cases = 32,
                          .pairs = 80,
                          .seals = 144,
                          .opens = 144,
                          .exports = 96,
                          .tampered_contexts = 32 * 14 + 16 * 3 + 16 * 3});
}

static void test_rfc9180_p521(void **state)
{
    (void)state;
    check_counts(run_file("hpke/rfc9180-p521.json"),
                 (counts){.cases = 32,
                          .pairs = 80,
                          .seals = 144,
                          .opens = 144,
                          .exports = 96,
                          .tampered_contexts = 32 * 14 + 16 * 3 + 16 * 3});
}

static void test_rfc9180_x25519(void **state)
{
    (void)state;
    check_counts(run_file("hpke/rfc9180-x25519.json"),
                 (counts){.cases = 32,
                          .pairs = 80,
                          .seals = 144,
                          .opens = 144,
                          .exports = 96,
                          .tampered_contexts = 32 * 14 + 16 * 3 + 16 * 3});
}

static void test_p384(void **state)
{
    (void)state;
    check_counts(run_file("hpke/p384.json"),
                 (counts){.cases = 12,
                          .pairs = 28,
                          .seals = 66,
                          .opens = 66,
                          .exports = 36,
                          .tampered_contexts = 12 * 14 + 4 * 3 + 4 * 3});
}

static void test_p384_caliptra(void **state)
{
    (void)state;
    check_counts(run_file("hpke/p384-caliptra.json"),
                 (counts){.cases = 1, .pairs = 1, .opens = 1, .tampered_contexts = 14});
}

static void test_edge_cases(void **state)
{
    (void)state;
    check_counts(run_file("hpke/edge-cases.json"), (counts){.cases = 5,
                                                            .pairs = 10,
                                                            .seals = 8,
                                                            .opens = 8,
                                                            .exports = 7,
                                                            .tampered_contexts = 5 * 14 - 1 + 3});
}

/* The crafted case of edge-cases.json: the first candidate is not below the order and must be passed over. */
static void test_rejected_candidate(void **state)
{
    (void)state;
    json_t *root = vec_load("hpke/edge-cases.json");
    const json_t *c = json_array_get(root, 0);
    CF_BUF(candidate);
    CF_BUF(sk);
    vec_hex(c, "rejected_candidate", &candidate);
    vec_hex(c, "skRm", &sk);
    CF_AUTO(cf_dh_free) cf_dh_key *k = NULL;
    assert_err(cf_dh_from_secret(CF_P256, cf_buf_view(&candidate), CF_VIEW_EMPTY, &k), KEY);
    assert_false(cf_view_eq(cf_buf_view(&candidate), cf_buf_view(&sk)));
    json_decref(root);
}

static void test_kem_only(void **state)
{
    (void)state;
    counts n = {0};
    size_t altered = 0;
    json_t *root = vec_load("hpke/kem-only-hpke-pq.json");
    for (size_t i = 0; i < json_array_size(root); i++) {
        const json_t *json = json_array_get(root, i);
        cf_curve kem = (cf_curve)vec_int(json, "kem_id");
        CF_BUF(enc);
        CF_SECRET(shared);
        CF_SECRET(other);
        vec_hex(json, "enc", &enc);
        CF_AUTO(cf_dh_free) cf_dh_key *r = pair_of(json, kem, "ikmR", "skRm", "pkRm", &n);
        CF_AUTO(cf_dh_free) cf_dh_key *e = pair_of(json, kem, "ikmE", "skEm", "enc", &n);
        check_kem(json, r, e, NULL, cf_buf_view(&enc), CF_VIEW_EMPTY, &shared);
        enc.data[enc.len - 1] ^= 1;
        cf_result bad = cf_kem_decap(cf_buf_view(&enc), r, CF_VIEW_EMPTY, &other);
        if (kem == CF_X25519) {
            assert_ok(bad);
            assert_false(cf_view_eq(cf_secret_view(&other), cf_secret_view(&shared)));
        } else {
            assert_err(bad, OPEN);
        }
        altered++;
        n.cases++;
    }
    json_decref(root);
    assert_int_equal(n.cases, 3);
    assert_int_equal(n.pairs, 6);
    assert_int_equal(altered, 3);
}

static void base64_member(const json_t *o, const char *name, cf_buf *ret)
{
    cf_buf_clear(ret);
    assert_ok(cf_base64_decode(cf_view_str(vec_text(o, name)), ret));
}

/* The sample's own record: its PKCS#8 key with the curve named twice, and the value in both of its forms. */
static void test_sample_vault(void **state)
{
    (void)state;
    json_t *root = vec_load("sample-vault.json");
    const json_t *list = vec_array(root, "hpke");
    assert_int_equal(json_array_size(list), 1);
    const json_t *c = json_array_get(list, 0);
    CF_BUF(pkcs8);
    CF_BUF(spki);
    CF_BUF(id);
    CF_BUF(value);
    CF_BUF(want);
    CF_BUF(pt);
    base64_member(c, "private_key_pkcs8_b64", &pkcs8);
    base64_member(c, "public_key_spki_b64", &spki);
    base64_member(c, "suite_id_b64", &id);
    cf_hpke_suite suite = {0};
    assert_ok(cf_hpke_suite_from_id(cf_buf_view(&id), &suite));
    CF_AUTO(cf_dh_free) cf_dh_key *sk = NULL;
    cf_curve curve = CF_P256;
    assert_ok(cf_dh_pair_from_pkcs8(cf_buf_view(&pkcs8), CF_P384, &sk));
    CF_SECRET(scalar);
    assert_ok(cf_dh_secret_of(sk, &scalar));
    vec_hex(c, "private_key_raw_hex", &want);
    assert_view(cf_secret_view(&scalar), cf_buf_view(&want));
    cf_dh_public pub;
    assert_ok(cf_dh_public_from_spki(cf_buf_view(&spki), &curve, &pub));
    assert_view(cf_dh_public_view(&pub), cf_dh_public_view(cf_dh_public_of(sk)));
    cf_view info = cf_view_str(vec_text(c, "info_utf8")),
            aad = cf_view_str(vec_text(c, "aad_utf8"));

    /* encoding 2: enc || ct */
    base64_member(c, "value_binary_form_b64", &value);
    size_t enc_len = cf_dh_public_bytes(CF_P384);
    cf_view enc = cf_view_sub(cf_buf_view(&value), 0, enc_len);
    cf_view ct = cf_view_sub(cf_buf_view(&value), enc_len, value.len - enc_len);
    assert_ok(cf_hpke_open_base(suite, sk, enc, info, aad, ct, &pt));
    assert_view(cf_buf_view(&pt), CF_LIT("Bob"));

    /* encoding 1: hex(enc) # hex(ct) */
    CF_BUF(enc1);
    CF_BUF(ct1);
    const char *text = vec_text(c, "value_hex_form"), *mark = strchr(text, '#');
    assert_non_null(mark);
    assert_ok(cf_hex_decode(cf_view_make(text, (size_t)(mark - text)), &enc1));
    assert_ok(cf_hex_decode(cf_view_str(mark + 1), &ct1));
    cf_buf_clear(&pt);
    assert_ok(cf_hpke_open_base(suite, sk, cf_buf_view(&enc1), info, aad, cf_buf_view(&ct1), &pt));
    assert_view(cf_buf_view(&pt), CF_LIT("Bob"));

    /* another vault's id, another field's name */
    cf_buf_clear(&pt);
    assert_err(
        cf_hpke_open_base(suite, sk, enc, CF_LIT("v_2hRK9u2DOzmAPMhdVNt9qlJ3UvM"), aad, ct, &pt),
        OPEN);
    assert_err(cf_hpke_open_base(suite, sk, enc, info, CF_LIT("last_name"), ct, &pt), OPEN);
    assert_int_equal(pt.len, 0);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc9180_p256),       cmocka_unit_test(test_rfc9180_p521),
        cmocka_unit_test(test_rfc9180_x25519),     cmocka_unit_test(test_p384),
        cmocka_unit_test(test_p384_caliptra),      cmocka_unit_test(test_edge_cases),
        cmocka_unit_test(test_rejected_candidate), cmocka_unit_test(test_kem_only),
        cmocka_unit_test(test_sample_vault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
