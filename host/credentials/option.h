/* SPDX-License-Identifier: Apache-2.0 */
/* The option --credentials of programs that sign: docs/credentials.md. */
#pragma once
#include "host/credentials/keeper.h"

/** Settings come from the process's environment.
 *  in    from: the option's text; NULL: it is not given. program: named in sessions of roles where no setting names them; static text
 *  out   *ret NULL when nothing is to be kept
 *  error NO_MEMORY */
CF_MUST_USE cf_result cf_creds_option(const char *from, const char *program, cf_creds_keeper **ret);

/** cf_creds_keeper_first, with what ends the start told on standard error. k may be NULL: then there are none. */
CF_MUST_USE cf_result cf_creds_option_first(cf_creds_keeper *k, const char *program,
                                            cf_buf *ret_body);
