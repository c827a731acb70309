/* SPDX-License-Identifier: Apache-2.0 */
/* Every bound of the credentials' sources: docs/limits.md says why each has its value. Those of the three texts are core/wire's. */
#pragma once
#include "core/wire/wire.h"

#define CF_CREDS_URL_BYTES_MAX 2048
#define CF_CREDS_HOST_BYTES_MAX 107 /* what sys/linux/net.h dials */
#define CF_CREDS_ANSWER_BYTES_MAX 65535
#define CF_CREDS_FILE_BYTES_MAX 32768 /* credentials in a file of our own form */
#define CF_CREDS_PATH_BYTES_MAX 4095

/* Profile files. */
#define CF_CREDS_PROFILE_BYTES_MAX ((size_t)1 << 20)
#define CF_CREDS_PROFILE_LINE_BYTES_MAX 16384
#define CF_CREDS_PROFILE_NAME_BYTES_MAX 128

/* Web identity. */
#define CF_CREDS_IDENTITY_BYTES_MAX 20000
#define CF_CREDS_ROLE_ARN_BYTES_MAX 2048
#define CF_CREDS_SESSION_NAME_BYTES_MAX 64
#define CF_CREDS_XML_DEPTH_MAX 8
#define CF_CREDS_ROOTS_BYTES_MAX 262144
#define CF_CREDS_STS_TIMEOUT_MS 5000

/* Containers. */
#define CF_CREDS_AUTHORIZATION_BYTES_MAX 8192
#define CF_CREDS_CONTAINER_TIMEOUT_MS 2000

/* Instance metadata. */
#define CF_CREDS_IMDS_TOKEN_S 21600
#define CF_CREDS_IMDS_TOKEN_EARLY_S 5
#define CF_CREDS_IMDS_TOKEN_BYTES_MAX 1024
#define CF_CREDS_ROLE_BYTES_MAX 64
#define CF_CREDS_IMDS_TIMEOUT_MS 1000

/* When to ask again. */
#define CF_CREDS_EARLY_MS_MAX                                                                      \
    600000                     /* before credentials end; half of their life if that is less */
#define CF_CREDS_PAUSE_MS 1000 /* between two requests at least; after failures it doubles */
#define CF_CREDS_PAUSE_MS_MAX 60000
#define CF_CREDS_LOOK_MS 60000 /* at files whose credentials do not end */

_Static_assert(CF_CREDS_IDENTITY_BYTES_MAX * 3 + CF_CREDS_ROLE_ARN_BYTES_MAX * 3 < CF_BUF_BYTES_MAX,
               "the form that asks STS has room");
