/* SPDX-License-Identifier: Apache-2.0 */
/* The clocks, and deadlines: points in time of the first. */
#pragma once
#include <stdint.h>

/** Milliseconds of a clock that never jumps; the base of all deadlines. */
uint64_t cf_clock_mono_ms(void);
/** The same, but it goes on while the machine is suspended: for the age of what others judge by the wall clock. */
uint64_t cf_clock_boot_ms(void);
/** Milliseconds since the Unix epoch; may jump. */
uint64_t cf_clock_wall_ms(void);

/** A deadline that never passes. */
#define CF_DEADLINE_NONE UINT64_MAX

/** Milliseconds until the deadline as poll(2) takes them: 0 once it has passed, -1 for CF_DEADLINE_NONE. */
int cf_clock_poll_ms(uint64_t deadline_ms);
