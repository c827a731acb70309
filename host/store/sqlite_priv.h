/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the SQLite store. Threads: any number of callers read through a pool of connections; one writer owns the chain
 * and writes all changes; one keeper copies the log into the database file and the head into the anchor. */
#pragma once
#include <pthread.h>
#include <semaphore.h>
#include <sqlite3.h>

#include "host/store/store.h"

#define STORE_FORMAT 2
#define STORE_FORMAT_LEAST 1   /* without secrets */
#define STORE_SCHEMA_OBJECTS 8 /* tables and indexes */
#define STORE_PAGE_BYTES 4096
#define STORE_PAGES_MAX ((1 << 27) - 1) /* half a tebibyte; a file of more is full */
#define STORE_VFS "coffer-store"        /* name of the file system of sqlite_scrub.c */

/* One connection, used by one thread at a time, with its prepared statements. */
typedef enum {
    STMT_BEGIN,
    STMT_BEGIN_WRITE,
    STMT_COMMIT,
    STMT_ROLLBACK,
    STMT_SCHEMA,
    STMT_HEAD,
    STMT_HEAD_PUT,
    STMT_ROW,
    STMT_ROW_VERSION,
    STMT_ROW_CREATE,
    STMT_ROW_REPLACE,
    STMT_ROWS,
    STMT_TOKEN_PUT,
    STMT_TOKENS_TRIM,
    STMT_TOKEN_BY_HASH,
    STMT_TOKEN_BY_ID,
    STMT_TOKENS,
    STMT_SECRET_PUT,
    STMT_SECRETS,
    STMT_ENTRY_PUT,
    STMT_ENTRY_HASH,
    STMT_ENTRY_LAST,
    STMT_ENTRIES_DOWN,
    STMT_ENTRIES_DOWN_VAULT,
    STMT_ENTRIES_UP,
    STMT_OF_SERVICE, /* those above are what a running service needs */
    STMT_WAL_MODE = STMT_OF_SERVICE,
    STMT_TABLES,
    STMT_FORMAT,
    STMT_FORMAT_PUT,
    STMT_COUNT
} store_stmt;

typedef struct {
    sqlite3 *db;
    sqlite3_stmt *stmts[STMT_COUNT]; /* prepared by conn_ready, or when first used */
} store_conn;

/** Opens the file, which exists. error STORE_UNAVAILABLE, MALFORMED (not a database). */
CF_MUST_USE cf_result cf_store_conn_open(store_conn *c, const char *path, bool read_only);
void cf_store_conn_close(store_conn *c);
/** Prepares the statements of the service in the moment in which the schema is found to be ours (as schema_check): from then on
 *  SQLite compiles one anew only for another schema, and that is AUDIT_ALTERED. For connections of the service. */
CF_MUST_USE cf_result cf_store_conn_ready(store_conn *c,
                                          int64_t roots[static STORE_SCHEMA_OBJECTS]);
/** Runs a text of several statements without results. */
CF_MUST_USE cf_result cf_store_conn_run(store_conn *c, const char *sql);
/** The statement, ready for binding; NULL when it cannot be prepared, which is STORE_UNAVAILABLE. */
sqlite3_stmt *cf_store_stmt(store_conn *c, store_stmt id);
/** Ends a statement, which ends its read of the database, and forgets what was bound. */
void cf_store_stmt_end(sqlite3_stmt **s);
/** sqlite3_step; SQLITE_SCHEMA when the statement was compiled anew, since the schema changed: nothing of it is to be believed. */
int cf_store_step(sqlite3_stmt *s);
/** Steps a statement that returns no row, and ends it. */
CF_MUST_USE cf_result cf_store_stmt_run(sqlite3_stmt *s);
/** Text and octets that live until the statement ends. */
CF_MUST_USE bool cf_store_bind_text(sqlite3_stmt *s, int i, cf_view v);
CF_MUST_USE bool cf_store_bind_blob(sqlite3_stmt *s, int i, cf_view v);
CF_MUST_USE bool cf_store_bind_u64(sqlite3_stmt *s, int i, uint64_t n);
/** A column's octets, valid until the next step. */
cf_view cf_store_column(sqlite3_stmt *s, int i);
/** The result of a SQLite code. AUDIT_ALTERED for SQLITE_SCHEMA. */
CF_MUST_USE cf_result cf_store_code(int code);
#define STORE_STMT(name, conn, id)                                                                 \
    CF_AUTO(cf_store_stmt_end) sqlite3_stmt *name = cf_store_stmt((conn), (id))

/* sqlite_schema.c */
/** The tables and a head of zeros, in the transaction that is open. */
CF_MUST_USE cf_result cf_store_schema_make(store_conn *c);
/** Adds what a store of that format lacks, in the transaction that is open. error AUDIT_ALTERED it is not what that format makes. */
CF_MUST_USE cf_result cf_store_schema_raise(store_conn *c, int format);
/** Compares tables and indexes with those of the format, octet by octet, and the pages at which they begin with roots; those that are 0
 *  there are noted. Some microseconds. error AUDIT_ALTERED, STORE_UNAVAILABLE. */
CF_MUST_USE cf_result cf_store_schema_check(store_conn *c, int format,
                                            int64_t roots[static STORE_SCHEMA_OBJECTS]);

/* sqlite_scrub.c */
/** Makes zeros of what a leaf page of a table holds beside its cells. */
void cf_store_scrub_page(uint8_t page[static STORE_PAGE_BYTES]);
/** Registers STORE_VFS, which does that to every page that it writes to a database file. False when it cannot. */
bool cf_store_scrub_ready(void);

/* A change that waits, on its caller's stack. */
typedef struct store_waiter {
    struct store_waiter *next, *prev;
    const cf_store_change *change;
    sem_t done; /* posted once, when result and seq are set */
    bool taken; /* by a transaction; under the store's lock */
    cf_result result;
    uint64_t seq;
} store_waiter;

typedef struct cf_store_sqlite {
    cf_secret audit_key;
    char *path, *anchor_path;
    bool read_only;
    int format;                          /* of the file; a read-only store may have an older one */
    int64_t roots[STORE_SCHEMA_OBJECTS]; /* where the tables began when the store was opened */
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
    int log_pages;       /* of the write-ahead log after the last commit; guarded by lock */
    bool log_copied;     /* the keeper asks the writer to finish the copying; guarded by lock */
    bool log_used;       /* the log is not empty; guarded by lock */
    bool log_deleted;    /* something was deleted that the log still has; guarded by lock */
    bool log_to_empty;   /* the keeper asks the writer to empty the log; guarded by lock */
    uint64_t emptied_ms; /* when the log was last empty; guarded by lock */
    cf_buf entry;

    pthread_t keeper_thread;
    bool keeper_runs;
    store_conn keeper;
    uint8_t anchored[CF_AUDIT_HEAD_BYTES]; /* what the anchor holds */
    uint64_t anchored_ms, empty_tried_ms;
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
CF_MUST_USE cf_result cf_store_tokens_walk(void *self, cf_store_token_fn *fn, void *ctx);
CF_MUST_USE cf_result cf_store_secrets_walk(void *self, cf_store_secret_fn *fn, void *ctx);
CF_MUST_USE cf_result cf_store_structure(void *self, bool *ret_schema, bool *ret_pages);

/* sqlite_writer.c */
CF_MUST_USE cf_result cf_store_change_make(void *self, const cf_store_change *change,
                                           uint64_t deadline_ms, uint64_t *ret_seq);
/** Copies the log into the database file and makes it empty, unless readers of an older moment hold it. Of the writer's thread. */
void cf_store_log_empty(cf_store_sqlite *s);
CF_MUST_USE cf_result cf_store_writer_start(cf_store_sqlite *s);
void cf_store_writer_stop(cf_store_sqlite *s);

/* sqlite_keeper.c */
/** The anchor as it is now. error as audit_anchor. */
CF_MUST_USE cf_result cf_store_anchor_file(const cf_store_sqlite *s, cf_buf *ret);
/** Removes temporary files that a service left which was killed while it wrote the anchor. Another service that is writing one
 *  just now tries again. */
void cf_store_anchor_tidy(const cf_store_sqlite *s);
/** Writes the anchor when there is none. */
void cf_store_anchor_first(cf_store_sqlite *s);
CF_MUST_USE cf_result cf_store_keeper_start(cf_store_sqlite *s);
void cf_store_keeper_stop(cf_store_sqlite *s);
