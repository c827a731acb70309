/* SPDX-License-Identifier: Apache-2.0 */
/* The store behind the API: rows, tokens and the audit log, every write conditional and durable before it is answered. */
#pragma once
#include "core/audit/entry.h"
#include "core/vault/record.h"

#define CF_STORE_READERS 8            /* connections that serve reads */
#define CF_STORE_QUEUE_MAX 1024       /* changes that wait for a transaction; one more is BUSY */
#define CF_STORE_GROUP_MAX 256        /* changes that share one transaction */
#define CF_STORE_LOCK_TIMEOUT_MS 1000 /* wait for a database that another process has locked */
#define CF_STORE_LOG_PAGES                                                                         \
    1000 /* of the write-ahead log; from then on it is copied into the database file */
#define CF_STORE_TOKENS_MAX 4096 /* that are not revoked; one more is SIZE */
#define CF_STORE_SECRETS_MAX 64  /* named secrets; one more is SIZE */
#define CF_STORE_LOOK_BACK                                                                         \
    16 /* entries of a vault among which the last change of its row is looked for */
#define CF_STORE_LOG_KEEP_MS 60000 /* that the write-ahead log keeps what was overwritten */
#define CF_STORE_LOG_TRY_MS 500    /* between two tries to empty it, at least */
#define CF_STORE_ANCHOR_MS 1000    /* between two writes of the anchor, at least */

/** Condition of a row write. */
typedef enum { CF_PUT_CREATE, CF_PUT_REPLACE } cf_put_kind;

/** A row to write. version_expected: what the stored row must have (REPLACE), else VERSION_MISMATCH, or VAULT_UNKNOWN. */
typedef struct {
    cf_put_kind kind;
    cf_view id;
    uint64_t version_expected, version;
    cf_view row;  /* encoded row */
    cf_view seal; /* CF_ROW_SEAL_BYTES */
} cf_store_put;

/** A token: only the hash of its secret is ever here. */
typedef struct {
    char id[32]; /* "t_" and base62 */
    char name[64];
    uint8_t hash[32]; /* SHA-256 of the token text */
    uint32_t scopes;  /* bits of CF_SCOPE_* */
    bool altered;     /* in a list: its seal does not hold; then of the rest only id is set */
    uint64_t created_ms, expires_ms, revoked_ms; /* 0: never */
} cf_token;
enum { CF_SCOPE_WRITE = 1, CF_SCOPE_READ = 2, CF_SCOPE_DECRYPT = 4, CF_SCOPE_ADMIN = 8 };

/** A named secret: the private key of a pair, as the KMS wrapped it under kms_key. It is made once and never changes. */
typedef struct {
    char name[CF_SECRET_NAME_BYTES_MAX + 1];
    cf_view kms_key, wrapped;
    uint64_t created_ms;
    bool altered; /* in a walk: its seal does not hold; then of the rest only name is set */
} cf_store_secret;

/** One transaction: at most one of a row write, a token write and a new secret, and always one audit entry, whose seq the store fills
 *  in, and with a token or secret also its seal. If the condition fails nothing of it is written. What a change whose action ends
 *  in ".delete" took out of a row is gone from the files within a second, or once no read-only store of an earlier moment is open
 *  any more. */
typedef struct {
    const cf_store_put *put;           /* or NULL */
    const cf_token *token_put;         /* insert or replace by id; or NULL */
    const cf_store_secret *secret_put; /* insert; or NULL */
    const cf_audit_entry *entry;       /* seq is ignored */
    bool token_past_limit; /* the token is stored although there are CF_STORE_TOKENS_MAX */
} cf_store_change;

/** One stored audit entry: the encoded entry, and what the store keeps beside it. Views borrow for the call. */
typedef struct {
    uint64_t seq;
    cf_view vault; /* what pages of one vault are found by; equals the entry's */
    cf_view hash;  /* CF_AUDIT_HASH_BYTES */
    cf_view entry; /* for cf_audit_decode */
} cf_store_entry;

/** Called for each audit entry of a page or walk. Returning false ends it. Must not call the store. */
typedef bool cf_store_entry_fn(void *ctx, const cf_store_entry *entry);
/** Called for each row of a walk; as above. */
typedef bool cf_store_row_fn(void *ctx, cf_view id, uint64_t version, cf_view row, cf_view seal);
typedef bool cf_store_token_fn(void *ctx, const cf_token *token);
typedef bool cf_store_secret_fn(void *ctx, const cf_store_secret *secret);

typedef struct {
    /** Row and seal, appended. error VAULT_UNKNOWN, STORE_UNAVAILABLE; of this and all others AUDIT_ALTERED when somebody changes
     *  tables or indexes under the running store. Safe from many threads. */
    cf_result (*get)(void *self, cf_view id, cf_buf *ret_row, cf_buf *ret_seal);
    /** Durable when it returns; concurrent changes share one transaction and its fsync. *ret_seq the entry's place.
     *  in    deadline_ms on the clock of cf_clock_mono_ms. It bounds the wait for a place in a transaction; a change that has its
     *        place waits for the outcome, which the store's own time limits bound, so that the answer is always the truth.
     *  error EXISTS, VERSION_MISMATCH, VAULT_UNKNOWN (from the condition; EXISTS also for the hash of another token, or a secret's
     *        name);
     *        BUSY too many changes wait; STORE_UNAVAILABLE nothing was acknowledged (locked, full, failing, or the deadline
     *        passed first); AUDIT_ALTERED the stored head is neither the one this store wrote nor one that its entries lead to;
     *        ROW_ALTERED the row to replace is not the one that the newest change in the log left (looked for among the vault's last
     *        CF_STORE_LOOK_BACK entries); SIZE a token over CF_STORE_TOKENS_MAX that are not revoked, or a secret over
     *        CF_STORE_SECRETS_MAX; what cf_audit_encode refuses. With a token, those that were revoked first leave the store as
     *        far as there are more than CF_STORE_TOKENS_MAX in all; their entries stay */
    cf_result (*change)(void *self, const cf_store_change *change, uint64_t deadline_ms,
                        uint64_t *ret_seq);
    /** Token by hash of its text. error NOT_FOUND, STORE_UNAVAILABLE, ROW_ALTERED (its seal is not the token's). */
    cf_result (*token_by_hash)(void *self, const uint8_t hash[32], cf_token *ret);
    cf_result (*token_by_id)(void *self, const char *id, cf_token *ret);
    /** All tokens by id, altered ones marked; *ret_n of them written to ret (room for max). */
    cf_result (*tokens)(void *self, cf_token *ret, size_t max, size_t *ret_n);
    /** Entries with seq below before (0: from the newest), newest first, of one vault or (empty id) of all. */
    cf_result (*audit_page)(void *self, cf_view vault, uint64_t before, size_t max,
                            cf_store_entry_fn *fn, void *ctx);
    /** Entries in rising order from seq on, and from 0 also those below 1, which the service never enters: their seq reads as one
     *  over INT64_MAX. The stored head, sealed, NOT_FOUND when somebody took it away, AUDIT_ALTERED when there are two. All rows,
     *  all tokens, altered ones marked, in no order that is promised. For verification and export: through a read-only store all of
     *  them see the same moment. */
    cf_result (*audit_walk)(void *self, uint64_t from_seq, cf_store_entry_fn *fn, void *ctx);
    cf_result (*audit_head)(void *self, uint8_t ret[static CF_AUDIT_HEAD_BYTES]);
    /** The anchor's octets, appended; of a read-only store those that it had before the moment that the store sees, so that the
     *  service, going on, does not run ahead of it. NOT_FOUND when there is none, AUDIT_ALTERED when they are too many. */
    cf_result (*audit_anchor)(void *self, cf_buf *ret);
    cf_result (*rows_walk)(void *self, cf_store_row_fn *fn, void *ctx);
    cf_result (*tokens_walk)(void *self, cf_store_token_fn *fn, void *ctx);
    /** All secrets by name, altered ones marked. Safe from many threads. */
    cf_result (*secrets_walk)(void *self, cf_store_secret_fn *fn, void *ctx);
    /** Whether tables and indexes are those that this version makes, and whether every page is in its place and each index has what
     *  its table has, so that whoever reads by an index reads the same. Reads the whole file. */
    cf_result (*structure)(void *self, bool *ret_schema, bool *ret_pages);
    void (*close)(void *self);
} cf_store_ops;

typedef struct {
    const cf_store_ops *ops;
    void *self;
} cf_store;

/** SQLite in WAL mode with full sync. A store of the format before gets what it lacks when it is opened for writing; read only it is
 *  taken as it is. audit_key: seals the chain's head and the tokens, CF_AUDIT_KEY_BYTES.
 *  read_only: one moment of the store, for verification and export beside a running service; it has no change (STATE), and while it
 *  is open the write-ahead log grows. An absent file is created with mode 0600 (read_only: NOT_FOUND).
 *  error AUDIT_ALTERED unless the head's MAC holds, it names the last entry, and the anchor is of this chain (audit.md section 2);
 *        not asked of a read-only store, which is there to find out; UNSUPPORTED a store of a newer format; MALFORMED no store;
 *        STORE_UNAVAILABLE; ARGUMENT a key of another length; NO_MEMORY */
typedef struct {
    const char *path;
    const char *anchor_path; /* copy of the head, written without haste; NULL: none */
    const cf_secret *audit_key;
    bool read_only;
} cf_store_sqlite_opts;
CF_MUST_USE cf_result cf_store_sqlite_open(const cf_store_sqlite_opts *opts, cf_store *ret);
/** Finishes the changes that wait, writes the anchor. Nobody may use the store any more. Leaves the zero state, and accepts it. */
void cf_store_close(cf_store *s);

/** What the SQLite store has done since it was opened. */
typedef struct {
    uint64_t transactions, changes; /* committed */
    uint64_t refused;               /* changes whose condition failed */
    uint64_t failed;                /* transactions that failed */
    uint64_t waiting;               /* changes that wait now */
    int sqlite_code;                /* of the last of those, for the log */
    bool anchor_missing; /* it was opened without an anchor although the log was not empty */
} cf_store_stats;
void cf_store_sqlite_stats(const cf_store *s, cf_store_stats *ret);

/** A token's seal: audit.md section 4. error ARGUMENT for a name or id without its NUL. */
CF_MUST_USE cf_result cf_token_seal(const cf_secret *audit_key, const cf_token *t,
                                    uint8_t ret[static CF_ROW_SEAL_BYTES]);
/** A secret's seal: audit.md section 5. error ARGUMENT a name that is none. */
CF_MUST_USE cf_result cf_secret_seal(const cf_secret *audit_key, const cf_store_secret *s,
                                     uint8_t ret[static CF_ROW_SEAL_BYTES]);
