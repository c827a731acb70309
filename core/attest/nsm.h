/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and answers of the Nitro Secure Module in CBOR: docs/formats/attestation.md section 4. No I/O. */
#pragma once
#include "core/attest/attest.h"

#define CF_NSM_REQUEST_BYTES_MAX 4096
#define CF_NSM_RESPONSE_BYTES_MAX 12288

typedef enum {
    CF_NSM_DESCRIBE_PCR,
    CF_NSM_EXTEND_PCR,
    CF_NSM_LOCK_PCR,
    CF_NSM_LOCK_PCRS,
    CF_NSM_DESCRIBE,
    CF_NSM_ATTESTATION,
    CF_NSM_GET_RANDOM,
    CF_NSM_OP_COUNT
} cf_nsm_op;

/** A request; only op's members count. */
typedef struct {
    cf_nsm_op op;
    uint16_t index; /* PCR, or range of LockPCRs */
    cf_view data;   /* ExtendPCR */
    bool has_user_data, has_nonce, has_public_key;
    cf_view user_data, nonce, public_key;
} cf_nsm_request;

/** Numbers as the device's interface has them. */
typedef enum {
    CF_NSM_SUCCESS,
    CF_NSM_INVALID_ARGUMENT,
    CF_NSM_INVALID_INDEX,
    CF_NSM_INVALID_RESPONSE,
    CF_NSM_READ_ONLY_INDEX,
    CF_NSM_INVALID_OPERATION,
    CF_NSM_BUFFER_TOO_SMALL,
    CF_NSM_INPUT_TOO_LARGE,
    CF_NSM_INTERNAL_ERROR,
    CF_NSM_ERROR_COUNT
} cf_nsm_error;

typedef struct {
    cf_nsm_error error; /* CF_NSM_SUCCESS: op's members below are set */
    cf_nsm_op op;
    bool lock;
    cf_view data; /* PCR value, random octets, or the document */
    cf_view module_id;
    uint16_t version[3], max_pcrs;
    uint32_t locked_pcrs; /* bit per register */
} cf_nsm_response;

/** Appends. error ARGUMENT no such op; SIZE over the limit of requests or responses; NO_MEMORY. */
CF_MUST_USE cf_result cf_nsm_request_encode(const cf_nsm_request *m, cf_buf *out);
CF_MUST_USE cf_result cf_nsm_response_encode(const cf_nsm_response *m, cf_buf *out);

/** Views of *ret borrow from the input. Members in any order; definite and indefinite maps.
 *  error UNSUPPORTED no such operation; SIZE, DUPLICATE, MISSING, UNKNOWN_MEMBER (requests; answers may grow), RANGE, and the
 *        reader's codes */
CF_MUST_USE cf_result cf_nsm_request_decode(cf_view in, cf_nsm_request *ret);
CF_MUST_USE cf_result cf_nsm_response_decode(cf_view in, cf_nsm_response *ret);
