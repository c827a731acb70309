/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of the agent: docs/formats/wire.md section 4. */
#pragma once
#include "host/agent/relay.h"

/** HTTP status of an error; 500 for what is not listed. */
unsigned cf_agent_status_of(cf_err code);

/** A call that fails: in CBOR as message 255 has it, or as {"code","message","error","request_id"}. */
void cf_agent_refuse(cf_http_call *call, bool json, unsigned status, cf_err code);

/** A cf_relay_done: answers the job's call and frees the job. */
void cf_agent_done(cf_job *j, const cf_enclave_id *id, const cf_msg *answer);

/** Takes the parts of a job that is done or was never in work. Accepts NULL, leaves NULL. */
void cf_job_free(cf_job **j);
