/* SPDX-License-Identifier: Apache-2.0 */
/* The enclave and all who want something of it: one thread that starts it, watches it, and carries requests and answers over a few
 * kept connections. */
#pragma once
#include "host/agent/job.h"
#include "host/agent/launcher.h"
#include "host/agent/watch.h"

/** What an enclave said of itself, as text. */
typedef struct {
    char boot_id[2 * CF_BOOT_ID_BYTES + 1], pcr0[2 * CF_PCR_BYTES + 1]; /* lower-case hex */
    char module_id[CF_MODULE_ID_BYTES_MAX + 1];
} cf_enclave_id;

/** Takes over a job that is done. answer: message 130, 134 or 255, borrowed, from the enclave of that id; or NULL when the job failed here,
 *  with job->code. On the relay's thread, or within cf_relay_submit. */
typedef void cf_relay_done(cf_job *j, const cf_enclave_id *id, const cf_msg *answer);

typedef struct {
    cf_launcher *launcher; /* borrowed */
    unsigned links;        /* 1..CF_AGENT_LINKS_MAX */
    cf_view credentials;   /* body of CREDENTIALS, or empty: none so far; copied */
    cf_relay_done *done;
} cf_relay_opts;

typedef struct cf_relay cf_relay;

/** Starts the thread, which starts the enclave. error IO, NO_MEMORY, ARGUMENT. */
CF_MUST_USE cf_result cf_relay_start(const cf_relay_opts *opts, cf_relay **ret);
/** Waits until the first enclave serves. error TIMEOUT; CLOSED it ended before. */
CF_MUST_USE cf_result cf_relay_wait(cf_relay *r, uint64_t timeout_ms);
/** No job in work lasts longer than this from now on. */
void cf_relay_hurry(cf_relay *r, uint64_t timeout_ms);
/** Ends enclave and thread; jobs still in work fail (ENCLAVE_UNAVAILABLE). */
void cf_relay_stop(cf_relay **r);

/** Takes the job, which is done later, or already before this returns. Any thread. */
void cf_relay_submit(cf_relay *r, cf_job *j);

/** Lends these from now on: to every connection of the enclave that there is and will be, without holding any request up. body: of a
 *  CREDENTIALS message, copied. Any thread. error NO_MEMORY: those of before are kept. */
CF_MUST_USE cf_result cf_relay_lend(cf_relay *r, cf_view body);

typedef struct {
    cf_watch_state state;
    bool healthy; /* serves, and has answered lately */
    int pid;      /* 0: none */
    uint64_t started_ms, starts;
    cf_enclave_id id; /* texts empty until it is ready */
    cf_health health; /* its last answer; without the view */
    size_t inflight, waiting;
} cf_relay_status;
void cf_relay_look(cf_relay *r, cf_relay_status *ret);
