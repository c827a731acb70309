/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/reader.h"

#include "tests/support/failmalloc.h"
#include "tests/support/test.h"

static void reads_numbers(void **state)
{
    (void)state;
    cf_view in = view_hex("01 0203 04050607 08090a0b0c0d0e0f ffffffffffffffff");
    cf_reader r = cf_reader_of(in);
    assert_int_equal(cf_read_u8(&r), 1);
    assert_int_equal(cf_read_u16(&r), 0x0203);
    assert_int_equal(cf_read_u32(&r), 0x04050607);
    assert_true(cf_read_u64(&r) == 0x08090a0b0c0d0e0f);
    assert_true(cf_read_u64(&r) == UINT64_MAX);
    assert_ok(cf_read_end(&r));
    view_free(in);
}

/* Each read, on an input one octet too short and on one that fits. */
static void stops_at_the_end(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 2, 4, 8};
    for (size_t i = 0; i < 4; i++) {
        for (size_t have = 0; have <= sizes[i]; have++) {
            uint8_t octets[8] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
            cf_view in = view_copy(cf_view_make(octets, have));
            cf_reader r = cf_reader_of(in);
            uint64_t n = i == 0   ? cf_read_u8(&r)
                         : i == 1 ? cf_read_u16(&r)
                         : i == 2 ? cf_read_u32(&r)
                                  : cf_read_u64(&r);
            if (have == sizes[i]) {
                assert_ok(cf_read_end(&r));
                assert_true(n == UINT64_MAX >> (64 - 8 * have));
            } else {
                assert_err(cf_read_end(&r), TRUNCATED);
                assert_true(n == 0);
                assert_int_equal(r.left, have);
            }
            view_free(in);
        }
    }
}

static void keeps_the_first_error(void **state)
{
    (void)state;
    cf_reader r = cf_reader_of(CF_LIT("abc"));
    assert_int_equal(cf_read(&r, 4).len, 0);
    assert_null(cf_read(&r, 1).data);
    assert_int_equal(r.left, 3);
    cf_reader_fail(&r, CF_ERR_DEPTH);
    assert_err(cf_read_end(&r), TRUNCATED);

    r = cf_reader_of(CF_LIT("abc"));
    cf_reader_fail(&r, CF_ERR_DEPTH);
    cf_reader_fail(&r, CF_ERR_RANGE);
    assert_int_equal(cf_read_u8(&r), 0);
    assert_err(cf_read_end(&r), DEPTH);
}

static void tells_what_is_left(void **state)
{
    (void)state;
    cf_reader r = cf_reader_of(CF_LIT("abc"));
    assert_view(cf_read(&r, 2), CF_LIT("ab"));
    assert_err(cf_read_end(&r), TRAILING);
    assert_view(cf_read(&r, 0), CF_LIT(""));
    assert_view(cf_read(&r, 1), CF_LIT("c"));
    assert_view(cf_read(&r, 0), CF_LIT(""));
    assert_ok(cf_read_end(&r));
    r = cf_reader_of(CF_VIEW_EMPTY);
    assert_view(cf_read(&r, 0), CF_LIT(""));
    assert_ok(cf_read_end(&r));
    assert_view(cf_read(&r, SIZE_MAX), CF_LIT(""));
    assert_err(cf_read_end(&r), TRUNCATED);
}

static void writes_numbers(void **state)
{
    (void)state;
    CF_BUF(b);
    cf_writer w = cf_writer_to(&b, 100);
    cf_write_u8(&w, 0x01);
    cf_write_u16(&w, 0x0203);
    cf_write_u32(&w, 0x04050607);
    cf_write_u64(&w, 0x08090a0b0c0d0e0f);
    cf_write(&w, CF_LIT("z"));
    cf_write(&w, CF_VIEW_EMPTY);
    assert_ok(cf_write_end(&w));
    cf_view want = view_hex("01 0203 04050607 08090a0b0c0d0e0f 7a");
    assert_view(cf_buf_view(&b), want);
    view_free(want);
}

static void writes_to_the_limit(void **state)
{
    (void)state;
    for (size_t max = 0; max <= 6; max++) {
        CF_BUF(b);
        assert_ok(cf_buf_append(&b, CF_LIT("xy")));
        cf_writer w = cf_writer_to(&b, max);
        cf_write(&w, CF_LIT("abc"));
        if (max < 5) {
            assert_err(cf_write_end(&w), SIZE);
            assert_view(cf_buf_view(&b), CF_LIT("xy"));
        } else {
            assert_ok(cf_write_end(&w));
        }
        /* an error is kept, although this would fit */
        cf_write(&w, CF_VIEW_EMPTY);
        assert_int_equal(cf_is_ok(cf_write_end(&w)), max >= 5);
    }
    CF_BUF(b);
    cf_writer w = cf_writer_to(&b, SIZE_MAX);
    cf_write(&w, cf_view_make("", CF_BUF_BYTES_MAX + 1));
    assert_err(cf_write_end(&w), SIZE);
}

static cf_result write_much(void *ctx)
{
    (void)ctx;
    CF_BUF(b);
    cf_writer w = cf_writer_to(&b, 1000);
    for (unsigned i = 0; i < 100; i++) {
        cf_write_u64(&w, i);
    }
    return cf_write_end(&w);
}

static void survives_failing_allocations(void **state)
{
    (void)state;
    failmalloc_each(write_much, NULL, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_numbers),
        cmocka_unit_test(stops_at_the_end),
        cmocka_unit_test(keeps_the_first_error),
        cmocka_unit_test(tells_what_is_left),
        cmocka_unit_test(writes_numbers),
        cmocka_unit_test(writes_to_the_limit),
        cmocka_unit_test(survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
