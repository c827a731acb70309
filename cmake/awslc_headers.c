/* SPDX-License-Identifier: Apache-2.0 */
/* Proof that the headers seen by a user of cf_crypto are AWS-LC's, and not the system's OpenSSL of the same names. */
#include <openssl/base.h>
#include <openssl/opensslv.h>

#ifndef OPENSSL_IS_AWSLC
#error "the headers of another libcrypto shadow AWS-LC's"
#endif

/* An empty translation unit is not C. */
typedef int cf_awslc_headers_seen;
