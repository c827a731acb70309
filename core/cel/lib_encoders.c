/* SPDX-License-Identifier: Apache-2.0 */
/* base64.encode and base64.decode: RFC 4648 section 4, the standard alphabet. */
#include "core/cel/lib_priv.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

CF_CEL_FUNCTION(encode)
{
    size_t len = args[0].len;
    uint8_t *to;
    CF_TRY(cf_cel_charge_text(run, len));
    CF_TRY(cf_cel_text_new(run, CF_CEL_STRING, (len + 2) / 3 * 4, &to, ret));
    ret->flags = CF_CEL_ASCII;
    for (size_t at = 0; at < len; at += 3) {
        size_t have = len - at < 3 ? len - at : 3;
        uint32_t group = 0;
        for (size_t i = 0; i < 3; i++) {
            group = group << 8 | (i < have ? args[0].s[at + i] : 0u);
        }
        for (size_t i = 0; i < 4; i++) {
            *to++ = i <= have ? (uint8_t)alphabet[group >> (18 - 6 * i) & 63] : '=';
        }
    }
    return cf_ok();
}

/* The value of a digit, or 64. */
static uint32_t digit_of(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') {
        return (uint32_t)(c - 'A');
    }
    if (c >= 'a' && c <= 'z') {
        return (uint32_t)(c - 'a') + 26;
    }
    if (c >= '0' && c <= '9') {
        return (uint32_t)(c - '0') + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : 64;
}

/* The digits of a text whose padding is complete or absent; CR and LF may stand anywhere. error CEL_CONVERT */
static cf_result count_digits(cf_view text, size_t *ret)
{
    size_t digits = 0, padding = 0;
    *ret = 0;
    for (size_t at = 0; at < text.len; at++) {
        uint8_t c = text.data[at];
        if (c == '=') {
            padding++;
        } else if (c != '\r' && c != '\n') {
            CF_REQUIRE(digit_of(c) < 64 && padding == 0, CEL_CONVERT);
            digits++;
        }
    }
    CF_REQUIRE(digits % 4 != 1 && (padding == 0 || (padding < 3 && (digits + padding) % 4 == 0)),
               CEL_CONVERT);
    *ret = digits;
    return cf_ok();
}

/* Spare bits of the last digit are not looked at, as in the other implementations. */
CF_CEL_FUNCTION(decode)
{
    size_t digits;
    uint8_t *to;
    CF_TRY(cf_cel_charge_text(run, 4 * (size_t)args[0].len));
    CF_TRY(count_digits(cf_cel_text(&args[0]), &digits));
    CF_TRY(cf_cel_text_new(run, CF_CEL_BYTES, digits * 3 / 4, &to, ret));
    uint32_t group = 0;
    size_t seen = 0;
    for (size_t at = 0; seen < digits; at++) {
        uint32_t digit = digit_of(args[0].s[at]);
        if (digit < 64) {
            group = group << 6 | digit;
            seen++;
            if (seen % 4 != 1) {
                *to++ = (uint8_t)(group >> 2 * ((4 - seen % 4) % 4));
            }
        }
    }
    return cf_ok();
}

static const cf_cel_function rows[] = {
    {"base64.encode", "(bytes)->string", encode, 0},
    {"base64.decode", "(string)->bytes", decode, 0},
};

const cf_cel_library cf_cel_lib_encoders = {rows, sizeof rows / sizeof rows[0]};
