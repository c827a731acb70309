/* SPDX-License-Identifier: Apache-2.0 */
#include "host/kmsd/auth.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/codec/base64.h"
#include "core/crypto/primitives.h"
#include "host/kmsd/kmsd_priv.h"

#define SERVICE "kms"
#define MESSAGE_BYTES_MAX 512

static CF_MUST_USE cf_result deny(cf_kmsd_denial *d, cf_kx x, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static CF_MUST_USE cf_result deny(cf_kmsd_denial *d, cf_kx x, const char *format, ...)
{
    char text[MESSAGE_BYTES_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    d->exception = x;
    CF_TRY(cf_buf_set(&d->message, cf_view_str(text)));
    return cf_fail(CF_ERR_UNAUTHENTICATED);
}

/* An unknown key, a session token that is none, or one that belongs to another key: they are not told apart. */
static cf_result deny_unknown(cf_kmsd_denial *d)
{
    return deny(d, CF_KX_UNRECOGNIZED_CLIENT,
                "The security token included in the request is invalid.");
}

/* --- where a signature stops --- */

/* "... is now earlier than ...", with the bound that the request has passed. */
static cf_result deny_time(const cf_sigv4_claim *c, uint64_t now_s, bool expired, cf_kmsd_denial *d)
{
    char bound[CF_SIGV4_DATE_BYTES + 1], now[CF_SIGV4_DATE_BYTES + 1];
    CF_TRY(cf_sigv4_date(now_s, now));
    if (expired && c->query_form) {
        return deny(d, CF_KX_INVALID_SIGNATURE, "Signature expired: the request was good for %u s.",
                    c->expires_s);
    }
    CF_TRY(cf_sigv4_date(expired ? now_s - CF_SIGV4_SKEW_S : now_s + CF_SIGV4_SKEW_S, bound));
    return deny(d, CF_KX_INVALID_SIGNATURE, "Signature %s: %.*s is %s than %s (%s %c %d min.)",
                expired ? "expired" : "not yet current", (int)c->date.len,
                (const char *)c->date.data, expired ? "now earlier" : "still later", bound, now,
                expired ? '-' : '+', CF_SIGV4_SKEW_S / 60);
}

static cf_result deny_verdict(const cf_kmsd *s, cf_sigv4_verdict v, const cf_sigv4_claim *c,
                              uint64_t now_s, cf_kmsd_denial *d)
{
    switch (v) {
    case CF_SIGV4_UNSIGNED:
        return deny(d, CF_KX_MISSING_AUTHENTICATION, "Missing Authentication Token");
    case CF_SIGV4_INCOMPLETE:
        return deny(d, CF_KX_INCOMPLETE_SIGNATURE,
                    "The request needs one signature of AWS4-HMAC-SHA256 with Credential, "
                    "SignedHeaders, Signature and X-Amz-Date.");
    case CF_SIGV4_HEADER_UNSIGNED:
        return deny(d, CF_KX_INVALID_SIGNATURE,
                    "'Host' and every header 'X-Amz-...' must be a 'SignedHeader' in the AWS "
                    "Authorization.");
    case CF_SIGV4_SCOPE_DATE:
        return deny(d, CF_KX_INVALID_SIGNATURE,
                    "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of "
                    "date from HTTP: '%.*s' != '%.8s'.",
                    (int)c->scope_date.len, (const char *)c->scope_date.data,
                    (const char *)c->date.data);
    case CF_SIGV4_SCOPE_REGION:
        return deny(d, CF_KX_INVALID_SIGNATURE,
                    "Credential should be scoped to a valid region; this one is '%s'.",
                    s->names.region);
    case CF_SIGV4_SCOPE_SERVICE:
        return deny(d, CF_KX_INVALID_SIGNATURE,
                    "Credential should be scoped to correct service: '" SERVICE "'.");
    case CF_SIGV4_NOT_YET:
    case CF_SIGV4_EXPIRED:
        return deny_time(c, now_s, v == CF_SIGV4_EXPIRED, d);
    case CF_SIGV4_BODY:
    case CF_SIGV4_MISMATCH:
    case CF_SIGV4_HOLDS:
    case CF_SIGV4_VERDICT_COUNT:
        break;
    }
    return deny(d, CF_KX_INVALID_SIGNATURE,
                "The request signature we calculated does not match the signature you provided. "
                "Check your AWS Secret Access Key and signing method. Consult the service "
                "documentation for details.");
}

/* --- whose key it is --- */

static void set_identity(const cf_kmsd *s, const char *account, cf_kmsd_identity *ret)
{
    (void)snprintf(ret->account, sizeof ret->account, "%s", account);
    (void)snprintf(ret->root, sizeof ret->root, "arn:%s:iam::%s:root", s->names.partition, account);
    ret->caller = (cf_kmsd_caller){
        .arn = ret->arn, .role = ret->role, .account = ret->account, .root = ret->root};
}

static cf_result find_user(cf_kmsd *s, const cf_sigv4_claim *c, cf_kmsd_identity *ret,
                           cf_secret *ret_secret, cf_kmsd_denial *d)
{
    CF_AUTO(cf_principal_wipe) cf_principal p;
    cf_result r = cf_principals_by_key(s->principals, c->access_key_id, &p);
    if (r.code == CF_ERR_NOT_FOUND) {
        return deny_unknown(d);
    }
    CF_TRY(r);
    cf_principal_arn(s->names.partition, &p, ret->arn);
    set_identity(s, p.account, ret);
    return cf_secret_set(ret_secret, cf_secret_view(&p.secret));
}

static cf_result find_session(cf_kmsd *s, const cf_sigv4_claim *c, uint64_t now_ms,
                              cf_kmsd_identity *ret, cf_secret *ret_secret, cf_kmsd_denial *d)
{
    CF_AUTO(cf_session_wipe) cf_session session;
    CF_AUTO(cf_principal_wipe) cf_principal role;
    cf_result r = cf_session_open(&s->session_key, c->session_token, &session);
    if (r.code == CF_ERR_OPEN ||
        (cf_is_ok(r) && !cf_view_eq(cf_view_str(session.access_key_id), c->access_key_id))) {
        return deny_unknown(d);
    }
    CF_TRY(r);
    r = cf_principals_by_role(s->principals, cf_view_str(session.role),
                              cf_view_str(session.account), &role);
    if (!cf_is_ok(r) || role.created_ms != session.role_created_ms) {
        return deny_unknown(d); /* the role is gone, and its sessions with it */
    }
    if (session.expires_ms <= now_ms) {
        return deny(d, CF_KX_EXPIRED_TOKEN,
                    "The security token included in the request is expired");
    }
    cf_principal_arn(s->names.partition, &role, ret->role);
    (void)snprintf(ret->arn, sizeof ret->arn, "arn:%s:sts::%s:assumed-role/%s/%s",
                   s->names.partition, session.account, session.role, session.name);
    set_identity(s, session.account, ret);
    return cf_secret_set(ret_secret, cf_secret_view(&session.secret));
}

CF_MUST_USE cf_result cf_kmsd_authenticate(cf_kmsd *d, const cf_sigv4_request *q, uint64_t now_ms,
                                           cf_kmsd_identity *ret, cf_kmsd_denial *ret_denial)
{
    CF_AUTO(cf_sigv4_claim_free) cf_sigv4_claim c = {.query_form = false};
    CF_SECRET(secret);
    cf_sigv4_verdict v;
    *ret = (cf_kmsd_identity){.arn = ""};
    *ret_denial = (cf_kmsd_denial){.exception = CF_KX_NONE};
    cf_result r = cf_sigv4_claim_read(q, &c, &v);
    if (r.code == CF_ERR_SIGNATURE) {
        return deny_verdict(d, v, &c, now_ms / 1000, ret_denial);
    }
    CF_TRY(r);
    CF_TRY(c.session_token.len > 0 ? find_session(d, &c, now_ms, ret, &secret, ret_denial)
                                   : find_user(d, &c, ret, &secret, ret_denial));
    const cf_sigv4_expected expected = {.secret = cf_secret_view(&secret),
                                        .region = cf_view_str(d->names.region),
                                        .service = CF_LIT(SERVICE),
                                        .now_s = now_ms / 1000};
    r = cf_sigv4_verify(&c, q, &expected, &v);
    return r.code == CF_ERR_SIGNATURE ? deny_verdict(d, v, &c, now_ms / 1000, ret_denial) : r;
}

CF_MUST_USE cf_result cf_kmsd_authenticate_http(cf_kmsd *d, cf_http_call *call, uint64_t now_ms,
                                                cf_kmsd_identity *ret, cf_kmsd_denial *ret_denial)
{
    cf_http_field fields[CF_SIGV4_HEADERS_MAX];
    cf_sigv4_header headers[CF_SIGV4_HEADERS_MAX];
    cf_digest digest;
    CF_BUF(hex);
    *ret_denial = (cf_kmsd_denial){.exception = CF_KX_NONE};
    size_t n = cf_http_fields(call, fields, CF_SIGV4_HEADERS_MAX);
    if (n > CF_SIGV4_HEADERS_MAX) {
        return deny(ret_denial, CF_KX_INCOMPLETE_SIGNATURE, "The request has over %d headers.",
                    CF_SIGV4_HEADERS_MAX);
    }
    for (size_t i = 0; i < n; i++) {
        headers[i] = (cf_sigv4_header){fields[i].name, fields[i].value};
    }
    CF_TRY(cf_hash_of(CF_SHA256, cf_http_body(call), &digest));
    CF_TRY(cf_hex_encode(cf_digest_view(&digest), &hex));
    const cf_sigv4_request q = {.method = cf_http_method(call),
                                .path = cf_http_path(call),
                                .query = cf_http_query_raw(call),
                                .headers = headers,
                                .headers_n = n,
                                .body_sha256 = cf_buf_view(&hex)};
    return cf_kmsd_authenticate(d, &q, now_ms, ret, ret_denial);
}
