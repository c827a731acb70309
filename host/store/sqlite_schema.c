/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of the file: made once, and compared ever after. Who writes the file could otherwise add an index that answers a
 * look-up, or a column that swallows an entry, and the service would read another tree than the verification does. */
#include "host/store/sqlite_priv.h"

/* As sqlite_schema has them, which is our own text; sql NULL: the index that SQLite makes for a UNIQUE. vaults keeps a row
 * number of its own: rows of some kilobytes would make a poor index of their ids. */
static const struct {
    const char *type, *name, *table, *sql;
} objects[STORE_SCHEMA_OBJECTS] = {
    {"table", "store", "store",
     "CREATE TABLE store (format INTEGER NOT NULL, head BLOB NOT NULL) STRICT"},
    {"table", "vaults", "vaults",
     "CREATE TABLE vaults (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,"
     " version INTEGER NOT NULL, row BLOB NOT NULL, seal BLOB NOT NULL) STRICT"},
    {"index", "sqlite_autoindex_vaults_1", "vaults", NULL},
    {"table", "tokens", "tokens",
     "CREATE TABLE tokens (id TEXT PRIMARY KEY, name TEXT NOT NULL, hash BLOB NOT NULL UNIQUE,"
     " scopes INTEGER NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL,"
     " revoked INTEGER NOT NULL, seal BLOB NOT NULL) STRICT, WITHOUT ROWID"},
    {"index", "sqlite_autoindex_tokens_2", "tokens", NULL},
    {"table", "audit", "audit",
     "CREATE TABLE audit (seq INTEGER PRIMARY KEY, vault TEXT NOT NULL, hash BLOB NOT NULL,"
     " entry BLOB NOT NULL) STRICT"},
    {"index", "audit_vault", "audit",
     "CREATE INDEX audit_vault ON audit (vault, seq) WHERE vault <> ''"},
};
_Static_assert(STORE_FORMAT == 1 && CF_AUDIT_HEAD_BYTES == 104, "the numbers below");

CF_MUST_USE cf_result cf_store_schema_make(store_conn *c)
{
    for (size_t i = 0; i < STORE_SCHEMA_OBJECTS; i++) {
        if (objects[i].sql != NULL) {
            CF_TRY(cf_store_conn_run(c, objects[i].sql));
        }
    }
    return cf_store_conn_run(c, "INSERT INTO store VALUES (1, zeroblob(104))");
}

static bool is_text(sqlite3_stmt *s, int i, const char *want)
{
    if (want == NULL) {
        return sqlite3_column_type(s, i) == SQLITE_NULL;
    }
    return sqlite3_column_type(s, i) == SQLITE_TEXT &&
           cf_view_eq(cf_store_column(s, i), cf_view_str(want));
}

/* The place of the object that the statement stands on; STORE_SCHEMA_OBJECTS for one that is none of ours. */
static size_t object_at(sqlite3_stmt *s)
{
    size_t i = 0;
    while (i < STORE_SCHEMA_OBJECTS &&
           !(is_text(s, 0, objects[i].type) && is_text(s, 1, objects[i].name) &&
             is_text(s, 2, objects[i].table) && is_text(s, 3, objects[i].sql))) {
        i++;
    }
    return i;
}

CF_MUST_USE cf_result cf_store_schema_check(store_conn *c,
                                            int64_t roots[static STORE_SCHEMA_OBJECTS])
{
    bool seen[STORE_SCHEMA_OBJECTS] = {false};
    size_t n = 0;
    int code = SQLITE_ERROR;
    STORE_STMT(s, c, STMT_SCHEMA);
    CF_REQUIRE(s != NULL, STORE_UNAVAILABLE);
    while ((code = cf_store_step(s)) == SQLITE_ROW) {
        size_t i = object_at(s);
        CF_REQUIRE(i < STORE_SCHEMA_OBJECTS && !seen[i], AUDIT_ALTERED);
        int64_t root = sqlite3_column_int64(s, 4);
        CF_REQUIRE(root > 0 && (roots[i] == 0 || roots[i] == root), AUDIT_ALTERED);
        roots[i] = root;
        seen[i] = true;
        n++;
    }
    CF_TRY(cf_store_code(code));
    CF_REQUIRE(n == STORE_SCHEMA_OBJECTS, AUDIT_ALTERED);
    return cf_ok();
}
