/* SPDX-License-Identifier: Apache-2.0 */
/* coffer secret create|list: the named secrets of hmac_*. Nobody ever sees more of them than the name. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "host/cli/session.h"
#include "host/cli/verbs.h"

int cli_secret_create(const cli_args *args)
{
    CF_BUF(body);
    CLI_SESSION(session, args);
    CLI_ANSWER(answer);
    if (session == NULL) {
        return CLI_USAGE;
    }
    if (!cf_is_ok(cf_buf_append(&body, CF_LIT("{\"name\":"))) ||
        !cf_is_ok(cf_json_put_string(&body, cf_view_str(args->words[0]))) ||
        !cf_is_ok(cf_buf_append(&body, CF_LIT("}")))) {
        fprintf(stderr, "coffer: the name is not UTF-8\n");
        return CLI_USAGE;
    }
    int status = cli_call(session, "POST", "/v1/secrets", cf_buf_view(&body), NULL, &answer);
    if (status == CLI_OK && (status = cli_check(args, &answer)) == CLI_OK) {
        if (cli_has(args, "json")) {
            cli_print_body(&answer);
        } else {
            printf("created\n");
        }
    }
    return status;
}

static void print_secret(const json_t *secret)
{
    time_t seconds = (time_t)(json_integer_value(json_object_get(secret, "created_ms")) / 1000);
    struct tm utc;
    char when[32] = "";
    if (gmtime_r(&seconds, &utc) != NULL) {
        (void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &utc);
    }
    cli_print_text(stdout, cli_str(secret, "name"));
    printf(" %s %s\n", cli_str(secret, "state"), when);
}

int cli_secret_list(const cli_args *args)
{
    CLI_SESSION(session, args);
    CLI_ANSWER(answer);
    if (session == NULL) {
        return CLI_USAGE;
    }
    int status = cli_call(session, "GET", "/v1/secrets", CF_VIEW_EMPTY, NULL, &answer);
    if (status != CLI_OK || (status = cli_check(args, &answer)) != CLI_OK) {
        return status;
    }
    if (cli_has(args, "json")) {
        cli_print_body(&answer);
        return CLI_OK;
    }
    size_t i;
    json_t *secret;
    json_array_foreach(json_object_get(answer.json, "secrets"), i, secret)
    {
        print_secret(secret);
    }
    return CLI_OK;
}
