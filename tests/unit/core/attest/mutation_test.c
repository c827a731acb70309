/* SPDX-License-Identifier: Apache-2.0 */
/* No octet of a document can change without its being refused: every octet of one, and many places of each. */
#include "core/attest/attest.h"
#include "tests/support/vectors.h"

#define RANDOM_CHANGES 2000
#define MAX_FILE_NAME 128

static cf_buf root;

static int load(void **state)
{
    (void)state;
    vec_file("aws-nitro-root-g1.der", &root);
    return 0;
}

static int unload(void **state)
{
    (void)state;
    cf_buf_free(&root);
    return 0;
}

/* The same sequence in every run, so that what fails once can be looked at again. */
static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void load_doc(const char *file, cf_buf *ret_doc)
{
    char path[MAX_FILE_NAME];
    (void)snprintf(path, sizeof path, "attestation/%s", file);
    vec_file(path, ret_doc);
}

static cf_attest_policy lenient_policy(void)
{
    return (cf_attest_policy){.root = cf_buf_view(&root), .archived = true, .allow_debug = true};
}

/* The stage at which the changed document is refused; fails the test when it is not. */
static cf_attest_stage refused_at(const cf_buf *doc, size_t off)
{
    cf_attest_policy policy = lenient_policy();
    cf_attest_stage stage = CF_ATTEST_HOLDS;
    cf_attest_payload p;
    cf_result r = cf_attest_verify(cf_buf_view(doc), &policy, &stage, &p);
    if (r.code != CF_ERR_ATTESTATION || stage >= CF_ATTEST_FRESHNESS) {
        fail_msg("octet %zu changed: %s at stage %d", off, cf_err_code(r.code), stage);
    }
    return stage;
}

static bool inside(const cf_buf *doc, size_t off, cf_view v)
{
    size_t from = (size_t)(v.data - doc->data);
    return v.len > 0 && off >= from && off < from + v.len;
}

/* The stages that may refuse a change at this place, as bits. */
static unsigned stages_of(const cf_buf *doc, size_t off, const cf_attest_envelope *env,
                          const cf_attest_payload *p)
{
    const unsigned syntax = 1 << CF_ATTEST_SYNTAX, chain = 1 << CF_ATTEST_CHAIN,
                   signature = 1 << CF_ATTEST_SIGNATURE;
    if (inside(doc, off, env->signature)) {
        return signature;
    }
    if (!inside(doc, off, env->payload)) {
        return syntax;
    }
    if (inside(doc, off, p->cabundle[0])) {
        return 1 << CF_ATTEST_ROOT;
    }
    for (size_t i = 1; i < p->cabundle_n; i++) {
        if (inside(doc, off, p->cabundle[i])) {
            return chain | signature;
        }
    }
    if (inside(doc, off, p->certificate)) {
        return chain | signature;
    }
    for (size_t i = 0; i < CF_PCR_COUNT; i++) {
        if (inside(doc, off, p->pcrs[i])) {
            return signature;
        }
    }
    if (inside(doc, off, p->public_key) || inside(doc, off, p->user_data) ||
        inside(doc, off, p->nonce)) {
        return signature;
    }
    return syntax | chain | signature; /* names, heads, and the time that the chain is judged at */
}

static void test_every_octet(void **state)
{
    (void)state;
    CF_BUF(doc);
    load_doc("prod-signed-2022.bin", &doc);
    CF_BUF(pristine);
    assert_ok(cf_buf_set(&pristine, cf_buf_view(&doc)));
    cf_attest_envelope env;
    cf_attest_payload p;
    assert_ok(cf_attest_parse(cf_buf_view(&pristine), &env, &p));
    uint64_t seed = 0x9e3779b97f4a7c15;
    size_t count[CF_ATTEST_HOLDS + 1] = {0};
    for (size_t off = 0; off < doc.len; off++) {
        uint8_t change = (uint8_t)(next_random(&seed) % 255 + 1);
        doc.data[off] ^= change;
        cf_attest_stage stage = refused_at(&doc, off);
        unsigned may = stages_of(&pristine, off, &env, &p);
        if ((may >> stage & 1) == 0) {
            fail_msg("octet %zu: stage %d", off, stage);
        }
        count[stage]++;
        doc.data[off] ^= change;
    }
    assert_view(cf_buf_view(&doc), cf_buf_view(&pristine));
    /* each stage had its share */
    assert_true(count[CF_ATTEST_SYNTAX] > 50);
    assert_int_equal(count[CF_ATTEST_ROOT], p.cabundle[0].len);
    assert_true(count[CF_ATTEST_CHAIN] > 2000);
    assert_true(count[CF_ATTEST_SIGNATURE] > 1000);
}

static const char *const files[] = {
    "prod-signed-2022.bin",   "debug-2022.bin",          "prod-2024.bin",
    "prod-indefmap-2025.bin", "debug-indefmap-2026.bin",
};

static void test_random_changes(void **state)
{
    (void)state;
    uint64_t seed = 0x2545f4914f6cdd1d;
    for (size_t f = 0; f < sizeof files / sizeof files[0]; f++) {
        CF_BUF(doc);
        load_doc(files[f], &doc);
        for (size_t i = 0; i < RANDOM_CHANGES; i++) {
            size_t off = next_random(&seed) % doc.len;
            uint8_t change = (uint8_t)(next_random(&seed) % 255 + 1);
            doc.data[off] ^= change;
            (void)refused_at(&doc, off);
            doc.data[off] ^= change;
        }
        cf_attest_policy policy = lenient_policy();
        cf_attest_stage stage = CF_ATTEST_SYNTAX;
        cf_attest_payload p;
        assert_ok(cf_attest_verify(cf_buf_view(&doc), &policy, &stage, &p));
    }
}

/* An octet too few or too many, anywhere. */
static void test_cut_and_grown(void **state)
{
    (void)state;
    CF_BUF(doc);
    load_doc("prod-indefmap-2025.bin", &doc);
    for (size_t off = 0; off < doc.len; off += 7) {
        CF_BUF(changed);
        assert_ok(cf_buf_append(&changed, cf_view_make(doc.data, off)));
        assert_ok(cf_buf_append(&changed, cf_view_make(doc.data + off + 1, doc.len - off - 1)));
        (void)refused_at(&changed, off);
        assert_ok(cf_buf_set(&changed, cf_view_make(doc.data, off)));
        assert_ok(cf_buf_append(&changed, CF_LIT("\x00")));
        assert_ok(cf_buf_append(&changed, cf_view_make(doc.data + off, doc.len - off)));
        (void)refused_at(&changed, off);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_octet),
        cmocka_unit_test(test_random_changes),
        cmocka_unit_test(test_cut_and_grown),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
