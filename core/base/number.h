/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as decimal text. */
#pragma once
#include "core/base/buf.h"

/** The number that the text is, strict, one text per number: digits only, no sign, no white space, no zero in front but "0"
 *  itself.
 *  error MALFORMED anything else, however long; RANGE more than max. *ret is 0 after an error. */
CF_MUST_USE cf_result cf_parse_u64(cf_view text, uint64_t max, uint64_t *ret);

/** Appends the digits of n. error SIZE, NO_MEMORY as cf_buf_append. */
CF_MUST_USE cf_result cf_put_u64_dec(cf_buf *out, uint64_t n);

/* Doubles. Exact in both directions whatever the locale or the rounding mode; no heap. */

/** The double nearest to a decimal number, ties to even: [+-] digits with at most one point among or around them, then perhaps e or E,
 *  [+-] and digits. Too small a number is 0. The text may be of any length.
 *  error MALFORMED another shape, the empty text and names of infinities included; RANGE too large for a double. *ret is then 0.
 *  cost  linear; some 20 ns for up to 15 digits with small exponents, else below a microsecond for texts that programs write */
CF_MUST_USE cf_result cf_double_parse(cf_view text, double *ret);

/** Octets for cf_double_print: "-2.2250738585072014e-308" has 24. */
#define CF_DOUBLE_PRINT_BYTES 32
/** Octets for the others: sign, 309 digits, point, CF_DOUBLE_PRECISION_MAX digits; or "-0." and 323 zeros and up to 17 digits. */
#define CF_DOUBLE_TEXT_BYTES 448
#define CF_DOUBLE_PRECISION_MAX 100

/** Writes the fewest digits that read back as d, of several such the nearest; no NUL. With an exponent, "1e+06", "1.5e-05", where the
 *  first digit stands for less than 10^-4 or for 10^6 or more, else without: "100000", "0.0001", "-0". All of it is a JSON number.
 *  Returns the length, 0 for what is not finite. */
size_t cf_double_print(double d, char out[CF_DOUBLE_PRINT_BYTES]);

/** The same digits, never with an exponent. */
size_t cf_double_plain(double d, char out[CF_DOUBLE_TEXT_BYTES]);

/** So many digits behind the point, which is left out when there are none; ties by the exact value, to even. Returns the length, 0 for
 *  what is not finite and for a precision over CF_DOUBLE_PRECISION_MAX. */
size_t cf_double_fixed(double d, unsigned precision, char out[CF_DOUBLE_TEXT_BYTES]);

/** The same with one digit before the point and an exponent of two digits at least: "1.500000e+00". */
size_t cf_double_scientific(double d, unsigned precision, char out[CF_DOUBLE_TEXT_BYTES]);
