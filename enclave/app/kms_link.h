/* SPDX-License-Identifier: Apache-2.0 */
/* Connections to the KMS: one kept per thread, had from the launcher as descriptors. They are plain: fit for a KMS on the same
 * machine, and for nothing beyond it before TLS ends here. */
#pragma once
#include "core/http/http.h"
#include "sys/linux/net.h"

/** Where connections come from; shared by all threads. */
typedef struct cf_kms_dialer cf_kms_dialer;
/** addr: "fd:N", a channel on which an octet 'K' is answered with an octet and, if the KMS can be reached, a descriptor.
 *  Takes the fd. error UNSUPPORTED another form, vsock too, as it leads off the machine; NO_MEMORY. */
CF_MUST_USE cf_result cf_kms_dialer_new(const cf_net_addr *addr, cf_kms_dialer **ret);
/** Ends all waits, now and later: calls fail with CLOSED. */
void cf_kms_dialer_stop(cf_kms_dialer *d);
void cf_kms_dialer_free(cf_kms_dialer **d);

/** One thread's connection. */
typedef struct cf_kms_link cf_kms_link;
CF_MUST_USE cf_result cf_kms_link_new(cf_kms_dialer *d, cf_kms_link **ret);
/** Before the dialer. */
void cf_kms_link_free(cf_kms_link **l);

/** Sends the request and reads its answer: *ret_status, body appended to ret_body. A kept connection that turns out to be closed
 *  before the first octet of an answer is replaced once.
 *  error KMS_UNAVAILABLE cannot be reached, or not within the deadline; KMS_ANSWER answered outside HTTP; NO_MEMORY */
CF_MUST_USE cf_result cf_kms_link_call(cf_kms_link *l, const cf_http1_request *request,
                                       uint64_t deadline_ms, unsigned *ret_status,
                                       cf_buf *ret_body);
