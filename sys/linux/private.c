/* SPDX-License-Identifier: Apache-2.0 */
/* System calls: prctl, setrlimit, getrlimit, mmap, mlock2, munmap, mlockall. */
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sys/linux/daemon.h"
#include "sys/linux/log.h"

/* Whether more memory can be locked than the limit says, which only the attempt tells: privileges over a user namespace look like
 * those that count. Nothing is touched, so nothing is taken. */
static bool lock_beyond(rlim_t limit)
{
    size_t bytes = (size_t)limit + (size_t)sysconf(_SC_PAGESIZE);
    if (limit > SIZE_MAX / 2) {
        return false;
    }
    void *p = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) {
        return false;
    }
    bool locked = mlock2(p, bytes, MLOCK_ONFAULT) == 0;
    (void)munmap(p, bytes);
    return locked;
}

/* Where a limit holds, locking everything would let allocations fail later on. */
static void lock_memory(void)
{
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    (void)setrlimit(RLIMIT_MEMLOCK, &limit);
    if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 &&
        (limit.rlim_cur == RLIM_INFINITY || lock_beyond(limit.rlim_cur))) {
        /* On fault: pages of stacks that are never touched stay unmapped. */
        (void)mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
    }
}

void cf_private_process(void)
{
    const struct rlimit none = {0, 0};
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0) {
        cf_log(CF_LOG_WARN, "private.incomplete", "dumps=allowed");
    }
    lock_memory();
}
