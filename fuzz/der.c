/* SPDX-License-Identifier: Apache-2.0 */
/* cf_der_*, cf_ber_*: DER is BER and is written back the same; an indefinite body holds whole elements, to any depth. */
#include "core/codec/der.h"

#include "fuzz/check.h"

static void as_der(cf_view in)
{
    cf_reader der = cf_reader_of(in), ber = cf_reader_of(in);
    CF_BUF(out);
    cf_writer w = cf_writer_to(&out, in.len);
    while (der.left > 0 && der.err == CF_OK) {
        cf_der_item a = cf_der_next(&der);
        if (der.err == CF_OK) {
            cf_der_item b = cf_ber_next(&ber);
            fuzz_check(ber.err == CF_OK && a.tag == b.tag && !b.indefinite);
            fuzz_check(a.body.data == b.body.data && a.body.len == b.body.len);
            cf_der_put(&w, a.tag, a.body);
        }
    }
    if (cf_is_ok(cf_read_end(&der))) {
        fuzz_ok(cf_write_end(&w));
        fuzz_check(cf_view_eq(cf_buf_view(&out), in));
    }
}

static void as_ber(cf_view in)
{
    cf_reader r = cf_reader_of(in);
    while (r.left > 0 && r.err == CF_OK) {
        cf_der_item item = cf_ber_next(&r);
        for (size_t depth = 1; item.indefinite; depth++) {
            fuzz_check(depth <= CF_DER_DEPTH_MAX);
            fuzz_check(item.body.data[item.body.len] == 0 &&
                       item.body.data[item.body.len + 1] == 0);
            cf_reader inner = cf_reader_of(item.body);
            cf_der_item last = {.tag = 0};
            while (inner.left > 0) {
                cf_der_item next = cf_ber_next(&inner);
                fuzz_ok((cf_result){inner.err});
                last = next.indefinite ? next : last;
            }
            item = last;
        }
    }
    cf_reader seq = cf_reader_of(in);
    cf_reader inner = cf_ber_enter(&seq, 0x30);
    fuzz_check(inner.err == seq.err && (inner.err == CF_OK || inner.left == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    as_der(cf_view_make(data, size));
    as_ber(cf_view_make(data, size));
    return 0;
}
