/* SPDX-License-Identifier: Apache-2.0 */
/* cf_chain_verify, cf_rsa_oaep_encrypt's reading of a public key. The input: minutes since the start of 2020 in four octets, then
 * certificates, each behind its length in two octets; the last one is the leaf, the first one is trusted. */
#include "core/crypto/sign.h"

#include "core/base/reader.h"
#include "fuzz/check.h"

#define START_MS UINT64_C(1577836800000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cf_reader r = cf_reader_of(cf_view_make(data, size));
    uint64_t at_ms = START_MS + (uint64_t)cf_read_u32(&r) * 60000;
    cf_view certs[CF_CHAIN_CERTS_MAX + 2];
    size_t n = 0;
    while (r.err == CF_OK && r.left > 0 && n < sizeof certs / sizeof certs[0]) {
        size_t len = cf_read_u16(&r);
        certs[n] = cf_read(&r, len < r.left ? len : r.left);
        n++;
    }
    CF_BUF(out);
    if (n == 1) {
        cf_ignore(cf_rsa_oaep_encrypt(certs[0], CF_LIT("x"), &out));
    }
    if (n < 2) {
        return 0;
    }
    cf_dh_public pub;
    cf_result verified = cf_chain_verify(certs[0], certs, n - 1, certs[n - 1], at_ms, &pub);
    fuzz_check(cf_is_ok(verified) == (pub.len > 0));
    fuzz_check(cf_is_ok(verified) || verified.code == CF_ERR_CHAIN || verified.code == CF_ERR_KEY);
    if (cf_is_ok(verified)) {
        fuzz_check(n - 1 <= CF_CHAIN_CERTS_MAX);
        cf_view first = certs[0];
        certs[0] = certs[1]; /* the root is not there any more */
        cf_result other = cf_chain_verify(first, certs, n - 1, certs[n - 1], at_ms, &pub);
        fuzz_check(other.code == CF_ERR_CHAIN || cf_view_eq(first, certs[1]));
    }
    return 0;
}
