/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/failmalloc.h"

#include <malloc.h>

#include "tests/support/test.h"

#define RUNS_MAX 10000 /* a function that allocates more often than this is caught in a loop */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);
void __wrap_free(void *p);

static struct {
    size_t countdown; /* 1 fails the next allocation, 0 none */
    size_t asked;     /* allocations since the countdown was set, the failed one included */
    bool failed;
    long live;
    cf_view secret;
    size_t leaked; /* freed blocks that held the secret */
} state;

static bool fails_now(void)
{
    state.asked++;
    if (state.countdown == 0) {
        return false;
    }
    state.countdown--;
    state.failed |= state.countdown == 0;
    return state.countdown == 0;
}

static void *given(void *p)
{
    state.live += p != NULL;
    return p;
}

/* What the allocator is about to take back; the octets behind those asked for are the allocator's own, and readable. */
static void inspect(const void *p)
{
    if (p != NULL && state.secret.len > 0) {
        size_t size = malloc_usable_size((void *)(uintptr_t)p);
        state.leaked += memmem(p, size, state.secret.data, state.secret.len) != NULL;
    }
}

void *__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : given(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails_now() ? NULL : given(__real_calloc(count, size));
}

/* Always moves, so that a pointer kept over a realloc is found. */
void *__wrap_realloc(void *p, size_t size)
{
    if (fails_now()) {
        return NULL;
    }
    void *moved = given(__real_malloc(size));
    if (moved != NULL && p != NULL) {
        size_t old = malloc_usable_size(p);
        cf_copy(moved, p, old < size ? old : size);
        __wrap_free(p);
    }
    return moved;
}

void __wrap_free(void *p)
{
    inspect(p);
    state.live -= p != NULL;
    __real_free(p);
}

void failmalloc_set(size_t n)
{
    state.countdown = n;
    state.asked = 0;
    state.failed = false;
}

long failmalloc_live(void)
{
    return state.live;
}

size_t failmalloc_watch(cf_view secret)
{
    state.secret = secret;
    return state.leaked;
}

size_t failmalloc_each(cf_result (*fn)(void *ctx), void *ctx, size_t min)
{
    for (size_t n = 1; n < RUNS_MAX; n++) {
        long live = state.live;
        failmalloc_set(n);
        cf_result r = fn(ctx);
        size_t asked = state.asked;
        bool failed = state.failed;
        failmalloc_set(0);
        assert_int_equal(state.live, live);
        if (!failed) {
            assert_ok(r);
            assert_true(asked >= min);
            return asked;
        }
        assert_err(r, NO_MEMORY);
    }
    fail_msg("more than %d allocations", RUNS_MAX);
    return 0;
}

void *failmalloc_malloc(size_t size)
{
    return __wrap_malloc(size);
}

void failmalloc_free(void *p)
{
    __wrap_free(p);
}
