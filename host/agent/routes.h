/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent serves: one table of routes. */
#pragma once
#include "host/agent/relay.h"
#include "host/credentials/keeper.h"

typedef struct {
    cf_relay *relay;
    cf_view key_id;               /* KMS key of requests in JSON that name none */
    cf_creds_keeper *credentials; /* NULL: none are lent */
} cf_agent;

/** A cf_http_handler and a cf_http_refuse; ctx is the cf_agent. */
void cf_agent_handle(void *agent, cf_http_call *call);
void cf_agent_refused(void *agent, cf_http_call *call, unsigned status, cf_err code);
