/* SPDX-License-Identifier: Apache-2.0 */
/* sets.*, section 8.5 of the language sheet. Pairs are tried as short lists, which are compared one by one, and again beside a hundred
 * other elements, which are looked up. */
#include "tests/unit/core/cel/cel_test.h"

static const struct {
    const char *a, *b;
    bool contains, equivalent, intersects;
} pairs[] = {
    {"[]", "[]", true, true, false},
    {"[]", "[1]", false, false, false},
    {"[1]", "[]", true, false, false},
    {"[1]", "[1]", true, true, true},
    {"[1]", "[1, 1]", true, true, true},
    {"[1, 2]", "[2, 1, 2]", true, true, true},
    {"[1, 2, 3]", "[2, 3]", true, false, true},
    {"[2, 3]", "[1, 2, 3]", false, false, true},
    {"[1, 2]", "[3, 4]", false, false, false},
    {"['a', 'b']", "['b']", true, false, true},
    {"['a']", "['A']", false, false, false},
    /* CEL's equality */
    {"[1]", "[dyn(1.0), dyn(1u)]", true, true, true},
    {"[dyn(1.0)]", "[1]", true, true, true},
    {"[1]", "[dyn(1.5)]", false, false, false},
    {"[1]", "[dyn('1')]", false, false, false},
    {"[true]", "[dyn(1)]", false, false, false},
    {"[dyn(null)]", "[dyn(null)]", true, true, true},
    {"[0.0 / 0.0]", "[0.0 / 0.0]", false, false, false},
    {"[9007199254740993]", "[dyn(9007199254740992.0)]", true, true, true},
    {"[dyn(9007199254740992.0)]", "[9007199254740993]", true, true, true},
    {"[[1], [2]]", "[[dyn(1.0)]]", true, false, true},
    {"[[[1]]]", "[[[1, 2]]]", false, false, false},
    {"[{'a': 1}]", "[{'a': 1}]", true, true, true},
    {"[b'a']", "[dyn('a')]", false, false, false},
    {"[timestamp(1)]", "[timestamp(1)]", true, true, true},
};

/* A hundred other elements, which come to both lists in different orders, or to one of them alone. */
#define OTHERS "lists.range(100).map(i, dyn(i + 1000))"
#define MORE "lists.range(100).map(i, dyn(string(i) + 'x'))"

static void assert_sets(const char *function, const char *a, const char *b, const char *beside_a,
                        const char *beside_b, bool result)
{
    char source[400];
    const cel_row row = {source, NULL, result ? "true" : "false", .modes = CEL_UNCHECKED};
    (void)snprintf(source, sizeof source, "sets.%s(%s + %s, %s + %s)", function, a, beside_a, b,
                   beside_b);
    cel_rows(&row, 1);
}

static void pairs_of_lists(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        const char *a = pairs[i].a, *b = pairs[i].b;
        assert_sets("contains", a, b, "[]", "[]", pairs[i].contains);
        assert_sets("contains", a, b, OTHERS, OTHERS ".reverse()", pairs[i].contains);
        assert_sets("contains", a, b, OTHERS, "[]", pairs[i].contains);
        assert_sets("contains", a, b, "[]", OTHERS, false);
        assert_sets("equivalent", a, b, "[]", "[]", pairs[i].equivalent);
        assert_sets("equivalent", a, b, OTHERS, OTHERS ".reverse()", pairs[i].equivalent);
        assert_sets("equivalent", a, b, OTHERS, "[]", false);
        assert_sets("intersects", a, b, "[]", "[]", pairs[i].intersects);
        assert_sets("intersects", a, b, OTHERS, MORE, pairs[i].intersects);
        assert_sets("intersects", a, b, OTHERS, OTHERS ".reverse()", true);
    }
}

static const cf_cel_budget few_steps = {.steps = 2000};

static const cel_row misuse_and_bounds[] = {
    {"sets.contains([1], 1)", NULL, NULL, CF_ERR_CEL_TYPE},
    {"sets.equivalent(dyn('a'), ['a'])", NULL, NULL, CF_ERR_CEL_TYPE},
    {"sets.intersects({}, [])", NULL, NULL, CF_ERR_CEL_TYPE},
    /* one type of elements */
    {"sets.contains([1], ['a'])", NULL, NULL, CF_ERR_CEL_TYPE, .modes = CEL_CHECKED},
    {"sets.contains([1], ['a'])", NULL, "false", .modes = CEL_UNCHECKED},
    /* linear in both lengths where elements can be keys */
    {"sets.equivalent(lists.range(20000), lists.range(20000).reverse())", NULL, "true"},
    {"sets.intersects(lists.range(20000), lists.range(20000).map(i, i + 20000))", NULL, "false"},
    /* and paid for */
    {"sets.contains(lists.range(250), lists.range(250))", NULL, "true", .budget = &few_steps},
    {"sets.contains(lists.range(800), lists.range(800))", NULL, NULL, CF_ERR_BUDGET,
     .budget = &few_steps},
    {"[lists.range(3000).map(i, [i])].all(l, sets.equivalent(l, l))", NULL, NULL, CF_ERR_BUDGET},
};

static void refuses_and_is_bounded(void **state)
{
    (void)state;
    CEL_ROWS(misuse_and_bounds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_of_lists),
        cmocka_unit_test(refuses_and_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
