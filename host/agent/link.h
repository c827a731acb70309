/* SPDX-License-Identifier: Apache-2.0 */
/* One connection to the enclave: its octets in both directions. What is sent belongs to whoever holds the relay's lock, what is
 * received to the relay's thread. */
#pragma once
#include "host/agent/limits.h"

typedef enum {
    CF_LINK_DOWN,
    CF_LINK_GREETING, /* HELLO is sent */
    CF_LINK_LENDING,  /* CREDENTIALS are sent */
    CF_LINK_READY,
} cf_link_state;

typedef struct {
    int fd; /* -1 when down */
    cf_link_state state;
    bool broken;           /* seen while sending; the relay's thread takes it down */
    bool watched;          /* epoll is to tell when it can be written */
    uint64_t retry_ms;     /* DOWN: not dialled before */
    uint64_t inflight_max; /* as its HELLO told */
    /* Requests without an answer; those of them that are no longer waited for; and when the first of the latter came to be, or the
     * last answer to one of them came. */
    unsigned inflight, late;
    uint64_t late_ms;
    cf_buf out; /* frames; written up to out_at */
    size_t out_at;
    cf_buf in; /* frames; used up to in_at */
    size_t in_at;
} cf_link;

void cf_link_init(cf_link *l);
/** Closes, and wipes what was on its way. */
void cf_link_down(cf_link *l, uint64_t retry_ms);

/** Appends a frame and sends what goes without waiting; l->broken when the connection has failed. error those of cf_frame_encode;
 *  nothing is then sent. */
CF_MUST_USE cf_result cf_link_send(cf_link *l, uint32_t kind, uint64_t request, cf_view body);
/** Sends what waits, as far as it goes. */
void cf_link_flush(cf_link *l);
/** Octets that wait. */
static inline size_t cf_link_unsent(const cf_link *l)
{
    return l->out.len - l->out_at;
}

/** Reads what is there, CF_AGENT_READ_BYTES at most. error CLOSED, IO, NO_MEMORY. */
CF_MUST_USE cf_result cf_link_fill(cf_link *l);
/** The next whole message; *ret_there false when there is none yet. It borrows from the link until cf_link_used. error those of
 *  cf_frame_decode: the connection is then of no further use. */
CF_MUST_USE cf_result cf_link_next(cf_link *l, bool *ret_there, cf_msg *ret);
/** Wipes the messages that were taken. error NO_MEMORY. */
CF_MUST_USE cf_result cf_link_used(cf_link *l);
