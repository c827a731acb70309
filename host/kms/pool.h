/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of the KMS from any number of threads over a few kept connections. */
#pragma once
#include "sys/kms/client.h"

typedef struct cf_kms_pool cf_kms_pool;

/** The service is borrowed, and outlives the pool. links: how many connections there may be, at least one. error NO_MEMORY. */
CF_MUST_USE cf_result cf_kms_pool_new(cf_kms_service *s, size_t links, cf_kms_pool **ret);
/** When no call is in work. */
void cf_kms_pool_free(cf_kms_pool **p);

/** As cf_kms_call, on the connection that was used last of those that are free; when none is, the call waits. Any thread.
 *  error as cf_kms_call; KMS_UNAVAILABLE also when none became free in time: ret->tries is 0 then */
CF_MUST_USE cf_result cf_kms_pool_call(cf_kms_pool *p, cf_view target, cf_view body,
                                       uint64_t deadline_ms, cf_buf *ret_body, cf_kms_outcome *ret);
