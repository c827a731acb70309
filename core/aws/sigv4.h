/* SPDX-License-Identifier: Apache-2.0 */
/* AWS Signature Version 4: signing of requests, header form and query form. No I/O, no clock. */
#pragma once
#include "core/crypto/primitives.h"

#define CF_SIGV4_HEADERS_MAX 64
#define CF_SIGV4_PARAMS_MAX 64
#define CF_SIGV4_NAME_BYTES_MAX 64 /* region, service */
#define CF_SIGV4_EXPIRES_S_MAX 604800
#define CF_SIGV4_DATE_BYTES 16 /* YYYYMMDDTHHMMSSZ */
#define CF_SIGV4_HEX_BYTES 64
/** What SHA-256 makes of nothing. */
#define CF_SIGV4_EMPTY_BODY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

typedef struct {
    cf_view name, value;
} cf_sigv4_header;

/** A request as it goes onto the wire. Views are borrowed. */
typedef struct {
    cf_view method;  /* upper case */
    cf_view path;    /* empty: "/" */
    cf_view query;   /* without its '?' */
    bool path_as_is; /* S3: no dot segments removed, no slashes collapsed */
    /** The headers to sign, in order of appearance: host, content-type, and all x-amz-*; in the header form x-amz-date, and
     *  x-amz-security-token when there is a token. */
    const cf_sigv4_header *headers;
    size_t headers_n;
    cf_view body_sha256; /* lower-case hex */
} cf_sigv4_request;

typedef struct {
    cf_view access_key_id;
    cf_view secret;        /* secret */
    cf_view session_token; /* empty: none. Only the query form puts it anywhere by itself. */
} cf_sigv4_credentials;

typedef struct {
    uint64_t unix_s;
    cf_view region, service; /* lower case */
} cf_sigv4_scope;

/** The time as x-amz-date has it, with a NUL. error RANGE after the year 9999. */
CF_MUST_USE cf_result cf_sigv4_date(uint64_t unix_s, char ret[static CF_SIGV4_DATE_BYTES + 1]);

/** Canonical request and list of signed headers, appended. error ARGUMENT a header name that is empty or has other than letters,
 *  digits and '-'; SIZE over CF_SIGV4_HEADERS_MAX or CF_SIGV4_PARAMS_MAX; MALFORMED a '%' in the query without two hex digits. */
CF_MUST_USE cf_result cf_sigv4_canonical(const cf_sigv4_request *q, cf_buf *ret_text,
                                         cf_buf *ret_signed_headers);

/** String to sign of a canonical request, appended. */
CF_MUST_USE cf_result cf_sigv4_string_to_sign(const cf_sigv4_scope *s, cf_view canonical,
                                              cf_buf *out);

/** The key of a day, region and service; it may be kept for as long as these stay. error RANGE, NO_MEMORY, CRYPTO. */
CF_MUST_USE cf_result cf_sigv4_key(cf_view secret, const cf_sigv4_scope *s, cf_secret *ret);
/** Lower-case hex. */
CF_MUST_USE cf_result cf_sigv4_signature(const cf_secret *key, cf_view string_to_sign,
                                         uint8_t ret[static CF_SIGV4_HEX_BYTES]);

/** Value of the header Authorization, appended. error ARGUMENT: host or x-amz-date is not among the headers, or the date is
 *  another; and those of the functions above. */
CF_MUST_USE cf_result cf_sigv4_authorize(const cf_sigv4_credentials *c, const cf_sigv4_scope *s,
                                         const cf_sigv4_request *q, cf_buf *out);

/** Query form: the request's query with what the signature adds, and the signature, appended. expires_s 1..CF_SIGV4_EXPIRES_S_MAX
 *  (RANGE). */
CF_MUST_USE cf_result cf_sigv4_presign(const cf_sigv4_credentials *c, const cf_sigv4_scope *s,
                                       const cf_sigv4_request *q, uint32_t expires_s, cf_buf *out);
