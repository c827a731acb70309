/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdint.h>

/** Milliseconds of a clock that never jumps; the base of all deadlines. */
uint64_t cf_clock_mono_ms(void);
/** Milliseconds since the Unix epoch; may jump. */
uint64_t cf_clock_wall_ms(void);
