/* SPDX-License-Identifier: Apache-2.0 */
/* CBOR (RFC 8949) read and written item by item, bounded in size and
 * depth. Reader and writer keep the first error; read everything, check once, then use what was
 * read. Reading errors: TRUNCATED the input ends too early, also a count that it cannot hold;
 * MALFORMED not well-formed, or a form that the reader refuses; WRONG_TYPE another kind than asked
 * for; DEPTH, RANGE, UTF8 and STATE where said below. Nothing here allocates but the writer's
 * buffer. */
#pragma once
#include "core/base/reader.h"

/** Arrays and maps that may be open at once, one inside the other; entering one more is
 *  CF_ERR_DEPTH. */
#define CF_CBOR_DEPTH_MAX 8

/** What the next item is, without consuming it. */
typedef enum {
    CF_CBOR_NONE, /* end of input, or an error before */
    CF_CBOR_UINT,
    CF_CBOR_NINT,
    CF_CBOR_BYTES,
    CF_CBOR_TEXT,
    CF_CBOR_ARRAY,
    CF_CBOR_MAP,
    CF_CBOR_TAG,
    CF_CBOR_BOOL,
    CF_CBOR_NULL,
    CF_CBOR_BREAK, /* end of the array or map that is open */
    CF_CBOR_OTHER, /* floats, undefined, other simple values: nothing of ours uses them */
} cf_cbor_kind;

/** Reader. strict: refuse indefinite lengths, tags and heads that are not the shortest (RFC 8949
 *  4.2.1); lenient (attestation documents) accepts indefinite arrays and maps, never indefinite
 *  strings. */
typedef struct {
    cf_reader in;
    bool strict;
    bool tagged; /* a tag was read and its item was not */
    uint8_t depth;
    struct {
        uint64_t left;   /* items still to come, in a map keys and values each count; if indefinite
                          * 0 in an array, in a map 2 before a key and 1 before its value */
        bool indefinite; /* ends at a break instead */
    } open[CF_CBOR_DEPTH_MAX];
} cf_cbor;

cf_cbor cf_cbor_strict(cf_view v);
cf_cbor cf_cbor_lenient(cf_view v);

/** First error so far. */
static inline cf_err cf_cbor_err(const cf_cbor *c)
{
    return c->in.err;
}

/** Kind of the next item, from its first octet; CF_CBOR_BREAK also at the end of a definite array
 *  or map that is open. A break where none may stand is MALFORMED. */
cf_cbor_kind cf_cbor_peek(cf_cbor *c);

/** Typed reads. A wrong kind is WRONG_TYPE, kept; the value is then 0, false or empty. Views borrow
 *  from the input. */
uint64_t cf_cbor_uint(cf_cbor *c);
int64_t cf_cbor_int(cf_cbor *c); /* RANGE outside int64 */
bool cf_cbor_bool(cf_cbor *c);
cf_view cf_cbor_bytes(cf_cbor *c); /* definite only */
cf_view cf_cbor_text(cf_cbor *c);  /* definite only; UTF8 when it is not well-formed */
void cf_cbor_null(cf_cbor *c);
uint64_t cf_cbor_tag(cf_cbor *c); /* lenient readers only; the tagged item comes next */

/** True and consumes when the next item is null; else false and consumes nothing. */
bool cf_cbor_take_null(cf_cbor *c);

/** Enters an array or a map. Then: while (cf_cbor_more(&c)) { read one element, or one key and its
 *  value }. cf_cbor_more leaves the array or map, consuming a break, when it answers false; it is
 *  false after any error, so loops always end. Entering deeper than CF_CBOR_DEPTH_MAX is DEPTH. A
 *  map left between key and value is MALFORMED. cf_cbor_more with nothing open is STATE. */
void cf_cbor_array(cf_cbor *c);
void cf_cbor_map(cf_cbor *c);
bool cf_cbor_more(cf_cbor *c);

/** Leaves an array or map of fixed layout, of which all has been read; TRAILING when it has another
 *  item. */
void cf_cbor_leave(cf_cbor *c);

/** Skips one whole item, with its tags and all that is nested in it; for unknown keys. Bounded by
 *  CF_CBOR_DEPTH_MAX, no recursion. Text inside is not checked for UTF-8. */
void cf_cbor_skip(cf_cbor *c);

/** The encoded octets of the next whole item, which is skipped; borrowed from the input. */
cf_view cf_cbor_raw(cf_cbor *c);

/** The one check at the end: first error, or TRAILING octets, or TRUNCATED with an open array or
 *  map or a tag without item. */
CF_MUST_USE cf_result cf_cbor_end(const cf_cbor *c);

/* Writing: definite lengths and shortest heads only (RFC 8949 section 4.2.1 "core deterministic",
 * key order is the caller's). */
void cf_cbor_put_uint(cf_writer *w, uint64_t n);
void cf_cbor_put_int(cf_writer *w, int64_t n);
void cf_cbor_put_bool(cf_writer *w, bool b);
void cf_cbor_put_null(cf_writer *w);
void cf_cbor_put_bytes(cf_writer *w, cf_view v);
void cf_cbor_put_text(cf_writer *w, cf_view v); /* UTF8 when it is not well-formed */
void cf_cbor_put_array(cf_writer *w, size_t items);
void cf_cbor_put_map(cf_writer *w, size_t pairs);
/** Head of an array or map of indefinite length, and its end; only the software NSM writes
 *  these. */
void cf_cbor_put_map_open(cf_writer *w);
void cf_cbor_put_break(cf_writer *w);
