/* SPDX-License-Identifier: Apache-2.0 */
/* Locks that are held until the end of the scope:  CF_AUTO(cf_unlock_rw) CF_HELD pthread_rwlock_t *held = cf_hold_to_read(&t->lock); */
#pragma once
#include <pthread.h>

#include "core/base/result.h"

/* Clang takes a variable that only its cleanup uses for unused. */
#define CF_HELD __attribute__((unused))

/* One that writers are not kept from: with the C library's default a writer waits for as long as any reader comes, so that a stream of
 * requests would keep a change of a key out for good. For it a thread must not hold one for reading twice. cf_err NO_MEMORY. */
static inline CF_MUST_USE cf_result cf_rwlock_init(pthread_rwlock_t *ret)
{
    pthread_rwlockattr_t writers_first;
    CF_REQUIRE(pthread_rwlockattr_init(&writers_first) == 0, NO_MEMORY);
    bool ok = pthread_rwlockattr_setkind_np(&writers_first,
                                            PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP) == 0 &&
              pthread_rwlock_init(ret, &writers_first) == 0;
    (void)pthread_rwlockattr_destroy(&writers_first);
    CF_REQUIRE(ok, NO_MEMORY);
    return cf_ok();
}

static inline pthread_rwlock_t *cf_hold_to_read(pthread_rwlock_t *lock)
{
    (void)pthread_rwlock_rdlock(lock);
    return lock;
}

static inline pthread_rwlock_t *cf_hold_to_write(pthread_rwlock_t *lock)
{
    (void)pthread_rwlock_wrlock(lock);
    return lock;
}

static inline void cf_unlock_rw(pthread_rwlock_t **lock)
{
    (void)pthread_rwlock_unlock(*lock);
}

static inline pthread_mutex_t *cf_hold(pthread_mutex_t *lock)
{
    (void)pthread_mutex_lock(lock);
    return lock;
}

static inline void cf_unlock(pthread_mutex_t **lock)
{
    if (*lock != NULL) {
        (void)pthread_mutex_unlock(*lock);
    }
}
