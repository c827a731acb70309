/* SPDX-License-Identifier: Apache-2.0 */
/* Every bound of the trusted program: docs/limits.md says why each has its value. */
#pragma once
#include "core/transform/transform.h"
#include "core/wire/wire.h"

/* Connections of the agent. */
#define CF_ENCLAVE_CONNECTIONS_MAX 32
#define CF_ENCLAVE_OUT_BYTES_MAX                                                                   \
    ((size_t)2 << 20)                            /* answers that wait to be read, per connection */
#define CF_ENCLAVE_READ_BYTES ((size_t)64 << 10) /* asked of the socket at once */
#define CF_ENCLAVE_HELLO_TIMEOUT_MS 5000
#define CF_ENCLAVE_FRAME_TIMEOUT_MS 10000  /* from a frame's first octet to its last */
#define CF_ENCLAVE_ANSWER_TIMEOUT_MS 10000 /* with answers waiting and none of them read */

/* Requests in flight. */
#define CF_ENCLAVE_INFLIGHT_MAX 256
#define CF_ENCLAVE_INFLIGHT_PER_CONNECTION_MAX 64 /* what HELLO tells */
#define CF_ENCLAVE_INFLIGHT_BYTES_MAX ((size_t)32 << 20)
#define CF_ENCLAVE_ATTESTS_MAX 16 /* of them that want a fresh document */

/* Threads. */
#define CF_ENCLAVE_WORKERS_MAX 64
#define CF_ENCLAVE_KMS_THREADS 32
#define CF_ENCLAVE_STACK_BYTES ((size_t)256 << 10)

/* Expressions. */
#define CF_ENCLAVE_PROGRAMS_MAX 1024
#define CF_ENCLAVE_PROGRAMS_BYTES_MAX ((size_t)4 << 20)
#define CF_ENCLAVE_SCRATCH_KEEP_BYTES ((size_t)64 << 10) /* kept by each worker */

/* Keys. */
#define CF_ENCLAVE_SECRETS_IN_USE 64 /* different ones, beside the keys of vaults */
#define CF_ENCLAVE_CACHE_KEYS 10000
#define CF_ENCLAVE_CACHE_KEYS_MAX 100000
#define CF_ENCLAVE_CACHE_SECONDS 60
#define CF_ENCLAVE_CACHE_SECONDS_MAX 3600
#define CF_ENCLAVE_SWEEP_MS 1000         /* expired keys are wiped this long after, at the latest */
#define CF_ENCLAVE_DOCUMENT_AGE_MS 60000 /* an attestation document is used this long */
#define CF_ENCLAVE_KMS_TIMEOUT_MS 3000   /* one call of the KMS, connection and all */
#define CF_ENCLAVE_STOP_TIMEOUT_MS 5000  /* requests in flight when the end is asked for */

_Static_assert(2 * CF_FRAME_BYTES_MAX <= CF_ENCLAVE_OUT_BYTES_MAX,
               "an answer is taken while another waits");
_Static_assert(CF_TRANSFORM_SOURCE_BYTES_MAX == CF_EXPRESSION_BYTES_MAX &&
                   CF_TRANSFORM_JSON_BYTES_MAX == CF_RESULTS_JSON_BYTES_MAX,
               "what the wire takes is compiled, and what comes out of it goes over the wire");
_Static_assert(CF_ENCLAVE_KMS_TIMEOUT_MS < CF_DEADLINE_MS_MAX, "a hung KMS is told as such");
