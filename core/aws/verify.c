/* SPDX-License-Identifier: Apache-2.0 */
#include "core/aws/verify.h"

#include "core/aws/sigv4_priv.h"
#include "core/base/number.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define DAY_BYTES 8
#define DAY_S 86400

static CF_MUST_USE cf_result stop(cf_sigv4_verdict why, cf_sigv4_verdict *ret)
{
    *ret = why;
    return cf_fail(CF_ERR_SIGNATURE);
}

/* --- text --- */

/* Up to the first of that octet, which is taken away as well; all of it when there is none. */
static cf_view take_until(cf_view *rest, uint8_t octet)
{
    size_t n = 0;
    while (n < rest->len && rest->data[n] != octet) {
        n++;
    }
    cf_view part = cf_view_make(rest->data, n);
    size_t skip = n < rest->len ? n + 1 : n;
    *rest = cf_view_sub(*rest, skip, rest->len - skip);
    return part;
}

static cf_view trimmed(cf_view v)
{
    while (v.len > 0 && v.data[0] == ' ') {
        v = cf_view_sub(v, 1, v.len - 1);
    }
    while (v.len > 0 && v.data[v.len - 1] == ' ') {
        v.len--;
    }
    return v;
}

static bool has_prefix_fold(cf_view name, cf_view prefix)
{
    return name.len >= prefix.len &&
           cf_sigv4_name_cmp(cf_view_make(name.data, prefix.len), prefix) == 0;
}

/* The header of that name. *ret_n: how many there are. */
static cf_view header_of(const cf_sigv4_request *q, cf_view name, size_t *ret_n)
{
    cf_view value = CF_VIEW_EMPTY;
    *ret_n = 0;
    for (size_t i = 0; i < q->headers_n; i++) {
        if (cf_sigv4_name_cmp(q->headers[i].name, name) == 0) {
            value = trimmed(q->headers[i].value);
            *ret_n += 1;
        }
    }
    return value;
}

/* --- time --- */

static bool read_digits(cf_view v, size_t at, size_t n, unsigned *ret)
{
    *ret = 0;
    for (size_t i = at; i < at + n; i++) {
        if (v.data[i] < '0' || v.data[i] > '9') {
            return false;
        }
        *ret = *ret * 10 + (unsigned)(v.data[i] - '0');
    }
    return true;
}

static bool is_leap(unsigned year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static unsigned days_in(unsigned year, unsigned month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* Days from 1970-01-01; year 1970..9999. */
static uint64_t days_to(unsigned year, unsigned month, unsigned day)
{
    uint64_t before = year - 1;
    uint64_t days = before * 365 + before / 4 - before / 100 + before / 400 - 719162;
    for (unsigned m = 1; m < month; m++) {
        days += days_in(year, m);
    }
    return days + day - 1;
}

CF_MUST_USE cf_result cf_sigv4_parse_date(cf_view text, uint64_t *ret_unix_s)
{
    unsigned year, month, day, hour, minute, second;
    *ret_unix_s = 0;
    CF_REQUIRE(text.len == CF_SIGV4_DATE_BYTES && text.data[8] == 'T' && text.data[15] == 'Z',
               MALFORMED);
    bool digits = read_digits(text, 0, 4, &year) && read_digits(text, 4, 2, &month) &&
                  read_digits(text, 6, 2, &day) && read_digits(text, 9, 2, &hour) &&
                  read_digits(text, 11, 2, &minute) && read_digits(text, 13, 2, &second);
    CF_REQUIRE(digits && year >= 1970 && month >= 1 && month <= 12, MALFORMED);
    CF_REQUIRE(day >= 1 && day <= days_in(year, month), MALFORMED);
    CF_REQUIRE(hour < 24 && minute < 60 && second < 60, MALFORMED);
    *ret_unix_s = days_to(year, month, day) * DAY_S + hour * 3600U + minute * 60U + second;
    return cf_ok();
}

/* --- what is claimed --- */

void cf_sigv4_claim_free(cf_sigv4_claim *c)
{
    cf_buf_free(&c->room);
    cf_buf_free(&c->query);
    *c = (cf_sigv4_claim){.query_form = false};
}

/* akid/date/region/service/aws4_request. A key id may hold no '/', so the parts are counted from the front. */
static bool read_credential(cf_view text, cf_sigv4_claim *c)
{
    c->access_key_id = take_until(&text, '/');
    c->scope_date = take_until(&text, '/');
    c->region = take_until(&text, '/');
    c->service = take_until(&text, '/');
    return cf_view_eq(text, CF_LIT("aws4_request")) && c->access_key_id.len > 0 &&
           c->access_key_id.len <= CF_SIGV4_KEY_ID_BYTES_MAX && c->scope_date.len == DAY_BYTES &&
           c->region.len > 0 && c->region.len <= CF_SIGV4_NAME_BYTES_MAX && c->service.len > 0 &&
           c->service.len <= CF_SIGV4_NAME_BYTES_MAX;
}

/* One place of a table of parts; false when it is taken. */
static bool set_once(cf_view *place, cf_view value)
{
    bool free_place = place->len == 0 && value.len > 0;
    *place = value;
    return free_place;
}

/* AWS4-HMAC-SHA256 Credential=..., SignedHeaders=..., Signature=... */
static bool read_authorization(cf_view text, cf_sigv4_claim *c)
{
    cf_view credential = CF_VIEW_EMPTY;
    if (!cf_view_eq(take_until(&text, ' '), CF_LIT(ALGORITHM))) {
        return false;
    }
    while (text.len > 0) {
        cf_view value = trimmed(take_until(&text, ','));
        cf_view name = take_until(&value, '=');
        cf_view *place = cf_view_eq(name, CF_LIT("Credential"))      ? &credential
                         : cf_view_eq(name, CF_LIT("SignedHeaders")) ? &c->signed_headers
                         : cf_view_eq(name, CF_LIT("Signature"))     ? &c->signature
                                                                     : NULL;
        if (place == NULL || !set_once(place, value)) {
            return false;
        }
    }
    return read_credential(credential, c);
}

static cf_result read_header_form(const cf_sigv4_request *q, cf_view authorization,
                                  cf_sigv4_claim *c, cf_sigv4_verdict *ret)
{
    size_t dates, tokens;
    c->date = header_of(q, CF_LIT("x-amz-date"), &dates);
    c->session_token = header_of(q, CF_LIT("x-amz-security-token"), &tokens);
    if (!read_authorization(authorization, c) || dates != 1 || tokens > 1) {
        return stop(CF_SIGV4_INCOMPLETE, ret);
    }
    return cf_buf_append(&c->query, q->query);
}

/* Parameters of the query form. */
typedef enum {
    P_ALGORITHM,
    P_CREDENTIAL,
    P_DATE,
    P_EXPIRES,
    P_SIGNED_HEADERS,
    P_TOKEN,
    P_SIGNATURE,
    P_COUNT
} parameter;

typedef struct {
    size_t at, len, times;
} found;

static parameter parameter_of(cf_view name)
{
    static const char *const names[] = {
        "X-Amz-Algorithm",     "X-Amz-Credential",     "X-Amz-Date",     "X-Amz-Expires",
        "X-Amz-SignedHeaders", "X-Amz-Security-Token", "X-Amz-Signature"};
    _Static_assert(sizeof names / sizeof names[0] == P_COUNT, "every parameter has a name");
    for (unsigned p = 0; p < P_COUNT; p++) {
        if (cf_view_eq(name, cf_view_str(names[p]))) {
            return (parameter)p;
        }
    }
    return P_COUNT;
}

/* Notes the parameters that are the signature's, decoded in c->room, and keeps all but the signature itself in c->query. */
static cf_result collect(cf_view query, cf_sigv4_claim *c, found ret[static P_COUNT])
{
    CF_TRY(cf_buf_reserve(&c->room, query.len + 1)); /* so that it does not move */
    for (cf_view rest = query; rest.len > 0;) {
        cf_view text = take_until(&rest, '&'), value = text;
        CF_BUF(name);
        CF_TRY(cf_sigv4_decode(take_until(&value, '='), &name));
        parameter p = parameter_of(cf_buf_view(&name));
        if (p < P_COUNT) {
            ret[p].times++;
            ret[p].at = c->room.len;
            CF_TRY(cf_sigv4_decode(value, &c->room));
            ret[p].len = c->room.len - ret[p].at;
        }
        if (p != P_SIGNATURE) {
            CF_TRY(cf_buf_append(&c->query, c->query.len > 0 ? CF_LIT("&") : CF_VIEW_EMPTY));
            CF_TRY(cf_buf_append(&c->query, text));
        }
    }
    return cf_ok();
}

static cf_view value_of(const cf_sigv4_claim *c, const found *f)
{
    return cf_view_make(c->room.data + f->at, f->len);
}

static cf_result read_query_form(cf_sigv4_claim *c, const found f[static P_COUNT],
                                 cf_sigv4_verdict *ret)
{
    uint64_t expires = 0;
    bool ok = f[P_TOKEN].times <= 1;
    for (unsigned p = 0; p < P_COUNT; p++) {
        ok = ok && (p == P_TOKEN || (f[p].times == 1 && f[p].len > 0));
    }
    c->query_form = true;
    if (!ok || !cf_view_eq(value_of(c, &f[P_ALGORITHM]), CF_LIT(ALGORITHM)) ||
        !read_credential(value_of(c, &f[P_CREDENTIAL]), c) ||
        !cf_is_ok(cf_parse_u64(value_of(c, &f[P_EXPIRES]), CF_SIGV4_EXPIRES_S_MAX, &expires)) ||
        expires == 0) {
        return stop(CF_SIGV4_INCOMPLETE, ret);
    }
    c->date = value_of(c, &f[P_DATE]);
    c->expires_s = (uint32_t)expires;
    c->signed_headers = value_of(c, &f[P_SIGNED_HEADERS]);
    c->signature = value_of(c, &f[P_SIGNATURE]);
    c->session_token = f[P_TOKEN].times == 1 ? value_of(c, &f[P_TOKEN]) : CF_VIEW_EMPTY;
    return cf_ok();
}

/* What both forms must have. */
static cf_result check_claim(cf_sigv4_claim *c, cf_sigv4_verdict *ret)
{
    if (c->signed_headers.len == 0 || c->signature.len != CF_SIGV4_HEX_BYTES ||
        c->session_token.len > CF_SIGV4_TOKEN_BYTES_MAX ||
        !cf_is_ok(cf_sigv4_parse_date(c->date, &c->unix_s))) {
        return stop(CF_SIGV4_INCOMPLETE, ret);
    }
    *ret = CF_SIGV4_HOLDS;
    return cf_ok();
}

CF_MUST_USE cf_result cf_sigv4_claim_read(const cf_sigv4_request *q, cf_sigv4_claim *ret,
                                          cf_sigv4_verdict *ret_verdict)
{
    found f[P_COUNT] = {{0, 0, 0}};
    CF_AUTO(cf_sigv4_claim_free) cf_sigv4_claim by_query = {.query_form = true};
    size_t headers;
    *ret = (cf_sigv4_claim){.query_form = false};
    *ret_verdict = CF_SIGV4_INCOMPLETE;
    cf_view authorization = header_of(q, CF_LIT("authorization"), &headers);
    cf_result r = collect(q->query, &by_query, f);
    CF_REQUIRE(r.code != CF_ERR_NO_MEMORY, NO_MEMORY);
    bool in_query = f[P_ALGORITHM].times > 0 || f[P_SIGNATURE].times > 0;
    if (headers == 0 && !in_query && cf_is_ok(r)) {
        return stop(CF_SIGV4_UNSIGNED, ret_verdict);
    }
    if (!cf_is_ok(r) || headers + in_query != 1) {
        return stop(CF_SIGV4_INCOMPLETE, ret_verdict);
    }
    if (in_query) {
        *ret = by_query;
        by_query = (cf_sigv4_claim){.query_form = true};
        CF_TRY(read_query_form(ret, f, ret_verdict));
    } else {
        CF_TRY(read_header_form(q, authorization, ret, ret_verdict));
    }
    return check_claim(ret, ret_verdict);
}

/* --- what is proven --- */

static bool is_signed(cf_view names, cf_view header)
{
    while (names.len > 0) {
        if (cf_sigv4_name_cmp(take_until(&names, ';'), header) == 0) {
            return true;
        }
    }
    return false;
}

/* The request as far as it is signed. *ret_headers is filled from its start. */
static cf_result signed_part(const cf_sigv4_claim *c, const cf_sigv4_request *q,
                             cf_sigv4_header ret_headers[static CF_SIGV4_HEADERS_MAX],
                             cf_sigv4_request *ret, cf_sigv4_verdict *ret_verdict)
{
    size_t n = 0, hosts = 0;
    if (q->headers_n > CF_SIGV4_HEADERS_MAX) {
        return stop(CF_SIGV4_MISMATCH, ret_verdict);
    }
    for (size_t i = 0; i < q->headers_n; i++) {
        cf_view name = q->headers[i].name;
        bool in_list = is_signed(c->signed_headers, name);
        bool host = cf_sigv4_name_cmp(name, CF_LIT("host")) == 0;
        hosts += host;
        if (!in_list && (host || has_prefix_fold(name, CF_LIT("x-amz-")))) {
            return stop(CF_SIGV4_HEADER_UNSIGNED, ret_verdict);
        }
        if (in_list) {
            ret_headers[n] = q->headers[i];
            n++;
        }
    }
    if (hosts != 1) {
        return stop(CF_SIGV4_HEADER_UNSIGNED, ret_verdict);
    }
    *ret = *q;
    ret->headers = ret_headers;
    ret->headers_n = n;
    ret->query = cf_buf_view(&c->query);
    return cf_ok();
}

static cf_result check_scope(const cf_sigv4_claim *c, const cf_sigv4_expected *e,
                             cf_sigv4_verdict *ret)
{
    if (!cf_view_eq(c->scope_date, cf_view_sub(c->date, 0, DAY_BYTES))) {
        return stop(CF_SIGV4_SCOPE_DATE, ret);
    }
    if (!cf_view_eq(c->region, e->region)) {
        return stop(CF_SIGV4_SCOPE_REGION, ret);
    }
    if (!cf_view_eq(c->service, e->service)) {
        return stop(CF_SIGV4_SCOPE_SERVICE, ret);
    }
    return cf_ok();
}

static cf_result check_time(const cf_sigv4_claim *c, const cf_sigv4_expected *e,
                            cf_sigv4_verdict *ret)
{
    uint64_t life = c->query_form ? c->expires_s : CF_SIGV4_SKEW_S;
    if (c->unix_s > e->now_s && c->unix_s - e->now_s > CF_SIGV4_SKEW_S) {
        return stop(CF_SIGV4_NOT_YET, ret);
    }
    if (e->now_s > c->unix_s && e->now_s - c->unix_s > life) {
        return stop(CF_SIGV4_EXPIRED, ret);
    }
    return cf_ok();
}

static cf_result check_body(const cf_sigv4_request *q, cf_sigv4_verdict *ret)
{
    size_t n;
    cf_view told = header_of(q, CF_LIT("x-amz-content-sha256"), &n);
    return n == 0 || (n == 1 && cf_view_eq(told, q->body_sha256)) ? cf_ok()
                                                                  : stop(CF_SIGV4_BODY, ret);
}

static cf_result check_signature(const cf_sigv4_claim *c, const cf_sigv4_request *q,
                                 const cf_sigv4_expected *e, cf_sigv4_verdict *ret)
{
    cf_sigv4_scope scope = {c->unix_s, e->region, e->service};
    uint8_t signature[CF_SIGV4_HEX_BYTES];
    CF_BUF(canonical);
    CF_BUF(names);
    CF_BUF(to_sign);
    CF_SECRET(key);
    cf_result r = cf_sigv4_canonical(q, &canonical, &names);
    CF_REQUIRE(r.code != CF_ERR_NO_MEMORY, NO_MEMORY);
    /* The list must be the very one that is signed: in order, nothing twice, nothing that is not there. */
    if (!cf_is_ok(r) || !cf_view_eq(cf_buf_view(&names), c->signed_headers)) {
        return stop(CF_SIGV4_MISMATCH, ret);
    }
    CF_TRY(cf_sigv4_string_to_sign(&scope, cf_buf_view(&canonical), &to_sign));
    CF_TRY(cf_sigv4_key(e->secret, &scope, &key));
    CF_TRY(cf_sigv4_signature(&key, cf_buf_view(&to_sign), signature));
    return cf_ct_eq(CF_VIEW_OF(signature), c->signature) ? cf_ok() : stop(CF_SIGV4_MISMATCH, ret);
}

CF_MUST_USE cf_result cf_sigv4_verify(const cf_sigv4_claim *c, const cf_sigv4_request *q,
                                      const cf_sigv4_expected *e, cf_sigv4_verdict *ret_verdict)
{
    cf_sigv4_header headers[CF_SIGV4_HEADERS_MAX];
    cf_sigv4_request covered;
    *ret_verdict = CF_SIGV4_MISMATCH;
    CF_TRY(signed_part(c, q, headers, &covered, ret_verdict));
    CF_TRY(check_scope(c, e, ret_verdict));
    CF_TRY(check_time(c, e, ret_verdict));
    CF_TRY(check_body(q, ret_verdict));
    CF_TRY(check_signature(c, &covered, e, ret_verdict));
    *ret_verdict = CF_SIGV4_HOLDS;
    return cf_ok();
}
