/* SPDX-License-Identifier: Apache-2.0 */
/* cf_open_single and cf_opener_field with a fixed key of each KEM. The input: one octet that chooses KEM, encoding and what follows:
 * a stored value, which must not open unless it was sealed, or a text, which is sealed and must open to itself alone. */
#include "core/vault/seal.h"

#include "core/base/reader.h"
#include "fuzz/check.h"

static const cf_hpke_suite suites[] = {{CF_P256, CF_SHA256, CF_AES_256_GCM},
                                       {CF_P384, CF_SHA384, CF_AES_256_GCM},
                                       {CF_P521, CF_SHA512, CF_AES_256_GCM},
                                       {CF_X25519, CF_SHA256, CF_CHACHA20_POLY1305}};

static const cf_dh_key *key_of(size_t kem)
{
    static cf_dh_key *keys[4];
    if (keys[kem] == NULL) {
        const cf_view seed =
            CF_LIT("vault: a seed of some length for a key of any of four curves, P-521 too");
        fuzz_ok(cf_dh_derive(suites[kem].kem, seed, &keys[kem]));
    }
    return keys[kem];
}

/* A write of each KEM, made once: any ct is opened in it. */
static cf_opener *opener_of(size_t kem, const cf_binding *b)
{
    static cf_opener *openers[4];
    if (openers[kem] == NULL) {
        cf_sealer *s = NULL;
        fuzz_ok(cf_sealer_new(b, cf_dh_public_view(cf_dh_public_of(key_of(kem))), 1, &s));
        cf_write_ref w = cf_sealer_write(s);
        fuzz_ok(cf_opener_new(b, key_of(kem), &w, &openers[kem]));
        cf_sealer_free(&s);
    }
    return openers[kem];
}

/* The octets as a value: text opens to itself, and with one octet changed not at all. */
static void round_trip(const cf_binding *b, size_t kem, cf_view value)
{
    CF_BUF(sealed);
    CF_BUF(opened);
    cf_view pk = cf_dh_public_view(cf_dh_public_of(key_of(kem)));
    cf_result r = cf_seal_binary(b, pk, CF_LIT("email"), value, &sealed);
    if (value.len > CF_VALUE_BYTES_MAX) {
        fuzz_check(r.code == CF_ERR_SIZE && sealed.len == 0);
        return;
    }
    fuzz_ok(r);
    cf_field f = {
        .name = CF_LIT("email"), .encoding = CF_ENC_BINARY, .value = cf_buf_view(&sealed)};
    r = cf_open_single(b, key_of(kem), &f, &opened);
    fuzz_check(r.code == (cf_utf8_ok(value) ? CF_OK : CF_ERR_UTF8));
    fuzz_check(cf_view_eq(cf_buf_view(&opened), cf_is_ok(r) ? value : CF_VIEW_EMPTY));
    cf_buf_clear(&opened);
    sealed.data[sealed.len / 2 + value.len % 7] ^= 0x20;
    fuzz_check(cf_open_single(b, key_of(kem), &f, &opened).code == CF_ERR_OPEN && opened.len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cf_reader r = cf_reader_of(cf_view_make(data, size));
    uint8_t choice = cf_read_u8(&r);
    size_t kem = choice % 4;
    const cf_binding b = {CF_LIT("acme"), CF_LIT("v_2hRK9u2DOzmAPMhdVNt9qlJ3UvL"), CF_LIT("person"),
                          suites[kem]};
    cf_view value = cf_read(&r, r.left);
    if (choice >= 0x80) {
        round_trip(&b, kem, value);
        return 0;
    }
    cf_field f = {.name = CF_LIT("email"), .seq = choice >> 4, .value = value};
    CF_BUF(pt);
    f.encoding = (cf_encoding)(choice / 4 % 4);
    cf_result r1 = cf_open_single(&b, key_of(kem), &f, &pt);
    fuzz_check(r1.code == CF_ERR_OPEN || r1.code == CF_ERR_MALFORMED);
    f.encoding = CF_ENC_WRITE;
    cf_result r2 = cf_opener_field(opener_of(kem, &b), &f, &pt);
    fuzz_check(r2.code == CF_ERR_OPEN && pt.len == 0);
    return 0;
}
