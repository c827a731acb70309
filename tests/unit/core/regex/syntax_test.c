/* SPDX-License-Identifier: Apache-2.0 */
/* What is a pattern, what is none, and where that is seen. docs/regex.md; RE2's manual of its syntax. */
#include "core/regex/regex.h"

#include "tests/support/test.h"

static void takes_patterns(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        size_t groups;
    } rows[] = {
        {"", 0},
        {"a||b", 0},
        {"|", 0},
        {"()", 1},
        {"(?:)", 0},
        {"(a)(b(c))", 3},
        {"(?P<name>a)(?<other>b)", 2},
        {"(?P<n>a)(?P<n>b)", 2}, /* RE2's: the first of that name counts */
        {"(?P<\u00E9\u4E2D_1>a)", 1},
        {"(?i)a", 0},
        {"(?i-s:a)(?-m)(?)(?U)", 0},
        {"(?imsU)a", 0},
        {"a(?i)*", 0},
        {"a*(?i)*", 0},
        {"a{2}", 0},
        {"a{2,}", 0},
        {"a{0,1000}", 0},
        {"a{,2}", 0},
        {"a{01}", 0},
        {"a{2", 0},
        {"{", 0},
        {"x{a}", 0},
        {"^*$*\\b+", 0},
        {"\\Qa*(\\E+", 0},
        {"\\Q", 0},
        {"\\Q\\", 0},
        {"\\_\\-\\ \\/", 0},
        {"\\a\\f\\n\\r\\t\\v", 0},
        {"\\0\\08\\12\\377\\777", 0},
        {"\\x41\\x{41}\\x{10FFFF}\\x{0000000041}", 0},
        {"\\d\\D\\s\\S\\w\\W\\b\\B\\A\\z", 0},
        {"\\pL\\PL\\p{Greek}\\P{Greek}\\p{^Greek}\\P{^Lu}\\p{Any}", 0},
        {"[a-z0-9_]", 0},
        {"[]a]", 0},
        {"[^]a]", 0},
        {"[a-]", 0},
        {"[-a]", 0},
        {"[a-b-c]", 0},
        {"[--/]", 0},
        {"[[:alpha:][:^digit:]x]", 0},
        {"[[:word:]-z]", 0},
        {"[\\d-z\\pL\\]\\x41-\\x{50}]", 0},
        {"[[:alpha]", 0},
        {"[[]", 0},
        {"[a&&b]", 0},
        {"[^\\x00-\\x{10FFFF}]", 0},
        {"\u4E2D+\U0001F600?", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CF_REGEX(re);
        size_t offset = 7;
        cf_view pattern = view_copy(cf_view_str(rows[i].pattern));
        cf_result r = cf_regex_compile(pattern, NULL, &re, &offset);
        if (!cf_is_ok(r)) {
            print_error("pattern %s\n", rows[i].pattern);
        }
        assert_ok(r);
        assert_int_equal(offset, 0);
        assert_int_equal(cf_regex_groups(re), rows[i].groups);
        assert_true(cf_regex_bytes(re) > 0);
        view_free(pattern);
    }
}

static const struct {
    const char *pattern;
    cf_err err;
    size_t offset;
} refused[] = {
    /* Groups. */
    {"(", CF_ERR_PATTERN, 1},
    {"a(b", CF_ERR_PATTERN, 3},
    {")", CF_ERR_PATTERN, 0},
    {"ab)c", CF_ERR_PATTERN, 2},
    {"a(?", CF_ERR_PATTERN, 1},
    {"(?i", CF_ERR_PATTERN, 0},
    {"(?i-)a", CF_ERR_PATTERN, 0},
    {"(?-)", CF_ERR_PATTERN, 0},
    {"(?-i-s)", CF_ERR_PATTERN, 0},
    {"(?x)", CF_ERR_PATTERN, 0},
    {"(?^)", CF_ERR_PATTERN, 0},
    {"(?P<>a)", CF_ERR_PATTERN, 0},
    {"(?P<a b>c)", CF_ERR_PATTERN, 0},
    {"(?P<a-b>c)", CF_ERR_PATTERN, 0},
    {"(?P<a", CF_ERR_PATTERN, 0},
    {"(?<a", CF_ERR_PATTERN, 0},
    {"(?Pa)", CF_ERR_PATTERN, 0},
    /* Quantifiers. */
    {"*", CF_ERR_PATTERN, 0},
    {"a|+", CF_ERR_PATTERN, 2},
    {"(?i)?", CF_ERR_PATTERN, 4},
    {"(*)", CF_ERR_PATTERN, 1},
    {"{2}", CF_ERR_PATTERN, 0},
    {"a**", CF_ERR_PATTERN, 2},
    {"a*?*", CF_ERR_PATTERN, 3},
    {"a+*", CF_ERR_PATTERN, 2},
    {"a{2}{3}", CF_ERR_PATTERN, 4},
    {"a{2,1}", CF_ERR_PATTERN, 1},
    {"a{1001}", CF_ERR_PATTERN, 1},
    {"a{0,1001}", CF_ERR_PATTERN, 1},
    {"a{1001,}", CF_ERR_PATTERN, 1},
    {"a{99999999999999999999}", CF_ERR_PATTERN, 1},
    {"(a{500}){3}", CF_ERR_PATTERN, 8},
    {"((a{10}){10}){11}", CF_ERR_PATTERN, 13},
    {"(a{2,}){501}", CF_ERR_PATTERN, 7},
    /* Escapes. */
    {"a\\", CF_ERR_PATTERN, 1},
    {"\\E", CF_ERR_PATTERN, 0},
    {"\\q", CF_ERR_PATTERN, 0},
    {"\\\u00E9", CF_ERR_PATTERN, 0},
    {"\\x", CF_ERR_PATTERN, 0},
    {"\\x4", CF_ERR_PATTERN, 0},
    {"\\x4g", CF_ERR_PATTERN, 0},
    {"\\x{", CF_ERR_PATTERN, 0},
    {"\\x{}", CF_ERR_PATTERN, 0},
    {"\\x{4", CF_ERR_PATTERN, 0},
    {"\\x{110000}", CF_ERR_PATTERN, 0},
    {"\\x{FFFFFFFFFFFFFFFF1}", CF_ERR_PATTERN, 0},
    {"\\p", CF_ERR_PATTERN, 0},
    {"\\p{Greek", CF_ERR_PATTERN, 0},
    /* Classes. */
    {"[", CF_ERR_PATTERN, 0},
    {"ab[", CF_ERR_PATTERN, 2},
    {"[a", CF_ERR_PATTERN, 0},
    {"[]", CF_ERR_PATTERN, 0},
    {"[^]", CF_ERR_PATTERN, 0},
    {"[a\\", CF_ERR_PATTERN, 2},
    {"[b-a]", CF_ERR_PATTERN, 1},
    {"[xb-a]", CF_ERR_PATTERN, 2},
    {"[a-\\d]", CF_ERR_PATTERN, 1},
    {"[\\b]", CF_ERR_PATTERN, 1},
    {"[\\Qa\\E]", CF_ERR_PATTERN, 1},
    {"[[:alpha:]", CF_ERR_PATTERN, 0},
    {"[[:nope:]]", CF_ERR_PATTERN, 1},
    {"[[:d:]]", CF_ERR_PATTERN, 1},
    {"[[::]]", CF_ERR_PATTERN, 1},
    {"[[:^:]]", CF_ERR_PATTERN, 1},
    /* What other languages have. */
    {"\\1", CF_ERR_UNSUPPORTED, 0},
    {"(a)\\1", CF_ERR_UNSUPPORTED, 3},
    {"\\8", CF_ERR_UNSUPPORTED, 0},
    {"\\18", CF_ERR_UNSUPPORTED, 0},
    {"[\\1]", CF_ERR_UNSUPPORTED, 1},
    {"\\Z", CF_ERR_UNSUPPORTED, 0},
    {"\\C", CF_ERR_UNSUPPORTED, 0},
    {"a(?=b)", CF_ERR_UNSUPPORTED, 1},
    {"a(?!b)", CF_ERR_UNSUPPORTED, 1},
    {"(?<=a)b", CF_ERR_UNSUPPORTED, 0},
    {"(?<!a)b", CF_ERR_UNSUPPORTED, 0},
    {"(?>a)", CF_ERR_UNSUPPORTED, 0},
    {"(?#c)", CF_ERR_UNSUPPORTED, 0},
    {"(?|a)", CF_ERR_UNSUPPORTED, 0},
    {"(?P=n)", CF_ERR_UNSUPPORTED, 0},
    {"(?P>n)", CF_ERR_UNSUPPORTED, 0},
    {"(?(1)a)", CF_ERR_UNSUPPORTED, 0},
    {"(?R)", CF_ERR_UNSUPPORTED, 0},
    {"a++", CF_ERR_UNSUPPORTED, 2},
    {"a*+", CF_ERR_UNSUPPORTED, 2},
    {"a??+", CF_ERR_UNSUPPORTED, 3},
    {"a{2}+", CF_ERR_UNSUPPORTED, 4},
    {"\\pX", CF_ERR_UNSUPPORTED, 0},
    {"\\p{greek}", CF_ERR_UNSUPPORTED, 0},
    {"\\p{}", CF_ERR_UNSUPPORTED, 0},
    {"\\p{Cn}", CF_ERR_UNSUPPORTED, 0},
    {"[\\p{L&}]", CF_ERR_UNSUPPORTED, 1},
    /* UTF-8. */
    {"\xFF", CF_ERR_UTF8, 0},
    {"ab\xC3", CF_ERR_UTF8, 2},
    {"[\xED\xA0\x80]", CF_ERR_UTF8, 1},
    {"\\\xC0\x80", CF_ERR_UTF8, 1},
    {"(\xF4\x90\x80\x80", CF_ERR_UTF8, 1},
};

static void refuses_what_is_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        cf_regex *re = (cf_regex *)(uintptr_t)1;
        size_t offset = SIZE_MAX;
        cf_view pattern = view_copy(cf_view_str(refused[i].pattern));
        cf_result r = cf_regex_compile(pattern, NULL, &re, &offset);
        if (r.code != refused[i].err || offset != refused[i].offset) {
            print_error("pattern %s: %s at %zu\n", refused[i].pattern, cf_err_code(r.code), offset);
        }
        assert_code(r, refused[i].err);
        assert_int_equal(offset, refused[i].offset);
        assert_null(re);
        assert_code(cf_regex_compile(pattern, NULL, &re, NULL), refused[i].err);
        view_free(pattern);
    }
}

/* Every beginning of a pattern that uses all of the syntax is taken or refused, and reads nothing beyond its end. */
static void survives_every_cut(void **state)
{
    (void)state;
    static const char all[] =
        "(?P<n>a)(?i-s:b[^]a-z[:^alpha:]\\d\\p{^Greek}\\x{41}-\\x5a]{2,3}?|\\Qc\\E*)"
        "+\\12\\x7f\\pL\\z$^.\\.(?U)\u00E9(?<m>\\b)\\_{1,}";
    size_t taken = 0;
    for (size_t len = 0; len < sizeof all; len++) {
        CF_REGEX(re);
        cf_view pattern = view_copy(cf_view_make(all, len));
        taken += cf_is_ok(cf_regex_compile(pattern, NULL, &re, NULL));
        view_free(pattern);
    }
    assert_in_range(taken, 20, sizeof all - 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_patterns),
        cmocka_unit_test(refuses_what_is_none),
        cmocka_unit_test(survives_every_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
