/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/arena.h"

#include <stdalign.h>

#include "tests/support/failmalloc.h"
#include "tests/support/test.h"

#define ALIGN alignof(max_align_t)

static void gives_zeroed_aligned_pieces(void **state)
{
    (void)state;
    CF_ARENA(a, 1 << 20);
    uint8_t *last = NULL;
    for (size_t size = 0; size < 2000; size += 7) {
        uint8_t *p = cf_arena_new(&a, size, 1);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % ALIGN, 0);
        assert_ptr_not_equal(p, last);
        for (size_t i = 0; i < size; i++) {
            assert_int_equal(p[i], 0);
        }
        memset(p, 0xFF, size);
        last = p;
    }
}

static void gives_pieces_larger_than_a_block(void **state)
{
    (void)state;
    CF_ARENA(a, 1 << 20);
    uint8_t *small = cf_arena_new(&a, 1, 1);
    uint8_t *large = cf_arena_new(&a, 100000, 1);
    uint8_t *next = cf_arena_new(&a, 1, 1);
    assert_true(small != NULL && large != NULL && next != NULL);
    memset(large, 1, 100000);
    assert_int_equal(*small, 0);
    assert_int_equal(*next, 0);
}

static void bounds_the_sum(void **state)
{
    (void)state;
    for (size_t max = 10 * ALIGN - 1; max <= 10 * ALIGN + 1; max++) {
        CF_ARENA(a, max);
        for (size_t i = 0; i < 9; i++) {
            assert_non_null(cf_arena_new(&a, 1, 1));
        }
        assert_int_equal(cf_arena_fits(&a, 1), max >= 10 * ALIGN);
        assert_int_equal(cf_arena_new(&a, 1, 1) != NULL, max >= 10 * ALIGN);
        assert_true(a.used <= a.max);
    }
    CF_ARENA(one, 3 * ALIGN);
    assert_null(cf_arena_new(&one, 3 * ALIGN + 1, 1));
    assert_non_null(cf_arena_new(&one, 3 * ALIGN, 1));
    assert_null(cf_arena_new(&one, 0, 1));
}

static void refuses_sums_that_wrap(void **state)
{
    (void)state;
    CF_ARENA(a, SIZE_MAX);
    assert_null(cf_arena_new(&a, SIZE_MAX / 2 + 1, 2));
    assert_null(cf_arena_new(&a, SIZE_MAX, 1));
    assert_null(cf_arena_new(&a, SIZE_MAX - ALIGN + 1, 1));
    assert_null(cf_arena_new(&a, SIZE_MAX - 3, 1));
    assert_null(a.blocks);
    a.used = a.max = 0;
    assert_null(cf_arena_new(&a, 1, 1));
}

static void copies(void **state)
{
    (void)state;
    CF_ARENA(a, 2 * ALIGN + 3);
    cf_view v;
    assert_ok(cf_arena_copy(&a, CF_LIT("text"), &v));
    assert_view(v, CF_LIT("text"));
    assert_ok(cf_arena_copy(&a, CF_VIEW_EMPTY, &v));
    assert_int_equal(v.len, 0);
    /* fits by its own length, not by what it takes */
    assert_err(cf_arena_copy(&a, CF_LIT("no"), &v), SIZE);
    assert_null(v.data);
    assert_err(cf_arena_copy(&a, cf_view_make("", SIZE_MAX), &v), SIZE);
}

static void frees_and_starts_again(void **state)
{
    (void)state;
    static const uint8_t secret[] = "held in an arena";
    size_t before = failmalloc_watch(CF_VIEW_OF(secret));
    CF_ARENA(a, 1000);
    cf_view v;
    for (int round = 0; round < 3; round++) {
        assert_ok(cf_arena_copy(&a, CF_VIEW_OF(secret), &v));
        cf_arena_free(&a);
        assert_null(a.blocks);
        assert_int_equal(a.used, 0);
        assert_int_equal(a.max, 1000);
    }
    cf_arena_free(&a);
    assert_int_equal(failmalloc_watch(CF_VIEW_EMPTY) - before, 0);
}

/* After a reset the newest block serves again, zeroed; what was large is gone. */
static void resets_and_serves_again(void **state)
{
    (void)state;
    CF_ARENA(a, 4 << 20);
    cf_arena_reset(&a);
    assert_null(a.blocks);
    for (unsigned round = 0; round < 3; round++) {
        uint8_t *large = cf_arena_new(&a, 2 << 20, 1);
        uint8_t *small = cf_arena_take(&a, 64);
        assert_true(large != NULL && small != NULL);
        memset(small, 0xFF, 64);
        cf_arena_reset(&a);
        assert_int_equal(a.used, 0);
        uint8_t *again = cf_arena_take(&a, 64);
        assert_ptr_equal(again, small);
        for (size_t i = 0; i < 64; i++) {
            assert_int_equal(again[i], 0);
        }
        cf_arena_free(&a);
    }
}

/* After several blocks one that has the room of all of them, zeroed; a round like the one before then allocates nothing. */
static void resets_to_one_block(void **state)
{
    (void)state;
    CF_ARENA(a, 1 << 20);
    const void *kept = NULL;
    for (unsigned round = 0; round < 4; round++) {
        for (unsigned i = 0; i < 10; i++) {
            uint8_t *p = cf_arena_new(&a, 10000, 1);
            assert_non_null(p);
            for (size_t k = 0; k < 10000; k++) {
                assert_int_equal(p[k], 0);
            }
            memset(p, 0xFF, 10000);
        }
        assert_true(round == 0 || (const void *)a.blocks == kept);
        cf_arena_reset(&a);
        assert_non_null(a.blocks);
        assert_int_equal(a.used, 0);
        kept = a.blocks;
    }
    failmalloc_set(1);
    assert_non_null(cf_arena_new(&a, 10, 10000)); /* of the same block */
    cf_arena_reset(&a);
    failmalloc_set(0);
}

/* Without memory for the joined block a reset leaves an empty arena, which works. */
static void reset_without_memory(void **state)
{
    (void)state;
    CF_ARENA(a, 1 << 20);
    assert_non_null(cf_arena_new(&a, 10000, 1));
    assert_non_null(cf_arena_new(&a, 10000, 1));
    failmalloc_set(1);
    cf_arena_reset(&a);
    failmalloc_set(0);
    assert_null(a.blocks);
    assert_int_equal(a.left, 0);
    assert_non_null(cf_arena_new(&a, 10000, 1));
}

static void take_keeps_the_bound(void **state)
{
    (void)state;
    for (size_t max = 159; max <= 161; max++) {
        CF_ARENA(a, max);
        for (size_t i = 0; i < 9; i++) {
            assert_non_null(cf_arena_take(&a, 16));
        }
        assert_int_equal(cf_arena_take(&a, 16) != NULL, max >= 160);
        assert_null(cf_arena_take(&a, 16));
        cf_arena_reset(&a);
        assert_non_null(cf_arena_take(&a, 16));
    }
}

static cf_result use_arena(void *ctx)
{
    (void)ctx;
    CF_ARENA(a, 1 << 20);
    cf_view v;
    for (unsigned i = 0; i < 5; i++) {
        CF_TRY(cf_arena_copy(&a, CF_LIT("copied"), &v));
        CF_REQUIRE(cf_arena_new(&a, 10000, 1) != NULL, NO_MEMORY);
    }
    return cf_ok();
}

static void survives_failing_allocations(void **state)
{
    (void)state;
    failmalloc_each(use_arena, NULL, 4);
}

/* Lent memory comes first and zeroed, whatever was in it, and not an octet beyond it is touched. */
static void uses_lent_memory_first(void **state)
{
    (void)state;
    enum { LENT = 5000 };
    static alignas(max_align_t) uint8_t lent[LENT + ALIGN];
    for (size_t each = 1; each < 2 * LENT; each = each * 3 + 1) {
        CF_ARENA(a, 1 << 20);
        memset(lent, 0xFF, sizeof lent);
        cf_arena_lend(&a, lent, LENT);
        size_t inside = 0;
        for (size_t sum = 0; sum < 3 * LENT; sum += each) {
            uint8_t *p = cf_arena_new(&a, each, 1);
            assert_non_null(p);
            assert_int_equal((uintptr_t)p % ALIGN, 0);
            for (size_t i = 0; i < each; i++) {
                assert_int_equal(p[i], 0);
            }
            if (p >= lent && p < lent + LENT) {
                assert_true(p + each <= lent + LENT);
                assert_true(a.blocks == NULL);
                inside += each;
            }
            memset(p, 0xFF, each);
        }
        assert_true(each > LENT ? inside == 0 : inside >= each);
        for (size_t i = LENT; i < sizeof lent; i++) {
            assert_int_equal(lent[i], 0xFF);
        }
    }
}

/* Pieces that fill lent memory to its end ask for no other. */
static void fills_lent_memory(void **state)
{
    (void)state;
    static alignas(max_align_t) uint8_t lent[4096];
    for (size_t bytes = ALIGN; bytes <= sizeof lent; bytes += ALIGN) {
        CF_ARENA(a, 1 << 20);
        cf_arena_lend(&a, lent, bytes);
        for (size_t at = 0; at < bytes; at += ALIGN) {
            assert_ptr_equal(cf_arena_new(&a, 1, ALIGN), lent + at);
        }
        assert_null(a.blocks);
        assert_non_null(cf_arena_new(&a, 1, 1));
        assert_non_null(a.blocks);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_zeroed_aligned_pieces),
        cmocka_unit_test(gives_pieces_larger_than_a_block),
        cmocka_unit_test(bounds_the_sum),
        cmocka_unit_test(refuses_sums_that_wrap),
        cmocka_unit_test(copies),
        cmocka_unit_test(frees_and_starts_again),
        cmocka_unit_test(resets_and_serves_again),
        cmocka_unit_test(resets_to_one_block),
        cmocka_unit_test(reset_without_memory),
        cmocka_unit_test(uses_lent_memory_first),
        cmocka_unit_test(fills_lent_memory),
        cmocka_unit_test(take_keeps_the_bound),
        cmocka_unit_test(survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
