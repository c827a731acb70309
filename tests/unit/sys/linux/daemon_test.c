/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/linux/daemon.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/linux/clock.h"
#include "sys/linux/net.h"
#include "tests/support/test.h"

static const char *listen_at, *speed, *quiet, *folders[CF_OPTION_REPEATS_MAX];
static size_t folders_n;
static const cf_option options[] = {
    {"listen", "ADDR", "where to serve", &listen_at, NULL, true},
    {"speed", "N", "how fast", &speed, NULL, false},
    {"quiet", NULL, "say nothing", &quiet, NULL, false},
    {"folder", "DIR", "where things are", folders, &folders_n, false},
    {0},
};

static int parse(int argc, const char **argv)
{
    listen_at = quiet = NULL;
    speed = "3";
    folders_n = 0;
    return cf_options_parse(argc, (char **)(uintptr_t)argv, "tests options", options);
}

static void test_options(void **state)
{
    (void)state;
    const char *argv[] = {"/bin/prog", "--listen", "a:1",        "--quiet", "--folder", "x",
                          "--folder=", "--speed=", "--listenxx", "rest",    NULL};
    argv[8] = "verb";
    assert_int_equal(parse(10, argv), 8);
    assert_string_equal(listen_at, "a:1");
    assert_string_equal(quiet, "yes");
    assert_string_equal(speed, "");
    assert_int_equal(folders_n, 2);
    assert_string_equal(folders[0], "x");
    assert_string_equal(folders[1], "");
    const char *few[] = {"prog", "--listen=b", "--", "--quiet", NULL};
    assert_int_equal(parse(4, few), 3);
    assert_string_equal(speed, "3"); /* the preset default */
    assert_null(quiet);
}

/* Exit status of a parse in a child, and the first octets it printed. */
static int outcome(int argc, const char **argv, char *text, size_t room)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)dup2(ends[1], STDERR_FILENO);
        (void)parse(argc, argv);
        _exit(99);
    }
    cf_fd_close(&ends[1]);
    size_t got = 0;
    ssize_t n;
    while (got < room - 1 && (n = read(ends[0], text + got, room - 1 - got)) > 0) {
        got += (size_t)n;
    }
    text[got] = '\0';
    cf_fd_close(&ends[0]);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WEXITSTATUS(status);
}

static void test_wrong_use(void **state)
{
    (void)state;
    char text[4096];
    const char *unknown[] = {"prog", "--listen", "a", "--nope", NULL};
    assert_int_equal(outcome(4, unknown, text, sizeof text), 2);
    assert_non_null(strstr(text, "--nope"));
    const char *missing[] = {"prog", "--quiet", NULL};
    assert_int_equal(outcome(2, missing, text, sizeof text), 2);
    assert_non_null(strstr(text, "listen"));
    const char *twice[] = {"prog", "--listen", "a", "--listen", "b", NULL};
    assert_int_equal(outcome(5, twice, text, sizeof text), 2);
    const char *bare[] = {"prog", "--listen", NULL};
    assert_int_equal(outcome(2, bare, text, sizeof text), 2);
    const char *with[] = {"prog", "--listen", "a", "--quiet=1", NULL};
    assert_int_equal(outcome(4, with, text, sizeof text), 2);
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1); /* one line */
}

static void test_repeats_limit(void **state)
{
    (void)state;
    char text[4096];
    const char *argv[3 + CF_OPTION_REPEATS_MAX + 2] = {"prog", "--listen=a"};
    for (int n = CF_OPTION_REPEATS_MAX - 1; n <= CF_OPTION_REPEATS_MAX + 1; n++) {
        for (int i = 0; i < n; i++) {
            argv[2 + i] = "--folder=f";
        }
        assert_int_equal(outcome(2 + n, argv, text, sizeof text),
                         n <= CF_OPTION_REPEATS_MAX ? 99 : 2);
    }
}

static void test_help(void **state)
{
    (void)state;
    char text[4096];
    const char *help[] = {"prog", "--help", NULL};
    assert_int_equal(outcome(2, help, text, sizeof text), 0);
    assert_non_null(strstr(text, "tests options"));
    assert_non_null(strstr(text, "--listen ADDR"));
    assert_non_null(strstr(text, "how fast"));
    const char *version[] = {"prog", "--version", NULL};
    assert_int_equal(outcome(2, version, text, sizeof text), 0);
    assert_string_equal(text, "prog " CF_VERSION "\n");
}

static void test_signals(void **state)
{
    (void)state;
    cf_signals_block();
    uint64_t began = cf_clock_mono_ms();
    assert_false(cf_signals_wait(30));
    assert_true(cf_clock_mono_ms() - began >= 30);
    assert_int_equal(kill(getpid(), SIGHUP), 0); /* blocked, ends nothing */
    assert_int_equal(kill(getpid(), SIGTERM), 0);
    assert_true(cf_signals_wait(UINT64_MAX));
    assert_int_equal(kill(getpid(), SIGINT), 0);
    assert_true(cf_signals_wait(1000));
    assert_false(cf_signals_wait(0));
}

static void test_ready(void **state)
{
    (void)state;
    int ends[2];
    char text[64] = {0}, number[16];
    assert_int_equal(pipe(ends), 0);
    (void)snprintf(number, sizeof number, "%d", ends[1]);
    cf_ready(NULL, "unused");
    cf_ready("x", "unused");
    cf_ready(number, "unix:/a");
    assert_int_equal(read(ends[0], text, sizeof text), 14);
    assert_string_equal(text, "ready unix:/a\n");
    assert_int_equal(read(ends[0], text, sizeof text), 0); /* closed */
    cf_fd_close(&ends[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options),       cmocka_unit_test(test_wrong_use),
        cmocka_unit_test(test_repeats_limit), cmocka_unit_test(test_help),
        cmocka_unit_test(test_signals),       cmocka_unit_test(test_ready),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
