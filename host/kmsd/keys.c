/* SPDX-License-Identifier: Apache-2.0 */
#include "host/kmsd/keys.h"

#include <pthread.h>
#include <stdatomic.h>

#include "sys/linux/lock.h"
#include "sys/linux/log.h"

struct cf_key {
    atomic_uint holders;
    bool available;
    cf_keyfile file;   /* of a damaged key the id alone */
    cf_policy *policy; /* file.policy parsed */
};

struct cf_keys {
    cf_kmsd_state *state;
    pthread_rwlock_t lock; /* the list; never held over a file or a computation */
    cf_key **list;         /* in order of ids */
    size_t n, cap;
    size_t bytes, bytes_max; /* of what is in the list */
};

const cf_uuid *cf_key_id(const cf_key *k)
{
    return &k->file.id;
}

bool cf_key_available(const cf_key *k)
{
    return k->available;
}

const cf_keyfile *cf_key_file(const cf_key *k)
{
    return &k->file;
}

const cf_policy *cf_key_policy(const cf_key *k)
{
    return k->policy;
}

size_t cf_key_bytes(const cf_key *k)
{
    return sizeof *k + cf_keyfile_bytes(&k->file) +
           (k->policy != NULL ? cf_policy_bytes(k->policy) : 0);
}

static void release(cf_key **k)
{
    if (*k != NULL && atomic_fetch_sub(&(*k)->holders, 1) == 1) {
        cf_keyfile_clear(&(*k)->file);
        cf_policy_free(&(*k)->policy);
        cf_mem_free(*k);
    }
    *k = NULL;
}

void cf_key_release(const cf_key **k)
{
    cf_key *mine = (cf_key *)(uintptr_t)*k; /* constant to holders, but for their number */
    release(&mine);
    *k = NULL;
}

/* A key of which the caller is the one holder. */
static cf_key *new_key(void)
{
    cf_key *k = cf_mem_new(1, sizeof *k);
    if (k != NULL) {
        atomic_init(&k->holders, 1);
    }
    return k;
}

void cf_keys_free(cf_keys **t)
{
    if (*t == NULL) {
        return;
    }
    for (size_t i = 0; i < (*t)->n; i++) {
        release(&(*t)->list[i]);
    }
    cf_mem_free((*t)->list);
    (void)pthread_rwlock_destroy(&(*t)->lock);
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

static bool stands_at(const cf_keys *t, size_t at, const cf_uuid *id)
{
    return at < t->n && cf_view_eq(cf_uuid_view(cf_key_id(t->list[at])), cf_uuid_view(id));
}

static cf_result make_room(cf_keys *t)
{
    if (t->n < t->cap) {
        return cf_ok();
    }
    size_t cap = t->cap == 0 ? 16 : 2 * t->cap;
    cf_key **list = cf_mem_new(cap, sizeof(cf_key *));
    CF_REQUIRE(list != NULL, NO_MEMORY);
    cf_copy(list, t->list, t->n * sizeof(cf_key *));
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
    t->bytes += cf_key_bytes(k);
}

/* --- start --- */

/* Reads one key's file into *k. Whatever is wrong with it is the caller's to log. */
static cf_result load(cf_keys *t, const cf_state_name *name, cf_key *k)
{
    CF_BUF(octets);
    CF_TRY(cf_kmsd_state_read(t->state, CF_STATE_KEYS, name->text, &octets));
    CF_TRY(cf_keyfile_open(cf_kmsd_state_root(t->state), cf_buf_view(&octets), &k->file));
    CF_REQUIRE(cf_view_eq(cf_uuid_view(&k->file.id), cf_view_str(name->text)), MALFORMED);
    CF_TRY(cf_policy_parse(cf_buf_view(&k->file.policy), &k->policy, NULL));
    k->available = true;
    return cf_ok();
}

static cf_result on_file(void *ctx, const cf_state_name *name)
{
    cf_keys *t = ctx;
    cf_uuid id;
    if (!cf_is_ok(cf_uuid_parse(cf_view_str(name->text), &id))) {
        cf_log(CF_LOG_WARN, "state.unknown_file", "file=%s", name->text);
        return cf_ok();
    }
    CF_AUTO(release) cf_key *k = new_key();
    CF_REQUIRE(k != NULL, NO_MEMORY);
    cf_result r = load(t, name, k);
    CF_REQUIRE(r.code != CF_ERR_NO_MEMORY, NO_MEMORY);
    if (!cf_is_ok(r)) {
        cf_log(CF_LOG_ERROR, "key.damaged", "key=%s code=%s", id.text, cf_err_code(r.code));
        cf_keyfile_clear(&k->file);
        k->file.id = id;
    }
    CF_TRY(make_room(t));
    insert(t, k);
    k = NULL;
    return cf_ok();
}

CF_MUST_USE cf_result cf_keys_open(cf_kmsd_state *state, size_t bytes_max, cf_keys **ret)
{
    *ret = NULL;
    CF_AUTO(cf_keys_free) cf_keys *t = cf_mem_new(1, sizeof *t);
    CF_REQUIRE(t != NULL, NO_MEMORY);
    CF_TRY(cf_rwlock_init(&t->lock));
    t->state = state;
    t->bytes_max = bytes_max;
    CF_TRY(cf_kmsd_state_walk(state, CF_STATE_KEYS, on_file, t));
    *ret = t;
    t = NULL;
    return cf_ok();
}

/* --- reading --- */

static bool is_due_to_go(const cf_keyfile *k, uint64_t now_ms)
{
    return k->delete_ms != 0 && k->delete_ms <= now_ms;
}

static bool is_due_to_rotate(const cf_keyfile *k, uint64_t now_ms)
{
    uint64_t due_ms = cf_keyfile_rotation_due_ms(k);
    return k->enabled && k->delete_ms == 0 && due_ms != 0 && due_ms <= now_ms &&
           k->materials_n < CF_KMSD_MATERIALS_MAX;
}

const cf_key *cf_keys_find(cf_keys *t, const cf_uuid *id, uint64_t now_ms)
{
    CF_AUTO(cf_unlock_rw) CF_HELD pthread_rwlock_t *held = cf_hold_to_read(&t->lock);
    size_t at = place_of(t, id);
    if (!stands_at(t, at, id) || is_due_to_go(&t->list[at]->file, now_ms)) {
        return NULL;
    }
    (void)atomic_fetch_add(&t->list[at]->holders, 1);
    return t->list[at];
}

size_t cf_keys_list(cf_keys *t, uint64_t now_ms, const cf_uuid *after, size_t max, cf_uuid *ret,
                    bool *ret_more)
{
    CF_AUTO(cf_unlock_rw) CF_HELD pthread_rwlock_t *held = cf_hold_to_read(&t->lock);
    size_t at = after == NULL ? 0 : place_of(t, after), n = 0;
    if (after != NULL && stands_at(t, at, after)) {
        at++;
    }
    for (; at < t->n; at++) {
        if (is_due_to_go(&t->list[at]->file, now_ms)) {
            continue;
        }
        if (n == max) {
            break;
        }
        ret[n] = *cf_key_id(t->list[at]);
        n++;
    }
    *ret_more = at < t->n;
    return n;
}

bool cf_keys_due(cf_keys *t, uint64_t now_ms, const cf_uuid *after, cf_uuid *ret)
{
    CF_AUTO(cf_unlock_rw) CF_HELD pthread_rwlock_t *held = cf_hold_to_read(&t->lock);
    size_t at = after == NULL ? 0 : place_of(t, after);
    for (; at < t->n; at++) {
        const cf_keyfile *k = &t->list[at]->file;
        bool passed = after != NULL && stands_at(t, at, after);
        if (!passed && (is_due_to_go(k, now_ms) || is_due_to_rotate(k, now_ms))) {
            *ret = k->id;
            return true;
        }
    }
    return false;
}

/* --- changing --- */

static cf_result write_file(cf_keys *t, const cf_keyfile *k, bool is_new)
{
    CF_BUF(octets);
    CF_TRY(cf_keyfile_seal(cf_kmsd_state_root(t->state), k, &octets));
    return cf_kmsd_state_write(t->state, CF_STATE_KEYS, k->id.text, cf_buf_view(&octets), is_new);
}

/* A key of which *file, which is taken, is all that there is to know. */
static cf_result make_key(cf_keyfile *file, cf_key **ret)
{
    CF_AUTO(release) cf_key *k = new_key();
    CF_REQUIRE(k != NULL, NO_MEMORY);
    k->file = *file;
    *file = (cf_keyfile){.created_ms = 0};
    k->available = true;
    CF_TRY(cf_policy_parse(cf_buf_view(&k->file.policy), &k->policy, NULL));
    *ret = k;
    k = NULL;
    return cf_ok();
}

/* What takes no more than what it stands for always fits: so a key can be disabled, or its policy made shorter, whatever the others
 * take. */
static bool fits(const cf_keys *t, size_t bytes, size_t bytes_before)
{
    return bytes <= bytes_before ||
           (t->bytes <= t->bytes_max && bytes - bytes_before <= t->bytes_max - t->bytes);
}

/* Before the file is written, so that nothing can fail behind it. */
static cf_result make_room_held(cf_keys *t, const cf_key *k)
{
    CF_AUTO(cf_unlock_rw) CF_HELD pthread_rwlock_t *held = cf_hold_to_write(&t->lock);
    CF_REQUIRE(t->n < CF_KMSD_KEYS_MAX && fits(t, cf_key_bytes(k), 0), LIMIT);
    return make_room(t);
}

CF_MUST_USE cf_result cf_keys_create(cf_keys *t, cf_keyfile *file)
{
    CF_AUTO(release) cf_key *k = NULL;
    CF_TRY(make_key(file, &k));
    CF_TRY(make_room_held(t, k));
    CF_TRY(write_file(t, &k->file, true));
    CF_AUTO(cf_unlock_rw) CF_HELD pthread_rwlock_t *held = cf_hold_to_write(&t->lock);
    insert(t, k);
    k = NULL;
    return cf_ok();
}

/* Exchanges *k for the one of its id in the table; false when there is none. */
static bool swap(cf_keys *t, cf_key **k)
{
    CF_AUTO(cf_unlock_rw) CF_HELD pthread_rwlock_t *held = cf_hold_to_write(&t->lock);
    size_t at = place_of(t, cf_key_id(*k));
    if (!stands_at(t, at, cf_key_id(*k))) {
        return false;
    }
    cf_key *old = t->list[at];
    t->bytes += cf_key_bytes(*k) - cf_key_bytes(old);
    t->list[at] = *k;
    *k = old;
    return true;
}

static cf_result check_place(cf_keys *t, const cf_key *k)
{
    CF_AUTO(cf_unlock_rw) CF_HELD pthread_rwlock_t *held = cf_hold_to_read(&t->lock);
    size_t at = place_of(t, cf_key_id(k));
    CF_REQUIRE(stands_at(t, at, cf_key_id(k)), NOT_FOUND);
    CF_REQUIRE(fits(t, cf_key_bytes(k), cf_key_bytes(t->list[at])), LIMIT);
    return cf_ok();
}

CF_MUST_USE cf_result cf_keys_replace(cf_keys *t, cf_keyfile *file)
{
    CF_AUTO(release) cf_key *k = NULL;
    CF_TRY(make_key(file, &k));
    CF_TRY(check_place(t, k));
    CF_TRY(write_file(t, &k->file, false));
    CF_REQUIRE(swap(t, &k), NOT_FOUND);
    return cf_ok();
}

/* Hands the key out of the table, or NULL. */
static cf_key *take_out(cf_keys *t, const cf_uuid *id)
{
    CF_AUTO(cf_unlock_rw) CF_HELD pthread_rwlock_t *held = cf_hold_to_write(&t->lock);
    size_t at = place_of(t, id);
    if (!stands_at(t, at, id)) {
        return NULL;
    }
    cf_key *k = t->list[at];
    t->bytes -= cf_key_bytes(k);
    for (size_t i = at + 1; i < t->n; i++) {
        t->list[i - 1] = t->list[i];
    }
    t->n--;
    return k;
}

CF_MUST_USE cf_result cf_keys_destroy(cf_keys *t, const cf_uuid *id)
{
    CF_AUTO(release) cf_key *k = take_out(t, id);
    CF_REQUIRE(k != NULL, NOT_FOUND);
    return cf_kmsd_state_destroy(t->state, CF_STATE_KEYS, id->text);
}
