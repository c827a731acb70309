/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON form of POST /decrypt: the AWS sample's request and answer (docs/formats/wire.md section 4), to and from the wire. */
#pragma once
#include "host/agent/limits.h"

/** Appends the DECRYPT body of a request in JSON, with this deadline. key_id stands in where the request names no KMS key; may be
 *  empty.
 *  error those of cf_json_parse over CF_AGENT_JSON_BYTES_MAX, and of cf_decrypt_encode; UNKNOWN_MEMBER, MISSING, WRONG_TYPE;
 *        MALFORMED base64; EMPTY no fields and no expressions; RANGE an encoding that there is none of; BAD_VALUE a region that is no
 *        name of one */
CF_MUST_USE cf_result cf_agent_json_read(cf_view text, cf_view key_id, uint64_t deadline_ms,
                                         cf_buf *out);

/** Appends {"fields":{name: text or result},"errors":[{"field","code"}]} made of the body of message 130; errors of expressions have an
 *  offset too. A value that is no text is an error entry (not_utf8). Results are passed on as the enclave gave them.
 *  error those of cf_answer_decode; SIZE over CF_AGENT_ANSWER_BYTES_MAX, NO_MEMORY */
CF_MUST_USE cf_result cf_agent_json_answer(cf_view results, cf_buf *out);
