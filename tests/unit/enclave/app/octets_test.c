/* SPDX-License-Identifier: Apache-2.0 */
/* The octets of a connection, and its bound. */
#include "enclave/app/octets.h"

#include "enclave/app/conn.h"
#include "enclave/app/limits.h"
#include "tests/support/failmalloc.h"
#include "tests/support/test.h"

static void test_queue(void **state)
{
    (void)state;
    cf_octets o = {0};
    assert_int_equal(cf_octets_view(&o).len, 0);
    uint8_t next_in = 0, next_out = 0;
    uint32_t random = 1;
    size_t held = 0;
    for (size_t i = 0; i < 20000; i++) {
        random = random * 1664525 + 1013904223;
        size_t n = (random >> 10) % 300;
        if (held < 5000 && (random >> 30) > 1) {
            uint8_t octets[300];
            for (size_t j = 0; j < n; j++) {
                octets[j] = next_in++;
            }
            assert_ok(cf_octets_append(&o, cf_view_make(octets, n)));
            held += n;
        } else {
            n = n < held ? n : held;
            cf_view v = cf_octets_view(&o);
            for (size_t j = 0; j < n; j++) {
                assert_int_equal(v.data[j], next_out++);
            }
            cf_octets_use(&o, n, 4096);
            held -= n;
        }
        assert_int_equal(cf_octets_view(&o).len, held);
    }
    cf_octets_free(&o);
    assert_null(o.buf.data);
}

static void test_memory_is_given_back(void **state)
{
    (void)state;
    cf_octets o = {0};
    assert_ok(cf_octets_reserve(&o, 10000));
    assert_ok(cf_octets_append(&o, CF_LIT("abc")));
    cf_octets_use(&o, 2, 4096);
    assert_true(o.buf.cap >= 10000);
    cf_octets_use(&o, 1, 4096);
    assert_int_equal(o.buf.cap, 0);
    assert_ok(cf_octets_append(&o, CF_LIT("abc")));
    cf_octets_use(&o, 3, 4096);
    assert_true(o.buf.cap > 0); /* kept, and wiped */
    assert_int_equal(o.buf.data[0] | o.buf.data[1] | o.buf.data[2], 0);
    cf_octets_free(&o);
}

static void test_output_limit(void **state)
{
    (void)state;
    static uint8_t octets[CF_ENCLAVE_OUT_BYTES_MAX + 1];
    for (size_t n = CF_ENCLAVE_OUT_BYTES_MAX - 1; n <= CF_ENCLAVE_OUT_BYTES_MAX + 1; n++) {
        cf_conn c = {.fd = -1};
        cf_conn_send(&c, cf_view_make(octets, 1000));
        cf_octets_use(&c.out, 1000, 0); /* what was written does not count */
        cf_conn_send(&c, cf_view_make(octets, 10));
        cf_conn_send(&c, cf_view_make(octets, n - 10));
        assert_int_equal(c.broken, n > CF_ENCLAVE_OUT_BYTES_MAX);
        cf_conn_clear(&c);
        assert_false(c.broken);
    }
}

static cf_result fill(void *ctx)
{
    (void)ctx;
    cf_octets o = {0};
    cf_result r = cf_octets_append(&o, CF_LIT("0123456789"));
    if (cf_is_ok(r)) {
        cf_octets_use(&o, 4, 0);
        r = cf_octets_reserve(&o, 100);
        if (cf_is_ok(r)) {
            r = cf_octets_append(&o, CF_LIT("0123456789"));
        }
        assert_true(cf_octets_view(&o).len >= 6);
    }
    cf_octets_free(&o);
    return r;
}

static void test_no_memory(void **state)
{
    (void)state;
    (void)failmalloc_each(fill, NULL, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queue),
        cmocka_unit_test(test_memory_is_given_back),
        cmocka_unit_test(test_output_limit),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
