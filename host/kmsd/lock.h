/* SPDX-License-Identifier: Apache-2.0 */
/* Locks that are held until the end of the scope:  CF_AUTO(cf_unlock_rw) CF_HELD pthread_rwlock_t *held = cf_hold_to_read(&t->lock); */
#pragma once
#include <pthread.h>

#include "core/base/result.h"

/* Clang takes a variable that only its cleanup uses for unused. */
#define CF_HELD __attribute__((unused))

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
