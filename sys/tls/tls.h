/* SPDX-License-Identifier: Apache-2.0 */
/* TLS as a client over a connected stream, with deadlines: docs/design/0005-kms-client.md. TLS 1.3, or 1.2 with ephemeral keys and
 * AEAD; no resumption, so nothing of a session outlives its connection. System calls: those of sys/linux/net_stream.c. */
#pragma once
#include "core/base/buf.h"

#define CF_TLS_ROOTS_MAX 64 /* certificates of a text of roots */
#define CF_TLS_ROOTS_BYTES_MAX 262144
#define CF_TLS_CHAIN_BYTES_MAX 32768 /* certificates that a server sends */
#define CF_TLS_DEPTH_MAX 4           /* of them, between its own and a root */

/** Whom to trust, and what to offer; shared by threads. Outlives its connections. */
typedef struct cf_tls_config cf_tls_config;
/** roots: certificates in PEM, which are then trusted instead of those compiled in (roots.pem); empty: the latter.
 *  Call before the process leaves its files: a library may read its configuration at the first one.
 *  error EMPTY a text without a certificate; MALFORMED one that is none; SIZE over a limit above; CRYPTO, NO_MEMORY */
CF_MUST_USE cf_result cf_tls_config_new(cf_view roots, cf_tls_config **ret);
void cf_tls_config_free(cf_tls_config **c);

/** One connection; one thread's at a time. Deadlines are points of cf_clock_mono_ms. */
typedef struct cf_tls cf_tls;

/** Shakes hands over the descriptor, which stays the caller's, is used until cf_tls_free, and need not block.
 *  in    host: the DNS name that the server's certificate must bear, which is also told to it; unix_s: when the certificates must
 *        hold. Nothing asks whether they were revoked.
 *  out   *ret_why what was wrong, static text: "untrusted", "expired", "not_yet_valid", "wrong_host", "bad_certificate",
 *        "protocol" (with TLS); else "" (with the others)
 *  error CHAIN the certificates do not hold, or not for this host; TLS not the protocol, or none that we speak; CLOSED, TIMEOUT, IO,
 *        NO_MEMORY */
CF_MUST_USE cf_result cf_tls_open(const cf_tls_config *c, int fd, const char *host, uint64_t unix_s,
                                  uint64_t deadline_ms, cf_tls **ret, const char **ret_why);
/** Says goodbye where that does not have to wait. Wipes what the library lets it. */
void cf_tls_free(cf_tls **t);

/** As cf_net_read_some. After any error the connection is of no further use.
 *  error CLOSED the server said that it ends; TRUNCATED the stream ended without that, so what was sent may be more than what came;
 *        TLS a record that is none, or altered; TIMEOUT, IO, SIZE, NO_MEMORY */
CF_MUST_USE cf_result cf_tls_read_some(cf_tls *t, cf_buf *buf, size_t max, uint64_t deadline_ms);
/** All of it. Errors as above. */
CF_MUST_USE cf_result cf_tls_write_full(cf_tls *t, cf_view v, uint64_t deadline_ms);

/** "TLSv1.3"; static text. */
const char *cf_tls_version(const cf_tls *t);
