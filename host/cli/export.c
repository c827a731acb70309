/* SPDX-License-Identifier: Apache-2.0 */
/* coffer export --ciphertext: every row as the store holds it, one JSON object a line. Nothing is opened. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/codec/base64.h"
#include "host/cli/local.h"
#include "host/cli/session.h"
#include "host/cli/verbs.h"

typedef struct {
    FILE *out;
    uint64_t rows;
    cf_result result;
} exporter;

static cf_result write_row(exporter *x, cf_view id, uint64_t version, cf_view row, cf_view seal)
{
    CF_BUF(line);
    char number[32];
    (void)snprintf(number, sizeof number, ",\"version\":%" PRIu64, version);
    CF_TRY(cf_buf_append(&line, CF_LIT("{\"id\":")));
    CF_TRY(cf_json_put_string(&line, id));
    CF_TRY(cf_buf_append(&line, cf_view_str(number)));
    CF_TRY(cf_buf_append(&line, CF_LIT(",\"row\":\"")));
    CF_TRY(cf_base64_encode(row, &line));
    CF_TRY(cf_buf_append(&line, CF_LIT("\",\"seal\":\"")));
    CF_TRY(cf_base64_encode(seal, &line));
    CF_TRY(cf_buf_append(&line, CF_LIT("\"}\n")));
    CF_REQUIRE(fwrite(line.data, 1, line.len, x->out) == line.len, IO);
    return cf_ok();
}

static bool on_row(void *ctx, cf_view id, uint64_t version, cf_view row, cf_view seal)
{
    exporter *x = ctx;
    x->result = write_row(x, id, version, row, seal);
    x->rows += cf_is_ok(x->result);
    return cf_is_ok(x->result);
}

int cli_export(const cli_args *args)
{
    if (!cli_has(args, "ciphertext")) {
        fprintf(stderr, "coffer: only sealed rows can be exported; say so with --ciphertext\n");
        return CLI_USAGE;
    }
    CF_AUTO(cli_local_close) cli_local local = {0};
    if (!cli_local_open(args, &local)) {
        return CLI_FAILED;
    }
    const char *file = cli_get(args, "out");
    exporter x = {.out = file != NULL ? fopen(file, "wxe") : stdout, .result = {CF_OK}};
    if (x.out == NULL) {
        fprintf(stderr, "coffer: cannot create %s (it must not exist yet)\n", file);
        return CLI_FAILED;
    }
    cf_result r = local.store.ops->rows_walk(local.store.self, on_row, &x);
    bool closed = x.out == stdout ? fflush(stdout) == 0 : fclose(x.out) == 0;
    if (!cf_is_ok(r) || !cf_is_ok(x.result) || !closed) {
        fprintf(stderr, "coffer: the export is not whole\n");
        return CLI_FAILED;
    }
    if (file != NULL && cli_has(args, "json")) {
        printf("{\"rows\":%" PRIu64 "}\n", x.rows);
    } else {
        fprintf(stderr, "%" PRIu64 " rows exported\n", x.rows);
    }
    return CLI_OK;
}
