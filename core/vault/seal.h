/* SPDX-License-Identifier: Apache-2.0 */
/* Sealing and opening of fields: docs/formats/record.md section 4. */
#pragma once
#include "core/vault/record.h"

/** What every field of a vault is bound to. */
typedef struct {
    cf_view tenant, id, schema;
    cf_hpke_suite suite;
} cf_binding;

/** One write being sealed: fields in the order of their names, sequence numbers from 0. Opaque. */
typedef struct cf_sealer cf_sealer;

/** Begins a write to the vault's public key. version: what the row gets by this write.
 *  out *ret; write id and enc are had from cf_sealer_write. error KEY, ENTROPY, CRYPTO. cost one encapsulation */
CF_MUST_USE cf_result cf_sealer_new(const cf_binding *b, cf_view public_key, uint64_t version,
                                    cf_sealer **ret);
void cf_sealer_free(cf_sealer **s); /* wipes */
/** The write as the row stores it; borrowed from the sealer. */
cf_write_ref cf_sealer_write(const cf_sealer *s);
/** Seals the next field; *ret_seq its sequence number, ct || tag appended to out. The value is UTF-8, which schemas check.
 *  error SIZE over CF_VALUE_BYTES_MAX, BAD_NAME, RESERVED_FIELD, ARGUMENT for a name that does not come after the last,
 *        LIMIT after CF_ROW_FIELDS_MAX fields */
CF_MUST_USE cf_result cf_sealer_field(cf_sealer *s, cf_view name, cf_view value, uint64_t *ret_seq,
                                      cf_buf *out);

/** Encoding 2, single shot: enc || ct appended to out. cost one encapsulation */
CF_MUST_USE cf_result cf_seal_binary(const cf_binding *b, cf_view public_key, cf_view name,
                                     cf_view value, cf_buf *out);

/** One write being opened. Opaque; not shared between threads. */
typedef struct cf_opener cf_opener;
/** error OPEN whatever is wrong with enc; ARGUMENT names or suite that no row can have, or a key of another curve.
 *  cost  one point multiplication */
CF_MUST_USE cf_result cf_opener_new(const cf_binding *b, const cf_dh_key *key,
                                    const cf_write_ref *write, cf_opener **ret);
void cf_opener_free(cf_opener **o); /* wipes */
/** Opens a field of encoding 3 of this write; plaintext appended to out, which is the only memory it takes.
 *  error OPEN; UTF8 when it opened to what is no text (nothing is appended) */
CF_MUST_USE cf_result cf_opener_field(cf_opener *o, const cf_field *field, cf_buf *out);

/** Opens a field of encoding 1 or 2. error OPEN, MALFORMED (encoding 1's text), UTF8, ARGUMENT as cf_opener_new.
 *  cost  one point multiplication */
CF_MUST_USE cf_result cf_open_single(const cf_binding *b, const cf_dh_key *key,
                                     const cf_field *field, cf_buf *out);
