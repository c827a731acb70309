/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/host/store/fixture.h"

#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/store/verify.h"

#define FINDINGS_BYTES ((size_t)4096)

CF_MUST_USE cf_result fixture_open(const fixture *f, bool read_only, cf_store *ret)
{
    const cf_store_sqlite_opts opts = {f->db, f->anchor, &f->audit_key, read_only};
    return cf_store_sqlite_open(&opts, ret);
}

int fixture_setup(void **state)
{
    static const uint8_t key[CF_ROW_KEY_BYTES] = "the row key of the store's tests";
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    const char *base = getenv("CF_TEST_FOLDER");
    snprintf(f->folder, sizeof f->folder, "%s/store.XXXXXX", base == NULL ? "/tmp" : base);
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->db, sizeof f->db, "%s/store.db", f->folder);
    snprintf(f->anchor, sizeof f->anchor, "%s/audit.anchor", f->folder);
    assert_ok(cf_secret_set(&f->row_key, CF_VIEW_OF(key)));
    assert_ok(cf_audit_key(&f->row_key, &f->audit_key));
    assert_ok(fixture_open(f, false, &f->store));
    *state = f;
    return 0;
}

int fixture_teardown(void **state)
{
    static const char *const names[] = {"store.db", "store.db-wal", "store.db-shm", "audit.anchor",
                                        "saved.db", "saved.anchor", "branch.db",    "rows.db"};
    fixture *f = *state;
    cf_store_close(&f->store);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", f->folder, names[i]);
        (void)unlink(path);
    }
    int left = rmdir(f->folder); /* nothing else may lie there */
    free(f);
    return left;
}

void fixture_reopen(fixture *f)
{
    cf_store_close(&f->store);
    assert_ok(fixture_open(f, false, &f->store));
}

void fixture_sql(const fixture *f, const char *sql)
{
    sqlite3 *db = NULL;
    char *why = NULL;
    assert_int_equal(sqlite3_open(f->db, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK) {
        fail_msg("%s: %s", sql, why);
    }
    assert_int_not_equal(sqlite3_total_changes(db), 0);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

void fixture_schema_sql(const fixture *f, const char *sql)
{
    sqlite3 *db = NULL;
    char *why = NULL;
    assert_int_equal(sqlite3_open(f->db, &db), SQLITE_OK);
    (void)sqlite3_busy_timeout(db, 5000);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_WRITABLE_SCHEMA, 1, NULL);
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK) {
        fail_msg("%s: %s", sql, why);
    }
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

void fixture_copy(const char *from, const char *to)
{
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    assert_true(in != NULL && out != NULL);
    char piece[65536];
    size_t n;
    while ((n = fread(piece, 1, sizeof piece, in)) > 0) {
        assert_int_equal(fwrite(piece, 1, n, out), n);
    }
    assert_int_equal(fclose(out), 0);
    (void)fclose(in);
}

void vault_id(unsigned n, char ret[static ID_BYTES])
{
    uint8_t random[16] = {(uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
    assert_ok(cf_vault_id_make(UINT64_C(1700000000), random, (uint8_t *)ret));
    ret[CF_VAULT_ID_BYTES] = '\0';
}

static cf_audit_entry entry_of(const char *action, const char *id, uint64_t version)
{
    return (cf_audit_entry){.time_ms = 1700000000000,
                            .action = cf_view_str(action),
                            .outcome = CF_LIT("ok"),
                            .actor = CF_LIT("t_test"),
                            .tenant = CF_LIT("acme"),
                            .vault = cf_view_str(id),
                            .version = version,
                            .request = CF_LIT("r1")};
}

static cf_result row_change(const fixture *f, const cf_row *row, const char *action,
                            uint64_t *ret_seq)
{
    uint8_t seal[CF_ROW_SEAL_BYTES];
    CF_BUF(octets);
    CF_TRY(cf_row_encode(row, &octets));
    CF_TRY(cf_row_seal(&f->row_key, cf_buf_view(&octets), seal));
    cf_audit_entry entry = entry_of(action, (const char *)row->id.data, row->version);
    entry.seal = CF_VIEW_OF(seal);
    const cf_store_put put = {
        .kind = row->version == 1 ? CF_PUT_CREATE : CF_PUT_REPLACE,
        .id = row->id,
        .version_expected = row->version - 1,
        .version = row->version,
        .row = cf_buf_view(&octets),
        .seal = CF_VIEW_OF(seal),
    };
    const cf_store_change change = {.put = &put, .entry = &entry};
    return f->store.ops->change(f->store.self, &change, soon(), ret_seq);
}

CF_MUST_USE cf_result vault_put(const fixture *f, unsigned n, uint64_t version, uint64_t *ret_seq)
{
    static const uint8_t wrapped[100] = {7};
    return vault_put_key(f, n, version, CF_VIEW_OF(wrapped), ret_seq);
}

CF_MUST_USE cf_result vault_put_key(const fixture *f, unsigned n, uint64_t version, cf_view wrapped,
                                    uint64_t *ret_seq)
{
    static const uint8_t public[65] = {4};
    char id[ID_BYTES];
    vault_id(n, id);
    const cf_row row = {.tenant = CF_LIT("acme"),
                        .id = cf_view_str(id),
                        .schema = CF_LIT("person"),
                        .version = version,
                        .kms_key = CF_LIT("key-1"),
                        .suite = {CF_P256, CF_SHA256, CF_AES_256_GCM},
                        .public_key = CF_VIEW_OF(public),
                        .wrapped_key = wrapped};
    return row_change(f, &row, version == 1 ? "vault.create" : "vault.update", ret_seq);
}

CF_MUST_USE cf_result vault_delete(const fixture *f, unsigned n, uint64_t version,
                                   uint64_t *ret_seq)
{
    char id[ID_BYTES];
    vault_id(n, id);
    const cf_row row = {.tenant = CF_LIT("acme"),
                        .id = cf_view_str(id),
                        .schema = CF_LIT("person"),
                        .version = version,
                        .tombstone = true};
    return row_change(f, &row, "vault.delete", ret_seq);
}

CF_MUST_USE cf_result entry_only_by(const fixture *f, unsigned n, uint64_t deadline_ms,
                                    uint64_t *ret_seq)
{
    char id[ID_BYTES];
    vault_id(n, id);
    const cf_audit_entry entry = entry_of("vault.decrypt", id, 1);
    const cf_store_change change = {.entry = &entry};
    return f->store.ops->change(f->store.self, &change, deadline_ms, ret_seq);
}

CF_MUST_USE cf_result entry_only(const fixture *f, unsigned n, uint64_t *ret_seq)
{
    return entry_only_by(f, n, soon(), ret_seq);
}

static void finding_note(void *ctx, const cf_finding *finding)
{
    char *text = ctx;
    size_t len = strlen(text);
    if (finding->seq > 0) {
        snprintf(text + len, FINDINGS_BYTES - len, "%s@%lu ", cf_finding_code(finding->kind),
                 (unsigned long)finding->seq);
    } else {
        snprintf(text + len, FINDINGS_BYTES - len, "%s ", cf_finding_code(finding->kind));
    }
}

const char *findings(const fixture *f)
{
    static char text[FINDINGS_BYTES];
    cf_store s;
    cf_verify_report report;
    text[0] = '\0';
    assert_ok(fixture_open(f, true, &s));
    const cf_verify_opts opts = {.row_key = &f->row_key};
    assert_ok(cf_store_verify(&s, &opts, finding_note, text, &report));
    cf_store_close(&s);
    assert_int_equal(report.findings == 0, text[0] == '\0');
    return text;
}

cf_token token_make(unsigned n)
{
    cf_token t = {.scopes = CF_SCOPE_READ | CF_SCOPE_DECRYPT, .created_ms = 1700000000000 + n};
    snprintf(t.id, sizeof t.id, "t_%u", n);
    snprintf(t.name, sizeof t.name, "token %u", n);
    memset(t.hash, (int)n + 1, sizeof t.hash);
    t.hash[31] = (uint8_t)(n >> 8);
    return t;
}

CF_MUST_USE cf_result token_change(const fixture *f, const cf_token *t)
{
    const cf_audit_entry entry =
        entry_of(t->revoked_ms == 0 ? "token.create" : "token.revoke", t->id, 0);
    const cf_store_change change = {.token_put = t, .entry = &entry};
    uint64_t seq;
    return f->store.ops->change(f->store.self, &change, soon(), &seq);
}

cf_store_secret secret_make(unsigned n)
{
    static char wrapped[256][16];
    cf_store_secret s = {.kms_key = CF_LIT("key-1"), .created_ms = 1700000000000 + n};
    snprintf(s.name, sizeof s.name, "secret-%03u", n);
    snprintf(wrapped[n % 256], sizeof wrapped[0], "wrapped %u", n);
    s.wrapped = cf_view_str(wrapped[n % 256]);
    return s;
}

CF_MUST_USE cf_result secret_add(const fixture *f, const cf_store_secret *s)
{
    char id[40];
    snprintf(id, sizeof id, "s_%s", s->name);
    const cf_audit_entry entry = entry_of("secret.create", id, 0);
    const cf_store_change change = {.secret_put = s, .entry = &entry};
    uint64_t seq;
    return f->store.ops->change(f->store.self, &change, soon(), &seq);
}
