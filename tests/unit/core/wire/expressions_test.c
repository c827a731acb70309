/* SPDX-License-Identifier: Apache-2.0 */
/* What a DECRYPT and its answer have with expressions. */
#include "core/wire/wire.h"
#include "tests/support/failmalloc.h"
#include "tests/support/test.h"

#define ARENA_BYTES ((size_t)1 << 20)

static uint8_t octets[CF_KMS_BLOB_BYTES_MAX + 200];
static char text[CF_EXPRESSIONS_BYTES_MAX + 200];

static cf_view octets_of(size_t len)
{
    return cf_view_make(octets, len);
}

static cf_view text_of(size_t len)
{
    memset(text, 't', sizeof text);
    return cf_view_make(text, len);
}

/* Two fields, of which one is silent, two expressions, a secret, an unset field; the caller changes copies of it. */
static cf_field fields[2];
static cf_expression expressions[2];
static cf_secret_ref secrets[2];
static cf_view unset[2];

static cf_decrypt sample(void)
{
    fields[0] = (cf_field){CF_LIT("city"), CF_ENC_BINARY, 0, 0, octets_of(120)};
    fields[1] = (cf_field){CF_LIT("ssn"), CF_ENC_BINARY, 0, 0, octets_of(120)};
    expressions[0] = (cf_expression){CF_LIT("masked"), CF_LIT("mask(ssn, 4)")};
    expressions[1] = (cf_expression){CF_LIT("index"), CF_LIT("hmac_sha256(ssn, 'ssn-index')")};
    secrets[0] = (cf_secret_ref){CF_LIT("ssn-index"), CF_LIT("key-1"), octets_of(200)};
    secrets[1] = (cf_secret_ref){CF_LIT("other"), CF_LIT("key-2"), octets_of(1)};
    unset[0] = CF_LIT("middle_name");
    unset[1] = CF_LIT("dob");
    return (cf_decrypt){.deadline_ms = 2000,
                        .tenant = CF_LIT("acme"),
                        .vault_id = CF_LIT("v_000000000000000000000000000"),
                        .kms_key = CF_LIT("1234abcd"),
                        .suite = CF_HPKE_DEFAULT,
                        .wrapped_key = octets_of(300),
                        .fields = fields,
                        .fields_n = 2,
                        .expressions = expressions,
                        .expressions_n = 2,
                        .silent_n = 1,
                        .secrets = secrets,
                        .secrets_n = 2,
                        .unset = unset,
                        .unset_n = 2};
}

static void test_round_trip(void **state)
{
    (void)state;
    CF_BUF(out);
    CF_BUF(again);
    CF_ARENA(arena, ARENA_BYTES);
    const cf_decrypt m = sample();
    cf_decrypt got;
    assert_ok(cf_decrypt_encode(&m, &out));
    cf_view exact = view_copy(cf_buf_view(&out));
    assert_ok(cf_decrypt_decode(exact, &arena, &got));
    assert_int_equal(got.expressions_n, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_view(got.expressions[i].name, expressions[i].name);
        assert_view(got.expressions[i].source, expressions[i].source);
        assert_view(got.secrets[i].name, secrets[i].name);
        assert_view(got.secrets[i].kms_key, secrets[i].kms_key);
        assert_view(got.secrets[i].wrapped, secrets[i].wrapped);
        assert_view(got.unset[i], unset[i]);
    }
    assert_int_equal(got.silent_n, 1);
    assert_int_equal(got.secrets_n, 2);
    assert_int_equal(got.unset_n, 2);
    assert_ok(cf_decrypt_encode(&got, &again));
    assert_view(cf_buf_view(&again), exact);
    for (size_t n = 0; n < exact.len; n++) {
        cf_view part = view_copy(cf_view_sub(exact, 0, n));
        assert_err(cf_decrypt_decode(part, &arena, &got), TRUNCATED);
        assert_null(got.expressions);
        view_free(part);
    }
    view_free(exact);
}

/* The smallest: nothing is stored, nothing is answered. */
static void test_no_fields(void **state)
{
    (void)state;
    CF_BUF(out);
    CF_ARENA(arena, ARENA_BYTES);
    cf_decrypt m = sample(), got;
    m.fields_n = m.silent_n = m.secrets_n = m.unset_n = 0;
    assert_ok(cf_decrypt_encode(&m, &out));
    assert_ok(cf_decrypt_decode(cf_buf_view(&out), &arena, &got));
    assert_int_equal(got.fields_n, 0);
    assert_int_equal(got.expressions_n, 2);
    m.expressions_n = 0;
    cf_buf_clear(&out);
    assert_err(cf_decrypt_encode(&m, &out), EMPTY);
}

/* ---- rules ---- */

/* The pairs of the four keys, as m has them and without rules; those that are not NULL, however many items they have. */
static void put_raw(const cf_decrypt *m, cf_buf *out)
{
    cf_writer w = cf_writer_to(out, CF_BUF_BYTES_MAX);
    uint8_t suite[CF_HPKE_SUITE_BYTES];
    cf_hpke_suite_id(m->suite, suite);
    cf_cbor_put_map(&w, 7 + (size_t)(m->expressions != NULL) + (m->silent_n > 0) +
                            (m->secrets != NULL) + (m->unset != NULL));
    cf_cbor_put_uint(&w, 1);
    cf_cbor_put_uint(&w, m->deadline_ms);
    cf_view texts[] = {CF_VIEW_EMPTY, CF_VIEW_EMPTY, m->tenant, m->vault_id};
    for (uint64_t key = 2; key <= 3; key++) {
        cf_cbor_put_uint(&w, key);
        cf_cbor_put_text(&w, texts[key]);
    }
    cf_cbor_put_uint(&w, 5);
    cf_cbor_put_text(&w, m->kms_key);
    cf_cbor_put_uint(&w, 6);
    cf_cbor_put_bytes(&w, CF_VIEW_OF(suite));
    cf_cbor_put_uint(&w, 7);
    cf_cbor_put_bytes(&w, m->wrapped_key);
    cf_cbor_put_uint(&w, 8);
    cf_cbor_put_array(&w, 0);
    assert_ok(cf_write_end(&w));
    w.out->data[0]++;
    cf_cbor_put_uint(&w, 9);
    cf_cbor_put_array(&w, m->fields_n);
    for (size_t i = 0; i < m->fields_n; i++) {
        cf_field_put(&w, &m->fields[i]);
    }
    if (m->expressions != NULL) {
        cf_cbor_put_uint(&w, 10);
        cf_cbor_put_array(&w, m->expressions_n);
        for (size_t i = 0; i < m->expressions_n; i++) {
            cf_cbor_put_array(&w, 2);
            cf_cbor_put_text(&w, m->expressions[i].name);
            cf_cbor_put_text(&w, m->expressions[i].source);
        }
    }
    if (m->silent_n > 0) {
        cf_cbor_put_uint(&w, 11);
        cf_cbor_put_uint(&w, m->silent_n);
    }
    if (m->secrets != NULL) {
        cf_cbor_put_uint(&w, 12);
        cf_cbor_put_array(&w, m->secrets_n);
        for (size_t i = 0; i < m->secrets_n; i++) {
            cf_cbor_put_array(&w, 3);
            cf_cbor_put_text(&w, m->secrets[i].name);
            cf_cbor_put_text(&w, m->secrets[i].kms_key);
            cf_cbor_put_bytes(&w, m->secrets[i].wrapped);
        }
    }
    if (m->unset != NULL) {
        cf_cbor_put_uint(&w, 13);
        cf_cbor_put_array(&w, m->unset_n);
        for (size_t i = 0; i < m->unset_n; i++) {
            cf_cbor_put_text(&w, m->unset[i]);
        }
    }
    assert_ok(cf_write_end(&w));
}

/* Both refuse, each by what it can see. */
static void refused(const cf_decrypt *m, cf_err err, const char *what)
{
    CF_BUF(raw);
    CF_BUF(none);
    CF_ARENA(arena, ARENA_BYTES);
    cf_decrypt got;
    put_raw(m, &raw);
    cf_result r = cf_decrypt_decode(cf_buf_view(&raw), &arena, &got);
    if (r.code != err) {
        fail_msg("%s: decoder says %s, not %s", what, cf_err_code(r.code), cf_err_code(err));
    }
    assert_int_equal(got.fields_n, 0);
    assert_null(got.expressions);
    r = cf_decrypt_encode(m, &none);
    if (cf_is_ok(r) != (err == CF_OK)) {
        fail_msg("%s: encoder says %s", what, cf_err_code(r.code));
    }
    assert_int_equal(none.len, 0);
}

#define REFUSED(err, change)                                                                       \
    do {                                                                                           \
        cf_decrypt m = sample();                                                                   \
        change;                                                                                    \
        refused(&m, CF_ERR_##err, #change);                                                        \
    } while (0)

static void test_refuses(void **state)
{
    (void)state;
    REFUSED(BAD_NAME, expressions[0].name = CF_LIT("Masked"));
    REFUSED(BAD_NAME, expressions[0].name = CF_LIT("a.b"));
    REFUSED(RESERVED_FIELD, expressions[0].name = CF_LIT("id"));
    REFUSED(DUPLICATE, expressions[0].name = CF_LIT("index"));
    REFUSED(DUPLICATE, expressions[1].name = CF_LIT("city")); /* which is answered */
    REFUSED(EMPTY, expressions[1].source.len = 0);
    REFUSED(RANGE, m.silent_n = 3);
    REFUSED(BAD_NAME, secrets[0].name = CF_LIT("ssn_index"));
    REFUSED(DUPLICATE, secrets[1].name = secrets[0].name);
    REFUSED(EMPTY, secrets[1].wrapped.len = 0);
    REFUSED(EMPTY, secrets[1].kms_key.len = 0);
    REFUSED(DUPLICATE, unset[1] = unset[0]);
    REFUSED(DUPLICATE, unset[1] = fields[1].name);
    REFUSED(BAD_NAME, unset[0] = CF_LIT("Middle"));
    /* without expressions there is nothing that the other keys could be for */
    REFUSED(MALFORMED, (m.expressions = NULL, m.expressions_n = 0));
    REFUSED(MALFORMED, (m.expressions = NULL, m.expressions_n = 0, m.silent_n = 0, m.secrets = NULL,
                        m.secrets_n = 0));
    REFUSED(MALFORMED, (m.expressions = NULL, m.expressions_n = 0, m.silent_n = 0, m.unset = NULL,
                        m.unset_n = 0));
    REFUSED(MALFORMED, (m.expressions = NULL, m.expressions_n = 0, m.unset = NULL, m.unset_n = 0,
                        m.secrets = NULL, m.secrets_n = 0));
}

/* A list that is there has something in it; the encoder leaves an empty one out. */
static void test_refuses_empty_lists(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        CF_BUF(raw);
        CF_ARENA(arena, ARENA_BYTES);
        cf_decrypt m = sample(), got;
        *(i == 0 ? &m.expressions_n : i == 1 ? &m.secrets_n : &m.unset_n) = 0;
        put_raw(&m, &raw);
        assert_err(cf_decrypt_decode(cf_buf_view(&raw), &arena, &got), EMPTY);
    }
}

static void test_takes(void **state)
{
    (void)state;
    /* a result in a field's place, and one of a field that is not set */
    cf_decrypt m = sample();
    CF_BUF(out);
    CF_ARENA(arena, ARENA_BYTES);
    cf_decrypt got;
    expressions[0].name = CF_LIT("ssn");
    expressions[1].name = CF_LIT("dob");
    m.silent_n = 2;
    assert_ok(cf_decrypt_encode(&m, &out));
    assert_ok(cf_decrypt_decode(cf_buf_view(&out), &arena, &got));
}

/* ---- limits: one below, at, one above ---- */

static cf_result through(const cf_decrypt *m)
{
    CF_BUF(raw);
    CF_BUF(out);
    CF_ARENA(arena, ARENA_BYTES);
    cf_decrypt got;
    put_raw(m, &raw);
    cf_result r = cf_decrypt_decode(cf_buf_view(&raw), &arena, &got);
    assert_code(cf_decrypt_encode(m, &out), r.code);
    return r;
}

static void test_sizes(void **state)
{
    (void)state;
    for (size_t more = 0; more <= 2; more++) {
        cf_decrypt m = sample();
        expressions[0].source = text_of(CF_EXPRESSION_BYTES_MAX - 1 + more);
        assert_code(through(&m), more < 2 ? CF_OK : CF_ERR_SIZE);
        m = sample();
        secrets[0].wrapped = octets_of(CF_KMS_BLOB_BYTES_MAX - 1 + more);
        assert_code(through(&m), more < 2 ? CF_OK : CF_ERR_SIZE);
        m = sample();
        secrets[0].kms_key = text_of(CF_KMS_KEY_ID_BYTES_MAX - 1 + more);
        assert_code(through(&m), more < 2 ? CF_OK : CF_ERR_SIZE);
        m = sample();
        expressions[0].name = text_of(CF_FIELD_NAME_BYTES_MAX - 1 + more);
        cf_err over = CF_ERR_SIZE;
        CF_BUF(out);
        assert_code(cf_decrypt_encode(&m, &out), more < 2 ? CF_OK : CF_ERR_BAD_NAME);
        CF_BUF(raw);
        CF_ARENA(arena, ARENA_BYTES);
        cf_decrypt got;
        put_raw(&m, &raw);
        assert_code(cf_decrypt_decode(cf_buf_view(&raw), &arena, &got), more < 2 ? CF_OK : over);
    }
}

static char names[CF_REQUEST_FIELDS_MAX + 1][8];

static cf_view name_of(size_t i)
{
    (void)snprintf(names[i], sizeof names[i], "x%zu", i);
    return cf_view_str(names[i]);
}

static void test_counts(void **state)
{
    (void)state;
    static cf_expression es[CF_REQUEST_EXPRESSIONS_MAX + 1];
    static cf_secret_ref ss[CF_REQUEST_SECRETS_MAX + 1];
    static cf_view us[CF_REQUEST_FIELDS_MAX + 1];
    for (size_t i = 0; i <= CF_REQUEST_FIELDS_MAX; i++) {
        us[i] = name_of(i);
        if (i <= CF_REQUEST_EXPRESSIONS_MAX) {
            es[i] = (cf_expression){name_of(i), CF_LIT("1")};
        }
        if (i <= CF_REQUEST_SECRETS_MAX) {
            ss[i] = (cf_secret_ref){name_of(i), CF_LIT("k"), octets_of(1)};
        }
    }
    for (size_t more = 0; more <= 2; more++) {
        cf_err want = more < 2 ? CF_OK : CF_ERR_SIZE;
        cf_decrypt m = sample();
        m.expressions = es;
        m.expressions_n = CF_REQUEST_EXPRESSIONS_MAX - 1 + more;
        assert_code(through(&m), want);
        m = sample();
        m.secrets = ss;
        m.secrets_n = CF_REQUEST_SECRETS_MAX - 1 + more;
        assert_code(through(&m), want);
        m = sample();
        m.unset = us;
        m.unset_n = CF_REQUEST_FIELDS_MAX - 1 + more;
        assert_code(through(&m), want);
    }
}

/* All sources together. */
static void test_sources(void **state)
{
    (void)state;
    enum { EACH = CF_EXPRESSIONS_BYTES_MAX / 8 };
    cf_expression es[8];
    for (size_t more = 0; more <= 2; more++) {
        cf_decrypt m = sample();
        for (size_t i = 0; i < 8; i++) {
            es[i] = (cf_expression){name_of(i), text_of(EACH)};
        }
        es[7].source = text_of(EACH - 1 + more);
        m.expressions = es;
        m.expressions_n = 8;
        assert_code(through(&m), more < 2 ? CF_OK : CF_ERR_SIZE);
    }
}

/* ---- the answer ---- */

static void test_answer(void **state)
{
    (void)state;
    const cf_field_result f[] = {{CF_LIT("city"), CF_LIT("Oslo"), CF_OK}};
    const cf_expression_result e[] = {
        {CF_LIT("old"), CF_LIT("true"), CF_OK, 0},
        {CF_LIT("n"), CF_VIEW_EMPTY, CF_ERR_CEL_DIVIDE, 300},
    };
    const uint32_t read[] = {0, 7};
    const cf_answer m = {f, 1, true, e, 2, read, 2, 1767225600000};
    CF_BUF(out);
    CF_ARENA(arena, ARENA_BYTES);
    cf_answer got;
    assert_ok(cf_answer_encode(&m, &out));
    cf_view want = view_hex("a4 01 81 82 64 63697479 44 4f736c6f "
                            "02 82 82 63 6f6c64 64 74727565 "
                            "84 61 6e f6 72 63656c5f6469766964655f62795f7a65726f 19 012c "
                            "03 82 00 07 04 1b 0000019b76daa800");
    assert_view(cf_buf_view(&out), want);
    assert_ok(cf_answer_decode(want, &arena, &got));
    assert_true(got.evaluated);
    assert_int_equal(got.fields_n, 1);
    assert_int_equal(got.expressions_n, 2);
    assert_view(got.expressions[0].name, e[0].name);
    assert_view(got.expressions[0].json, e[0].json);
    assert_int_equal(got.expressions[1].code, CF_ERR_CEL_DIVIDE);
    assert_int_equal(got.expressions[1].offset, 300);
    assert_int_equal(got.read_n, 2);
    assert_int_equal(got.read[1], 7);
    assert_true(got.time_ms == m.time_ms);
    for (size_t len = 0; len < want.len; len++) {
        assert_false(cf_is_ok(cf_answer_decode(cf_view_sub(want, 0, len), &arena, &got)));
        assert_null(got.fields);
    }
    const cf_field_result *plain;
    size_t n;
    assert_err(cf_results_decode(want, &arena, &plain, &n), UNSUPPORTED);
    assert_null(plain);
    view_free(want);
}

static void test_answer_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        cf_err err;
    } bad[] = {
        {"a3 01 80 02 80 03 80", CF_ERR_MISSING}, /* no time */
        {"a2 01 80 04 00", CF_ERR_MISSING},
        {"a4 01 80 02 81 82 61 61 60 03 80 04 00", CF_ERR_EMPTY},      /* a text that is no JSON */
        {"a4 01 80 02 81 82 61 61 40 03 80 04 00", CF_ERR_WRONG_TYPE}, /* octets */
        {"a4 01 80 02 81 83 61 61 f6 61 78 03 80 04 00", CF_ERR_WRONG_TYPE}, /* no place */
        {"a4 01 80 02 81 84 61 61 f6 61 78 19 2801 03 80 04 00", CF_ERR_RANGE},
        {"a4 01 80 02 81 84 61 61 61 31 61 78 00 03 80 04 00", CF_ERR_TRAILING}, /* both */
        {"a4 01 80 02 80 03 82 01 01 04 00", CF_ERR_RANGE},                      /* a place twice */
        {"a4 01 80 02 80 03 82 02 01 04 00", CF_ERR_RANGE},
        {"a4 01 80 02 80 03 81 19 0100 04 00",
         CF_ERR_RANGE}, /* beyond the last field there can be */
        {"a4 01 80 02 80 03 80 04 1b 8000000000000000", CF_ERR_RANGE},
        {"a5 01 80 02 80 03 80 04 00 05 00", CF_ERR_UNKNOWN_MEMBER},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CF_ARENA(arena, ARENA_BYTES);
        cf_answer got;
        cf_view v = view_hex(bad[i].hex);
        cf_result r = cf_answer_decode(v, &arena, &got);
        if (r.code != bad[i].err) {
            fail_msg("%s: %s, not %s", bad[i].hex, cf_err_code(r.code), cf_err_code(bad[i].err));
        }
        view_free(v);
    }
}

static void test_answer_limits(void **state)
{
    (void)state;
    static cf_expression_result es[CF_REQUEST_EXPRESSIONS_MAX + 1];
    static char json[CF_RESULTS_JSON_BYTES_MAX + 1];
    static uint32_t read[CF_REQUEST_FIELDS_MAX + 1];
    memset(json, '1', sizeof json);
    for (size_t i = 0; i <= CF_REQUEST_EXPRESSIONS_MAX; i++) {
        es[i] = (cf_expression_result){CF_LIT("e"), CF_LIT("1"), CF_OK, 0};
    }
    for (size_t i = 0; i <= CF_REQUEST_FIELDS_MAX; i++) {
        read[i] = (uint32_t)i;
    }
    for (size_t more = 0; more <= 2; more++) {
        cf_err want = more < 2 ? CF_OK : CF_ERR_SIZE;
        CF_BUF(out);
        CF_BUF(reads);
        CF_BUF(longest);
        CF_ARENA(arena, ARENA_BYTES);
        cf_answer got;
        cf_answer m = {.evaluated = true,
                       .expressions = es,
                       .expressions_n = CF_REQUEST_EXPRESSIONS_MAX - 1 + more};
        assert_code(cf_answer_encode(&m, &out), want);
        m = (cf_answer){
            .evaluated = true, .read = read, .read_n = CF_REQUEST_FIELDS_MAX - 1 + more};
        assert_code(cf_answer_encode(&m, &reads), want);
        const cf_expression_result one = {
            CF_LIT("e"), cf_view_make(json, CF_RESULTS_JSON_BYTES_MAX - 1 + more), CF_OK, 0};
        m = (cf_answer){.evaluated = true, .expressions = &one, .expressions_n = 1};
        assert_ok(cf_answer_encode(&m, &longest));
        assert_code(cf_answer_decode(cf_buf_view(&longest), &arena, &got), want);
    }
}

static cf_result both(void *ctx)
{
    (void)ctx;
    const cf_decrypt m = sample();
    const cf_expression_result e = {CF_LIT("e"), CF_LIT("1"), CF_OK, 0};
    const uint32_t read = 1;
    const cf_answer a = {
        .evaluated = true, .expressions = &e, .expressions_n = 1, .read = &read, .read_n = 1};
    CF_BUF(out);
    CF_BUF(answer);
    CF_ARENA(arena, ARENA_BYTES);
    cf_decrypt got;
    cf_answer got_answer;
    CF_TRY(cf_decrypt_encode(&m, &out));
    CF_TRY(cf_decrypt_decode(cf_buf_view(&out), &arena, &got));
    CF_TRY(cf_answer_encode(&a, &answer));
    return cf_answer_decode(cf_buf_view(&answer), &arena, &got_answer);
}

static void test_no_memory(void **state)
{
    (void)state;
    (void)failmalloc_each(both, NULL, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),    cmocka_unit_test(test_no_fields),
        cmocka_unit_test(test_refuses),       cmocka_unit_test(test_refuses_empty_lists),
        cmocka_unit_test(test_takes),         cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_counts),        cmocka_unit_test(test_sources),
        cmocka_unit_test(test_answer),        cmocka_unit_test(test_answer_refuses),
        cmocka_unit_test(test_answer_limits), cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
