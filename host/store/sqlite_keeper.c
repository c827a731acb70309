/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper: a thread beside the writer, so that no change waits for it. It copies the write-ahead log into the database file,
 * and the head into the anchor. */
#include <dirent.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "host/store/sqlite_priv.h"
#include "sys/linux/clock.h"
#include "sys/linux/file.h"

#define KEEPER_WAKE_MS 250
#define ANCHOR_MODE 0600

/* Copies what it can without making anybody wait. The writer, told so, copies the rest at its next turn: only a log that is
 * copied to its end is written again from its start, and under load there is always a rest. */
static void log_copy(cf_store_sqlite *s)
{
    int code = sqlite3_wal_checkpoint_v2(s->keeper.db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    pthread_mutex_lock(&s->lock);
    s->log_copied = code == SQLITE_OK;
    s->log_pages = 0; /* until the next commit tells */
    pthread_mutex_unlock(&s->lock);
}

/* A head that cannot be written is tried again the next time; the store itself is what is durable. */
static void anchor_write(cf_store_sqlite *s, const uint8_t head[static CF_AUDIT_HEAD_BYTES])
{
    s->anchored_ms = cf_clock_mono_ms();
    cf_view sealed = cf_view_make(head, CF_AUDIT_HEAD_BYTES);
    if (cf_is_ok(cf_file_write(s->anchor_path, sealed, ANCHOR_MODE))) {
        cf_copy(s->anchored, head, CF_AUDIT_HEAD_BYTES);
    }
}

void cf_store_anchor_first(cf_store_sqlite *s)
{
    static const uint8_t none[CF_AUDIT_HEAD_BYTES];
    if (s->anchor_path != NULL && cf_view_eq(CF_VIEW_OF(s->anchored), CF_VIEW_OF(none))) {
        anchor_write(s, s->head_sealed);
    }
}

CF_MUST_USE cf_result cf_store_anchor_file(const cf_store_sqlite *s, cf_buf *ret)
{
    CF_REQUIRE(s->anchor_path != NULL, NOT_FOUND);
    cf_result r = cf_file_read(s->anchor_path, CF_AUDIT_HEAD_BYTES, ret);
    return r.code == CF_ERR_SIZE ? cf_fail(CF_ERR_AUDIT_ALTERED) : r;
}

CF_MUST_USE cf_result cf_store_audit_anchor(void *self, cf_buf *ret)
{
    const cf_store_sqlite *s = self;
    if (!s->read_only) {
        return cf_store_anchor_file(s, ret);
    }
    CF_TRY(s->anchor_read);
    return cf_buf_append(ret, cf_buf_view(&s->anchor_then));
}

void cf_store_anchor_tidy(const cf_store_sqlite *s)
{
    const char *slash = s->anchor_path == NULL ? NULL : strrchr(s->anchor_path, '/');
    if (slash == NULL) {
        return;
    }
    char *folder = cf_str_new(cf_view_make(s->anchor_path, (size_t)(slash + 1 - s->anchor_path)));
    DIR *entries = folder == NULL ? NULL : opendir(folder);
    cf_view name = cf_view_str(slash + 1);
    for (struct dirent *e = NULL; entries != NULL && (e = readdir(entries)) != NULL;) {
        if (cf_file_is_left_over(cf_view_str(e->d_name), name)) {
            (void)unlinkat(dirfd(entries), e->d_name, 0);
        }
    }
    if (entries != NULL) {
        (void)closedir(entries);
    }
    cf_mem_free(folder);
}

/* Whether the log holds what it should not hold any longer. Called with the lock held. */
static bool log_overdue(const cf_store_sqlite *s, uint64_t now_ms)
{
    return s->log_deleted || (s->log_used && now_ms - s->emptied_ms >= CF_STORE_LOG_KEEP_MS);
}

/* The writer empties the log, which is short work for it once the log is copied. While a reader of an older moment holds the log
 * that fails, and is tried again. */
static void log_empty(cf_store_sqlite *s, uint64_t now_ms)
{
    log_copy(s);
    s->empty_tried_ms = now_ms;
    pthread_mutex_lock(&s->lock);
    s->log_to_empty = true;
    pthread_cond_signal(&s->arrived);
    pthread_mutex_unlock(&s->lock);
}

/* Waits a while. False when the store closes. */
static bool keeper_wait(cf_store_sqlite *s, bool *ret_copy, bool *ret_empty, uint8_t *ret_head)
{
    uint64_t until_ms = cf_clock_mono_ms() + KEEPER_WAKE_MS;
    const struct timespec until = {.tv_sec = (time_t)(until_ms / 1000),
                                   .tv_nsec = (long)(until_ms % 1000) * 1000000};
    pthread_mutex_lock(&s->lock);
    int timed_out = 0;
    while (!s->closing && s->log_pages < CF_STORE_LOG_PAGES && timed_out == 0) {
        timed_out = pthread_cond_timedwait(&s->work, &s->lock, &until);
    }
    *ret_copy = s->log_pages >= CF_STORE_LOG_PAGES;
    *ret_empty = log_overdue(s, cf_clock_mono_ms());
    cf_copy(ret_head, s->head_sealed, CF_AUDIT_HEAD_BYTES);
    bool goes_on = !s->closing;
    pthread_mutex_unlock(&s->lock);
    return goes_on;
}

static bool anchor_differs(const cf_store_sqlite *s, const uint8_t *head)
{
    return s->anchor_path != NULL &&
           !cf_view_eq(cf_view_make(head, CF_AUDIT_HEAD_BYTES), CF_VIEW_OF(s->anchored));
}

static void *keeper_main(void *ctx)
{
    cf_store_sqlite *s = ctx;
    bool copy = false, empty = false;
    uint8_t head[CF_AUDIT_HEAD_BYTES];
    while (keeper_wait(s, &copy, &empty, head)) {
        uint64_t now_ms = cf_clock_mono_ms();
        if (empty && now_ms - s->empty_tried_ms >= CF_STORE_LOG_TRY_MS) {
            log_empty(s, now_ms);
        } else if (copy) {
            log_copy(s);
        }
        if (anchor_differs(s, head) && now_ms - s->anchored_ms >= CF_STORE_ANCHOR_MS) {
            anchor_write(s, head);
        }
    }
    return NULL;
}

CF_MUST_USE cf_result cf_store_keeper_start(cf_store_sqlite *s)
{
    CF_REQUIRE(pthread_create(&s->keeper_thread, NULL, keeper_main, s) == 0, NO_MEMORY);
    s->keeper_runs = true;
    return cf_ok();
}

void cf_store_keeper_stop(cf_store_sqlite *s)
{
    if (s->keeper_runs) {
        (void)pthread_join(s->keeper_thread, NULL);
        s->keeper_runs = false;
        if (anchor_differs(s, s->head_sealed)) {
            anchor_write(s, s->head_sealed);
        }
    }
}
