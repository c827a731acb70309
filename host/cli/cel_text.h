/* SPDX-License-Identifier: Apache-2.0 */
/* Values as people and conformance rows write them: with their type. */
#pragma once
#include "core/cel/cel.h"

/** Appends the value as an expression that gives it: 5u, 1.0, b"\xff", optional.none(), timestamp("..."), type names bare. Control
 *  characters are escaped. error NO_MEMORY, SIZE; what is nested beyond CF_CEL_NESTING_MAX is cut. */
CF_MUST_USE cf_result cli_cel_put(const cf_cel_value *v, cf_buf *out);

/** The value of a typed JSON value, {"int": "-5"} for example: the forms of docs/cli.md, `coffer cel conformance`.
 *  in    typed as cf_cel_from_json gives it
 *  out   *ret in the arena
 *  error MALFORMED another form, RANGE a number, UNSUPPORTED {"object"} and {"enum"}, NO_MEMORY */
CF_MUST_USE cf_result cli_cel_typed(const cf_cel_value *typed, cf_arena *arena, cf_cel_value *ret);

/** True if the two have the same type and value on every level: 1 is not 1u, NaN is NaN, the order of a map's entries says nothing. */
bool cli_cel_same(const cf_cel_value *a, const cf_cel_value *b);

/** The member of a map, by name; NULL when there is none or v is no map. */
const cf_cel_value *cli_cel_member(const cf_cel_value *v, const char *name);
