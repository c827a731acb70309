/* SPDX-License-Identifier: Apache-2.0 */
/* The I/O thread: one epoll loop over the listener, the agent's connections, what comes back from other threads, and signals. */
#pragma once
#include "enclave/app/app.h"

typedef struct cf_server cf_server;

/** Makes the loop's descriptors. Takes the listener. SIGTERM and SIGINT must be blocked. error IO, NO_MEMORY. */
CF_MUST_USE cf_result cf_server_new(cf_app *app, int listener, cf_server **ret);
/** Serves until SIGTERM or SIGINT and then until nothing is in flight, at most CF_ENCLAVE_STOP_TIMEOUT_MS. */
void cf_server_run(cf_server *s);
/** Answers what came back last; for the time after the loop, when the other threads end. */
void cf_server_finish(cf_server *s);
void cf_server_free(cf_server **s);
