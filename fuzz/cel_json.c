/* SPDX-License-Identifier: Apache-2.0 */
/* cf_cel_from_json, cf_cel_to_json: what is read is written, read and written again without a difference, and nothing that is refused
 * leaves a value. A prefix of the input bounds the output. */
#include "core/cel/cel.h"
#include "fuzz/check.h"

#define ARENA_BYTES ((size_t)4 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CF_ARENA(arena, ARENA_BYTES);
    CF_BUF(first);
    CF_BUF(second);
    cf_cel_value v, again;
    cf_view text = cf_view_make(data, size);
    cf_result r = cf_cel_from_json(text, (size_t)1 << 16, &arena, &v);
    fuzz_check(cf_is_ok(r) == cf_cel_is_value(&v));
    fuzz_check(r.code != CF_ERR_NO_MEMORY && r.code != CF_ERR_INTERNAL);
    if (!cf_is_ok(r)) {
        return 0;
    }
    fuzz_ok(cf_cel_to_json(&v, SIZE_MAX, &first));
    fuzz_ok(cf_cel_from_json(cf_buf_view(&first), SIZE_MAX, &arena, &again));
    fuzz_ok(cf_cel_to_json(&again, SIZE_MAX, &second));
    fuzz_check(cf_view_eq(cf_buf_view(&first), cf_buf_view(&second)));
    size_t max = size > 0 ? data[0] : 0;
    cf_buf_clear(&second);
    r = cf_cel_to_json(&v, max, &second);
    fuzz_check(cf_is_ok(r) == (first.len <= max) && second.len == (cf_is_ok(r) ? first.len : 0));
    fuzz_check(cf_is_ok(r) || r.code == CF_ERR_BUDGET);
    return 0;
}
