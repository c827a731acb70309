/* SPDX-License-Identifier: Apache-2.0 */
/* cf_decrypt_decode: what decodes encodes to the same octets, or to fewer where keys that may be ignored were skipped, and these
 * decode to the same again. */
#include "core/wire/wire.h"

#include "fuzz/check.h"

#define ARENA_BYTES ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CF_ARENA(arena, ARENA_BYTES);
    CF_BUF(first);
    CF_BUF(second);
    cf_decrypt m;
    cf_view in = cf_view_make(data, size);
    if (!cf_is_ok(cf_decrypt_decode(in, &arena, &m))) {
        fuzz_check(m.fields == NULL && m.vault_id.len == 0);
        return 0;
    }
    fuzz_check(m.fields_n <= CF_REQUEST_FIELDS_MAX && m.fields_n + m.expressions_n > 0);
    fuzz_check(m.expressions_n <= CF_REQUEST_EXPRESSIONS_MAX && m.silent_n <= m.fields_n);
    fuzz_check(m.deadline_ms >= 1 && m.deadline_ms <= CF_DEADLINE_MS_MAX);
    fuzz_ok(cf_decrypt_encode(&m, &first));
    fuzz_check(cf_view_eq(cf_buf_view(&first), in) || first.len < in.len);
    fuzz_ok(cf_decrypt_decode(cf_buf_view(&first), &arena, &m));
    fuzz_ok(cf_decrypt_encode(&m, &second));
    fuzz_check(cf_view_eq(cf_buf_view(&first), cf_buf_view(&second)));
    return 0;
}
