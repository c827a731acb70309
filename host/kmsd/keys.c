/* SPDX-License-Identifier: Apache-2.0 */
#include "host/kmsd/keys.h"

#include <pthread.h>
#include <stdio.h>

#include "host/kmsd/state.h"
#include "sys/linux/log.h"

struct cf_key {
    bool available;
    cf_keyfile at_rest; /* of a damaged key the id alone */
    cf_policy *policy;  /* at_rest.policy parsed; both change together under the table's lock */
};

struct cf_keys {
    cf_kmsd_state *state;
    pthread_mutex_t change; /* one writer at a time, over its file and the table */
    pthread_rwlock_t lock;  /* list and policies; never held over a file or a computation */
    cf_key **list;          /* in order of ids */
    size_t n, cap;
};

const cf_uuid *cf_key_id(const cf_key *k)
{
    return &k->at_rest.id;
}

bool cf_key_available(const cf_key *k)
{
    return k->available;
}

uint64_t cf_key_created_ms(const cf_key *k)
{
    return k->at_rest.created_ms;
}

cf_view cf_key_description(const cf_key *k)
{
    return cf_buf_view(&k->at_rest.description);
}

const cf_material *cf_key_material(const cf_key *k)
{
    return &k->at_rest.material;
}

static void key_free(cf_key **k)
{
    if (*k != NULL) {
        cf_keyfile_clear(&(*k)->at_rest);
        cf_policy_free(&(*k)->policy);
        cf_mem_free(*k);
        *k = NULL;
    }
}

void cf_keys_free(cf_keys **t)
{
    if (*t == NULL) {
        return;
    }
    for (size_t i = 0; i < (*t)->n; i++) {
        key_free(&(*t)->list[i]);
    }
    cf_mem_free((*t)->list);
    cf_kmsd_state_close(&(*t)->state);
    (void)pthread_rwlock_destroy(&(*t)->lock);
    (void)pthread_mutex_destroy(&(*t)->change);
    cf_mem_free(*t);
    *t = NULL;
}

/* Place of the id, or where it would stand. */
static size_t place_of(const cf_keys *t, const cf_uuid *id)
{
    size_t from = 0, to = t->n;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        if (cf_view_cmp(cf_uuid_view(cf_key_id(t->list[mid])), cf_uuid_view(id)) < 0) {
            from = mid + 1;
        } else {
            to = mid;
        }
    }
    return from;
}

static cf_result make_room(cf_keys *t)
{
    if (t->n < t->cap) {
        return cf_ok();
    }
    size_t cap = t->cap == 0 ? 16 : 2 * t->cap;
    cf_key **list = cf_mem_new(cap, sizeof *list);
    CF_REQUIRE(list != NULL, NO_MEMORY);
    cf_copy(list, t->list, t->n * sizeof *list);
    cf_mem_free(t->list);
    t->list = list;
    t->cap = cap;
    return cf_ok();
}

/* Takes the key; room has been made. */
static void insert(cf_keys *t, cf_key *k)
{
    size_t at = place_of(t, cf_key_id(k));
    for (size_t i = t->n; i > at; i--) {
        t->list[i] = t->list[i - 1];
    }
    t->list[at] = k;
    t->n++;
}

/* --- start --- */

/* Reads one key's file into *k. Whatever is wrong with it is the caller's to log. */
static cf_result load(cf_keys *t, const cf_uuid *id, cf_key *k)
{
    CF_BUF(octets);
    CF_TRY(cf_kmsd_state_read(t->state, id, &octets));
    CF_TRY(cf_keyfile_open(cf_kmsd_state_root(t->state), cf_buf_view(&octets), &k->at_rest));
    CF_REQUIRE(cf_view_eq(cf_uuid_view(&k->at_rest.id), cf_uuid_view(id)), MALFORMED);
    CF_TRY(cf_policy_parse(cf_buf_view(&k->at_rest.policy), &k->policy, NULL));
    k->available = true;
    return cf_ok();
}

static cf_result on_file(void *ctx, const cf_uuid *id)
{
    cf_keys *t = ctx;
    CF_AUTO(key_free) cf_key *k = cf_mem_new(1, sizeof *k);
    CF_REQUIRE(k != NULL, NO_MEMORY);
    cf_result r = load(t, id, k);
    CF_REQUIRE(r.code != CF_ERR_NO_MEMORY, NO_MEMORY);
    if (!cf_is_ok(r)) {
        cf_log(CF_LOG_ERROR, "key.damaged", "key=%s code=%s", id->text, cf_err_code(r.code));
        cf_keyfile_clear(&k->at_rest);
        k->at_rest.id = *id;
    }
    CF_TRY(make_room(t));
    insert(t, k);
    k = NULL;
    return cf_ok();
}

CF_MUST_USE cf_result cf_keys_open(const char *state, cf_keys **ret)
{
    *ret = NULL;
    CF_AUTO(cf_keys_free) cf_keys *t = cf_mem_new(1, sizeof *t);
    CF_REQUIRE(t != NULL, NO_MEMORY);
    bool locks = pthread_mutex_init(&t->change, NULL) == 0;
    locks = pthread_rwlock_init(&t->lock, NULL) == 0 && locks;
    CF_REQUIRE(locks, NO_MEMORY);
    CF_TRY(cf_kmsd_state_open(state, &t->state));
    CF_TRY(cf_kmsd_state_walk(t->state, on_file, t));
    *ret = t;
    t = NULL;
    return cf_ok();
}

CF_MUST_USE cf_result cf_keys_derive(const cf_keys *t, cf_view label, cf_secret *ret)
{
    return cf_hkdf_expand(CF_SHA256, cf_secret_view(cf_kmsd_state_root(t->state)), &label, 1, 32,
                          ret);
}

/* --- requests --- */

static void unlock_rw(pthread_rwlock_t **lock)
{
    (void)pthread_rwlock_unlock(*lock);
}

static void unlock(pthread_mutex_t **m)
{
    (void)pthread_mutex_unlock(*m);
}

/* Clang takes a variable that only its cleanup uses for unused. */
#define HELD __attribute__((unused))

/* Held until the end of the scope. */
static pthread_rwlock_t *hold_to_read(cf_keys *t)
{
    (void)pthread_rwlock_rdlock(&t->lock);
    return &t->lock;
}

static pthread_rwlock_t *hold_to_write(cf_keys *t)
{
    (void)pthread_rwlock_wrlock(&t->lock);
    return &t->lock;
}

static pthread_mutex_t *hold_to_change(cf_keys *t)
{
    (void)pthread_mutex_lock(&t->change);
    return &t->change;
}

const cf_key *cf_keys_find(cf_keys *t, const cf_uuid *id)
{
    CF_AUTO(unlock_rw) HELD pthread_rwlock_t *held = hold_to_read(t);
    size_t at = place_of(t, id);
    bool found = at < t->n && cf_view_eq(cf_uuid_view(cf_key_id(t->list[at])), cf_uuid_view(id));
    return found ? t->list[at] : NULL;
}

size_t cf_keys_list(cf_keys *t, const cf_uuid *after, size_t max, const cf_key **ret,
                    bool *ret_more)
{
    CF_AUTO(unlock_rw) HELD pthread_rwlock_t *held = hold_to_read(t);
    size_t at = after == NULL ? 0 : place_of(t, after), n = 0;
    if (after != NULL && at < t->n &&
        cf_view_eq(cf_uuid_view(cf_key_id(t->list[at])), cf_uuid_view(after))) {
        at++;
    }
    while (n < max && at < t->n) {
        ret[n] = t->list[at];
        n++;
        at++;
    }
    *ret_more = at < t->n;
    return n;
}

cf_policy_decision cf_keys_decide(cf_keys *t, const cf_key *k, const cf_policy_request *q)
{
    CF_AUTO(unlock_rw) HELD pthread_rwlock_t *held = hold_to_read(t);
    return cf_policy_decide(k->policy, q);
}

CF_MUST_USE cf_result cf_keys_policy_text(cf_keys *t, const cf_key *k, cf_buf *out)
{
    CF_AUTO(unlock_rw) HELD pthread_rwlock_t *held = hold_to_read(t);
    return cf_buf_append(out, cf_buf_view(&k->at_rest.policy));
}

static cf_result write_file(cf_keys *t, const cf_keyfile *k, bool is_new)
{
    CF_BUF(octets);
    CF_TRY(cf_keyfile_seal(cf_kmsd_state_root(t->state), k, &octets));
    return cf_kmsd_state_write(t->state, &k->id, cf_buf_view(&octets), is_new);
}

static cf_result new_key(uint64_t now_ms, cf_view description, cf_view policy_text, cf_key *k)
{
    CF_TRY(cf_uuid_make(&k->at_rest.id));
    CF_TRY(cf_random(k->at_rest.material.id, CF_MATERIAL_ID_BYTES));
    CF_TRY(cf_random(k->at_rest.material.secret.b, CF_MATERIAL_BYTES));
    k->at_rest.material.secret.len = CF_MATERIAL_BYTES;
    k->at_rest.created_ms = now_ms;
    k->available = true;
    CF_TRY(cf_buf_append(&k->at_rest.description, description));
    return cf_buf_append(&k->at_rest.policy, policy_text);
}

/* Before the file is written, so that nothing can fail behind it. */
static cf_result make_room_held(cf_keys *t)
{
    CF_AUTO(unlock_rw) HELD pthread_rwlock_t *held = hold_to_write(t);
    return make_room(t);
}

static void insert_held(cf_keys *t, cf_key *k)
{
    CF_AUTO(unlock_rw) HELD pthread_rwlock_t *held = hold_to_write(t);
    insert(t, k);
}

CF_MUST_USE cf_result cf_keys_create(cf_keys *t, uint64_t now_ms, cf_view description,
                                     cf_view policy_text, cf_policy **policy, const cf_key **ret)
{
    *ret = NULL;
    CF_AUTO(key_free) cf_key *k = cf_mem_new(1, sizeof *k);
    CF_REQUIRE(k != NULL, NO_MEMORY);
    CF_TRY(new_key(now_ms, description, policy_text, k));
    k->policy = *policy;
    *policy = NULL;
    CF_AUTO(unlock) HELD pthread_mutex_t *changing = hold_to_change(t);
    CF_REQUIRE(t->n < CF_KMSD_KEYS_MAX, LIMIT);
    CF_TRY(make_room_held(t));
    CF_TRY(write_file(t, &k->at_rest, true));
    *ret = k;
    insert_held(t, k);
    k = NULL;
    return cf_ok();
}

/* The key's file with another policy. The copy borrows nothing and is wiped. */
static cf_result file_with_policy(const cf_key *k, cf_view policy_text, cf_keyfile *ret)
{
    ret->id = k->at_rest.id;
    ret->created_ms = k->at_rest.created_ms;
    cf_copy(ret->material.id, k->at_rest.material.id, CF_MATERIAL_ID_BYTES);
    CF_TRY(cf_secret_set(&ret->material.secret, cf_secret_view(&k->at_rest.material.secret)));
    CF_TRY(cf_buf_append(&ret->description, cf_buf_view(&k->at_rest.description)));
    return cf_buf_append(&ret->policy, policy_text);
}

/* Text and parsed form in one step. Returns the old form, which the caller frees; the old text is left in *text. */
static cf_policy *swap_policy(cf_keys *t, const cf_uuid *id, cf_policy *policy, cf_buf *text)
{
    CF_AUTO(unlock_rw) HELD pthread_rwlock_t *held = hold_to_write(t);
    cf_key *k = t->list[place_of(t, id)];
    cf_policy *old = k->policy;
    cf_buf old_text = cf_buf_move(&k->at_rest.policy);
    k->policy = policy;
    k->at_rest.policy = cf_buf_move(text);
    *text = old_text;
    return old;
}

CF_MUST_USE cf_result cf_keys_put_policy(cf_keys *t, const cf_key *k, cf_view policy_text,
                                         cf_policy **policy)
{
    CF_AUTO(cf_policy_free) cf_policy *parsed = *policy;
    *policy = NULL;
    CF_AUTO(cf_keyfile_clear) cf_keyfile next = {.created_ms = 0};
    CF_AUTO(unlock) HELD pthread_mutex_t *changing = hold_to_change(t);
    CF_TRY(file_with_policy(k, policy_text, &next));
    CF_TRY(write_file(t, &next, false));
    parsed = swap_policy(t, cf_key_id(k), parsed, &next.policy);
    return cf_ok();
}
