/* SPDX-License-Identifier: Apache-2.0 */
/* Rows, fields and their sealing: docs/formats/record.md. Used by the API, which seals, and the enclave, which opens. */
#pragma once
#include "core/base/arena.h"
#include "core/codec/cbor.h"
#include "core/crypto/hpke.h"

#define CF_VAULT_ID_BYTES 29   /* "v_" and 27 base62 characters */
#define CF_TENANT_BYTES_MAX 63 /* also schema names */
#define CF_FIELD_NAME_BYTES_MAX 64
#define CF_SECRET_NAME_BYTES_MAX 29 /* "s_" before it is an id as long as the others */
#define CF_WRITE_ID_BYTES 16
#define CF_KMS_KEY_ID_BYTES_MAX 2048
#define CF_KMS_BLOB_BYTES_MAX 6144
#define CF_VALUE_BYTES_MAX 65536 /* octets of plaintext of one field */
#define CF_ROW_FIELDS_MAX 256
#define CF_ROW_BYTES_MAX 393216 /* 384 KiB: with its attributes it fits an item of DynamoDB */
#define CF_ROW_KEY_BYTES 32
#define CF_ROW_SEAL_BYTES 48
/* Octets of a stored field at most: encoding 1 with the longest enc and the longest value. */
#define CF_FIELD_BYTES_MAX                                                                         \
    (2 * (CF_DH_PUBLIC_BYTES_MAX + CF_AEAD_TAG_BYTES + CF_VALUE_BYTES_MAX) + 1)

typedef enum { CF_ENC_HEX = 1, CF_ENC_BINARY = 2, CF_ENC_WRITE = 3 } cf_encoding;

/** One write of encoding 3. Views borrow. */
typedef struct {
    cf_view id; /* CF_WRITE_ID_BYTES */
    uint64_t version;
    cf_view enc;
} cf_write_ref;

/** One stored field. value is text (encoding 1), enc || ct (2), or ct (3). Views borrow. */
typedef struct {
    cf_view name;
    cf_encoding encoding;
    uint32_t write; /* encoding 3: index into writes */
    uint64_t seq;   /* encoding 3 */
    cf_view value;
} cf_field;

/** A row. Arrays live in the arena it was decoded into; views borrow from the octets it was decoded from. */
typedef struct {
    cf_view tenant, id, schema;
    uint64_t version, created_ms, modified_ms;
    bool tombstone; /* then all below is empty */
    cf_view kms_key;
    cf_hpke_suite suite;
    cf_view public_key, wrapped_key;
    const cf_write_ref *writes;
    size_t writes_n;
    const cf_field *fields;
    size_t fields_n;
} cf_row;

/** True for names by record.md section 2. cf_field_name_check: BAD_NAME or RESERVED_FIELD. */
bool cf_vault_id_ok(cf_view id);
bool cf_tenant_ok(cf_view tenant);
bool cf_secret_name_ok(cf_view name);
CF_MUST_USE cf_result cf_field_name_check(cf_view name);

/** A new vault id from the time and 16 random octets. RANGE before the KSUID epoch. */
CF_MUST_USE cf_result cf_vault_id_make(uint64_t unix_s, const uint8_t random[static 16],
                                       uint8_t ret[static CF_VAULT_ID_BYTES]);

/** True for a suite that rows and fields may have: known, and not export only. */
bool cf_suite_seals(cf_hpke_suite s);
/** True if the value has the length, and with encoding 1 the '#', that its encoding has in this suite. */
bool cf_field_size_ok(const cf_field *f, cf_hpke_suite s);

/** Appends the row's octets. Checks every rule a decoder checks (ARGUMENT), SIZE over CF_ROW_BYTES_MAX. */
CF_MUST_USE cf_result cf_row_encode(const cf_row *row, cf_buf *out);

/** Decodes a row by every rule of record.md section 3. Arrays go to the arena: sizeof(cf_write_ref) and sizeof(cf_field) each.
 *  error MALFORMED and other parser codes, UNSUPPORTED (format, suite, encoding), BAD_NAME, RESERVED_FIELD, NO_MEMORY */
CF_MUST_USE cf_result cf_row_decode(cf_view octets, cf_arena *arena, cf_row *ret);

/** Field of that name, or NULL. Binary search. */
const cf_field *cf_row_field(const cf_row *row, cf_view name);

/** The CBOR form of one field and of one write, shared with the wire. The getters note an error in the reader and leave the zero
 *  state; cf_field_get enforces encoding, name, write and seq below CF_ROW_FIELDS_MAX, and CF_FIELD_BYTES_MAX; what depends on the
 *  suite is for cf_field_size_ok. */
void cf_field_put(cf_writer *w, const cf_field *f);
void cf_write_ref_put(cf_writer *w, const cf_write_ref *wr);
void cf_field_get(cf_cbor *c, cf_field *ret);
void cf_write_ref_get(cf_cbor *c, cf_write_ref *ret);

/** HMAC-SHA-384 row seal: record.md section 5. error KEY for a row key that has not CF_ROW_KEY_BYTES. */
CF_MUST_USE cf_result cf_row_seal(const cf_secret *row_key, cf_view row,
                                  uint8_t ret[static CF_ROW_SEAL_BYTES]);
/** error ROW_ALTERED when the seal is not the row's. */
CF_MUST_USE cf_result cf_row_check(const cf_secret *row_key, cf_view row, cf_view seal);
/** What a reader of the store wants: checks the seal, decodes, and compares the row's id with the one asked for.
 *  error ROW_ALTERED, and cf_row_decode's. */
CF_MUST_USE cf_result cf_row_open(const cf_secret *row_key, cf_view id, cf_view row, cf_view seal,
                                  cf_arena *arena, cf_row *ret);
