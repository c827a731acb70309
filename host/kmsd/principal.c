/* SPDX-License-Identifier: Apache-2.0 */
#include "host/kmsd/principal.h"

#include <stdio.h>
#include <string.h>

#include "core/codec/base64.h"
#include "core/codec/cbor.h"
#include "core/crypto/primitives.h"

#define KEY_ID_RANDOM 16
#define SECRET_OCTETS 30 /* 40 characters of base64 */
#define TOKEN_VERSION 1
#define TOKEN_BYTES_MAX 1024
#define TOKEN_MEMBERS 7

_Static_assert(CF_KMSD_ACCESS_SECRET_BYTES_MAX <= CF_SECRET_BYTES_MAX, "a secret is a cf_secret");

static bool is_alnum(uint8_t c)
{
    uint8_t low = c | 0x20;
    return (low >= 'a' && low <= 'z') || (c >= '0' && c <= '9');
}

bool cf_principal_name_ok(cf_view name)
{
    bool ok = name.len >= 1 && name.len <= CF_KMSD_NAME_BYTES_MAX;
    for (size_t i = 0; ok && i < name.len; i++) {
        ok = is_alnum(name.data[i]) || memchr("+=,.@_-", name.data[i], 7) != NULL;
    }
    return ok;
}

bool cf_principal_key_id_ok(cf_view id)
{
    bool ok = id.len >= 1 && id.len <= CF_KMSD_ACCESS_KEY_BYTES_MAX;
    for (size_t i = 0; ok && i < id.len; i++) {
        ok = is_alnum(id.data[i]);
    }
    return ok;
}

bool cf_principal_account_ok(cf_view account)
{
    bool ok = account.len == CF_KMSD_ACCOUNT_BYTES;
    for (size_t i = 0; ok && i < account.len; i++) {
        ok = account.data[i] >= '0' && account.data[i] <= '9';
    }
    return ok;
}

CF_MUST_USE cf_result cf_principal_make_key(const char *prefix,
                                            char ret_id[static CF_KMSD_ACCESS_KEY_BYTES_MAX + 1],
                                            cf_secret *ret_secret)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    uint8_t random[KEY_ID_RANDOM];
    CF_SECRET(octets);
    CF_BUF(text);
    ret_id[0] = '\0';
    CF_TRY(cf_random(random, sizeof random));
    CF_TRY(cf_random(octets.b, SECRET_OCTETS));
    octets.len = SECRET_OCTETS;
    CF_TRY(cf_base64_encode(cf_secret_view(&octets), &text));
    CF_TRY(cf_secret_set(ret_secret, cf_buf_view(&text)));
    (void)snprintf(ret_id, 5, "%s", prefix);
    for (size_t i = 0; i < KEY_ID_RANDOM; i++) {
        ret_id[4 + i] = digits[random[i] & 31];
    }
    ret_id[4 + KEY_ID_RANDOM] = '\0';
    return cf_ok();
}

void cf_principal_arn(const char *partition, const cf_principal *p,
                      char ret[static CF_KMSD_CALLER_BYTES_MAX])
{
    (void)snprintf(ret, CF_KMSD_CALLER_BYTES_MAX, "arn:%s:iam::%s:%s/%s", partition, p->account,
                   p->kind == CF_PRINCIPAL_ROLE ? "role" : "user", p->name);
}

/* --- tokens --- */

static void put_session(cf_writer *w, const cf_session *s)
{
    cf_cbor_put_array(w, TOKEN_MEMBERS);
    cf_cbor_put_text(w, cf_view_str(s->access_key_id));
    cf_cbor_put_text(w, cf_view_str(s->role));
    cf_cbor_put_text(w, cf_view_str(s->account));
    cf_cbor_put_text(w, cf_view_str(s->name));
    cf_cbor_put_uint(w, s->role_created_ms);
    cf_cbor_put_uint(w, s->expires_ms);
    cf_cbor_put_bytes(w, cf_secret_view(&s->secret));
}

CF_MUST_USE cf_result cf_session_seal(const cf_secret *key, const cf_session *s, cf_buf *out)
{
    CF_BUF(plain);
    CF_BUF(token);
    CF_AUTO(cf_aead_free) cf_aead_ctx *cipher = NULL;
    uint8_t head[1 + CF_AEAD_NONCE_BYTES] = {TOKEN_VERSION};
    cf_writer w = cf_writer_to(&plain, TOKEN_BYTES_MAX);
    put_session(&w, s);
    CF_TRY(cf_write_end(&w));
    CF_TRY(cf_random(head + 1, CF_AEAD_NONCE_BYTES));
    CF_TRY(cf_aead_new(CF_AES_256_GCM, cf_secret_view(key), &cipher));
    CF_TRY(cf_buf_append(&token, CF_VIEW_OF(head)));
    CF_TRY(cf_aead_seal(cipher, head + 1, cf_view_make(head, 1), cf_buf_view(&plain), &token));
    return cf_base64_encode(cf_buf_view(&token), out);
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

static cf_result get_session(cf_view plain, cf_session *s)
{
    cf_cbor c = cf_cbor_strict(plain);
    cf_cbor_array(&c);
    take_text(&c, s->access_key_id, CF_KMSD_ACCESS_KEY_BYTES_MAX);
    take_text(&c, s->role, CF_KMSD_NAME_BYTES_MAX);
    take_text(&c, s->account, CF_KMSD_ACCOUNT_BYTES);
    take_text(&c, s->name, CF_KMSD_NAME_BYTES_MAX);
    s->role_created_ms = cf_cbor_uint(&c);
    s->expires_ms = cf_cbor_uint(&c);
    cf_view secret = cf_cbor_bytes(&c);
    cf_cbor_leave(&c);
    CF_TRY(cf_cbor_end(&c));
    return cf_secret_set(&s->secret, secret);
}

static cf_result open_token(const cf_secret *key, cf_view token, cf_session *ret)
{
    CF_BUF(octets);
    CF_BUF(plain);
    CF_AUTO(cf_aead_free) cf_aead_ctx *cipher = NULL;
    CF_TRY(cf_base64_decode(token, &octets));
    CF_REQUIRE(octets.len > 1 + CF_AEAD_NONCE_BYTES && octets.data[0] == TOKEN_VERSION, OPEN);
    CF_TRY(cf_aead_new(CF_AES_256_GCM, cf_secret_view(key), &cipher));
    cf_view sealed = cf_view_sub(cf_buf_view(&octets), 1 + CF_AEAD_NONCE_BYTES,
                                 octets.len - 1 - CF_AEAD_NONCE_BYTES);
    CF_TRY(cf_aead_open(cipher, octets.data + 1, cf_view_make(octets.data, 1), sealed, &plain));
    return get_session(cf_buf_view(&plain), ret);
}

CF_MUST_USE cf_result cf_session_open(const cf_secret *key, cf_view token, cf_session *ret)
{
    cf_session_wipe(ret);
    cf_result r = open_token(key, token, ret);
    if (!cf_is_ok(r)) {
        cf_session_wipe(ret);
    }
    return cf_is_ok(r) || r.code == CF_ERR_NO_MEMORY ? r : cf_fail(CF_ERR_OPEN);
}
