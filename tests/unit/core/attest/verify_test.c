/* SPDX-License-Identifier: Apache-2.0 */
#include "core/attest/attest.h"
#include "tests/support/vectors.h"

#define MINUTE_MS 60000

static cf_buf root;
static json_t *manifest;

static int load(void **state)
{
    (void)state;
    vec_file("aws-nitro-root-g1.der", &root);
    manifest = vec_load("attestation/manifest.json");
    return 0;
}

static int unload(void **state)
{
    (void)state;
    cf_buf_free(&root);
    json_decref(manifest);
    return 0;
}

/* One vector of the manifest. */
typedef struct {
    const char *file;
    const json_t *expected;
    cf_buf doc;
} vector;

static void vector_free(vector *v)
{
    cf_buf_free(&v->doc);
}

/* The i-th vector; false behind the last. */
static bool vector_load(size_t i, vector *ret)
{
    const json_t *row = json_array_get(vec_array(manifest, "vectors"), i);
    if (row == NULL) {
        return false;
    }
    char path[128];
    *ret = (vector){vec_text(row, "file"), json_object_get(row, "expected"), CF_BUF_EMPTY};
    (void)snprintf(path, sizeof path, "attestation/%s", ret->file);
    vec_file(path, &ret->doc);
    assert_int_equal(ret->doc.len, vec_int(row, "length"));
    return true;
}

static bool is_genuine(const vector *v)
{
    return json_is_true(json_object_get(v->expected, "valid_at_document_timestamp"));
}

static uint64_t time_of(const vector *v)
{
    return (uint64_t)vec_int(v->expected, "timestamp_ms");
}

static bool is_debug(const vector *v)
{
    return json_is_true(json_object_get(v->expected, "debug_mode"));
}

static cf_attest_policy policy_at(uint64_t now_ms)
{
    return (cf_attest_policy){.root = cf_buf_view(&root),
                              .now_ms = now_ms,
                              .age_max_ms = 5 * MINUTE_MS,
                              .allow_debug = true};
}

/* Verifies, and asserts both the error and the stage it stopped at. */
static void expect(cf_view doc, const cf_attest_policy *policy, cf_err err, cf_attest_stage stage)
{
    cf_attest_stage got = CF_ATTEST_HOLDS;
    cf_attest_payload p;
    cf_result r = cf_attest_verify(doc, policy, &got, &p);
    assert_code(r, err);
    assert_int_equal(got, stage);
    assert_int_equal(p.module_id.len > 0, err == CF_OK);
    assert_int_equal(p.timestamp_ms > 0, err == CF_OK);
}

static void check_pcrs(const vector *v, const cf_attest_payload *p)
{
    const json_t *pcrs = json_object_get(v->expected, "pcrs");
    size_t listed = 0;
    for (unsigned i = 0; i < CF_PCR_COUNT; i++) {
        char name[4];
        (void)snprintf(name, sizeof name, "%u", i);
        if (vec_has(pcrs, name)) {
            CF_BUF(value);
            vec_hex(pcrs, name, &value);
            assert_view(p->pcrs[i], cf_buf_view(&value));
            listed++;
        } else {
            assert_int_equal(p->pcrs[i].len, 0);
        }
    }
    assert_int_equal(listed, json_object_size(pcrs));
}

static void check_optional(const vector *v, const char *name, bool has, cf_view got)
{
    const json_t *want = json_object_get(v->expected, name);
    assert_int_equal(has, want != NULL && !json_is_null(want));
    if (has) {
        CF_BUF(octets);
        vec_from_hex(json_string_value(want), &octets);
        assert_view(got, cf_buf_view(&octets));
    }
}

static void test_genuine(void **state)
{
    (void)state;
    size_t genuine = 0;
    CF_AUTO(vector_free) vector v = {NULL, NULL, CF_BUF_EMPTY};
    for (size_t i = 0; vector_load(i, &v); i++, vector_free(&v)) {
        if (!is_genuine(&v)) {
            continue;
        }
        genuine++;
        cf_attest_policy policy = policy_at(time_of(&v));
        cf_attest_stage stage = CF_ATTEST_SYNTAX;
        cf_attest_payload p;
        assert_ok(cf_attest_verify(cf_buf_view(&v.doc), &policy, &stage, &p));
        assert_int_equal(stage, CF_ATTEST_HOLDS);
        assert_view(p.module_id, cf_view_str(vec_text(v.expected, "module_id")));
        assert_int_equal(p.timestamp_ms, time_of(&v));
        assert_int_equal(p.cabundle_n, vec_int(v.expected, "cabundle_count"));
        check_pcrs(&v, &p);
        check_optional(&v, "public_key_hex", p.has_public_key, p.public_key);
        check_optional(&v, "user_data_hex", p.has_user_data, p.user_data);
        check_optional(&v, "nonce_hex", p.has_nonce, p.nonce);
        /* PCR4 is SHA-384(0^48 || instance id) */
        uint8_t pcr4[CF_PCR_BYTES_SHA384] = {0};
        assert_ok(cf_pcr_extend(pcr4, cf_view_str(vec_text(v.expected, "instance_id"))));
        assert_view(p.pcrs[4], CF_VIEW_OF(pcr4));
    }
    assert_int_equal(genuine, 5);
}

static void test_negative(void **state)
{
    (void)state;
    CF_BUF(doc);
    vec_file("attestation/negative-selfsigned.bin", &doc);
    cf_attest_policy policy = policy_at(1);
    policy.archived = true;
    expect(cf_buf_view(&doc), &policy, CF_ERR_ATTESTATION, CF_ATTEST_SYNTAX);
}

static void test_debug_is_refused(void **state)
{
    (void)state;
    size_t debug = 0;
    CF_AUTO(vector_free) vector v = {NULL, NULL, CF_BUF_EMPTY};
    for (size_t i = 0; vector_load(i, &v); i++, vector_free(&v)) {
        if (is_genuine(&v)) {
            cf_attest_policy policy = policy_at(time_of(&v));
            policy.allow_debug = false;
            debug += is_debug(&v);
            expect(cf_buf_view(&v.doc), &policy, is_debug(&v) ? CF_ERR_ATTESTATION : CF_OK,
                   is_debug(&v) ? CF_ATTEST_DEBUG : CF_ATTEST_HOLDS);
        }
    }
    assert_int_equal(debug, 2);
}

static void test_freshness(void **state)
{
    (void)state;
    CF_AUTO(vector_free) vector v = {NULL, NULL, CF_BUF_EMPTY};
    assert_true(vector_load(0, &v));
    cf_view doc = cf_buf_view(&v.doc);
    uint64_t at = time_of(&v), window = 5 * MINUTE_MS;
    const struct {
        uint64_t now;
        bool fresh;
    } rows[] = {
        {at, true},
        {at + window - 1, true},
        {at + window, true},
        {at + window + 1, false},
        {at - window, true},
        {at - window + 1, true},
        {at - window - 1, false},
        {at + 4 * 3600 * 1000, false},
        {0, false},
        {UINT64_MAX, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cf_attest_policy policy = policy_at(rows[i].now);
        expect(doc, &policy, rows[i].fresh ? CF_OK : CF_ERR_STALE,
               rows[i].fresh ? CF_ATTEST_HOLDS : CF_ATTEST_FRESHNESS);
        policy.archived = true;
        policy.age_max_ms = 0;
        expect(doc, &policy, CF_OK, CF_ATTEST_HOLDS);
    }
}

static void test_policy_arguments(void **state)
{
    (void)state;
    CF_AUTO(vector_free) vector v = {NULL, NULL, CF_BUF_EMPTY};
    assert_true(vector_load(0, &v));
    cf_attest_policy policy = policy_at(time_of(&v));
    policy.age_max_ms = 0;
    expect(cf_buf_view(&v.doc), &policy, CF_ERR_ARGUMENT, CF_ATTEST_SYNTAX);
    policy = policy_at(time_of(&v));
    policy.root = CF_VIEW_EMPTY;
    expect(cf_buf_view(&v.doc), &policy, CF_ERR_ARGUMENT, CF_ATTEST_SYNTAX);
}

static void test_tag_18_and_trailing(void **state)
{
    (void)state;
    CF_AUTO(vector_free) vector v = {NULL, NULL, CF_BUF_EMPTY};
    for (size_t i = 0; vector_load(i, &v); i++, vector_free(&v)) {
        if (!is_genuine(&v)) {
            continue;
        }
        cf_attest_policy policy = policy_at(time_of(&v));
        CF_BUF(tagged);
        assert_ok(cf_buf_append(&tagged, CF_LIT("\xd2")));
        assert_ok(cf_buf_append(&tagged, cf_buf_view(&v.doc)));
        expect(cf_buf_view(&tagged), &policy, CF_OK, CF_ATTEST_HOLDS);
        assert_ok(cf_buf_append(&v.doc, CF_LIT("\x00")));
        expect(cf_buf_view(&v.doc), &policy, CF_ERR_ATTESTATION, CF_ATTEST_SYNTAX);
    }
}

static void test_another_root(void **state)
{
    (void)state;
    CF_AUTO(vector_free) vector v = {NULL, NULL, CF_BUF_EMPTY};
    assert_true(vector_load(0, &v));
    cf_attest_policy policy = policy_at(time_of(&v));
    cf_attest_stage stage = CF_ATTEST_SYNTAX;
    cf_attest_payload p;
    assert_ok(cf_attest_verify(cf_buf_view(&v.doc), &policy, &stage, &p));
    /* an intermediate certificate of the same document is no root */
    policy.root = p.cabundle[1];
    expect(cf_buf_view(&v.doc), &policy, CF_ERR_ATTESTATION, CF_ATTEST_ROOT);
    root.data[root.len - 1] ^= 1;
    policy.root = cf_buf_view(&root);
    expect(cf_buf_view(&v.doc), &policy, CF_ERR_ATTESTATION, CF_ATTEST_ROOT);
    root.data[root.len - 1] ^= 1;
}

/* A place inside the document that a view of its payload borrows. */
static uint8_t *place(cf_buf *doc, cf_view inside)
{
    return doc->data + (inside.data - doc->data);
}

/* Certificates of equal length changed for each other keep the syntax whole; only the chain can tell. */
static void test_order_of_bundle(void **state)
{
    (void)state;
    CF_AUTO(vector_free) vector v = {NULL, NULL, CF_BUF_EMPTY};
    size_t tried = 0;
    for (size_t i = 0; vector_load(i, &v); i++, vector_free(&v)) {
        if (!is_genuine(&v)) {
            continue;
        }
        cf_attest_policy policy = policy_at(time_of(&v));
        cf_attest_envelope env;
        cf_attest_payload p;
        assert_ok(cf_attest_parse(cf_buf_view(&v.doc), &env, &p));
        /* the regional certificate in the place of the zonal one, as far as it reaches: both are 59 xx xx */
        CF_BUF(swapped);
        const uint8_t *base = v.doc.data;
        size_t head = 3, first = (size_t)(p.cabundle[1].data - base) - head;
        size_t second = (size_t)(p.cabundle[2].data - base) - head;
        size_t third = (size_t)(p.cabundle[3].data - base) - head;
        assert_ok(cf_buf_append(&swapped, cf_view_make(base, first)));
        assert_ok(cf_buf_append(&swapped, cf_view_make(base + second, third - second)));
        assert_ok(cf_buf_append(&swapped, cf_view_make(base + first, second - first)));
        assert_ok(cf_buf_append(&swapped, cf_view_make(base + third, v.doc.len - third)));
        assert_int_equal(swapped.len, v.doc.len);
        expect(cf_buf_view(&swapped), &policy, CF_ERR_ATTESTATION, CF_ATTEST_CHAIN);
        tried++;
    }
    assert_int_equal(tried, 5);
}

/* Another document's signature, payload or leaf: whole and genuine parts in the wrong place. */
static void test_parts_of_another(void **state)
{
    (void)state;
    CF_AUTO(vector_free) vector a = {NULL, NULL, CF_BUF_EMPTY};
    CF_AUTO(vector_free) vector b = {NULL, NULL, CF_BUF_EMPTY};
    assert_true(vector_load(0, &a));
    assert_true(vector_load(1, &b));
    cf_attest_policy policy = policy_at(time_of(&a));
    size_t sig_a = a.doc.len - CF_ES384_BYTES, sig_b = b.doc.len - CF_ES384_BYTES;
    memcpy(a.doc.data + sig_a, b.doc.data + sig_b, CF_ES384_BYTES);
    expect(cf_buf_view(&a.doc), &policy, CF_ERR_ATTESTATION, CF_ATTEST_SIGNATURE);
}

/* Changes of known places, each refused at the stage that looks there. */
static void test_stages(void **state)
{
    (void)state;
    CF_AUTO(vector_free) vector v = {NULL, NULL, CF_BUF_EMPTY};
    for (size_t i = 0; vector_load(i, &v); i++, vector_free(&v)) {
        if (!is_genuine(&v)) {
            continue;
        }
        cf_attest_policy policy = policy_at(time_of(&v));
        cf_attest_envelope env;
        cf_attest_payload p;
        assert_ok(cf_attest_parse(cf_buf_view(&v.doc), &env, &p));
        const struct {
            cf_view where;
            size_t off;
            cf_attest_stage stage;
        } rows[] = {
            {p.pcrs[0], 0, CF_ATTEST_SIGNATURE},
            {p.pcrs[15], 47, CF_ATTEST_SIGNATURE},
            {p.module_id, 2, CF_ATTEST_SIGNATURE},
            {env.signature, 0, CF_ATTEST_SIGNATURE},
            {env.signature, 95, CF_ATTEST_SIGNATURE},
            {p.cabundle[0], 100, CF_ATTEST_ROOT},
            {p.cabundle[1], 100, CF_ATTEST_CHAIN},
            {p.cabundle[2], 300, CF_ATTEST_CHAIN},
            {p.cabundle[3], p.cabundle[3].len - 1, CF_ATTEST_CHAIN},
            {p.certificate, p.certificate.len - 1, CF_ATTEST_CHAIN},
            {p.certificate, 20, CF_ATTEST_CHAIN},
            {env.protected_header, 3, CF_ATTEST_SYNTAX},
        };
        for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
            uint8_t *at = place(&v.doc, rows[k].where) + rows[k].off;
            *at ^= 1;
            expect(cf_buf_view(&v.doc), &policy, CF_ERR_ATTESTATION, rows[k].stage);
            *at ^= 1;
        }
        expect(cf_buf_view(&v.doc), &policy, CF_OK, CF_ATTEST_HOLDS);
    }
}

/* The chain is judged at the document's own time, so a changed timestamp fails there, not as stale. */
static void test_timestamp_outside_the_leaf(void **state)
{
    (void)state;
    CF_AUTO(vector_free) vector v = {NULL, NULL, CF_BUF_EMPTY};
    assert_true(vector_load(0, &v));
    const uint8_t *at = NULL;
    for (size_t i = 0; i + 9 < v.doc.len && at == NULL; i++) {
        at = cf_view_eq(cf_view_make(v.doc.data + i, 9), CF_LIT("timestamp")) ? v.doc.data + i + 9
                                                                              : NULL;
    }
    assert_non_null(at);
    size_t off = (size_t)(at - v.doc.data);
    assert_int_equal(v.doc.data[off], 0x1b);
    v.doc.data[off + 4] ^= 1; /* 2^32 ms are 50 days */
    cf_attest_policy policy = policy_at(time_of(&v));
    policy.archived = true;
    expect(cf_buf_view(&v.doc), &policy, CF_ERR_ATTESTATION, CF_ATTEST_CHAIN);
}

/* The root that the library carries is the one of the vectors, which every genuine document carries. */
static void test_aws_root(void **state)
{
    (void)state;
    assert_view(cf_attest_aws_root(), cf_buf_view(&root));
}

static void test_pcr_measure(void **state)
{
    (void)state;
    /* SHA-384(0^48 || SHA-384("abc")), computed with another library */
    CF_BUF(want);
    vec_from_hex("93732e3733514a841c982cfa75ea76ab55fe011acb9cd980ef4523913c65be1b0998e04d77f8c174f"
                 "81a82151619ca40",
                 &want);
    uint8_t pcr[CF_PCR_BYTES_SHA384];
    assert_ok(cf_pcr_measure(CF_LIT("abc"), pcr));
    assert_view(CF_VIEW_OF(pcr), cf_buf_view(&want));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_genuine),
        cmocka_unit_test(test_negative),
        cmocka_unit_test(test_debug_is_refused),
        cmocka_unit_test(test_freshness),
        cmocka_unit_test(test_policy_arguments),
        cmocka_unit_test(test_tag_18_and_trailing),
        cmocka_unit_test(test_another_root),
        cmocka_unit_test(test_order_of_bundle),
        cmocka_unit_test(test_parts_of_another),
        cmocka_unit_test(test_stages),
        cmocka_unit_test(test_timestamp_outside_the_leaf),
        cmocka_unit_test(test_aws_root),
        cmocka_unit_test(test_pcr_measure),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
