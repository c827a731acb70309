/* SPDX-License-Identifier: Apache-2.0 */
/* jansson's process-wide settings, which every program makes the same way: core/codec/json.h says why. */
#pragma once
#include "core/base/result.h"

/** Memory that is wiped when freed and that ends the process when it cannot be had (exit status 1 after one line on standard
 *  error), and a random seed of its hash tables. Once, before confinement and before the first thread. error ENTROPY. */
CF_MUST_USE cf_result cf_json_prepare(void);
