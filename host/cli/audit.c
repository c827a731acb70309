/* SPDX-License-Identifier: Apache-2.0 */
/* coffer audit tail: the log, asked of the service. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "host/cli/session.h"
#include "host/cli/verbs.h"

#define TAIL_DEFAULT 20
#define CF_CLI_TAIL_ENTRIES_MAX 1000

static void print_names(const json_t *names, const char *before)
{
    size_t i;
    json_t *name;
    json_array_foreach(names, i, name)
    {
        printf("%s%s", i == 0 ? before : ",", json_is_string(name) ? json_string_value(name) : "");
    }
}

static void print_entry(const json_t *e)
{
    json_int_t ms = json_integer_value(json_object_get(e, "time"));
    time_t seconds = (time_t)(ms / 1000);
    struct tm utc;
    char when[32] = "";
    if (gmtime_r(&seconds, &utc) != NULL) {
        (void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &utc);
    }
    printf("%6" JSON_INTEGER_FORMAT " %s.%03dZ %-14s %-18s %s %s",
           json_integer_value(json_object_get(e, "seq")), when, (int)(ms % 1000),
           cli_str(e, "action"), cli_str(e, "outcome"), cli_str(e, "actor"), cli_str(e, "vault"));
    print_names(json_object_get(e, "fields"), " ");
    print_names(json_object_get(e, "expressions"), " expressions ");
    if (cli_str(e, "reason")[0] != '\0') {
        printf(" (");
        cli_print_text(stdout, cli_str(e, "reason"));
        printf(")");
    }
    printf("\n");
}

static cf_result tail_path(const char *vault, uint64_t limit, cf_buf *out)
{
    char query[40];
    CF_TRY(cf_buf_append(out, vault != NULL ? CF_LIT("/v1/vaults/") : CF_LIT("/v1")));
    CF_TRY(cli_put_encoded(out, cf_view_str(vault)));
    int n = snprintf(query, sizeof query, "/audit?limit=%" PRIu64, limit);
    return cf_buf_append(out, cf_view_make(query, (size_t)n + 1));
}

int cli_audit_tail(const cli_args *args)
{
    uint64_t limit = TAIL_DEFAULT;
    CF_BUF(path);
    if (!cli_number(args, "limit", 1, CF_CLI_TAIL_ENTRIES_MAX, &limit) ||
        !cf_is_ok(tail_path(cli_get(args, "vault"), limit, &path))) {
        return CLI_USAGE;
    }
    CLI_SESSION(session, args);
    CLI_ANSWER(answer);
    if (session == NULL) {
        return CLI_USAGE;
    }
    int status = cli_call(session, "GET", (const char *)path.data, CF_VIEW_EMPTY, NULL, &answer);
    if (status != CLI_OK || (status = cli_check(args, &answer)) != CLI_OK) {
        return status;
    }
    if (cli_has(args, "json")) {
        cli_print_body(&answer);
        return CLI_OK;
    }
    const json_t *entries = json_object_get(answer.json, "entries");
    for (size_t i = json_array_size(entries); i > 0; i--) { /* newest last, as a log is read */
        print_entry(json_array_get(entries, i - 1));
    }
    return CLI_OK;
}
