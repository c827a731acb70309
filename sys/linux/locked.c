/* SPDX-License-Identifier: Apache-2.0 */
/* System calls: mmap, mlock, madvise, munmap. */
#include "sys/linux/locked.h"

#include <sys/mman.h>

#include "core/base/buf.h"

void *cf_locked_new(size_t bytes, bool *ret_locked)
{
    *ret_locked = false;
    void *p = bytes == 0
                  ? MAP_FAILED
                  : mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        return NULL;
    }
    *ret_locked = mlock(p, bytes) == 0;
    (void)madvise(p, bytes, MADV_DONTDUMP);
    return p;
}

void cf_locked_free(void *p, size_t bytes)
{
    if (p != NULL) {
        cf_wipe(p, bytes);
        (void)munmap(p, bytes);
    }
}
