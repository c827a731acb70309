/* SPDX-License-Identifier: Apache-2.0 */
#include "enclave/app/unwrap.h"

#include <stdatomic.h>

#include "core/kms/attested.h"
#include "core/kms/cms.h"
#include "enclave/app/thread.h"
#include "sys/kms/tell.h"
#include "sys/linux/clock.h"
#include "sys/linux/log.h"

/* One key being unwrapped, and who waits for it. What the KMS is told is a copy: all who wait may give up before it is. */
typedef struct flight flight;
struct flight {
    flight *next;
    uint8_t digest[CF_KEY_DIGEST_BYTES];
    cf_buf texts; /* what the views below show */
    cf_view blob, kms_key;
    cf_kms_context context;
    cf_curve curve;
    cf_request *waiting;
    bool called;
};

struct cf_unwrap {
    cf_unwrap_spec spec;
    pthread_mutex_t lock; /* of flights, links and stopping */
    pthread_cond_t more;
    flight *flights;                            /* oldest first */
    cf_kms_link *links[CF_ENCLAVE_KMS_THREADS]; /* idle ones, the one used last behind the others */
    unsigned links_n;
    bool stopping;
    atomic_uint_fast64_t calls;
    unsigned threads_n;
    pthread_t threads[CF_ENCLAVE_KMS_THREADS];
};

static void flight_free(flight **f)
{
    if (*f != NULL) {
        cf_buf_free(&(*f)->texts);
        cf_mem_free(*f);
        *f = NULL;
    }
}

static CF_MUST_USE cf_result flight_new(const cf_key_need *need, flight **ret)
{
    *ret = NULL;
    CF_AUTO(flight_free) flight *f = cf_mem_new(1, sizeof *f);
    CF_REQUIRE(f != NULL, NO_MEMORY);
    cf_copy(f->digest, need->digest, sizeof f->digest);
    f->curve = need->curve;
    const cf_view from[] = {need->blob, need->context.tenant, need->context.vault_id,
                            need->context.secret, need->kms_key};
    cf_view *to[] = {&f->blob, &f->context.tenant, &f->context.vault_id, &f->context.secret,
                     &f->kms_key};
    enum { TEXTS = sizeof from / sizeof *from };
    size_t room = 0;
    for (size_t i = 0; i < TEXTS; i++) {
        room += from[i].len;
    }
    CF_TRY(cf_buf_reserve(&f->texts, room));
    for (size_t i = 0; i < TEXTS; i++) {
        *to[i] = cf_view_make(f->texts.data + f->texts.len, from[i].len);
        CF_TRY(cf_buf_append(&f->texts, from[i]));
    }
    *ret = f;
    f = NULL;
    return cf_ok();
}

static flight **find(cf_unwrap *u, const uint8_t *digest)
{
    flight **at = &u->flights;
    while (*at != NULL &&
           !cf_view_eq(CF_VIEW_OF((*at)->digest), cf_view_make(digest, CF_KEY_DIGEST_BYTES))) {
        at = &(*at)->next;
    }
    return at;
}

static void join(flight *f, cf_request *r)
{
    r->next = f->waiting;
    f->waiting = r;
}

/* ---- the call ---- */

/* What a policy could have asked of our documents. */
static void tell_denied(const cf_unwrap *u)
{
    CF_BUF(has);
    if (cf_is_ok(cf_identity_conditions(u->spec.identity, CF_LIT(","), &has))) {
        cf_log(CF_LOG_WARN, "kms.document_has", "kms:RecipientAttestation:%.*s", (int)has.len,
               (const char *)has.data);
    }
}

static void tell(const cf_unwrap *u, cf_result r, const cf_kms_outcome *o)
{
    cf_kms_tell("-", "Decrypt", r, o);
    if (cf_kms_denied(o)) {
        tell_denied(u);
    }
}

/* CiphertextForRecipient from the KMS. Its deadline is not that of a request: others join who have more time, and a key that
 * comes too late for those who asked is there for the next. */
static CF_MUST_USE cf_result call_kms(cf_unwrap *u, const flight *f, cf_kms_link *link,
                                      cf_buf *ret_cms)
{
    CF_BUF(document);
    CF_BUF(body);
    CF_BUF(answer);
    cf_kms_outcome outcome;
    uint64_t deadline_ms = cf_clock_mono_ms() + CF_ENCLAVE_KMS_TIMEOUT_MS;
    CF_TRY(cf_identity_document(u->spec.identity, cf_clock_boot_ms(), &document));
    CF_TRY(cf_kms_decrypt_encode(f->blob, f->kms_key, &f->context, cf_buf_view(&document), &body));
    cf_result r = cf_kms_call(link, cf_kms_target(CF_KMS_DECRYPT), cf_buf_view(&body), deadline_ms,
                              &answer, &outcome);
    atomic_fetch_add(&u->calls, outcome.tries);
    if (!cf_is_ok(r)) {
        tell(u, r, &outcome);
        return r;
    }
    return cf_kms_decrypt_answer(cf_buf_view(&answer), ret_cms);
}

/* The key of one flight, put into the cache. CBC authenticates nothing, and anybody between here and the KMS sees whether a key
 * came out. So no octet of it goes unchecked, and a CMS that does not open is told like a key that is none, after the same
 * multiplication. */
static CF_MUST_USE cf_result unwrap(cf_unwrap *u, const flight *f, cf_kms_link *link,
                                    const cf_cached_key **ret)
{
    CF_BUF(cms);
    CF_BUF(pkcs8);
    CF_AUTO(cf_dh_free) cf_dh_key *key = NULL;
    CF_TRY(call_kms(u, f, link, &cms));
    cf_result r = cf_cms_open(cf_identity_recipient(u->spec.identity), cf_buf_view(&cms), &pkcs8);
    CF_REQUIRE(r.code != CF_ERR_NO_MEMORY, NO_MEMORY);
    r = cf_dh_pair_from_pkcs8(cf_buf_view(&pkcs8), f->curve, &key);
    CF_REQUIRE(r.code != CF_ERR_NO_MEMORY, NO_MEMORY);
    CF_REQUIRE(cf_is_ok(r), KEY);
    return cf_keycache_put(u->spec.cache, f->digest, key, cf_clock_mono_ms(), ret);
}

/* Everyone who waited gets a reference of their own, or the one failure. */
static void give(cf_unwrap *u, cf_request *waiting, cf_result result, const cf_cached_key *key)
{
    while (waiting != NULL) {
        cf_request *r = waiting;
        waiting = r->next;
        if (cf_request_settle(r, result, key)) {
            cf_keycache_hold(u->spec.cache, key);
        }
        u->spec.done(u->spec.ctx, r);
    }
    if (key != NULL) {
        cf_keycache_release(u->spec.cache, key);
    }
}

static void land(cf_unwrap *u, flight *f, cf_result result, const cf_cached_key *key,
                 cf_kms_link *link)
{
    (void)pthread_mutex_lock(&u->lock);
    if (link != NULL) {
        u->links[u->links_n++] = link;
    }
    flight **at = &u->flights;
    while (*at != f) {
        at = &(*at)->next;
    }
    *at = f->next;
    (void)pthread_mutex_unlock(&u->lock);
    /* Nobody finds it any more, so nobody joins. */
    give(u, f->waiting, result, key);
    flight_free(&f);
}

/* And a connection for it, of which there are as many as threads: the one that was used last, so that no more are opened than were ever
 * needed at a time, and the usual one is not one that the other side has given up meanwhile. */
static flight *next_flight(cf_unwrap *u, cf_kms_link **ret_link)
{
    flight *f = NULL;
    (void)pthread_mutex_lock(&u->lock);
    while (f == NULL && !u->stopping) {
        for (f = u->flights; f != NULL && f->called; f = f->next) {
        }
        if (f == NULL) {
            (void)pthread_cond_wait(&u->more, &u->lock);
        }
    }
    if (f != NULL) {
        f->called = true;
        *ret_link = u->links[--u->links_n];
    }
    (void)pthread_mutex_unlock(&u->lock);
    return f;
}

static void *fly(void *self)
{
    cf_unwrap *u = self;
    cf_kms_link *link;
    for (flight *f = next_flight(u, &link); f != NULL; f = next_flight(u, &link)) {
        const cf_cached_key *key = NULL;
        cf_result r = unwrap(u, f, link, &key);
        land(u, f, r, key, link);
    }
    return NULL;
}

/* ---- the callers' side ---- */

CF_MUST_USE cf_result cf_unwrap_new(const cf_unwrap_spec *spec, cf_unwrap **ret)
{
    *ret = NULL;
    CF_REQUIRE(spec->threads >= 1 && spec->threads <= CF_ENCLAVE_KMS_THREADS, ARGUMENT);
    CF_AUTO(cf_unwrap_free) cf_unwrap *u = cf_mem_new(1, sizeof *u);
    CF_REQUIRE(u != NULL, NO_MEMORY);
    u->spec = *spec;
    (void)pthread_mutex_init(&u->lock, NULL);
    (void)pthread_cond_init(&u->more, NULL);
    for (; u->links_n < spec->threads; u->links_n++) {
        CF_TRY(cf_kms_link_new(spec->kms, &u->links[u->links_n]));
    }
    for (; u->threads_n < spec->threads; u->threads_n++) {
        CF_TRY(cf_thread_start(&u->threads[u->threads_n], fly, u));
    }
    *ret = u;
    u = NULL;
    return cf_ok();
}

void cf_unwrap_free(cf_unwrap **unwrapper)
{
    cf_unwrap *u = *unwrapper;
    if (u == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&u->lock);
    u->stopping = true;
    (void)pthread_cond_broadcast(&u->more);
    (void)pthread_mutex_unlock(&u->lock);
    for (unsigned i = 0; i < u->threads_n; i++) {
        (void)pthread_join(u->threads[i], NULL);
    }
    while (u->flights != NULL) {
        land(u, u->flights, cf_fail(CF_ERR_CLOSED), NULL, NULL);
    }
    for (unsigned i = 0; i < u->links_n; i++) {
        cf_kms_link_free(&u->links[i]);
    }
    (void)pthread_cond_destroy(&u->more);
    (void)pthread_mutex_destroy(&u->lock);
    cf_mem_free(u);
    *unwrapper = NULL;
}

/* Under the lock: a flight that lands puts its key into the cache first and leaves the list then, so whoever finds no flight finds
 * the key, if there is one. */
static CF_MUST_USE cf_result get_or_join(cf_unwrap *u, cf_request *r, const cf_key_need *need,
                                         uint64_t now_ms, const cf_cached_key **ret_key)
{
    flight **at = find(u, need->digest);
    *ret_key = NULL;
    if (*at == NULL) {
        *ret_key = cf_keycache_get(u->spec.cache, need->digest, now_ms);
        if (*ret_key != NULL) {
            return cf_ok();
        }
        CF_TRY(flight_new(need, at));
        (void)pthread_cond_signal(&u->more);
    }
    r->waits_for = r->needs_met;
    join(*at, r);
    return cf_ok();
}

CF_MUST_USE cf_result cf_unwrap_get(cf_unwrap *u, cf_request *r, uint64_t now_ms, bool *ret_has)
{
    *ret_has = false;
    for (const cf_key_need *need = cf_request_wants(r); need != NULL; need = cf_request_wants(r)) {
        const cf_cached_key *key;
        (void)pthread_mutex_lock(&u->lock);
        cf_result result = get_or_join(u, r, need, now_ms, &key);
        (void)pthread_mutex_unlock(&u->lock);
        CF_TRY(result);
        if (key == NULL) {
            return cf_ok();
        }
        if (!cf_request_settle(r, cf_ok(), key)) {
            cf_keycache_release(u->spec.cache, key);
        }
    }
    *ret_has = true;
    return cf_ok();
}

/* Takes the request out of those who wait for the flight. */
static bool leave(flight *f, const cf_request *r)
{
    for (cf_request **at = &f->waiting; *at != NULL; at = &(*at)->next) {
        if (*at == r) {
            *at = r->next;
            return true;
        }
    }
    return false;
}

bool cf_unwrap_forget(cf_unwrap *u, cf_request *r)
{
    (void)pthread_mutex_lock(&u->lock);
    flight **at = find(u, r->needs[r->waits_for].digest), *f = *at;
    bool left = f != NULL && leave(f, r);
    /* A flight that nobody waits for and no thread has begun goes with its last request, else a hung KMS would pile them up. */
    if (left && f->waiting == NULL && !f->called) {
        *at = f->next;
        flight_free(&f);
    }
    (void)pthread_mutex_unlock(&u->lock);
    return left;
}

uint64_t cf_unwrap_calls(cf_unwrap *u)
{
    return atomic_load(&u->calls);
}
