/* SPDX-License-Identifier: Apache-2.0 */
#include "host/agent/table.h"

void cf_table_init(cf_table *t)
{
    *t = (cf_table){.free_n = CF_AGENT_INFLIGHT_MAX, .due_ms = UINT64_MAX};
    for (size_t i = 0; i < CF_AGENT_INFLIGHT_MAX; i++) {
        t->free[i] = (uint16_t)(CF_AGENT_INFLIGHT_MAX - 1 - i);
    }
}

cf_result cf_table_add(cf_table *t, cf_job *j)
{
    size_t bytes = cf_job_bytes(j);
    CF_REQUIRE(t->waiting.n < CF_AGENT_WAITING_MAX, BUSY);
    CF_REQUIRE(bytes <= CF_AGENT_JOB_BYTES_MAX - t->bytes, BUSY);
    t->bytes += bytes;
    t->due_ms = j->due_ms < t->due_ms ? j->due_ms : t->due_ms;
    j->number = 0;
    cf_job_push(&t->waiting, j);
    return cf_ok();
}

static bool is_suspect(const cf_job *j)
{
    return j->sends >= CF_AGENT_SUSPECT_SENDS || j->boots >= CF_AGENT_SUSPECT_BOOTS;
}

cf_job *cf_table_next(const cf_table *t)
{
    for (cf_job *j = t->waiting.first; j != NULL; j = j->next) {
        if (t->suspects == 0 || !is_suspect(j)) {
            return j;
        }
    }
    return NULL;
}

bool cf_table_start(cf_table *t, cf_job *j, unsigned link, uint64_t boot)
{
    if (t->free_n == 0) {
        return false;
    }
    uint16_t slot = t->free[--t->free_n];
    j->suspect = is_suspect(j);
    t->suspects += j->suspect ? 1 : 0;
    j->boots += j->boot != boot ? 1 : 0;
    j->boot = boot;
    j->sends++;
    /* The slot is found from the number; numbers below CF_AGENT_INFLIGHT_MAX are left to other messages. */
    t->serial++;
    j->number = t->serial * CF_AGENT_INFLIGHT_MAX + slot;
    j->link = link;
    t->slots[slot] = j;
    cf_job_remove(&t->waiting, j);
    cf_job_push(&t->flight, j);
    return true;
}

/* Out of the jobs with the enclave; its number means nothing any more. */
static void leave_flight(cf_table *t, cf_job *j)
{
    uint16_t slot = (uint16_t)(j->number % CF_AGENT_INFLIGHT_MAX);
    t->slots[slot] = NULL;
    t->free[t->free_n++] = slot;
    t->suspects -= j->suspect ? 1 : 0;
    j->suspect = false;
    j->number = 0;
    cf_job_remove(&t->flight, j);
}

void cf_table_remove(cf_table *t, cf_job *j)
{
    if (j->number != 0) {
        leave_flight(t, j);
    } else {
        cf_job_remove(&t->waiting, j);
    }
    t->bytes -= cf_job_bytes(j);
}

cf_job *cf_table_take(cf_table *t, uint64_t number, unsigned link)
{
    cf_job *j = t->slots[number % CF_AGENT_INFLIGHT_MAX];
    if (j == NULL || j->number != number || j->link != link) {
        return NULL;
    }
    cf_table_remove(t, j);
    return j;
}

static void fail(cf_table *t, cf_job *j, cf_err code, cf_job_list *failed)
{
    cf_table_remove(t, j);
    j->code = code;
    cf_job_push(failed, j);
}

void cf_table_lose(cf_table *t, unsigned link, cf_job_list *failed)
{
    /* From the last to the first, each put in front: the first is first again. */
    for (cf_job *j = t->flight.last, *before; j != NULL; j = before) {
        before = j->prev;
        if (j->link != link) {
            continue;
        }
        if (j->sends >= CF_AGENT_SENDS_MAX || j->boots >= CF_AGENT_BOOTS_MAX) {
            fail(t, j, CF_ERR_ENCLAVE_UNAVAILABLE, failed);
        } else {
            leave_flight(t, j);
            cf_job_push_front(&t->waiting, j);
        }
    }
}

void cf_table_expire(cf_table *t, uint64_t now_ms, bool serving,
                     unsigned late[static CF_AGENT_LINKS_MAX], cf_job_list *failed)
{
    if (now_ms < t->due_ms) {
        return;
    }
    uint64_t next = UINT64_MAX;
    for (cf_job *j = t->flight.first, *after; j != NULL; j = after) {
        after = j->next;
        if (j->due_ms <= now_ms) {
            late[j->link]++;
            fail(t, j, CF_ERR_TIMEOUT, failed);
        } else {
            next = j->due_ms < next ? j->due_ms : next;
        }
    }
    for (cf_job *j = t->waiting.first, *after; j != NULL; j = after) {
        after = j->next;
        if (j->due_ms <= now_ms) {
            /* One that was sent before has lost its enclave, whatever serves now. */
            bool busy = serving && j->sends == 0;
            fail(t, j, busy ? CF_ERR_BUSY : CF_ERR_ENCLAVE_UNAVAILABLE, failed);
        } else {
            next = j->due_ms < next ? j->due_ms : next;
        }
    }
    t->due_ms = next;
}

void cf_table_give_up(cf_table *t, uint64_t until_ms, cf_job_list *failed)
{
    for (cf_job *j = t->waiting.first, *after; j != NULL; j = after) {
        after = j->next;
        if (j->due_ms <= until_ms) {
            fail(t, j, CF_ERR_ENCLAVE_UNAVAILABLE, failed);
        }
    }
}

void cf_table_hurry(cf_table *t, uint64_t due_ms)
{
    const cf_job_list *lists[] = {&t->flight, &t->waiting};
    for (size_t i = 0; i < 2; i++) {
        for (cf_job *j = lists[i]->first; j != NULL; j = j->next) {
            j->due_ms = j->due_ms < due_ms ? j->due_ms : due_ms;
        }
    }
    t->due_ms = t->due_ms < due_ms ? t->due_ms : due_ms;
}
