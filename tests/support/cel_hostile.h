/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions that want more than anyone should get, for the test that looks at what they end with and how much memory they take, and
 * for the bench that measures their time. */
#pragma once
#include "core/cel/cel.h"

typedef struct {
    const char *name;
    cf_buf source, bindings; /* a JSON object, or empty */
    bool unchecked;          /* the checker refuses it */
    cf_err
        err; /* what it ends with: BUDGET; or what says that it was refused for another reason; CF_OK: it is cheap */
} cel_hostile;

#define CEL_HOSTILE_MAX 128

/** Builds the i-th case; false when there are no more. */
bool cel_hostile_make(size_t i, cel_hostile *ret);
void cel_hostile_free(cel_hostile *c);

/** Bindings are read, the source is compiled and evaluated, the result written as JSON; *ret_error tells the first failure. */
CF_MUST_USE cf_result cel_hostile_run(const cel_hostile *c, const cf_cel_env *base,
                                      cf_cel_error *ret_error);
