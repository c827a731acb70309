/* SPDX-License-Identifier: Apache-2.0 */
/* DECRYPT and its answer. */
#include "core/wire/wire.h"
#include "tests/support/failmalloc.h"
#include "tests/support/test.h"

#define ARENA_BYTES ((size_t)1 << 20)

static uint8_t octets[CF_KMS_BLOB_BYTES_MAX + 200];
static char text[CF_KMS_KEY_ID_BYTES_MAX + 200];

static cf_view octets_of(size_t len)
{
    return cf_view_make(octets, len);
}

static cf_view text_of(size_t len)
{
    memset(text, 't', sizeof text);
    return cf_view_make(text, len);
}

/* A request with a field of every encoding and two writes; the caller changes copies of it. */
static cf_write_ref writes[2];
static cf_field fields[4];

static cf_decrypt sample(void)
{
    writes[0] = (cf_write_ref){octets_of(CF_WRITE_ID_BYTES), 1, octets_of(97)};
    writes[1] = (cf_write_ref){octets_of(CF_WRITE_ID_BYTES), 3, octets_of(97)};
    fields[0] = (cf_field){CF_LIT("old"), CF_ENC_HEX, 0, 0, text_of(260)};
    fields[1] = (cf_field){CF_LIT("email"), CF_ENC_WRITE, 1, 0, octets_of(20)};
    fields[2] = (cf_field){CF_LIT("ssn"), CF_ENC_BINARY, 0, 0, octets_of(120)};
    fields[3] = (cf_field){CF_LIT("city"), CF_ENC_WRITE, 0, 7, octets_of(16)};
    return (cf_decrypt){.deadline_ms = 2000,
                        .tenant = CF_LIT("acme"),
                        .vault_id = CF_LIT("v_000000000000000000000000000"),
                        .schema = CF_LIT("person"),
                        .kms_key = CF_LIT("1234abcd"),
                        .suite = CF_HPKE_DEFAULT,
                        .wrapped_key = octets_of(300),
                        .writes = writes,
                        .writes_n = 2,
                        .fields = fields,
                        .fields_n = 4};
}

static cf_result through(const cf_decrypt *m)
{
    CF_BUF(out);
    CF_ARENA(arena, ARENA_BYTES);
    cf_decrypt got;
    CF_TRY(cf_decrypt_encode(m, &out));
    return cf_decrypt_decode(cf_buf_view(&out), &arena, &got);
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
    assert_int_equal(got.deadline_ms, 2000);
    assert_view(got.tenant, m.tenant);
    assert_view(got.vault_id, m.vault_id);
    assert_view(got.schema, m.schema);
    assert_view(got.kms_key, m.kms_key);
    assert_view(got.wrapped_key, m.wrapped_key);
    assert_int_equal(got.suite.kem, CF_P384);
    assert_int_equal(got.writes_n, 2);
    assert_int_equal(got.writes[1].version, 3);
    assert_int_equal(got.fields_n, 4);
    assert_int_equal(got.fields[1].write, 1);
    assert_int_equal(got.fields[3].seq, 7);
    assert_view(got.fields[2].value, fields[2].value);
    assert_ok(cf_decrypt_encode(&got, &again));
    assert_view(cf_buf_view(&again), cf_buf_view(&out));
    view_free(exact);
}

static void test_sample_data(void **state)
{
    (void)state;
    /* Data of the AWS sample: no tenant, no schema, no key id, a vault id of another form. */
    cf_decrypt m = sample();
    m.tenant = m.schema = m.kms_key = CF_VIEW_EMPTY;
    m.vault_id = CF_LIT("2Zx");
    m.writes_n = 0;
    fields[1] = fields[2];
    m.fields_n = 2;
    assert_ok(through(&m));
}

static void test_truncated(void **state)
{
    (void)state;
    CF_BUF(out);
    const cf_decrypt m = sample();
    assert_ok(cf_decrypt_encode(&m, &out));
    for (size_t n = 0; n < out.len; n++) {
        CF_ARENA(arena, ARENA_BYTES);
        cf_decrypt got;
        cf_view part = view_copy(cf_view_sub(cf_buf_view(&out), 0, n));
        assert_err(cf_decrypt_decode(part, &arena, &got), TRUNCATED);
        assert_null(got.fields);
        view_free(part);
    }
}

/* One thing wrong each. The encoder refuses by the same rules, so the octets come from one without rules. */
static void put_raw(const cf_decrypt *m, cf_buf *out)
{
    cf_writer w = cf_writer_to(out, CF_BUF_BYTES_MAX);
    uint8_t suite[CF_HPKE_SUITE_BYTES];
    cf_hpke_suite_id(m->suite, suite);
    cf_view texts[] = {m->tenant, m->vault_id, m->schema, m->kms_key};
    size_t pairs = 5;
    for (size_t i = 0; i < 4; i++) {
        pairs += texts[i].data != NULL;
    }
    cf_cbor_put_map(&w, pairs);
    cf_cbor_put_uint(&w, 1);
    cf_cbor_put_uint(&w, m->deadline_ms);
    for (uint64_t i = 0; i < 4; i++) {
        if (texts[i].data != NULL) {
            cf_cbor_put_uint(&w, i + 2);
            cf_cbor_put_text(&w, texts[i]);
        }
    }
    cf_cbor_put_uint(&w, 6);
    cf_cbor_put_bytes(&w, CF_VIEW_OF(suite));
    cf_cbor_put_uint(&w, 7);
    cf_cbor_put_bytes(&w, m->wrapped_key);
    cf_cbor_put_uint(&w, 8);
    cf_cbor_put_array(&w, m->writes_n);
    for (size_t i = 0; i < m->writes_n; i++) {
        cf_write_ref_put(&w, &m->writes[i]);
    }
    cf_cbor_put_uint(&w, 9);
    cf_cbor_put_array(&w, m->fields_n);
    for (size_t i = 0; i < m->fields_n; i++) {
        cf_field_put(&w, &m->fields[i]);
    }
    assert_ok(cf_write_end(&w));
}

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
    r = cf_decrypt_encode(m, &none);
    if (cf_is_ok(r) != (err == CF_OK)) {
        fail_msg("%s: encoder says %s", what, cf_err_code(r.code));
    }
}

#define REFUSED(err, change)                                                                       \
    do {                                                                                           \
        cf_decrypt m = sample();                                                                   \
        change;                                                                                    \
        refused(&m, CF_ERR_##err, #change);                                                        \
    } while (0)

static void test_refuses_values(void **state)
{
    (void)state;
    REFUSED(RANGE, m.deadline_ms = 0);
    REFUSED(RANGE, m.deadline_ms = CF_DEADLINE_MS_MAX + 1);
    REFUSED(EMPTY, m.vault_id.len = 0);
    REFUSED(SIZE, m.vault_id = text_of(CF_WIRE_VAULT_ID_BYTES_MAX + 1));
    REFUSED(BAD_NAME, m.tenant = CF_LIT("Acme"));
    REFUSED(BAD_NAME, m.schema = CF_LIT("per son"));
    REFUSED(SIZE, m.kms_key = text_of(CF_KMS_KEY_ID_BYTES_MAX + 1));
    REFUSED(EMPTY, m.wrapped_key.len = 0);
    REFUSED(SIZE, m.wrapped_key = octets_of(CF_KMS_BLOB_BYTES_MAX + 1));
    REFUSED(UNSUPPORTED, m.suite.aead = CF_EXPORT_ONLY);
    REFUSED(UNSUPPORTED, m.suite.kem = (cf_curve)0x99);
    REFUSED(MISSING, m.kms_key = CF_VIEW_EMPTY);
    REFUSED(MISSING, m.tenant = CF_VIEW_EMPTY);
    REFUSED(MISSING, m.schema = CF_VIEW_EMPTY);
}

static void test_refuses_fields(void **state)
{
    (void)state;
    REFUSED(EMPTY, (m.fields_n = 0, m.writes_n = 0));
    REFUSED(DUPLICATE, fields[3].name = CF_LIT("old"));
    REFUSED(MALFORMED, fields[1].write = 2);
    REFUSED(MALFORMED, fields[1].write = 0); /* nothing refers to write 1 any more */
    REFUSED(MALFORMED, m.writes_n = 0);
    REFUSED(BAD_NAME, fields[0].name = CF_LIT("Old"));
    REFUSED(RESERVED_FIELD, fields[0].name = CF_LIT("_sk"));
    REFUSED(RESERVED_FIELD, fields[0].name = CF_LIT("pk"));
    REFUSED(MALFORMED, fields[3].value = octets_of(15)); /* shorter than a tag */
    REFUSED(MALFORMED, writes[0].id = octets_of(15));
    REFUSED(MALFORMED, writes[0].version = 0);
    REFUSED(UNSUPPORTED, fields[0].encoding = (cf_encoding)4);
}

static void test_refuses_keys(void **state)
{
    (void)state;
    const cf_decrypt m = sample();
    CF_BUF(out);
    assert_ok(cf_decrypt_encode(&m, &out));
    CF_ARENA(arena, ARENA_BYTES);
    cf_decrypt got;
    /* those of expressions, which are no null; each that the format keeps for later, and one that may be ignored */
    for (uint8_t key = 10; key <= 23; key++) {
        CF_BUF(more);
        assert_ok(cf_buf_append(&more, cf_buf_view(&out)));
        more.data[0]++;
        uint8_t pair[] = {key, 0xf6};
        assert_ok(cf_buf_append(&more, CF_VIEW_OF(pair)));
        assert_code(cf_decrypt_decode(cf_buf_view(&more), &arena, &got),
                    key <= 13 ? CF_ERR_WRONG_TYPE : CF_ERR_UNKNOWN_MEMBER);
    }
    out.data[0]++;
    assert_ok(cf_buf_append(&out, CF_LIT("\x18\x40\xf6")));
    assert_ok(cf_decrypt_decode(cf_buf_view(&out), &arena, &got));
    assert_ok(cf_buf_append(&out, CF_LIT("\xf6")));
    assert_err(cf_decrypt_decode(cf_buf_view(&out), &arena, &got), TRAILING);
}

static void test_field_count(void **state)
{
    (void)state;
    static cf_field many[CF_REQUEST_FIELDS_MAX + 1];
    static char names[CF_REQUEST_FIELDS_MAX + 1][8];
    cf_decrypt m = sample();
    for (size_t i = 0; i <= CF_REQUEST_FIELDS_MAX; i++) {
        (void)snprintf(names[i], sizeof names[i], "f%zu", i);
        many[i] = (cf_field){cf_view_str(names[i]), CF_ENC_BINARY, 0, 0, octets_of(120)};
    }
    m.fields = many;
    m.writes_n = 0;
    for (size_t n = CF_REQUEST_FIELDS_MAX - 1; n <= CF_REQUEST_FIELDS_MAX + 1; n++) {
        m.fields_n = n;
        CF_BUF(raw);
        CF_ARENA(arena, ARENA_BYTES);
        cf_decrypt got;
        put_raw(&m, &raw);
        cf_err want = n <= CF_REQUEST_FIELDS_MAX ? CF_OK : CF_ERR_SIZE;
        assert_code(cf_decrypt_decode(cf_buf_view(&raw), &arena, &got), want);
        CF_BUF(out);
        assert_code(cf_decrypt_encode(&m, &out), want);
    }
}

/* One below, at and one above: deadline, sizes. */
static void test_limits(void **state)
{
    (void)state;
    for (size_t more = 0; more <= 2; more++) {
        cf_decrypt m = sample();
        m.deadline_ms = CF_DEADLINE_MS_MAX - 1 + more;
        assert_code(through(&m), more < 2 ? CF_OK : CF_ERR_RANGE);
        m = sample();
        m.vault_id = text_of(CF_WIRE_VAULT_ID_BYTES_MAX - 1 + more);
        assert_code(through(&m), more < 2 ? CF_OK : CF_ERR_SIZE);
        m = sample();
        m.kms_key = text_of(CF_KMS_KEY_ID_BYTES_MAX - 1 + more);
        assert_code(through(&m), more < 2 ? CF_OK : CF_ERR_SIZE);
        m = sample();
        m.wrapped_key = octets_of(CF_KMS_BLOB_BYTES_MAX - 1 + more);
        assert_code(through(&m), more < 2 ? CF_OK : CF_ERR_SIZE);
        m = sample();
        m.tenant = text_of(CF_TENANT_BYTES_MAX - 1 + more);
        assert_code(through(&m), more < 2 ? CF_OK : CF_ERR_BAD_NAME);
    }
}

static void test_lies_about_counts(void **state)
{
    (void)state;
    CF_ARENA(arena, ARENA_BYTES);
    cf_decrypt got;
    cf_view lies[] = {view_hex("a1 08 9b ffffffffffffffff"), view_hex("a1 08 9a 00ffffff"),
                      view_hex("a1 09 98 ff"), view_hex("bb ffffffffffffffff")};
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        assert_false(cf_is_ok(cf_decrypt_decode(lies[i], &arena, &got)));
        view_free(lies[i]);
    }
    assert_int_equal(arena.used, 0);
}

static void test_results(void **state)
{
    (void)state;
    const cf_field_result all[] = {
        {CF_LIT("email"), CF_LIT("a@b"), CF_OK},
        {CF_LIT("ssn"), CF_VIEW_EMPTY, CF_ERR_OPEN},
        {CF_LIT("empty"), CF_LIT(""), CF_OK},
    };
    CF_BUF(out);
    CF_ARENA(arena, ARENA_BYTES);
    assert_ok(cf_results_encode(all, 3, &out));
    cf_view want = view_hex("a1 01 83 82 65 656d61696c 43 614062 83 63 73736e f6 6b "
                            "6f70656e5f6661696c6564 82 65 656d707479 40");
    assert_view(cf_buf_view(&out), want);
    const cf_field_result *got;
    size_t n;
    assert_ok(cf_results_decode(want, &arena, &got, &n));
    assert_int_equal(n, 3);
    assert_view(got[0].name, all[0].name);
    assert_view(got[0].value, all[0].value);
    assert_int_equal(got[1].code, CF_ERR_OPEN);
    assert_int_equal(got[2].code, CF_OK);
    assert_int_equal(got[2].value.len, 0);
    for (size_t len = 0; len < want.len; len++) {
        assert_false(cf_is_ok(cf_results_decode(cf_view_sub(want, 0, len), &arena, &got, &n)));
        assert_null(got);
    }
    view_free(want);
}

static void test_results_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        cf_err err;
    } bad[] = {
        {"a0", CF_ERR_MISSING},
        {"a1 01 81 81 61 61", CF_ERR_WRONG_TYPE},           /* a name alone */
        {"a1 01 81 82 61 61 f6", CF_ERR_WRONG_TYPE},        /* no value, no code */
        {"a1 01 81 83 61 61 40 61 78", CF_ERR_TRAILING},    /* value and code */
        {"a1 01 81 83 61 61 f6 62 6f6b", CF_ERR_MALFORMED}, /* no value, and no error */
        {"a1 01 81 82 60 40", CF_ERR_EMPTY},                /* no name */
        {"a1 01 81 82 61 61 61 78", CF_ERR_WRONG_TYPE},     /* value as text */
        {"a1 01 81 84 61 61 f6 61 78 00", CF_ERR_SIZE},
        {"a2 01 80 05 00", CF_ERR_UNKNOWN_MEMBER},
        {"a1 01 99 0101", CF_ERR_TRUNCATED}, /* 257 results that are not there */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CF_ARENA(arena, ARENA_BYTES);
        const cf_field_result *got;
        size_t n;
        cf_view v = view_hex(bad[i].hex);
        cf_result r = cf_results_decode(v, &arena, &got, &n);
        if (r.code != bad[i].err) {
            fail_msg("%s: %s, not %s", bad[i].hex, cf_err_code(r.code), cf_err_code(bad[i].err));
        }
        view_free(v);
    }
}

static void test_results_limits(void **state)
{
    (void)state;
    static cf_field_result many[CF_REQUEST_FIELDS_MAX + 1];
    for (size_t i = 0; i <= CF_REQUEST_FIELDS_MAX; i++) {
        many[i] = (cf_field_result){CF_LIT("f"), CF_LIT("v"), CF_OK};
    }
    for (size_t n = CF_REQUEST_FIELDS_MAX - 1; n <= CF_REQUEST_FIELDS_MAX + 1; n++) {
        CF_BUF(out);
        assert_code(cf_results_encode(many, n, &out),
                    n <= CF_REQUEST_FIELDS_MAX ? CF_OK : CF_ERR_SIZE);
        if (n <= CF_REQUEST_FIELDS_MAX) {
            CF_ARENA(arena, ARENA_BYTES);
            const cf_field_result *got;
            size_t got_n;
            assert_ok(cf_results_decode(cf_buf_view(&out), &arena, &got, &got_n));
            assert_int_equal(got_n, n);
        }
    }
    /* values that together are more than a frame */
    static uint8_t value[CF_VALUE_BYTES_MAX];
    for (size_t i = 0; i < 17; i++) {
        many[i].value = CF_VIEW_OF(value);
    }
    CF_BUF(out);
    assert_err(cf_results_encode(many, 17, &out), SIZE);
    assert_int_equal(out.len, 0);
}

static cf_result both(void *ctx)
{
    (void)ctx;
    const cf_decrypt m = sample();
    return through(&m);
}

static void test_no_memory(void **state)
{
    (void)state;
    (void)failmalloc_each(both, NULL, 2);
}

int main(void)
{
    for (size_t i = 0; i < sizeof octets; i++) {
        octets[i] = (uint8_t)i;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),        cmocka_unit_test(test_sample_data),
        cmocka_unit_test(test_truncated),         cmocka_unit_test(test_refuses_values),
        cmocka_unit_test(test_refuses_fields),    cmocka_unit_test(test_refuses_keys),
        cmocka_unit_test(test_field_count),       cmocka_unit_test(test_limits),
        cmocka_unit_test(test_lies_about_counts), cmocka_unit_test(test_results),
        cmocka_unit_test(test_results_refuses),   cmocka_unit_test(test_results_limits),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
