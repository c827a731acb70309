/* SPDX-License-Identifier: Apache-2.0 */
/* The launcher's half of the confinement. The launcher may have many threads, so between clone and exec the child makes plain
 * system calls only: no allocation, no lock, no log. What it has to tell goes through a pipe that the exec closes. */
#include "sys/linux/confine.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/linux/errno_priv.h"
#include "sys/linux/net.h"

#define CONFINE_ID 65534 /* nobody, inside the user namespace and (from root) outside */
#define CONFINE_NOFILE                                                                             \
    256 /* descriptors: listener, security module, KMS and agent connections, far below this */
#define CONFINE_FD_BASE 64     /* descriptors under way to their final numbers wait above this */
#define CONFINE_FDS_OPEN 65536 /* closed one by one where the kernel has no close_range */

static const struct {
    int flag;
    unsigned lacks;
} barriers[] = {
    {CLONE_NEWUSER, CF_LACKS_USER_NS},     {CLONE_NEWNS, CF_LACKS_MOUNT_NS},
    {CLONE_NEWPID, CF_LACKS_PID_NS},       {CLONE_NEWNET, CF_LACKS_NET_NS},
    {CLONE_NEWIPC, CF_LACKS_IPC_NS},       {CLONE_NEWUTS, CF_LACKS_UTS_NS},
    {CLONE_NEWCGROUP, CF_LACKS_CGROUP_NS},
};
#define BARRIERS_N (sizeof barriers / sizeof *barriers)

/* clone without a stack of its own: like fork, but with namespaces, and without the handlers of other libraries. */
static pid_t clone_process(int flags)
{
    return (pid_t)syscall(SYS_clone, (unsigned long)(flags | SIGCHLD), NULL, NULL, NULL, NULL);
}

/* ---- the child ---- */

typedef struct {
    const cf_confine_spec *spec;
    int go
        [2]; /* one octet comes once the child's ids are mapped; the end means that the launcher has died */
    int status
        [2]; /* one octet once the child's ids can be mapped; lacks; then nothing (executed) or errno */
} start_pipes;

/* The capabilities that cf_harden needs to leave the file system, and no other, and not to be had again by exec. */
static int keep_capabilities(void)
{
    uint32_t keep = UINT32_C(1) << CAP_SYS_ADMIN | UINT32_C(1) << CAP_SYS_CHROOT;
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{keep, keep, keep}, {0, 0, 0}};
    if (syscall(SYS_capset, &head, data) != 0) {
        return errno;
    }
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN, 0, 0);
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_CHROOT, 0, 0);
    return 0;
}

/* Becomes CONFINE_ID and loses all capabilities but two; a launcher without privileges keeps its id and has none to lose.
 * The bounding set is emptied after the inheritable set was filled, which it would limit. */
static unsigned become_nobody(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}, {0}};
    if (syscall(SYS_capget, &head, data) == 0) {
        data[0].inheritable |=
            data[0].permitted & (UINT32_C(1) << CAP_SYS_ADMIN | UINT32_C(1) << CAP_SYS_CHROOT);
        (void)syscall(SYS_capset, &head, data);
    }
    for (unsigned long cap = 0; cap < 64; cap++) {
        (void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
    }
    (void)prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
    /* Raw calls: glibc's wrappers ask every thread, and the other threads are not in this process. */
    (void)syscall(SYS_setgroups, 0, NULL);
    bool changed = syscall(SYS_setresgid, CONFINE_ID, CONFINE_ID, CONFINE_ID) == 0 &&
                   syscall(SYS_setresuid, CONFINE_ID, CONFINE_ID, CONFINE_ID) == 0;
    (void)keep_capabilities();
    return changed ? 0 : CF_LACKS_UID;
}

static void close_others(int first)
{
#ifdef SYS_close_range
    if (syscall(SYS_close_range, (unsigned)first, ~0U, 1U << 2 /* CLOSE_RANGE_CLOEXEC */) == 0) {
        return;
    }
#endif
    for (int fd = first; fd < CONFINE_FDS_OPEN; fd++) {
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
}

/* Puts the descriptors in their places. They first move out of each other's way. */
static int arrange_descriptors(start_pipes *p, int *image)
{
    int from[3 + CF_CONFINE_FDS_MAX];
    size_t n = 3 + p->spec->keep_n;
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    from[0] = fcntl(null >= 0 ? null : p->spec->log_fd, F_DUPFD_CLOEXEC, CONFINE_FD_BASE);
    from[1] = from[2] = fcntl(p->spec->log_fd, F_DUPFD_CLOEXEC, CONFINE_FD_BASE);
    for (size_t i = 3; i < n; i++) {
        from[i] = fcntl(p->spec->keep_fds[i - 3], F_DUPFD_CLOEXEC, CONFINE_FD_BASE);
    }
    *image = fcntl(p->spec->image->fd, F_DUPFD_CLOEXEC, CONFINE_FD_BASE);
    p->status[1] = fcntl(p->status[1], F_DUPFD_CLOEXEC, CONFINE_FD_BASE);
    p->go[0] = fcntl(p->go[0], F_DUPFD_CLOEXEC, CONFINE_FD_BASE);
    for (size_t i = 0; i < n; i++) {
        if (from[i] < 0 || dup2(from[i], (int)i) < 0) {
            return EBADF;
        }
    }
    close_others((int)n);
    return *image < 0 ? EBADF : 0;
}

static void limit(void)
{
    /* The first process of a pid namespace loses a signal that it neither blocks nor handles; so one that ends it must find it
     * blocked, however early it comes. */
    sigset_t kept;
    (void)sigemptyset(&kept);
    (void)sigaddset(&kept, SIGTERM);
    (void)sigaddset(&kept, SIGINT);
    (void)sigaddset(&kept, SIGHUP);
    (void)sigaddset(&kept, SIGPIPE);
    (void)sigprocmask(SIG_SETMASK, &kept, NULL);
    struct rlimit none = {0, 0}, files = {CONFINE_NOFILE, CONFINE_NOFILE};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)setrlimit(RLIMIT_NOFILE, &files);
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* A launcher that is not root may map the ids of a child only while it may read its memory, which a private one's children do not
 * allow (cf_private_process). So they do for that moment. */
static bool become_mappable(const start_pipes *p)
{
    return (geteuid() == 0 || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0) &&
           write(p->status[1], "m", 1) == 1;
}

/* All of the child's life before the program's. The death signal is asked for last: changes of ids and of capabilities undo it. */
static _Noreturn void child(start_pipes *p)
{
    static char *const no_environment[] = {NULL};
    char go = 0;
    int image = -1;
    int dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
    (void)close(p->go[1]);
    if (!become_mappable(p) || read(p->go[0], &go, 1) != 1) {
        _exit(1);
    }
    (void)prctl(PR_SET_DUMPABLE, dumpable, 0, 0, 0);
    (void)setsid();
    unsigned lacks = become_nobody();
    int error = arrange_descriptors(p, &image);
    limit();
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    struct pollfd launcher = {.fd = p->go[0], .events = 0};
    if (poll(&launcher, 1, 0) != 0) {
        _exit(1); /* died before the line above */
    }
    ssize_t told = write(p->status[1], &lacks, sizeof lacks);
    if (error == 0 && told == (ssize_t)sizeof lacks) {
        (void)syscall(SYS_execveat, image, "", p->spec->argv, no_environment, AT_EMPTY_PATH);
        error = errno;
    }
    told = write(p->status[1], &error, sizeof error);
    _exit(told == (ssize_t)sizeof error ? 1 : 2);
}

/* ---- the launcher ---- */

static bool put_file(pid_t pid, const char *name, const char *text, int len)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    CF_FD(fd);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd >= 0 && write(fd, text, (size_t)len) == len;
}

static bool put_map(pid_t pid, const char *name, unsigned outside)
{
    char text[64];
    int len = snprintf(text, sizeof text, "%d %u 1\n", CONFINE_ID, outside);
    return put_file(pid, name, text, len);
}

/* Maps the one id of the new user namespace: to nobody where the launcher may, else to the launcher's own id. */
static CF_MUST_USE cf_result map_ids(pid_t pid, unsigned *lacks)
{
    if (geteuid() == 0 && put_map(pid, "gid_map", CONFINE_ID) &&
        put_map(pid, "uid_map", CONFINE_ID)) {
        return cf_ok();
    }
    *lacks |= CF_LACKS_UID;
    CF_REQUIRE(put_file(pid, "setgroups", "deny", 4), NOT_PERMITTED);
    CF_REQUIRE(put_map(pid, "gid_map", (unsigned)getegid()), NOT_PERMITTED);
    CF_REQUIRE(put_map(pid, "uid_map", (unsigned)geteuid()), NOT_PERMITTED);
    return cf_ok();
}

/* The program locks its memory as a whole, and inside a user namespace only this limit lets it. */
static void allow_memlock(pid_t pid)
{
    struct rlimit limits = {RLIM_INFINITY, RLIM_INFINITY};
    if (prlimit(pid, RLIMIT_MEMLOCK, &limits, NULL) != 0 &&
        prlimit(pid, RLIMIT_MEMLOCK, NULL, &limits) == 0) {
        limits.rlim_cur = limits.rlim_max;
        (void)prlimit(pid, RLIMIT_MEMLOCK, &limits, NULL);
    }
}

/* Octets until there are n, or no more. */
static size_t read_up_to(int fd, void *ret, size_t n)
{
    size_t got = 0;
    while (got < n) {
        ssize_t more = read(fd, (uint8_t *)ret + got, n - got);
        if (more <= 0 && !(more < 0 && errno == EINTR)) {
            break;
        }
        got += more > 0 ? (size_t)more : 0;
    }
    return got;
}

/* Lets the child go and hears what became of it. */
static CF_MUST_USE cf_result hear(start_pipes *p, unsigned *lacks)
{
    CF_REQUIRE(write(p->go[1], "g", 1) == 1, IO);
    unsigned told[2];
    CF_REQUIRE(read_up_to(p->status[0], told, sizeof told) == sizeof told[0], IO);
    *lacks |= told[0];
    return cf_ok();
}

static void close_pipes(start_pipes *p)
{
    for (size_t i = 0; i < 2; i++) {
        cf_fd_close(&p->go[i]);
        cf_fd_close(&p->status[i]);
    }
}

/* One attempt with these namespaces. */
static CF_MUST_USE cf_result start(const cf_confine_spec *spec, int flags, int *ret_pid,
                                   unsigned *lacks)
{
    CF_AUTO(close_pipes) start_pipes p = {spec, {-1, -1}, {-1, -1}};
    CF_REQUIRE(pipe2(p.go, O_CLOEXEC) == 0 && pipe2(p.status, O_CLOEXEC) == 0, IO);
    pid_t pid = clone_process(flags);
    if (pid == 0) {
        child(&p);
    }
    CF_REQUIRE(pid > 0, NOT_PERMITTED);
    cf_fd_close(&p.status[1]);
    allow_memlock(pid);
    char mappable;
    cf_result r = cf_fail(read_up_to(p.status[0], &mappable, 1) == 1 ? CF_OK : CF_ERR_IO);
    r = cf_is_ok(r) && (flags & CLONE_NEWUSER) != 0 ? map_ids(pid, lacks) : r;
    r = cf_is_ok(r) ? hear(&p, lacks) : r;
    if (cf_is_ok(r)) {
        *ret_pid = pid;
    } else {
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
    }
    return r;
}

static bool can_clone(int flags)
{
    pid_t pid = clone_process(flags);
    if (pid == 0) {
        _exit(0);
    }
    if (pid > 0) {
        (void)waitpid(pid, NULL, 0);
    }
    return pid > 0;
}

/* The namespaces that the kernel grants together, tried one by one because the refusal of one does not say which. */
static int granted(int without)
{
    int flags = 0;
    for (size_t i = 0; i < BARRIERS_N; i++) {
        int more = barriers[i].flag & ~without;
        if (more != 0 && can_clone(flags | more)) {
            flags |= more;
        }
    }
    return flags;
}

static unsigned lacking(int flags)
{
    unsigned lacks = 0;
    for (size_t i = 0; i < BARRIERS_N; i++) {
        lacks |= (flags & barriers[i].flag) == 0 ? barriers[i].lacks : 0;
    }
    return lacks;
}

CF_MUST_USE cf_result cf_confine_start(const cf_confine_spec *spec, int *ret_pid,
                                       unsigned *ret_lacks)
{
    *ret_pid = -1;
    *ret_lacks = 0;
    CF_REQUIRE(spec->keep_n <= CF_CONFINE_FDS_MAX, ARGUMENT);
    int all = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
              CLONE_NEWUTS | CLONE_NEWCGROUP;
    cf_result r = cf_fail(CF_ERR_IO);
    /* Everything; else what is granted; else (a user namespace that cannot be mapped) what is granted without one. */
    for (int attempt = 0; attempt < 3 && !cf_is_ok(r); attempt++) {
        int flags = attempt == 0 ? all : granted(attempt == 1 ? 0 : CLONE_NEWUSER);
        unsigned lacks = lacking(flags);
        r = start(spec, flags, ret_pid, &lacks);
        *ret_lacks = cf_is_ok(r) ? lacks : 0;
    }
    return cf_is_ok(r) ? r : cf_fail(CF_ERR_IO);
}
