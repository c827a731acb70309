/* SPDX-License-Identifier: Apache-2.0 */
/* user_data of identity documents: docs/formats/attestation.md section 6. */
#include "core/attest/attest.h"

#define MARK CF_LIT(CF_ATTEST_IDENTITY_MARK)

CF_MUST_USE cf_result cf_attest_identity_put(const cf_attest_identity *m,
                                             uint8_t ret[static CF_ATTEST_IDENTITY_BYTES])
{
    CF_REQUIRE(m->boot_id.len == CF_ATTEST_BOOT_ID_BYTES, ARGUMENT);
    cf_copy(ret, MARK.data, MARK.len);
    cf_copy(ret + MARK.len, m->boot_id.data, CF_ATTEST_BOOT_ID_BYTES);
    cf_hpke_suite_id(m->suite, ret + MARK.len + CF_ATTEST_BOOT_ID_BYTES);
    return cf_ok();
}

CF_MUST_USE cf_result cf_attest_identity_get(cf_view user_data, cf_attest_identity *ret)
{
    *ret = (cf_attest_identity){.boot_id = CF_VIEW_EMPTY};
    CF_REQUIRE(user_data.len == CF_ATTEST_IDENTITY_BYTES, MALFORMED);
    CF_REQUIRE(cf_view_eq(cf_view_sub(user_data, 0, MARK.len), MARK), MALFORMED);
    cf_attest_identity m = {.boot_id = cf_view_sub(user_data, MARK.len, CF_ATTEST_BOOT_ID_BYTES)};
    CF_TRY(cf_hpke_suite_from_id(
        cf_view_sub(user_data, MARK.len + CF_ATTEST_BOOT_ID_BYTES, CF_HPKE_SUITE_BYTES), &m.suite));
    *ret = m;
    return cf_ok();
}
