/* SPDX-License-Identifier: Apache-2.0 */
#include "enclave/app/programs.h"

#include <pthread.h>

#include "enclave/app/limits.h"

#define CHAINS 1024 /* a power of two */

typedef struct kept kept;
struct kept {
    cf_transform_program base; /* first: what is given out is its address */
    uint8_t digest[CF_TRANSFORM_DIGEST_BYTES];
    size_t bytes, users;
    bool listed;         /* can be found */
    kept *next;          /* in its chain, or among those to be freed */
    kept *older, *newer; /* by use */
};

struct cf_programs {
    cf_cel_env *env;
    size_t count_max, bytes_max;
    pthread_mutex_t lock; /* of all below */
    kept *chains[CHAINS];
    kept *oldest, *newest;
    size_t count, bytes;
};

static void free_all(kept *k)
{
    while (k != NULL) {
        kept *next = k->next;
        cf_cel_program_free(&k->base.cel);
        cf_mem_free(k);
        k = next;
    }
}

CF_MUST_USE cf_result cf_programs_new(size_t count_max, size_t bytes_max, cf_programs **ret)
{
    *ret = NULL;
    cf_programs *p = cf_mem_new(1, sizeof *p);
    CF_REQUIRE(p != NULL, NO_MEMORY);
    p->count_max = count_max;
    p->bytes_max = bytes_max;
    (void)pthread_mutex_init(&p->lock, NULL);
    cf_result r = cf_transform_env_new(&p->env);
    if (!cf_is_ok(r)) {
        cf_programs_free(&p);
        return r;
    }
    *ret = p;
    return r;
}

void cf_programs_free(cf_programs **programs)
{
    cf_programs *p = *programs;
    if (p == NULL) {
        return;
    }
    for (size_t i = 0; i < CHAINS; i++) {
        free_all(p->chains[i]);
    }
    cf_cel_env_free(&p->env);
    (void)pthread_mutex_destroy(&p->lock);
    cf_mem_free(p);
    *programs = NULL;
}

/* ---- under the lock ---- */

static kept **chain_of(cf_programs *p, const uint8_t *digest)
{
    return &p->chains[((size_t)digest[0] << 8 | digest[1]) & (CHAINS - 1)];
}

static void unlink_by_use(cf_programs *p, kept *k)
{
    *(k->older != NULL ? &k->older->newer : &p->oldest) = k->newer;
    *(k->newer != NULL ? &k->newer->older : &p->newest) = k->older;
}

static void link_newest(cf_programs *p, kept *k)
{
    k->older = p->newest;
    k->newer = NULL;
    *(p->newest != NULL ? &p->newest->newer : &p->oldest) = k;
    p->newest = k;
}

static kept *find(cf_programs *p, const uint8_t *digest)
{
    kept *k = *chain_of(p, digest);
    while (k != NULL &&
           !cf_view_eq(CF_VIEW_OF(k->digest), cf_view_make(digest, CF_TRANSFORM_DIGEST_BYTES))) {
        k = k->next;
    }
    return k;
}

/* Makes the oldest impossible to find; it goes now, or with its last user. */
static void evict(cf_programs *p, kept **gone)
{
    kept *k = p->oldest, **at = chain_of(p, k->digest);
    while (*at != k) {
        at = &(*at)->next;
    }
    *at = k->next;
    unlink_by_use(p, k);
    p->count--;
    p->bytes -= k->bytes;
    k->listed = false;
    if (k->users == 0) {
        k->next = *gone;
        *gone = k;
    }
}

static void list(cf_programs *p, kept *k, kept **gone)
{
    if (p->count_max == 0 || k->bytes > p->bytes_max) {
        return;
    }
    while (p->count == p->count_max || p->bytes + k->bytes > p->bytes_max) {
        evict(p, gone);
    }
    kept **chain = chain_of(p, k->digest);
    k->next = *chain;
    *chain = k;
    k->listed = true;
    link_newest(p, k);
    p->count++;
    p->bytes += k->bytes;
}

static kept *use(cf_programs *p, const uint8_t *digest)
{
    kept *k = find(p, digest);
    if (k != NULL) {
        k->users++;
        unlink_by_use(p, k);
        link_newest(p, k);
    }
    return k;
}

/* ---- what others call ---- */

static CF_MUST_USE cf_result make(cf_programs *p, const cf_transform_source *s,
                                  const uint8_t *digest, kept **ret, cf_cel_error *ret_error)
{
    *ret = NULL;
    cf_cel_program *cel = NULL;
    CF_TRY(cf_transform_compile(p->env, s, &cel, ret_error));
    kept *k = cf_mem_new(1, sizeof *k);
    if (k == NULL) {
        cf_cel_program_free(&cel);
        return cf_fail(CF_ERR_NO_MEMORY);
    }
    k->base.cel = cel;
    k->bytes = sizeof *k + cf_cel_program_bytes(cel);
    k->users = 1;
    cf_copy(k->digest, digest, CF_TRANSFORM_DIGEST_BYTES);
    *ret = k;
    return cf_ok();
}

static cf_result get(void *ctx, const cf_transform_source *s, const cf_transform_program **ret,
                     cf_cel_error *ret_error)
{
    cf_programs *p = ctx;
    uint8_t digest[CF_TRANSFORM_DIGEST_BYTES];
    kept *gone = NULL, *made = NULL;
    *ret = NULL;
    CF_TRY(cf_transform_digest(s, digest));
    (void)pthread_mutex_lock(&p->lock);
    kept *k = use(p, digest);
    (void)pthread_mutex_unlock(&p->lock);
    if (k == NULL) {
        CF_TRY(make(p, s, digest, &made, ret_error));
        (void)pthread_mutex_lock(&p->lock);
        /* another thread may have been faster */
        k = use(p, digest);
        if (k == NULL) {
            k = made;
            list(p, k, &gone);
        } else {
            gone = made;
        }
        (void)pthread_mutex_unlock(&p->lock);
        free_all(gone);
    }
    *ret = &k->base;
    return cf_ok();
}

static void put(void *ctx, const cf_transform_program *program)
{
    cf_programs *p = ctx;
    kept *k = (kept *)(uintptr_t)program;
    (void)pthread_mutex_lock(&p->lock);
    k->users--;
    bool over = k->users == 0 && !k->listed;
    (void)pthread_mutex_unlock(&p->lock);
    if (over) {
        k->next = NULL;
        free_all(k);
    }
}

const cf_transform_programs cf_programs_ops = {get, put};

size_t cf_programs_count(cf_programs *p)
{
    (void)pthread_mutex_lock(&p->lock);
    size_t n = p->count;
    (void)pthread_mutex_unlock(&p->lock);
    return n;
}

size_t cf_programs_bytes(cf_programs *p)
{
    (void)pthread_mutex_lock(&p->lock);
    size_t n = p->bytes;
    (void)pthread_mutex_unlock(&p->lock);
    return n;
}
