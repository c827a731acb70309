/* SPDX-License-Identifier: Apache-2.0 */
/* One DECRYPT from its arrival to its answer. At any time one party owns it: the I/O thread (new, done), the unwrapper (waiting for
 * its key), or the workers. */
#pragma once
#include <stdatomic.h>

#include "core/wire/wire.h"
#include "enclave/app/keycache.h"

/** Memory of one request beside its body: arrays of fields, writes, results and units. */
#define CF_REQUEST_ARENA_BYTES ((size_t)256 << 10)

/** What one worker opens at a time: a field of encoding 1 or 2, or all fields of one write, for that is one point
 *  multiplication each. */
typedef struct {
    bool is_write;
    uint32_t write;   /* its place among the writes */
    uint32_t *fields; /* places of its fields */
    size_t fields_n;
    cf_buf plain; /* what it opened; the results point into it */
} cf_unit;

typedef struct cf_request cf_request;
struct cf_request {
    cf_request *next;                  /* in the list of its owner */
    cf_request *live_next, *live_prev; /* all in flight; the I/O thread's */
    uint32_t connection;               /* who asked: place and serial number */
    uint64_t connection_serial, number;
    uint64_t deadline_ms;
    bool waits; /* for its key; the I/O thread's */

    cf_buf body;
    cf_arena arena;
    cf_decrypt decrypt; /* views into body */
    uint8_t key_digest[CF_KEY_DIGEST_BYTES];

    const cf_cached_key *key;
    cf_unit *units;
    size_t units_n;
    size_t unit_next; /* under the workers' lock */
    atomic_size_t units_left;
    atomic_bool late; /* a worker saw the deadline pass */
    cf_field_result *results;

    cf_err error;  /* of the whole request */
    cf_buf answer; /* the frame, unless error */
};

/** Takes a copy of the body and decodes it. now_ms: its deadline counts from here. error: those of cf_decrypt_decode, NO_MEMORY. */
CF_MUST_USE cf_result cf_request_new(cf_view body, uint64_t number, uint64_t now_ms,
                                     cf_request **ret);
/** Wipes. The key must have been released. */
void cf_request_free(cf_request **r);

/** Takes over a reference to the request's key, or refuses it (KEY) when it is of another curve than the suite's. */
CF_MUST_USE cf_result cf_request_give_key(cf_request *r, const cf_cached_key *key);

/** Opens one unit into its results. Any worker; units of one request at the same time. */
void cf_request_open_unit(cf_request *r, cf_unit *u, uint64_t now_ms);
/** Once all units are done: encodes the answer, or sets error. */
void cf_request_finish(cf_request *r);

/** Where finished requests go; called by the thread that finished. */
typedef void cf_request_done(void *ctx, cf_request *r);
