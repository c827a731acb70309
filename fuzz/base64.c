/* SPDX-License-Identifier: Apache-2.0 */
/* cf_base64_*, cf_hex_*: what decodes encodes to the same text, and what was encoded decodes to the same octets. */
#include "core/codec/base64.h"

#include "fuzz/check.h"

static void as_text(cf_view text)
{
    CF_BUF(octets);
    CF_BUF(again);
    if (cf_is_ok(cf_base64_decode(text, &octets))) {
        fuzz_ok(cf_base64_encode(cf_buf_view(&octets), &again));
        fuzz_check(cf_view_eq(cf_buf_view(&again), text));
    }
    cf_buf_clear(&octets);
    cf_buf_clear(&again);
    if (cf_is_ok(cf_hex_decode(text, &octets))) {
        fuzz_ok(cf_hex_encode(cf_buf_view(&octets), &again));
        fuzz_check(again.len == text.len);
        for (size_t i = 0; i < text.len; i++) {
            uint8_t c = text.data[i];
            fuzz_check(again.data[i] == (c >= 'A' && c <= 'F' ? c + 32 : c));
        }
    }
}

static void as_octets(cf_view octets)
{
    CF_BUF(text);
    CF_BUF(again);
    fuzz_ok(cf_base64_encode(octets, &text));
    fuzz_ok(cf_base64_decode(cf_buf_view(&text), &again));
    fuzz_check(cf_view_eq(cf_buf_view(&again), octets));
    cf_buf_clear(&text);
    cf_buf_clear(&again);
    fuzz_ok(cf_hex_encode(octets, &text));
    fuzz_ok(cf_hex_decode(cf_buf_view(&text), &again));
    fuzz_check(cf_view_eq(cf_buf_view(&again), octets));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    as_text(cf_view_make(data, size));
    as_octets(cf_view_make(data, size));
    return 0;
}
