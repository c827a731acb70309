/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/test.h"

static const char *const all_codes[] = {"ok",
#define CODE(sym, code, text) code,
                                        CF_ERRORS(CODE)
#undef CODE
};
_Static_assert(sizeof all_codes / sizeof all_codes[0] == CF_ERR_COUNT, "one code per error");

static void every_error_has_its_own_code(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CF_ERR_COUNT; i++) {
        const char *code = cf_err_code((cf_err)i);
        assert_string_equal(code, all_codes[i]);
        assert_int_equal(strspn(code, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(code));
        assert_int_equal(cf_err_from_code(code), i);
        for (unsigned j = 0; j < i; j++) {
            assert_string_not_equal(code, cf_err_code((cf_err)j));
        }
    }
}

static void every_error_has_a_sentence(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CF_ERR_COUNT; i++) {
        const char *text = cf_err_text((cf_err)i);
        assert_true(strlen(text) >= 8);
        assert_null(strchr(text, '%'));
        assert_true(text[strlen(text) - 1] != '.');
    }
}

static void what_is_no_error_is_internal(void **state)
{
    (void)state;
    assert_string_equal(cf_err_code(CF_ERR_COUNT), "internal");
    assert_string_equal(cf_err_text(CF_ERR_COUNT), cf_err_text(CF_ERR_INTERNAL));
    assert_string_equal(cf_err_code((cf_err)0xFFFFFF), "internal");
    assert_int_equal(cf_err_from_code("no_such_code"), CF_ERR_INTERNAL);
    assert_int_equal(cf_err_from_code(""), CF_ERR_INTERNAL);
    assert_int_equal(cf_err_from_code("OK"), CF_ERR_INTERNAL);
}

static cf_result tries(cf_result inner, int *steps)
{
    ++*steps;
    CF_TRY(inner);
    ++*steps;
    return cf_ok();
}

static cf_result requires(bool cond, int *steps)
{
    CF_REQUIRE(cond, STALE);
    ++*steps;
    return cf_ok();
}

static void macros_leave_on_errors_alone(void **state)
{
    (void)state;
    int steps = 0;
    assert_ok(tries(cf_ok(), &steps));
    assert_int_equal(steps, 2);
    assert_err(tries(cf_fail(CF_ERR_BUSY), &steps), BUSY);
    assert_int_equal(steps, 3);
    assert_ok(requires(true, &steps));
    assert_err(requires(false, &steps), STALE);
    assert_int_equal(steps, 4);
    assert_true(cf_is_ok(cf_ok()));
    assert_false(cf_is_ok(cf_fail(CF_ERR_IO)));
    cf_ignore(cf_fail(CF_ERR_IO));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_its_own_code),
        cmocka_unit_test(every_error_has_a_sentence),
        cmocka_unit_test(what_is_no_error_is_internal),
        cmocka_unit_test(macros_leave_on_errors_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
