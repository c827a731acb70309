/* SPDX-License-Identifier: Apache-2.0 */
/* A key at rest: docs/formats/kms-blob.md section 2. No I/O. */
#pragma once
#include "host/kmsd/blob.h"
#include "host/kmsd/limits.h"

/** All that a key's file says. */
typedef struct {
    cf_uuid id;
    uint64_t created_ms;
    cf_buf description, policy;
    cf_material material;
} cf_keyfile;

/** Wipes. Accepts the zero state and leaves it. */
void cf_keyfile_clear(cf_keyfile *k);

/** The file's octets, appended. root: 32 octets. error SIZE over CF_KMSD_KEY_FILE_BYTES_MAX, UTF8, ENTROPY, CRYPTO, NO_MEMORY. */
CF_MUST_USE cf_result cf_keyfile_seal(const cf_secret *root, const cf_keyfile *k, cf_buf *out);

/** out *ret, in the zero state after an error. error parser codes; OPEN another root key, or altered. */
CF_MUST_USE cf_result cf_keyfile_open(const cf_secret *root, cf_view octets, cf_keyfile *ret);
