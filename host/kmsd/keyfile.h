/* SPDX-License-Identifier: Apache-2.0 */
/* A key at rest: docs/formats/kms-blob.md section 2. No I/O. */
#pragma once
#include "host/kmsd/id.h"
#include "host/kmsd/limits.h"
#include "host/kmsd/material.h"

/** One tag: name and value. */
typedef struct {
    cf_buf name, value;
} cf_tag;

void cf_tag_clear(cf_tag *t);

/** All that a key's file says. */
typedef struct {
    cf_uuid id;
    uint64_t created_ms;
    cf_key_spec spec;
    cf_key_use use;
    bool enabled;
    uint64_t delete_ms; /* when it goes; 0: it stays */
    uint32_t delete_days;
    uint32_t rotation_days;    /* 0: no automatic rotation */
    uint64_t rotation_from_ms; /* what the next period is counted from */
    cf_buf description, policy;
    cf_tag *tags; /* NULL, or CF_KMSD_TAGS_MAX places; in rising order of their names' octets */
    size_t tags_n;
    cf_material *materials; /* the oldest first; the last one is current */
    size_t materials_n;
} cf_keyfile;

/** Wipes. Accepts the zero state and leaves it. */
void cf_keyfile_clear(cf_keyfile *k);
/** A copy. error NO_MEMORY, SIZE */
CF_MUST_USE cf_result cf_keyfile_copy(const cf_keyfile *k, cf_keyfile *ret);

/** Sets a tag, new or not. error LIMIT over CF_KMSD_TAGS_MAX; NO_MEMORY */
CF_MUST_USE cf_result cf_keyfile_set_tag(cf_keyfile *k, cf_view name, cf_view value);
/** Removes it, if it is there. */
void cf_keyfile_drop_tag(cf_keyfile *k, cf_view name);

/** The current material; one that a ciphertext names, or NULL. */
const cf_material *cf_keyfile_current(const cf_keyfile *k);
const cf_material *cf_keyfile_material(const cf_keyfile *k, cf_view id);
/** Appends a material, which is taken. error LIMIT over CF_KMSD_MATERIALS_MAX; NO_MEMORY */
CF_MUST_USE cf_result cf_keyfile_add_material(cf_keyfile *k, cf_material *m);

/** Octets of memory that descriptions, policy and tags take. */
size_t cf_keyfile_bytes(const cf_keyfile *k);

/** When the next automatic rotation is due, or 0. */
uint64_t cf_keyfile_rotation_due_ms(const cf_keyfile *k);

/** The file's octets, appended. root: 32 octets. error SIZE over CF_KMSD_KEY_FILE_BYTES_MAX, UTF8, ENTROPY, CRYPTO, NO_MEMORY. */
CF_MUST_USE cf_result cf_keyfile_seal(const cf_secret *root, const cf_keyfile *k, cf_buf *out);

/** out *ret, in the zero state after an error; files of format 1 are read as well. error parser codes; OPEN another root key, or
 *  altered; KEY */
CF_MUST_USE cf_result cf_keyfile_open(const cf_secret *root, cf_view octets, cf_keyfile *ret);
