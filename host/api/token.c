/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/token.h"

#include <pthread.h>
#include <string.h>

#include "core/codec/base64.h"
#include "core/crypto/primitives.h"
#include "sys/linux/log.h"

#define PREFIX "coffer_"
#define TOKEN_OCTETS 32
#define ID_CHARACTERS 22 /* 131 bits of base62 */
_Static_assert(sizeof(PREFIX) - 1 + (TOKEN_OCTETS * 8 + 5) / 6 == CF_TOKEN_TEXT_BYTES,
               "the token's text");
_Static_assert(ID_CHARACTERS + 3 <= sizeof((cf_token *)0)->id, "the token's id");
_Static_assert(CF_API_TOKEN_NAME_BYTES_MAX + 1 == sizeof((cf_token *)0)->name, "the token's name");

static const struct {
    const char *name;
    uint32_t bit;
} scopes[] = {
    {"write", CF_SCOPE_WRITE},
    {"read", CF_SCOPE_READ},
    {"decrypt", CF_SCOPE_DECRYPT},
    {"admin", CF_SCOPE_ADMIN},
};

uint32_t cf_scope_bit(cf_view name)
{
    for (size_t i = 0; i < sizeof scopes / sizeof scopes[0]; i++) {
        if (cf_view_eq(name, cf_view_str(scopes[i].name))) {
            return scopes[i].bit;
        }
    }
    return 0;
}

const char *cf_scope_at(size_t i, uint32_t *ret_bit)
{
    bool there = i < sizeof scopes / sizeof scopes[0];
    *ret_bit = there ? scopes[i].bit : 0;
    return there ? scopes[i].name : NULL;
}

static CF_MUST_USE cf_result hash_text(cf_view text, uint8_t ret[static CF_TOKEN_HASH_BYTES])
{
    cf_digest d;
    CF_TRY(cf_hash_of(CF_SHA256, text, &d));
    cf_copy(ret, d.b, CF_TOKEN_HASH_BYTES);
    return cf_ok();
}

/* Characters of base62, each drawn without bias: octets of 248 and above are thrown away. */
static CF_MUST_USE cf_result make_id(char ret[static ID_CHARACTERS + 3])
{
    static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    size_t n = 0;
    ret[n++] = 't';
    ret[n++] = '_';
    while (n < ID_CHARACTERS + 2) {
        uint8_t octet = 0;
        CF_TRY(cf_random(&octet, 1));
        if (octet < 248) {
            ret[n++] = letters[octet % 62];
        }
    }
    ret[n] = '\0';
    return cf_ok();
}

CF_MUST_USE cf_result cf_token_make(cf_buf *ret_text, cf_token *ret)
{
    *ret = (cf_token){.scopes = 0};
    uint8_t octets[TOKEN_OCTETS];
    CF_BUF(text);
    CF_TRY(cf_random(octets, sizeof octets));
    cf_result r = cf_buf_set(&text, CF_LIT(PREFIX));
    if (cf_is_ok(r)) {
        r = cf_base64_encode(CF_VIEW_OF(octets), &text);
    }
    cf_wipe(octets, sizeof octets);
    CF_TRY(r);
    CF_REQUIRE(text.len > CF_TOKEN_TEXT_BYTES, INTERNAL);
    text.len = CF_TOKEN_TEXT_BYTES; /* without the padding */
    for (size_t i = 0; i < text.len; i++) {
        text.data[i] = text.data[i] == '+' ? '-' : text.data[i] == '/' ? '_' : text.data[i];
    }
    CF_TRY(hash_text(cf_buf_view(&text), ret->hash));
    CF_TRY(make_id(ret->id));
    *ret_text = cf_buf_move(&text);
    return cf_ok();
}

/* "Bearer " without regard to case (RFC 9110 section 11.1). */
static bool is_bearer(cf_view scheme)
{
    static const char want[] = "bearer ";
    bool ok = scheme.len == sizeof want - 1;
    for (size_t i = 0; ok && i < scheme.len; i++) {
        uint8_t c = scheme.data[i];
        ok = (c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c) == want[i];
    }
    return ok;
}

CF_MUST_USE cf_result cf_token_hash_of(cf_view header, uint8_t ret[static CF_TOKEN_HASH_BYTES])
{
    const size_t scheme = 7;
    CF_REQUIRE(header.len == scheme + CF_TOKEN_TEXT_BYTES, UNAUTHENTICATED);
    CF_REQUIRE(is_bearer(cf_view_sub(header, 0, scheme)), UNAUTHENTICATED);
    cf_view text = cf_view_sub(header, scheme, CF_TOKEN_TEXT_BYTES);
    CF_REQUIRE(cf_view_eq(cf_view_sub(text, 0, sizeof(PREFIX) - 1), CF_LIT(PREFIX)),
               UNAUTHENTICATED);
    return hash_text(text, ret);
}

bool cf_token_active(const cf_token *t, uint64_t now_ms)
{
    return !t->altered && t->revoked_ms == 0 && (t->expires_ms == 0 || now_ms < t->expires_ms);
}

const char *cf_token_state(const cf_token *t, uint64_t now_ms)
{
    return t->altered                   ? "altered"
           : t->revoked_ms != 0         ? "revoked"
           : cf_token_active(t, now_ms) ? "active"
                                        : "expired";
}

typedef struct {
    cf_token token; /* free: id is empty */
    uint64_t until_ms;
} kept_token;

/* Each hash has one place; two tokens of one place displace each other, which costs look-ups in the store and nothing else. */
struct cf_token_cache {
    pthread_mutex_t lock;
    uint64_t
        forgotten; /* grows with every change, so that a look-up which began before it is not kept */
    kept_token tokens[CF_API_TOKEN_CACHE_MAX];
};

CF_MUST_USE cf_result cf_token_cache_new(cf_token_cache **ret)
{
    *ret = cf_mem_new(1, sizeof **ret);
    CF_REQUIRE(*ret != NULL, NO_MEMORY);
    (void)pthread_mutex_init(&(*ret)->lock, NULL);
    return cf_ok();
}

void cf_token_cache_free(cf_token_cache **c)
{
    if (*c != NULL) {
        (void)pthread_mutex_destroy(&(*c)->lock);
        cf_mem_free(*c);
        *c = NULL;
    }
}

static kept_token *place_of(cf_token_cache *c, const uint8_t hash[static CF_TOKEN_HASH_BYTES])
{
    return &c->tokens[((size_t)hash[0] << 8 | hash[1]) % CF_API_TOKEN_CACHE_MAX];
}

static bool is_token(const cf_token *t, const uint8_t hash[static CF_TOKEN_HASH_BYTES])
{
    return t->id[0] != '\0' &&
           cf_ct_eq(CF_VIEW_OF(t->hash), cf_view_make(hash, CF_TOKEN_HASH_BYTES));
}

CF_MUST_USE cf_result cf_token_find(cf_token_cache *c, const cf_store *store,
                                    const uint8_t hash[static CF_TOKEN_HASH_BYTES], uint64_t now_ms,
                                    cf_token *ret)
{
    (void)pthread_mutex_lock(&c->lock);
    kept_token *place = place_of(c, hash);
    bool found = is_token(&place->token, hash) && now_ms < place->until_ms;
    if (found) {
        *ret = place->token;
    }
    uint64_t forgotten = c->forgotten;
    (void)pthread_mutex_unlock(&c->lock);
    if (found) {
        return cf_ok();
    }
    cf_result r = store->ops->token_by_hash(store->self, hash, ret);
    if (!cf_is_ok(r)) {
        *ret = (cf_token){.scopes = 0};
        if (r.code == CF_ERR_ROW_ALTERED) { /* somebody wrote it into the store: no token of ours */
            cf_log(CF_LOG_ERROR, "token.altered", "code=%s", cf_err_code(r.code));
        }
        return cf_fail(r.code == CF_ERR_NOT_FOUND || r.code == CF_ERR_ROW_ALTERED
                           ? CF_ERR_UNAUTHENTICATED
                           : CF_ERR_STORE_UNAVAILABLE);
    }
    /* The store found it by an index; the comparison that counts is ours. */
    CF_REQUIRE(is_token(ret, hash), UNAUTHENTICATED);
    (void)pthread_mutex_lock(&c->lock);
    if (forgotten == c->forgotten) {
        *place = (kept_token){*ret, now_ms + CF_API_TOKEN_CACHE_MS};
    }
    (void)pthread_mutex_unlock(&c->lock);
    return cf_ok();
}

void cf_token_forget(cf_token_cache *c, const uint8_t hash[static CF_TOKEN_HASH_BYTES])
{
    (void)pthread_mutex_lock(&c->lock);
    c->forgotten++;
    kept_token *place = place_of(c, hash);
    if (is_token(&place->token, hash)) {
        *place = (kept_token){.until_ms = 0};
    }
    (void)pthread_mutex_unlock(&c->lock);
}
