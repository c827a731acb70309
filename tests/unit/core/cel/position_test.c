/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cel/cel.h"
#include "tests/support/test.h"

static const struct {
    const char *source;
    uint32_t offset, line, column;
} rows[] = {
    {"", 0, 1, 1},
    {"", 9, 1, 1},
    {"ab", 0, 1, 1},
    {"ab", 1, 1, 2},
    {"ab", 2, 1, 3},
    {"ab", 3, 1, 3},
    {"a\nb", 1, 1, 2},
    {"a\nb", 2, 2, 1},
    {"a\r\nb", 3, 2, 1},
    {"a\n\nb", 3, 3, 1},
    {"a\n\nb", 4, 3, 2},
    {"'\xc3\xa9' + x", 5, 1, 5},
    {"\xf0\x9f\x98\x80x", 4, 1, 2},
    {"a\rb", 2, 1, 3},
};

static void lines_and_columns(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t line = 0, column = 0;
        cf_view source = view_copy(cf_view_str(rows[i].source));
        cf_cel_position(source, rows[i].offset, &line, &column);
        assert_int_equal(line, rows[i].line);
        assert_int_equal(column, rows[i].column);
        view_free(source);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lines_and_columns)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
