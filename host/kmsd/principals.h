/* SPDX-License-Identifier: Apache-2.0 */
/* The principals of this service: in memory, and durably in one sealed file of the state folder. Safe for several threads. */
#pragma once
#include "host/kmsd/principal.h"

#define CF_KMSD_PRINCIPALS_MAX 1000
#define CF_KMSD_PRINCIPALS_BYTES_MAX (512 * 1024)

typedef struct cf_principals cf_principals;

/** Reads DIR/principals.cbor, if there is one; key seals it, 32 octets. Logs what it finds amiss.
 *  error OPEN another key, or altered; parser codes; IO, NO_MEMORY */
CF_MUST_USE cf_result cf_principals_open(const char *folder, const cf_secret *key,
                                         cf_principals **ret);
void cf_principals_free(cf_principals **t); /* wipes */

/** Durable when it returns; p is copied. error EXISTS: the access key, or the role of that name and account; LIMIT; IO, … */
CF_MUST_USE cf_result cf_principals_add(cf_principals *t, const cf_principal *p);

/** Removes an access key, or a role, with all sessions that it has. error NOT_FOUND; IO, …: it is still there. */
CF_MUST_USE cf_result cf_principals_remove_key(cf_principals *t, cf_view access_key_id);
CF_MUST_USE cf_result cf_principals_remove_role(cf_principals *t, cf_view name, cf_view account);

/** A copy, which the caller wipes. error NOT_FOUND. */
CF_MUST_USE cf_result cf_principals_by_key(cf_principals *t, cf_view access_key_id,
                                           cf_principal *ret);
CF_MUST_USE cf_result cf_principals_by_role(cf_principals *t, cf_view name, cf_view account,
                                            cf_principal *ret);

/** A copy without the secret of the i-th, oldest first. error NOT_FOUND behind the last. */
CF_MUST_USE cf_result cf_principals_at(cf_principals *t, size_t i, cf_principal *ret);
