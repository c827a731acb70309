/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor's mind: when an enclave is started, asked for its health, killed, and started again. No I/O; time is the caller's. */
#pragma once
#include "host/agent/limits.h"

typedef enum {
    CF_WATCH_DOWN,    /* there is none */
    CF_WATCH_BOOTING, /* started, not ready */
    CF_WATCH_SERVING,
    CF_WATCH_ENDING, /* killed, not gone */
} cf_watch_state;

typedef enum {
    CF_WATCH_NOTHING,
    CF_WATCH_START,
    CF_WATCH_PING, /* ask for its health */
    CF_WATCH_KILL, /* it did not get ready, or did not answer */
} cf_watch_action;

typedef struct {
    cf_watch_state state;
    uint64_t start_at_ms; /* DOWN: not before */
    uint64_t since_ms;    /* BOOTING, SERVING: since when */
    uint64_t ping_ms;     /* SERVING: when it was asked; 0: it owes no answer */
    uint64_t pong_ms;     /* SERVING: its last answer */
    unsigned failures;    /* enclaves in a row that did not get steady */
} cf_watch;

/** DOWN, to be started at once. */
void cf_watch_init(cf_watch *w, uint64_t now_ms);
/** What is to be done now. START, PING and KILL are told once; the caller then reports what came of it. */
cf_watch_action cf_watch_step(cf_watch *w, uint64_t now_ms);
/** When there will next be something to do; UINT64_MAX if only an event can change anything. */
uint64_t cf_watch_next_ms(const cf_watch *w);

/** Events. */
void cf_watch_ready(cf_watch *w, uint64_t now_ms);
void cf_watch_pong(cf_watch *w, uint64_t now_ms);
/** It fails in a way that only the caller sees. True when it is now to be killed. */
bool cf_watch_fault(cf_watch *w);
/** The process is gone, or could not be started. The next is started at once if this one had got steady, else after a time that
 *  doubles from CF_AGENT_BACKOFF_MS to CF_AGENT_BACKOFF_MS_MAX. */
void cf_watch_gone(cf_watch *w, uint64_t now_ms);

/** The enclave serves and has shown so lately. */
bool cf_watch_healthy(const cf_watch *w, uint64_t now_ms);
