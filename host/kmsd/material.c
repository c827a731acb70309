/* SPDX-License-Identifier: Apache-2.0 */
#include "host/kmsd/material.h"

void cf_material_clear(cf_material *m)
{
    cf_buf_free(&m->secret);
    cf_pair_free(&m->pair);
    *m = (cf_material){.created_ms = 0};
}

static cf_result make_secret(const cf_spec_info *info, cf_material *m)
{
    if (info->secret_bytes == 0) {
        CF_TRY(cf_pair_generate(info->pair, &m->pair));
        return cf_pair_to_pkcs8(m->pair, &m->secret);
    }
    CF_TRY(cf_buf_reserve(&m->secret, info->secret_bytes));
    CF_TRY(cf_random(m->secret.data, info->secret_bytes));
    m->secret.len = info->secret_bytes;
    return cf_ok();
}

CF_MUST_USE cf_result cf_material_make(cf_key_spec spec, uint64_t now_ms, cf_material_how how,
                                       cf_material *ret)
{
    *ret = (cf_material){.created_ms = 0};
    const cf_spec_info *info = cf_spec_info_of(spec);
    CF_REQUIRE(info != NULL, ARGUMENT);
    CF_AUTO(cf_material_clear) cf_material m = {.created_ms = now_ms, .how = how};
    CF_TRY(cf_random(m.id, sizeof m.id));
    CF_TRY(make_secret(info, &m));
    *ret = m;
    m = (cf_material){.created_ms = 0};
    return cf_ok();
}

CF_MUST_USE cf_result cf_material_load(cf_key_spec spec, cf_view secret, cf_material *m)
{
    const cf_spec_info *info = cf_spec_info_of(spec);
    CF_REQUIRE(info != NULL, ARGUMENT);
    CF_REQUIRE(info->secret_bytes == 0 || secret.len == info->secret_bytes, MALFORMED);
    if (info->secret_bytes == 0) {
        CF_TRY(cf_pair_from_pkcs8(info->pair, secret, &m->pair));
    }
    return cf_buf_append(&m->secret, secret);
}

CF_MUST_USE cf_result cf_material_copy(const cf_material *m, cf_material *ret)
{
    *ret = (cf_material){.created_ms = 0};
    CF_AUTO(cf_material_clear)
    cf_material copy = {.created_ms = m->created_ms, .how = m->how};
    cf_copy(copy.id, m->id, sizeof copy.id);
    CF_TRY(cf_buf_append(&copy.secret, cf_buf_view(&m->secret)));
    if (m->pair != NULL) {
        CF_TRY(cf_pair_share(m->pair, &copy.pair));
    }
    *ret = copy;
    copy = (cf_material){.created_ms = 0};
    return cf_ok();
}
