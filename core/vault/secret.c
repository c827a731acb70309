/* SPDX-License-Identifier: Apache-2.0 */
#include "core/vault/secret.h"

#include "core/crypto/primitives.h"

static const uint8_t label[] = {'c', 'o', 'f', 'f', 'e', 'r', '-', 's',
                                'e', 'c', 'r', 'e', 't', '-', '1', 0};

CF_MUST_USE cf_result cf_named_secret(cf_view scalar, cf_view name, cf_secret *ret)
{
    CF_SECRET(prk);
    const cf_view info[] = {CF_VIEW_OF(label), name};
    cf_secret_wipe(ret);
    CF_REQUIRE(scalar.len > 0 && name.len > 0, ARGUMENT);
    CF_TRY(cf_hkdf_extract(CF_SHA384, CF_VIEW_EMPTY, &scalar, 1, &prk));
    return cf_hkdf_expand(CF_SHA384, cf_secret_view(&prk), info, 2, CF_NAMED_SECRET_BYTES, ret);
}
