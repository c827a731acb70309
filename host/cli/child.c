/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/linux/clock.h"
#include "sys/linux/net.h"

#define PATH_BYTES_MAX 4096
#define READY_LINE_BYTES_MAX 256
#define POLL_STEP_US 20000
#define READY_STEP_MS 100

CF_MUST_USE cf_result cli_sibling(const char *program, char *ret, size_t room)
{
    char self[PATH_BYTES_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    CF_REQUIRE(n > 0, IO);
    self[n] = '\0';
    char *slash = strrchr(self, '/');
    CF_REQUIRE(slash != NULL, IO);
    *slash = '\0';
    int len = snprintf(ret, room, "%s/%s", self, program);
    CF_REQUIRE(len > 0 && (size_t)len < room, SIZE);
    return cf_ok();
}

/* In the child between fork and exec: only async-signal-safe calls. */
static void become(char *const *argv, int ready_fd, pid_t parent)
{
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) {
        _exit(1); /* the parent ended before its death could be asked for */
    }
    /* its own group: Ctrl-C at the terminal reaches `up` alone, which stops the children in order */
    (void)setpgid(0, 0);
    (void)fcntl(ready_fd, F_SETFD, 0);
    (void)execv(argv[0], argv);
    _exit(127);
}

bool cli_end_asked(void)
{
    sigset_t waiting;
    return sigpending(&waiting) == 0 &&
           (sigismember(&waiting, SIGTERM) == 1 || sigismember(&waiting, SIGINT) == 1);
}

/* Waits until the descriptor is readable; not longer than until our own end is asked for. */
static cf_result wait_readable(int fd, uint64_t deadline)
{
    for (;;) {
        uint64_t now = cf_clock_mono_ms(), step = now + READY_STEP_MS;
        cf_result r = cf_net_wait(fd, POLLIN, step < deadline ? step : deadline);
        if (r.code != CF_ERR_TIMEOUT || now >= deadline) {
            return r;
        }
        CF_REQUIRE(!cli_end_asked(), STATE);
    }
}

/* The line "ready ADDR" that a daemon writes once it serves (a pipe, so not a matter for sys/linux/net.h). */
static cf_result wait_ready(int fd, uint64_t timeout_ms, char *ret, size_t room)
{
    char line[READY_LINE_BYTES_MAX + 1] = "";
    size_t len = 0;
    uint64_t deadline = cf_clock_mono_ms() + timeout_ms;
    while (len == 0 || line[len - 1] != '\n') {
        CF_REQUIRE(len < READY_LINE_BYTES_MAX, MALFORMED);
        CF_TRY(wait_readable(fd, deadline));
        ssize_t n = read(fd, line + len, READY_LINE_BYTES_MAX - len);
        CF_REQUIRE(n != 0, CLOSED);
        CF_REQUIRE(n > 0 || errno == EINTR, IO);
        len += n > 0 ? (size_t)n : 0;
    }
    line[len - 1] = '\0';
    CF_REQUIRE(strncmp(line, "ready ", 6) == 0, MALFORMED);
    int n = snprintf(ret, room, "%s", line + 6);
    CF_REQUIRE(n > 0 && (size_t)n < room, MALFORMED);
    return cf_ok();
}

CF_MUST_USE cf_result cli_child_start(cli_child *c, uint64_t timeout_ms)
{
    char path[PATH_BYTES_MAX], ready[16];
    char *argv[CHILD_ARGS_MAX + 4] = {path};
    CF_TRY(cli_sibling(c->program, path, sizeof path));
    CF_REQUIRE(access(path, X_OK) == 0, NOT_FOUND);
    int ends[2];
    CF_REQUIRE(pipe2(ends, O_CLOEXEC) == 0, IO);
    CF_AUTO(cf_fd_close) int ready_in = ends[0];
    CF_AUTO(cf_fd_close) int ready_out = ends[1];
    size_t n = 1;
    for (size_t i = 0; i < CHILD_ARGS_MAX && c->args[i] != NULL; i++) {
        /* execv takes char *const by history; it does not write to the arguments */
        argv[n++] = (char *)(uintptr_t)c->args[i];
    }
    (void)snprintf(ready, sizeof ready, "--ready-fd=%d", ready_out);
    argv[n] = ready;
    pid_t parent = getpid();
    c->pid = fork();
    if (c->pid == 0) {
        become(argv, ready_out, parent);
    }
    if (c->pid < 0) {
        c->pid = 0;
        return cf_fail(CF_ERR_IO);
    }
    c->started_ms = cf_clock_mono_ms();
    cf_fd_close(&ready_out);
    cf_result r = wait_ready(ready_in, timeout_ms, c->ready, sizeof c->ready);
    if (!cf_is_ok(r)) {
        cli_child_stop(c, 1000);
    }
    return r;
}

bool cli_child_ended(cli_child *c)
{
    if (c->pid == 0) {
        return true;
    }
    int status;
    if (waitpid(c->pid, &status, WNOHANG) == 0) {
        return false;
    }
    c->pid = 0;
    return true;
}

void cli_child_stop(cli_child *c, uint64_t grace_ms)
{
    if (c->pid == 0) {
        return;
    }
    uint64_t deadline = cf_clock_mono_ms() + grace_ms;
    (void)kill(c->pid, SIGTERM);
    while (!cli_child_ended(c)) {
        if (cf_clock_mono_ms() > deadline) {
            (void)kill(c->pid, SIGKILL);
        }
        (void)usleep(POLL_STEP_US);
    }
}
