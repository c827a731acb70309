/* SPDX-License-Identifier: Apache-2.0 */
/* base64.encode and base64.decode: RFC 4648 section 4, the standard alphabet. */
#include "core/cel/function.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static cf_result encode(cf_cel_run *run, const cf_cel_value *args, uint32_t n, cf_cel_value *ret)
{
    (void)n;
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

/* Padding is complete or absent; CR and LF may stand anywhere; spare bits are not looked at, as in the other implementations. */
static cf_result decode(cf_cel_run *run, const cf_cel_value *args, uint32_t n, cf_cel_value *ret)
{
    (void)n;
    size_t len = args[0].len, digits = 0, padding = 0, out = 0;
    uint8_t *to;
    CF_TRY(cf_cel_charge_text(run, 2 * len));
    CF_TRY(cf_cel_text_new(run, CF_CEL_BYTES, len / 4 * 3 + len % 4, &to, ret));
    uint32_t group = 0;
    for (size_t at = 0; at < len; at++) {
        uint8_t c = args[0].s[at];
        if (c == '\r' || c == '\n') {
            continue;
        }
        if (c == '=') {
            padding++;
            continue;
        }
        uint32_t digit = digit_of(c);
        CF_REQUIRE(digit < 64 && padding == 0, CEL_CONVERT);
        group = group << 6 | digit;
        digits++;
        if (digits % 4 != 1) {
            to[out++] = (uint8_t)(group >> 2 * ((4 - digits % 4) % 4));
        }
    }
    CF_REQUIRE(digits % 4 != 1 && (padding == 0 || (digits + padding) % 4 == 0) && padding < 3,
               CEL_CONVERT);
    ret->len = (uint32_t)out;
    return cf_ok();
}

static const cf_cel_function rows[] = {
    {"base64.encode", "(bytes)->string", encode, 0},
    {"base64.decode", "(string)->bytes", decode, 0},
};

const cf_cel_library cf_cel_lib_encoders = {rows, sizeof rows / sizeof rows[0]};
