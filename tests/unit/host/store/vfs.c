/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/host/store/vfs.h"

#include <pthread.h>
#include <sqlite3.h>
#include <string.h>

#include "tests/support/test.h"

typedef struct {
    sqlite3_file base;
    sqlite3_file *real; /* behind this struct */
} file;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int calls, nth, code, held;
    bool all, hold;
    sqlite3_vfs *real;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static sqlite3_file *real(sqlite3_file *f)
{
    return ((file *)f)->real;
}

static int fault(bool sync)
{
    pthread_mutex_lock(&state.lock);
    int call = ++state.calls;
    bool fails = state.nth > 0 && (call == state.nth || (state.all && call > state.nth));
    state.held += sync && state.hold;
    pthread_cond_broadcast(&state.changed);
    while (sync && state.hold) {
        pthread_cond_wait(&state.changed, &state.lock);
    }
    int code = fails ? state.code : SQLITE_OK;
    pthread_mutex_unlock(&state.lock);
    return code;
}

static int on_close(sqlite3_file *f)
{
    return real(f)->pMethods == NULL ? SQLITE_OK : real(f)->pMethods->xClose(real(f));
}

static int on_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at)
{
    return real(f)->pMethods->xRead(real(f), to, n, at);
}

static int on_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at)
{
    int code = fault(false);
    return code != SQLITE_OK ? code : real(f)->pMethods->xWrite(real(f), from, n, at);
}

static int on_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    int code = fault(false);
    return code != SQLITE_OK ? code : real(f)->pMethods->xTruncate(real(f), size);
}

static int on_sync(sqlite3_file *f, int flags)
{
    int code = fault(true);
    return code != SQLITE_OK ? code : real(f)->pMethods->xSync(real(f), flags);
}

static int on_size(sqlite3_file *f, sqlite3_int64 *ret)
{
    return real(f)->pMethods->xFileSize(real(f), ret);
}

static int on_lock(sqlite3_file *f, int level)
{
    return real(f)->pMethods->xLock(real(f), level);
}

static int on_unlock(sqlite3_file *f, int level)
{
    return real(f)->pMethods->xUnlock(real(f), level);
}

static int on_check(sqlite3_file *f, int *ret)
{
    return real(f)->pMethods->xCheckReservedLock(real(f), ret);
}

static int on_control(sqlite3_file *f, int op, void *arg)
{
    return real(f)->pMethods->xFileControl(real(f), op, arg);
}

static int on_sector(sqlite3_file *f)
{
    return real(f)->pMethods->xSectorSize(real(f));
}

static int on_traits(sqlite3_file *f)
{
    return real(f)->pMethods->xDeviceCharacteristics(real(f));
}

static int on_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **ret)
{
    return real(f)->pMethods->xShmMap(real(f), page, size, extend, ret);
}

static int on_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
    return real(f)->pMethods->xShmLock(real(f), offset, n, flags);
}

static void on_shm_barrier(sqlite3_file *f)
{
    real(f)->pMethods->xShmBarrier(real(f));
}

static int on_shm_unmap(sqlite3_file *f, int remove)
{
    return real(f)->pMethods->xShmUnmap(real(f), remove);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = on_close,
    .xRead = on_read,
    .xWrite = on_write,
    .xTruncate = on_truncate,
    .xSync = on_sync,
    .xFileSize = on_size,
    .xLock = on_lock,
    .xUnlock = on_unlock,
    .xCheckReservedLock = on_check,
    .xFileControl = on_control,
    .xSectorSize = on_sector,
    .xDeviceCharacteristics = on_traits,
    .xShmMap = on_shm_map,
    .xShmLock = on_shm_lock,
    .xShmBarrier = on_shm_barrier,
    .xShmUnmap = on_shm_unmap,
};

static int on_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
    (void)vfs;
    file *mine = (file *)f;
    mine->real = (sqlite3_file *)(mine + 1);
    int code = state.real->xOpen(state.real, name, mine->real, flags, ret_flags);
    mine->base.pMethods = mine->real->pMethods == NULL ? NULL : &methods;
    return code;
}

void vfs_install(void)
{
    static sqlite3_vfs vfs;
    if (vfs.zName != NULL) {
        return;
    }
    state.real = sqlite3_vfs_find(NULL);
    assert_non_null(state.real);
    vfs = *state.real;
    vfs.pNext = NULL;
    vfs.zName = "failing";
    vfs.szOsFile = (int)sizeof(file) + state.real->szOsFile;
    vfs.xOpen = on_open;
    assert_int_equal(sqlite3_vfs_register(&vfs, 1), SQLITE_OK);
}

void vfs_fail(int n, int code, bool all)
{
    pthread_mutex_lock(&state.lock);
    state.nth = n;
    state.code = code;
    state.all = all;
    state.calls = 0;
    pthread_mutex_unlock(&state.lock);
}

int vfs_calls(void)
{
    pthread_mutex_lock(&state.lock);
    int calls = state.calls;
    pthread_mutex_unlock(&state.lock);
    return calls;
}

void vfs_hold(bool hold)
{
    pthread_mutex_lock(&state.lock);
    state.hold = hold;
    state.held = 0;
    pthread_cond_broadcast(&state.changed);
    pthread_mutex_unlock(&state.lock);
}

int vfs_held(void)
{
    pthread_mutex_lock(&state.lock);
    int held = state.held;
    pthread_mutex_unlock(&state.lock);
    return held;
}
