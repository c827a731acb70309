/* SPDX-License-Identifier: Apache-2.0 */
/* DER and the BER subset that KMS's CMS answers use: tag-length-value walking over the bounded
 * reader. */
#pragma once
#include "core/base/reader.h"

#define CF_DER_DEPTH_MAX 8 /* kms.md section 5.1 */

/** One element: tag octet as read (class, constructed bit, number < 31) and its contents. */
typedef struct {
    uint8_t tag;
    cf_view body;
    bool indefinite; /* BER: body ends at end-of-contents, which is not part of it */
} cf_der_item;

/** Next element in DER: definite, shortest length. MALFORMED otherwise; high tag numbers are
 *  UNSUPPORTED. */
cf_der_item cf_der_next(cf_reader *r);

/** Next element in BER: definite lengths in any form and, on constructed elements, indefinite.
 *  Finds the end of an indefinite body without recursion, at most CF_DER_DEPTH_MAX levels
 *  (DEPTH). */
cf_der_item cf_ber_next(cf_reader *r);

/** Reader over the contents of the next DER element, which must have this tag; MALFORMED (kept in
 *  both) otherwise. */
cf_reader cf_der_enter(cf_reader *r, uint8_t tag);
cf_reader cf_ber_enter(cf_reader *r, uint8_t tag);

/** Writes tag, shortest length, body. */
void cf_der_put(cf_writer *w, uint8_t tag, cf_view body);
