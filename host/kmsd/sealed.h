/* SPDX-License-Identifier: Apache-2.0 */
/* Files under the root key: a part that is readable and authentic, and one that is secret. docs/formats/kms-blob.md section 2. No I/O. */
#pragma once
#include "core/crypto/primitives.h"

/** What a kind of file is told apart by. Static. */
typedef struct {
    cf_view key_label; /* of the derivation of its key */
    cf_view aad_label; /* in what is authenticated; with a final zero octet */
} cf_sealed_kind;

/** A file's parts. Views borrow. */
typedef struct {
    uint64_t format;
    cf_view meta, sealed;
} cf_sealed;

/** Appends [format, meta, sealed]. name: what the file is of; it is bound by the key. root: 32 octets.
 *  error SIZE the file is over max; ENTROPY, CRYPTO, NO_MEMORY */
CF_MUST_USE cf_result cf_sealed_make(const cf_secret *root, const cf_sealed_kind *kind,
                                     cf_view name, const cf_sealed *parts, size_t max, cf_buf *out);
/** error SIZE over max; parser codes. Nothing of it is authentic before cf_sealed_open has said so. */
CF_MUST_USE cf_result cf_sealed_parse(cf_view octets, size_t max, cf_sealed *ret);
/** The secret part, appended. error OPEN another root key, kind or name, or altered; MALFORMED */
CF_MUST_USE cf_result cf_sealed_open(const cf_secret *root, const cf_sealed_kind *kind,
                                     cf_view name, const cf_sealed *parts, cf_buf *out);
