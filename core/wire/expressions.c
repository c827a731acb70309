/* SPDX-License-Identifier: Apache-2.0 */
/* What a DECRYPT has beside its fields when something is computed of them: docs/formats/wire.md section 3, keys 10 to 13. */
#include "core/wire/wire_priv.h"

#define EXPRESSION_ITEMS 2
#define SECRET_ITEMS 3

/* ---- writing ---- */

size_t cf_expressions_pairs(const cf_decrypt *m)
{
    return (size_t)(m->expressions_n > 0) + (m->silent_n > 0) + (m->secrets_n > 0) +
           (m->unset_n > 0);
}

static void put_expressions(cf_writer *w, const cf_decrypt *m)
{
    cf_cbor_put_uint(w, CF_KEY_EXPRESSIONS);
    cf_cbor_put_array(w, m->expressions_n);
    for (size_t i = 0; i < m->expressions_n; i++) {
        cf_cbor_put_array(w, EXPRESSION_ITEMS);
        cf_cbor_put_text(w, m->expressions[i].name);
        cf_cbor_put_text(w, m->expressions[i].source);
    }
}

static void put_secrets(cf_writer *w, const cf_decrypt *m)
{
    cf_cbor_put_uint(w, CF_KEY_SECRETS);
    cf_cbor_put_array(w, m->secrets_n);
    for (size_t i = 0; i < m->secrets_n; i++) {
        cf_cbor_put_array(w, SECRET_ITEMS);
        cf_cbor_put_text(w, m->secrets[i].name);
        cf_cbor_put_text(w, m->secrets[i].kms_key);
        cf_cbor_put_bytes(w, m->secrets[i].wrapped);
    }
}

static void put_unset(cf_writer *w, const cf_decrypt *m)
{
    cf_cbor_put_uint(w, CF_KEY_UNSET);
    cf_cbor_put_array(w, m->unset_n);
    for (size_t i = 0; i < m->unset_n; i++) {
        cf_cbor_put_text(w, m->unset[i]);
    }
}

void cf_expressions_put(cf_writer *w, const cf_decrypt *m)
{
    if (m->expressions_n > 0) {
        put_expressions(w, m);
    }
    if (m->silent_n > 0) {
        cf_put_uint(w, CF_KEY_SILENT, m->silent_n);
    }
    if (m->secrets_n > 0) {
        put_secrets(w, m);
    }
    if (m->unset_n > 0) {
        put_unset(w, m);
    }
}

/* ---- reading ---- */

static size_t list_of(cf_body *b, size_t max)
{
    size_t n = cf_body_array(b, max);
    if (n == 0) {
        cf_body_fail(b, CF_ERR_EMPTY);
    }
    return n;
}

static void get_expressions(cf_body *b, cf_arena *arena, cf_decrypt *m)
{
    size_t n = list_of(b, CF_REQUEST_EXPRESSIONS_MAX);
    cf_expression *all = cf_body_room(b, arena, n, sizeof *all);
    if (all == NULL) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        (void)cf_body_array(b, EXPRESSION_ITEMS);
        all[i].name = cf_body_text(b, 1, CF_FIELD_NAME_BYTES_MAX);
        all[i].source = cf_body_text(b, 1, CF_EXPRESSION_BYTES_MAX);
        cf_cbor_leave(&b->c);
    }
    cf_cbor_leave(&b->c);
    m->expressions = all;
    m->expressions_n = n;
}

static void get_secrets(cf_body *b, cf_arena *arena, cf_decrypt *m)
{
    size_t n = list_of(b, CF_REQUEST_SECRETS_MAX);
    cf_secret_ref *all = cf_body_room(b, arena, n, sizeof *all);
    if (all == NULL) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        (void)cf_body_array(b, SECRET_ITEMS);
        all[i].name = cf_body_text(b, 1, CF_SECRET_NAME_BYTES_MAX);
        all[i].kms_key = cf_body_text(b, 1, CF_KMS_KEY_ID_BYTES_MAX);
        all[i].wrapped = cf_body_bytes(b, 1, CF_KMS_BLOB_BYTES_MAX);
        cf_cbor_leave(&b->c);
    }
    cf_cbor_leave(&b->c);
    m->secrets = all;
    m->secrets_n = n;
}

static void get_unset(cf_body *b, cf_arena *arena, cf_decrypt *m)
{
    size_t n = list_of(b, CF_REQUEST_FIELDS_MAX);
    cf_view *all = cf_body_room(b, arena, n, sizeof *all);
    if (all == NULL) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        all[i] = cf_body_text(b, 1, CF_FIELD_NAME_BYTES_MAX);
    }
    cf_cbor_leave(&b->c);
    m->unset = all;
    m->unset_n = n;
}

void cf_expressions_get(cf_body *b, cf_arena *arena, cf_decrypt *m)
{
    if (b->key == CF_KEY_EXPRESSIONS) {
        get_expressions(b, arena, m);
    } else if (b->key == CF_KEY_SILENT) {
        m->silent_n = (size_t)cf_body_uint(b, 1, CF_REQUEST_FIELDS_MAX);
    } else if (b->key == CF_KEY_SECRETS) {
        get_secrets(b, arena, m);
    } else {
        get_unset(b, arena, m);
    }
}

/* ---- rules ---- */

static CF_MUST_USE cf_result expression_rules(const cf_decrypt *m)
{
    size_t octets = 0;
    CF_REQUIRE(m->expressions_n <= CF_REQUEST_EXPRESSIONS_MAX, SIZE);
    for (size_t i = 0; i < m->expressions_n; i++) {
        const cf_expression *e = &m->expressions[i];
        CF_TRY(cf_field_name_check(e->name));
        CF_REQUIRE(e->source.len > 0, EMPTY);
        CF_REQUIRE(e->source.len <= CF_EXPRESSION_BYTES_MAX, SIZE);
        octets += e->source.len;
        CF_REQUIRE(octets <= CF_EXPRESSIONS_BYTES_MAX, SIZE);
        for (size_t k = 0; k < i; k++) {
            CF_REQUIRE(!cf_view_eq(m->expressions[k].name, e->name), DUPLICATE);
        }
        for (size_t k = 0; k < m->fields_n - m->silent_n; k++) {
            CF_REQUIRE(!cf_view_eq(m->fields[k].name, e->name), DUPLICATE);
        }
    }
    return cf_ok();
}

static CF_MUST_USE cf_result secret_rules(const cf_decrypt *m)
{
    CF_REQUIRE(m->secrets_n <= CF_REQUEST_SECRETS_MAX, SIZE);
    for (size_t i = 0; i < m->secrets_n; i++) {
        const cf_secret_ref *s = &m->secrets[i];
        CF_REQUIRE(cf_secret_name_ok(s->name), BAD_NAME);
        CF_REQUIRE(s->kms_key.len > 0 && s->wrapped.len > 0, EMPTY);
        CF_REQUIRE(s->kms_key.len <= CF_KMS_KEY_ID_BYTES_MAX, SIZE);
        CF_REQUIRE(s->wrapped.len <= CF_KMS_BLOB_BYTES_MAX, SIZE);
        for (size_t k = 0; k < i; k++) {
            CF_REQUIRE(!cf_view_eq(m->secrets[k].name, s->name), DUPLICATE);
        }
    }
    return cf_ok();
}

/* No name is both set and unset, or twice unset. */
static CF_MUST_USE cf_result unset_rules(const cf_decrypt *m)
{
    CF_REQUIRE(m->unset_n <= CF_REQUEST_FIELDS_MAX, SIZE);
    for (size_t i = 0; i < m->unset_n; i++) {
        CF_TRY(cf_field_name_check(m->unset[i]));
        for (size_t k = 0; k < i; k++) {
            CF_REQUIRE(!cf_view_eq(m->unset[k], m->unset[i]), DUPLICATE);
        }
        for (size_t k = 0; k < m->fields_n; k++) {
            CF_REQUIRE(!cf_view_eq(m->fields[k].name, m->unset[i]), DUPLICATE);
        }
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_expressions_rules(const cf_decrypt *m)
{
    if (m->expressions_n == 0) {
        CF_REQUIRE(m->silent_n == 0 && m->secrets_n == 0 && m->unset_n == 0, MALFORMED);
        return cf_ok();
    }
    CF_REQUIRE(m->silent_n <= m->fields_n, RANGE);
    CF_TRY(expression_rules(m));
    CF_TRY(secret_rules(m));
    return unset_rules(m);
}
