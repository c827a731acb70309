/* SPDX-License-Identifier: Apache-2.0 */
/* Unwrapped vault keys in locked memory, bounded by count and age. A key is wiped when it expires or is evicted and nobody uses
 * it any more. Serves any number of threads. Time is the caller's. */
#pragma once
#include "core/crypto/dh.h"

#define CF_KEY_DIGEST_BYTES 32

/** One key as raw octets: making a cf_dh_key of it costs about 1 % of its use, and only raw octets lie in locked memory. */
typedef struct {
    cf_curve curve;
    cf_secret scalar;
    cf_dh_public public_key;
} cf_cached_key;

typedef struct cf_keycache cf_keycache;

/** keys_max 0 or age_ms 0: nothing is kept, keys live as long as they are used. in_use_max bounds the references that are held
 *  at once. *ret_locked: the pages are locked into memory. error NO_MEMORY. */
CF_MUST_USE cf_result cf_keycache_new(size_t keys_max, uint64_t age_ms, size_t in_use_max,
                                      cf_keycache **ret, bool *ret_locked);
/** Wipes. No reference may be held. Accepts NULL, leaves NULL. */
void cf_keycache_free(cf_keycache **c);

/** A reference to the key of this digest, or NULL. */
const cf_cached_key *cf_keycache_get(cf_keycache *c,
                                     const uint8_t digest[static CF_KEY_DIGEST_BYTES],
                                     uint64_t now_ms);
/** Puts a key in, in the place of an older one of this digest and, when full, of the one least lately used. *ret is a reference to it.
 *  error BUSY more references than in_use_max; and cf_dh_secret_of's. */
CF_MUST_USE cf_result cf_keycache_put(cf_keycache *c,
                                      const uint8_t digest[static CF_KEY_DIGEST_BYTES],
                                      const cf_dh_key *key, uint64_t now_ms,
                                      const cf_cached_key **ret);
/** One more reference to a key to which one is held. */
void cf_keycache_hold(cf_keycache *c, const cf_cached_key *key);
/** Gives a reference back. */
void cf_keycache_release(cf_keycache *c, const cf_cached_key *key);

/** Takes out what has expired. cost: the number of those, not of all. */
void cf_keycache_sweep(cf_keycache *c, uint64_t now_ms);
/** Keys that can be found. */
size_t cf_keycache_count(cf_keycache *c);
