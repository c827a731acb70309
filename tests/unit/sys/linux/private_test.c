/* SPDX-License-Identifier: Apache-2.0 */
/* A private process, looked at from another one of the same user. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/linux/daemon.h"
#include "tests/support/test.h"

#define ORDINARY_ID 12345
#define LIMIT_BYTES ((rlim_t)1 << 20)

/* Assertions of cmocka jump; in a forked child plain ones end it with a status. */
#define check_that(condition)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition,        \
                          errno);                                                                  \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

/* An ordinary user's process of the kind that a program begins as. */
static void become_ordinary(void)
{
    if (geteuid() == 0) {
        check_that(setgroups(0, NULL) == 0);
        check_that(setresgid(ORDINARY_ID, ORDINARY_ID, ORDINARY_ID) == 0);
        check_that(setresuid(ORDINARY_ID, ORDINARY_ID, ORDINARY_ID) == 0);
    }
    check_that(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0);
}

static void expect_end(pid_t pid)
{
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static char secret[] = "what another process must not read";

/* A process that waits to be killed; *ret_pid once it is what it shall be. */
static pid_t victim(bool is_private)
{
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        become_ordinary();
        if (is_private) {
            cf_private_process();
        }
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        check_that(write(ready[1], "r", 1) == 1);
        for (;;) {
            (void)pause();
        }
    }
    char octet;
    assert_int_equal(read(ready[0], &octet, 1), 1);
    (void)close(ready[0]);
    (void)close(ready[1]);
    return pid;
}

static bool reads_memory(pid_t pid)
{
    char path[64], octets[sizeof secret] = {0};
    (void)snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool read_it = fd >= 0 &&
                   pread(fd, octets, sizeof octets, (off_t)(uintptr_t)secret) == sizeof octets &&
                   strcmp(octets, secret) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return read_it;
}

static bool attaches(pid_t pid)
{
    int status;
    if (ptrace(PTRACE_ATTACH, pid, NULL, NULL) != 0) {
        return false;
    }
    check_that(waitpid(pid, &status, __WALL) == pid);
    return ptrace(PTRACE_DETACH, pid, NULL, NULL) == 0;
}

/* The attacker is the victim's sibling: a parent might have been given what others have not. */
static void look(pid_t pid, bool may)
{
    pid_t attacker = fork();
    assert_true(attacker >= 0);
    if (attacker == 0) {
        become_ordinary();
        if (may) {
            exit(reads_memory(pid) || attaches(pid) ? 0 : 77);
        }
        check_that(!reads_memory(pid));
        check_that(!attaches(pid));
        _exit(0);
    }
    int status = -1;
    assert_int_equal(waitpid(attacker, &status, 0), attacker);
    if (may && WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        print_message("nobody may look at another process here\n"); /* Yama, say */
    } else {
        assert_int_equal(status, 0);
    }
}

static void test_unreadable(void **state)
{
    (void)state;
    pid_t open_one = victim(false), private_one = victim(true);
    look(open_one, true); /* else the next line shows nothing */
    look(private_one, false);
    char path[64];
    struct stat st;
    (void)snprintf(path, sizeof path, "/proc/%d/mem", (int)private_one);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_uid, 0);
    const pid_t all[] = {open_one, private_one};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(kill(all[i], SIGKILL), 0);
        assert_int_equal(waitpid(all[i], NULL, 0), all[i]);
    }
}

static void test_no_core(void **state)
{
    (void)state;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct rlimit limit;
        cf_private_process();
        check_that(getrlimit(RLIMIT_CORE, &limit) == 0);
        check_that(limit.rlim_cur == 0 && limit.rlim_max == 0);
        check_that(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
        _exit(0);
    }
    expect_end(pid);
}

/* kB of locked memory. */
static long locked(void)
{
    char line[256];
    long kb = -1;
    FILE *f = fopen("/proc/self/status", "re");
    check_that(f != NULL);
    while (kb < 0 && fgets(line, sizeof line, f) != NULL) {
        (void)sscanf(line, "VmLck: %ld", &kb);
    }
    (void)fclose(f);
    return kb;
}

/* Under a limit that holds, memory can still be had beyond it. */
static void test_limit_holds(void **state)
{
    (void)state;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        const struct rlimit limit = {LIMIT_BYTES, LIMIT_BYTES};
        check_that(setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
        become_ordinary();
        cf_private_process();
        check_that(locked() == 0);
        for (size_t i = 0; i < 64; i++) {
            void *p =
                mmap(NULL, LIMIT_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            check_that(p != MAP_FAILED);
            memset(p, 1, LIMIT_BYTES);
        }
        _exit(0);
    }
    expect_end(pid);
}

/* Where none holds, all is locked, old and new. */
static void test_no_limit(void **state)
{
    (void)state;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        const struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};
        void *probe = mmap(NULL, LIMIT_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        bool unlimited = setrlimit(RLIMIT_MEMLOCK, &none) == 0;
        if (!unlimited) { /* a privilege then makes up for it, or not */
            const struct rlimit low = {4096, 4096};
            check_that(setrlimit(RLIMIT_MEMLOCK, &low) == 0);
            unlimited = syscall(SYS_mlock2, probe, LIMIT_BYTES, MLOCK_ONFAULT) == 0;
            (void)munlock(probe, LIMIT_BYTES);
        }
        check_that(munmap(probe, LIMIT_BYTES) == 0);
        cf_private_process();
        long before = locked();
        check_that((before > 0) == unlimited || getenv("ASAN_OPTIONS") != NULL);
        void *p =
            mmap(NULL, LIMIT_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        check_that(p != MAP_FAILED);
        check_that(before == 0 || locked() >= before + (long)(LIMIT_BYTES >> 10));
        _exit(0);
    }
    expect_end(pid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unreadable),
        cmocka_unit_test(test_no_core),
        cmocka_unit_test(test_limit_holds),
        cmocka_unit_test(test_no_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
