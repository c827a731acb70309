/* SPDX-License-Identifier: Apache-2.0 */
/* Every command's function, for the table in main.c. Each returns an exit status of args.h. */
#pragma once
#include "host/cli/args.h"

int cli_up(const cli_args *args);
int cli_status(const cli_args *args);
int cli_vault_create(const cli_args *args);
int cli_vault_get(const cli_args *args);
int cli_vault_update(const cli_args *args);
int cli_vault_delete(const cli_args *args);
int cli_vault_decrypt(const cli_args *args);
int cli_import(const cli_args *args);
int cli_export(const cli_args *args);
int cli_audit_tail(const cli_args *args);
int cli_audit_verify(const cli_args *args);
int cli_token_create(const cli_args *args);
int cli_token_list(const cli_args *args);
int cli_token_revoke(const cli_args *args);
int cli_version(const cli_args *args);
int cli_completion(const cli_args *args);
