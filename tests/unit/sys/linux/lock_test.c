/* SPDX-License-Identifier: Apache-2.0 */
/* Writers are not kept from a lock by readers that keep coming. */
#include "sys/linux/lock.h"

#include <errno.h>
#include <poll.h>

#include "sys/linux/clock.h"
#include "tests/support/test.h"

#define WAIT_MS 20000

static pthread_rwlock_t lock;
static int written;

static void *write_main(void *arg)
{
    CF_AUTO(cf_unlock_rw) CF_HELD pthread_rwlock_t *held = cf_hold_to_write(arg);
    written++;
    return NULL;
}

/* Whether one more may read now. */
static bool may_read(void)
{
    int status = pthread_rwlock_tryrdlock(&lock);
    assert_true(status == 0 || status == EBUSY);
    if (status == 0) {
        (void)pthread_rwlock_unlock(&lock);
    }
    return status == 0;
}

static void test_writer_first(void **state)
{
    (void)state;
    pthread_t writer;
    assert_ok(cf_rwlock_init(&lock));
    (void)cf_hold_to_read(&lock);
    assert_true(may_read()); /* nobody waits to write */
    assert_int_equal(pthread_create(&writer, NULL, write_main, &lock), 0);
    uint64_t until = cf_clock_mono_ms() + WAIT_MS;
    while (may_read()) { /* until the writer waits */
        assert_true(cf_clock_mono_ms() < until);
        (void)poll(NULL, 0, 1);
    }
    assert_int_equal(written, 0);
    (void)pthread_rwlock_unlock(&lock);
    assert_int_equal(pthread_join(writer, NULL), 0);
    assert_int_equal(written, 1);
    assert_true(may_read());
    (void)pthread_rwlock_destroy(&lock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_writer_first)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
