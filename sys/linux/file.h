/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the host side's state folder: small, whole, durable. */
#pragma once
#include "core/base/buf.h"

/** Appends the file's content. error NOT_FOUND, SIZE over max, IO, NOT_PERMITTED. */
CF_MUST_USE cf_result cf_file_read(const char *path, size_t max, cf_buf *out);
/** Replaces the file in one step with this mode: temporary file, fsync, rename, fsync of the folder. error IO, NOT_PERMITTED. */
CF_MUST_USE cf_result cf_file_write(const char *path, cf_view content, unsigned mode);
/** As cf_file_write but fails EXISTS when the file is there. */
CF_MUST_USE cf_result cf_file_create(const char *path, cf_view content, unsigned mode);
/** True for the name that either leaves behind when it is stopped while it writes a file of the name of: "root.key.part-" and six
 *  characters. Nothing that people call their copies. */
bool cf_file_is_left_over(cf_view name, cf_view of);
/** Removes a file, durably. error NOT_FOUND, IO, NOT_PERMITTED. */
CF_MUST_USE cf_result cf_file_remove(const char *path);
/** Gives a file another name in the same folder, in place of what may have it, durably. error as cf_file_remove. */
CF_MUST_USE cf_result cf_file_rename(const char *from, const char *to);
/** Overwrites a file with zeros, reaches the disk, and removes it. What the file system or the disk kept of older writes stays. */
CF_MUST_USE cf_result cf_file_destroy(const char *path);
/** What was made, renamed and removed in a folder reaches the disk. error IO. */
CF_MUST_USE cf_result cf_folder_sync(const char *path);
/** Makes a folder of mode 0700 unless it is there. */
CF_MUST_USE cf_result cf_folder_make(const char *path);

/* What others could have put there is not taken. Permission bits are all that is looked at: access control lists show in the bits
 * of the group. */

/** Opens a folder, by a path relative to another one or to AT_FDCWD, that is this user's and that nobody else may write to.
 *  error NOT_PERMITTED also when it is not; NOT_FOUND, IO. */
CF_MUST_USE cf_result cf_folder_open_own(int at, const char *path, int *ret_fd);
/** Appends the content of a file of such a folder: this user's, no link, nobody else may write to it. error as above; SIZE over max. */
CF_MUST_USE cf_result cf_file_read_own(int folder, const char *name, size_t max, cf_buf *out);
/** That a secret is one: a file of this user that nobody else may read or write. error NOT_PERMITTED when it is not; NOT_FOUND, IO. */
CF_MUST_USE cf_result cf_file_check_secret(const char *path);
