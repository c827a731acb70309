/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "core/crypto/primitives.h"
#include "host/cli/verbs.h"

int cli_version(const cli_args *args)
{
    if (cli_has(args, "json")) {
        printf("{\"version\":\"%s\",\"crypto\":\"%s\"}\n", CF_VERSION, cf_crypto_name());
    } else {
        printf("coffer %s (%s)\n", CF_VERSION, cf_crypto_name());
    }
    return CLI_OK;
}

const cli_verb *cli_verb_find(int argc, char **argv, int *ret_words)
{
    *ret_words = 0;
    for (const cli_verb *v = cli_verbs; v->verb != NULL; v++) {
        int words = v->noun != NULL ? 2 : 1;
        if (argc >= words && (v->noun == NULL || strcmp(argv[0], v->noun) == 0) &&
            strcmp(argv[words - 1], v->verb) == 0) {
            *ret_words = words;
            return v;
        }
    }
    return NULL;
}

static bool is_noun(const char *word)
{
    for (const cli_verb *v = cli_verbs; v->verb != NULL; v++) {
        if (v->noun != NULL && strcmp(word, v->noun) == 0) {
            return true;
        }
    }
    return false;
}

static bool asks_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

/* No command: help was asked for, or is due. */
static int run_without_command(int argc, char **argv)
{
    if (argc == 0 || asks_help(argv[0])) {
        cli_help_all(argc == 0 ? stderr : stdout, cli_verbs, NULL);
        return argc == 0 ? CLI_USAGE : CLI_OK;
    }
    if (is_noun(argv[0]) && (argc == 1 || asks_help(argv[1]))) {
        cli_help_all(argc == 1 ? stderr : stdout, cli_verbs, argv[0]);
        return argc == 1 ? CLI_USAGE : CLI_OK;
    }
    fprintf(stderr, "coffer: no such command; `coffer --help` lists them\n");
    return CLI_USAGE;
}

int cli_main(int argc, char **argv)
{
    int words = 0;
    cli_args args = {0};
    if (argc == 1 && strcmp(argv[0], "--version") == 0) {
        return cli_version(&args);
    }
    const cli_verb *verb = cli_verb_find(argc, argv, &words);
    if (verb == NULL) {
        return run_without_command(argc, argv);
    }
    if (verb->words_max == CLI_WORDS_OWN) {
        args.argc = argc - words + 1;
        args.argv = argv + words - 1;
        return verb->run(&args);
    }
    if (!cli_parse(verb, argc - words, argv + words, &args)) {
        return CLI_USAGE;
    }
    if (cli_has(&args, "help")) {
        cli_help_verb(verb);
        return CLI_OK;
    }
    int status = verb->run(&args);
    if (fflush(stdout) != 0 || ferror(stdout) != 0) {
        fprintf(stderr, "coffer: standard output cannot be written\n");
        return status == CLI_OK ? CLI_FAILED : status;
    }
    return status;
}
