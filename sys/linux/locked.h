/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for secrets that outlive a request: pages of their own, locked, in no core dump. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/** Zeroed pages of at least bytes octets; NULL when they cannot be had or bytes is 0. *ret_locked tells whether they are locked
 *  into memory. */
void *cf_locked_new(size_t bytes, bool *ret_locked);
/** Wipes and gives back; bytes as above. Accepts NULL. */
void cf_locked_free(void *p, size_t bytes);
