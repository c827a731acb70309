/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on principals: docs/formats/kms-principals.md section 3. */
#include <stdio.h>

#include "host/kmsd/ops.h"
#include "sys/linux/log.h"

#define SESSION_S_DEFAULT 3600

static cf_view text_or(const cf_kmsd_call *c, const char *name, const char *otherwise)
{
    return cf_in_has(c->in, name) ? cf_in_text(c->in, name) : cf_view_str(otherwise);
}

static cf_result refuse_name(cf_kmsd_call *c, const char *member)
{
    return cf_kmsd_refuse(c, CF_KX_VALIDATION,
                          "%s must be 1 to %d letters, digits and characters of +=,.@_-.", member,
                          CF_KMSD_NAME_BYTES_MAX);
}

static cf_result refuse_missing(cf_kmsd_call *c)
{
    return cf_kmsd_refuse(c, CF_KX_NOT_FOUND, "There is no such principal.");
}

/* Copies a text that has been found to fit. */
static void set_text(char *to, cf_view text)
{
    cf_copy(to, text.data, text.len);
    to[text.len] = '\0';
}

/* Name and account, which is the service's own unless another is given. */
static cf_result read_name(cf_kmsd_call *c, cf_principal *p)
{
    cf_view name = cf_in_text(c->in, "Name");
    cf_view account = text_or(c, "Account", c->service->names.account);
    if (!cf_principal_name_ok(name)) {
        return refuse_name(c, "Name");
    }
    if (!cf_principal_account_ok(account)) {
        return cf_kmsd_refuse(c, CF_KX_VALIDATION, "Account must be 12 digits.");
    }
    set_text(p->name, name);
    set_text(p->account, account);
    return cf_ok();
}

/* For the audit log: whom the request is about. */
static void note_principal(cf_kmsd_call *c, const cf_principal *p)
{
    cf_principal_arn(c->service->names.partition, p, c->principal);
}

/* The access key that the request brings, or a new one. */
static cf_result take_access_key(cf_kmsd_call *c, cf_principal *p)
{
    cf_view id = cf_in_text(c->in, "AccessKeyId"), secret = cf_in_text(c->in, "SecretAccessKey");
    if (id.len == 0 && secret.len == 0) {
        return cf_principal_make_key("AKIA", p->access_key_id, &p->secret);
    }
    if (!cf_principal_key_id_ok(id) || secret.len < CF_KMSD_ACCESS_SECRET_BYTES_MIN ||
        secret.len > CF_KMSD_ACCESS_SECRET_BYTES_MAX) {
        return cf_kmsd_refuse(c, CF_KX_VALIDATION,
                              "AccessKeyId must be up to %d letters and digits, and "
                              "SecretAccessKey %d to %d octets.",
                              CF_KMSD_ACCESS_KEY_BYTES_MAX, CF_KMSD_ACCESS_SECRET_BYTES_MIN,
                              CF_KMSD_ACCESS_SECRET_BYTES_MAX);
    }
    set_text(p->access_key_id, id);
    return cf_secret_set(&p->secret, secret);
}

static void put_principal(cf_kmsd_call *c, const cf_principal *p)
{
    char arn[CF_KMSD_CALLER_BYTES_MAX];
    cf_principal_arn(c->service->names.partition, p, arn);
    cf_kmsd_put_text(c, "Arn", arn);
    if (p->kind == CF_PRINCIPAL_USER) {
        cf_kmsd_put_text(c, "AccessKeyId", p->access_key_id);
    }
    cf_kms_body_name(&c->out, "CreationDate");
    cf_kms_body_time(&c->out, p->created_ms);
}

static void put_secret(cf_kmsd_call *c, const cf_secret *secret)
{
    cf_kms_body_name(&c->out, "SecretAccessKey");
    cf_kms_body_str(&c->out, cf_secret_view(secret));
}

static cf_result add(cf_kmsd_call *c, cf_principal *p)
{
    p->created_ms = c->now_ms;
    CF_TRY(read_name(c, p));
    note_principal(c, p);
    if (p->kind == CF_PRINCIPAL_USER) {
        CF_TRY(take_access_key(c, p));
    }
    cf_result r = cf_principals_add(c->service->principals, p);
    if (r.code == CF_ERR_EXISTS) {
        return cf_kmsd_refuse(c, CF_KX_VALIDATION,
                              "There is such a role, or such an access key, already.");
    }
    if (r.code == CF_ERR_LIMIT) {
        return cf_kmsd_refuse(c, CF_KX_LIMIT_EXCEEDED, "There are %d principals already.",
                              CF_KMSD_PRINCIPALS_MAX);
    }
    CF_TRY(r);
    cf_log(CF_LOG_INFO, "principal.made", "kind=%s name=%s account=%s access_key=%s",
           p->kind == CF_PRINCIPAL_USER ? "user" : "role", p->name, p->account,
           p->access_key_id[0] != '\0' ? p->access_key_id : "-");
    put_principal(c, p);
    if (p->kind == CF_PRINCIPAL_USER) {
        put_secret(c, &p->secret);
    }
    return cf_ok();
}

static cf_result create_access_key(cf_kmsd_call *c)
{
    CF_AUTO(cf_principal_wipe) cf_principal p = {.kind = CF_PRINCIPAL_USER};
    return add(c, &p);
}

static cf_result create_role(cf_kmsd_call *c)
{
    CF_AUTO(cf_principal_wipe) cf_principal p = {.kind = CF_PRINCIPAL_ROLE};
    return add(c, &p);
}

static cf_result list_principals(cf_kmsd_call *c)
{
    cf_kms_body_name(&c->out, "Principals");
    cf_kms_body_open(&c->out, '[');
    cf_principal p;
    for (size_t i = 0; cf_is_ok(cf_principals_at(c->service->principals, i, &p)); i++) {
        cf_kms_body_open(&c->out, '{');
        put_principal(c, &p);
        cf_kms_body_close(&c->out, '}');
    }
    cf_kms_body_close(&c->out, ']');
    return cf_ok();
}

static cf_result removed(cf_kmsd_call *c, cf_result r, const char *kind, const char *name)
{
    if (r.code == CF_ERR_NOT_FOUND) {
        return refuse_missing(c);
    }
    CF_TRY(r);
    cf_log(CF_LOG_INFO, "principal.removed", "kind=%s name=%s", kind, name);
    return cf_ok();
}

static cf_result delete_access_key(cf_kmsd_call *c)
{
    cf_view id = cf_in_text(c->in, "AccessKeyId");
    char text[CF_KMSD_ACCESS_KEY_BYTES_MAX + 1];
    if (!cf_principal_key_id_ok(id)) {
        return refuse_missing(c);
    }
    set_text(text, id);
    set_text(c->principal, id);
    return removed(c, cf_principals_remove_key(c->service->principals, id), "access_key", text);
}

static cf_result delete_role(cf_kmsd_call *c)
{
    cf_principal p = {.kind = CF_PRINCIPAL_ROLE};
    CF_TRY(read_name(c, &p));
    note_principal(c, &p);
    return removed(c,
                   cf_principals_remove_role(c->service->principals, cf_view_str(p.name),
                                             cf_view_str(p.account)),
                   "role", p.name);
}

/* What AssumeRole gives, without the question who may: the local caller says so. */
static cf_result create_session(cf_kmsd_call *c)
{
    CF_AUTO(cf_principal_wipe) cf_principal role = {.kind = CF_PRINCIPAL_ROLE};
    CF_AUTO(cf_session_wipe) cf_session s = {.access_key_id = ""};
    CF_BUF(token);
    cf_view name = text_or(c, "SessionName", "session");
    CF_TRY(read_name(c, &role));
    note_principal(c, &role);
    if (!cf_principal_name_ok(name)) {
        return refuse_name(c, "SessionName");
    }
    set_text(s.role, cf_view_str(role.name));
    set_text(s.account, cf_view_str(role.account));
    set_text(s.name, name);
    if (!cf_is_ok(cf_principals_by_role(c->service->principals, cf_view_str(s.role),
                                        cf_view_str(s.account), &role))) {
        return refuse_missing(c);
    }
    s.role_created_ms = role.created_ms;
    s.expires_ms = c->now_ms + 1000 * cf_in_number(c->in, "DurationSeconds", SESSION_S_DEFAULT);
    CF_TRY(cf_principal_make_key("ASIA", s.access_key_id, &s.secret));
    CF_TRY(cf_session_seal(&c->service->session_key, &s, &token));
    cf_log(CF_LOG_INFO, "session.made", "role=%s account=%s session=%s access_key=%s", s.role,
           s.account, s.name, s.access_key_id);
    cf_kmsd_put_text(c, "AccessKeyId", s.access_key_id);
    put_secret(c, &s.secret);
    cf_kms_body_name(&c->out, "SessionToken");
    cf_kms_body_str(&c->out, cf_buf_view(&token));
    cf_kms_body_name(&c->out, "Expiration");
    cf_kms_body_time(&c->out, s.expires_ms);
    return cf_ok();
}

/* --- the table --- */

#define TEXT(name, required, max)                                                                  \
    {                                                                                              \
        name, CF_IN_TEXT, required, 1, max, NULL, NULL, NULL                                       \
    }
#define END                                                                                        \
    {                                                                                              \
        NULL, CF_IN_TEXT, false, 0, 0, NULL, NULL, NULL                                            \
    }

static const cf_in_member access_key_members[] = {
    TEXT("Name", true, CF_KMSD_NAME_BYTES_MAX),
    TEXT("Account", false, CF_KMSD_ACCOUNT_BYTES),
    TEXT("AccessKeyId", false, CF_KMSD_ACCESS_KEY_BYTES_MAX),
    TEXT("SecretAccessKey", false, CF_KMSD_ACCESS_SECRET_BYTES_MAX),
    END,
};
static const cf_in_member role_members[] = {TEXT("Name", true, CF_KMSD_NAME_BYTES_MAX),
                                            TEXT("Account", false, CF_KMSD_ACCOUNT_BYTES), END};
static const cf_in_member id_members[] = {TEXT("AccessKeyId", true, CF_KMSD_ACCESS_KEY_BYTES_MAX),
                                          END};
static const cf_in_member session_members[] = {
    TEXT("Name", true, CF_KMSD_NAME_BYTES_MAX),
    TEXT("Account", false, CF_KMSD_ACCOUNT_BYTES),
    TEXT("SessionName", false, CF_KMSD_NAME_BYTES_MAX),
    {"DurationSeconds", CF_IN_NUMBER, false, 1, CF_KMSD_SESSION_S_MAX, NULL, NULL, NULL},
    END,
};
static const cf_in_member no_members[] = {END};

const cf_kmsd_op cf_kmsd_admin_ops[] = {
    {"CreateAccessKey", create_access_key, access_key_members, CF_OP_CHANGES},
    {"CreateRole", create_role, role_members, CF_OP_CHANGES},
    {"CreateSession", create_session, session_members, CF_OP_CHANGES},
    {"DeleteAccessKey", delete_access_key, id_members, CF_OP_CHANGES},
    {"DeleteRole", delete_role, role_members, CF_OP_CHANGES},
    {"ListPrincipals", list_principals, no_members, 0},
    {NULL, NULL, NULL, 0},
};
