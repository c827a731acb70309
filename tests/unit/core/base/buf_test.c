/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/failmalloc.h"
#include "tests/support/test.h"

static void appends_and_grows(void **state)
{
    (void)state;
    CF_BUF(b);
    assert_ok(cf_buf_append(&b, CF_VIEW_EMPTY));
    assert_null(b.data);
    for (unsigned i = 0; i < 1000; i++) {
        uint8_t octet = (uint8_t)i;
        assert_ok(cf_buf_append(&b, cf_view_make(&octet, 1)));
        assert_true(b.len <= b.cap);
    }
    assert_int_equal(b.len, 1000);
    for (unsigned i = 0; i < 1000; i++) {
        assert_int_equal(b.data[i], (uint8_t)i);
    }
}

static void sets_and_clears(void **state)
{
    (void)state;
    CF_BUF(b);
    assert_ok(cf_buf_set(&b, CF_LIT("first, which is longer")));
    assert_ok(cf_buf_set(&b, CF_LIT("second")));
    assert_view(cf_buf_view(&b), CF_LIT("second"));
    for (size_t i = b.len; i < 22; i++) {
        assert_int_equal(b.data[i], 0);
    }
    size_t cap = b.cap;
    cf_buf_clear(&b);
    assert_int_equal(b.len, 0);
    assert_int_equal(b.cap, cap);
    assert_memory_equal(b.data, "\0\0\0\0\0\0", 6);
    cf_buf_free(&b);
    assert_null(b.data);
    cf_buf_free(&b);
    cf_buf_clear(&b);
}

static void reserves_to_the_limit(void **state)
{
    (void)state;
    CF_BUF(b);
    assert_err(cf_buf_reserve(&b, CF_BUF_BYTES_MAX + 1), SIZE);
    assert_err(cf_buf_reserve(&b, SIZE_MAX), SIZE);
    assert_null(b.data);
    assert_ok(cf_buf_reserve(&b, CF_BUF_BYTES_MAX - 1));
    assert_ok(cf_buf_reserve(&b, CF_BUF_BYTES_MAX));
    assert_int_equal(b.cap, CF_BUF_BYTES_MAX);
    assert_ok(cf_buf_append(&b, CF_LIT("x")));
    assert_ok(cf_buf_reserve(&b, CF_BUF_BYTES_MAX - 1));
    assert_err(cf_buf_reserve(&b, CF_BUF_BYTES_MAX), SIZE);
    assert_err(cf_buf_reserve(&b, SIZE_MAX), SIZE);
    assert_view(cf_buf_view(&b), CF_LIT("x"));
}

static void moves(void **state)
{
    (void)state;
    CF_BUF(a);
    assert_ok(cf_buf_set(&a, CF_LIT("value")));
    CF_AUTO(cf_buf_free) cf_buf b = cf_buf_move(&a);
    assert_null(a.data);
    assert_int_equal(a.len, 0);
    assert_int_equal(a.cap, 0);
    assert_view(cf_buf_view(&b), CF_LIT("value"));
}

/* No block goes back to the allocator with the secret in it: not when a buffer grows, is freed, leaves its scope, nor what lies
 * behind a length that was cut. */
static void wipes_before_it_frees(void **state)
{
    (void)state;
    static const uint8_t secret[] = "a secret of some length";
    cf_view v = CF_VIEW_OF(secret);
    size_t before = failmalloc_watch(v);
    {
        CF_BUF(scope);
        assert_ok(cf_buf_set(&scope, v));
        assert_ok(cf_buf_reserve(&scope, 100));
        CF_BUF(cut);
        assert_ok(cf_buf_set(&cut, v));
        cut.len = 0;
        assert_ok(cf_buf_reserve(&cut, 100));
        CF_BUF(cut_and_freed);
        assert_ok(cf_buf_set(&cut_and_freed, v));
        cut_and_freed.len = 0;
    }
    assert_int_equal(failmalloc_watch(v) - before, 0);
    /* and the watch does see one that is not wiped */
    uint8_t *plain = malloc(sizeof secret);
    assert_non_null(plain);
    cf_copy(plain, secret, sizeof secret);
    __asm__ __volatile__(""
                         :
                         : "r"(plain)
                         : "memory"); /* else nobody reads it, and it is not written */
    free(plain);
    assert_int_equal(failmalloc_watch(CF_VIEW_EMPTY) - before, 1);
}

static void gives_memory(void **state)
{
    (void)state;
    assert_null(cf_mem_new(0, 8));
    assert_null(cf_mem_new(8, 0));
    assert_null(cf_mem_new(SIZE_MAX / 2 + 1, 2));
    uint8_t *p = cf_mem_new(7, 3);
    assert_non_null(p);
    for (size_t i = 0; i < 21; i++) {
        assert_int_equal(p[i], 0);
    }
    cf_mem_free(p);
    cf_mem_free(NULL);
    cf_wipe(NULL, 0);
    char *s = cf_str_new(CF_LIT("abc"));
    assert_string_equal(s, "abc");
    cf_mem_free(s);
    s = cf_str_new(CF_VIEW_EMPTY);
    assert_string_equal(s, "");
    cf_mem_free(s);
    assert_null(cf_str_new(cf_view_make("", CF_BUF_BYTES_MAX)));
}

static cf_result use_buffers(void *ctx)
{
    (void)ctx;
    CF_BUF(b);
    CF_BUF(c);
    CF_TRY(cf_buf_append(&b, CF_LIT("held")));
    cf_result grown = cf_buf_reserve(&b, 1000);
    assert_view(cf_buf_view(&b), CF_LIT("held"));
    CF_TRY(grown);
    CF_TRY(cf_buf_set(&c, cf_buf_view(&b)));
    CF_AUTO(cf_buf_free) cf_buf d = cf_buf_move(&c);
    char *s = cf_str_new(cf_buf_view(&d));
    CF_REQUIRE(s != NULL, NO_MEMORY);
    cf_mem_free(s);
    return cf_ok();
}

static void survives_failing_allocations(void **state)
{
    (void)state;
    assert_int_equal(failmalloc_each(use_buffers, NULL, 4), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_and_grows),
        cmocka_unit_test(sets_and_clears),
        cmocka_unit_test(reserves_to_the_limit),
        cmocka_unit_test(moves),
        cmocka_unit_test(wipes_before_it_frees),
        cmocka_unit_test(gives_memory),
        cmocka_unit_test(survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
