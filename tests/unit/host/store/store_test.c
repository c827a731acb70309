/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/host/store/fixture.h"

#include <pthread.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/vectors.h"

static void puts_under_conditions(void **state)
{
    fixture *f = *state;
    uint64_t seq = 9;
    assert_err(vault_put(f, 1, 2, &seq), VAULT_UNKNOWN);
    assert_int_equal(seq, 0);
    assert_ok(vault_put(f, 1, 1, &seq));
    assert_int_equal(seq, 1); /* what failed took no number */
    assert_err(vault_put(f, 1, 1, &seq), EXISTS);
    assert_err(vault_put(f, 1, 3, &seq), VERSION_MISMATCH);
    assert_ok(vault_put(f, 1, 2, &seq));
    assert_int_equal(seq, 2);
    assert_err(vault_put(f, 1, 2, &seq), VERSION_MISMATCH);
    assert_ok(entry_only(f, 1, &seq));
    assert_int_equal(seq, 3);
    cf_store_stats stats;
    cf_store_sqlite_stats(&f->store, &stats);
    assert_int_equal(stats.changes, 3);
    assert_int_equal(stats.refused, 4);
    assert_int_equal(stats.failed, 0);
}

static void gives_back_rows(void **state)
{
    fixture *f = *state;
    CF_BUF(row);
    CF_BUF(seal);
    CF_ARENA(arena, 1 << 16);
    char id[ID_BYTES];
    uint64_t seq;
    cf_row decoded;
    vault_id(5, id);
    assert_err(f->store.ops->get(f->store.self, cf_view_str(id), &row, &seal), VAULT_UNKNOWN);
    assert_ok(vault_put(f, 5, 1, &seq));
    assert_ok(vault_put(f, 5, 2, &seq));
    for (int round = 0; round < 2; round++) {
        cf_buf_clear(&row);
        cf_buf_clear(&seal);
        assert_ok(f->store.ops->get(f->store.self, cf_view_str(id), &row, &seal));
        assert_ok(cf_row_open(&f->row_key, cf_view_str(id), cf_buf_view(&row), cf_buf_view(&seal),
                              &arena, &decoded));
        assert_int_equal(decoded.version, 2);
        char other[ID_BYTES];
        vault_id(6, other);
        assert_err(cf_row_open(&f->row_key, cf_view_str(other), cf_buf_view(&row),
                               cf_buf_view(&seal), &arena, &decoded),
                   ROW_ALTERED);
        fixture_reopen(f);
    }
    struct stat info;
    assert_int_equal(stat(f->db, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
}

static void refuses_bad_arguments(void **state)
{
    fixture *f = *state;
    uint64_t seq;
    uint8_t seal[CF_ROW_SEAL_BYTES] = {0};
    const cf_audit_entry entry = {
        .action = CF_LIT("a"), .outcome = CF_LIT("ok"), .actor = CF_LIT("-")};
    const cf_audit_entry bad = {.action = CF_LIT("a"), .outcome = CF_LIT("ok")};
    const cf_audit_entry not_text = {
        .action = CF_LIT("a"), .outcome = CF_LIT("ok"), .actor = CF_LIT("\xFF")};
    cf_store_put put = {CF_PUT_CREATE, CF_LIT("v"), 0, 1, CF_LIT("row"), CF_VIEW_OF(seal)};
    cf_token token = token_make(1);
    const cf_store_change none = {.put = NULL},
                          both = {.put = &put, .token_put = &token, .entry = &entry},
                          bad_entry = {.put = &put, .entry = &bad},
                          bad_text = {.put = &put, .entry = &not_text},
                          good = {.put = &put, .entry = &entry};
    assert_err(f->store.ops->change(f->store.self, &none, soon(), &seq), ARGUMENT);
    assert_err(f->store.ops->change(f->store.self, &both, soon(), &seq), ARGUMENT);
    assert_err(f->store.ops->change(f->store.self, &bad_entry, soon(), &seq), ARGUMENT);
    assert_err(f->store.ops->change(f->store.self, &bad_text, soon(), &seq), UTF8);
    put.seal.len = 47;
    assert_err(f->store.ops->change(f->store.self, &good, soon(), &seq), ARGUMENT);
    put.seal.len = 48;
    /* rows at the limit */
    uint8_t *large = calloc(1, CF_ROW_BYTES_MAX + 1);
    assert_non_null(large);
    put.row = cf_view_make(large, CF_ROW_BYTES_MAX + 1);
    assert_err(f->store.ops->change(f->store.self, &good, soon(), &seq), SIZE);
    put.row.len--;
    assert_ok(f->store.ops->change(f->store.self, &good, soon(), &seq));
    assert_int_equal(seq, 1); /* of those refused nothing was written */
    CF_BUF(row);
    CF_BUF(got);
    assert_ok(f->store.ops->get(f->store.self, put.id, &row, &got));
    assert_int_equal(row.len, CF_ROW_BYTES_MAX);
    free(large);
}

static void keeps_tokens(void **state)
{
    fixture *f = *state;
    cf_token t = token_make(1), got, list[4];
    size_t n;
    assert_err(f->store.ops->token_by_hash(f->store.self, t.hash, &got), NOT_FOUND);
    assert_err(f->store.ops->token_by_id(f->store.self, "t_1", &got), NOT_FOUND);
    assert_ok(token_change(f, &t));
    assert_ok(f->store.ops->token_by_hash(f->store.self, t.hash, &got));
    assert_memory_equal(&got, &t, sizeof t);
    t.revoked_ms = 5;
    assert_ok(token_change(f, &t));
    assert_ok(f->store.ops->token_by_id(f->store.self, "t_1", &got));
    assert_int_equal(got.revoked_ms, 5);
    cf_token same_hash = token_make(1);
    snprintf(same_hash.id, sizeof same_hash.id, "t_2");
    assert_err(token_change(f, &same_hash), EXISTS);
    cf_token second = token_make(2);
    assert_ok(token_change(f, &second));
    assert_ok(f->store.ops->tokens(f->store.self, list, 4, &n));
    assert_int_equal(n, 2);
    assert_string_equal(list[0].id, "t_1");
    assert_string_equal(list[1].name, "token 2");
    assert_ok(f->store.ops->tokens(f->store.self, list, 1, &n));
    assert_int_equal(n, 1);
    cf_token endless = token_make(3);
    memset(endless.id, 'x', sizeof endless.id);
    assert_err(token_change(f, &endless), ARGUMENT);
    assert_err(f->store.ops->token_by_id(f->store.self, "", &got), NOT_FOUND);
}

/* The seal is the one that other code computes (tests/vectors/record/generate.py). */
static void seals_tokens_by_the_document(void **state)
{
    (void)state;
    json_t *root = vec_load("record/audit.json");
    const json_t *o = json_object_get(root, "token");
    CF_BUF(octets);
    CF_SECRET(key);
    uint8_t seal[CF_ROW_SEAL_BYTES];
    cf_token t = {.scopes = (uint32_t)vec_int(o, "scopes"),
                  .created_ms = (uint64_t)vec_int(o, "created_ms"),
                  .expires_ms = (uint64_t)vec_int(o, "expires_ms"),
                  .revoked_ms = (uint64_t)vec_int(o, "revoked_ms")};
    snprintf(t.id, sizeof t.id, "%s", vec_text(o, "id"));
    snprintf(t.name, sizeof t.name, "%s", vec_text(o, "name"));
    vec_hex(o, "hash", &octets);
    memcpy(t.hash, octets.data, sizeof t.hash);
    vec_hex(root, "audit_key", &octets);
    assert_ok(cf_secret_set(&key, cf_buf_view(&octets)));
    assert_ok(cf_token_seal(&key, &t, seal));
    vec_hex(o, "seal", &octets);
    assert_view(CF_VIEW_OF(seal), cf_buf_view(&octets));
    key.len--;
    assert_err(cf_token_seal(&key, &t, seal), ARGUMENT);
    json_decref(root);
}

/* Whoever can write the file cannot make a token, nor widen or prolong one. */
static void refuses_altered_tokens(void **state)
{
    fixture *f = *state;
    static const char *const changes[] = {
        "UPDATE tokens SET scopes = 15 WHERE id = 't_1'",
        "UPDATE tokens SET scopes = 4294967296 + 6 WHERE id = 't_1'",
        "UPDATE tokens SET expires = 99 WHERE id = 't_1'",
        "UPDATE tokens SET name = 'admin' WHERE id = 't_1'",
        "UPDATE tokens SET name = CAST(x'ff00ff' AS TEXT) WHERE id = 't_1'",
        "UPDATE tokens SET name = printf('%064d', 1) WHERE id = 't_1'",
        "UPDATE tokens SET seal = zeroblob(48) WHERE id = 't_1'",
        "UPDATE tokens SET seal = x'' WHERE id = 't_1'",
    };
    cf_token t = token_make(1), before = token_make(0), behind = token_make(2), got, list[4];
    assert_ok(token_change(f, &t));
    assert_ok(token_change(f, &before));
    assert_ok(token_change(f, &behind));
    cf_store_close(&f->store);
    char saved[128];
    snprintf(saved, sizeof saved, "%s/saved.db", f->folder);
    fixture_copy(f->db, saved);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        size_t n;
        fixture_copy(saved, f->db);
        fixture_sql(f, changes[i]);
        assert_ok(fixture_open(f, false, &f->store));
        assert_err(f->store.ops->token_by_hash(f->store.self, t.hash, &got), ROW_ALTERED);
        assert_err(f->store.ops->token_by_id(f->store.self, "t_1", &got), ROW_ALTERED);
        assert_ok(f->store.ops->tokens(f->store.self, list, 4, &n));
        assert_int_equal(n, 3); /* the list is not lost for one of them */
        assert_true(list[1].altered && list[1].scopes == 0 && list[1].name[0] == '\0');
        assert_string_equal(list[1].id, "t_1");
        assert_true(!list[0].altered && !list[2].altered);
        cf_store_close(&f->store);
    }
}

static void holds_the_limit_of_tokens(void **state)
{
    fixture *f = *state;
    for (unsigned n = 0; n <= CF_STORE_TOKENS_MAX; n++) {
        cf_token t = token_make(n);
        t.hash[0] = (uint8_t)n;
        t.hash[1] = (uint8_t)(n >> 8);
        assert_code(token_change(f, &t), n < CF_STORE_TOKENS_MAX ? CF_OK : CF_ERR_SIZE);
    }
    cf_token again = token_make(7);
    again.revoked_ms = 1;
    again.hash[0] = 7;
    again.hash[1] = 0;
    assert_ok(token_change(f, &again)); /* an old one can still be revoked */
    /* Its place is free, and the new one takes it: the revoked token is gone, and no verification misses it. */
    static cf_token list[CF_STORE_TOKENS_MAX + 3];
    size_t n = 0;
    cf_token more = token_make(CF_STORE_TOKENS_MAX), got;
    more.hash[0] = 0xff;
    more.hash[1] = 0xff;
    assert_ok(f->store.ops->tokens(f->store.self, list, CF_STORE_TOKENS_MAX + 3, &n));
    assert_int_equal(n, CF_STORE_TOKENS_MAX);
    assert_ok(token_change(f, &more));
    assert_err(f->store.ops->token_by_id(f->store.self, again.id, &got), NOT_FOUND);
    assert_ok(f->store.ops->tokens(f->store.self, list, CF_STORE_TOKENS_MAX + 3, &n));
    assert_int_equal(n, CF_STORE_TOKENS_MAX);
    /* One past the limit is stored only when the change says so. */
    cf_token first = token_make(CF_STORE_TOKENS_MAX + 1);
    first.hash[0] = 0xfe;
    first.hash[1] = 0xff;
    assert_err(token_change(f, &first), SIZE);
    const cf_audit_entry entry = {.time_ms = 1,
                                  .action = CF_LIT_INIT("token.create"),
                                  .outcome = CF_LIT_INIT("ok"),
                                  .actor = CF_LIT_INIT("-"),
                                  .tenant = CF_LIT_INIT("default"),
                                  .vault = cf_view_str(first.id),
                                  .request = CF_LIT_INIT("-")};
    const cf_store_change change = {.token_put = &first, .entry = &entry, .token_past_limit = true};
    uint64_t seq = 0;
    assert_ok(f->store.ops->change(f->store.self, &change, soon(), &seq));
    assert_ok(f->store.ops->tokens(f->store.self, list, CF_STORE_TOKENS_MAX + 3, &n));
    assert_int_equal(n, CF_STORE_TOKENS_MAX + 1);
    cf_store_close(&f->store);
    assert_string_equal(findings(f), "");
    assert_ok(fixture_open(f, false, &f->store));
}

typedef struct {
    uint64_t seqs[64];
    size_t n, stop;
    cf_audit_head head; /* chained by hand */
    bool chains;
} seen;

static bool note(void *ctx, const cf_store_entry *e)
{
    seen *s = ctx;
    CF_ARENA(arena, 1 << 16);
    cf_audit_entry entry;
    assert_ok(cf_audit_decode(e->entry, &arena, &entry));
    assert_int_equal(entry.seq, e->seq);
    assert_view(entry.vault, e->vault);
    if (s->chains) {
        assert_ok(cf_audit_chain(&s->head, e->entry));
        assert_view(e->hash, CF_VIEW_OF(s->head.hash));
    }
    if (s->n < 64) {
        s->seqs[s->n] = e->seq;
    }
    s->n++;
    return s->n != s->stop;
}

static void pages_the_log(void **state)
{
    fixture *f = *state;
    uint64_t seq;
    for (unsigned i = 0; i < 20; i++) {
        assert_ok(entry_only(f, i % 2, &seq));
    }
    char id[ID_BYTES];
    vault_id(1, id);
    const struct {
        cf_view vault;
        uint64_t before;
        size_t max, stop;
        size_t n;
        uint64_t first, last;
    } rows[] = {
        {CF_VIEW_EMPTY, 0, 5, 0, 5, 20, 16},
        {CF_VIEW_EMPTY, 16, 100, 0, 15, 15, 1},
        {CF_VIEW_EMPTY, 1, 100, 0, 0, 0, 0},
        {CF_VIEW_EMPTY, 2, 100, 0, 1, 1, 1},
        {CF_VIEW_EMPTY, UINT64_MAX, 3, 0, 3, 20, 18},
        {CF_VIEW_EMPTY, 0, 5, 2, 2, 20, 19},
        {CF_VIEW_EMPTY, 0, 0, 0, 0, 0, 0},
        {cf_view_str(id), 0, 3, 0, 3, 20, 16},
        {cf_view_str(id), 16, 100, 0, 7, 14, 2},
        {CF_LIT("v_none"), 0, 100, 0, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        seen s = {.stop = rows[i].stop};
        assert_ok(f->store.ops->audit_page(f->store.self, rows[i].vault, rows[i].before,
                                           rows[i].max, note, &s));
        assert_int_equal(s.n, rows[i].n);
        if (s.n > 0) {
            assert_int_equal(s.seqs[0], rows[i].first);
            assert_int_equal(s.seqs[s.n - 1], rows[i].last);
        }
    }
    seen all = {.chains = true};
    assert_ok(f->store.ops->audit_walk(f->store.self, 1, note, &all));
    assert_int_equal(all.n, 20);
    uint8_t sealed[CF_AUDIT_HEAD_BYTES];
    cf_audit_head head;
    assert_ok(f->store.ops->audit_head(f->store.self, sealed));
    assert_ok(cf_audit_head_open(&f->audit_key, CF_VIEW_OF(sealed), &head));
    assert_int_equal(head.seq, 20);
    assert_view(CF_VIEW_OF(head.hash), CF_VIEW_OF(all.head.hash));
    seen rest = {.stop = 2};
    assert_ok(f->store.ops->audit_walk(f->store.self, 10, note, &rest));
    assert_int_equal(rest.n, 2);
    assert_int_equal(rest.seqs[0], 10);
}

#define THREADS 32
#define PER_THREAD 60
typedef struct {
    const fixture *f;
    unsigned n;
    pthread_t thread;
    uint64_t updates;   /* acknowledged */
    const char *failed; /* what went wrong */
} worker;

/* Creates vaults of its own, updates one that all share, reads, and writes entries. */
static const char *work(worker *w)
{
    uint64_t seq, last = 0, shared = 1;
    for (unsigned i = 0; i < PER_THREAD; i++) {
        cf_result r = vault_put(w->f, 1000 * (w->n + 1) + i, 1, &seq);
        if (!cf_is_ok(r) || seq <= last) {
            return "create";
        }
        last = seq;
        r = vault_put(w->f, 0, shared + 1, &seq);
        w->updates += cf_is_ok(r);
        if (!cf_is_ok(r) && r.code != CF_ERR_VERSION_MISMATCH) {
            return "update";
        }
        CF_BUF(row);
        CF_BUF(seal);
        CF_ARENA(arena, 1 << 16);
        cf_row decoded;
        char id[ID_BYTES];
        vault_id(0, id);
        if (!cf_is_ok(w->f->store.ops->get(w->f->store.self, cf_view_str(id), &row, &seal)) ||
            !cf_is_ok(cf_row_open(&w->f->row_key, cf_view_str(id), cf_buf_view(&row),
                                  cf_buf_view(&seal), &arena, &decoded)) ||
            decoded.version < shared) {
            return "get";
        }
        shared = decoded.version;
        if (!cf_is_ok(entry_only(w->f, w->n, &seq)) || seq <= last) {
            return "entry";
        }
        last = seq;
    }
    return NULL;
}

static void *work_main(void *ctx)
{
    worker *w = ctx;
    w->failed = work(w);
    return NULL;
}

static void shares_transactions_between_threads(void **state)
{
    fixture *f = *state;
    worker workers[THREADS];
    uint64_t seq, updates = 0;
    assert_ok(vault_put(f, 0, 1, &seq));
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (worker){.f = f, .n = i};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work_main, &workers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
        if (workers[i].failed != NULL) {
            fail_msg("thread %u: %s", i, workers[i].failed);
        }
        updates += workers[i].updates;
    }
    cf_store_stats stats;
    cf_store_sqlite_stats(&f->store, &stats);
    print_message("%lu changes in %lu transactions\n", (unsigned long)stats.changes,
                  (unsigned long)stats.transactions);
    assert_int_equal(stats.changes, 1 + 2 * THREADS * PER_THREAD + updates);
    assert_true(updates > 0);
    assert_true(stats.transactions * 2 <= stats.changes);
    /* every acknowledged update raised the version by one */
    CF_BUF(row);
    CF_BUF(seal);
    CF_ARENA(arena, 1 << 16);
    cf_row decoded;
    char id[ID_BYTES];
    vault_id(0, id);
    assert_ok(f->store.ops->get(f->store.self, cf_view_str(id), &row, &seal));
    assert_ok(cf_row_decode(cf_buf_view(&row), &arena, &decoded));
    assert_int_equal(decoded.version, updates + 1);
    seen all = {.chains = true};
    assert_ok(f->store.ops->audit_walk(f->store.self, 1, note, &all));
    assert_int_equal(all.n, stats.changes);
}

/* The log is copied and starts again while changes come, so that it does not grow without end. */
static void bounds_the_log(void **state)
{
    fixture *f = *state;
    uint64_t seq;
    char wal[128];
    struct stat info;
    off_t most = 0;
    snprintf(wal, sizeof wal, "%s-wal", f->db);
    for (unsigned i = 0; i < 4000; i++) {
        assert_ok(entry_only(f, i, &seq));
        assert_int_equal(stat(wal, &info), 0);
        most = info.st_size > most ? info.st_size : most;
    }
    print_message("log of %ld octets at most\n", (long)most);
    assert_true(most < (off_t)4 * CF_STORE_LOG_PAGES * 4096);
    fixture_reopen(f);
}

static void refuses_what_it_does_not_know(void **state)
{
    fixture *f = *state;
    cf_store s;
    uint64_t seq;
    assert_ok(vault_put(f, 1, 1, &seq));
    cf_store_close(&f->store);
    fixture_sql(f, "UPDATE store SET format = 3");
    assert_err(fixture_open(f, false, &s), UNSUPPORTED);
    assert_null(s.ops);
    assert_err(fixture_open(f, true, &s), UNSUPPORTED);
    fixture_sql(f, "UPDATE store SET format = 0");
    assert_err(fixture_open(f, false, &s), UNSUPPORTED);
    fixture_sql(f, "UPDATE store SET format = 2");
    cf_secret wrong = f->audit_key;
    wrong.b[0] ^= 1;
    const cf_store_sqlite_opts other_key = {f->db, NULL, &wrong, false};
    assert_err(cf_store_sqlite_open(&other_key, &s), AUDIT_ALTERED);
    wrong.len--;
    assert_err(cf_store_sqlite_open(&other_key, &s), ARGUMENT);
    char saved[128], absent[128];
    snprintf(saved, sizeof saved, "%s/saved.db", f->folder);
    snprintf(absent, sizeof absent, "%s/none/store.db", f->folder);
    const cf_store_sqlite_opts nowhere = {absent, NULL, &f->audit_key, false};
    assert_err(cf_store_sqlite_open(&nowhere, &s), STORE_UNAVAILABLE);
    const cf_store_sqlite_opts missing = {saved, NULL, &f->audit_key, true};
    assert_err(cf_store_sqlite_open(&missing, &s), NOT_FOUND);
    assert_int_not_equal(access(saved, F_OK), 0);
    FILE *file = fopen(saved, "w");
    assert_non_null(file);
    for (int i = 0; i < 4096; i++) {
        fputs("this is no database", file);
    }
    (void)fclose(file);
    const cf_store_sqlite_opts text = {saved, NULL, &f->audit_key, false};
    assert_err(cf_store_sqlite_open(&text, &s), MALFORMED);
    assert_int_equal(unlink(saved), 0);
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(saved, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE t (x)", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_err(cf_store_sqlite_open(&text, &s), MALFORMED);
    (void)unlink(saved);
    char side[160];
    snprintf(side, sizeof side, "%s-wal", saved);
    (void)unlink(side);
    snprintf(side, sizeof side, "%s-shm", saved);
    (void)unlink(side);
    assert_ok(fixture_open(f, false, &f->store));
}

/* A read-only store sees one moment, whatever happens meanwhile. */
static void reads_one_moment(void **state)
{
    fixture *f = *state;
    cf_store s;
    uint64_t seq;
    uint8_t before[CF_AUDIT_HEAD_BYTES], after[CF_AUDIT_HEAD_BYTES];
    for (unsigned i = 0; i < 5; i++) {
        assert_ok(vault_put(f, i, 1, &seq));
    }
    assert_ok(fixture_open(f, true, &s));
    assert_ok(s.ops->audit_head(s.self, before));
    for (unsigned i = 5; i < 10; i++) {
        assert_ok(vault_put(f, i, 1, &seq));
    }
    seen all = {.chains = true};
    assert_ok(s.ops->audit_walk(s.self, 1, note, &all));
    assert_int_equal(all.n, 5);
    assert_ok(s.ops->audit_head(s.self, after));
    assert_memory_equal(before, after, sizeof after);
    cf_audit_entry entry = {.action = CF_LIT("a"), .outcome = CF_LIT("ok"), .actor = CF_LIT("-")};
    const cf_store_change change = {.entry = &entry};
    assert_err(s.ops->change(s.self, &change, soon(), &seq), STATE);
    cf_store_close(&s);
    assert_ok(f->store.ops->audit_head(f->store.self, after));
    assert_memory_not_equal(before, after, sizeof after);
    cf_store_close(&s); /* takes the zero state */
}

/* The service is down: the file alone. */
static void reads_a_store_at_rest(void **state)
{
    fixture *f = *state;
    cf_store s;
    uint64_t seq;
    assert_ok(vault_put(f, 1, 1, &seq));
    cf_store_close(&f->store);
    assert_ok(fixture_open(f, true, &s));
    seen all = {.chains = true};
    assert_ok(s.ops->audit_walk(s.self, 1, note, &all));
    assert_int_equal(all.n, 1);
    cf_store_close(&s);
    assert_ok(fixture_open(f, false, &f->store));
}

/* What a service left that was killed while it wrote the anchor goes; what only looks like it stays. */
static void tidies_up_after_a_crash(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *suffix;
        bool stays;
    } rows[] = {
        {".part-a1B2c3", false}, {".part-a1B2c", true}, {".part-a1B2c3d", true}, {".a1B2c3", true}};
    char path[160];
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s%s", f->anchor, rows[i].suffix);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        (void)fclose(file);
    }
    fixture_reopen(f);
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s%s", f->anchor, rows[i].suffix);
        assert_int_equal(access(path, F_OK) == 0, rows[i].stays);
        (void)unlink(path);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(puts_under_conditions),
        T(gives_back_rows),
        T(refuses_bad_arguments),
        T(keeps_tokens),
        T(refuses_altered_tokens),
        cmocka_unit_test(seals_tokens_by_the_document),
        T(holds_the_limit_of_tokens),
        T(pages_the_log),
        T(shares_transactions_between_threads),
        T(bounds_the_log),
        T(refuses_what_it_does_not_know),
        T(reads_one_moment),
        T(tidies_up_after_a_crash),
        T(reads_a_store_at_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
