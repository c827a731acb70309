/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands about one vault share. */
#pragma once
#include "core/base/buf.h"

/** Appends "/v1/vaults/ID", what follows, and a NUL. */
CF_MUST_USE cf_result cli_vault_path(cf_buf *out, const char *id, const char *rest);

/** Appends ["a","b"] of "a,b". */
CF_MUST_USE cf_result cli_names_json(cf_buf *out, const char *list);

/** Says that an argument cannot be sent, and returns CLI_USAGE. */
int cli_complain(void);
