/* SPDX-License-Identifier: Apache-2.0 */
/* A command's talk with the service: where it is, the token, one call, and how its answers and errors are shown. */
#pragma once
#include <stdio.h>

#include "core/codec/json.h"
#include "host/cli/args.h"
#include "host/http/client.h"

#define CF_CLI_ANSWER_BYTES_MAX ((size_t)64 << 20) /* a full page of the audit log is below it */
#define CF_CLI_ANSWER_VALUES_MAX ((size_t)1 << 19) /* and has 270 for an entry */
#define CF_CLI_INPUT_BYTES_MAX ((size_t)8 << 20)
#define CF_CLI_TOKEN_BYTES_MAX 256
#define CF_CLI_PATH_BYTES_MAX 4096

/** Address and authorization of one command. Opaque; not shared between threads. */
typedef struct cli_session cli_session;

/** From --url, --token-file, --ca, --state and the environment. Prints what is missing and returns NULL. The second asks for no token,
 *  for what the service tells everybody. */
cli_session *cli_session_new(const cli_args *args);
cli_session *cli_session_new_open(const cli_args *args);
void cli_session_free(cli_session **s);
#define CLI_SESSION(name, args) CF_AUTO(cli_session_free) cli_session *name = cli_session_new(args)

/** The state folder: --state, $COFFER_STATE, or "coffer-state". */
const char *cli_state_folder(const cli_args *args);

/** One answer. json is NULL unless the body is JSON. */
typedef struct {
    unsigned status;
    cf_buf body;
    json_t *json;
} cli_answer;
void cli_answer_free(cli_answer *a);
#define CLI_ANSWER(name) CF_AUTO(cli_answer_free) cli_answer name = {0, CF_BUF_EMPTY, NULL}

/** Calls the service; body may be empty; if_match NULL for none. error as cf_http_client_call. */
CF_MUST_USE cf_result cli_try(cli_session *s, const char *method, const char *path, cf_view body,
                              const char *if_match, cli_answer *ret);
/** Prints why no answer came to the last call, and returns the exit status for it. */
int cli_unanswered(const cli_session *s, cf_result r);
/** Both: CLI_OK when an answer of any status came, else what cli_unanswered says. */
int cli_call(cli_session *s, const char *method, const char *path, cf_view body,
             const char *if_match, cli_answer *ret);

/** CLI_OK for a 2xx answer; else prints the error (with --json the body, else sentence, code and fields) and returns CLI_FAILED. */
int cli_check(const cli_args *args, const cli_answer *a);

/** Prints an error answer for people: sentence, code, fields. */
void cli_print_error(const cli_answer *a);
/** Prints one element of an error's `fields`, with a blank in front and without a newline. */
void cli_print_fault(const json_t *field);

/** Prints text that somebody else chose, with control characters as \xNN: it must not speak to the terminal. */
void cli_print_text(FILE *out, const char *text);

/** Prints the answer's body and a newline: what every verb does with --json. */
void cli_print_body(const cli_answer *a);

/** Percent-encodes v into out behind what is there, and keeps a NUL behind it. */
CF_MUST_USE cf_result cli_put_encoded(cf_buf *out, cf_view v);

/** Path of POST /v1/vaults with the --schema of the command, and a NUL. Prints and returns false when memory is out. */
bool cli_create_path(const cli_args *args, cf_buf *out);

/** Whole input from FILE, or standard input for NULL or "-". Prints and returns false when it cannot be read. */
bool cli_read_input(const char *file, cf_buf *out);

/** String member, or "" */
const char *cli_str(const json_t *j, const char *name);
