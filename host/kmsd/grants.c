/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>

#include "core/base/reader.h"
#include "core/codec/base64.h"
#include "core/crypto/primitives.h"
#include "host/kmsd/grants_priv.h"
#include "sys/linux/lock.h"
#include "sys/linux/log.h"

#define TOKEN_MAGIC "CFGT1"
#define TOKEN_TAG_BYTES 32
#define TOKEN_BYTES (5 + CF_UUID_BYTES + CF_DIGEST_NAME_BYTES + TOKEN_TAG_BYTES)

struct cf_grants {
    cf_kmsd_state *state;
    pthread_rwlock_t lock;
    cf_secret token_key;
    cf_grant **list; /* in order of key and id */
    size_t n, cap;
};

static void grant_free(cf_grant **g)
{
    if (*g != NULL) {
        cf_grant_clear(*g);
        cf_mem_free(*g);
        *g = NULL;
    }
}

void cf_grants_free(cf_grants **t)
{
    if (*t == NULL) {
        return;
    }
    for (size_t i = 0; i < (*t)->n; i++) {
        grant_free(&(*t)->list[i]);
    }
    cf_mem_free((*t)->list);
    cf_secret_wipe(&(*t)->token_key);
    (void)pthread_rwlock_destroy(&(*t)->lock);
    cf_mem_free(*t);
    *t = NULL;
}

static bool same_key(const cf_uuid *a, const cf_uuid *b)
{
    return cf_view_eq(cf_uuid_view(a), cf_uuid_view(b));
}

/* Place of a grant, or where it would stand. */
static size_t place_of(const cf_grants *t, const cf_uuid *key, cf_view id)
{
    size_t from = 0, to = t->n;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        int by_key = cf_view_cmp(cf_uuid_view(&t->list[mid]->key), cf_uuid_view(key));
        int order = by_key != 0 ? by_key : cf_view_cmp(cf_view_str(t->list[mid]->id.text), id);
        if (order < 0) {
            from = mid + 1;
        } else {
            to = mid;
        }
    }
    return from;
}

static cf_grant *find(const cf_grants *t, const cf_uuid *key, cf_view id)
{
    size_t at = place_of(t, key, id);
    bool found = at < t->n && same_key(&t->list[at]->key, key) &&
                 cf_view_eq(cf_view_str(t->list[at]->id.text), id);
    return found ? t->list[at] : NULL;
}

static cf_result make_room(cf_grants *t)
{
    if (t->n < t->cap) {
        return cf_ok();
    }
    CF_REQUIRE(t->n < CF_KMSD_GRANTS_MAX, LIMIT);
    size_t cap = t->cap == 0 ? 16 : 2 * t->cap;
    cf_grant **list = cf_mem_new(cap, sizeof(cf_grant *));
    CF_REQUIRE(list != NULL, NO_MEMORY);
    cf_copy(list, t->list, t->n * sizeof(cf_grant *));
    cf_mem_free(t->list);
    t->list = list;
    t->cap = cap;
    return cf_ok();
}

/* Takes the grant; room has been made. */
static void insert(cf_grants *t, cf_grant *g)
{
    size_t at = place_of(t, &g->key, cf_view_str(g->id.text));
    for (size_t i = t->n; i > at; i--) {
        t->list[i] = t->list[i - 1];
    }
    t->list[at] = g;
    t->n++;
}

static cf_result load(cf_grants *t, const cf_state_name *file, cf_grant *g)
{
    CF_BUF(octets);
    CF_TRY(cf_kmsd_state_read(t->state, CF_STATE_GRANTS, file->text, &octets));
    CF_TRY(cf_grant_decode(cf_kmsd_state_root(t->state), cf_buf_view(&octets), g));
    CF_REQUIRE(cf_view_eq(cf_view_str(g->id.text), cf_view_str(file->text)), MALFORMED);
    return cf_ok();
}

static cf_result on_file(void *ctx, const cf_state_name *file)
{
    cf_grants *t = ctx;
    CF_AUTO(grant_free) cf_grant *g = cf_mem_new(1, sizeof *g);
    CF_REQUIRE(g != NULL, NO_MEMORY);
    cf_result r = load(t, file, g);
    CF_REQUIRE(r.code != CF_ERR_NO_MEMORY, NO_MEMORY);
    if (!cf_is_ok(r)) {
        cf_log(CF_LOG_ERROR, "grant.damaged", "file=%s code=%s", file->text, cf_err_code(r.code));
        return cf_ok();
    }
    CF_TRY(make_room(t));
    insert(t, g);
    g = NULL;
    return cf_ok();
}

CF_MUST_USE cf_result cf_grants_open(cf_kmsd_state *state, cf_grants **ret)
{
    *ret = NULL;
    cf_view info[] = {CF_LIT("coffer-kms-grant-token-1")};
    CF_AUTO(cf_grants_free) cf_grants *t = cf_mem_new(1, sizeof *t);
    CF_REQUIRE(t != NULL, NO_MEMORY);
    CF_TRY(cf_rwlock_init(&t->lock));
    t->state = state;
    CF_TRY(cf_hkdf_expand(CF_SHA256, cf_secret_view(cf_kmsd_state_root(state)), info, 1, 32,
                          &t->token_key));
    CF_TRY(cf_kmsd_state_walk(state, CF_STATE_GRANTS, on_file, t));
    *ret = t;
    t = NULL;
    return cf_ok();
}

/* --- deciding --- */

static size_t first_of(const cf_grants *t, const cf_uuid *key)
{
    return place_of(t, key, CF_VIEW_EMPTY);
}

/* Of a search that has found nothing. */
static bool found_none(const cf_uuid *key, size_t left)
{
    if (left == 0) {
        cf_log(CF_LOG_WARN, "grants.too_costly", "key=%s steps=%d", key->text,
               CF_KMSD_GRANTS_STEPS_MAX);
    }
    return false;
}

bool cf_grants_allow(cf_grants *t, const cf_uuid *key, const cf_grant_ask *ask)
{
    size_t left = CF_KMSD_GRANTS_STEPS_MAX;
    CF_AUTO(cf_unlock_rw) CF_HELD pthread_rwlock_t *held = cf_hold_to_read(&t->lock);
    for (size_t i = first_of(t, key); i < t->n && same_key(&t->list[i]->key, key); i++) {
        if (cf_grant_permits(t->list[i], ask, &left)) {
            return true;
        }
    }
    return found_none(key, left);
}

bool cf_grants_allow_child(cf_grants *t, const cf_uuid *key, const cf_grant_ask *ask,
                           const cf_grant *g)
{
    size_t left = CF_KMSD_GRANTS_STEPS_MAX;
    CF_AUTO(cf_unlock_rw) CF_HELD pthread_rwlock_t *held = cf_hold_to_read(&t->lock);
    for (size_t i = first_of(t, key); i < t->n && same_key(&t->list[i]->key, key); i++) {
        if (cf_grant_permits(t->list[i], ask, &left) && cf_grant_covers(t->list[i], g)) {
            return true;
        }
    }
    return found_none(key, left);
}

static bool is_wanted(const cf_grant_query *q, const cf_grant *g)
{
    return (q->id.len == 0 || cf_view_eq(q->id, cf_view_str(g->id.text))) &&
           (q->grantee.len == 0 || cf_view_eq(q->grantee, cf_view_str(g->grantee))) &&
           (q->retiring.len == 0 || cf_view_eq(q->retiring, cf_view_str(g->retiring)));
}

bool cf_grants_list(cf_grants *t, const cf_grant_query *q, cf_grant_visit *fn, void *ctx)
{
    CF_AUTO(cf_unlock_rw) CF_HELD pthread_rwlock_t *held = cf_hold_to_read(&t->lock);
    size_t at = q->key != NULL ? first_of(t, q->key) : 0, n = 0;
    if (q->after_key != NULL) {
        at = place_of(t, q->after_key, q->after);
        at += find(t, q->after_key, q->after) != NULL;
    }
    for (; at < t->n; at++) {
        const cf_grant *g = t->list[at];
        if (q->key != NULL && !same_key(&g->key, q->key)) {
            return false;
        }
        if (is_wanted(q, g)) {
            if (n == q->max) {
                return true;
            }
            fn(ctx, g);
            n++;
        }
    }
    return false;
}

/* --- changing --- */

/* Room for one more, or what is there already. */
static cf_result prepare(cf_grants *t, const cf_grant *g, cf_state_name *ret_same)
{
    CF_AUTO(cf_unlock_rw) CF_HELD pthread_rwlock_t *held = cf_hold_to_write(&t->lock);
    size_t of_key = 0;
    for (size_t i = first_of(t, &g->key); i < t->n && same_key(&t->list[i]->key, &g->key); i++) {
        of_key++;
        if (g->name[0] != '\0' && cf_grant_same(t->list[i], g)) {
            *ret_same = t->list[i]->id;
            return cf_ok();
        }
    }
    CF_REQUIRE(of_key < CF_KMSD_GRANTS_PER_KEY_MAX, LIMIT);
    return make_room(t);
}

static cf_result make_id(cf_state_name *ret)
{
    uint8_t random[CF_DIGEST_NAME_BYTES];
    CF_BUF(hex);
    CF_TRY(cf_random(random, sizeof random));
    CF_TRY(cf_hex_encode(CF_VIEW_OF(random), &hex));
    *ret = (cf_state_name){""};
    cf_copy(ret->text, hex.data, hex.len);
    return cf_ok();
}

CF_MUST_USE cf_result cf_grants_add(cf_grants *t, cf_grant *g, cf_state_name *ret_id)
{
    CF_BUF(octets);
    *ret_id = (cf_state_name){""};
    CF_AUTO(grant_free) cf_grant *mine = cf_mem_new(1, sizeof *mine);
    CF_REQUIRE(mine != NULL, NO_MEMORY);
    *mine = *g;
    *g = (cf_grant){.created_ms = 0};
    CF_TRY(prepare(t, mine, ret_id));
    if (ret_id->text[0] != '\0') {
        return cf_ok();
    }
    CF_TRY(make_id(&mine->id));
    CF_TRY(cf_grant_encode(cf_kmsd_state_root(t->state), mine, &octets));
    CF_TRY(
        cf_kmsd_state_write(t->state, CF_STATE_GRANTS, mine->id.text, cf_buf_view(&octets), true));
    *ret_id = mine->id;
    CF_AUTO(cf_unlock_rw) CF_HELD pthread_rwlock_t *held = cf_hold_to_write(&t->lock);
    insert(t, mine);
    mine = NULL;
    return cf_ok();
}

/* Hands the grant out of the table, or NULL. */
static cf_grant *take_out(cf_grants *t, const cf_uuid *key, cf_view id)
{
    CF_AUTO(cf_unlock_rw) CF_HELD pthread_rwlock_t *held = cf_hold_to_write(&t->lock);
    cf_grant *g = find(t, key, id);
    if (g == NULL) {
        return NULL;
    }
    for (size_t i = place_of(t, key, id) + 1; i < t->n; i++) {
        t->list[i - 1] = t->list[i];
    }
    t->n--;
    return g;
}

static bool is_there(cf_grants *t, const cf_uuid *key, cf_view id)
{
    CF_AUTO(cf_unlock_rw) CF_HELD pthread_rwlock_t *held = cf_hold_to_read(&t->lock);
    return find(t, key, id) != NULL;
}

CF_MUST_USE cf_result cf_grants_remove(cf_grants *t, const cf_uuid *key, cf_view id)
{
    cf_state_name name = {""};
    CF_REQUIRE(is_there(t, key, id), NOT_FOUND);
    cf_copy(name.text, id.data, id.len);
    CF_TRY(cf_kmsd_state_remove(t->state, CF_STATE_GRANTS, name.text));
    CF_AUTO(grant_free) CF_HELD cf_grant *g = take_out(t, key, id);
    return cf_ok();
}

/* Id of the key's first grant; false when it has none. */
static bool first_id(cf_grants *t, const cf_uuid *key, cf_state_name *ret)
{
    CF_AUTO(cf_unlock_rw) CF_HELD pthread_rwlock_t *held = cf_hold_to_read(&t->lock);
    size_t at = first_of(t, key);
    bool found = at < t->n && same_key(&t->list[at]->key, key);
    if (found) {
        *ret = t->list[at]->id;
    }
    return found;
}

CF_MUST_USE cf_result cf_grants_remove_all(cf_grants *t, const cf_uuid *key)
{
    cf_state_name id;
    while (first_id(t, key, &id)) {
        CF_TRY(cf_grants_remove(t, key, cf_view_str(id.text)));
    }
    return cf_ok();
}

/* --- tokens --- */

static cf_result token_tag(const cf_grants *t, cf_view head, cf_digest *ret)
{
    return cf_hmac_parts(CF_SHA256, cf_secret_view(&t->token_key), &head, 1, ret);
}

CF_MUST_USE cf_result cf_grants_token(cf_grants *t, const cf_uuid *key, cf_view id, cf_buf *out)
{
    CF_BUF(octets);
    CF_BUF(id_octets);
    cf_digest tag;
    uint8_t key_octets[CF_UUID_BYTES];
    cf_uuid_to_bytes(key, key_octets);
    CF_TRY(cf_hex_decode(id, &id_octets));
    CF_TRY(cf_buf_append(&octets, CF_LIT(TOKEN_MAGIC)));
    CF_TRY(cf_buf_append(&octets, CF_VIEW_OF(key_octets)));
    CF_TRY(cf_buf_append(&octets, cf_buf_view(&id_octets)));
    CF_TRY(token_tag(t, cf_buf_view(&octets), &tag));
    CF_TRY(cf_buf_append(&octets, cf_digest_view(&tag)));
    CF_REQUIRE(octets.len == TOKEN_BYTES, INTERNAL);
    return cf_base64_encode(cf_buf_view(&octets), out);
}

CF_MUST_USE cf_result cf_grants_of_token(cf_grants *t, cf_view token, cf_uuid *ret_key,
                                         cf_state_name *ret_id)
{
    CF_BUF(octets);
    CF_BUF(hex);
    cf_digest tag;
    *ret_key = (cf_uuid){""};
    *ret_id = (cf_state_name){""};
    CF_TRY(cf_base64_decode(token, &octets));
    CF_REQUIRE(octets.len == TOKEN_BYTES, MALFORMED);
    cf_reader r = cf_reader_of(cf_buf_view(&octets));
    cf_view head = cf_view_make(octets.data, TOKEN_BYTES - TOKEN_TAG_BYTES);
    cf_view magic = cf_read(&r, sizeof TOKEN_MAGIC - 1), key = cf_read(&r, CF_UUID_BYTES);
    cf_view id = cf_read(&r, CF_DIGEST_NAME_BYTES), given = cf_read(&r, TOKEN_TAG_BYTES);
    CF_TRY(cf_read_end(&r));
    CF_TRY(token_tag(t, head, &tag));
    CF_REQUIRE(cf_view_eq(magic, CF_LIT(TOKEN_MAGIC)), MALFORMED);
    CF_REQUIRE(cf_ct_eq(given, cf_digest_view(&tag)), MALFORMED);
    CF_TRY(cf_hex_encode(id, &hex));
    cf_uuid_from_bytes(key.data, ret_key);
    cf_copy(ret_id->text, hex.data, hex.len);
    return cf_ok();
}
