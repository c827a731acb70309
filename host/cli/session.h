/* SPDX-License-Identifier: Apache-2.0 */
/* A command's talk with the service: where it is, the token, one call, and how its answers and errors are shown. */
#pragma once
#include "core/codec/json.h"
#include "host/cli/args.h"
#include "host/http/client.h"

#define CLI_ANSWER_BYTES_MAX ((size_t)8 << 20)
#define CLI_TOKEN_BYTES_MAX 256
#define CLI_PATH_BYTES_MAX 4096

/** Address and authorization of one command. Opaque; not shared between threads. */
typedef struct cli_session cli_session;

/** From --url, --token-file, --state and the environment. Prints what is missing and returns NULL. */
cli_session *cli_session_new(const cli_args *args);
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

/** Calls the service; body may be empty; if_match NULL for none. Returns CLI_OK when an answer of any status came; prints why not. */
int cli_call(cli_session *s, const char *method, const char *path, cf_view body,
             const char *if_match, cli_answer *ret);

/** CLI_OK for a 2xx answer; else prints the error (with --json the body, else sentence, code and fields) and returns CLI_FAILED. */
int cli_check(const cli_args *args, const cli_answer *a);

/** Prints the answer's body and a newline: what every verb does with --json. */
void cli_print_body(const cli_answer *a);

/** Percent-encodes v into out behind what is there, and keeps a NUL behind it. */
CF_MUST_USE cf_result cli_put_encoded(cf_buf *out, cf_view v);

/** Whole input from FILE, or standard input for NULL or "-". Prints and returns false when it cannot be read. */
bool cli_read_input(const char *file, cf_buf *out);

/** String member, or "" */
const char *cli_str(const json_t *j, const char *name);
