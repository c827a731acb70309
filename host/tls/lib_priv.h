/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "host/tls/server.h"

struct cf_tls_server {
    SSL_CTX *ctx;
    BIO_METHOD *socket; /* how the library reads and writes: layer.c */
};

/** The table of socket; NULL when there is no memory. */
BIO_METHOD *cf_tls_server_socket_new(void);
