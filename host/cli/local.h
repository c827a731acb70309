/* SPDX-License-Identifier: Apache-2.0 */
/* The store of a local service, opened read-only beside it: for verification and export. */
#pragma once
#include "host/cli/session.h"
#include "host/store/store.h"

typedef struct {
    cf_store store;
    cf_secret row_key, audit_key;
    char anchor[CF_CLI_PATH_BYTES_MAX];
} cli_local;

/** Opens DIR/api/store.db with DIR/api/row.key of the state folder. Prints why not and returns false. */
bool cli_local_open(const cli_args *args, cli_local *ret);
void cli_local_close(cli_local *l);
