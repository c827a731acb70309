/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor's decisions over time. */
#include "host/agent/watch.h"
#include "tests/support/test.h"

static cf_watch w;

static int fresh(void **state)
{
    (void)state;
    cf_watch_init(&w, 1000);
    return 0;
}

static void boot(uint64_t now, uint64_t takes)
{
    assert_int_equal(cf_watch_step(&w, now), CF_WATCH_START);
    assert_int_equal(cf_watch_step(&w, now), CF_WATCH_NOTHING);
    cf_watch_ready(&w, now + takes);
    assert_int_equal(w.state, CF_WATCH_SERVING);
}

static void test_good_life(void **state)
{
    (void)state;
    assert_int_equal(cf_watch_next_ms(&w), 1000);
    assert_false(cf_watch_healthy(&w, 1000));
    boot(1000, 300);
    for (uint64_t at = 1300; at < 20000; at += CF_AGENT_HEALTH_INTERVAL_MS) {
        assert_true(cf_watch_healthy(&w, at));
        uint64_t ask = at + CF_AGENT_HEALTH_INTERVAL_MS;
        assert_int_equal(cf_watch_next_ms(&w), ask);
        assert_int_equal(cf_watch_step(&w, ask - 1), CF_WATCH_NOTHING);
        assert_int_equal(cf_watch_step(&w, ask), CF_WATCH_PING);
        assert_int_equal(cf_watch_step(&w, ask), CF_WATCH_NOTHING);
        cf_watch_pong(&w, ask);
    }
}

static void test_hung(void **state)
{
    (void)state;
    boot(1000, 0);
    uint64_t ask = 1000 + CF_AGENT_HEALTH_INTERVAL_MS, end = ask + CF_AGENT_HEALTH_TIMEOUT_MS;
    assert_int_equal(cf_watch_step(&w, ask), CF_WATCH_PING);
    assert_int_equal(cf_watch_next_ms(&w), end);
    assert_int_equal(cf_watch_step(&w, end - 1), CF_WATCH_NOTHING);
    assert_true(cf_watch_healthy(&w, 1000 + CF_AGENT_HEALTH_FRESH_MS));
    assert_false(cf_watch_healthy(&w, 1001 + CF_AGENT_HEALTH_FRESH_MS));
    assert_int_equal(cf_watch_step(&w, end), CF_WATCH_KILL);
    assert_int_equal(cf_watch_step(&w, end + 100000), CF_WATCH_NOTHING);
    assert_int_equal(cf_watch_next_ms(&w), UINT64_MAX);
    assert_false(cf_watch_healthy(&w, end));
    /* Words of one that is to die change nothing. */
    cf_watch_pong(&w, end);
    cf_watch_ready(&w, end);
    assert_int_equal(w.state, CF_WATCH_ENDING);
    /* It had served: the next comes at once. */
    cf_watch_gone(&w, end + 5);
    assert_int_equal(cf_watch_next_ms(&w), end + 5);
    boot(end + 5, 10);
}

static void test_boot_that_hangs(void **state)
{
    (void)state;
    assert_int_equal(cf_watch_step(&w, 1000), CF_WATCH_START);
    assert_int_equal(cf_watch_step(&w, 1000 + CF_AGENT_BOOT_TIMEOUT_MS - 1), CF_WATCH_NOTHING);
    assert_int_equal(cf_watch_step(&w, 1000 + CF_AGENT_BOOT_TIMEOUT_MS), CF_WATCH_KILL);
    cf_watch_gone(&w, 20000);
    assert_int_equal(cf_watch_next_ms(&w), 20000 + CF_AGENT_BACKOFF_MS);
}

static void test_back_off(void **state)
{
    (void)state;
    uint64_t now = 1000, wait = CF_AGENT_BACKOFF_MS;
    for (int i = 0; i < 40; i++) {
        assert_int_equal(cf_watch_step(&w, now), CF_WATCH_START);
        cf_watch_gone(&w, now);
        assert_int_equal(cf_watch_next_ms(&w), now + wait);
        assert_int_equal(cf_watch_step(&w, now + wait - 1), CF_WATCH_NOTHING);
        now += wait;
        wait = wait * 2 < CF_AGENT_BACKOFF_MS_MAX ? wait * 2 : CF_AGENT_BACKOFF_MS_MAX;
    }
    assert_int_equal(wait, CF_AGENT_BACKOFF_MS_MAX);
    /* One that serves, but not long enough, is no better. */
    boot(now, 10);
    cf_watch_gone(&w, now + 10 + CF_AGENT_STEADY_MS - 1);
    assert_int_equal(cf_watch_next_ms(&w),
                     now + 10 + CF_AGENT_STEADY_MS - 1 + CF_AGENT_BACKOFF_MS_MAX);
    /* One that serves that long is, and the count begins anew. */
    now += 100000;
    boot(now, 10);
    cf_watch_gone(&w, now + 10 + CF_AGENT_STEADY_MS);
    assert_int_equal(cf_watch_next_ms(&w), now + 10 + CF_AGENT_STEADY_MS);
    now += 200000;
    assert_int_equal(cf_watch_step(&w, now), CF_WATCH_START);
    cf_watch_gone(&w, now);
    assert_int_equal(cf_watch_next_ms(&w), now + CF_AGENT_BACKOFF_MS);
}

static void test_fault(void **state)
{
    (void)state;
    assert_false(cf_watch_fault(&w));
    boot(1000, 0);
    assert_true(cf_watch_fault(&w));
    assert_false(cf_watch_fault(&w));
    cf_watch_gone(&w, 9000);
    assert_int_equal(cf_watch_next_ms(&w), 9000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_good_life, fresh),
        cmocka_unit_test_setup(test_hung, fresh),
        cmocka_unit_test_setup(test_boot_that_hangs, fresh),
        cmocka_unit_test_setup(test_back_off, fresh),
        cmocka_unit_test_setup(test_fault, fresh),
    };
    return cmocka_run_group_tests_name("host/agent/watch", tests, NULL, NULL);
}
