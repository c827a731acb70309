/* SPDX-License-Identifier: Apache-2.0 */
/* Audit entries and their chain: docs/formats/audit.md. No I/O. */
#pragma once
#include "core/base/arena.h"
#include "core/crypto/primitives.h"

#define CF_REASON_BYTES_MAX 1024
#define CF_AUDIT_ENTRY_BYTES_MAX 32768
#define CF_AUDIT_TEXT_BYTES_MAX                                                                    \
    256 /* each of action, outcome, actor, tenant, vault, request, and field names */
#define CF_AUDIT_FIELDS_MAX 256
#define CF_AUDIT_EXPRESSIONS_MAX 100
#define CF_AUDIT_SOURCES_BYTES 32 /* SHA-256 */
#define CF_AUDIT_HASH_BYTES 48
#define CF_AUDIT_HEAD_BYTES 104
#define CF_AUDIT_KEY_BYTES 48

typedef struct {
    uint64_t seq, time_ms;
    cf_view action, outcome, actor, tenant, vault;
    uint64_t version;
    const cf_view *fields;
    size_t fields_n;
    cf_view reason, request, boot_id, pcr0, seal;
    /* of a decrypt with expressions; else empty */
    const cf_view *expressions; /* names */
    size_t expressions_n;
    cf_view sources; /* cf_audit_sources of them */
    uint64_t
        answered; /* the first so many fields were to be answered, the others are what expressions read */
} cf_audit_entry;

/** Appends the entry. error ARGUMENT for what a decoder rejects, UTF8, SIZE over CF_AUDIT_ENTRY_BYTES_MAX. */
CF_MUST_USE cf_result cf_audit_encode(const cf_audit_entry *e, cf_buf *out);
/** Views borrow from the octets, the lists of names go to the arena. error MALFORMED and other parser codes, UNSUPPORTED
 *  (format), SIZE, NO_MEMORY. */
CF_MUST_USE cf_result cf_audit_decode(cf_view octets, cf_arena *arena, cf_audit_entry *ret);

/** What an entry has of the sources of expressions: SHA-256 of CBOR [ * [name, source] ]. names and sources: n of each. error UTF8,
 *  NO_MEMORY, CRYPTO */
CF_MUST_USE cf_result cf_audit_sources(const cf_view *names, const cf_view *sources, size_t n,
                                       uint8_t ret[static CF_AUDIT_SOURCES_BYTES]);

typedef struct {
    uint64_t seq;
    uint8_t hash[CF_AUDIT_HASH_BYTES];
} cf_audit_head; /* seq 0, hash zero: the empty chain */

/** hash(n) from hash(n-1) and the entry's octets; advances the head, which is unchanged after an error (CRYPTO). */
CF_MUST_USE cf_result cf_audit_chain(cf_audit_head *head, cf_view entry);
/** Audit key from the row key. error ARGUMENT for an empty row key. */
CF_MUST_USE cf_result cf_audit_key(const cf_secret *row_key, cf_secret *ret);
CF_MUST_USE cf_result cf_audit_head_seal(const cf_secret *audit_key, const cf_audit_head *head,
                                         uint8_t ret[static CF_AUDIT_HEAD_BYTES]);
/** error AUDIT_ALTERED: another length, or a MAC that does not hold; *ret is then the empty chain. */
CF_MUST_USE cf_result cf_audit_head_open(const cf_secret *audit_key, cf_view sealed,
                                         cf_audit_head *ret);
