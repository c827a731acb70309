/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/kms/measure.h"

#include "core/crypto/primitives.h"

static CF_MUST_USE cf_result hash(const cf_view *parts, size_t n,
                                  uint8_t ret[static CF_KMS_MEASURE_BYTES])
{
    cf_digest d;
    CF_TRY(cf_hash_parts(CF_SHA384, parts, n, &d));
    CF_REQUIRE(d.len == CF_KMS_MEASURE_BYTES, INTERNAL);
    cf_copy(ret, d.b, CF_KMS_MEASURE_BYTES);
    return cf_ok();
}

CF_MUST_USE cf_result cf_kms_measure(cf_view endpoint, cf_view roots,
                                     uint8_t ret[static CF_KMS_MEASURE_BYTES])
{
    /* No text that names a KMS holds a NUL. */
    const cf_view parts[] = {CF_LIT("coffer-kms-1"), CF_LIT("\0"), endpoint, CF_LIT("\0"), roots};
    return hash(parts, sizeof parts / sizeof *parts, ret);
}

CF_MUST_USE cf_result cf_kms_measured_pcr(const uint8_t measure[static CF_KMS_MEASURE_BYTES],
                                          uint8_t ret[static CF_KMS_MEASURE_BYTES])
{
    static const uint8_t zeros[CF_KMS_MEASURE_BYTES];
    const cf_view parts[] = {CF_VIEW_OF(zeros), cf_view_make(measure, CF_KMS_MEASURE_BYTES)};
    return hash(parts, sizeof parts / sizeof *parts, ret);
}
