/* SPDX-License-Identifier: Apache-2.0 */
/* Which names stand in a source. */
#include "core/transform/transform.h"
#include "tests/support/test.h"

static const struct {
    const char *source, *names; /* joined by blanks */
} rows[] = {
    {"", ""},
    {"1 + 2.5e3", ""},
    {"email", "email"},
    {"email == 'x'",
     "email x"}, /* what stands in a text may be taken for a name, never the other way round */
    {"first_name+last_name", "first_name last_name"},
    {"a.b.c(d)[e]", "a b c d e"},
    {".dob", "dob"},
    {"x.?y", "x y"},
    {"{a:b}", "a b"},
    {"true||false&&null", ""},
    {"a in b", "a b"},
    {"for as let var x while", "x"}, /* reserved words are nobody's names */
    {"inx truex _in", "inx truex _in"},
    {"0x1f + 12u + a1", "a1"},
    {"r'\\d' b\"x\"", "r d b x"},
    {"a\nb//c\n", "a b c"},
    {"\xc3\xa9t\xc3\xa9", "t"},
    {"a a", "a a"},
};

static void test_mentions(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CF_BUF(got);
        size_t at = 0;
        cf_view name, source = view_copy(cf_view_str(rows[i].source));
        while (cf_transform_mention(source, &at, &name)) {
            assert_ok(cf_buf_append(&got, got.len > 0 ? CF_LIT(" ") : CF_VIEW_EMPTY));
            assert_ok(cf_buf_append(&got, name));
        }
        assert_view(cf_buf_view(&got), cf_view_str(rows[i].names));
        assert_int_equal(name.len, 0);
        assert_false(cf_transform_mention(source, &at, &name));
        view_free(source);
    }
}

/* Names and source do not run into each other. */
static void test_digests(void **state)
{
    (void)state;
    const cf_transform_source all[] = {
        {CF_LIT("a"), CF_LIT("a,b")},  {CF_LIT("a"), CF_LIT("ab")},    {CF_LIT("a"), CF_LIT("a")},
        {CF_LIT("a"), CF_VIEW_EMPTY},  {CF_LIT("\na"), CF_VIEW_EMPTY}, {CF_LIT("b"), CF_LIT("a")},
        {CF_LIT("a\na"), CF_LIT("a")}, {CF_VIEW_EMPTY, CF_LIT("a")},
    };
    enum { N = sizeof all / sizeof *all };
    uint8_t digests[N][CF_TRANSFORM_DIGEST_BYTES], again[CF_TRANSFORM_DIGEST_BYTES];
    for (size_t i = 0; i < N; i++) {
        assert_ok(cf_transform_digest(&all[i], digests[i]));
        assert_ok(cf_transform_digest(&all[i], again));
        assert_memory_equal(digests[i], again, sizeof again);
        for (size_t k = 0; k < i; k++) {
            assert_memory_not_equal(digests[i], digests[k], sizeof again);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mentions),
        cmocka_unit_test(test_digests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
