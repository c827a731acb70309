/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps credentials fresh: one thread, so that there is never more than one request, that asks early, waits longer after failures, and
 * hands on what is new. What it has is in use until there is something newer, whatever happens. Logs each change, and no value. */
#pragma once
#include "host/credentials/http.h"

typedef struct cf_creds_keeper cf_creds_keeper;

typedef enum {
    CF_CREDS_STATE_NONE,    /* none so far */
    CF_CREDS_STATE_FRESH,   /* the last attempt gave them */
    CF_CREDS_STATE_STALE,   /* the last attempt failed; they have not ended */
    CF_CREDS_STATE_EXPIRED, /* they have ended */
} cf_creds_state;
const char *cf_creds_state_name(cf_creds_state s);

typedef struct {
    cf_creds_state state;
    cf_creds_source source; /* of those that are in use; CF_CREDS_SOURCE_COUNT: none */
    uint64_t expires_ms;    /* since 1970; 0: never, or none */
    uint64_t changes;       /* sets so far that differed from the one before */
    cf_creds_story last;    /* of the last attempt */
} cf_creds_status;

/** opts: its http is the keeper's own and need not be set. error NO_MEMORY. */
CF_MUST_USE cf_result cf_creds_keeper_new(const cf_creds_chain_opts *opts, cf_creds_keeper **ret);
/** Ends the thread, without waiting for an answer that is due, and wipes. */
void cf_creds_keeper_free(cf_creds_keeper **k);

/** The first attempt, before the thread runs. *ret_body: the body of CREDENTIALS, or empty when there are none yet.
 *  error SETTINGS, UNSUPPORTED and ABSENT of the story, which time does not mend, with their cause; else success */
CF_MUST_USE cf_result cf_creds_keeper_first(cf_creds_keeper *k, cf_buf *ret_body,
                                            cf_creds_story *ret_story);

/** Takes the body of a CREDENTIALS message, borrowed. On the keeper's thread. */
typedef void cf_creds_lend(void *ctx, cf_view body);
/** Starts the thread. error IO. */
CF_MUST_USE cf_result cf_creds_keeper_run(cf_creds_keeper *k, cf_creds_lend *lend, void *ctx);

void cf_creds_keeper_look(cf_creds_keeper *k, cf_creds_status *ret);
