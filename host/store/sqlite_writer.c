/* SPDX-License-Identifier: Apache-2.0 */
/* The writer: one thread that owns the audit chain. It takes the changes that wait, up to CF_STORE_GROUP_MAX, writes them in
 * one transaction with one sync, and answers all of them when that is durable. */
#include <errno.h>
#include <time.h>

#include "host/store/sqlite_priv.h"
#include "sys/linux/clock.h"

#define LOG_EMPTY_WAIT_MS                                                                          \
    10 /* for readers, which are done in less unless they hold an older moment */
#define ENTRY_ARENA_BYTES                                                                          \
    ((CF_AUDIT_FIELDS_MAX + CF_AUDIT_EXPRESSIONS_MAX) * sizeof(cf_view) + 1024)

/* What one transaction takes. */
typedef struct {
    store_waiter *waiters[CF_STORE_GROUP_MAX];
    size_t n;
} group;

static void queue_remove(cf_store_sqlite *s, store_waiter *w)
{
    *(w->prev == NULL ? &s->first : &w->prev->next) = w->next;
    *(w->next == NULL ? &s->last : &w->next->prev) = w->prev;
    w->next = w->prev = NULL;
    s->queued--;
}

static void queue_add(cf_store_sqlite *s, store_waiter *w)
{
    w->prev = s->last;
    *(s->last == NULL ? &s->first : &s->last->next) = w;
    s->last = w;
    s->queued++;
}

/* Waits for the answer. A waiter that no transaction has taken leaves when its deadline passes; once it is taken only the outcome
 * is the truth. It waits on a semaphore of its own and not under the lock: a group's waiters would all wake only to queue for
 * that. */
static void waiter_wait(cf_store_sqlite *s, store_waiter *w, uint64_t deadline_ms)
{
    const struct timespec until = {.tv_sec = (time_t)(deadline_ms / 1000),
                                   .tv_nsec = (long)(deadline_ms % 1000) * 1000000};
    while (deadline_ms != CF_DEADLINE_NONE) {
        if (sem_clockwait(&w->done, CLOCK_MONOTONIC, &until) == 0) {
            return;
        }
        if (errno == ETIMEDOUT) {
            break;
        }
    }
    pthread_mutex_lock(&s->lock);
    bool left = deadline_ms != CF_DEADLINE_NONE && !w->taken;
    if (left) {
        queue_remove(s, w);
        w->result = cf_fail(CF_ERR_STORE_UNAVAILABLE);
    }
    pthread_mutex_unlock(&s->lock);
    while (!left && sem_wait(&w->done) != 0) {
        /* a signal's handler ran */
    }
}

static cf_result change_check(const cf_store_change *c)
{
    int puts = (c->put != NULL) + (c->token_put != NULL) + (c->secret_put != NULL);
    CF_REQUIRE(c->entry != NULL && puts <= 1, ARGUMENT);
    if (c->secret_put != NULL) {
        const cf_store_secret *secret = c->secret_put;
        CF_REQUIRE(secret->wrapped.len > 0 && secret->kms_key.len > 0, ARGUMENT);
        CF_REQUIRE(secret->wrapped.len <= CF_KMS_BLOB_BYTES_MAX, SIZE);
        CF_REQUIRE(secret->kms_key.len <= CF_KMS_KEY_ID_BYTES_MAX, SIZE);
    }
    if (c->put != NULL) {
        CF_REQUIRE(c->put->seal.len == CF_ROW_SEAL_BYTES && c->put->row.len > 0, ARGUMENT);
        CF_REQUIRE(c->put->row.len <= CF_ROW_BYTES_MAX, SIZE);
        CF_REQUIRE(c->put->version <= INT64_MAX && c->put->version_expected <= INT64_MAX, ARGUMENT);
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_store_change_make(void *self, const cf_store_change *change,
                                           uint64_t deadline_ms, uint64_t *ret_seq)
{
    cf_store_sqlite *s = self;
    *ret_seq = 0;
    CF_REQUIRE(!s->read_only, STATE);
    CF_TRY(change_check(change));
    store_waiter w = {.change = change};
    bool queued = false;
    (void)sem_init(&w.done, 0, 0);
    pthread_mutex_lock(&s->lock);
    if (s->closing) {
        w.result = cf_fail(CF_ERR_STORE_UNAVAILABLE);
    } else if (s->queued >= CF_STORE_QUEUE_MAX) {
        w.result = cf_fail(CF_ERR_BUSY);
    } else {
        queue_add(s, &w);
        queued = true;
    }
    pthread_mutex_unlock(&s->lock);
    if (queued) {
        pthread_cond_signal(&s->arrived);
        waiter_wait(s, &w, deadline_ms);
    }
    (void)sem_destroy(&w.done);
    *ret_seq = w.seq;
    return w.result;
}

/* True for an answer to one change, which leaves the transaction as it was; all else ends the transaction. */
static bool refused(cf_result r)
{
    return r.code == CF_ERR_EXISTS || r.code == CF_ERR_VAULT_UNKNOWN ||
           r.code == CF_ERR_VERSION_MISMATCH || r.code == CF_ERR_ROW_ALTERED ||
           r.code == CF_ERR_SIZE;
}

/* Why the row is not to be replaced, or was not: it is absent, of another version, or else it is not the log's. */
static cf_result why_not_replaced(store_conn *c, const cf_store_put *put)
{
    STORE_STMT(s, c, STMT_ROW_VERSION);
    CF_REQUIRE(cf_store_bind_text(s, 1, put->id), STORE_UNAVAILABLE);
    int code = cf_store_step(s);
    CF_TRY(cf_store_code(code));
    CF_REQUIRE(code == SQLITE_ROW, VAULT_UNKNOWN);
    bool expected = (uint64_t)sqlite3_column_int64(s, 0) == put->version_expected;
    return cf_fail(expected ? CF_ERR_ROW_ALTERED : CF_ERR_VERSION_MISMATCH);
}

/* Whether the entry is one that changed the row, and then whether it left the row that is to be replaced. */
static cf_result entry_compare(cf_view octets, const cf_store_put *put, bool *ret_found,
                               bool *ret_same)
{
    CF_ARENA(arena, ENTRY_ARENA_BYTES);
    cf_audit_entry e;
    cf_result r = cf_audit_decode(octets, &arena, &e);
    CF_REQUIRE(r.code != CF_ERR_NO_MEMORY, NO_MEMORY);
    *ret_found = cf_is_ok(r) && e.seal.len > 0 && cf_view_eq(e.vault, put->id);
    *ret_same = *ret_found && e.version == put->version_expected &&
                !cf_view_eq(e.action, CF_LIT("vault.delete"));
    return cf_ok();
}

/* A row that was put back must not be changed, since it would get a genuine seal and entry by that. What is not found among the
 * newest entries is left to the verification. */
static cf_result log_check(store_conn *c, const cf_store_put *put)
{
    STORE_STMT(s, c, STMT_ENTRIES_DOWN_VAULT);
    bool bound = cf_store_bind_u64(s, 1, INT64_MAX) &&
                 cf_store_bind_u64(s, 2, CF_STORE_LOOK_BACK) && cf_store_bind_text(s, 3, put->id);
    CF_REQUIRE(bound, STORE_UNAVAILABLE);
    bool found = false, same = false;
    int code = SQLITE_DONE;
    while (!found && (code = cf_store_step(s)) == SQLITE_ROW) {
        CF_TRY(entry_compare(cf_store_column(s, 3), put, &found, &same));
    }
    CF_TRY(cf_store_code(code));
    return found && !same ? why_not_replaced(c, put) : cf_ok();
}

static cf_result row_put(store_conn *c, const cf_store_put *put)
{
    bool create = put->kind == CF_PUT_CREATE;
    if (!create) {
        CF_TRY(log_check(c, put));
    }
    STORE_STMT(s, c, create ? STMT_ROW_CREATE : STMT_ROW_REPLACE);
    bool bound = cf_store_bind_text(s, 1, put->id) && cf_store_bind_u64(s, 2, put->version) &&
                 cf_store_bind_blob(s, 3, put->row) && cf_store_bind_blob(s, 4, put->seal) &&
                 (create || cf_store_bind_u64(s, 5, put->version_expected));
    CF_REQUIRE(bound, STORE_UNAVAILABLE);
    CF_TRY(cf_store_stmt_run(s));
    if (sqlite3_changes(c->db) == 1) {
        return cf_ok();
    }
    return create ? cf_fail(CF_ERR_EXISTS) : why_not_replaced(c, put);
}

/* Revoked tokens beyond the limit leave, the oldest first. Nobody can use them, and the log keeps what became of them. */
static cf_result tokens_trim(store_conn *c, const cf_token *kept)
{
    STORE_STMT(s, c, STMT_TOKENS_TRIM);
    bool bound = cf_store_bind_text(s, 1, cf_view_str(kept->id)) &&
                 cf_store_bind_u64(s, 2, CF_STORE_TOKENS_MAX);
    CF_REQUIRE(bound, STORE_UNAVAILABLE);
    int code = cf_store_step(s);
    CF_REQUIRE(code == SQLITE_DONE, STORE_UNAVAILABLE);
    return cf_ok();
}

static cf_result token_put(store_conn *c, const cf_token *t, cf_view seal, bool past_limit)
{
    uint64_t max = past_limit ? INT64_MAX : CF_STORE_TOKENS_MAX;
    STORE_STMT(s, c, STMT_TOKEN_PUT);
    bool bound = cf_store_bind_text(s, 1, cf_view_str(t->id)) &&
                 cf_store_bind_text(s, 2, cf_view_str(t->name)) &&
                 cf_store_bind_blob(s, 3, CF_VIEW_OF(t->hash)) &&
                 cf_store_bind_u64(s, 4, t->scopes) && cf_store_bind_u64(s, 5, t->created_ms) &&
                 cf_store_bind_u64(s, 6, t->expires_ms) && cf_store_bind_u64(s, 7, t->revoked_ms) &&
                 cf_store_bind_blob(s, 8, seal) && cf_store_bind_u64(s, 9, max);
    CF_REQUIRE(bound, STORE_UNAVAILABLE);
    int code = cf_store_step(s);
    CF_REQUIRE(code != SQLITE_CONSTRAINT_UNIQUE, EXISTS);
    CF_TRY(cf_store_code(code));
    CF_REQUIRE(sqlite3_changes(c->db) == 1, SIZE);
    return tokens_trim(c, t);
}

static cf_result secret_put(store_conn *c, const cf_store_secret *secret, cf_view seal)
{
    STORE_STMT(s, c, STMT_SECRET_PUT);
    bool bound = cf_store_bind_text(s, 1, cf_view_str(secret->name)) &&
                 cf_store_bind_text(s, 2, secret->kms_key) &&
                 cf_store_bind_blob(s, 3, secret->wrapped) &&
                 cf_store_bind_u64(s, 4, secret->created_ms) && cf_store_bind_blob(s, 5, seal) &&
                 cf_store_bind_u64(s, 6, CF_STORE_SECRETS_MAX);
    CF_REQUIRE(bound, STORE_UNAVAILABLE);
    int code = cf_store_step(s);
    CF_REQUIRE(code != SQLITE_CONSTRAINT_PRIMARYKEY, EXISTS);
    CF_TRY(cf_store_code(code));
    CF_REQUIRE(sqlite3_changes(c->db) == 1, SIZE);
    return cf_ok();
}

static cf_result entry_put(store_conn *c, const cf_audit_head *at, cf_view vault, cf_view entry)
{
    STORE_STMT(s, c, STMT_ENTRY_PUT);
    bool bound = cf_store_bind_u64(s, 1, at->seq) && cf_store_bind_text(s, 2, vault) &&
                 cf_store_bind_blob(s, 3, CF_VIEW_OF(at->hash)) && cf_store_bind_blob(s, 4, entry);
    CF_REQUIRE(bound, STORE_UNAVAILABLE);
    int code = cf_store_step(s);
    /* An entry where the head says that there is none. */
    CF_REQUIRE((code & 0xFF) != SQLITE_CONSTRAINT, AUDIT_ALTERED);
    CF_TRY(cf_store_code(code));
    CF_REQUIRE(sqlite3_changes(c->db) == 1, AUDIT_ALTERED);
    return cf_ok();
}

/* Encodes the entry as the one after the head. */
static cf_result entry_encode(cf_store_sqlite *s, const cf_store_change *c, uint64_t seq,
                              uint8_t seal[static CF_ROW_SEAL_BYTES])
{
    cf_audit_entry e = *c->entry;
    e.seq = seq;
    if (c->token_put != NULL) {
        CF_TRY(cf_token_seal(&s->audit_key, c->token_put, seal));
    } else if (c->secret_put != NULL) {
        CF_TRY(cf_secret_seal(&s->audit_key, c->secret_put, seal));
    }
    if (c->token_put != NULL || c->secret_put != NULL) {
        e.seal = cf_view_make(seal, CF_ROW_SEAL_BYTES);
    }
    s->entry.len = 0;
    return cf_audit_encode(&e, &s->entry);
}

/* Writes one change behind the head and advances it. A change that is refused has its answer and has written nothing; an error
 * is the transaction's. What can be refused comes first, so that nothing needs taking back. */
static cf_result change_write(cf_store_sqlite *s, store_waiter *w, cf_audit_head *head)
{
    const cf_store_change *c = w->change;
    uint8_t seal[CF_ROW_SEAL_BYTES];
    w->result = entry_encode(s, c, head->seq + 1, seal);
    if (!cf_is_ok(w->result)) {
        return cf_ok();
    }
    if (c->put != NULL) {
        w->result = row_put(&s->writer, c->put);
    } else if (c->token_put != NULL) {
        w->result = token_put(&s->writer, c->token_put, CF_VIEW_OF(seal), c->token_past_limit);
    } else if (c->secret_put != NULL) {
        w->result = secret_put(&s->writer, c->secret_put, CF_VIEW_OF(seal));
    }
    if (!cf_is_ok(w->result)) {
        return refused(w->result) ? cf_ok() : w->result;
    }
    CF_TRY(cf_audit_chain(head, cf_buf_view(&s->entry)));
    w->seq = head->seq;
    return entry_put(&s->writer, head, c->entry->vault, cf_buf_view(&s->entry));
}

/* The entries behind our head lead to that one. A chain that is whole in itself but another than ours does not. */
static cf_result head_follows(cf_store_sqlite *s, const cf_audit_head *head)
{
    cf_audit_head at = s->head;
    int code = SQLITE_DONE;
    STORE_STMT(stmt, &s->writer, STMT_ENTRIES_UP);
    CF_REQUIRE(cf_store_bind_u64(stmt, 1, at.seq + 1), STORE_UNAVAILABLE);
    while (at.seq < head->seq && (code = cf_store_step(stmt)) == SQLITE_ROW) {
        CF_REQUIRE((uint64_t)sqlite3_column_int64(stmt, 0) == at.seq + 1, AUDIT_ALTERED);
        CF_TRY(cf_audit_chain(&at, cf_store_column(stmt, 3)));
    }
    CF_TRY(cf_store_code(code));
    bool same = at.seq == head->seq && cf_view_eq(CF_VIEW_OF(at.hash), CF_VIEW_OF(head->hash));
    CF_REQUIRE(same, AUDIT_ALTERED);
    return cf_ok();
}

/* The stored head. It is the one in memory but after a transaction whose outcome was not told, or when another process that
 * holds the key has written; an older one is a store put back behind our back. */
static cf_result head_read(cf_store_sqlite *s, cf_audit_head *ret)
{
    STORE_STMT(stmt, &s->writer, STMT_HEAD);
    CF_REQUIRE(stmt != NULL, STORE_UNAVAILABLE);
    int code = cf_store_step(stmt);
    CF_TRY(cf_store_code(code));
    CF_REQUIRE(code == SQLITE_ROW, AUDIT_ALTERED);
    *ret = s->head;
    if (cf_view_eq(cf_store_column(stmt, 0), CF_VIEW_OF(s->head_sealed))) {
        return cf_ok();
    }
    CF_TRY(cf_audit_head_open(&s->audit_key, cf_store_column(stmt, 0), ret));
    CF_REQUIRE(ret->seq > s->head.seq, AUDIT_ALTERED);
    return head_follows(s, ret);
}

static cf_result head_put(cf_store_sqlite *s, cf_view sealed)
{
    STORE_STMT(stmt, &s->writer, STMT_HEAD_PUT);
    CF_REQUIRE(cf_store_bind_blob(stmt, 1, sealed), STORE_UNAVAILABLE);
    CF_TRY(cf_store_stmt_run(stmt));
    CF_REQUIRE(sqlite3_changes(s->writer.db) == 1, AUDIT_ALTERED); /* one head, not two */
    return cf_ok();
}

static cf_result run(cf_store_sqlite *s, store_stmt id)
{
    return cf_store_stmt_run(cf_store_stmt(&s->writer, id));
}

/* Whether a change that was made took something out of a row: then the log still has it, and is to be emptied soon. */
static bool group_deletes(const group *g)
{
    static const cf_view ending = CF_LIT_INIT(".delete");
    bool some = false;
    for (size_t i = 0; i < g->n && !some; i++) {
        const cf_store_change *c = g->waiters[i]->change;
        cf_view action = c->entry->action;
        some = cf_is_ok(g->waiters[i]->result) && c->put != NULL && action.len > ending.len &&
               cf_view_eq(cf_view_sub(action, action.len - ending.len, ending.len), ending);
    }
    return some;
}

/* All changes of the group and the new head, durable. */
static cf_result group_write(cf_store_sqlite *s, group *g)
{
    cf_audit_head head;
    uint8_t sealed[CF_AUDIT_HEAD_BYTES];
    CF_TRY(cf_store_schema_check(&s->writer, STORE_FORMAT, s->roots));
    CF_TRY(head_read(s, &head));
    uint64_t seq = head.seq;
    for (size_t i = 0; i < g->n; i++) {
        CF_TRY(change_write(s, g->waiters[i], &head));
    }
    CF_TRY(cf_audit_head_seal(&s->audit_key, &head, sealed));
    if (head.seq > seq) {
        CF_TRY(head_put(s, CF_VIEW_OF(sealed)));
    }
    CF_TRY(run(s, STMT_COMMIT));
    s->head = head;
    pthread_mutex_lock(&s->lock);
    cf_copy(s->head_sealed, sealed, sizeof sealed);
    s->log_deleted = s->log_deleted || group_deletes(g);
    s->stats.changes += head.seq - seq;
    s->stats.refused += g->n - (size_t)(head.seq - seq);
    s->stats.transactions += head.seq > seq;
    pthread_mutex_unlock(&s->lock);
    return cf_ok();
}

/* Everybody of a failed group gets the same answer: a refusal may have rested on a change that is now undone. */
static void group_fail(cf_store_sqlite *s, group *g, cf_result why)
{
    int code = sqlite3_extended_errcode(s->writer.db);
    if (sqlite3_get_autocommit(s->writer.db) == 0) {
        cf_ignore(run(s, STMT_ROLLBACK));
    }
    bool altered = why.code == CF_ERR_AUDIT_ALTERED;
    for (size_t i = 0; i < g->n; i++) {
        g->waiters[i]->result = cf_fail(altered ? CF_ERR_AUDIT_ALTERED : CF_ERR_STORE_UNAVAILABLE);
        g->waiters[i]->seq = 0;
    }
    pthread_mutex_lock(&s->lock);
    s->stats.failed++;
    s->stats.sqlite_code = code;
    pthread_mutex_unlock(&s->lock);
}

/* What the writer has to do next. */
typedef struct {
    bool changes, finish_log, empty_log;
} turn;

/* Waits for a turn. False when the store closes and no change is left. */
static bool writer_wait(cf_store_sqlite *s, turn *ret)
{
    pthread_mutex_lock(&s->lock);
    while (s->first == NULL && !s->closing && !s->log_to_empty) {
        pthread_cond_wait(&s->arrived, &s->lock);
    }
    *ret = (turn){s->first != NULL, s->log_copied, s->log_to_empty};
    bool goes_on = ret->changes || !s->closing;
    s->log_copied = s->log_to_empty = false;
    pthread_mutex_unlock(&s->lock);
    return goes_on;
}

static void group_take(cf_store_sqlite *s, group *g)
{
    pthread_mutex_lock(&s->lock);
    for (g->n = 0; g->n < CF_STORE_GROUP_MAX && s->first != NULL; g->n++) {
        store_waiter *w = s->first;
        queue_remove(s, w);
        w->taken = true;
        g->waiters[g->n] = w;
    }
    pthread_mutex_unlock(&s->lock);
}

static void group_answer(cf_store_sqlite *s, group *g)
{
    for (size_t i = 0; i < g->n; i++) {
        (void)sem_post(&g->waiters[i]->done); /* it is gone from here on */
    }
    pthread_mutex_lock(&s->lock);
    if (s->log_pages >= CF_STORE_LOG_PAGES) {
        pthread_cond_signal(&s->work);
    }
    pthread_mutex_unlock(&s->lock);
}

/* Called by SQLite after each commit, in the writer's thread. */
static int note_log(void *ctx, sqlite3 *db, const char *name, int pages)
{
    cf_store_sqlite *s = ctx;
    (void)db;
    (void)name;
    pthread_mutex_lock(&s->lock);
    s->log_pages = pages;
    s->log_used = true;
    pthread_mutex_unlock(&s->lock);
    return SQLITE_OK;
}

void cf_store_log_empty(cf_store_sqlite *s)
{
    sqlite3_busy_timeout(s->writer.db, LOG_EMPTY_WAIT_MS);
    int code =
        sqlite3_wal_checkpoint_v2(s->writer.db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite3_busy_timeout(s->writer.db, CF_STORE_LOCK_TIMEOUT_MS);
    pthread_mutex_lock(&s->lock);
    s->log_used = s->log_deleted = code != SQLITE_OK;
    if (code == SQLITE_OK) {
        s->emptied_ms = cf_clock_mono_ms();
        s->log_pages = 0;
    }
    pthread_mutex_unlock(&s->lock);
}

/* What came in while the keeper copied: a little, and then the log starts again from its beginning. */
static void log_finish(cf_store_sqlite *s)
{
    (void)sqlite3_wal_checkpoint_v2(s->writer.db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

static void *writer_main(void *ctx)
{
    cf_store_sqlite *s = ctx;
    group g = {.n = 0};
    turn t = {.changes = false};
    while (writer_wait(s, &t)) {
        if (t.empty_log) {
            cf_store_log_empty(s);
        } else if (t.finish_log) {
            log_finish(s);
        }
        if (!t.changes) {
            continue;
        }
        /* Before the group is taken: a locked database may take its time, and whose deadline passes meanwhile may go. */
        cf_result r = run(s, STMT_BEGIN_WRITE);
        group_take(s, &g);
        if (cf_is_ok(r)) {
            r = group_write(s, &g);
        }
        if (!cf_is_ok(r)) {
            group_fail(s, &g, r);
        }
        group_answer(s, &g);
    }
    return NULL;
}

CF_MUST_USE cf_result cf_store_writer_start(cf_store_sqlite *s)
{
    (void)sqlite3_wal_hook(s->writer.db, note_log, s);
    CF_REQUIRE(pthread_create(&s->writer_thread, NULL, writer_main, s) == 0, NO_MEMORY);
    s->writer_runs = true;
    return cf_ok();
}

void cf_store_writer_stop(cf_store_sqlite *s)
{
    pthread_mutex_lock(&s->lock);
    s->closing = true;
    pthread_cond_broadcast(&s->arrived);
    pthread_cond_broadcast(&s->work);
    pthread_mutex_unlock(&s->lock);
    if (s->writer_runs) {
        (void)pthread_join(s->writer_thread, NULL);
        s->writer_runs = false;
    }
}
