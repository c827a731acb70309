/* SPDX-License-Identifier: Apache-2.0 */
/* One connection: how it is opened, what it may do, and its prepared statements. */
#include "host/store/sqlite_priv.h"

/* A string of the file that is longer than any that we write is not read at all. */
#define VALUE_BYTES_MAX (CF_ROW_BYTES_MAX + 4096)

static const char *const sql_of[STMT_COUNT] = {
    [STMT_BEGIN] = "BEGIN",
    [STMT_BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [STMT_COMMIT] = "COMMIT",
    [STMT_ROLLBACK] = "ROLLBACK",
    [STMT_WAL_MODE] = "PRAGMA journal_mode = WAL",
    [STMT_TABLES] = "SELECT count(*) FROM sqlite_schema",
    /* Not by an index, which an altered schema may have on itself. */
    [STMT_SCHEMA] = "SELECT type, name, tbl_name, sql, rootpage FROM sqlite_schema NOT INDEXED",
    [STMT_FORMAT] = "SELECT format FROM store",
    [STMT_FORMAT_PUT] = "UPDATE store SET format = 2",
    [STMT_HEAD] = "SELECT head FROM store",
    [STMT_HEAD_PUT] = "UPDATE store SET head = ?1",
    [STMT_ROW] = "SELECT row, seal FROM vaults WHERE id = ?1",
    [STMT_ROW_VERSION] = "SELECT version FROM vaults WHERE id = ?1",
    [STMT_ROW_CREATE] = "INSERT INTO vaults (id, version, row, seal) VALUES (?1, ?2, ?3, ?4)"
                        " ON CONFLICT (id) DO NOTHING",
    [STMT_ROW_REPLACE] = "UPDATE vaults SET version = ?2, row = ?3, seal = ?4"
                         " WHERE id = ?1 AND version = ?5",
    [STMT_ROWS] = "SELECT id, version, row, seal FROM vaults",
    [STMT_TOKEN_PUT] =
        "INSERT INTO tokens (id, name, hash, scopes, created, expires, revoked, seal)"
        " SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 WHERE"
        " (SELECT count(*) FROM tokens WHERE revoked = 0) < ?9"
        " OR EXISTS (SELECT 1 FROM tokens WHERE id = ?1)"
        " ON CONFLICT (id) DO UPDATE SET"
        " name = ?2, hash = ?3, scopes = ?4, created = ?5, expires = ?6,"
        " revoked = ?7, seal = ?8",
    [STMT_TOKENS_TRIM] =
        "DELETE FROM tokens WHERE id IN (SELECT id FROM tokens WHERE revoked <> 0 AND id <> ?1"
        " ORDER BY revoked, id LIMIT max(0, (SELECT count(*) FROM tokens) - ?2))",
    [STMT_TOKEN_BY_HASH] = "SELECT id, name, hash, scopes, created, expires, revoked, seal"
                           " FROM tokens WHERE hash = ?1",
    [STMT_TOKEN_BY_ID] = "SELECT id, name, hash, scopes, created, expires, revoked, seal"
                         " FROM tokens WHERE id = ?1",
    [STMT_TOKENS] = "SELECT id, name, hash, scopes, created, expires, revoked, seal"
                    " FROM tokens ORDER BY id",
    [STMT_SECRET_PUT] = "INSERT INTO secrets (name, kms_key, wrapped, created, seal)"
                        " SELECT ?1, ?2, ?3, ?4, ?5 WHERE (SELECT count(*) FROM secrets) < ?6",
    [STMT_SECRETS] = "SELECT name, kms_key, wrapped, created, seal FROM secrets ORDER BY name",
    [STMT_ENTRY_PUT] = "INSERT INTO audit (seq, vault, hash, entry) VALUES (?1, ?2, ?3, ?4)",
    [STMT_ENTRY_HASH] = "SELECT hash FROM audit WHERE seq = ?1",
    [STMT_ENTRY_LAST] = "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1",
    [STMT_ENTRIES_DOWN] = "SELECT seq, vault, hash, entry FROM audit"
                          " WHERE seq < ?1 AND seq > 0 ORDER BY seq DESC LIMIT ?2",
    /* The index is partial; its condition must be seen to hold. */
    [STMT_ENTRIES_DOWN_VAULT] = "SELECT seq, vault, hash, entry FROM audit WHERE seq < ?1"
                                " AND seq > 0 AND vault = ?3 AND vault <> ''"
                                " ORDER BY seq DESC LIMIT ?2",
    [STMT_ENTRIES_UP] = "SELECT seq, vault, hash, entry FROM audit WHERE seq >= ?1 ORDER BY seq",
};

CF_MUST_USE cf_result cf_store_code(int code)
{
    switch (code & 0xFF) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return cf_ok();
    case SQLITE_NOMEM:
        return cf_fail(CF_ERR_NO_MEMORY);
    case SQLITE_TOOBIG:
        return cf_fail(CF_ERR_ROW_ALTERED);
    case SQLITE_NOTADB:
        return cf_fail(CF_ERR_MALFORMED);
    case SQLITE_SCHEMA:
        return cf_fail(CF_ERR_AUDIT_ALTERED);
    default:
        return cf_fail(CF_ERR_STORE_UNAVAILABLE);
    }
}

/* Whoever writes the file must not reach further than its rows: no triggers, no views, no functions out of its schema. With the
 * planner's guarantee no statement is compiled anew for what is bound to it. */
static bool confine(sqlite3 *db)
{
    const struct {
        int option, value;
    } options[] = {
        {SQLITE_DBCONFIG_DEFENSIVE, 1},      {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
        {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0}, {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
        {SQLITE_DBCONFIG_ENABLE_FKEY, 0},    {SQLITE_DBCONFIG_DQS_DML, 0},
        {SQLITE_DBCONFIG_DQS_DDL, 0},        {SQLITE_DBCONFIG_ENABLE_QPSG, 1},
    };
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        if (sqlite3_db_config(db, options[i].option, options[i].value, NULL) != SQLITE_OK) {
            return false;
        }
    }
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, VALUE_BYTES_MAX);
    sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
    return true;
}

CF_MUST_USE cf_result cf_store_conn_open(store_conn *c, const char *path, bool read_only)
{
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                (read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);
    CF_REQUIRE(read_only || cf_store_scrub_ready(), STORE_UNAVAILABLE);
    const char *vfs = read_only ? NULL : STORE_VFS;
    cf_result r = cf_store_code(sqlite3_open_v2(path, &c->db, flags, vfs));
    if (cf_is_ok(r) && !confine(c->db)) {
        r = cf_fail(CF_ERR_STORE_UNAVAILABLE);
    }
    if (cf_is_ok(r)) {
        sqlite3_busy_timeout(c->db, CF_STORE_LOCK_TIMEOUT_MS);
        r = cf_store_conn_run(c, "PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY");
    }
    if (!cf_is_ok(r)) {
        cf_store_conn_close(c);
    }
    return r;
}

static void stmts_drop(store_conn *c)
{
    for (size_t i = 0; i < STMT_COUNT; i++) {
        sqlite3_finalize(c->stmts[i]);
        c->stmts[i] = NULL;
    }
}

void cf_store_conn_close(store_conn *c)
{
    stmts_drop(c);
    sqlite3_close(c->db);
    *c = (store_conn){NULL, {NULL}};
}

CF_MUST_USE cf_result cf_store_conn_ready(store_conn *c, int64_t roots[static STORE_SCHEMA_OBJECTS])
{
    stmts_drop(c); /* what was compiled before the tables were made */
    CF_TRY(cf_store_conn_run(c, sql_of[STMT_BEGIN]));
    CF_TRY(cf_store_schema_check(c, STORE_FORMAT, roots));
    for (size_t i = 0; i < STMT_OF_SERVICE; i++) {
        CF_REQUIRE(cf_store_stmt(c, (store_stmt)i) != NULL, STORE_UNAVAILABLE);
    }
    return cf_store_conn_run(c, sql_of[STMT_COMMIT]);
}

CF_MUST_USE cf_result cf_store_conn_run(store_conn *c, const char *sql)
{
    return cf_store_code(sqlite3_exec(c->db, sql, NULL, NULL, NULL));
}

sqlite3_stmt *cf_store_stmt(store_conn *c, store_stmt id)
{
    if (c->stmts[id] == NULL) {
        (void)sqlite3_prepare_v3(c->db, sql_of[id], -1, SQLITE_PREPARE_PERSISTENT, &c->stmts[id],
                                 NULL);
    }
    return c->stmts[id];
}

void cf_store_stmt_end(sqlite3_stmt **s)
{
    if (*s != NULL) {
        (void)sqlite3_reset(*s);
        (void)sqlite3_clear_bindings(*s);
        *s = NULL;
    }
}

int cf_store_step(sqlite3_stmt *s)
{
    int code = sqlite3_step(s);
    return sqlite3_stmt_status(s, SQLITE_STMTSTATUS_REPREPARE, 0) > 0 ? SQLITE_SCHEMA : code;
}

CF_MUST_USE cf_result cf_store_stmt_run(sqlite3_stmt *s)
{
    int code = s == NULL ? SQLITE_ERROR : cf_store_step(s);
    cf_store_stmt_end(&s);
    return code == SQLITE_DONE ? cf_ok() : cf_store_code(code == SQLITE_ROW ? SQLITE_ERROR : code);
}

bool cf_store_bind_text(sqlite3_stmt *s, int i, cf_view v)
{
    const char *text = v.len == 0 ? "" : (const char *)v.data;
    return sqlite3_bind_text64(s, i, text, v.len, SQLITE_STATIC, SQLITE_UTF8) == SQLITE_OK;
}

bool cf_store_bind_blob(sqlite3_stmt *s, int i, cf_view v)
{
    const void *octets = v.len == 0 ? (const void *)"" : v.data;
    return sqlite3_bind_blob64(s, i, octets, v.len, SQLITE_STATIC) == SQLITE_OK;
}

bool cf_store_bind_u64(sqlite3_stmt *s, int i, uint64_t n)
{
    return n <= INT64_MAX && sqlite3_bind_int64(s, i, (sqlite3_int64)n) == SQLITE_OK;
}

cf_view cf_store_column(sqlite3_stmt *s, int i)
{
    const void *octets = sqlite3_column_blob(s, i); /* before the length: it may convert */
    int len = sqlite3_column_bytes(s, i);
    return octets == NULL || len < 0 ? CF_VIEW_EMPTY : cf_view_make(octets, (size_t)len);
}
