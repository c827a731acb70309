/* SPDX-License-Identifier: Apache-2.0 */
#include "host/credentials/chain.h"

#include "core/time/time.h"
#include "host/credentials/document.h"
#include "host/credentials/source_priv.h"
#include "sys/linux/file.h"

cf_result cf_creds_chain_new(const cf_creds_chain_opts *opts, cf_creds_chain **ret)
{
    *ret = cf_mem_new(1, sizeof **ret);
    CF_REQUIRE(*ret != NULL, NO_MEMORY);
    (*ret)->opts = *opts;
    return cf_ok();
}

void cf_creds_chain_free(cf_creds_chain **c)
{
    if (*c != NULL) {
        cf_buf_free(&(*c)->imds_token);
        cf_mem_free(*c);
        *c = NULL;
    }
}

/* --- what sources share --- */

cf_view cf_creds_env(const cf_creds_chain *c, const char *name)
{
    return cf_view_str(c->opts.env(name));
}

cf_view cf_creds_region(const cf_creds_chain *c)
{
    cf_view region = cf_creds_env(c, "AWS_REGION");
    return region.len > 0 ? region : cf_creds_env(c, "AWS_DEFAULT_REGION");
}

static cf_result path_of(const cf_creds_chain *c, cf_view path, cf_buf *out)
{
    if (cf_view_eq(cf_view_sub(path, 0, 2), CF_LIT("~/"))) {
        cf_view home = cf_creds_env(c, "HOME");
        CF_REQUIRE(home.len > 0, NOT_FOUND);
        CF_TRY(cf_buf_append(out, home));
        path = cf_view_sub(path, 1, path.len - 1);
    }
    CF_TRY(cf_buf_append(out, path));
    CF_REQUIRE(out->len <= CF_CREDS_PATH_BYTES_MAX, SIZE);
    return cf_buf_append(out, CF_VIEW_OF("")); /* its NUL */
}

cf_result cf_creds_read(const cf_creds_chain *c, cf_view path, size_t max, bool may_lack,
                        const char *what, cf_creds_story *s, cf_buf *out)
{
    CF_BUF(text);
    cf_result r = path_of(c, path, &text);
    if (cf_is_ok(r)) {
        r = cf_file_read((const char *)text.data, max, out);
    }
    bool lacks = may_lack && r.code == CF_ERR_NOT_FOUND;
    return cf_creds_blame(r, s, lacks ? CF_CREDS_ABSENT : CF_CREDS_SETTINGS, what);
}

static cf_creds_fault fault_of(cf_err code)
{
    if (code == CF_ERR_TIMEOUT) {
        return CF_CREDS_TIMEOUT;
    }
    bool answered = code == CF_ERR_SIZE || code == CF_ERR_MALFORMED || code == CF_ERR_UNSUPPORTED;
    return answered ? CF_CREDS_ANSWER : CF_CREDS_UNAVAILABLE;
}

cf_result cf_creds_ask(cf_creds_chain *c, const cf_creds_request *req, const char *what,
                       cf_creds_story *s, cf_buf *ret_body)
{
    s->status = 0;
    cf_result r = c->opts.http->exchange(c->opts.http_self, req, &s->status, ret_body);
    return cf_creds_blame(r, s, fault_of(r.code), what);
}

cf_result cf_creds_status(cf_creds_story *s, const char *what)
{
    bool passes = s->status == 429 || s->status >= 500;
    return cf_creds_need(s->status == 200, s, passes ? CF_CREDS_UNAVAILABLE : CF_CREDS_REFUSED,
                         passes ? CF_ERR_BUSY : CF_ERR_NOT_PERMITTED, what);
}

/* --- the two that ask nobody --- */

cf_result cf_creds_from_env(cf_creds_chain *c, cf_creds *ret, cf_creds_story *s)
{
    cf_view id = cf_creds_env(c, "AWS_ACCESS_KEY_ID"),
            key = cf_creds_env(c, "AWS_SECRET_ACCESS_KEY"),
            token = cf_creds_env(c, "AWS_SESSION_TOKEN"),
            time = cf_creds_env(c, "AWS_CREDENTIAL_EXPIRATION");
    cf_timestamp end = {0};
    CF_TRY(cf_creds_need(id.len > 0, s, CF_CREDS_ABSENT, CF_ERR_NOT_FOUND, "AWS_ACCESS_KEY_ID"));
    CF_TRY(
        cf_creds_need(key.len > 0, s, CF_CREDS_SETTINGS, CF_ERR_MISSING, "AWS_SECRET_ACCESS_KEY"));
    token = token.len > 0 ? token : cf_creds_env(c, "AWS_SECURITY_TOKEN");
    if (time.len > 0) {
        CF_TRY(cf_creds_blame(cf_timestamp_parse(time, &end), s, CF_CREDS_SETTINGS,
                              "AWS_CREDENTIAL_EXPIRATION"));
        CF_TRY(cf_creds_need(end.seconds > 0, s, CF_CREDS_SETTINGS, CF_ERR_RANGE,
                             "AWS_CREDENTIAL_EXPIRATION"));
    }
    return cf_creds_blame(cf_creds_set(ret, id, key, token, (uint64_t)end.seconds * 1000), s,
                          CF_CREDS_SETTINGS, "AWS_ACCESS_KEY_ID");
}

cf_result cf_creds_from_file(cf_creds_chain *c, cf_creds *ret, cf_creds_story *s)
{
    CF_BUF(text);
    CF_TRY(cf_creds_read(c, cf_view_str(c->opts.file), CF_CREDS_FILE_BYTES_MAX, false, "file", s,
                         &text));
    return cf_creds_blame(cf_creds_of_file(cf_buf_view(&text), ret), s, CF_CREDS_SETTINGS, "file");
}

/* --- the chain --- */

static cf_creds_source_fn *const sources[] = {
    [CF_CREDS_FROM_ENV] = cf_creds_from_env,
    [CF_CREDS_FROM_WEB_IDENTITY] = cf_creds_from_web_identity,
    [CF_CREDS_FROM_PROFILE] = cf_creds_from_profile,
    [CF_CREDS_FROM_CONTAINER] = cf_creds_from_container,
    [CF_CREDS_FROM_IMDS] = cf_creds_from_imds,
    [CF_CREDS_FROM_FILE] = cf_creds_from_file,
};
_Static_assert(sizeof sources / sizeof sources[0] == CF_CREDS_SOURCE_COUNT, "every source");

static cf_result ask_one(cf_creds_chain *c, cf_creds_source source, uint64_t now_ms, cf_creds *ret,
                         cf_creds_story *s)
{
    CF_CREDS(got);
    *s = (cf_creds_story){.source = source, .what = ""};
    CF_TRY(sources[source](c, &got, s));
    bool ended = cf_creds_ended(&got, now_ms) && source != CF_CREDS_FROM_IMDS;
    CF_TRY(cf_creds_need(!ended, s, CF_CREDS_EXPIRED, CF_ERR_STALE, "expiration"));
    cf_creds_free(ret);
    *ret = got;
    got = (cf_creds){{0}, {0}, {0}, 0};
    return cf_ok();
}

cf_result cf_creds_chain_get(cf_creds_chain *c, uint64_t now_ms, cf_creds *ret,
                             cf_creds_story *ret_story)
{
    if (c->opts.single) {
        return ask_one(c, c->opts.source, now_ms, ret, ret_story);
    }
    cf_result r = cf_fail(CF_ERR_NOT_FOUND);
    for (cf_creds_source s = 0; s < CF_CREDS_FROM_FILE; s++) {
        r = ask_one(c, s, now_ms, ret, ret_story);
        if (ret_story->fault != CF_CREDS_ABSENT) {
            return r;
        }
    }
    *ret_story = (cf_creds_story){CF_CREDS_SOURCE_COUNT, CF_CREDS_ABSENT, CF_ERR_NOT_FOUND,
                                  "every source", 0};
    return r;
}
