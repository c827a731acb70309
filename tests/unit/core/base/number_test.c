/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/number.h"

#include "tests/support/failmalloc.h"
#include "tests/support/test.h"

static const struct {
    const char *text;
    uint64_t max;
    cf_err err;
    uint64_t n;
} rows[] = {
    {"0", 0, CF_OK, 0},
    {"1", 1, CF_OK, 1},
    {"1", 0, CF_ERR_RANGE, 0},
    {"99", 100, CF_OK, 99},
    {"100", 100, CF_OK, 100},
    {"101", 100, CF_ERR_RANGE, 0},
    {"18446744073709551614", UINT64_MAX, CF_OK, UINT64_MAX - 1},
    {"18446744073709551615", UINT64_MAX, CF_OK, UINT64_MAX},
    {"18446744073709551616", UINT64_MAX, CF_ERR_RANGE, 0},
    {"18446744073709551620", UINT64_MAX, CF_ERR_RANGE, 0},
    {"99999999999999999999", UINT64_MAX, CF_ERR_RANGE, 0},
    {"36893488147419103232", UINT64_MAX, CF_ERR_RANGE, 0}, /* 2^65 */
    {"184467440737095516160000000001", UINT64_MAX, CF_ERR_RANGE, 0},
    {"", 9, CF_ERR_MALFORMED, 0},
    {"00", 9, CF_ERR_MALFORMED, 0},
    {"01", 9, CF_ERR_MALFORMED, 0},
    {"+1", 9, CF_ERR_MALFORMED, 0},
    {"-1", 9, CF_ERR_MALFORMED, 0},
    {" 1", 9, CF_ERR_MALFORMED, 0},
    {"1 ", 9, CF_ERR_MALFORMED, 0},
    {"1.0", 9, CF_ERR_MALFORMED, 0},
    {"1e1", 99, CF_ERR_MALFORMED, 0},
    {"0x1", 9, CF_ERR_MALFORMED, 0},
    {"/", 9, CF_ERR_MALFORMED, 0},
    {":", 9, CF_ERR_MALFORMED, 0},
    {"99999999999999999999999x", UINT64_MAX, CF_ERR_MALFORMED, 0},
};

static void parses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cf_view text = view_copy(cf_view_str(rows[i].text));
        uint64_t n = 77;
        assert_code(cf_parse_u64(text, rows[i].max, &n), rows[i].err);
        assert_true(n == rows[i].n);
        view_free(text);
    }
    uint64_t n = 77;
    assert_err(cf_parse_u64(CF_VIEW_EMPTY, 9, &n), MALFORMED);
    assert_err(cf_parse_u64(CF_LIT("1\0"), 99, &n), MALFORMED);
}

static void writes_what_it_parses(void **state)
{
    (void)state;
    CF_BUF(b);
    uint64_t n = 0, tens = 1;
    for (int digits = 0; digits < 20; digits++, tens *= 10) {
        uint64_t around[] = {tens - 1, tens, tens + 1, UINT64_MAX / tens};
        for (size_t i = 0; i < 4; i++) {
            cf_buf_clear(&b);
            assert_ok(cf_put_u64_dec(&b, around[i]));
            assert_ok(cf_parse_u64(cf_buf_view(&b), UINT64_MAX, &n));
            assert_true(n == around[i]);
        }
    }
    assert_ok(cf_buf_set(&b, CF_LIT("n=")));
    assert_ok(cf_put_u64_dec(&b, UINT64_MAX));
    assert_view(cf_buf_view(&b), CF_LIT("n=18446744073709551615"));
}

static cf_result put(void *ctx)
{
    (void)ctx;
    CF_BUF(b);
    return cf_put_u64_dec(&b, 1);
}

static void survives_failing_allocations(void **state)
{
    (void)state;
    failmalloc_each(put, NULL, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses),
        cmocka_unit_test(writes_what_it_parses),
        cmocka_unit_test(survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
