/* SPDX-License-Identifier: Apache-2.0 */
/* coffer-enclave on a machine with /dev/nsm: its own main, and the stand-in for the device (tests/support/nsm_device.h). Behind that
 * stands the module of the rig, by the stream that the program was given and does not use. Never shipped: it lies beside the tests. */
#include <errno.h>
#include <fcntl.h>

#include "sys/linux/clock.h"
#include "sys/nsm/frame_priv.h"
#include "sys/nsm/nsm.h"
#include "tests/support/nsm_device.h"

#define STREAM_FD 4 /* as the rig gives it */
#define KEPT_FD 40  /* out of the way of all others */

static int kept = -1;

static int forward(void *ctx, cf_view request, cf_buf *ret)
{
    (void)ctx;
    uint64_t due_ms = cf_clock_mono_ms() + CF_NSM_TIMEOUT_MS;
    cf_result r = cf_nsm_frame_write(kept, due_ms, request);
    if (cf_is_ok(r)) {
        r = cf_nsm_frame_read(kept, due_ms, CF_NSM_RESPONSE_BYTES_MAX, ret);
    }
    return cf_is_ok(r) ? 0 : EIO;
}

__attribute__((constructor)) static void plug_in(void)
{
    kept = fcntl(STREAM_FD, F_DUPFD_CLOEXEC, KEPT_FD);
    nsm_device_put(forward, NULL);
}
