/* SPDX-License-Identifier: Apache-2.0 */
/* One DECRYPT from its arrival to its answer. At any time one party owns it: the I/O thread (new, done), the unwrapper (waiting for
 * its key), or the workers. */
#pragma once
#include <stdatomic.h>

#include "core/kms/kms.h"
#include "core/wire/wire.h"
#include "enclave/app/keycache.h"
#include "enclave/app/programs.h"

/** Memory of one request beside its body: arrays of fields, writes, results and units; with expressions also of their names. */
#define CF_REQUEST_ARENA_BYTES ((size_t)512 << 10)

/** A key that a request needs: what KMS decides by, and what it is cached under. Views borrow from the request. */
typedef struct {
    uint8_t digest[CF_KEY_DIGEST_BYTES];
    cf_view blob, kms_key;
    cf_kms_context context;
    cf_curve curve;
    const cf_cached_key *key; /* once it is there */
    cf_err code;              /* of a secret: why it is not */
} cf_key_need;

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
    bool waits;       /* for a key; the I/O thread's */
    size_t waits_for; /* which; the I/O thread's */

    cf_buf body;
    cf_arena arena;
    cf_decrypt decrypt;        /* views into body */
    cf_key_need *needs;        /* the vault's, then those of secrets */
    size_t needs_n, needs_met; /* those before are there, or failed */

    bool planned; /* units say what is to be opened */
    cf_transform_spec spec;
    cf_transform *transform; /* of a request with expressions, once they are compiled */
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
/** Wipes. No key may be held. */
void cf_request_free(cf_request **r);

/** The key that is wanted next; NULL when none is, or the request has failed. */
const cf_key_need *cf_request_wants(const cf_request *r);
/** The outcome for the key that was wanted. True when the request holds it now, and with it the caller's reference. The vault's key not
 *  to be had, or of another curve than the suite's (KEY), is the request's failure; a secret's is told by what uses it. */
bool cf_request_settle(cf_request *r, cf_result result, const cf_cached_key *key);
/** Gives back all keys that it holds. */
void cf_request_release(cf_request *r, cf_keycache *cache);

/** Compiles the expressions and plans what to open: of the silent fields those that are read. For a request that is not planned. A failure
 *  is in r->error. Any worker, one. */
void cf_request_prepare(cf_request *r, cf_programs *programs, uint64_t now_ms);
/** Opens one unit into its results. Any worker; units of one request at the same time. */
void cf_request_open_unit(cf_request *r, cf_unit *u, uint64_t now_ms);
/** Once all units are done: evaluates expressions, in scratch, and encodes the answer; or sets error. What scratch then holds is to
 *  be wiped. */
void cf_request_finish(cf_request *r, cf_arena *scratch);

/** Where finished requests go; called by the thread that finished. */
typedef void cf_request_done(void *ctx, cf_request *r);
