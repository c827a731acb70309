/* SPDX-License-Identifier: Apache-2.0 */
/* A load generator for HTTP/1.1: kept connections, one request at a time on each, one thread over epoll. */
#pragma once
#include "core/base/buf.h"

#define LOAD_CONNECTIONS_MAX 256

typedef struct load load;

/** Connects to 127.0.0.1:port. Ends the program on failure. */
load *load_new(unsigned port, unsigned connections);
void load_free(load *l);

typedef struct {
    const cf_buf *requests; /* each a whole request; sent in turn */
    size_t requests_n;
    const char *expect; /* stands in every answer's body, whose status must be 200 */
    double seconds;     /* no request is sent after; answers are waited for */
} load_plan;

typedef struct {
    double *
        ms; /* latency of each request, in the order of their ends; grows from one load_run to the next */
    size_t n, cap;
    double began_us, ended_us; /* of the last run */
    size_t last_n;             /* requests of the last run */
} load_times;
void load_times_free(load_times *t);
/** The q-quantile of all latencies; sorts them. */
double load_quantile(load_times *t, double q);

/** Copies what stands behind key, up to the next quote, from the last answer of the first connection. Ends the program if it is not
 *  there or has no room. */
void load_body(const load *l, const char *key, char *ret, size_t room);

/** Runs the plan; adds to times. A wrong answer is printed (status only) and ends the program. */
void load_run(load *l, const load_plan *plan, load_times *times);
