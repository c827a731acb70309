/* SPDX-License-Identifier: Apache-2.0 */
/* coffer vault create|get|update|delete|decrypt: each is one call of the REST API. */
#include <stdio.h>
#include <string.h>

#include "host/cli/session.h"
#include "host/cli/verbs.h"

/* "/v1/vaults/ID" and what follows, with a NUL. */
static cf_result vault_path(cf_buf *out, const char *id, const char *rest)
{
    CF_TRY(cf_buf_append(out, CF_LIT("/v1/vaults/")));
    CF_TRY(cli_put_encoded(out, cf_view_str(id)));
    return cf_buf_append(out, cf_view_make(rest, strlen(rest) + 1));
}

/* Appends ["a","b"] from "a,b". */
static cf_result names_json(cf_buf *out, const char *list)
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

static int complain(void)
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
    if (!cf_is_ok(vault_path(&path, args->words[0], fields != NULL ? "?fields=" : ""))) {
        return complain();
    }
    path.len--; /* the NUL comes back behind what follows */
    if (!cf_is_ok(cli_put_encoded(&path, cf_view_str(fields)))) {
        return complain();
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
    if (!cf_is_ok(vault_path(&path, args->words[0], ""))) {
        return complain();
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
        !cf_is_ok(names_json(&body, fields)) || !cf_is_ok(cf_buf_append(&body, CF_LIT("}")))) {
        return complain();
    }
    return change(args, "DELETE", cf_buf_view(&body), "fields deleted");
}

static cf_result decrypt_body(const cli_args *args, cf_buf *out)
{
    CF_TRY(cf_buf_append(out, CF_LIT("{\"fields\":")));
    CF_TRY(names_json(out, cli_get(args, "fields")));
    CF_TRY(cf_buf_append(out, CF_LIT(",\"reason\":")));
    CF_TRY(cf_json_put_string(out, cf_view_str(cli_get(args, "reason"))));
    return cf_buf_append(out, CF_LIT("}"));
}

/* Prints values and errors; values go to standard output only. */
static int show_decrypted(const cli_answer *answer)
{
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(answer->json, "data"), name, value)
    {
        printf("%-20s ", name);
        cli_print_text(stdout, json_string_value(value) != NULL ? json_string_value(value) : "");
        printf("\n");
    }
    json_t *errors = json_object_get(answer->json, "errors");
    size_t i;
    json_t *error;
    json_array_foreach(errors, i, error)
    {
        fprintf(stderr, "%-20s (%s)\n", cli_str(error, "field"), cli_str(error, "code"));
    }
    return json_array_size(errors) == 0 ? CLI_OK : CLI_PARTIAL;
}

int cli_vault_decrypt(const cli_args *args)
{
    CF_BUF(path);
    CF_BUF(body);
    if (!cli_has(args, "fields") || !cli_has(args, "reason")) {
        fprintf(stderr, "coffer: decrypt needs --fields and --reason\n");
        return CLI_USAGE;
    }
    CLI_SESSION(session, args);
    CLI_ANSWER(answer);
    if (session == NULL) {
        return CLI_USAGE;
    }
    if (!cf_is_ok(vault_path(&path, args->words[0], "/decrypt")) ||
        !cf_is_ok(decrypt_body(args, &body))) {
        return complain();
    }
    int status =
        cli_call(session, "POST", (const char *)path.data, cf_buf_view(&body), NULL, &answer);
    if (status != CLI_OK || (status = cli_check(args, &answer)) != CLI_OK) {
        return status;
    }
    if (cli_has(args, "json")) {
        cli_print_body(&answer);
        return json_array_size(json_object_get(answer.json, "errors")) == 0 ? CLI_OK : CLI_PARTIAL;
    }
    return show_decrypted(&answer);
}
