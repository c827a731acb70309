/* SPDX-License-Identifier: Apache-2.0 */
#include "host/kmsd/call.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/codec/base64.h"
#include "host/kmsd/turns.h"

#define MESSAGE_BYTES_MAX 1024

static const struct {
    const char *name;
    unsigned status;
} exceptions[] = {[CF_KX_NONE] = {"", 200},
#define ROW(sym, name, status) [CF_KX_##sym] = {name, status},
                  CF_KMSD_EXCEPTIONS(ROW)
#undef ROW
};

const char *cf_kx_name(cf_kx x)
{
    return exceptions[x].name;
}

unsigned cf_kx_status(cf_kx x)
{
    return exceptions[x].status;
}

CF_MUST_USE cf_result cf_kmsd_refuse(cf_kmsd_call *c, cf_kx x, const char *format, ...)
{
    char text[MESSAGE_BYTES_MAX];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    c->refused = x;
    cf_buf_clear(&c->message);
    if (n > 0) {
        CF_TRY(cf_buf_append(&c->message, cf_view_str(text)));
    }
    return cf_fail(CF_ERR_KMS_REFUSED);
}

/* Without memory the body stays empty: the header x-amzn-ErrorType says the same. */
void cf_kmsd_put_exception(cf_kx x, cf_view message, cf_buf *out)
{
    cf_kms_body b = cf_kms_body_to(out);
    cf_buf_clear(out);
    cf_kms_body_open(&b, '{');
    cf_kms_body_name(&b, "__type");
    cf_kms_body_str(&b, cf_view_str(cf_kx_name(x)));
    if (message.len > 0) {
        cf_kms_body_name(&b, "message");
        cf_kms_body_str(&b, message);
    }
    cf_kms_body_close(&b, '}');
    if (!cf_is_ok(cf_kms_body_end(&b))) {
        cf_buf_clear(out);
    }
}

int cf_kmsd_shown(cf_view v)
{
    return (int)cf_in_echo(v).len;
}

/* --- members of answers --- */

void cf_kmsd_put_view(cf_kmsd_call *c, const char *name, cf_view value)
{
    cf_kms_body_name(&c->out, name);
    cf_kms_body_str(&c->out, value);
}

void cf_kmsd_put_text(cf_kmsd_call *c, const char *name, const char *value)
{
    cf_kmsd_put_view(c, name, cf_view_str(value));
}

void cf_kmsd_put_blob(cf_kmsd_call *c, const char *name, cf_view octets)
{
    cf_kms_body_name(&c->out, name);
    cf_kms_body_base64(&c->out, octets);
}

void cf_kmsd_put_bool(cf_kmsd_call *c, const char *name, bool value)
{
    cf_kms_body_name(&c->out, name);
    cf_kms_body_bool(&c->out, value);
}

void cf_kmsd_put_number(cf_kmsd_call *c, const char *name, uint64_t value)
{
    cf_kms_body_name(&c->out, name);
    cf_kms_body_number(&c->out, value);
}

void cf_kmsd_put_time(cf_kmsd_call *c, const char *name, uint64_t ms)
{
    cf_kms_body_name(&c->out, name);
    cf_kms_body_time(&c->out, ms);
}

void cf_kmsd_put_material_id(cf_kmsd_call *c, const char *name, const cf_keyfile *k,
                             const cf_material *m)
{
    if (!c->recipient.given && k->spec == CF_SPEC_SYMMETRIC) {
        cf_kms_body_name(&c->out, name);
        cf_kms_body_hex(&c->out, CF_VIEW_OF(m->id));
    }
}

/* --- keys --- */

void cf_kmsd_target_clear(cf_kmsd_target *t)
{
    cf_key_release(&t->key);
}

CF_MUST_USE cf_result cf_kmsd_take_key(cf_kmsd_call *c, const cf_key **key, cf_kmsd_target *ret)
{
    cf_kmsd_target_clear(ret);
    ret->key = *key;
    *key = NULL;
    cf_kmsd_key_arn(&c->service->names, cf_key_id(ret->key), ret->arn);
    if (!cf_key_available(ret->key)) {
        return cf_kmsd_refuse(c, CF_KX_INTERNAL, "The key is not available.");
    }
    return cf_ok();
}

static cf_result refuse_alias(cf_kmsd_call *c, cf_view name)
{
    const cf_kmsd_names *n = &c->service->names;
    return cf_kmsd_refuse(c, CF_KX_NOT_FOUND, "Alias arn:%s:kms:%s:%s:%.*s is not found.",
                          n->partition, n->region, n->account, cf_kmsd_shown(name),
                          (const char *)name.data);
}

/* "Key '<arn>' does not exist", of an id that may have come as an ARN already. */
static cf_result refuse_unknown(cf_kmsd_call *c, cf_view id)
{
    const cf_kmsd_names *n = &c->service->names;
    if (id.len >= 4 && cf_view_eq(cf_view_make(id.data, 4), CF_LIT("arn:"))) {
        return cf_kmsd_refuse(c, CF_KX_NOT_FOUND, "Key '%.*s' does not exist", cf_kmsd_shown(id),
                              (const char *)id.data);
    }
    return cf_kmsd_refuse(c, CF_KX_NOT_FOUND, "Key 'arn:%s:kms:%s:%s:key/%.*s' does not exist",
                          n->partition, n->region, n->account, cf_kmsd_shown(id),
                          (const char *)id.data);
}

/* The part of a rest up to its next ':'. */
static int first_part(cf_view rest)
{
    size_t n = 0;
    while (n < rest.len && rest.data[n] != ':') {
        n++;
    }
    return cf_kmsd_shown(cf_view_make(rest.data, n));
}

static cf_result find_by_id(cf_kmsd_call *c, const cf_uuid *uuid, cf_view text, cf_kmsd_target *ret)
{
    c->seeking = true;
    const cf_key *key = cf_keys_find(c->service->keys, uuid, c->now_ms);
    return key != NULL ? cf_kmsd_take_key(c, &key, ret) : refuse_unknown(c, text);
}

static cf_result find_by_alias(cf_kmsd_call *c, cf_view name, cf_kmsd_target *ret)
{
    cf_alias alias;
    c->seeking = true;
    if (!cf_aliases_find(c->service->aliases, name, &alias)) {
        return refuse_alias(c, name);
    }
    CF_TRY(find_by_id(c, &alias.target, cf_uuid_view(&alias.target), ret));
    cf_copy(ret->alias, alias.name, sizeof ret->alias);
    return cf_ok();
}

CF_MUST_USE cf_result cf_kmsd_find(cf_kmsd_call *c, const char *member, cf_name_form form,
                                   cf_kmsd_target *ret)
{
    cf_uuid uuid;
    cf_view rest, id = cf_in_text(c->in, member);
    switch (cf_kmsd_key_id(&c->service->names, id, &uuid, &rest)) {
    case CF_KEY_ID_UUID:
        return find_by_id(c, &uuid, id, ret);
    case CF_KEY_ID_OTHER_NAME:
    case CF_KEY_ID_FOREIGN:
        return refuse_unknown(c, id);
    case CF_KEY_ID_ALIAS:
        if (form == CF_NAME_KEY_OR_ALIAS) {
            return find_by_alias(c, rest, ret);
        }
        break;
    case CF_KEY_ID_BAD_REGION:
        return cf_kmsd_refuse(c, CF_KX_INVALID_ARN, "Invalid arn %.*s", first_part(rest),
                              (const char *)rest.data);
    case CF_KEY_ID_INVALID:
        break;
    }
    return cf_kmsd_refuse(c, CF_KX_NOT_FOUND, "Invalid keyId '%.*s'", cf_kmsd_shown(id),
                          (const char *)id.data);
}

/* Grants take effect at once, so a token adds nothing; but one that nobody was given is refused. */
CF_MUST_USE cf_result cf_kmsd_check_tokens(cf_kmsd_call *c)
{
    const json_t *tokens = json_object_get(c->in, "GrantTokens");
    for (size_t i = 0; i < json_array_size(tokens); i++) {
        const json_t *j = json_array_get(tokens, i);
        cf_uuid key;
        cf_state_name id;
        cf_view text = cf_view_make(json_string_value(j), json_string_length(j));
        cf_result r = cf_grants_of_token(c->service->grants, text, &key, &id);
        if (r.code == CF_ERR_MALFORMED) {
            return cf_kmsd_refuse(c, CF_KX_INVALID_GRANT_TOKEN, "Invalid grant token");
        }
        CF_TRY(r);
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_kmsd_find_key(cf_kmsd_call *c, cf_name_form form)
{
    CF_TRY(cf_kmsd_check_tokens(c));
    return cf_kmsd_find(c, "KeyId", form, &c->target);
}

/* --- what a key is good for --- */

CF_MUST_USE cf_result cf_kmsd_need_staying(cf_kmsd_call *c, const cf_kmsd_target *t)
{
    if (cf_key_file(t->key)->delete_ms != 0) {
        return cf_kmsd_refuse(c, CF_KX_INVALID_STATE, "%s is pending deletion.", t->arn);
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_kmsd_need_enabled(cf_kmsd_call *c, const cf_kmsd_target *t)
{
    CF_TRY(cf_kmsd_need_staying(c, t));
    if (!cf_key_file(t->key)->enabled) {
        return cf_kmsd_refuse(c, CF_KX_DISABLED, "%s is disabled.", t->arn);
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_kmsd_need_use(cf_kmsd_call *c, const cf_kmsd_target *t, cf_key_use use)
{
    cf_key_use has = cf_key_file(t->key)->use;
    if (has != use) {
        return cf_kmsd_refuse(c, CF_KX_INVALID_KEY_USAGE,
                              "%s key usage is %s which is not valid for %s.", t->arn,
                              cf_use_name(has), c->op->name);
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_kmsd_algorithm(cf_kmsd_call *c, const cf_kmsd_target *t,
                                        const char *member, const char *otherwise,
                                        const cf_algorithm **ret)
{
    const cf_keyfile *k = cf_key_file(t->key);
    bool named = member != NULL && cf_in_has(c->in, member);
    cf_view name = named ? cf_in_text(c->in, member) : cf_view_str(otherwise);
    *ret = cf_algorithm_find(name, k->use);
    if (*ret == NULL || !cf_algorithm_suits(*ret, k->spec, k->use)) {
        return cf_kmsd_refuse(
            c, CF_KX_INVALID_KEY_USAGE, "Algorithm %.*s is incompatible with key spec %s.",
            cf_kmsd_shown(name), (const char *)name.data, cf_spec_info_of(k->spec)->name);
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_kmsd_wait_turn(cf_kmsd_call *c, cf_turns *turns)
{
    if (!c->waits) {
        return cf_ok();
    }
    c->turn = cf_turns_reserve(turns, c->caller);
    return c->turn != NULL ? cf_fail(CF_ERR_BUSY)
                           : cf_kmsd_refuse(c, CF_KX_THROTTLING,
                                            "You have exceeded the rate at which you may call KMS. "
                                            "Reduce the frequency of your calls.");
}

/* --- members of requests --- */

CF_MUST_USE cf_result cf_kmsd_end_dry_run(cf_kmsd_call *c)
{
    if (cf_in_bool(c->in, "DryRun")) {
        return cf_kmsd_refuse(c, CF_KX_DRY_RUN,
                              "The request would have succeeded, but the DryRun option is set.");
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_kmsd_read_context(cf_kmsd_call *c, const char *member,
                                           cf_kmsd_context *ret)
{
    cf_result r = cf_in_context(c->in, member, &c->arena, &ret->pairs, &ret->n, &ret->canonical);
    if (r.code == CF_ERR_SIZE) {
        return cf_kmsd_refuse(c, CF_KX_VALIDATION,
                              "The encryption context is larger than %d octets.",
                              CF_KMSD_CONTEXT_BYTES_MAX);
    }
    ret->read = cf_is_ok(r);
    return r;
}

/* --- pages --- */

/* Base64 of the operation's name, a blank, and the last entry. */
CF_MUST_USE cf_result cf_kmsd_read_page(cf_kmsd_call *c, size_t otherwise, cf_kmsd_page *ret)
{
    CF_BUF(marker);
    *ret = (cf_kmsd_page){.max = (size_t)cf_in_number(c->in, "Limit", otherwise)};
    if (!cf_in_has(c->in, "Marker")) {
        return cf_ok();
    }
    cf_view name = cf_view_str(c->op->name);
    cf_result r = cf_base64_decode(cf_in_text(c->in, "Marker"), &marker);
    CF_REQUIRE(r.code != CF_ERR_NO_MEMORY, NO_MEMORY);
    cf_view head = cf_view_sub(cf_buf_view(&marker), 0, name.len + 1);
    bool ours = cf_is_ok(r) && marker.len > name.len + 1 && head.data[name.len] == ' ' &&
                cf_view_eq(cf_view_sub(head, 0, name.len), name);
    if (!ours || !cf_utf8_ok(cf_buf_view(&marker))) {
        return cf_kmsd_refuse(c, CF_KX_INVALID_MARKER, "Invalid marker");
    }
    size_t skip = name.len + 1;
    return cf_buf_append(&ret->after, cf_view_sub(cf_buf_view(&marker), skip, marker.len - skip));
}

CF_MUST_USE cf_result cf_kmsd_end_page(cf_kmsd_call *c, bool more, cf_view last)
{
    CF_BUF(marker);
    if (more) {
        CF_TRY(cf_buf_append(&marker, cf_view_str(c->op->name)));
        CF_TRY(cf_buf_append(&marker, CF_LIT(" ")));
        CF_TRY(cf_buf_append(&marker, last));
        cf_kmsd_put_blob(c, "NextMarker", cf_buf_view(&marker));
    }
    cf_kmsd_put_bool(c, "Truncated", more);
    return cf_ok();
}
