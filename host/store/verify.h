/* SPDX-License-Identifier: Apache-2.0 */
/* The whole verification of docs/formats/audit.md section 3, over any store. */
#pragma once
#include "host/store/store.h"

#define CF_VERIFY_OBJECTS_MAX                                                                      \
    ((size_t)1                                                                                     \
     << 26) /* vaults, tokens and secrets that one verification can hold; 64 to 192 octets each */

/* What verification may find: symbol, code as users see it, sentence. */
#define CF_FINDINGS(X)                                                                             \
    X(SCHEMA, "schema", "tables or indexes are not those that the service makes")                  \
    X(PAGES, "pages", "pages are out of place, or an index disagrees with its table")              \
    X(ENTRY_PLACE, "entry_place", "an entry lies below number 1, where the service puts none")     \
    X(ENTRY_MISSING, "entry_missing", "an entry is missing before this one, or it appears twice")  \
    X(ENTRY_UNREADABLE, "entry_unreadable", "the entry does not decode")                           \
    X(ENTRY_SEQ, "entry_seq", "the entry carries another number than its place")                   \
    X(ENTRY_HASH, "entry_hash", "the entry does not hash onto its predecessor")                    \
    X(ENTRY_VAULT, "entry_vault", "the entry is filed under another object than it names")         \
    X(ENTRY_VERSION, "entry_version",                                                              \
      "the entry's change does not follow on the one before it: an older row was put back")        \
    X(ENTRY_ENDED, "entry_ended", "the entry changes what an earlier one deleted or revoked")      \
    X(HEAD_MISSING, "head_missing", "the log has no head")                                         \
    X(HEAD_MAC, "head_mac", "the head's MAC does not hold")                                        \
    X(HEAD_SEQ, "head_seq", "the head names another entry than the last")                          \
    X(HEAD_HASH, "head_hash", "the head does not have the last entry's hash")                      \
    X(ANCHOR_MISSING, "anchor_missing", "the log is not empty and there is no anchor")             \
    X(ANCHOR_MAC, "anchor_mac", "the anchor cannot be read, or its MAC does not hold")             \
    X(ANCHOR_AHEAD, "anchor_ahead", "the anchor names an entry that the log does not reach")       \
    X(ANCHOR_HASH, "anchor_hash", "the anchor names another entry than the log has there")         \
    X(ROW_SEAL, "row_seal", "the row's seal does not hold")                                        \
    X(ROW_UNREADABLE, "row_unreadable", "the row does not decode")                                 \
    X(ROW_ID, "row_id", "the row carries another id than it is stored under")                      \
    X(ROW_VERSION, "row_version", "the row carries another version than is stored beside it")      \
    X(ROW_STALE, "row_stale", "the row is not the one of the newest entry that changed it")        \
    X(ROW_UNLOGGED, "row_unlogged", "no entry made the row")                                       \
    X(ROW_MISSING, "row_missing", "an entry made a row that is not there")                         \
    X(TOKEN_SEAL, "token_seal", "a token's seal does not hold")                                    \
    X(TOKEN_STALE, "token_stale", "the token is not the one of the newest entry that changed it")  \
    X(TOKEN_UNLOGGED, "token_unlogged", "no entry made the token")                                 \
    X(TOKEN_MISSING, "token_missing", "an entry made a token that is not there")                   \
    X(SECRET_SEAL, "secret_seal", "a secret's seal does not hold")                                 \
    X(SECRET_STALE, "secret_stale", "the secret is not the one that its entry made")               \
    X(SECRET_UNLOGGED, "secret_unlogged", "no entry made the secret")                              \
    X(SECRET_MISSING, "secret_missing", "an entry made a secret that is not there")

typedef enum {
#define CF_FINDING_MEMBER(sym, code, text) CF_FINDING_##sym,
    CF_FINDINGS(CF_FINDING_MEMBER)
#undef CF_FINDING_MEMBER
        CF_FINDING_COUNT
} cf_finding_kind;

/** One finding. seq 0 and object empty where they say nothing. Never a value. */
typedef struct {
    cf_finding_kind kind;
    uint64_t seq;
    cf_view object; /* vault or token id, or "s_" and a secret's name */
} cf_finding;
typedef void cf_finding_fn(void *ctx, const cf_finding *finding);

const char *cf_finding_code(cf_finding_kind kind);
const char *cf_finding_text(cf_finding_kind kind);

typedef struct {
    uint64_t entries, rows, tokens, secrets, findings;
    cf_audit_head head; /* of what was read, if nothing was found */
} cf_verify_report;

typedef struct {
    const cf_secret *row_key;
    bool
        no_anchor; /* that there is no anchor is no finding: of a backup, or of a store that was put back from one on purpose */
} cf_verify_opts;

/** Reads everything and tells each finding once.
 *  in    store opened read_only and with its anchor_path, so that all is of one moment
 *  out   ok when everything could be read, whatever was found: the store is whole if ret->findings is 0
 *  error STORE_UNAVAILABLE, NO_MEMORY, SIZE (over CF_VERIFY_OBJECTS_MAX)
 *  cost  one pass over entries and rows; memory for objects only, see CF_VERIFY_OBJECTS_MAX */
CF_MUST_USE cf_result cf_store_verify(const cf_store *store, const cf_verify_opts *opts,
                                      cf_finding_fn *fn, void *ctx, cf_verify_report *ret);
