/* SPDX-License-Identifier: Apache-2.0 */
/* What callers send, made strict: objects of fields, lists of names, reasons. Faults are collected, values never repeated. */
#pragma once
#include "core/base/arena.h"
#include "core/codec/json.h"
#include "core/schema/schema.h"
#include "host/api/faults.h"

/** One field to store. Views borrow from the body. */
typedef struct {
    cf_view name, value;
    bool derived; /* not given by the caller, but computed */
} cf_input_field;

/** Fields in rising order of name, without repeats. */
typedef struct {
    cf_input_field *all;
    size_t n;
} cf_input;

/** The fields of a body, checked against the schema, with what is derived from them.
 *  in    body the parsed JSON, which must outlive ret; allow_none: an empty object is no fault
 *  error WRONG_TYPE when body is no object (no fault noted); else the first fault's code, all of them in faults; SIZE, NO_MEMORY */
CF_MUST_USE cf_result cf_input_fields(const json_t *body, const cf_schema *schema, bool allow_none,
                                      cf_arena *arena, cf_api_faults *faults, cf_input *ret);

/** The field of that name, or NULL. */
const cf_input_field *cf_input_find(const cf_input *in, cf_view name);

/** Names in the order given, 1 to CF_REQUEST_FIELDS_MAX. */
typedef struct {
    cf_view *all;
    size_t n;
} cf_names;

/** A member that is an array of field names. An absent one, another type, none and too many are faults of the member.
 *  Forms of names and repeats are checked; whether the schema has them is cf_names_known's. */
CF_MUST_USE cf_result cf_names_of_json(const json_t *body, const char *member, cf_arena *arena,
                                       cf_api_faults *faults, cf_names *ret);
/** The same of a text "a,b,c", which must outlive ret. */
CF_MUST_USE cf_result cf_names_of_text(cf_view text, cf_arena *arena, cf_api_faults *faults,
                                       cf_names *ret);
/** Notes a fault for every name that the schema has not. */
CF_MUST_USE cf_result cf_names_known(const cf_names *names, const cf_schema *schema,
                                     cf_api_faults *faults);
bool cf_names_has(const cf_names *names, cf_view name);

/** The member of min to max octets of text; a fault of the member when it is anything else. */
CF_MUST_USE cf_result cf_input_text(const json_t *body, const char *member, size_t min, size_t max,
                                    cf_api_faults *faults, cf_view *ret);

/** Notes a fault for every member of body that is not in the NULL-terminated list. error WRONG_TYPE when body is no object. */
CF_MUST_USE cf_result cf_input_only(const json_t *body, const char *const *members,
                                    cf_api_faults *faults);

/** The text of a query parameter that was given: a number within [min, max], else a fault and *ret keeps its value. */
CF_MUST_USE cf_result cf_input_number(cf_view text, const char *name, uint64_t min, uint64_t max,
                                      cf_api_faults *faults, uint64_t *ret);
