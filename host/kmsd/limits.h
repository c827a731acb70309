/* SPDX-License-Identifier: Apache-2.0 */
/* What coffer-kmsd bounds: docs/limits.md. Bounds of single members are in the tables of routes.c, as the service's model has them. */
#pragma once

#define CF_KMSD_BODY_BYTES_MAX                                                                     \
    (512 * 1024) /* holds the largest document in base64, 349,528 octets, and a policy */
#define CF_KMSD_PLAINTEXT_BYTES_MAX 4096
#define CF_KMSD_CONTEXT_BYTES_MAX 8192 /* an encryption context in canonical form */
#define CF_KMSD_KEYS_MAX 10000
#define CF_KMSD_KEYS_BYTES_MAX (256 << 20) /* of memory that what callers set of keys takes */
#define CF_KMSD_KEY_FILE_BYTES_MAX (256 * 1024)
#define CF_KMSD_TAGS_MAX 50       /* of a key, the service's quota */
#define CF_KMSD_MATERIALS_MAX 128 /* of a key: rotations on demand and automatic ones together */
#define CF_KMSD_ON_DEMAND_MAX 25  /* rotations on demand of a key, the service's quota */
#define CF_KMSD_ALIASES_MAX 10000
#define CF_KMSD_ALIASES_PER_KEY_MAX 50 /* the service's quota */
#define CF_KMSD_GRANTS_MAX 10000
#define CF_KMSD_GRANTS_PER_KEY_MAX 5000  /* the service has 50,000 */
#define CF_KMSD_GRANTS_STEPS_MAX 1000000 /* of looking for one that permits */
#define CF_KMSD_GRANT_FILE_BYTES_MAX 32768
#define CF_KMSD_ALIAS_FILE_BYTES_MAX 1024
#define CF_KMSD_PRINCIPAL_BYTES_MAX 256 /* in a grant */
#define CF_KMSD_DOC_AGE_MS_MAX 300000   /* |now - timestamp| of an attestation document */
#define CF_KMSD_ECHO_BYTES_MAX 256      /* of a value in an error message */
#define CF_KMSD_CONNECTIONS_MAX 256
#define CF_KMSD_SESSION_S_MAX 43200 /* of a role */
#define CF_KMSD_LISTEN_MAX 4        /* addresses of one service */
#define CF_KMSD_THREADS_MIN 2
#define CF_KMSD_THREADS_MAX 64
#define CF_KMSD_UPKEEP_MS 1000
#define CF_KMSD_RSA_THREADS 2        /* for requests that make RSA keys */
#define CF_KMSD_RSA_RUNNING_MAX 1    /* of one caller: fewer than there are threads */
#define CF_KMSD_RSA_PER_CALLER_MAX 8 /* such requests in flight of one caller: more are throttled */
#define CF_KMSD_RSA_MAX 64           /* of all */
#define CF_KMSD_CHANGES_PER_CALLER_MAX 64 /* the same of requests that change something */
#define CF_KMSD_CHANGES_MAX 256
#define CF_KMSD_ARENA_BYTES_MAX                                                                    \
    (512 * 1024) /* one request's contexts, sorted: ReEncrypt has two, of 4,096 pairs at most */
