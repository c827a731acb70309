/* SPDX-License-Identifier: Apache-2.0 */
/* The verdict, by the table of states and by the program. */
#include "core/regex/regex.h"

#include "tests/support/test.h"

#define STEPS 1000000u

/* With and without the table; both and find agree. */
static bool verdict(cf_view pattern, cf_view text)
{
    bool ret[3] = {false, false, false};
    CF_ARENA(arena, 1 << 20);
    for (int i = 0; i < 2; i++) {
        CF_REGEX(re);
        cf_regex_limits limits = {.no_dfa = i == 1};
        cf_regex_mem mem;
        cf_regex_span span;
        uint64_t steps = STEPS;
        assert_ok(cf_regex_compile(pattern, &limits, &re, NULL));
        assert_ok(cf_regex_mem_new(re, 1, &arena, &mem));
        assert_ok(cf_regex_match(re, text, &mem, &steps, &ret[i]));
        assert_ok(cf_regex_find(re, text, 0, &mem, &steps, &span, 1, &ret[2]));
        assert_int_equal(ret[i], ret[2]);
        assert_int_equal(ret[i], span.start != CF_REGEX_NONE);
    }
    assert_int_equal(ret[0], ret[1]);
    return ret[0];
}

typedef struct {
    const char *pattern, *text;
    bool want;
} row;

static void check(const row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        cf_view text = view_copy(cf_view_str(rows[i].text));
        if (verdict(cf_view_str(rows[i].pattern), text) != rows[i].want) {
            print_error("pattern %s text %s\n", rows[i].pattern, rows[i].text);
            fail();
        }
        view_free(text);
    }
}

#define CHECK(rows) check((rows), sizeof(rows) / sizeof((rows)[0]))

static void searches(void **state)
{
    (void)state;
    static const row rows[] = {
        {"", "", true},
        {"", "abc", true},
        {"a", "", false},
        {"b", "abc", true},
        {"bc", "abbc", true},
        {"abc", "ab", false},
        {"^b", "ab", false},
        {"a$", "ab", false},
        {"^ab$", "ab", true},
        {"a|b", "xxb", true},
        {"abc|abd|xyz", "xabd", true},
        {"^(x+x+)+y$", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxzy", false},
        {"^(a|aa)+$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", false},
        {"^[a-z]+@example\\.com$", "alice@example.com", true},
        {"^[a-z]+@example\\.com$", "alice@exampleXcom", false},
        {"(a|b)*a(a|b){8}c", "abababababac", true},
        {"(a|b)*a(a|b){8}c", "ababbbbbbbc", false},
        {"[^\\x00-\\x{10FFFF}]", "abc", false},
        {"[^\\x00-\\x{10FFFF}]*$", "abc", true},
    };
    CHECK(rows);
}

static void asserts(void **state)
{
    (void)state;
    static const row rows[] = {
        {"^b", "a\nb", false},
        {"(?m)^b", "a\nb", true},
        {"(?m)^b", "ab", false},
        {"a$", "a\n", false},
        {"(?m)a$", "a\nb", true},
        {"(?m)a$", "ab", false},
        {"(?m)\\Ab", "a\nb", false},
        {"(?m)a\\z", "a\nb", false},
        {"a\\z", "ba", true},
        {"\\bcard\\b", "a card!", true},
        {"\\bcard\\b", "cards", false},
        {"\\bcard\\b", "card", true},
        {"\\bcard\\b", "\u00E9card", true},
        {"\\Bard", "card", true},
        {"\\Bcard", "card", false},
        {"\\B", "", true},
        {"\\b", "", false},
        {"\\b", "!", false},
        {"\\b", "a", true},
        {"$^", "", true},
        {"$^", "a", false},
        {"(?m)$^", "a\n\nb", true},
        {"(?m)^$", "a\nb", false},
        {"(?m)^$", "a\n", true},
        {"\\B!\\B", "!", true},
        {"(?:\\b|a)b", "ab", true},
        {"a\\b\\B", "a b", false},
        {"(^|x)a", "ya", false},
        {"(?m)(a$|^b)c", "a\nbc", true},
        {"^^^a", "a", true},
        {"a$$", "ba", true},
        {"\\b\\w+\\b$", "one two", true},
        {"(?:a|!)\\bb", "ab", false},
        {"(?:a|!)\\bb", "!b", true},
        {"(?:a|!)\\bb", "ab!b", true},
        {"(?:^a|b$)", "ba", false},
    };
    CHECK(rows);
}

static void knows_classes(void **state)
{
    (void)state;
    static const row rows[] = {
        {"^.$", "\n", false},
        {"(?s)^.$", "\n", true},
        {"^.$", "\u00E9", true},
        {"^.$", "\U0001F600", true},
        {"^[^a]$", "\n", true},
        {"^\\d$", "\u0663", false},
        {"^\\pN$", "\u0663", true},
        {"^\\w$", "\u00E9", false},
        {"^\\pL$", "\u00E9", true},
        {"^\\s$", "\v", false},
        {"^[[:space:]]$", "\v", true},
        {"^\\s$", "\u00A0", false},
        {"^\\W$", "\u00E9", true},
        {"^\\D$", "5", false},
        {"^\\S$", " ", false},
        {"^[\\D5]$", "5", true},
        {"^[^\\D]$", "5", true},
        {"^[^\\D]$", "x", false},
        {"^\\p{Greek}+$", "\u03B1\u03C9", true},
        {"^\\p{Greek}$", "a", false},
        {"^\\P{Greek}$", "a", true},
        {"^\\p{^Greek}$", "a", true},
        {"^\\P{^Greek}$", "a", false},
        {"^[[:alpha:]]$", "z", true},
        {"^[[:^alpha:]]$", "z", false},
        {"^[[:word:]]$", "_", true},
        {"^[[:punct:]]$", "~", true},
        {"^[[:xdigit:]]+$", "09afAF", true},
        {"^[[:xdigit:]]$", "g", false},
        {"^[[:cntrl:]]$", "\x7F", true},
        {"^[[:graph:]]$", " ", false},
        {"^[[:print:]]$", " ", true},
        {"^[[:blank:]]$", "\n", false},
        {"^[[:ascii:]]$", "\u00E9", false},
        {"^[a-c-e]$", "d", false},
        {"^[a-c-e]$", "-", true},
        {"^[]]$", "]", true},
        {"^[^]]$", "]", false},
        {"^[\\]\\-]$", "-", true},
        {"^[\u03B1-\u03C9]$", "\u03B2", true},
        {"^\\x{1F600}$", "\U0001F600", true},
        {"^\\101\\x42$", "AB", true},
        {"^\\Qa.b\\E$", "a.b", true},
        {"^\\Qa.b\\E$", "axb", false},
        {"^\\Qab\\E*$", "abbb", true},
        {"^\\p{Any}$", "\U0010FFFF", true},
        {"^a{,2}$", "a{,2}", true},
    };
    CHECK(rows);
}

/* Simple case folding of Unicode, also inside named classes, as RE2 has it. */
static void folds_case(void **state)
{
    (void)state;
    static const row rows[] = {
        {"(?i)^hello$", "HeLLo", true},
        {"^hello$", "Hello", false},
        {"(?i)^k$", "\u212A", true},
        {"(?i)^\u212A$", "k", true},
        {"(?i)^s$", "\u017F", true},
        {"(?i)^[k-s]+$", "KLS\u017F\u212A", true},
        {"(?i)^\u03C3+$", "\u03A3\u03C2\u03C3", true},
        {"(?i)^[^k]$", "\u212A", false},
        {"(?i)^\\w$", "\u017F", true},
        {"(?i)^\\W$", "\u017F", false},
        {"(?i)^[[:upper:]]$", "a", true},
        {"(?i)^\\p{Lu}$", "a", true},
        {"(?i)^\\P{Lu}$", "a", false},
        {"(?i)stra\u00DFe", "STRA\u1E9EE", true},
        {"(?i)^\u00DF$", "SS", false},
        {"(?i:a)b", "Ab", true},
        {"(?i:a)b", "AB", false},
        {"(?i)a(?-i)b", "AB", false},
        {"(?i)a(?-i)b", "Ab", true},
        {"((?i)a)b", "AB", false},
        {"(?i)a|b", "B", true},
        {"^(?i)\U00010400$", "\U00010428", true},
        {"(?i)^[\u0100-\u012F]$", "\u0101", true},
        {"(?i)^\\x4b$", "k", true},
        {"(?i)^\\Qk\\E$", "K", true},
    };
    CHECK(rows);
}

/* An octet that is no UTF-8 is matched by nothing, and ends nothing but what would have to match it. */
static void steps_over_what_is_not_utf8(void **state)
{
    (void)state;
    static const row rows[] = {
        {"^.$", "\xFF", false},
        {"(?s)^[^a]$", "\xC3", false},
        {"b",
         "\xFF"
         "b",
         true},
        {"a.*b",
         "a\xFF"
         "b",
         false},
        {"^\\pL", "\xED\xA0\x80", false},
        {"$", "\xE2\x82", true},
        {"\\bb",
         "\xFF"
         "b",
         true},
        {"^", "\x80", true},
        {"\u00E9", "\xC3\xC3\xA9", true},
        {"\\x{D800}", "\xED\xA0\x80", false},
    };
    CHECK(rows);
}

static void counts(void **state)
{
    (void)state;
    char text[1100];
    memset(text, 'a', sizeof text);
    static const struct {
        const char *pattern;
        size_t min, max;
    } rows[] = {
        {"^a{3}$", 3, 3},
        {"^a{0}$", 0, 0},
        {"^a{2,}$", 2, 1100},
        {"^a{2,4}$", 2, 4},
        {"^a{0,2}$", 0, 2},
        {"^(?:aa){2,3}$", 4, 6},
        {"^a{1000}$", 1000, 1000},
        {"^(?:a{10}){100}$", 1000, 1000},
        {"^a*$", 0, 1100},
        {"^a+$", 1, 1100},
        {"^a?$", 0, 1},
        {"^a{1,}?$", 1, 1100},
        {"^(?:a{0,1}){5}$", 0, 5},
        {"^a{998,1000}$", 998, 1000},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool even = strstr(rows[i].pattern, "aa") != NULL;
        for (size_t len = 0; len <= 1001; len += len > 10 && len < 990 ? 490 : 1) {
            bool want = len >= rows[i].min && len <= rows[i].max && (!even || len % 2 == 0);
            assert_int_equal(verdict(cf_view_str(rows[i].pattern), cf_view_make(text, len)), want);
        }
    }
}

/* Unlike the other tests: the text is what a budget is spent on. */
static void stops_when_steps_are_used_up(void **state)
{
    (void)state;
    char text[1000];
    memset(text, 'a', sizeof text);
    cf_view view = cf_view_make(text, sizeof text);
    CF_ARENA(arena, 1 << 20);
    for (int i = 0; i < 2; i++) {
        CF_REGEX(re);
        cf_regex_limits limits = {.no_dfa = i == 1};
        cf_regex_mem mem;
        bool found = true;
        uint64_t all = STEPS, steps;
        assert_ok(cf_regex_compile(CF_LIT("^[a-z]+$"), &limits, &re, NULL));
        assert_ok(cf_regex_mem_new(re, 0, &arena, &mem));
        assert_ok(cf_regex_match(re, view, &mem, &all, &found));
        all = STEPS - all;
        assert_true(all >= sizeof text && all <= 8 * sizeof text);
        for (uint64_t given = all - 1; given <= all + 1; given++) {
            steps = given;
            cf_result r = cf_regex_match(re, view, &mem, &steps, &found);
            assert_code(r, given < all ? CF_ERR_BUDGET : CF_OK);
            assert_int_equal(steps, given > all);
            assert_int_equal(found, given >= all);
        }
        steps = 0;
        assert_err(cf_regex_match(re, view, &mem, &steps, &found), BUDGET);
    }
}

static void wants_its_memory(void **state)
{
    (void)state;
    CF_REGEX(re);
    CF_REGEX(table);
    cf_regex_limits limits = {.no_dfa = true};
    uint64_t steps = STEPS;
    bool found = true;
    assert_ok(cf_regex_compile(CF_LIT("a(b)"), &limits, &re, NULL));
    size_t need = cf_regex_mem_bytes(re, 0);
    assert_true(need > 0 && cf_regex_mem_bytes(re, 1) > need);
    assert_true(cf_regex_mem_bytes(re, 2) > cf_regex_mem_bytes(re, 1));
    assert_int_equal(cf_regex_mem_bytes(re, 3), cf_regex_mem_bytes(re, 2));
    assert_err(cf_regex_match(re, CF_LIT("ab"), NULL, &steps, &found), ARGUMENT);
    assert_false(found);
    for (size_t len = need - 1; len <= need + 1; len++) {
        void *data = malloc(len);
        assert_non_null(data);
        memset(data, 0xA5, len);
        cf_regex_mem mem = {data, len};
        assert_code(cf_regex_match(re, CF_LIT("ab"), &mem, &steps, &found),
                    len < need ? CF_ERR_ARGUMENT : CF_OK);
        assert_int_equal(found, len >= need);
        free(data);
    }
    assert_ok(cf_regex_compile(CF_LIT("a(b)"), NULL, &table, NULL));
    assert_int_equal(cf_regex_mem_bytes(table, 0), 0);
    assert_ok(cf_regex_match(table, CF_LIT("ab"), NULL, &steps, &found));
    assert_true(found);
    CF_ARENA(small, 16);
    cf_regex_mem mem;
    assert_err(cf_regex_mem_new(re, 2, &small, &mem), SIZE);
    assert_null(mem.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(searches),
        cmocka_unit_test(asserts),
        cmocka_unit_test(knows_classes),
        cmocka_unit_test(folds_case),
        cmocka_unit_test(steps_over_what_is_not_utf8),
        cmocka_unit_test(counts),
        cmocka_unit_test(stops_when_steps_are_used_up),
        cmocka_unit_test(wants_its_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
