/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas as data: a JSON Schema subset (type, minLength, maxLength, format, title, description) and derived fields. */
#pragma once
#include "core/codec/json.h"

#define CF_SCHEMA_BYTES_MAX 262144
#define CF_SCHEMA_FIELDS_MAX 256

typedef struct cf_schema cf_schema;

/** Parses a schema document; every keyword that is not understood is refused (UNKNOWN_MEMBER), names by record.md section 2.
 *  "derived": {"ssn4": {"from": "ssn9", "take_last": 4}} declares a field computed from another. */
CF_MUST_USE cf_result cf_schema_parse(cf_view json, cf_schema **ret);
void cf_schema_free(cf_schema **s);
cf_view cf_schema_name(const cf_schema *s);
bool cf_schema_has(const cf_schema *s, cf_view field);
size_t cf_schema_fields(const cf_schema *s);
cf_view cf_schema_field_at(const cf_schema *s, size_t i);

/** One value against its field. lengths count code points after no trimming at all.
 *  error UNKNOWN_FIELD, RESERVED_FIELD, BAD_NAME, WRONG_TYPE, SIZE, BAD_VALUE; *ret_reason a static sentence part for people. */
CF_MUST_USE cf_result cf_schema_check(const cf_schema *s, cf_view field, const json_t *value, const char **ret_reason);

/** Fields derived from this one: iterate i from 0 until false. *ret_value borrows from value. */
bool cf_schema_derived(const cf_schema *s, cf_view field, cf_view value, size_t i, cf_view *ret_field, cf_view *ret_value);
/** True if the field is derived from source (deleting source deletes it). */
bool cf_schema_derives_from(const cf_schema *s, cf_view field, cf_view source);
