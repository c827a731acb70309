/* SPDX-License-Identifier: Apache-2.0 */
#include "host/kmsd/principals.h"

#include <pthread.h>
#include <stdio.h>

#include "core/codec/cbor.h"
#include "core/crypto/primitives.h"
#include "sys/linux/file.h"
#include "sys/linux/lock.h"
#include "sys/linux/log.h"

#define FORMAT 1
#define MEMBERS 6
#define FILE_NAME "principals.cbor"
#define PATH_BYTES_MAX 4096
#define AAD CF_LIT("coffer-kms-principals-1")

struct cf_principals {
    char path[PATH_BYTES_MAX];
    cf_secret key;
    pthread_mutex_t lock;
    cf_principal *list; /* oldest first */
    size_t n;
};

void cf_principals_free(cf_principals **t)
{
    if (*t != NULL) {
        if ((*t)->list != NULL) {
            cf_wipe((*t)->list, CF_KMSD_PRINCIPALS_MAX * sizeof *(*t)->list);
        }
        cf_mem_free((*t)->list);
        cf_secret_wipe(&(*t)->key);
        (void)pthread_mutex_destroy(&(*t)->lock);
        cf_mem_free(*t);
        *t = NULL;
    }
}

/* --- the file --- */

static void put_principal(cf_writer *w, const cf_principal *p)
{
    cf_cbor_put_array(w, MEMBERS);
    cf_cbor_put_uint(w, p->kind);
    cf_cbor_put_text(w, cf_view_str(p->name));
    cf_cbor_put_text(w, cf_view_str(p->account));
    cf_cbor_put_text(w, cf_view_str(p->access_key_id));
    cf_cbor_put_uint(w, p->created_ms);
    cf_cbor_put_bytes(w, cf_secret_view(&p->secret));
}

static cf_result seal_list(const cf_principals *t, const cf_principal *list, size_t n, cf_buf *out)
{
    CF_BUF(plain);
    CF_BUF(sealed);
    CF_AUTO(cf_aead_free) cf_aead_ctx *cipher = NULL;
    uint8_t nonce[CF_AEAD_NONCE_BYTES];
    cf_writer w = cf_writer_to(&plain, CF_KMSD_PRINCIPALS_BYTES_MAX);
    cf_cbor_put_array(&w, n);
    for (size_t i = 0; i < n; i++) {
        put_principal(&w, &list[i]);
    }
    CF_TRY(cf_write_end(&w));
    CF_TRY(cf_random(nonce, sizeof nonce));
    CF_TRY(cf_aead_new(CF_AES_256_GCM, cf_secret_view(&t->key), &cipher));
    CF_TRY(cf_buf_append(&sealed, CF_VIEW_OF(nonce)));
    CF_TRY(cf_aead_seal(cipher, nonce, AAD, cf_buf_view(&plain), &sealed));
    w = cf_writer_to(out, CF_KMSD_PRINCIPALS_BYTES_MAX);
    cf_cbor_put_array(&w, 2);
    cf_cbor_put_uint(&w, FORMAT);
    cf_cbor_put_bytes(&w, cf_buf_view(&sealed));
    return cf_write_end(&w);
}

static void take_text(cf_cbor *c, char *to, size_t max)
{
    cf_view v = cf_cbor_text(c);
    if (v.len > max) {
        cf_reader_fail(&c->in, CF_ERR_SIZE);
        return;
    }
    cf_copy(to, v.data, v.len);
    to[v.len] = '\0';
}

static cf_result get_principal(cf_cbor *c, cf_principal *p)
{
    cf_cbor_array(c);
    uint64_t kind = cf_cbor_uint(c);
    take_text(c, p->name, CF_KMSD_NAME_BYTES_MAX);
    take_text(c, p->account, CF_KMSD_ACCOUNT_BYTES);
    take_text(c, p->access_key_id, CF_KMSD_ACCESS_KEY_BYTES_MAX);
    p->created_ms = cf_cbor_uint(c);
    cf_view secret = cf_cbor_bytes(c);
    cf_cbor_leave(c);
    CF_REQUIRE(cf_cbor_err(c) == CF_OK, MALFORMED);
    CF_REQUIRE(kind == CF_PRINCIPAL_USER || kind == CF_PRINCIPAL_ROLE, MALFORMED);
    p->kind = (cf_principal_kind)kind;
    return cf_secret_set(&p->secret, secret);
}

static cf_result get_list(cf_principals *t, cf_view plain)
{
    cf_cbor c = cf_cbor_strict(plain);
    cf_cbor_array(&c);
    while (cf_cbor_more(&c)) {
        CF_REQUIRE(t->n < CF_KMSD_PRINCIPALS_MAX, LIMIT);
        CF_TRY(get_principal(&c, &t->list[t->n]));
        t->n++;
    }
    return cf_cbor_end(&c);
}

static cf_result open_file(cf_principals *t, cf_view file)
{
    CF_BUF(plain);
    CF_AUTO(cf_aead_free) cf_aead_ctx *cipher = NULL;
    cf_cbor c = cf_cbor_strict(file);
    cf_cbor_array(&c);
    uint64_t format = cf_cbor_uint(&c);
    cf_view sealed = cf_cbor_bytes(&c);
    cf_cbor_leave(&c);
    CF_TRY(cf_cbor_end(&c));
    CF_REQUIRE(format == FORMAT, UNSUPPORTED);
    CF_REQUIRE(sealed.len > CF_AEAD_NONCE_BYTES, MALFORMED);
    CF_TRY(cf_aead_new(CF_AES_256_GCM, cf_secret_view(&t->key), &cipher));
    cf_view ct = cf_view_sub(sealed, CF_AEAD_NONCE_BYTES, sealed.len - CF_AEAD_NONCE_BYTES);
    CF_TRY(cf_aead_open(cipher, sealed.data, AAD, ct, &plain));
    return get_list(t, cf_buf_view(&plain));
}

static cf_result read_file(cf_principals *t)
{
    CF_BUF(file);
    cf_result r = cf_file_read(t->path, CF_KMSD_PRINCIPALS_BYTES_MAX, &file);
    if (r.code == CF_ERR_NOT_FOUND) {
        return cf_ok();
    }
    if (cf_is_ok(r)) {
        r = open_file(t, cf_buf_view(&file));
    }
    if (!cf_is_ok(r)) {
        cf_log(CF_LOG_ERROR, "principals.damaged", "file=%s code=%s", t->path, cf_err_code(r.code));
    }
    return r;
}

CF_MUST_USE cf_result cf_principals_open(const char *folder, const cf_secret *key,
                                         cf_principals **ret)
{
    *ret = NULL;
    CF_AUTO(cf_principals_free) cf_principals *t = cf_mem_new(1, sizeof *t);
    CF_REQUIRE(t != NULL, NO_MEMORY);
    CF_REQUIRE(pthread_mutex_init(&t->lock, NULL) == 0, NO_MEMORY);
    t->list = cf_mem_new(CF_KMSD_PRINCIPALS_MAX, sizeof *t->list);
    CF_REQUIRE(t->list != NULL, NO_MEMORY);
    int n = snprintf(t->path, sizeof t->path, "%s/" FILE_NAME, folder);
    CF_REQUIRE(n > 0 && (size_t)n < sizeof t->path, ARGUMENT);
    CF_TRY(cf_secret_set(&t->key, cf_secret_view(key)));
    CF_TRY(read_file(t));
    *ret = t;
    t = NULL;
    return cf_ok();
}

/* --- the table --- */

static bool has_key(const cf_principal *p, cf_view access_key_id)
{
    return p->kind == CF_PRINCIPAL_USER && cf_view_eq(cf_view_str(p->access_key_id), access_key_id);
}

static bool is_role(const cf_principal *p, cf_view name, cf_view account)
{
    return p->kind == CF_PRINCIPAL_ROLE && cf_view_eq(cf_view_str(p->name), name) &&
           cf_view_eq(cf_view_str(p->account), account);
}

/* Place of the access key, or of the role; t->n when there is none. The lock is held. */
static size_t place_of_key(const cf_principals *t, cf_view access_key_id)
{
    size_t i = 0;
    while (i < t->n && !has_key(&t->list[i], access_key_id)) {
        i++;
    }
    return i;
}

static size_t place_of_role(const cf_principals *t, cf_view name, cf_view account)
{
    size_t i = 0;
    while (i < t->n && !is_role(&t->list[i], name, account)) {
        i++;
    }
    return i;
}

static cf_result write_list(cf_principals *t, size_t n)
{
    CF_BUF(file);
    CF_TRY(seal_list(t, t->list, n, &file));
    return cf_file_write(t->path, cf_buf_view(&file), 0600);
}

CF_MUST_USE cf_result cf_principals_add(cf_principals *t, const cf_principal *p)
{
    CF_AUTO(cf_unlock) CF_HELD pthread_mutex_t *held = cf_hold(&t->lock);
    size_t same = p->kind == CF_PRINCIPAL_USER
                      ? place_of_key(t, cf_view_str(p->access_key_id))
                      : place_of_role(t, cf_view_str(p->name), cf_view_str(p->account));
    CF_REQUIRE(same == t->n, EXISTS);
    CF_REQUIRE(t->n < CF_KMSD_PRINCIPALS_MAX, LIMIT);
    t->list[t->n] = *p;
    cf_result r = write_list(t, t->n + 1);
    if (cf_is_ok(r)) {
        t->n++;
    } else {
        cf_principal_wipe(&t->list[t->n]);
    }
    return r;
}

/* The lock is held. What cannot be written is put back. */
static cf_result remove_at(cf_principals *t, size_t at)
{
    CF_REQUIRE(at < t->n, NOT_FOUND);
    CF_AUTO(cf_principal_wipe) cf_principal gone = t->list[at];
    for (size_t i = at; i + 1 < t->n; i++) {
        t->list[i] = t->list[i + 1];
    }
    cf_result r = write_list(t, t->n - 1);
    if (cf_is_ok(r)) {
        t->n--;
        cf_principal_wipe(&t->list[t->n]);
        return r;
    }
    for (size_t i = t->n - 1; i > at; i--) {
        t->list[i] = t->list[i - 1];
    }
    t->list[at] = gone;
    return r;
}

CF_MUST_USE cf_result cf_principals_remove_key(cf_principals *t, cf_view access_key_id)
{
    CF_AUTO(cf_unlock) CF_HELD pthread_mutex_t *held = cf_hold(&t->lock);
    return remove_at(t, place_of_key(t, access_key_id));
}

CF_MUST_USE cf_result cf_principals_remove_role(cf_principals *t, cf_view name, cf_view account)
{
    CF_AUTO(cf_unlock) CF_HELD pthread_mutex_t *held = cf_hold(&t->lock);
    return remove_at(t, place_of_role(t, name, account));
}

static cf_result copy_at(const cf_principals *t, size_t at, cf_principal *ret)
{
    CF_REQUIRE(at < t->n, NOT_FOUND);
    *ret = t->list[at];
    return cf_ok();
}

CF_MUST_USE cf_result cf_principals_by_key(cf_principals *t, cf_view access_key_id,
                                           cf_principal *ret)
{
    CF_AUTO(cf_unlock) CF_HELD pthread_mutex_t *held = cf_hold(&t->lock);
    return copy_at(t, place_of_key(t, access_key_id), ret);
}

CF_MUST_USE cf_result cf_principals_by_role(cf_principals *t, cf_view name, cf_view account,
                                            cf_principal *ret)
{
    CF_AUTO(cf_unlock) CF_HELD pthread_mutex_t *held = cf_hold(&t->lock);
    return copy_at(t, place_of_role(t, name, account), ret);
}

CF_MUST_USE cf_result cf_principals_at(cf_principals *t, size_t i, cf_principal *ret)
{
    CF_AUTO(cf_unlock) CF_HELD pthread_mutex_t *held = cf_hold(&t->lock);
    CF_TRY(copy_at(t, i, ret));
    cf_secret_wipe(&ret->secret);
    return cf_ok();
}
