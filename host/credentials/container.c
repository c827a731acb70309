/* SPDX-License-Identifier: Apache-2.0 */
/* The endpoint that container platforms offer to the programs in them. */
#include "host/credentials/document.h"
#include "host/credentials/source_priv.h"

#define CONTAINER_HOST "http://169.254.170.2"
#define RELATIVE "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
#define FULL "AWS_CONTAINER_CREDENTIALS_FULL_URI"
#define TOKEN "AWS_CONTAINER_AUTHORIZATION_TOKEN"
#define TOKEN_FILE "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"

static cf_result place(const cf_creds_chain *c, cf_buf *text, cf_creds_url *ret, cf_view *ret_path,
                       cf_creds_story *s)
{
    cf_view relative = cf_creds_env(c, RELATIVE), full = cf_creds_env(c, FULL);
    const char *what = relative.len > 0 ? RELATIVE : FULL;
    CF_TRY(cf_creds_need(relative.len > 0 || full.len > 0, s, CF_CREDS_ABSENT, CF_ERR_NOT_FOUND,
                         what));
    CF_TRY(cf_creds_need(relative.len == 0 || relative.data[0] == '/', s, CF_CREDS_SETTINGS,
                         CF_ERR_MALFORMED, what));
    cf_result r = relative.len > 0 ? cf_buf_set(text, CF_LIT(CONTAINER_HOST)) : cf_ok();
    if (cf_is_ok(r)) {
        r = cf_buf_append(text, relative.len > 0 ? relative : full);
    }
    if (cf_is_ok(r)) {
        r = cf_creds_url_parse(cf_buf_view(text), ret, ret_path);
    }
    CF_TRY(cf_creds_blame(r, s, CF_CREDS_SETTINGS, what));
    return cf_creds_need(ret->tls || cf_creds_url_container(ret), s, CF_CREDS_SETTINGS,
                         CF_ERR_NOT_PERMITTED, what);
}

/* The value of Authorization, or nothing. A line end in it could make it more than one field. */
static cf_result authorization(const cf_creds_chain *c, cf_buf *out, cf_creds_story *s)
{
    cf_view file = cf_creds_env(c, TOKEN_FILE);
    const char *what = file.len > 0 ? TOKEN_FILE : TOKEN;
    if (file.len > 0) {
        CF_TRY(cf_creds_read(c, file, CF_CREDS_AUTHORIZATION_BYTES_MAX, false, what, s, out));
    } else {
        CF_TRY(
            cf_creds_blame(cf_buf_append(out, cf_creds_env(c, TOKEN)), s, CF_CREDS_SYSTEM, what));
    }
    bool ok = out->len <= CF_CREDS_AUTHORIZATION_BYTES_MAX && (file.len == 0 || out->len > 0);
    for (size_t i = 0; ok && i < out->len; i++) {
        ok = out->data[i] >= ' ' && out->data[i] <= '~';
    }
    return cf_creds_need(ok, s, CF_CREDS_SETTINGS, CF_ERR_MALFORMED, what);
}

cf_result cf_creds_from_container(cf_creds_chain *c, cf_creds *ret, cf_creds_story *s)
{
    cf_creds_url url;
    cf_view path;
    CF_BUF(text);
    CF_BUF(token);
    CF_BUF(answer);
    CF_TRY(place(c, &text, &url, &path, s));
    CF_TRY(authorization(c, &token, s));
    const cf_http1_field fields[] = {{CF_LIT("Accept"), CF_LIT("application/json")},
                                     {CF_LIT("Authorization"), cf_buf_view(&token)}};
    const cf_creds_request req = {.url = &url,
                                  .method = CF_LIT("GET"),
                                  .path = path,
                                  .fields = fields,
                                  .field_count = token.len > 0 ? 2 : 1,
                                  .timeout_ms = CF_CREDS_CONTAINER_TIMEOUT_MS};
    CF_TRY(cf_creds_ask(c, &req, "container", s, &answer));
    CF_TRY(cf_creds_status(s, "container"));
    cf_result r = cf_creds_of_document(cf_buf_view(&answer), ret);
    return cf_creds_blame(r, s, r.code == CF_ERR_NOT_PERMITTED ? CF_CREDS_REFUSED : CF_CREDS_ANSWER,
                          "container");
}
