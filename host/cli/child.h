/* SPDX-License-Identifier: Apache-2.0 */
/* Child daemons of `coffer up`: start, wait until ready, stop. */
#pragma once
#include <sys/types.h>

#include "core/base/result.h"

#define CHILD_ARGS_MAX 32
#define CHILD_READY_BYTES_MAX 128

typedef struct {
    const char *program;              /* "coffer-kmsd", found beside this binary */
    const char *args[CHILD_ARGS_MAX]; /* behind the program's name, NULL-terminated */
    pid_t pid;                        /* 0: not running */
    uint64_t started_ms;
    unsigned failures;                 /* starts in a row that did not last */
    char ready[CHILD_READY_BYTES_MAX]; /* the address that it said it serves at */
} cli_child;

/** Path of a program beside this binary. error SIZE, IO. */
CF_MUST_USE cf_result cli_sibling(const char *program, char *ret, size_t room);

/** True once SIGTERM or SIGINT came, which are blocked and which nobody has taken yet. */
bool cli_end_asked(void);

/** Starts the child with its end bound to ours, and waits until it says ready. After an error it is gone.
 *  error NOT_FOUND (no such program), TIMEOUT, IO, CLOSED (it ended), MALFORMED (what it said is not "ready ADDR"), STATE
 *  (cli_end_asked while it started). */
CF_MUST_USE cf_result cli_child_start(cli_child *c, uint64_t timeout_ms);

/** SIGTERM, then SIGKILL after the grace time. Returns once it is gone. */
void cli_child_stop(cli_child *c, uint64_t grace_ms);

/** True, and pid set to 0, if the child has ended by itself. */
bool cli_child_ended(cli_child *c);
