/* SPDX-License-Identifier: Apache-2.0 */
/* Somebody writes to the file, mostly while the service runs: other tables and indexes, old rows, other chains. What the service
 * must refuse by itself, what the verification must find, and what must not be left in the files. */
#include <pthread.h>
#include <sqlite3.h>
#include <unistd.h>

#include "host/store/sqlite_priv.h"
#include "tests/unit/host/store/fixture.h"

/* --- tables and indexes --- */

#define TOKENS_BUT_UNIQUE                                                                          \
    "CREATE TABLE x (id TEXT PRIMARY KEY, name TEXT NOT NULL, hash BLOB NOT NULL,"                 \
    " scopes INTEGER NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL,"                \
    " revoked INTEGER NOT NULL, seal BLOB NOT NULL) STRICT, WITHOUT ROWID;"                        \
    "INSERT INTO x SELECT * FROM tokens; DROP TABLE tokens; ALTER TABLE x RENAME TO tokens;"
#define VAULTS_BUT_UNIQUE                                                                          \
    "CREATE TABLE x (n INTEGER PRIMARY KEY, id TEXT NOT NULL, version INTEGER NOT NULL,"           \
    " row BLOB NOT NULL, seal BLOB NOT NULL) STRICT; INSERT INTO x SELECT * FROM vaults;"          \
    "DROP TABLE vaults; ALTER TABLE x RENAME TO vaults;"

static const char *const schemas[] = {
    TOKENS_BUT_UNIQUE "CREATE INDEX y ON tokens (hash, id, name, scopes, created, expires, revoked,"
                      " seal)",
    /* what the INSERT needs, but no comparison uses it */
    VAULTS_BUT_UNIQUE "CREATE UNIQUE INDEX u ON vaults (id COLLATE RTRIM);"
                      "CREATE INDEX y ON vaults (id, row, seal)",
    /* an entry that is not stored, and no error */
    "CREATE TABLE x (seq INTEGER PRIMARY KEY, vault TEXT NOT NULL, hash BLOB NOT NULL,"
    " entry BLOB NOT NULL, z TEXT AS (CASE WHEN seq > 2 THEN vault END) STORED UNIQUE"
    " ON CONFLICT IGNORE) STRICT; INSERT INTO x (seq, vault, hash, entry) SELECT * FROM audit;"
    "DROP TABLE audit; ALTER TABLE x RENAME TO audit;"
    "CREATE INDEX audit_vault ON audit (vault, seq) WHERE vault <> ''",
    "CREATE INDEX y ON vaults (id, row, seal)",
    "CREATE TABLE y (x)",
    "CREATE VIEW y AS SELECT * FROM tokens",
    "CREATE TRIGGER y AFTER INSERT ON audit BEGIN DELETE FROM audit WHERE seq = new.seq; END",
    "DROP INDEX audit_vault; CREATE INDEX audit_vault ON audit (vault, seq) WHERE vault <> 'v'",
    "ANALYZE",
};
#define SCHEMAS_N (sizeof schemas / sizeof schemas[0])

static void keep(fixture *f, char ret[static 128])
{
    snprintf(ret, 128, "%s/saved.db", f->folder);
    cf_store_close(&f->store);
    fixture_copy(f->db, ret);
}

/* Two entries: a vault and a token. */
static void begin(fixture *f)
{
    uint64_t seq;
    cf_token t = token_make(1);
    assert_ok(vault_put(f, 1, 1, &seq));
    assert_ok(token_change(f, &t));
}

static void does_not_start_on_another_schema(void **state)
{
    fixture *f = *state;
    char saved[128];
    begin(f);
    keep(f, saved);
    for (size_t i = 0; i < SCHEMAS_N; i++) {
        fixture_copy(saved, f->db);
        fixture_schema_sql(f, schemas[i]);
        cf_result r = fixture_open(f, false, &f->store);
        if (r.code != CF_ERR_AUDIT_ALTERED) {
            fail_msg("%s: opens with %s", schemas[i], cf_err_code(r.code));
        }
        const char *found = findings(f);
        if (strncmp(found, "schema ", 7) != 0) {
            fail_msg("%s: %s", schemas[i], found);
        }
    }
    /* a text that means the same is another text, and an index that is gone is one too few */
    fixture_copy(saved, f->db);
    fixture_schema_sql(f, "UPDATE sqlite_schema SET sql = replace(sql, ') STRICT', ')  STRICT')"
                          " WHERE name = 'store'");
    assert_err(fixture_open(f, false, &f->store), AUDIT_ALTERED);
    assert_string_equal(findings(f), "schema ");
    fixture_copy(saved, f->db);
    fixture_schema_sql(f, "DROP INDEX audit_vault");
    assert_err(fixture_open(f, false, &f->store), AUDIT_ALTERED);
    assert_string_equal(findings(f), "schema ");
    fixture_copy(saved, f->db);
    assert_ok(fixture_open(f, false, &f->store));
    assert_string_equal(findings(f), "");
}

static bool no_entry(void *ctx, const cf_store_entry *e)
{
    (void)ctx;
    (void)e;
    return true;
}

/* Nothing that is read by tables which changed under the service is believed, and nothing is written by them. */
static void stops_when_the_schema_changes(void **state)
{
    fixture *f = *state;
    char saved[128], id[ID_BYTES];
    uint64_t seq;
    cf_token t = token_make(1), got;
    vault_id(1, id);
    begin(f);
    keep(f, saved);
    for (size_t i = 0; i < SCHEMAS_N; i++) {
        CF_BUF(row);
        CF_BUF(seal);
        size_t n = 0;
        fixture_copy(saved, f->db);
        assert_ok(fixture_open(f, false, &f->store));
        const cf_store_ops *ops = f->store.ops;
        fixture_schema_sql(f, schemas[i]);
        for (int k = 0; k < CF_STORE_READERS + 1; k++) {
            assert_err(ops->token_by_hash(f->store.self, t.hash, &got), AUDIT_ALTERED);
            assert_err(ops->token_by_id(f->store.self, "t_1", &got), AUDIT_ALTERED);
            assert_err(ops->tokens(f->store.self, &got, 1, &n), AUDIT_ALTERED);
            assert_err(ops->get(f->store.self, cf_view_str(id), &row, &seal), AUDIT_ALTERED);
            assert_true(got.id[0] == '\0' && n == 0 && row.len == 0 && seal.len == 0);
        }
        assert_err(ops->audit_page(f->store.self, CF_VIEW_EMPTY, 0, 9, no_entry, NULL),
                   AUDIT_ALTERED);
        assert_err(entry_only(f, 1, &seq), AUDIT_ALTERED);
        assert_err(vault_put(f, 1, 2, &seq), AUDIT_ALTERED);
        assert_err(vault_put(f, 2, 1, &seq), AUDIT_ALTERED);
        cf_store_close(&f->store);
    }
}

/* By which SQLite sees that the schema changed; an attacker can put it back. */
static int schema_version(const fixture *f)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_open(f->db, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA schema_version", -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    int version = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return version;
}

/* Also when the tables begin elsewhere in the file, of which SQLite is not told: it reads on where they were. */
static void stops_when_tables_move(void **state)
{
    fixture *f = *state;
    char sql[1024];
    uint64_t seq;
    begin(f);
    snprintf(sql, sizeof sql,
             "CREATE TABLE x (id TEXT PRIMARY KEY, name TEXT NOT NULL, hash BLOB NOT NULL UNIQUE,"
             " scopes INTEGER NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL,"
             " revoked INTEGER NOT NULL, seal BLOB NOT NULL) STRICT, WITHOUT ROWID;"
             "INSERT INTO x SELECT * FROM tokens;"
             "UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema AS o WHERE"
             " o.name = 'x') WHERE name = 'tokens';"
             "UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema AS o WHERE"
             " o.name = 'sqlite_autoindex_x_2') WHERE name = 'sqlite_autoindex_tokens_2';"
             "DELETE FROM sqlite_schema WHERE tbl_name = 'x'; PRAGMA schema_version = %d",
             schema_version(f));
    fixture_schema_sql(f, sql);
    assert_err(entry_only(f, 1, &seq), AUDIT_ALTERED);
    cf_store_close(&f->store);
    assert_string_equal(findings(f),
                        "pages "); /* those where the table was belong to nothing now */
}

/* The text of the schema is as it was, but an index was not kept while its table was changed. */
static void finds_an_index_that_disagrees(void **state)
{
    fixture *f = *state;
    begin(f);
    cf_store_close(&f->store);
    fixture_schema_sql(
        f,
        "CREATE TEMP TABLE k AS SELECT * FROM sqlite_schema WHERE name = 'audit_vault';"
        "DELETE FROM sqlite_schema WHERE name = 'audit_vault';"
        "PRAGMA schema_version = 2000;" /* now SQLite knows of no index */
        "CREATE TEMP TABLE a AS SELECT * FROM audit WHERE seq = 1; DELETE FROM audit WHERE seq = 1;"
        "UPDATE a SET seq = 3; INSERT INTO audit SELECT * FROM a;"
        "UPDATE audit SET seq = 1 WHERE seq = 3; UPDATE audit SET vault = 't_2' WHERE seq = 2;"
        "INSERT INTO sqlite_schema SELECT * FROM k; PRAGMA schema_version = 3000");
    assert_string_equal(findings(f), "pages entry_vault@2 ");
}

/* --- heads and entries --- */

static void refuses_a_second_head(void **state)
{
    fixture *f = *state;
    uint64_t seq;
    begin(f);
    fixture_sql(f, "INSERT INTO store SELECT * FROM store");
    assert_err(entry_only(f, 1, &seq), AUDIT_ALTERED);
    cf_store_close(&f->store);
    assert_string_equal(findings(f), "head_mac ");
    assert_err(fixture_open(f, false, &f->store), AUDIT_ALTERED);
}

/* A chain that is whole, with its genuine head, but is another than the one of this service, which is not put in its place. */
static void refuses_another_branch(void **state)
{
    fixture *f = *state;
    char saved[128], branch[128], anchor[128], sql[512];
    uint64_t seq;
    assert_ok(vault_put(f, 1, 1, &seq));
    keep(f, saved);
    snprintf(anchor, sizeof anchor, "%s/saved.anchor", f->folder);
    snprintf(branch, sizeof branch, "%s/branch.db", f->folder);
    fixture_copy(f->anchor, anchor);
    assert_ok(fixture_open(f, false, &f->store));
    for (uint64_t version = 2; version <= 4; version++) {
        assert_ok(vault_put(f, 1, version, &seq));
    }
    cf_store_close(&f->store);
    fixture_copy(f->db, branch);
    fixture_copy(saved, f->db);
    fixture_copy(anchor, f->anchor);
    assert_ok(fixture_open(f, false, &f->store));
    assert_ok(entry_only(f, 1, &seq));
    assert_int_equal(seq, 2);
    snprintf(sql, sizeof sql,
             "ATTACH '%s' AS b; DELETE FROM audit; INSERT INTO audit SELECT * FROM b.audit;"
             "UPDATE store SET head = (SELECT head FROM b.store); DELETE FROM vaults;"
             "INSERT INTO vaults SELECT * FROM b.vaults",
             branch);
    uint8_t ours[CF_AUDIT_HEAD_BYTES];
    cf_audit_head head;
    assert_ok(f->store.ops->audit_head(f->store.self, ours));
    assert_ok(cf_audit_head_open(&f->audit_key, CF_VIEW_OF(ours), &head));
    fixture_sql(f, sql);
    assert_err(entry_only(f, 1, &seq), AUDIT_ALTERED);
    /* nor with our own hash at our place */
    int at = snprintf(sql, sizeof sql, "UPDATE audit SET hash = x'");
    for (size_t i = 0; i < sizeof head.hash; i++) {
        at += snprintf(sql + at, sizeof sql - (size_t)at, "%02x", head.hash[i]);
    }
    snprintf(sql + at, sizeof sql - (size_t)at, "' WHERE seq = 2");
    fixture_sql(f, sql);
    assert_err(entry_only(f, 1, &seq), AUDIT_ALTERED);
}

typedef struct {
    uint64_t seqs[8];
    size_t n;
} seen;

static bool note(void *ctx, const cf_store_entry *e)
{
    seen *s = ctx;
    assert_true(s->n < 8);
    s->seqs[s->n++] = e->seq;
    return true;
}

/* An entry below the first would follow on all others in a page, and no walk from 1 meets it. */
static void shows_no_entry_below_the_first(void **state)
{
    fixture *f = *state;
    char id[ID_BYTES];
    uint64_t seq;
    vault_id(1, id);
    begin(f);
    assert_ok(entry_only(f, 1, &seq));
    fixture_sql(f, "INSERT INTO audit SELECT -5, vault, hash, entry FROM audit WHERE seq = 3;"
                   "INSERT INTO audit SELECT 0, vault, hash, entry FROM audit WHERE seq = 3");
    seen page = {.n = 0}, vault = {.n = 0}, walk = {.n = 0};
    assert_ok(f->store.ops->audit_page(f->store.self, CF_VIEW_EMPTY, 0, 50, note, &page));
    assert_int_equal(page.n, 3);
    assert_ok(f->store.ops->audit_page(f->store.self, cf_view_str(id), 0, 50, note, &vault));
    assert_int_equal(vault.n, 2);
    assert_ok(f->store.ops->audit_walk(f->store.self, 1, note, &walk));
    assert_int_equal(walk.n, 3);
    assert_string_equal(findings(f), "entry_place entry_place ");
}

/* --- old rows --- */

/* Notes rows and tokens as they are. The store is open. */
static void rows_save(fixture *f, char ret[static 128])
{
    char sql[256];
    snprintf(ret, 128, "%s/rows.db", f->folder);
    (void)unlink(ret);
    snprintf(sql, sizeof sql,
             "ATTACH '%s' AS s; CREATE TABLE s.v AS SELECT * FROM vaults;"
             "CREATE TABLE s.t AS SELECT * FROM tokens",
             ret);
    fixture_schema_sql(f, sql);
}

static void rows_restore(const fixture *f, const char *saved)
{
    char sql[512];
    snprintf(sql, sizeof sql,
             "ATTACH '%s' AS s; DELETE FROM vaults; INSERT INTO vaults SELECT * FROM s.v;"
             "DELETE FROM tokens; INSERT INTO tokens SELECT * FROM s.t",
             saved);
    fixture_sql(f, sql);
}

/* A row that was put back is not changed: that would give it a genuine seal and a genuine entry. */
static void does_not_change_an_old_row(void **state)
{
    fixture *f = *state;
    char saved[128];
    uint64_t seq;
    assert_ok(vault_put(f, 1, 1, &seq));
    assert_ok(vault_put(f, 2, 1, &seq));
    assert_ok(vault_put(f, 1, 2, &seq));
    rows_save(f, saved);
    assert_ok(vault_put(f, 2, 2, &seq));
    assert_ok(vault_delete(f, 1, 3, &seq));
    rows_restore(f, saved);
    assert_string_equal(findings(f), "row_stale row_stale ");
    assert_err(vault_put(f, 1, 3, &seq), ROW_ALTERED);
    assert_err(vault_delete(f, 1, 3, &seq), ROW_ALTERED);
    assert_err(vault_put(f, 2, 2, &seq), ROW_ALTERED);
    assert_err(vault_put(f, 2, 3, &seq), VERSION_MISMATCH); /* which is what it was before, too */
    assert_err(vault_put(f, 3, 2, &seq), VAULT_UNKNOWN);
    /* nobody else is kept from working, and reads of the vault are entered */
    assert_ok(vault_put(f, 3, 1, &seq));
    assert_ok(vault_put(f, 3, 2, &seq));
    assert_ok(entry_only(f, 1, &seq));
    assert_err(vault_put(f, 1, 3, &seq), ROW_ALTERED);
    assert_string_equal(findings(f), "row_stale row_stale ");
}

/* How far the service looks back is bounded; the verification looks at all of the log. */
static void finds_changes_of_old_rows(void **state)
{
    fixture *f = *state;
    char saved[128];
    uint64_t seq, third = 0;
    assert_ok(vault_put(f, 1, 1, &seq));
    assert_ok(vault_put(f, 2, 1, &seq));
    rows_save(f, saved);
    assert_ok(vault_delete(f, 1, 2, &seq));
    assert_ok(vault_put(f, 2, 2, &seq));
    rows_restore(f, saved);
    for (int i = 1; i < CF_STORE_LOOK_BACK; i++) {
        assert_ok(entry_only(f, 1, &seq));
        assert_ok(entry_only(f, 2, &seq));
    }
    assert_err(vault_put(f, 1, 2, &seq), ROW_ALTERED);
    assert_err(vault_put(f, 2, 2, &seq), ROW_ALTERED);
    assert_ok(entry_only(f, 1, &seq));
    assert_ok(entry_only(f, 2, &seq));
    assert_ok(vault_put(f, 1, 2, &third));
    assert_ok(vault_put(f, 2, 2, &seq));
    assert_ok(vault_put(f, 1, 3, &seq)); /* told once, where it happened */
    char want[64];
    snprintf(want, sizeof want, "entry_ended@%lu entry_version@%lu ", (unsigned long)third,
             (unsigned long)third + 1);
    assert_string_equal(findings(f), want);
}

static void finds_a_token_revoked_twice(void **state)
{
    fixture *f = *state;
    char saved[128];
    cf_token t = token_make(1), other = token_make(2), never = token_make(3);
    assert_ok(token_change(f, &t));
    assert_ok(token_change(f, &other));
    rows_save(f, saved);
    t.revoked_ms = 5;
    assert_ok(token_change(f, &t));
    assert_string_equal(findings(f), "");
    rows_restore(f, saved);
    assert_string_equal(findings(f), "token_stale ");
    t.revoked_ms = 6;
    assert_ok(token_change(f, &t));
    assert_string_equal(findings(f), "entry_ended@4 ");
    other.scopes = 15;
    assert_ok(token_change(f, &other)); /* made a second time */
    never.revoked_ms = 7;
    assert_ok(token_change(f, &never)); /* revoked without having been made */
    assert_string_equal(findings(f), "entry_ended@4 entry_version@5 entry_version@6 ");
}

/* Each altered token is told, and those that are whole are looked at none the less. */
static void tells_every_altered_token(void **state)
{
    fixture *f = *state;
    for (unsigned n = 1; n <= 5; n++) {
        cf_token t = token_make(n);
        assert_ok(token_change(f, &t));
    }
    cf_store_close(&f->store);
    fixture_sql(f, "UPDATE tokens SET scopes = 15 WHERE id IN ('t_1', 't_3');"
                   "DELETE FROM tokens WHERE id = 't_4';"
                   "UPDATE tokens SET id = char(10) || 't' WHERE id = 't_2'");
    assert_string_equal(findings(f),
                        "token_seal token_unlogged token_seal token_seal token_missing "
                        "token_missing ");
    cf_token list[8];
    size_t n = 0;
    assert_ok(fixture_open(f, false, &f->store));
    assert_ok(f->store.ops->tokens(f->store.self, list, 8, &n));
    assert_int_equal(n, 4);
    assert_string_equal(list[0].id, "?t");
    assert_true(list[0].altered && list[1].altered && list[2].altered && !list[3].altered);
}

/* --- what was deleted --- */

#define KEY_BYTES 1100

/* The n-th vault's wrapped key, as long as is said: no octets of it are another's. */
static cf_view key_of(unsigned n, size_t len, uint8_t to[static KEY_BYTES])
{
    uint64_t x = UINT64_C(0x9E3779B97F4A7C15) * (n + 1);
    for (size_t i = 0; i < KEY_BYTES; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        to[i] = (uint8_t)(x >> 32);
    }
    return cf_view_make(to, len);
}

/* The octets of the file; empty when it is not there. */
static void slurp(const char *path, cf_buf *ret)
{
    uint8_t piece[4096];
    size_t n;
    cf_buf_clear(ret);
    FILE *file = fopen(path, "rb");
    while (file != NULL && (n = fread(piece, 1, sizeof piece, file)) > 0) {
        assert_ok(cf_buf_append(ret, cf_view_make(piece, n)));
    }
    if (file != NULL) {
        (void)fclose(file);
    }
}

static void files_read(const fixture *f, cf_buf *db, cf_buf *wal)
{
    char path[128];
    snprintf(path, sizeof path, "%s-wal", f->db);
    slurp(f->db, db);
    slurp(path, wal);
}

/* Whether 16 octets in a row of the key are in the file. */
static bool holds_key(const cf_buf *file, unsigned n)
{
    uint8_t key[KEY_BYTES];
    (void)key_of(n, KEY_BYTES, key);
    for (size_t at = 0; file->len > 0 && at + 16 <= KEY_BYTES; at += 16) {
        if (memmem(file->data, file->len, key + at, 16) != NULL) {
            return true;
        }
    }
    return false;
}

static bool in_files(const fixture *f, unsigned n)
{
    CF_BUF(db);
    CF_BUF(wal);
    files_read(f, &db, &wal);
    return holds_key(&db, n) || holds_key(&wal, n);
}

/* Waits so long at most for the key to be gone. Returns for how long it was there. */
static uint64_t until_gone(const fixture *f, unsigned n, uint64_t most_ms)
{
    uint64_t start = cf_clock_mono_ms();
    while (in_files(f, n) && cf_clock_mono_ms() - start < most_ms) {
        usleep(20000);
    }
    return cf_clock_mono_ms() - start;
}

static void forgets_a_deleted_key(void **state)
{
    fixture *f = *state;
    uint8_t key[KEY_BYTES];
    uint64_t seq;
    assert_ok(vault_put_key(f, 1, 1, key_of(1, 100, key), &seq));
    assert_ok(vault_put_key(f, 2, 1, key_of(2, 100, key), &seq));
    assert_true(in_files(f, 1));
    assert_ok(vault_delete(f, 1, 2, &seq));
    assert_in_range(until_gone(f, 1, 5000), 0, 2000); /* the service is idle all the while */
    assert_true(in_files(f, 2));
    /* also from the file, into which it was copied */
    assert_ok(vault_delete(f, 2, 2, &seq));
    assert_in_range(until_gone(f, 2, 5000), 0, 2000);
    assert_string_equal(findings(f), "");
}

/* A reader of an older moment needs the log. When it goes the log is emptied. */
static void forgets_when_the_last_reader_goes(void **state)
{
    fixture *f = *state;
    uint8_t key[KEY_BYTES];
    uint64_t seq;
    cf_store reader;
    assert_ok(vault_put_key(f, 1, 1, key_of(1, 100, key), &seq));
    assert_ok(fixture_open(f, true, &reader));
    assert_ok(vault_delete(f, 1, 2, &seq));
    usleep(1500000);
    assert_true(in_files(f, 1));
    uint64_t start = cf_clock_mono_ms();
    assert_ok(entry_only(f, 1, &seq)); /* nobody waits for it */
    assert_in_range(cf_clock_mono_ms() - start, 0, 500);
    cf_store_close(&reader);
    assert_in_range(until_gone(f, 1, 5000), 0, 1500);
}

/* What an update replaced is gone from the log after a minute. */
static void empties_the_log_by_the_minute(void **state)
{
    fixture *f = *state;
    cf_store_sqlite *s = f->store.self;
    uint8_t key[KEY_BYTES];
    uint64_t seq;
    CF_BUF(db);
    CF_BUF(wal);
    assert_ok(vault_put_key(f, 1, 1, key_of(1, 100, key), &seq));
    assert_ok(vault_put_key(f, 1, 2, key_of(2, 100, key), &seq));
    usleep(1000000);
    assert_true(in_files(f, 1));
    pthread_mutex_lock(&s->lock);
    s->emptied_ms -= CF_STORE_LOG_KEEP_MS - 2000; /* as if most of the minute were over */
    pthread_mutex_unlock(&s->lock);
    usleep(300000);
    assert_true(in_files(f, 1));
    assert_in_range(until_gone(f, 1, 5000), 100, 2800);
    files_read(f, &db, &wal);
    assert_int_equal(wal.len, 0);
    assert_true(in_files(f, 2));
}

/* A service that was killed leaves its log; the next one empties it at its start. */
static void forgets_after_a_crash(void **state)
{
    fixture *f = *state;
    char path[160], wal[160];
    uint8_t key[KEY_BYTES];
    uint64_t seq;
    assert_ok(vault_put_key(f, 1, 1, key_of(1, 100, key), &seq));
    assert_ok(vault_delete(f, 1, 2, &seq));
    snprintf(wal, sizeof wal, "%s-wal", f->db);
    snprintf(path, sizeof path, "%s/saved.db", f->folder);
    fixture_copy(f->db, path);
    CF_BUF(octets);
    slurp(wal, &octets);
    assert_true(holds_key(&octets, 1));
    cf_store_close(&f->store);
    fixture_copy(path, f->db);
    FILE *file = fopen(wal, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(octets.data, 1, octets.len, file), octets.len);
    (void)fclose(file);
    assert_ok(fixture_open(f, false, &f->store));
    assert_false(in_files(f, 1));
    assert_string_equal(findings(f), "");
}

/* Rows that grow and shrink are moved from page to page before they are deleted. With these numbers SQLite by itself would leave
 * something of three of them. */
static void leaves_nothing_where_rows_were_moved(void **state)
{
    enum { VAULTS = 300, CHANGES = 400 };
    fixture *f = *state;
    uint8_t key[KEY_BYTES];
    uint64_t seq, versions[VAULTS] = {0};
    uint32_t x = 12345;
    for (unsigned i = 0; i < VAULTS + CHANGES; i++) {
        x = x * 1664525 + 1013904223;
        unsigned n = i < VAULTS ? i : (x >> 8) % VAULTS;
        x = x * 1664525 + 1013904223;
        assert_ok(vault_put_key(f, n, ++versions[n], key_of(n, 100 + (x >> 8) % 1000, key), &seq));
    }
    for (unsigned n = 0; n < VAULTS; n += 2) {
        assert_ok(vault_delete(f, n, ++versions[n], &seq));
    }
    (void)until_gone(f, 0, 5000);
    usleep(1000000);
    CF_BUF(db);
    CF_BUF(wal);
    files_read(f, &db, &wal);
    for (unsigned n = 0; n < VAULTS; n++) {
        assert_int_equal(holds_key(&db, n), n % 2 != 0);
        assert_false(holds_key(&wal, n));
    }
    assert_string_equal(findings(f), "");
    fixture_reopen(f);
    assert_string_equal(findings(f), "");
}

static void scrubs_leaves_only(void **state)
{
    (void)state;
    uint8_t page[STORE_PAGE_BYTES], was[STORE_PAGE_BYTES];
    static const struct {
        uint8_t type, cells_hi, cells_lo, start_hi, start_lo;
        size_t from, to; /* what becomes zeros */
    } rows[] = {
        {0x0D, 0, 3, 0x08, 0, 14, 0x800},  {0x0D, 0, 0, 0x10, 0, 8, 4096},
        {0x0D, 0, 3, 0, 14, 0, 0},         {0x0D, 0, 3, 0, 15, 14, 15},
        {0x0D, 0, 3, 0, 13, 0, 0},         {0x0D, 0, 3, 0x10, 1, 0, 0},
        {0x0D, 0xFF, 0xFF, 0x08, 0, 0, 0}, {0x0D, 0, 3, 0, 0, 0, 0},
        {0x05, 0, 3, 0x08, 0, 0, 0},       {0x0A, 0, 3, 0x08, 0, 0, 0},
        {0x00, 0, 3, 0x08, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        memset(page, 0xAA, sizeof page);
        const uint8_t head[] = {
            rows[i].type,    0, 0, rows[i].cells_hi, rows[i].cells_lo, rows[i].start_hi,
            rows[i].start_lo};
        memcpy(page, head, sizeof head);
        memcpy(was, page, sizeof page);
        memset(was + rows[i].from, 0, rows[i].to - rows[i].from);
        cf_store_scrub_page(page);
        assert_memory_equal(page, was, sizeof page);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(does_not_start_on_another_schema),
        T(stops_when_the_schema_changes),
        T(stops_when_tables_move),
        T(finds_an_index_that_disagrees),
        T(refuses_a_second_head),
        T(refuses_another_branch),
        T(shows_no_entry_below_the_first),
        T(does_not_change_an_old_row),
        T(finds_changes_of_old_rows),
        T(finds_a_token_revoked_twice),
        T(tells_every_altered_token),
        T(forgets_a_deleted_key),
        T(forgets_when_the_last_reader_goes),
        T(empties_the_log_by_the_minute),
        T(forgets_after_a_crash),
        T(leaves_nothing_where_rows_were_moved),
        cmocka_unit_test(scrubs_leaves_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
