/* SPDX-License-Identifier: Apache-2.0 */
/* The shape that most functions of the libraries share. */
#pragma once
#include "core/cel/function.h"

/** The head of a cf_cel_impl of that name, which need not look at all it is given. */
#define CF_CEL_FUNCTION(name)                                                                      \
    static cf_result name(__attribute__((unused)) cf_cel_run *run,                                 \
                          __attribute__((unused)) const cf_cel_value *args,                        \
                          __attribute__((unused)) uint32_t n, cf_cel_value *ret)

/** Its end when it succeeds. */
static inline CF_MUST_USE cf_result cf_cel_give(cf_cel_value *ret, cf_cel_value v)
{
    *ret = v;
    return cf_ok();
}
