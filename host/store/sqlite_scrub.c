/* SPDX-License-Identifier: Apache-2.0 */
/* What was deleted does not stay in the database file. SQLite, told so, overwrites what it frees; but when it moves a row to
 * another page it leaves the old octets in the room between a page's list of cells and the cells, and a row that is deleted later
 * is still there to be read. So that room is made zeros in every page that goes to the file. SQLite itself never looks at it. */
#include <pthread.h>

#include "host/store/sqlite_priv.h"

#define LEAF_HEAD_BYTES 8
#define LEAF_OF_TABLE 0x0D
/* The pages of a long row begin with the number of the next, which does not read as a leaf while there are not so many pages. */
_Static_assert(STORE_PAGES_MAX < LEAF_OF_TABLE << 24, "the first octet tells a leaf");

static struct {
    pthread_once_t once;
    sqlite3_vfs vfs;              /* the default one, but for the opening */
    sqlite3_vfs *real;            /* NULL: there is none */
    pthread_mutex_t lock;         /* guards the taking of the two below, which stay */
    sqlite3_io_methods methods;   /* those of a database file, but for the writing */
    const sqlite3_io_methods *of; /* what they were taken from */
} scrub = {.once = PTHREAD_ONCE_INIT, .lock = PTHREAD_MUTEX_INITIALIZER};

static size_t u16(const uint8_t *at)
{
    return (size_t)at[0] << 8 | at[1];
}

void cf_store_scrub_page(uint8_t page[static STORE_PAGE_BYTES])
{
    size_t gap = LEAF_HEAD_BYTES + 2 * u16(page + 3), cells = u16(page + 5);
    if (page[0] == LEAF_OF_TABLE && gap < cells && cells <= STORE_PAGE_BYTES) {
        cf_wipe(page + gap, cells - gap);
    }
}

static int on_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at)
{
    /* The first page has a longer head, and no rows. */
    if (n != STORE_PAGE_BYTES || at == 0 || at % STORE_PAGE_BYTES != 0) {
        return scrub.of->xWrite(f, from, n, at);
    }
    uint8_t page[STORE_PAGE_BYTES];
    cf_copy(page, from, sizeof page);
    cf_store_scrub_page(page);
    return scrub.of->xWrite(f, page, n, at);
}

/* The same methods for every file of one file system, so they are taken once. */
static bool methods_take(const sqlite3_io_methods *of)
{
    (void)pthread_mutex_lock(&scrub.lock);
    if (scrub.of == NULL) {
        scrub.methods = *of;
        scrub.methods.xWrite = on_write;
        scrub.of = of;
    }
    bool same = scrub.of == of;
    (void)pthread_mutex_unlock(&scrub.lock);
    return same;
}

static int on_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
    (void)vfs;
    int code = scrub.real->xOpen(scrub.real, name, f, flags, ret_flags);
    if (code == SQLITE_OK && (flags & SQLITE_OPEN_MAIN_DB) != 0) {
        if (!methods_take(f->pMethods)) {
            (void)f->pMethods->xClose(f);
            f->pMethods = NULL;
            return SQLITE_CANTOPEN;
        }
        f->pMethods = &scrub.methods;
    }
    return code;
}

static void vfs_make(void)
{
    scrub.real = sqlite3_vfs_find(NULL);
    if (scrub.real != NULL) {
        scrub.vfs = *scrub.real;
        scrub.vfs.pNext = NULL;
        scrub.vfs.zName = STORE_VFS;
        scrub.vfs.xOpen = on_open;
        if (sqlite3_vfs_register(&scrub.vfs, 0) != SQLITE_OK) {
            scrub.real = NULL;
        }
    }
}

bool cf_store_scrub_ready(void)
{
    (void)pthread_once(&scrub.once, vfs_make);
    return scrub.real != NULL;
}
