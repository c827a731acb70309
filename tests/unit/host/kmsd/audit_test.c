/* SPDX-License-Identifier: Apache-2.0 */
#include "host/kmsd/audit.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/codec/json.h"
#include "sys/linux/file.h"
#include "tests/unit/host/kmsd/folder.h"

#define DAY_MS UINT64_C(86400000)
#define AT_MS UINT64_C(1795180455123) /* 2026-11-20T13:14:15.123Z */
#define FIRST "audit/2026-11-20.jsonl"
#define SECOND "audit/2026-11-21.jsonl"

static cf_audit *open_audit(void)
{
    cf_audit *a = NULL;
    assert_ok(cf_audit_open(folder, &a));
    return a;
}

static void append(cf_audit *a, uint64_t at_ms, const char *operation)
{
    const cf_audit_entry e = {
        .at_ms = at_ms, .request = "r", .caller = "c", .operation = operation, .outcome = "ok"};
    assert_ok(cf_audit_append(a, &e, false));
}

/* Lines of a file, every one an object; *ret_last the last one's operation. */
static size_t lines_of(const char *name, char *ret_last, size_t room)
{
    CF_BUF(text);
    size_t n = 0, from = 0;
    assert_ok(cf_file_read(in_folder(name), 1 << 20, &text));
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] != '\n') {
            continue;
        }
        CF_JSON(j);
        cf_result r = cf_json_parse(cf_view_make(text.data + from, i - from), 4096, &j);
        if (cf_is_ok(r)) {
            (void)snprintf(ret_last, room, "%s",
                           json_string_value(json_object_get(j, "operation")));
            n++;
        }
        from = i + 1;
    }
    assert_int_equal(from, text.len);
    return n;
}

static void test_line(void **state)
{
    (void)state;
    CF_BUF(text);
    struct stat st;
    cf_audit *a = open_audit();
    const cf_audit_entry e = {.at_ms = AT_MS,
                              .request = "id",
                              .caller = "arn:aws:iam::000000000000:user/a\"b",
                              .operation = "Decrypt",
                              .key = "arn:k",
                              .source_key = "",
                              .alias = "alias/x",
                              .grant = NULL,
                              .principal = "arn:p",
                              .outcome = "AccessDeniedException",
                              .context = CF_LIT("\xa0"),
                              .stage = "holds",
                              .module = CF_LIT("i-1"),
                              .pcr0 = "00ff",
                              .dry_run = true};
    assert_ok(cf_audit_append(a, &e, true));
    assert_ok(cf_file_read(in_folder(FIRST), 4096, &text));
    assert_view(cf_buf_view(&text),
                CF_LIT("{\"time\":\"2026-11-20T13:14:15.123Z\",\"request\":\"id\","
                       "\"caller\":\"arn:aws:iam::000000000000:user/a\\\"b\","
                       "\"operation\":\"Decrypt\",\"key\":\"arn:k\",\"alias\":\"alias/"
                       "x\",\"principal\":\"arn:p\","
                       "\"context_sha256\":"
                       "\"c19a797fa1fd590cd2e5b42d1cf5f246e29b91684e2f87404b81dc345c7a56a0\","
                       "\"attested\":\"holds\",\"module\":\"i-1\",\"pcr0\":\"00ff\","
                       "\"dry_run\":true,\"outcome\":\"AccessDeniedException\"}\n"));
    assert_int_equal(stat(in_folder(FIRST), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    cf_audit_free(&a);
    assert_null(a);
}

static void test_days(void **state)
{
    (void)state;
    char last[32];
    cf_audit *a = open_audit();
    append(a, AT_MS, "one");
    append(a, AT_MS + DAY_MS, "two");
    append(a, AT_MS, "three"); /* the clock stepped back: the newest file goes on */
    assert_int_equal(lines_of(FIRST, last, sizeof last), 1);
    assert_int_equal(lines_of(SECOND, last, sizeof last), 2);
    assert_string_equal(last, "three");
    cf_audit_free(&a);
    a = open_audit();
    append(a, AT_MS + DAY_MS, "four");
    assert_ok(cf_audit_sync(a));
    cf_audit_free(&a);
    assert_int_equal(lines_of(SECOND, last, sizeof last), 3);
    assert_string_equal(last, "four");
}

/* What a crash of the machine has cut stays as it is, and the next line is whole. */
static void test_cut_line(void **state)
{
    (void)state;
    char last[32];
    cf_audit *a = open_audit();
    append(a, AT_MS, "one");
    cf_audit_free(&a);
    int fd = open(in_folder(FIRST), O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_true(fd >= 0 && write(fd, "{\"time\":", 8) == 8);
    (void)close(fd);
    a = open_audit();
    append(a, AT_MS, "two");
    cf_audit_free(&a);
    assert_int_equal(lines_of(FIRST, last, sizeof last), 2);
    assert_string_equal(last, "two");
}

static void test_not_written(void **state)
{
    (void)state;
    const cf_audit_entry e = {.at_ms = AT_MS, .outcome = "ok"};
    cf_audit *a = open_audit();
    assert_int_equal(rename(in_folder("audit"), in_folder("away")), 0);
    assert_false(cf_is_ok(cf_audit_append(a, &e, false)));
    assert_int_equal(rename(in_folder("away"), in_folder("audit")), 0);
    assert_ok(cf_audit_append(a, &e, false));
    cf_audit_free(&a);
    /* a link is not followed */
    a = open_audit();
    assert_int_equal(symlink("/dev/null", in_folder(SECOND)), 0);
    const cf_audit_entry next = {.at_ms = AT_MS + DAY_MS, .outcome = "ok"};
    assert_false(cf_is_ok(cf_audit_append(a, &next, false)));
    cf_audit_free(&a);
}

/* A disk that is full takes no half of a line. */
static void test_full_disk(void **state)
{
    (void)state;
    char last[32];
    struct stat before, after;
    cf_audit *a = open_audit();
    append(a, AT_MS, "one");
    assert_int_equal(stat(in_folder(FIRST), &before), 0);
    struct rlimit old, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = (rlim_t)before.st_size + 10;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    const cf_audit_entry e = {.at_ms = AT_MS, .operation = "two", .outcome = "ok"};
    cf_result r = cf_audit_append(a, &e, false);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_err(r, IO);
    assert_int_equal(stat(in_folder(FIRST), &after), 0);
    assert_int_equal(after.st_size, before.st_size);
    append(a, AT_MS, "three");
    assert_int_equal(lines_of(FIRST, last, sizeof last), 2);
    cf_audit_free(&a);
}

static int synced_fd = -1, flags_of_sync = -1; /* of the last call */

/* In place of libc's. */
int fdatasync(int fd)
{
    synced_fd = fd;
    flags_of_sync = fcntl(fd, F_GETFL);
    return (int)syscall(SYS_fdatasync, fd);
}

/* An error of the disk is told once to whoever has opened a file: whoever writes it out by the clock must not hear of what a request
 * has to hear. Flags tell whether two descriptors are of one opening. */
static void test_own_opening(void **state)
{
    (void)state;
    const cf_audit_entry e = {.at_ms = AT_MS, .operation = "one", .outcome = "ok"};
    cf_audit *a = open_audit();
    assert_ok(cf_audit_append(a, &e, true));
    int of_request = synced_fd;
    assert_int_equal(fcntl(of_request, F_SETFL, O_APPEND | O_NONBLOCK), 0);
    append(a, AT_MS, "two");
    flags_of_sync = -1;
    assert_ok(cf_audit_sync(a));
    assert_int_not_equal(flags_of_sync, -1);
    assert_int_equal(flags_of_sync & O_NONBLOCK, 0);
    assert_int_not_equal(fcntl(of_request, F_GETFL) & O_NONBLOCK, 0);
    cf_audit_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(test_line),        FRESH(test_days),      FRESH(test_cut_line),
        FRESH(test_not_written), FRESH(test_full_disk), FRESH(test_own_opening),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
