/* SPDX-License-Identifier: Apache-2.0 */
/* The leftmost match and its groups, as a backtracking matcher would find them first. */
#include "core/regex/regex.h"

#include "tests/support/test.h"

#define STEPS 1000000u
#define GROUPS 5
#define NONE CF_REGEX_NONE

typedef struct {
    const char *pattern, *text;
    size_t start;
    size_t spans[2 *
                 GROUPS]; /* none from the first {NONE, NONE} row on: found when spans[0] != NONE */
} row;

/* Groups that are not named in a row are absent. */
static const row rows[] = {
    {"b", "abc", 0, {1, 2}},
    {"b", "abcb", 2, {3, 4}},
    {"b", "abc", 2, {NONE, NONE}},
    {"", "abc", 2, {2, 2}},
    {"", "", 0, {0, 0}},
    {"x*", "axx", 0, {0, 0}},
    {"x*", "axx", 1, {1, 3}},
    {"a|ab", "ab", 0, {0, 1}},
    {"ab|a", "ab", 0, {0, 2}},
    {"a+", "caaab", 0, {1, 4}},
    {"a+?", "caaab", 0, {1, 2}},
    {"(?U)a+", "caaab", 0, {1, 2}},
    {"(?U)a+?", "caaab", 0, {1, 4}},
    {"a{2,3}", "aaaa", 0, {0, 3}},
    {"a{2,3}?", "aaaa", 0, {0, 2}},
    {"a??b", "ab", 0, {0, 2}},
    {"(a)(b)?", "ac", 0, {0, 1, 0, 1, NONE, NONE}},
    {"(a)|(b)", "b", 0, {0, 1, NONE, NONE, 0, 1}},
    {"(a+)(b+)", "xaabbb", 0, {1, 6, 1, 3, 3, 6}},
    {"(a*)(ab)*(b*)", "abb", 0, {0, 3, 0, 1, NONE, NONE, 1, 3}},
    {"(a|b)*", "abb", 0, {0, 3, 2, 3}},
    {"(a|b)*?c", "abc", 0, {0, 3, 1, 2}},
    {"(?P<y>\\d{4})-(?P<m>\\d{2})", "on 1979-04-05", 0, {3, 10, 3, 7, 8, 10}},
    {"((a)(b)|(a))", "ab", 0, {0, 2, 0, 2, 0, 1, 1, 2, NONE, NONE}},
    {"(a*)*", "b", 0, {0, 0, 0, 0}},
    {"(a*)+", "b", 0, {0, 0, 0, 0}},
    {"(a*)+", "aa", 0, {0, 2, 0, 2}},
    {"(|a)*", "aa", 0, {0, 0, 0, 0}},
    {"(|a)+", "aa", 0, {0, 0, 0, 0}},
    {"(a|)+", "aa", 0, {0, 2, 1, 2}},
    {"(a*?)+b", "aab", 0, {0, 3, 0, 2}},
    {"(a){0}b", "ab", 0, {1, 2, NONE, NONE}},
    {"(a){2}", "aaa", 0, {0, 2, 1, 2}},
    {"^a", "aa", 1, {NONE, NONE}},
    {"\\Aa", "aa", 1, {NONE, NONE}},
    {"(?m)^a", "b\na", 1, {2, 3}},
    {"(?m)^a", "b\na", 2, {2, 3}},
    {"\\ba", "aa a", 1, {3, 4}},
    {"\\b", "ab", 1, {2, 2}},
    {"$", "ab", 0, {2, 2}},
    {"$", "ab", 2, {2, 2}},
    {"\u00E9(.)", "a\u00E9\u4E2Db", 0, {1, 6, 3, 6}},
    {"[^a]", "a\xFF\u00E9", 0, {2, 4}},
    {"(.*)(.*)", "ab", 0, {0, 2, 0, 2, 2, 2}},
    {"(.*?)(.*)", "ab", 0, {0, 2, 0, 0, 0, 2}},
    {"x(?:|-)*", "x--", 0, {0, 1}},
    {"x(?:|-+)*", "x--", 0, {0, 1}},
};

static void finds(void **state)
{
    (void)state;
    CF_ARENA(arena, 1 << 22);
    for (size_t i = 0; i < 2 * sizeof rows / sizeof rows[0]; i++) {
        const row *want = &rows[i / 2];
        CF_REGEX(re);
        cf_regex_limits limits = {.no_dfa = i % 2 == 1};
        cf_regex_mem mem;
        cf_regex_span spans[GROUPS];
        cf_view text = view_copy(cf_view_str(want->text));
        uint64_t steps = STEPS;
        bool found = false;
        assert_ok(cf_regex_compile(cf_view_str(want->pattern), &limits, &re, NULL));
        size_t groups = cf_regex_groups(re) + 1;
        assert_in_range(groups, 1, GROUPS);
        assert_ok(cf_regex_mem_new(re, GROUPS, &arena, &mem));
        assert_ok(cf_regex_find(re, text, want->start, &mem, &steps, spans, GROUPS, &found));
        assert_int_equal(found, want->spans[0] != NONE);
        for (size_t g = 0; g < GROUPS; g++) {
            bool named = g < groups && found;
            size_t start = named ? want->spans[2 * g] : NONE;
            size_t end = named ? want->spans[2 * g + 1] : NONE;
            if (spans[g].start != start || spans[g].end != end) {
                print_error("pattern %s text %s group %zu: %zd..%zd\n", want->pattern, want->text,
                            g, (ssize_t)spans[g].start, (ssize_t)spans[g].end);
                fail();
            }
        }
        view_free(text);
    }
}

/* Whoever asks for fewer groups gets the same match. */
static void gives_as_many_groups_as_wanted(void **state)
{
    (void)state;
    CF_REGEX(re);
    CF_ARENA(arena, 1 << 20);
    cf_regex_mem mem;
    cf_regex_span spans[GROUPS];
    uint64_t steps = STEPS;
    bool found = false;
    assert_ok(cf_regex_compile(CF_LIT("(a+)(b+)(c+)"), NULL, &re, NULL));
    for (size_t n = 1; n <= GROUPS; n++) {
        static const size_t ends[] = {6, 2, 4, 6};
        assert_ok(cf_regex_mem_new(re, n, &arena, &mem));
        assert_ok(cf_regex_find(re, CF_LIT("aabbcc"), 0, &mem, &steps, spans, n, &found));
        assert_true(found);
        for (size_t g = 0; g < n; g++) {
            assert_int_equal(spans[g].end, g < 4 ? ends[g] : NONE);
        }
    }
}

static void refuses_bad_arguments(void **state)
{
    (void)state;
    CF_REGEX(re);
    CF_ARENA(arena, 1 << 20);
    cf_regex_mem mem, none = {NULL, 0};
    cf_regex_span span;
    uint64_t steps = STEPS;
    bool found = true;
    assert_ok(cf_regex_compile(CF_LIT("a"), NULL, &re, NULL));
    assert_ok(cf_regex_mem_new(re, 1, &arena, &mem));
    for (size_t start = 0; start <= 3; start++) {
        cf_result r = cf_regex_find(re, CF_LIT("aa"), start, &mem, &steps, &span, 1, &found);
        assert_code(r, start > 2 ? CF_ERR_ARGUMENT : CF_OK);
        assert_int_equal(found, start < 2);
    }
    assert_err(cf_regex_find(re, CF_LIT("a"), 0, &mem, &steps, &span, 0, &found), ARGUMENT);
    assert_err(cf_regex_find(re, CF_LIT("a"), 0, &none, &steps, &span, 1, &found), ARGUMENT);
    assert_false(found);
    assert_int_equal(span.start, NONE);
    steps = 0;
    assert_err(cf_regex_find(re, CF_LIT("a"), 0, &mem, &steps, &span, 1, &found), BUDGET);
    /* The length alone is looked at. */
    cf_view vast = cf_view_make("a", (size_t)CF_REGEX_TEXT_BYTES_MAX + 1);
    steps = STEPS;
    assert_err(cf_regex_find(re, vast, 0, &mem, &steps, &span, 1, &found), SIZE);
    assert_err(cf_regex_match(re, vast, &mem, &steps, &found), SIZE);
}

/* All matches, one behind the other, as replacing does it. */
static void goes_through_a_text(void **state)
{
    (void)state;
    CF_REGEX(re);
    CF_ARENA(arena, 1 << 20);
    cf_regex_mem mem;
    cf_regex_span span;
    uint64_t steps = STEPS;
    cf_view text = CF_LIT("a1b22\u00E9333c");
    static const size_t want[] = {1, 2, 3, 5, 7, 10};
    size_t at = 0, n = 0;
    bool found = true;
    assert_ok(cf_regex_compile(CF_LIT("\\d+"), NULL, &re, NULL));
    assert_ok(cf_regex_mem_new(re, 1, &arena, &mem));
    while (found) {
        assert_ok(cf_regex_find(re, text, at, &mem, &steps, &span, 1, &found));
        if (found) {
            assert_true(n < 6);
            assert_int_equal(span.start, want[n++]);
            assert_int_equal(span.end, want[n++]);
            at = span.end;
        }
    }
    assert_int_equal(n, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds),
        cmocka_unit_test(gives_as_many_groups_as_wanted),
        cmocka_unit_test(refuses_bad_arguments),
        cmocka_unit_test(goes_through_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
