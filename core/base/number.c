/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/number.h"

#define U64_DIGITS_MAX 20 /* 18446744073709551615 */

CF_MUST_USE cf_result cf_parse_u64(cf_view text, uint64_t max, uint64_t *ret)
{
    *ret = 0;
    uint64_t n = 0;
    bool over = false;
    CF_REQUIRE(text.len > 0 && (text.data[0] != '0' || text.len == 1), MALFORMED);
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        CF_REQUIRE(c >= '0' && c <= '9', MALFORMED);
        over |=
            __builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, (uint64_t)(c - '0'), &n);
    }
    CF_REQUIRE(!over && n <= max, RANGE);
    *ret = n;
    return cf_ok();
}

CF_MUST_USE cf_result cf_put_u64_dec(cf_buf *out, uint64_t n)
{
    uint8_t digits[U64_DIGITS_MAX];
    size_t at = sizeof digits;
    do {
        at--;
        digits[at] = (uint8_t)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    return cf_buf_append(out, cf_view_make(digits + at, sizeof digits - at));
}
