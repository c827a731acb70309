/* SPDX-License-Identifier: Apache-2.0 */
/* cf_json_*: what parses is dumped, parsed and dumped again without a difference; a string that we write is the string that
 * jansson reads. */
#include "core/codec/json.h"

#include <string.h>

#include "fuzz/check.h"

#define TEXT_BYTES_MAX ((size_t)1 << 16)

static void as_json(cf_view in)
{
    CF_JSON(first);
    CF_JSON(second);
    CF_BUF(a);
    CF_BUF(b);
    cf_result r = cf_json_parse(in, TEXT_BYTES_MAX, &first);
    fuzz_check(cf_is_ok(r) == (first != NULL));
    fuzz_check(r.code != CF_ERR_NO_MEMORY && r.code != CF_ERR_INTERNAL);
    if (!cf_is_ok(r)) {
        return;
    }
    fuzz_ok(cf_json_dump(first, &a));
    fuzz_ok(cf_json_parse(cf_buf_view(&a), CF_BUF_BYTES_MAX, &second));
    fuzz_ok(cf_json_dump(second, &b));
    fuzz_check(cf_view_eq(cf_buf_view(&a), cf_buf_view(&b)));
    fuzz_check(json_equal(first, second) == 1);
    static const char *const names[] = {"a", "b", NULL};
    cf_view text;
    uint64_t n;
    CF_BUF(octets);
    cf_ignore(cf_json_only(first, names));
    cf_ignore(cf_json_get_str(first, "a", 10, &text));
    cf_ignore(cf_json_get_u64(first, "a", 1000, &n));
    cf_ignore(cf_json_get_base64(first, "a", 10, &octets));
    fuzz_check(text.len <= 10 && n <= 1000 && octets.len <= 10);
}

static void as_string(cf_view in)
{
    CF_BUF(text);
    cf_result r = cf_json_put_string(&text, in);
    fuzz_check(cf_is_ok(r) == cf_utf8_ok(in));
    if (!cf_is_ok(r)) {
        return;
    }
    CF_JSON(back);
    CF_JSON(made);
    made = cf_json_str(in);
    r = cf_json_parse(cf_buf_view(&text), CF_BUF_BYTES_MAX, &back);
    bool nul = in.len > 0 && memchr(in.data, 0, in.len) != NULL;
    fuzz_check(cf_is_ok(r) == !nul && (made != NULL) == !nul);
    if (!nul) {
        fuzz_check(cf_view_eq(cf_view_make(json_string_value(back), json_string_length(back)), in));
        fuzz_check(json_equal(back, made) == 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    as_json(cf_view_make(data, size));
    as_string(cf_view_make(data, size));
    return 0;
}
