/* SPDX-License-Identifier: Apache-2.0 */
#include "host/kmsd/aliases.h"

#include <pthread.h>

#include "core/codec/base64.h"
#include "core/codec/cbor.h"
#include "host/kmsd/limits.h"
#include "host/kmsd/sealed.h"
#include "sys/linux/lock.h"
#include "sys/linux/log.h"

#define FORMAT 1

static const cf_sealed_kind kind = {CF_LIT_INIT("coffer-kms-alias-1"),
                                    CF_LIT_INIT("coffer-kms-alias-1\0")};

/* Two orders of the same aliases: by name, and by target and name. */
enum { BY_NAME, BY_TARGET, ORDERS };

struct cf_aliases {
    cf_kmsd_state *state;
    pthread_rwlock_t lock;
    cf_alias **order[ORDERS];
    size_t n, cap;
};

/* --- at rest --- */

static cf_result file_name(cf_view name, cf_state_name *ret)
{
    CF_BUF(hex);
    cf_digest d;
    CF_TRY(cf_hash_of(CF_SHA256, name, &d));
    CF_TRY(cf_hex_encode(cf_digest_view(&d), &hex));
    *ret = (cf_state_name){""};
    cf_copy(ret->text, hex.data, hex.len);
    return cf_ok();
}

static cf_result encode(const cf_secret *root, const cf_alias *a, cf_buf *out)
{
    CF_BUF(meta);
    cf_writer w = cf_writer_to(&meta, CF_KMSD_ALIAS_FILE_BYTES_MAX);
    cf_cbor_put_map(&w, 4);
    cf_cbor_put_uint(&w, 1);
    cf_cbor_put_text(&w, cf_view_str(a->name));
    cf_cbor_put_uint(&w, 2);
    cf_cbor_put_text(&w, cf_uuid_view(&a->target));
    cf_cbor_put_uint(&w, 3);
    cf_cbor_put_uint(&w, a->created_ms);
    cf_cbor_put_uint(&w, 4);
    cf_cbor_put_uint(&w, a->updated_ms);
    CF_TRY(cf_write_end(&w));
    const cf_sealed parts = {FORMAT, cf_buf_view(&meta), CF_VIEW_EMPTY};
    return cf_sealed_make(root, &kind, cf_view_str(a->name), &parts, CF_KMSD_ALIAS_FILE_BYTES_MAX,
                          out);
}

CF_MUST_USE cf_result cf_alias_decode(const cf_secret *root, cf_view octets, cf_alias *ret)
{
    cf_sealed parts;
    cf_alias a = {.created_ms = 0};
    CF_BUF(nothing);
    *ret = a;
    CF_TRY(cf_sealed_parse(octets, CF_KMSD_ALIAS_FILE_BYTES_MAX, &parts));
    CF_REQUIRE(parts.format == FORMAT, UNSUPPORTED);
    cf_cbor c = cf_cbor_strict(parts.meta);
    cf_cbor_map(&c);
    bool ordered = cf_cbor_uint(&c) == 1;
    cf_view name = cf_cbor_text(&c);
    ordered = cf_cbor_uint(&c) == 2 && ordered;
    cf_view target = cf_cbor_text(&c);
    ordered = cf_cbor_uint(&c) == 3 && ordered;
    a.created_ms = cf_cbor_uint(&c);
    ordered = cf_cbor_uint(&c) == 4 && ordered;
    a.updated_ms = cf_cbor_uint(&c);
    cf_cbor_leave(&c);
    CF_TRY(cf_cbor_end(&c));
    CF_REQUIRE(ordered && name.len > 0 && name.len <= CF_ALIAS_BYTES_MAX, MALFORMED);
    CF_TRY(cf_uuid_parse(target, &a.target));
    cf_copy(a.name, name.data, name.len);
    CF_TRY(cf_sealed_open(root, &kind, name, &parts, &nothing));
    *ret = a;
    return cf_ok();
}

/* --- the table --- */

static int compare(int order, const cf_alias *a, const cf_uuid *target, cf_view name)
{
    int by_target =
        order == BY_NAME ? 0 : cf_view_cmp(cf_uuid_view(&a->target), cf_uuid_view(target));
    return by_target != 0 ? by_target : cf_view_cmp(cf_view_str(a->name), name);
}

/* Place of what is asked for in an order, or where it would stand. target: NULL in order BY_NAME. */
static size_t place_of(const cf_aliases *t, int order, const cf_uuid *target, cf_view name)
{
    size_t from = 0, to = t->n;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        if (compare(order, t->order[order][mid], target, name) < 0) {
            from = mid + 1;
        } else {
            to = mid;
        }
    }
    return from;
}

static cf_alias *find(const cf_aliases *t, cf_view name)
{
    size_t at = place_of(t, BY_NAME, NULL, name);
    bool found = at < t->n && cf_view_eq(cf_view_str(t->order[BY_NAME][at]->name), name);
    return found ? t->order[BY_NAME][at] : NULL;
}

static cf_result make_room(cf_aliases *t)
{
    if (t->n < t->cap) {
        return cf_ok();
    }
    CF_REQUIRE(t->n < CF_KMSD_ALIASES_MAX, LIMIT);
    size_t cap = t->cap == 0 ? 16 : 2 * t->cap;
    for (int i = 0; i < ORDERS; i++) {
        cf_alias **list = cf_mem_new(cap, sizeof(cf_alias *));
        CF_REQUIRE(list != NULL,
                   NO_MEMORY); /* an order that has room already only has more of it */
        cf_copy(list, t->order[i], t->n * sizeof(cf_alias *));
        cf_mem_free(t->order[i]);
        t->order[i] = list;
    }
    t->cap = cap;
    return cf_ok();
}

static void take_out(cf_aliases *t, const cf_alias *a)
{
    for (int i = 0; i < ORDERS; i++) {
        for (size_t at = place_of(t, i, &a->target, cf_view_str(a->name)) + 1; at < t->n; at++) {
            t->order[i][at - 1] = t->order[i][at];
        }
    }
    t->n--;
}

/* Room has been made. */
static void put_in(cf_aliases *t, cf_alias *a)
{
    for (int i = 0; i < ORDERS; i++) {
        size_t at = place_of(t, i, &a->target, cf_view_str(a->name));
        for (size_t last = t->n; last > at; last--) {
            t->order[i][last] = t->order[i][last - 1];
        }
        t->order[i][at] = a;
    }
    t->n++;
}

/* Takes *a in the place of one of that name. Room has been made. */
static void set(cf_aliases *t, cf_alias **a)
{
    cf_alias *old = find(t, cf_view_str((*a)->name));
    if (old != NULL) {
        take_out(t, old);
        cf_mem_free(old);
    }
    put_in(t, *a);
    *a = NULL;
}

static void alias_free(cf_alias **a)
{
    cf_mem_free(*a);
    *a = NULL;
}

static cf_result load(cf_aliases *t, const cf_state_name *file, cf_alias *ret)
{
    CF_BUF(octets);
    cf_state_name right;
    CF_TRY(cf_kmsd_state_read(t->state, CF_STATE_ALIASES, file->text, &octets));
    CF_TRY(cf_alias_decode(cf_kmsd_state_root(t->state), cf_buf_view(&octets), ret));
    CF_TRY(file_name(cf_view_str(ret->name), &right));
    CF_REQUIRE(cf_view_eq(cf_view_str(right.text), cf_view_str(file->text)), MALFORMED);
    return cf_ok();
}

static cf_result on_file(void *ctx, const cf_state_name *file)
{
    cf_aliases *t = ctx;
    CF_AUTO(alias_free) cf_alias *a = cf_mem_new(1, sizeof *a);
    CF_REQUIRE(a != NULL, NO_MEMORY);
    cf_result r = load(t, file, a);
    CF_REQUIRE(r.code != CF_ERR_NO_MEMORY, NO_MEMORY);
    if (!cf_is_ok(r)) {
        cf_log(CF_LOG_ERROR, "alias.damaged", "file=%s code=%s", file->text, cf_err_code(r.code));
        return cf_ok();
    }
    CF_TRY(make_room(t));
    set(t, &a);
    return cf_ok();
}

void cf_aliases_free(cf_aliases **t)
{
    if (*t == NULL) {
        return;
    }
    for (size_t i = 0; i < (*t)->n; i++) {
        cf_mem_free((*t)->order[BY_NAME][i]);
    }
    for (int i = 0; i < ORDERS; i++) {
        cf_mem_free((*t)->order[i]);
    }
    (void)pthread_rwlock_destroy(&(*t)->lock);
    cf_mem_free(*t);
    *t = NULL;
}

CF_MUST_USE cf_result cf_aliases_open(cf_kmsd_state *state, cf_aliases **ret)
{
    *ret = NULL;
    CF_AUTO(cf_aliases_free) cf_aliases *t = cf_mem_new(1, sizeof *t);
    CF_REQUIRE(t != NULL, NO_MEMORY);
    CF_TRY(cf_rwlock_init(&t->lock));
    t->state = state;
    CF_TRY(cf_kmsd_state_walk(state, CF_STATE_ALIASES, on_file, t));
    *ret = t;
    t = NULL;
    return cf_ok();
}

bool cf_aliases_find(cf_aliases *t, cf_view name, cf_alias *ret)
{
    CF_AUTO(cf_unlock_rw) CF_HELD pthread_rwlock_t *held = cf_hold_to_read(&t->lock);
    const cf_alias *a = find(t, name);
    if (a != NULL) {
        *ret = *a;
    }
    return a != NULL;
}

/* Before the file is written, so that nothing can fail behind it. */
static cf_result make_room_held(cf_aliases *t, cf_view name)
{
    CF_AUTO(cf_unlock_rw) CF_HELD pthread_rwlock_t *held = cf_hold_to_write(&t->lock);
    return find(t, name) != NULL ? cf_ok() : make_room(t);
}

CF_MUST_USE cf_result cf_aliases_put(cf_aliases *t, const cf_alias *a)
{
    CF_BUF(octets);
    cf_state_name file;
    CF_AUTO(alias_free) cf_alias *copy = cf_mem_new(1, sizeof *copy);
    CF_REQUIRE(copy != NULL, NO_MEMORY);
    *copy = *a;
    CF_TRY(file_name(cf_view_str(a->name), &file));
    CF_TRY(encode(cf_kmsd_state_root(t->state), a, &octets));
    CF_TRY(make_room_held(t, cf_view_str(a->name)));
    CF_TRY(cf_kmsd_state_write(t->state, CF_STATE_ALIASES, file.text, cf_buf_view(&octets), false));
    CF_AUTO(cf_unlock_rw) CF_HELD pthread_rwlock_t *held = cf_hold_to_write(&t->lock);
    set(t, &copy);
    return cf_ok();
}

CF_MUST_USE cf_result cf_aliases_remove(cf_aliases *t, cf_view name)
{
    cf_state_name file;
    cf_alias a;
    CF_REQUIRE(cf_aliases_find(t, name, &a), NOT_FOUND);
    CF_TRY(file_name(name, &file));
    CF_TRY(cf_kmsd_state_remove(t->state, CF_STATE_ALIASES, file.text));
    CF_AUTO(cf_unlock_rw) CF_HELD pthread_rwlock_t *held = cf_hold_to_write(&t->lock);
    CF_AUTO(alias_free) cf_alias *old = find(t, name);
    take_out(t, old);
    return cf_ok();
}

size_t cf_aliases_list(cf_aliases *t, const cf_uuid *target, cf_view after, size_t max,
                       cf_alias *ret, bool *ret_more)
{
    CF_AUTO(cf_unlock_rw) CF_HELD pthread_rwlock_t *held = cf_hold_to_read(&t->lock);
    int order = target == NULL ? BY_NAME : BY_TARGET;
    size_t n = 0;
    *ret_more = false;
    for (size_t at = place_of(t, order, target, after); at < t->n; at++) {
        const cf_alias *a = t->order[order][at];
        if (target != NULL && !cf_view_eq(cf_uuid_view(target), cf_uuid_view(&a->target))) {
            break;
        }
        if (cf_view_eq(cf_view_str(a->name), after)) {
            continue;
        }
        if (n == max) {
            *ret_more = true;
            break;
        }
        ret[n] = *a;
        n++;
    }
    return n;
}
