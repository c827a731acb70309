/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on keys: making, describing, listing, and their policies. */
#include <stdio.h>

#include "host/kmsd/call.h"
#include "host/kmsd/kmsd_priv.h"

#define LIST_DEFAULT 100
#define LIST_MAX 1000

static void put_arn(cf_kmsd_call *c, const char *name)
{
    cf_kmsd_put_text(c, name, c->arn);
}

static void put_metadata(cf_kmsd_call *c)
{
    cf_kms_body *b = &c->out;
    cf_kms_body_name(b, "KeyMetadata");
    cf_kms_body_open(b, '{');
    cf_kmsd_put_text(c, "AWSAccountId", c->service->names.account);
    cf_kmsd_put_text(c, "KeyId", cf_key_id(c->key)->text);
    put_arn(c, "Arn");
    cf_kms_body_name(b, "CreationDate");
    cf_kms_body_time(b, cf_key_created_ms(c->key));
    cf_kms_body_name(b, "Enabled");
    cf_kms_body_bool(b, true);
    cf_kms_body_name(b, "Description");
    cf_kms_body_str(b, cf_key_description(c->key));
    cf_kmsd_put_text(c, "KeyUsage", "ENCRYPT_DECRYPT");
    cf_kmsd_put_text(c, "KeyState", "Enabled");
    cf_kmsd_put_text(c, "Origin", "AWS_KMS");
    cf_kmsd_put_text(c, "KeyManager", "CUSTOMER");
    cf_kmsd_put_text(c, "CustomerMasterKeySpec", "SYMMETRIC_DEFAULT");
    cf_kmsd_put_text(c, "KeySpec", "SYMMETRIC_DEFAULT");
    cf_kms_body_name(b, "EncryptionAlgorithms");
    cf_kms_body_open(b, '[');
    cf_kms_body_str(b, CF_LIT("SYMMETRIC_DEFAULT"));
    cf_kms_body_close(b, ']');
    cf_kms_body_name(b, "MultiRegion");
    cf_kms_body_bool(b, false);
    cf_kms_body_name(b, "CurrentKeyMaterialId");
    cf_kms_body_hex(b, CF_VIEW_OF(cf_key_material(c->key)->id));
    cf_kms_body_close(b, '}');
}

/* --- policies --- */

/* What a key has when its maker gives none: the account, which here is everybody who can reach the service. */
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
    cf_policy_request q;
    cf_kmsd_policy_request(c, CF_LIT("kms:PutKeyPolicy"), &q);
    if (!cf_in_bool(c->in, "BypassPolicyLockoutSafetyCheck") &&
        cf_policy_decide(policy, &q) != CF_POLICY_ALLOWED) {
        return cf_kmsd_refuse(
            c, CF_KX_MALFORMED_POLICY,
            "The new key policy will not allow you to update the key policy in the future.");
    }
    return cf_ok();
}

static cf_result parse_policy(cf_kmsd_call *c, cf_view text, cf_policy **ret)
{
    CF_BUF(why);
    *ret = NULL;
    if (text.len > CF_POLICY_BYTES_MAX) {
        return cf_kmsd_refuse(c, CF_KX_LIMIT_EXCEEDED, "The policy is larger than %d octets.",
                              CF_POLICY_BYTES_MAX);
    }
    cf_result r = cf_policy_parse(text, ret, &why);
    if (r.code == CF_ERR_MALFORMED) {
        return cf_kmsd_refuse(c, CF_KX_MALFORMED_POLICY, "%.*s", (int)why.len,
                              (const char *)why.data);
    }
    CF_TRY(r);
    r = check_lockout(c, *ret);
    if (!cf_is_ok(r)) {
        cf_policy_free(ret);
    }
    return r;
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

/* --- operations --- */

/* Members of CreateKey that ask for kinds of keys which are not here. What has been understood and cannot be done is said. */
static cf_result check_kind(cf_kmsd_call *c)
{
    static const struct {
        const char *member, *only;
    } fixed[] = {{"KeySpec", "SYMMETRIC_DEFAULT"},
                 {"CustomerMasterKeySpec", "SYMMETRIC_DEFAULT"},
                 {"KeyUsage", "ENCRYPT_DECRYPT"},
                 {"Origin", "AWS_KMS"}};
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        cf_view value = cf_in_text(c->in, fixed[i].member);
        if (cf_in_has(c->in, fixed[i].member) && !cf_view_eq(value, cf_view_str(fixed[i].only))) {
            return cf_kmsd_refuse(c, CF_KX_UNSUPPORTED, "%s other than %s is not supported.",
                                  fixed[i].member, fixed[i].only);
        }
    }
    bool tags = json_array_size(json_object_get(c->in, "Tags")) > 0;
    if (tags || cf_in_bool(c->in, "MultiRegion") || cf_in_has(c->in, "CustomKeyStoreId") ||
        cf_in_has(c->in, "XksKeyId")) {
        return cf_kmsd_refuse(c, CF_KX_UNSUPPORTED,
                              "Tags, multi-Region keys and custom key stores are not supported.");
    }
    return cf_ok();
}

cf_result cf_op_create_key(cf_kmsd_call *c)
{
    CF_BUF(text);
    CF_AUTO(cf_policy_free) cf_policy *policy = NULL;
    const cf_key *key = NULL;
    CF_TRY(check_kind(c));
    if (cf_in_has(c->in, "Policy")) {
        CF_TRY(cf_buf_append(&text, cf_in_text(c->in, "Policy")));
    } else {
        CF_TRY(default_policy(c, &text));
    }
    CF_TRY(parse_policy(c, cf_buf_view(&text), &policy));
    cf_result r = cf_keys_create(c->service->keys, c->now_ms, cf_in_text(c->in, "Description"),
                                 cf_buf_view(&text), &policy, &key);
    if (r.code == CF_ERR_LIMIT) {
        return cf_kmsd_refuse(c, CF_KX_LIMIT_EXCEEDED, "There are %d keys already.",
                              CF_KMSD_KEYS_MAX);
    }
    CF_TRY(r);
    CF_TRY(cf_kmsd_take_key(c, key));
    put_metadata(c);
    return cf_ok();
}

cf_result cf_op_describe_key(cf_kmsd_call *c)
{
    CF_TRY(cf_kmsd_check_tokens(c));
    CF_TRY(cf_kmsd_find_key(c));
    CF_TRY(cf_kmsd_authorise(c));
    put_metadata(c);
    return cf_ok();
}

/* A marker is the id of the last key of the page before. */
static cf_result read_marker(cf_kmsd_call *c, cf_uuid *ret, bool *ret_given)
{
    *ret_given = cf_in_has(c->in, "Marker");
    if (*ret_given && !cf_is_ok(cf_uuid_parse(cf_in_text(c->in, "Marker"), ret))) {
        return cf_kmsd_refuse(c, CF_KX_INVALID_MARKER, "Invalid marker");
    }
    return cf_ok();
}

cf_result cf_op_list_keys(cf_kmsd_call *c)
{
    cf_uuid marker;
    bool given, more;
    const cf_key *page[LIST_MAX];
    CF_TRY(read_marker(c, &marker, &given));
    size_t max = (size_t)cf_in_number(c->in, "Limit", LIST_DEFAULT);
    size_t n = cf_keys_list(c->service->keys, given ? &marker : NULL,
                            max < LIST_MAX ? max : LIST_MAX, page, &more);
    cf_kms_body_name(&c->out, "Keys");
    cf_kms_body_open(&c->out, '[');
    for (size_t i = 0; i < n; i++) {
        char arn[CF_KMSD_ARN_BYTES_MAX];
        cf_kmsd_key_arn(&c->service->names, cf_key_id(page[i]), arn);
        cf_kms_body_open(&c->out, '{');
        cf_kmsd_put_text(c, "KeyId", cf_key_id(page[i])->text);
        cf_kmsd_put_text(c, "KeyArn", arn);
        cf_kms_body_close(&c->out, '}');
    }
    cf_kms_body_close(&c->out, ']');
    if (more) {
        cf_kmsd_put_text(c, "NextMarker", cf_key_id(page[n - 1])->text);
    }
    cf_kms_body_name(&c->out, "Truncated");
    cf_kms_body_bool(&c->out, more);
    return cf_ok();
}

cf_result cf_op_get_key_policy(cf_kmsd_call *c)
{
    CF_BUF(text);
    CF_TRY(cf_kmsd_find_key(c));
    CF_TRY(cf_kmsd_authorise(c));
    CF_TRY(check_policy_name(c));
    CF_TRY(cf_keys_policy_text(c->service->keys, c->key, &text));
    cf_kms_body_name(&c->out, "Policy");
    cf_kms_body_str(&c->out, cf_buf_view(&text));
    cf_kmsd_put_text(c, "PolicyName", "default");
    return cf_ok();
}

cf_result cf_op_put_key_policy(cf_kmsd_call *c)
{
    CF_AUTO(cf_policy_free) cf_policy *policy = NULL;
    cf_view text = cf_in_text(c->in, "Policy");
    CF_TRY(cf_kmsd_find_key(c));
    CF_TRY(cf_kmsd_authorise(c));
    CF_TRY(check_policy_name(c));
    CF_TRY(parse_policy(c, text, &policy));
    return cf_keys_put_policy(c->service->keys, c->key, text, &policy);
}
