/* SPDX-License-Identifier: Apache-2.0 */
/* Row seal: docs/formats/record.md section 5. */
#include "core/vault/record.h"

static const uint8_t label[] = {'c', 'o', 'f', 'f', 'e', 'r', '-', 'r', 'o', 'w', '-', '1', 0};

CF_MUST_USE cf_result cf_row_seal(const cf_secret *row_key, cf_view row,
                                  uint8_t ret[static CF_ROW_SEAL_BYTES])
{
    const cf_view parts[] = {CF_VIEW_OF(label), row};
    cf_digest mac;
    cf_wipe(ret, CF_ROW_SEAL_BYTES);
    CF_REQUIRE(row_key->len == CF_ROW_KEY_BYTES, KEY);
    cf_result r = cf_hmac_parts(CF_SHA384, cf_secret_view(row_key), parts, 2, &mac);
    if (cf_is_ok(r)) {
        cf_copy(ret, mac.b, CF_ROW_SEAL_BYTES);
    }
    cf_wipe(&mac, sizeof mac);
    return r;
}

CF_MUST_USE cf_result cf_row_check(const cf_secret *row_key, cf_view row, cf_view seal)
{
    uint8_t real[CF_ROW_SEAL_BYTES];
    CF_TRY(cf_row_seal(row_key, row, real));
    bool same = cf_ct_eq(CF_VIEW_OF(real), seal);
    cf_wipe(real,
            sizeof real); /* the seal of a row that somebody else wrote is not theirs to have */
    CF_REQUIRE(same, ROW_ALTERED);
    return cf_ok();
}

CF_MUST_USE cf_result cf_row_open(const cf_secret *row_key, cf_view id, cf_view row, cf_view seal,
                                  cf_arena *arena, cf_row *ret)
{
    *ret = (cf_row){0};
    CF_TRY(cf_row_check(row_key, row, seal));
    cf_row opened;
    CF_TRY(cf_row_decode(row, arena, &opened));
    /* A sealed row under another vault's id is an alteration that its seal does not show. */
    CF_REQUIRE(cf_view_eq(opened.id, id), ROW_ALTERED);
    *ret = opened;
    return cf_ok();
}
