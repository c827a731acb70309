/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/rsa_count.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "sys/linux/log.h"

static atomic_uint made;
static _Thread_local bool within; /* one way that the library goes through the other */

int __real_EVP_PKEY_keygen(EVP_PKEY_CTX *ctx, EVP_PKEY **ret);
int __real_RSA_generate_key_ex(RSA *rsa, int bits, const BIGNUM *e, BN_GENCB *progress);

static void tell(void)
{
    cf_log(CF_LOG_INFO, RSA_COUNT_EVENT, "n=%u", atomic_fetch_add(&made, 1) + 1);
}

int __wrap_EVP_PKEY_keygen(EVP_PKEY_CTX *ctx, EVP_PKEY **ret)
{
    bool outer = !within;
    within = true;
    int ok = __real_EVP_PKEY_keygen(ctx, ret);
    within = !outer;
    if (outer && ok == 1 && EVP_PKEY_id(*ret) == EVP_PKEY_RSA) {
        tell();
    }
    return ok;
}

int __wrap_RSA_generate_key_ex(RSA *rsa, int bits, const BIGNUM *e, BN_GENCB *progress)
{
    if (!within) {
        tell();
    }
    return __real_RSA_generate_key_ex(rsa, bits, e, progress);
}
