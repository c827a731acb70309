/* SPDX-License-Identifier: Apache-2.0 */
#include "core/crypto/primitives.h"

#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "core/crypto/lib_priv.h"

/* Enough for every input of the HPKE key schedule with an info of ordinary length; longer ones are gathered on the heap. */
#define GATHER_STACK_BYTES 640
/* Parts of one info string in HKDF-Expand: length, version, suite, label, and up to three keys. */
#define EXPAND_PARTS_MAX 8
#define HMAC_KEY_BYTES_MAX                                                                         \
    128 /* block of SHA-384 and SHA-512; a longer key is hashed first in any case */
#define HKDF_BLOCKS_MAX 255 /* RFC 5869 section 2.3 */
#define RANDOM_CHUNK_BYTES 4096
#define DEAD_STACK_BYTES 8192

size_t cf_hash_bytes(cf_hash h)
{
    switch (h) {
    case CF_SHA224:
        return 28;
    case CF_SHA256:
        return 32;
    case CF_SHA384:
        return 48;
    case CF_SHA512:
        return 64;
    }
    return 0;
}

const EVP_MD *cf_lib_md(cf_hash h)
{
    switch (h) {
    case CF_SHA224:
        return EVP_sha224();
    case CF_SHA256:
        return EVP_sha256();
    case CF_SHA384:
        return EVP_sha384();
    case CF_SHA512:
        return EVP_sha512();
    }
    return NULL;
}

CF_MUST_USE cf_result cf_lib_ok(bool worked, cf_err err)
{
    if (worked) {
        return cf_ok();
    }
    /* the cause is not always the last entry: the callers of what failed add theirs */
    while (ERR_peek_error() != 0) {
        if (ERR_GET_REASON(ERR_peek_error()) == ERR_R_MALLOC_FAILURE) {
            err = CF_ERR_NO_MEMORY;
        }
        (void)ERR_get_error();
    }
    return cf_fail(err);
}

__attribute__((noinline)) void cf_lib_wipe_stack(void)
{
    uint8_t dead[DEAD_STACK_BYTES];
    cf_wipe(dead, sizeof dead);
}

CF_MUST_USE cf_result cf_hash_parts(cf_hash h, const cf_view *parts, size_t n, cf_digest *ret)
{
    *ret = (cf_digest){{0}, 0};
    CF_REQUIRE(cf_hash_bytes(h) > 0, ARGUMENT);
    CF_AUTO(cf_lib_free_EVP_MD_CTX) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    CF_REQUIRE(ctx != NULL, NO_MEMORY);
    CF_TRY(cf_lib_ok(EVP_DigestInit_ex(ctx, cf_lib_md(h), NULL) == 1, CF_ERR_CRYPTO));
    for (size_t i = 0; i < n; i++) {
        if (parts[i].len > 0) {
            int done = EVP_DigestUpdate(ctx, parts[i].data, parts[i].len);
            CF_TRY(cf_lib_ok(done == 1, CF_ERR_CRYPTO));
        }
    }
    CF_TRY(cf_lib_ok(EVP_DigestFinal_ex(ctx, ret->b, NULL) == 1, CF_ERR_CRYPTO));
    ret->len = (uint8_t)cf_hash_bytes(h);
    return cf_ok();
}

CF_MUST_USE cf_result cf_hash_of(cf_hash h, cf_view data, cf_digest *ret)
{
    return cf_hash_parts(h, &data, 1, ret);
}

/* The parts in one piece. The one-shot HMAC() is the only MAC interface that both libraries have and none deprecates, and
 * it takes one piece; copying a few hundred octets costs less than the context of an incremental interface. */
typedef struct {
    uint8_t stack[GATHER_STACK_BYTES];
    size_t used;
    cf_buf heap;
} gathered;

static void gathered_clear(gathered *g)
{
    cf_wipe(g->stack, g->used);
    cf_buf_free(&g->heap);
}

static cf_result gather(const cf_view *parts, size_t n, gathered *g, cf_view *ret)
{
    if (n == 1) {
        *ret = parts[0];
        return cf_ok();
    }
    size_t total = 0;
    for (size_t i = 0; i < n; i++) {
        CF_REQUIRE(parts[i].len <= CF_BUF_BYTES_MAX - total, SIZE);
        total += parts[i].len;
    }
    uint8_t *to = g->stack;
    if (total > sizeof g->stack) {
        CF_TRY(cf_buf_reserve(&g->heap, total));
        to = g->heap.data;
        g->heap.len = total;
    } else {
        g->used = total;
    }
    *ret = cf_view_make(to, total);
    for (size_t i = 0; i < n; i++) {
        cf_copy(to, parts[i].data, parts[i].len);
        to += parts[i].len;
    }
    return cf_ok();
}

static cf_result hmac_into(cf_hash h, cf_view key, cf_view data, uint8_t *out)
{
    static const uint8_t nothing[1] = {0};
    /* uint8_t: the libraries disagree on the type of this length, int or size_t, and both take this one as it is */
    uint8_t key_len = (uint8_t)key.len;
    const uint8_t *msg = data.len > 0 ? data.data : nothing;
    const uint8_t *mac =
        HMAC(cf_lib_md(h), key_len > 0 ? key.data : nothing, key_len, msg, data.len, out, NULL);
    return cf_lib_ok(mac != NULL, CF_ERR_CRYPTO);
}

CF_MUST_USE cf_result cf_hmac_parts(cf_hash h, cf_view key, const cf_view *parts, size_t n,
                                    cf_digest *ret)
{
    *ret = (cf_digest){{0}, 0};
    CF_REQUIRE(cf_hash_bytes(h) > 0, ARGUMENT);
    CF_AUTO(gathered_clear) gathered g;
    g.used =
        0; /* the rest of the room is written before it is read; clearing it would cost as much as the MAC's own copy */
    g.heap = (cf_buf)CF_BUF_EMPTY;
    cf_view data = CF_VIEW_EMPTY;
    CF_TRY(gather(parts, n, &g, &data));
    cf_digest hashed_key = {{0}, 0};
    cf_result r = cf_ok();
    if (key.len > HMAC_KEY_BYTES_MAX) {
        r = cf_hash_of(h, key, &hashed_key);
        key = cf_digest_view(&hashed_key);
    }
    if (cf_is_ok(r)) {
        r = hmac_into(h, key, data, ret->b);
    }
    cf_wipe(&hashed_key, hashed_key.len);
    CF_TRY(r);
    ret->len = (uint8_t)cf_hash_bytes(h);
    return cf_ok();
}

static void digest_wipe(cf_digest *d)
{
    cf_wipe(d, sizeof *d);
}

_Static_assert(CF_HASH_BYTES_MAX <= CF_SECRET_BYTES_MAX, "a pseudorandom key fits a secret");

CF_MUST_USE cf_result cf_hkdf_extract(cf_hash h, cf_view salt, const cf_view *parts, size_t n,
                                      cf_secret *ret)
{
    cf_secret_wipe(ret);
    CF_AUTO(digest_wipe) cf_digest prk = {{0}, 0};
    CF_TRY(cf_hmac_parts(h, salt, parts, n, &prk));
    return cf_secret_set(ret, cf_digest_view(&prk));
}

CF_MUST_USE cf_result cf_hkdf_expand_to(cf_hash h, cf_view prk, const cf_view *parts, size_t n,
                                        uint8_t *out, size_t len)
{
    CF_REQUIRE(n <= EXPAND_PARTS_MAX && cf_hash_bytes(h) > 0, ARGUMENT);
    CF_REQUIRE(len <= HKDF_BLOCKS_MAX * cf_hash_bytes(h), RANGE);
    CF_AUTO(digest_wipe) cf_digest t = {{0}, 0};
    uint8_t counter = 0;
    /* T(i) = HMAC(prk, T(i-1) || info || i), RFC 5869 section 2.3 */
    cf_view in[EXPAND_PARTS_MAX + 2];
    for (size_t i = 0; i < n; i++) {
        in[i + 1] = parts[i];
    }
    in[n + 1] = cf_view_make(&counter, 1);
    for (size_t at = 0; at < len;) {
        cf_digest last = t;
        in[0] = cf_digest_view(&last);
        counter++;
        cf_result r = cf_hmac_parts(h, prk, in, n + 2, &t);
        digest_wipe(&last);
        if (!cf_is_ok(r)) {
            cf_wipe(out, len);
            return r;
        }
        size_t take = len - at < t.len ? len - at : t.len;
        cf_copy(out + at, t.b, take);
        at += take;
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_hkdf_expand(cf_hash h, cf_view prk, const cf_view *parts, size_t n,
                                     size_t len, cf_secret *ret)
{
    cf_secret_wipe(ret);
    CF_REQUIRE(len >= 1 && len <= CF_SECRET_BYTES_MAX, RANGE);
    CF_TRY(cf_hkdf_expand_to(h, prk, parts, n, ret->b, len));
    ret->len = (uint8_t)len;
    return cf_ok();
}

CF_MUST_USE cf_result cf_random(uint8_t *out, size_t len)
{
    while (len > 0) {
        uint16_t take = (uint16_t)(len < RANDOM_CHUNK_BYTES ? len : RANDOM_CHUNK_BYTES);
        CF_TRY(cf_lib_ok(RAND_bytes(out, take) == 1, CF_ERR_ENTROPY));
        out += take;
        len -= take;
    }
    return cf_ok();
}

const char *cf_crypto_name(void)
{
    return CF_CRYPTO_NAME;
}
