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
/** True when o has the member. */
bool vec_has(const json_t *o, const char *name);

/** Octets of a NUL-terminated hexadecimal string. */
void vec_from_hex(const char *hex, cf_buf *ret);

/** Fails unless the views are equal; where names the case. */
void vec_same(cf_view got, cf_view wanted, const char *what, const char *where);
