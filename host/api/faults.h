/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with the fields and members of one request: collected, so that all of it is told at once, and never a value. */
#pragma once
#include "host/api/limits.h"

/** One fault. name borrows from the request, or is empty for a name that may not be told; index is its place in the request. */
typedef struct {
    cf_view name;
    size_t index;
    cf_err code;
    const char *reason; /* static text */
} cf_api_fault;

typedef struct {
    cf_api_fault all[CF_API_FAULTS_MAX];
    size_t n; /* beyond CF_API_FAULTS_MAX faults are dropped: the request is refused anyway */
} cf_api_faults;

/** True if the name has the form of a field name, and so may be repeated to the caller; every other text may be a value. */
bool cf_name_tellable(cf_view name);

/** Adds a fault. name is told if it is tellable; reason NULL: the sentence of the code. */
void cf_api_fault_add(cf_api_faults *f, cf_view name, size_t index, cf_err code,
                      const char *reason);

/** Ok without faults, else the code of the first. */
CF_MUST_USE cf_result cf_api_faults_result(const cf_api_faults *f);
