/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/peakmalloc.h"

#include <malloc.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);
void __wrap_free(void *p);

static size_t live, base, peak, calls;

static void *given(void *p)
{
    calls++;
    live += malloc_usable_size(p);
    peak = live > peak ? live : peak;
    return p;
}

void peakmalloc_begin(void)
{
    base = peak = live;
}

size_t peakmalloc_peak(void)
{
    return peak - base;
}

size_t peakmalloc_calls(void)
{
    return calls;
}

void *__wrap_malloc(size_t size)
{
    return given(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return given(__real_calloc(count, size));
}

void *__wrap_realloc(void *p, size_t size)
{
    size_t old = malloc_usable_size(p);
    void *moved = __real_realloc(p, size);
    if (moved != NULL || size == 0) {
        live -= old;
    }
    return given(moved);
}

void __wrap_free(void *p)
{
    live -= malloc_usable_size(p);
    __real_free(p);
}
