/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on grants. */
#include <stdio.h>

#include "core/codec/cbor.h"
#include "host/kmsd/ops.h"

#define LIST_DEFAULT 50

/* --- CreateGrant --- */

static void set_text(char *to, size_t room, cf_view v)
{
    size_t n = v.len < room ? v.len : room - 1; /* the members' bounds are smaller */
    cf_copy(to, v.data, n);
    to[n] = '\0';
}

/* A user, role, session or account of this partition; whether it exists nobody here knows. */
static cf_result check_principal(cf_kmsd_call *c, cf_view v)
{
    char iam[40], sts[40];
    const char *partition = c->service->names.partition;
    int n = snprintf(iam, sizeof iam, "arn:%s:iam::", partition);
    (void)snprintf(sts, sizeof sts, "arn:%s:sts::", partition);
    cf_view head = cf_view_sub(v, 0, (size_t)n);
    bool known = head.len > 0 && v.len > (size_t)n + CF_KMSD_ACCOUNT_BYTES + 1 &&
                 (cf_view_eq(head, cf_view_str(iam)) || cf_view_eq(head, cf_view_str(sts)));
    if (!known) {
        return cf_kmsd_refuse(c, CF_KX_INVALID_ARN, "ARN does not refer to a valid principal: %.*s",
                              cf_kmsd_shown(v), (const char *)v.data);
    }
    return cf_ok();
}

static cf_result read_principals(cf_kmsd_call *c, cf_grant *g)
{
    cf_view grantee = cf_in_text(c->in, "GranteePrincipal");
    cf_view retiring = cf_in_text(c->in, "RetiringPrincipal");
    if (cf_in_has(c->in, "GranteeServicePrincipal") ||
        cf_in_has(c->in, "RetiringServicePrincipal")) {
        return cf_kmsd_refuse(c, CF_KX_UNSUPPORTED,
                              "Service principals are not supported by this service.");
    }
    if (!cf_in_has(c->in, "GranteePrincipal")) {
        return cf_kmsd_refuse(c, CF_KX_VALIDATION, "GranteePrincipal is required.");
    }
    CF_TRY(check_principal(c, grantee));
    set_text(g->grantee, sizeof g->grantee, grantee);
    if (cf_in_has(c->in, "RetiringPrincipal")) {
        CF_TRY(check_principal(c, retiring));
        set_text(g->retiring, sizeof g->retiring, retiring);
    }
    return cf_ok();
}

/* Bits of what a grant of a key may permit. */
static uint32_t possible_operations(const cf_keyfile *k)
{
    static const struct {
        cf_key_use use;
        bool symmetric;
        const char *names[8];
    } rows[] = {
        {CF_USE_ENCRYPT,
         true,
         {"GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "GenerateDataKeyPair",
          "GenerateDataKeyPairWithoutPlaintext", "Decrypt", "Encrypt", "ReEncryptFrom",
          "ReEncryptTo"}},
        {CF_USE_ENCRYPT,
         false,
         {"Decrypt", "Encrypt", "ReEncryptFrom", "ReEncryptTo", "GetPublicKey"}},
        {CF_USE_SIGN, false, {"Sign", "Verify", "GetPublicKey"}},
        {CF_USE_MAC, true, {"GenerateMac", "VerifyMac"}},
        {CF_USE_AGREE, false, {"DeriveSharedSecret", "GetPublicKey"}},
    };
    bool symmetric = cf_spec_info_of(k->spec)->secret_bytes != 0;
    uint32_t bits = cf_grant_operation(CF_LIT("CreateGrant")) |
                    cf_grant_operation(CF_LIT("RetireGrant")) |
                    cf_grant_operation(CF_LIT("DescribeKey"));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (size_t j = 0; rows[i].use == k->use && rows[i].symmetric == symmetric && j < 8; j++) {
            bits |=
                rows[i].names[j] == NULL ? 0 : cf_grant_operation(cf_view_str(rows[i].names[j]));
        }
    }
    return bits;
}

static cf_result read_operations(cf_kmsd_call *c, cf_grant *g)
{
    const json_t *list = json_object_get(c->in, "Operations");
    uint32_t possible = possible_operations(cf_kmsd_file(c));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *j = json_array_get(list, i);
        cf_view name = cf_view_make(json_string_value(j), json_string_length(j));
        uint32_t bit = cf_grant_operation(name);
        if ((bit & possible) == 0) {
            return cf_kmsd_refuse(c, CF_KX_VALIDATION,
                                  "The operation %.*s is not valid for a grant of this KMS key.",
                                  cf_kmsd_shown(name), (const char *)name.data);
        }
        g->operations |= bit;
    }
    return cf_ok();
}

static cf_result read_limit(cf_kmsd_call *c, cf_grant *g)
{
    const json_t *in = json_object_get(c->in, "Constraints");
    const cf_policy_pair *pairs;
    size_t n;
    bool subset = cf_in_has(in, "EncryptionContextSubset");
    bool equals = cf_in_has(in, "EncryptionContextEquals");
    if (cf_in_has(in, "SourceArn")) {
        return cf_kmsd_refuse(c, CF_KX_UNSUPPORTED,
                              "The constraint SourceArn is not supported by this service.");
    }
    if (!subset && !equals) {
        return cf_ok();
    }
    if ((subset && equals) || cf_kmsd_file(c)->spec != CF_SPEC_SYMMETRIC) {
        return cf_kmsd_refuse(c, CF_KX_VALIDATION,
                              "A grant takes one encryption context constraint at most, and only "
                              "for a symmetric encryption key.");
    }
    g->limit = subset ? CF_GRANT_SUBSET : CF_GRANT_EQUALS;
    cf_result r = cf_in_context(in, subset ? "EncryptionContextSubset" : "EncryptionContextEquals",
                                &c->arena, &pairs, &n, &g->context);
    if (r.code == CF_ERR_SIZE || (cf_is_ok(r) && n == 0)) {
        return cf_kmsd_refuse(c, CF_KX_VALIDATION,
                              "The encryption context of a constraint is empty or larger than %d "
                              "octets.",
                              CF_KMSD_CONTEXT_BYTES_MAX);
    }
    return r;
}

/* Who may make grants by the policy makes any; who may by a grant, only such as are no looser. */
static cf_result authorise_grant(cf_kmsd_call *c, const cf_grant *g)
{
    cf_policy_decision d =
        cf_kmsd_policy_says(c, cf_key_policy(c->target.key), c->op->name, &c->target, &c->context);
    cf_grant_ask ask = cf_kmsd_grant_ask(c, cf_grant_operation(CF_LIT("CreateGrant")), &c->context);
    if (d == CF_POLICY_ALLOWED ||
        (d == CF_POLICY_NO_ALLOW &&
         cf_grants_allow_child(c->service->grants, cf_key_id(c->target.key), &ask, g))) {
        c->seeking = false;
        return cf_ok();
    }
    return cf_kmsd_refuse_access(c, c->op->name, c->target.arn, d);
}

static cf_result read_grant(cf_kmsd_call *c, cf_grant *g)
{
    g->key = *cf_key_id(c->target.key);
    g->created_ms = c->now_ms;
    CF_TRY(read_principals(c, g));
    CF_TRY(read_operations(c, g));
    CF_TRY(read_limit(c, g));
    set_text(g->name, sizeof g->name, cf_in_text(c->in, "Name"));
    (void)snprintf(g->issuer, sizeof g->issuer, "arn:%s:iam::%s:root", c->service->names.partition,
                   c->caller->account);
    return cf_ok();
}

cf_result cf_op_create_grant(cf_kmsd_call *c)
{
    CF_BUF(token);
    CF_AUTO(cf_grant_clear) cf_grant g = {.created_ms = 0};
    CF_TRY(cf_kmsd_find_key(c, CF_NAME_KEY));
    CF_TRY(read_grant(c, &g));
    CF_TRY(authorise_grant(c, &g));
    CF_TRY(cf_kmsd_need_enabled(c, &c->target));
    CF_TRY(cf_kmsd_end_dry_run(c));
    cf_result r = cf_grants_add(c->service->grants, &g, &c->grant);
    if (r.code == CF_ERR_LIMIT) {
        return cf_kmsd_refuse(c, CF_KX_LIMIT_EXCEEDED, "There are too many grants already.");
    }
    CF_TRY(r);
    CF_TRY(cf_grants_token(c->service->grants, cf_key_id(c->target.key), cf_view_str(c->grant.text),
                           &token));
    cf_kmsd_put_view(c, "GrantToken", cf_buf_view(&token));
    cf_kmsd_put_text(c, "GrantId", c->grant.text);
    return cf_ok();
}

/* --- lists --- */

static void put_limit(cf_kmsd_call *c, const cf_grant *g)
{
    cf_cbor in = cf_cbor_strict(cf_buf_view(&g->context));
    cf_kms_body_name(&c->out, "Constraints");
    cf_kms_body_open(&c->out, '{');
    cf_kms_body_name(&c->out, g->limit == CF_GRANT_SUBSET ? "EncryptionContextSubset"
                                                          : "EncryptionContextEquals");
    cf_kms_body_open(&c->out, '{');
    cf_cbor_map(&in);
    while (cf_cbor_more(&in)) {
        cf_view name = cf_cbor_text(&in), value = cf_cbor_text(&in);
        cf_kms_body_member(&c->out, name);
        cf_kms_body_str(&c->out, value);
    }
    cf_kms_body_close(&c->out, '}');
    cf_kms_body_close(&c->out, '}');
}

/* What a page of grants is written into, and what it ended with. */
typedef struct {
    cf_kmsd_call *c;
    cf_uuid key;
    cf_state_name id;
} grant_page;

static void put_grant(void *ctx, const cf_grant *g)
{
    grant_page *page = ctx;
    cf_kmsd_call *c = page->c;
    char arn[CF_KMSD_ARN_BYTES_MAX];
    page->key = g->key;
    page->id = g->id;
    cf_kmsd_key_arn(&c->service->names, &g->key, arn);
    cf_kms_body_open(&c->out, '{');
    cf_kmsd_put_text(c, "KeyId", arn);
    cf_kmsd_put_text(c, "GrantId", g->id.text);
    cf_kmsd_put_text(c, "Name", g->name);
    cf_kmsd_put_time(c, "CreationDate", g->created_ms);
    cf_kmsd_put_text(c, "GranteePrincipal", g->grantee);
    if (g->retiring[0] != '\0') {
        cf_kmsd_put_text(c, "RetiringPrincipal", g->retiring);
    }
    cf_kmsd_put_text(c, "IssuingAccount", g->issuer);
    cf_kms_body_name(&c->out, "Operations");
    cf_kms_body_open(&c->out, '[');
    for (unsigned bit = 0; bit < CF_GRANT_OPERATIONS_COUNT; bit++) {
        if ((g->operations >> bit & 1) != 0) {
            cf_kms_body_str(&c->out, cf_view_str(cf_grant_operation_name(bit)));
        }
    }
    cf_kms_body_close(&c->out, ']');
    if (g->limit != CF_GRANT_ANY) {
        put_limit(c, g);
    }
    cf_kms_body_close(&c->out, '}');
}

/* A marker is the key's id and the grant's, in one text. */
static cf_result read_marker(cf_kmsd_call *c, const cf_kmsd_page *page, cf_uuid *key,
                             cf_grant_query *q)
{
    cf_view after = cf_buf_view(&page->after);
    if (after.len == 0) {
        return cf_ok();
    }
    if (!cf_is_ok(cf_uuid_parse(cf_view_sub(after, 0, CF_UUID_TEXT_BYTES), key))) {
        return cf_kmsd_refuse(c, CF_KX_INVALID_MARKER, "Invalid marker");
    }
    q->after_key = key;
    q->after = cf_view_sub(after, CF_UUID_TEXT_BYTES, after.len - CF_UUID_TEXT_BYTES);
    return cf_ok();
}

static cf_result list(cf_kmsd_call *c, cf_grant_query *q)
{
    CF_BUF(last);
    CF_AUTO(cf_kmsd_page_clear) cf_kmsd_page page = {.max = 0};
    grant_page written = {.c = c};
    cf_uuid after_key;
    CF_TRY(cf_kmsd_read_page(c, LIST_DEFAULT, &page));
    CF_TRY(read_marker(c, &page, &after_key, q));
    q->max = page.max;
    cf_kms_body_name(&c->out, "Grants");
    cf_kms_body_open(&c->out, '[');
    bool more = cf_grants_list(c->service->grants, q, put_grant, &written);
    cf_kms_body_close(&c->out, ']');
    CF_TRY(cf_buf_append(&last, cf_uuid_view(&written.key)));
    CF_TRY(cf_buf_append(&last, cf_view_str(written.id.text)));
    return cf_kmsd_end_page(c, more, cf_buf_view(&last));
}

/* 64 hex digits: whatever else a request has in their place is the id of no grant that was ever given. */
static cf_result check_id(cf_kmsd_call *c, cf_view id)
{
    bool ok = id.len == (size_t)2 * CF_DIGEST_NAME_BYTES;
    for (size_t i = 0; ok && i < id.len; i++) {
        uint8_t digit = id.data[i];
        ok = (digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f');
    }
    if (!ok) {
        return cf_kmsd_refuse(c, CF_KX_INVALID_GRANT_ID, "Invalid grantId '%.*s'",
                              cf_kmsd_shown(id), (const char *)id.data);
    }
    return cf_ok();
}

cf_result cf_op_list_grants(cf_kmsd_call *c)
{
    CF_TRY(cf_kmsd_find_key(c, CF_NAME_KEY));
    CF_TRY(cf_kmsd_authorise(c));
    if (cf_in_has(c->in, "GrantId")) {
        CF_TRY(check_id(c, cf_in_text(c->in, "GrantId")));
    }
    cf_grant_query q = {.key = cf_key_id(c->target.key),
                        .id = cf_in_text(c->in, "GrantId"),
                        .grantee = cf_in_text(c->in, "GranteePrincipal")};
    return list(c, &q);
}

cf_result cf_op_list_retirable_grants(cf_kmsd_call *c)
{
    cf_grant_query q = {.retiring = cf_in_text(c->in, "RetiringPrincipal")};
    CF_TRY(cf_kmsd_authorise(c));
    if (q.retiring.len == 0) {
        return cf_kmsd_refuse(c, CF_KX_VALIDATION, "RetiringPrincipal is required.");
    }
    return list(c, &q);
}

/* --- taking grants back --- */

static cf_result remove_grant(cf_kmsd_call *c, cf_view id)
{
    set_text(c->grant.text, sizeof c->grant.text, id);
    CF_TRY(cf_kmsd_end_dry_run(c));
    return cf_grants_remove(c->service->grants, cf_key_id(c->target.key), id);
}

/* One grant by its id, as its list tells it. */
typedef struct {
    bool found, by_retirer, by_grantee;
    const cf_kmsd_call *c;
} grant_facts;

static void look_at_grant(void *ctx, const cf_grant *g)
{
    grant_facts *facts = ctx;
    const cf_kmsd_caller *caller = facts->c->caller;
    cf_view arn = cf_view_str(caller->arn), role = cf_view_str(caller->role);
    cf_view grantee = cf_view_str(g->grantee), retirer = cf_view_str(g->retiring);
    facts->found = true;
    facts->by_retirer = cf_view_eq(retirer, arn) || (role.len > 0 && cf_view_eq(retirer, role));
    facts->by_grantee = (g->operations & cf_grant_operation(CF_LIT("RetireGrant"))) != 0 &&
                        (cf_view_eq(grantee, arn) || (role.len > 0 && cf_view_eq(grantee, role)));
}

static cf_result find_grant(cf_kmsd_call *c, cf_view id, grant_facts *ret)
{
    *ret = (grant_facts){.c = c};
    const cf_grant_query q = {.key = cf_key_id(c->target.key), .id = id, .max = 1};
    (void)cf_grants_list(c->service->grants, &q, look_at_grant, ret);
    if (!ret->found) {
        return cf_kmsd_refuse(c, CF_KX_NOT_FOUND, "Grant with grant ID %.*s does not exist.",
                              cf_kmsd_shown(id), (const char *)id.data);
    }
    return cf_ok();
}

cf_result cf_op_revoke_grant(cf_kmsd_call *c)
{
    grant_facts facts;
    cf_view id = cf_in_text(c->in, "GrantId");
    CF_TRY(cf_kmsd_find_key(c, CF_NAME_KEY));
    CF_TRY(cf_kmsd_authorise(c));
    CF_TRY(check_id(c, id));
    CF_TRY(find_grant(c, id, &facts));
    return remove_grant(c, id);
}

/* By a token, or by key and id. */
static cf_result find_retired(cf_kmsd_call *c, cf_state_name *ret_id)
{
    cf_uuid uuid;
    bool by_token = cf_in_has(c->in, "GrantToken");
    bool by_id = cf_in_has(c->in, "KeyId") && cf_in_has(c->in, "GrantId");
    if (by_token == by_id || (by_token && cf_in_has(c->in, "GrantId"))) {
        return cf_kmsd_refuse(c, CF_KX_VALIDATION,
                              "Specify either GrantToken, or KeyId and GrantId.");
    }
    if (by_id) {
        cf_view id = cf_in_text(c->in, "GrantId");
        CF_TRY(check_id(c, id));
        set_text(ret_id->text, sizeof ret_id->text, id);
        return cf_kmsd_find(c, "KeyId", CF_NAME_KEY, &c->target);
    }
    cf_result r =
        cf_grants_of_token(c->service->grants, cf_in_text(c->in, "GrantToken"), &uuid, ret_id);
    if (r.code == CF_ERR_MALFORMED) {
        return cf_kmsd_refuse(c, CF_KX_INVALID_GRANT_TOKEN, "Invalid grant token");
    }
    CF_TRY(r);
    c->seeking = true;
    const cf_key *key = cf_keys_find(c->service->keys, &uuid, c->now_ms);
    if (key == NULL) {
        return cf_kmsd_refuse(c, CF_KX_INVALID_GRANT_TOKEN, "Invalid grant token");
    }
    return cf_kmsd_take_key(c, &key, &c->target);
}

cf_result cf_op_retire_grant(cf_kmsd_call *c)
{
    cf_state_name id = {""};
    grant_facts facts;
    CF_TRY(find_retired(c, &id));
    CF_TRY(find_grant(c, cf_view_str(id.text), &facts));
    if (!facts.by_retirer && !facts.by_grantee) {
        CF_TRY(cf_kmsd_authorise(c));
    }
    c->seeking = false;
    return remove_grant(c, cf_view_str(id.text));
}
