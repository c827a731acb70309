/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/linux/daemon.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/number.h"
#include "sys/linux/clock.h"

#define DAEMON_EXIT_USE 2

static const char *program_of(char **argv)
{
    const char *slash = strrchr(argv[0], '/');
    return slash == NULL ? argv[0] : slash + 1;
}

/* "--name VALUE" as the help shows it. */
static int put_form(FILE *to, const cf_option *o)
{
    return fprintf(to, "--%s%s%s", o->name, o->value == NULL ? "" : " ",
                   o->value == NULL ? "" : o->value);
}

static void print_help(const char *program, const char *purpose, const cf_option *options)
{
    static const int help_column = 28;
    printf("%s: %s\n\nUsage: %s", program, purpose, program);
    for (const cf_option *o = options; o->name != NULL; o++) {
        printf(o->required ? " " : " [");
        (void)put_form(stdout, o);
        printf("%s%s", o->required ? "" : "]", o->ret_n == NULL ? "" : "...");
    }
    printf("\n\nOptions:\n");
    for (const cf_option *o = options; o->name != NULL; o++) {
        printf("  ");
        int width = put_form(stdout, o);
        printf("%*s  %s\n", width < help_column ? help_column - width : 0, "", o->help);
    }
    printf("  %-*s  %s\n  %-*s  %s\n", help_column, "--help", "print this and exit", help_column,
           "--version", "print the version and exit");
}

static _Noreturn void wrong_use(const char *program, const char *text, const char *what)
{
    (void)fprintf(stderr, "%s: %s: %s (see %s --help)\n", program, text, what, program);
    exit(DAEMON_EXIT_USE);
}

/* The option that the argument names, or NULL; *value what stands behind its '=', or NULL. */
static const cf_option *find(const cf_option *options, const char *name, const char **value)
{
    const char *equals = strchr(name, '=');
    size_t len = equals == NULL ? strlen(name) : (size_t)(equals - name);
    *value = equals == NULL ? NULL : equals + 1;
    for (const cf_option *o = options; o->name != NULL; o++) {
        if (strlen(o->name) == len && strncmp(o->name, name, len) == 0) {
            return o;
        }
    }
    return NULL;
}

/* seen: one bit per row of the table. A preset value is a default and stays until the option is given. */
static void set(const char *program, const cf_option *options, const cf_option *o,
                const char *value, uint64_t *seen)
{
    uint64_t bit = UINT64_C(1) << (o - options);
    if (o->ret_n == NULL) {
        if ((*seen & bit) != 0) {
            wrong_use(program, "given twice", o->name);
        }
        *o->ret = value;
    } else {
        if (*o->ret_n == CF_OPTION_REPEATS_MAX) {
            wrong_use(program, "given too often", o->name);
        }
        o->ret[(*o->ret_n)++] = value;
    }
    *seen |= bit;
}

static void check_required(const char *program, const cf_option *options, uint64_t seen)
{
    for (const cf_option *o = options; o->name != NULL; o++) {
        if (o->required && (seen & UINT64_C(1) << (o - options)) == 0) {
            wrong_use(program, "missing option", o->name);
        }
    }
}

static size_t row_count(const cf_option *options)
{
    size_t n = 0;
    while (options[n].name != NULL) {
        n++;
    }
    return n;
}

int cf_options_parse(int argc, char **argv, const char *purpose, const cf_option *options)
{
    const char *program = program_of(argv);
    assert(row_count(options) <= CF_OPTIONS_MAX);
    uint64_t seen = 0;
    int i = 1;
    for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
        if (argv[i][2] == '\0') {
            i++;
            break;
        }
        if (strcmp(argv[i], "--help") == 0) {
            print_help(program, purpose, options);
            exit(0);
        }
        if (strcmp(argv[i], "--version") == 0) {
            printf("%s %s\n", program, CF_VERSION);
            exit(0);
        }
        const char *value;
        const cf_option *o = find(options, argv[i] + 2, &value);
        if (o == NULL) {
            wrong_use(program, "unknown option", argv[i]);
        }
        if (o->value == NULL ? value != NULL : value == NULL && i + 1 == argc) {
            wrong_use(program, o->value == NULL ? "takes no value" : "needs a value", argv[i]);
        }
        set(program, options, o, o->value == NULL ? "yes" : (value != NULL ? value : argv[++i]),
            &seen);
    }
    check_required(program, options, seen);
    return i;
}

static sigset_t ending_signals(void)
{
    sigset_t set_of;
    (void)sigemptyset(&set_of);
    (void)sigaddset(&set_of, SIGTERM);
    (void)sigaddset(&set_of, SIGINT);
    return set_of;
}

void cf_signals_block(void)
{
    sigset_t set_of = ending_signals();
    (void)sigaddset(&set_of, SIGHUP);
    (void)sigaddset(&set_of, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &set_of, NULL);
}

bool cf_signals_wait(uint64_t timeout_ms)
{
    sigset_t set_of = ending_signals();
    uint64_t now = cf_clock_mono_ms();
    uint64_t deadline_ms =
        timeout_ms < CF_DEADLINE_NONE - now ? now + timeout_ms : CF_DEADLINE_NONE;
    for (;;) {
        int left = cf_clock_poll_ms(deadline_ms);
        struct timespec wait = {.tv_sec = left / 1000, .tv_nsec = (long)(left % 1000) * 1000000};
        int got = deadline_ms == CF_DEADLINE_NONE ? sigwaitinfo(&set_of, NULL)
                                                  : sigtimedwait(&set_of, NULL, &wait);
        if (got > 0) {
            return true;
        }
        if (errno == EAGAIN && cf_clock_poll_ms(deadline_ms) == 0) {
            return false;
        }
    }
}

void cf_ready(const char *fd_text, const char *addr)
{
    uint64_t fd;
    if (fd_text == NULL || !cf_is_ok(cf_parse_u64(cf_view_str(fd_text), INT_MAX, &fd))) {
        return;
    }
    /* A launcher that has gone is told nothing, and its signal (SIGPIPE) is blocked. */
    (void)dprintf((int)fd, "ready %s\n", addr);
    (void)close((int)fd);
}
