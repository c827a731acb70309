/* SPDX-License-Identifier: Apache-2.0 */
/* Members of requests against the service's model, by table: types first, then bounds, with the service's own sentences. No I/O. */
#pragma once
#include "core/codec/json.h"
#include "core/policy/policy.h"

typedef enum {
    CF_IN_TEXT,   /* min..max characters, or the values */
    CF_IN_BLOB,   /* base64 of min..max octets */
    CF_IN_NUMBER, /* min..max */
    CF_IN_BOOL,
    CF_IN_CONTEXT, /* object of strings */
    CF_IN_OBJECT,  /* object of the inner members */
    CF_IN_LIST, /* min..max elements: texts as inner's first row says, or objects of its members when it is named */
} cf_in_kind;

/** What characters a text has. */
typedef struct {
    const char *text;         /* as the service tells it */
    bool (*octet)(uint8_t c); /* of the octets of its UTF-8 */
} cf_in_pattern;

extern const cf_in_pattern cf_in_policy_text; /* all of Latin-1 but most control characters */
extern const cf_in_pattern cf_in_marker;      /* all of Latin-1 but control characters */
extern const cf_in_pattern cf_in_name;        /* of aliases and grants */
extern const cf_in_pattern cf_in_word;
extern const cf_in_pattern cf_in_principal;
extern const cf_in_pattern cf_in_hex;

/** A member. Objects and lists hold leaves: nothing is nested deeper than that. */
typedef struct cf_in_member {
    const char *name;
    cf_in_kind kind;
    bool required;
    uint32_t min, max;
    const char *const *values;    /* TEXT: NULL, or the enumeration, NULL-terminated */
    const cf_in_pattern *pattern; /* TEXT: NULL, or what it must be made of */
    const struct cf_in_member *inner;
} cf_in_member;

/** What is wrong with a request. */
typedef struct {
    bool
        unreadable; /* a member of another type: SerializationException; else ValidationException */
    cf_buf message;
} cf_in_report;

static inline void cf_in_report_free(cf_in_report *r)
{
    cf_buf_free(&r->message);
}

/** A request's text: as cf_json_parse with CF_KMSD_BODY_BYTES_MAX, and as it were by that alone, but faster with long texts of base64.
 *  error also ENTROPY */
CF_MUST_USE cf_result cf_in_parse(cf_view body, json_t **ret);

/** A value back to its sender: cut to CF_KMSD_ECHO_BYTES_MAX, never inside a character. */
cf_view cf_in_echo(cf_view v);

/** True for members that are there: absent and null are the same. */
bool cf_in_has(const json_t *in, const char *name);
/** Text of a member of that kind; empty when absent. Borrowed from in. */
cf_view cf_in_text(const json_t *in, const char *name);
uint64_t cf_in_number(const json_t *in, const char *name, uint64_t otherwise);
bool cf_in_bool(const json_t *in, const char *name);
/** Octets of a BLOB member, appended; nothing when absent. */
CF_MUST_USE cf_result cf_in_blob(const json_t *in, const char *name, cf_buf *out);

/** Checks an object against a table that ends with a NULL name; unknown members are ignored, as the service does.
 *  error ARGUMENT with ret->message filled (owned by the caller), NO_MEMORY */
CF_MUST_USE cf_result cf_in_check(const json_t *in, const cf_in_member *members, cf_in_report *ret);

/** An encryption context: pairs in rising octet order of their names, in the arena, borrowing from in; its canonical form
 *  (docs/formats/kms-blob.md section 1) appended to ret_canonical. error SIZE over CF_KMSD_CONTEXT_BYTES_MAX, NO_MEMORY. */
CF_MUST_USE cf_result cf_in_context(const json_t *in, const char *name, cf_arena *arena,
                                    const cf_policy_pair **ret, size_t *ret_n,
                                    cf_buf *ret_canonical);
