/* SPDX-License-Identifier: Apache-2.0 */
/* The cache of compiled expressions: bounds, order of leaving, and programs that are used while they leave. Threads are in
 * programs_threads_test.c: failmalloc counts in one only. */
#include "enclave/app/programs.h"

#include "tests/support/failmalloc.h"
#include "tests/support/test.h"

static cf_transform_source numbered(unsigned n, char text[static 32])
{
    (void)snprintf(text, 32, "x + %u", n);
    return (cf_transform_source){cf_view_str(text), CF_LIT("x")};
}

static const cf_transform_program *get(cf_programs *p, unsigned n)
{
    char text[32];
    const cf_transform_source s = numbered(n, text);
    const cf_transform_program *program;
    cf_cel_error error;
    assert_ok(cf_programs_ops.get(p, &s, &program, &error));
    return program;
}

static void put(cf_programs *p, const cf_transform_program *program)
{
    cf_programs_ops.put(p, program);
}

/* Whether it is there, without making it newer than it is: for a look at the end. */
static bool has(cf_programs *p, const cf_transform_program *was, unsigned n)
{
    const cf_transform_program *now = get(p, n);
    put(p, now);
    return now == was;
}

static int64_t value_of(const cf_transform_program *program)
{
    CF_ARENA(arena, (size_t)1 << 20);
    const cf_cel_value x = cf_cel_int(1000);
    cf_cel_value v;
    cf_cel_error error;
    assert_ok(cf_cel_eval(program->cel, &x, NULL, NULL, &arena, &v, &error));
    return v.i;
}

static void test_kept(void **state)
{
    (void)state;
    cf_programs *p = NULL;
    assert_ok(cf_programs_new(8, 1 << 20, &p));
    const cf_transform_program *a = get(p, 1), *b = get(p, 2);
    assert_int_equal(value_of(a), 1001);
    assert_int_equal(value_of(b), 1002);
    assert_ptr_equal(get(p, 1), a);
    assert_int_equal(cf_programs_count(p), 2);
    put(p, a);
    put(p, a);
    put(p, b);
    assert_true(has(p, a, 1));
    /* another list of names is another program, and one that does not compile is none */
    const cf_transform_source other = {CF_LIT("x + 1"), CF_LIT("y,x")},
                              bad = {CF_LIT("x +"), CF_LIT("x")};
    const cf_transform_program *c = NULL;
    cf_cel_error error;
    assert_ok(cf_programs_ops.get(p, &other, &c, &error));
    assert_ptr_not_equal(c, a);
    put(p, c);
    assert_err(cf_programs_ops.get(p, &bad, &c, &error), CEL_SYNTAX);
    assert_null(c);
    assert_int_equal(error.offset, 3);
    assert_int_equal(cf_programs_count(p), 3);
    cf_programs_free(&p);
    assert_null(p);
}

/* One below, at and above the number: the least lately used goes. */
static void test_count(void **state)
{
    (void)state;
    cf_programs *p = NULL;
    assert_ok(cf_programs_new(3, 1 << 20, &p));
    const cf_transform_program *made[4];
    for (unsigned i = 0; i < 3; i++) {
        made[i] = get(p, i);
        put(p, made[i]);
        assert_int_equal(cf_programs_count(p), i + 1);
    }
    put(p, get(p, 0)); /* 1 is the oldest now */
    made[3] = get(p, 3);
    put(p, made[3]);
    assert_int_equal(cf_programs_count(p), 3);
    assert_true(has(p, made[0], 0));
    assert_true(has(p, made[2], 2));
    assert_true(has(p, made[3], 3));
    cf_programs_free(&p);
    /* none at all */
    assert_ok(cf_programs_new(0, 1 << 20, &p));
    made[0] = get(p, 0);
    assert_int_equal(value_of(made[0]), 1000);
    put(p, made[0]);
    assert_int_equal(cf_programs_count(p), 0);
    cf_programs_free(&p);
}

static void test_bytes(void **state)
{
    (void)state;
    cf_programs *p = NULL;
    assert_ok(cf_programs_new(100, 1 << 20, &p));
    put(p, get(p, 10));
    size_t one = cf_programs_bytes(p);
    assert_in_range(one, 64, 4096);
    cf_programs_free(&p);
    for (size_t more = 0; more <= 2; more++) {
        assert_ok(cf_programs_new(100, 3 * one - 1 + more, &p));
        for (unsigned i = 10; i < 13; i++) {
            put(p, get(p, i));
        }
        assert_int_equal(cf_programs_count(p), more == 0 ? 2 : 3);
        assert_in_range(cf_programs_bytes(p), 0, 3 * one - 1 + more);
        cf_programs_free(&p);
    }
    /* one that is larger than all of it is used and not kept, and drives nobody out */
    assert_ok(cf_programs_new(100, one, &p));
    const cf_transform_program *kept = get(p, 10);
    put(p, kept);
    static char large[4000];
    size_t at = 0;
    for (unsigned i = 0; i < 300; i++) {
        at += (size_t)snprintf(large + at, sizeof large - at, "%sx/%u", i > 0 ? "+" : "", i + 2);
    }
    const cf_transform_source s = {cf_view_str(large), CF_LIT("x")};
    const cf_transform_program *big;
    cf_cel_error error;
    assert_ok(cf_programs_ops.get(p, &s, &big, &error));
    put(p, big);
    assert_int_equal(cf_programs_count(p), 1);
    assert_true(has(p, kept, 10));
    cf_programs_free(&p);
}

/* A program that leaves while it is used stays whole until it is given back. */
static void test_used_while_leaving(void **state)
{
    (void)state;
    cf_programs *p = NULL;
    long before = failmalloc_live();
    assert_ok(cf_programs_new(1, 1 << 20, &p));
    const cf_transform_program *a = get(p, 1), *again = get(p, 1);
    for (unsigned i = 2; i < 20; i++) {
        put(p, get(p, i));
    }
    assert_int_equal(cf_programs_count(p), 1);
    assert_int_equal(value_of(a), 1001);
    put(p, a);
    assert_int_equal(value_of(again), 1001);
    long used = failmalloc_live();
    put(p, again);
    assert_true(failmalloc_live() < used);
    cf_programs_free(&p);
    assert_int_equal(failmalloc_live(), before);
}

static cf_result some(void *ctx)
{
    (void)ctx;
    CF_AUTO(cf_programs_free) cf_programs *p = NULL;
    const cf_transform_source s = {CF_LIT("x.matches('a+')"), CF_LIT("x")};
    const cf_transform_program *program;
    cf_cel_error error;
    CF_TRY(cf_programs_new(2, 1 << 20, &p));
    CF_TRY(cf_programs_ops.get(p, &s, &program, &error));
    cf_programs_ops.put(p, program);
    return cf_ok();
}

static void test_no_memory(void **state)
{
    (void)state;
    /* from its first failure on libcrypto keeps a list of errors for the thread */
    for (size_t n = 1; n <= 40; n++) {
        failmalloc_set(n);
        cf_ignore(some(NULL));
    }
    failmalloc_set(0);
    (void)failmalloc_each(some, NULL, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kept),      cmocka_unit_test(test_count),
        cmocka_unit_test(test_bytes),     cmocka_unit_test(test_used_while_leaving),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
