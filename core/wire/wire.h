/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between agent and enclave: docs/formats/wire.md. No I/O: octets in, structures out, and back. */
#pragma once
#include "core/vault/record.h"

#define CF_WIRE_VERSION 1
#define CF_FRAME_BYTES_MAX ((size_t)1 << 20)
#define CF_FRAME_HEAD_BYTES 4
#define CF_DEADLINE_MS_MAX 60000
#define CF_REQUEST_FIELDS_MAX 256
#define CF_REQUEST_EXPRESSIONS_MAX 100                /* as many as the AWS sample takes */
#define CF_EXPRESSION_BYTES_MAX 10240                 /* of one source, likewise */
#define CF_EXPRESSIONS_BYTES_MAX 65536                /* of all sources of a request */
#define CF_RESULTS_JSON_BYTES_MAX ((size_t)128 << 10) /* of all their results */
#define CF_REQUEST_SECRETS_MAX 16
#define CF_BOOT_ID_BYTES 16
#define CF_PCR_BYTES 48

/* Octets of single items and of the bodies that a peer may send; DECRYPT has CF_FRAME_BYTES_MAX. */
#define CF_WIRE_VAULT_ID_BYTES_MAX 256 /* the AWS sample's ids are not ours */
#define CF_MODULE_ID_BYTES_MAX 256
#define CF_WIRE_STATE_BYTES_MAX 16
#define CF_ACCESS_KEY_ID_BYTES_MAX 128
#define CF_SECRET_KEY_BYTES_MAX 256
#define CF_SESSION_TOKEN_BYTES_MAX 8192
#define CF_HELLO_BYTES_MAX 256
#define CF_EMPTY_BYTES_MAX 16
#define CF_CREDENTIALS_BYTES_MAX 16384
#define CF_WIRE_NONCE_BYTES_MAX 512 /* what the module's own text allows */
#define CF_ATTEST_ASK_BYTES_MAX 1024
#define CF_WIRE_DOCUMENT_BYTES_MAX 16384

_Static_assert(2 * CF_ROW_BYTES_MAX + CF_EXPRESSIONS_BYTES_MAX +
                       CF_REQUEST_SECRETS_MAX * (CF_KMS_BLOB_BYTES_MAX + CF_KMS_KEY_ID_BYTES_MAX) <
                   CF_FRAME_BYTES_MAX,
               "a whole row, the longest expressions and all their secrets fit a frame");
_Static_assert(CF_ROW_BYTES_MAX + CF_RESULTS_JSON_BYTES_MAX < CF_FRAME_BYTES_MAX,
               "a whole row and what expressions make of it fit a frame");

typedef enum {
    CF_MSG_HELLO = 1,
    CF_MSG_DECRYPT = 2,
    CF_MSG_HEALTH = 3,
    CF_MSG_CREDENTIALS = 4,
    CF_MSG_DRAIN = 5,
    CF_MSG_ATTEST = 6,
    CF_MSG_ANSWER = 128, /* added to the kind */
    CF_MSG_ERROR = 255
} cf_msg_kind;

/** Head of a message; body is the raw CBOR map. Views borrow. */
typedef struct {
    uint32_t kind;
    uint64_t request;
    cf_view body;
} cf_msg;

/** Looks for one frame at the start of in: three verdicts. *ret_used is 0 while more octets are needed (that is no error), else the
 *  octets of the frame. error SIZE for a length over CF_FRAME_BYTES_MAX or 0; MALFORMED and others for no message. */
CF_MUST_USE cf_result cf_frame_decode(cf_view in, size_t *ret_used, cf_msg *ret);
/** Appends a frame around the body, which is already CBOR. error SIZE. */
CF_MUST_USE cf_result cf_frame_encode(uint32_t kind, uint64_t request, cf_view body, cf_buf *out);

typedef struct {
    uint64_t version_min, version_max;
} cf_hello;
typedef struct {
    uint64_t version, inflight_max, workers;
    cf_view boot_id, module_id, pcr0;
} cf_hello_answer;

/** An expression, and a named secret as the KMS wrapped it under that key. */
typedef struct {
    cf_view name, source;
} cf_expression;
typedef struct {
    cf_view name, kms_key, wrapped;
} cf_secret_ref;

/** One decrypt request. Arrays in the arena; views borrow from the body. */
typedef struct {
    uint64_t deadline_ms;
    cf_view tenant; /* empty: data of the AWS sample */
    cf_view vault_id, schema, kms_key;
    cf_hpke_suite suite;
    cf_view wrapped_key;
    const cf_write_ref *writes;
    size_t writes_n;
    const cf_field *fields;
    size_t fields_n;
    /* Without expressions all below is empty. */
    const cf_expression *expressions; /* in the order of evaluation */
    size_t expressions_n;
    size_t silent_n; /* the last so many fields are there for expressions and are not answered */
    const cf_secret_ref *secrets;
    size_t secrets_n;
    const cf_view *unset; /* names of further fields, which have no value */
    size_t unset_n;
} cf_decrypt;

/** One result: code CF_OK and the value, or an error code. */
typedef struct {
    cf_view name, value;
    cf_err code;
} cf_field_result;

/** What an expression gave: code CF_OK and JSON text, or a code and where in the source. */
typedef struct {
    cf_view name, json;
    cf_err code;
    uint32_t offset;
} cf_expression_result;

/** The answer to a DECRYPT. Arrays in the arena; views borrow from the body. */
typedef struct {
    const cf_field_result *fields;
    size_t fields_n;
    bool evaluated; /* the request had expressions; else all below is empty */
    const cf_expression_result *expressions;
    size_t expressions_n;
    const uint32_t *read; /* places of the request's fields that expressions read, rising */
    size_t read_n;
    uint64_t time_ms; /* what clock expressions saw, since 1970 */
} cf_answer;

typedef struct {
    cf_view access_key_id, secret_key, session_token;
    uint64_t expires_ms; /* 0: never */
} cf_credentials_view;

/** A wish for a fresh attestation document of the enclave's identity key. */
typedef struct {
    uint64_t deadline_ms;
    cf_view nonce; /* empty: none */
} cf_attest_ask;

typedef struct {
    cf_view state;
    uint64_t keys, answered, kms_calls, inflight, uptime_ms;
} cf_health;

/* Bodies. encode appends and checks what the decoder of the other side will (ARGUMENT, or SIZE over a limit); out keeps its
 * length after an error. decode refuses what wire.md refuses; *ret is in the zero state after any error.
 * error MISSING a required key; UNKNOWN_MEMBER a key below 64 that is not listed; DUPLICATE, MALFORMED a key again or out of
 *       order; SIZE a text, string or list over its limit; EMPTY one that must hold something; RANGE a number; and those of
 *       cf_cbor */
CF_MUST_USE cf_result cf_hello_encode(const cf_hello *m, cf_buf *out);
CF_MUST_USE cf_result cf_hello_decode(cf_view body, cf_hello *ret);
CF_MUST_USE cf_result cf_hello_answer_encode(const cf_hello_answer *m, cf_buf *out);
CF_MUST_USE cf_result cf_hello_answer_decode(cf_view body, cf_hello_answer *ret);
/** Further: MISSING tenant or schema with a field of encoding 3, or KMS key with a tenant; DUPLICATE a name twice among fields and unset
 *  ones, expressions, or secrets, or an expression's that a field that is answered has; MALFORMED a write that no field refers to, or a
 *  field that refers to none, or keys for expressions without any; UNSUPPORTED a suite that seals nothing; BAD_NAME tenant, schema or
 *  secret, and the errors of cf_field_name_check. */
CF_MUST_USE cf_result cf_decrypt_encode(const cf_decrypt *m, cf_buf *out);
CF_MUST_USE cf_result cf_decrypt_decode(cf_view body, cf_arena *arena, cf_decrypt *ret);
/** A result with code CF_OK has a value, maybe empty; any other has none. An unknown code text is INTERNAL. Whether a result's text is
 *  JSON is not looked at. */
CF_MUST_USE cf_result cf_answer_encode(const cf_answer *m, cf_buf *out);
CF_MUST_USE cf_result cf_answer_decode(cf_view body, cf_arena *arena, cf_answer *ret);
/** An answer without expressions; decode refuses another (UNSUPPORTED). */
CF_MUST_USE cf_result cf_results_encode(const cf_field_result *results, size_t n, cf_buf *out);
CF_MUST_USE cf_result cf_results_decode(cf_view body, cf_arena *arena, const cf_field_result **ret,
                                        size_t *ret_n);
CF_MUST_USE cf_result cf_health_encode(const cf_health *m, cf_buf *out);
CF_MUST_USE cf_result cf_health_decode(cf_view body, cf_health *ret);
CF_MUST_USE cf_result cf_credentials_encode(const cf_credentials_view *m, cf_buf *out);
CF_MUST_USE cf_result cf_credentials_decode(cf_view body, cf_credentials_view *ret);
CF_MUST_USE cf_result cf_attest_ask_encode(const cf_attest_ask *m, cf_buf *out);
CF_MUST_USE cf_result cf_attest_ask_decode(cf_view body, cf_attest_ask *ret);
/** The answer: the document as the module made it, which is not looked into. */
CF_MUST_USE cf_result cf_attest_doc_encode(cf_view document, cf_buf *out);
CF_MUST_USE cf_result cf_attest_doc_decode(cf_view body, cf_view *ret);
/** The body of HEALTH, DRAIN and of the answers to CREDENTIALS and DRAIN. */
CF_MUST_USE cf_result cf_empty_encode(cf_buf *out);
CF_MUST_USE cf_result cf_empty_decode(cf_view body);
CF_MUST_USE cf_result cf_error_encode(cf_err code, cf_buf *out);
/** An unknown code text is INTERNAL: a newer peer may know more. */
CF_MUST_USE cf_result cf_error_decode(cf_view body, cf_err *ret);
