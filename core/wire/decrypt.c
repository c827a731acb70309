/* SPDX-License-Identifier: Apache-2.0 */
/* The request of docs/formats/wire.md section 3. One set of rules serves encoder and decoder. */
#include "core/wire/wire_priv.h"

enum {
    KEY_DEADLINE = 1,
    KEY_TENANT,
    KEY_VAULT_ID,
    KEY_SCHEMA,
    KEY_KMS_KEY,
    KEY_SUITE,
    KEY_WRAPPED,
    KEY_WRITES,
    KEY_FIELDS
};
#define BIT(key) (UINT64_C(1) << (key))
#define REQUIRED                                                                                   \
    (BIT(KEY_DEADLINE) | BIT(KEY_VAULT_ID) | BIT(KEY_SUITE) | BIT(KEY_WRAPPED) | BIT(KEY_WRITES) | \
     BIT(KEY_FIELDS))
#define PAIRS_REQUIRED 6

static bool name_twice(const cf_decrypt *m)
{
    for (size_t i = 0; i < m->fields_n; i++) {
        for (size_t j = i + 1; j < m->fields_n; j++) {
            if (cf_view_eq(m->fields[i].name, m->fields[j].name)) {
                return true;
            }
        }
    }
    return false;
}

/* Fields and writes belong together. */
static CF_MUST_USE cf_result reference_rules(const cf_decrypt *m)
{
    bool referred[CF_REQUEST_FIELDS_MAX] = {false};
    for (size_t i = 0; i < m->fields_n; i++) {
        if (m->fields[i].encoding == CF_ENC_WRITE) {
            /* record.md section 6: encoding 3 binds both, so it cannot do without either. */
            CF_REQUIRE(m->tenant.len > 0 && m->schema.len > 0, MISSING);
            CF_REQUIRE(m->fields[i].write < m->writes_n, MALFORMED);
            referred[m->fields[i].write] = true;
        }
    }
    for (size_t i = 0; i < m->writes_n; i++) {
        CF_REQUIRE(referred[i], MALFORMED);
    }
    return cf_ok();
}

static CF_MUST_USE cf_result rules(const cf_decrypt *m)
{
    CF_REQUIRE(m->tenant.len == 0 || cf_tenant_ok(m->tenant), BAD_NAME);
    CF_REQUIRE(m->schema.len == 0 || cf_tenant_ok(m->schema), BAD_NAME);
    CF_REQUIRE(m->tenant.len == 0 || m->kms_key.len > 0, MISSING);
    CF_REQUIRE(cf_suite_seals(m->suite), UNSUPPORTED);
    CF_REQUIRE(m->fields_n > 0 || m->expressions_n > 0, EMPTY);
    CF_TRY(reference_rules(m));
    CF_REQUIRE(!name_twice(m), DUPLICATE);
    return cf_expressions_rules(m);
}

static CF_MUST_USE cf_result sizes(const cf_decrypt *m)
{
    CF_REQUIRE(m->deadline_ms >= 1 && m->deadline_ms <= CF_DEADLINE_MS_MAX, RANGE);
    CF_REQUIRE(m->vault_id.len > 0 && m->wrapped_key.len > 0, EMPTY);
    CF_REQUIRE(m->vault_id.len <= CF_WIRE_VAULT_ID_BYTES_MAX, SIZE);
    CF_REQUIRE(m->kms_key.len <= CF_KMS_KEY_ID_BYTES_MAX, SIZE);
    CF_REQUIRE(m->wrapped_key.len <= CF_KMS_BLOB_BYTES_MAX, SIZE);
    CF_REQUIRE(m->writes_n <= CF_REQUEST_FIELDS_MAX && m->fields_n <= CF_REQUEST_FIELDS_MAX, SIZE);
    return cf_ok();
}

/* What cf_write_ref_get and cf_field_get refuse. */
static CF_MUST_USE cf_result item_rules(const cf_decrypt *m)
{
    for (size_t i = 0; i < m->writes_n; i++) {
        const cf_write_ref *w = &m->writes[i];
        CF_REQUIRE(w->id.len == CF_WRITE_ID_BYTES && w->version > 0, ARGUMENT);
        CF_REQUIRE(w->enc.len > 0 && w->enc.len <= CF_DH_PUBLIC_BYTES_MAX, ARGUMENT);
    }
    for (size_t i = 0; i < m->fields_n; i++) {
        const cf_field *f = &m->fields[i];
        CF_TRY(cf_field_name_check(f->name));
        CF_REQUIRE(f->encoding >= CF_ENC_HEX && f->encoding <= CF_ENC_WRITE, ARGUMENT);
        CF_REQUIRE(f->value.len >= CF_AEAD_TAG_BYTES && f->seq < CF_ROW_FIELDS_MAX, ARGUMENT);
        CF_REQUIRE(f->value.len <= CF_FIELD_BYTES_MAX, SIZE);
    }
    return cf_ok();
}

static size_t given(cf_view v)
{
    return v.len > 0 ? 1 : 0;
}

static void put_optional(cf_writer *w, uint64_t key, cf_view v)
{
    if (given(v) > 0) {
        cf_put_text(w, key, v);
    }
}

CF_MUST_USE cf_result cf_decrypt_encode(const cf_decrypt *m, cf_buf *out)
{
    CF_TRY(sizes(m));
    CF_TRY(rules(m));
    CF_TRY(item_rules(m));
    size_t before = out->len;
    uint8_t suite[CF_HPKE_SUITE_BYTES];
    cf_hpke_suite_id(m->suite, suite);
    cf_writer w = cf_body_writer(out);
    cf_cbor_put_map(&w, PAIRS_REQUIRED + given(m->tenant) + given(m->schema) + given(m->kms_key) +
                            cf_expressions_pairs(m));
    cf_put_uint(&w, KEY_DEADLINE, m->deadline_ms);
    put_optional(&w, KEY_TENANT, m->tenant);
    cf_put_text(&w, KEY_VAULT_ID, m->vault_id);
    put_optional(&w, KEY_SCHEMA, m->schema);
    put_optional(&w, KEY_KMS_KEY, m->kms_key);
    cf_put_bytes(&w, KEY_SUITE, CF_VIEW_OF(suite));
    cf_put_bytes(&w, KEY_WRAPPED, m->wrapped_key);
    cf_cbor_put_uint(&w, KEY_WRITES);
    cf_cbor_put_array(&w, m->writes_n);
    for (size_t i = 0; i < m->writes_n; i++) {
        cf_write_ref_put(&w, &m->writes[i]);
    }
    cf_cbor_put_uint(&w, KEY_FIELDS);
    cf_cbor_put_array(&w, m->fields_n);
    for (size_t i = 0; i < m->fields_n; i++) {
        cf_field_put(&w, &m->fields[i]);
    }
    cf_expressions_put(&w, m);
    return cf_body_written(&w, before);
}

static void get_writes(cf_body *b, cf_arena *arena, cf_decrypt *m)
{
    size_t n = cf_body_array(b, CF_REQUEST_FIELDS_MAX);
    cf_write_ref *writes = cf_body_room(b, arena, n, sizeof *writes);
    if (writes == NULL) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        cf_write_ref_get(&b->c, &writes[i]);
    }
    cf_cbor_leave(&b->c);
    m->writes = writes;
    m->writes_n = n;
}

static void get_fields(cf_body *b, cf_arena *arena, cf_decrypt *m)
{
    size_t n = cf_body_array(b, CF_REQUEST_FIELDS_MAX);
    cf_field *fields = cf_body_room(b, arena, n, sizeof *fields);
    if (fields == NULL) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        cf_field_get(&b->c, &fields[i]);
    }
    cf_cbor_leave(&b->c);
    m->fields = fields;
    m->fields_n = n;
}

static void get_value(cf_body *b, cf_arena *arena, cf_decrypt *m)
{
    switch (b->key) {
    case KEY_DEADLINE:
        m->deadline_ms = cf_body_uint(b, 1, CF_DEADLINE_MS_MAX);
        break;
    case KEY_TENANT:
        m->tenant = cf_body_text(b, 1, CF_TENANT_BYTES_MAX);
        break;
    case KEY_VAULT_ID:
        m->vault_id = cf_body_text(b, 1, CF_WIRE_VAULT_ID_BYTES_MAX);
        break;
    case KEY_SCHEMA:
        m->schema = cf_body_text(b, 1, CF_TENANT_BYTES_MAX);
        break;
    case KEY_KMS_KEY:
        m->kms_key = cf_body_text(b, 1, CF_KMS_KEY_ID_BYTES_MAX);
        break;
    case KEY_SUITE:
        cf_body_fail(b, cf_hpke_suite_from_id(cf_cbor_bytes(&b->c), &m->suite).code);
        break;
    case KEY_WRAPPED:
        m->wrapped_key = cf_body_bytes(b, 1, CF_KMS_BLOB_BYTES_MAX);
        break;
    case KEY_WRITES:
        get_writes(b, arena, m);
        break;
    case KEY_FIELDS:
        get_fields(b, arena, m);
        break;
    case CF_KEY_EXPRESSIONS:
    case CF_KEY_SILENT:
    case CF_KEY_SECRETS:
    case CF_KEY_UNSET:
        cf_expressions_get(b, arena, m);
        break;
    default:
        cf_body_unknown(b);
        break;
    }
}

CF_MUST_USE cf_result cf_decrypt_decode(cf_view body, cf_arena *arena, cf_decrypt *ret)
{
    *ret = (cf_decrypt){0};
    cf_decrypt m = {0};
    cf_body b = cf_body_of(body);
    while (cf_body_next(&b)) {
        get_value(&b, arena, &m);
    }
    CF_TRY(cf_body_end(&b, REQUIRED));
    CF_TRY(rules(&m));
    *ret = m;
    return cf_ok();
}
