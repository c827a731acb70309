/* SPDX-License-Identifier: Apache-2.0 */
/* Ciphertext blobs: docs/formats/kms-blob.md section 1. No I/O. */
#pragma once
#include "host/kmsd/id.h"
#include "host/kmsd/material.h"

#define CF_BLOB_HEAD_BYTES 85
#define CF_BLOB_OVERHEAD_BYTES (CF_BLOB_HEAD_BYTES + CF_AEAD_TAG_BYTES)

/** Parts of a blob. Views borrow. */
typedef struct {
    cf_uuid key;
    cf_view head, material_id, salt, nonce, sealed;
} cf_blob;

/** m: of a symmetric key; context: canonical form. Appends. error ENTROPY, CRYPTO, NO_MEMORY. */
CF_MUST_USE cf_result cf_blob_seal(const cf_uuid *key, const cf_material *m, cf_view context,
                                   cf_view plaintext, cf_buf *out);

/** Syntax alone. error MALFORMED. */
CF_MUST_USE cf_result cf_blob_parse(cf_view octets, cf_blob *ret);

/** Plaintext appended. error OPEN: another material's, or altered, or another context. */
CF_MUST_USE cf_result cf_blob_open(const cf_blob *b, const cf_material *m, cf_view context,
                                   cf_buf *out);
