/* SPDX-License-Identifier: Apache-2.0 */
#include "enclave/app/keycache.h"

#include <pthread.h>

#include "sys/linux/locked.h"

#define NONE UINT32_MAX

/* Each slot is in up to two lists: by use, for eviction; by age, for expiry. All keys live equally long, so the second is in the
 * order in which they came. */
typedef enum { BY_USE, BY_AGE, LIST_COUNT } list_id;

typedef struct {
    uint32_t older, newer;
} link_pair;

typedef struct {
    cf_cached_key key; /* first, so that a reference is its slot's address */
    uint8_t digest[CF_KEY_DIGEST_BYTES];
    uint64_t expires_ms;
    uint32_t users;
    uint32_t next; /* in its hash chain, or in the list of free slots */
    bool listed;   /* can be found */
    link_pair links[LIST_COUNT];
} slot;

struct cf_keycache {
    pthread_mutex_t lock;
    size_t keys_max, slots_n, listed_n;
    uint64_t age_ms;
    slot *slots; /* locked pages */
    uint32_t *chains;
    uint32_t chains_mask; /* number of chains, a power of two, less one */
    uint32_t free;
    uint32_t oldest[LIST_COUNT], newest[LIST_COUNT];
};

static void unlink_from(cf_keycache *c, list_id list, slot *s)
{
    link_pair l = s->links[list];
    if (l.older == NONE) {
        c->oldest[list] = l.newer;
    } else {
        c->slots[l.older].links[list].newer = l.newer;
    }
    if (l.newer == NONE) {
        c->newest[list] = l.older;
    } else {
        c->slots[l.newer].links[list].older = l.older;
    }
}

static void link_newest(cf_keycache *c, list_id list, slot *s)
{
    uint32_t at = (uint32_t)(s - c->slots), last = c->newest[list];
    s->links[list] = (link_pair){last, NONE};
    if (last == NONE) {
        c->oldest[list] = at;
    } else {
        c->slots[last].links[list].newer = at;
    }
    c->newest[list] = at;
}

/* The digest is a hash already; its first octets choose the chain. */
static uint32_t *chain_of(cf_keycache *c, const uint8_t *digest)
{
    uint32_t n = (uint32_t)digest[0] << 24 | (uint32_t)digest[1] << 16 | (uint32_t)digest[2] << 8 |
                 digest[3];
    return &c->chains[n & c->chains_mask];
}

static slot *find(cf_keycache *c, const uint8_t *digest)
{
    cf_view wanted = cf_view_make(digest, CF_KEY_DIGEST_BYTES);
    for (uint32_t at = *chain_of(c, digest); at != NONE; at = c->slots[at].next) {
        if (cf_view_eq(CF_VIEW_OF(c->slots[at].digest), wanted)) {
            return &c->slots[at];
        }
    }
    return NULL;
}

/* Wipes a slot that is neither found nor used, and keeps it for the next key. */
static void give_back(cf_keycache *c, slot *s)
{
    cf_wipe(s, sizeof *s);
    s->next = c->free;
    c->free = (uint32_t)(s - c->slots);
}

/* Makes a key impossible to find; it is wiped now, or when its last user is done. */
static void unlist(cf_keycache *c, slot *s)
{
    uint32_t *at = chain_of(c, s->digest), self = (uint32_t)(s - c->slots);
    while (*at != self) {
        at = &c->slots[*at].next;
    }
    *at = s->next;
    unlink_from(c, BY_USE, s);
    unlink_from(c, BY_AGE, s);
    s->listed = false;
    c->listed_n--;
    if (s->users == 0) {
        give_back(c, s);
    }
}

static void list(cf_keycache *c, slot *s, uint64_t now_ms)
{
    uint32_t *chain = chain_of(c, s->digest);
    s->next = *chain;
    *chain = (uint32_t)(s - c->slots);
    s->expires_ms = now_ms + c->age_ms;
    s->listed = true;
    link_newest(c, BY_USE, s);
    link_newest(c, BY_AGE, s);
    c->listed_n++;
}

static CF_MUST_USE cf_result alloc(cf_keycache *c, bool *ret_locked)
{
    size_t chains = 1;
    while (chains < c->keys_max) {
        chains *= 2;
    }
    c->chains_mask = (uint32_t)(chains - 1);
    c->chains = cf_mem_new(chains, sizeof *c->chains);
    c->slots = cf_locked_new(c->slots_n * sizeof *c->slots, ret_locked);
    CF_REQUIRE(c->chains != NULL && c->slots != NULL, NO_MEMORY);
    for (size_t i = 0; i < chains; i++) {
        c->chains[i] = NONE;
    }
    c->free = NONE;
    for (size_t i = c->slots_n; i > 0; i--) {
        give_back(c, &c->slots[i - 1]);
    }
    for (size_t i = 0; i < LIST_COUNT; i++) {
        c->oldest[i] = c->newest[i] = NONE;
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_keycache_new(size_t keys_max, uint64_t age_ms, size_t in_use_max,
                                      cf_keycache **ret, bool *ret_locked)
{
    *ret = NULL;
    *ret_locked = false;
    CF_AUTO(cf_keycache_free) cf_keycache *c = cf_mem_new(1, sizeof *c);
    CF_REQUIRE(c != NULL && pthread_mutex_init(&c->lock, NULL) == 0, NO_MEMORY);
    c->keys_max = age_ms == 0 ? 0 : keys_max;
    c->age_ms = age_ms;
    c->slots_n = c->keys_max + in_use_max;
    CF_TRY(alloc(c, ret_locked));
    *ret = c;
    c = NULL;
    return cf_ok();
}

void cf_keycache_free(cf_keycache **cache)
{
    cf_keycache *c = *cache;
    if (c != NULL) {
        cf_locked_free(c->slots, c->slots_n * sizeof *c->slots);
        cf_mem_free(c->chains);
        (void)pthread_mutex_destroy(&c->lock);
        cf_mem_free(c);
        *cache = NULL;
    }
}

const cf_cached_key *cf_keycache_get(cf_keycache *c,
                                     const uint8_t digest[static CF_KEY_DIGEST_BYTES],
                                     uint64_t now_ms)
{
    const cf_cached_key *key = NULL;
    (void)pthread_mutex_lock(&c->lock);
    slot *s = find(c, digest);
    if (s != NULL && s->expires_ms <= now_ms) {
        unlist(c, s);
    } else if (s != NULL) {
        s->users++;
        unlink_from(c, BY_USE, s);
        link_newest(c, BY_USE, s);
        key = &s->key;
    }
    (void)pthread_mutex_unlock(&c->lock);
    return key;
}

/* A free slot with the digest in it and one user; NULL when all are used. */
static slot *take(cf_keycache *c, const uint8_t *digest)
{
    slot *old = find(c, digest);
    if (old != NULL) {
        unlist(c, old);
    }
    if (c->keys_max > 0 && c->listed_n == c->keys_max) {
        unlist(c, &c->slots[c->oldest[BY_USE]]);
    }
    if (c->free == NONE) {
        return NULL;
    }
    slot *s = &c->slots[c->free];
    c->free = s->next;
    s->users = 1;
    cf_copy(s->digest, digest, CF_KEY_DIGEST_BYTES);
    return s;
}

CF_MUST_USE cf_result cf_keycache_put(cf_keycache *c,
                                      const uint8_t digest[static CF_KEY_DIGEST_BYTES],
                                      const cf_dh_key *key, uint64_t now_ms,
                                      const cf_cached_key **ret)
{
    *ret = NULL;
    (void)pthread_mutex_lock(&c->lock);
    slot *s = take(c, digest);
    cf_result r = s == NULL ? cf_fail(CF_ERR_BUSY) : cf_dh_secret_of(key, &s->key.scalar);
    if (cf_is_ok(r)) {
        s->key.curve = cf_dh_curve(key);
        s->key.public_key = *cf_dh_public_of(key);
        if (c->keys_max > 0) {
            list(c, s, now_ms);
        }
        *ret = &s->key;
    } else if (s != NULL) {
        give_back(c, s);
    }
    (void)pthread_mutex_unlock(&c->lock);
    return r;
}

static slot *slot_of(cf_keycache *c, const cf_cached_key *key)
{
    return &c->slots[(size_t)((const slot *)key - c->slots)];
}

void cf_keycache_hold(cf_keycache *c, const cf_cached_key *key)
{
    (void)pthread_mutex_lock(&c->lock);
    slot_of(c, key)->users++;
    (void)pthread_mutex_unlock(&c->lock);
}

void cf_keycache_release(cf_keycache *c, const cf_cached_key *key)
{
    (void)pthread_mutex_lock(&c->lock);
    slot *s = slot_of(c, key);
    s->users--;
    if (s->users == 0 && !s->listed) {
        give_back(c, s);
    }
    (void)pthread_mutex_unlock(&c->lock);
}

void cf_keycache_sweep(cf_keycache *c, uint64_t now_ms)
{
    (void)pthread_mutex_lock(&c->lock);
    while (c->oldest[BY_AGE] != NONE && c->slots[c->oldest[BY_AGE]].expires_ms <= now_ms) {
        unlist(c, &c->slots[c->oldest[BY_AGE]]);
    }
    (void)pthread_mutex_unlock(&c->lock);
}

size_t cf_keycache_count(cf_keycache *c)
{
    (void)pthread_mutex_lock(&c->lock);
    size_t n = c->listed_n;
    (void)pthread_mutex_unlock(&c->lock);
    return n;
}
