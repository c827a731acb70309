/* SPDX-License-Identifier: Apache-2.0 */
/* coffer token create|list|revoke, and coffer status. */
#include <stdio.h>
#include <string.h>

#include "host/cli/session.h"
#include "host/cli/verbs.h"

#define CF_CLI_TOKEN_DAYS_MAX 36500

/* {"name":…,"scopes":[…],"expires_in_s":…}; false when a text is not UTF-8 (or memory is out). */
static bool token_request(const cli_args *args, uint64_t days, json_t **ret)
{
    json_t *body = *ret = json_object(), *scopes = json_array();
    const char *list = cli_get(args, "scopes");
    bool ok = json_object_set_new(body, "scopes", scopes) == 0;
    for (const char *at = list; ok && *at != '\0';) {
        size_t len = strcspn(at, ",");
        ok = json_array_append_new(scopes, json_stringn(at, len)) == 0;
        at += len + (at[len] == ',');
    }
    ok = ok && json_object_set_new(body, "name", json_string(cli_get(args, "name"))) == 0;
    if (days > 0) {
        json_t *seconds = json_integer((json_int_t)(days * 86400));
        ok = ok && json_object_set_new(body, "expires_in_s", seconds) == 0;
    }
    return ok;
}

int cli_token_create(const cli_args *args)
{
    uint64_t days = 0;
    if (!cli_has(args, "name") || !cli_has(args, "scopes")) {
        fprintf(stderr, "coffer: token create needs --name and --scopes\n");
        return CLI_USAGE;
    }
    if (!cli_number(args, "days", 1, CF_CLI_TOKEN_DAYS_MAX, &days)) {
        return CLI_USAGE;
    }
    CF_BUF(body);
    CF_JSON(request);
    CLI_SESSION(session, args);
    CLI_ANSWER(answer);
    if (session == NULL) {
        return CLI_USAGE;
    }
    if (!token_request(args, days, &request) || !cf_is_ok(cf_json_dump(request, &body))) {
        fprintf(stderr, "coffer: the name or a scope is not UTF-8\n");
        return CLI_USAGE;
    }
    int status = cli_call(session, "POST", "/v1/tokens", cf_buf_view(&body), NULL, &answer);
    if (status != CLI_OK || (status = cli_check(args, &answer)) != CLI_OK) {
        return status;
    }
    if (cli_has(args, "json")) {
        cli_print_body(&answer);
    } else {
        fprintf(stderr, "token %s; its text is shown only now:\n", cli_str(answer.json, "id"));
        printf("%s\n", cli_str(answer.json, "token"));
    }
    return CLI_OK;
}

static void print_token(const json_t *token)
{
    printf("%-28s %-9s ", cli_str(token, "id"), cli_str(token, "state"));
    cli_print_text(stdout, cli_str(token, "name"));
    printf(" ");
    size_t i;
    json_t *scope;
    json_array_foreach(json_object_get(token, "scopes"), i, scope)
    {
        printf("%s%s", i > 0 ? "," : "", json_is_string(scope) ? json_string_value(scope) : "");
    }
    printf("\n");
}

int cli_token_list(const cli_args *args)
{
    CLI_SESSION(session, args);
    CLI_ANSWER(answer);
    if (session == NULL) {
        return CLI_USAGE;
    }
    int status = cli_call(session, "GET", "/v1/tokens", CF_VIEW_EMPTY, NULL, &answer);
    if (status != CLI_OK || (status = cli_check(args, &answer)) != CLI_OK) {
        return status;
    }
    if (cli_has(args, "json")) {
        cli_print_body(&answer);
        return CLI_OK;
    }
    size_t i;
    json_t *token;
    json_array_foreach(json_object_get(answer.json, "tokens"), i, token)
    {
        print_token(token);
    }
    return CLI_OK;
}

int cli_token_revoke(const cli_args *args)
{
    CF_BUF(path);
    CLI_SESSION(session, args);
    CLI_ANSWER(answer);
    if (session == NULL || !cf_is_ok(cf_buf_append(&path, CF_LIT("/v1/tokens/"))) ||
        !cf_is_ok(cli_put_encoded(&path, cf_view_str(args->words[0])))) {
        return CLI_USAGE;
    }
    int status = cli_call(session, "DELETE", (const char *)path.data, CF_VIEW_EMPTY, NULL, &answer);
    if (status == CLI_OK && (status = cli_check(args, &answer)) == CLI_OK) {
        if (cli_has(args, "json")) {
            cli_print_body(&answer);
        } else {
            printf("revoked\n");
        }
    }
    return status;
}

int cli_status(const cli_args *args)
{
    CF_AUTO(cli_session_free) cli_session *session = cli_session_new_open(args);
    CLI_ANSWER(answer);
    if (session == NULL) {
        return CLI_USAGE;
    }
    int status = cli_call(session, "GET", "/health", CF_VIEW_EMPTY, NULL, &answer);
    if (status != CLI_OK) {
        return status;
    }
    if (cli_has(args, "json")) {
        cli_print_body(&answer);
    } else {
        const char *part;
        json_t *state;
        json_object_foreach(answer.json, part, state)
        {
            printf("%-8s ", part);
            cli_print_text(stdout, json_is_string(state) ? json_string_value(state) : "");
            printf("\n");
        }
    }
    return answer.status == 200 ? CLI_OK : CLI_FAILED;
}
