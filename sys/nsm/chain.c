/* SPDX-License-Identifier: Apache-2.0 */
#include "core/codec/base64.h"
#include "sys/nsm/soft_priv.h"

#define HOUR_S ((int64_t)3600)
#define DAY_S (24 * HOUR_S)
#define BACKDATE_S                                                                                 \
    3 /* so that a verifier whose clock is a little behind does not refuse a new leaf */

/* Lifetimes as in real chains, longest first. All are remade with the leaf, so none ends before it. */
static const struct {
    const char *suffix;
    int64_t lifetime_s;
} levels[CF_SOFT_BUNDLE] = {
    {CF_SOFT_ROOT_CN, 0},
    {"." CF_SOFT_ROOT_CN, 20 * DAY_S + HOUR_S},
    {".zonal." CF_SOFT_ROOT_CN, 5 * DAY_S + 12 * HOUR_S},
    {CF_SOFT_INSTANCE_ID "." CF_SOFT_ROOT_CN, DAY_S},
};
#define LEVEL_INSTANCE (CF_SOFT_BUNDLE - 1)
#define LEAF_LIFETIME_S (3 * HOUR_S)
#define LEAF_SUFFIX ".coffer.local"
#define KEY_HASH_BYTES 8 /* of the key's digest, in the names of regional and zonal certificates */

void cf_soft_chain_clear(cf_soft_chain *c)
{
    for (size_t i = 0; i < CF_SOFT_BUNDLE; i++) {
        cf_buf_free(&c->bundle[i]);
    }
    cf_buf_free(&c->leaf);
    cf_dh_free(&c->leaf_key);
    *c = (cf_soft_chain){.leaf_key = NULL};
}

/* Common name of an intermediate certificate; the zonal and regional ones start with a hash of their key. */
static cf_result level_name(size_t level, const cf_dh_key *key, cf_buf *out)
{
    if (level < LEVEL_INSTANCE) {
        cf_digest digest;
        CF_TRY(cf_hash_of(CF_SHA384, cf_dh_public_view(cf_dh_public_of(key)), &digest));
        CF_TRY(cf_hex_encode(cf_view_make(digest.b, KEY_HASH_BYTES), out));
    }
    return cf_buf_append(out, cf_view_str(levels[level].suffix));
}

static cf_result make_leaf(cf_view module_id, cf_view issuer_cn, const cf_dh_key *issuer,
                           cf_soft_chain *c)
{
    CF_BUF(cn);
    CF_TRY(cf_buf_append(&cn, module_id));
    CF_TRY(cf_buf_append(&cn, CF_LIT(LEAF_SUFFIX)));
    CF_TRY(cf_dh_generate(CF_P384, &c->leaf_key));
    cf_cert_spec spec = {.subject_cn = cf_buf_view(&cn),
                         .issuer_cn = issuer_cn,
                         .path_len = -1,
                         .not_before_s = c->from_s,
                         .not_after_s = c->until_s};
    cf_view pub = cf_dh_public_view(cf_dh_public_of(c->leaf_key));
    return cf_cert_make(&spec, pub, issuer, &c->leaf);
}

/* Intermediate certificates, each signed by the one above. *key and *cn are the issuer's on entry, the
 * new certificate's on return. */
static cf_result make_level(size_t level, int64_t from_s, const cf_dh_key *root_key,
                            cf_dh_key **key, cf_buf *cn, cf_buf *ret_der)
{
    CF_AUTO(cf_dh_free) cf_dh_key *own = NULL;
    CF_BUF(own_cn);
    CF_TRY(cf_dh_generate(CF_P384, &own));
    CF_TRY(level_name(level, own, &own_cn));
    cf_cert_spec spec = {.subject_cn = cf_buf_view(&own_cn),
                         .issuer_cn = cf_buf_view(cn),
                         .path_len = (int)(LEVEL_INSTANCE - level),
                         .not_before_s = from_s,
                         .not_after_s = from_s + levels[level].lifetime_s};
    cf_view pub = cf_dh_public_view(cf_dh_public_of(own));
    CF_TRY(cf_cert_make(&spec, pub, *key != NULL ? *key : root_key, ret_der));
    cf_dh_free(key);
    *key = own;
    own = NULL;
    cf_buf_free(cn);
    *cn = cf_buf_move(&own_cn);
    return cf_ok();
}

CF_MUST_USE cf_result cf_soft_chain_make(const cf_soft_root *root, cf_view module_id,
                                         uint64_t now_ms, cf_soft_chain *ret)
{
    *ret = (cf_soft_chain){.leaf_key = NULL};
    CF_AUTO(cf_soft_chain_clear) cf_soft_chain c = {.leaf_key = NULL};
    CF_AUTO(cf_dh_free) cf_dh_key *key = NULL; /* of the level above; none: the root's */
    CF_BUF(cn);
    c.from_s = (int64_t)(now_ms / 1000) - BACKDATE_S;
    c.until_s = c.from_s + BACKDATE_S + LEAF_LIFETIME_S;
    CF_TRY(cf_buf_append(&c.bundle[0], cf_buf_view(&root->cert)));
    CF_TRY(cf_buf_append(&cn, CF_LIT(CF_SOFT_ROOT_CN)));
    for (size_t level = 1; level < CF_SOFT_BUNDLE; level++) {
        CF_TRY(make_level(level, c.from_s, root->key, &key, &cn, &c.bundle[level]));
    }
    CF_TRY(make_leaf(module_id, cf_buf_view(&cn), key, &c));
    *ret = c;
    c = (cf_soft_chain){.leaf_key = NULL};
    return cf_ok();
}

void cf_soft_chain_lend(const cf_soft_chain *c, cf_attest_payload *p)
{
    p->certificate = cf_buf_view(&c->leaf);
    p->cabundle_n = CF_SOFT_BUNDLE;
    for (size_t i = 0; i < CF_SOFT_BUNDLE; i++) {
        p->cabundle[i] = cf_buf_view(&c->bundle[i]);
    }
}

CF_MUST_USE cf_result cf_soft_module_id(uint64_t now_ms,
                                        uint8_t ret[static CF_SOFT_MODULE_ID_BYTES])
{
    uint8_t unique[8]; /* 48 bits of time, 16 of chance */
    for (size_t i = 0; i < 6; i++) {
        unique[i] = (uint8_t)(now_ms >> (40 - 8 * i));
    }
    CF_TRY(cf_random(unique + 6, 2));
    CF_BUF(text);
    CF_TRY(cf_buf_append(&text, CF_LIT(CF_SOFT_INSTANCE_ID "-enc")));
    CF_TRY(cf_hex_encode(CF_VIEW_OF(unique), &text));
    CF_REQUIRE(text.len == CF_SOFT_MODULE_ID_BYTES, INTERNAL);
    cf_copy(ret, text.data, CF_SOFT_MODULE_ID_BYTES);
    return cf_ok();
}

CF_MUST_USE cf_result cf_soft_pcr4(uint8_t ret[static CF_PCR_BYTES_SHA384])
{
    cf_wipe(ret, CF_PCR_BYTES_SHA384);
    return cf_pcr_extend(ret, CF_LIT(CF_SOFT_INSTANCE_ID));
}
