/* SPDX-License-Identifier: Apache-2.0 */
/* Rows: docs/formats/record.md section 3. One set of rules serves the encoder and the decoder. */
#include "core/vault/record.h"

#define ROW_FORMAT 1
#define ROW_ITEMS 13
#define WRITE_ITEMS 3
#define FIELD_ITEMS 3       /* encodings 1 and 2 */
#define FIELD_WRITE_ITEMS 5 /* encoding 3 */

static void fail(cf_cbor *c, cf_err err)
{
    cf_reader_fail(&c->in, err);
}

bool cf_suite_seals(cf_hpke_suite s)
{
    return cf_hpke_suite_ok(s) && cf_aead_key_bytes(s.aead) > 0;
}

/* True for the octets of ct || tag of a value within its limit. */
static bool sealed_size_ok(size_t octets)
{
    return octets >= CF_AEAD_TAG_BYTES && octets - CF_AEAD_TAG_BYTES <= CF_VALUE_BYTES_MAX;
}

bool cf_field_size_ok(const cf_field *f, cf_hpke_suite s)
{
    size_t enc = cf_dh_public_bytes(s.kem), len = f->value.len;
    switch (f->encoding) {
    case CF_ENC_HEX: {
        size_t hash = 2 * enc; /* place of the '#' */
        return len > hash && f->value.data[hash] == '#' && (len - hash - 1) % 2 == 0 &&
               sealed_size_ok((len - hash - 1) / 2);
    }
    case CF_ENC_BINARY:
        return len >= enc && sealed_size_ok(len - enc);
    case CF_ENC_WRITE:
        return sealed_size_ok(len);
    }
    return false;
}

static cf_result write_rules(const cf_row *row)
{
    uint64_t last = 0;
    for (size_t i = 0; i < row->writes_n; i++) {
        const cf_write_ref *w = &row->writes[i];
        CF_REQUIRE(w->id.len == CF_WRITE_ID_BYTES, MALFORMED);
        CF_REQUIRE(w->version > last && w->version <= row->version, MALFORMED);
        CF_REQUIRE(w->enc.len == cf_dh_public_bytes(row->suite.kem), MALFORMED);
        last = w->version;
    }
    return cf_ok();
}

/* A write seals its fields in the order of their names, so its sequence numbers rise through the row; that also means that
 * no two fields share one. */
static cf_result field_rules(const cf_row *row)
{
    uint16_t seq_next[CF_ROW_FIELDS_MAX] = {0}; /* per write; 0 while nothing refers to it */
    cf_view last = CF_VIEW_EMPTY;
    for (size_t i = 0; i < row->fields_n; i++) {
        const cf_field *f = &row->fields[i];
        CF_TRY(cf_field_name_check(f->name));
        CF_REQUIRE(cf_view_cmp(last, f->name) < 0, MALFORMED);
        CF_REQUIRE(cf_field_size_ok(f, row->suite), MALFORMED);
        last = f->name;
        if (f->encoding == CF_ENC_WRITE) {
            CF_REQUIRE(f->write < row->writes_n, MALFORMED);
            CF_REQUIRE(f->seq >= seq_next[f->write] && f->seq < CF_ROW_FIELDS_MAX, MALFORMED);
            seq_next[f->write] = (uint16_t)(f->seq + 1);
        }
    }
    for (size_t i = 0; i < row->writes_n; i++) {
        CF_REQUIRE(seq_next[i] > 0, MALFORMED);
    }
    return cf_ok();
}

static cf_result row_rules(const cf_row *row)
{
    CF_REQUIRE(cf_tenant_ok(row->tenant) && cf_vault_id_ok(row->id), MALFORMED);
    CF_REQUIRE(cf_tenant_ok(row->schema) && row->version > 0, MALFORMED);
    CF_REQUIRE(row->writes_n <= CF_ROW_FIELDS_MAX && row->fields_n <= CF_ROW_FIELDS_MAX, SIZE);
    if (row->tombstone) {
        size_t octets = row->kms_key.len + row->public_key.len + row->wrapped_key.len;
        CF_REQUIRE(octets == 0 && row->writes_n == 0 && row->fields_n == 0, MALFORMED);
        return cf_ok();
    }
    CF_REQUIRE(cf_suite_seals(row->suite), UNSUPPORTED);
    CF_REQUIRE(row->kms_key.len > 0 && row->wrapped_key.len > 0, MALFORMED);
    CF_REQUIRE(row->kms_key.len <= CF_KMS_KEY_ID_BYTES_MAX, SIZE);
    CF_REQUIRE(row->wrapped_key.len <= CF_KMS_BLOB_BYTES_MAX, SIZE);
    CF_REQUIRE(row->public_key.len == cf_dh_public_bytes(row->suite.kem), MALFORMED);
    CF_TRY(write_rules(row));
    return field_rules(row);
}

void cf_write_ref_put(cf_writer *w, const cf_write_ref *wr)
{
    cf_cbor_put_array(w, WRITE_ITEMS);
    cf_cbor_put_bytes(w, wr->id);
    cf_cbor_put_uint(w, wr->version);
    cf_cbor_put_bytes(w, wr->enc);
}

void cf_field_put(cf_writer *w, const cf_field *f)
{
    cf_cbor_put_array(w, f->encoding == CF_ENC_WRITE ? FIELD_WRITE_ITEMS : FIELD_ITEMS);
    cf_cbor_put_text(w, f->name);
    cf_cbor_put_uint(w, (uint64_t)f->encoding);
    if (f->encoding == CF_ENC_WRITE) {
        cf_cbor_put_uint(w, f->write);
        cf_cbor_put_uint(w, f->seq);
    }
    if (f->encoding == CF_ENC_HEX) {
        cf_cbor_put_text(w, f->value);
    } else {
        cf_cbor_put_bytes(w, f->value);
    }
}

static void row_put(cf_writer *w, const cf_row *row)
{
    uint8_t suite[CF_HPKE_SUITE_BYTES] = {0};
    if (!row->tombstone) {
        cf_hpke_suite_id(row->suite, suite);
    }
    cf_cbor_put_array(w, ROW_ITEMS);
    cf_cbor_put_uint(w, ROW_FORMAT);
    cf_cbor_put_text(w, row->tenant);
    cf_cbor_put_text(w, row->id);
    cf_cbor_put_text(w, row->schema);
    cf_cbor_put_uint(w, row->version);
    cf_cbor_put_uint(w, row->created_ms);
    cf_cbor_put_uint(w, row->modified_ms);
    cf_cbor_put_text(w, row->kms_key);
    cf_cbor_put_bytes(w, cf_view_make(suite, row->tombstone ? 0 : sizeof suite));
    cf_cbor_put_bytes(w, row->public_key);
    cf_cbor_put_bytes(w, row->wrapped_key);
    cf_cbor_put_array(w, row->writes_n);
    for (size_t i = 0; i < row->writes_n; i++) {
        cf_write_ref_put(w, &row->writes[i]);
    }
    cf_cbor_put_array(w, row->fields_n);
    for (size_t i = 0; i < row->fields_n; i++) {
        cf_field_put(w, &row->fields[i]);
    }
}

CF_MUST_USE cf_result cf_row_encode(const cf_row *row, cf_buf *out)
{
    size_t start = out->len;
    CF_REQUIRE(cf_is_ok(row_rules(row)), ARGUMENT);
    CF_REQUIRE(start <= CF_BUF_BYTES_MAX - CF_ROW_BYTES_MAX, SIZE);
    cf_writer w = cf_writer_to(out, start + CF_ROW_BYTES_MAX);
    row_put(&w, row);
    cf_result r = cf_write_end(&w);
    if (!cf_is_ok(r)) {
        out->len = start;
    }
    return r;
}

void cf_write_ref_get(cf_cbor *c, cf_write_ref *ret)
{
    *ret = (cf_write_ref){0};
    cf_cbor_array(c);
    cf_write_ref w = {.id = cf_cbor_bytes(c)};
    w.version = cf_cbor_uint(c);
    w.enc = cf_cbor_bytes(c);
    cf_cbor_leave(c);
    bool ok = w.id.len == CF_WRITE_ID_BYTES && w.version > 0 && w.enc.len > 0 &&
              w.enc.len <= CF_DH_PUBLIC_BYTES_MAX;
    if (!ok) {
        fail(c, CF_ERR_MALFORMED);
    }
    if (cf_cbor_err(c) == CF_OK) {
        *ret = w;
    }
}

/* What follows name and encoding. */
static void field_value_get(cf_cbor *c, cf_field *f)
{
    uint64_t write = 0;
    switch (f->encoding) {
    case CF_ENC_HEX:
        f->value = cf_cbor_text(c);
        break;
    case CF_ENC_BINARY:
        f->value = cf_cbor_bytes(c);
        break;
    case CF_ENC_WRITE:
        write = cf_cbor_uint(c);
        f->seq = cf_cbor_uint(c);
        f->value = cf_cbor_bytes(c);
        break;
    default:
        fail(c, CF_ERR_UNSUPPORTED);
        break;
    }
    if (write >= CF_ROW_FIELDS_MAX || f->seq >= CF_ROW_FIELDS_MAX ||
        f->value.len < CF_AEAD_TAG_BYTES) {
        fail(c, CF_ERR_MALFORMED);
    }
    if (f->value.len > CF_FIELD_BYTES_MAX) {
        fail(c, CF_ERR_SIZE);
    }
    f->write = (uint32_t)write;
}

void cf_field_get(cf_cbor *c, cf_field *ret)
{
    *ret = (cf_field){0};
    cf_cbor_array(c);
    cf_field f = {.name = cf_cbor_text(c)};
    uint64_t encoding = cf_cbor_uint(c);
    if (cf_cbor_err(c) == CF_OK) {
        fail(c, cf_field_name_check(f.name).code);
        f.encoding = encoding <= CF_ENC_WRITE ? (cf_encoding)encoding : (cf_encoding)0;
        field_value_get(c, &f);
    }
    cf_cbor_leave(c);
    if (cf_cbor_err(c) == CF_OK) {
        *ret = f;
    }
}

/* Enters an array whose items become size octets each; NULL with the error kept when there are too many. */
static void *array_get(cf_cbor *c, cf_arena *arena, size_t size, size_t *ret_n)
{
    cf_cbor_array(c);
    uint64_t n = cf_cbor_err(c) == CF_OK ? c->open[c->depth - 1].left : 0;
    if (n > CF_ROW_FIELDS_MAX) {
        fail(c, CF_ERR_SIZE);
    }
    *ret_n = 0;
    void *items = cf_cbor_err(c) == CF_OK ? cf_arena_new(arena, n, size) : NULL;
    if (items == NULL) {
        fail(c, CF_ERR_NO_MEMORY);
        return NULL;
    }
    *ret_n = n;
    return items;
}

static void writes_get(cf_cbor *c, cf_arena *arena, cf_row *row)
{
    cf_write_ref *writes = array_get(c, arena, sizeof *writes, &row->writes_n);
    for (size_t i = 0; i < row->writes_n; i++) {
        cf_write_ref_get(c, &writes[i]);
    }
    cf_cbor_leave(c);
    row->writes = writes;
}

static void fields_get(cf_cbor *c, cf_arena *arena, cf_row *row)
{
    cf_field *fields = array_get(c, arena, sizeof *fields, &row->fields_n);
    for (size_t i = 0; i < row->fields_n; i++) {
        cf_field_get(c, &fields[i]);
    }
    cf_cbor_leave(c);
    row->fields = fields;
}

/* The suite, or the empty string of a tombstone. */
static void suite_get(cf_cbor *c, cf_row *row)
{
    cf_view id = cf_cbor_bytes(c);
    row->tombstone = id.len == 0;
    if (!row->tombstone) {
        fail(c, cf_hpke_suite_from_id(id, &row->suite).code);
    }
}

static void row_get(cf_cbor *c, cf_arena *arena, cf_row *row)
{
    cf_cbor_array(c);
    uint64_t format = cf_cbor_uint(c);
    if (cf_cbor_err(c) == CF_OK && format != ROW_FORMAT) {
        fail(c, CF_ERR_UNSUPPORTED);
    }
    row->tenant = cf_cbor_text(c);
    row->id = cf_cbor_text(c);
    row->schema = cf_cbor_text(c);
    row->version = cf_cbor_uint(c);
    row->created_ms = cf_cbor_uint(c);
    row->modified_ms = cf_cbor_uint(c);
    row->kms_key = cf_cbor_text(c);
    suite_get(c, row);
    row->public_key = cf_cbor_bytes(c);
    row->wrapped_key = cf_cbor_bytes(c);
    writes_get(c, arena, row);
    fields_get(c, arena, row);
    cf_cbor_leave(c);
}

CF_MUST_USE cf_result cf_row_decode(cf_view octets, cf_arena *arena, cf_row *ret)
{
    *ret = (cf_row){0};
    CF_REQUIRE(octets.len <= CF_ROW_BYTES_MAX, SIZE);
    cf_cbor c = cf_cbor_strict(octets);
    cf_row row = {0};
    row_get(&c, arena, &row);
    CF_TRY(cf_cbor_end(&c));
    CF_TRY(row_rules(&row));
    *ret = row;
    return cf_ok();
}

const cf_field *cf_row_field(const cf_row *row, cf_view name)
{
    size_t low = 0, high = row->fields_n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = cf_view_cmp(name, row->fields[middle].name);
        if (order == 0) {
            return &row->fields[middle];
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}
