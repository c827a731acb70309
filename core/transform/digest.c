/* SPDX-License-Identifier: Apache-2.0 */
/* Digests, plain and with a named key. Results are lower-case hex. */
#include "core/crypto/primitives.h"
#include "core/transform/transform_priv.h"

static void digest_wipe(cf_digest *d)
{
    cf_wipe(d, sizeof *d);
}
#define DIGEST(name) CF_AUTO(digest_wipe) cf_digest name = {{0}, 0}

static CF_MUST_USE cf_result charge(cf_cel_run *run, const cf_cel_value *text, uint64_t steps)
{
    return cf_cel_charge(run, steps + text->len / 8);
}

static cf_result sha(cf_cel_run *run, const cf_cel_value *text, cf_hash hash, cf_cel_value *ret)
{
    DIGEST(digest);
    CF_TRY(charge(run, text, TRANSFORM_DIGEST_STEPS));
    CF_TRY(cf_hash_of(hash, cf_cel_text(text), &digest));
    return cf_transform_hex(run, cf_digest_view(&digest), ret);
}

cf_result cf_fn_sha256(cf_cel_run *run, const cf_cel_value *args, uint32_t n, cf_cel_value *ret)
{
    (void)n;
    return sha(run, &args[0], CF_SHA256, ret);
}

cf_result cf_fn_sha384(cf_cel_run *run, const cf_cel_value *args, uint32_t n, cf_cel_value *ret)
{
    (void)n;
    return sha(run, &args[0], CF_SHA384, ret);
}

cf_result cf_fn_sha512(cf_cel_run *run, const cf_cel_value *args, uint32_t n, cf_cel_value *ret)
{
    (void)n;
    return sha(run, &args[0], CF_SHA512, ret);
}

/* Names are public: they stand in the expression. */
static const cf_transform_secret *secret_named(const cf_cel_host *host, cf_view name)
{
    for (size_t i = 0; host != NULL && i < host->secrets_n; i++) {
        if (cf_view_eq(host->secrets[i].name, name)) {
            return &host->secrets[i];
        }
    }
    return NULL;
}

static cf_result hmac(cf_cel_run *run, const cf_cel_value *args, cf_hash hash, cf_cel_value *ret)
{
    DIGEST(digest);
    cf_view text = cf_cel_text(&args[0]);
    CF_TRY(charge(run, &args[0], TRANSFORM_HMAC_STEPS));
    const cf_transform_secret *secret = secret_named(run->host, cf_cel_text(&args[1]));
    CF_REQUIRE(secret != NULL, SECRET_UNKNOWN);
    if (secret->code != CF_OK) {
        return cf_fail(secret->code);
    }
    CF_TRY(cf_hmac_parts(hash, secret->key, &text, 1, &digest));
    return cf_transform_hex(run, cf_digest_view(&digest), ret);
}

cf_result cf_fn_hmac_sha256(cf_cel_run *run, const cf_cel_value *args, uint32_t n,
                            cf_cel_value *ret)
{
    (void)n;
    return hmac(run, args, CF_SHA256, ret);
}

cf_result cf_fn_hmac_sha384(cf_cel_run *run, const cf_cel_value *args, uint32_t n,
                            cf_cel_value *ret)
{
    (void)n;
    return hmac(run, args, CF_SHA384, ret);
}

cf_result cf_fn_hmac_sha512(cf_cel_run *run, const cf_cel_value *args, uint32_t n,
                            cf_cel_value *ret)
{
    (void)n;
    return hmac(run, args, CF_SHA512, ret);
}
