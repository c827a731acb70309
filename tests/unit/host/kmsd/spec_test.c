/* SPDX-License-Identifier: Apache-2.0 */
#include "host/kmsd/spec.h"

#include "host/kmsd/material.h"
#include "tests/support/test.h"

static void test_names(void **state)
{
    (void)state;
    for (cf_key_spec s = CF_SPEC_SYMMETRIC; s < CF_SPEC_COUNT; s++) {
        cf_key_spec found;
        const cf_spec_info *info = cf_spec_info_of(s);
        assert_non_null(info->name);
        assert_true(cf_spec_find(cf_view_str(info->name), &found));
        assert_int_equal(found, s);
        assert_true((info->secret_bytes == 0) == (info->pair != 0));
    }
    assert_null(cf_spec_info_of(0));
    assert_null(cf_spec_info_of(CF_SPEC_COUNT));
    cf_key_spec none;
    assert_false(cf_spec_find(CF_LIT("SM2"), &none));
    assert_false(cf_spec_find(CF_VIEW_EMPTY, &none));
    for (cf_key_use u = CF_USE_ENCRYPT; u < CF_USE_COUNT; u++) {
        cf_key_use found;
        assert_true(cf_use_find(cf_view_str(cf_use_name(u)), &found));
        assert_int_equal(found, u);
    }
}

/* Every key has an algorithm for every use it takes, and none for others. */
static void test_algorithms(void **state)
{
    (void)state;
    for (cf_key_spec s = CF_SPEC_SYMMETRIC; s < CF_SPEC_COUNT; s++) {
        for (cf_key_use u = CF_USE_ENCRYPT; u < CF_USE_COUNT; u++) {
            size_t n = 0;
            for (const cf_algorithm *a = cf_algorithms; a->name != NULL; a++) {
                n += cf_algorithm_suits(a, s, u);
            }
            assert_int_equal(n > 0, cf_spec_takes(s, u));
        }
    }
    assert_non_null(cf_algorithm_find(CF_LIT("ECDH"), CF_USE_AGREE));
    assert_null(cf_algorithm_find(CF_LIT("ECDH"), CF_USE_SIGN));
    assert_null(cf_algorithm_find(CF_LIT("SM2DSA"), CF_USE_SIGN));
    assert_null(cf_algorithm_find(CF_VIEW_EMPTY, CF_USE_SIGN));
}

static void test_materials(void **state)
{
    (void)state;
    for (cf_key_spec s = CF_SPEC_SYMMETRIC; s < CF_SPEC_COUNT; s++) {
        CF_AUTO(cf_material_clear) cf_material m = {.created_ms = 0}, other = {.created_ms = 0};
        CF_AUTO(cf_material_clear) cf_material loaded = {.created_ms = 0};
        const cf_spec_info *info = cf_spec_info_of(s);
        assert_ok(cf_material_make(s, 7, CF_MATERIAL_ON_DEMAND, &m));
        assert_int_equal(m.created_ms, 7);
        assert_int_equal(m.how, CF_MATERIAL_ON_DEMAND);
        assert_int_equal(m.pair == NULL, info->secret_bytes != 0);
        if (info->secret_bytes != 0) {
            assert_int_equal(m.secret.len, info->secret_bytes);
        }
        if (s < CF_SPEC_RSA_2048 || s > CF_SPEC_RSA_4096) {
            assert_ok(cf_material_make(s, 7, CF_MATERIAL_FIRST, &other));
            assert_false(cf_view_eq(cf_buf_view(&m.secret), cf_buf_view(&other.secret)));
            assert_false(cf_view_eq(CF_VIEW_OF(m.id), CF_VIEW_OF(other.id)));
        }
        assert_ok(cf_material_load(s, cf_buf_view(&m.secret), &loaded));
        assert_view(cf_buf_view(&loaded.secret), cf_buf_view(&m.secret));
        cf_material_clear(&loaded);
        assert_false(
            cf_is_ok(cf_material_load(s, cf_view_make(m.secret.data, m.secret.len - 1), &loaded)));
    }
    cf_material m;
    assert_err(cf_material_make(CF_SPEC_COUNT, 1, CF_MATERIAL_FIRST, &m), ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_algorithms),
        cmocka_unit_test(test_materials),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
