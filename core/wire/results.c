/* SPDX-License-Identifier: Apache-2.0 */
/* The answer of docs/formats/wire.md section 2, kinds 130 and 255. */
#include "core/wire/wire_priv.h"

#define KEY_RESULTS 1
#define KEY_CODE 1
#define RESULT_VALUE 2 /* items of a result that has a value */
#define RESULT_FAILURE 3
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

CF_MUST_USE cf_result cf_results_encode(const cf_field_result *results, size_t n, cf_buf *out)
{
    CF_REQUIRE(n <= CF_REQUEST_FIELDS_MAX, SIZE);
    size_t before = out->len;
    cf_writer w = cf_body_writer(out);
    cf_cbor_put_map(&w, 1);
    cf_cbor_put_uint(&w, KEY_RESULTS);
    cf_cbor_put_array(&w, n);
    for (size_t i = 0; i < n; i++) {
        const cf_field_result *r = &results[i];
        cf_cbor_put_array(&w, r->code == CF_OK ? RESULT_VALUE : RESULT_FAILURE);
        cf_cbor_put_text(&w, r->name);
        if (r->code == CF_OK) {
            cf_cbor_put_bytes(&w, r->value);
        } else {
            cf_cbor_put_null(&w);
            cf_cbor_put_text(&w, code_text(r->code));
        }
    }
    return cf_body_written(&w, before);
}

static void result_get(cf_body *b, cf_field_result *ret)
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

static void results_get(cf_body *b, cf_arena *arena, const cf_field_result **ret, size_t *ret_n)
{
    size_t n = cf_body_array(b, CF_REQUEST_FIELDS_MAX);
    cf_field_result *results =
        cf_cbor_err(&b->c) == CF_OK ? cf_arena_new(arena, n, sizeof *results) : NULL;
    if (results == NULL) {
        cf_body_fail(b, CF_ERR_NO_MEMORY);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        result_get(b, &results[i]);
    }
    cf_cbor_leave(&b->c);
    *ret = results;
    *ret_n = n;
}

CF_MUST_USE cf_result cf_results_decode(cf_view body, cf_arena *arena, const cf_field_result **ret,
                                        size_t *ret_n)
{
    *ret = NULL;
    *ret_n = 0;
    const cf_field_result *results = NULL;
    size_t n = 0;
    cf_body b = cf_body_of(body);
    while (cf_body_next(&b)) {
        if (b.key == KEY_RESULTS) {
            results_get(&b, arena, &results, &n);
        } else {
            cf_body_unknown(&b);
        }
    }
    CF_TRY(cf_body_end(&b, UINT64_C(1) << KEY_RESULTS));
    *ret = results;
    *ret_n = n;
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
