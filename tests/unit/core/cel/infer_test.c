/* SPDX-License-Identifier: Apache-2.0 */
/* The bounds of comparing types, on types made by hand; what fits what is tested through sources in check_test.c. */
#include "core/cel/infer_priv.h"

#include "tests/support/test.h"

#define ARENA_BYTES ((size_t)8 << 20)
#define STEPS 1000000u

typedef struct {
    cf_arena arena;
    cf_cel_pool pool;
    cf_cel_infer infer;
} fixture;

static void fixture_init(fixture *x)
{
    *x = (fixture){.arena = {.max = ARENA_BYTES}};
    cf_cel_pool_init(&x->pool, NULL, &x->arena, 10000);
    x->infer = (cf_cel_infer){.pool = &x->pool, .steps = STEPS};
}

static void fixture_free(fixture *x)
{
    cf_arena_free(&x->arena);
}

/* depth lists around a type; with maps, maps whose keys these are and whose values are of type `other`. */
static cf_cel_type nest(fixture *x, cf_cel_type t, uint32_t depth, bool maps, cf_cel_type other)
{
    for (uint32_t i = 0; i < depth; i++) {
        assert_ok(cf_cel_pool_add(&x->pool, maps ? CF_CEL_OF_MAP : CF_CEL_OF_LIST, t,
                                  maps ? other : 0, CF_VIEW_EMPTY, &t));
    }
    return t;
}

static void every_comparison_is_a_step(void **state)
{
    (void)state;
    for (uint32_t steps = 10; steps <= 12; steps++) {
        fixture x;
        fixture_init(&x);
        cf_cel_type a = nest(&x, CF_CEL_T_INT, 10, false, 0);
        cf_cel_type b = nest(&x, CF_CEL_T_UINT, 10, false, 0);
        bool fits = true;
        x.infer.steps = steps;
        cf_result r = cf_cel_infer_fits(&x.infer, a, b, &fits);
        assert_code(r, steps < 11 ? CF_ERR_BUDGET : CF_OK);
        assert_int_equal(fits, steps < 11);
        /* equal types are one number: no step */
        x.infer.steps = 0;
        assert_ok(cf_cel_infer_fits(&x.infer, a, a, &fits));
        assert_true(fits);
        fixture_free(&x);
    }
}

/* The value of each map waits while its key is compared. */
static void bounds_what_waits(void **state)
{
    (void)state;
    const uint32_t limit = CF_CEL_TYPE_PAIRS_MAX;
    for (uint32_t depth = limit - 2; depth <= limit; depth++) {
        fixture x;
        fixture_init(&x);
        cf_cel_type a = nest(&x, CF_CEL_T_INT, depth, true, CF_CEL_T_BOOL);
        cf_cel_type b = nest(&x, CF_CEL_T_DYN, depth, true, CF_CEL_T_DYN);
        bool fits;
        cf_result r = cf_cel_infer_fits(&x.infer, a, b, &fits);
        assert_code(r, depth < limit ? CF_OK : CF_ERR_BUDGET);
        cf_cel_type joined = a;
        r = cf_cel_infer_join(&x.infer, b, &joined, &fits);
        assert_code(r, depth < limit ? CF_OK : CF_ERR_BUDGET);
        assert_int_equal(joined, depth < limit ? b : a);
        /* lists need no room to wait, however deep */
        a = nest(&x, CF_CEL_T_INT, 2000, false, 0);
        b = nest(&x, CF_CEL_T_DYN, 2000, false, 0);
        assert_ok(cf_cel_infer_fits(&x.infer, a, b, &fits));
        assert_true(fits);
        fixture_free(&x);
    }
}

static void nothing_stays_bound_when_types_do_not_fit(void **state)
{
    (void)state;
    fixture x;
    fixture_init(&x);
    cf_cel_type v, a, b;
    assert_ok(cf_cel_infer_variable(&x.infer, &v));
    assert_ok(cf_cel_pool_add(&x.pool, CF_CEL_OF_MAP, v, CF_CEL_T_INT, CF_VIEW_EMPTY, &a));
    assert_ok(
        cf_cel_pool_add(&x.pool, CF_CEL_OF_MAP, CF_CEL_T_BOOL, CF_CEL_T_UINT, CF_VIEW_EMPTY, &b));
    bool fits = true;
    assert_ok(cf_cel_infer_fits(&x.infer, a, b, &fits));
    assert_false(fits);
    assert_int_equal(cf_cel_infer_value(&x.infer, v), v);
    assert_true(cf_cel_infer_any(&x.infer, v));
    assert_ok(cf_cel_infer_fits(&x.infer, v, CF_CEL_T_BYTES, &fits));
    assert_true(fits);
    assert_int_equal(cf_cel_infer_value(&x.infer, v), CF_CEL_T_BYTES);
    /* a bound variable becomes dyn by meeting it, and by nothing less */
    assert_ok(cf_cel_infer_dyn(&x.infer, v));
    assert_int_equal(cf_cel_infer_value(&x.infer, v), CF_CEL_T_BYTES);
    assert_ok(cf_cel_infer_fits(&x.infer, CF_CEL_T_DYN, v, &fits));
    assert_int_equal(cf_cel_infer_value(&x.infer, v), CF_CEL_T_DYN);
    fixture_free(&x);
}

/* Variables that were bound to each other are one. */
static void variables_unite(void **state)
{
    (void)state;
    fixture x;
    fixture_init(&x);
    cf_cel_type v[100];
    bool fits;
    for (int i = 0; i < 100; i++) {
        assert_ok(cf_cel_infer_variable(&x.infer, &v[i]));
        if (i > 0) {
            assert_ok(cf_cel_infer_fits(&x.infer, v[i / 2], v[i], &fits));
            assert_true(fits);
        }
    }
    assert_ok(cf_cel_infer_fits(&x.infer, v[37], CF_CEL_T_STRING, &fits));
    for (int i = 0; i < 100; i++) {
        assert_int_equal(cf_cel_infer_value(&x.infer, v[i]), CF_CEL_T_STRING);
    }
    assert_ok(cf_cel_infer_fits(&x.infer, v[99], CF_CEL_T_INT, &fits));
    assert_false(fits);
    fixture_free(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_comparison_is_a_step),
        cmocka_unit_test(bounds_what_waits),
        cmocka_unit_test(nothing_stays_bound_when_types_do_not_fit),
        cmocka_unit_test(variables_unite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
