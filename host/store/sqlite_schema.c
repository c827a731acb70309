/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of the file: made once, and compared ever after. Who writes the file could otherwise add an index that answers a
 * look-up, or a column that swallows an entry, and the service would read another tree than the verification does. */
#include "host/store/sqlite_priv.h"

/* As sqlite_schema has them, which is our own text; sql NULL: the index that SQLite makes for a UNIQUE. vaults keeps a row
 * number of its own: rows of some kilobytes would make a poor index of their ids. */
static const struct {
    int since; /* format */
    const char *type, *name, *table, *sql;
} objects[STORE_SCHEMA_OBJECTS] = {
    {1, "table", "store", "store",
     "CREATE TABLE store (format INTEGER NOT NULL, head BLOB NOT NULL) STRICT"},
    {1, "table", "vaults", "vaults",
     "CREATE TABLE vaults (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,"
     " version INTEGER NOT NULL, row BLOB NOT NULL, seal BLOB NOT NULL) STRICT"},
    {1, "index", "sqlite_autoindex_vaults_1", "vaults", NULL},
    {1, "table", "tokens", "tokens",
     "CREATE TABLE tokens (id TEXT PRIMARY KEY, name TEXT NOT NULL, hash BLOB NOT NULL UNIQUE,"
     " scopes INTEGER NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL,"
     " revoked INTEGER NOT NULL, seal BLOB NOT NULL) STRICT, WITHOUT ROWID"},
    {1, "index", "sqlite_autoindex_tokens_2", "tokens", NULL},
    {1, "table", "audit", "audit",
     "CREATE TABLE audit (seq INTEGER PRIMARY KEY, vault TEXT NOT NULL, hash BLOB NOT NULL,"
     " entry BLOB NOT NULL) STRICT"},
    {1, "index", "audit_vault", "audit",
     "CREATE INDEX audit_vault ON audit (vault, seq) WHERE vault <> ''"},
    {2, "table", "secrets", "secrets",
     "CREATE TABLE secrets (name TEXT PRIMARY KEY, kms_key TEXT NOT NULL, wrapped BLOB NOT NULL,"
     " created INTEGER NOT NULL, seal BLOB NOT NULL) STRICT, WITHOUT ROWID"},
};
_Static_assert(STORE_FORMAT == 2 && CF_AUDIT_HEAD_BYTES == 104, "the numbers below");

/* Those that are there since a later format than that. */
static cf_result make_since(store_conn *c, int format)
{
    for (size_t i = 0; i < STORE_SCHEMA_OBJECTS; i++) {
        if (objects[i].sql != NULL && objects[i].since > format) {
            CF_TRY(cf_store_conn_run(c, objects[i].sql));
        }
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_store_schema_make(store_conn *c)
{
    CF_TRY(make_since(c, 0));
    return cf_store_conn_run(c, "INSERT INTO store VALUES (2, zeroblob(104))");
}

CF_MUST_USE cf_result cf_store_schema_raise(store_conn *c, int format)
{
    int64_t roots[STORE_SCHEMA_OBJECTS] = {0};
    CF_TRY(cf_store_schema_check(c, format, roots));
    CF_TRY(make_since(c, format));
    return cf_store_stmt_run(cf_store_stmt(c, STMT_FORMAT_PUT));
}

static bool is_text(sqlite3_stmt *s, int i, const char *want)
{
    if (want == NULL) {
        return sqlite3_column_type(s, i) == SQLITE_NULL;
    }
    return sqlite3_column_type(s, i) == SQLITE_TEXT &&
           cf_view_eq(cf_store_column(s, i), cf_view_str(want));
}

/* The place of the object that the statement stands on; STORE_SCHEMA_OBJECTS for one that is none of that format. */
static size_t object_at(sqlite3_stmt *s, int format)
{
    size_t i = 0;
    while (i < STORE_SCHEMA_OBJECTS &&
           !(objects[i].since <= format && is_text(s, 0, objects[i].type) &&
             is_text(s, 1, objects[i].name) && is_text(s, 2, objects[i].table) &&
             is_text(s, 3, objects[i].sql))) {
        i++;
    }
    return i;
}

CF_MUST_USE cf_result cf_store_schema_check(store_conn *c, int format,
                                            int64_t roots[static STORE_SCHEMA_OBJECTS])
{
    bool seen[STORE_SCHEMA_OBJECTS] = {false};
    size_t n = 0, want = 0;
    int code = SQLITE_ERROR;
    for (size_t i = 0; i < STORE_SCHEMA_OBJECTS; i++) {
        want += objects[i].since <= format;
    }
    STORE_STMT(s, c, STMT_SCHEMA);
    CF_REQUIRE(s != NULL, STORE_UNAVAILABLE);
    while ((code = cf_store_step(s)) == SQLITE_ROW) {
        size_t i = object_at(s, format);
        CF_REQUIRE(i < STORE_SCHEMA_OBJECTS && !seen[i], AUDIT_ALTERED);
        int64_t root = sqlite3_column_int64(s, 4);
        CF_REQUIRE(root > 0 && (roots[i] == 0 || roots[i] == root), AUDIT_ALTERED);
        roots[i] = root;
        seen[i] = true;
        n++;
    }
    CF_TRY(cf_store_code(code));
    CF_REQUIRE(n == want, AUDIT_ALTERED);
    return cf_ok();
}
