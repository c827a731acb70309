/* SPDX-License-Identifier: Apache-2.0 */
#include "host/kmsd/call.h"

#include <stdarg.h>
#include <stdio.h>

#include "host/kmsd/kmsd_priv.h"

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

void cf_kmsd_put_text(cf_kmsd_call *c, const char *name, const char *value)
{
    cf_kms_body_name(&c->out, name);
    cf_kms_body_str(&c->out, cf_view_str(value));
}

/* --- keys --- */

CF_MUST_USE cf_result cf_kmsd_take_key(cf_kmsd_call *c, const cf_key *key)
{
    c->key = key;
    cf_kmsd_key_arn(&c->service->names, cf_key_id(key), c->arn);
    if (!cf_key_available(key)) {
        return cf_kmsd_refuse(c, CF_KX_INTERNAL, "The key is not available.");
    }
    return cf_ok();
}

/* A text of a request as printf takes it, bounded: "%.*s". */
static int shown(cf_view v)
{
    return (int)cf_in_echo(v).len;
}

static cf_result refuse_alias(cf_kmsd_call *c, cf_view id)
{
    const cf_kmsd_names *n = &c->service->names;
    if (id.data[0] == 'a' && id.data[1] == 'r') {
        return cf_kmsd_refuse(c, CF_KX_NOT_FOUND, "Alias %.*s is not found.", shown(id),
                              (const char *)id.data);
    }
    return cf_kmsd_refuse(c, CF_KX_NOT_FOUND, "Alias arn:%s:kms:%s:%s:%.*s is not found.",
                          n->partition, n->region, n->account, shown(id), (const char *)id.data);
}

/* "Key '<arn>' does not exist", of an id that may have come as an ARN already. */
static cf_result refuse_unknown(cf_kmsd_call *c, cf_view id)
{
    const cf_kmsd_names *n = &c->service->names;
    if (id.len >= 4 && cf_view_eq(cf_view_make(id.data, 4), CF_LIT("arn:"))) {
        return cf_kmsd_refuse(c, CF_KX_NOT_FOUND, "Key '%.*s' does not exist", shown(id),
                              (const char *)id.data);
    }
    return cf_kmsd_refuse(c, CF_KX_NOT_FOUND, "Key 'arn:%s:kms:%s:%s:key/%.*s' does not exist",
                          n->partition, n->region, n->account, shown(id), (const char *)id.data);
}

/* The part of a rest up to its next ':'. */
static int first_part(cf_view rest)
{
    size_t n = 0;
    while (n < rest.len && rest.data[n] != ':') {
        n++;
    }
    return shown(cf_view_make(rest.data, n));
}

CF_MUST_USE cf_result cf_kmsd_find_key(cf_kmsd_call *c)
{
    cf_uuid uuid;
    cf_view rest, id = cf_in_text(c->in, "KeyId");
    const cf_key *key = NULL;
    switch (cf_kmsd_key_id(&c->service->names, id, &uuid, &rest)) {
    case CF_KEY_ID_UUID:
        key = cf_keys_find(c->service->keys, &uuid);
        return key != NULL ? cf_kmsd_take_key(c, key) : refuse_unknown(c, id);
    case CF_KEY_ID_OTHER_NAME:
    case CF_KEY_ID_FOREIGN:
        return refuse_unknown(c, id);
    case CF_KEY_ID_ALIAS:
        return refuse_alias(c, id);
    case CF_KEY_ID_BAD_REGION:
        return cf_kmsd_refuse(c, CF_KX_INVALID_ARN, "Invalid arn %.*s", first_part(rest),
                              (const char *)rest.data);
    case CF_KEY_ID_INVALID:
        break;
    }
    return cf_kmsd_refuse(c, CF_KX_NOT_FOUND, "Invalid keyId '%.*s'", shown(id),
                          (const char *)id.data);
}

/* --- authorisation --- */

void cf_kmsd_policy_request(const cf_kmsd_call *c, cf_view action, cf_policy_request *q)
{
    *q = (cf_policy_request){.action = action,
                             .caller = cf_view_str(c->caller->arn),
                             .account = cf_view_str(c->caller->account),
                             .caller_role = cf_view_str(c->caller->role),
                             .account_root = cf_view_str(c->caller->root),
                             .context = c->context,
                             .context_n = c->context_n};
    for (size_t i = 0; c->recipient.given && i < CF_PCR_COUNT; i++) {
        q->pcrs[i] = cf_view_str(c->recipient.pcr_hex[i]);
    }
}

CF_MUST_USE cf_result cf_kmsd_authorise(cf_kmsd_call *c)
{
    char action[64];
    cf_policy_request q;
    (void)snprintf(action, sizeof action, "kms:%s", c->op->name);
    cf_kmsd_policy_request(c, cf_view_str(action), &q);
    const char *why = NULL;
    switch (cf_keys_decide(c->service->keys, c->key, &q)) {
    case CF_POLICY_ALLOWED:
        return cf_ok();
    case CF_POLICY_DENIED:
        why = "with an explicit deny in a resource-based policy";
        break;
    case CF_POLICY_NO_ALLOW:
        break;
    }
    if (why != NULL) {
        return cf_kmsd_refuse(c, CF_KX_ACCESS_DENIED,
                              "User: %s is not authorized to perform: %s on resource: %s %s",
                              c->caller->arn, action, c->arn, why);
    }
    return cf_kmsd_refuse(c, CF_KX_ACCESS_DENIED,
                          "User: %s is not authorized to perform: %s on resource: %s because no "
                          "resource-based policy allows "
                          "the %s action",
                          c->caller->arn, action, c->arn, action);
}

CF_MUST_USE cf_result cf_kmsd_check_tokens(cf_kmsd_call *c)
{
    /* There are no grants, so every token is one that was never given. */
    if (json_array_size(json_object_get(c->in, "GrantTokens")) > 0) {
        return cf_kmsd_refuse(c, CF_KX_INVALID_GRANT_TOKEN, "Invalid grant token");
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_kmsd_end_dry_run(cf_kmsd_call *c)
{
    if (cf_in_bool(c->in, "DryRun")) {
        return cf_kmsd_refuse(c, CF_KX_DRY_RUN,
                              "The request would have succeeded, but the DryRun option is set.");
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_kmsd_read_context(cf_kmsd_call *c)
{
    cf_result r = cf_in_context(c->in, "EncryptionContext", &c->arena, &c->context, &c->context_n,
                                &c->canonical);
    if (r.code == CF_ERR_SIZE) {
        return cf_kmsd_refuse(c, CF_KX_VALIDATION,
                              "The encryption context is larger than %d octets.",
                              CF_KMSD_CONTEXT_BYTES_MAX);
    }
    return r;
}
