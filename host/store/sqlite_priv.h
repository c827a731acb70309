/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the SQLite store. Threads: any number of callers read through a pool of connections; one writer owns the chain
 * and writes all changes; one keeper copies the log into the database file and the head into the anchor. */
#pragma once
#include <pthread.h>
#include <semaphore.h>
#include <sqlite3.h>

#include "host/store/store.h"

/* One connection, used by one thread at a time, with its prepared statements. */
typedef enum {
    STMT_BEGIN,
    STMT_BEGIN_WRITE,
    STMT_COMMIT,
    STMT_ROLLBACK,
    STMT_WAL_MODE,
    STMT_TABLES,
    STMT_FORMAT,
    STMT_HEAD,
    STMT_HEAD_PUT,
    STMT_ROW,
    STMT_ROW_VERSION,
    STMT_ROW_CREATE,
    STMT_ROW_REPLACE,
    STMT_ROWS,
    STMT_TOKEN_PUT,
    STMT_TOKEN_BY_HASH,
    STMT_TOKEN_BY_ID,
    STMT_TOKENS,
    STMT_ENTRY_PUT,
    STMT_ENTRY_HASH,
    STMT_ENTRY_LAST,
    STMT_ENTRIES_DOWN,
    STMT_ENTRIES_DOWN_VAULT,
    STMT_ENTRIES_UP,
    STMT_COUNT
} store_stmt;

typedef struct {
    sqlite3 *db;
    sqlite3_stmt *stmts[STMT_COUNT]; /* prepared when first used */
} store_conn;

/** Opens the file, which exists. error STORE_UNAVAILABLE, MALFORMED (not a database). */
CF_MUST_USE cf_result cf_store_conn_open(store_conn *c, const char *path, bool read_only);
void cf_store_conn_close(store_conn *c);
/** Runs a text of several statements without results. */
CF_MUST_USE cf_result cf_store_conn_run(store_conn *c, const char *sql);
/** The statement, ready for binding; NULL when it cannot be prepared, which is STORE_UNAVAILABLE. */
sqlite3_stmt *cf_store_stmt(store_conn *c, store_stmt id);
/** Ends a statement, which ends its read of the database, and forgets what was bound. */
void cf_store_stmt_end(sqlite3_stmt **s);
/** Steps a statement that returns no row, and ends it. */
CF_MUST_USE cf_result cf_store_stmt_run(sqlite3_stmt *s);
/** Text and octets that live until the statement ends. */
CF_MUST_USE bool cf_store_bind_text(sqlite3_stmt *s, int i, cf_view v);
CF_MUST_USE bool cf_store_bind_blob(sqlite3_stmt *s, int i, cf_view v);
CF_MUST_USE bool cf_store_bind_u64(sqlite3_stmt *s, int i, uint64_t n);
/** A column's octets, valid until the next step. */
cf_view cf_store_column(sqlite3_stmt *s, int i);
/** The result of a SQLite code. */
CF_MUST_USE cf_result cf_store_code(int code);
#define STORE_STMT(name, conn, id)                                                                 \
    CF_AUTO(cf_store_stmt_end) sqlite3_stmt *name = cf_store_stmt((conn), (id))

/* A change that waits, on its caller's stack. */
typedef struct store_waiter {
    struct store_waiter *next, *prev;
    const cf_store_change *change;
    sem_t done;  /* posted once, when result and seq are set */
    bool taken; /* by a transaction; under the store's lock */
    cf_result result;
    uint64_t seq;
} store_waiter;

typedef struct cf_store_sqlite {
    cf_secret audit_key;
    char *path, *anchor_path;
    bool read_only;
    cf_result anchor_read; /* read_only: how reading the anchor went, before the moment was fixed */
    cf_buf anchor_then;    /* read_only: what it held */

    /* the pool: connections that nobody uses are readers[0..idle) */
    pthread_mutex_t pool_lock;
    pthread_cond_t pool_freed;
    store_conn *idle[CF_STORE_READERS];
    store_conn readers[CF_STORE_READERS];
    size_t readers_n, idle_n;

    /* the queue: first to last in order of arrival */
    pthread_mutex_t lock;
    pthread_cond_t arrived; /* a change came, or the store closes */
    pthread_cond_t work;    /* the keeper has something to do */
    store_waiter *first, *last;
    size_t queued;
    bool closing;
    cf_store_stats stats;

    /* of the writer alone, but for what lock guards */
    pthread_t writer_thread;
    bool writer_runs;
    store_conn writer;
    cf_audit_head head;
    uint8_t head_sealed[CF_AUDIT_HEAD_BYTES]; /* guarded by lock: the keeper copies it */
    int log_pages;   /* of the write-ahead log after the last commit; guarded by lock */
    bool log_copied; /* the keeper asks the writer to finish the copying; guarded by lock */
    cf_buf entry;

    pthread_t keeper_thread;
    bool keeper_runs;
    store_conn keeper;
    uint8_t anchored[CF_AUDIT_HEAD_BYTES]; /* what the anchor holds */
    uint64_t anchored_ms;
} cf_store_sqlite;

/* sqlite_read.c */
CF_MUST_USE cf_result cf_store_pool_open(cf_store_sqlite *s, size_t readers);
void cf_store_pool_close(cf_store_sqlite *s);
CF_MUST_USE cf_result cf_store_get(void *self, cf_view id, cf_buf *ret_row, cf_buf *ret_seal);
CF_MUST_USE cf_result cf_store_token_by_hash(void *self, const uint8_t hash[32], cf_token *ret);
CF_MUST_USE cf_result cf_store_token_by_id(void *self, const char *id, cf_token *ret);
CF_MUST_USE cf_result cf_store_tokens(void *self, cf_token *ret, size_t max, size_t *ret_n);
CF_MUST_USE cf_result cf_store_audit_page(void *self, cf_view vault, uint64_t before, size_t max,
                                          cf_store_entry_fn *fn, void *ctx);
CF_MUST_USE cf_result cf_store_audit_walk(void *self, uint64_t from_seq, cf_store_entry_fn *fn,
                                          void *ctx);
CF_MUST_USE cf_result cf_store_audit_head(void *self, uint8_t ret[static CF_AUDIT_HEAD_BYTES]);
CF_MUST_USE cf_result cf_store_audit_anchor(void *self, cf_buf *ret);
CF_MUST_USE cf_result cf_store_rows_walk(void *self, cf_store_row_fn *fn, void *ctx);

/* sqlite_writer.c */
CF_MUST_USE cf_result cf_store_change_make(void *self, const cf_store_change *change,
                                           uint64_t deadline_ms, uint64_t *ret_seq);
CF_MUST_USE cf_result cf_store_writer_start(cf_store_sqlite *s);
void cf_store_writer_stop(cf_store_sqlite *s);

/* sqlite_keeper.c */
/** The anchor as it is now. error as audit_anchor. */
CF_MUST_USE cf_result cf_store_anchor_file(const cf_store_sqlite *s, cf_buf *ret);
/** Removes temporary files that a service left which was killed while it wrote the anchor. Another service that is writing one
 *  just now tries again. */
void cf_store_anchor_tidy(const cf_store_sqlite *s);
CF_MUST_USE cf_result cf_store_keeper_start(cf_store_sqlite *s);
void cf_store_keeper_stop(cf_store_sqlite *s);
