/* SPDX-License-Identifier: Apache-2.0 */
/* Decimal numbers as text, strict: one text per number. */
#pragma once
#include "core/base/buf.h"

/** The number that the text is: digits only, no sign, no white space, no zero in front but "0"
 *  itself.
 *  error MALFORMED anything else, however long; RANGE more than max. *ret is 0 after an error. */
CF_MUST_USE cf_result cf_parse_u64(cf_view text, uint64_t max, uint64_t *ret);

/** Appends the digits of n. error SIZE, NO_MEMORY as cf_buf_append. */
CF_MUST_USE cf_result cf_put_u64_dec(cf_buf *out, uint64_t n);
