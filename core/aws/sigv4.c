/* SPDX-License-Identifier: Apache-2.0 */
#include "core/aws/sigv4_priv.h"
#include "core/base/number.h"
#include "core/codec/base64.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define TERMINATOR "aws4_request"
#define DAY_S 86400
#define DAY_BYTES 8
#define LAST_SECOND UINT64_C(253402300799) /* of the year 9999 */

/* --- time --- */

typedef struct {
    unsigned year, month, day;
} civil;

/* Days since 1970-01-01 as a date of the Gregorian calendar. Years are counted from March, so that the leap day is a year's last. */
static civil date_of(uint64_t days)
{
    const uint64_t era_days = 146097; /* 400 years */
    uint64_t n = days + 719468;       /* since 0000-03-01 */
    uint64_t era = n / era_days, of_era = n % era_days;
    uint64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    uint64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint64_t march_month = (5 * of_year + 2) / 153;
    uint64_t month = march_month < 10 ? march_month + 3 : march_month - 9;
    civil c = {.year = (unsigned)(year_of_era + era * 400 + (month <= 2)),
               .month = (unsigned)month,
               .day = (unsigned)(of_year - (153 * march_month + 2) / 5 + 1)};
    return c;
}

static void put_digits(char *to, unsigned n, size_t digits)
{
    for (size_t i = digits; i > 0; i--) {
        to[i - 1] = (char)('0' + n % 10);
        n /= 10;
    }
}

CF_MUST_USE cf_result cf_sigv4_date(uint64_t unix_s, char ret[static CF_SIGV4_DATE_BYTES + 1])
{
    ret[0] = '\0';
    CF_REQUIRE(unix_s <= LAST_SECOND, RANGE);
    civil c = date_of(unix_s / DAY_S);
    unsigned of_day = (unsigned)(unix_s % DAY_S);
    put_digits(ret, c.year, 4);
    put_digits(ret + 4, c.month, 2);
    put_digits(ret + 6, c.day, 2);
    ret[8] = 'T';
    put_digits(ret + 9, of_day / 3600, 2);
    put_digits(ret + 11, of_day / 60 % 60, 2);
    put_digits(ret + 13, of_day % 60, 2);
    ret[15] = 'Z';
    ret[CF_SIGV4_DATE_BYTES] = '\0';
    return cf_ok();
}

/* --- scope, string to sign, key --- */

/* date/region/service/aws4_request */
static cf_result put_scope(const cf_sigv4_scope *s, cf_view date, cf_buf *out)
{
    CF_REQUIRE(s->region.len > 0 && s->region.len <= CF_SIGV4_NAME_BYTES_MAX, ARGUMENT);
    CF_REQUIRE(s->service.len > 0 && s->service.len <= CF_SIGV4_NAME_BYTES_MAX, ARGUMENT);
    CF_TRY(cf_buf_append(out, cf_view_sub(date, 0, DAY_BYTES)));
    CF_TRY(cf_buf_append(out, CF_LIT("/")));
    CF_TRY(cf_buf_append(out, s->region));
    CF_TRY(cf_buf_append(out, CF_LIT("/")));
    CF_TRY(cf_buf_append(out, s->service));
    return cf_buf_append(out, CF_LIT("/" TERMINATOR));
}

CF_MUST_USE cf_result cf_sigv4_string_to_sign(const cf_sigv4_scope *s, cf_view canonical,
                                              cf_buf *out)
{
    char date[CF_SIGV4_DATE_BYTES + 1];
    cf_digest digest;
    CF_BUF(text);
    CF_TRY(cf_sigv4_date(s->unix_s, date));
    CF_TRY(cf_hash_of(CF_SHA256, canonical, &digest));
    CF_TRY(cf_buf_append(&text, CF_LIT(ALGORITHM "\n")));
    CF_TRY(cf_buf_append(&text, cf_view_str(date)));
    CF_TRY(cf_buf_append(&text, CF_LIT("\n")));
    CF_TRY(put_scope(s, cf_view_str(date), &text));
    CF_TRY(cf_buf_append(&text, CF_LIT("\n")));
    CF_TRY(cf_hex_encode(cf_digest_view(&digest), &text));
    return cf_buf_append(out, cf_buf_view(&text));
}

static void wipe_digest(cf_digest *d)
{
    cf_wipe(d, sizeof *d);
}

CF_MUST_USE cf_result cf_sigv4_key(cf_view secret, const cf_sigv4_scope *s, cf_secret *ret)
{
    char date[CF_SIGV4_DATE_BYTES + 1];
    CF_BUF(first);
    cf_secret_wipe(ret);
    CF_TRY(cf_sigv4_date(s->unix_s, date));
    CF_TRY(cf_buf_append(&first, CF_LIT("AWS4")));
    CF_TRY(cf_buf_append(&first, secret));
    const cf_view steps[] = {cf_view_make(date, DAY_BYTES), s->region, s->service,
                             CF_LIT(TERMINATOR)};
    CF_AUTO(wipe_digest) cf_digest key = {{0}, 0};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        CF_AUTO(wipe_digest) cf_digest next = {{0}, 0};
        cf_view with = i == 0 ? cf_buf_view(&first) : cf_digest_view(&key);
        CF_TRY(cf_hmac_parts(CF_SHA256, with, &steps[i], 1, &next));
        key = next;
    }
    return cf_secret_set(ret, cf_digest_view(&key));
}

CF_MUST_USE cf_result cf_sigv4_signature(const cf_secret *key, cf_view string_to_sign,
                                         uint8_t ret[static CF_SIGV4_HEX_BYTES])
{
    cf_digest mac;
    CF_BUF(hex);
    CF_TRY(cf_hmac_parts(CF_SHA256, cf_secret_view(key), &string_to_sign, 1, &mac));
    CF_TRY(cf_hex_encode(cf_digest_view(&mac), &hex));
    CF_REQUIRE(hex.len == CF_SIGV4_HEX_BYTES, INTERNAL);
    cf_copy(ret, hex.data, CF_SIGV4_HEX_BYTES);
    return cf_ok();
}

static cf_result sign_canonical(const cf_sigv4_credentials *c, const cf_sigv4_scope *s,
                                cf_view canonical, uint8_t ret[static CF_SIGV4_HEX_BYTES])
{
    CF_BUF(to_sign);
    CF_SECRET(key);
    CF_TRY(cf_sigv4_string_to_sign(s, canonical, &to_sign));
    CF_TRY(cf_sigv4_key(c->secret, s, &key));
    return cf_sigv4_signature(&key, cf_buf_view(&to_sign), ret);
}

/* --- header form --- */

/* The value of the one header of that name (lower case), or the empty view. */
static cf_view header_of(const cf_sigv4_request *q, cf_view name)
{
    for (size_t i = 0; i < q->headers_n; i++) {
        cf_view given = q->headers[i].name;
        bool same = given.len == name.len;
        for (size_t k = 0; same && k < name.len; k++) {
            same = (given.data[k] | 0x20) == (name.data[k] | 0x20);
        }
        if (same) {
            return q->headers[i].value;
        }
    }
    return CF_VIEW_EMPTY;
}

CF_MUST_USE cf_result cf_sigv4_authorize(const cf_sigv4_credentials *c, const cf_sigv4_scope *s,
                                         const cf_sigv4_request *q, cf_buf *out)
{
    char date[CF_SIGV4_DATE_BYTES + 1];
    uint8_t signature[CF_SIGV4_HEX_BYTES];
    CF_BUF(canonical);
    CF_BUF(names);
    CF_BUF(value);
    CF_TRY(cf_sigv4_date(s->unix_s, date));
    CF_REQUIRE(header_of(q, CF_LIT("host")).len > 0, ARGUMENT);
    CF_REQUIRE(cf_view_eq(header_of(q, CF_LIT("x-amz-date")), cf_view_str(date)), ARGUMENT);
    CF_TRY(cf_sigv4_canonical(q, &canonical, &names));
    CF_TRY(sign_canonical(c, s, cf_buf_view(&canonical), signature));
    CF_TRY(cf_buf_append(&value, CF_LIT(ALGORITHM " Credential=")));
    CF_TRY(cf_buf_append(&value, c->access_key_id));
    CF_TRY(cf_buf_append(&value, CF_LIT("/")));
    CF_TRY(put_scope(s, cf_view_str(date), &value));
    CF_TRY(cf_buf_append(&value, CF_LIT(", SignedHeaders=")));
    CF_TRY(cf_buf_append(&value, cf_buf_view(&names)));
    CF_TRY(cf_buf_append(&value, CF_LIT(", Signature=")));
    CF_TRY(cf_buf_append(&value, CF_VIEW_OF(signature)));
    return cf_buf_append(out, cf_buf_view(&value));
}

/* --- query form --- */

static cf_result put_param(cf_buf *out, cf_view name, cf_view value)
{
    CF_TRY(cf_buf_append(out, out->len == 0 ? CF_VIEW_EMPTY : CF_LIT("&")));
    CF_TRY(cf_buf_append(out, name));
    CF_TRY(cf_buf_append(out, CF_LIT("=")));
    return cf_sigv4_encode(value, false, out);
}

/* All that the signature covers, in the order in which it is commonly sent. */
static cf_result put_params(const cf_sigv4_credentials *c, const cf_sigv4_scope *s,
                            const cf_sigv4_request *q, uint32_t expires_s, cf_buf *out)
{
    char date[CF_SIGV4_DATE_BYTES + 1];
    CF_BUF(credential);
    CF_BUF(names);
    CF_BUF(expires);
    CF_TRY(cf_sigv4_date(s->unix_s, date));
    CF_TRY(cf_buf_append(&credential, c->access_key_id));
    CF_TRY(cf_buf_append(&credential, CF_LIT("/")));
    CF_TRY(put_scope(s, cf_view_str(date), &credential));
    CF_TRY(cf_sigv4_signed_headers(q, &names));
    CF_TRY(cf_put_u64_dec(&expires, expires_s));
    CF_TRY(put_param(out, CF_LIT("X-Amz-Algorithm"), CF_LIT(ALGORITHM)));
    CF_TRY(put_param(out, CF_LIT("X-Amz-Credential"), cf_buf_view(&credential)));
    CF_TRY(put_param(out, CF_LIT("X-Amz-Date"), cf_view_str(date)));
    CF_TRY(put_param(out, CF_LIT("X-Amz-SignedHeaders"), cf_buf_view(&names)));
    CF_TRY(put_param(out, CF_LIT("X-Amz-Expires"), cf_buf_view(&expires)));
    if (c->session_token.len > 0) {
        CF_TRY(put_param(out, CF_LIT("X-Amz-Security-Token"), c->session_token));
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_sigv4_presign(const cf_sigv4_credentials *c, const cf_sigv4_scope *s,
                                       const cf_sigv4_request *q, uint32_t expires_s, cf_buf *out)
{
    uint8_t signature[CF_SIGV4_HEX_BYTES];
    CF_BUF(query);
    CF_BUF(canonical);
    CF_BUF(names);
    CF_REQUIRE(expires_s >= 1 && expires_s <= CF_SIGV4_EXPIRES_S_MAX, RANGE);
    CF_REQUIRE(header_of(q, CF_LIT("host")).len > 0, ARGUMENT);
    CF_TRY(cf_buf_append(&query, q->query));
    CF_TRY(put_params(c, s, q, expires_s, &query));
    cf_sigv4_request extended = *q;
    extended.query = cf_buf_view(&query);
    CF_TRY(cf_sigv4_canonical(&extended, &canonical, &names));
    CF_TRY(sign_canonical(c, s, cf_buf_view(&canonical), signature));
    CF_TRY(put_param(&query, CF_LIT("X-Amz-Signature"), CF_VIEW_OF(signature)));
    return cf_buf_append(out, cf_buf_view(&query));
}
