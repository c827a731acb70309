/* SPDX-License-Identifier: Apache-2.0 */
#include "core/aws/request.h"

#include "core/codec/base64.h"

#define DATE "X-Amz-Date"
#define TOKEN "X-Amz-Security-Token"

/* The value of Authorization, appended. What is signed beside the given fields is Host. */
static cf_result authorize(const cf_aws_request *q, const cf_sigv4_credentials *c,
                           const cf_http1_field *fields, size_t n, cf_buf *out)
{
    CF_BUF(body_hex);
    cf_digest digest;
    cf_sigv4_header headers[CF_AWS_FIELDS_MAX] = {{CF_LIT("host"), q->host}};
    CF_REQUIRE(n < CF_AWS_FIELDS_MAX, INTERNAL);
    for (size_t i = 0; i < n; i++) {
        headers[i + 1] = (cf_sigv4_header){fields[i].name, fields[i].value};
    }
    CF_TRY(cf_hash_of(CF_SHA256, q->body, &digest));
    CF_TRY(cf_hex_encode(cf_digest_view(&digest), &body_hex));
    const cf_sigv4_request request = {.method = CF_LIT("POST"),
                                      .path = CF_LIT("/"),
                                      .headers = headers,
                                      .headers_n = n + 1,
                                      .body_sha256 = cf_buf_view(&body_hex)};
    return cf_sigv4_authorize(c, &q->scope, &request, out);
}

/* Date and token, and behind them the authorization, all in one buffer that may move while it grows: so their places are noted, and
 * shown once the last of them is there. */
static cf_result sign(const cf_aws_request *q, const cf_sigv4_credentials *c, cf_buf *scratch,
                      cf_http1_field ret[static CF_AWS_FIELDS_MAX], size_t *ret_n)
{
    char date[CF_SIGV4_DATE_BYTES + 1];
    CF_TRY(cf_sigv4_date(q->scope.unix_s, date));
    size_t n = *ret_n, before;
    ret[n++] = (cf_http1_field){CF_LIT(DATE), cf_view_str(date)};
    if (c->session_token.len > 0) {
        ret[n++] = (cf_http1_field){CF_LIT(TOKEN), c->session_token};
    }
    CF_TRY(cf_buf_append(scratch, cf_view_str(date)));
    CF_TRY(cf_buf_append(scratch, c->session_token));
    before = scratch->len;
    CF_TRY(authorize(q, c, ret, n, scratch));
    cf_view all = cf_buf_view(scratch);
    ret[*ret_n].value = cf_view_sub(all, 0, CF_SIGV4_DATE_BYTES);
    if (c->session_token.len > 0) {
        ret[*ret_n + 1].value = cf_view_sub(all, CF_SIGV4_DATE_BYTES, c->session_token.len);
    }
    ret[n++] =
        (cf_http1_field){CF_LIT("Authorization"), cf_view_sub(all, before, all.len - before)};
    *ret_n = n;
    return cf_ok();
}

CF_MUST_USE cf_result cf_aws_fields(const cf_aws_request *q, const cf_sigv4_credentials *c,
                                    cf_buf *scratch, cf_http1_field ret[static CF_AWS_FIELDS_MAX],
                                    size_t *ret_n)
{
    *ret_n = 0;
    cf_buf_clear(scratch);
    size_t n = 2;
    ret[0] = (cf_http1_field){CF_LIT("X-Amz-Target"), q->target};
    ret[1] = (cf_http1_field){CF_LIT("Content-Type"), q->content_type};
    if (c != NULL) {
        CF_TRY(sign(q, c, scratch, ret, &n));
    }
    *ret_n = n;
    return cf_ok();
}
