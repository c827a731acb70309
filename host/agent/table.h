/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs in work: waiting for an enclave, or with it under a number that the answer will carry. No I/O, no lock of its own. */
#pragma once
#include "host/agent/job.h"
#include "host/agent/limits.h"

typedef struct {
    cf_job_list waiting, flight;
    cf_job *slots[CF_AGENT_INFLIGHT_MAX];
    uint16_t free[CF_AGENT_INFLIGHT_MAX]; /* slots without a job; the last one is taken next */
    size_t free_n;
    size_t suspects; /* of those in flight */
    uint64_t serial; /* makes every number new */
    size_t bytes;
    uint64_t due_ms; /* no job is due before this */
} cf_table;

void cf_table_init(cf_table *t);

/** A new job, last of those that wait. error BUSY over CF_AGENT_WAITING_MAX jobs or CF_AGENT_JOB_BYTES_MAX octets. */
CF_MUST_USE cf_result cf_table_add(cf_table *t, cf_job *j);
/** The first waiting job that may be sent now; NULL when there is none. A request whose connections or enclaves keep dying is under
 *  suspicion: it waits until no other such one is in flight, so that in the end only the guilty one fails. */
cf_job *cf_table_next(const cf_table *t);
/** A waiting job is about to be sent by this link to the enclave of this boot: gives it a number that was never used before. False when
 *  all are in use. */
bool cf_table_start(cf_table *t, cf_job *j, unsigned link, uint64_t boot);
/** The job that this number of this link stands for, taken out; NULL when there is none (any more). */
cf_job *cf_table_take(cf_table *t, uint64_t number, unsigned link);
/** A job that waits or is with the enclave, taken out. */
void cf_table_remove(cf_table *t, cf_job *j);
/** A link was lost: what was sent by it waits again, before all others and in its old order; but what was sent CF_AGENT_SENDS_MAX
 *  times, or to CF_AGENT_BOOTS_MAX enclaves, fails (ENCLAVE_UNAVAILABLE). */
void cf_table_lose(cf_table *t, unsigned link, cf_job_list *failed);
/** Takes out what is due: TIMEOUT with the enclave, counted in late[link]; waiting, BUSY when an enclave serves and has never had
 *  it, else ENCLAVE_UNAVAILABLE. */
void cf_table_expire(cf_table *t, uint64_t now_ms, bool serving,
                     unsigned late[static CF_AGENT_LINKS_MAX], cf_job_list *failed);
/** Takes out those that wait and are due before this: there will be no enclave until then. */
void cf_table_give_up(cf_table *t, uint64_t until_ms, cf_job_list *failed);
/** No job is due after this from now on. */
void cf_table_hurry(cf_table *t, uint64_t due_ms);
