/* SPDX-License-Identifier: Apache-2.0 */
/* What every daemon does the same way: options, readiness, signals. */
#pragma once
#include "core/base/result.h"

/** First thing in a host program, before it has threads or secrets: no core dumps; memory that no other process reads, but root's;
 *  and none of it in swap where no limit on locked memory holds for it. Never fails: what is not granted is left. The process's
 *  files in /proc belong to root from then on. What it executes has all this to do again, but for the core dumps. */
void cf_private_process(void);

/** One option of a program. */
typedef struct {
    const char *name;  /* "listen" for --listen */
    const char *value; /* placeholder in the help, NULL for a switch */
    const char *help;
    const char **
        ret; /* set to the argument; for a switch to "yes"; else left as it is, so that a preset value is the default */
    size_t *
        ret_n; /* NULL, or: the option may be repeated, ret is an array of at least CF_OPTION_REPEATS_MAX, and *ret_n,
                       * 0 before the call, counts */
    bool required;
} cf_option;
#define CF_OPTION_REPEATS_MAX 16
#define CF_OPTIONS_MAX 64 /* rows of one table */

/** Parses --name value, --name=value and switches; knows --help and --version by itself (prints, exits 0). Wrong use prints one line
 *  and exits 2. options ends with a NULL name. Returns the index of the first argument that is no option; "--" ends them. */
int cf_options_parse(int argc, char **argv, const char *purpose, const cf_option *options);

/** Blocks SIGTERM, SIGINT, SIGHUP, SIGPIPE in this and all later threads. Call before any thread starts. */
void cf_signals_block(void);
/** Waits for SIGTERM or SIGINT; false if timeout_ms passed first. */
bool cf_signals_wait(uint64_t timeout_ms);

/** Writes "ready ADDR\n" to the descriptor named by text (decimal) and closes it; NULL text does nothing. */
void cf_ready(const char *fd_text, const char *addr);
