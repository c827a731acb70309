/* SPDX-License-Identifier: Apache-2.0 */
/* An environment and a peer that say what a test wrote down. */
#pragma once
#include "host/credentials/chain.h"
#include "tests/support/test.h"

#define NOW UINT64_C(1767225600000) /* 2026-01-01T00:00:00Z */
#define LATER "2026-01-01T06:00:00Z"
#define LATER_MS (NOW + UINT64_C(21600000))

/** "NAME=value" rows, NULL-terminated. */
extern const char *const *scripted_env;
const char *scripted_getenv(const char *name);

/** One exchange: what must be asked, and what comes back. */
typedef struct {
    const char *
        ask; /* "GET http://AUTHORITY/path Name=value" with each field, and " body=" where there is one */
    unsigned status; /* 0: fails with the code */
    const char *body;
    cf_err code;
} scripted_row;

/** The rows that are still to come; at its end none may be left. */
extern const scripted_row *scripted_rows;
extern const cf_creds_http_ops scripted_http;
