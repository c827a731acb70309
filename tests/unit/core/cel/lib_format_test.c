/* SPDX-License-Identifier: Apache-2.0 */
/* Section 8.1 of the language's sheet: format. */
#include "tests/unit/core/cel/cel_test.h"

static const cel_row plain[] = {
    {"''.format([])", NULL, "\"\""},
    {"'no clause'.format([])", NULL, "\"no clause\""},
    {"'%%'.format([])", NULL, "\"%\""},
    {"'%%%s%%'.format(['text'])", NULL, "\"%text%\""},
    {"'%d %s, %d %s'.format([1, 'A', 2, 'B'])", NULL, "\"1 A, 2 B\""},
    {"f.format(['filler'])", "{\"f\": \"\\u00e9%s\\u00e9\"}",
     "\"\xC3\xA9"
     "filler\xC3\xA9\""},
    {"f.format(l)", "{\"f\": \"%s%s\", \"l\": [1, \"b\"]}", "\"1b\""},
};

/* %s of every type, alone and inside lists and maps. */
static const cel_row texts[] = {
    {"'%s'.format(['\\u00ff\\u0000'])", NULL, "\"\xC3\xBF\\u0000\""},
    {"'%s %s'.format([true, false])", NULL, "\"true false\""},
    {"'%s %s'.format([-9223372036854775808, 18446744073709551615u])", NULL,
     "\"-9223372036854775808 18446744073709551615\""},
    {"'%s %s %s'.format([1.0, -0.0, 56.8])", NULL, "\"1 -0 56.8\""},
    {"'%s'.format([1e21])", NULL, "\"1000000000000000000000\""},
    {"'%s'.format([1.5e-7])", NULL, "\"0.00000015\""},
    {"'%s %s %s'.format([0.0 / 0.0, 1.0 / 0.0, -1.0 / 0.0])", NULL, "\"NaN Infinity -Infinity\""},
    {"'%s'.format([b'xyz'])", NULL, "\"xyz\""},
    {"'%s'.format([b'\\xff\\xfea\\xc3\\xc3\\xa9\\x80'])", NULL,
     "\"\xEF\xBF\xBD"
     "a\xEF\xBF\xBD\xC3\xA9\xEF\xBF\xBD\""},
    {"'%s'.format([null])", NULL, "\"null\""},
    {"'%s %s'.format([type('a'), type(timestamp(0))])", NULL,
     "\"string google.protobuf.Timestamp\""},
    {"'%s'.format([duration('1h45m47s')])", NULL, "\"6347s\""},
    {"'%s'.format([duration('-1.5s')])", NULL, "\"-1.5s\""},
    {"'%s'.format([timestamp('2023-02-03T23:31:20+01:00')])", NULL, "\"2023-02-03T22:31:20Z\""},
    {"'%s'.format([[]])", NULL, "\"[]\""},
    {"'%s'.format([{}])", NULL, "\"{}\""},
    {"'%s'.format([['abc', 3.14, null, [9, 8, []], {}, b'q', duration('1s'), type(1)]])", NULL,
     "\"[abc, 3.14, null, [9, 8, []], {}, q, 1s, int]\""},
    {"'%s'.format([{'b': [1], 'a': {2: {}}}])", NULL, "\"{a: {2: {}}, b: [1]}\""},
    {"'%s'.format([{true: 1, 'k': 2, 3u: 4, -5: 6}])", NULL, "\"{-5: 6, 3: 4, k: 2, true: 1}\""},
    /* keys are sorted as texts; of equal texts the earlier comes first */
    {"'%s'.format([{10: 1, 9: 2}])", NULL, "\"{10: 1, 9: 2}\""},
    {"'%s'.format([{'1': 'a', 1: 'b'}])", NULL, "\"{1: a, 1: b}\""},
    {"'%s'.format([{1: 'b', '1': 'a'}])", NULL, "\"{1: b, 1: a}\""},
    {"'%.3s'.format(['abcdef'])", NULL, "\"abcdef\""}, /* a precision says nothing here */
    {"'%s'.format([optional.none()])", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"'%s'.format([[optional.of(1)]])", NULL, NULL, CF_ERR_CEL_ARGUMENT},
};

static const cel_row integers[] = {
    {"'%d'.format([-7])", NULL, "\"-7\""},
    {"'%d'.format([64u])", NULL, "\"64\""},
    {"'%d %d'.format([1.5, 1e20])", NULL, "\"1.5 100000000000000000000\""},
    {"'%d %d %d'.format([0.0 / 0.0, 1.0 / 0.0, -1.0 / 0.0])", NULL, "\"NaN Infinity -Infinity\""},
    {"'%b %b %b'.format([5, 0, -5])", NULL, "\"101 0 -101\""},
    {"'%b'.format([18446744073709551615u]).size()", NULL, "64"},
    {"'%b'.format([-9223372036854775808]).size()", NULL, "65"},
    {"'%b%b'.format([true, false])", NULL, "\"10\""},
    {"'%o %o'.format([11, 8u])", NULL, "\"13 10\""},
    {"'%o'.format([-9])", NULL, "\"-11\""},
    {"'%o'.format([18446744073709551615u])", NULL, "\"1777777777777777777777\""},
    {"'%x %X'.format([30, 6000u])", NULL, "\"1e 1770\""},
    {"'%x %X'.format([-30, -9223372036854775808])", NULL, "\"-1e -8000000000000000\""},
    {"'%x'.format(['Hello \\u00ff'])", NULL, "\"48656c6c6f20c3bf\""},
    {"'%X'.format([b'\\x00\\xab'])", NULL, "\"00AB\""},
    {"'%x'.format([''])", NULL, "\"\""},
    {"'%x'.format(['0123456789012345678901234567890123456789']).size()", NULL, "80"},
};

/* Six digits unless said otherwise; ties by the exact value, to even. */
static const cel_row places[] = {
    {"'%f'.format([2.71828])", NULL, "\"2.718280\""},
    {"'%f %f'.format([2, 3u])", NULL, "\"2.000000 3.000000\""},
    {"'%.3f'.format([4.5])", NULL, "\"4.500\""},
    {"'%.0f %.0f %.0f %.0f'.format([0.5, 1.5, 2.5, -0.5])", NULL, "\"0 2 2 -0\""},
    {"'%.2f'.format([1.005])", NULL, "\"1.00\""}, /* the double is below 1.005 */
    {"'%.1f'.format([99.95])", NULL, "\"100.0\""},
    {"'%.0f'.format([1e23])", NULL, "\"99999999999999991611392\""},
    {"'%.100f'.format([0.1]).size()", NULL, "102"},
    {"'%.0100f'.format([0.1]).size()", NULL, "102"},
    {"'%.101f'.format([0.1])", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"'%.99999999999999999999f'.format([0.1])", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"'%f %f %f'.format([0.0 / 0.0, 1.0 / 0.0, -1.0 / 0.0])", NULL, "\"NaN Infinity -Infinity\""},
    {"'%e'.format([2.71828])", NULL, "\"2.718280e+00\""},
    {"'%e %e'.format([1052, 3u])", NULL, "\"1.052000e+03 3.000000e+00\""},
    {"'%.6e'.format([1052.032911275])", NULL, "\"1.052033e+03\""},
    {"'%.0e'.format([9.5])", NULL, "\"1e+01\""},
    {"'%.2e'.format([5e-324])", NULL, "\"4.94e-324\""},
    {"'%e'.format([0.0])", NULL, "\"0.000000e+00\""},
    {"'%e %e %e'.format([0.0 / 0.0, 1.0 / 0.0, -1.0 / 0.0])", NULL, "\"NaN Infinity -Infinity\""},
};

/* Every letter with each type that it does not take, and texts that are no formats. */
static const cel_row refused[] = {
    {"'%a'.format([1])", NULL, NULL, CF_ERR_CEL_ARGUMENT, CEL_AT(5)},
    {"'%E'.format([0.5])", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"'%'.format([1])", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"'%'.format([])", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"'%%%'.format([])", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"'%.'.format([1])", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"'%.3'.format([1])", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"'%.f'.format([1])", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"'%.-3f'.format([1])", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"'%3f'.format([1])", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"'%-s'.format([1])", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"'% d'.format([1])", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"'%.3%'.format([])", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"'%\\u00e9'.format([1])", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"'%d %d %d'.format([0, 1])", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"'%d'.format([0, 1])", NULL, NULL, CF_ERR_CEL_ARGUMENT}, /* one too many */
    {"''.format([null])", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"'%d'.format([duration('1s')])", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"'%d'.format([null])", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"'%d'.format(['1'])", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"'%d'.format([true])", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"'%d'.format([[1]])", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"'%f'.format([null])", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"'%f'.format(['1.0'])", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"'%e'.format([null])", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"'%e'.format([true])", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"'%x'.format([1.5])", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"'%X'.format([null])", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"'%x'.format([true])", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"'%o'.format(['a'])", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"'%o'.format([1.0])", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"'%o'.format([true])", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"'%b'.format(['a'])", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"'%b'.format([1.0])", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"'%s'.format('a')", NULL, NULL, CF_ERR_CEL_TYPE},
    {"dyn(1).format([1])", NULL, NULL, CF_ERR_CEL_TYPE},
    {"'%s'.format()", NULL, NULL, CEL_ANY_ERROR},
};

static void writes_texts(void **state)
{
    (void)state;
    CEL_ROWS(plain);
    CEL_ROWS(texts);
}

static void writes_numbers(void **state)
{
    (void)state;
    CEL_ROWS(integers);
    CEL_ROWS(places);
}

static void refuses(void **state)
{
    (void)state;
    CEL_ROWS(refused);
}

static void stays_within_the_budget(void **state)
{
    (void)state;
    static const cf_cel_budget small = {.output_bytes = 16, .elements = 8};
    static const cel_row rows[] = {
        {"'%s%s'.format(['12345678', '12345678'])", NULL, "\"1234567812345678\"", .budget = &small},
        {"'%s-%s'.format(['12345678', '12345678'])", NULL, NULL, CF_ERR_BUDGET, .budget = &small},
        {"'%s'.format([[1, 2, 3, 4, 56]])", NULL, "\"[1, 2, 3, 4, 56]\"", .budget = &small},
        {"'%s'.format([[1, 2, 3, 45, 67]])", NULL, NULL, CF_ERR_BUDGET, .budget = &small},
        {"'%x'.format(['12345678'])", NULL, "\"3132333435363738\"", .budget = &small},
        {"'%x'.format(['123456789'])", NULL, NULL, CF_ERR_BUDGET, .budget = &small},
        {"'%.10f'.format([1e23])", NULL, NULL, CF_ERR_BUDGET, .budget = &small},
    };
    CEL_ROWS(rows);
}

/* Lists within each other: one less than the bound, at it, and one more; the value comes from JSON, which has the same bound, so that
 * the format's own list makes the difference. */
static void bounds_nesting(void **state)
{
    (void)state;
    char bindings[2 * CF_CEL_NESTING_MAX + 16];
    for (uint32_t depth = CF_CEL_NESTING_MAX - 2; depth < CF_CEL_NESTING_MAX; depth++) {
        size_t n = (size_t)snprintf(bindings, sizeof bindings, "{\"x\": ");
        memset(bindings + n, '[', depth);
        memset(bindings + n + depth, ']', depth);
        memcpy(bindings + n + 2 * (size_t)depth, "}", 2);
        cel_row rows[] = {
            {"'%s'.format([x]).size() / 2", NULL, NULL},
            {"'%s'.format([[x]]).size() / 2", NULL, NULL},
            {"'%s'.format([[[x]]]).size() / 2", NULL, NULL},
        };
        char sizes[3][16];
        for (uint32_t i = 0; i < 3; i++) {
            snprintf(sizes[i], sizeof sizes[i], "%u", depth + i);
            rows[i].bindings = bindings;
            rows[i].result = depth + i <= CF_CEL_NESTING_MAX ? sizes[i] : NULL;
            rows[i].error = CF_ERR_BUDGET;
        }
        CEL_ROWS(rows);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_texts),   cmocka_unit_test(writes_numbers),
        cmocka_unit_test(refuses),        cmocka_unit_test(stays_within_the_budget),
        cmocka_unit_test(bounds_nesting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
