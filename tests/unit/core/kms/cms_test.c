/* SPDX-License-Identifier: Apache-2.0 */
#include "core/codec/base64.h"
#include "core/codec/der.h"
#include "core/kms/cms_priv.h"
#include "tests/support/vectors.h"

static json_t *manifest;
static const json_t *synthetic;
static cf_rsa_key *key;
static cf_buf spki;

static void member_base64(const json_t *o, const char *name, cf_buf *ret)
{
    assert_ok(cf_base64_decode(cf_view_str(vec_text(o, name)), ret));
}

static int load(void **state)
{
    (void)state;
    CF_BUF(der);
    manifest = vec_load("cms/manifest.json");
    synthetic = json_object_get(manifest, "synthetic");
    member_base64(synthetic, "private_key_pkcs8_b64", &der);
    member_base64(synthetic, "public_key_spki_b64", &spki);
    assert_ok(cf_rsa_from_pkcs8(cf_buf_view(&der), &key));
    return 0;
}

static int unload(void **state)
{
    (void)state;
    cf_rsa_free(&key);
    cf_buf_free(&spki);
    json_decref(manifest);
    return 0;
}

static void load_file(const json_t *row, cf_buf *ret)
{
    char path[128];
    (void)snprintf(path, sizeof path, "cms/%s", vec_text(row, "file"));
    vec_file(path, ret);
}

/* The genuine answer parses to the last octet; opening fails at the key transport, for want of its key. */
static void test_captured(void **state)
{
    (void)state;
    const json_t *rows = vec_array(manifest, "captured");
    assert_true(json_array_size(rows) >= 1);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        CF_BUF(cms);
        CF_BUF(want);
        CF_BUF(out);
        load_file(row, &cms);
        CF_AUTO(cf_cms_parts_clear) cf_cms_parts p = {.iv = CF_VIEW_EMPTY};
        assert_ok(cf_cms_parse(cf_buf_view(&cms), &p));
        vec_hex(row, "encrypted_key", &want);
        assert_view(p.encrypted_key, cf_buf_view(&want));
        vec_hex(row, "iv", &want);
        assert_view(p.iv, cf_buf_view(&want));
        vec_hex(row, "ciphertext", &want);
        assert_view(cf_buf_view(&p.ciphertext), cf_buf_view(&want));
        assert_err(cf_rsa_oaep_decrypt(key, p.encrypted_key, &out), OPEN);
        assert_err(cf_cms_open(key, cf_buf_view(&cms), &out), OPEN);
        assert_int_equal(out.len, 0);
    }
}

static void test_synthetic(void **state)
{
    (void)state;
    const json_t *cases = vec_array(synthetic, "cases");
    size_t opened = 0;
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *row = json_array_get(cases, i);
        CF_BUF(cms);
        CF_BUF(want);
        CF_BUF(out);
        load_file(row, &cms);
        vec_hex(row, "plaintext_hex", &want);
        assert_ok(cf_buf_append(&out, CF_LIT("before")));
        assert_ok(cf_cms_open(key, cf_buf_view(&cms), &out));
        assert_view(cf_view_sub(cf_buf_view(&out), 6, out.len - 6), cf_buf_view(&want));
        opened++;
    }
    assert_int_equal(opened, 4);
}

static bool inside(const cf_buf *cms, size_t off, cf_view v)
{
    size_t from = (size_t)(v.data - cms->data);
    return off >= from && off < from + v.len;
}

/* Every octet of every synthetic file changed, in eight ways. Nothing but the recipient's identifier and versions may change
 * without a trace, and only IV and ciphertext may change and still give a plaintext, another one: CBC has no tag. */
static void test_tampered(void **state)
{
    (void)state;
    const json_t *cases = vec_array(synthetic, "cases");
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *row = json_array_get(cases, i);
        CF_BUF(cms);
        CF_BUF(want);
        load_file(row, &cms);
        vec_hex(row, "plaintext_hex", &want);
        CF_AUTO(cf_cms_parts_clear) cf_cms_parts p = {.iv = CF_VIEW_EMPTY};
        assert_ok(cf_cms_parse(cf_buf_view(&cms), &p));
        size_t key_id = (size_t)(p.encrypted_key.data - cms.data) - 4 - 62 - 32;
        assert_int_equal(cms.data[key_id - 2], 0x80);
        size_t ct = (size_t)(p.iv.data + p.iv.len - cms.data);
        for (size_t off = 0; off < cms.len; off++) {
            for (unsigned bit = 0; bit < 8; bit += inside(&cms, off, p.encrypted_key) ? 4 : 1) {
                CF_BUF(out);
                cms.data[off] ^= (uint8_t)(1 << bit);
                cf_result r = cf_cms_open(key, cf_buf_view(&cms), &out);
                cms.data[off] ^= (uint8_t)(1 << bit);
                bool ignored =
                    (off >= key_id && off < key_id + 32) || (bit == 1 && cms.data[off] == 2);
                bool malleable = inside(&cms, off, p.iv) || off >= ct;
                if (!cf_is_ok(r)) {
                    assert_err(r, OPEN);
                    assert_int_equal(out.len, 0);
                } else if (!ignored &&
                           (!malleable || cf_view_eq(cf_buf_view(&out), cf_buf_view(&want)))) {
                    fail_msg("%s: octet %zu, bit %u: opened", vec_text(row, "file"), off, bit);
                }
            }
        }
    }
}

static void test_cut_and_trailing(void **state)
{
    (void)state;
    CF_BUF(cms);
    CF_BUF(out);
    vec_file("cms/syn-a-32.ber", &cms);
    for (size_t len = 0; len < cms.len; len++) {
        cf_view v = view_copy(cf_view_make(cms.data, len));
        assert_err(cf_cms_open(key, v, &out), OPEN);
        view_free(v);
    }
    assert_ok(cf_buf_append(&cms, CF_LIT("\x00")));
    assert_err(cf_cms_open(key, cf_buf_view(&cms), &out), OPEN);
}

static void test_another_key(void **state)
{
    (void)state;
    CF_BUF(cms);
    CF_BUF(out);
    cf_rsa_key *other = NULL;
    vec_file("cms/syn-b-32.ber", &cms);
    assert_ok(cf_rsa_generate(&other));
    assert_err(cf_cms_open(other, cf_buf_view(&cms), &out), OPEN);
    cf_rsa_free(&other);
}

/* --- messages put together by hand --- */

#define SHA256_NULL "30 0d 06 09 608648016503040201 0500"
#define SHA256_NONE "30 0b 06 09 608648016503040201"
#define SHA1_NULL "30 09 06 05 2b0e03021a 0500"
#define MGF1_OID "06 09 2a864886f70d010108"
#define OAEP_OID "06 09 2a864886f70d010107"
#define OAEP_USUAL "30 3c" OAEP_OID "30 2f a0 0f" SHA256_NULL "a1 1c 30 1a" MGF1_OID SHA256_NULL
#define ISSUER_SERIAL "30 16 30 11 31 0f 300d 06 03 550403 0c 06 6973737565 72 02 01 05"

/* The parts of a message that can be varied; NULL takes the usual one. */
typedef struct {
    const char *version, *set_version, *id, *alg, *content_oid, *cipher_oid;
    const char *content; /* hex of the encryptedContent element; NULL: [0] primitive */
    const char *extra;   /* hex behind EncryptedContentInfo, inside EnvelopedData */
    size_t iv_len;
} form;

static void put_hex(cf_buf *out, const char *hex)
{
    cf_view v = view_hex(hex);
    assert_ok(cf_buf_append(out, v));
    view_free(v);
}

static void put_element(cf_buf *out, uint8_t tag, const cf_buf *body)
{
    cf_writer w = cf_writer_to(out, CF_BUF_BYTES_MAX);
    cf_der_put(&w, tag, cf_buf_view(body));
    assert_ok(cf_write_end(&w));
}

static const uint8_t content_key[32] = {1, 2, 3}, content_iv[16] = {4, 5, 6};

static const char *or_usual(const char *given, const char *usual)
{
    return given != NULL ? given : usual;
}

/* A DER message with the variations of f around the ciphertext. */
static void make_der(const form *f, const cf_buf *ciphertext, cf_buf *out)
{
    CF_BUF(wrapped);
    CF_BUF(info);
    CF_BUF(set);
    CF_BUF(content);
    CF_BUF(alg);
    CF_BUF(iv);
    CF_BUF(data);
    CF_BUF(data_seq);
    CF_BUF(outer);
    CF_BUF(whole);
    assert_ok(cf_rsa_oaep_encrypt(cf_buf_view(&spki), CF_VIEW_OF(content_key), &wrapped));
    put_hex(&info, or_usual(f->version, "02 01 02"));
    put_hex(&info, or_usual(f->id, "80 04 01020304"));
    put_hex(&info, or_usual(f->alg, OAEP_USUAL));
    put_element(&info, CF_TAG_OCTETS, &wrapped);
    put_element(&set, CF_TAG_SEQUENCE, &info);

    put_hex(&content, or_usual(f->content_oid, "06 09 2a864886f70d010701"));
    put_hex(&alg, or_usual(f->cipher_oid, "06 09 60864801650304012a"));
    assert_ok(cf_buf_append(&iv, cf_view_make(content_iv, f->iv_len == 0 ? 16 : f->iv_len)));
    put_element(&alg, CF_TAG_OCTETS, &iv);
    put_element(&content, CF_TAG_SEQUENCE, &alg);
    if (f->content != NULL) {
        put_hex(&content, f->content);
    } else {
        put_element(&content, CF_TAG_CONTEXT_0, ciphertext);
    }
    put_hex(&data, or_usual(f->set_version, "02 01 02"));
    put_element(&data, CF_TAG_SET, &set);
    put_element(&data, CF_TAG_SEQUENCE, &content);
    put_hex(&data, or_usual(f->extra, ""));
    put_element(&data_seq, CF_TAG_SEQUENCE, &data);
    put_hex(&outer, "06 09 2a864886f70d010703");
    put_element(&outer, CF_TAG_CONTEXT_0_C, &data_seq);
    put_element(&whole, CF_TAG_SEQUENCE, &outer);
    assert_ok(cf_buf_append(out, cf_buf_view(&whole)));
}

static cf_result open_form(const form *f)
{
    CF_BUF(ciphertext);
    CF_BUF(cms);
    CF_BUF(out);
    assert_ok(cf_aes256_cbc_encrypt(CF_VIEW_OF(content_key), CF_VIEW_OF(content_iv),
                                    CF_LIT("plaintext"), &ciphertext));
    make_der(f, &ciphertext, &cms);
    cf_result r = cf_cms_open(key, cf_buf_view(&cms), &out);
    if (cf_is_ok(r)) {
        assert_view(cf_buf_view(&out), CF_LIT("plaintext"));
    }
    return r;
}

static void test_accepted_forms(void **state)
{
    (void)state;
    static const form rows[] = {
        {.version = NULL},
        {.version = "02 01 00", .id = ISSUER_SERIAL},
        {.version = "02 01 00", .set_version = "02 01 00", .id = ISSUER_SERIAL},
        {.alg = "30 38" OAEP_OID "30 2b a0 0d" SHA256_NONE "a1 1a 30 18" MGF1_OID SHA256_NONE},
        {.alg = "30 4d" OAEP_OID "30 40 a0 0f" SHA256_NULL "a1 1c 30 1a" MGF1_OID SHA256_NULL
                "a2 0f 30 0d 06 09 2a864886f70d010109 04 00"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cf_result r = open_form(&rows[i]);
        if (!cf_is_ok(r)) {
            fail_msg("row %zu: %s", i, cf_err_code(r.code));
        }
    }
}

static void test_refused_forms(void **state)
{
    (void)state;
    static const form rows[] = {
        {.version = "02 01 01"},
        {.version = "02 02 0002"},
        {.set_version = "02 01 03"},
        {.set_version = "04 01 02"},
        {.id = "a0 04 01020304"},
        {.id = "04 04 01020304"},
        /* PKCS#1 v1.5, OAEP with SHA-1 by name and by default, other mask hash, a label */
        {.alg = "30 0d 06 09 2a864886f70d010101 0500"},
        {.alg = "30 38" OAEP_OID "30 2b a0 0b" SHA1_NULL "a1 1c 30 1a" MGF1_OID SHA256_NULL},
        {.alg = "30 0d" OAEP_OID "30 00"},
        {.alg = "30 0b" OAEP_OID},
        {.alg = "30 38" OAEP_OID "30 2b a0 0f" SHA256_NULL "a1 18 30 16" MGF1_OID SHA1_NULL},
        {.alg = "30 4e" OAEP_OID "30 41 a0 0f" SHA256_NULL "a1 1c 30 1a" MGF1_OID SHA256_NULL
                "a2 10 30 0e 06 09 2a864886f70d010109 04 01 61"},
        {.alg =
             "30 3e" OAEP_OID "30 2f a0 0f" SHA256_NULL "a1 1c 30 1a" MGF1_OID SHA256_NULL "0500"},
        {.content_oid = "06 09 2a864886f70d010702"},
        {.cipher_oid = "06 09 608648016503040102"}, /* aes128-CBC */
        {.cipher_oid = "06 09 60864801650304012e"}, /* aes256-GCM */
        {.iv_len = 15},
        {.iv_len = 12},
        {.extra = "a1 02 31 00"}, /* unprotectedAttrs */
        {.extra = "05 00"},
        {.content = ""},
        {.content = "80 00"},
        {.content = "a0 00"},
        {.content = "a0 04 0402 0000"},
        {.content = "04 10 00000000000000000000000000000000"},
        {.content = "a0 12 0c 10 00000000000000000000000000000000"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cf_result r = open_form(&rows[i]);
        if (r.code != CF_ERR_OPEN) {
            fail_msg("row %zu: %s", i, cf_err_code(r.code));
        }
    }
}

/* A ciphertext in pieces of chunk octets, each as deep in further strings as asked. Appends hex for form.content. */
static void pieces_hex(const cf_buf *ciphertext, size_t chunk, size_t depth, bool indefinite,
                       cf_buf *ret_hex)
{
    CF_BUF(content);
    CF_BUF(wrapped);
    for (size_t off = 0; off < ciphertext->len; off += chunk) {
        size_t len = ciphertext->len - off < chunk ? ciphertext->len - off : chunk;
        CF_BUF(piece);
        assert_ok(cf_buf_append(&piece, cf_view_make(ciphertext->data + off, len)));
        CF_BUF(element);
        put_element(&element, CF_TAG_OCTETS, &piece);
        for (size_t d = 0; d < depth; d++) {
            CF_BUF(deeper);
            put_element(&deeper, CF_TAG_OCTETS_CONS, &element);
            cf_buf_free(&element);
            element = cf_buf_move(&deeper);
        }
        assert_ok(cf_buf_append(&content, cf_buf_view(&element)));
    }
    if (indefinite) {
        put_hex(&wrapped, "a0 80");
        assert_ok(cf_buf_append(&wrapped, cf_buf_view(&content)));
        put_hex(&wrapped, "00 00");
    } else {
        put_element(&wrapped, CF_TAG_CONTEXT_0_C, &content);
    }
    assert_ok(cf_hex_encode(cf_buf_view(&wrapped), ret_hex));
    assert_ok(cf_buf_append(ret_hex, cf_view_make("", 1)));
}

static void test_pieces(void **state)
{
    (void)state;
    static uint8_t plaintext[4096];
    for (size_t i = 0; i < sizeof plaintext; i++) {
        plaintext[i] = (uint8_t)(i * 7);
    }
    static const struct {
        size_t chunk, depth;
        bool indefinite;
        cf_err err;
    } rows[] = {
        {1000, 0, true, CF_OK},        {1000, 0, false, CF_OK}, {5000, 0, true, CF_OK},
        {17, 1, true, CF_OK},          {1000, 6, false, CF_OK}, {1000, 7, false, CF_OK},
        {1000, 8, false, CF_ERR_OPEN},
    };
    CF_BUF(ciphertext);
    assert_ok(cf_aes256_cbc_encrypt(CF_VIEW_OF(content_key), CF_VIEW_OF(content_iv),
                                    CF_VIEW_OF(plaintext), &ciphertext));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CF_BUF(hex);
        CF_BUF(cms);
        CF_BUF(out);
        pieces_hex(&ciphertext, rows[i].chunk, rows[i].depth, rows[i].indefinite, &hex);
        form f = {.content = (const char *)hex.data};
        make_der(&f, &ciphertext, &cms);
        cf_result r = cf_cms_open(key, cf_buf_view(&cms), &out);
        if (r.code != rows[i].err) {
            fail_msg("row %zu: %s", i, cf_err_code(r.code));
        }
        if (cf_is_ok(r)) {
            assert_view(cf_buf_view(&out), CF_VIEW_OF(plaintext));
        }
    }
}

/* --- making --- */

static void test_made_opens(void **state)
{
    (void)state;
    static uint8_t plaintext[4096];
    static const size_t sizes[] = {0, 1, 15, 16, 17, 32, 185, 4095, 4096};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (int f = CF_CMS_FORM_A; f <= CF_CMS_FORM_B; f++) {
            CF_BUF(cms);
            CF_BUF(out);
            memset(plaintext, (int)i + 1, sizeof plaintext);
            cf_view pt = cf_view_make(plaintext, sizes[i]);
            assert_ok(cf_cms_make(cf_buf_view(&spki), pt, (cf_cms_form)f, &cms));
            assert_ok(cf_cms_open(key, cf_buf_view(&cms), &out));
            assert_view(cf_buf_view(&out), pt);
        }
    }
}

/* What we make for 32 octets is the captured answer in every octet that is not chance or secret. */
static void test_made_like_captured(void **state)
{
    (void)state;
    CF_BUF(captured);
    CF_BUF(made);
    vec_file("cms/kms-capture-a.ber", &captured);
    static const uint8_t plaintext[32] = {0};
    assert_ok(cf_cms_make(cf_buf_view(&spki), CF_VIEW_OF(plaintext), CF_CMS_FORM_A, &made));
    assert_int_equal(made.len, captured.len);
    CF_AUTO(cf_cms_parts_clear) cf_cms_parts p = {.iv = CF_VIEW_EMPTY};
    assert_ok(cf_cms_parse(cf_buf_view(&captured), &p));
    size_t key_off = (size_t)(p.encrypted_key.data - captured.data);
    size_t iv_off = (size_t)(p.iv.data - captured.data);
    size_t ct_off = iv_off + 16 + 4; /* a0 80 04 30 */
    size_t id_off = key_off - 4 - 62 - 32;
    size_t compared = 0;
    for (size_t i = 0; i < made.len; i++) {
        bool varies = (i >= id_off && i < id_off + 32) || (i >= key_off && i < key_off + 256) ||
                      (i >= iv_off && i < iv_off + 16) || (i >= ct_off && i < ct_off + 48);
        if (!varies) {
            assert_int_equal(made.data[i], captured.data[i]);
            compared++;
        }
    }
    assert_int_equal(compared, made.len - 32 - 256 - 16 - 48);
}

static void test_made_limits(void **state)
{
    (void)state;
    static const uint8_t plaintext[CF_CMS_BYTES_MAX];
    CF_BUF(probe);
    assert_ok(
        cf_cms_make(cf_buf_view(&spki), cf_view_make(plaintext, 5600), CF_CMS_FORM_B, &probe));
    /* the ciphertext has 5,616 octets; every further 16 of plaintext make 16 of message */
    size_t room = CF_CMS_BYTES_MAX - probe.len, largest = 5600 + room / 16 * 16 + 15;
    for (size_t len = largest - 1; len <= largest + 1; len++) {
        CF_BUF(cms);
        CF_BUF(out);
        cf_result r =
            cf_cms_make(cf_buf_view(&spki), cf_view_make(plaintext, len), CF_CMS_FORM_B, &cms);
        assert_code(r, len <= largest ? CF_OK : CF_ERR_SIZE);
        if (cf_is_ok(r)) {
            assert_true(cms.len <= CF_CMS_BYTES_MAX);
            assert_ok(cf_cms_open(key, cf_buf_view(&cms), &out));
        } else {
            assert_int_equal(cms.len, 0);
        }
    }
}

/* A message padded to the limit with an over-long identifier, which is ignored. */
static void test_open_limit(void **state)
{
    (void)state;
    CF_BUF(ciphertext);
    assert_ok(cf_aes256_cbc_encrypt(CF_VIEW_OF(content_key), CF_VIEW_OF(content_iv), CF_LIT("x"),
                                    &ciphertext));
    for (size_t want = CF_CMS_BYTES_MAX - 1; want <= CF_CMS_BYTES_MAX + 1; want++) {
        CF_BUF(cms);
        size_t fill = 5000;
        for (int round = 0; round < 2; round++) {
            static char hex[2 * CF_CMS_BYTES_MAX + 16];
            int n = snprintf(hex, sizeof hex, "8082%04zx", fill);
            memset(hex + n, '0', 2 * fill);
            hex[(size_t)n + 2 * fill] = '\0';
            cf_buf_clear(&cms);
            make_der(&(form){.id = hex}, &ciphertext, &cms);
            fill += want - cms.len;
        }
        assert_int_equal(cms.len, want);
        CF_BUF(out);
        assert_code(cf_cms_open(key, cf_buf_view(&cms), &out),
                    want <= CF_CMS_BYTES_MAX ? CF_OK : CF_ERR_OPEN);
    }
}

static void test_made_for_wrong_keys(void **state)
{
    (void)state;
    cf_dh_key *ec = NULL;
    CF_BUF(ec_spki);
    CF_BUF(out);
    assert_ok(cf_dh_generate(CF_P384, &ec));
    assert_ok(cf_dh_public_to_spki(CF_P384, cf_dh_public_view(cf_dh_public_of(ec)), &ec_spki));
    cf_dh_free(&ec);
    assert_err(cf_cms_make(cf_buf_view(&ec_spki), CF_LIT("x"), CF_CMS_FORM_A, &out), KEY);
    assert_err(cf_cms_make(CF_LIT("no key"), CF_LIT("x"), CF_CMS_FORM_A, &out), KEY);
    assert_err(cf_cms_make(CF_VIEW_EMPTY, CF_LIT("x"), CF_CMS_FORM_A, &out), KEY);
    assert_int_equal(out.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_captured),
        cmocka_unit_test(test_synthetic),
        cmocka_unit_test(test_tampered),
        cmocka_unit_test(test_cut_and_trailing),
        cmocka_unit_test(test_another_key),
        cmocka_unit_test(test_accepted_forms),
        cmocka_unit_test(test_refused_forms),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_made_opens),
        cmocka_unit_test(test_made_like_captured),
        cmocka_unit_test(test_made_limits),
        cmocka_unit_test(test_open_limit),
        cmocka_unit_test(test_made_for_wrong_keys),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
