/* SPDX-License-Identifier: Apache-2.0 */
/* The state folder: root key, lock, and one file per key. docs/formats/kms-blob.md section 2 */
#pragma once
#include "core/base/secret.h"
#include "host/kmsd/id.h"

typedef struct cf_kmsd_state cf_kmsd_state;

/** Makes what is missing. error as cf_keys_open. */
CF_MUST_USE cf_result cf_kmsd_state_open(const char *folder, cf_kmsd_state **ret);
void cf_kmsd_state_close(cf_kmsd_state **s); /* wipes */

const cf_secret *cf_kmsd_state_root(const cf_kmsd_state *s);

/** Calls fn for every key file, in no order, until one fails. Removes temporary files that a crash has left. */
CF_MUST_USE cf_result cf_kmsd_state_walk(cf_kmsd_state *s,
                                         cf_result (*fn)(void *ctx, const cf_uuid *id), void *ctx);

/** error NOT_FOUND, IO, SIZE over CF_KMSD_KEY_FILE_BYTES_MAX. */
CF_MUST_USE cf_result cf_kmsd_state_read(cf_kmsd_state *s, const cf_uuid *id, cf_buf *out);
/** Durable when it returns. is_new: EXISTS when the file is there. */
CF_MUST_USE cf_result cf_kmsd_state_write(cf_kmsd_state *s, const cf_uuid *id, cf_view octets,
                                          bool is_new);
