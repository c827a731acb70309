/* SPDX-License-Identifier: Apache-2.0 */
/* The profile of the credentials and config files that the environment names. */
#include "host/credentials/profile.h"
#include "host/credentials/source_priv.h"

#define CREDENTIALS_FILE "AWS_SHARED_CREDENTIALS_FILE"
#define CONFIG_FILE "AWS_CONFIG_FILE"

/* One of the two files; one that is not there has no profile. */
static cf_result read_one(const cf_creds_chain *c, const char *setting, const char *usual,
                          cf_view name, cf_buf *text, cf_profile *ret, cf_creds_story *s)
{
    cf_view told = cf_creds_env(c, setting);
    *ret = (cf_profile){0};
    cf_result r = cf_creds_read(c, told.len > 0 ? told : cf_view_str(usual),
                                CF_CREDS_PROFILE_BYTES_MAX, true, setting, s, text);
    if (!cf_is_ok(r) && s->fault == CF_CREDS_ABSENT) {
        s->fault = CF_CREDS_NONE;
        return cf_ok();
    }
    CF_TRY(r);
    bool config = cf_view_eq(cf_view_str(setting), CF_LIT(CONFIG_FILE));
    return cf_creds_blame(cf_profile_read(cf_buf_view(text), name, config, ret), s,
                          CF_CREDS_SETTINGS, setting);
}

/* Keys of one profile. *ret_there false when it has none. */
static cf_result keys_of(const cf_profile *p, const char *what, cf_creds *ret, bool *ret_there,
                         cf_creds_story *s)
{
    cf_view id = p->values[CF_PROFILE_ACCESS_KEY_ID], key = p->values[CF_PROFILE_SECRET_KEY];
    *ret_there = id.len > 0 || key.len > 0;
    if (!*ret_there) {
        return cf_ok();
    }
    CF_TRY(cf_creds_need(id.len > 0 && key.len > 0, s, CF_CREDS_SETTINGS, CF_ERR_MISSING, what));
    return cf_creds_blame(cf_creds_set(ret, id, key, p->values[CF_PROFILE_SESSION_TOKEN], 0), s,
                          CF_CREDS_SETTINGS, what);
}

/* The first of the two that has a value for the key. */
static cf_view value_of(const cf_profile p[static 2], cf_profile_key key)
{
    return p[0].values[key].len > 0 ? p[0].values[key] : p[1].values[key];
}

static cf_result assume(cf_creds_chain *c, const cf_profile p[static 2], cf_creds *ret,
                        cf_creds_story *s)
{
    cf_view region = cf_creds_region(c);
    const cf_creds_identity id = {.token_file = value_of(p, CF_PROFILE_WEB_IDENTITY_FILE),
                                  .role_arn = value_of(p, CF_PROFILE_ROLE_ARN),
                                  .session_name = value_of(p, CF_PROFILE_ROLE_SESSION_NAME),
                                  .region =
                                      region.len > 0 ? region : value_of(p, CF_PROFILE_REGION),
                                  .what_file = "web_identity_token_file",
                                  .what_role = "role_arn",
                                  .what_session = "role_session_name"};
    return cf_creds_assume(c, &id, ret, s);
}

/* What would take another program, another profile or a login. Refused, rather than passed over for a source that the user did not mean. */
static cf_result refuse_others(const cf_profile p[static 2], cf_creds_story *s)
{
    static const struct {
        cf_profile_key key;
        const char *what;
    } others[] = {
        {CF_PROFILE_SOURCE_PROFILE, "source_profile"},
        {CF_PROFILE_CREDENTIAL_SOURCE, "credential_source"},
        {CF_PROFILE_SSO_SESSION, "sso_session"},
        {CF_PROFILE_SSO_START_URL, "sso_start_url"},
        {CF_PROFILE_LOGIN_SESSION, "login_session"},
        {CF_PROFILE_CREDENTIAL_PROCESS, "credential_process"},
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        CF_TRY(cf_creds_need(value_of(p, others[i].key).len == 0, s, CF_CREDS_UNSUPPORTED,
                             CF_ERR_UNSUPPORTED, others[i].what));
    }
    return cf_ok();
}

/* A role in a profile comes before its keys, which are then only a way to it. */
static cf_result from(cf_creds_chain *c, const cf_profile p[static 2], cf_creds *ret,
                      cf_creds_story *s)
{
    bool there = false;
    if (value_of(p, CF_PROFILE_WEB_IDENTITY_FILE).len > 0) {
        return assume(c, p, ret, s);
    }
    if (value_of(p, CF_PROFILE_ROLE_ARN).len > 0) {
        CF_TRY(refuse_others(p, s));
    }
    CF_TRY(keys_of(&p[0], CREDENTIALS_FILE, ret, &there, s));
    if (!there) {
        CF_TRY(refuse_others(p, s));
        CF_TRY(keys_of(&p[1], CONFIG_FILE, ret, &there, s));
    }
    return cf_creds_need(there, s, CF_CREDS_ABSENT, CF_ERR_NOT_FOUND, "aws_access_key_id");
}

cf_result cf_creds_from_profile(cf_creds_chain *c, cf_creds *ret, cf_creds_story *s)
{
    CF_BUF(credentials);
    CF_BUF(config);
    cf_profile p[2];
    cf_view name = cf_creds_env(c, "AWS_PROFILE");
    bool told = name.len > 0;
    name = told ? name : CF_LIT("default");
    CF_TRY(cf_creds_need(name.len <= CF_CREDS_PROFILE_NAME_BYTES_MAX, s, CF_CREDS_SETTINGS,
                         CF_ERR_SIZE, "AWS_PROFILE"));
    CF_TRY(read_one(c, CREDENTIALS_FILE, "~/.aws/credentials", name, &credentials, &p[0], s));
    CF_TRY(read_one(c, CONFIG_FILE, "~/.aws/config", name, &config, &p[1], s));
    CF_TRY(cf_creds_need(p[0].found || p[1].found, s, told ? CF_CREDS_SETTINGS : CF_CREDS_ABSENT,
                         CF_ERR_NOT_FOUND, "AWS_PROFILE"));
    return from(c, p, ret, s);
}
