/* SPDX-License-Identifier: Apache-2.0 */
/* What parsing, verifying and making of documents share. */
#pragma once
#include "core/attest/attest.h"
#include "core/codec/cbor.h"

/** {1: -35}, the protected header that says ES384: the content of its byte string. */
#define CF_ATTEST_PROTECTED "\xa1\x01\x38\x22"
#define CF_ATTEST_DIGEST "SHA384"

/** The COSE_Sign1 around a payload. Views borrow. error SIZE over CF_ATTEST_BYTES_MAX, and parser codes. */
CF_MUST_USE cf_result cf_attest_envelope_parse(cf_view doc, cf_attest_envelope *ret);

/** The payload map. Views borrow. error parser codes; DUPLICATE, MISSING. */
CF_MUST_USE cf_result cf_attest_payload_parse(cf_view payload, cf_attest_payload *ret);

/** The rules that hold between and within members, whichever way the payload came to be. */
bool cf_attest_payload_ok(const cf_attest_payload *p);

/** Sig_structure of RFC 9052 section 4.4 over the payload octets as they were received. Appends. */
CF_MUST_USE cf_result cf_attest_to_be_signed(cf_view payload, cf_buf *out);
