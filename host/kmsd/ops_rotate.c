/* SPDX-License-Identifier: Apache-2.0 */
/* Rotation: a new material for what is encrypted from then on; the old ones open what they have sealed. */
#include "core/codec/base64.h"
#include "host/kmsd/ops.h"

#define PERIOD_DEFAULT_DAYS 365
#define LIST_DEFAULT 100

/* Only symmetric keys are rotated. */
static cf_result need_symmetric(cf_kmsd_call *c)
{
    return cf_kmsd_file(c)->spec == CF_SPEC_SYMMETRIC
               ? cf_ok()
               : cf_kmsd_refuse(c, CF_KX_UNSUPPORTED, "%s", "");
}

static cf_result begin(cf_kmsd_call *c, cf_keyfile *k)
{
    CF_TRY(cf_kmsd_begin_change(c, k));
    CF_TRY(need_symmetric(c));
    return cf_kmsd_need_enabled(c, &c->target);
}

cf_result cf_op_enable_rotation(cf_kmsd_call *c)
{
    CF_AUTO(cf_keyfile_clear) cf_keyfile k = {.created_ms = 0};
    CF_TRY(begin(c, &k));
    uint32_t days = (uint32_t)cf_in_number(c->in, "RotationPeriodInDays", PERIOD_DEFAULT_DAYS);
    if (k.rotation_days == days) {
        return cf_ok();
    }
    k.rotation_days = days;
    k.rotation_from_ms = c->now_ms;
    return cf_kmsd_end_change(c, &k);
}

cf_result cf_op_disable_rotation(cf_kmsd_call *c)
{
    CF_AUTO(cf_keyfile_clear) cf_keyfile k = {.created_ms = 0};
    CF_TRY(begin(c, &k));
    k.rotation_days = 0;
    k.rotation_from_ms = 0;
    return cf_kmsd_end_change(c, &k);
}

cf_result cf_op_rotation_status(cf_kmsd_call *c)
{
    CF_TRY(cf_kmsd_find_key(c, CF_NAME_KEY));
    CF_TRY(cf_kmsd_authorise(c));
    CF_TRY(need_symmetric(c));
    const cf_keyfile *k = cf_kmsd_file(c);
    cf_kmsd_put_text(c, "KeyId", c->target.arn);
    cf_kmsd_put_bool(c, "KeyRotationEnabled", k->rotation_days != 0);
    if (k->rotation_days != 0) {
        cf_kmsd_put_number(c, "RotationPeriodInDays", k->rotation_days);
        cf_kmsd_put_time(c, "NextRotationDate", cf_keyfile_rotation_due_ms(k));
    }
    return cf_ok();
}

static size_t on_demand_so_far(const cf_keyfile *k)
{
    size_t n = 0;
    for (size_t i = 0; i < k->materials_n; i++) {
        n += k->materials[i].how == CF_MATERIAL_ON_DEMAND;
    }
    return n;
}

cf_result cf_op_rotate(cf_kmsd_call *c)
{
    CF_AUTO(cf_keyfile_clear) cf_keyfile k = {.created_ms = 0};
    CF_AUTO(cf_material_clear) cf_material m = {.created_ms = 0};
    CF_TRY(begin(c, &k));
    if (on_demand_so_far(&k) >= CF_KMSD_ON_DEMAND_MAX || k.materials_n >= CF_KMSD_MATERIALS_MAX) {
        return cf_kmsd_refuse(c, CF_KX_LIMIT_EXCEEDED,
                              "The on-demand rotations limit has been reached for the given keyId. "
                              "No more on-demand rotations can be performed for this key: %s",
                              c->target.arn);
    }
    CF_TRY(cf_material_make(k.spec, c->now_ms, CF_MATERIAL_ON_DEMAND, &m));
    CF_TRY(cf_keyfile_add_material(&k, &m));
    cf_kmsd_put_text(c, "KeyId", c->target.arn);
    return cf_kmsd_end_change(c, &k);
}

/* --- ListKeyRotations --- */

static void put_rotation(cf_kmsd_call *c, const cf_keyfile *k, const cf_material *m)
{
    cf_kms_body_open(&c->out, '{');
    cf_kmsd_put_text(c, "KeyId", c->target.arn);
    cf_kmsd_put_material_id(c, "KeyMaterialId", k, m);
    cf_kmsd_put_text(c, "KeyMaterialState", m == cf_keyfile_current(k) ? "CURRENT" : "NON_CURRENT");
    if (m->how != CF_MATERIAL_FIRST) {
        cf_kmsd_put_time(c, "RotationDate", m->created_ms);
        cf_kmsd_put_text(c, "RotationType",
                         m->how == CF_MATERIAL_AUTOMATIC ? "AUTOMATIC" : "ON_DEMAND");
    }
    cf_kms_body_close(&c->out, '}');
}

/* Where a page of materials begins: behind the one that the page before ended with. */
static cf_result read_start(cf_kmsd_call *c, const cf_kmsd_page *page, size_t *ret)
{
    CF_BUF(id);
    const cf_keyfile *k = cf_kmsd_file(c);
    *ret = 0;
    if (page->after.len == 0) {
        return cf_ok();
    }
    cf_result r = cf_hex_decode(cf_buf_view(&page->after), &id);
    CF_REQUIRE(r.code != CF_ERR_NO_MEMORY, NO_MEMORY);
    const cf_material *m = cf_is_ok(r) ? cf_keyfile_material(k, cf_buf_view(&id)) : NULL;
    if (m == NULL) {
        return cf_kmsd_refuse(c, CF_KX_INVALID_MARKER, "Invalid marker");
    }
    *ret = (size_t)(m - k->materials) + 1;
    return cf_ok();
}

cf_result cf_op_list_rotations(cf_kmsd_call *c)
{
    CF_AUTO(cf_kmsd_page_clear) cf_kmsd_page page = {.max = 0};
    CF_BUF(last);
    size_t at, n = 0;
    CF_TRY(cf_kmsd_find_key(c, CF_NAME_KEY));
    CF_TRY(cf_kmsd_authorise(c));
    CF_TRY(need_symmetric(c));
    CF_TRY(cf_kmsd_read_page(c, LIST_DEFAULT, &page));
    CF_TRY(read_start(c, &page, &at));
    const cf_keyfile *k = cf_kmsd_file(c);
    bool all = cf_view_eq(cf_in_text(c->in, "IncludeKeyMaterial"), CF_LIT("ALL_KEY_MATERIAL"));
    if (!all && at == 0) {
        at = 1; /* the first material came of no rotation */
    }
    cf_kms_body_name(&c->out, "Rotations");
    cf_kms_body_open(&c->out, '[');
    for (; at < k->materials_n && n < page.max; at++) {
        put_rotation(c, k, &k->materials[at]);
        n++;
    }
    cf_kms_body_close(&c->out, ']');
    bool more = at < k->materials_n;
    if (n > 0) {
        CF_TRY(cf_hex_encode(CF_VIEW_OF(k->materials[at - 1].id), &last));
    }
    return cf_kmsd_end_page(c, more, cf_buf_view(&last));
}
