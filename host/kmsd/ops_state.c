/* SPDX-License-Identifier: Apache-2.0 */
/* Operations that change a key's state. They run alone among those that change, so that what they have read still holds when they
 * write. */
#include "host/kmsd/ops.h"

#define DAY_MS UINT64_C(86400000)
#define WINDOW_DEFAULT_DAYS 30

CF_MUST_USE cf_result cf_kmsd_begin_change(cf_kmsd_call *c, cf_keyfile *ret)
{
    *ret = (cf_keyfile){.created_ms = 0};
    CF_TRY(cf_kmsd_find_key(c, CF_NAME_KEY));
    CF_TRY(cf_kmsd_authorise(c));
    return cf_keyfile_copy(cf_kmsd_file(c), ret);
}

CF_MUST_USE cf_result cf_kmsd_end_change(cf_kmsd_call *c, cf_keyfile *k)
{
    cf_result r = cf_keys_replace(c->service->keys, k);
    if (r.code == CF_ERR_LIMIT) {
        return cf_kmsd_refuse(
            c, CF_KX_LIMIT_EXCEEDED,
            "Policies, tags and descriptions take all of the memory that there is "
            "for them.");
    }
    return r;
}

static cf_result set_enabled(cf_kmsd_call *c, bool enabled)
{
    CF_AUTO(cf_keyfile_clear) cf_keyfile k = {.created_ms = 0};
    CF_TRY(cf_kmsd_begin_change(c, &k));
    CF_TRY(cf_kmsd_need_staying(c, &c->target));
    if (k.enabled == enabled) {
        return cf_ok();
    }
    k.enabled = enabled;
    return cf_kmsd_end_change(c, &k);
}

cf_result cf_op_enable(cf_kmsd_call *c)
{
    return set_enabled(c, true);
}

cf_result cf_op_disable(cf_kmsd_call *c)
{
    return set_enabled(c, false);
}

cf_result cf_op_schedule_deletion(cf_kmsd_call *c)
{
    CF_AUTO(cf_keyfile_clear) cf_keyfile k = {.created_ms = 0};
    CF_TRY(cf_kmsd_begin_change(c, &k));
    CF_TRY(cf_kmsd_need_staying(c, &c->target));
    k.delete_days = (uint32_t)cf_in_number(c->in, "PendingWindowInDays", WINDOW_DEFAULT_DAYS);
    k.delete_ms = c->now_ms + k.delete_days * DAY_MS;
    cf_kmsd_put_text(c, "KeyId", c->target.arn);
    cf_kmsd_put_time(c, "DeletionDate", k.delete_ms);
    cf_kmsd_put_text(c, "KeyState", "PendingDeletion");
    cf_kmsd_put_number(c, "PendingWindowInDays", k.delete_days);
    return cf_kmsd_end_change(c, &k);
}

/* The key stays, but nobody uses it before somebody has looked. */
cf_result cf_op_cancel_deletion(cf_kmsd_call *c)
{
    CF_AUTO(cf_keyfile_clear) cf_keyfile k = {.created_ms = 0};
    CF_TRY(cf_kmsd_begin_change(c, &k));
    if (k.delete_ms == 0) {
        return cf_kmsd_refuse(c, CF_KX_INVALID_STATE, "%s is not pending deletion.", c->target.arn);
    }
    k.delete_ms = 0;
    k.delete_days = 0;
    k.enabled = false;
    cf_kmsd_put_text(c, "KeyId", c->target.arn);
    return cf_kmsd_end_change(c, &k);
}
