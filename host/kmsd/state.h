/* SPDX-License-Identifier: Apache-2.0 */
/* The state folder: root key, lock, and one file per key, alias and grant. docs/formats/kms-blob.md section 2 */
#pragma once
#include "core/base/secret.h"
#include "host/kmsd/id.h"

typedef struct cf_kmsd_state cf_kmsd_state;

/** Folders of files. */
typedef enum {
    CF_STATE_KEYS,    /* named by the key's id */
    CF_STATE_ALIASES, /* by the SHA-256 of the alias's name, in hex */
    CF_STATE_GRANTS,  /* by the grant's id, 64 hex digits */
    CF_STATE_COUNT
} cf_state_kind;

#define CF_DIGEST_NAME_BYTES 32
#define CF_STATE_NAME_BYTES (2 * CF_DIGEST_NAME_BYTES + 1)

/** A file's name without its suffix. */
typedef struct {
    char text[CF_STATE_NAME_BYTES];
} cf_state_name;

/** Makes what is missing. error as cf_keys_open. */
CF_MUST_USE cf_result cf_kmsd_state_open(const char *folder, cf_kmsd_state **ret);
void cf_kmsd_state_close(cf_kmsd_state **s); /* wipes */

const cf_secret *cf_kmsd_state_root(const cf_kmsd_state *s);
const char *cf_kmsd_state_folder(const cf_kmsd_state *s);

typedef cf_result cf_state_visit(void *ctx, const cf_state_name *name);
/** Calls fn for every file of a kind, in no order, until one fails. Removes temporary files that a crash has left, and finishes what
 *  cf_kmsd_state_destroy began. */
CF_MUST_USE cf_result cf_kmsd_state_walk(cf_kmsd_state *s, cf_state_kind kind, cf_state_visit *fn,
                                         void *ctx);

/** error NOT_FOUND, IO, SIZE over CF_KMSD_KEY_FILE_BYTES_MAX. */
CF_MUST_USE cf_result cf_kmsd_state_read(cf_kmsd_state *s, cf_state_kind kind, const char *name,
                                         cf_buf *out);
/** Durable when it returns. is_new: EXISTS when the file is there. */
CF_MUST_USE cf_result cf_kmsd_state_write(cf_kmsd_state *s, cf_state_kind kind, const char *name,
                                          cf_view octets, bool is_new);
/** Durable when it returns. */
CF_MUST_USE cf_result cf_kmsd_state_remove(cf_kmsd_state *s, cf_state_kind kind, const char *name);
/** As cf_kmsd_state_remove, but the octets are overwritten before: as far as the file system and the disk under it let go of them. */
CF_MUST_USE cf_result cf_kmsd_state_destroy(cf_kmsd_state *s, cf_state_kind kind, const char *name);
