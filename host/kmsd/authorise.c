/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what: the key's policy is asked with all that is known of the request, and then its grants. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "host/kmsd/call.h"
#include "sys/linux/log.h"

#define PERMISSION_BYTES 64
#define NUMBER_BYTES 24

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

/* --- parameters of requests that conditions can ask for --- */

/* By permission: the member that has it (NULL: none), and what it is when the request has none (NULL: absent, too). */
static const struct {
    const char *permission;
    cf_policy_parameter parameter;
    const char *member, *otherwise;
} parameters[] = {
    {"CreateGrant", CF_POLICY_GRANTEE, "GranteePrincipal", NULL},
    {"CreateGrant", CF_POLICY_RETIRING, "RetiringPrincipal", NULL},
    {"Decrypt", CF_POLICY_ENCRYPTION_ALGORITHM, "EncryptionAlgorithm", "SYMMETRIC_DEFAULT"},
    {"DeriveSharedSecret", CF_POLICY_KEY_AGREEMENT_ALGORITHM, "KeyAgreementAlgorithm", NULL},
    {"EnableKeyRotation", CF_POLICY_ROTATION_PERIOD, "RotationPeriodInDays", "365"},
    {"Encrypt", CF_POLICY_ENCRYPTION_ALGORITHM, "EncryptionAlgorithm", "SYMMETRIC_DEFAULT"},
    {"GenerateDataKey", CF_POLICY_ENCRYPTION_ALGORITHM, NULL, "SYMMETRIC_DEFAULT"},
    {"GenerateDataKeyPair", CF_POLICY_DATA_KEY_PAIR_SPEC, "KeyPairSpec", NULL},
    {"GenerateDataKeyPair", CF_POLICY_ENCRYPTION_ALGORITHM, NULL, "SYMMETRIC_DEFAULT"},
    {"GenerateDataKeyPairWithoutPlaintext", CF_POLICY_DATA_KEY_PAIR_SPEC, "KeyPairSpec", NULL},
    {"GenerateDataKeyPairWithoutPlaintext", CF_POLICY_ENCRYPTION_ALGORITHM, NULL,
     "SYMMETRIC_DEFAULT"},
    {"GenerateDataKeyWithoutPlaintext", CF_POLICY_ENCRYPTION_ALGORITHM, NULL, "SYMMETRIC_DEFAULT"},
    {"GenerateMac", CF_POLICY_MAC_ALGORITHM, "MacAlgorithm", NULL},
    {"ReEncryptFrom", CF_POLICY_ENCRYPTION_ALGORITHM, "SourceEncryptionAlgorithm",
     "SYMMETRIC_DEFAULT"},
    {"ReEncryptTo", CF_POLICY_ENCRYPTION_ALGORITHM, "DestinationEncryptionAlgorithm",
     "SYMMETRIC_DEFAULT"},
    {"ScheduleKeyDeletion", CF_POLICY_DELETION_WINDOW, "PendingWindowInDays", "30"},
    {"Sign", CF_POLICY_MESSAGE_TYPE, "MessageType", "RAW"},
    {"Sign", CF_POLICY_SIGNING_ALGORITHM, "SigningAlgorithm", NULL},
    {"Verify", CF_POLICY_MESSAGE_TYPE, "MessageType", "RAW"},
    {"Verify", CF_POLICY_SIGNING_ALGORITHM, "SigningAlgorithm", NULL},
    {"VerifyMac", CF_POLICY_MAC_ALGORITHM, "MacAlgorithm", NULL},
};

/* What parameters are kept in that are no text of the request. */
typedef struct {
    char number[NUMBER_BYTES]; /* a request has one at most */
    cf_view operations[CF_GRANT_OPERATIONS_COUNT];
} parameter_room;

static void fill_parameters(const cf_kmsd_call *c, const char *permission, parameter_room *room,
                            cf_policy_request *q)
{
    for (size_t i = 0; i < sizeof parameters / sizeof parameters[0]; i++) {
        if (strcmp(parameters[i].permission, permission) != 0) {
            continue;
        }
        const char *member = parameters[i].member;
        cf_view *value = &q->parameters[parameters[i].parameter];
        *value = cf_view_str(parameters[i].otherwise);
        if (member != NULL && json_is_integer(json_object_get(c->in, member))) {
            (void)snprintf(room->number, sizeof room->number, "%" PRIu64,
                           cf_in_number(c->in, member, 0));
            *value = cf_view_str(room->number);
        } else if (member != NULL && cf_in_has(c->in, member)) {
            *value = cf_in_text(c->in, member);
        }
    }
}

/* Each operation once, however often it is listed. */
static void fill_grant(const cf_kmsd_call *c, parameter_room *room, cf_policy_request *q)
{
    const json_t *limits = json_object_get(c->in, "Constraints");
    const json_t *list = json_object_get(c->in, "Operations");
    uint32_t bits = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *j = json_array_get(list, i);
        bits |= cf_grant_operation(cf_view_make(json_string_value(j), json_string_length(j)));
    }
    q->grant_operations = room->operations;
    for (unsigned bit = 0; bit < CF_GRANT_OPERATIONS_COUNT; bit++) {
        if ((bits >> bit & 1) != 0) {
            room->operations[q->grant_operations_n] = cf_view_str(cf_grant_operation_name(bit));
            q->grant_operations_n++;
        }
    }
    q->parameters[CF_POLICY_GRANT_CONSTRAINT] =
        cf_in_has(limits, "EncryptionContextEquals")   ? CF_LIT("EncryptionContextEquals")
        : cf_in_has(limits, "EncryptionContextSubset") ? CF_LIT("EncryptionContextSubset")
                                                       : CF_VIEW_EMPTY;
}

/* --- who may do what --- */

cf_policy_decision cf_kmsd_policy_says(const cf_kmsd_call *c, const cf_policy *p,
                                       const char *permission, const cf_kmsd_target *t,
                                       const cf_kmsd_context *context)
{
    char action[PERMISSION_BYTES];
    aliases_of_key aliases;
    parameter_room room;
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
    fill_parameters(c, permission, &room, &q);
    if (strcmp(permission, "CreateGrant") == 0) {
        fill_grant(c, &room, &q);
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
