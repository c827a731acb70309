/* SPDX-License-Identifier: Apache-2.0 */
#include "core/crypto/hpke.h"

#include "core/base/reader.h"
#include "core/crypto/hpke_priv.h"

#define PSK_BYTES_MIN 32      /* RFC 9180 section 5.1.2 */
#define EXPORT_BLOCKS_MAX 255 /* section 5.3 */

struct cf_hpke {
    cf_hpke_suite suite;
    bool sender;
    cf_aead_ctx *aead; /* NULL in an export-only suite */
    uint64_t seq;
    cf_hpke_keys keys; /* without the AEAD key, which is in aead */
};

void cf_hpke_free(cf_hpke **c)
{
    if (*c != NULL) {
        cf_aead_free(&(*c)->aead);
        cf_wipe(*c, sizeof **c);
        cf_mem_free(*c);
        *c = NULL;
    }
}

bool cf_hpke_suite_ok(cf_hpke_suite s)
{
    return cf_curve_find(s.kem) != NULL && s.kdf >= CF_SHA256 && s.kdf <= CF_SHA512 &&
           (cf_aead_key_bytes(s.aead) > 0 || s.aead == CF_EXPORT_ONLY);
}

void cf_hpke_suite_id(cf_hpke_suite s, uint8_t ret[static CF_HPKE_SUITE_BYTES])
{
    const unsigned ids[] = {(unsigned)s.kem, (unsigned)s.kdf, (unsigned)s.aead};
    cf_copy(ret, "HPKE", 4);
    for (size_t i = 0; i < 3; i++) {
        ret[4 + 2 * i] = (uint8_t)(ids[i] >> 8);
        ret[5 + 2 * i] = (uint8_t)ids[i];
    }
}

CF_MUST_USE cf_result cf_hpke_suite_from_id(cf_view id, cf_hpke_suite *ret)
{
    *ret = (cf_hpke_suite){0};
    cf_reader r = cf_reader_of(id);
    cf_view name = cf_read(&r, 4);
    unsigned kem = cf_read_u16(&r), kdf = cf_read_u16(&r), aead = cf_read_u16(&r);
    CF_REQUIRE(cf_is_ok(cf_read_end(&r)) && cf_view_eq(name, CF_LIT("HPKE")), MALFORMED);
    cf_hpke_suite s = {(cf_curve)kem, (cf_hash)kdf, (cf_aead)aead};
    CF_REQUIRE(cf_hpke_suite_ok(s), UNSUPPORTED);
    *ret = s;
    return cf_ok();
}

/* VerifyPSKInputs (section 5.1), and that the sender's key is there in exactly the modes that use it. */
static cf_result check_input(cf_hpke_suite s, const cf_hpke_input *in, bool has_auth)
{
    CF_REQUIRE(cf_hpke_suite_ok(s), UNSUPPORTED);
    bool auth = in->mode == CF_HPKE_AUTH || in->mode == CF_HPKE_AUTH_PSK;
    bool psk = in->mode == CF_HPKE_PSK || in->mode == CF_HPKE_AUTH_PSK;
    CF_REQUIRE(auth || psk || in->mode == CF_HPKE_BASE, ARGUMENT);
    CF_REQUIRE(auth == has_auth, ARGUMENT);
    CF_REQUIRE((in->psk.len > 0) == psk && (in->psk_id.len > 0) == psk, ARGUMENT);
    CF_REQUIRE(!psk || in->psk.len >= PSK_BYTES_MIN, ARGUMENT);
    return cf_ok();
}

static cf_result context_new(cf_hpke_suite s, const cf_hpke_input *in, const cf_secret *shared,
                             bool sender, cf_hpke **ret)
{
    CF_AUTO(cf_hpke_free) cf_hpke *c = cf_mem_new(1, sizeof *c);
    CF_REQUIRE(c != NULL, NO_MEMORY);
    c->suite = s;
    c->sender = sender;
    CF_TRY(cf_hpke_schedule(s, in, shared, &c->keys));
    if (s.aead != CF_EXPORT_ONLY) {
        CF_TRY(cf_aead_new(s.aead, cf_secret_view(&c->keys.key), &c->aead));
        cf_secret_wipe(&c->keys.key);
    }
    *ret = c;
    c = NULL;
    return cf_ok();
}

CF_MUST_USE cf_result cf_hpke_sender(cf_hpke_suite s, const cf_hpke_input *in, cf_view pk,
                                     const cf_dh_key *auth, const cf_dh_key *eph,
                                     cf_dh_public *ret_enc, cf_hpke **ret)
{
    *ret = NULL;
    *ret_enc = (cf_dh_public){{0}, 0};
    CF_TRY(check_input(s, in, auth != NULL));
    CF_REQUIRE(auth == NULL || cf_dh_curve(auth) == s.kem, ARGUMENT);
    CF_REQUIRE(eph == NULL || cf_dh_curve(eph) == s.kem, ARGUMENT);
    CF_AUTO(cf_dh_free) cf_dh_key *fresh = NULL;
    if (eph == NULL) {
        CF_TRY(cf_dh_generate(s.kem, &fresh));
        eph = fresh;
    }
    CF_SECRET(shared);
    CF_TRY(cf_kem_encap(pk, auth, eph, &shared));
    CF_TRY(context_new(s, in, &shared, true, ret));
    *ret_enc = *cf_dh_public_of(eph);
    return cf_ok();
}

CF_MUST_USE cf_result cf_hpke_receiver(cf_hpke_suite s, const cf_hpke_input *in, cf_view enc,
                                       const cf_dh_key *sk, cf_view auth_pk, cf_hpke **ret)
{
    *ret = NULL;
    CF_TRY(check_input(s, in, auth_pk.len > 0));
    CF_REQUIRE(cf_dh_curve(sk) == s.kem, ARGUMENT);
    CF_SECRET(shared);
    CF_TRY(cf_kem_decap(enc, sk, auth_pk, &shared));
    return context_new(s, in, &shared, false, ret);
}

/* ComputeNonce (section 5.2). The last number is never used, so that the counter cannot wrap. */
static cf_result nonce_of(const cf_hpke *c, uint64_t seq, uint8_t ret[static CF_AEAD_NONCE_BYTES])
{
    CF_REQUIRE(seq < UINT64_MAX, LIMIT);
    cf_copy(ret, c->keys.base_nonce, CF_AEAD_NONCE_BYTES);
    for (size_t i = 0; i < sizeof seq; i++) {
        ret[CF_AEAD_NONCE_BYTES - 1 - i] ^= (uint8_t)(seq >> (8 * i));
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_hpke_seal(cf_hpke *c, cf_view aad, cf_view pt, cf_buf *out)
{
    CF_REQUIRE(c->sender && c->aead != NULL, STATE);
    uint8_t nonce[CF_AEAD_NONCE_BYTES];
    CF_TRY(nonce_of(c, c->seq, nonce));
    CF_TRY(cf_aead_seal(c->aead, nonce, aad, pt, out));
    c->seq++;
    return cf_ok();
}

CF_MUST_USE cf_result cf_hpke_open_at(cf_hpke *c, uint64_t seq, cf_view aad, cf_view ct,
                                      cf_buf *out)
{
    CF_REQUIRE(!c->sender && c->aead != NULL, STATE);
    uint8_t nonce[CF_AEAD_NONCE_BYTES];
    CF_TRY(nonce_of(c, seq, nonce));
    return cf_aead_open(c->aead, nonce, aad, ct, out);
}

CF_MUST_USE cf_result cf_hpke_open(cf_hpke *c, cf_view aad, cf_view ct, cf_buf *out)
{
    CF_TRY(cf_hpke_open_at(c, c->seq, aad, ct, out));
    c->seq++;
    return cf_ok();
}

uint64_t cf_hpke_seq(const cf_hpke *c)
{
    return c->seq;
}

CF_MUST_USE cf_result cf_hpke_set_seq(cf_hpke *c, uint64_t seq)
{
    CF_REQUIRE(seq >= c->seq, ARGUMENT);
    c->seq = seq;
    return cf_ok();
}

CF_MUST_USE cf_result cf_hpke_export(const cf_hpke *c, cf_view exporter_context, size_t len,
                                     cf_buf *out)
{
    CF_REQUIRE(len <= EXPORT_BLOCKS_MAX * cf_hash_bytes(c->suite.kdf), RANGE);
    if (len == 0) {
        return cf_ok();
    }
    uint8_t suite_id[CF_HPKE_SUITE_BYTES];
    cf_hpke_suite_id(c->suite, suite_id);
    cf_hpke_scope s = {c->suite.kdf, CF_VIEW_OF(suite_id)};
    CF_SECRET(exporter);
    CF_TRY(cf_hpke_exporter(c->suite, &c->keys, &exporter));
    CF_TRY(cf_buf_reserve(out, len));
    CF_TRY(cf_hpke_expand(s, cf_secret_view(&exporter), CF_LIT("sec"), &exporter_context, 1,
                          out->data + out->len, len));
    out->len += len;
    return cf_ok();
}

CF_MUST_USE cf_result cf_hpke_seal_base(cf_hpke_suite s, cf_view pk, cf_view info, cf_view aad,
                                        cf_view pt, cf_dh_public *ret_enc, cf_buf *out)
{
    const cf_hpke_input in = {.mode = CF_HPKE_BASE, .info = info};
    CF_AUTO(cf_hpke_free) cf_hpke *c = NULL;
    cf_dh_public enc;
    *ret_enc = (cf_dh_public){{0}, 0};
    CF_TRY(cf_hpke_sender(s, &in, pk, NULL, NULL, &enc, &c));
    CF_TRY(cf_hpke_seal(c, aad, pt, out));
    *ret_enc = enc;
    return cf_ok();
}

CF_MUST_USE cf_result cf_hpke_open_base(cf_hpke_suite s, const cf_dh_key *sk, cf_view enc,
                                        cf_view info, cf_view aad, cf_view ct, cf_buf *out)
{
    const cf_hpke_input in = {.mode = CF_HPKE_BASE, .info = info};
    CF_AUTO(cf_hpke_free) cf_hpke *c = NULL;
    CF_TRY(cf_hpke_receiver(s, &in, enc, sk, CF_VIEW_EMPTY, &c));
    return cf_hpke_open(c, aad, ct, out);
}
