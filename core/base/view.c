/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/view.h"

int cf_view_cmp(cf_view a, cf_view b)
{
    size_t shared = a.len < b.len ? a.len : b.len;
    int order = shared == 0 ? 0 : memcmp(a.data, b.data, shared);
    if (order != 0) {
        return order;
    }
    return a.len == b.len ? 0 : (a.len < b.len ? -1 : 1);
}

bool cf_ct_eq(cf_view a, cf_view b)
{
    if (a.len != b.len) {
        return false;
    }
    /* volatile keeps the compiler from finding out that it may stop early */
    volatile uint8_t differ = 0;
    for (size_t i = 0; i < a.len; i++) {
        differ = (uint8_t)(differ | (a.data[i] ^ b.data[i]));
    }
    return differ == 0;
}

/* Octets of the sequence that starts at p, or 0 when it is not well-formed (RFC 3629 section 4). */
static size_t utf8_step(const uint8_t *p, size_t left)
{
    uint8_t c = p[0];
    if (c < 0x80) {
        return 1;
    }
    size_t n = c >= 0xF0 ? 4 : (c >= 0xE0 ? 3 : 2);
    if (c < 0xC2 || c > 0xF4 || n > left) {
        return 0;
    }
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    bool overlong = (c == 0xE0 && p[1] < 0xA0) || (c == 0xF0 && p[1] < 0x90);
    bool beyond = (c == 0xED && p[1] > 0x9F) || (c == 0xF4 && p[1] > 0x8F);
    return overlong || beyond ? 0 : n;
}

/* True if the eight octets at p are ASCII. */
static bool eight_ascii(const uint8_t *p)
{
    uint64_t word;
    cf_copy(&word, p, sizeof word);
    return (word & UINT64_C(0x8080808080808080)) == 0;
}

bool cf_utf8_ok(cf_view v)
{
    for (size_t i = 0; i < v.len;) {
        if (v.len - i >= 8 && eight_ascii(v.data + i)) {
            i += 8;
            continue;
        }
        size_t n = utf8_step(v.data + i, v.len - i);
        if (n == 0) {
            return false;
        }
        i += n;
    }
    return true;
}

size_t cf_utf8_len(cf_view v)
{
    size_t points = 0;
    for (size_t i = 0; i < v.len; i++) {
        points += (v.data[i] & 0xC0) != 0x80;
    }
    return points;
}
