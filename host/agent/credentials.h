/* SPDX-License-Identifier: Apache-2.0 */
/* The IAM credentials that the agent lends to its enclaves. */
#pragma once
#include "host/agent/limits.h"

/** Reads a file {"AccessKeyId", "SecretAccessKey", "Token"?} and appends the body of the CREDENTIALS message made of it; the buffer
 *  wipes. Nothing of it is in an error.
 *  error those of cf_file_read, cf_json_parse and cf_json_get_str; UNKNOWN_MEMBER; EMPTY an id or key without a character */
CF_MUST_USE cf_result cf_agent_credentials(const char *path, cf_buf *out);
/** The same of the text. */
CF_MUST_USE cf_result cf_agent_credentials_of(cf_view text, cf_buf *out);
