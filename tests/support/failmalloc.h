/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the n-th allocation fail. A test that links the target failmalloc has malloc, calloc, realloc and free of its own objects
 * and archives wrapped by the linker (--wrap), so production code holds no hook. Allocations inside shared libraries are not
 * seen. One thread only. */
#pragma once
#include "core/base/view.h"

/** Runs fn(ctx) with its first allocation failing, then with its second, and so on until a run asks for fewer; this last run
 *  must succeed. Every run before it must answer NO_MEMORY, and every run must free all that it allocated, so fn frees what a
 *  success leaves it. Fails the cmocka test otherwise. Returns the number of allocations of the last run, at least min. */
size_t failmalloc_each(cf_result (*fn)(void *ctx), void *ctx, size_t min);

/** Lets the n-th allocation from now on fail, once; 0 lets none fail. */
void failmalloc_set(size_t n);

/** Allocations minus frees since the program began. */
long failmalloc_live(void);

/** From now on counts the blocks that hold these octets when they are freed; the empty view ends it. Returns the count so far. The
 *  octets are borrowed and must not lie in a block that is itself freed meanwhile. */
size_t failmalloc_watch(cf_view secret);

/** The wrapped pair as functions, for libraries that take an allocator. */
void *failmalloc_malloc(size_t size);
void failmalloc_free(void *p);
