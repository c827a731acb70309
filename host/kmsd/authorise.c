/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what: the key's policy is asked with all that is known of the request, and then its grants. */
#include <stdio.h>

#include "host/kmsd/call.h"
#include "sys/linux/log.h"

#define PERMISSION_BYTES 64

/* What the names of a key's aliases are kept in while its policy is asked. */
typedef struct {
    cf_alias at[CF_KMSD_ALIASES_PER_KEY_MAX];
    cf_view names[CF_KMSD_ALIASES_PER_KEY_MAX];
    size_t n;
} aliases_of_key;

static void read_aliases(const cf_kmsd_call *c, const cf_key *key, aliases_of_key *ret)
{
    bool more;
    ret->n = cf_aliases_list(c->service->aliases, cf_key_id(key), CF_VIEW_EMPTY,
                             CF_KMSD_ALIASES_PER_KEY_MAX, ret->at, &more);
    for (size_t i = 0; i < ret->n; i++) {
        ret->names[i] = cf_view_str(ret->at[i].name);
    }
}

/* A key that is being made has no target yet: then its facts are left out. */
static void fill_key(const cf_kmsd_target *t, const aliases_of_key *aliases, cf_policy_request *q)
{
    const cf_keyfile *k = cf_key_file(t->key);
    q->key_spec = cf_view_str(cf_spec_info_of(k->spec)->name);
    q->key_usage = cf_view_str(cf_use_name(k->use));
    q->key_origin = CF_LIT("AWS_KMS");
    q->request_alias = cf_view_str(t->alias);
    q->aliases = aliases->names;
    q->aliases_n = aliases->n;
}

cf_policy_decision cf_kmsd_policy_says(const cf_kmsd_call *c, const cf_policy *p,
                                       const char *permission, const cf_kmsd_target *t,
                                       const cf_kmsd_context *context)
{
    char action[PERMISSION_BYTES];
    aliases_of_key aliases;
    (void)snprintf(action, sizeof action, "kms:%s", permission);
    cf_policy_request q = {.action = cf_view_str(action),
                           .caller = cf_view_str(c->caller->arn),
                           .caller_role = cf_view_str(c->caller->role),
                           .account = cf_view_str(c->caller->account),
                           .account_root = cf_view_str(c->caller->root),
                           .context = context->pairs,
                           .context_n = context->n};
    if (t->key != NULL) {
        read_aliases(c, t->key, &aliases);
        fill_key(t, &aliases, &q);
    }
    for (size_t i = 0; c->recipient.given && i < CF_PCR_COUNT; i++) {
        q.pcrs[i] = cf_view_str(c->recipient.pcr_hex[i]);
    }
    return cf_policy_decide(p, &q);
}

cf_grant_ask cf_kmsd_grant_ask(const cf_kmsd_call *c, uint32_t operations,
                               const cf_kmsd_context *context)
{
    return (cf_grant_ask){.operations = operations,
                          .caller = cf_view_str(c->caller->arn),
                          .caller_role = cf_view_str(c->caller->role),
                          .context = context->pairs,
                          .context_n = context->n,
                          .has_context = context->read};
}

CF_MUST_USE cf_result cf_kmsd_refuse_access(cf_kmsd_call *c, const char *permission,
                                            const char *arn, cf_policy_decision why)
{
    if (why == CF_POLICY_TOO_COSTLY) {
        cf_log(CF_LOG_WARN, "policy.too_costly", "key=%s caller=%s permission=%s steps=%d", arn,
               c->caller->arn, permission, CF_POLICY_STEPS_MAX);
        return cf_kmsd_refuse(
            c, CF_KX_ACCESS_DENIED,
            "User: %s is not authorized to perform: kms:%s on resource: %s because "
            "its policy takes too many steps to be evaluated for this request",
            c->caller->arn, permission, arn);
    }
    if (why == CF_POLICY_DENIED) {
        return cf_kmsd_refuse(c, CF_KX_ACCESS_DENIED,
                              "User: %s is not authorized to perform: kms:%s on resource: %s with "
                              "an explicit deny in a resource-based policy",
                              c->caller->arn, permission, arn);
    }
    return cf_kmsd_refuse(c, CF_KX_ACCESS_DENIED,
                          "User: %s is not authorized to perform: kms:%s on resource: %s because "
                          "no resource-based policy allows the kms:%s action",
                          c->caller->arn, permission, arn, permission);
}

static bool is_foreign(const cf_kmsd_call *c)
{
    return !cf_view_eq(cf_view_str(c->caller->account), cf_view_str(c->service->names.account));
}

CF_MUST_USE cf_result cf_kmsd_veil(cf_kmsd_call *c, cf_result r)
{
    if (r.code != CF_ERR_KMS_REFUSED || !c->seeking || !is_foreign(c)) {
        return r;
    }
    return cf_kmsd_refuse(c, CF_KX_ACCESS_DENIED,
                          "User: %s is not authorized to perform: kms:%s on this resource because "
                          "the resource does not exist in this Region, no resource-based policies "
                          "allow access, or a resource-based policy explicitly denies access",
                          c->caller->arn, c->op->name);
}

CF_MUST_USE cf_result cf_kmsd_authorise_for(cf_kmsd_call *c, const char *permission,
                                            const cf_kmsd_target *t, const cf_kmsd_context *context)
{
    cf_policy_decision d = cf_kmsd_policy_says(c, cf_key_policy(t->key), permission, t, context);
    if (d == CF_POLICY_ALLOWED) {
        c->seeking = false;
        return cf_ok();
    }
    uint32_t operation = cf_grant_operation(cf_view_str(permission));
    cf_grant_ask ask = cf_kmsd_grant_ask(c, operation, context);
    if (d == CF_POLICY_NO_ALLOW && operation != 0 &&
        cf_grants_allow(c->service->grants, cf_key_id(t->key), &ask)) {
        c->seeking = false;
        return cf_ok();
    }
    return cf_kmsd_refuse_access(c, permission, t->arn, d);
}

/* What is not about a key is for the account's own, since there is no IAM that could say otherwise. */
static cf_result authorise_for_account(cf_kmsd_call *c)
{
    if (is_foreign(c)) {
        return cf_kmsd_refuse(c, CF_KX_ACCESS_DENIED,
                              "User: %s is not authorized to perform: kms:%s in the account %s",
                              c->caller->arn, c->op->name, c->service->names.account);
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_kmsd_authorise(cf_kmsd_call *c)
{
    return c->target.key == NULL ? authorise_for_account(c)
                                 : cf_kmsd_authorise_for(c, c->op->name, &c->target, &c->context);
}
