/* SPDX-License-Identifier: Apache-2.0 */
/* What the functions over text share. */
#pragma once
#include <math.h>
#include <stdlib.h>

#include "core/cel/lib_priv.h"

/** The first place of part in text at or behind octet from, which is at most text.len. *ret_at is text.len when there is none.
 *  cost charged, linear. error BUDGET */
CF_MUST_USE cf_result cf_cel_find(cf_cel_run *run, cf_view text, size_t from, cf_view part,
                                  size_t *ret_at, bool *ret_found);

/** What a double's digits cost in steps: up to about a microsecond where the exponent is large. */
static inline uint64_t cf_cel_double_steps(double d)
{
    int exponent = 0;
    if (isfinite(d)) {
        (void)frexp(d, &exponent);
    }
    return 20 + (uint64_t)abs(exponent) / 8;
}

/** A text while it grows in the arena, in the zero state at first. */
typedef struct {
    uint8_t *octets;
    size_t len, cap;
} cf_cel_writer;

/** Appends; amortised constant cost for each octet, charged. error BUDGET output_bytes, live_bytes, steps; NO_MEMORY */
CF_MUST_USE cf_result cf_cel_write(cf_cel_run *run, cf_cel_writer *w, cf_view text);

/** What is written, which must be well-formed UTF-8. w is not to be written to any more. */
static inline cf_cel_value cf_cel_written(const cf_cel_writer *w)
{
    return cf_cel_string((cf_view){w->octets, w->len});
}

/** "text %s".format([...]): the impl of its row, in lib_format.c. */
cf_result cf_cel_format(cf_cel_run *run, const cf_cel_value *args, uint32_t n, cf_cel_value *ret);
