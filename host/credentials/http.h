/* SPDX-License-Identifier: Apache-2.0 */
/* Requests over TCP, with TLS or without, each on a connection of its own; never through a proxy. */
#pragma once
#include "host/credentials/chain.h"

typedef struct cf_creds_http cf_creds_http;
/** env as getenv: AWS_CA_BUNDLE names a file of certificates that are then trusted instead of those compiled in, read each time.
 *  error NO_MEMORY. */
CF_MUST_USE cf_result cf_creds_http_new(const char *(*env)(const char *name), cf_creds_http **ret);
void cf_creds_http_free(cf_creds_http **h);

/** The table for a cf_creds_http. */
extern const cf_creds_http_ops cf_creds_http_ops_tcp;

/** Ends the exchange that runs, if there is one, and every later one before it begins (CLOSED). Any thread. Looking up a name is not
 *  interrupted. */
void cf_creds_http_cancel(cf_creds_http *h);
