/* SPDX-License-Identifier: Apache-2.0 */
/* What a change makes of a row, without I/O: fields sealed as one write, the row after it, the row of a deleted vault. */
#pragma once
#include "core/vault/seal.h"
#include "host/api/input.h"

/** Fields sealed as one write. Fields and write borrow from it. */
typedef struct {
    cf_sealer *sealer; /* NULL for encoding 2 */
    cf_buf octets;
    cf_write_ref write;
    cf_field
        *fields; /* in the arena, in the order of the input; encoding 3: write is CF_WRITE_NEW */
    size_t n;
} cf_sealed;
#define CF_WRITE_NEW UINT32_MAX
void cf_sealed_free(cf_sealed *s);
#define CF_SEALED(name)                                                                            \
    CF_AUTO(cf_sealed_free) cf_sealed name = {NULL, CF_BUF_EMPTY, {.version = 0}, NULL, 0}

/** Seals the fields to a vault's key. version: what the row gets by this write. error KEY, ENTROPY, CRYPTO, SIZE, NO_MEMORY.
 *  cost one encapsulation with encoding 3, one per field with encoding 2; none for no fields */
CF_MUST_USE cf_result cf_seal_fields(const cf_binding *b, cf_view public_key, uint64_t version,
                                     cf_encoding encoding, const cf_input *in, cf_arena *arena,
                                     cf_sealed *ret);

/** The row after a change: without the fields in drop, with the sealed ones in place of those of their names, without writes that
 *  nobody refers to any more. Everything else is old's. drop and sealed may be NULL.
 *  out   *ret borrows from old and sealed, arrays in the arena. error NO_MEMORY */
CF_MUST_USE cf_result cf_row_change(const cf_row *old, const cf_names *drop,
                                    const cf_sealed *sealed, uint64_t now_ms, cf_arena *arena,
                                    cf_row *ret);

/** The tombstone that takes the place of a vault. */
cf_row cf_row_tombstone(const cf_row *old, uint64_t now_ms);
