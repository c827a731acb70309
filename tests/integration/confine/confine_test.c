/* SPDX-License-Identifier: Apache-2.0 */
/* The confinement from outside and from inside: as root, as an ordinary user, and where namespaces are forbidden as in a
 * container. Every attempt is a process of its own. */
#include "sys/linux/confine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/linux/clock.h"
#include "sys/linux/daemon.h"
#include "sys/linux/net.h"
#include "tests/support/test.h"

#define WAIT_MS 10000
#define ORDINARY_ID 12345

static cf_image image;

/* One probe: its pid, what the launcher lacked, and the end of the pipe that it reports to. */
typedef struct {
    int pid, report;
    unsigned lacks;
    bool idle;
} probe;

static probe probe_start(const char *stage, const char *attempt, const char *thread)
{
    int ends[2], log = open("/dev/null", O_WRONLY | O_CLOEXEC);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    char *const argv[] = {(char *)(uintptr_t) "probe", (char *)(uintptr_t)stage,
                          (char *)(uintptr_t)attempt, (char *)(uintptr_t)thread, NULL};
    const cf_confine_spec spec = {
        .image = &image, .argv = argv, .keep_fds = &ends[1], .keep_n = 1, .log_fd = log};
    probe p = {.report = ends[0], .idle = strcmp(attempt, "idle") == 0};
    assert_ok(cf_confine_start(&spec, &p.pid, &p.lacks));
    cf_fd_close(&ends[1]);
    cf_fd_close(&log);
    return p;
}

/* All that the probe reports until it ends, and its wait status. */
static int probe_end(probe *p, char *text, size_t room)
{
    size_t got = 0;
    struct pollfd wait = {.fd = p->report, .events = POLLIN};
    if (p->idle) {
        (void)kill(p->pid, SIGKILL); /* it would never end by itself */
    }
    while (got < room - 1 && poll(&wait, 1, WAIT_MS) == 1) {
        ssize_t n = read(p->report, text + got, room - 1 - got);
        if (n <= 0) {
            break;
        }
        got += (size_t)n;
    }
    text[got] = '\0';
    int status = 0;
    (void)kill(p->pid, SIGKILL);
    assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
    cf_fd_close(&p->report);
    return status;
}

static void probe_wait_for(const probe *p, const char *word)
{
    char text[256];
    size_t got = 0;
    struct pollfd wait = {.fd = p->report, .events = POLLIN};
    while (got < sizeof text - 1 && poll(&wait, 1, WAIT_MS) == 1) {
        ssize_t n = read(p->report, text + got, sizeof text - 1 - got);
        assert_true(n > 0);
        got += (size_t)n;
        text[got] = '\0';
        if (strstr(text, word) != NULL) {
            return;
        }
    }
    fail_msg("no %s", word);
}

/* A listener that a process in the launcher's network namespace could reach. */
static int abstract_listener(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "\0coffer-confine-test"};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 8), 0);
    return fd;
}

/* Where the kernel grants no user namespace (in a chroot, in many containers) there is no confinement of that kind to test; what
 * the launcher then says of it is tested below by forbidding namespaces. */
static void need_user_namespaces(void)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        _exit(unshare(CLONE_NEWUSER) == 0 ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (status != 0) {
        print_message("the kernel grants no user namespaces here: not tested\n");
        skip();
    }
}

/* ---- from inside ---- */

static void expect_refused(const char *attempt)
{
    char text[256];
    probe p = probe_start("open", attempt, "main");
    int status = probe_end(&p, text, sizeof text);
    if (strstr(text, "refused") == NULL || !WIFEXITED(status)) {
        fail_msg("%s: %s (status %d, launcher lacks %u)", attempt, text, status, p.lacks);
    }
}

static void expect_killed_by(const char *filter, const char *attempt, const char *thread)
{
    char text[256];
    probe p = probe_start(filter, attempt, thread);
    int status = probe_end(&p, text, sizeof text);
    bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
    if (strstr(text, "filter 0") == NULL || !killed) {
        fail_msg("%s from %s: %s (status %d)", attempt, thread, text, status);
    }
}

static void expect_killed(const char *attempt, const char *thread)
{
    expect_killed_by("filter", attempt, thread);
}

static void test_namespaces_refuse(void **state)
{
    (void)state;
    need_user_namespaces();
    static const char *const all[] = {"open",     "list",   "climb",   "write",  "tcp",
                                      "abstract", "exec",   "exec_fd", "ptrace", "kill",
                                      "mount",    "setuid", "bpf"};
    int listener = abstract_listener();
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        expect_refused(all[i]);
    }
    cf_fd_close(&listener);
}

static void test_filter_kills(void **state)
{
    (void)state;
    static const char *const all[] = {
        "open",    "list",    "climb",  "write", "tcp",    "abstract",  "exec",
        "exec_fd", "ptrace",  "kill",   "fork",  "thread", "mmap_exec", "mprotect_exec",
        "mount",   "unshare", "setuid", "bpf",   "sendto", "ioctl",     "ioctl_nsm"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        expect_killed(all[i], "main");
        expect_killed(all[i], "thread");
    }
}

/* With the module's device its one request goes through, and no other. */
static void test_request_of_the_device(void **state)
{
    (void)state;
    char text[256];
    probe p = probe_start("filter-nsm", "ioctl_nsm", "thread");
    int status = probe_end(&p, text, sizeof text);
    assert_true(WIFEXITED(status) && strstr(text, "filter 0\nrefused") != NULL);
    expect_killed_by("filter-nsm", "ioctl", "main");
    expect_killed_by("filter-nsm", "open", "main");
}

static void test_ordinary_calls_go_on(void **state)
{
    (void)state;
    static const char *const threads[] = {"main", "thread"};
    for (size_t i = 0; i < 2; i++) {
        char text[256];
        probe p = probe_start("filter", "nothing", threads[i]);
        int status = probe_end(&p, text, sizeof text);
        assert_non_null(strstr(text, "filter 0\ndone"));
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
}

/* ---- from outside ---- */

static void proc_path(char *path, size_t room, int pid, const char *name)
{
    (void)snprintf(path, room, "/proc/%d/%s", pid, name);
}

/* The value of a line of /proc/PID/status, or of its field in /proc/PID/limits. */
static long status_number(int pid, const char *file, const char *name, int base)
{
    char path[64], line[256];
    proc_path(path, sizeof path, pid, file);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    long value = -1;
    while (value < 0 && fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0) {
            value = strtol(line + strlen(name), NULL, base);
        }
    }
    (void)fclose(f);
    return value;
}

static bool same_namespace(int pid, const char *name)
{
    char path[64], own[64], theirs[64];
    ssize_t n = 0, m = 0;
    proc_path(path, sizeof path, pid, name);
    n = readlink(path, theirs, sizeof theirs);
    proc_path(path, sizeof path, getpid(), name);
    m = readlink(path, own, sizeof own);
    return n > 0 && n == m && memcmp(own, theirs, (size_t)n) == 0;
}

static size_t entries(int pid, const char *name)
{
    char path[64];
    proc_path(path, sizeof path, pid, name);
    DIR *d = opendir(path);
    assert_non_null(d);
    size_t n = 0;
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        n += e->d_name[0] != '.';
    }
    (void)closedir(d);
    return n;
}

static const struct {
    const char *name;
    unsigned lacks;
} namespaces[] = {
    {"ns/user", CF_LACKS_USER_NS},     {"ns/mnt", CF_LACKS_MOUNT_NS}, {"ns/pid", CF_LACKS_PID_NS},
    {"ns/net", CF_LACKS_NET_NS},       {"ns/ipc", CF_LACKS_IPC_NS},   {"ns/uts", CF_LACKS_UTS_NS},
    {"ns/cgroup", CF_LACKS_CGROUP_NS},
};

static void check_status(int pid)
{
    assert_int_equal(status_number(pid, "status", "Seccomp:", 10), 2);
    assert_int_equal(status_number(pid, "status", "NoNewPrivs:", 10), 1);
    assert_int_equal(status_number(pid, "status", "CapPrm:", 16), 0);
    assert_int_equal(status_number(pid, "status", "CapEff:", 16), 0);
    assert_int_equal(status_number(pid, "status", "CapAmb:", 16), 0);
    assert_int_equal(status_number(pid, "limits", "Max core file size", 10), 0);
    assert_int_equal(status_number(pid, "limits", "Max processes", 10), 0);
    assert_int_equal(status_number(pid, "limits", "Max open files", 10), 256);
}

static void test_outside_as_root(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    need_user_namespaces();
    probe p = probe_start("filter", "idle", "main");
    probe_wait_for(&p, "filter 0");
    for (size_t i = 0; i < sizeof namespaces / sizeof *namespaces; i++) {
        bool same = same_namespace(p.pid, namespaces[i].name);
        assert_int_equal(same, (p.lacks & namespaces[i].lacks) != 0);
    }
    check_status(p.pid);
    assert_int_equal(status_number(p.pid, "status", "Uid:", 10), 65534);
    assert_int_equal(status_number(p.pid, "status", "Gid:", 10), 65534);
    assert_int_equal(status_number(p.pid, "status", "CapBnd:", 16), 0);
    /* Where the limit could not be raised, only secrets are locked; a sanitizer locks nothing. */
    bool unlimited = status_number(p.pid, "limits", "Max locked memory         unlimited", 10) == 0;
    bool locked = status_number(p.pid, "status", "VmLck:", 10) > 0;
    assert_true(locked || !unlimited || getenv("ASAN_OPTIONS") != NULL);
    assert_int_equal(entries(p.pid, "root"), 0);
    assert_int_equal(entries(p.pid, "fd"), 4);
    /* A process that may be dumped owns its /proc files; this one's belong to root. */
    char path[64];
    struct stat st;
    proc_path(path, sizeof path, p.pid, "environ");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_uid, 0);
    char text[256];
    (void)probe_end(&p, text, sizeof text);
}

/* ---- other launchers ---- */

/* Runs the check in a child that prepare has changed; the child's assertions fail the test. */
static void in_child(void (*prepare)(void), void (*check)(void))
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prepare();
        check();
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* Assertions of cmocka jump; in a forked child plain ones end it with a status. */
#define check_that(condition)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                  \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

static void become_ordinary(void)
{
    if (geteuid() == 0) {
        check_that(setresgid(ORDINARY_ID, ORDINARY_ID, ORDINARY_ID) == 0);
        check_that(setresuid(ORDINARY_ID, ORDINARY_ID, ORDINARY_ID) == 0);
        check_that(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0);
    }
}

/* What the usual container runtimes do: no new namespaces, and no mounts. */
static void forbid_namespaces(void)
{
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
    uint64_t flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
                     CLONE_NEWUTS | CLONE_NEWCGROUP;
    for (uint64_t bit = 1; bit <= flags; bit <<= 1) {
        if ((flags & bit) != 0) {
            check_that(seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                                        SCMP_A0(SCMP_CMP_MASKED_EQ, bit, bit)) == 0);
        }
    }
    check_that(seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(unshare), 0) == 0);
    check_that(seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(mount), 0) == 0);
    check_that(seccomp_load(f) == 0);
    seccomp_release(f);
}

static void forbid_only_user_namespaces(void)
{
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
    check_that(seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                                SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_NEWUSER, CLONE_NEWUSER)) == 0);
    check_that(seccomp_load(f) == 0);
    seccomp_release(f);
}

static void forbid_network_namespaces(void)
{
    become_ordinary();
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
    check_that(seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                                SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_NEWNET, CLONE_NEWNET)) == 0);
    check_that(seccomp_load(f) == 0);
    seccomp_release(f);
}

static void ordinary_without_namespaces(void)
{
    become_ordinary();
    forbid_namespaces();
}

static unsigned harden_lacks(probe *p, const char *attempt, bool *ret_killed)
{
    char text[256];
    int status = probe_end(p, text, sizeof text);
    (void)attempt;
    *ret_killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
    unsigned lacks = UINT32_MAX;
    check_that(sscanf(text, "harden %u", &lacks) == 1);
    check_that(strstr(text, "filter 0") != NULL);
    return lacks;
}

#define ALL_NS                                                                                     \
    (CF_LACKS_USER_NS | CF_LACKS_MOUNT_NS | CF_LACKS_PID_NS | CF_LACKS_NET_NS | CF_LACKS_IPC_NS |  \
     CF_LACKS_UTS_NS | CF_LACKS_CGROUP_NS)

static void check_ordinary(void)
{
    probe p = probe_start("filter", "fork", "main");
    bool killed;
    unsigned inside = harden_lacks(&p, "fork", &killed);
    check_that(killed);
    check_that(p.lacks == CF_LACKS_UID);
    check_that((inside & ~(unsigned)CF_LACKS_MEMLOCK) == 0);
    char text[256];
    probe q = probe_start("open", "open", "main");
    (void)probe_end(&q, text, sizeof text);
    check_that(strstr(text, "refused") != NULL);
    probe r = probe_start("open", "tcp", "main");
    (void)probe_end(&r, text, sizeof text);
    check_that(strstr(text, "refused") != NULL);
}

static void check_root_without_namespaces(void)
{
    probe p = probe_start("filter", "open", "main");
    bool killed;
    unsigned inside = harden_lacks(&p, "open", &killed);
    check_that(killed);
    check_that(p.lacks == ALL_NS); /* and so still became nobody */
    check_that((inside & CF_LACKS_ROOT) != 0);
    check_that((inside & CF_LACKS_UID) == 0);
}

static void check_root_without_user_ns(void)
{
    probe p = probe_start("filter", "idle", "main");
    probe_wait_for(&p, "filter 0");
    check_that(p.lacks == CF_LACKS_USER_NS);
    check_that(status_number(p.pid, "status", "Uid:", 10) == 65534);
    check_that(status_number(p.pid, "status", "CapEff:", 16) == 0);
    check_that(status_number(p.pid, "status", "CapBnd:", 16) == 0);
    check_that(entries(p.pid, "root") == 0);
    char text[256];
    (void)probe_end(&p, text, sizeof text);
}

static unsigned root_lacks;

static void check_private_root(void)
{
    probe p = probe_start("filter", "idle", "main");
    probe_wait_for(&p, "filter 0");
    check_that(p.lacks == root_lacks);
    check_that(status_number(p.pid, "status", "Uid:", 10) == 65534);
    char text[256];
    (void)probe_end(&p, text, sizeof text);
}

static void check_without_network_ns(void)
{
    probe p = probe_start("filter", "tcp", "main");
    bool killed;
    unsigned inside = harden_lacks(&p, "tcp", &killed);
    check_that(killed);
    check_that(p.lacks == (CF_LACKS_NET_NS | CF_LACKS_UID));
    check_that((inside & CF_LACKS_ROOT) == 0);
}

static void check_ordinary_without_namespaces(void)
{
    probe p = probe_start("filter", "open", "main");
    bool killed;
    unsigned inside = harden_lacks(&p, "open", &killed);
    check_that(killed);
    check_that(p.lacks == (ALL_NS | CF_LACKS_UID));
    check_that((inside & CF_LACKS_ROOT) != 0);
}

static void become_ordinary_and_private(void)
{
    become_ordinary();
    cf_private_process();
    check_that(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
}

static void test_ordinary_user(void **state)
{
    (void)state;
    need_user_namespaces();
    in_child(become_ordinary, check_ordinary);
    in_child(become_ordinary_and_private, check_ordinary);
}

/* As the agent does. */
static void test_private_root(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    char text[256];
    probe p = probe_start("filter", "idle", "main");
    probe_wait_for(&p, "filter 0");
    root_lacks = p.lacks;
    (void)probe_end(&p, text, sizeof text);
    in_child(cf_private_process, check_private_root);
}

static void test_container_root(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    in_child(forbid_namespaces, check_root_without_namespaces);
}

static void test_container_user(void **state)
{
    (void)state;
    in_child(ordinary_without_namespaces, check_ordinary_without_namespaces);
}

/* All but one kind of namespace. In a chroot, where the kernel grants none of users, the root cannot be left either. */
static void test_one_kind_forbidden(void **state)
{
    (void)state;
    need_user_namespaces();
    in_child(forbid_network_namespaces, check_without_network_ns);
    if (geteuid() == 0) {
        in_child(forbid_only_user_namespaces, check_root_without_user_ns);
    }
}

/* ---- life and death ---- */

static void test_dies_with_launcher(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t launcher = fork();
    if (launcher == 0) {
        probe p = probe_start("filter", "idle", "main");
        probe_wait_for(&p, "filter 0");
        ssize_t n = write(ends[1], &p.pid, sizeof p.pid);
        (void)n;
        (void)pause();
    }
    int pid = 0;
    assert_int_equal(read(ends[0], &pid, sizeof pid), sizeof pid);
    assert_int_equal(kill(pid, 0), 0);
    assert_int_equal(kill(launcher, SIGKILL), 0);
    assert_int_equal(waitpid(launcher, NULL, 0), launcher);
    uint64_t deadline = cf_clock_mono_ms() + 2000;
    /* The dead wait for whoever inherits them to reap them; what counts is that it no longer runs. */
    while (cf_clock_mono_ms() < deadline && kill(pid, 0) == 0 &&
           status_number(pid, "status", "Threads:", 10) >= 1 &&
           status_number(pid, "status", "VmSize:", 10) > 0) {
        (void)poll(NULL, 0, 5);
    }
    assert_true(cf_clock_mono_ms() < deadline);
    cf_fd_close(&ends[0]);
    cf_fd_close(&ends[1]);
}

static void test_image(void **state)
{
    (void)state;
    cf_image none;
    assert_err(cf_image_load("/nonexistent", &none), NOT_FOUND);
    assert_int_equal(none.fd, -1);
    assert_err(cf_image_load("/dev/null", &none), EMPTY);
    char octet = 'x';
    assert_int_equal(pwrite(image.fd, &octet, 1, 0), -1);
    assert_int_equal(errno, EPERM);
    assert_int_equal(ftruncate(image.fd, 0), -1);
    cf_image_free(&none);
    assert_int_equal(none.fd, -1);
}

static void test_image_limit(void **state)
{
    (void)state;
    char path[] = "/tmp/cf-image-XXXXXX";
    int fd = mkostemp(path, O_CLOEXEC);
    for (int more = -1; more <= 1; more++) {
        assert_int_equal(ftruncate(fd, (off_t)CF_IMAGE_BYTES_MAX + more), 0);
        cf_image got;
        cf_result r = cf_image_load(path, &got);
        assert_code(r, more <= 0 ? CF_OK : CF_ERR_SIZE);
        cf_image_free(&got);
    }
    (void)unlink(path);
    cf_fd_close(&fd);
}

static void test_no_program(void **state)
{
    (void)state;
    char path[] = "/tmp/cf-image-XXXXXX";
    int fd = mkostemp(path, O_CLOEXEC);
    assert_int_equal(write(fd, "not a program", 13), 13);
    cf_image text;
    assert_ok(cf_image_load(path, &text));
    char *const argv[] = {(char *)(uintptr_t) "x", NULL};
    int fds[CF_CONFINE_FDS_MAX + 1] = {0};
    cf_confine_spec spec = {
        .image = &text, .argv = argv, .keep_fds = fds, .keep_n = 0, .log_fd = 2};
    int pid = 0;
    unsigned lacks;
    assert_err(cf_confine_start(&spec, &pid, &lacks), IO);
    assert_int_equal(pid, -1);
    spec.keep_n = CF_CONFINE_FDS_MAX + 1;
    assert_err(cf_confine_start(&spec, &pid, &lacks), ARGUMENT);
    cf_image_free(&text);
    (void)unlink(path);
    cf_fd_close(&fd);
}

static void test_all_descriptors(void **state)
{
    (void)state;
    int fds[CF_CONFINE_FDS_MAX], ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    for (size_t i = 0; i < CF_CONFINE_FDS_MAX; i++) {
        fds[i] = ends[1];
    }
    char *const argv[] = {(char *)(uintptr_t) "probe", (char *)(uintptr_t) "open",
                          (char *)(uintptr_t) "nothing", NULL};
    cf_confine_spec spec = {
        .image = &image, .argv = argv, .keep_fds = fds, .keep_n = CF_CONFINE_FDS_MAX, .log_fd = 2};
    probe p = {.report = ends[0]};
    assert_ok(cf_confine_start(&spec, &p.pid, &p.lacks));
    cf_fd_close(&ends[1]);
    char text[256];
    (void)probe_end(&p, text, sizeof text);
    assert_non_null(strstr(text, "done"));
}

static int load(void **state)
{
    (void)state;
    const char *path = getenv("CF_PROBE");
    return path == NULL || !cf_is_ok(cf_image_load(path, &image));
}

static int unload(void **state)
{
    (void)state;
    cf_image_free(&image);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_image),
        cmocka_unit_test(test_image_limit),
        cmocka_unit_test(test_no_program),
        cmocka_unit_test(test_all_descriptors),
        cmocka_unit_test(test_ordinary_calls_go_on),
        cmocka_unit_test(test_namespaces_refuse),
        cmocka_unit_test(test_filter_kills),
        cmocka_unit_test(test_request_of_the_device),
        cmocka_unit_test(test_outside_as_root),
        cmocka_unit_test(test_ordinary_user),
        cmocka_unit_test(test_private_root),
        cmocka_unit_test(test_container_root),
        cmocka_unit_test(test_container_user),
        cmocka_unit_test(test_one_kind_forbidden),
        cmocka_unit_test(test_dies_with_launcher),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
