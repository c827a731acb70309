/* SPDX-License-Identifier: Apache-2.0 */
/* Counts what is allocated. A test or bench that links the target peakmalloc has malloc, calloc, realloc and free of its own objects and
 * archives wrapped by the linker, so production code holds no hook. Allocations inside shared libraries are not seen. One thread only. */
#pragma once
#include <stddef.h>

/** From now on the peak is counted anew, from what is allocated now. */
void peakmalloc_begin(void);

/** Octets that were allocated at once since then beyond those at the beginning, as the allocator rounds them. */
size_t peakmalloc_peak(void);

/** Calls of malloc, calloc and realloc since the program began. */
size_t peakmalloc_calls(void);
