/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/failmalloc.h"
#include "tests/support/test.h"

#include "core/unicode/unicode.h"

#define ROOM 256

typedef struct {
    const char *text, *lower, *upper;
} row;

static const row rows[] = {
    {"", "", ""},
    {"Hello, World 42!", "hello, world 42!", "HELLO, WORLD 42!"},
    {"@AZ[`az{", "@az[`az{", "@AZ[`AZ{"},
    {"Stra\u00DFe", "stra\u00DFe", "STRASSE"},
    {"\u1E9E", "\u00DF", "\u1E9E"},
    {"\u00C4\u00D6\u00DC \u00E9", "\u00E4\u00F6\u00FC \u00E9", "\u00C4\u00D6\u00DC \u00C9"},
    {"\uFB03", "\uFB03", "FFI"},
    {"\u0149", "\u0149", "\u02BCN"},
    {"\u0130", "i\u0307", "\u0130"},
    {"\u0131", "\u0131", "I"},
    {"\u01C4\u01C5\u01C6", "\u01C6\u01C6\u01C6", "\u01C4\u01C4\u01C4"},
    {"\u0390", "\u0390", "\u0399\u0308\u0301"},
    {"\u1FB3", "\u1FB3", "\u0391\u0399"},
    {"\U00010400\U00010428", "\U00010428\U00010428", "\U00010400\U00010400"},
    {"\u4E2D\u6587", "\u4E2D\u6587", "\u4E2D\u6587"},
    /* Final sigma, section 3.13: behind a cased letter and not before one, ignorable ones between left out. */
    {"\u039F\u0394\u03A5\u03A3\u03A3\u0395\u03A5\u03A3",
     "\u03BF\u03B4\u03C5\u03C3\u03C3\u03B5\u03C5\u03C2",
     "\u039F\u0394\u03A5\u03A3\u03A3\u0395\u03A5\u03A3"},
    {"\u03A3", "\u03C3", "\u03A3"},
    {"A\u03A3", "a\u03C2", "A\u03A3"},
    {"\u03A3A", "\u03C3a", "\u03A3A"},
    {"A\u03A3'", "a\u03C2'", "A\u03A3'"},
    {"A\u03A3'B", "a\u03C3'b", "A\u03A3'B"},
    {"A'\u03A3", "a'\u03C2", "A'\u03A3"},
    {"'\u03A3", "'\u03C3", "'\u03A3"},
    {"A\u03A3 \u03A3A", "a\u03C2 \u03C3a", "A\u03A3 \u03A3A"},
    {"1\u03A3", "1\u03C3", "1\u03A3"},
    {"\u03C3\u03C2", "\u03C3\u03C2", "\u03A3\u03A3"},
};

static void maps_texts(void **state)
{
    (void)state;
    CF_ARENA(arena, 1 << 20);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cf_view text = view_copy(cf_view_str(rows[i].text)), got;
        assert_ok(cf_unicode_lower(text, ROOM, &arena, &got));
        assert_view(got, cf_view_str(rows[i].lower));
        assert_ok(cf_unicode_upper(text, ROOM, &arena, &got));
        assert_view(got, cf_view_str(rows[i].upper));
        view_free(text);
    }
}

static void bounds_the_result(void **state)
{
    (void)state;
    cf_view text = CF_LIT("a\u00DF\u0390"), got;
    size_t want = 1 + 2 + 6, len = 0;
    for (size_t max = want - 1; max <= want + 1; max++) {
        CF_ARENA(arena, 1 << 20);
        assert_code(cf_unicode_upper(text, max, &arena, &got), max < want ? CF_ERR_SIZE : CF_OK);
        assert_int_equal(got.len, max < want ? 0 : want);
    }
    for (size_t room = 0; room <= want + 1; room++) {
        uint8_t *to = malloc(room + (room == 0));
        assert_non_null(to);
        assert_code(cf_unicode_upper_to(text, room == 0 ? NULL : to, room, &len),
                    room < want ? CF_ERR_SIZE : CF_OK);
        assert_int_equal(len, want);
        if (room >= want) {
            assert_view(cf_view_make(to, len), CF_LIT("ASS\u0399\u0308\u0301"));
        }
        free(to);
    }
    CF_ARENA(small, 8);
    assert_err(cf_unicode_lower(text, ROOM, &small, &got), SIZE);
    assert_view(got, CF_VIEW_EMPTY);
}

/* What the constant promises, for every code point. */
static void grows_no_more_than_promised(void **state)
{
    (void)state;
    size_t most = 0;
    for (uint32_t c = 0; c <= CF_UNICODE_LAST; c++) {
        uint8_t from[CF_UTF8_BYTES_MAX], to[16];
        size_t n = cf_utf8_put(c, from), len = 0;
        if (n == 0) {
            continue;
        }
        assert_ok(cf_unicode_lower_to(cf_view_make(from, n), to, sizeof to, &len));
        assert_true(len > 0 && len <= n * CF_UNICODE_CASE_GROWTH_MAX);
        assert_ok(cf_unicode_upper_to(cf_view_make(from, n), to, sizeof to, &len));
        assert_true(len > 0 && len <= n * CF_UNICODE_CASE_GROWTH_MAX);
        assert_true(cf_utf8_ok(cf_view_make(to, len)));
        most = len / n > most ? len / n : most;
    }
    assert_int_equal(most, CF_UNICODE_CASE_GROWTH_MAX);
}

static void refuses_what_is_not_utf8(void **state)
{
    (void)state;
    static const char *const texts[] = {"\xFF", "a\xC3", "\xED\xA0\x80", "\xC0\x80", "A\xE2\x82"};
    CF_ARENA(arena, 1 << 20);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        cf_view got = CF_LIT("x");
        uint8_t to[16];
        size_t len = 1;
        assert_err(cf_unicode_lower(cf_view_str(texts[i]), ROOM, &arena, &got), UTF8);
        assert_view(got, CF_VIEW_EMPTY);
        assert_err(cf_unicode_upper_to(cf_view_str(texts[i]), to, sizeof to, &len), UTF8);
        assert_int_equal(len, 0);
    }
}

static cf_result map(void *ctx)
{
    CF_ARENA(arena, 1 << 20);
    cf_view got;
    return cf_unicode_lower(*(cf_view *)ctx, SIZE_MAX, &arena, &got);
}

static void survives_lack_of_memory(void **state)
{
    (void)state;
    cf_view text = CF_LIT("ABC");
    (void)failmalloc_each(map, &text, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_texts),
        cmocka_unit_test(bounds_the_result),
        cmocka_unit_test(grows_no_more_than_promised),
        cmocka_unit_test(refuses_what_is_not_utf8),
        cmocka_unit_test(survives_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
