/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that take long, as RSA keys do, or wait for the disk, are answered by threads of their own, so that the server's are there for
 * all the others; and in turns, so that no caller waits for all that another one has asked for. */
#pragma once
#include "host/kmsd/auth.h"

typedef struct cf_turns cf_turns;

/** One request that waits for its turn, or has it. */
typedef struct cf_turn {
    cf_kmsd_identity who; /* a copy */
    cf_uuid request;
    uint64_t began_ms;
    void *work;
    cf_turns *of;
} cf_turn;

typedef struct {
    unsigned threads;
    unsigned running_max;    /* of one caller at a time */
    unsigned per_caller_max; /* places of one caller */
    size_t places_max;       /* of all */
} cf_turns_bounds;

/** Does a turn's work, on a thread of the turns; stopped: they have been stopped before it came to that. */
typedef void cf_turn_run(void *ctx, cf_turn *turn, bool stopped);

/** Starts the threads. error NO_MEMORY. */
CF_MUST_USE cf_result cf_turns_new(const cf_turns_bounds *b, cf_turn_run *run, void *ctx,
                                   cf_turns **ret);
/** What waits runs as stopped, and so does what comes. Does not wait for it. */
void cf_turns_stop(cf_turns *t);
/** Once nothing is reserved or put any more: ends the threads. */
void cf_turns_free(cf_turns **t);

/** A place in the queue; to be put there. Callers are told apart by role, else by ARN. NULL over a bound. */
cf_turn *cf_turns_reserve(cf_turns *t, const cf_kmsd_caller *caller);
/** From here on the turn is its thread's. */
void cf_turns_put(cf_turn *turn);
