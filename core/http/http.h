/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 (RFC 9112) as octets, for a client: requests are written, responses are read. No I/O.
 *
 * This is for the enclave's calls to the KMS and for local hops between our own programs, so it
 * takes less than the RFC: HTTP/1.1 alone, no HEAD, CONNECT or upgrade, no body that ends with the
 * connection, no coding but chunked, CR LF at every end of line, no folded lines, no length in two
 * forms or twice. What it refuses it does not repair. */
#pragma once
#include "core/base/buf.h"

/** Fields of a request or of the head of a response. */
#define CF_HTTP1_HEADERS_MAX 64
/** Octets of all heads of a response, 1xx ones before it included; and again of its trailer. */
#define CF_HTTP1_HEAD_BYTES_MAX 16384
/** 1xx responses that are skipped before the response. */
#define CF_HTTP1_INTERIM_MAX 4
/** Chunks of a body, and octets of the line before each, its CR LF included. */
#define CF_HTTP1_CHUNKS_MAX 4096
#define CF_HTTP1_CHUNK_LINE_BYTES_MAX 64
/** Octets that cf_http1_read may ask for before it gives a verdict on a body of at most
 *  body_max. */
#define CF_HTTP1_RESPONSE_BYTES_MAX(body_max)                                                      \
    (2 * CF_HTTP1_HEAD_BYTES_MAX + (body_max) +                                                    \
     (CF_HTTP1_CHUNKS_MAX + 1) * (CF_HTTP1_CHUNK_LINE_BYTES_MAX + 2))

typedef struct {
    cf_view name, value;
} cf_http1_field;

/** A request. Host and Content-Length are written from here and may not be among the fields. */
typedef struct {
    cf_view method, path, host; /* path as sent: from its "/", with the query, percent-encoded */
    const cf_http1_field *fields;
    size_t field_count;
    cf_view body; /* Content-Length is left out where it is empty and the method GET or DELETE */
} cf_http1_request;

/** Appends the request's head and body. out is as before after an error.
 *  error ARGUMENT a CR, LF, NUL or any octet but visible ASCII and inner blanks in a value, a name
 *        or method that is no token (RFC 9110 section 5.6.2), a path without "/", an empty host, a
 *        field that frames the message (Host, Content-Length, Transfer-Encoding), HEAD or CONNECT;
 *        SIZE more fields than CF_HTTP1_HEADERS_MAX or more octets than a buffer has; NO_MEMORY */
CF_MUST_USE cf_result cf_http1_put_request(const cf_http1_request *req, cf_buf *out);

/** A response, being read or complete. The upper members are the caller's to read once it is
 *  complete; views lie in the input of the last call, or in chunks. */
typedef struct {
    unsigned status; /* 200..599 */
    bool keep_alive; /* the connection may carry another request */
    size_t used; /* octets of the input that were this response; what follows is not part of it */
    cf_view body;
    size_t field_count;

    /* the reader's own */
    size_t body_max;
    cf_err err;
    uint8_t state, interim;
    size_t at, scan,
        line_end_max; /* start of what is not read; where to search on for a line's end */
    size_t body_len, chunk_count; /* of Content-Length, or of the chunk that is being read */
    cf_view in;                   /* of the last call */
    cf_buf chunks;                /* a chunked body, put together */
    struct {
        uint16_t name, name_len, value, value_len; /* offsets in the input */
    } fields[CF_HTTP1_HEADERS_MAX];
} cf_http1_response;

/** A response that is to be read, with a body of at most octets_max; freed on every way out of the
 *  scope. */
#define CF_HTTP1_RESPONSE(name, octets_max)                                                        \
    CF_AUTO(cf_http1_response_free) cf_http1_response name = {.body_max = (octets_max)}

/** Reads on. Three verdicts: success with *ret_complete, success without it (call again with more),
 *  or an error, which is kept: the connection is then of no further use.
 *  in    all octets since the response began: those of the last call, at the same place or moved,
 *        and any number behind them. Each is looked at once, however they are cut.
 *  error MALFORMED outside the protocol or what this reader takes of it (see above); UNSUPPORTED
 *        another version, or another transfer coding; SIZE a limit above, or a body over its bound;
 *        ARGUMENT less input than in the last call; NO_MEMORY
 *  cost  no copy of a body with Content-Length; one of a chunked body */
CF_MUST_USE cf_result cf_http1_read(cf_http1_response *r, cf_view in, bool *ret_complete);

/** Value of the field with this name, in any case, of a complete response; borrowed from the input.
 *  error NOT_FOUND; DUPLICATE it stands there more than once; STATE the response is not complete */
CF_MUST_USE cf_result cf_http1_field_get(const cf_http1_response *r, cf_view name, cf_view *ret);

/** The time of a Date field, "Sun, 06 Nov 1994 08:49:37 GMT"; the two obsolete forms are refused. *ret is 0 after an error.
 *  error MALFORMED; RANGE no such day or time of day, or one before 1970 */
CF_MUST_USE cf_result cf_http1_date(cf_view text, uint64_t *ret_unix_s);

/** Wipes, and makes ready for the next response with the same bound. Accepts the zero state. */
void cf_http1_response_free(cf_http1_response *r);
