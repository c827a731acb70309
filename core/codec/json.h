/* SPDX-License-Identifier: Apache-2.0 */
/* JSON through jansson, made strict: one value, no duplicates, valid UTF-8, no NUL, bounded depth and size. */
#pragma once
#include <jansson.h>

#include "core/base/buf.h"

/** Levels of arrays and objects; one more is CF_ERR_DEPTH. Checked before jansson sees the text, so it never recurses deeper. */
#define CF_JSON_DEPTH_MAX 16

static inline void cf_json_free(json_t **j)
{
    json_decref(*j);
    *j = NULL;
}
/** A reference that is dropped on every way out of the scope. */
#define CF_JSON(name) CF_AUTO(cf_json_free) json_t *name = NULL

/** Parses one JSON value and nothing after it but white space.
 *  in    text of at most bytes_max octets
 *  out   *ret a new reference the caller drops; NULL after any error
 *  error SIZE, DEPTH, UTF8, DUPLICATE (a member appears twice), TRAILING, MALFORMED (also an escaped or raw NUL), NO_MEMORY */
CF_MUST_USE cf_result cf_json_parse(cf_view text, size_t bytes_max, json_t **ret);

/** Appends the compact text of j, members in the order they were set. error SIZE, NO_MEMORY. */
CF_MUST_USE cf_result cf_json_dump(const json_t *j, cf_buf *out);

/** Appends v as a JSON string with its quotes; v must be UTF-8 (error UTF8). Cheaper than building a json_t. */
CF_MUST_USE cf_result cf_json_put_string(cf_buf *out, cf_view v);

/* Members of an object, typed. error MISSING, WRONG_TYPE, SIZE over max octets. Views borrow from j. */
CF_MUST_USE cf_result cf_json_get_str(const json_t *j, const char *name, size_t max, cf_view *ret);
CF_MUST_USE cf_result cf_json_get_u64(const json_t *j, const char *name, uint64_t max, uint64_t *ret);
/** Decodes a base64 member into out (replacing its content). Also MALFORMED. */
CF_MUST_USE cf_result cf_json_get_base64(const json_t *j, const char *name, size_t max, cf_buf *out);
/** UNKNOWN_MEMBER unless every member of the object is in the NULL-terminated list; WRONG_TYPE when j is no object. */
CF_MUST_USE cf_result cf_json_only(const json_t *j, const char *const *names);
/** New string value of octets that are UTF-8 and hold no NUL, or NULL. */
json_t *cf_json_str(cf_view v);
