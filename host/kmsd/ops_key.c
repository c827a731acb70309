/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on keys: making, describing, listing, their public halves. */
#include "host/kmsd/ops.h"
#include "sys/linux/lock.h"

#define LIST_DEFAULT 100

/* --- what is told of a key --- */

/* The algorithms of one use, if the key has it: [] is never told. */
static void put_algorithms(cf_kmsd_call *c, const cf_keyfile *k, const char *name, cf_key_use use)
{
    if (k->use != use) {
        return;
    }
    cf_kms_body_name(&c->out, name);
    cf_kms_body_open(&c->out, '[');
    for (const cf_algorithm *a = cf_algorithms; a->name != NULL; a++) {
        if (cf_algorithm_suits(a, k->spec, use)) {
            cf_kms_body_str(&c->out, cf_view_str(a->name));
        }
    }
    cf_kms_body_close(&c->out, ']');
}

/* The older of the two names has no values for keys that came after it. */
static void put_spec(cf_kmsd_call *c, const cf_keyfile *k)
{
    const char *spec = cf_spec_info_of(k->spec)->name;
    if (k->spec != CF_SPEC_ED25519) {
        cf_kmsd_put_text(c, "CustomerMasterKeySpec", spec);
    }
    cf_kmsd_put_text(c, "KeySpec", spec);
}

static const char *state_of(const cf_keyfile *k)
{
    return k->delete_ms != 0 ? "PendingDeletion" : k->enabled ? "Enabled" : "Disabled";
}

static void put_metadata(cf_kmsd_call *c)
{
    const cf_keyfile *k = cf_kmsd_file(c);
    cf_kms_body_name(&c->out, "KeyMetadata");
    cf_kms_body_open(&c->out, '{');
    cf_kmsd_put_text(c, "AWSAccountId", c->service->names.account);
    cf_kmsd_put_text(c, "KeyId", k->id.text);
    cf_kmsd_put_text(c, "Arn", c->target.arn);
    cf_kmsd_put_time(c, "CreationDate", k->created_ms);
    cf_kmsd_put_bool(c, "Enabled", k->enabled && k->delete_ms == 0);
    cf_kmsd_put_view(c, "Description", cf_buf_view(&k->description));
    cf_kmsd_put_text(c, "KeyUsage", cf_use_name(k->use));
    cf_kmsd_put_text(c, "KeyState", state_of(k));
    if (k->delete_ms != 0) {
        cf_kmsd_put_time(c, "DeletionDate", k->delete_ms);
    }
    cf_kmsd_put_text(c, "Origin", "AWS_KMS");
    cf_kmsd_put_text(c, "KeyManager", "CUSTOMER");
    put_spec(c, k);
    put_algorithms(c, k, "EncryptionAlgorithms", CF_USE_ENCRYPT);
    put_algorithms(c, k, "SigningAlgorithms", CF_USE_SIGN);
    put_algorithms(c, k, "KeyAgreementAlgorithms", CF_USE_AGREE);
    put_algorithms(c, k, "MacAlgorithms", CF_USE_MAC);
    cf_kmsd_put_bool(c, "MultiRegion", false);
    cf_kmsd_put_material_id(c, "CurrentKeyMaterialId", k, cf_keyfile_current(k));
    cf_kms_body_close(&c->out, '}');
}

/* --- CreateKey --- */

static cf_result refuse_kind(cf_kmsd_call *c, const char *member, cf_view value)
{
    return cf_kmsd_refuse(c, CF_KX_UNSUPPORTED, "%s %.*s is not supported by this service.", member,
                          cf_kmsd_shown(value), (const char *)value.data);
}

/* What has been understood and cannot be done is said. */
static cf_result check_kind(cf_kmsd_call *c)
{
    cf_view origin = cf_in_text(c->in, "Origin");
    if (cf_in_has(c->in, "Origin") && !cf_view_eq(origin, CF_LIT("AWS_KMS"))) {
        return refuse_kind(c, "Origin", origin);
    }
    if (cf_in_bool(c->in, "MultiRegion")) {
        return refuse_kind(c, "MultiRegion", CF_LIT("true"));
    }
    if (cf_in_has(c->in, "CustomKeyStoreId") || cf_in_has(c->in, "XksKeyId")) {
        return cf_kmsd_refuse(c, CF_KX_UNSUPPORTED,
                              "Custom key stores are not supported by this service.");
    }
    return cf_ok();
}

static cf_result read_spec(cf_kmsd_call *c, cf_key_spec *ret)
{
    bool by_new = cf_in_has(c->in, "KeySpec"), by_old = cf_in_has(c->in, "CustomerMasterKeySpec");
    const char *member = by_old ? "CustomerMasterKeySpec" : "KeySpec";
    *ret = CF_SPEC_SYMMETRIC;
    if (by_new && by_old) {
        return cf_kmsd_refuse(c, CF_KX_VALIDATION,
                              "You cannot specify KeySpec and CustomerMasterKeySpec in the same "
                              "request. CustomerMasterKeySpec is deprecated.");
    }
    if ((by_new || by_old) && !cf_spec_find(cf_in_text(c->in, member), ret)) {
        return refuse_kind(c, member, cf_in_text(c->in, member));
    }
    return cf_ok();
}

static cf_result read_use(cf_kmsd_call *c, cf_key_spec spec, cf_key_use *ret)
{
    cf_view name = cf_in_text(c->in, "KeyUsage");
    *ret = CF_USE_ENCRYPT;
    if (!cf_in_has(c->in, "KeyUsage")) {
        return spec == CF_SPEC_SYMMETRIC
                   ? cf_ok()
                   : cf_kmsd_refuse(c, CF_KX_VALIDATION,
                                    "You must specify a KeyUsage value for all KMS keys except for "
                                    "symmetric encryption keys.");
    }
    if (!cf_use_find(name, ret) || !cf_spec_takes(spec, *ret)) {
        return cf_kmsd_refuse(
            c, CF_KX_VALIDATION, "KeyUsage %.*s is not compatible with KeySpec %s",
            cf_kmsd_shown(name), (const char *)name.data, cf_spec_info_of(spec)->name);
    }
    return cf_ok();
}

/* The new key as far as it can be made without the lock: RSA takes its time. */
static cf_result make_key(cf_kmsd_call *c, cf_keyfile *k)
{
    CF_AUTO(cf_material_clear) cf_material m = {.created_ms = 0};
    CF_TRY(check_kind(c));
    CF_TRY(read_spec(c, &k->spec));
    CF_TRY(read_use(c, k->spec, &k->use));
    CF_TRY(cf_kmsd_take_policy(c, &k->policy));
    CF_TRY(cf_kmsd_take_tags(c, k));
    CF_TRY(cf_buf_append(&k->description, cf_in_text(c->in, "Description")));
    CF_TRY(cf_uuid_make(&k->id));
    CF_TRY(cf_kmsd_wait_turn(c, cf_spec_is_rsa(k->spec) ? c->service->rsa_turns
                                                        : c->service->change_turns));
    CF_TRY(cf_material_make(k->spec, c->now_ms, CF_MATERIAL_FIRST, &m));
    k->created_ms = c->now_ms;
    k->enabled = true;
    return cf_keyfile_add_material(k, &m);
}

static cf_result store_key(cf_kmsd_call *c, cf_keyfile *k)
{
    cf_uuid id = k->id;
    CF_AUTO(cf_unlock) CF_HELD pthread_mutex_t *held = cf_hold(&c->service->change);
    cf_result r = cf_keys_create(c->service->keys, k);
    if (r.code == CF_ERR_LIMIT) {
        return cf_kmsd_refuse(
            c, CF_KX_LIMIT_EXCEEDED,
            "There are %d keys already, or they take all of the memory that there "
            "is for them.",
            CF_KMSD_KEYS_MAX);
    }
    CF_TRY(r);
    const cf_key *key = cf_keys_find(c->service->keys, &id, c->now_ms);
    CF_REQUIRE(key != NULL, INTERNAL);
    return cf_kmsd_take_key(c, &key, &c->target);
}

cf_result cf_op_create_key(cf_kmsd_call *c)
{
    CF_AUTO(cf_keyfile_clear) cf_keyfile k = {.created_ms = 0};
    CF_TRY(cf_kmsd_authorise(c));
    CF_TRY(make_key(c, &k));
    CF_TRY(store_key(c, &k));
    put_metadata(c);
    return cf_ok();
}

/* --- the others --- */

cf_result cf_op_describe_key(cf_kmsd_call *c)
{
    CF_TRY(cf_kmsd_find_key(c, CF_NAME_KEY_OR_ALIAS));
    CF_TRY(cf_kmsd_authorise(c));
    put_metadata(c);
    return cf_ok();
}

/* All keys are the account's own, and none is shared with it. */
static bool wants_own(const cf_kmsd_call *c)
{
    const json_t *owners = json_object_get(c->in, "ResourceOwners");
    for (size_t i = 0; i < json_array_size(owners); i++) {
        const json_t *j = json_array_get(owners, i);
        cf_view owner = cf_view_make(json_string_value(j), json_string_length(j));
        if (cf_view_eq(owner, CF_LIT("SELF"))) {
            return true;
        }
    }
    return !cf_in_has(c->in, "ResourceOwners");
}

cf_result cf_op_list_keys(cf_kmsd_call *c)
{
    cf_uuid after, ids[CF_PAGE_MAX];
    bool more = false;
    CF_AUTO(cf_kmsd_page_clear) cf_kmsd_page page = {.max = 0};
    CF_TRY(cf_kmsd_authorise(c));
    CF_TRY(cf_kmsd_read_page(c, LIST_DEFAULT, &page));
    bool first = page.after.len == 0;
    if (!first && !cf_is_ok(cf_uuid_parse(cf_buf_view(&page.after), &after))) {
        return cf_kmsd_refuse(c, CF_KX_INVALID_MARKER, "Invalid marker");
    }
    size_t n = wants_own(c) ? cf_keys_list(c->service->keys, c->now_ms, first ? NULL : &after,
                                           page.max, ids, &more)
                            : 0;
    cf_kms_body_name(&c->out, "Keys");
    cf_kms_body_open(&c->out, '[');
    for (size_t i = 0; i < n; i++) {
        char arn[CF_KMSD_ARN_BYTES_MAX];
        cf_kmsd_key_arn(&c->service->names, &ids[i], arn);
        cf_kms_body_open(&c->out, '{');
        cf_kmsd_put_text(c, "KeyId", ids[i].text);
        cf_kmsd_put_text(c, "KeyArn", arn);
        cf_kms_body_close(&c->out, '}');
    }
    cf_kms_body_close(&c->out, ']');
    return cf_kmsd_end_page(c, more, n > 0 ? cf_uuid_view(&ids[n - 1]) : CF_VIEW_EMPTY);
}

cf_result cf_op_update_description(cf_kmsd_call *c)
{
    CF_AUTO(cf_keyfile_clear) cf_keyfile k = {.created_ms = 0};
    CF_TRY(cf_kmsd_begin_change(c, &k));
    CF_TRY(cf_kmsd_need_staying(c, &c->target));
    CF_TRY(cf_buf_set(&k.description, cf_in_text(c->in, "Description")));
    return cf_kmsd_end_change(c, &k);
}

cf_result cf_op_get_public_key(cf_kmsd_call *c)
{
    CF_BUF(spki);
    CF_TRY(cf_kmsd_find_key(c, CF_NAME_KEY_OR_ALIAS));
    CF_TRY(cf_kmsd_authorise(c));
    CF_TRY(cf_kmsd_need_enabled(c, &c->target));
    const cf_keyfile *k = cf_kmsd_file(c);
    const cf_pair *pair = cf_keyfile_current(k)->pair;
    if (pair == NULL) {
        return cf_kmsd_refuse(c, CF_KX_UNSUPPORTED,
                              "%s key spec is %s which is not valid for GetPublicKey.",
                              c->target.arn, cf_spec_info_of(k->spec)->name);
    }
    CF_TRY(cf_pair_to_spki(pair, &spki));
    cf_kmsd_put_text(c, "KeyId", c->target.arn);
    cf_kmsd_put_blob(c, "PublicKey", cf_buf_view(&spki));
    put_spec(c, k);
    cf_kmsd_put_text(c, "KeyUsage", cf_use_name(k->use));
    put_algorithms(c, k, "EncryptionAlgorithms", CF_USE_ENCRYPT);
    put_algorithms(c, k, "SigningAlgorithms", CF_USE_SIGN);
    put_algorithms(c, k, "KeyAgreementAlgorithms", CF_USE_AGREE);
    return cf_ok();
}

/* There are none, and clients that look at everything are told so. */
cf_result cf_op_list_key_stores(cf_kmsd_call *c)
{
    CF_TRY(cf_kmsd_authorise(c));
    cf_kms_body_name(&c->out, "CustomKeyStores");
    cf_kms_body_open(&c->out, '[');
    cf_kms_body_close(&c->out, ']');
    cf_kmsd_put_bool(c, "Truncated", false);
    return cf_ok();
}

cf_result cf_op_unsupported(cf_kmsd_call *c)
{
    return cf_kmsd_refuse(c, CF_KX_UNSUPPORTED, "%s is not supported by this service.",
                          c->op->name);
}
