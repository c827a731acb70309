/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of attested requests for test_kms_bodies.py: one line for each operation and shape of request: target, blank, body. */
#include <stdio.h>

#include "core/kms/attested.h"

int main(void)
{
    static const cf_kms_pair pairs[] = {{CF_LIT_INIT("tenant"), CF_LIT_INIT("acme")},
                                        {CF_LIT_INIT("a \"b\""), CF_LIT_INIT("\xc3\xa9")}};
    const cf_view doc = CF_LIT("document"), key = CF_LIT("alias/x"), blob = CF_LIT("blob");
    const cf_kms_attested all[] = {
        {.op = CF_KMS_DECRYPT, .document = doc, .blob = blob},
        {.op = CF_KMS_DECRYPT,
         .document = doc,
         .blob = blob,
         .key_id = key,
         .context = pairs,
         .context_n = 2},
        {.op = CF_KMS_DECRYPT,
         .document = doc,
         .blob = blob,
         .key_id = key,
         .algorithm = CF_LIT("RSAES_OAEP_SHA_256")},
        {.op = CF_KMS_DATA_KEY, .document = doc, .key_id = key, .spec = CF_LIT("AES_256")},
        {.op = CF_KMS_DATA_KEY,
         .document = doc,
         .key_id = key,
         .bytes = 64,
         .context = pairs,
         .context_n = 2},
        {.op = CF_KMS_DATA_KEY_PAIR,
         .document = doc,
         .key_id = key,
         .spec = CF_LIT("ECC_NIST_P384"),
         .context = pairs,
         .context_n = 1},
        {.op = CF_KMS_RANDOM, .document = doc, .bytes = 1024},
        {.op = CF_KMS_SHARED_SECRET, .document = doc, .key_id = key, .public_key = CF_LIT("spki")},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        CF_BUF(body);
        cf_view target = cf_kms_target(all[i].op);
        if (!cf_is_ok(cf_kms_attested_encode(&all[i], &body))) {
            return 1;
        }
        printf("%.*s %.*s\n", (int)target.len, (const char *)target.data, (int)body.len,
               (const char *)body.data);
    }
    return 0;
}
