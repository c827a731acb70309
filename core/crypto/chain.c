/* SPDX-License-Identifier: Apache-2.0 */
/* Chains of attestation documents. libcrypto builds and judges the path with its default checks (the strict ones refuse genuine
 * leaves, which have no authority key identifier); what it is lenient about and the format is not is checked here. */
#include "core/crypto/lib_priv.h"
#include "core/crypto/sign.h"

#include <openssl/x509v3.h>

/* The bundle in its order, root first. Counted in octets: stack indexes are int in one library and size_t in the other. */
typedef struct {
    X509 *certs[CF_CHAIN_CERTS_MAX];
    uint8_t n;
} path;

static void path_clear(path *p)
{
    for (uint8_t i = 0; i < p->n; i++) {
        X509_free(p->certs[i]);
    }
    *p = (path){{NULL}, 0};
}

/* A stack borrows its certificates. */
static void free_stack(STACK_OF(X509) * *certs)
{
    sk_X509_free(*certs);
    *certs = NULL;
}

CF_LIB_FREE(X509_STORE, X509_STORE_free)
CF_LIB_FREE(X509_STORE_CTX, X509_STORE_CTX_free)

static cf_result parse(cf_view der, X509 **ret)
{
    CF_REQUIRE(der.len > 0 && der.len <= CF_CERT_BYTES_MAX, CHAIN);
    const uint8_t *at = der.data;
    CF_AUTO(cf_lib_free_X509) X509 *cert = d2i_X509(NULL, &at, (long)der.len);
    CF_TRY(cf_lib_ok(cert != NULL, CF_ERR_CHAIN));
    CF_REQUIRE(at == der.data + der.len, CHAIN);
    *ret = cert;
    cert = NULL;
    return cf_ok();
}

static cf_view name_der(X509_NAME *name)
{
    const uint8_t *der = NULL;
    size_t len = 0;
    if (X509_NAME_get0_der(name, &der, &len) != 1) {
        return CF_VIEW_EMPTY;
    }
    return cf_view_make(der, len);
}

/* Octet for octet; the library compares names with case and spaces folded. */
static cf_result check_issued(X509 *child, X509 *issuer)
{
    cf_view wanted = name_der(X509_get_issuer_name(child));
    cf_view found = name_der(X509_get_subject_name(issuer));
    CF_REQUIRE(wanted.len > 0 && cf_view_eq(wanted, found), CHAIN);
    return cf_ok();
}

/* error KEY unless the key is P-384. */
static cf_result key_of(X509 *cert, cf_dh_public *ret)
{
    CF_AUTO(cf_lib_free_octets) cf_lib_octets spki = {NULL, 0};
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &spki.data);
    CF_TRY(cf_lib_ok(len > 0, CF_ERR_KEY));
    spki.len = (size_t)len;
    cf_curve curve = CF_P384;
    cf_result r = cf_dh_public_from_spki(cf_view_make(spki.data, spki.len), &curve, ret);
    if (r.code == CF_ERR_NO_MEMORY) {
        return r;
    }
    CF_REQUIRE(cf_is_ok(r) && curve == CF_P384, KEY);
    return cf_ok();
}

static cf_result check_algorithm(X509 *cert)
{
    CF_REQUIRE(X509_get_signature_nid(cert) == NID_ecdsa_with_SHA384, CHAIN);
    return cf_ok();
}

/* The library takes a certificate without basic constraints for a CA in some cases, and misses keyCertSign only where the key
 * usage is there; here both must be there. */
static cf_result check_ca(X509 *cert)
{
    CF_TRY(check_algorithm(cert));
    cf_dh_public key;
    cf_result r = key_of(cert, &key);
    CF_REQUIRE(r.code != CF_ERR_KEY, CHAIN);
    CF_TRY(r);
    uint32_t flags = X509_get_extension_flags(cert);
    CF_REQUIRE(X509_check_ca(cert) == 1 && (flags & EXFLAG_KUSAGE) != 0, CHAIN);
    CF_REQUIRE((X509_get_key_usage(cert) & KU_KEY_CERT_SIGN) != 0, CHAIN);
    return cf_ok();
}

static cf_result check_leaf(X509 *leaf)
{
    CF_TRY(check_algorithm(leaf));
    uint32_t flags = X509_get_extension_flags(leaf);
    CF_REQUIRE((flags & EXFLAG_CA) == 0, CHAIN);
    CF_REQUIRE((flags & EXFLAG_KUSAGE) == 0 ||
                   (X509_get_key_usage(leaf) & KU_DIGITAL_SIGNATURE) != 0,
               CHAIN);
    return cf_ok();
}

static cf_result check_path(const path *p, X509 *leaf)
{
    CF_TRY(check_leaf(leaf));
    CF_TRY(check_issued(leaf, p->certs[p->n - 1]));
    for (uint8_t i = 0; i < p->n; i++) {
        CF_TRY(check_ca(p->certs[i]));
        CF_TRY(check_issued(p->certs[i], p->certs[i == 0 ? 0 : i - 1]));
    }
    return cf_ok();
}

/* The path that the library built is the one that was given, from the leaf to the root. */
static bool is_given_path(STACK_OF(X509) * built, const path *p, X509 *leaf)
{
    bool same =
        sk_X509_num(built) == (uint8_t)(p->n + 1) && X509_cmp(sk_X509_value(built, 0), leaf) == 0;
    for (uint8_t i = 0; same && i < p->n; i++) {
        same = X509_cmp(sk_X509_value(built, (uint8_t)(p->n - i)), p->certs[i]) == 0;
    }
    return same;
}

/* Signatures, validity, path lengths, critical extensions. The first certificate is the one that is trusted. */
static cf_result verify(const path *p, X509 *leaf, uint64_t at_ms)
{
    CF_AUTO(cf_lib_free_X509_STORE) X509_STORE *store = X509_STORE_new();
    CF_AUTO(free_stack) STACK_OF(X509) *others = sk_X509_new_null();
    CF_AUTO(cf_lib_free_X509_STORE_CTX) X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    CF_REQUIRE(store != NULL && others != NULL && ctx != NULL, NO_MEMORY);
    for (uint8_t i = 1; i < p->n; i++) {
        CF_REQUIRE(sk_X509_push(others, p->certs[i]) > 0, NO_MEMORY);
    }
    CF_TRY(cf_lib_ok(X509_STORE_add_cert(store, p->certs[0]) == 1, CF_ERR_CHAIN));
    CF_TRY(cf_lib_ok(X509_STORE_CTX_init(ctx, store, leaf, others) == 1, CF_ERR_CHAIN));
    X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(ctx), (time_t)(at_ms / 1000));
    bool holds = X509_verify_cert(ctx) == 1;
    bool no_memory = !holds && X509_STORE_CTX_get_error(ctx) == X509_V_ERR_OUT_OF_MEM;
    CF_TRY(cf_lib_ok(holds, no_memory ? CF_ERR_NO_MEMORY : CF_ERR_CHAIN));
    CF_REQUIRE(is_given_path(X509_STORE_CTX_get0_chain(ctx), p, leaf), CHAIN);
    return cf_ok();
}

CF_MUST_USE cf_result cf_chain_verify(cf_view root, const cf_view *bundle, size_t n, cf_view leaf,
                                      uint64_t at_ms, cf_dh_public *ret_pub)
{
    *ret_pub = (cf_dh_public){{0}, 0};
    CF_REQUIRE(n >= 1 && n <= CF_CHAIN_CERTS_MAX && root.len > 0, CHAIN);
    CF_REQUIRE(cf_view_eq(bundle[0], root), CHAIN);
    CF_AUTO(path_clear) path p = {{NULL}, 0};
    while (p.n < n) {
        CF_TRY(parse(bundle[p.n], &p.certs[p.n]));
        p.n++;
    }
    CF_AUTO(cf_lib_free_X509) X509 *end = NULL;
    CF_TRY(parse(leaf, &end));
    CF_TRY(check_path(&p, end));
    cf_result r = verify(&p, end, at_ms);
    ERR_clear_error(); /* a path that holds can leave traces of those that were tried before it */
    CF_TRY(r);
    return key_of(end, ret_pub);
}
