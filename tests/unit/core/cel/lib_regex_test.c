/* SPDX-License-Identifier: Apache-2.0 */
/* Sections 7 (matches), 8.6 (regex) and 10 of the language's sheet. Patterns are seen as constants, which are compiled with the program,
 * and as values of variables, which are compiled while it runs. */
#include "core/regex/regex.h"
#include "tests/unit/core/cel/cel_test.h"

/* Found anywhere in the text; function and method. */
static const cel_row matching[] = {
    {"'cows'.matches('')", NULL, "true"},
    {"''.matches('')", NULL, "true"},
    {"''.matches('a')", NULL, "false"},
    {"matches('abcd', 'bc')", NULL, "true"},
    {"'abcd'.matches('^bc')", NULL, "false"},
    {"'abcd'.matches('^a.*d$')", NULL, "true"},
    {"'grey'.matches('gr(a|e)y')", NULL, "true"},
    {"'\\U0001F431\\U0001F600\\U0001F600'.matches('(a|\\U0001F600){2}')", NULL, "true"},
    {"'a\\nb'.matches('a.b')", NULL, "false"},
    {"'a\\nb'.matches('(?s)a.b')", NULL, "true"},
    {"'ABC'.matches('(?i)abc')", NULL, "true"},
    {"s.matches(p)", "{\"s\": \"abc\", \"p\": \"b+\"}", "true"},
    {"matches(s, p)", "{\"s\": \"abc\", \"p\": \"^b\"}", "false"},
    {"s.matches('^[a-z]+$')", "{\"s\": \"abc\"}", "true"},
    {"'abc'.matches(p)", "{\"p\": \"c$\"}", "true"},
    {"'a'.matches(p + '?')", "{\"p\": \"^b\"}", "true"},
    {"['a', 'b', 'ab'].filter(x, x.matches(p))", "{\"p\": \"a\"}", "[\"a\",\"ab\"]"},
    {"['a', 'b'].map(p, 'abc'.matches('^' + p))", NULL, "[true,false]"},
    {"'ab'.matches(p) && 'ab'.matches(q) && 'ab'.matches(p)", "{\"p\": \"a\", \"q\": \"b\"}",
     "true"},
    {"'a'.matches(1)", NULL, NULL, CF_ERR_CEL_TYPE},
    {"dyn(b'a').matches('a')", NULL, NULL, CF_ERR_CEL_TYPE},
    /* what is no pattern of RE2 */
    {"'a'.matches('(')", NULL, NULL, CF_ERR_PATTERN},
    {"'a'.matches(p)", "{\"p\": \"(\"}", NULL, CF_ERR_PATTERN, CEL_AT(4)},
    {"'aa'.matches(p)", "{\"p\": \"(a)\\\\1\"}", NULL, CF_ERR_PATTERN},
    {"'aa'.matches(p)", "{\"p\": \"(?=a)\"}", NULL, CF_ERR_PATTERN},
    {"'aa'.matches(p)", "{\"p\": \"a{1001}\"}", NULL, CEL_ANY_ERROR},
    {"'a'.matches(p) || true", "{\"p\": \"(\"}", "true"}, /* an error like others */
};

static const cel_row extracted[] = {
    {"regex.extract('hello world', 'hello(.*)')", NULL, "\" world\""},
    {"regex.extract('item-A, item-B', 'item-(\\\\w+)')", NULL, "\"A\""},
    {"regex.extract('HELLO', 'hello').hasValue()", NULL, "false"},
    {"regex.extract('abc', 'b.')", NULL, "\"bc\""},
    {"regex.extract('', '').value()", NULL, "\"\""},
    {"regex.extract('abc', 'x*').value()", NULL, "\"\""},
    /* a group that is empty or took no part is none */
    {"regex.extract('phone: ', 'phone: (\\\\d*)').hasValue()", NULL, "false"},
    {"regex.extract('b', '(a)?b').hasValue()", NULL, "false"},
    {"regex.extract('a', '(?:a)(?:b)?').value()", NULL, "\"a\""},
    {"regex.extract('\\u00e9\\u20ac', '.(.)')", NULL, "\"\xE2\x82\xAC\""},
    {"regex.extract(s, p)", "{\"s\": \"k=v\", \"p\": \"k=(?P<name>.*)\"}", "\"v\""},
    {"regex.extract('a@b', '(.*)@(.*)')", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"regex.extract('none', '(x)(y)')", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"regex.extract('a', p)", "{\"p\": \"[\"}", NULL, CF_ERR_PATTERN},
    {"regex.extract(1, 'a')", NULL, NULL, CF_ERR_CEL_TYPE},
    {"regex.extractAll('id:123, id:456', 'id:\\\\d+')", NULL, "[\"id:123\",\"id:456\"]"},
    {"regex.extractAll('id:123, id:456', 'id:(\\\\d+)')", NULL, "[\"123\",\"456\"]"},
    {"regex.extractAll('id:123', 'assa')", NULL, "[]"},
    {"regex.extractAll('', 'a')", NULL, "[]"},
    {"regex.extractAll('', '')", NULL, "[\"\"]"},
    {"regex.extractAll('a1b22', '[a-z](\\\\d*)')", NULL, "[\"1\",\"22\"]"},
    {"regex.extractAll('ab1', '[a-z](\\\\d*)')", NULL, "[\"1\"]"}, /* empty groups are left out */
    /* an empty match does not count where the one before it ends */
    {"regex.extractAll('baaac', 'a*')", NULL, "[\"\",\"aaa\",\"\"]"},
    {"regex.extractAll('\\u00e9\\u20ac', 'x*')", NULL, "[\"\",\"\",\"\"]"},
    {"regex.extractAll('abab', '^ab')", NULL, "[\"ab\"]"}, /* ^ is the text's own start */
    {"regex.extractAll('aXbX', '\\\\b.')", NULL, "[\"a\"]"},
    {"regex.extractAll('a', '(.*)@([^.]*)')", NULL, NULL, CF_ERR_CEL_ARGUMENT},
};

static const cel_row replaced[] = {
    {"regex.replace('hello world hello', 'hello', 'hi')", NULL, "\"hi world hi\""},
    {"regex.replace('banana', 'a', 'x', 0)", NULL, "\"banana\""},
    {"regex.replace('banana', 'a', 'x', 1)", NULL, "\"bxnana\""},
    {"regex.replace('banana', 'a', 'x', 2)", NULL, "\"bxnxna\""},
    {"regex.replace('banana', 'a', 'x', 3)", NULL, "\"bxnxnx\""},
    {"regex.replace('banana', 'a', 'x', 4)", NULL, "\"bxnxnx\""},
    {"regex.replace('banana', 'a', 'x', -12)", NULL, "\"bxnxnx\""},
    {"regex.replace('banana', 'x', 'y')", NULL, "\"banana\""},
    {"regex.replace('', '', '-')", NULL, "\"-\""},
    {"regex.replace('abc', '', '-')", NULL, "\"-a-b-c-\""},
    {"regex.replace('baaac', 'a*', '-')", NULL, "\"-b-c-\""},
    {"regex.replace('\\u00e9\\u20ac', '', '-')", NULL, "\"-\xC3\xA9-\xE2\x82\xAC-\""},
    {"regex.replace('foo bar', '(fo)o (ba)r', r'\\2 \\1')", NULL, "\"ba fo\""},
    {"regex.replace('ab', '(a)|(b)', r'[\\1\\2]')", NULL, "\"[a][b]\""},
    {"regex.replace('ab', '.', r'\\0\\0')", NULL, "\"aabb\""},
    {"regex.replace('a', 'a', r'\\\\')", NULL, "\"\\\\\""},
    {"regex.replace('a', 'a', r'\\\\1')", NULL, "\"\\\\1\""},
    {"regex.replace('a', '(a)', '$1')", NULL, "\"$1\""}, /* no reference here */
    {"regex.replace('abcdefghij', '(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)', r'\\9\\1')", NULL, "\"ia\""},
    {"regex.replace(s, p, r)", "{\"s\": \"a-b\", \"p\": \"-\", \"r\": \"+\"}", "\"a+b\""},
    {"regex.replace('a', '(a)', r'\\2')", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"regex.replace('a', 'a', r'\\1')", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"regex.replace('a', 'a', r'x\\v')", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"regex.replace('a', 'a', 'x\\\\')", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {"regex.replace('b', 'a', 'x\\\\')", NULL, "\"b\""}, /* nothing is replaced */
    {"regex.replace('foo', '(', 'x')", NULL, NULL, CF_ERR_PATTERN},
    {"regex.replace('foo', 'o', 1)", NULL, NULL, CF_ERR_CEL_TYPE},
    {"regex.replace('foo', 'o', 'a', '1')", NULL, NULL, CF_ERR_CEL_TYPE},
};

static void matches(void **state)
{
    (void)state;
    CEL_ROWS(matching);
}

static void extracts(void **state)
{
    (void)state;
    CEL_ROWS(extracted);
}

static void replaces(void **state)
{
    (void)state;
    CEL_ROWS(replaced);
}

static void stays_within_the_budget(void **state)
{
    (void)state;
    static const cf_cel_budget small = {.regex_instructions = 64};
    static const cf_cel_budget steps = {.steps = 2000};
    static const cf_cel_budget output = {.output_bytes = 8, .elements = 4};
    static const cel_row rows[] = {
        {"'a'.matches(p)", "{\"p\": \"a{20}\"}", "false", .budget = &small},
        {"'a'.matches(p)", "{\"p\": \"a{200}\"}", NULL, CF_ERR_BUDGET, .budget = &small},
        {"'a'.matches('a{200}')", NULL, NULL, CF_ERR_BUDGET, .budget = &small},
        {"'a'.matches(p) || true", "{\"p\": \"a{200}\"}", NULL, CF_ERR_BUDGET, .budget = &small},
        {"[1,2,3,4,5,6,7,8,9].all(i, [1,2,3,4,5,6,7,8,9].all(j, !s.matches('(x+x+)+y')))",
         "{\"s\": "
         "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
         "xxxxx\"}",
         NULL, CF_ERR_BUDGET, .budget = &steps},
        {"regex.replace('aaaa', 'a', 'bb')", NULL, "\"bbbbbbbb\"", .budget = &output},
        {"regex.replace('aaaa', 'a$', 'bbbbbb')", NULL, NULL, CF_ERR_BUDGET, .budget = &output},
        {"regex.extractAll('aaaa', 'a').size()", NULL, "4", .budget = &output},
        {"regex.extractAll('aaaaa', 'a')", NULL, NULL, CF_ERR_BUDGET, .budget = &output},
    };
    CEL_ROWS(rows);
}

/* Constant patterns of one program together: as many as fit, and one more. */
static void patterns_share_their_bound(void **state)
{
    (void)state;
    CF_REGEX(one);
    static char source[8192];
    size_t unused;
    assert_ok(cf_regex_compile(CF_LIT("x{1000}"), NULL, &one, &unused));
    size_t fit = CF_CEL_PATTERNS_BYTES_MAX / cf_regex_bytes(one);
    for (size_t n = fit - 1; n <= fit + 1; n++) {
        cf_cel_program *p = NULL;
        cf_cel_error error;
        size_t at = 0;
        for (size_t i = 0; i < n; i++) {
            at += (size_t)snprintf(source + at, sizeof source - at, "%s'a'.matches('x{1000}')",
                                   i > 0 ? "||" : "");
            assert_true(at < sizeof source);
        }
        cf_result r = cf_cel_compile(cel_base_env(), cf_view_str(source), NULL, &p, &error);
        assert_code(r, n <= fit ? CF_OK : CF_ERR_BUDGET);
        if (n > fit) {
            assert_string_equal(error.budget, "regex_instructions");
        } else {
            assert_true(cf_cel_program_bytes(p) > n * cf_regex_bytes(one));
        }
        cf_cel_program_free(&p);
    }
}

/* Tables take memory and change no outcome. */
static void tables_are_asked_for(void **state)
{
    (void)state;
    static const char source[] = "'ab'.matches('^[a-b]+$')";
    CF_REGEX(plain);
    CF_REGEX(tabled);
    const cf_regex_limits without = {.no_dfa = true};
    assert_ok(cf_regex_compile(CF_LIT("^[a-b]+$"), &without, &plain, NULL));
    assert_ok(cf_regex_compile(CF_LIT("^[a-b]+$"), NULL, &tabled, NULL));
    size_t bytes[2];
    for (int i = 0; i < 2; i++) {
        const cf_cel_options opt = {.tables = i == 1};
        CF_CEL_PROGRAM(p);
        cf_cel_error error;
        CF_ARENA(arena, CF_CEL_LIVE_BYTES_MAX);
        cf_cel_value v;
        assert_ok(cf_cel_compile(cel_base_env(), cf_view_str(source), &opt, &p, &error));
        assert_ok(cf_cel_eval(p, NULL, NULL, NULL, &arena, &v, &error));
        assert_true(v.b);
        bytes[i] = cf_cel_program_bytes(p);
    }
    assert_true(cf_regex_bytes(tabled) > cf_regex_bytes(plain));
    assert_int_equal(bytes[1] - bytes[0], cf_regex_bytes(tabled) - cf_regex_bytes(plain));
}

static size_t bytes_with(const char *source, uint32_t compile_steps)
{
    const cf_cel_options opt = {.tables = true, .budget = {.compile_steps = compile_steps}};
    CF_CEL_PROGRAM(p);
    cf_cel_error error;
    CF_ARENA(arena, CF_CEL_LIVE_BYTES_MAX);
    cf_cel_value v;
    assert_ok(cf_cel_compile(cel_base_env(), cf_view_str(source), &opt, &p, &error));
    assert_ok(cf_cel_eval(p, NULL, NULL, NULL, &arena, &v, &error));
    assert_int_equal(v.kind, CF_CEL_BOOL);
    assert_false(v.b);
    return cf_cel_program_bytes(p);
}

/* A constant pattern that the steps of the compilation do not suffice for is compiled when it is met, and means the same. */
static void patterns_are_left_to_the_evaluation(void **state)
{
    (void)state;
    static const char source[] = "'a'.matches('[^b]{200}')";
    CF_REGEX(one);
    assert_ok(cf_regex_compile(CF_LIT("[^b]{200}"), NULL, &one, NULL));
    uint32_t few = 1, enough = CF_CEL_COMPILE_STEPS_MAX;
    while (enough - few > 1) {
        uint32_t middle = few + (enough - few) / 2;
        bool made = bytes_with(source, middle) > cf_regex_bytes(one);
        *(made ? &enough : &few) = middle;
    }
    assert_in_range(enough, 200, 100000);
    size_t with = bytes_with(source, enough), without = bytes_with(source, enough - 1);
    assert_int_equal(with, without + cf_regex_bytes(one));
    assert_int_equal(bytes_with(source, enough + 1), with);
    /* a bad one is then no error of the compilation */
    const cf_cel_options opt = {.tables = true, .budget = {.compile_steps = enough}};
    CF_CEL_PROGRAM(p);
    cf_cel_error error;
    CF_ARENA(arena, CF_CEL_LIVE_BYTES_MAX);
    cf_cel_value v;
    cf_view bad = CF_LIT("'a'.matches('[^b]{200}') && 'a'.matches('(') || 'a'.matches('(')");
    assert_ok(cf_cel_compile(cel_base_env(), bad, &opt, &p, &error));
    assert_err(cf_cel_eval(p, NULL, NULL, NULL, &arena, &v, &error), PATTERN);
}

/* Each constant has its text in the program, those too that are made of others: all together are bounded, whatever they cost to make. */
static void constants_that_are_made_are_bounded(void **state)
{
    (void)state;
    static char source[CF_CEL_SOURCE_BYTES_MAX];
    static const char trim[] = ".trim()";
    size_t at = 0;
    source[at++] = '\'';
    for (size_t i = 0; i < 8000; i++) {
        source[at++] = 'a';
    }
    source[at++] = '\'';
    while (at + sizeof trim + sizeof "!=''" < sizeof source) {
        at += (size_t)snprintf(source + at, sizeof source - at, "%s", trim);
    }
    at += (size_t)snprintf(source + at, sizeof source - at, "==''");
    size_t some = bytes_with(source, 20000), all = bytes_with(source, 0);
    /* 16 octets for a step, and what the instructions of the others take */
    assert_in_range(some, 20000 * 12, 20000 * 16 + ((size_t)2 << 20));
    assert_in_range(all, CF_CEL_COMPILE_STEPS_MAX * 12,
                    CF_CEL_COMPILE_STEPS_MAX * 16 + ((size_t)2 << 20));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches),
        cmocka_unit_test(extracts),
        cmocka_unit_test(replaces),
        cmocka_unit_test(stays_within_the_budget),
        cmocka_unit_test(patterns_share_their_bound),
        cmocka_unit_test(tables_are_asked_for),
        cmocka_unit_test(patterns_are_left_to_the_evaluation),
        cmocka_unit_test(constants_that_are_made_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
