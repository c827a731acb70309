/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "sys/tls/tls.h"

struct cf_tls_config {
    SSL_CTX *ctx;
    BIO_METHOD *stream; /* how the library reads and writes: tls.c */
};

/** err, or NO_MEMORY when that is what the library said. Its queue of errors is emptied. */
cf_err cf_tls_lib_error(cf_err err);

/** The table of stream; NULL when there is no memory. */
BIO_METHOD *cf_tls_stream_new(void);
