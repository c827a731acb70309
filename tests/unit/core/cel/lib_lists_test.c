/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of lists, section 8.4 of the language sheet, and their bounds. */
#include "tests/unit/core/cel/cel_test.h"

static const cel_row parts[] = {
    {"[1, 2, 3, 4].slice(1, 3)", NULL, "[2,3]"},
    {"[1, 2, 3, 4].slice(0, 4)", NULL, "[1,2,3,4]"},
    {"[1, 2, 3, 4].slice(4, 4)", NULL, "[]"},
    {"[1, 2, 3, 4].slice(0, 0)", NULL, "[]"},
    {"[].slice(0, 0)", NULL, "[]"},
    {"[1, 2, 3].slice(1, 3).slice(1, 2)", NULL, "[3]"},
    {"[1, 2, 3].slice(-1, 2)", NULL, NULL, CF_ERR_CEL_INDEX},
    {"[1, 2, 3].slice(2, 1)", NULL, NULL, CF_ERR_CEL_INDEX},
    {"[1, 2, 3].slice(0, 4)", NULL, NULL, CF_ERR_CEL_INDEX},
    {"[1, 2, 3].slice(-3, -1)", NULL, NULL, CF_ERR_CEL_INDEX},
    {"[1, 2, 3].slice(0, 9223372036854775807)", NULL, NULL, CF_ERR_CEL_INDEX},
    {"[1].slice(0u, 1)", NULL, NULL, CF_ERR_CEL_TYPE},
    {"dyn('abc').slice(0, 1)", NULL, NULL, CF_ERR_CEL_TYPE},
    {"[3, 4].first().value()", NULL, "3"},
    {"[3, 4].last().value()", NULL, "4"},
    {"[].first().hasValue()", NULL, "false"},
    {"[].last().hasValue()", NULL, "false"},
    {"[null].first().hasValue()", NULL, "true"},
    {"dyn({}).first()", NULL, NULL, CF_ERR_CEL_TYPE},
};

static const cel_row made[] = {
    {"lists.range(5)", NULL, "[0,1,2,3,4]"},
    {"lists.range(0)", NULL, "[]"},
    {"lists.range(-1)", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"lists.range(1u)", NULL, NULL, CF_ERR_CEL_TYPE},
    {"[5, 3, 1, 2].reverse()", NULL, "[2,1,3,5]"},
    {"[].reverse()", NULL, "[]"},
    {"['a'].reverse()", NULL, "[\"a\"]"},
    {"x.reverse()", "{\"x\": [1, \"b\", null]}", "[null,\"b\",1]"},
    {"dyn({}).reverse()", NULL, NULL, CF_ERR_CEL_TYPE},
};

static const cel_row flat[] = {
    {"[1, [2, 3], [4]].flatten()", NULL, "[1,2,3,4]"},
    {"[1, [2, [3, 4]]].flatten()", NULL, "[1,2,[3,4]]"},
    {"[1, 2, [], [], [3, 4]].flatten()", NULL, "[1,2,3,4]"},
    {"[[], [[]]].flatten()", NULL, "[[]]"},
    {"dyn([]).flatten()", NULL, "[]"},
    {"dyn([1, 2]).flatten()", NULL, "[1,2]"},
    {"[1, [2, [3, [4]]]].flatten(2)", NULL, "[1,2,3,[4]]"},
    {"[1, [2, [3, [4]]]].flatten(0)", NULL, "[1,[2,[3,[4]]]]"},
    {"[1, [2, [3, [4]]]].flatten(9223372036854775807)", NULL, "[1,2,3,4]"},
    {"[1, [2, [3, [4]]]].flatten(-1)", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"[].flatten(-1)", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"[[{'a': [1]}]].flatten(5)", NULL, "[{\"a\":[1]}]"},
    {"dyn({}).flatten()", NULL, NULL, CF_ERR_CEL_TYPE},
    {"[].flatten(dyn('1'))", NULL, NULL, CF_ERR_CEL_TYPE},
};

/* CEL's equality decides, and the first stays. */
static const cel_row unique[] = {
    {"[1, 2, 2, 3, 3, 3].distinct()", NULL, "[1,2,3]"},
    {"['b', 'b', 'c', 'a', 'c'].distinct()", NULL, "[\"b\",\"c\",\"a\"]"},
    {"[1, 'b', 2, 'b'].distinct()", NULL, "[1,\"b\",2]"},
    {"[].distinct()", NULL, "[]"},
    {"[1, 1.0, 2].distinct()", NULL, "[1,2]"},
    {"[1.0, 1, 1u].distinct()", NULL, "[1.0]"},
    {"[1u, 1.0, 1, true, 'x', true].distinct()", NULL, "[1,true,\"x\"]"},
    {"[null, null, false, 0].distinct()", NULL, "[null,false,0]"},
    {"[[1], [1.0], [2]].distinct()", NULL, "[[1],[2]]"},
    {"[{'a': 1}, {'a': 1u}, {}].distinct()", NULL, "[{\"a\":1},{}]"},
    {"[b'a', b'a', 'a'].distinct()", NULL, "[\"YQ==\",\"a\"]"},
    {"[0.0 / 0.0, 0.0 / 0.0].distinct().size()", NULL, "2"},
    /* a large double equals what is rounded to it */
    {"[9007199254740993, 9007199254740992.0, 9007199254740992].distinct().map(x, type(x)) == "
     "[int, int]",
     NULL, "true"},
    {"[9007199254740992.0, 9007199254740993, 9007199254740992].distinct().size()", NULL, "1"},
    {"[-9007199254740993, -9007199254740992.0].distinct().size()", NULL, "1"},
    {"dyn('aa').distinct()", NULL, NULL, CF_ERR_CEL_TYPE},
};

static const cel_row sorted[] = {
    {"[3, 2, 1].sort()", NULL, "[1,2,3]"},
    {"['b', 'c', 'a'].sort()", NULL, "[\"a\",\"b\",\"c\"]"},
    {"[].sort()", NULL, "[]"},
    {"[1].sort()", NULL, "[1]"},
    {"[2u, 1u].sort()", NULL, "[1,2]"},
    {"[2.5, -1.0 / 0.0, 1.0].sort()", NULL, "[\"-Infinity\",1.0,2.5]"},
    {"[true, false].sort()", NULL, "[false,true]"},
    {"[b'b', b'a'].sort()", NULL, "[\"YQ==\",\"Yg==\"]"},
    {"[duration('2s'), duration('-1s')].sort()", NULL, "[\"-1s\",\"2s\"]"},
    {"[timestamp(5), timestamp(-5)].sort() == [timestamp(-5), timestamp(5)]", NULL, "true"},
    {"[5, 4, 3, 2, 1, 0, -1].sort()", NULL, "[-1,0,1,2,3,4,5]"},
    {"[2, 1, 2, 1, 3].sort()", NULL, "[1,1,2,2,3]"},
    {"['ab', '', 'a', 'b', '\\u00e9', 'z'].sort()", NULL,
     "[\"\",\"a\",\"ab\",\"b\",\"z\",\"\xc3\xa9\"]"},
    {"x.sort()", "{\"x\": [9, 8, 7]}", "[7,8,9]"},
    {"[1, 'b'].sort()", NULL, NULL, CF_ERR_CEL_TYPE},
    {"[1, 1.0].sort()", NULL, NULL, CF_ERR_CEL_TYPE},
    {"[dyn(1), dyn(1u)].sort()", NULL, NULL, CF_ERR_CEL_TYPE},
    {"[[1, 2, 3]].sort()", NULL, NULL, CF_ERR_CEL_TYPE},
    {"[null].sort()", NULL, NULL, CF_ERR_CEL_TYPE},
    {"[{}].sort()", NULL, NULL, CF_ERR_CEL_TYPE},
    {"[int].sort()", NULL, NULL, CF_ERR_CEL_TYPE},
    {"[1.0, 0.0 / 0.0].sort()", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"dyn('ba').sort()", NULL, NULL, CF_ERR_CEL_TYPE},
};

static const cel_row sorted_by[] = {
    {"[].sortBy(e, e)", NULL, "[]"},
    {"['a'].sortBy(e, e)", NULL, "[\"a\"]"},
    {"[-3, 1, -5, -2, 4].sortBy(e, -(e * e))", NULL, "[-5,4,-3,-2,1]"},
    {"lists.range(3).sortBy(e, -e)", NULL, "[2,1,0]"},
    {"['a', 'c', 'b', 'first'].sortBy(e, e == 'first' ? '' : e)", NULL,
     "[\"first\",\"a\",\"b\",\"c\"]"},
    {"[{'x': 4}, {'x': 3}].sortBy(m, m['x'])", NULL, "[{\"x\":3},{\"x\":4}]"},
    /* stable */
    {"['b1', 'a1', 'b2', 'a2', 'b3'].sortBy(e, e.charAt(0))", NULL,
     "[\"a1\",\"a2\",\"b1\",\"b2\",\"b3\"]"},
    {"[[2, 'x'], [1, 'y'], [2, 'z'], [1, 'w']].sortBy(e, e[0]).map(e, e[1])", NULL,
     "[\"y\",\"w\",\"x\",\"z\"]"},
    {"[1, 2].sortBy(e, e == 1 ? dyn('a') : dyn(1))", NULL, NULL, CF_ERR_CEL_TYPE},
    {"[1, 2].sortBy(e, [e])", NULL, NULL, CF_ERR_CEL_TYPE},
    {"[1, 2].sortBy(e, e / (e - 1))", NULL, NULL, CF_ERR_CEL_DIVIDE},
};

/* Every order of up to six numbers, and longer runs of all lengths around the widths of the merges. */
static const cel_row at_length[] = {
    {"[1, 2, 3].all(a, [1, 2, 3].all(b, [1, 2, 3].all(c, [a, b, c].sort() == "
     "(a <= b ? (b <= c ? [a, b, c] : a <= c ? [a, c, b] : [c, a, b]) : "
     "a <= c ? [b, a, c] : b <= c ? [b, c, a] : [c, b, a]))))",
     NULL, "true"},
    {"lists.range(70).all(n, lists.range(n).reverse().sort() == lists.range(n))", NULL, "true"},
    {"lists.range(70).all(n, lists.range(n).sortBy(i, i * 37 % 71).map(i, i * 37 % 71) == "
     "lists.range(n).map(i, i * 37 % 71).sort())",
     NULL, "true"},
    {"lists.range(200).map(i, i * 7919 % 13).distinct().sort() == lists.range(13)", NULL, "true"},
};

static const cf_cel_budget thousand = {.elements = 1000};
static const cf_cel_budget few_steps = {.steps = 2000};

static const cel_row bounded[] = {
    {"lists.range(99999).size()", NULL, "99999"},
    {"lists.range(100000).size()", NULL, "100000"},
    {"lists.range(100001).size()", NULL, NULL, CF_ERR_BUDGET},
    {"lists.range(9223372036854775807).size()", NULL, NULL, CF_ERR_BUDGET},
    {"lists.range(1000).size()", NULL, "1000", .budget = &thousand},
    {"lists.range(1001).size()", NULL, NULL, CF_ERR_BUDGET, .budget = &thousand},
    {"[lists.range(500), lists.range(500)].flatten().size()", NULL, "1000", .budget = &thousand},
    {"[lists.range(500), lists.range(501)].flatten().size()", NULL, NULL, CF_ERR_BUDGET,
     .budget = &thousand},
    {"lists.range(50000).reverse().sort()[49999]", NULL, "49999"},
    {"lists.range(50000).map(i, i % 20000).distinct().size()", NULL, "20000"},
    {"lists.range(1000).map(i, string(i)).distinct().size()", NULL, "1000"},
    /* none of them is free */
    {"lists.range(1000).size()", NULL, "1000", .budget = &few_steps},
    {"lists.range(1000).reverse().reverse().reverse().size()", NULL, NULL, CF_ERR_BUDGET,
     .budget = &few_steps},
    {"lists.range(500).sort().size()", NULL, NULL, CF_ERR_BUDGET, .budget = &few_steps},
    {"lists.range(900).distinct().size()", NULL, NULL, CF_ERR_BUDGET, .budget = &few_steps},
    {"[lists.range(900), lists.range(900)].flatten().size()", NULL, NULL, CF_ERR_BUDGET,
     .budget = &few_steps},
    /* elements that only comparing tells apart */
    {"lists.range(3000).map(i, [i]).distinct().size()", NULL, NULL, CF_ERR_BUDGET},
};

#define ROWS_OF(table)                                                                             \
    static void test_##table(void **state)                                                         \
    {                                                                                              \
        (void)state;                                                                               \
        CEL_ROWS(table);                                                                           \
    }

ROWS_OF(parts)
ROWS_OF(made)
ROWS_OF(flat)
ROWS_OF(unique)
ROWS_OF(sorted)
ROWS_OF(sorted_by)
ROWS_OF(at_length)
ROWS_OF(bounded)

/* Lists of lists to one level below, at and above the bound, flattened to the ground. */
static void flatten_is_bounded_in_depth(void **state)
{
    (void)state;
    char bindings[2 * CF_CEL_NESTING_MAX + 16] = "{\"x\": ";
    size_t at = strlen(bindings), levels = CF_CEL_NESTING_MAX - 2;
    memset(bindings + at, '[', levels);
    memset(bindings + at + levels, ']', levels);
    bindings[at + 2 * levels] = '}';
    const cel_row rows[] = {
        {"[x].flatten(1000).size()", bindings, "0"},
        {"[[x]].flatten(1000).size()", bindings, "0"},
        {"[[[x]]].flatten(1000).size()", bindings, NULL, CF_ERR_BUDGET},
        {"[[[x]]].flatten(2).size()", bindings, "1"},
    };
    CEL_ROWS(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_made),
        cmocka_unit_test(test_flat),
        cmocka_unit_test(test_unique),
        cmocka_unit_test(test_sorted),
        cmocka_unit_test(test_sorted_by),
        cmocka_unit_test(test_at_length),
        cmocka_unit_test(test_bounded),
        cmocka_unit_test(flatten_is_bounded_in_depth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
