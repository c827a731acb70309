/* SPDX-License-Identifier: Apache-2.0 */
/* Instance metadata, version 2 alone: a token first, and nothing without one. */
#include <strings.h>

#include "core/base/number.h"
#include "host/credentials/document.h"
#include "host/credentials/source_priv.h"
#include "sys/linux/clock.h"

#define IMDS_ROLES "/latest/meta-data/iam/security-credentials/"
#define IMDS_PATH_BYTES (sizeof IMDS_ROLES + CF_CREDS_ROLE_BYTES_MAX)

static bool same_word(cf_view v, const char *word)
{
    cf_view w = cf_view_str(word);
    return v.len == w.len && strncasecmp((const char *)v.data, word, w.len) == 0;
}

static cf_result endpoint(const cf_creds_chain *c, cf_creds_url *ret, cf_creds_story *s)
{
    cf_view text = cf_creds_env(c, "AWS_EC2_METADATA_SERVICE_ENDPOINT"), path,
            mode = cf_creds_env(c, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    bool v6 = same_word(mode, "IPv6");
    CF_TRY(cf_creds_need(mode.len == 0 || v6 || same_word(mode, "IPv4"), s, CF_CREDS_SETTINGS,
                         CF_ERR_ARGUMENT, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"));
    if (text.len == 0) {
        text = v6 ? CF_LIT("http://[fd00:ec2::254]") : CF_LIT("http://169.254.169.254");
    }
    CF_TRY(cf_creds_blame(cf_creds_url_parse(text, ret, &path), s, CF_CREDS_SETTINGS,
                          "AWS_EC2_METADATA_SERVICE_ENDPOINT"));
    return cf_creds_need(!ret->tls && path.len == 1, s, CF_CREDS_SETTINGS, CF_ERR_UNSUPPORTED,
                         "AWS_EC2_METADATA_SERVICE_ENDPOINT");
}

static bool is_token(cf_view v)
{
    bool ok = v.len > 0 && v.len <= CF_CREDS_IMDS_TOKEN_BYTES_MAX;
    for (size_t i = 0; ok && i < v.len; i++) {
        ok = v.data[i] > ' ' && v.data[i] <= '~';
    }
    return ok;
}

static cf_result new_token(cf_creds_chain *c, const cf_creds_url *url, cf_creds_story *s)
{
    CF_BUF(text);
    CF_BUF(seconds);
    cf_buf_free(&c->imds_token);
    CF_TRY(cf_creds_blame(cf_put_u64_dec(&seconds, CF_CREDS_IMDS_TOKEN_S), s, CF_CREDS_SYSTEM,
                          "imds_token"));
    const cf_http1_field field = {CF_LIT("X-aws-ec2-metadata-token-ttl-seconds"),
                                  cf_buf_view(&seconds)};
    const cf_creds_request req = {.url = url,
                                  .method = CF_LIT("PUT"),
                                  .path = CF_LIT("/latest/api/token"),
                                  .fields = &field,
                                  .field_count = 1,
                                  .timeout_ms = CF_CREDS_IMDS_TIMEOUT_MS};
    CF_TRY(cf_creds_ask(c, &req, "imds_token", s, &text));
    CF_TRY(cf_creds_status(s, "imds_token"));
    CF_TRY(cf_creds_need(is_token(cf_buf_view(&text)), s, CF_CREDS_ANSWER, CF_ERR_MALFORMED,
                         "imds_token"));
    c->imds_token = cf_buf_move(&text);
    c->imds_token_end_ms =
        cf_clock_mono_ms() + (uint64_t)(CF_CREDS_IMDS_TOKEN_S - CF_CREDS_IMDS_TOKEN_EARLY_S) * 1000;
    return cf_ok();
}

static cf_result get_once(cf_creds_chain *c, const cf_creds_url *url, cf_view path,
                          const char *what, cf_creds_story *s, cf_buf *out)
{
    if (c->imds_token.len == 0 || cf_clock_mono_ms() >= c->imds_token_end_ms) {
        CF_TRY(new_token(c, url, s));
    }
    const cf_http1_field field = {CF_LIT("X-aws-ec2-metadata-token"), cf_buf_view(&c->imds_token)};
    const cf_creds_request req = {.url = url,
                                  .method = CF_LIT("GET"),
                                  .path = path,
                                  .fields = &field,
                                  .field_count = 1,
                                  .timeout_ms = CF_CREDS_IMDS_TIMEOUT_MS};
    cf_buf_clear(out);
    return cf_creds_ask(c, &req, what, s, out);
}

/* A token may have ended before its time: once, another is fetched. */
static cf_result get(cf_creds_chain *c, const cf_creds_url *url, cf_view path, const char *what,
                     cf_creds_story *s, cf_buf *out)
{
    CF_TRY(get_once(c, url, path, what, s, out));
    if (s->status == 401) {
        cf_buf_free(&c->imds_token);
        CF_TRY(get_once(c, url, path, what, s, out));
    }
    return cf_ok();
}

/* The first line, of what names of roles are made of. */
static cf_view role_of(cf_view text)
{
    size_t n = 0;
    for (; n < text.len && text.data[n] != '\n'; n++) {
        uint8_t c = text.data[n];
        bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '+' || c == '=' || c == ',' || c == '.' || c == '@' || c == '_' || c == '-';
        if (!ok) {
            return CF_VIEW_EMPTY;
        }
    }
    return n <= CF_CREDS_ROLE_BYTES_MAX ? cf_view_sub(text, 0, n) : CF_VIEW_EMPTY;
}

static cf_result role_path(cf_creds_chain *c, const cf_creds_url *url, cf_creds_story *s,
                           char ret[static IMDS_PATH_BYTES], size_t *ret_len)
{
    static const cf_view roles = CF_LIT_INIT(IMDS_ROLES);
    CF_BUF(text);
    CF_TRY(get(c, url, roles, "imds_role", s, &text));
    /* No role, or none yet: a machine that is just starting says so too. */
    CF_TRY(cf_creds_need(s->status != 404, s, CF_CREDS_UNAVAILABLE, CF_ERR_NOT_FOUND, "imds_role"));
    CF_TRY(cf_creds_status(s, "imds_role"));
    cf_view role = role_of(cf_buf_view(&text));
    CF_TRY(cf_creds_need(role.len > 0, s, CF_CREDS_ANSWER, CF_ERR_MALFORMED, "imds_role"));
    cf_copy(ret, roles.data, roles.len);
    cf_copy(ret + roles.len, role.data, role.len);
    *ret_len = roles.len + role.len;
    return cf_ok();
}

cf_result cf_creds_from_imds(cf_creds_chain *c, cf_creds *ret, cf_creds_story *s)
{
    cf_creds_url url;
    char path[IMDS_PATH_BYTES];
    size_t len = 0;
    CF_BUF(text);
    CF_TRY(cf_creds_need(!same_word(cf_creds_env(c, "AWS_EC2_METADATA_DISABLED"), "true"), s,
                         CF_CREDS_ABSENT, CF_ERR_NOT_FOUND, "AWS_EC2_METADATA_DISABLED"));
    CF_TRY(endpoint(c, &url, s));
    CF_TRY(role_path(c, &url, s, path, &len));
    CF_TRY(get(c, &url, cf_view_make(path, len), "imds_document", s, &text));
    /* The role may change between the two: then the next attempt finds the new one. */
    CF_TRY(cf_creds_need(s->status != 404, s, CF_CREDS_UNAVAILABLE, CF_ERR_NOT_FOUND,
                         "imds_document"));
    CF_TRY(cf_creds_status(s, "imds_document"));
    cf_result r = cf_creds_of_document(cf_buf_view(&text), ret);
    return cf_creds_blame(r, s, r.code == CF_ERR_NOT_PERMITTED ? CF_CREDS_REFUSED : CF_CREDS_ANSWER,
                          "imds_document");
}
