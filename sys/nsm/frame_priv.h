/* SPDX-License-Identifier: Apache-2.0 */
/* The stream between a program and its software NSM: u32 big-endian length, then that many octets, in both directions. */
#pragma once
#include "core/base/buf.h"

/** Replaces *ret by the next frame. Its head may take until head_deadline_ms, the rest CF_NSM_TIMEOUT_MS from then on.
 *  error SIZE a length of 0 or over max; CLOSED, TIMEOUT, IO, NO_MEMORY */
CF_MUST_USE cf_result cf_nsm_frame_read(int fd, uint64_t head_deadline_ms, size_t max, cf_buf *ret);
/** error CLOSED, TIMEOUT, IO, NO_MEMORY */
CF_MUST_USE cf_result cf_nsm_frame_write(int fd, uint64_t deadline_ms, cf_view octets);
