/* SPDX-License-Identifier: Apache-2.0 */
/* Every bound of the API: docs/limits.md, section host/api. */
#pragma once
#include "core/audit/entry.h"
#include "core/vault/record.h"
#include "core/wire/wire.h"
#include "host/store/store.h"

/* One request: from its arrival to its answer, waiting in the queue included. */
#define CF_API_REQUEST_TIMEOUT_MS 10000

/* Bodies. Names and reason may be written with escapes of six octets for one. */
#define CF_API_FIELDS_BODY_BYTES_MAX (1 << 20)
#define CF_API_NAMES_BODY_BYTES_MAX (32 << 10)
#define CF_API_DECRYPT_BODY_BYTES_MAX (448 << 10)
#define CF_API_TOKEN_BODY_BYTES_MAX (4 << 10)
#define CF_API_SECRET_BODY_BYTES_MAX 1024
#define CF_API_QUERY_BYTES_MAX 4096 /* of the parameter `fields` */
#define CF_API_ARENA_BYTES_MAX (8 << 20)

/* Threads and queues. */
#define CF_API_WORKERS 64 /* unless --workers says otherwise */
#define CF_API_WORKERS_MAX 256
#define CF_API_QUEUE_CALLS_MAX 256
#define CF_API_CONNECTIONS_MAX 4096
#define CF_API_SERVER_THREADS 1
#define CF_API_IDLE_S 60    /* a connection without a request */
#define CF_API_RECEIVE_S 15 /* a request that drips in, or an answer that is not taken */
#define CF_API_STRIPES 256  /* locks that keep changes of one vault in a row */
#define CF_API_CHANGE_TRIES_MAX 16

/* Answers. */
#define CF_API_FAULTS_MAX 64
#define CF_API_PAGE_ENTRIES 50 /* unless the caller says otherwise */
#define CF_API_PAGE_ENTRIES_MAX 1000
#define CF_API_IF_MATCH_TAGS_MAX 16
#define CF_API_REQUEST_ID_BYTES_MAX 64

/* Tokens. */
#define CF_API_TOKEN_CACHE_MAX 1024
#define CF_API_TOKEN_CACHE_MS 3000
#define CF_API_TOKEN_NAME_BYTES_MAX 63
#define CF_API_TOKENS_LISTED_MAX (CF_STORE_TOKENS_MAX + 1) /* the first admin's is past the limit */
#define CF_API_TOKEN_SECONDS_MAX 3153600000                /* 36,500 days */

/* Others. */
#define CF_API_SCHEMAS_MAX 64
#define CF_API_HEALTH_CACHE_MS 1000
#define CF_API_HEALTH_TIMEOUT_MS 1000
#define CF_API_HEALTH_BYTES_MAX 65536
#define CF_API_REFUSAL_LINES_MAX 10     /* log lines about refused tokens in one second */
#define CF_API_FORBIDDEN_ENTRIES_MAX 16 /* audit entries about one token in one second */
#define CF_API_FORBIDDEN_TOKENS_MAX 256 /* tokens that have such entries in one second */
#define CF_API_KMS_TIMEOUT_MS 5000
#define CF_API_ANSWER_MS                                                                           \
    500 /* what the enclave leaves of the request's time, for the audit entry */

/* The body of an answer of the agent is the body of one frame. */
#define CF_API_AGENT_ANSWER_BYTES_MAX CF_FRAME_BYTES_MAX

_Static_assert(CF_API_NAMES_BODY_BYTES_MAX > CF_REQUEST_FIELDS_MAX * (CF_FIELD_NAME_BYTES_MAX + 3) +
                                                 6 * CF_REASON_BYTES_MAX + 64,
               "a full list of names and a reason in escapes fit the body of a decrypt");
_Static_assert(CF_API_DECRYPT_BODY_BYTES_MAX >
                   CF_API_NAMES_BODY_BYTES_MAX + 6 * CF_EXPRESSIONS_BYTES_MAX +
                       CF_REQUEST_EXPRESSIONS_MAX * (CF_FIELD_NAME_BYTES_MAX + 6),
               "and with them the longest expressions in escapes");
_Static_assert(CF_AUDIT_EXPRESSIONS_MAX >= CF_REQUEST_EXPRESSIONS_MAX,
               "all have their names entered");
_Static_assert(CF_REQUEST_FIELDS_MAX >= CF_ROW_FIELDS_MAX, "a whole row can be asked for at once");
_Static_assert(CF_AUDIT_ENTRY_BYTES_MAX > (CF_REQUEST_FIELDS_MAX + CF_REQUEST_EXPRESSIONS_MAX) *
                                                  (CF_FIELD_NAME_BYTES_MAX + 2) +
                                              CF_REASON_BYTES_MAX + 1024,
               "the audit entry of the largest decrypt fits its bound");
_Static_assert(CF_API_REQUEST_TIMEOUT_MS <= CF_DEADLINE_MS_MAX, "the enclave takes our deadlines");
