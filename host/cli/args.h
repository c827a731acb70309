/* SPDX-License-Identifier: Apache-2.0 */
/* The command line as a table: verbs, their options, their help. Help, completion and parsing all read the same rows. */
#pragma once
#include <stdio.h>

#include "core/base/buf.h"

/* Exit statuses, documented in docs/cli.md. */
enum {
    CLI_OK = 0,
    CLI_FAILED = 1,      /* the service or the operation said no */
    CLI_USAGE = 2,       /* the command line is wrong */
    CLI_UNREACHABLE = 3, /* nobody answers at the address */
    CLI_PARTIAL = 4,     /* done in part: bad lines in an import, entries in `errors` */
};

#define CF_CLI_OPTIONS_MAX 112 /* options of one command; a decrypt may have 100 expressions */
#define CF_CLI_WORDS_MAX 16    /* positional arguments of one verb */

/** An option of a verb. value is its placeholder in the help, NULL for a switch; one that ends in "..." may be given again. */
typedef struct {
    const char *name, *value, *help;
} cli_option;

/** What was given. Option values are looked up by name; a switch that is set has the value "". */
typedef struct {
    const char *names[CF_CLI_OPTIONS_MAX], *values[CF_CLI_OPTIONS_MAX];
    size_t options_n;
    const char *words[CF_CLI_WORDS_MAX];
    size_t words_n;
    /* For a command of CLI_WORDS_OWN instead of all that: from its own name on. */
    int argc;
    char **argv;
} cli_args;

/** words_max of a command that takes its arguments apart by itself. */
#define CLI_WORDS_OWN SIZE_MAX

/** One command. noun is NULL for commands of one word ("import"). run returns the exit status. */
typedef struct cli_verb {
    const char *noun, *verb;
    const char *words; /* positional arguments as the help shows them, "" for none */
    size_t words_min, words_max;
    const char *purpose;       /* one line */
    const char *more;          /* further help, or "" */
    const cli_option *options; /* ends with a NULL name */
    int (*run)(const cli_args *args);
} cli_verb;

/** Options that most verbs share; each group is a macro so that tables stay data. */
#define CLI_OPTIONS_CLIENT                                                                         \
    {"url", "URL", "address of the service (default: $COFFER_URL, else the state folder's)"},      \
        {"token-file", "FILE",                                                                     \
         "file with the token (default: $COFFER_TOKEN, else beside the state folder's address)"},  \
        {"state", "DIR",                                                                           \
         "state folder of a local service (default: $COFFER_STATE, else ./coffer-state)"},         \
        {"ca", "FILE",                                                                             \
         "whom to trust at an https address: certificates in PEM (default: $COFFER_CA, else the "  \
         "state folder's)"},                                                                       \
        {"insecure", NULL, "send token and values in clear to another machine"},                   \
        {"json", NULL, "print JSON"},                                                              \
    {                                                                                              \
        "help", NULL, "print this help"                                                            \
    }
#define CLI_OPTIONS_LOCAL                                                                          \
    {"state", "DIR", "state folder (default: $COFFER_STATE, else ./coffer-state)"},                \
        {"json", NULL, "print JSON"},                                                              \
    {                                                                                              \
        "help", NULL, "print this help"                                                            \
    }

/** Value of an option, or NULL. */
const char *cli_get(const cli_args *args, const char *name);
/** The n-th value of an option that may be given again, counted from 0; NULL behind the last. */
const char *cli_get_nth(const cli_args *args, const char *name, size_t n);
static inline bool cli_has(const cli_args *args, const char *name)
{
    return cli_get(args, name) != NULL;
}

/** Parses argv behind the verb's own words. Prints one line to standard error and returns false on wrong use. */
bool cli_parse(const cli_verb *verb, int argc, char **argv, cli_args *ret);

/** Prints the help of one verb to standard output, or a list of all of them (noun NULL) or of one noun. */
void cli_help_verb(const cli_verb *verb);
void cli_help_all(FILE *out, const cli_verb *verbs, const char *noun);

/** Number of an option within [min, max]; ret keeps its value when the option is absent. Prints and returns false when wrong. */
bool cli_number(const cli_args *args, const char *name, uint64_t min, uint64_t max, uint64_t *ret);
