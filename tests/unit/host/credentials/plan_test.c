/* SPDX-License-Identifier: Apache-2.0 */
#include "host/credentials/plan.h"

#include "tests/support/test.h"

#define NOW UINT64_C(1800000000000)
#define MINUTE UINT64_C(60000)

static uint64_t wait_of(uint64_t left_ms, uint32_t chance)
{
    cf_creds_plan p = {0};
    cf_creds_plan_got(&p, NOW, NOW + left_ms, false, chance);
    assert_int_equal(p.expires_ms, NOW + left_ms);
    return p.next_ms - NOW;
}

static void test_early(void **state)
{
    (void)state;
    /* Six hours: ten minutes early, and up to two more by chance. */
    assert_int_equal(wait_of(360 * MINUTE, 0), 350 * MINUTE);
    assert_in_range(wait_of(360 * MINUTE, UINT32_MAX), 348 * MINUTE, 348 * MINUTE + 1);
    assert_int_equal(wait_of(360 * MINUTE, UINT32_C(1) << 31), 349 * MINUTE);
    /* Half of a short life. */
    assert_int_equal(wait_of(20 * MINUTE, 0), 10 * MINUTE);
    assert_int_equal(wait_of(19 * MINUTE, 0), 19 * MINUTE / 2);
    assert_int_equal(wait_of(10 * MINUTE, UINT32_MAX), 4 * MINUTE + 1);
    /* Never at once. */
    assert_int_equal(wait_of(1500, 0), CF_CREDS_PAUSE_MS);
    assert_int_equal(wait_of(0, 0), CF_CREDS_PAUSE_MS);
    cf_creds_plan p = {0};
    cf_creds_plan_got(&p, NOW, NOW - 5, false, 0);
    assert_int_equal(p.next_ms, NOW + CF_CREDS_PAUSE_MS);
}

static void test_endless(void **state)
{
    (void)state;
    cf_creds_plan p = {0};
    cf_creds_plan_got(&p, NOW, 0, false, 7);
    assert_true(p.next_ms == UINT64_MAX);
    cf_creds_plan_got(&p, NOW, 0, true, 7);
    assert_int_equal(p.next_ms, NOW + CF_CREDS_LOOK_MS);
}

static void test_failures(void **state)
{
    (void)state;
    static const uint64_t waits[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000};
    cf_creds_plan p = {0};
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        cf_creds_plan_failed(&p, NOW, 0);
        assert_int_equal(p.next_ms, NOW + waits[i]);
    }
    cf_creds_plan_failed(&p, NOW, UINT32_MAX);
    assert_in_range(p.next_ms - NOW, 30000, 30001);
    for (size_t i = 0; i < 100000; i++) {
        cf_creds_plan_failed(&p, NOW, 0);
    }
    assert_int_equal(p.next_ms, NOW + CF_CREDS_PAUSE_MS_MAX);
    /* A success forgets them. */
    cf_creds_plan_got(&p, NOW, NOW + MINUTE, false, 0);
    cf_creds_plan_failed(&p, NOW, 0);
    assert_int_equal(p.next_ms, NOW + CF_CREDS_PAUSE_MS);
    assert_int_equal(p.expires_ms, NOW + MINUTE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_early),
        cmocka_unit_test(test_endless),
        cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests_name("host/credentials/plan", tests, NULL, NULL);
}
