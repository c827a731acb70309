/* SPDX-License-Identifier: Apache-2.0 */
/* TLS as a server, as a layer of an HTTP server: TLS 1.3, or 1.2 with ephemeral keys and AEAD. Nothing of a session outlives its
 * connection: no tickets, no resumption, no early data. Clients are not asked for certificates. Apart from sys/tls, whose code is the
 * enclave's. */
#pragma once
#include "host/http/server.h"

#define CF_TLS_SERVER_CERTIFICATES_MAX 6  /* of a chain, the server's own first */
#define CF_TLS_SERVER_PEM_BYTES_MAX 32768 /* a text of certificates, or of the key */
#define CF_TLS_SERVER_RSA_BITS_MIN 2048
/* What a client may send without a word for HTTP among it: its part of the handshake, or records that are empty or about keys. */
#define CF_TLS_SERVER_SILENT_BYTES_MAX 32768

/** Certificates and key of a server; shared by threads. Outlives its connections. */
typedef struct cf_tls_server cf_tls_server;
/** chain: certificates in PEM, the server's own first, the root's of no use among them; key: its private key in PEM, RSA or EC, not
 *  encrypted. Both may hold other blocks, which are passed over. Neither is looked at after the call; the library keeps a copy of
 *  the key until cf_tls_server_free, and wipes it then.
 *  out   *ret_why what is wrong, static text: "no_certificate" (EMPTY), "bad_certificate" (MALFORMED), "too_large" (SIZE over a limit
 *        above), "bad_key" (KEY: none, encrypted, of another kind, too short), "key_of_another" (KEY); else ""
 *  error also CRYPTO, NO_MEMORY */
CF_MUST_USE cf_result cf_tls_server_new(cf_view chain, cf_view key, cf_tls_server **ret,
                                        const char **ret_why);
/** The same of files; nobody but their user may read or write the key's. What is wrong is logged: "tls.failed".
 *  error also those of cf_file_read and cf_file_check_secret */
CF_MUST_USE cf_result cf_tls_server_read(const char *cert_file, const char *key_file,
                                         cf_tls_server **ret);
void cf_tls_server_free(cf_tls_server **s);

/** The layer; borrows s. Logs a line "tls.refused" with the library's reason for each client with which hands could not be shaken. */
cf_http_layer cf_tls_server_layer(const cf_tls_server *s);
