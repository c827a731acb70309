/* SPDX-License-Identifier: Apache-2.0 */
/* The public suite of requests and their signatures, as the tests of both sides read it. */
#pragma once
#include "core/aws/sigv4.h"
#include "core/codec/base64.h"
#include "tests/support/vectors.h"

#define AUGUST_2015 1440938160 /* 2015-08-30T12:36:00Z, of all cases of the suite */
#define SUITE_CASES 30

/** A request taken apart; views borrow from text. */
typedef struct {
    cf_buf text, digest_hex;
    cf_sigv4_header headers[CF_SIGV4_HEADERS_MAX + 2];
    cf_sigv4_request request;
    cf_view body;
} suite_request;

void suite_request_free(suite_request *p);

void suite_file(const char *name, const char *file, cf_buf *ret);
/** The next line of a text. */
cf_view suite_line(cf_view *rest);
/** "GET /raw path?query HTTP/1.1" */
void suite_read_target(cf_view line, suite_request *p);
/** A case's file, request.txt or one of the signed ones, with the digest of its body. */
void suite_read_file(const char *name, const char *file, suite_request *p);
static inline void suite_read(const char *name, suite_request *p)
{
    suite_read_file(name, "request.txt", p);
}
void suite_add(suite_request *p, const char *name, cf_view value);

/** A case's context.json; views borrow from context, which the caller drops. */
typedef struct {
    json_t *context;
    cf_sigv4_credentials credentials;
    cf_sigv4_scope scope;
    uint32_t expires;
    bool normalize, sign_body;
} suite_settings;
void suite_settings_of(const char *name, suite_settings *s);

/** Calls fn with the name of every case; fails unless there are SUITE_CASES. */
void suite_each(void (*fn)(const char *name));

/** "20260101T000000Z" or "20260101" */
uint64_t suite_time(const char *text);

/** A row of aws-json-posts.json as a request to be signed. */
void suite_json_post(const json_t *row, suite_request *p);
