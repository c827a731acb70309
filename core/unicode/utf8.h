/* SPDX-License-Identifier: Apache-2.0 */
/* One code point of UTF-8 at a time (RFC 3629), inline. Whole texts: cf_utf8_ok and cf_utf8_len of core/base/view.h. */
#pragma once
#include "core/base/view.h"

#define CF_UNICODE_LAST 0x10FFFFu
#define CF_UTF8_BYTES_MAX 4 /* of one code point */

/** The code point at offset at, and the number of its octets, 1 to 4. 0 when at is the end or what begins there is not
 *  well-formed (RFC 3629: no surrogates, no overlong forms, at most U+10FFFF); *ret is then 0. */
static inline size_t cf_utf8_get(cf_view text, size_t at, uint32_t *ret)
{
    *ret = 0;
    if (at >= text.len) {
        return 0;
    }
    const uint8_t *p = text.data + at;
    size_t left = text.len - at;
    uint32_t c = p[0];
    if (c < 0x80) {
        *ret = c;
        return 1;
    }
    if (c < 0xC2 || c > 0xF4 || left < 2 || (p[1] & 0xC0) != 0x80) {
        return 0;
    }
    if (c < 0xE0) {
        *ret = (c & 0x1F) << 6 | (p[1] & 0x3Fu);
        return 2;
    }
    if (left < 3 || (p[2] & 0xC0) != 0x80) {
        return 0;
    }
    if (c < 0xF0) {
        c = (c & 0x0F) << 12 | (p[1] & 0x3Fu) << 6 | (p[2] & 0x3Fu);
        if (c < 0x800 || (c >= 0xD800 && c <= 0xDFFF)) {
            return 0;
        }
        *ret = c;
        return 3;
    }
    if (left < 4 || (p[3] & 0xC0) != 0x80) {
        return 0;
    }
    c = (c & 0x07) << 18 | (p[1] & 0x3Fu) << 12 | (p[2] & 0x3Fu) << 6 | (p[3] & 0x3Fu);
    if (c < 0x10000 || c > CF_UNICODE_LAST) {
        return 0;
    }
    *ret = c;
    return 4;
}

/** The code point that ends before offset at, and the number of its octets; 0 at the start, or when what is there is not
 *  well-formed. at <= text.len. */
static inline size_t cf_utf8_get_before(cf_view text, size_t at, uint32_t *ret)
{
    for (size_t n = 1; n <= CF_UTF8_BYTES_MAX && n <= at; n++) {
        if ((text.data[at - n] & 0xC0) != 0x80) {
            return cf_utf8_get((cf_view){text.data, at}, at - n, ret) == n ? n : (*ret = 0);
        }
    }
    *ret = 0;
    return 0;
}

/** Octets of a code point in UTF-8; 0 for a surrogate or what is over CF_UNICODE_LAST. */
static inline size_t cf_utf8_size(uint32_t c)
{
    if (c < 0x80) {
        return 1;
    }
    if (c < 0x800) {
        return 2;
    }
    if (c < 0x10000) {
        return c >= 0xD800 && c <= 0xDFFF ? 0 : 3;
    }
    return c <= CF_UNICODE_LAST ? 4 : 0;
}

/** Writes a code point and returns the number of its octets, as cf_utf8_size; nothing is written where that is 0. */
static inline size_t cf_utf8_put(uint32_t c, uint8_t to[static CF_UTF8_BYTES_MAX])
{
    size_t n = cf_utf8_size(c);
    switch (n) {
    case 1:
        to[0] = (uint8_t)c;
        break;
    case 2:
        to[0] = (uint8_t)(0xC0 | c >> 6);
        to[1] = (uint8_t)(0x80 | (c & 0x3F));
        break;
    case 3:
        to[0] = (uint8_t)(0xE0 | c >> 12);
        to[1] = (uint8_t)(0x80 | (c >> 6 & 0x3F));
        to[2] = (uint8_t)(0x80 | (c & 0x3F));
        break;
    case 4:
        to[0] = (uint8_t)(0xF0 | c >> 18);
        to[1] = (uint8_t)(0x80 | (c >> 12 & 0x3F));
        to[2] = (uint8_t)(0x80 | (c >> 6 & 0x3F));
        to[3] = (uint8_t)(0x80 | (c & 0x3F));
        break;
    default:
        break;
    }
    return n;
}
