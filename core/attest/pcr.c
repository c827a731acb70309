/* SPDX-License-Identifier: Apache-2.0 */
#include "core/attest/attest.h"

CF_MUST_USE cf_result cf_pcr_extend(uint8_t pcr[static CF_PCR_BYTES_SHA384], cf_view data)
{
    cf_view parts[] = {cf_view_make(pcr, CF_PCR_BYTES_SHA384), data};
    cf_digest value;
    CF_TRY(cf_hash_parts(CF_SHA384, parts, 2, &value));
    cf_copy(pcr, value.b, CF_PCR_BYTES_SHA384);
    return cf_ok();
}

CF_MUST_USE cf_result cf_pcr_measure(cf_view image, uint8_t ret[static CF_PCR_BYTES_SHA384])
{
    cf_digest digest;
    cf_wipe(ret, CF_PCR_BYTES_SHA384);
    CF_TRY(cf_hash_of(CF_SHA384, image, &digest));
    return cf_pcr_extend(ret, cf_digest_view(&digest));
}
