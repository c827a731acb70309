/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of this service: in memory, and durably in the state folder. Safe for several threads. */
#pragma once
#include "core/policy/policy.h"
#include "host/kmsd/keyfile.h"

typedef struct cf_keys cf_keys;

/** One key. Lives as long as the table; all but its policy never changes, so it may be read without a lock. */
typedef struct cf_key cf_key;
const cf_uuid *cf_key_id(const cf_key *k);
/** False when its file is damaged; then there is nothing else to know of it. */
bool cf_key_available(const cf_key *k);
uint64_t cf_key_created_ms(const cf_key *k);
cf_view cf_key_description(const cf_key *k);
const cf_material *cf_key_material(const cf_key *k);

/** Opens DIR/root.key and DIR/keys, both made at first use, and reads all keys. Logs what it finds amiss.
 *  error STATE: keys without a root key, or a root key that is not one; NOT_PERMITTED: others may read the root key; BUSY: another
 *  process has the folder; IO, NO_MEMORY */
CF_MUST_USE cf_result cf_keys_open(const char *state, cf_keys **ret);
void cf_keys_free(cf_keys **k); /* wipes */

/** A key of 32 octets that the root key gives for another store of the same folder, by its label. */
CF_MUST_USE cf_result cf_keys_derive(const cf_keys *t, cf_view label, cf_secret *ret);

/** NULL when there is none. Binary search. */
const cf_key *cf_keys_find(cf_keys *t, const cf_uuid *id);

/** A new key, durable when this returns; takes *policy, which is text parsed. error LIMIT over CF_KMSD_KEYS_MAX; IO, … */
CF_MUST_USE cf_result cf_keys_create(cf_keys *t, uint64_t now_ms, cf_view description,
                                     cf_view policy_text, cf_policy **policy, const cf_key **ret);

/** Replaces a key's policy, durably; takes *policy. error IO, …: the old one stands, at least until the next start. */
CF_MUST_USE cf_result cf_keys_put_policy(cf_keys *t, const cf_key *k, cf_view policy_text,
                                         cf_policy **policy);
/** The policy as it was given, appended. */
CF_MUST_USE cf_result cf_keys_policy_text(cf_keys *t, const cf_key *k, cf_buf *out);
cf_policy_decision cf_keys_decide(cf_keys *t, const cf_key *k, const cf_policy_request *q);

/** Up to max keys in order of their ids, from the first after *after on (NULL: from the start). *ret_more: others follow. */
size_t cf_keys_list(cf_keys *t, const cf_uuid *after, size_t max, const cf_key **ret,
                    bool *ret_more);
