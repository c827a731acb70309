/* SPDX-License-Identifier: Apache-2.0 */
/* Chains of genuine attestation documents, and chains of our own making with one thing wrong in each. */
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "core/crypto/sign.h"
#include "tests/support/vectors.h"

enum { BUNDLE = 4, HOUR_MS = 3600 * 1000 };

typedef struct {
    cf_buf document, root;
    cf_view bundle[BUNDLE], leaf;
    uint64_t at_ms;
} genuine;

static void genuine_clear(genuine *g)
{
    cf_buf_free(&g->document);
    cf_buf_free(&g->root);
}

/* The byte string that follows these octets in the document, which writes its length in two octets. */
static cf_view bytes_after(cf_view doc, cf_view mark)
{
    const uint8_t *at = mark.len == 0 ? doc.data : memmem(doc.data, doc.len, mark.data, mark.len);
    assert_non_null(at);
    size_t off = (size_t)(at - doc.data) + mark.len;
    assert_true(off + 3 <= doc.len && doc.data[off] == 0x59);
    size_t len = (size_t)doc.data[off + 1] << 8 | doc.data[off + 2];
    cf_view v = cf_view_sub(doc, off + 3, len);
    assert_int_equal(v.len, len);
    return v;
}

static void load(const json_t *vector, genuine *g)
{
    char path[128];
    (void)snprintf(path, sizeof path, "attestation/%s", vec_text(vector, "file"));
    vec_file(path, &g->document);
    vec_file("aws-nitro-root-g1.der", &g->root);
    cf_view doc = cf_buf_view(&g->document);
    g->leaf = bytes_after(doc, CF_LIT("\x6b"
                                      "certificate"));
    g->bundle[0] = bytes_after(doc, CF_LIT("\x68"
                                           "cabundle"
                                           "\x84"));
    for (size_t i = 1; i < BUNDLE; i++) {
        const uint8_t *end = g->bundle[i - 1].data + g->bundle[i - 1].len;
        g->bundle[i] =
            bytes_after(cf_view_make(end, (size_t)(doc.data + doc.len - end)), CF_VIEW_EMPTY);
    }
    g->at_ms = (uint64_t)vec_int(json_object_get(vector, "expected"), "timestamp_ms");
}

/* What libcrypto thinks of the same path. */
static bool library_agrees(const cf_view *bundle, size_t n, cf_view leaf, uint64_t at_ms)
{
    X509 *certs[CF_CHAIN_CERTS_MAX + 1] = {NULL};
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    STACK_OF(X509) *others = sk_X509_new_null();
    for (size_t i = 0; i <= n; i++) {
        cf_view der = i < n ? bundle[i] : leaf;
        const uint8_t *at = der.data;
        certs[i] = d2i_X509(NULL, &at, (long)der.len);
        assert_non_null(certs[i]);
        if (i > 0 && i < n) {
            assert_true(sk_X509_push(others, certs[i]) > 0);
        }
    }
    assert_int_equal(X509_STORE_add_cert(store, certs[0]), 1);
    assert_int_equal(X509_STORE_CTX_init(ctx, store, certs[n], others), 1);
    X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(ctx), (time_t)(at_ms / 1000));
    bool holds = X509_verify_cert(ctx) == 1;
    sk_X509_free(others);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    for (size_t i = 0; i <= n; i++) {
        X509_free(certs[i]);
    }
    return holds;
}

static cf_result verify(const genuine *g, uint64_t at_ms)
{
    cf_dh_public pub;
    cf_result r = cf_chain_verify(cf_buf_view(&g->root), g->bundle, BUNDLE, g->leaf, at_ms, &pub);
    assert_int_equal(pub.len, cf_is_ok(r) ? 97 : 0);
    if (cf_is_ok(r)) {
        assert_true(library_agrees(g->bundle, BUNDLE, g->leaf, at_ms));
    }
    return r;
}

/* One bit of every certificate at a time, in steps; then the order, the number and the time. */
static void tamper(genuine *g)
{
    for (size_t i = 0; i <= BUNDLE; i++) {
        cf_view *slot = i == BUNDLE ? &g->leaf : &g->bundle[i], was = *slot;
        for (size_t at = i % 3; at < was.len; at += 23) {
            cf_view copy = view_copy(was);
            ((uint8_t *)(uintptr_t)copy.data)[at] ^= 0x04;
            *slot = copy;
            assert_err(verify(g, g->at_ms), CHAIN);
            view_free(copy);
        }
        *slot = cf_view_sub(was, 0, was.len - 1);
        assert_err(verify(g, g->at_ms), CHAIN);
        CF_BUF(longer);
        assert_ok(cf_buf_append(&longer, was));
        assert_ok(cf_buf_append(&longer, CF_LIT("\0")));
        *slot = cf_buf_view(&longer);
        assert_err(verify(g, g->at_ms), CHAIN);
        *slot = CF_VIEW_EMPTY;
        assert_err(verify(g, g->at_ms), CHAIN);
        *slot = was;
    }
    for (size_t i = 0; i + 1 < BUNDLE; i++) {
        cf_view first = g->bundle[i];
        g->bundle[i] = g->bundle[i + 1];
        g->bundle[i + 1] = first;
        assert_err(verify(g, g->at_ms), CHAIN);
        g->bundle[i + 1] = g->bundle[i];
        g->bundle[i] = first;
    }
    cf_dh_public pub;
    cf_view root = cf_buf_view(&g->root);
    assert_err(cf_chain_verify(root, g->bundle, BUNDLE - 1, g->leaf, g->at_ms, &pub), CHAIN);
    assert_err(cf_chain_verify(root, g->bundle, 1, g->leaf, g->at_ms, &pub), CHAIN);
    assert_err(cf_chain_verify(root, g->bundle, 0, g->leaf, g->at_ms, &pub), CHAIN);
    assert_err(cf_chain_verify(root, g->bundle + 1, BUNDLE - 1, g->leaf, g->at_ms, &pub), CHAIN);
    assert_err(cf_chain_verify(g->bundle[1], g->bundle + 1, BUNDLE - 1, g->leaf, g->at_ms, &pub),
               CHAIN);
    assert_err(cf_chain_verify(root, g->bundle, BUNDLE, g->bundle[3], g->at_ms, &pub), CHAIN);
    assert_err(cf_chain_verify(CF_VIEW_EMPTY, g->bundle, BUNDLE, g->leaf, g->at_ms, &pub), CHAIN);
    assert_err(verify(g, g->at_ms + 4 * HOUR_MS), CHAIN);
    assert_err(verify(g, g->at_ms - 4 * HOUR_MS), CHAIN);
    assert_err(verify(g, 0), CHAIN);
}

static void test_genuine(void **state)
{
    (void)state;
    json_t *root = vec_load("attestation/manifest.json");
    const json_t *list = vec_array(root, "vectors");
    size_t held = 0, refused = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *vector = json_array_get(list, i),
                     *expected = json_object_get(vector, "expected");
        if (!json_is_true(json_object_get(expected, "valid_at_document_timestamp"))) {
            refused++; /* the self-signed one has another shape; see test_self_signed */
            continue;
        }
        CF_AUTO(genuine_clear) genuine g = {0};
        load(vector, &g);
        assert_ok(verify(&g, g.at_ms));
        assert_ok(verify(&g, g.at_ms)); /* again: nothing is left over from the time before */
        tamper(&g);
        assert_ok(verify(&g, g.at_ms));
        held++;
    }
    json_decref(root);
    assert_int_equal(held, 5);
    assert_int_equal(refused, 1);
}

static void test_self_signed(void **state)
{
    (void)state;
    CF_BUF(doc);
    CF_BUF(root);
    vec_file("attestation/negative-selfsigned.bin", &doc);
    vec_file("aws-nitro-root-g1.der", &root);
    cf_view leaf = bytes_after(cf_buf_view(&doc), CF_LIT("\x6b"
                                                         "certificate"));
    cf_view bundle[] = {cf_buf_view(&root)};
    cf_dh_public pub;
    for (uint64_t at = 1600000000000; at < 1900000000000; at += 30000000000) {
        assert_err(cf_chain_verify(bundle[0], bundle, 1, leaf, at, &pub), CHAIN);
    }
}

#define START_S INT64_C(1700000000)
#define DURING_MS UINT64_C(1700000100000)

/* A chain of our own: root, three CAs, leaf; specs may be changed before it is built. */
typedef struct {
    cf_dh_key *keys[BUNDLE + 1];
    cf_cert_spec specs[BUNDLE + 1];
    size_t issuer[BUNDLE + 1]; /* whose key signs */
    cf_buf certs[BUNDLE + 1];
} own;

static void own_clear(own *o)
{
    for (size_t i = 0; i <= BUNDLE; i++) {
        cf_dh_free(&o->keys[i]);
        cf_buf_free(&o->certs[i]);
    }
}

static void own_init(own *o)
{
    const cf_view names[] = {CF_LIT("root"), CF_LIT("regional"), CF_LIT("zonal"),
                             CF_LIT("instance"), CF_LIT("leaf")};
    for (size_t i = 0; i <= BUNDLE; i++) {
        assert_ok(cf_dh_generate(CF_P384, &o->keys[i]));
        o->specs[i] = (cf_cert_spec){.subject_cn = names[i],
                                     .issuer_cn = i == 0 ? CF_VIEW_EMPTY : names[i - 1],
                                     .path_len = 3 - (int)i,
                                     .not_before_s = START_S,
                                     .not_after_s = START_S + 3600};
        o->issuer[i] = i == 0 ? 0 : i - 1;
    }
}

static void own_build(own *o)
{
    for (size_t i = 0; i <= BUNDLE; i++) {
        cf_buf_clear(&o->certs[i]);
        assert_ok(cf_cert_make(&o->specs[i], cf_dh_public_view(cf_dh_public_of(o->keys[i])),
                               o->keys[o->issuer[i]], &o->certs[i]));
    }
}

static cf_result own_judge(own *o, uint64_t at_ms, size_t skip, cf_chain_verdict *ret_verdict)
{
    cf_view bundle[BUNDLE];
    size_t n = 0;
    for (size_t i = 0; i < BUNDLE; i++) {
        if (i != skip) {
            bundle[n] = cf_buf_view(&o->certs[i]);
            n++;
        }
    }
    cf_dh_public pub;
    cf_view leaf = cf_buf_view(&o->certs[BUNDLE]);
    cf_result r =
        cf_chain_judge(cf_buf_view(&o->certs[0]), bundle, n, leaf, at_ms, ret_verdict, &pub);
    assert_int_equal(cf_is_ok(r), ret_verdict->fault == CF_CHAIN_HOLDS);
    if (cf_is_ok(r)) {
        assert_true(library_agrees(bundle, n, leaf, at_ms));
        assert_view(cf_dh_public_view(&pub), cf_dh_public_view(cf_dh_public_of(o->keys[BUNDLE])));
    }
    return r;
}

static cf_result own_check(own *o, uint64_t at_ms, size_t skip)
{
    cf_chain_verdict verdict;
    return own_judge(o, at_ms, skip, &verdict);
}

static cf_result own_verify(own *o, uint64_t at_ms, size_t skip)
{
    own_build(o);
    return own_check(o, at_ms, skip);
}

static void test_own(void **state)
{
    (void)state;
    CF_AUTO(own_clear) own o = {0};
    own_init(&o);
    assert_ok(own_verify(&o, DURING_MS, SIZE_MAX));
    /* validity, to the second, at both ends */
    assert_ok(own_verify(&o, (uint64_t)START_S * 1000, SIZE_MAX));
    assert_err(own_verify(&o, (uint64_t)START_S * 1000 - 1, SIZE_MAX), CHAIN);
    assert_ok(own_verify(&o, (uint64_t)(START_S + 3600) * 1000 - 1, SIZE_MAX));
    assert_err(own_verify(&o, (uint64_t)(START_S + 3600) * 1000, SIZE_MAX), CHAIN);
    /* a certificate is missing */
    for (size_t i = 1; i < BUNDLE; i++) {
        assert_err(own_verify(&o, DURING_MS, i), CHAIN);
    }
}

static void test_own_altered(void **state)
{
    (void)state;
    enum { NAME, CASE, PATH, LEAF_IS_CA, CA_IS_LEAF, SIGNER, EXPIRED, FUTURE, KINDS };
    static const cf_chain_verdict verdicts[KINDS] = {
        [NAME] = {CF_CHAIN_NAME, 3},        [CASE] = {CF_CHAIN_NAME, 3},
        [PATH] = {CF_CHAIN_PATH_LENGTH, 1}, [LEAF_IS_CA] = {CF_CHAIN_CA, 4},
        [CA_IS_LEAF] = {CF_CHAIN_CA, 2},    [SIGNER] = {CF_CHAIN_SIGNATURE, 4},
        [EXPIRED] = {CF_CHAIN_EXPIRED, 2},  [FUTURE] = {CF_CHAIN_NOT_YET, 0},
    };
    for (int kind = 0; kind < KINDS; kind++) {
        CF_AUTO(own_clear) own o = {0};
        own_init(&o);
        switch (kind) {
        case NAME:
            o.specs[3].issuer_cn = CF_LIT("zonaL2");
            break;
        case CASE: /* the library folds case; octets do not */
            o.specs[3].issuer_cn = CF_LIT("ZONAL");
            break;
        case PATH:
            o.specs[1].path_len = 1; /* two CAs follow */
            break;
        case LEAF_IS_CA:
            o.specs[4].path_len = 0;
            break;
        case CA_IS_LEAF:
            o.specs[2].path_len = -1;
            break;
        case SIGNER:
            o.issuer[4] = 2;
            break;
        case EXPIRED:
            o.specs[2].not_after_s = START_S + 50;
            break;
        default:
            o.specs[0].not_before_s = START_S + 200;
            break;
        }
        own_build(&o);
        cf_chain_verdict v;
        cf_result r = own_judge(&o, DURING_MS, SIZE_MAX, &v);
        if (r.code != CF_ERR_CHAIN || v.fault != verdicts[kind].fault ||
            v.at != verdicts[kind].at) {
            fail_msg("kind %d: %s, fault %d of %zu", kind, cf_err_code(r.code), v.fault, v.at);
        }
    }
}

static void drop_extension(X509 *cert, int nid)
{
    int at = X509_get_ext_by_NID(cert, nid, -1);
    assert_true(at >= 0);
    X509_EXTENSION_free(X509_delete_ext(cert, at));
}

static void change_key(X509 *cert)
{
    CF_AUTO(cf_dh_free) cf_dh_key *k = NULL;
    CF_BUF(spki);
    assert_ok(cf_dh_generate(CF_P256, &k));
    assert_ok(cf_dh_public_to_spki(CF_P256, cf_dh_public_view(cf_dh_public_of(k)), &spki));
    const uint8_t *at = spki.data;
    EVP_PKEY *pkey = d2i_PUBKEY(NULL, &at, (long)spki.len);
    assert_int_equal(X509_set_pubkey(cert, pkey), 1);
    EVP_PKEY_free(pkey);
}

/* Certificates that cf_cert_make does not make, each signed as it should be. */
enum remake {
    SAME,
    P256_KEY,
    SHA256_SIGNATURE,
    NO_KEY_USAGE,
    NO_CONSTRAINTS,
    NO_SIGNING_USAGE,
    UNKNOWN_CRITICAL,
    UNKNOWN_PLAIN
};

static void alter(X509 *cert, enum remake how)
{
    ASN1_OBJECT *oid = OBJ_txt2obj("1.3.6.1.4.1.99999.1", 1);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    assert_int_equal(ASN1_OCTET_STRING_set(value, (const uint8_t *)"\x05", 2), 1);
    X509_EXTENSION *unknown =
        X509_EXTENSION_create_by_OBJ(NULL, oid, how == UNKNOWN_CRITICAL, value);
    ASN1_BIT_STRING *usage = ASN1_BIT_STRING_new();
    switch (how) {
    case SAME:
    case SHA256_SIGNATURE:
        break;
    case P256_KEY:
        change_key(cert);
        break;
    case NO_KEY_USAGE:
        drop_extension(cert, NID_key_usage);
        break;
    case NO_CONSTRAINTS:
        drop_extension(cert, NID_basic_constraints);
        break;
    case NO_SIGNING_USAGE: /* cRLSign alone */
        drop_extension(cert, NID_key_usage);
        assert_int_equal(ASN1_BIT_STRING_set_bit(usage, 6, 1), 1);
        assert_int_equal(X509_add1_ext_i2d(cert, NID_key_usage, usage, 1, 0), 1);
        break;
    case UNKNOWN_CRITICAL:
    case UNKNOWN_PLAIN:
        assert_int_equal(X509_add_ext(cert, unknown, -1), 1);
        break;
    }
    ASN1_BIT_STRING_free(usage);
    X509_EXTENSION_free(unknown);
    ASN1_OCTET_STRING_free(value);
    ASN1_OBJECT_free(oid);
}

static void remake(cf_buf *der, const cf_dh_key *issuer, enum remake how)
{
    CF_BUF(pkcs8);
    const uint8_t *at = der->data;
    X509 *cert = d2i_X509(NULL, &at, (long)der->len);
    assert_non_null(cert);
    alter(cert, how);
    assert_ok(cf_dh_to_pkcs8(issuer, &pkcs8));
    at = pkcs8.data;
    EVP_PKEY *pkey = d2i_AutoPrivateKey(NULL, &at, (long)pkcs8.len);
    assert_non_null(pkey);
    assert_true(X509_sign(cert, pkey, how == SHA256_SIGNATURE ? EVP_sha256() : EVP_sha384()) > 0);
    uint8_t *out = NULL;
    int len = i2d_X509(cert, &out);
    assert_true(len > 0);
    assert_ok(cf_buf_set(der, cf_view_make(out, (size_t)len)));
    OPENSSL_free(out);
    EVP_PKEY_free(pkey);
    X509_free(cert);
}

static void test_remade(void **state)
{
    (void)state;
    static const struct {
        size_t which;
        enum remake how;
        cf_err err;
        cf_chain_fault fault;
    } rows[] = {
        {4, SAME, CF_OK, CF_CHAIN_HOLDS},
        {4, P256_KEY, CF_ERR_KEY, CF_CHAIN_KEY},
        {4, SHA256_SIGNATURE, CF_ERR_CHAIN, CF_CHAIN_ALGORITHM},
        {4, NO_KEY_USAGE, CF_OK, CF_CHAIN_HOLDS},
        {4, NO_CONSTRAINTS, CF_OK, CF_CHAIN_HOLDS},
        {4, NO_SIGNING_USAGE, CF_ERR_CHAIN, CF_CHAIN_CA},
        {4, UNKNOWN_CRITICAL, CF_ERR_CHAIN, CF_CHAIN_CRITICAL},
        {4, UNKNOWN_PLAIN, CF_OK, CF_CHAIN_HOLDS},
        {3, SAME, CF_OK, CF_CHAIN_HOLDS},
        {3, SHA256_SIGNATURE, CF_ERR_CHAIN, CF_CHAIN_ALGORITHM},
        {3, P256_KEY, CF_ERR_CHAIN, CF_CHAIN_KEY},
        {3, NO_KEY_USAGE, CF_ERR_CHAIN, CF_CHAIN_CA},
        {3, NO_CONSTRAINTS, CF_ERR_CHAIN, CF_CHAIN_CA},
        {3, NO_SIGNING_USAGE, CF_ERR_CHAIN, CF_CHAIN_CA},
        {3, UNKNOWN_CRITICAL, CF_ERR_CHAIN, CF_CHAIN_CRITICAL},
        {2, NO_CONSTRAINTS, CF_ERR_CHAIN, CF_CHAIN_CA},
        {0, SAME, CF_OK, CF_CHAIN_HOLDS},
        {0, NO_CONSTRAINTS, CF_ERR_CHAIN, CF_CHAIN_CA},
        {0, NO_SIGNING_USAGE, CF_ERR_CHAIN, CF_CHAIN_CA},
        {0, SHA256_SIGNATURE, CF_ERR_CHAIN, CF_CHAIN_ALGORITHM},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CF_AUTO(own_clear) own o = {0};
        own_init(&o);
        own_build(&o);
        size_t which = rows[i].which;
        remake(&o.certs[which], o.keys[o.issuer[which]], rows[i].how);
        cf_chain_verdict v;
        cf_result r = own_judge(&o, DURING_MS, SIZE_MAX, &v);
        if (r.code != rows[i].err || v.fault != rows[i].fault ||
            (v.fault != CF_CHAIN_HOLDS && v.at != which)) {
            fail_msg("row %zu: %s, fault %d of %zu", i, cf_err_code(r.code), v.fault, v.at);
        }
    }
}

/* The certificate with an unknown extension of so many octets, signed again; returns its length. */
static size_t grow(const cf_buf *der, const cf_dh_key *issuer, size_t octets, cf_buf *ret)
{
    static uint8_t zeros[2 * CF_CERT_BYTES_MAX];
    CF_BUF(pkcs8);
    const uint8_t *at = der->data;
    X509 *cert = d2i_X509(NULL, &at, (long)der->len);
    assert_non_null(cert);
    ASN1_OBJECT *oid = OBJ_txt2obj("1.3.6.1.4.1.99999.1", 1);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    assert_true(octets <= sizeof zeros);
    assert_int_equal(ASN1_OCTET_STRING_set(value, zeros, (int)octets), 1);
    X509_EXTENSION *extension = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, value);
    assert_int_equal(X509_add_ext(cert, extension, -1), 1);
    assert_ok(cf_dh_to_pkcs8(issuer, &pkcs8));
    at = pkcs8.data;
    EVP_PKEY *pkey = d2i_AutoPrivateKey(NULL, &at, (long)pkcs8.len);
    assert_true(X509_sign(cert, pkey, EVP_sha384()) > 0);
    uint8_t *out = NULL;
    int len = i2d_X509(cert, &out);
    assert_true(len > 0);
    assert_ok(cf_buf_set(ret, cf_view_make(out, (size_t)len)));
    OPENSSL_free(out);
    EVP_PKEY_free(pkey);
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(value);
    ASN1_OBJECT_free(oid);
    X509_free(cert);
    return (size_t)len;
}

/* The length of a signature varies, so a length is met after some tries. */
static void test_certificate_limit(void **state)
{
    (void)state;
    enum { TRIES = 200 };
    CF_AUTO(own_clear) own o = {0};
    CF_BUF(small);
    own_init(&o);
    own_build(&o);
    assert_ok(cf_buf_append(&small, cf_buf_view(&o.certs[BUNDLE])));
    for (size_t want = CF_CERT_BYTES_MAX - 1; want <= CF_CERT_BYTES_MAX + 1; want++) {
        size_t octets = want - small.len - 20, len = 0;
        for (int i = 0; i < TRIES && len != want; i++) {
            len = grow(&small, o.keys[BUNDLE - 1], octets, &o.certs[BUNDLE]);
            octets = octets + want - len;
        }
        assert_int_equal(len, want);
        assert_code(own_check(&o, DURING_MS, SIZE_MAX),
                    want <= CF_CERT_BYTES_MAX ? CF_OK : CF_ERR_CHAIN);
    }
}

/* One CA less than the limit, at it, and one more. */
static void test_bundle_limit(void **state)
{
    (void)state;
    CF_AUTO(cf_dh_free) cf_dh_key *k = NULL;
    cf_buf certs[CF_CHAIN_CERTS_MAX + 1] = {CF_BUF_EMPTY};
    cf_view bundle[CF_CHAIN_CERTS_MAX + 1];
    assert_ok(cf_dh_generate(CF_P384, &k));
    cf_view pub = cf_dh_public_view(cf_dh_public_of(k));
    char names[CF_CHAIN_CERTS_MAX + 2][2] = {{0}};
    for (size_t i = 0; i <= CF_CHAIN_CERTS_MAX; i++) {
        names[i][0] = (char)('a' + (int)i);
        cf_cert_spec spec = {.subject_cn = cf_view_str(names[i]),
                             .issuer_cn = i == 0 ? CF_VIEW_EMPTY : cf_view_str(names[i - 1]),
                             .path_len = 20,
                             .not_before_s = START_S,
                             .not_after_s = START_S + 3600};
        assert_ok(cf_cert_make(&spec, pub, k, &certs[i]));
        bundle[i] = cf_buf_view(&certs[i]);
    }
    for (size_t n = CF_CHAIN_CERTS_MAX - 1; n <= CF_CHAIN_CERTS_MAX + 1; n++) {
        CF_BUF(leaf);
        cf_dh_public got;
        cf_cert_spec spec = {.subject_cn = CF_LIT("leaf"),
                             .issuer_cn = cf_view_str(names[n - 1]),
                             .path_len = -1,
                             .not_before_s = START_S,
                             .not_after_s = START_S + 3600};
        assert_ok(cf_cert_make(&spec, pub, k, &leaf));
        cf_result r = cf_chain_verify(bundle[0], bundle, n, cf_buf_view(&leaf), DURING_MS, &got);
        assert_code(r, n <= CF_CHAIN_CERTS_MAX ? CF_OK : CF_ERR_CHAIN);
    }
    for (size_t i = 0; i <= CF_CHAIN_CERTS_MAX; i++) {
        cf_buf_free(&certs[i]);
    }
}

static void test_cert_contract(void **state)
{
    (void)state;
    CF_AUTO(cf_dh_free) cf_dh_key *k = NULL, *p256 = NULL;
    CF_BUF(out);
    assert_ok(cf_dh_generate(CF_P384, &k));
    assert_ok(cf_dh_generate(CF_P256, &p256));
    cf_view pub = cf_dh_public_view(cf_dh_public_of(k));
    static const char name[] =
        "0123456789012345678901234567890123456789012345678901234567890123456789";
    cf_cert_spec spec = {.subject_cn = cf_view_make(name, CF_CERT_CN_BYTES_MAX),
                         .path_len = -1,
                         .not_before_s = START_S,
                         .not_after_s = START_S};
    assert_ok(cf_cert_make(&spec, pub, k, &out));
    cf_buf_clear(&out);
    spec.subject_cn.len = CF_CERT_CN_BYTES_MAX + 1;
    assert_err(cf_cert_make(&spec, pub, k, &out), ARGUMENT);
    spec.subject_cn.len = 0;
    assert_err(cf_cert_make(&spec, pub, k, &out), ARGUMENT);
    spec.subject_cn = CF_LIT("\xFF");
    assert_err(cf_cert_make(&spec, pub, k, &out), ARGUMENT);
    spec.subject_cn = CF_LIT("n");
    spec.not_after_s = START_S - 1;
    assert_err(cf_cert_make(&spec, pub, k, &out), ARGUMENT);
    spec.not_after_s = INT64_C(253402300800); /* year 10000 */
    assert_err(cf_cert_make(&spec, pub, k, &out), ARGUMENT);
    spec.not_after_s = INT64_C(253402300799);
    spec.not_before_s = -1;
    assert_err(cf_cert_make(&spec, pub, k, &out), ARGUMENT);
    spec.not_before_s = 0;
    assert_err(cf_cert_make(&spec, pub, p256, &out), KEY);
    assert_err(cf_cert_make(&spec, cf_dh_public_view(cf_dh_public_of(p256)), k, &out), KEY);
    assert_int_equal(out.len, 0);
    assert_ok(cf_cert_make(&spec, pub, k, &out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_genuine),      cmocka_unit_test(test_self_signed),
        cmocka_unit_test(test_own),          cmocka_unit_test(test_own_altered),
        cmocka_unit_test(test_remade),       cmocka_unit_test(test_certificate_limit),
        cmocka_unit_test(test_bundle_limit), cmocka_unit_test(test_cert_contract),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
