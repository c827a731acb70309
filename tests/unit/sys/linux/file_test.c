/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/linux/file.h"

#include <dirent.h>
#include <fcntl.h>
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
        cmocka_unit_test(test_folder),     cmocka_unit_test(test_log),
        cmocka_unit_test(test_log_limit),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
