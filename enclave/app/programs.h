/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled expressions, bounded by count and octets. They hold no values: what a caller wrote, and nothing of what it was computed
 * of. Serves any number of threads. */
#pragma once
#include "core/transform/transform.h"

typedef struct cf_programs cf_programs;

/** count_max 0 or bytes_max 0: nothing is kept, programs live as long as they are used. error NO_MEMORY. */
CF_MUST_USE cf_result cf_programs_new(size_t count_max, size_t bytes_max, cf_programs **ret);
/** Nothing may be in use. Accepts NULL, leaves NULL. */
void cf_programs_free(cf_programs **p);

/** For cf_transform_spec, with the cf_programs as ctx. What is not there is compiled, outside the lock; one that does not compile is not
 *  kept. */
extern const cf_transform_programs cf_programs_ops;

/** Programs that can be found, and their octets. */
size_t cf_programs_count(cf_programs *p);
size_t cf_programs_bytes(cf_programs *p);
