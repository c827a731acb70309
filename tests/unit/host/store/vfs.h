/* SPDX-License-Identifier: Apache-2.0 */
/* A file system for SQLite that fails and stalls on demand, in front of the real one. */
#pragma once
#include <stdbool.h>

/** Makes it the default of all connections opened from now on. */
void vfs_install(void);
/** The n-th write, truncation or sync of any file from now on fails with this SQLite code, and those after it too if all; n 0: none. */
void vfs_fail(int n, int code, bool all);
/** Writes, truncations and syncs since vfs_fail. */
int vfs_calls(void);
/** While held, syncs wait. vfs_held tells how many wait. */
void vfs_hold(bool hold);
int vfs_held(void);
