/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "core/aws/sigv4.h"

/** Appends v with every octet but A-Z a-z 0-9 - . _ ~ as %XX; a slash stays when asked. */
CF_MUST_USE cf_result cf_sigv4_encode(cf_view v, bool keep_slash, cf_buf *out);
/** Names of the signed headers: lower case, sorted, each once, joined with ';'. Appends. Errors as cf_sigv4_canonical. */
CF_MUST_USE cf_result cf_sigv4_signed_headers(const cf_sigv4_request *q, cf_buf *out);

/** Appends v with every %XX as its octet; a plus sign stays. error MALFORMED a '%' without two hex digits. */
CF_MUST_USE cf_result cf_sigv4_decode(cf_view v, cf_buf *out);
/** Order of header names, ASCII letters folded: negative, zero, positive. */
int cf_sigv4_name_cmp(cf_view a, cf_view b);
