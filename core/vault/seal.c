/* SPDX-License-Identifier: Apache-2.0 */
/* Sealing and opening of fields: docs/formats/record.md section 4. */
#include "core/vault/seal.h"

#include "core/codec/base64.h"

#define AAD_ITEMS 7
/* Heads and content of the array's items: label, tenant, id, schema, write id, version, name. */
#define AAD_BYTES_MAX                                                                              \
    (1 + 15 + (2 + CF_TENANT_BYTES_MAX) + (2 + CF_VAULT_ID_BYTES) + (2 + CF_TENANT_BYTES_MAX) +    \
     (1 + CF_WRITE_ID_BYTES) + 9 + (2 + CF_FIELD_NAME_BYTES_MAX))

/* The aad of a write's fields: all but the name is encoded once, and the name is set behind it for each field. */
typedef struct {
    cf_buf octets; /* room for AAD_BYTES_MAX */
    size_t prefix; /* octets before the name */
} field_aad;

static cf_result binding_check(const cf_binding *b)
{
    CF_REQUIRE(cf_tenant_ok(b->tenant) && cf_vault_id_ok(b->id), ARGUMENT);
    CF_REQUIRE(cf_tenant_ok(b->schema) && cf_suite_seals(b->suite), ARGUMENT);
    return cf_ok();
}

static cf_result info_put(const cf_binding *b, cf_buf *out)
{
    cf_writer w = cf_writer_to(out, AAD_BYTES_MAX);
    cf_cbor_put_array(&w, 3);
    cf_cbor_put_text(&w, CF_LIT("coffer-record-3"));
    cf_cbor_put_text(&w, b->tenant);
    cf_cbor_put_text(&w, b->id);
    return cf_write_end(&w);
}

static cf_result aad_start(const cf_binding *b, cf_view write_id, uint64_t version, field_aad *ret)
{
    CF_REQUIRE(write_id.len == CF_WRITE_ID_BYTES && version > 0, ARGUMENT);
    CF_TRY(cf_buf_reserve(&ret->octets, AAD_BYTES_MAX));
    cf_writer w = cf_writer_to(&ret->octets, AAD_BYTES_MAX);
    cf_cbor_put_array(&w, AAD_ITEMS);
    cf_cbor_put_text(&w, CF_LIT("coffer-field-3"));
    cf_cbor_put_text(&w, b->tenant);
    cf_cbor_put_text(&w, b->id);
    cf_cbor_put_text(&w, b->schema);
    cf_cbor_put_bytes(&w, write_id);
    cf_cbor_put_uint(&w, version);
    ret->prefix = ret->octets.len;
    return cf_write_end(&w);
}

static cf_result aad_for(field_aad *aad, cf_view name)
{
    aad->octets.len = aad->prefix;
    cf_writer w = cf_writer_to(&aad->octets, AAD_BYTES_MAX);
    cf_cbor_put_text(&w, name);
    return cf_write_end(&w);
}

struct cf_sealer {
    cf_hpke *hpke;
    field_aad aad;
    uint8_t write_id[CF_WRITE_ID_BYTES];
    uint64_t version;
    cf_dh_public enc;
    uint8_t last[CF_FIELD_NAME_BYTES_MAX]; /* name sealed last */
    size_t last_len;
};

void cf_sealer_free(cf_sealer **s)
{
    if (*s != NULL) {
        cf_hpke_free(&(*s)->hpke);
        cf_buf_free(&(*s)->aad.octets);
        cf_wipe(*s, sizeof **s);
        cf_mem_free(*s);
        *s = NULL;
    }
}

CF_MUST_USE cf_result cf_sealer_new(const cf_binding *b, cf_view public_key, uint64_t version,
                                    cf_sealer **ret)
{
    *ret = NULL;
    CF_TRY(binding_check(b));
    CF_AUTO(cf_sealer_free) cf_sealer *s = cf_mem_new(1, sizeof *s);
    CF_REQUIRE(s != NULL, NO_MEMORY);
    s->version = version;
    CF_TRY(cf_random(s->write_id, sizeof s->write_id));
    CF_TRY(aad_start(b, CF_VIEW_OF(s->write_id), version, &s->aad));
    CF_BUF(info);
    CF_TRY(info_put(b, &info));
    const cf_hpke_input in = {.mode = CF_HPKE_BASE, .info = cf_buf_view(&info)};
    CF_TRY(cf_hpke_sender(b->suite, &in, public_key, NULL, NULL, &s->enc, &s->hpke));
    *ret = s;
    s = NULL;
    return cf_ok();
}

cf_write_ref cf_sealer_write(const cf_sealer *s)
{
    return (cf_write_ref){CF_VIEW_OF(s->write_id), s->version, cf_dh_public_view(&s->enc)};
}

CF_MUST_USE cf_result cf_sealer_field(cf_sealer *s, cf_view name, cf_view value, uint64_t *ret_seq,
                                      cf_buf *out)
{
    *ret_seq = 0;
    uint64_t seq = cf_hpke_seq(s->hpke);
    CF_TRY(cf_field_name_check(name));
    /* Rows store the fields of a write in this order, and their decoder holds us to it. */
    CF_REQUIRE(cf_view_cmp(cf_view_make(s->last, s->last_len), name) < 0, ARGUMENT);
    CF_REQUIRE(value.len <= CF_VALUE_BYTES_MAX, SIZE);
    CF_REQUIRE(seq < CF_ROW_FIELDS_MAX, LIMIT);
    CF_TRY(aad_for(&s->aad, name));
    CF_TRY(cf_hpke_seal(s->hpke, cf_buf_view(&s->aad.octets), value, out));
    cf_copy(s->last, name.data, name.len);
    s->last_len = name.len;
    *ret_seq = seq;
    return cf_ok();
}

CF_MUST_USE cf_result cf_seal_binary(const cf_binding *b, cf_view public_key, cf_view name,
                                     cf_view value, cf_buf *out)
{
    CF_REQUIRE(cf_suite_seals(b->suite) && b->id.len > 0, ARGUMENT);
    CF_TRY(cf_field_name_check(name));
    CF_REQUIRE(value.len <= CF_VALUE_BYTES_MAX, SIZE);
    const cf_hpke_input in = {.mode = CF_HPKE_BASE, .info = b->id};
    CF_AUTO(cf_hpke_free) cf_hpke *hpke = NULL;
    cf_dh_public enc;
    CF_TRY(cf_hpke_sender(b->suite, &in, public_key, NULL, NULL, &enc, &hpke));
    size_t start = out->len;
    CF_TRY(cf_buf_append(out, cf_dh_public_view(&enc)));
    cf_result r = cf_hpke_seal(hpke, name, value, out);
    if (!cf_is_ok(r)) {
        out->len = start;
    }
    return r;
}

struct cf_opener {
    cf_hpke *hpke;
    field_aad aad;
};

void cf_opener_free(cf_opener **o)
{
    if (*o != NULL) {
        cf_hpke_free(&(*o)->hpke);
        cf_buf_free(&(*o)->aad.octets);
        cf_mem_free(*o);
        *o = NULL;
    }
}

CF_MUST_USE cf_result cf_opener_new(const cf_binding *b, const cf_dh_key *key,
                                    const cf_write_ref *write, cf_opener **ret)
{
    *ret = NULL;
    CF_TRY(binding_check(b));
    CF_AUTO(cf_opener_free) cf_opener *o = cf_mem_new(1, sizeof *o);
    CF_REQUIRE(o != NULL, NO_MEMORY);
    CF_TRY(aad_start(b, write->id, write->version, &o->aad));
    CF_BUF(info);
    CF_TRY(info_put(b, &info));
    const cf_hpke_input in = {.mode = CF_HPKE_BASE, .info = cf_buf_view(&info)};
    CF_TRY(cf_hpke_receiver(b->suite, &in, write->enc, key, CF_VIEW_EMPTY, &o->hpke));
    *ret = o;
    o = NULL;
    return cf_ok();
}

/* A value is text. Who seals needs only the public key, so what opens may still be no text; it is taken back then. */
static cf_result keep_text(cf_buf *out, size_t start)
{
    cf_view value = cf_view_sub(cf_buf_view(out), start, out->len - start);
    if (value.len > 0 && !cf_utf8_ok(value)) {
        cf_wipe(out->data + start, value.len);
        out->len = start;
        return cf_fail(CF_ERR_UTF8);
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_opener_field(cf_opener *o, const cf_field *field, cf_buf *out)
{
    size_t start = out->len;
    CF_REQUIRE(field->encoding == CF_ENC_WRITE, OPEN);
    CF_REQUIRE(field->value.len <= CF_VALUE_BYTES_MAX + CF_AEAD_TAG_BYTES, OPEN);
    CF_REQUIRE(cf_is_ok(cf_field_name_check(field->name)), OPEN);
    CF_TRY(aad_for(&o->aad, field->name));
    CF_TRY(cf_hpke_open_at(o->hpke, field->seq, cf_buf_view(&o->aad.octets), field->value, out));
    return keep_text(out, start);
}

static bool is_lower_hex(cf_view text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
    }
    return true;
}

/* enc || ct of the text of encoding 1, appended; cf_field_size_ok has found its '#'. */
static cf_result hex_form_decode(cf_view text, size_t enc_bytes, cf_buf *out)
{
    cf_view enc = {text.data, 2 * enc_bytes};
    cf_view ct = {text.data + enc.len + 1, text.len - enc.len - 1};
    CF_REQUIRE(is_lower_hex(enc) && is_lower_hex(ct), MALFORMED);
    CF_TRY(cf_hex_decode(enc, out));
    return cf_hex_decode(ct, out);
}

CF_MUST_USE cf_result cf_open_single(const cf_binding *b, const cf_dh_key *key,
                                     const cf_field *field, cf_buf *out)
{
    CF_REQUIRE(cf_suite_seals(b->suite) && b->id.len > 0, ARGUMENT);
    size_t start = out->len, enc_bytes = cf_dh_public_bytes(b->suite.kem);
    bool hex = field->encoding == CF_ENC_HEX;
    CF_REQUIRE(hex || field->encoding == CF_ENC_BINARY, OPEN);
    if (!cf_field_size_ok(field, b->suite)) {
        return cf_fail(hex ? CF_ERR_MALFORMED : CF_ERR_OPEN);
    }
    CF_BUF(decoded);
    cf_view sealed = field->value;
    if (hex) {
        CF_TRY(hex_form_decode(field->value, enc_bytes, &decoded));
        sealed = cf_buf_view(&decoded);
    }
    cf_view enc = cf_view_sub(sealed, 0, enc_bytes);
    cf_view ct = cf_view_sub(sealed, enc_bytes, sealed.len - enc_bytes);
    CF_TRY(cf_hpke_open_base(b->suite, key, enc, b->id, field->name, ct, out));
    return keep_text(out, start);
}
