/* SPDX-License-Identifier: Apache-2.0 */
/* What `coffer cel eval` and `coffer cel check` share: a source, and the variables that it may use. */
#pragma once
#include "core/cel/cel.h"
#include "host/cli/args.h"

#define CF_CLI_CEL_ARENA_BYTES_MAX                                                                 \
    ((size_t)64 << 20) /* bindings of CF_CLI_INPUT_BYTES_MAX, and an evaluation */

typedef struct {
    cf_buf text;    /* what --file holds */
    cf_view source; /* that, or the word of the command line */
    cf_buf bindings;
    cf_arena arena;
    cf_cel_env *env;
    cf_cel_value *values; /* by slot, in the arena */
    cf_cel_options options;
} cli_cel;

/** Reads source, --bindings and --types as the command line tells. Prints what is wrong and returns the exit status, or CLI_OK. */
int cli_cel_open(const cli_args *args, cli_cel *ret);
void cli_cel_close(cli_cel *c);
#define CLI_CEL(name)                                                                              \
    CF_AUTO(cli_cel_close)                                                                         \
    cli_cel name = {.arena = {.max = CF_CLI_CEL_ARENA_BYTES_MAX}}

/** Compiles; prints the error and returns the exit status. */
int cli_cel_compile(const cli_cel *c, cf_cel_program **ret);

/** Prints `error: CODE at line L, column C (offset N): SENTENCE` to standard error with the line of the source and a caret below it.
 *  Returns CLI_FAILED. */
int cli_cel_error(cf_view source, const cf_cel_error *error);
