/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cel/env_priv.h"

#include "tests/support/failmalloc.h"
#include "tests/support/test.h"

static cf_result impl_a(cf_cel_run *run, const cf_cel_value *args, uint32_t n, cf_cel_value *ret)
{
    (void)run;
    (void)args;
    *ret = cf_cel_int(n);
    return cf_ok();
}

static cf_cel_env *new_env(const cf_cel_env *base)
{
    cf_cel_env *env = NULL;
    assert_ok(cf_cel_env_new(base, &env));
    assert_non_null(env);
    return env;
}

static cf_result add(cf_cel_env *env, const cf_cel_function *row)
{
    return cf_cel_env_functions(env, (cf_cel_library){row, 1});
}

static uint32_t declare(cf_cel_env *env, const char *name, const char *type)
{
    uint32_t slot = UINT32_MAX;
    assert_ok(cf_cel_env_variable(env, cf_view_str(name), type, &slot));
    return slot;
}

/* Every library of function.h: one function of each is there, with its style and number of parameters. */
static void has_all_libraries(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool member;
        uint32_t params;
    } some[] = {
        {"size", false, 1},          {"startsWith", true, 2}, {"matches", false, 2},
        {"substring", true, 3},      {"format", true, 2},     {"regex.replace", false, 3},
        {"base64.encode", false, 1}, {"timestamp", false, 1}, {"getHours", true, 1},
        {"math.abs", false, 1},      {"distinct", true, 1},   {"sets.contains", false, 2},
        {"optional.of", false, 1},   {"hasValue", true, 1},   {"cidr", false, 1},
    };
    CF_CEL_ENV(env);
    CF_CEL_ENV(child);
    env = new_env(NULL);
    child = new_env(env);
    for (size_t i = 0; i < sizeof some / sizeof some[0]; i++) {
        cf_view name = cf_view_str(some[i].name);
        const cf_cel_group *g = cf_cel_env_find_group(env, name, some[i].member, some[i].params);
        assert_non_null(g);
        assert_true(g->n > 0);
        assert_int_equal(g->params, some[i].params);
        assert_ptr_equal(cf_cel_env_find_group(child, name, some[i].member, some[i].params), g);
        assert_null(cf_cel_env_find_group(env, name, some[i].member, 7));
        assert_true(cf_cel_env_has_function(child, name, some[i].member));
    }
    assert_false(cf_cel_env_has_function(env, CF_LIT("startsWith"), false));
    assert_false(cf_cel_env_has_function(env, CF_LIT("nosuch"), true));
    assert_int_equal(cf_cel_env_variables(env), 0);
}

static void variables_have_slots_in_order(void **state)
{
    (void)state;
    CF_CEL_ENV(base);
    CF_CEL_ENV(child);
    base = new_env(NULL);
    assert_int_equal(declare(base, "a", "int"), 0);
    assert_int_equal(declare(base, "b", "list(string)"), 1);
    child = new_env(base);
    assert_int_equal(declare(child, "c", "map(string, list(string))"), 2);
    assert_int_equal(declare(child, "a", "bool"), 3); /* hides that of the base */
    assert_int_equal(cf_cel_env_variables(base), 2);
    assert_int_equal(cf_cel_env_variables(child), 4);
    assert_int_equal(cf_cel_env_find_variable(child, CF_LIT("a"))->slot, 3);
    assert_int_equal(cf_cel_env_find_variable(base, CF_LIT("a"))->slot, 0);
    assert_int_equal(cf_cel_env_find_variable(child, CF_LIT("b"))->slot, 1);
    assert_null(cf_cel_env_find_variable(base, CF_LIT("c")));
    assert_null(cf_cel_env_find_variable(child, CF_LIT("")));
    assert_int_equal(cf_cel_env_slot_type(child, 0), CF_CEL_T_INT);
    assert_int_equal(cf_cel_env_slot_type(child, 3), CF_CEL_T_BOOL);
    /* types of the child's that the base has are the base's */
    cf_cel_type map = cf_cel_env_slot_type(child, 2);
    assert_int_equal(cf_cel_pool_at(cf_cel_env_pool(child), map)->b, cf_cel_env_slot_type(base, 1));
}

static void names_and_types_are_looked_at(void **state)
{
    (void)state;
    CF_CEL_ENV(env);
    env = new_env(NULL);
    const char *const bad[] = {"",    ".",   "a.",  ".a",       "a..b", "1a",
                               "a.1", "a b", "a-b", "\xc3\xa4", "a\n"};
    uint32_t slot;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_err(cf_cel_env_variable(env, cf_view_str(bad[i]), "int", &slot), MALFORMED);
    }
    const char *const types[] = {"", "list(", "int int", "A", "list(A)", "list(int))"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        assert_err(cf_cel_env_variable(env, CF_LIT("x"), types[i], &slot), MALFORMED);
    }
    assert_int_equal(cf_cel_env_variables(env), 0);
    assert_int_equal(cf_cel_env_dots(env), 0);
    (void)declare(env, "_x1", "int");
    assert_int_equal(cf_cel_env_dots(env), 0);
    (void)declare(env, "x.y.z", "int");
    assert_int_equal(cf_cel_env_dots(env), 2);
    assert_err(cf_cel_env_variable(env, CF_LIT("_x1"), "bool", &slot), DUPLICATE);
    assert_int_equal(cf_cel_env_find_variable(env, CF_LIT("_x1"))->type, CF_CEL_T_INT);
    CF_CEL_ENV(child);
    child = new_env(env);
    assert_int_equal(cf_cel_env_dots(child), 2);
}

/* All of them, over the places inside the structure and several growths, half in the base. */
static void bounds_variables(void **state)
{
    (void)state;
    static char names[CF_CEL_VARIABLES_MAX + 1][8];
    CF_CEL_ENV(base);
    CF_CEL_ENV(child);
    base = new_env(NULL);
    for (uint32_t i = 0; i <= CF_CEL_VARIABLES_MAX; i++) {
        snprintf(names[i], sizeof names[i], "v%u", i);
    }
    uint32_t half = CF_CEL_VARIABLES_MAX / 2;
    for (uint32_t i = 0; i < half; i++) {
        assert_int_equal(declare(base, names[i], "dyn"), i);
    }
    child = new_env(base);
    for (uint32_t i = half; i < CF_CEL_VARIABLES_MAX; i++) {
        assert_int_equal(declare(child, names[i], "dyn"), i);
    }
    uint32_t slot;
    assert_err(cf_cel_env_variable(child, cf_view_str(names[CF_CEL_VARIABLES_MAX]), "dyn", &slot),
               SIZE);
    for (uint32_t i = 0; i < CF_CEL_VARIABLES_MAX; i++) {
        const cf_cel_variable *v = cf_cel_env_find_variable(child, cf_view_str(names[i]));
        assert_non_null(v);
        assert_int_equal(v->slot, i);
    }
    assert_null(cf_cel_env_find_variable(child, cf_view_str(names[CF_CEL_VARIABLES_MAX])));
}

static void overloads_join_those_of_the_base(void **state)
{
    (void)state;
    static const cf_cel_function more = {"size", "(opaque)->int", impl_a, CF_CEL_HOST};
    static const cf_cel_function again = {"size", "(other)->int", impl_a, 0};
    static const cf_cel_function same = {"size", "(string)->uint", impl_a, 0};
    CF_CEL_ENV(base);
    CF_CEL_ENV(child);
    base = new_env(NULL);
    const cf_cel_group *of_base = cf_cel_env_find_group(base, CF_LIT("size"), false, 1);
    uint32_t n = of_base->n;
    child = new_env(base);
    assert_ptr_equal(cf_cel_env_find_group(child, CF_LIT("size"), false, 1), of_base);
    assert_ok(add(child, &more));
    assert_ok(add(child, &again));
    const cf_cel_group *g = cf_cel_env_find_group(child, CF_LIT("size"), false, 1);
    assert_ptr_not_equal(g, of_base);
    assert_int_equal(g->n, n + 2);
    assert_int_equal(of_base->n, n);
    assert_ptr_equal(g->overloads[0].impl, of_base->overloads[0].impl);
    assert_ptr_equal(g->overloads[n].impl, impl_a);
    assert_int_equal(g->overloads[n].flags, CF_CEL_HOST);
    assert_err(add(child, &same), DUPLICATE);
    assert_err(add(child, &more), DUPLICATE);
    assert_int_equal(cf_cel_env_find_group(child, CF_LIT("size"), false, 1)->n, n + 2);
}

static void signatures_are_looked_at(void **state)
{
    (void)state;
    static const cf_cel_function rows[] = {
        {"f", "(int", NULL, 0},       {"f", "(int,int,int,int,int,int,int,int,int)->int", NULL, 0},
        {"f", "(int)->int", NULL, 0}, {"f", "int.()->int", NULL, 0},
        {"f", "()->int", NULL, 0},
    };
    CF_CEL_ENV(env);
    env = new_env(NULL);
    assert_err(add(env, &rows[0]), MALFORMED);
    assert_err(add(env, &rows[1]), SIZE);
    assert_false(cf_cel_env_has_function(env, CF_LIT("f"), false));
    assert_ok(cf_cel_env_functions(env, (cf_cel_library){&rows[2], 3}));
    assert_int_equal(cf_cel_env_find_group(env, CF_LIT("f"), false, 1)->n, 1);
    assert_int_equal(cf_cel_env_find_group(env, CF_LIT("f"), true, 1)->n, 1);
    assert_int_equal(cf_cel_env_find_group(env, CF_LIT("f"), false, 0)->n, 1);
    assert_null(cf_cel_env_find_group(env, CF_LIT("f"), false, 2));
}

/* Many names, so that the buckets grow; and in the end the environment's bound, which is an error like any other. */
static void many_functions(void **state)
{
    (void)state;
    enum { MANY = 20000, SURE = 2000 };
    static char names[MANY][8];
    CF_CEL_ENV(env);
    CF_CEL_ENV(child);
    env = new_env(NULL);
    child = new_env(env);
    uint32_t n = 0;
    cf_result r = cf_ok();
    while (n < MANY && cf_is_ok(r)) {
        snprintf(names[n], sizeof names[n], "f%u", n);
        cf_cel_function row = {names[n], "(int)->int", impl_a, 0};
        r = add(child, &row);
        n += cf_is_ok(r);
    }
    assert_err(r, NO_MEMORY);
    assert_true(n >= SURE);
    for (uint32_t i = 0; i < n; i++) {
        assert_non_null(cf_cel_env_find_group(child, cf_view_str(names[i]), false, 1));
    }
    assert_non_null(cf_cel_env_find_group(child, CF_LIT("size"), false, 1));
}

static void bounds_types(void **state)
{
    (void)state;
    static char names[CF_CEL_ENV_TYPES_MAX + 1][8], types[CF_CEL_ENV_TYPES_MAX + 1][8];
    CF_CEL_ENV(env);
    CF_CEL_ENV(child);
    env = new_env(NULL);
    child = new_env(env);
    uint32_t slot;
    for (uint32_t i = 0; i + 1 < CF_CEL_ENV_TYPES_MAX; i++) {
        snprintf(names[i], sizeof names[i], "v%u", i);
        snprintf(types[i], sizeof types[i], "t%u", i);
        assert_ok(cf_cel_env_variable(child, cf_view_str(names[i]), types[i], &slot));
    }
    assert_ok(cf_cel_env_variable(child, CF_LIT("last"), "last", &slot));
    CF_CEL_ENV(grandchild);
    assert_err(cf_cel_env_variable(child, CF_LIT("over"), "over", &slot), BUDGET);
    grandchild = new_env(env);
    assert_ok(cf_cel_env_variable(grandchild, CF_LIT("over"), "over", &slot));
}

/* What a request does: names that last, one allocation. */
static cf_result child_of_twenty(void *ctx)
{
    static const char *const names[] = {"a",      "bb",      "ccc",      "dddd",      "eeeee",
                                        "ffffff", "ggggggg", "hhhhhhhh", "iiiiiiiii", "jjjjjjjjjj",
                                        "k",      "ll",      "mmm",      "nnnn",      "ooooo",
                                        "pppppp", "qqqqqqq", "rrrrrrrr", "sssssssss", "tttttttttt"};
    CF_CEL_ENV(env);
    CF_TRY(cf_cel_env_new(ctx, &env));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        uint32_t slot;
        CF_TRY(cf_cel_env_variable(env, cf_view_str(names[i]), "dyn", &slot));
    }
    return cf_ok();
}

static cf_result child_with_all(void *ctx)
{
    static char names[200][8];
    CF_CEL_ENV(env);
    CF_TRY(cf_cel_env_new(ctx, &env));
    for (uint32_t i = 0; i < 200; i++) {
        uint32_t slot;
        snprintf(names[i], sizeof names[i], "v%u", i);
        CF_TRY(cf_cel_env_variable(env, cf_view_str(names[i]), "list(opaque)", &slot));
        cf_cel_function row = {names[i], "(int)->map(int, other)", impl_a, 0};
        CF_TRY(add(env, &row));
    }
    return cf_ok();
}

static cf_result from_nothing(void *ctx)
{
    (void)ctx;
    CF_CEL_ENV(env);
    return cf_cel_env_new(NULL, &env);
}

static void allocations(void **state)
{
    (void)state;
    CF_CEL_ENV(base);
    base = new_env(NULL);
    assert_int_equal(failmalloc_each(child_of_twenty, base, 1), 1);
    assert_true(failmalloc_each(child_with_all, base, 3) >= 3);
    assert_true(failmalloc_each(from_nothing, NULL, 2) >= 2);
    cf_cel_env_free(&base);
    assert_null(base);
    cf_cel_env_free(&base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_all_libraries),
        cmocka_unit_test(variables_have_slots_in_order),
        cmocka_unit_test(names_and_types_are_looked_at),
        cmocka_unit_test(bounds_variables),
        cmocka_unit_test(overloads_join_those_of_the_base),
        cmocka_unit_test(signatures_are_looked_at),
        cmocka_unit_test(many_functions),
        cmocka_unit_test(bounds_types),
        cmocka_unit_test(allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
