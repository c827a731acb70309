/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of this service: in memory, and durably in the state folder. Reading is safe from any thread; who changes holds the
 * service's change lock, so that one change at a time is on its way. */
#pragma once
#include "core/policy/policy.h"
#include "host/kmsd/keyfile.h"
#include "host/kmsd/state.h"

typedef struct cf_keys cf_keys;

/** One key as it was when it was looked up: a change makes another one, so everything in it may be read without a lock. Counted; it
 *  lives until the last who holds it lets go. */
typedef struct cf_key cf_key;
void cf_key_release(const cf_key **k);

const cf_uuid *cf_key_id(const cf_key *k);
/** False when its file is damaged; then there is nothing else to know of it. */
bool cf_key_available(const cf_key *k);
const cf_keyfile *cf_key_file(const cf_key *k);
const cf_policy *cf_key_policy(const cf_key *k);

/** Octets of memory that a key takes beside its material, which callers have no say in: descriptions, tags, policies. */
size_t cf_key_bytes(const cf_key *k);

/** Reads all keys of the folder, however much memory they take. Logs what it finds amiss.
 *  in    bytes_max  of all keys' cf_key_bytes, for changes that need more of them
 *  error IO, NO_MEMORY */
CF_MUST_USE cf_result cf_keys_open(cf_kmsd_state *state, size_t bytes_max, cf_keys **ret);
void cf_keys_free(cf_keys **k); /* wipes */

/** Held by the caller; NULL when there is none, or it is due to be destroyed by now. Binary search. */
const cf_key *cf_keys_find(cf_keys *t, const cf_uuid *id, uint64_t now_ms);

/** A new key, durable when this returns; takes *k. error LIMIT over CF_KMSD_KEYS_MAX or bytes_max; MALFORMED its policy;
 *  IO, … */
CF_MUST_USE cf_result cf_keys_create(cf_keys *t, cf_keyfile *k);
/** Puts *k, which is taken, in the place of the key with its id, durably. error as cf_keys_create, NOT_FOUND: the old one stands, at
 *  least until the next start. */
CF_MUST_USE cf_result cf_keys_replace(cf_keys *t, cf_keyfile *k);
/** Destroys a key with its material. error NOT_FOUND; IO: it is out of use, and gone at the next start */
CF_MUST_USE cf_result cf_keys_destroy(cf_keys *t, const cf_uuid *id);

/** Ids of up to max keys in their order, from the first after *after on (NULL: from the start), those left out that are due to be
 *  destroyed. *ret_more: others follow. */
size_t cf_keys_list(cf_keys *t, uint64_t now_ms, const cf_uuid *after, size_t max, cf_uuid *ret,
                    bool *ret_more);

/** Id of a key that is due to be destroyed or to be rotated, from the first after *after on. False when there is none. */
bool cf_keys_due(cf_keys *t, uint64_t now_ms, const cf_uuid *after, cf_uuid *ret);
