/* SPDX-License-Identifier: Apache-2.0 */
/* coffer vault decrypt: fields and expressions asked for, values and results shown. */
#include <stdio.h>
#include <string.h>

#include "core/cel/cel.h"
#include "host/cli/session.h"
#include "host/cli/vault.h"
#include "host/cli/verbs.h"

/* Octets of the name in NAME=EXPR; 0 when there is none. */
static size_t name_len(const char *given)
{
    size_t n = strcspn(given, "=");
    return given[n] == '=' ? n : 0;
}

/* The service would say of two members of one name only that the body is not as it must be. */
static bool names_differ(const cli_args *args)
{
    const char *given;
    for (size_t i = 0; (given = cli_get_nth(args, "expr", i)) != NULL; i++) {
        size_t n = name_len(given);
        if (n == 0) {
            fprintf(stderr, "coffer: --expr takes NAME=EXPRESSION\n");
            return false;
        }
        for (size_t k = 0; k < i; k++) {
            if (strncmp(cli_get_nth(args, "expr", k), given, n + 1) == 0) {
                fprintf(stderr, "coffer: --expr %zu has the name of --expr %zu\n", i + 1, k + 1);
                return false;
            }
        }
    }
    return true;
}

static bool usable(const cli_args *args)
{
    bool fields = cli_has(args, "fields"), only = cli_has(args, "results-only"),
         expr = cli_has(args, "expr");
    if (!cli_has(args, "reason") || (!fields && !expr)) {
        fprintf(stderr, "coffer: decrypt needs --reason, and --fields or --expr\n");
        return false;
    }
    if (only && (fields || !expr)) {
        fprintf(stderr, "coffer: --results-only goes with --expr and without --fields\n");
        return false;
    }
    return names_differ(args);
}

/* ,"expressions":{…} in the order given, which the results will have. */
static CF_MUST_USE cf_result put_expressions(const cli_args *args, cf_buf *out)
{
    const char *given;
    CF_TRY(cf_buf_append(out, CF_LIT(",\"expressions\":{")));
    for (size_t i = 0; (given = cli_get_nth(args, "expr", i)) != NULL; i++) {
        size_t n = name_len(given);
        if (i > 0) {
            CF_TRY(cf_buf_append(out, CF_LIT(",")));
        }
        CF_TRY(cf_json_put_string(out, cf_view_make(given, n)));
        CF_TRY(cf_buf_append(out, CF_LIT(":")));
        CF_TRY(cf_json_put_string(out, cf_view_str(given + n + 1)));
    }
    return cf_buf_append(out, CF_LIT("}"));
}

static CF_MUST_USE cf_result decrypt_body(const cli_args *args, cf_buf *out)
{
    CF_TRY(cf_buf_append(out, CF_LIT("{\"reason\":")));
    CF_TRY(cf_json_put_string(out, cf_view_str(cli_get(args, "reason"))));
    if (cli_has(args, "fields")) {
        CF_TRY(cf_buf_append(out, CF_LIT(",\"fields\":")));
        CF_TRY(cli_names_json(out, cli_get(args, "fields")));
    } else {
        CF_TRY(cf_buf_append(out, CF_LIT(",\"results_only\":true")));
    }
    if (cli_has(args, "expr")) {
        CF_TRY(put_expressions(args, out));
    }
    return cf_buf_append(out, CF_LIT("}"));
}

/* The text of a result that is no string. jansson would show 0.1 with seventeen digits. */
static CF_MUST_USE cf_result result_text(const json_t *value, cf_buf *out)
{
    CF_BUF(text);
    CF_ARENA(arena, CF_CLI_INPUT_BYTES_MAX);
    cf_cel_value v = {0};
    CF_TRY(cf_json_dump(value, &text));
    CF_TRY(cf_cel_from_json(cf_buf_view(&text), CF_CLI_INPUT_BYTES_MAX, &arena, &v));
    CF_TRY(cf_cel_to_json(&v, CF_CLI_INPUT_BYTES_MAX, out));
    return cf_buf_append(out, cf_view_make("", 1));
}

static bool show_value(const char *name, const json_t *value)
{
    CF_BUF(text);
    bool ok = true;
    printf("%-20s ", name);
    if (json_is_string(value)) {
        cli_print_text(stdout, json_string_value(value));
    } else if ((ok = cf_is_ok(result_text(value, &text)))) {
        cli_print_text(stdout, (const char *)text.data);
    }
    printf("\n");
    return ok;
}

/* Prints values and errors; values go to standard output only. */
static int show_decrypted(const cli_answer *answer)
{
    const char *name;
    json_t *value, *error, *errors = json_object_get(answer->json, "errors");
    bool ok = true;
    json_object_foreach(json_object_get(answer->json, "data"), name, value)
    {
        ok = show_value(name, value) && ok;
    }
    size_t i;
    json_array_foreach(errors, i, error)
    {
        const json_t *offset = json_object_get(error, "offset");
        fprintf(stderr, "%-20s (%s", cli_str(error, "field"), cli_str(error, "code"));
        if (json_is_integer(offset)) {
            fprintf(stderr, ", offset %" JSON_INTEGER_FORMAT, json_integer_value(offset));
        }
        fprintf(stderr, ")\n");
    }
    if (!ok) {
        fprintf(stderr, "coffer: a result is too large to show; --json prints it\n");
    }
    return ok && json_array_size(errors) == 0 ? CLI_OK : CLI_PARTIAL;
}

int cli_vault_decrypt(const cli_args *args)
{
    CF_BUF(path);
    CF_BUF(body);
    if (!usable(args)) {
        return CLI_USAGE;
    }
    CLI_SESSION(session, args);
    CLI_ANSWER(answer);
    if (session == NULL) {
        return CLI_USAGE;
    }
    if (!cf_is_ok(cli_vault_path(&path, args->words[0], "/decrypt")) ||
        !cf_is_ok(decrypt_body(args, &body))) {
        return cli_complain();
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
