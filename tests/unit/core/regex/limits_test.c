/* SPDX-License-Identifier: Apache-2.0 */
/* Limits, hostile patterns, lack of memory, and the compilation into an arena. */
#include "core/regex/regex.h"

#include <time.h>

#include "tests/support/failmalloc.h"
#include "tests/support/test.h"

#define STEPS 100000000u
#define HOSTILE_MS 50 /* of a release; see the factor below */

static char *repeated(const char *head, const char *piece, size_t times, const char *tail)
{
    size_t len = strlen(head) + times * strlen(piece) + strlen(tail) + 1;
    char *text = malloc(len), *at = text;
    assert_non_null(text);
    at += snprintf(at, len, "%s", head);
    for (size_t i = 0; i < times; i++) {
        at += snprintf(at, len - (size_t)(at - text), "%s", piece);
    }
    (void)snprintf(at, len - (size_t)(at - text), "%s", tail);
    return text;
}

static cf_result compile(const char *pattern, const cf_regex_limits *limits)
{
    CF_REGEX(re);
    return cf_regex_compile(cf_view_str(pattern), limits, &re, NULL);
}

/* One below, at and one above; with the constant, and with a bound of the caller. */
static void check_limit(size_t at, const char *head, const char *piece, const char *tail,
                        size_t fixed, const cf_regex_limits *limits, cf_err err)
{
    for (size_t n = at - 1; n <= at + 1; n++) {
        char *pattern = repeated(head, piece, n - fixed, tail);
        assert_code(compile(pattern, limits), n <= at ? CF_OK : err);
        free(pattern);
    }
}

static void bounds_the_pattern(void **state)
{
    (void)state;
    cf_regex_limits ten = {.pattern_bytes_max = 10};
    check_limit(CF_REGEX_PATTERN_BYTES_MAX, "[", "a", "]", 2, NULL, CF_ERR_SIZE);
    check_limit(10, "", "a", "", 0, &ten, CF_ERR_SIZE);
}

static void bounds_the_depth(void **state)
{
    (void)state;
    cf_regex_limits ten = {.depth_max = 10};
    for (size_t n = CF_REGEX_DEPTH_MAX - 1; n <= CF_REGEX_DEPTH_MAX + 1; n++) {
        char *opened = repeated("", "(?:", n, "a"), *pattern = repeated(opened, ")", n, "");
        assert_code(compile(pattern, NULL), n <= CF_REGEX_DEPTH_MAX ? CF_OK : CF_ERR_DEPTH);
        free(opened);
        free(pattern);
    }
    assert_ok(compile("(((((((((((?i)a))))))))))", &ten));
    assert_err(compile("((((((((((()))))))))))", &ten), DEPTH);
    assert_ok(compile("(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)", &ten));
}

/* n octets are n instructions and one for the match. */
static void bounds_the_program(void **state)
{
    (void)state;
    cf_regex_limits ten = {.instructions_max = 10};
    check_limit(CF_REGEX_INSTRUCTIONS_MAX, "", "a", "", 1, NULL, CF_ERR_SIZE);
    check_limit(10, "", "a", "", 1, &ten, CF_ERR_SIZE);
    assert_ok(compile("(?:a{999}){1}", NULL));
    static const struct {
        const char *pattern;
        size_t instructions;
    } rows[] = {
        {"a{5}", 6},   {"a*", 4},      {"a+", 3},        {"a?", 3},     {"a{2,}", 4},
        {"a{2,4}", 7}, {"(a)", 4},     {"(?:a)", 2},     {"a|b|c", 8},  {"(?:ab){3}", 7},
        {"a{0}", 1},   {"(?:a?)*", 5}, {"(a|b){2}", 13}, {"^\\bx$", 5}, {"[a-z]", 2},
        {"", 1},       {"a{0,2}", 5},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cf_regex_limits limits = {.instructions_max = rows[i].instructions};
        assert_ok(compile(rows[i].pattern, &limits));
        limits.instructions_max--;
        cf_err err = limits.instructions_max == 0 ? CF_OK : CF_ERR_SIZE;
        assert_code(compile(rows[i].pattern, &limits), err);
    }
}

static void bounds_groups_and_ranges(void **state)
{
    (void)state;
    cf_regex_limits three = {.groups_max = 3}, ranges = {.ranges_max = 4};
    check_limit(CF_REGEX_GROUPS_MAX, "", "()", "", 0, NULL, CF_ERR_SIZE);
    check_limit(3, "", "(a)", "", 0, &three, CF_ERR_SIZE);
    assert_ok(compile("[acegg]", &ranges));
    assert_err(compile("[acegi]", &ranges), SIZE);
    assert_ok(compile("[ac][ac][ac][eg]", &ranges)); /* a class counts once */
    assert_err(compile("[ac][eg][ik]", &ranges), SIZE);
    assert_ok(compile("[a][b][c][d][e][f]", &ranges)); /* a class of one is none */
    assert_ok(compile("[g-ia-cd-fjk]", &(cf_regex_limits){.ranges_max = 1}));
    /* 659 ranges are letters; of 30 classes that differ by a code point there are as many. */
    char pattern[1024];
    size_t len = 0;
    for (unsigned i = 0; i < 40; i++) {
        len += (size_t)snprintf(pattern + len, sizeof pattern - len, "[\\pL\\x{%x}]", 0x2000 + i);
        bool many = i >= 30;
        assert_code(compile(pattern, NULL), many ? CF_ERR_SIZE : CF_OK);
    }
}

/* The same class over and over is small, but takes its time. */
static void bounds_the_work(void **state)
{
    (void)state;
    for (size_t times = 30; times <= 3000; times *= 10) {
        char *pattern = repeated("(?i)[", "\\pL", times, "]");
        assert_code(compile(pattern, NULL), times == 30 ? CF_OK : CF_ERR_SIZE);
        free(pattern);
    }
}

/* (?i)[...]+ with so many classes of letters, Greek ones, and single letters behind it. */
static cf_view pattern_of(const size_t n[3])
{
    static const char *const parts[3] = {"\\pL", "\\p{Greek}", "a"};
    static char text[8192];
    size_t len = (size_t)snprintf(text, sizeof text, "(?i)[");
    for (size_t i = 0; i < 3; i++) {
        for (size_t k = 0; k < n[i]; k++) {
            len += (size_t)snprintf(text + len, sizeof text - len, "%s", parts[i]);
        }
        len += (size_t)snprintf(text + len, sizeof text - len, i == 1 ? "]+" : "");
    }
    return cf_view_make(text, len);
}

/* What a table of states would take beyond the bound is no reason to refuse a pattern that keeps it without one: as much as fits of
 * each part, so that next to nothing is left. */
static void refuses_no_pattern_for_its_table(void **state)
{
    (void)state;
    const cf_regex_limits plain = {.no_dfa = true};
    size_t n[3] = {1, 0, 0}, tables = 0, bare_ones = 0;
    for (size_t part = 0; part < 3; part++) {
        cf_result without = cf_ok();
        for (; cf_is_ok(without); n[part]++) {
            CF_REGEX(bare);
            CF_REGEX(re);
            cf_view pattern = pattern_of(n);
            without = cf_regex_compile(pattern, &plain, &bare, NULL);
            assert_int_equal(cf_regex_compile(pattern, NULL, &re, NULL).code, without.code);
            bool tabled = re != NULL && cf_regex_bytes(re) > cf_regex_bytes(bare);
            tables += tabled;
            bare_ones += re != NULL && !tabled;
        }
        assert_code(without, CF_ERR_SIZE);
        n[part] -=
            2; /* the last one that did not fit, and the one beyond it that the loop went on to */
    }
    assert_true(tables > 0 && bare_ones > 0);
}

static void bounds_repeats(void **state)
{
    (void)state;
    assert_ok(compile("a{999}", NULL));
    assert_ok(compile("a{1000}", NULL));
    assert_err(compile("a{1001}", NULL), PATTERN);
    assert_ok(compile("(?:a{3}){333}", NULL));
    assert_ok(compile("(?:a{2}){500}", NULL));
    assert_err(compile("(?:a{7}){143}", NULL), PATTERN); /* 1,001 */
}

static void refuses_bounds_over_its_own(void **state)
{
    (void)state;
    static const cf_regex_limits at = {CF_REGEX_PATTERN_BYTES_MAX, CF_REGEX_DEPTH_MAX,
                                       CF_REGEX_INSTRUCTIONS_MAX,  CF_REGEX_RANGES_MAX,
                                       CF_REGEX_GROUPS_MAX,        false};
    assert_ok(compile("a", &at));
    size_t fields = offsetof(cf_regex_limits, no_dfa) / sizeof(size_t);
    for (size_t i = 0; i < fields; i++) {
        cf_regex_limits over = at;
        ((size_t *)&over)[i]++;
        assert_err(compile("a", &over), ARGUMENT);
    }
}

static double now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Each is refused or matched within HOSTILE_MS; a build with sanitizers and a busy machine get twenty times as long. */
static void check_hostile(const char *head, const char *piece, size_t times, const char *tail)
{
    static char text[1000], scratch[4 << 20];
    char *pattern = repeated(head, piece, times, tail);
    double best = 1e9;
    memset(text, 'a', sizeof text);
    for (int i = 0; i < 3 && best > HOSTILE_MS; i++) {
        CF_REGEX(re);
        cf_regex_mem mem = {scratch, sizeof scratch};
        uint64_t steps = 2000000;
        bool found;
        double start = now_ms();
        if (cf_is_ok(cf_regex_compile(cf_view_str(pattern), NULL, &re, NULL))) {
            cf_ignore(cf_regex_match(re, CF_VIEW_OF(text), &mem, &steps, &found));
            assert_in_range(cf_regex_bytes(re), 1, 1 << 20);
            assert_in_range(cf_regex_mem_bytes(re, 0), 0, sizeof scratch);
        }
        double ms = now_ms() - start;
        best = ms < best ? ms : best;
    }
    if (best > 20 * HOSTILE_MS) {
        print_error("%s%s%s...: %.1f ms\n", head, piece, tail, best);
        fail();
    }
    free(pattern);
}

static void bears_hostile_patterns(void **state)
{
    (void)state;
    static const struct {
        const char *head, *piece, *tail;
    } rows[] = {
        {"", "(", ""},           {"", "(?:", ""},
        {"", "[", ""},           {"[", "[:", "]"},
        {"", "\\pL", ""},        {"(?i)", "\\pL", ""},
        {"[", "\\pL", "]"},      {"(?i)[", "\\pL", "]"},
        {"(?i)[", "\\PL", "]"},  {"", "a|", "x"},
        {"", "(|a)*", ""},       {"", ".*", "b"},
        {"", "a*", "b"},         {"", "(?:a?){9}", "b"},
        {"(?i)", "k", ""},       {"", "x{1000}", ""},
        {"", "a{1000}", ""},     {"(?P<", "\u00E9", ">a)"},
        {"", "\\b", "x"},        {"", "\\Q", ""},
        {"", "[ac][eg]", ""},    {"(?i)[", "a-z\\W", "]"},
        {"", "(?i)", "a"},       {"", "|", ""},
        {"", "{", ""},           {"", "a{0}", "b"},
        {"(?s)", ".*.*=.*", ""}, {"[", "\u4E2D\u4E00", "]"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t piece = strlen(rows[i].piece);
        size_t room = CF_REGEX_PATTERN_BYTES_MAX - strlen(rows[i].head) - strlen(rows[i].tail);
        for (size_t times = room / piece; times > 0; times /= 7) {
            check_hostile(rows[i].head, rows[i].piece, times, rows[i].tail);
        }
    }
    check_hostile("((a{1000}){1000}){1000}", "", 0, "");
    check_hostile("(x+x+)+y", "", 0, "");
    check_hostile("(?:a{0,30}){33}", "(?:a?){1000}", 3, "b");
    check_hostile("", "(", 10 << 20, "");
}

static cf_result compile_once(void *ctx)
{
    CF_REGEX(re);
    return cf_regex_compile(cf_view_str(ctx), NULL, &re, NULL);
}

static cf_result compile_in_arena(void *ctx)
{
    CF_ARENA(arena, 1 << 20);
    const cf_regex *re;
    uint64_t steps = STEPS;
    return cf_regex_compile_in(cf_view_str(ctx), NULL, &arena, &steps, &re, NULL);
}

static void survives_lack_of_memory(void **state)
{
    (void)state;
    static char pattern[] =
        "(?i)([a-k]+)@\\p{Greek}{2,3}[^\\pL]|\\d\\W[ac][eg][ik][mo][qs][uw][y0][13][57]";
    (void)failmalloc_each(compile_once, pattern, 5);
    (void)failmalloc_each(compile_in_arena, pattern, 5);
}

static void compiles_into_an_arena(void **state)
{
    (void)state;
    cf_view pattern = CF_LIT("^([a-z]+)@example\\.com$");
    const cf_regex *re;
    size_t offset = 9;
    uint64_t all = STEPS;
    bool found = false;
    CF_ARENA(arena, 1 << 20);
    assert_ok(cf_regex_compile_in(pattern, NULL, &arena, &all, &re, &offset));
    assert_int_equal(offset, 0);
    assert_true(arena.used >= cf_regex_bytes(re) && arena.used < cf_regex_bytes(re) + 16);
    uint64_t steps = 1000;
    assert_ok(cf_regex_match(re, CF_LIT("alice@example.com"), NULL, &steps, &found));
    assert_true(found);
    all = STEPS - all;
    assert_in_range(all, pattern.len, 10000);
    for (uint64_t given = 0; given <= all + 1; given = given < all - 1 ? given + 13 : given + 1) {
        given = given > all - 1 && given < all ? all : given;
        uint64_t left = given;
        cf_result r = cf_regex_compile_in(pattern, NULL, &arena, &left, &re, NULL);
        assert_code(r, given < all ? CF_ERR_BUDGET : CF_OK);
        assert_int_equal(left, given < all ? 0 : given - all);
        assert_int_equal(re != NULL, given >= all);
        CF_REGEX(own);
        left = given;
        r = cf_regex_compile_within(pattern, NULL, &left, &own, NULL);
        assert_code(r, given < all ? CF_ERR_BUDGET : CF_OK);
        assert_int_equal(left, given < all ? 0 : given - all);
        assert_int_equal(own != NULL, given >= all);
    }
    steps = STEPS;
    assert_err(cf_regex_compile_in(CF_LIT("ab("), NULL, &arena, &steps, &re, &offset), PATTERN);
    assert_int_equal(offset, 3);
    assert_null(re);
    CF_ARENA(small, 64);
    assert_err(cf_regex_compile_in(pattern, NULL, &small, &steps, &re, NULL), SIZE);
    assert_null(re);
}

/* A node holds a code point in four octets: they are in no block that is freed, of the compilation or of the result. */
static void wipes_what_it_used(void **state)
{
    (void)state;
    static const uint8_t code[4] = {0xEF, 0xCD, 0x0E, 0x00}; /* U+ECDEF, unassigned */
    cf_view pattern = CF_LIT("a[b-\xF3\xAC\xB7\xAF]\xF3\xAC\xB7\xAF+(c|d)*");
    (void)failmalloc_watch(cf_view_make(code, 4));
    for (int i = 0; i < 2; i++) {
        CF_ARENA(arena, 1 << 20);
        CF_REGEX(kept);
        const cf_regex *re;
        cf_regex_limits limits = {.no_dfa = i == 1};
        uint64_t steps = STEPS;
        assert_ok(cf_regex_compile_in(pattern, &limits, &arena, &steps, &re, NULL));
        assert_ok(cf_regex_compile(pattern, &limits, &kept, NULL));
    }
    uint8_t *unwiped = malloc(sizeof code);
    assert_non_null(unwiped);
    cf_copy(unwiped, code, sizeof code);
    assert_int_equal(failmalloc_watch(cf_view_make(code, 4)), 0);
    free(unwiped);
    assert_int_equal(failmalloc_watch(CF_VIEW_EMPTY), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_the_pattern),
        cmocka_unit_test(bounds_the_depth),
        cmocka_unit_test(bounds_the_program),
        cmocka_unit_test(bounds_groups_and_ranges),
        cmocka_unit_test(bounds_the_work),
        cmocka_unit_test(refuses_no_pattern_for_its_table),
        cmocka_unit_test(bounds_repeats),
        cmocka_unit_test(refuses_bounds_over_its_own),
        cmocka_unit_test(bears_hostile_patterns),
        cmocka_unit_test(survives_lack_of_memory),
        cmocka_unit_test(compiles_into_an_arena),
        cmocka_unit_test(wipes_what_it_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
