/* SPDX-License-Identifier: Apache-2.0 */
/* cf_audit_decode and cf_audit_head_open: what decodes encodes to the same octets; no input is a head, as its key is unknown. */
#include "core/audit/entry.h"

#include "fuzz/check.h"

#define ARENA_BYTES ((size_t)1 << 14)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CF_ARENA(arena, ARENA_BYTES);
    CF_BUF(out);
    cf_audit_entry e;
    cf_audit_head head;
    cf_secret key = {.b = "forty-eight octets of a key that nobody has seen",
                     .len = CF_AUDIT_KEY_BYTES};
    cf_view in = cf_view_make(data, size);
    fuzz_check(cf_audit_head_open(&key, in, &head).code == CF_ERR_AUDIT_ALTERED && head.seq == 0);
    if (!cf_is_ok(cf_audit_decode(in, &arena, &e))) {
        fuzz_check(e.seq == 0 && e.fields == NULL);
        return 0;
    }
    fuzz_ok(cf_audit_encode(&e, &out));
    fuzz_check(cf_view_eq(cf_buf_view(&out), in));
    fuzz_ok(cf_audit_chain(&head, in));
    fuzz_check(head.seq == 1);
    return 0;
}
