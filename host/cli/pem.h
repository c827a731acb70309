/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates and keys as files have them. */
#pragma once
#include "core/base/buf.h"

/** Appends the text without spaces, tabs and ends of lines. error NO_MEMORY */
CF_MUST_USE cf_result cli_without_blanks(cf_view text, cf_buf *out);

/** Appends all blocks with that label as they stand, each with its two lines and an end of line; nothing of what is between them.
 *  error MALFORMED a block without an end; NO_MEMORY */
CF_MUST_USE cf_result cli_pem_blocks(cf_view file, const char *label, cf_buf *out);

/** Appends the octets of the first PEM block with that label ("CERTIFICATE"); of a file that has none, the file itself.
 *  error MALFORMED a block without an end, or not of base64; NO_MEMORY */
CF_MUST_USE cf_result cli_from_pem(cf_view file, const char *label, cf_buf *out);
