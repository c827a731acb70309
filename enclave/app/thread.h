/* SPDX-License-Identifier: Apache-2.0 */
/* Threads of the enclave: small stacks, so that many cost little locked memory. */
#pragma once
#include <pthread.h>
#include <sched.h>

#include "core/base/result.h"
#include "enclave/app/limits.h"

/** error NO_MEMORY. */
static inline CF_MUST_USE cf_result cf_thread_start(pthread_t *ret, void *(*run)(void *), void *ctx)
{
    pthread_attr_t attributes;
    CF_REQUIRE(pthread_attr_init(&attributes) == 0, NO_MEMORY);
    bool started = pthread_attr_setstacksize(&attributes, CF_ENCLAVE_STACK_BYTES) == 0 &&
                   pthread_create(ret, &attributes, run, ctx) == 0;
    (void)pthread_attr_destroy(&attributes);
    CF_REQUIRE(started, NO_MEMORY);
    return cf_ok();
}

/** The thread no longer takes a processor from another that computes when it wakes; it waits for its turn, which is at once where a
 *  processor is free. Under load answers and requests then pass many at a time. A refusal costs speed only. */
static inline void cf_thread_be_patient(pthread_t thread)
{
    const struct sched_param normal = {.sched_priority = 0};
    (void)pthread_setschedparam(thread, SCHED_BATCH, &normal);
}
