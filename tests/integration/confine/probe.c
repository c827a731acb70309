/* SPDX-License-Identifier: Apache-2.0 */
/* A program that confines itself as the enclave does and then makes one attempt to get out.
 *   coffer-enclave-probe open|filter|filter-nsm ATTEMPT [main|thread]
 * "filter-nsm" is the filter of an enclave whose security module is a device. "open" makes the attempt before the filter, so that the
 * other barriers are tried by themselves. The outcome goes to descriptor 3 as one line: "harden LACKS", then "done" or
 * "refused ERRNO"; a kill leaves the second out. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sys/linux/confine.h"

#define REPORT_FD 3

/* Each attempt returns true when it got through; errno tells otherwise. */

static bool try_open(void)
{
    return open("/etc/passwd", O_RDONLY) >= 0 || open("/proc/self/status", O_RDONLY) >= 0 ||
           open("/dev/null", O_RDWR) >= 0;
}

static bool try_list(void)
{
    DIR *root = opendir("/");
    for (struct dirent *entry; root != NULL && (entry = readdir(root)) != NULL;) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            return true;
        }
    }
    errno = ENOENT;
    return false;
}

static bool try_climb(void)
{
    return open("../../../../etc/passwd", O_RDONLY) >= 0;
}

static bool try_write(void)
{
    return open("/left-behind", O_CREAT | O_WRONLY, 0600) >= 0;
}

static bool try_tcp(void)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    /* A refusal by the other end would mean that packets got out. */
    return fd >= 0 &&
           (connect(fd, (struct sockaddr *)&to, sizeof to) == 0 || errno == ECONNREFUSED);
}

static bool try_abstract(void)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = "\0coffer-confine-test"};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    return fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
}

static bool try_exec(void)
{
    char *argv[] = {(char *)(uintptr_t) "true", NULL}, *envp[] = {NULL};
    (void)execve("/bin/true", argv, envp);
    return false; /* not reached when it works; the missing report tells */
}

static bool try_exec_fd(void)
{
    char *argv[] = {(char *)(uintptr_t) "probe", NULL}, *envp[] = {NULL};
    for (int fd = 4; fd < 1024; fd++) {
        (void)syscall(SYS_execveat, fd, "", argv, envp, AT_EMPTY_PATH);
    }
    return false;
}

static bool try_ptrace(void)
{
    return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0;
}

static bool try_kill(void)
{
    return getppid() != 0 && kill(getppid(), 0) == 0;
}

static bool try_fork(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        _exit(0);
    }
    return pid > 0;
}

static void *nothing(void *unused)
{
    return unused;
}

static bool try_thread(void)
{
    pthread_t thread;
    errno = pthread_create(&thread, NULL, nothing, NULL);
    return errno == 0;
}

static bool try_mmap_exec(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
           MAP_FAILED;
}

static bool try_mprotect_exec(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p != MAP_FAILED && mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0;
}

static bool try_mount(void)
{
    return mount("none", "/", "proc", 0, NULL) == 0;
}

static bool try_unshare(void)
{
    return unshare(CLONE_NEWUSER) == 0;
}

static bool try_setuid(void)
{
    return setuid(0) == 0;
}

static bool try_bpf(void)
{
    union bpf_attr attr = {
        .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};
    return syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof attr) >= 0;
}

static bool try_sendto(void)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = "\0coffer-confine-test"};
    return sendto(REPORT_FD, "x", 1, 0, (struct sockaddr *)&to, sizeof to) == 1;
}

/* Another device's request, and the security module's, which a socket refuses. */
static bool try_ioctl(void)
{
    int waiting;
    return ioctl(REPORT_FD, FIONREAD, &waiting) == 0;
}

static bool try_ioctl_nsm(void)
{
    return ioctl(REPORT_FD, 0xC0200A00UL, NULL) == 0;
}

/* The clocks as system calls, which they are where the vDSO cannot tell. */
static bool try_clocks(void)
{
    struct timespec now;
    struct timeval too;
    bool fine = syscall(SYS_clock_gettime, CLOCK_REALTIME, &now) == 0 &&
                syscall(SYS_gettimeofday, &too, NULL) == 0;
#ifdef SYS_time
    fine = fine && syscall(SYS_time, NULL) > 0;
#endif
    return fine;
}

/* What a serving enclave does must go on working. */
static bool try_nothing(void)
{
    void *p = malloc(1 << 20);
    uint8_t seed[16];
    bool fine = p != NULL && syscall(SYS_getrandom, seed, sizeof seed, 0) == (long)sizeof seed &&
                try_clocks();
    free(p);
    return fine;
}

static bool try_idle(void)
{
    struct timespec hour = {3600, 0};
    return clock_nanosleep(CLOCK_MONOTONIC, 0, &hour, NULL) == 0;
}

static const struct {
    const char *name;
    bool (*attempt)(void);
} attempts[] = {
    {"open", try_open},
    {"list", try_list},
    {"climb", try_climb},
    {"write", try_write},
    {"tcp", try_tcp},
    {"abstract", try_abstract},
    {"exec", try_exec},
    {"exec_fd", try_exec_fd},
    {"ptrace", try_ptrace},
    {"kill", try_kill},
    {"fork", try_fork},
    {"thread", try_thread},
    {"mmap_exec", try_mmap_exec},
    {"mprotect_exec", try_mprotect_exec},
    {"mount", try_mount},
    {"unshare", try_unshare},
    {"setuid", try_setuid},
    {"bpf", try_bpf},
    {"sendto", try_sendto},
    {"ioctl", try_ioctl},
    {"ioctl_nsm", try_ioctl_nsm},
    {"nothing", try_nothing},
    {"idle", try_idle},
};

static void report(const char *what, unsigned number)
{
    char line[64];
    int len = snprintf(line, sizeof line, "%s %u\n", what, number);
    ssize_t n = write(REPORT_FD, line, (size_t)len);
    (void)n;
}

static void make_attempt(const char *name)
{
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
        if (strcmp(attempts[i].name, name) == 0) {
            bool done = attempts[i].attempt();
            report(done ? "done" : "refused", done ? 0 : (unsigned)errno);
            return;
        }
    }
    report("unknown", 0);
}

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void *other_thread(void *name)
{
    (void)pthread_mutex_lock(&gate);
    make_attempt(name);
    (void)pthread_mutex_unlock(&gate);
    return NULL;
}

int main(int argc, char **argv)
{
    unsigned lacks;
    pthread_t thread;
    if (argc < 3 || !cf_is_ok(cf_harden(&lacks))) {
        report("harden_failed", 0);
        return 1;
    }
    report("harden", lacks);
    bool from_thread = argc > 3 && strcmp(argv[3], "thread") == 0;
    (void)pthread_mutex_lock(&gate);
    if (from_thread && pthread_create(&thread, NULL, other_thread, argv[2]) != 0) {
        return 1;
    }
    if (strncmp(argv[1], "filter", strlen("filter")) == 0) {
        cf_result r = cf_seccomp_enter(strcmp(argv[1], "filter-nsm") == 0 ? CF_MAY_ASK_NSM : 0);
        report(cf_is_ok(r) ? "filter" : "filter_failed", r.code);
    }
    if (!from_thread) {
        make_attempt(argv[2]);
        return 0;
    }
    (void)pthread_mutex_unlock(&gate);
    (void)pthread_join(thread, NULL);
    return 0;
}
