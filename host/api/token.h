/* SPDX-License-Identifier: Apache-2.0 */
/* Bearer tokens: their text, their scopes, and a cache of those in use. Only hashes are kept anywhere. */
#pragma once
#include "host/api/limits.h"
#include "host/store/store.h"

#define CF_TOKEN_TEXT_BYTES 50 /* "coffer_" and 43 characters of base64url: 32 random octets */
#define CF_TOKEN_HASH_BYTES 32

/** A fresh token: text (secret), the SHA-256 of it, and an id. error ENTROPY, CRYPTO. Only hash and id of *ret are set. */
CF_MUST_USE cf_result cf_token_make(cf_buf *ret_text, cf_token *ret);

/** SHA-256 of the token in an Authorization header ("Bearer coffer_…", the scheme in any case).
 *  error UNAUTHENTICATED for every other text; it costs no hash. */
CF_MUST_USE cf_result cf_token_hash_of(cf_view header, uint8_t ret[static CF_TOKEN_HASH_BYTES]);

/** "active", "revoked" or "expired" at that time of the wall clock; "altered" when the store's seal of it does not hold. */
const char *cf_token_state(const cf_token *t, uint64_t now_ms);
bool cf_token_active(const cf_token *t, uint64_t now_ms);

/** The bit of a scope's name, 0 for no scope; the name of the i-th scope, NULL behind the last, *ret_bit its bit. */
uint32_t cf_scope_bit(cf_view name);
const char *cf_scope_at(size_t i, uint32_t *ret_bit);

/** Tokens that were looked up lately, by hash: a look-up in the store costs a query, one here about a hundred nanoseconds. This process
 *  forgets each that it changes; what another one changes is known here after CF_API_TOKEN_CACHE_MS. Opaque; for all threads. */
typedef struct cf_token_cache cf_token_cache;
CF_MUST_USE cf_result cf_token_cache_new(cf_token_cache **ret);
void cf_token_cache_free(cf_token_cache **c);

/** The token of that hash, from the cache or the store. now_ms: of the monotonic clock.
 *  error UNAUTHENTICATED there is none, or the store's seal of it does not hold; STORE_UNAVAILABLE. */
CF_MUST_USE cf_result cf_token_find(cf_token_cache *c, const cf_store *store,
                                    const uint8_t hash[static CF_TOKEN_HASH_BYTES], uint64_t now_ms,
                                    cf_token *ret);
/** To be called once a change of the token is durable, before the change is answered. */
void cf_token_forget(cf_token_cache *c, const uint8_t hash[static CF_TOKEN_HASH_BYTES]);
