/* SPDX-License-Identifier: Apache-2.0 */
/* The answers of docs/formats/wire.md sections 2 and 3, kinds 130 and 255. */
#include "core/wire/wire_priv.h"

enum { KEY_RESULTS = 1, KEY_EXPRESSIONS, KEY_READ, KEY_TIME };
#define KEY_CODE 1
#define BIT(key) (UINT64_C(1) << (key))
#define OF_EXPRESSIONS (BIT(KEY_EXPRESSIONS) | BIT(KEY_READ) | BIT(KEY_TIME))
#define RESULT_VALUE 2 /* items of a result that has a value */
#define RESULT_FAILURE 3
#define EXPRESSION_FAILURE 4 /* with the place in the source */
/* The longest stable code is far shorter; a newer peer's may be longer than any of ours. */
#define CODE_BYTES_MAX 63

static cf_view code_text(cf_err code)
{
    return cf_view_str(cf_err_code(code));
}

/* The error of a code's text; "ok" is none. */
static cf_err code_get(cf_body *b)
{
    cf_view text = cf_body_text(b, 1, CODE_BYTES_MAX);
    char code[CODE_BYTES_MAX + 1] = {0};
    cf_copy(code, text.data, text.len);
    cf_err err = cf_err_from_code(code);
    if (err == CF_OK) {
        cf_body_fail(b, CF_ERR_MALFORMED);
    }
    return err;
}

/* ---- fields ---- */

static void put_field(cf_writer *w, const cf_field_result *r)
{
    cf_cbor_put_array(w, r->code == CF_OK ? RESULT_VALUE : RESULT_FAILURE);
    cf_cbor_put_text(w, r->name);
    if (r->code == CF_OK) {
        cf_cbor_put_bytes(w, r->value);
    } else {
        cf_cbor_put_null(w);
        cf_cbor_put_text(w, code_text(r->code));
    }
}

static void get_field(cf_body *b, cf_field_result *ret)
{
    (void)cf_body_array(b, RESULT_FAILURE);
    ret->name = cf_body_text(b, 1, CF_FIELD_NAME_BYTES_MAX);
    if (cf_cbor_take_null(&b->c)) {
        ret->code = code_get(b);
    } else {
        ret->value = cf_body_bytes(b, 0, CF_VALUE_BYTES_MAX);
    }
    cf_cbor_leave(&b->c);
}

static void get_fields(cf_body *b, cf_arena *arena, cf_answer *m)
{
    size_t n = cf_body_array(b, CF_REQUEST_FIELDS_MAX);
    cf_field_result *all = cf_body_room(b, arena, n, sizeof *all);
    if (all == NULL) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        get_field(b, &all[i]);
    }
    cf_cbor_leave(&b->c);
    m->fields = all;
    m->fields_n = n;
}

/* ---- expressions ---- */

static void put_expression(cf_writer *w, const cf_expression_result *r)
{
    cf_cbor_put_array(w, r->code == CF_OK ? RESULT_VALUE : EXPRESSION_FAILURE);
    cf_cbor_put_text(w, r->name);
    if (r->code == CF_OK) {
        cf_cbor_put_text(w, r->json);
    } else {
        cf_cbor_put_null(w);
        cf_cbor_put_text(w, code_text(r->code));
        cf_cbor_put_uint(w, r->offset);
    }
}

static void get_expression(cf_body *b, cf_expression_result *ret)
{
    (void)cf_body_array(b, EXPRESSION_FAILURE);
    ret->name = cf_body_text(b, 1, CF_FIELD_NAME_BYTES_MAX);
    if (cf_cbor_take_null(&b->c)) {
        ret->code = code_get(b);
        ret->offset = (uint32_t)cf_body_uint(b, 0, CF_EXPRESSION_BYTES_MAX);
    } else {
        ret->json = cf_body_text(b, 1, CF_RESULTS_JSON_BYTES_MAX);
    }
    cf_cbor_leave(&b->c);
}

static void get_expressions(cf_body *b, cf_arena *arena, cf_answer *m)
{
    size_t n = cf_body_array(b, CF_REQUEST_EXPRESSIONS_MAX);
    cf_expression_result *all = cf_body_room(b, arena, n, sizeof *all);
    if (all == NULL) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        get_expression(b, &all[i]);
    }
    cf_cbor_leave(&b->c);
    m->expressions = all;
    m->expressions_n = n;
}

static void get_read(cf_body *b, cf_arena *arena, cf_answer *m)
{
    size_t n = cf_body_array(b, CF_REQUEST_FIELDS_MAX);
    uint32_t *all = cf_body_room(b, arena, n, sizeof *all);
    if (all == NULL) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        uint64_t least = i == 0 ? 0 : (uint64_t)all[i - 1] + 1;
        all[i] = (uint32_t)cf_body_uint(b, least, CF_REQUEST_FIELDS_MAX - 1);
    }
    cf_cbor_leave(&b->c);
    m->read = all;
    m->read_n = n;
}

/* ---- the whole ---- */

static void put_evaluated(cf_writer *w, const cf_answer *m)
{
    cf_cbor_put_uint(w, KEY_EXPRESSIONS);
    cf_cbor_put_array(w, m->expressions_n);
    for (size_t i = 0; i < m->expressions_n; i++) {
        put_expression(w, &m->expressions[i]);
    }
    cf_cbor_put_uint(w, KEY_READ);
    cf_cbor_put_array(w, m->read_n);
    for (size_t i = 0; i < m->read_n; i++) {
        cf_cbor_put_uint(w, m->read[i]);
    }
    cf_put_uint(w, KEY_TIME, m->time_ms);
}

/* Room for all of it, so that no octet is copied and wiped as the buffer grows. */
static CF_MUST_USE cf_result reserve_room(const cf_answer *m, cf_buf *out)
{
    enum { HEADS = 24 }; /* at most, around a name and a value; and for one place of a field */
    size_t room = HEADS * (2 + m->read_n);
    for (size_t i = 0; i < m->fields_n; i++) {
        room += HEADS + m->fields[i].name.len + m->fields[i].value.len;
    }
    for (size_t i = 0; i < m->expressions_n; i++) {
        room += HEADS + m->expressions[i].name.len + m->expressions[i].json.len;
    }
    return cf_buf_reserve(out, room);
}

CF_MUST_USE cf_result cf_answer_encode(const cf_answer *m, cf_buf *out)
{
    CF_REQUIRE(m->fields_n <= CF_REQUEST_FIELDS_MAX && m->read_n <= CF_REQUEST_FIELDS_MAX, SIZE);
    CF_REQUIRE(m->expressions_n <= CF_REQUEST_EXPRESSIONS_MAX, SIZE);
    CF_TRY(reserve_room(m, out));
    size_t before = out->len;
    cf_writer w = cf_body_writer(out);
    cf_cbor_put_map(&w, m->evaluated ? KEY_TIME : KEY_RESULTS);
    cf_cbor_put_uint(&w, KEY_RESULTS);
    cf_cbor_put_array(&w, m->fields_n);
    for (size_t i = 0; i < m->fields_n; i++) {
        put_field(&w, &m->fields[i]);
    }
    if (m->evaluated) {
        put_evaluated(&w, m);
    }
    return cf_body_written(&w, before);
}

static void get_value(cf_body *b, cf_arena *arena, cf_answer *m)
{
    switch (b->key) {
    case KEY_RESULTS:
        get_fields(b, arena, m);
        break;
    case KEY_EXPRESSIONS:
        get_expressions(b, arena, m);
        break;
    case KEY_READ:
        get_read(b, arena, m);
        break;
    case KEY_TIME:
        m->time_ms = cf_body_uint(b, 0, INT64_MAX);
        break;
    default:
        cf_body_unknown(b);
        break;
    }
}

CF_MUST_USE cf_result cf_answer_decode(cf_view body, cf_arena *arena, cf_answer *ret)
{
    *ret = (cf_answer){0};
    cf_answer m = {0};
    cf_body b = cf_body_of(body);
    while (cf_body_next(&b)) {
        get_value(&b, arena, &m);
    }
    m.evaluated = (b.seen & OF_EXPRESSIONS) != 0;
    CF_TRY(cf_body_end(&b, BIT(KEY_RESULTS) | (m.evaluated ? OF_EXPRESSIONS : 0)));
    *ret = m;
    return cf_ok();
}

CF_MUST_USE cf_result cf_results_encode(const cf_field_result *results, size_t n, cf_buf *out)
{
    return cf_answer_encode(&(cf_answer){.fields = results, .fields_n = n}, out);
}

CF_MUST_USE cf_result cf_results_decode(cf_view body, cf_arena *arena, const cf_field_result **ret,
                                        size_t *ret_n)
{
    cf_answer m;
    *ret = NULL;
    *ret_n = 0;
    CF_TRY(cf_answer_decode(body, arena, &m));
    CF_REQUIRE(!m.evaluated, UNSUPPORTED);
    *ret = m.fields;
    *ret_n = m.fields_n;
    return cf_ok();
}

CF_MUST_USE cf_result cf_error_encode(cf_err code, cf_buf *out)
{
    CF_REQUIRE(code != CF_OK, ARGUMENT);
    size_t before = out->len;
    cf_writer w = cf_body_writer(out);
    cf_cbor_put_map(&w, 1);
    cf_put_text(&w, KEY_CODE, code_text(code));
    return cf_body_written(&w, before);
}

CF_MUST_USE cf_result cf_error_decode(cf_view body, cf_err *ret)
{
    *ret = CF_OK;
    cf_err code = CF_OK;
    cf_body b = cf_body_of(body);
    while (cf_body_next(&b)) {
        if (b.key == KEY_CODE) {
            code = code_get(&b);
        } else {
            cf_body_unknown(&b);
        }
    }
    CF_TRY(cf_body_end(&b, UINT64_C(1) << KEY_CODE));
    *ret = code;
    return cf_ok();
}
