/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/stack.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void need(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
        exit(1);
    }
}

/* Folder of the running program, which is that of the others. On a disk, as fsync must cost what it costs. */
static void bin_folder(char *ret, size_t room)
{
    ssize_t n = readlink("/proc/self/exe", ret, room - 1);
    need(n > 0, "/proc/self/exe");
    ret[n] = '\0';
    *strrchr(ret, '/') = '\0';
}

static void child(const char *bin, const bench_stack *s, int out)
{
    char program[PATH_MAX + 16], state[PATH_MAX], log[PATH_MAX];
    (void)snprintf(program, sizeof program, "%s/coffer", bin);
    (void)snprintf(state, sizeof state, "%s/state", s->folder);
    (void)snprintf(log, sizeof log, "%s/log", s->folder);
    int err = open(log, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (err >= 0 && dup2(out, 1) == 1 && dup2(err, 2) == 2) {
        (void)execl(program, program, "up", "--state", state, "--listen", "127.0.0.1:0",
                    (char *)NULL);
    }
    _exit(127);
}

/* So that a bench which ends early leaves nothing behind. */
static bench_stack *running;

static void stop_running(void)
{
    if (running != NULL) {
        bench_stack_stop(running);
    }
}

static void read_token(bench_stack *s)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/state/admin.token", s->folder);
    FILE *f = fopen(path, "re");
    need(f != NULL && fgets(s->token, sizeof s->token, f) != NULL, path);
    s->token[strcspn(s->token, "\n")] = '\0';
    (void)fclose(f);
}

void bench_stack_start(bench_stack *s)
{
    char bin[PATH_MAX], line[256] = "";
    int pipe_fds[2];
    *s = (bench_stack){.pid = 0};
    bin_folder(bin, sizeof bin);
    int n = snprintf(s->folder, sizeof s->folder, "%s/bench-XXXXXX", bin);
    need(n > 0 && (size_t)n < sizeof s->folder && mkdtemp(s->folder) != NULL, "folder");
    need(pipe2(pipe_fds, O_CLOEXEC) == 0, "pipe");
    s->pid = fork();
    need(s->pid >= 0, "fork");
    if (s->pid == 0) {
        child(bin, s, pipe_fds[1]);
    }
    running = s;
    (void)atexit(stop_running);
    (void)close(pipe_fds[1]);
    FILE *out = fdopen(pipe_fds[0], "r");
    while (out != NULL && fgets(line, sizeof line, out) != NULL &&
           strncmp(line, "ready ", 6) != 0) {
    }
    const char *port = strrchr(line, ':');
    if (strncmp(line, "ready ", 6) != 0 || port == NULL) {
        fprintf(stderr, "bench: the service did not start, see %s/log\n", s->folder);
        running = NULL;
        exit(1);
    }
    s->port = (unsigned)strtoul(port + 1, NULL, 10);
    (void)fclose(out);
    read_token(s);
}

static int drop(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void bench_stack_stop(bench_stack *s)
{
    int status = 0;
    running = NULL;
    (void)kill(s->pid, SIGTERM);
    (void)waitpid(s->pid, &status, 0);
    (void)nftw(s->folder, drop, 16, FTW_DEPTH | FTW_PHYS);
}
