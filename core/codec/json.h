/* SPDX-License-Identifier: Apache-2.0 */
/* JSON (RFC 8259) through jansson, made strict: one value, no duplicates, valid UTF-8, no NUL,
 * bounded depth and size.
 *
 * What a program must do once at its start, before it confines itself and before its first thread,
 * because these are jansson's process-wide settings and not this component's:
 * - json_object_seed(n) with a random n that is not 0; else jansson opens /dev/urandom at its first
 *   object.
 * - json_set_alloc_funcs(new, free) with a pair that wipes when it frees where values may be
 *   secret, and whose new ends the process instead of answering NULL: jansson 2.14 does not look
 *   whether its token buffer could grow, and then copies beyond it. */
#pragma once
#include <jansson.h>

#include "core/base/buf.h"

/** Arrays and objects that may be open at once; one more is CF_ERR_DEPTH. Checked before jansson
 *  sees the text, so that its recursion is as shallow. */
#define CF_JSON_DEPTH_MAX 16

/** Values of one text: itself, members and elements, an empty array or object counted twice; one more is CF_ERR_SIZE. jansson takes
 *  up to 80 octets for one that two octets of text are enough for. */
#define CF_JSON_VALUES_MAX 8192

static inline void cf_json_free(json_t **j)
{
    json_decref(*j);
    *j = NULL;
}
/** A reference that is dropped on every way out of the scope. */
#define CF_JSON(name) CF_AUTO(cf_json_free) json_t *name = NULL

/** Parses one JSON value and nothing after it but white space. Integers are those of int64_t.
 *  in    text of at most bytes_max octets and CF_JSON_VALUES_MAX values
 *  out   *ret a new reference the caller drops; NULL after any error
 *  error SIZE, UTF8, DEPTH or, for its values, SIZE in this order before anything else; then DUPLICATE a member appears
 *        twice at any level, TRUNCATED the text ends too early, TRAILING it goes on, RANGE a number
 *        beyond int64_t or double, MALFORMED the rest (also an escaped or raw NUL and half of a
 *        surrogate pair), NO_MEMORY
 *  cost  three passes; several small allocations per value */
CF_MUST_USE cf_result cf_json_parse(cf_view text, size_t bytes_max, json_t **ret);
/** The same with a limit of the caller's for the values: for long lists from a source that is trusted. */
CF_MUST_USE cf_result cf_json_parse_long(cf_view text, size_t bytes_max, size_t values_max,
                                         json_t **ret);

/** Appends the compact text of j, members in the order they were set. out is as before after an
 *  error.
 *  error ARGUMENT j is NULL, SIZE, NO_MEMORY (also when j holds itself). Recurses as deep as j is
 *        nested. */
CF_MUST_USE cf_result cf_json_dump(const json_t *j, cf_buf *out);

/** Appends v as a JSON string with its quotes. Cheaper than building a json_t. out is as before
 *  after an error.
 *  error UTF8 v is not UTF-8, SIZE, NO_MEMORY. v may hold a NUL, which cf_json_parse would
 *        refuse. */
CF_MUST_USE cf_result cf_json_put_string(cf_buf *out, cf_view v);

/* Members of an object, typed. Views borrow from j.
 * error WRONG_TYPE j is no object or the member of another type (null too), MISSING, SIZE over max
 *       octets. */
CF_MUST_USE cf_result cf_json_get_str(const json_t *j, const char *name, size_t max, cf_view *ret);
/** error RANGE instead of SIZE: negative or over max. A number with a fraction or an exponent is
 *        WRONG_TYPE. */
CF_MUST_USE cf_result cf_json_get_u64(const json_t *j, const char *name, uint64_t max,
                                      uint64_t *ret);
/** Decodes a base64 member of at most max octets into out (replacing its content, empty after an
 *  error). Also MALFORMED, NO_MEMORY. */
CF_MUST_USE cf_result cf_json_get_base64(const json_t *j, const char *name, size_t max,
                                         cf_buf *out);
/** UNKNOWN_MEMBER unless every member of the object is in the NULL-terminated list, in which no
 *  name stands twice; WRONG_TYPE when j is no object. */
CF_MUST_USE cf_result cf_json_only(const json_t *j, const char *const *names);
/** New string value of octets that are UTF-8 and hold no NUL, or NULL. */
json_t *cf_json_str(cf_view v);
