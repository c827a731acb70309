/* SPDX-License-Identifier: Apache-2.0 */
/* cf_row_decode, and with it cf_field_get and cf_write_ref_get: what decodes encodes to the same octets, since a row has one form,
 * and every field is found by its name. */
#include "core/vault/record.h"

#include "fuzz/check.h"

#define ARENA_BYTES ((size_t)1 << 17)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CF_ARENA(arena, ARENA_BYTES);
    CF_BUF(out);
    cf_row row;
    cf_view in = cf_view_make(data, size);
    if (!cf_is_ok(cf_row_decode(in, &arena, &row))) {
        fuzz_check(row.id.data == NULL && row.fields == NULL);
        return 0;
    }
    fuzz_ok(cf_row_encode(&row, &out));
    fuzz_check(cf_view_eq(cf_buf_view(&out), in));
    for (size_t i = 0; i < row.fields_n; i++) {
        const cf_field *f = &row.fields[i];
        fuzz_check(cf_row_field(&row, f->name) == f);
        fuzz_check(cf_field_size_ok(f, row.suite));
        fuzz_check(f->encoding != CF_ENC_WRITE || f->write < row.writes_n);
    }
    fuzz_check(row.tombstone == (row.kms_key.len == 0));
    return 0;
}
