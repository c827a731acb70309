/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the JSON files of tests/vectors from cmocka tests. Everything that is missing or malformed fails the test, so that a
 * file that cannot be read never passes for a file without cases. */
#pragma once
#include <jansson.h>

#include "tests/support/test.h"

/** A file below tests/vectors (the folder is in CF_VECTORS); json_decref'ed by the caller. */
json_t *vec_load(const char *path);
/** The raw octets of such a file. */
void vec_file(const char *path, cf_buf *ret);

/** Members of an object, which must be there. */
const char *vec_text(const json_t *o, const char *name);
long long vec_int(const json_t *o, const char *name);
const json_t *vec_array(const json_t *o, const char *name);

/** Octets of a hexadecimal member; ret is replaced. */
void vec_hex(const json_t *o, const char *name, cf_buf *ret);
/** The same, empty when the member is absent. */
void vec_hex_opt(const json_t *o, const char *name, cf_buf *ret);
/** Octets of a member that is an array of hexadecimal strings and of pairs [octet, count]. */
void vec_runs(const json_t *o, const char *name, cf_buf *ret);
/** True when o has the member. */
bool vec_has(const json_t *o, const char *name);

/** Octets of a NUL-terminated hexadecimal string. */
void vec_from_hex(const char *hex, cf_buf *ret);

/** A case's result, which must be "valid" or "invalid". */
bool vec_valid(const json_t *test);

/** Looks at one case of a Wycheproof file; false when it is skipped. */
typedef bool (*vec_case_fn)(const json_t *group, const json_t *test, void *ctx);

/** Calls fn for every case of the file and fails unless exactly run cases were looked at and skipped ones skipped, which together
 *  must be the number that the file tells. */
void vec_wycheproof(const char *path, vec_case_fn fn, void *ctx, size_t run, size_t skipped);
