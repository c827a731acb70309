/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 (RFC 4648 section 4, with padding) and lower-case hex. */
#pragma once
#include "core/base/buf.h"

/** Appends the base64 text of v. error SIZE, NO_MEMORY. */
CF_MUST_USE cf_result cf_base64_encode(cf_view v, cf_buf *out);

/** Appends the octets of canonical base64: padded, no white space, spare bits zero. error
 *  MALFORMED, SIZE, NO_MEMORY. */
CF_MUST_USE cf_result cf_base64_decode(cf_view text, cf_buf *out);

/** Appends lower-case hex. */
CF_MUST_USE cf_result cf_hex_encode(cf_view v, cf_buf *out);

/** Appends the octets of hex in either case. error MALFORMED on an odd length or another
 *  character. */
CF_MUST_USE cf_result cf_hex_decode(cf_view text, cf_buf *out);
