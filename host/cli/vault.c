/* SPDX-License-Identifier: Apache-2.0 */
/* coffer vault create|get|update|delete: each is one call of the REST API; decrypt.c has another. */
#include <stdio.h>
#include <string.h>

#include "host/cli/session.h"
#include "host/cli/vault.h"
#include "host/cli/verbs.h"

cf_result cli_vault_path(cf_buf *out, const char *id, const char *rest)
{
    CF_TRY(cf_buf_append(out, CF_LIT("/v1/vaults/")));
    CF_TRY(cli_put_encoded(out, cf_view_str(id)));
    return cf_buf_append(out, cf_view_make(rest, strlen(rest) + 1));
}

cf_result cli_names_json(cf_buf *out, const char *list)
{
    CF_TRY(cf_buf_append(out, CF_LIT("[")));
    for (const char *at = list; *at != '\0';) {
        size_t len = strcspn(at, ",");
        if (at != list) {
            CF_TRY(cf_buf_append(out, CF_LIT(",")));
        }
        CF_TRY(cf_json_put_string(out, cf_view_make(at, len)));
        at += len + (at[len] == ',');
    }
    return cf_buf_append(out, CF_LIT("]"));
}

int cli_complain(void)
{
    fprintf(stderr, "coffer: an argument is too long or not UTF-8\n");
    return CLI_USAGE;
}

int cli_vault_create(const cli_args *args)
{
    CF_BUF(body);
    CF_BUF(path);
    CLI_SESSION(session, args);
    CLI_ANSWER(answer);
    if (session == NULL || !cli_read_input(args->words_n > 0 ? args->words[0] : NULL, &body) ||
        !cli_create_path(args, &path)) {
        return CLI_USAGE;
    }
    int status =
        cli_call(session, "POST", (const char *)path.data, cf_buf_view(&body), NULL, &answer);
    if (status == CLI_OK && (status = cli_check(args, &answer)) == CLI_OK) {
        if (cli_has(args, "json")) {
            cli_print_body(&answer);
        } else {
            printf("%s\n", cli_str(answer.json, "id"));
        }
    }
    return status;
}

int cli_vault_get(const cli_args *args)
{
    CF_BUF(path);
    CLI_SESSION(session, args);
    CLI_ANSWER(answer);
    if (session == NULL) {
        return CLI_USAGE;
    }
    const char *fields = cli_get(args, "fields");
    if (!cf_is_ok(cli_vault_path(&path, args->words[0], fields != NULL ? "?fields=" : ""))) {
        return cli_complain();
    }
    path.len--; /* the NUL comes back behind what follows */
    if (!cf_is_ok(cli_put_encoded(&path, cf_view_str(fields)))) {
        return cli_complain();
    }
    int status = cli_call(session, "GET", (const char *)path.data, CF_VIEW_EMPTY, NULL, &answer);
    if (status != CLI_OK || (status = cli_check(args, &answer)) != CLI_OK) {
        return status;
    }
    if (cli_has(args, "json")) {
        cli_print_body(&answer);
        return CLI_OK;
    }
    const char *name;
    json_t *present;
    json_object_foreach(answer.json, name, present)
    {
        printf("%-20s %s\n", name, json_is_true(present) ? "set" : "-");
    }
    return CLI_OK;
}

/* PATCH and DELETE: a body, an If-Match, and nothing to show but success. */
static int change(const cli_args *args, const char *method, cf_view body, const char *done)
{
    CF_BUF(path);
    uint64_t version = 0;
    if (!cli_number(args, "if-match", 1, INT64_MAX, &version)) {
        return CLI_USAGE;
    }
    CLI_SESSION(session, args);
    CLI_ANSWER(answer);
    if (session == NULL) {
        return CLI_USAGE;
    }
    if (!cf_is_ok(cli_vault_path(&path, args->words[0], ""))) {
        return cli_complain();
    }
    int status = cli_call(session, method, (const char *)path.data, body, cli_get(args, "if-match"),
                          &answer);
    if (status == CLI_OK && (status = cli_check(args, &answer)) == CLI_OK) {
        if (cli_has(args, "json")) {
            cli_print_body(&answer);
        } else {
            printf("%s\n", done);
        }
    }
    return status;
}

int cli_vault_update(const cli_args *args)
{
    CF_BUF(body);
    if (!cli_read_input(args->words_n > 1 ? args->words[1] : NULL, &body)) {
        return CLI_USAGE;
    }
    return change(args, "PATCH", cf_buf_view(&body), "updated");
}

int cli_vault_delete(const cli_args *args)
{
    CF_BUF(body);
    const char *fields = cli_get(args, "fields");
    if ((fields != NULL) == cli_has(args, "all")) {
        fprintf(stderr, "coffer: give either --fields or --all\n");
        return CLI_USAGE;
    }
    if (fields == NULL) {
        return change(args, "DELETE", CF_LIT("{\"delete_all\":true}"), "deleted");
    }
    if (!cf_is_ok(cf_buf_append(&body, CF_LIT("{\"fields\":"))) ||
        !cf_is_ok(cli_names_json(&body, fields)) || !cf_is_ok(cf_buf_append(&body, CF_LIT("}")))) {
        return cli_complain();
    }
    return change(args, "DELETE", cf_buf_view(&body), "fields deleted");
}
