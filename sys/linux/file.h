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
/** Makes a folder of mode 0700 unless it is there. */
CF_MUST_USE cf_result cf_folder_make(const char *path);
