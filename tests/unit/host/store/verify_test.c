/* SPDX-License-Identifier: Apache-2.0 */
/* Every way of altering the file that docs/formats/audit.md section 3 finds, each on a store that was whole before. */
#include "host/store/verify.h"

#include <pthread.h>
#include <sqlite3.h>
#include <unistd.h>

#include "tests/support/failmalloc.h"
#include "tests/unit/host/store/fixture.h"

/* Entries 1 to 12: five vaults, of which 1 is changed and 2 deleted, reads, and two tokens of which one is revoked. */
static void history(fixture *f)
{
    uint64_t seq;
    for (unsigned n = 0; n < 5; n++) {
        assert_ok(vault_put(f, n, 1, &seq));
    }
    assert_ok(vault_put(f, 1, 2, &seq));
    assert_ok(entry_only(f, 1, &seq));
    assert_ok(vault_delete(f, 2, 2, &seq));
    cf_token first = token_make(1), second = token_make(2);
    assert_ok(token_change(f, &first));
    assert_ok(token_change(f, &second));
    first.revoked_ms = 1700000009999;
    assert_ok(token_change(f, &first));
    assert_ok(entry_only(f, 9, &seq)); /* a vault that is not there */
    assert_int_equal(seq, 12);
}

/* Flips a bit of a stored octet string, without the schema's help. */
static void flip(const fixture *f, const char *table, const char *column, int rowid, int offset)
{
    sqlite3 *db = NULL;
    sqlite3_blob *blob = NULL;
    uint8_t octet = 0;
    assert_int_equal(sqlite3_open(f->db, &db), SQLITE_OK);
    assert_int_equal(sqlite3_blob_open(db, "main", table, column, rowid, 1, &blob), SQLITE_OK);
    assert_int_equal(sqlite3_blob_read(blob, &octet, 1, offset), SQLITE_OK);
    octet ^= 1;
    assert_int_equal(sqlite3_blob_write(blob, &octet, 1, offset), SQLITE_OK);
    assert_int_equal(sqlite3_blob_close(blob), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* Computes every hash anew, as an attacker would who knows the format but not the key. */
static void chain_again(const fixture *f)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *get = NULL, *put = NULL;
    cf_audit_head head = {.seq = 0};
    assert_int_equal(sqlite3_open(f->db, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(db, "SELECT seq, entry FROM audit ORDER BY seq", -1, &get, NULL),
        SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(db, "UPDATE audit SET hash = ? WHERE seq = ?", -1, &put, NULL),
        SQLITE_OK);
    while (sqlite3_step(get) == SQLITE_ROW) {
        cf_view entry =
            cf_view_make(sqlite3_column_blob(get, 1), (size_t)sqlite3_column_bytes(get, 1));
        assert_ok(cf_audit_chain(&head, entry));
        sqlite3_bind_blob(put, 1, head.hash, sizeof head.hash, SQLITE_TRANSIENT);
        sqlite3_bind_int64(put, 2, sqlite3_column_int64(get, 0));
        assert_int_equal(sqlite3_step(put), SQLITE_DONE);
        sqlite3_reset(put);
    }
    sqlite3_finalize(get);
    sqlite3_finalize(put);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

typedef struct {
    char db[128], anchor[128];
} saved;

static saved save(fixture *f)
{
    saved s;
    cf_store_close(&f->store);
    snprintf(s.db, sizeof s.db, "%s/saved.db", f->folder);
    snprintf(s.anchor, sizeof s.anchor, "%s/saved.anchor", f->folder);
    fixture_copy(f->db, s.db);
    fixture_copy(f->anchor, s.anchor);
    return s;
}

static void restore(fixture *f, const saved *s)
{
    fixture_copy(s->db, f->db);
    fixture_copy(s->anchor, f->anchor);
}

static void nothing(void *ctx, const cf_finding *finding)
{
    (void)ctx;
    (void)finding;
}

static void passes_a_whole_store(void **state)
{
    fixture *f = *state;
    assert_string_equal(findings(f), "");
    history(f);
    assert_string_equal(findings(f), ""); /* while the store is in use */
    cf_store_close(&f->store);
    assert_string_equal(findings(f), "");
}

/* What a stopped write has left beside it is removed at the next start; copies that somebody has made are not. */
static void tidies_the_anchor(void **state)
{
    fixture *f = *state;
    char left[sizeof f->anchor + 16], copy[sizeof f->anchor + 16];
    snprintf(left, sizeof left, "%s.part-aB3xY9", f->anchor);
    snprintf(copy, sizeof copy, "%s.backup", f->anchor);
    history(f);
    cf_store_close(&f->store);
    fixture_copy(f->anchor, left);
    fixture_copy(f->anchor, copy);
    fixture_reopen(f);
    assert_int_not_equal(access(left, F_OK), 0);
    assert_int_equal(access(copy, F_OK), 0);
    assert_int_equal(unlink(copy), 0);
}

/* Its absence is told, unless it is known. A service that starts without it says so, and writes it anew. */
static void misses_the_anchor(void **state)
{
    fixture *f = *state;
    cf_store s;
    cf_verify_report report;
    cf_store_stats stats;
    const cf_verify_opts without = {.row_key = &f->row_key, .no_anchor = true};
    assert_int_equal(access(f->anchor, F_OK),
                     0); /* from the start, so that its absence means something */
    assert_int_equal(unlink(f->anchor), 0);
    assert_string_equal(findings(f), ""); /* of an empty log */
    fixture_reopen(f);
    cf_store_sqlite_stats(&f->store, &stats);
    assert_false(stats.anchor_missing);
    history(f);
    cf_store_close(&f->store);
    assert_int_equal(unlink(f->anchor), 0);
    assert_string_equal(findings(f), "anchor_missing ");
    assert_ok(fixture_open(f, true, &s));
    assert_ok(cf_store_verify(&s, &without, nothing, NULL, &report));
    assert_int_equal(report.findings, 0);
    cf_store_close(&s);
    assert_ok(fixture_open(f, false, &f->store));
    cf_store_sqlite_stats(&f->store, &stats);
    assert_true(stats.anchor_missing);
    assert_string_equal(findings(f), "");
    fixture_reopen(f);
    cf_store_sqlite_stats(&f->store, &stats);
    assert_false(stats.anchor_missing);
}

static void finds_what_sql_alters(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *sql, *found;
        cf_err open; /* what the service says when it is started on it */
    } rows[] = {
        {"DELETE FROM audit WHERE seq = 1", "entry_missing@2 row_unlogged ", CF_OK},
        {"DELETE FROM audit WHERE seq = 7", "entry_missing@8 ", CF_OK},
        {"DELETE FROM audit WHERE seq = 12", "head_seq@12 anchor_ahead@12 ", CF_ERR_AUDIT_ALTERED},
        {"DELETE FROM audit WHERE seq > 6",
         "head_seq@12 anchor_ahead@12 row_stale token_unlogged token_unlogged ",
         CF_ERR_AUDIT_ALTERED},
        {"DELETE FROM audit",
         "head_seq@12 anchor_ahead@12 row_unlogged row_unlogged row_unlogged row_unlogged "
         "row_unlogged token_unlogged token_unlogged ",
         CF_ERR_AUDIT_ALTERED},
        /* 7 and 12 change places, 7 being a read */
        {"UPDATE audit SET seq = 19 - seq + 1000 WHERE seq IN (7, 12);"
         "UPDATE audit SET seq = seq - 1000 WHERE seq > 1000",
         "entry_hash@7 entry_seq@7 entry_hash@8 entry_hash@12 anchor_hash@12 entry_seq@12 "
         "head_hash@12 ",
         CF_ERR_AUDIT_ALTERED},
        {"UPDATE audit SET seq = 13 WHERE seq = 12", "entry_missing@13 entry_seq@13 head_seq@12 ",
         CF_ERR_AUDIT_ALTERED},
        {"UPDATE audit SET vault = 'v_other' WHERE seq = 7", "entry_vault@7 ", CF_OK},
        {"UPDATE audit SET vault = '' WHERE seq = 7", "entry_vault@7 ", CF_OK},
        {"UPDATE audit SET hash = zeroblob(48) WHERE seq = 7", "entry_hash@7 entry_hash@8 ", CF_OK},
        {"UPDATE audit SET hash = x'' WHERE seq = 12", "entry_hash@12 anchor_hash@12 head_hash@12 ",
         CF_ERR_AUDIT_ALTERED},
        {"UPDATE audit SET entry = x'' WHERE seq = 7", "entry_hash@7 entry_unreadable@7 ", CF_OK},
        {"UPDATE audit SET entry = (SELECT entry FROM audit WHERE seq = 7) WHERE seq = 12",
         "entry_hash@12 entry_seq@12 entry_vault@12 ", CF_OK},
        {"INSERT INTO audit SELECT 13, vault, hash, entry FROM audit WHERE seq = 12",
         "entry_hash@13 entry_seq@13 head_seq@12 ", CF_ERR_AUDIT_ALTERED},
        {"UPDATE store SET head = zeroblob(104)", "head_mac ", CF_ERR_AUDIT_ALTERED},
        {"UPDATE store SET head = x'00'", "head_mac ", CF_ERR_AUDIT_ALTERED},
        {"DELETE FROM vaults WHERE n = 1", "row_missing ", CF_OK},
        {"DELETE FROM vaults WHERE n = 3", "row_missing ", CF_OK}, /* the tombstone */
        {"DELETE FROM vaults", "row_missing row_missing row_missing row_missing row_missing ",
         CF_OK},
        {"UPDATE vaults SET version = 7 WHERE n = 1", "row_version ", CF_OK},
        {"UPDATE vaults SET id = 'v_other' WHERE n = 1", "row_id row_unlogged row_missing ", CF_OK},
        {"UPDATE vaults SET seal = zeroblob(48) WHERE n = 1", "row_seal ", CF_OK},
        {"UPDATE vaults SET seal = x'' WHERE n = 1", "row_seal ", CF_OK},
        /* the row of another vault, whole */
        {"UPDATE vaults SET (row, seal) = (SELECT row, seal FROM vaults WHERE n = 4) WHERE n = 5",
         "row_id row_stale ", CF_OK},
        {"INSERT INTO vaults SELECT 9, 'v_copy', version, row, seal FROM vaults WHERE n = 1",
         "row_id row_unlogged ", CF_OK},
        {"UPDATE tokens SET scopes = 15 WHERE id = 't_2'", "token_seal ", CF_OK},
        {"UPDATE tokens SET revoked = 0 WHERE id = 't_1'", "token_seal ", CF_OK},
        {"DELETE FROM tokens WHERE id = 't_2'", "token_missing ", CF_OK},
        {"DELETE FROM tokens WHERE id = 't_1'", "", CF_OK}, /* a revoked one, nobody's any more */
    };
    history(f);
    saved s = save(f);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        restore(f, &s);
        fixture_sql(f, rows[i].sql);
        const char *found = findings(f);
        if (strcmp(found, rows[i].found) != 0) {
            fail_msg("%s\n got  %s\n want %s", rows[i].sql, found, rows[i].found);
        }
        cf_result r = fixture_open(f, false, &f->store);
        if (r.code != rows[i].open) {
            fail_msg("%s: opens with %s", rows[i].sql, cf_err_code(r.code));
        }
        cf_store_close(&f->store);
    }
}

static void finds_flipped_bits(void **state)
{
    fixture *f = *state;
    history(f);
    saved s = save(f);
    flip(f, "vaults", "row", 1, 40);
    assert_string_equal(findings(f), "row_seal ");
    restore(f, &s);
    flip(f, "vaults", "seal", 1, 47);
    assert_string_equal(findings(f), "row_seal ");
    restore(f, &s);
    flip(f, "audit", "entry", 7, 9); /* in the time */
    assert_string_equal(findings(f), "entry_hash@7 ");
    chain_again(f);
    assert_string_equal(findings(f), "anchor_hash@12 head_hash@12 ");
    restore(f, &s);
    flip(f, "audit", "hash", 7, 0);
    assert_string_equal(findings(f), "entry_hash@7 entry_hash@8 ");
    restore(f, &s);
    flip(f, "store", "head", 1, 100);
    assert_string_equal(findings(f), "head_mac ");
}

/* An old row, an old token, an old head: each was true once. */
static void finds_what_was_put_back(void **state)
{
    fixture *f = *state;
    uint64_t seq;
    assert_ok(vault_put(f, 1, 1, &seq));
    cf_token t = token_make(1);
    assert_ok(token_change(f, &t));
    saved s = save(f);
    assert_ok(fixture_open(f, false, &f->store));
    assert_ok(vault_put(f, 1, 2, &seq));
    t.revoked_ms = 5;
    assert_ok(token_change(f, &t));
    cf_store_close(&f->store);
    assert_string_equal(findings(f), "");
    char sql[512];
    snprintf(sql, sizeof sql,
             "ATTACH '%s' AS old; UPDATE vaults SET (version, row, seal) ="
             " (SELECT version, row, seal FROM old.vaults); UPDATE tokens SET (revoked, seal) ="
             " (SELECT revoked, seal FROM old.tokens)",
             s.db);
    fixture_sql(f, sql);
    assert_string_equal(findings(f), "row_stale token_stale ");
    snprintf(sql, sizeof sql,
             "ATTACH '%s' AS old; UPDATE store SET head = (SELECT head FROM old.store)", s.db);
    fixture_sql(f, sql);
    assert_string_equal(findings(f), "head_seq@2 row_stale token_stale ");
    /* and with the log cut to that head everything fits but the anchor */
    fixture_sql(f, "DELETE FROM audit WHERE seq > 2");
    assert_string_equal(findings(f), "anchor_ahead@4 ");
}

static void finds_a_store_put_back(void **state)
{
    fixture *f = *state;
    uint64_t seq;
    history(f);
    saved s = save(f);
    assert_ok(fixture_open(f, false, &f->store));
    assert_ok(vault_put(f, 1, 3, &seq));
    cf_store_close(&f->store);
    assert_string_equal(findings(f), "");
    fixture_copy(s.db, f->db);
    assert_string_equal(findings(f), "anchor_ahead@13 ");
    assert_err(fixture_open(f, false, &f->store), AUDIT_ALTERED);
    /* another history behind the same beginning: without the anchor it is whole, with it it is not */
    char anchor[128];
    snprintf(anchor, sizeof anchor, "%s", s.anchor);
    fixture_copy(f->anchor, anchor);
    assert_int_equal(unlink(f->anchor), 0);
    assert_ok(fixture_open(f, false, &f->store));
    assert_ok(entry_only(f, 1, &seq));
    assert_ok(entry_only(f, 1, &seq));
    cf_store_close(&f->store);
    assert_string_equal(findings(f), "");
    fixture_copy(anchor, f->anchor);
    assert_string_equal(findings(f), "anchor_hash@13 ");
    assert_err(fixture_open(f, false, &f->store), AUDIT_ALTERED);
}

static void finds_a_new_store_in_place_of_the_old(void **state)
{
    fixture *f = *state;
    history(f);
    cf_store_close(&f->store);
    assert_int_equal(unlink(f->db), 0);
    assert_err(fixture_open(f, false, &f->store), AUDIT_ALTERED);
    assert_string_equal(findings(f), "anchor_ahead@12 ");
}

static void finds_an_altered_anchor(void **state)
{
    fixture *f = *state;
    history(f);
    cf_store_close(&f->store);
    FILE *file = fopen(f->anchor, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, 7, SEEK_SET), 0);
    assert_int_equal(fputc(1, file), 1);
    assert_int_equal(fclose(file), 0);
    assert_string_equal(findings(f), "anchor_mac ");
    assert_err(fixture_open(f, false, &f->store), AUDIT_ALTERED);
    assert_int_equal(truncate(f->anchor, 0), 0);
    assert_string_equal(findings(f), "anchor_mac ");
    assert_int_equal(truncate(f->anchor, 105), 0);
    assert_string_equal(findings(f), "anchor_mac ");
    assert_err(fixture_open(f, false, &f->store), AUDIT_ALTERED);
}

/* Enough vaults for the table of the verification to grow. */
static void holds_many_vaults(void **state)
{
    fixture *f = *state;
    uint64_t seq;
    for (unsigned n = 0; n < 3000; n++) {
        assert_ok(vault_put(f, n, 1, &seq));
    }
    cf_store_close(&f->store);
    assert_string_equal(findings(f), "");
    fixture_sql(f, "DELETE FROM vaults WHERE n = 2999");
    assert_string_equal(findings(f), "row_missing ");
}

typedef struct {
    const fixture *f;
    volatile bool stop;
    cf_result result;
} writer;

static void *keep_writing(void *ctx)
{
    writer *w = ctx;
    uint64_t seq;
    for (unsigned n = 0; !w->stop && cf_is_ok(w->result); n++) {
        w->result = vault_put(w->f, n, 1, &seq);
    }
    return NULL;
}

/* Log, head, rows and anchor are looked at in the same moment, although the service goes on. */
static void passes_a_store_in_use(void **state)
{
    fixture *f = *state;
    writer w = {.f = f};
    pthread_t thread;
    unsigned rounds = 0;
    assert_int_equal(pthread_create(&thread, NULL, keep_writing, &w), 0);
    uint64_t end = cf_clock_mono_ms() + 2500; /* the anchor is written twice meanwhile */
    while (cf_clock_mono_ms() < end) {
        assert_string_equal(findings(f), "");
        rounds++;
    }
    w.stop = true;
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_ok(w.result);
    assert_true(rounds > 2);
    assert_int_equal(access(f->anchor, F_OK), 0);
}

typedef struct {
    fixture *f;
    cf_store *store;
} job;

static cf_result verify(void *ctx)
{
    const job *j = ctx;
    cf_verify_report report;
    const cf_verify_opts opts = {.row_key = &j->f->row_key};
    return cf_store_verify(j->store, &opts, nothing, NULL, &report);
}

static void survives_failing_allocations(void **state)
{
    fixture *f = *state;
    cf_store s;
    history(f);
    cf_store_close(&f->store);
    assert_ok(fixture_open(f, true, &s));
    job j = {f, &s};
    /* The first failures fill what libcrypto keeps for the thread. */
    for (size_t n = 1; n < 50; n++) {
        failmalloc_set(n);
        cf_ignore(verify(&j));
    }
    failmalloc_set(0);
    failmalloc_each(verify, &j, 20);
    cf_store_close(&s);
}

static void names_its_findings(void **state)
{
    (void)state;
    for (int i = 0; i < CF_FINDING_COUNT; i++) {
        assert_true(strlen(cf_finding_code((cf_finding_kind)i)) >= 5);
        assert_true(strlen(cf_finding_text((cf_finding_kind)i)) > 10);
        for (int k = 0; k < i; k++) {
            assert_string_not_equal(cf_finding_code((cf_finding_kind)i),
                                    cf_finding_code((cf_finding_kind)k));
        }
    }
    assert_string_equal(cf_finding_code(CF_FINDING_COUNT), "unknown");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(passes_a_whole_store),
        T(passes_a_store_in_use),
        T(tidies_the_anchor),
        T(misses_the_anchor),
        T(finds_what_sql_alters),
        T(finds_flipped_bits),
        T(finds_what_was_put_back),
        T(finds_a_store_put_back),
        T(finds_a_new_store_in_place_of_the_old),
        T(finds_an_altered_anchor),
        T(holds_many_vaults),
        T(survives_failing_allocations),
        cmocka_unit_test(names_its_findings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
