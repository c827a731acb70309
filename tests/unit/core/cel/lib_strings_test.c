/* SPDX-License-Identifier: Apache-2.0 */
/* Section 8.1 of the language's sheet but format. Indices are code points from 0; every function is seen with a text that is known to
 * be ASCII (a literal), with one that is not known to be (a binding), and with wider code points. */
#include "tests/unit/core/cel/cel_test.h"

#define WIDE "{\"s\": \"ta\\u00a9o\\u00a9\\u03b1T\"}"
#define PLAIN "{\"s\": \"tacocat\"}"

/* 0 <= i <= length, at the length the empty text. */
static const cel_row char_at[] = {
    {"'tacocat'.charAt(0)", NULL, "\"t\""},
    {"'tacocat'.charAt(6)", NULL, "\"t\""},
    {"'tacocat'.charAt(7)", NULL, "\"\""},
    {"'tacocat'.charAt(8)", NULL, NULL, CF_ERR_CEL_INDEX, CEL_AT(10)},
    {"'tacocat'.charAt(-1)", NULL, NULL, CF_ERR_CEL_INDEX},
    {"'tacocat'.charAt(9223372036854775807)", NULL, NULL, CF_ERR_CEL_INDEX},
    {"''.charAt(0)", NULL, "\"\""},
    {"s.charAt(2) + s.charAt(7)", PLAIN, "\"c\""},
    {"s.charAt(8)", PLAIN, NULL, CF_ERR_CEL_INDEX},
    {"s.charAt(4) + s.charAt(5) + s.charAt(6) + s.charAt(7)", WIDE, "\"\xC2\xA9\xCE\xB1T\""},
    {"s.charAt(8)", WIDE, NULL, CF_ERR_CEL_INDEX},
    {"'\\U0001F431\\U0001F600'.charAt(1) == '\\U0001F600'", NULL, "true"},
    {"'a\\u0000b'.charAt(2)", NULL, "\"b\""},
    {"'a'.charAt(true)", NULL, NULL, CF_ERR_CEL_TYPE},
    {"'a'.charAt(dyn(0u))", NULL, NULL, CF_ERR_CEL_TYPE},
};

/* First place or -1; an empty text is found at once; from < 0 and from > length are errors. */
static const cel_row index_of[] = {
    {"'tacocat'.indexOf('')", NULL, "0"},
    {"'tacocat'.indexOf('ac')", NULL, "1"},
    {"'tacocat'.indexOf('none')", NULL, "-1"},
    {"'tacocat'.indexOf('', 3)", NULL, "3"},
    {"'tacocat'.indexOf('', 7)", NULL, "7"},
    {"'tacocat'.indexOf('a', 3)", NULL, "5"},
    {"'tacocat'.indexOf('at', 5)", NULL, "5"},
    {"'tacocat'.indexOf('at', 6)", NULL, "-1"},
    {"'tacocat'.indexOf('t', 7)", NULL, "-1"},
    {"'tacocat'.indexOf('t', 8)", NULL, NULL, CF_ERR_CEL_INDEX},
    {"'tacocat'.indexOf('t', 30)", NULL, NULL, CF_ERR_CEL_INDEX},
    {"'tacocat'.indexOf('t', -1)", NULL, NULL, CF_ERR_CEL_INDEX},
    {"'tacocat'.indexOf('', -1)", NULL, NULL, CF_ERR_CEL_INDEX},
    {"'ab'.indexOf('abc')", NULL, "-1"},
    {"''.indexOf('')", NULL, "0"},
    {"s.indexOf('\\u00a9')", WIDE, "2"},
    {"s.indexOf('\\u00a9', 3)", WIDE, "4"},
    {"s.indexOf('\\u00a9\\u03b1', 3)", WIDE, "4"},
    {"s.indexOf('\\u00a9\\u03b1', 5)", WIDE, "-1"},
    {"s.indexOf('', 7)", WIDE, "7"},
    {"s.indexOf('', 8)", WIDE, NULL, CF_ERR_CEL_INDEX},
    {"s.indexOf('cat')", PLAIN, "4"},
    {"'a'.indexOf(1)", NULL, NULL, CF_ERR_CEL_TYPE},
    {"'a'.indexOf('a', '0')", NULL, NULL, CF_ERR_CEL_TYPE},
    {"24.indexOf('2')", NULL, NULL, CF_ERR_CEL_TYPE},
};

/* Last place that begins at or before from; an empty text is found at the end or at from; the same errors. */
static const cel_row last_index_of[] = {
    {"'tacocat'.lastIndexOf('')", NULL, "7"},
    {"'tacocat'.lastIndexOf('', 3)", NULL, "3"},
    {"'tacocat'.lastIndexOf('at')", NULL, "5"},
    {"'tacocat'.lastIndexOf('a', 5)", NULL, "5"},
    {"'tacocat'.lastIndexOf('a', 4)", NULL, "1"},
    {"'tacocat'.lastIndexOf('a', 0)", NULL, "-1"},
    {"'tacocat'.lastIndexOf('t', 0)", NULL, "0"},
    {"'tacocat'.lastIndexOf('at', 7)", NULL, "5"},
    {"'tacocat'.lastIndexOf('t', 8)", NULL, NULL, CF_ERR_CEL_INDEX},
    {"'tacocat'.lastIndexOf('t', -1)", NULL, NULL, CF_ERR_CEL_INDEX},
    {"'tacocat'.lastIndexOf('', -1)", NULL, NULL, CF_ERR_CEL_INDEX},
    {"'bananananana'.lastIndexOf('nana', 7)", NULL, "6"},
    {"'ab'.lastIndexOf('abc')", NULL, "-1"},
    {"''.lastIndexOf('')", NULL, "0"},
    {"''.lastIndexOf('a')", NULL, "-1"},
    {"s.lastIndexOf('\\u00a9')", WIDE, "4"},
    {"s.lastIndexOf('\\u00a9', 3)", WIDE, "2"},
    {"s.lastIndexOf('\\u00a9', 1)", WIDE, "-1"},
    {"s.lastIndexOf('\\u00a9\\u03b1', 4)", WIDE, "4"},
    {"s.lastIndexOf('', 8)", WIDE, NULL, CF_ERR_CEL_INDEX},
    {"'a'.lastIndexOf(b'a')", NULL, NULL, CF_ERR_CEL_TYPE},
};

/* 0 <= from <= to <= length. */
static const cel_row substring[] = {
    {"'tacocat'.substring(4)", NULL, "\"cat\""},
    {"'tacocat'.substring(7)", NULL, "\"\""},
    {"'tacocat'.substring(0, 4)", NULL, "\"taco\""},
    {"'tacocat'.substring(4, 4)", NULL, "\"\""},
    {"'tacocat'.substring(0, 7)", NULL, "\"tacocat\""},
    {"'tacocat'.substring(8)", NULL, NULL, CF_ERR_CEL_INDEX},
    {"'tacocat'.substring(-1)", NULL, NULL, CF_ERR_CEL_INDEX},
    {"'tacocat'.substring(1, 8)", NULL, NULL, CF_ERR_CEL_INDEX},
    {"'tacocat'.substring(4, 3)", NULL, NULL, CF_ERR_CEL_INDEX},
    {"'tacocat'.substring(-2, -1)", NULL, NULL, CF_ERR_CEL_INDEX},
    {"s.substring(2, 6)", WIDE, "\"\xC2\xA9o\xC2\xA9\xCE\xB1\""},
    {"s.substring(7, 7)", WIDE, "\"\""},
    {"s.substring(2, 8)", WIDE, NULL, CF_ERR_CEL_INDEX},
    {"s.substring(8)", WIDE, NULL, CF_ERR_CEL_INDEX},
    {"s.substring(1, 3).size()", PLAIN, "2"},
    {"'a'.substring(true)", NULL, NULL, CF_ERR_CEL_TYPE},
    {"'a'.substring(0, dyn(1.0))", NULL, NULL, CF_ERR_CEL_TYPE},
};

/* No limit when it is negative, 0 gives nothing, 1 the whole; an empty separator splits into code points. */
static const cel_row split[] = {
    {"'a b c'.split(' ')", NULL, "[\"a\",\"b\",\"c\"]"},
    {"'a b c'.split(' ', 0)", NULL, "[]"},
    {"'a b c'.split(' ', 1)", NULL, "[\"a b c\"]"},
    {"'a b c'.split(' ', 2)", NULL, "[\"a\",\"b c\"]"},
    {"'a b c'.split(' ', 3)", NULL, "[\"a\",\"b\",\"c\"]"},
    {"'a b c'.split(' ', 4)", NULL, "[\"a\",\"b\",\"c\"]"},
    {"'a b c'.split(' ', -1)", NULL, "[\"a\",\"b\",\"c\"]"},
    {"'a b c'.split(' ', 9223372036854775807).size()", NULL, "3"},
    {"',a,,b,'.split(',')", NULL, "[\"\",\"a\",\"\",\"b\",\"\"]"},
    {"'aaa'.split('aa')", NULL, "[\"\",\"a\"]"},
    {"'abc'.split('abc')", NULL, "[\"\",\"\"]"},
    {"'abc'.split('abcd')", NULL, "[\"abc\"]"},
    {"''.split(',')", NULL, "[\"\"]"},
    {"''.split('')", NULL, "[]"},
    {"'abc'.split('')", NULL, "[\"a\",\"b\",\"c\"]"},
    {"'abc'.split('', 2)", NULL, "[\"a\",\"bc\"]"},
    {"'abc'.split('', 1)", NULL, "[\"abc\"]"},
    {"'abc'.split('', 0)", NULL, "[]"},
    {"s.split('')", "{\"s\": \"\\u00a9\\u20acT\"}", "[\"\xC2\xA9\",\"\xE2\x82\xAC\",\"T\"]"},
    {"s.split('', 2)", "{\"s\": \"\\u00a9\\u20acT\"}", "[\"\xC2\xA9\",\"\xE2\x82\xACT\"]"},
    {"s.split('\\u00a9').map(p, p.size())", WIDE, "[2,1,2]"},
    {"'a'.split(1)", NULL, NULL, CF_ERR_CEL_TYPE},
    {"'a'.split('a', '1')", NULL, NULL, CF_ERR_CEL_TYPE},
};

/* All when the count is negative, none for 0; an empty text is replaced around every code point. */
static const cel_row replace[] = {
    {"'hello hello'.replace('he', 'we')", NULL, "\"wello wello\""},
    {"'hello hello'.replace('he', 'we', -1)", NULL, "\"wello wello\""},
    {"'hello hello'.replace('he', 'we', 1)", NULL, "\"wello hello\""},
    {"'hello hello'.replace('he', 'we', 2)", NULL, "\"wello wello\""},
    {"'hello hello'.replace('he', 'we', 0)", NULL, "\"hello hello\""},
    {"'hello'.replace('x', 'y')", NULL, "\"hello\""},
    {"'hello'.replace('l', '')", NULL, "\"heo\""},
    {"'aaa'.replace('aa', 'b')", NULL, "\"ba\""},
    {"'aa'.replace('a', 'aa')", NULL, "\"aaaa\""},
    {"'abc'.replace('', '-')", NULL, "\"-a-b-c-\""},
    {"'abc'.replace('', '-', 2)", NULL, "\"-a-bc\""},
    {"'abc'.replace('', '-', 4)", NULL, "\"-a-b-c-\""},
    {"''.replace('', '-')", NULL, "\"-\""},
    {"''.replace('a', '-')", NULL, "\"\""},
    {"s.replace('', '|')", "{\"s\": \"\\u00a9\\u20ac\"}", "\"|\xC2\xA9|\xE2\x82\xAC|\""},
    {"s.replace('\\u00a9', '\\u20ac').size()", WIDE, "7"},
    {"'a-b'.replace('-', '\\u00a9').indexOf('b')", NULL, "2"}, /* is no ASCII any more */
    {"'a'.replace('a', 1)", NULL, NULL, CF_ERR_CEL_TYPE},
    {"'a'.replace('a', 'b', 'c')", NULL, NULL, CF_ERR_CEL_TYPE},
};

/* A list of strings only. */
static const cel_row join[] = {
    {"['x', 'y'].join()", NULL, "\"xy\""},
    {"['x', 'y', 'z'].join(', ')", NULL, "\"x, y, z\""},
    {"['x'].join(', ')", NULL, "\"x\""},
    {"[].join()", NULL, "\"\""},
    {"[].join('-')", NULL, "\"\""},
    {"['', ''].join('-')", NULL, "\"-\""},
    {"['a', 'b'].join('\\u00a9').indexOf('b')", NULL, "2"},
    {"l.join('\\u20ac').size()", "{\"l\": [\"\\u00a9\", \"b\"]}", "3"},
    {"[1].join()", NULL, NULL, CF_ERR_CEL_TYPE},
    {"['a', dyn(1)].join('-')", NULL, NULL, CF_ERR_CEL_TYPE},
    {"['a'].join(1)", NULL, NULL, CF_ERR_CEL_TYPE},
};

/* White_Space at both ends, and nothing that only looks like it. */
static const cel_row trim[] = {
    {"' \\f\\n\\r\\t\\vtext \\t '.trim()", NULL, "\"text\""},
    {"'te xt'.trim()", NULL, "\"te xt\""},
    {"''.trim()", NULL, "\"\""},
    {"' \\n '.trim()", NULL, "\"\""},
    {"'\\u0085\\u00a0\\u1680text\\u2028\\u2029\\u202f\\u205f\\u3000'.trim()", NULL, "\"text\""},
    {"'\\u2000\\u2001\\u2002\\u2003\\u2004\\u2005text\\u2006\\u2007\\u2008\\u2009\\u200a'.trim()",
     NULL, "\"text\""},
    {"'\\u180etext\\u200b\\u200c\\u200d\\u2060\\ufeff'.trim().size()", NULL, "10"},
    {"s.trim()", "{\"s\": \"\\u00a0\\u00a9\\u3000\"}", "\"\xC2\xA9\""},
    {"dyn(1).trim()", NULL, NULL, CF_ERR_CEL_TYPE},
};

/* ASCII letters only. */
static const cel_row cases[] = {
    {"'TacoCat@[`{'.lowerAscii()", NULL, "\"tacocat@[`{\""},
    {"'TacoCat@[`{'.upperAscii()", NULL, "\"TACOCAT@[`{\""},
    {"'TacoC\\u00c6t Xii'.lowerAscii()", NULL, "\"tacoc\xC3\x86t xii\""},
    {"'TacoC\\u00e6t Xii'.upperAscii()", NULL, "\"TACOC\xC3\xA6T XII\""},
    {"''.lowerAscii() + ''.upperAscii()", NULL, "\"\""},
    {"'azAZ09'.upperAscii().lowerAscii()", NULL, "\"azaz09\""},
    {"dyn(1).lowerAscii()", NULL, NULL, CF_ERR_CEL_TYPE},
};

static const cel_row reversed[] = {
    {"''.reverse()", NULL, "\"\""},
    {"'gums'.reverse()", NULL, "\"smug\""},
    {"'Ta\\u00a9oC\\u03b1t'.reverse() == 't\\u03b1Co\\u00a9aT'", NULL, "true"},
    {"s.reverse().reverse() == s", "{\"s\": \"a\\u00e9\\u20ac\\ud83d\\udc31z\"}", "true"},
    {"s.reverse()", "{\"s\": \"a\\u00e9\\u20ac\"}",
     "\"\xE2\x82\xAC\xC3\xA9"
     "a\""},
};

/* In quotes, with the seven controls, backslash and quote escaped, all else as it is. */
static const cel_row quoted[] = {
    {"strings.quote('') == '\"\"'", NULL, "true"},
    {"strings.quote('\\a\\b\\t\\n\\v\\f\\r') == r'\"\\a\\b\\t\\n\\v\\f\\r\"'", NULL, "true"},
    {"strings.quote('\"\\\\') == r'\"\\\"\\\\\"'", NULL, "true"},
    {"strings.quote('\\u0000\\u0006\\u000e\\'') == '\"\\u0000\\u0006\\u000e\\'\"'", NULL, "true"},
    {"strings.quote('\\u044f\\U0001F600') == '\"\\u044f\\U0001F600\"'", NULL, "true"},
    {"strings.quote(dyn(1))", NULL, NULL, CF_ERR_CEL_TYPE},
};

static void takes_characters(void **state)
{
    (void)state;
    CEL_ROWS(char_at);
    CEL_ROWS(substring);
}

static void finds(void **state)
{
    (void)state;
    CEL_ROWS(index_of);
    CEL_ROWS(last_index_of);
}

static void splits_and_joins(void **state)
{
    (void)state;
    CEL_ROWS(split);
    CEL_ROWS(join);
}

static void replaces(void **state)
{
    (void)state;
    CEL_ROWS(replace);
}

static void changes(void **state)
{
    (void)state;
    CEL_ROWS(trim);
    CEL_ROWS(cases);
    CEL_ROWS(reversed);
    CEL_ROWS(quoted);
}

/* One below, at, and above each bound that a function of texts can reach; and costs that are products, which steps stop. */
static void stays_within_the_budget(void **state)
{
    (void)state;
    static const cf_cel_budget small = {.output_bytes = 16, .elements = 5};
    static const cf_cel_budget steps = {.steps = 300};
    static const cel_row rows[] = {
        {"'aaaa'.replace('a', 'bbbb')", NULL, "\"bbbbbbbbbbbbbbbb\"", .budget = &small},
        {"('aaaa' + 'c').replace('a', 'bbbb')", NULL, NULL, CF_ERR_BUDGET, .budget = &small},
        {"'abcd'.replace('', '1234').size()", NULL, NULL, CF_ERR_BUDGET, .budget = &small},
        {"['12345678', '1234567'].join('-').size()", NULL, "16", .budget = &small},
        {"['12345678', '12345678'].join('-')", NULL, NULL, CF_ERR_BUDGET, .budget = &small},
        {"strings.quote('12345678901234')", NULL, "\"\\\"12345678901234\\\"\"", .budget = &small},
        {"strings.quote('1234567890123\\n')", NULL, NULL, CF_ERR_BUDGET, .budget = &small},
        {"'1234'.split('').size()", NULL, "4", .budget = &small},
        {"'12345'.split('').size()", NULL, "5", .budget = &small},
        {"'123456'.split('')", NULL, NULL, CF_ERR_BUDGET, .budget = &small},
        {"'1 2 3 4 5 6'.split(' ')", NULL, NULL, CF_ERR_BUDGET, .budget = &small},
        {"'1 2 3 4 5 6'.split(' ', 5).size()", NULL, "5", .budget = &small},
        /* || absorbs no budget error */
        {"true || 'aaaaa'.replace('a', 'bbbb') == ''", NULL, "true", .budget = &small},
        {"'aaaaa'.replace('a', 'bbbb') == '' || true", NULL, NULL, CF_ERR_BUDGET, .budget = &small},
        {"s.replace('', 'x').size() > 0",
         "{\"s\": \"012345678901234567890123456789012345678901234567\"}", "true", .budget = &steps},
        {"s.split('').map(c, s.replace('', 'x')).size()",
         "{\"s\": \"012345678901234567890123456789012345678901234567\"}", NULL, CF_ERR_BUDGET,
         .budget = &steps},
    };
    CEL_ROWS(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_characters), cmocka_unit_test(finds),
        cmocka_unit_test(splits_and_joins), cmocka_unit_test(replaces),
        cmocka_unit_test(changes),          cmocka_unit_test(stays_within_the_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
