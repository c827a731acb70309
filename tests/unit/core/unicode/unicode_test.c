/* SPDX-License-Identifier: Apache-2.0 */
#include "core/unicode/unicode.h"

#include "core/unicode/tables_priv.h"
#include "tests/support/test.h"

static bool is_in(cf_view name, uint32_t c)
{
    cf_unicode_set set;
    cf_unicode_range range;
    assert_true(cf_unicode_set_of(name, &set));
    while (cf_unicode_set_next(&set, &range)) {
        if (c >= range.lo && c <= range.hi) {
            return true;
        }
    }
    return false;
}

static size_t size_of(cf_view name)
{
    cf_unicode_set set;
    cf_unicode_range range;
    size_t n = 0;
    uint32_t before = 0;
    assert_true(cf_unicode_set_of(name, &set));
    while (cf_unicode_set_next(&set, &range)) {
        assert_true(range.lo <= range.hi && range.hi <= CF_UNICODE_LAST);
        assert_true(n == 0 || range.lo > before + 1);
        before = range.hi;
        n += range.hi - range.lo + 1;
    }
    assert_int_equal(range.lo, 0);
    assert_int_equal(range.hi, 0);
    return n;
}

static void says_its_version(void **state)
{
    (void)state;
    assert_string_equal(cf_unicode_version, CF_UNICODE_VERSION);
}

/* Members of the Unicode Character Database, and neighbours that are none. */
static void knows_categories_and_scripts(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t in, out;
    } rows[] = {
        {"L", 'A', '0'},         {"Lu", 'Z', 'a'},          {"Ll", 0xDF, 0xD7},
        {"Lt", 0x01C5, 0x01C4},  {"Lm", 0x02B0, 'a'},       {"Lo", 0x4E00, 'a'},
        {"Lo", 0x9FFF, 0xA48D},  {"Lo", 0xAC00, 0xD7A4},    {"M", 0x0300, 'a'},
        {"Mn", 0x0300, 0x0903},  {"Mc", 0x0903, 0x0300},    {"Me", 0x20DD, 0x0300},
        {"N", '0', 'a'},         {"Nd", 0x0660, 0x2160},    {"Nl", 0x2160, '1'},
        {"No", 0xBD, '1'},       {"P", '!', '$'},           {"Pc", '_', '-'},
        {"Pd", '-', '_'},        {"Ps", '(', ')'},          {"Pe", ')', '('},
        {"Pi", 0xAB, 0xBB},      {"Pf", 0xBB, 0xAB},        {"Po", '!', '('},
        {"S", '$', '!'},         {"Sc", 0x20AC, '+'},       {"Sk", '^', '+'},
        {"Sm", '+', '-'},        {"So", 0xA9, '+'},         {"Z", ' ', '\t'},
        {"Zs", 0xA0, 0x2028},    {"Zl", 0x2028, ' '},       {"Zp", 0x2029, 0x2028},
        {"C", 0, ' '},           {"Cc", 0x7F, ' '},         {"Cf", 0xAD, 0xAC},
        {"Co", 0xE000, 0xD7FF},  {"Cs", 0xD800, 0xE000},    {"Co", 0x10FFFD, 0x10FFFE},
        {"C", 0xE000, 0x0378},   {"Greek", 0x03B1, 'a'},    {"Latin", 'a', '0'},
        {"Common", '0', 'a'},    {"Cyrillic", 0x0436, 'a'}, {"Han", 0x4E00, 0x3042},
        {"Hiragana", 0x3042, 1}, {"Inherited", 0x0300, 1},  {"Old_Italic", 0x10300, 1},
        {"Kawi", 0x11F00, 1},    {"Adlam", 0x1E900, 1},     {"Zanabazar_Square", 0x11A00, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cf_view name = cf_view_str(rows[i].name);
        assert_true(is_in(name, rows[i].in));
        assert_false(is_in(name, rows[i].out));
        assert_true(size_of(name) > 0);
    }
    assert_int_equal(size_of(CF_LIT("Any")), CF_UNICODE_LAST + 1);
    assert_int_equal(size_of(CF_LIT("Cs")), 2048);
    assert_int_equal(size_of(CF_LIT("Co")), 6400 + 2 * 65534);
    assert_int_equal(size_of(CF_LIT("Zs")), 17);
    assert_int_equal(size_of(CF_LIT("Nd")), 680); /* 15.0.0 */
}

/* Each group is the union of its parts, which do not overlap: the sizes add up. */
static void groups_are_the_sum_of_their_parts(void **state)
{
    (void)state;
    static const char *const groups[][8] = {
        {"C", "Cc", "Cf", "Co", "Cs"}, {"L", "Ll", "Lm", "Lo", "Lt", "Lu"},
        {"M", "Mc", "Me", "Mn"},       {"N", "Nd", "Nl", "No"},
        {"S", "Sc", "Sk", "Sm", "So"}, {"P", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps"},
        {"Z", "Zl", "Zp", "Zs"},
    };
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        size_t sum = 0;
        for (size_t j = 1; j < 8 && groups[i][j] != NULL; j++) {
            sum += size_of(cf_view_str(groups[i][j]));
        }
        assert_int_equal(size_of(cf_view_str(groups[i][0])), sum);
    }
    size_t sum = 0;
    for (size_t i = 0; i < cf_unicode_script_names_n; i++) {
        sum += size_of(cf_view_str(cf_unicode_script_names[i]));
    }
    assert_int_equal(sum, 149251); /* 15.0.0: 149,186 characters and 65 controls */
}

static void refuses_other_names(void **state)
{
    (void)state;
    static const char *const names[] = {"",    "l",  "LU",    "Lux",        "greek", "Greek ",
                                        "Gre", "Cn", "Grek",  "Old Italic", "any",   "Zz",
                                        "X",   "LC", "Any\n", "Letter"};
    cf_unicode_set set;
    cf_unicode_range range;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_false(cf_unicode_set_of(cf_view_str(names[i]), &set));
        assert_false(cf_unicode_set_next(&set, &range));
    }
    assert_false(cf_unicode_set_of(CF_LIT("L\0"), &set));
}

static void folds_in_cycles(void **state)
{
    (void)state;
    static const uint32_t cycles[][5] = {
        {'A', 'a', 'A'},
        {'K', 'k', 0x212A, 'K'},
        {'S', 's', 0x17F, 'S'},
        {0xC5, 0xE5, 0x212B, 0xC5},
        {0x3A3, 0x3C2, 0x3C3, 0x3A3},
        {0x398, 0x3B8, 0x3D1, 0x3F4, 0x398},
        {0x345, 0x399, 0x3B9, 0x1FBE, 0x345},
        {0x1E9E, 0xDF, 0x1E9E},
        {0x10400, 0x10428, 0x10400},
        {0x100, 0x101, 0x100},
    };
    for (size_t i = 0; i < sizeof cycles / sizeof cycles[0]; i++) {
        for (size_t j = 0; j < 4 && cycles[i][j + 1] != 0; j++) {
            assert_int_equal(cf_unicode_fold_next(cycles[i][j]), cycles[i][j + 1]);
        }
    }
    size_t moved = 0;
    for (uint32_t c = 0; c <= CF_UNICODE_LAST; c++) {
        uint32_t at = c;
        size_t steps = 0;
        do {
            at = cf_unicode_fold_next(at);
            steps++;
        } while (at != c && steps < 5);
        assert_int_equal(at, c);
        moved += steps > 1;
    }
    assert_int_equal(moved,
                     2878); /* members of cycles in CaseFolding-15.0.0.txt, statuses C and S */
}

static bool is_of_the_cycle(uint32_t c, uint32_t member)
{
    for (uint32_t at = cf_unicode_fold_next(c); at != c; at = cf_unicode_fold_next(at)) {
        if (at == member) {
            return true;
        }
    }
    return c == member;
}

/* The images hold the next code point of every member, and nothing from outside the members' cycles. */
static void folds_ranges(void **state)
{
    (void)state;
    static const cf_unicode_range ranges[] = {{'a', 'z'},
                                              {'b', 'b'},
                                              {0, 0},
                                              {0, 0x7F},
                                              {0x100, 0x12F},
                                              {0x101, 0x10A},
                                              {0x1C4, 0x1CC},
                                              {0x370, 0x3FF},
                                              {0x3C2, 0x3C2},
                                              {0x1E00, 0x1EFF},
                                              {0x2100, 0x21FF},
                                              {0xA640, 0xA69B},
                                              {0x10400, 0x1044F},
                                              {0x10410, 0x10430},
                                              {0, CF_UNICODE_LAST},
                                              {0x4E00, 0x9FFF},
                                              {0x1E921, CF_UNICODE_LAST}};
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        static uint8_t hit[CF_UNICODE_LAST + 1], want[CF_UNICODE_LAST + 1];
        cf_unicode_range image;
        size_t at = 0;
        memset(hit, 0, sizeof hit);
        memset(want, 0, sizeof want);
        while (cf_unicode_fold_range(ranges[i], &at, &image)) {
            assert_true(image.lo <= image.hi && image.hi <= CF_UNICODE_LAST);
            memset(hit + image.lo, 1, image.hi - image.lo + 1);
        }
        assert_int_equal(image.lo + image.hi, 0);
        for (uint32_t c = ranges[i].lo; c <= ranges[i].hi && c <= CF_UNICODE_LAST; c++) {
            uint32_t next = cf_unicode_fold_next(c);
            assert_true(next == c || hit[next]);
            for (uint32_t other = next; other != c; other = cf_unicode_fold_next(other)) {
                want[other] = 1;
            }
            want[c] = 1;
            assert_true(is_of_the_cycle(c, next));
        }
        for (uint32_t c = 0; c <= CF_UNICODE_LAST; c++) {
            assert_true(!hit[c] || want[c]);
        }
    }
}

static void knows_white_space(void **state)
{
    (void)state;
    size_t n = 0;
    for (uint32_t c = 0; c <= CF_UNICODE_LAST; c++) {
        bool want = (c >= 9 && c <= 13) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
                    (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
                    c == 0x205F || c == 0x3000;
        assert_int_equal(cf_unicode_is_space(c), want);
        n += want;
    }
    assert_int_equal(n, 25);
    assert_false(cf_unicode_is_space(UINT32_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_its_version),
        cmocka_unit_test(knows_categories_and_scripts),
        cmocka_unit_test(groups_are_the_sum_of_their_parts),
        cmocka_unit_test(refuses_other_names),
        cmocka_unit_test(folds_in_cycles),
        cmocka_unit_test(folds_ranges),
        cmocka_unit_test(knows_white_space),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
