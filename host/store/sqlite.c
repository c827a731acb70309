/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing of the SQLite store. */
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "host/store/sqlite_priv.h"
#include "sys/linux/file.h"

#define STORE_MODE 0600

/* Steps to the one row of a statement; NOT_FOUND when there is none. */
static cf_result step_row(store_conn *c, sqlite3_stmt *s)
{
    int code = s == NULL ? sqlite3_errcode(c->db) : cf_store_step(s);
    CF_TRY(cf_store_code(code));
    CF_REQUIRE(code == SQLITE_ROW, NOT_FOUND);
    return cf_ok();
}

static cf_result stmt_run(store_conn *c, store_stmt id)
{
    return cf_store_stmt_run(cf_store_stmt(c, id));
}

/* The tables and the sealed head of the empty chain, in the transaction that is open. */
static cf_result schema_make(cf_store_sqlite *s)
{
    const cf_audit_head none = {.seq = 0};
    uint8_t head[CF_AUDIT_HEAD_BYTES];
    CF_TRY(cf_audit_head_seal(&s->audit_key, &none, head));
    CF_TRY(cf_store_schema_make(&s->writer));
    STORE_STMT(put, &s->writer, STMT_HEAD_PUT);
    CF_REQUIRE(cf_store_bind_blob(put, 1, CF_VIEW_OF(head)), STORE_UNAVAILABLE);
    return cf_store_stmt_run(put);
}

/* The format of an existing file; 0 of an empty one. */
static cf_result format_check(store_conn *c, int *ret_format)
{
    *ret_format = 0;
    STORE_STMT(tables, c, STMT_TABLES);
    CF_TRY(step_row(c, tables));
    if (sqlite3_column_int64(tables, 0) == 0) {
        return cf_ok();
    }
    /* A database without this table is somebody else's. */
    STORE_STMT(stmt, c, STMT_FORMAT);
    CF_REQUIRE(stmt != NULL, MALFORMED);
    cf_result r = step_row(c, stmt);
    CF_REQUIRE(r.code != CF_ERR_NOT_FOUND, MALFORMED);
    CF_TRY(r);
    int64_t format = sqlite3_column_int64(stmt, 0);
    CF_REQUIRE(format >= STORE_FORMAT_LEAST && format <= STORE_FORMAT, UNSUPPORTED);
    *ret_format = (int)format;
    return cf_ok();
}

/* Makes the tables in an empty file, and those that one of an older format lacks. */
static cf_result tables_make(cf_store_sqlite *s)
{
    int format = 0;
    CF_TRY(format_check(&s->writer, &format));
    if (format == 0) {
        return schema_make(s);
    }
    return format < STORE_FORMAT ? cf_store_schema_raise(&s->writer, format) : cf_ok();
}

static cf_result tables_prepare(cf_store_sqlite *s)
{
    CF_TRY(stmt_run(&s->writer, STMT_BEGIN_WRITE));
    cf_result r = tables_make(s);
    if (cf_is_ok(r)) {
        r = stmt_run(&s->writer, STMT_COMMIT);
    }
    if (!cf_is_ok(r) && sqlite3_get_autocommit(s->writer.db) == 0) {
        cf_ignore(stmt_run(&s->writer, STMT_ROLLBACK));
    }
    CF_TRY(r);
    s->format = STORE_FORMAT;
    return cf_store_conn_ready(&s->writer, s->roots);
}

static cf_result head_load(cf_store_sqlite *s)
{
    STORE_STMT(stmt, &s->writer, STMT_HEAD);
    cf_result r = step_row(&s->writer, stmt);
    CF_REQUIRE(r.code != CF_ERR_NOT_FOUND, AUDIT_ALTERED);
    CF_TRY(r);
    cf_view sealed = cf_store_column(stmt, 0);
    CF_TRY(cf_audit_head_open(&s->audit_key, sealed, &s->head));
    cf_copy(s->head_sealed, sealed.data, CF_AUDIT_HEAD_BYTES);
    r = step_row(&s->writer, stmt);
    CF_REQUIRE(!cf_is_ok(r), AUDIT_ALTERED); /* there are two */
    return r.code == CF_ERR_NOT_FOUND ? cf_ok() : r;
}

/* The head names the last entry. */
static cf_result last_check(cf_store_sqlite *s)
{
    STORE_STMT(last, &s->writer, STMT_ENTRY_LAST);
    cf_result r = step_row(&s->writer, last);
    if (r.code == CF_ERR_NOT_FOUND) {
        CF_REQUIRE(s->head.seq == 0, AUDIT_ALTERED);
        return cf_ok();
    }
    CF_TRY(r);
    bool same = (uint64_t)sqlite3_column_int64(last, 0) == s->head.seq &&
                cf_view_eq(cf_store_column(last, 1), CF_VIEW_OF(s->head.hash));
    CF_REQUIRE(same, AUDIT_ALTERED);
    return cf_ok();
}

/* The anchor, where there is one, is the head of an earlier moment of this chain. Going on without it would overwrite the one
 * thing that shows a store put back. */
static cf_result anchor_check(cf_store_sqlite *s)
{
    CF_BUF(file);
    cf_result r = cf_store_anchor_file(s, &file);
    if (r.code == CF_ERR_NOT_FOUND) {
        s->stats.anchor_missing = s->anchor_path != NULL && s->head.seq > 0;
        return cf_ok();
    }
    CF_TRY(r);
    cf_audit_head anchor;
    CF_TRY(cf_audit_head_open(&s->audit_key, cf_buf_view(&file), &anchor));
    cf_copy(s->anchored, file.data, CF_AUDIT_HEAD_BYTES);
    CF_REQUIRE(anchor.seq <= s->head.seq, AUDIT_ALTERED);
    if (anchor.seq == 0) {
        return cf_ok();
    }
    STORE_STMT(hash, &s->writer, STMT_ENTRY_HASH);
    CF_REQUIRE(cf_store_bind_u64(hash, 1, anchor.seq), STORE_UNAVAILABLE);
    CF_TRY(step_row(&s->writer, hash));
    CF_REQUIRE(cf_view_eq(cf_store_column(hash, 0), CF_VIEW_OF(anchor.hash)), AUDIT_ALTERED);
    return cf_ok();
}

/* WAL mode is a property of the file, which an own answer tells; a file system that cannot have it is told here. */
static cf_result wal_mode(store_conn *c)
{
    STORE_STMT(mode, c, STMT_WAL_MODE);
    CF_TRY(step_row(c, mode));
    CF_REQUIRE(cf_view_eq(cf_store_column(mode, 0), CF_LIT("wal")), STORE_UNAVAILABLE);
    return cf_ok();
}

/* Full sync: a commit is on the disk when it returns. What is overwritten or deleted does not stay readable in the file
 * (sqlite_scrub.c does the rest of that), nor in the log once it is emptied. The copying of the log is the keeper's. */
#define DURABLE                                                                                    \
    "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA wal_autocheckpoint = 0"

#define PAGES_MAX "134217727"
_Static_assert(STORE_PAGES_MAX == 134217727, "the pragma");

static cf_result writer_open(cf_store_sqlite *s)
{
    cf_result made = cf_file_create(s->path, CF_VIEW_EMPTY, STORE_MODE);
    CF_REQUIRE(cf_is_ok(made) || made.code == CF_ERR_EXISTS, STORE_UNAVAILABLE);
    CF_TRY(cf_store_conn_open(&s->writer, s->path, false));
    CF_TRY(wal_mode(&s->writer));
    CF_TRY(cf_store_conn_run(&s->writer, DURABLE "; PRAGMA cache_size = -32768;"
                                                 " PRAGMA journal_size_limit = 67108864;"
                                                 " PRAGMA max_page_count = " PAGES_MAX));
    CF_TRY(tables_prepare(s));
    CF_TRY(head_load(s));
    CF_TRY(last_check(s));
    CF_TRY(anchor_check(s));
    cf_store_anchor_tidy(s);
    cf_store_log_empty(s); /* of a service that was killed; and what the anchor names is durable */
    cf_store_anchor_first(s);
    CF_TRY(cf_store_pool_open(s, CF_STORE_READERS));
    CF_TRY(cf_store_conn_open(&s->keeper, s->path, false));
    CF_TRY(cf_store_conn_run(&s->keeper, DURABLE));
    CF_TRY(cf_store_writer_start(s));
    return cf_store_keeper_start(s);
}

/* One connection in one read transaction that lasts until the store is closed. */
static cf_result snapshot_open(cf_store_sqlite *s)
{
    s->anchor_read = cf_store_anchor_file(s, &s->anchor_then);
    CF_REQUIRE(access(s->path, F_OK) == 0 || errno != ENOENT, NOT_FOUND);
    CF_TRY(cf_store_pool_open(s, 1));
    store_conn *c = &s->readers[0];
    CF_TRY(stmt_run(c, STMT_BEGIN));
    CF_TRY(format_check(c, &s->format));
    CF_REQUIRE(s->format != 0, MALFORMED);
    return cf_ok();
}

static void store_close(void *self)
{
    cf_store_sqlite *s = self;
    cf_store_writer_stop(s);
    cf_store_keeper_stop(s);
    cf_store_conn_close(&s->keeper);
    cf_store_pool_close(s);
    /* the last one: SQLite copies the log and removes it */
    cf_store_conn_close(&s->writer);
    cf_buf_free(&s->entry);
    cf_buf_free(&s->anchor_then);
    cf_secret_wipe(&s->audit_key);
    (void)pthread_cond_destroy(&s->arrived);
    (void)pthread_cond_destroy(&s->work);
    (void)pthread_cond_destroy(&s->pool_freed);
    (void)pthread_mutex_destroy(&s->lock);
    (void)pthread_mutex_destroy(&s->pool_lock);
    cf_mem_free(s->path);
    cf_mem_free(s->anchor_path);
    cf_mem_free(s);
}

static void locks_init(cf_store_sqlite *s)
{
    pthread_condattr_t attr;
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC); /* that of cf_clock_mono_ms */
    (void)pthread_cond_init(&s->arrived, NULL);
    (void)pthread_cond_init(&s->work, &attr);
    (void)pthread_cond_init(&s->pool_freed, NULL);
    (void)pthread_mutex_init(&s->lock, NULL);
    (void)pthread_mutex_init(&s->pool_lock, NULL);
    (void)pthread_condattr_destroy(&attr);
}

static const cf_store_ops sqlite_ops = {
    .get = cf_store_get,
    .change = cf_store_change_make,
    .token_by_hash = cf_store_token_by_hash,
    .token_by_id = cf_store_token_by_id,
    .tokens = cf_store_tokens,
    .audit_page = cf_store_audit_page,
    .audit_walk = cf_store_audit_walk,
    .audit_head = cf_store_audit_head,
    .audit_anchor = cf_store_audit_anchor,
    .rows_walk = cf_store_rows_walk,
    .tokens_walk = cf_store_tokens_walk,
    .secrets_walk = cf_store_secrets_walk,
    .structure = cf_store_structure,
    .close = store_close,
};

static pthread_once_t sqlite_once = PTHREAD_ONCE_INIT;

/* SQLite's count of its memory is one lock that all connections share. */
static void sqlite_setup(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

CF_MUST_USE cf_result cf_store_sqlite_open(const cf_store_sqlite_opts *opts, cf_store *ret)
{
    *ret = (cf_store){NULL, NULL};
    CF_REQUIRE(opts->audit_key->len == CF_AUDIT_KEY_BYTES, ARGUMENT);
    (void)pthread_once(&sqlite_once, sqlite_setup);
    cf_store_sqlite *s = cf_mem_new(1, sizeof *s);
    CF_REQUIRE(s != NULL, NO_MEMORY);
    locks_init(s);
    cf_store opened = {&sqlite_ops, s};
    s->read_only = opts->read_only;
    s->path = cf_str_new(cf_view_str(opts->path));
    bool copied = s->path != NULL;
    if (opts->anchor_path != NULL) {
        s->anchor_path = cf_str_new(cf_view_str(opts->anchor_path));
        copied = copied && s->anchor_path != NULL;
    }
    cf_result r = copied ? cf_secret_set(&s->audit_key, cf_secret_view(opts->audit_key))
                         : cf_fail(CF_ERR_NO_MEMORY);
    if (cf_is_ok(r)) {
        r = s->read_only ? snapshot_open(s) : writer_open(s);
    }
    if (!cf_is_ok(r)) {
        cf_store_close(&opened);
        return r;
    }
    *ret = opened;
    return cf_ok();
}

void cf_store_close(cf_store *s)
{
    if (s->ops != NULL) {
        s->ops->close(s->self);
        *s = (cf_store){NULL, NULL};
    }
}

void cf_store_sqlite_stats(const cf_store *store, cf_store_stats *ret)
{
    *ret = (cf_store_stats){0};
    if (store->ops == &sqlite_ops) {
        cf_store_sqlite *s = store->self;
        pthread_mutex_lock(&s->lock);
        *ret = s->stats;
        ret->waiting = s->queued;
        pthread_mutex_unlock(&s->lock);
    }
}
