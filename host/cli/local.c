/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/local.h"

#include <stdio.h>

#include "sys/linux/file.h"

static cf_result open_store(const char *state, cli_local *ret)
{
    char key[CF_CLI_PATH_BYTES_MAX], db[CF_CLI_PATH_BYTES_MAX];
    CF_BUF(octets);
    int a = snprintf(key, sizeof key, "%s/api/row.key", state);
    int b = snprintf(db, sizeof db, "%s/api/store.db", state);
    int c = snprintf(ret->anchor, sizeof ret->anchor, "%s/api/audit.anchor", state);
    CF_REQUIRE(a > 0 && b > 0 && c > 0 && (size_t)c < sizeof ret->anchor, SIZE);
    CF_TRY(cf_file_read(key, CF_ROW_KEY_BYTES, &octets));
    CF_REQUIRE(octets.len == CF_ROW_KEY_BYTES, KEY);
    CF_TRY(cf_secret_set(&ret->row_key, cf_buf_view(&octets)));
    CF_TRY(cf_audit_key(&ret->row_key, &ret->audit_key));
    cf_store_sqlite_opts opts = {
        .path = db, .anchor_path = ret->anchor, .audit_key = &ret->audit_key, .read_only = true};
    return cf_store_sqlite_open(&opts, &ret->store);
}

bool cli_local_open(const cli_args *args, cli_local *ret)
{
    cf_result r = open_store(cli_state_folder(args), ret);
    if (!cf_is_ok(r)) {
        fprintf(stderr, "coffer: the store below %s cannot be opened: %s (%s)\n",
                cli_state_folder(args), cf_err_text(r.code), cf_err_code(r.code));
    }
    return cf_is_ok(r);
}

void cli_local_close(cli_local *l)
{
    cf_store_close(&l->store);
    cf_secret_wipe(&l->row_key);
    cf_secret_wipe(&l->audit_key);
}
