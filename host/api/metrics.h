/* SPDX-License-Identifier: Apache-2.0 */
/* Counters of the service, in Prometheus's text format. Cheap enough for every request. */
#pragma once
#include <stdatomic.h>

#include "core/base/buf.h"

#define CF_METRICS_ROUTES_MAX 20 /* routes, and one place for requests that reached none */
#define CF_METRICS_CLASSES 4     /* 2xx to 5xx */

typedef struct {
    atomic_uint_fast64_t requests[CF_METRICS_ROUTES_MAX][CF_METRICS_CLASSES];
    atomic_uint_fast64_t unauthenticated, busy, fields_opened, audit_lost, in_flight;
    atomic_uint_fast64_t forbidden_unentered;
    atomic_uint_fast64_t refusal_second, refusal_lines,
        refusal_unsaid;        /* of the log lines about refused tokens */
    atomic_bool store_failing; /* the last change could not be made */
} cf_metrics;

/** Notes an answer. route: index into cf_api_routes, or cf_api_routes_n for none. */
void cf_metrics_answer(cf_metrics *m, size_t route, unsigned status);

/** True while the present second has room for one more line about refused tokens; *ret_unsaid: how many had none before. */
bool cf_metrics_refusal_line(cf_metrics *m, uint64_t now_ms, uint64_t *ret_unsaid);

/** Appends the text. error SIZE, NO_MEMORY. */
CF_MUST_USE cf_result cf_metrics_text(cf_metrics *m, cf_buf *out);
