/* SPDX-License-Identifier: Apache-2.0 */
/* One request for the enclave on its way through the agent. */
#pragma once
#include "core/wire/wire.h"
#include "host/http/server.h"

typedef struct cf_job cf_job;
struct cf_job {
    cf_job *prev, *next; /* in the list that holds it */
    cf_http_call *call;
    cf_msg_kind kind; /* of the message that it becomes: DECRYPT or ATTEST */
    bool json;        /* asked in JSON, and answered so */
    uint64_t due_ms;  /* answered before this point of cf_clock_mono_ms, whatever happens */
    cf_buf own;       /* the body, where it was translated; else it lies in the call */
    uint8_t pairs;    /* of the body's map: the deadline, and those in rest */
    cf_view rest;     /* the body behind its deadline, well-formed; never looked into */

    uint64_t number;       /* on the wire; 0 while it waits */
    unsigned link;         /* by which it was sent */
    uint64_t boot;         /* of the enclave it was last sent to */
    unsigned sends, boots; /* how often it was sent, and to how many enclaves */
    bool suspect;          /* in flight as one that may be what kills enclaves */
    cf_err code;           /* of one that failed here */
};

/** Jobs in an order; the zero state is empty. */
typedef struct {
    cf_job *first, *last;
    size_t n;
} cf_job_list;

static inline void cf_job_push(cf_job_list *l, cf_job *j)
{
    j->next = NULL;
    j->prev = l->last;
    *(l->last == NULL ? &l->first : &l->last->next) = j;
    l->last = j;
    l->n++;
}

static inline void cf_job_push_front(cf_job_list *l, cf_job *j)
{
    j->prev = NULL;
    j->next = l->first;
    *(l->first == NULL ? &l->last : &l->first->prev) = j;
    l->first = j;
    l->n++;
}

static inline void cf_job_remove(cf_job_list *l, cf_job *j)
{
    *(j->prev == NULL ? &l->first : &j->prev->next) = j->next;
    *(j->next == NULL ? &l->last : &j->next->prev) = j->prev;
    j->prev = j->next = NULL;
    l->n--;
}

/** The first, taken out; NULL when the list is empty. */
static inline cf_job *cf_job_pop(cf_job_list *l)
{
    cf_job *j = l->first;
    if (j != NULL) {
        cf_job_remove(l, j);
    }
    return j;
}

/** Octets that the job holds while it is in work. */
static inline size_t cf_job_bytes(const cf_job *j)
{
    return j->own.cap + j->rest.len;
}
