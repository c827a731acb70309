/* SPDX-License-Identifier: Apache-2.0 */
/* Host side only. */
#include "sys/linux/file.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/linux/errno_priv.h"
#include "sys/linux/net.h"

#define FILE_READ_BYTES ((size_t)64 << 10)
#define FOLDER_MODE 0700
#define TEMPORARY ".part-"     /* behind the final name, and behind it: */
#define TEMPORARY_END "XXXXXX" /* for mkostemp */

static CF_MUST_USE cf_result read_all(int fd, size_t max, cf_buf *out)
{
    size_t before = out->len;
    for (;;) {
        CF_TRY(cf_buf_reserve(out, FILE_READ_BYTES));
        ssize_t n = read(fd, out->data + out->len, FILE_READ_BYTES);
        if (n == 0) {
            return cf_ok();
        }
        if (n < 0 && errno == EINTR) {
            continue;
        }
        CF_REQUIRE(n > 0, IO);
        out->len += (size_t)n;
        CF_REQUIRE(out->len - before <= max, SIZE);
    }
}

/* As read_all; on failure out is as before. */
static CF_MUST_USE cf_result read_whole(int fd, size_t max, cf_buf *out)
{
    size_t before = out->len;
    cf_result r = read_all(fd, max, out);
    if (!cf_is_ok(r) && out->len > before) {
        cf_wipe(out->data + before, out->len - before);
        out->len = before;
    }
    return r;
}

CF_MUST_USE cf_result cf_file_read(const char *path, size_t max, cf_buf *out)
{
    CF_FD(fd);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return cf_errno_result(errno);
    }
    return read_whole(fd, max, out);
}

static CF_MUST_USE cf_result write_all(int fd, cf_view v)
{
    for (size_t done = 0; done < v.len;) {
        ssize_t n = write(fd, v.data + done, v.len - done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        CF_REQUIRE(n > 0, IO);
        done += (size_t)n;
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_folder_sync(const char *path)
{
    CF_FD(fd);
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CF_REQUIRE(fd >= 0 && fsync(fd) == 0, IO);
    return cf_ok();
}

/* The folder of a path, which holds its name: what a rename must reach the disk in. */
static CF_MUST_USE cf_result folder_sync(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : (slash == path ? 1 : (size_t)(slash - path));
    CF_REQUIRE(len < sizeof folder, SIZE);
    cf_copy(folder, path, len);
    folder[len] = '\0';
    return cf_folder_sync(len == 0 ? "." : folder);
}

/* A temporary file beside its final place, removed with the scope unless it was renamed. */
typedef struct {
    char path[PATH_MAX];
    bool exists;
} temporary;

static void temporary_remove(temporary *t)
{
    if (t->exists) {
        (void)unlink(t->path);
    }
}

static CF_MUST_USE cf_result temporary_make(temporary *t, const char *path, cf_view content,
                                            unsigned mode)
{
    int len = snprintf(t->path, sizeof t->path, "%s" TEMPORARY TEMPORARY_END, path);
    CF_REQUIRE(len > 0 && (size_t)len < sizeof t->path, SIZE);
    CF_FD(fd);
    fd = mkostemp(t->path, O_CLOEXEC);
    if (fd < 0) {
        return cf_errno_result(errno);
    }
    t->exists = true;
    CF_REQUIRE(fchmod(fd, (mode_t)mode) == 0, IO);
    CF_TRY(write_all(fd, content));
    CF_REQUIRE(fsync(fd) == 0, IO);
    return cf_ok();
}

CF_MUST_USE cf_result cf_file_write(const char *path, cf_view content, unsigned mode)
{
    CF_AUTO(temporary_remove) temporary t = {.exists = false};
    CF_TRY(temporary_make(&t, path, content, mode));
    if (rename(t.path, path) != 0) {
        return cf_errno_result(errno);
    }
    t.exists = false;
    return folder_sync(path);
}

CF_MUST_USE cf_result cf_file_create(const char *path, cf_view content, unsigned mode)
{
    CF_AUTO(temporary_remove) temporary t = {.exists = false};
    CF_TRY(temporary_make(&t, path, content, mode));
    /* A link, unlike a rename, never replaces what is there. */
    if (link(t.path, path) != 0) {
        return cf_errno_result(errno);
    }
    return folder_sync(path);
}

bool cf_file_is_left_over(cf_view name, cf_view of)
{
    const cf_view mark = CF_LIT(TEMPORARY);
    return name.len == of.len + mark.len + sizeof TEMPORARY_END - 1 &&
           cf_view_eq(cf_view_sub(name, 0, of.len), of) &&
           cf_view_eq(cf_view_sub(name, of.len, mark.len), mark);
}

CF_MUST_USE cf_result cf_file_remove(const char *path)
{
    if (unlink(path) != 0) {
        return cf_errno_result(errno);
    }
    return folder_sync(path);
}

CF_MUST_USE cf_result cf_file_rename(const char *from, const char *to)
{
    if (rename(from, to) != 0) {
        return cf_errno_result(errno);
    }
    return folder_sync(to);
}

static CF_MUST_USE cf_result overwrite(int fd)
{
    static const uint8_t zeros[4096];
    struct stat st;
    CF_REQUIRE(fstat(fd, &st) == 0, IO);
    for (off_t left = st.st_size; left > 0;) {
        size_t n = left < (off_t)sizeof zeros ? (size_t)left : sizeof zeros;
        CF_TRY(write_all(fd, cf_view_make(zeros, n)));
        left -= (off_t)n;
    }
    CF_REQUIRE(fsync(fd) == 0, IO);
    return cf_ok();
}

CF_MUST_USE cf_result cf_file_destroy(const char *path)
{
    CF_FD(fd);
    fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW);
    if (fd < 0) {
        return cf_errno_result(errno);
    }
    CF_TRY(overwrite(fd));
    return cf_file_remove(path);
}

CF_MUST_USE cf_result cf_folder_make(const char *path)
{
    if (mkdir(path, FOLDER_MODE) == 0) {
        return cf_ok();
    }
    int error = errno;
    struct stat st;
    if (error == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        return cf_ok();
    }
    return cf_errno_result(error);
}

#define OTHERS_WRITE 022
#define OTHERS_ANY 077

CF_MUST_USE cf_result cf_folder_open_own(int at, const char *path, int *ret_fd)
{
    struct stat st;
    CF_FD(fd);
    *ret_fd = -1;
    fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return cf_errno_result(errno);
    }
    CF_REQUIRE(fstat(fd, &st) == 0, IO);
    CF_REQUIRE(st.st_uid == geteuid() && (st.st_mode & OTHERS_WRITE) == 0, NOT_PERMITTED);
    *ret_fd = fd;
    fd = -1;
    return cf_ok();
}

CF_MUST_USE cf_result cf_file_read_own(int folder, const char *name, size_t max, cf_buf *out)
{
    struct stat st;
    CF_FD(fd);
    /* not to wait for the other end of a pipe */
    fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return errno == ELOOP ? cf_fail(CF_ERR_NOT_PERMITTED) : cf_errno_result(errno);
    }
    CF_REQUIRE(fstat(fd, &st) == 0, IO);
    bool own = S_ISREG(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & OTHERS_WRITE) == 0;
    CF_REQUIRE(own, NOT_PERMITTED);
    return read_whole(fd, max, out);
}

CF_MUST_USE cf_result cf_file_check_secret(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        return cf_errno_result(errno);
    }
    bool secret = S_ISREG(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & OTHERS_ANY) == 0;
    CF_REQUIRE(secret, NOT_PERMITTED);
    return cf_ok();
}
