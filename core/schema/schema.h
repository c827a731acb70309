/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas as data, docs/schemas.md: a JSON Schema subset (type, minLength, maxLength, format, pattern, title, description) and derived
 * fields. */
#pragma once
#include "core/codec/json.h"
#include "core/vault/record.h"

#define CF_SCHEMA_BYTES_MAX 262144
#define CF_SCHEMA_FIELDS_MAX 256
#define CF_SCHEMA_TEXT_BYTES_MAX 1024 /* of each text for people in it */
/* A pattern is a text of the document. Its program, its ranges of code points, and all that the patterns of a schema are compiled to: */
#define CF_SCHEMA_PATTERN_INSTRUCTIONS_MAX 1000
#define CF_SCHEMA_PATTERN_RANGES_MAX 2000
#define CF_SCHEMA_PATTERNS_BYTES_MAX ((size_t)4 << 20)
#define CF_SCHEMA_MATCH_STEPS_MAX 10000000 /* of one value against its pattern */

typedef struct cf_schema cf_schema;

/** The field at which a document was refused; empty when it was not at a field. */
typedef struct {
    uint8_t name[CF_FIELD_NAME_BYTES_MAX];
    size_t len;
    bool in_pattern;
    size_t offset; /* in_pattern: the octet of the field's pattern */
} cf_schema_fault;

/** Parses a schema document; every keyword that is not understood is refused (UNKNOWN_MEMBER), names by record.md section 2.
 *  "derived": {"ssn4": {"from": "ssn9", "take_last": 4}} declares a field computed from another.
 *  out   ret_fault may be NULL
 *  error those of cf_json_parse; UNKNOWN_MEMBER, MISSING, WRONG_TYPE; BAD_NAME, RESERVED_FIELD; UNSUPPORTED another type, draft or
 *        format; EMPTY no fields; SIZE over CF_SCHEMA_FIELDS_MAX; RANGE lengths that contradict each other; UNKNOWN_FIELD a derived
 *        field or its source is no field; BAD_VALUE a derived field that is its own source, has a derived source, or a format that
 *        its source does not assure, or a pattern; of a pattern those of cf_regex_compile, PATTERN for most; NO_MEMORY */
CF_MUST_USE cf_result cf_schema_parse(cf_view json, cf_schema **ret, cf_schema_fault *ret_fault);
void cf_schema_free(cf_schema **s);
cf_view cf_schema_name(const cf_schema *s);
bool cf_schema_has(const cf_schema *s, cf_view field);
size_t cf_schema_fields(const cf_schema *s);
cf_view cf_schema_field_at(const cf_schema *s, size_t i);

/** One value against its field. Lengths count code points after no trimming at all; octets are bounded by CF_VALUE_BYTES_MAX.
 *  error UNKNOWN_FIELD, RESERVED_FIELD, BAD_NAME, WRONG_TYPE, UTF8, SIZE (too long), BAD_VALUE (too short, control characters, format,
 *        pattern);
 *        *ret_reason a static sentence part for people ("is longer than allowed"), NULL on success. */
CF_MUST_USE cf_result cf_schema_check(const cf_schema *s, cf_view field, const json_t *value,
                                      const char **ret_reason);
/** The same for text that is no JSON. */
CF_MUST_USE cf_result cf_schema_check_text(const cf_schema *s, cf_view field, cf_view text,
                                           const char **ret_reason);

/** Fields derived from this one: iterate i from 0 until false. value has been checked; *ret_value borrows from it, and meets the rules
 *  of *ret_field. */
bool cf_schema_derived(const cf_schema *s, cf_view field, cf_view value, size_t i,
                       cf_view *ret_field, cf_view *ret_value);
/** The field that this one is derived from, or empty. A request that sets both contradicts itself: BAD_VALUE of the API. */
cf_view cf_schema_source(const cf_schema *s, cf_view field);
/** True if the field is derived from source (deleting source deletes it). */
bool cf_schema_derives_from(const cf_schema *s, cf_view field, cf_view source);
