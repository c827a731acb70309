/* SPDX-License-Identifier: Apache-2.0 */
/* cf_results_decode: what decodes encodes and decodes to the same results. Octets may differ where a code was unknown or keys
 * were skipped. */
#include "core/wire/wire.h"

#include "fuzz/check.h"

#define ARENA_BYTES ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CF_ARENA(arena, ARENA_BYTES);
    CF_BUF(again);
    const cf_field_result *first, *second;
    size_t n, m;
    if (!cf_is_ok(cf_results_decode(cf_view_make(data, size), &arena, &first, &n))) {
        fuzz_check(first == NULL && n == 0);
        return 0;
    }
    if (!cf_is_ok(cf_results_encode(first, n, &again))) {
        return 0; /* the codes grew to "internal", and with them the body over its limit */
    }
    fuzz_ok(cf_results_decode(cf_buf_view(&again), &arena, &second, &m));
    fuzz_check(n == m);
    for (size_t i = 0; i < n; i++) {
        fuzz_check(first[i].code == second[i].code);
        fuzz_check(cf_view_eq(first[i].name, second[i].name));
        fuzz_check(cf_view_eq(first[i].value, second[i].value));
    }
    return 0;
}
