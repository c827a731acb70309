/* SPDX-License-Identifier: Apache-2.0 */
/* Named secrets: how they are stored, what is found when somebody changes them, and a store of the format that had none. */
#include <sqlite3.h>

#include "host/store/verify.h"
#include "tests/unit/host/store/fixture.h"

/* Secrets as "name" or "name!" for an altered one, joined by blanks. */
static bool note(void *ctx, const cf_store_secret *s)
{
    char *text = ctx;
    size_t len = strlen(text);
    snprintf(text + len, 4096 - len, "%s%s%s", len > 0 ? " " : "", s->name, s->altered ? "!" : "");
    if (s->altered) {
        assert_int_equal(s->wrapped.len, 0);
        assert_int_equal(s->kms_key.len, 0);
    }
    return true;
}

static const char *all(const cf_store *s)
{
    static char text[4096];
    text[0] = '\0';
    assert_ok(s->ops->secrets_walk(s->self, note, text));
    return text;
}

static bool compare(void *ctx, const cf_store_secret *s)
{
    const cf_store_secret *want = ctx;
    assert_string_equal(s->name, want->name);
    assert_view(s->kms_key, want->kms_key);
    assert_view(s->wrapped, want->wrapped);
    assert_true(s->created_ms == want->created_ms);
    return false; /* ends the walk */
}

static void keeps_what_was_put(void **state)
{
    fixture *f = *state;
    cf_store_secret one = secret_make(1), two = secret_make(2), zero = secret_make(0);
    assert_string_equal(all(&f->store), "");
    assert_ok(secret_add(f, &one));
    assert_ok(secret_add(f, &two));
    assert_ok(secret_add(f, &zero));
    assert_string_equal(all(&f->store), "secret-000 secret-001 secret-002");
    assert_ok(f->store.ops->secrets_walk(f->store.self, compare, &zero));
    /* a name is given once, whatever would be behind it */
    two.wrapped = CF_LIT("another");
    assert_err(secret_add(f, &two), EXISTS);
    fixture_reopen(f);
    assert_string_equal(all(&f->store), "secret-000 secret-001 secret-002");
    assert_string_equal(findings(f), "");
}

static void refuses_what_is_none(void **state)
{
    fixture *f = *state;
    cf_store_secret s = secret_make(1);
    s.wrapped = CF_VIEW_EMPTY;
    assert_err(secret_add(f, &s), ARGUMENT);
    s = secret_make(1);
    s.kms_key = CF_VIEW_EMPTY;
    assert_err(secret_add(f, &s), ARGUMENT);
    s = secret_make(1);
    s.name[0] = 'S';
    assert_err(secret_add(f, &s), ARGUMENT);
    memset(s.name, 'a', sizeof s.name); /* no NUL */
    assert_err(secret_add(f, &s), ARGUMENT);
    static uint8_t blob[CF_KMS_BLOB_BYTES_MAX + 1];
    for (int by = -1; by <= 1; by++) {
        s = secret_make((unsigned)(5 + by));
        s.wrapped = cf_view_make(blob, (size_t)(CF_KMS_BLOB_BYTES_MAX + by));
        assert_code(secret_add(f, &s), by <= 0 ? CF_OK : CF_ERR_SIZE);
    }
    /* one row write at most in a change */
    const cf_token t = token_make(1);
    const cf_audit_entry entry = {
        .action = CF_LIT("a"), .outcome = CF_LIT("ok"), .actor = CF_LIT("-")};
    s = secret_make(1);
    const cf_store_change both = {.secret_put = &s, .token_put = &t, .entry = &entry};
    uint64_t seq;
    assert_err(f->store.ops->change(f->store.self, &both, soon(), &seq), ARGUMENT);
    assert_string_equal(findings(f), "");
}

static void bounds_their_number(void **state)
{
    fixture *f = *state;
    for (unsigned n = 0; n <= CF_STORE_SECRETS_MAX; n++) {
        cf_store_secret s = secret_make(n);
        assert_code(secret_add(f, &s), n < CF_STORE_SECRETS_MAX ? CF_OK : CF_ERR_SIZE);
    }
    assert_string_equal(findings(f), "");
}

/* Who writes the file can neither exchange a wrapped key nor make a secret of his own. */
static void finds_what_was_altered(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *sql, *list, *findings;
    } rows[] = {
        {"UPDATE secrets SET wrapped = CAST('mine' AS BLOB) WHERE name = 'secret-001'",
         "secret-000 secret-001!", "secret_seal "},
        {"UPDATE secrets SET kms_key = 'key-2' WHERE name = 'secret-001'", "secret-000 secret-001!",
         "secret_seal "},
        {"UPDATE secrets SET created = 1 WHERE name = 'secret-001'", "secret-000 secret-001!",
         "secret_seal "},
        {"UPDATE secrets SET seal = zeroblob(48) WHERE name = 'secret-001'",
         "secret-000 secret-001!", "secret_seal "},
        {"UPDATE secrets SET seal = x'' WHERE name = 'secret-001'", "secret-000 secret-001!",
         "secret_seal "},
        {"DELETE FROM secrets WHERE name = 'secret-001'", "secret-000", "secret_missing "},
        {"INSERT INTO secrets SELECT 'mine', kms_key, wrapped, created, seal FROM secrets"
         " WHERE name = 'secret-001'",
         "mine! secret-000 secret-001", "secret_seal secret_unlogged "},
        {"UPDATE secrets SET name = 'secret-002' WHERE name = 'secret-001'",
         "secret-000 secret-002!", "secret_seal secret_unlogged secret_missing "},
        {"UPDATE secrets SET name = char(10) || 's''' WHERE name = 'secret-001'", "?s? secret-000",
         NULL},
        {"UPDATE secrets SET name = 'a name that is longer than thirty octets'"
         " WHERE name = 'secret-001'",
         NULL, "secret_seal secret_unlogged secret_missing "},
        {"UPDATE secrets SET wrapped = zeroblob(20000) WHERE name = 'secret-001'",
         "secret-000 secret-001!", "secret_seal "},
        {"UPDATE secrets SET kms_key = CAST(x'ff' AS TEXT) WHERE name = 'secret-001'",
         "secret-000 secret-001!", "secret_seal "},
    };
    cf_store_secret zero = secret_make(0), one = secret_make(1);
    assert_ok(secret_add(f, &zero));
    assert_ok(secret_add(f, &one));
    cf_store_close(&f->store);
    char saved[128];
    snprintf(saved, sizeof saved, "%s/saved.db", f->folder);
    fixture_copy(f->db, saved);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fixture_copy(saved, f->db);
        fixture_sql(f, rows[i].sql);
        assert_ok(fixture_open(f, false,
                               &f->store)); /* the service starts: theirs is refused, one by one */
        if (rows[i].list != NULL && rows[i].list[0] != '?') {
            assert_string_equal(all(&f->store), rows[i].list);
        } else {
            (void)all(&f->store);
        }
        cf_store_close(&f->store);
        if (rows[i].findings != NULL) {
            assert_string_equal(findings(f), rows[i].findings);
        } else {
            assert_string_not_equal(findings(f), "");
        }
    }
    fixture_copy(saved, f->db);
    assert_string_equal(findings(f), "");
}

/* A secret of before, whose seal is genuine, under the name of one that was made later: there is none in an honest log. */
static void finds_a_stale_one(void **state)
{
    fixture *f = *state;
    cf_store_secret one = secret_make(1);
    assert_ok(secret_add(f, &one));
    /* an entry that says that it was made again, as the service never says */
    const cf_audit_entry entry = {
        .action = CF_LIT("secret.create"),
        .outcome = CF_LIT("ok"),
        .actor = CF_LIT("-"),
        .vault = CF_LIT("s_secret-001"),
        .seal = cf_view_make((uint8_t[CF_ROW_SEAL_BYTES]){1}, CF_ROW_SEAL_BYTES)};
    const cf_store_change change = {.entry = &entry};
    uint64_t seq;
    assert_ok(f->store.ops->change(f->store.self, &change, soon(), &seq));
    assert_string_equal(findings(f), "entry_version@2 secret_stale ");
}

/* ---- the format before ---- */

static void make_format_1(const fixture *f)
{
    fixture_schema_sql(f, "DROP TABLE secrets; UPDATE store SET format = 1");
}

static void raises_an_older_store(void **state)
{
    fixture *f = *state;
    cf_store s;
    uint64_t seq;
    assert_ok(vault_put(f, 1, 1, &seq));
    cf_store_close(&f->store);
    make_format_1(f);
    /* for reading it is taken as it is */
    assert_ok(fixture_open(f, true, &s));
    assert_string_equal(all(&s), "");
    cf_store_close(&s);
    assert_string_equal(findings(f), "");
    /* the service makes what it lacks, and finds everything as it was */
    assert_ok(fixture_open(f, false, &f->store));
    assert_string_equal(all(&f->store), "");
    cf_store_secret one = secret_make(1);
    assert_ok(secret_add(f, &one));
    assert_ok(vault_put(f, 1, 2, &seq));
    assert_int_equal(seq, 3);
    fixture_reopen(f);
    assert_string_equal(all(&f->store), "secret-001");
    assert_string_equal(findings(f), "");
}

/* A store that says another format than it has is nobody's. */
static void refuses_a_false_format(void **state)
{
    fixture *f = *state;
    static const char *const sql[] = {
        "UPDATE store SET format = 1",
        "DROP TABLE secrets",
        "DROP TABLE secrets; UPDATE store SET format = 1; CREATE TABLE secrets (name TEXT)",
        "DROP TABLE secrets; UPDATE store SET format = 1; DROP INDEX audit_vault",
    };
    char saved[128];
    uint64_t seq;
    assert_ok(vault_put(f, 1, 1, &seq));
    cf_store_close(&f->store);
    snprintf(saved, sizeof saved, "%s/saved.db", f->folder);
    fixture_copy(f->db, saved);
    for (size_t i = 0; i < sizeof sql / sizeof sql[0]; i++) {
        cf_store s;
        fixture_copy(saved, f->db);
        fixture_schema_sql(f, sql[i]);
        assert_err(fixture_open(f, false, &s), AUDIT_ALTERED);
        if (i != 1) { /* where there is no table, nothing can be read of it */
            assert_string_equal(findings(f), "schema ");
        }
    }
    fixture_copy(saved, f->db);
    assert_string_equal(findings(f), "");
    /* secrets that were taken away with the format are missed */
    assert_ok(fixture_open(f, false, &f->store));
    cf_store_secret one = secret_make(1);
    assert_ok(secret_add(f, &one));
    cf_store_close(&f->store);
    make_format_1(f);
    assert_ok(fixture_open(f, false, &f->store));
    assert_string_equal(findings(f), "secret_missing ");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(keeps_what_was_put),     TEST(refuses_what_is_none), TEST(bounds_their_number),
        TEST(finds_what_was_altered), TEST(finds_a_stale_one),    TEST(raises_an_older_store),
        TEST(refuses_a_false_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
