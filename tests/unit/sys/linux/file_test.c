/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/linux/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/linux/log.h"
#include "sys/linux/net.h"
#include "tests/support/test.h"

static char folder[64], path[128];

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/cf-file-XXXXXX");
    (void)snprintf(path, sizeof path, "%s/f", mkdtemp(folder) == NULL ? "" : folder);
    return path[0] == '/' && path[1] == 'f';
}

static int remove_folder(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(folder); /* fails when a temporary file was left */
}

static unsigned mode_of(const char *name)
{
    struct stat st;
    return stat(name, &st) == 0 ? st.st_mode & 0777 : 0;
}

static void test_write_read(void **state)
{
    (void)state;
    CF_BUF(got);
    assert_err(cf_file_read(path, 100, &got), NOT_FOUND);
    assert_ok(cf_file_write(path, CF_LIT("first"), 0600));
    assert_int_equal(mode_of(path), 0600);
    assert_ok(cf_file_write(path, CF_LIT("second!"), 0640));
    assert_int_equal(mode_of(path), 0640);
    assert_ok(cf_buf_append(&got, CF_LIT("<")));
    assert_ok(cf_file_read(path, 7, &got));
    assert_view(cf_buf_view(&got), CF_LIT("<second!"));
    assert_err(cf_file_read(path, 6, &got), SIZE);
    assert_view(cf_buf_view(&got), CF_LIT("<second!"));
    assert_ok(cf_file_read(path, 8, &got));
    assert_err(cf_file_write("/nonexistent/x", CF_LIT("x"), 0600), NOT_FOUND);
}

static void test_create(void **state)
{
    (void)state;
    (void)unlink(path);
    assert_ok(cf_file_create(path, CF_LIT("one"), 0600));
    assert_err(cf_file_create(path, CF_LIT("two"), 0600), EXISTS);
    CF_BUF(got);
    assert_ok(cf_file_read(path, 100, &got));
    assert_view(cf_buf_view(&got), CF_LIT("one"));
    assert_ok(cf_file_write(path, CF_VIEW_EMPTY, 0600));
    cf_buf_clear(&got);
    assert_ok(cf_file_read(path, 0, &got));
    assert_int_equal(got.len, 0);
}

static bool is_left_over(const char *name, const char *of)
{
    return cf_file_is_left_over(cf_view_str(name), cf_view_str(of));
}

/* Whoever removes what stopped writes leave must not take anything else for it. */
static void test_left_over(void **state)
{
    (void)state;
    char long_name[NAME_MAX + 1], left[PATH_MAX];
    memset(long_name, 'n', sizeof long_name);
    long_name[NAME_MAX - 12] = '\0';
    (void)snprintf(left, sizeof left, "%s/%s", folder, long_name);
    assert_ok(cf_file_write(left, CF_LIT("x"), 0600)); /* the longest name that there is room for */
    assert_int_equal(unlink(left), 0);
    assert_true(is_left_over("f.part-aB3xY9", "f"));
    assert_true(is_left_over("f.part-backup", "f"));
    assert_false(is_left_over("f.part-aB3xY9", "g"));
    assert_false(is_left_over("f.part-aB3xY", "f"));
    assert_false(is_left_over("f.part-aB3xY90", "f"));
    assert_false(is_left_over("f.backup", "f"));
    assert_false(is_left_over("f.before-today", "f"));
    assert_false(is_left_over("f", "f"));
    assert_false(is_left_over("", ""));
}

/* What is removed is gone, and what is destroyed has no octet left in what others hold open. */
static void test_remove(void **state)
{
    (void)state;
    char other[200];
    (void)unlink(path);
    (void)snprintf(other, sizeof other, "%s/gone", folder);
    static uint8_t secret[10000];
    memset(secret, 's', sizeof secret);
    assert_err(cf_file_remove(path), NOT_FOUND);
    assert_err(cf_file_destroy(path), NOT_FOUND);
    assert_err(cf_file_rename(path, other), NOT_FOUND);
    assert_ok(cf_file_write(path, CF_VIEW_OF(secret), 0600));
    assert_ok(cf_file_write(other, CF_LIT("replaced"), 0600));
    assert_ok(cf_file_rename(path, other));
    assert_int_not_equal(access(path, F_OK), 0);
    int fd = open(other, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_ok(cf_file_destroy(other));
    assert_int_not_equal(access(other, F_OK), 0);
    assert_int_equal(read(fd, secret, sizeof secret), sizeof secret);
    for (size_t i = 0; i < sizeof secret; i++) {
        assert_int_equal(secret[i], 0);
    }
    (void)close(fd);
    assert_ok(cf_file_write(path, CF_VIEW_EMPTY, 0600));
    assert_ok(cf_file_destroy(path));
    assert_ok(cf_file_write(path, CF_LIT("x"), 0600));
    assert_ok(cf_file_remove(path));
    assert_int_not_equal(access(path, F_OK), 0);
    /* no link is followed to what it names */
    assert_ok(cf_file_write(path, CF_LIT("x"), 0600));
    assert_int_equal(symlink(path, other), 0);
    assert_false(cf_is_ok(cf_file_destroy(other)));
    assert_ok(cf_file_remove(other));
    assert_ok(cf_file_remove(path));
    assert_ok(cf_folder_sync(folder));
    assert_false(cf_is_ok(cf_folder_sync(path)));
}

static void test_folder(void **state)
{
    (void)state;
    char sub[160];
    (void)snprintf(sub, sizeof sub, "%s/d", folder);
    assert_ok(cf_folder_make(sub));
    assert_ok(cf_folder_make(sub));
    assert_int_equal(mode_of(sub), 0700);
    assert_err(cf_folder_make(path), EXISTS); /* a file */
    assert_int_equal(rmdir(sub), 0);
    assert_err(cf_folder_make("/nonexistent/x"), NOT_FOUND);
}

/* Folders and files that others may have put something into; links and pipes are no files here. */
static void test_own_modes(void **state)
{
    (void)state;
    static const struct {
        mode_t mode;
        bool own, secret;
    } rows[] = {{0700, true, true},   {0755, true, false},  {0711, true, false},
                {0720, false, false}, {0702, false, false}, {01777, false, false}};
    char sub[160], file[200];
    CF_BUF(got);
    int fd = -1;
    (void)snprintf(sub, sizeof sub, "%s/own", folder);
    (void)snprintf(file, sizeof file, "%s/f", sub);
    assert_err(cf_folder_open_own(AT_FDCWD, sub, &fd), NOT_FOUND);
    assert_err(cf_file_check_secret(file), NOT_FOUND);
    assert_ok(cf_folder_make(sub));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int want = rows[i].own ? CF_OK : CF_ERR_NOT_PERMITTED;
        assert_int_equal(chmod(sub, rows[i].mode), 0);
        assert_int_equal(cf_folder_open_own(AT_FDCWD, sub, &fd).code, want);
        assert_int_equal(fd >= 0, rows[i].own);
        cf_fd_close(&fd);
        assert_int_equal(chmod(sub, 0700), 0);
        assert_ok(cf_file_write(file, CF_LIT("x"), rows[i].mode & 0777));
        assert_ok(cf_folder_open_own(AT_FDCWD, sub, &fd));
        cf_buf_clear(&got);
        assert_int_equal(cf_file_read_own(fd, "f", 1, &got).code, want);
        assert_int_equal(got.len, rows[i].own);
        assert_int_equal(cf_file_check_secret(file).code,
                         rows[i].secret ? CF_OK : CF_ERR_NOT_PERMITTED);
        cf_fd_close(&fd);
    }
    (void)unlink(file);
    assert_int_equal(rmdir(sub), 0);
}

static void test_own_kinds(void **state)
{
    (void)state;
    char sub[160], file[200], other[200];
    CF_BUF(got);
    CF_FD(fd);
    (void)snprintf(sub, sizeof sub, "%s/own", folder);
    (void)snprintf(file, sizeof file, "%s/f", sub);
    (void)snprintf(other, sizeof other, "%s/l", sub);
    assert_ok(cf_folder_make(sub));
    assert_ok(cf_folder_open_own(AT_FDCWD, sub, &fd));
    assert_ok(cf_file_write(file, CF_LIT("xy"), 0600));
    assert_err(cf_file_read_own(fd, "f", 1, &got), SIZE);
    assert_err(cf_file_read_own(fd, "none", 1, &got), NOT_FOUND);
    assert_int_equal(symlink("f", other), 0);
    assert_err(cf_file_read_own(fd, "l", 2, &got), NOT_PERMITTED);
    (void)unlink(other);
    assert_int_equal(mkfifo(other, 0600), 0);
    assert_err(cf_file_read_own(fd, "l", 2, &got), NOT_PERMITTED);
    assert_err(cf_file_check_secret(other), NOT_PERMITTED);
    if (geteuid() == 0) { /* another user's */
        int again = -1;
        assert_int_equal(chown(file, 1, 1), 0);
        assert_err(cf_file_read_own(fd, "f", 2, &got), NOT_PERMITTED);
        assert_err(cf_file_check_secret(file), NOT_PERMITTED);
        assert_int_equal(chown(sub, 1, 1), 0);
        assert_err(cf_folder_open_own(AT_FDCWD, sub, &again), NOT_PERMITTED);
    }
    assert_int_equal(got.len, 0);
    (void)unlink(other);
    (void)unlink(file);
    assert_int_equal(rmdir(sub), 0);
}

/* What one call of cf_log writes, without the time. */
static void logged(char *line, size_t room, const char *value, unsigned n)
{
    int ends[2], saved = dup(STDERR_FILENO);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    cf_log_program("tester");
    cf_log(CF_LOG_WARN, "some.event", "id=%s count=%u text=%s", value, n, value);
    assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
    ssize_t len = read(ends[0], line, room - 1);
    assert_true(len > 0);
    line[len] = '\0';
    cf_fd_close(&saved);
    cf_fd_close(&ends[0]);
    cf_fd_close(&ends[1]);
}

static void test_log(void **state)
{
    (void)state;
    char line[2048];
    logged(line, sizeof line, "abc", 7);
    assert_int_equal(strlen("2026-01-31T23:59:59.123Z"), 24);
    assert_int_equal(line[10], 'T');
    assert_int_equal(line[23], 'Z');
    assert_string_equal(line + 24, " warn tester some.event id=abc count=7 text=abc\n");
    logged(line, sizeof line, "a b\nlevel=error\x7f", 7);
    assert_string_equal(
        line + 24, " warn tester some.event id=a?b?level=error? count=7 text=a?b?level=error?\n");
    /* The octet that stands for the format's blanks inside, in a value. */
    logged(line, sizeof line, "a\x1f b\x1fk=v", 7);
    assert_string_equal(line + 24, " warn tester some.event id=a??b?k=v count=7 text=a??b?k=v\n");
    logged(line, sizeof line, "\x1f", 7);
    assert_string_equal(line + 24, " warn tester some.event id=? count=7 text=?\n");
    logged(line, sizeof line, "", 0);
    assert_string_equal(line + 24, " warn tester some.event id= count=0 text=\n");
}

static void test_log_limit(void **state)
{
    (void)state;
    char line[2048], value[1500];
    for (size_t len = 400; len < sizeof value; len++) {
        memset(value, 'v', len);
        value[len] = '\0';
        logged(line, sizeof line, value, 1);
        size_t got = strlen(line);
        assert_true(got <= 1024);
        assert_int_equal(line[got - 1], '\n');
        assert_ptr_equal(strchr(line, '\n'), line + got - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write_read), cmocka_unit_test(test_create),
        cmocka_unit_test(test_folder),     cmocka_unit_test(test_own_modes),
        cmocka_unit_test(test_own_kinds),  cmocka_unit_test(test_log),
        cmocka_unit_test(test_log_limit),  cmocka_unit_test(test_remove),
        cmocka_unit_test(test_left_over),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
