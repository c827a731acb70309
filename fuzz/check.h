/* SPDX-License-Identifier: Apache-2.0 */
/* What every fuzz target shares. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/base/buf.h"

/** A property that must hold for every input; its failure is a finding. */
static inline void fuzz_check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static inline void fuzz_ok(cf_result r)
{
    fuzz_check(cf_is_ok(r));
}
