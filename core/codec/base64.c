/* SPDX-License-Identifier: Apache-2.0 */
#include "core/codec/base64.h"

static const char base64_digits[64 + 1] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char hex_digits[16 + 1] = "0123456789abcdef";

/* Digit values plus one. Octets that are no digit are 0, and value() turns that into a number with
 * high bits set; so the values of many digits are looked up and ORed without a branch, and one test
 * finds a bad one among them. */
static const uint8_t base64_plus1[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
};
static const uint8_t hex_plus1[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

#define BASE64_BAD (~(uint32_t)0x3F)
#define HEX_BAD (~(uint32_t)0x0F)

static uint32_t value(const uint8_t *plus1, uint8_t digit)
{
    return (uint32_t)plus1[digit] - 1;
}

CF_MUST_USE cf_result cf_base64_encode(cf_view v, cf_buf *out)
{
    CF_REQUIRE(v.len <= CF_BUF_BYTES_MAX, SIZE);
    size_t text_len = (v.len + 2) / 3 * 4;
    CF_TRY(cf_buf_reserve(out, text_len));
    size_t whole = v.len / 3 * 3, rest = v.len - whole;
    uint8_t *to = text_len == 0 ? NULL : out->data + out->len;
    for (size_t i = 0; i < whole; i += 3, to += 4) {
        uint32_t n = (uint32_t)v.data[i] << 16 | (uint32_t)v.data[i + 1] << 8 | v.data[i + 2];
        to[0] = (uint8_t)base64_digits[n >> 18];
        to[1] = (uint8_t)base64_digits[n >> 12 & 0x3F];
        to[2] = (uint8_t)base64_digits[n >> 6 & 0x3F];
        to[3] = (uint8_t)base64_digits[n & 0x3F];
    }
    if (rest > 0) {
        uint32_t n = (uint32_t)v.data[whole] << 16;
        n |= rest == 2 ? (uint32_t)v.data[whole + 1] << 8 : 0;
        to[0] = (uint8_t)base64_digits[n >> 18];
        to[1] = (uint8_t)base64_digits[n >> 12 & 0x3F];
        to[2] = rest == 2 ? (uint8_t)base64_digits[n >> 6 & 0x3F] : (uint8_t)'=';
        to[3] = (uint8_t)'=';
    }
    out->len += text_len;
    return cf_ok();
}

/* The last group of a text, which may end in one or two '='. Writes 1 to 3 octets and says how
 * many; 0 when malformed. */
static size_t decode_last(const uint8_t *at, uint8_t *to)
{
    size_t digits = at[3] != '=' ? 4 : (at[2] != '=' ? 3 : 2);
    uint32_t bad = 0, n = 0;
    for (size_t i = 0; i < 4; i++) {
        uint32_t digit = i < digits ? value(base64_plus1, at[i]) : 0;
        bad |= digit & BASE64_BAD;
        n = n << 6 | (digit & 0x3F);
    }
    /* RFC 4648 section 3.5: the bits that stand for no octet must be zero, else one value would
     * have several texts. */
    uint32_t spare = digits == 4 ? 0 : (digits == 3 ? 0xFF : 0xFFFF);
    if (bad != 0 || (n & spare) != 0) {
        return 0;
    }
    for (size_t i = 0; i < digits - 1; i++) {
        to[i] = (uint8_t)(n >> (16 - 8 * i));
    }
    return digits - 1;
}

CF_MUST_USE cf_result cf_base64_decode(cf_view text, cf_buf *out)
{
    CF_REQUIRE(text.len % 4 == 0, MALFORMED);
    if (text.len == 0) {
        return cf_ok();
    }
    CF_TRY(cf_buf_reserve(out, text.len / 4 * 3));
    uint8_t *to = out->data + out->len;
    uint32_t bad = 0;
    size_t last = text.len - 4;
    for (size_t i = 0; i < last; i += 4, to += 3) {
        uint32_t a = value(base64_plus1, text.data[i]);
        uint32_t b = value(base64_plus1, text.data[i + 1]);
        uint32_t c = value(base64_plus1, text.data[i + 2]);
        uint32_t d = value(base64_plus1, text.data[i + 3]);
        bad |= a | b | c | d;
        uint32_t n = a << 18 | b << 12 | c << 6 | d;
        to[0] = (uint8_t)(n >> 16);
        to[1] = (uint8_t)(n >> 8);
        to[2] = (uint8_t)n;
    }
    size_t tail = decode_last(text.data + last, to);
    CF_REQUIRE((bad & BASE64_BAD) == 0 && tail > 0, MALFORMED);
    out->len += last / 4 * 3 + tail;
    return cf_ok();
}

CF_MUST_USE cf_result cf_hex_encode(cf_view v, cf_buf *out)
{
    CF_REQUIRE(v.len <= CF_BUF_BYTES_MAX / 2, SIZE);
    CF_TRY(cf_buf_reserve(out, 2 * v.len));
    for (size_t i = 0; i < v.len; i++) {
        uint8_t *to = out->data + out->len + 2 * i;
        to[0] = (uint8_t)hex_digits[v.data[i] >> 4];
        to[1] = (uint8_t)hex_digits[v.data[i] & 0x0F];
    }
    out->len += 2 * v.len;
    return cf_ok();
}

CF_MUST_USE cf_result cf_hex_decode(cf_view text, cf_buf *out)
{
    CF_REQUIRE(text.len % 2 == 0, MALFORMED);
    CF_TRY(cf_buf_reserve(out, text.len / 2));
    uint32_t bad = 0;
    for (size_t i = 0; i < text.len / 2; i++) {
        uint32_t high = value(hex_plus1, text.data[2 * i]);
        uint32_t low = value(hex_plus1, text.data[2 * i + 1]);
        bad |= high | low;
        out->data[out->len + i] = (uint8_t)(high << 4 | low);
    }
    CF_REQUIRE((bad & HEX_BAD) == 0, MALFORMED);
    out->len += text.len / 2;
    return cf_ok();
}
