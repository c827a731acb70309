/* SPDX-License-Identifier: Apache-2.0 */
/* Documents put together item by item, so that a test can break one rule at a time. */
#pragma once
#include "core/attest/attest.h"
#include "tests/support/test.h"

/** One member of a payload: its name, and its value as CBOR in hex (blanks allowed). */
typedef struct {
    const char *name, *value;
} doc_member;

enum { DOC_MEMBERS = 9, DOC_MEMBERS_MAX = 40 };

/** Members of a payload that parses, in the order of real ones. */
extern const doc_member doc_plain[DOC_MEMBERS];

/** The payload map. indefinite: as today's documents. Appends. */
void doc_payload(const doc_member *members, size_t n, bool indefinite, cf_buf *out);

/** An envelope with a signature of 96 octets that nobody made. Appends. */
void doc_envelope(cf_view payload, cf_buf *out);

/** Octets of hex, appended. */
void doc_hex(const char *hex, cf_buf *out);

/** CBOR byte string of len octets, appended. */
void doc_bytes(size_t len, cf_buf *out);
