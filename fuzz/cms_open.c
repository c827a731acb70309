/* SPDX-License-Identifier: Apache-2.0 */
/* cf_cms_open, cf_cms_parse with the throw-away key of tests/vectors/cms; cf_kms_attested_decode of every operation, cf_kms_pair_answer,
 * cf_kms_fault_of. The input: a message; and the same octets as the body of an answer, and as the field that tells an error's name. */
#include "core/codec/base64.h"
#include "core/kms/attested.h"
#include "core/kms/cms_priv.h"
#include "core/kms/fault.h"
#include "fuzz/check.h"

#include "fuzz/cms_key.h"

static const cf_rsa_key *key(void)
{
    static cf_rsa_key *k;
    if (k == NULL) {
        CF_BUF(der);
        fuzz_ok(cf_base64_decode(cf_view_str(cms_key_pkcs8), &der));
        fuzz_ok(cf_rsa_from_pkcs8(cf_buf_view(&der), &k));
    }
    return k;
}

static void message(cf_view in)
{
    CF_AUTO(cf_cms_parts_clear) cf_cms_parts p = {.iv = CF_VIEW_EMPTY};
    CF_BUF(plaintext);
    CF_BUF(spki);
    CF_BUF(made);
    CF_BUF(again);
    cf_result parsed = cf_cms_parse(in, &p);
    fuzz_check(cf_is_ok(parsed) ? p.iv.len == CF_CMS_IV_BYTES : p.ciphertext.len == 0);
    fuzz_check(p.ciphertext.len <= in.len);
    if (cf_is_ok(parsed) && p.encrypted_key.len != CF_RSA_BYTES) {
        return;
    }
    cf_result opened = cf_cms_open(key(), in, &plaintext);
    fuzz_check(cf_is_ok(opened) || (opened.code == CF_ERR_OPEN && plaintext.len == 0));
    fuzz_check(!cf_is_ok(opened) || cf_is_ok(parsed));
    if (cf_is_ok(opened)) {
        fuzz_ok(cf_rsa_public_spki(key(), &spki));
        cf_result r = cf_cms_make(cf_buf_view(&spki), cf_buf_view(&plaintext),
                                  (cf_cms_form)(in.len % 2), &made);
        fuzz_check(cf_is_ok(r) || r.code == CF_ERR_SIZE);
        if (cf_is_ok(r)) {
            fuzz_ok(cf_cms_open(key(), cf_buf_view(&made), &again));
            fuzz_check(cf_view_eq(cf_buf_view(&plaintext), cf_buf_view(&again)));
        }
    }
}

static void answers(cf_view in)
{
    CF_BUF(a);
    CF_BUF(b);
    CF_BUF(name);
    for (unsigned op = 0; op < CF_KMS_OP_COUNT; op++) {
        CF_AUTO(cf_kms_attested_answer_free) cf_kms_attested_answer answer = {.cms = CF_BUF_EMPTY};
        cf_result decoded = cf_kms_attested_decode((cf_kms_op)op, in, &answer);
        fuzz_check(cf_is_ok(decoded) ? answer.cms.len > 0 && answer.cms.len <= CF_CMS_BYTES_MAX
                                     : decoded.code == CF_ERR_KMS_ANSWER && answer.cms.len == 0);
    }
    fuzz_check(cf_kms_fault_of(CF_VIEW_EMPTY, in)->code[0] != '\0');
    cf_result r = cf_kms_pair_answer(in, &a, &b);
    fuzz_check(cf_is_ok(r) ? a.len > 0 && b.len > 0
                           : r.code == CF_ERR_KMS_ANSWER && a.len == 0 && b.len == 0);
    cf_err err = cf_kms_error(400, in, &name);
    fuzz_check(err == CF_ERR_KMS_REFUSED || err == CF_ERR_KMS_UNAVAILABLE);
    fuzz_check(name.len < 64);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cf_view in = cf_view_make(data, size);
    message(in);
    answers(in);
    return 0;
}
