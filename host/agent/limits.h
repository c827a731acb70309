/* SPDX-License-Identifier: Apache-2.0 */
/* Every bound of the agent: docs/limits.md says why each has its value. */
#pragma once
#include "core/wire/wire.h"

/* Requests of callers: of a CBOR body, whose frame adds less than the 32; of the same in base64; JSON text of one answer. */
#define CF_AGENT_BODY_BYTES_MAX (CF_FRAME_BYTES_MAX - 32)
#define CF_AGENT_JSON_BYTES_MAX ((size_t)3 << 19)
#define CF_AGENT_ANSWER_BYTES_MAX ((size_t)8 << 20)
#define CF_AGENT_DEADLINE_MS 5000 /* when a caller tells none */
#define CF_AGENT_MARGIN_MS 20     /* of the deadline, for the way back; a tenth of short ones */
#define CF_AGENT_REQUEST_ID_BYTES_MAX 64
#define CF_AGENT_HTTP_CONNECTIONS_MAX 2048
#define CF_AGENT_HTTP_IDLE_S 120
#define CF_AGENT_HTTP_RECEIVE_S 30

/* Requests in work. */
#define CF_AGENT_INFLIGHT_MAX 1024 /* with the enclave */
#define CF_AGENT_WAITING_MAX 1024  /* for room in the enclave, or for an enclave */
#define CF_AGENT_JOB_BYTES_MAX ((size_t)64 << 20)
#define CF_AGENT_STOP_MS 2000 /* what requests in work have left once the agent is told to end */

/* How often one request is sent over connections that are lost, and how many enclaves it may see die, before it fails; and from
 * where on it is under suspicion of being what kills them. */
#define CF_AGENT_SENDS_MAX 8
#define CF_AGENT_BOOTS_MAX 4
#define CF_AGENT_SUSPECT_SENDS 3
#define CF_AGENT_SUSPECT_BOOTS 2

/* Connections to the enclave. One with more to write takes no further request. */
#define CF_AGENT_LINKS_MAX 16
#define CF_AGENT_LINK_OUT_BYTES_MAX ((size_t)4 << 20)
#define CF_AGENT_READ_BYTES ((size_t)64 << 10)
#define CF_AGENT_REDIAL_MS 50

/* The life of an enclave. */
#define CF_AGENT_BOOT_TIMEOUT_MS 10000
#define CF_AGENT_TAKE_OVER_MS 5000
#define CF_AGENT_HEALTH_INTERVAL_MS 1000
#define CF_AGENT_HEALTH_TIMEOUT_MS 2000
#define CF_AGENT_HEALTH_FRESH_MS 3000  /* an answer older than this proves nothing */
#define CF_AGENT_LATE_TIMEOUT_MS 10000 /* requests overdue, and no answer to any of them */
#define CF_AGENT_STEADY_MS 1000        /* one that served this long has not failed to start */
#define CF_AGENT_BACKOFF_MS 100
#define CF_AGENT_BACKOFF_MS_MAX 5000
#define CF_AGENT_KMS_DIAL_TIMEOUT_MS 2000
#define CF_AGENT_KMS_DIALS_MAX 32 /* at a time; an enclave makes as many calls */
#define CF_AGENT_ARGS_MAX 24

/* Logs and files. */
#define CF_AGENT_LOG_LINE_BYTES_MAX 1024
#define CF_AGENT_LOG_LINES_PER_S_MAX 200

_Static_assert(CF_AGENT_LINKS_MAX * 64 <= CF_AGENT_INFLIGHT_MAX, "every connection can be filled");
_Static_assert(CF_AGENT_HEALTH_FRESH_MS >= CF_AGENT_HEALTH_INTERVAL_MS + CF_AGENT_HEALTH_TIMEOUT_MS,
               "an enclave that answers in time is never called dead");
