/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions that want more than they may have (tests/support/cel_hostile.c) end with BUDGET, or with what refuses them earlier, and
 * take no more than 16 MiB, their bindings, tables and output included. Their time is measured by bench/cel.c. */
#include "tests/support/cel_hostile.h"
#include "tests/support/peakmalloc.h"
#include "tests/support/test.h"

#define PEAK_BYTES_MAX ((size_t)16 << 20)

static bool holds(const cel_hostile *c, const cf_cel_env *base)
{
    cf_cel_error error;
    peakmalloc_begin();
    cf_result r = cel_hostile_run(c, base, &error);
    size_t peak = peakmalloc_peak();
    if (r.code != c->err || peak > PEAK_BYTES_MAX || error.offset > c->source.len) {
        print_error("%s: %s at %u with %zu octets of memory, want %s\n", c->name,
                    cf_err_code(r.code), error.offset, peak, cf_err_code(c->err));
        return false;
    }
    return true;
}

static void every_one_is_bounded(void **state)
{
    (void)state;
    CF_CEL_ENV(base);
    cel_hostile c;
    size_t i = 0, bad = 0, over = 0;
    assert_ok(cf_cel_env_new(NULL, &base));
    for (; cel_hostile_make(i, &c); i++) {
        bad += !holds(&c, base);
        over += c.err == CF_ERR_BUDGET;
        cel_hostile_free(&c);
    }
    assert_true(i >= 100 && over >= 70); /* not a table that lost its rows */
    assert_int_equal(bad, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_one_is_bounded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
