/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/linux/clock.h"
#include "sys/nsm/frame_priv.h"
#include "sys/nsm/nsm.h"

static cf_result serve_one(cf_soft_nsm *s, int fd)
{
    CF_BUF(request);
    CF_BUF(response);
    /* An enclave may be silent for as long as it lives. */
    CF_TRY(cf_nsm_frame_read(fd, CF_DEADLINE_NONE, CF_NSM_REQUEST_BYTES_MAX, &request));
    CF_TRY(cf_soft_nsm_answer(s, cf_buf_view(&request), &response));
    return cf_nsm_frame_write(fd, cf_clock_mono_ms() + CF_NSM_TIMEOUT_MS, cf_buf_view(&response));
}

CF_MUST_USE cf_result cf_soft_nsm_serve(cf_soft_nsm *s, int fd)
{
    cf_result r = cf_ok();
    while (cf_is_ok(r)) {
        r = serve_one(s, fd);
    }
    return r.code == CF_ERR_CLOSED ? cf_ok() : r;
}
