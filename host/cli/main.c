/* SPDX-License-Identifier: Apache-2.0 */
/* coffer: one table of commands. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "core/crypto/primitives.h"
#include "host/cli/verbs.h"

#define COFFER_VERSION "0.1.0"

static const cli_option up_options[] = {
    {"state", "DIR", "state folder (default: $COFFER_STATE, else ./coffer-state)"},
    {"listen", "HOST:PORT", "address of the API (default 127.0.0.1:8400)"},
    {"trust-enclave", NULL, "let the enclave program beside this command open existing vaults"},
    {"help", NULL, "print this help"},
    {NULL, NULL, NULL}};
static const cli_option client_options[] = {CLI_OPTIONS_CLIENT, {NULL, NULL, NULL}};
static const cli_option create_options[] = {
    {"schema", "NAME", "schema of the vault (default: person)"},
    CLI_OPTIONS_CLIENT,
    {NULL, NULL, NULL}};
static const cli_option get_options[] = {
    {"fields", "A,B", "only these fields (default: all of the schema)"},
    CLI_OPTIONS_CLIENT,
    {NULL, NULL, NULL}};
static const cli_option update_options[] = {
    {"if-match", "VERSION", "only if the vault still has this version"},
    CLI_OPTIONS_CLIENT,
    {NULL, NULL, NULL}};
static const cli_option delete_options[] = {
    {"fields", "A,B", "delete these fields, and what is derived from them"},
    {"all", NULL, "delete the vault: its key is destroyed"},
    {"if-match", "VERSION", "only if the vault still has this version"},
    CLI_OPTIONS_CLIENT,
    {NULL, NULL, NULL}};
static const cli_option decrypt_options[] = {
    {"fields", "A,B", "the fields to open, in the order of the answer"},
    {"reason", "TEXT", "why; it is kept in the audit log"},
    CLI_OPTIONS_CLIENT,
    {NULL, NULL, NULL}};
static const cli_option import_options[] = {
    {"jobs", "N", "vaults made at a time, 1 to 64 (default 8)"},
    {"journal", "FILE", "the journal (default: FILE.jsonl.import)"},
    {"restart", NULL, "forget the journal and import every line"},
    CLI_OPTIONS_CLIENT,
    {NULL, NULL, NULL}};
static const cli_option export_options[] = {
    {"ciphertext", NULL, "rows as stored: nothing is opened"},
    {"out", "FILE", "write here instead of to standard output"},
    CLI_OPTIONS_LOCAL,
    {NULL, NULL, NULL}};
static const cli_option tail_options[] = {{"vault", "ID", "only this vault's entries"},
                                          {"limit", "N", "how many, 1 to 1000 (default 20)"},
                                          CLI_OPTIONS_CLIENT,
                                          {NULL, NULL, NULL}};
static const cli_option local_options[] = {CLI_OPTIONS_LOCAL, {NULL, NULL, NULL}};
static const cli_option token_options[] = {{"name", "NAME", "what the token is for"},
                                           {"scopes", "A,B", "of write, read, decrypt, admin"},
                                           {"days", "N", "days until it expires (default: never)"},
                                           CLI_OPTIONS_CLIENT,
                                           {NULL, NULL, NULL}};
static const cli_option plain_options[] = {
    {"json", NULL, "print JSON"}, {"help", NULL, "print this help"}, {NULL, NULL, NULL}};

static const cli_verb verbs[] = {
    {NULL, "up", "", 0, 0, "run the whole service on this machine, in the foreground",
     "Prints `ready URL` on standard output once it serves. The first admin token is in "
     "DIR/admin.token.",
     up_options, cli_up},
    {NULL, "status", "", 0, 0, "ask the service how it is", "", client_options, cli_status},
    {"vault", "create", "[FILE]", 0, 1, "seal a new vault from a JSON object",
     "The object is read from FILE, or from standard input: values never stand on the command "
     "line. Prints the vault's id.",
     create_options, cli_vault_create},
    {"vault", "get", "ID", 1, 1, "tell which fields are set", "Names only; nothing is opened.",
     get_options, cli_vault_get},
    {"vault", "update", "ID [FILE]", 1, 2, "seal new values of some fields",
     "Reads a JSON object as `vault create` does.", update_options, cli_vault_update},
    {"vault", "delete", "ID", 1, 1, "delete fields, or the whole vault", "", delete_options,
     cli_vault_delete},
    {"vault", "decrypt", "ID", 1, 1, "open fields inside the enclave",
     "Fields that do not open go to standard error; exit status 4.", decrypt_options,
     cli_vault_decrypt},
    {NULL, "import", "FILE.jsonl", 1, 1, "make a vault of every line",
     "Keeps a journal in FILE.jsonl.import: the same command goes on where an interrupted one "
     "stopped.\n"
     "Lines that are refused are reported by number, with field names and reasons, never with "
     "values; exit status 4.",
     import_options, cli_import},
    {NULL, "export", "", 0, 0, "write every stored row as a line of JSON",
     "Reads the store of a local service.", export_options, cli_export},
    {"audit", "tail", "", 0, 0, "print the newest audit entries", "", tail_options, cli_audit_tail},
    {"audit", "verify", "", 0, 0, "check the whole audit log and every row against it",
     "Exit status 0 only if everything holds. Each finding is one line.", local_options,
     cli_audit_verify},
    {"token", "create", "", 0, 0, "make an access token; its text is shown once", "", token_options,
     cli_token_create},
    {"token", "list", "", 0, 0, "list tokens, without their text", "", client_options,
     cli_token_list},
    {"token", "revoke", "ID", 1, 1, "make a token invalid at once", "", client_options,
     cli_token_revoke},
    {NULL, "version", "", 0, 0, "print version and libraries", "", plain_options, cli_version},
    {NULL, "completion", "", 0, 0, "print completion for bash",
     "Use it with: source <(coffer completion)", plain_options, cli_completion},
    {NULL, NULL, NULL, 0, 0, NULL, NULL, NULL, NULL}};

int cli_version(const cli_args *args)
{
    if (cli_has(args, "json")) {
        printf("{\"version\":\"%s\",\"crypto\":\"%s\"}\n", COFFER_VERSION, cf_crypto_name());
    } else {
        printf("coffer %s (%s)\n", COFFER_VERSION, cf_crypto_name());
    }
    return CLI_OK;
}

/* A case of the completion function: the words behind `coffer NOUN`, or the options behind a whole command. */
static void complete_case(const char *key_a, const char *key_b)
{
    printf("    \"%s%s%s\") words=\"", key_a, key_b[0] != '\0' ? " " : "", key_b);
}

static void complete_verb(const cli_verb *v)
{
    complete_case(v->noun != NULL ? v->noun : v->verb, v->noun != NULL ? v->verb : "");
    for (const cli_option *o = v->options; o->name != NULL; o++) {
        printf("--%s ", o->name);
    }
    printf("\" ;;\n");
}

static void complete_noun(const char *noun)
{
    complete_case(noun, "");
    for (const cli_verb *v = verbs; v->verb != NULL; v++) {
        if (v->noun != NULL && strcmp(v->noun, noun) == 0) {
            printf("%s ", v->verb);
        }
    }
    printf("\" ;;\n");
}

static bool first_of_noun(const cli_verb *v)
{
    return v->noun != NULL &&
           (v == verbs || v[-1].noun == NULL || strcmp(v[-1].noun, v->noun) != 0);
}

int cli_completion(const cli_args *args)
{
    (void)args;
    printf("_coffer() {\n  local words=\"\" cur=\"${COMP_WORDS[COMP_CWORD]}\" "
           "one=\"${COMP_WORDS[1]}\" two=\"\"\n"
           "  case \"$one\" in\n");
    for (const cli_verb *v = verbs; v->verb != NULL; v++) {
        if (first_of_noun(v)) {
            printf("    %s) [ \"$COMP_CWORD\" -gt 2 ] && two=\" ${COMP_WORDS[2]}\" ;;\n", v->noun);
        }
    }
    printf("  esac\n  [ \"$COMP_CWORD\" -eq 1 ] && one=\"\"\n  case \"$one$two\" in\n    \"\") "
           "words=\"--help ");
    for (const cli_verb *v = verbs; v->verb != NULL; v++) {
        if (v->noun == NULL || first_of_noun(v)) {
            printf("%s ", v->noun != NULL ? v->noun : v->verb);
        }
    }
    printf("\" ;;\n");
    for (const cli_verb *v = verbs; v->verb != NULL; v++) {
        if (first_of_noun(v)) {
            complete_noun(v->noun);
        }
        complete_verb(v);
    }
    printf("  esac\n  case \"$cur\" in\n    -*) ;;\n    *) COMPREPLY=($(compgen -f -- \"$cur\")) "
           ";;\n  esac\n"
           "  COMPREPLY+=($(compgen -W \"$words\" -- \"$cur\"))\n}\ncomplete -F _coffer coffer\n");
    return CLI_OK;
}

/* The verb that the arguments name; *ret_used how many words that took. */
static const cli_verb *find_verb(int argc, char **argv, int *ret_used)
{
    for (const cli_verb *v = verbs; v->verb != NULL; v++) {
        if (v->noun == NULL && strcmp(argv[1], v->verb) == 0) {
            *ret_used = 2;
            return v;
        }
        if (v->noun != NULL && argc > 2 && strcmp(argv[1], v->noun) == 0 &&
            strcmp(argv[2], v->verb) == 0) {
            *ret_used = 3;
            return v;
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    int used = 0;
    /* a service that goes away in mid-request is an error to report, not a reason to die */
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    (void)sigaction(SIGPIPE, &ignore, NULL);
    if (argc < 2) {
        cli_help_all(verbs);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        cli_help_all(verbs);
        return CLI_OK;
    }
    const cli_verb *verb = find_verb(argc, argv, &used);
    if (verb == NULL) {
        fprintf(stderr, "coffer: no such command; `coffer --help` lists them\n");
        return CLI_USAGE;
    }
    cli_args args;
    if (!cli_parse(verb, argc - used, argv + used, &args)) {
        return CLI_USAGE;
    }
    if (cli_has(&args, "help")) {
        cli_help_verb(verb);
        return CLI_OK;
    }
    return verb->run(&args);
}
