/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies are maps with small numbers as keys: docs/formats/wire.md section 1. */
#pragma once
#include "core/wire/wire.h"

/** First key that an older peer may ignore. */
#define CF_WIRE_KEY_IGNORABLE 64

/** One body being read. Zero state but for c. */
typedef struct {
    cf_cbor c;
    uint64_t key;  /* the one whose value comes next */
    uint64_t seen; /* bit per key below 64 */
} cf_body;

/** Enters the body. Then: while (cf_body_next(&b)) { switch (b.key) { … default: cf_body_unknown(&b) } }. */
cf_body cf_body_of(cf_view octets);
/** True with b->key set when a known value is to be read; refuses disorder, skips what may be ignored. */
bool cf_body_next(cf_body *b);
/** Refuses the key. */
void cf_body_unknown(cf_body *b);
/** The one check at the end: reader's error, or MISSING when a required key (bit per key) was not seen. */
CF_MUST_USE cf_result cf_body_end(const cf_body *b, uint64_t required);

/** Text or byte string of min..max octets: EMPTY, SIZE, or MALFORMED for one of exactly min == max octets. */
cf_view cf_body_text(cf_body *b, size_t min, size_t max);
cf_view cf_body_bytes(cf_body *b, size_t min, size_t max);
/** RANGE outside. */
uint64_t cf_body_uint(cf_body *b, uint64_t min, uint64_t max);
/** Enters an array of at most max items and tells their number; SIZE. */
size_t cf_body_array(cf_body *b, size_t max);

static inline void cf_body_fail(cf_body *b, cf_err err)
{
    cf_reader_fail(&b->c.in, err);
}

/** Ends what was appended since out held before octets: a failure takes it back. */
static inline CF_MUST_USE cf_result cf_body_written(const cf_writer *w, size_t before)
{
    cf_result r = cf_write_end(w);
    if (!cf_is_ok(r) && w->out->len > before) {
        cf_wipe(w->out->data + before, w->out->len - before);
        w->out->len = before;
    }
    return r;
}

/** A writer of one body behind what out holds, bounded by a frame. */
static inline cf_writer cf_body_writer(cf_buf *out)
{
    return cf_writer_to(out, out->len + CF_FRAME_BYTES_MAX);
}

/** One pair of a body. */
void cf_put_text(cf_writer *w, uint64_t key, cf_view v);
void cf_put_bytes(cf_writer *w, uint64_t key, cf_view v);
void cf_put_uint(cf_writer *w, uint64_t key, uint64_t n);

/** An array in the arena for n items; NULL with the error kept. */
void *cf_body_room(cf_body *b, cf_arena *arena, size_t n, size_t size);

/* expressions.c: keys of a DECRYPT that are there with expressions. */
enum { CF_KEY_EXPRESSIONS = 10, CF_KEY_SILENT, CF_KEY_SECRETS, CF_KEY_UNSET };
/** Pairs that the body has of them, and their writing. */
size_t cf_expressions_pairs(const cf_decrypt *m);
void cf_expressions_put(cf_writer *w, const cf_decrypt *m);
/** Reads the value of such a key. */
void cf_expressions_get(cf_body *b, cf_arena *arena, cf_decrypt *m);
/** What holds whoever made it. */
CF_MUST_USE cf_result cf_expressions_rules(const cf_decrypt *m);
