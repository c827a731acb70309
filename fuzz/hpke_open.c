/* SPDX-License-Identifier: Apache-2.0 */
/* cf_hpke_receiver, cf_hpke_open, cf_hpke_open_at, cf_hpke_suite_from_id with a fixed key of each KEM. The input: one octet that
 * chooses KEM, KDF and AEAD, one that chooses mode and where enc ends, then enc and ct. */
#include "core/base/reader.h"
#include "core/crypto/hpke.h"

#include "fuzz/check.h"

static const cf_curve kems[] = {CF_P256, CF_P384, CF_P521, CF_X25519};
static const cf_aead aeads[] = {CF_AES_128_GCM, CF_AES_256_GCM, CF_CHACHA20_POLY1305,
                                CF_EXPORT_ONLY};

/* The receiver's and the sender's key of a KEM, made once and kept. */
static const cf_dh_key *key_of(size_t kem, size_t who)
{
    static cf_dh_key *keys[4][2];
    static const char *seeds[] = {
        "receiver: a seed of some length for a key of any of the four curves, P-521 too",
        "sender: another seed of some length for a key of any of the four curves, P-521"};
    if (keys[kem][who] == NULL) {
        fuzz_ok(cf_dh_derive(kems[kem], cf_view_str(seeds[who]), &keys[kem][who]));
    }
    return keys[kem][who];
}

static void must_be_consistent(cf_hpke *c, cf_view ct)
{
    CF_BUF(first);
    CF_BUF(again);
    cf_result r = cf_hpke_open(c, CF_LIT("aad"), ct, &first);
    fuzz_check(cf_is_ok(r) || first.len == 0);
    fuzz_check(cf_hpke_seq(c) == (cf_is_ok(r) ? 1 : 0));
    cf_result s = cf_hpke_open_at(c, 0, CF_LIT("aad"), ct, &again);
    fuzz_check(r.code == s.code && cf_view_eq(cf_buf_view(&first), cf_buf_view(&again)));
    if (cf_is_ok(r)) {
        fuzz_check(first.len + CF_AEAD_TAG_BYTES == ct.len);
        fuzz_check(!cf_is_ok(cf_hpke_open_at(c, 1, CF_LIT("aad"), ct, &again)));
        fuzz_check(!cf_is_ok(cf_hpke_open_at(c, 0, CF_LIT("Aad"), ct, &again)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cf_reader r = cf_reader_of(cf_view_make(data, size));
    uint8_t choice = cf_read_u8(&r), shape = cf_read_u8(&r);
    cf_hpke_suite ignored;
    cf_ignore(cf_hpke_suite_from_id(cf_view_make(data, size), &ignored));
    size_t kem = choice % 4, mode = shape % 4;
    cf_hpke_suite suite = {kems[kem], (cf_hash)(1 + choice / 4 % 4 % 3), aeads[choice / 16 % 4]};
    bool psk = mode % 2 == 1, auth = mode >= 2;
    cf_hpke_input in = {(cf_hpke_mode)mode, CF_LIT("info"), CF_VIEW_EMPTY, CF_VIEW_EMPTY};
    if (psk) {
        in.psk = CF_LIT("0123456789abcdef0123456789abcdef");
        in.psk_id = CF_LIT("id");
    }
    size_t enc_len = cf_dh_public_bytes(kems[kem]);
    enc_len = shape < 128 ? enc_len : (size_t)(shape - 128) * 2; /* its length, or any */
    cf_view enc = cf_read(&r, enc_len < r.left ? enc_len : r.left), ct = cf_read(&r, r.left);
    cf_view sender = auth ? cf_dh_public_view(cf_dh_public_of(key_of(kem, 1))) : CF_VIEW_EMPTY;
    CF_AUTO(cf_hpke_free) cf_hpke *c = NULL;
    cf_result opened = cf_hpke_receiver(suite, &in, enc, key_of(kem, 0), sender, &c);
    fuzz_check(cf_is_ok(opened) == (c != NULL));
    fuzz_check(cf_is_ok(opened) || opened.code == CF_ERR_OPEN);
    if (c != NULL) {
        must_be_consistent(c, ct);
    }
    return 0;
}
