/* SPDX-License-Identifier: Apache-2.0 */
/* What is spoken, by the client here and by the server of host/tls: docs/design/0005-kms-client.md. */
#pragma once

#define CF_TLS_SUITES_13                                                                           \
    "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256"
#define CF_TLS_SUITES_12                                                                           \
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"                                   \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"                                   \
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
/* No SHA-1. */
#define CF_TLS_SIGNATURES                                                                          \
    "ecdsa_secp256r1_sha256:ecdsa_secp384r1_sha384:ecdsa_secp521r1_sha512:"                        \
    "rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:"                                 \
    "rsa_pkcs1_sha256:rsa_pkcs1_sha384:rsa_pkcs1_sha512"
#define CF_TLS_GROUPS "X25519:P-256:P-384"
/* What is recorded today is not opened by tomorrow's quantum computer. Older libraries do not know it. */
#define CF_TLS_GROUPS_HYBRID "X25519MLKEM768:" CF_TLS_GROUPS
/* One protocol, as ALPN has it. */
#define CF_TLS_ALPN "\x08http/1.1"
#define CF_TLS_ALPN_BYTES 9

/* OpenSSL's alone: it wipes what was read once it is handed over. AWS-LC wipes whatever it frees. */
#ifndef SSL_OP_CLEANSE_PLAINTEXT
#define SSL_OP_CLEANSE_PLAINTEXT 0
#endif
