/* SPDX-License-Identifier: Apache-2.0 */
#include "core/attest/attest_priv.h"
#include "tests/support/failmalloc.h"
#include "tests/unit/core/attest/doc.h"

#define NOW_S 1769904000 /* 2026-02-01 */
#define NOW_MS ((uint64_t)NOW_S * 1000)

/* A root and a leaf under it: the shortest chain. */
static cf_dh_key *root_key, *leaf_key;
static cf_buf root, leaf;

static int setup(void **state)
{
    (void)state;
    cf_cert_spec root_spec = {CF_LIT("test root"), CF_VIEW_EMPTY, 0, NOW_S - 100, NOW_S + 100};
    cf_cert_spec leaf_spec = {CF_LIT("test leaf"), CF_LIT("test root"), -1, NOW_S - 10, NOW_S + 10};
    assert_ok(cf_dh_generate(CF_P384, &root_key));
    assert_ok(cf_dh_generate(CF_P384, &leaf_key));
    assert_ok(
        cf_cert_make(&root_spec, cf_dh_public_view(cf_dh_public_of(root_key)), root_key, &root));
    assert_ok(
        cf_cert_make(&leaf_spec, cf_dh_public_view(cf_dh_public_of(leaf_key)), root_key, &leaf));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    cf_dh_free(&root_key);
    cf_dh_free(&leaf_key);
    cf_buf_free(&root);
    cf_buf_free(&leaf);
    return 0;
}

static const uint8_t ones[CF_PCR_BYTES_SHA384] = {1, 1, 1};
static const uint8_t zeros[CF_PCR_BYTES_SHA384];

static cf_attest_payload payload_of(void)
{
    cf_attest_payload p = {.module_id = CF_LIT("i-00000000000000000-enc0000000000000000"),
                           .timestamp_ms = NOW_MS,
                           .certificate = cf_buf_view(&leaf),
                           .cabundle = {cf_buf_view(&root)},
                           .cabundle_n = 1};
    for (size_t i = 0; i < 16; i++) {
        p.pcrs[i] = i == 0 ? CF_VIEW_OF(ones) : CF_VIEW_OF(zeros);
    }
    return p;
}

static cf_attest_policy policy_of(void)
{
    return (cf_attest_policy){.root = cf_buf_view(&root), .now_ms = NOW_MS, .age_max_ms = 1000};
}

static void test_octets(void **state)
{
    (void)state;
    CF_BUF(doc);
    CF_BUF(head);
    cf_attest_payload p = payload_of();
    assert_ok(cf_attest_make(&p, leaf_key, &doc));
    /* untagged array of four, ES384, an empty unprotected map, and an indefinite map as payload */
    doc_hex("84 44 a1013822 a0 59", &head);
    assert_view(cf_view_make(doc.data, head.len), cf_buf_view(&head));
    CF_BUF(start);
    doc_hex("bf 69 6d6f64756c655f6964 7827 692d", &start);
    assert_view(cf_view_make(doc.data + head.len + 2, start.len), cf_buf_view(&start));
    assert_int_equal(doc.data[doc.len - CF_ES384_BYTES - 3], 0xff);
    assert_int_equal(doc.data[doc.len - CF_ES384_BYTES - 2], 0x58);
}

static void test_round_trip(void **state)
{
    (void)state;
    static const uint8_t data[CF_ATTEST_DATA_BYTES_MAX] = {7};
    for (unsigned has = 0; has < 8; has++) {
        for (size_t len = 0; len <= CF_ATTEST_DATA_BYTES_MAX; len += CF_ATTEST_DATA_BYTES_MAX) {
            cf_attest_payload p = payload_of(), got;
            p.has_public_key = (has & 1) != 0;
            p.has_user_data = (has & 2) != 0;
            p.has_nonce = (has & 4) != 0;
            p.public_key = p.has_public_key ? cf_view_make(data, len) : CF_VIEW_EMPTY;
            p.user_data = p.has_user_data ? cf_view_make(data, len) : CF_VIEW_EMPTY;
            p.nonce = p.has_nonce ? cf_view_make(data, len) : CF_VIEW_EMPTY;
            p.pcrs[31] = CF_VIEW_OF(ones);
            CF_BUF(doc);
            assert_ok(cf_attest_make(&p, leaf_key, &doc));
            cf_attest_policy policy = policy_of();
            cf_attest_stage stage = CF_ATTEST_SYNTAX;
            assert_ok(cf_attest_verify(cf_buf_view(&doc), &policy, &stage, &got));
            assert_int_equal(stage, CF_ATTEST_HOLDS);
            assert_view(got.module_id, p.module_id);
            assert_int_equal(got.timestamp_ms, p.timestamp_ms);
            assert_int_equal(got.has_public_key, p.has_public_key);
            assert_int_equal(got.has_user_data, p.has_user_data);
            assert_int_equal(got.has_nonce, p.has_nonce);
            assert_view(got.public_key, p.public_key);
            assert_view(got.user_data, p.user_data);
            assert_view(got.nonce, p.nonce);
            for (size_t i = 0; i < CF_PCR_COUNT; i++) {
                assert_view(got.pcrs[i], p.pcrs[i]);
            }
        }
    }
}

/* A PCR0 that is zero or not listed says nothing about the image. */
static void test_debug(void **state)
{
    (void)state;
    for (int listed = 0; listed < 2; listed++) {
        cf_attest_payload p = payload_of(), got;
        p.pcrs[0] = listed == 1 ? CF_VIEW_OF(zeros) : CF_VIEW_EMPTY;
        CF_BUF(doc);
        assert_ok(cf_attest_make(&p, leaf_key, &doc));
        cf_attest_policy policy = policy_of();
        cf_attest_stage stage = CF_ATTEST_SYNTAX;
        assert_err(cf_attest_verify(cf_buf_view(&doc), &policy, &stage, &got), ATTESTATION);
        assert_int_equal(stage, CF_ATTEST_DEBUG);
        policy.allow_debug = true;
        assert_ok(cf_attest_verify(cf_buf_view(&doc), &policy, &stage, &got));
    }
}

/* Signed by a key that is not the leaf's: the chain holds, the signature does not. */
static void test_wrong_key(void **state)
{
    (void)state;
    cf_attest_payload p = payload_of(), got;
    CF_BUF(doc);
    assert_ok(cf_attest_make(&p, root_key, &doc));
    cf_attest_policy policy = policy_of();
    cf_attest_stage stage = CF_ATTEST_SYNTAX;
    assert_err(cf_attest_verify(cf_buf_view(&doc), &policy, &stage, &got), ATTESTATION);
    assert_int_equal(stage, CF_ATTEST_SIGNATURE);
}

/* Before and after the leaf's validity: judged at the document's time, whatever the clock says. (Whether the last second is in or
 * out is the library's business.) */
static void test_outside_the_leaf(void **state)
{
    (void)state;
    static const int64_t rows[] = {-11, -10, 9, 11};
    for (size_t i = 0; i < 4; i++) {
        cf_attest_payload p = payload_of(), got;
        p.timestamp_ms = (uint64_t)((int64_t)NOW_MS + rows[i] * 1000);
        CF_BUF(doc);
        assert_ok(cf_attest_make(&p, leaf_key, &doc));
        cf_attest_policy policy = policy_of();
        policy.now_ms = p.timestamp_ms;
        cf_attest_stage stage = CF_ATTEST_SYNTAX;
        cf_result r = cf_attest_verify(cf_buf_view(&doc), &policy, &stage, &got);
        bool in = rows[i] >= -10 && rows[i] <= 9;
        assert_code(r, in ? CF_OK : CF_ERR_ATTESTATION);
        assert_int_equal(stage, in ? CF_ATTEST_HOLDS : CF_ATTEST_CHAIN);
    }
}

static void test_arguments(void **state)
{
    (void)state;
    static const uint8_t data[CF_ATTEST_CERT_BYTES_MAX + 1];
    for (unsigned i = 0; i < 12; i++) {
        cf_attest_payload p = payload_of();
        switch (i) {
        case 0:
            p.module_id = CF_VIEW_EMPTY;
            break;
        case 1:
            p.module_id = cf_view_make(data, CF_ATTEST_MODULE_ID_BYTES_MAX + 1);
            break;
        case 2:
            p.timestamp_ms = 0;
            break;
        case 3:
            p.certificate = CF_VIEW_EMPTY;
            break;
        case 4:
            p.certificate = CF_VIEW_OF(data);
            break;
        case 5:
            p.cabundle_n = 0;
            break;
        case 6:
            p.cabundle_n = CF_CHAIN_CERTS_MAX + 1;
            break;
        case 7:
            p.cabundle[0] = CF_VIEW_EMPTY;
            break;
        case 8:
            p.pcrs[3] = cf_view_make(data, 47);
            break;
        case 9:
            p.nonce = CF_LIT("x");
            break; /* given, but said to be absent */
        case 10:
            p.has_nonce = true;
            p.nonce = CF_VIEW_OF(data);
            break;
        default:
            for (size_t k = 0; k < CF_PCR_COUNT; k++) {
                p.pcrs[k] = CF_VIEW_EMPTY;
            }
            break;
        }
        CF_BUF(doc);
        assert_err(cf_attest_make(&p, leaf_key, &doc), ARGUMENT);
        assert_int_equal(doc.len, 0);
    }
}

static cf_result make_and_verify(void *ctx)
{
    (void)ctx;
    CF_BUF(doc);
    cf_attest_payload p = payload_of(), got;
    CF_TRY(cf_attest_make(&p, leaf_key, &doc));
    cf_attest_policy policy = policy_of();
    cf_attest_stage stage = CF_ATTEST_SYNTAX;
    return cf_attest_verify(cf_buf_view(&doc), &policy, &stage, &got);
}

/* One allocation after the other fails, until a run needs no more. Returns how many runs failed. */
static size_t fail_each(void)
{
    for (size_t n = 1;; n++) {
        failmalloc_set(n);
        cf_result r = make_and_verify(NULL);
        failmalloc_set(0);
        if (cf_is_ok(r)) {
            return n - 1;
        }
    }
}

/* libcrypto's allocations fail here as well, and it does not always say so: the code may be another than NO_MEMORY, but no run
 * may crash, and a whole round may leave nothing behind. In the first round the library still makes what it keeps for good. */
static void test_failing_allocations(void **state)
{
    (void)state;
    size_t failed = fail_each();
    assert_true(failed > 20);
    for (int round = 0; round < 2; round++) {
        long live = failmalloc_live();
        assert_int_equal(fail_each(), failed);
        assert_int_equal(failmalloc_live(), live);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_octets),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_debug),
        cmocka_unit_test(test_wrong_key),
        cmocka_unit_test(test_outside_the_leaf),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_failing_allocations),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
