/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands, and each command's function, which returns an exit status of args.h. */
#pragma once
#include "host/cli/args.h"

extern const cli_verb
    cli_verbs[]; /* ends with a row without a verb; commands of one noun stand together */

/** The command that the arguments (behind the program's name) name; *ret_words how many of them that took. NULL: none. */
const cli_verb *cli_verb_find(int argc, char **argv, int *ret_words);

/** What the program does with its arguments; returns its exit status. */
int cli_main(int argc, char **argv);

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
int cli_secret_create(const cli_args *args);
int cli_secret_list(const cli_args *args);
int cli_attest_inspect(const cli_args *args);
int cli_attest_verify(const cli_args *args);
int cli_attest_get(const cli_args *args);
int cli_cel_eval(const cli_args *args);
int cli_cel_check(const cli_args *args);
int cli_cel_conformance(const cli_args *args);
int cli_kms_lint_policy(const cli_args *args);
int cli_kms_policy(const cli_args *args);
int cli_kms_principal(const cli_args *args);
int cli_kms_tool(const cli_args *args); /* decrypt, genkey, genrandom, genkeypair, derive */
int cli_kms_link(const cli_args *args);
int cli_version(const cli_args *args);
int cli_completion(const cli_args *args);
