/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/linux/clock.h"

#include <limits.h>
#include <time.h>

static uint64_t clock_ms(clockid_t id)
{
    struct timespec now;
    /* cannot fail for these clocks */
    (void)clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t cf_clock_mono_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}

uint64_t cf_clock_boot_ms(void)
{
    return clock_ms(CLOCK_BOOTTIME);
}

uint64_t cf_clock_wall_ms(void)
{
    return clock_ms(CLOCK_REALTIME);
}

int cf_clock_poll_ms(uint64_t deadline_ms)
{
    if (deadline_ms == CF_DEADLINE_NONE) {
        return -1;
    }
    uint64_t now = cf_clock_mono_ms();
    if (deadline_ms <= now) {
        return 0;
    }
    return deadline_ms - now > INT_MAX ? INT_MAX : (int)(deadline_ms - now);
}
