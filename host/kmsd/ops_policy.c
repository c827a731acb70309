/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on key policies. */
#include "host/kmsd/ops.h"

/* What a key has when its maker gives none: the account. */
static cf_result default_policy(const cf_kmsd_call *c, cf_buf *out)
{
    CF_TRY(cf_buf_append(
        out, CF_LIT("{\n  \"Version\" : \"2012-10-17\",\n  \"Id\" : \"key-default-1\",\n"
                    "  \"Statement\" : [ {\n    \"Sid\" : \"Enable IAM User Permissions\",\n"
                    "    \"Effect\" : \"Allow\",\n    \"Principal\" : {\n      \"AWS\" : \"")));
    CF_TRY(cf_buf_append(out, cf_view_str(c->service->names.root)));
    return cf_buf_append(
        out, CF_LIT("\"\n    },\n    \"Action\" : \"kms:*\",\n    \"Resource\" : \"*\"\n  } ]\n}"));
}

/* Whoever sets a policy must be able to set another one, or has said that it does not matter. */
static cf_result check_lockout(cf_kmsd_call *c, const cf_policy *policy)
{
    if (!cf_in_bool(c->in, "BypassPolicyLockoutSafetyCheck") &&
        cf_kmsd_policy_says(c, policy, "PutKeyPolicy", &c->target, &c->context) !=
            CF_POLICY_ALLOWED) {
        return cf_kmsd_refuse(
            c, CF_KX_MALFORMED_POLICY,
            "The new key policy will not allow you to update the key policy in the future.");
    }
    return cf_ok();
}

static cf_result check_policy(cf_kmsd_call *c, cf_view text)
{
    CF_BUF(why);
    CF_AUTO(cf_policy_free) cf_policy *policy = NULL;
    if (text.len > CF_POLICY_BYTES_MAX) {
        return cf_kmsd_refuse(c, CF_KX_LIMIT_EXCEEDED, "The policy is larger than %d octets.",
                              CF_POLICY_BYTES_MAX);
    }
    cf_result r = cf_policy_parse(text, &policy, &why);
    if (r.code == CF_ERR_MALFORMED) {
        return cf_kmsd_refuse(c, CF_KX_MALFORMED_POLICY, "%.*s", (int)why.len,
                              (const char *)why.data);
    }
    CF_TRY(r);
    return check_lockout(c, policy);
}

CF_MUST_USE cf_result cf_kmsd_take_policy(cf_kmsd_call *c, cf_buf *ret)
{
    CF_TRY(cf_in_has(c->in, "Policy") ? cf_buf_append(ret, cf_in_text(c->in, "Policy"))
                                      : default_policy(c, ret));
    return check_policy(c, cf_buf_view(ret));
}

/* The one name that policies have. */
static cf_result check_policy_name(cf_kmsd_call *c)
{
    cf_view name = cf_in_text(c->in, "PolicyName");
    if (cf_in_has(c->in, "PolicyName") && !cf_view_eq(name, CF_LIT("default"))) {
        return cf_kmsd_refuse(c, CF_KX_NOT_FOUND, "No such policy exists");
    }
    return cf_ok();
}

cf_result cf_op_get_key_policy(cf_kmsd_call *c)
{
    CF_TRY(cf_kmsd_find_key(c, CF_NAME_KEY));
    CF_TRY(cf_kmsd_authorise(c));
    CF_TRY(check_policy_name(c));
    cf_kmsd_put_view(c, "Policy", cf_buf_view(&cf_kmsd_file(c)->policy));
    cf_kmsd_put_text(c, "PolicyName", "default");
    return cf_ok();
}

cf_result cf_op_list_key_policies(cf_kmsd_call *c)
{
    CF_AUTO(cf_kmsd_page_clear) cf_kmsd_page page = {.max = 0};
    CF_TRY(cf_kmsd_find_key(c, CF_NAME_KEY));
    CF_TRY(cf_kmsd_authorise(c));
    CF_TRY(cf_kmsd_read_page(c, CF_PAGE_MAX, &page));
    cf_kms_body_name(&c->out, "PolicyNames");
    cf_kms_body_open(&c->out, '[');
    if (page.after.len == 0) {
        cf_kms_body_str(&c->out, CF_LIT("default"));
    }
    cf_kms_body_close(&c->out, ']');
    return cf_kmsd_end_page(c, false, CF_VIEW_EMPTY);
}

cf_result cf_op_put_key_policy(cf_kmsd_call *c)
{
    CF_AUTO(cf_keyfile_clear) cf_keyfile k = {.created_ms = 0};
    cf_view text = cf_in_text(c->in, "Policy");
    CF_TRY(cf_kmsd_begin_change(c, &k));
    CF_TRY(check_policy_name(c));
    CF_TRY(check_policy(c, text));
    CF_TRY(cf_buf_set(&k.policy, text));
    return cf_kmsd_end_change(c, &k);
}
