/* SPDX-License-Identifier: Apache-2.0 */
/* A state folder that lives as long as one test. */
#pragma once
#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "host/kmsd/state.h"
#include "tests/unit/host/kmsd/quoted.h"

static char folder[64];

static inline const char *in_folder(const char *name)
{
    static char path[4][256];
    static unsigned turn;
    char *to = path[turn++ % 4];
    (void)snprintf(to, sizeof path[0], "%s/%s", folder, name);
    return to;
}

static inline int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/kmsd_test.XXXXXX");
    return mkdtemp(folder) == NULL;
}

static inline void remove_files(const char *path)
{
    DIR *d = opendir(path);
    if (d == NULL) {
        return;
    }
    for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        char file[600];
        (void)snprintf(file, sizeof file, "%s/%s", path, e->d_name);
        (void)unlink(file);
    }
    (void)closedir(d);
    (void)rmdir(path);
}

static inline int remove_folder(void **state)
{
    (void)state;
    remove_files(in_folder("keys"));
    remove_files(in_folder("aliases"));
    remove_files(in_folder("grants"));
    remove_files(in_folder("audit"));
    remove_files(folder);
    return access(folder, F_OK) == 0;
}

static inline size_t count_files(const char *name)
{
    size_t n = 0;
    DIR *d = opendir(in_folder(name));
    assert_non_null(d);
    for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        n += e->d_name[0] != '.';
    }
    (void)closedir(d);
    return n;
}

static inline cf_kmsd_state *open_state(void)
{
    cf_kmsd_state *s = NULL;
    assert_ok(cf_kmsd_state_open(folder, &s));
    return s;
}

#define FRESH(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
