/* SPDX-License-Identifier: Apache-2.0 */
/* How this folder holds libcrypto's objects (freed by scope) and reads its answers (one error, an empty error queue). */
#pragma once
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "core/crypto/primitives.h"

/* CF_AUTO(cf_lib_free_X) X *p = NULL; */
#define CF_LIB_FREE(type, fn)                                                                      \
    static inline void cf_lib_free_##type(type **p)                                                \
    {                                                                                              \
        fn(*p);                                                                                    \
        *p = NULL;                                                                                 \
    }
CF_LIB_FREE(BIGNUM, BN_clear_free)
CF_LIB_FREE(BN_CTX, BN_CTX_free)
CF_LIB_FREE(EC_GROUP, EC_GROUP_free)
CF_LIB_FREE(EC_POINT, EC_POINT_clear_free)
CF_LIB_FREE(EVP_MD_CTX, EVP_MD_CTX_free)
CF_LIB_FREE(EVP_CIPHER_CTX, EVP_CIPHER_CTX_free)
CF_LIB_FREE(EVP_PKEY, EVP_PKEY_free)
CF_LIB_FREE(EVP_PKEY_CTX, EVP_PKEY_CTX_free)
CF_LIB_FREE(X509, X509_free)

/** Memory that libcrypto allocated for an encoding: wiped, since it may hold a key. */
typedef struct {
    uint8_t *data;
    size_t len;
} cf_lib_octets;

static inline void cf_lib_free_octets(cf_lib_octets *o)
{
    cf_wipe(o->data, o->len);
    OPENSSL_free(o->data);
    *o = (cf_lib_octets){NULL, 0};
}

/** CF_OK when the call worked; else err, or NO_MEMORY when that is what the library said. The error queue is emptied, so that
 *  nothing of one request is left for the next on this thread. */
CF_MUST_USE cf_result cf_lib_ok(bool worked, cf_err err);

/** The library's hash; NULL for no cf_hash. */
const EVP_MD *cf_lib_md(cf_hash h);

/** Overwrites the stack below the caller, where libcrypto's frames have been. */
void cf_lib_wipe_stack(void);
