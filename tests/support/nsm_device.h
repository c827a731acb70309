/* SPDX-License-Identifier: Apache-2.0 */
/* A stand-in for /dev/nsm in test builds: open and ioctl are wrapped at the link (nsm_device in tests/CMakeLists.txt), so that
 * the driver's code runs as it is against what the kernel would do with the same arguments. Any character device serves as the
 * descriptor. */
#pragma once
#include "core/base/buf.h"

/** Answers a request: fills ret and returns 0, or an errno. */
typedef int nsm_device_fn(void *ctx, cf_view request, cf_buf *ret);

typedef struct {
    int open_errno; /* of opening /dev/nsm: 0 there is one, ENOENT there is none */
    nsm_device_fn *answer;
    void *ctx;
    uint64_t claim; /* told as the answer's length when not 0, whatever it is */
    unsigned calls;
} nsm_device;
extern nsm_device nsm_device_now;

/** The device is there from now on, and answers so. */
void nsm_device_put(nsm_device_fn *answer, void *ctx);
/** There is none. */
void nsm_device_take(void);
