/* SPDX-License-Identifier: Apache-2.0 */
/* AssumeRoleWithWebIdentity: a token that a platform writes into a file is changed for credentials at STS. */
#include "core/aws/endpoint.h"
#include "host/credentials/document.h"
#include "host/credentials/source_priv.h"

#define FILE_SETTING "AWS_WEB_IDENTITY_TOKEN_FILE"
#define ROLE_SETTING "AWS_ROLE_ARN"
#define SESSION_SETTING "AWS_ROLE_SESSION_NAME"
#define ENDPOINT_SETTING "AWS_ENDPOINT_URL_STS"

static cf_result put(cf_view v, const char *name, cf_buf *out)
{
    static const char hex[] = "0123456789ABCDEF";
    CF_TRY(cf_buf_append(out, cf_view_str(name)));
    for (size_t i = 0; i < v.len; i++) {
        uint8_t c = v.data[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '-' || c == '.' || c == '_' || c == '~';
        const char escaped[] = {'%', hex[c >> 4], hex[c & 15]};
        CF_TRY(cf_buf_append(out, plain ? cf_view_sub(v, i, 1) : CF_VIEW_OF(escaped)));
    }
    return cf_ok();
}

static cf_view without_end_of_line(cf_view v)
{
    while (v.len > 0 && (v.data[v.len - 1] == '\n' || v.data[v.len - 1] == '\r')) {
        v.len--;
    }
    return v;
}

static cf_result put_form(const cf_creds_identity *id, cf_view session, cf_view token, cf_buf *out)
{
    CF_TRY(cf_buf_set(out, CF_LIT("Action=AssumeRoleWithWebIdentity&Version=2011-06-15")));
    CF_TRY(put(id->role_arn, "&RoleArn=", out));
    CF_TRY(put(session, "&RoleSessionName=", out));
    return put(token, "&WebIdentityToken=", out);
}

/* Letters, digits and =,.@-_ as STS has it, a lower-case hyphen for a region. */
static bool is_word(cf_view v, size_t max, const char *more)
{
    bool ok = v.len <= max;
    for (size_t i = 0; ok && i < v.len; i++) {
        uint8_t c = v.data[i];
        bool listed = false;
        for (const char *m = more; *m != '\0'; m++) {
            listed = listed || c == (uint8_t)*m;
        }
        ok = listed || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    }
    return ok;
}

static cf_result put_endpoint(const cf_creds_chain *c, cf_view region, cf_buf *out)
{
    cf_view told = cf_creds_env(c, ENDPOINT_SETTING);
    told = told.len > 0 ? told : cf_creds_env(c, "AWS_ENDPOINT_URL");
    if (told.len > 0) {
        return cf_buf_append(out, told);
    }
    if (region.len == 0) {
        return cf_buf_append(out, CF_LIT("https://sts.amazonaws.com"));
    }
    CF_TRY(cf_buf_append(out, CF_LIT("https://sts.")));
    CF_TRY(cf_buf_append(out, region));
    CF_TRY(cf_buf_append(out, CF_LIT(".")));
    return cf_buf_append(out, cf_view_str(cf_aws_partition_of(region)->domain));
}

/* Without TLS only to this machine: the token is all that it takes to get the role. */
static cf_result place(const cf_creds_chain *c, cf_view region, cf_buf *text, cf_creds_url *ret,
                       cf_view *ret_path, cf_creds_story *s)
{
    CF_TRY(cf_creds_need(is_word(region, CF_AWS_REGION_BYTES_MAX, "-"), s, CF_CREDS_SETTINGS,
                         CF_ERR_ARGUMENT, "region"));
    cf_result r = put_endpoint(c, region, text);
    if (cf_is_ok(r)) {
        r = cf_creds_url_parse(cf_buf_view(text), ret, ret_path);
    }
    CF_TRY(cf_creds_blame(r, s, CF_CREDS_SETTINGS, ENDPOINT_SETTING));
    return cf_creds_need(ret->tls || cf_creds_url_loopback(ret), s, CF_CREDS_SETTINGS,
                         CF_ERR_NOT_PERMITTED, ENDPOINT_SETTING);
}

static cf_result ask_sts(cf_creds_chain *c, const cf_creds_identity *id, cf_view token,
                         cf_creds_story *s, cf_buf *ret_answer)
{
    static const cf_http1_field fields[] = {
        {CF_LIT_INIT("Accept"), CF_LIT_INIT("application/json")},
        {CF_LIT_INIT("Content-Type"), CF_LIT_INIT("application/x-www-form-urlencoded")}};
    CF_BUF(form);
    CF_BUF(text);
    cf_creds_url url;
    cf_view path;
    CF_TRY(place(c, id->region, &text, &url, &path, s));
    cf_view session = id->session_name.len > 0 ? id->session_name : cf_view_str(c->opts.program);
    CF_TRY(cf_creds_blame(put_form(id, session, token, &form), s, CF_CREDS_SYSTEM, "sts"));
    const cf_creds_request req = {.url = &url,
                                  .method = CF_LIT("POST"),
                                  .path = path,
                                  .fields = fields,
                                  .field_count = sizeof fields / sizeof fields[0],
                                  .body = cf_buf_view(&form),
                                  .timeout_ms = CF_CREDS_STS_TIMEOUT_MS};
    return cf_creds_ask(c, &req, "sts", s, ret_answer);
}

cf_result cf_creds_assume(cf_creds_chain *c, const cf_creds_identity *id, cf_creds *ret,
                          cf_creds_story *s)
{
    CF_BUF(file);
    CF_BUF(answer);
    CF_TRY(cf_creds_need(id->role_arn.len > 0 && id->role_arn.len <= CF_CREDS_ROLE_ARN_BYTES_MAX, s,
                         CF_CREDS_SETTINGS, CF_ERR_MISSING, id->what_role));
    CF_TRY(cf_creds_need(id->session_name.len != 1 &&
                             is_word(id->session_name, CF_CREDS_SESSION_NAME_BYTES_MAX, "+=,.@-_"),
                         s, CF_CREDS_SETTINGS, CF_ERR_MALFORMED, id->what_session));
    CF_TRY(cf_creds_read(c, id->token_file, CF_CREDS_IDENTITY_BYTES_MAX, false, id->what_file, s,
                         &file));
    cf_view token = without_end_of_line(cf_buf_view(&file));
    CF_TRY(cf_creds_need(token.len > 0, s, CF_CREDS_SETTINGS, CF_ERR_EMPTY, id->what_file));
    CF_TRY(ask_sts(c, id, token, s, &answer));
    bool passes = s->status != 200 && cf_creds_sts_passes(cf_buf_view(&answer));
    CF_TRY(cf_creds_need(!passes, s, CF_CREDS_UNAVAILABLE, CF_ERR_BUSY, "sts"));
    CF_TRY(cf_creds_status(s, "sts"));
    return cf_creds_blame(cf_creds_of_sts(cf_buf_view(&answer), ret), s, CF_CREDS_ANSWER, "sts");
}

cf_result cf_creds_from_web_identity(cf_creds_chain *c, cf_creds *ret, cf_creds_story *s)
{
    const cf_creds_identity id = {.token_file = cf_creds_env(c, FILE_SETTING),
                                  .role_arn = cf_creds_env(c, ROLE_SETTING),
                                  .session_name = cf_creds_env(c, SESSION_SETTING),
                                  .region = cf_creds_region(c),
                                  .what_file = FILE_SETTING,
                                  .what_role = ROLE_SETTING,
                                  .what_session = SESSION_SETTING};
    CF_TRY(
        cf_creds_need(id.token_file.len > 0, s, CF_CREDS_ABSENT, CF_ERR_NOT_FOUND, FILE_SETTING));
    return cf_creds_assume(c, &id, ret, s);
}
