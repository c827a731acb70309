/* SPDX-License-Identifier: Apache-2.0 */
#include "host/kmsd/audit.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/codec/base64.h"
#include "core/crypto/primitives.h"
#include "core/kms/body.h"
#include "sys/linux/file.h"
#include "sys/linux/lock.h"
#include "sys/linux/log.h"
#include "sys/linux/net.h"

#define PATH_BYTES_MAX 4096
#define DAY_MS UINT64_C(86400000)

struct cf_audit {
    pthread_mutex_t lock;
    char folder[PATH_BYTES_MAX];
    uint64_t day; /* of the open file, since the epoch */
    int fd;
    int again;  /* the same file, opened once more: for cf_audit_sync */
    off_t end;  /* of the last whole line */
    bool dirty; /* lines that are perhaps not on the disk */
};

CF_MUST_USE cf_result cf_audit_open(const char *state, cf_audit **ret)
{
    *ret = NULL;
    CF_AUTO(cf_audit_free) cf_audit *a = cf_mem_new(1, sizeof *a);
    CF_REQUIRE(a != NULL, NO_MEMORY);
    a->fd = -1;
    a->again = -1;
    CF_REQUIRE(pthread_mutex_init(&a->lock, NULL) == 0, NO_MEMORY);
    int n = snprintf(a->folder, sizeof a->folder, "%s/audit", state);
    CF_REQUIRE(n > 0 && (size_t)n < sizeof a->folder, ARGUMENT);
    CF_TRY(cf_folder_make(a->folder));
    *ret = a;
    a = NULL;
    return cf_ok();
}

void cf_audit_free(cf_audit **a)
{
    if (*a != NULL) {
        cf_ignore(cf_audit_sync(*a));
        cf_fd_close(&(*a)->fd);
        cf_fd_close(&(*a)->again);
        (void)pthread_mutex_destroy(&(*a)->lock);
        cf_mem_free(*a);
        *a = NULL;
    }
}

/* --- the line --- */

static void put_text(cf_kms_body *b, const char *name, const char *value)
{
    if (value != NULL && *value != '\0') {
        cf_kms_body_name(b, name);
        cf_kms_body_str(b, cf_view_str(value));
    }
}

static void put_time(cf_kms_body *b, uint64_t at_ms)
{
    char seconds[32], text[48];
    struct tm tm = {0};
    time_t s = (time_t)(at_ms / 1000);
    (void)gmtime_r(&s, &tm);
    (void)strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &tm);
    (void)snprintf(text, sizeof text, "%s.%03uZ", seconds, (unsigned)(at_ms % 1000));
    put_text(b, "time", text);
}

static cf_result make_line(const cf_audit_entry *e, cf_buf *out)
{
    cf_kms_body b = cf_kms_body_to(out);
    cf_kms_body_open(&b, '{');
    put_time(&b, e->at_ms);
    put_text(&b, "request", e->request);
    put_text(&b, "caller", e->caller);
    put_text(&b, "operation", e->operation);
    put_text(&b, "key", e->key);
    put_text(&b, "source_key", e->source_key);
    put_text(&b, "alias", e->alias);
    put_text(&b, "grant", e->grant);
    put_text(&b, "principal", e->principal);
    if (e->context.len > 0) {
        cf_digest d;
        CF_TRY(cf_hash_of(CF_SHA256, e->context, &d));
        cf_kms_body_name(&b, "context_sha256");
        cf_kms_body_hex(&b, cf_digest_view(&d));
    }
    put_text(&b, "attested", e->stage);
    if (e->module.len > 0) {
        cf_kms_body_name(&b, "module");
        cf_kms_body_str(&b, e->module);
        put_text(&b, "pcr0", e->pcr0);
    }
    if (e->dry_run) {
        cf_kms_body_name(&b, "dry_run");
        cf_kms_body_bool(&b, true);
    }
    put_text(&b, "outcome", e->outcome);
    cf_kms_body_close(&b, '}');
    CF_TRY(cf_kms_body_end(&b));
    return cf_buf_append(out, CF_LIT("\n"));
}

/* --- the file --- */

/* A line that a crash of the machine has cut is ended, so that the next one is whole. */
static cf_result end_last_line(int fd, off_t *end)
{
    char last = '\n';
    if (*end > 0) {
        CF_REQUIRE(pread(fd, &last, 1, *end - 1) == 1, IO);
    }
    if (last != '\n') {
        CF_REQUIRE(write(fd, "\n", 1) == 1, IO);
        (*end)++;
    }
    return cf_ok();
}

static cf_result sync_held(cf_audit *a)
{
    if (a->dirty && a->fd >= 0) {
        CF_REQUIRE(fdatasync(a->fd) == 0, IO);
    }
    a->dirty = false;
    return cf_ok();
}

static cf_result open_day(cf_audit *a, uint64_t day)
{
    char path[PATH_BYTES_MAX + 32], name[32];
    struct tm tm = {0};
    struct stat st;
    time_t s = (time_t)(day * (DAY_MS / 1000));
    (void)gmtime_r(&s, &tm);
    (void)strftime(name, sizeof name, "%Y-%m-%d.jsonl", &tm);
    (void)snprintf(path, sizeof path, "%s/%s", a->folder, name);
    CF_TRY(sync_held(a));
    CF_FD(fd);
    CF_FD(again);
    fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
    CF_REQUIRE(fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode), IO);
    off_t end = st.st_size;
    again = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
    CF_REQUIRE(again >= 0, IO);
    CF_TRY(end_last_line(fd, &end));
    CF_TRY(cf_folder_sync(a->folder));
    cf_fd_close(&a->fd);
    cf_fd_close(&a->again);
    a->fd = fd;
    a->again = again;
    fd = again = -1;
    a->end = end;
    a->day = day;
    return cf_ok();
}

static cf_result write_line(cf_audit *a, cf_view line)
{
    ssize_t n = write(a->fd, line.data, line.len);
    if (n != (ssize_t)line.len) {
        if (n > 0 && ftruncate(a->fd, a->end) != 0) {
            cf_fd_close(&a->fd); /* opening it again ends the line */
        }
        return cf_fail(CF_ERR_IO);
    }
    a->end += (off_t)line.len;
    a->dirty = true;
    return cf_ok();
}

CF_MUST_USE cf_result cf_audit_append(cf_audit *a, const cf_audit_entry *e, bool sync)
{
    CF_BUF(line);
    CF_TRY(make_line(e, &line));
    CF_AUTO(cf_unlock) CF_HELD pthread_mutex_t *held = cf_hold(&a->lock);
    uint64_t day = e->at_ms / DAY_MS;
    if (a->fd < 0 || day > a->day) { /* a clock that steps back over midnight stays in its file */
        CF_TRY(open_day(a, day));
    }
    CF_TRY(write_line(a, cf_buf_view(&line)));
    return sync ? sync_held(a) : cf_ok();
}

/* Without the lock: nobody's request waits for a disk because of it. And through an opening of its own: what could not be written is
 * told once to each, and a request whose line it was must not take it for written because this has been told. */
CF_MUST_USE cf_result cf_audit_sync(cf_audit *a)
{
    CF_FD(fd);
    (void)pthread_mutex_lock(&a->lock);
    bool due = a->dirty && a->fd >= 0;
    if (due) {
        fd = fcntl(a->again, F_DUPFD_CLOEXEC, 0);
    }
    bool failed = due && fd < 0;
    a->dirty = failed;
    (void)pthread_mutex_unlock(&a->lock);
    if (fd >= 0 && fdatasync(fd) != 0) {
        failed = true;
        (void)pthread_mutex_lock(&a->lock);
        a->dirty = true;
        (void)pthread_mutex_unlock(&a->lock);
    }
    CF_REQUIRE(!failed, IO);
    return cf_ok();
}
