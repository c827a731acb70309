/* SPDX-License-Identifier: Apache-2.0 */
/* cf_profile_read: values lie in the text, hold no end of line, and are the same when the file is read again with a comment in front. The
 * first octet chooses the kind of the file. */
#include "fuzz/check.h"
#include "host/credentials/profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    cf_view in = cf_view_make(data + 1, size - 1);
    CF_BUF(again);
    cf_profile p, q;
    cf_result r = cf_profile_read(in, CF_LIT("a"), data[0] % 2 == 1, &p);
    fuzz_ok(cf_buf_append(&again, CF_LIT("# comment\n\n")));
    fuzz_ok(cf_buf_append(&again, in));
    cf_result s = cf_profile_read(cf_buf_view(&again), CF_LIT("a"), data[0] % 2 == 1, &q);
    fuzz_check(r.code == s.code || s.code == CF_ERR_SIZE);
    for (size_t i = 0; i < CF_PROFILE_KEY_COUNT && cf_is_ok(s); i++) {
        cf_view v = p.values[i];
        fuzz_check(cf_view_eq(v, q.values[i]) && (v.len == 0 || p.found));
        fuzz_check(v.len == 0 || (v.data >= in.data && v.data + v.len <= in.data + in.len));
        for (size_t k = 0; k < v.len; k++) {
            fuzz_check(v.data[k] != '\n' && v.data[k] != '\0');
        }
    }
    return 0;
}
