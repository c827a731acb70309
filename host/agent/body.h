/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a DECRYPT as the agent sees it: a deadline, and octets that it carries (docs/formats/wire.md section 3). */
#pragma once
#include "host/agent/limits.h"

typedef struct {
    uint64_t deadline_ms;
    uint8_t pairs; /* of the map, the deadline included */
    cf_view rest;  /* all behind the deadline; borrowed */
} cf_body_head;

/** Reads the deadline, and makes sure that the whole is one well-formed map that a frame can carry: a message with octets that are
 *  none would end the connection, and with it other callers' requests.
 *  error SIZE over CF_AGENT_BODY_BYTES_MAX; MISSING no deadline; RANGE not 1..CF_DEADLINE_MS_MAX; WRONG_TYPE no map, or a deadline of
 *        another kind; and those of cf_frame_decode */
CF_MUST_USE cf_result cf_body_read(cf_view body, cf_body_head *ret);

/** Appends the body with another deadline. deadline_ms is raised to 1 and cut to CF_DEADLINE_MS_MAX. */
CF_MUST_USE cf_result cf_body_put(uint8_t pairs, cf_view rest, uint64_t deadline_ms, cf_buf *out);
