/* SPDX-License-Identifier: Apache-2.0 */
/* The cache of compiled expressions under many threads: shared programs, and more of them than it keeps. */
#include <pthread.h>

#include "enclave/app/programs.h"
#include "tests/support/test.h"

enum { THREADS = 4, TURNS = 2000, SOURCES = 24, KEPT = 8 };

static cf_programs *programs;

static void *turn(void *self)
{
    uint32_t seed = (uint32_t)(uintptr_t)self * 2654435761u + 1;
    size_t wrong = 0;
    for (size_t i = 0; i < TURNS; i++) {
        char text[32];
        seed = seed * 1664525u + 1013904223u;
        unsigned n = seed >> 16 & 31;
        n = n < SOURCES ? n : 0;
        (void)snprintf(text, sizeof text, "x * %u", n);
        const cf_transform_source s = {cf_view_str(text), CF_LIT("x")};
        const cf_transform_program *program = NULL;
        const cf_cel_value x = cf_cel_int(3);
        cf_cel_value v;
        cf_cel_error error;
        CF_ARENA(arena, (size_t)1 << 20);
        if (!cf_is_ok(cf_programs_ops.get(programs, &s, &program, &error))) {
            wrong++;
            continue;
        }
        bool right = cf_is_ok(cf_cel_eval(program->cel, &x, NULL, NULL, &arena, &v, &error)) &&
                     v.i == 3 * (int64_t)n;
        wrong += !right;
        cf_programs_ops.put(programs, program);
    }
    return (void *)(uintptr_t)wrong;
}

static void test_threads(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    assert_ok(cf_programs_new(KEPT, 1 << 20, &programs));
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, turn, (void *)(uintptr_t)(i + 1)), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        void *wrong = NULL;
        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_null(wrong);
    }
    assert_int_equal(cf_programs_count(programs), KEPT);
    cf_programs_free(&programs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
