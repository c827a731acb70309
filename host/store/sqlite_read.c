/* SPDX-License-Identifier: Apache-2.0 */
/* Reads of the SQLite store: a pool of connections, each serving one caller at a time. */
#include <string.h>

#include "host/store/sqlite_priv.h"

typedef struct {
    cf_store_sqlite *store;
    store_conn *conn;
} lease;

static lease lease_take(cf_store_sqlite *s)
{
    pthread_mutex_lock(&s->pool_lock);
    while (s->idle_n == 0) {
        pthread_cond_wait(&s->pool_freed, &s->pool_lock);
    }
    lease l = {s, s->idle[--s->idle_n]};
    pthread_mutex_unlock(&s->pool_lock);
    return l;
}

static void lease_end(lease *l)
{
    cf_store_sqlite *s = l->store;
    pthread_mutex_lock(&s->pool_lock);
    s->idle[s->idle_n++] = l->conn;
    pthread_cond_signal(&s->pool_freed);
    pthread_mutex_unlock(&s->pool_lock);
}
/* A connection until the scope ends. Declared before its statements, so that these end first. */
#define LEASE(name, self) CF_AUTO(lease_end) lease name = lease_take(self)

CF_MUST_USE cf_result cf_store_pool_open(cf_store_sqlite *s, size_t readers)
{
    for (size_t i = 0; i < readers; i++) {
        store_conn *c = &s->readers[i];
        CF_TRY(cf_store_conn_open(c, s->path, s->read_only));
        s->readers_n++;
        s->idle[s->idle_n++] = c;
        CF_TRY(cf_store_conn_run(c, "PRAGMA query_only = ON; PRAGMA cache_size = -4096"));
        if (!s->read_only) {
            CF_TRY(cf_store_conn_ready(c, s->roots));
        }
    }
    return cf_ok();
}

void cf_store_pool_close(cf_store_sqlite *s)
{
    for (size_t i = 0; i < s->readers_n; i++) {
        cf_store_conn_close(&s->readers[i]);
    }
    s->readers_n = s->idle_n = 0;
}

/* The next row: ok, absent when there is none, or what failed. */
static cf_result step(sqlite3_stmt *s, cf_err absent)
{
    CF_REQUIRE(s != NULL, STORE_UNAVAILABLE);
    int code = cf_store_step(s);
    return code == SQLITE_DONE ? cf_fail(absent) : cf_store_code(code);
}

CF_MUST_USE cf_result cf_store_get(void *self, cf_view id, cf_buf *ret_row, cf_buf *ret_seal)
{
    size_t row_len = ret_row->len, seal_len = ret_seal->len;
    LEASE(l, self);
    STORE_STMT(s, l.conn, STMT_ROW);
    CF_REQUIRE(cf_store_bind_text(s, 1, id), STORE_UNAVAILABLE);
    CF_TRY(step(s, CF_ERR_VAULT_UNKNOWN));
    cf_result r = cf_buf_append(ret_row, cf_store_column(s, 0));
    if (cf_is_ok(r)) {
        r = cf_buf_append(ret_seal, cf_store_column(s, 1));
    }
    if (!cf_is_ok(r)) {
        ret_row->len = row_len;
        ret_seal->len = seal_len;
    }
    return r;
}

/* Text of a column into a place of fixed size with its NUL. False when it does not fit or holds a NUL. */
static bool column_chars(sqlite3_stmt *s, int i, char *to, size_t room)
{
    cf_view v = cf_store_column(s, i);
    if (v.len >= room || (v.len > 0 && memchr(v.data, 0, v.len) != NULL)) {
        return false;
    }
    cf_copy(to, v.data, v.len);
    return true;
}

static uint64_t column_u64(sqlite3_stmt *s, int i)
{
    return (uint64_t)sqlite3_column_int64(s, i);
}

/* The token of the row that the statement stands on, its seal checked. */
static cf_result token_read(const cf_secret *audit_key, sqlite3_stmt *s, cf_token *ret)
{
    cf_token t = {.created_ms = column_u64(s, 4),
                  .expires_ms = column_u64(s, 5),
                  .revoked_ms = column_u64(s, 6)};
    bool fits = column_chars(s, 0, t.id, sizeof t.id) && column_chars(s, 1, t.name, sizeof t.name);
    cf_view hash = cf_store_column(s, 2);
    uint64_t scopes = column_u64(s, 3);
    CF_REQUIRE(fits && t.id[0] != '\0' && hash.len == sizeof t.hash, ROW_ALTERED);
    CF_REQUIRE(scopes <= UINT32_MAX, ROW_ALTERED);
    cf_copy(t.hash, hash.data, sizeof t.hash);
    t.scopes = (uint32_t)scopes;
    uint8_t seal[CF_ROW_SEAL_BYTES];
    cf_result sealed = cf_token_seal(audit_key, &t, seal);
    CF_REQUIRE(sealed.code != CF_ERR_UTF8, ROW_ALTERED);
    CF_TRY(sealed);
    bool same = cf_ct_eq(CF_VIEW_OF(seal), cf_store_column(s, 7));
    cf_wipe(seal, sizeof seal);
    CF_REQUIRE(same, ROW_ALTERED);
    *ret = t;
    return cf_ok();
}

CF_MUST_USE cf_result cf_store_token_by_hash(void *self, const uint8_t hash[32], cf_token *ret)
{
    *ret = (cf_token){.scopes = 0};
    LEASE(l, self);
    STORE_STMT(s, l.conn, STMT_TOKEN_BY_HASH);
    CF_REQUIRE(cf_store_bind_blob(s, 1, cf_view_make(hash, 32)), STORE_UNAVAILABLE);
    CF_TRY(step(s, CF_ERR_NOT_FOUND));
    return token_read(&l.store->audit_key, s, ret);
}

CF_MUST_USE cf_result cf_store_token_by_id(void *self, const char *id, cf_token *ret)
{
    *ret = (cf_token){.scopes = 0};
    LEASE(l, self);
    STORE_STMT(s, l.conn, STMT_TOKEN_BY_ID);
    CF_REQUIRE(cf_store_bind_text(s, 1, cf_view_str(id)), STORE_UNAVAILABLE);
    CF_TRY(step(s, CF_ERR_NOT_FOUND));
    return token_read(&l.store->audit_key, s, ret);
}

static bool is_id_character(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

/* For a list, which one altered row must not keep from being told. What it says of itself is nobody's word but for the id, which
 * is what it can be looked for by. */
static cf_result token_listed(const cf_secret *audit_key, sqlite3_stmt *s, cf_token *ret)
{
    cf_result r = token_read(audit_key, s, ret);
    if (r.code != CF_ERR_ROW_ALTERED) {
        return r;
    }
    *ret = (cf_token){.altered = true};
    cf_view id = cf_store_column(s, 0);
    for (size_t i = 0; i < id.len && i + 1 < sizeof ret->id; i++) {
        ret->id[i] = is_id_character(id.data[i]) ? (char)id.data[i] : '?';
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_store_tokens_walk(void *self, cf_store_token_fn *fn, void *ctx)
{
    LEASE(l, self);
    STORE_STMT(s, l.conn, STMT_TOKENS);
    cf_result r = cf_ok();
    while (cf_is_ok(r = step(s, CF_ERR_NOT_FOUND))) {
        cf_token t;
        CF_TRY(token_listed(&l.store->audit_key, s, &t));
        if (!fn(ctx, &t)) {
            return cf_ok();
        }
    }
    return r.code == CF_ERR_NOT_FOUND ? cf_ok() : r;
}

/* The secret of the row that the statement stands on, its seal checked. */
static cf_result secret_read(const cf_secret *audit_key, sqlite3_stmt *s, cf_store_secret *ret)
{
    cf_store_secret got = {.kms_key = cf_store_column(s, 1),
                           .wrapped = cf_store_column(s, 2),
                           .created_ms = column_u64(s, 3)};
    uint8_t seal[CF_ROW_SEAL_BYTES];
    CF_REQUIRE(column_chars(s, 0, got.name, sizeof got.name), ROW_ALTERED);
    cf_result sealed = cf_secret_seal(audit_key, &got, seal);
    CF_REQUIRE(sealed.code != CF_ERR_ARGUMENT && sealed.code != CF_ERR_UTF8 &&
                   sealed.code != CF_ERR_SIZE,
               ROW_ALTERED);
    CF_TRY(sealed);
    bool same = cf_ct_eq(CF_VIEW_OF(seal), cf_store_column(s, 4));
    cf_wipe(seal, sizeof seal);
    CF_REQUIRE(same, ROW_ALTERED);
    *ret = got;
    return cf_ok();
}

/* One altered row must not keep the others from being told; of it only what it may be looked for by. */
static cf_result secret_listed(const cf_secret *audit_key, sqlite3_stmt *s, cf_store_secret *ret)
{
    cf_result r = secret_read(audit_key, s, ret);
    if (r.code != CF_ERR_ROW_ALTERED) {
        return r;
    }
    *ret = (cf_store_secret){.altered = true};
    cf_view name = cf_store_column(s, 0);
    for (size_t i = 0; i < name.len && i + 1 < sizeof ret->name; i++) {
        bool plain = is_id_character(name.data[i]) || name.data[i] == '-';
        ret->name[i] = plain ? (char)name.data[i] : '?';
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_store_secrets_walk(void *self, cf_store_secret_fn *fn, void *ctx)
{
    LEASE(l, self);
    if (l.store->format < STORE_FORMAT) {
        return cf_ok(); /* it has none */
    }
    STORE_STMT(s, l.conn, STMT_SECRETS);
    cf_result r = cf_ok();
    while (cf_is_ok(r = step(s, CF_ERR_NOT_FOUND))) {
        cf_store_secret secret;
        CF_TRY(secret_listed(&l.store->audit_key, s, &secret));
        if (!fn(ctx, &secret)) {
            return cf_ok();
        }
    }
    return r.code == CF_ERR_NOT_FOUND ? cf_ok() : r;
}

typedef struct {
    cf_token *to;
    size_t n, max;
} token_list;

static bool token_add(void *ctx, const cf_token *t)
{
    token_list *list = ctx;
    if (list->n < list->max) {
        list->to[list->n++] = *t;
    }
    return list->n < list->max;
}

CF_MUST_USE cf_result cf_store_tokens(void *self, cf_token *ret, size_t max, size_t *ret_n)
{
    token_list list = {ret, 0, max};
    *ret_n = 0;
    CF_TRY(cf_store_tokens_walk(self, token_add, &list));
    *ret_n = list.n;
    return cf_ok();
}

static cf_result entries(sqlite3_stmt *s, cf_store_entry_fn *fn, void *ctx)
{
    cf_result r = cf_ok();
    while (cf_is_ok(r = step(s, CF_ERR_NOT_FOUND))) {
        const cf_store_entry e = {column_u64(s, 0), cf_store_column(s, 1), cf_store_column(s, 2),
                                  cf_store_column(s, 3)};
        if (!fn(ctx, &e)) {
            return cf_ok();
        }
    }
    return r.code == CF_ERR_NOT_FOUND ? cf_ok() : r;
}

CF_MUST_USE cf_result cf_store_audit_page(void *self, cf_view vault, uint64_t before, size_t max,
                                          cf_store_entry_fn *fn, void *ctx)
{
    LEASE(l, self);
    STORE_STMT(s, l.conn, vault.len == 0 ? STMT_ENTRIES_DOWN : STMT_ENTRIES_DOWN_VAULT);
    uint64_t below = before == 0 || before > INT64_MAX ? INT64_MAX : before;
    bool bound = cf_store_bind_u64(s, 1, below) && cf_store_bind_u64(s, 2, max) &&
                 (vault.len == 0 || cf_store_bind_text(s, 3, vault));
    CF_REQUIRE(bound, STORE_UNAVAILABLE);
    return entries(s, fn, ctx);
}

CF_MUST_USE cf_result cf_store_audit_walk(void *self, uint64_t from_seq, cf_store_entry_fn *fn,
                                          void *ctx)
{
    LEASE(l, self);
    STORE_STMT(s, l.conn, STMT_ENTRIES_UP);
    bool bound = from_seq == 0 ? sqlite3_bind_int64(s, 1, INT64_MIN) == SQLITE_OK
                               : cf_store_bind_u64(s, 1, from_seq);
    CF_REQUIRE(bound, STORE_UNAVAILABLE);
    return entries(s, fn, ctx);
}

CF_MUST_USE cf_result cf_store_audit_head(void *self, uint8_t ret[static CF_AUDIT_HEAD_BYTES])
{
    cf_wipe(ret, CF_AUDIT_HEAD_BYTES);
    LEASE(l, self);
    STORE_STMT(s, l.conn, STMT_HEAD);
    CF_TRY(step(s, CF_ERR_NOT_FOUND));
    cf_view head = cf_store_column(s, 0);
    CF_REQUIRE(head.len == CF_AUDIT_HEAD_BYTES, AUDIT_ALTERED);
    cf_copy(ret, head.data, head.len);
    cf_result second = step(s, CF_ERR_NOT_FOUND);
    if (second.code != CF_ERR_NOT_FOUND) {
        cf_wipe(ret, CF_AUDIT_HEAD_BYTES);
        return cf_is_ok(second) ? cf_fail(CF_ERR_AUDIT_ALTERED) : second;
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_store_rows_walk(void *self, cf_store_row_fn *fn, void *ctx)
{
    LEASE(l, self);
    STORE_STMT(s, l.conn, STMT_ROWS);
    cf_result r = cf_ok();
    while (cf_is_ok(r = step(s, CF_ERR_NOT_FOUND))) {
        if (!fn(ctx, cf_store_column(s, 0), column_u64(s, 1), cf_store_column(s, 2),
                cf_store_column(s, 3))) {
            return cf_ok();
        }
    }
    return r.code == CF_ERR_NOT_FOUND ? cf_ok() : r;
}

/* Not one of the connection's statements: SQLite compiles this one anew for every run. */
static cf_result pages_check(store_conn *c, bool *ret)
{
    sqlite3_stmt *s = NULL;
    int code = sqlite3_prepare_v2(c->db, "PRAGMA integrity_check(1)", -1, &s, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(s);
    }
    *ret = code == SQLITE_ROW && cf_view_eq(cf_store_column(s, 0), CF_LIT("ok"));
    sqlite3_finalize(s);
    return (code & 0xFF) == SQLITE_CORRUPT ? cf_ok() : cf_store_code(code);
}

CF_MUST_USE cf_result cf_store_structure(void *self, bool *ret_schema, bool *ret_pages)
{
    *ret_schema = *ret_pages = false;
    int64_t roots[STORE_SCHEMA_OBJECTS] = {0};
    LEASE(l, self);
    cf_result r = cf_store_schema_check(l.conn, l.store->format, roots);
    bool schema = cf_is_ok(r);
    if (!schema && r.code != CF_ERR_AUDIT_ALTERED) {
        return r;
    }
    CF_TRY(pages_check(l.conn, ret_pages));
    *ret_schema = schema;
    return cf_ok();
}
