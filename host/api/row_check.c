/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/row_check.h"

CF_MUST_USE cf_result cf_row_check_seal(const cf_secret *row_key, cf_view octets, cf_view seal)
{
    return cf_row_check(row_key, octets, seal);
}

CF_MUST_USE cf_result cf_row_check_place(const cf_row *row, cf_view tenant, cf_view id)
{
    CF_REQUIRE(cf_view_eq(row->id, id), ROW_ALTERED);
    CF_REQUIRE(cf_view_eq(row->tenant, tenant), VAULT_UNKNOWN);
    return cf_ok();
}
