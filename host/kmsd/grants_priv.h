/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "host/kmsd/grants.h"

CF_MUST_USE cf_result cf_grant_encode(const cf_secret *root, const cf_grant *g, cf_buf *out);
/** *left: steps, of which the octets of pairs that are compared are taken, and one for each pair; a limit that would take all that are
 *  left does not hold. */
bool cf_grant_permits(const cf_grant *g, const cf_grant_ask *ask, size_t *left);
/** Whether the holder of parent, with CreateGrant among its operations, may make child. */
bool cf_grant_covers(const cf_grant *parent, const cf_grant *child);
/** In all but id and time. */
bool cf_grant_same(const cf_grant *a, const cf_grant *b);
