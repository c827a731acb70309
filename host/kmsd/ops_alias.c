/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on aliases. Who changes an alias needs leave for every key that it is about. */
#include <stdio.h>

#include "host/kmsd/ops.h"

#define LIST_DEFAULT 50
#define LIST_MAX 100
#define ALIAS_ARN_BYTES_MAX (CF_KMSD_ARN_BYTES_MAX + CF_ALIAS_BYTES_MAX)

static void alias_arn(const cf_kmsd_call *c, const char *name, char ret[static ALIAS_ARN_BYTES_MAX])
{
    const cf_kmsd_names *n = &c->service->names;
    (void)snprintf(ret, ALIAS_ARN_BYTES_MAX, "arn:%s:kms:%s:%s:%.*s", n->partition, n->region,
                   n->account, CF_ALIAS_BYTES_MAX, name);
}

static bool starts_with(cf_view v, cf_view prefix)
{
    return cf_view_eq(cf_view_sub(v, 0, prefix.len), prefix);
}

/* The name, which the log and the audit log tell as well. */
static cf_result read_name(cf_kmsd_call *c, cf_alias *ret)
{
    cf_view name = cf_in_text(c->in, "AliasName");
    CF_TRY(cf_kmsd_authorise(c)); /* for the account, as long as there is no key */
    *ret = (cf_alias){.created_ms = c->now_ms, .updated_ms = c->now_ms};
    if (!starts_with(name, CF_LIT("alias/")) || name.len == sizeof "alias/" - 1) {
        return cf_kmsd_refuse(c, CF_KX_VALIDATION,
                              "Alias must start with the prefix \"alias/\". Please see "
                              "https://docs.aws.amazon.com/kms/latest/developerguide/"
                              "kms-alias.html");
    }
    CF_REQUIRE(name.len <= CF_ALIAS_BYTES_MAX, INTERNAL);
    cf_copy(ret->name, name.data, name.len);
    cf_copy(c->alias, name.data, name.len);
    return cf_ok();
}

static cf_result refuse_reserved(cf_kmsd_call *c, const cf_alias *a)
{
    if (starts_with(cf_view_str(a->name), CF_LIT("alias/aws/"))) {
        return cf_kmsd_refuse(c, CF_KX_INVALID_ALIAS,
                              "Alias names that begin with alias/aws/ are reserved.");
    }
    return cf_ok();
}

/* The key that an alias is to stand for: c->target. */
static cf_result find_target(cf_kmsd_call *c)
{
    CF_TRY(cf_kmsd_find(c, "TargetKeyId", CF_NAME_KEY, &c->target));
    CF_TRY(cf_kmsd_authorise(c));
    return cf_kmsd_need_staying(c, &c->target);
}

static cf_result put(cf_kmsd_call *c, const cf_alias *a)
{
    cf_alias same[CF_KMSD_ALIASES_PER_KEY_MAX];
    bool more;
    size_t n = cf_aliases_list(c->service->aliases, &a->target, CF_VIEW_EMPTY,
                               CF_KMSD_ALIASES_PER_KEY_MAX, same, &more);
    cf_result r = n < CF_KMSD_ALIASES_PER_KEY_MAX ? cf_aliases_put(c->service->aliases, a)
                                                  : cf_fail(CF_ERR_LIMIT);
    if (r.code == CF_ERR_LIMIT) {
        return cf_kmsd_refuse(c, CF_KX_LIMIT_EXCEEDED, "There are too many aliases already.");
    }
    return r;
}

/* An alias whose key is not there, as a folder that was put together by hand may hold one, is free. */
static bool is_taken(const cf_kmsd_call *c, const char *name)
{
    cf_alias old;
    if (!cf_aliases_find(c->service->aliases, cf_view_str(name), &old)) {
        return false;
    }
    CF_AUTO(cf_key_release)
    const cf_key *key = cf_keys_find(c->service->keys, &old.target, c->now_ms);
    return key != NULL;
}

cf_result cf_op_create_alias(cf_kmsd_call *c)
{
    cf_alias a;
    CF_TRY(read_name(c, &a));
    CF_TRY(refuse_reserved(c, &a));
    CF_TRY(find_target(c));
    if (is_taken(c, a.name)) {
        char arn[ALIAS_ARN_BYTES_MAX];
        alias_arn(c, a.name, arn);
        return cf_kmsd_refuse(c, CF_KX_ALREADY_EXISTS, "An alias with the name %s already exists",
                              arn);
    }
    a.target = *cf_key_id(c->target.key);
    return put(c, &a);
}

static cf_result find_old(cf_kmsd_call *c, cf_view name, cf_alias *ret)
{
    char arn[ALIAS_ARN_BYTES_MAX];
    if (!cf_aliases_find(c->service->aliases, name, ret)) {
        alias_arn(c, c->alias, arn);
        return cf_kmsd_refuse(c, CF_KX_NOT_FOUND, "Alias %s is not found.", arn);
    }
    const cf_key *key = cf_keys_find(c->service->keys, &ret->target, c->now_ms);
    if (key == NULL) {
        alias_arn(c, ret->name, arn);
        return cf_kmsd_refuse(c, CF_KX_NOT_FOUND, "Alias %s is not found.", arn);
    }
    CF_TRY(cf_kmsd_take_key(c, &key, &c->source));
    return cf_kmsd_authorise_for(c, c->op->name, &c->source, &c->context);
}

/* Ciphertexts that were made by the alias must not come to a key of another kind. */
static cf_result check_same_kind(cf_kmsd_call *c)
{
    const cf_keyfile *from = cf_key_file(c->source.key), *to = cf_kmsd_file(c);
    bool from_pair = cf_spec_info_of(from->spec)->secret_bytes == 0;
    bool to_pair = cf_spec_info_of(to->spec)->secret_bytes == 0;
    if (from->use != to->use || from_pair != to_pair) {
        return cf_kmsd_refuse(c, CF_KX_VALIDATION,
                              "The current and the new key of an alias must be of the same type "
                              "and have the same key usage.");
    }
    return cf_ok();
}

cf_result cf_op_update_alias(cf_kmsd_call *c)
{
    cf_alias a, old;
    CF_TRY(read_name(c, &a));
    CF_TRY(refuse_reserved(c, &a));
    CF_TRY(find_old(c, cf_view_str(a.name), &old));
    CF_TRY(find_target(c));
    CF_TRY(check_same_kind(c));
    a.target = *cf_key_id(c->target.key);
    a.created_ms = old.created_ms;
    if (cf_view_eq(cf_uuid_view(&a.target), cf_uuid_view(&old.target))) {
        return cf_aliases_put(c->service->aliases, &a); /* it takes no further place */
    }
    return put(c, &a);
}

cf_result cf_op_delete_alias(cf_kmsd_call *c)
{
    cf_alias a, old;
    CF_TRY(read_name(c, &a));
    CF_TRY(refuse_reserved(c, &a));
    CF_TRY(find_old(c, cf_view_str(a.name), &old));
    return cf_aliases_remove(c->service->aliases, cf_view_str(a.name));
}

/* --- ListAliases --- */

static void put_entry(cf_kmsd_call *c, const cf_alias *a)
{
    char arn[ALIAS_ARN_BYTES_MAX];
    alias_arn(c, a->name, arn);
    cf_kms_body_open(&c->out, '{');
    cf_kmsd_put_text(c, "AliasName", a->name);
    cf_kmsd_put_text(c, "AliasArn", arn);
    cf_kmsd_put_text(c, "TargetKeyId", a->target.text);
    cf_kmsd_put_time(c, "CreationDate", a->created_ms);
    cf_kmsd_put_time(c, "LastUpdatedDate", a->updated_ms);
    cf_kms_body_close(&c->out, '}');
}

cf_result cf_op_list_aliases(cf_kmsd_call *c)
{
    cf_alias list[LIST_MAX];
    bool more;
    CF_AUTO(cf_kmsd_page_clear) cf_kmsd_page page = {.max = 0};
    CF_TRY(cf_kmsd_authorise(c));
    bool of_key = cf_in_has(c->in, "KeyId");
    if (of_key) {
        CF_TRY(cf_kmsd_find(c, "KeyId", CF_NAME_KEY, &c->target));
    }
    CF_TRY(cf_kmsd_read_page(c, LIST_DEFAULT, &page));
    size_t n = cf_aliases_list(c->service->aliases, of_key ? cf_key_id(c->target.key) : NULL,
                               cf_buf_view(&page.after), page.max, list, &more);
    cf_kms_body_name(&c->out, "Aliases");
    cf_kms_body_open(&c->out, '[');
    for (size_t i = 0; i < n; i++) {
        put_entry(c, &list[i]);
    }
    cf_kms_body_close(&c->out, ']');
    return cf_kmsd_end_page(c, more, n > 0 ? cf_view_str(list[n - 1].name) : CF_VIEW_EMPTY);
}
