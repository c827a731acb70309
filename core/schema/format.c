/* SPDX-License-Identifier: Apache-2.0 */
/* The formats of docs/schemas.md, each a matcher of the whole text. Only ASCII matches. */
#include "core/schema/schema_priv.h"

#define E164_DIGITS_MIN 2 /* behind the plus sign */
#define E164_DIGITS_MAX 15
#define DATE_BYTES 10
#define LABEL_BYTES_MAX 63 /* of a domain name: RFC 1035 section 2.3.4 */

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool all_digits(cf_view v)
{
    for (size_t i = 0; i < v.len; i++) {
        if (!is_digit(v.data[i])) {
            return false;
        }
    }
    return true;
}

static bool is_e164(cf_view v)
{
    return v.len >= 1 + E164_DIGITS_MIN && v.len <= 1 + E164_DIGITS_MAX && v.data[0] == '+' &&
           v.data[1] != '0' && all_digits(cf_view_sub(v, 1, v.len - 1));
}

static unsigned number(cf_view v, size_t off, size_t len)
{
    unsigned n = 0;
    for (size_t i = off; i < off + len; i++) {
        n = 10 * n + (unsigned)(v.data[i] - '0');
    }
    return n;
}

/* A day of the Gregorian calendar, years 1 to 9999. */
static bool is_date(cf_view v)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (v.len != DATE_BYTES || v.data[4] != '-' || v.data[7] != '-' ||
        !all_digits(cf_view_sub(v, 0, 4)) || !all_digits(cf_view_sub(v, 5, 2)) ||
        !all_digits(cf_view_sub(v, 8, 2))) {
        return false;
    }
    unsigned year = number(v, 0, 4), month = number(v, 5, 2), day = number(v, 8, 2);
    if (year == 0 || month == 0 || month > 12 || day == 0) {
        return false;
    }
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return day <= days[month - 1] + (month == 2 && leap ? 1u : 0u);
}

static bool is_postal_code(cf_view v)
{
    for (size_t i = 0; i < v.len; i++) {
        uint8_t c = v.data[i];
        if (!is_letter(c) && !is_digit(c) && c != '-' && c != ' ') {
            return false;
        }
    }
    return true;
}

static bool is_country_code(cf_view v)
{
    return v.len == 2 && is_letter(v.data[0]) && is_letter(v.data[1]);
}

/* Octets of the first part of an address, up to the '@'; 0 when there is none. */
static size_t mailbox(cf_view v)
{
    const cf_view marks = CF_LIT(".!#$%&'*+/=?^_`{|}~-");
    size_t len = 0;
    while (len < v.len && v.data[len] != '@') {
        uint8_t c = v.data[len];
        bool ok = is_letter(c) || is_digit(c);
        for (size_t i = 0; i < marks.len; i++) {
            ok = ok || c == marks.data[i];
        }
        if (!ok) {
            return 0;
        }
        len++;
    }
    return len < v.len ? len : 0;
}

/* Labels of letters, digits and inner hyphens, joined by dots. */
static bool is_domain(cf_view v)
{
    size_t label = 0;
    for (size_t i = 0; i < v.len; i++) {
        uint8_t c = v.data[i];
        if (c == '.') {
            if (label == 0 || v.data[i - 1] == '-') {
                return false;
            }
            label = 0;
            continue;
        }
        if (!is_letter(c) && !is_digit(c) && (c != '-' || label == 0)) {
            return false;
        }
        label++;
        if (label > LABEL_BYTES_MAX) {
            return false;
        }
    }
    return label > 0 && v.data[v.len - 1] != '-';
}

/* The addresses that HTML forms take. */
static bool is_email(cf_view v)
{
    size_t at = mailbox(v);
    return at > 0 && is_domain(cf_view_sub(v, at + 1, v.len - at - 1));
}

const schema_format *cf_schema_format(cf_view name)
{
    static const schema_format formats[] = {
        {{(const uint8_t *)"country-code", 12}, is_country_code, "is not two letters", false},
        {{(const uint8_t *)"date", 4}, is_date, "is not a calendar date like 1979-04-05", false},
        {{(const uint8_t *)"digits", 6}, all_digits, "is not digits only", true},
        {{(const uint8_t *)"e164", 4},
         is_e164,
         "is not a telephone number like +41441234567",
         false},
        {{(const uint8_t *)"email", 5}, is_email, "is not an e-mail address", false},
        {{(const uint8_t *)"postal-code", 11},
         is_postal_code,
         "has other characters than letters, digits, blanks and hyphens",
         false},
    };
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (cf_view_eq(name, formats[i].name)) {
            return &formats[i];
        }
    }
    return NULL;
}
