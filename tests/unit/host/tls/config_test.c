/* SPDX-License-Identifier: Apache-2.0 */
/* Which certificates and keys a server takes, and what it says of others. */
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "host/tls/server.h"
#include "tests/support/failmalloc.h"
#include "tests/support/test.h"
#include "tests/support/tls_peer.h"

static cf_buf chain, key, other_chain, other_key;

static int make_pems(void **state)
{
    (void)state;
    tls_peer_server(&chain, &key);
    tls_peer_server(&other_chain, &other_key);
    return 0;
}

static int free_pems(void **state)
{
    (void)state;
    cf_buf *const all[] = {&chain, &key, &other_chain, &other_key};
    for (size_t i = 0; i < 4; i++) {
        cf_buf_free(all[i]);
    }
    return 0;
}

static cf_result make(cf_view c, cf_view k, const char **ret_why)
{
    cf_tls_server *s = NULL;
    cf_result r = cf_tls_server_new(c, k, &s, ret_why);
    assert_true(cf_is_ok(r) == (s != NULL));
    cf_tls_server_free(&s);
    assert_null(s);
    return r;
}

#define assert_refused(c, k, err, text)                                                            \
    do {                                                                                           \
        const char *why_ = NULL;                                                                   \
        assert_err(make((c), (k), &why_), err);                                                    \
        assert_string_equal(why_, (text));                                                         \
    } while (0)

static void append(cf_buf *b, cf_view v)
{
    assert_ok(cf_buf_append(b, v));
}

static void test_good(void **state)
{
    (void)state;
    const char *why = NULL;
    assert_ok(make(cf_buf_view(&chain), cf_buf_view(&key), &why));
    assert_string_equal(why, "");
    /* All in one text, with words between, and in either order. */
    for (int order = 0; order < 2; order++) {
        CF_BUF(both);
        append(&both, cf_buf_view(order == 0 ? &chain : &key));
        append(&both, CF_LIT("some words\n"));
        append(&both, cf_buf_view(order == 0 ? &key : &chain));
        assert_ok(make(cf_buf_view(&both), cf_buf_view(&both), &why));
    }
}

static void test_bad_chain(void **state)
{
    (void)state;
    cf_view k = cf_buf_view(&key);
    assert_refused(CF_VIEW_EMPTY, k, EMPTY, "no_certificate");
    assert_refused(CF_LIT("no certificate\n"), k, EMPTY, "no_certificate");
    assert_refused(k, k, EMPTY, "no_certificate");
    /* Cut anywhere, and what is no base64 of a certificate. */
    for (size_t cut = 28; cut < chain.len - 1; cut += 37) {
        const char *why = NULL;
        cf_result r = make(cf_view_sub(cf_buf_view(&chain), 0, cut), k, &why);
        assert_true(!cf_is_ok(r) && *why != '\0');
    }
    assert_refused(CF_LIT("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"), k,
                   MALFORMED, "bad_certificate");
    /* Good, and behind it one that is not. */
    CF_BUF(mixed);
    append(&mixed, cf_buf_view(&chain));
    append(&mixed, CF_LIT("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"));
    assert_refused(cf_buf_view(&mixed), k, MALFORMED, "bad_certificate");
}

static void test_limits(void **state)
{
    (void)state;
    const char *why = NULL;
    for (int extra = -1; extra <= 1; extra++) {
        CF_BUF(many);
        append(&many, cf_buf_view(&chain));
        for (int i = 1; i < CF_TLS_SERVER_CERTIFICATES_MAX + extra; i++) {
            append(&many, cf_buf_view(&other_chain));
        }
        cf_result r = make(cf_buf_view(&many), cf_buf_view(&key), &why);
        assert_code(r, extra > 0 ? CF_ERR_SIZE : CF_OK);
        assert_string_equal(why, extra > 0 ? "too_large" : "");
    }
    for (int which = 0; which < 2; which++) {
        for (int extra = -1; extra <= 1; extra++) {
            CF_BUF(large);
            append(&large, cf_buf_view(which == 0 ? &chain : &key));
            while (large.len < (size_t)(CF_TLS_SERVER_PEM_BYTES_MAX + extra)) {
                append(&large, CF_LIT("\n"));
            }
            cf_view c = cf_buf_view(which == 0 ? &large : &chain);
            cf_view k = cf_buf_view(which == 1 ? &large : &key);
            assert_code(make(c, k, &why), extra > 0 ? CF_ERR_SIZE : CF_OK);
            assert_string_equal(why, extra > 0 ? "too_large" : "");
        }
    }
}

/* A new key as PEM, encrypted when there is a password. */
static void put_key(EVP_PKEY *k, const char *password, cf_buf *out)
{
    char *text = NULL;
    BIO *pem = BIO_new(BIO_s_mem());
    assert_non_null(pem);
    assert_int_equal(PEM_write_bio_PKCS8PrivateKey(pem, k, password ? EVP_aes_128_cbc() : NULL,
                                                   NULL, 0, NULL, (void *)(uintptr_t)password),
                     1);
    long len = BIO_get_mem_data(pem, &text);
    append(out, cf_view_make(text, (size_t)len));
    BIO_free(pem);
}

static EVP_PKEY *make_key(int kind, int bits)
{
    EVP_PKEY *k = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(kind, NULL);
    assert_true(ctx != NULL && EVP_PKEY_keygen_init(ctx) == 1);
    assert_true(kind != EVP_PKEY_RSA || EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, bits) == 1);
    assert_int_equal(EVP_PKEY_keygen(ctx, &k), 1);
    EVP_PKEY_CTX_free(ctx);
    return k;
}

/* Signed by itself. */
static void put_certificate(EVP_PKEY *k, cf_buf *out)
{
    char *text = NULL;
    X509 *cert = X509_new();
    BIO *pem = BIO_new(BIO_s_mem());
    assert_true(cert != NULL && pem != NULL);
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    assert_true(X509_set_pubkey(cert, k) == 1 &&
                X509_sign(cert, k, EVP_PKEY_id(k) == EVP_PKEY_ED25519 ? NULL : EVP_sha256()) > 0);
    assert_int_equal(PEM_write_bio_X509(pem, cert), 1);
    long len = BIO_get_mem_data(pem, &text);
    append(out, cf_view_make(text, (size_t)len));
    BIO_free(pem);
    X509_free(cert);
}

static void test_bad_key(void **state)
{
    (void)state;
    cf_view c = cf_buf_view(&chain);
    assert_refused(c, CF_VIEW_EMPTY, KEY, "bad_key");
    assert_refused(c, c, KEY, "bad_key");
    assert_refused(c,
                   CF_LIT("-----BEGIN "
                          "PRIVATE KEY-----\nMAA=\n-----END "
                          "PRIVATE KEY-----\n"),
                   KEY, "bad_key");
    assert_refused(c, cf_view_sub(cf_buf_view(&key), 0, key.len / 2), KEY, "bad_key");
    assert_refused(c, cf_buf_view(&other_key), KEY, "key_of_another");
    /* Encrypted: nobody is asked for the password. */
    CF_BUF(encrypted);
    EVP_PKEY *k = EVP_PKEY_new();
    BIO *text = BIO_new_mem_buf(key.data, (int)key.len);
    assert_non_null(PEM_read_bio_PrivateKey(text, &k, NULL, NULL));
    put_key(k, "password", &encrypted);
    assert_refused(c, cf_buf_view(&encrypted), KEY, "bad_key");
    BIO_free(text);
    EVP_PKEY_free(k);
}

/* Kinds of keys, each with a certificate of its own. */
static void test_kinds(void **state)
{
    (void)state;
    static const struct {
        int kind, bits;
        const char *why;
    } rows[] = {
        {EVP_PKEY_RSA, CF_TLS_SERVER_RSA_BITS_MIN, ""},
        {EVP_PKEY_RSA, CF_TLS_SERVER_RSA_BITS_MIN + 8, ""},
        {EVP_PKEY_RSA, CF_TLS_SERVER_RSA_BITS_MIN - 8, "bad_key"},
        {EVP_PKEY_ED25519, 0, "bad_key"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CF_BUF(c);
        CF_BUF(k);
        const char *why = NULL;
        EVP_PKEY *made = make_key(rows[i].kind, rows[i].bits);
        put_certificate(made, &c);
        put_key(made, NULL, &k);
        cf_result r = make(cf_buf_view(&c), cf_buf_view(&k), &why);
        /* Libraries have bounds of their own for the keys of certificates. */
        if (strcmp(why, "bad_certificate") != 0) {
            assert_string_equal(why, rows[i].why);
        }
        assert_true(cf_is_ok(r) == (rows[i].why[0] == '\0'));
        EVP_PKEY_free(made);
    }
}

/* No block that is freed still holds the key: neither its text, nor its number, in either order of octets. */
static void test_key_is_wiped(void **state)
{
    (void)state;
    uint8_t der[256], *end = der, forward[32], backward[32];
    BIO *text = BIO_new_mem_buf(key.data, (int)key.len);
    EVP_PKEY *k = PEM_read_bio_PrivateKey(text, NULL, NULL, NULL);
    assert_non_null(k);
    assert_in_range(i2d_PrivateKey(k, NULL), 39, sizeof der);
    (void)i2d_PrivateKey(k, &end);
    EVP_PKEY_free(k);
    BIO_free(text);
    /* SEQUENCE { INTEGER 1, OCTET STRING of 32 } */
    assert_true(der[2] == 2 && der[5] == 4 && der[6] == 32);
    for (size_t i = 0; i < 32; i++) {
        forward[i] = backward[31 - i] = der[7 + i];
    }
    const cf_view secrets[] = {CF_VIEW_OF(forward), CF_VIEW_OF(backward),
                               cf_view_sub(cf_buf_view(&key), 60, 40)};
    for (size_t i = 0; i < 3; i++) {
        const char *why;
        (void)failmalloc_watch(secrets[i]);
        cf_result r = make(cf_buf_view(&chain), cf_buf_view(&key), &why);
        cf_result refused = make(cf_buf_view(&other_chain), cf_buf_view(&key), &why);
        assert_int_equal(failmalloc_watch(CF_VIEW_EMPTY), 0);
        assert_ok(r);
        assert_err(refused, KEY);
    }
}

static cf_result make_once(void *ctx)
{
    (void)ctx;
    const char *why;
    return make(cf_buf_view(&chain), cf_buf_view(&key), &why);
}

/* The library says of most what it could not do, not that it was for want of memory. */
static void test_failing_allocations(void **state)
{
    (void)state;
    assert_ok(make_once(NULL));
    assert_ok(make_once(NULL));
    long live = failmalloc_live();
    cf_result r = cf_fail(CF_ERR_NO_MEMORY);
    size_t n = 1;
    for (; !cf_is_ok(r); n++) {
        failmalloc_set(n);
        r = make_once(NULL);
        failmalloc_set(0);
        assert_true(n < 100000);
    }
    assert_true(failmalloc_live() <= live + 2); /* what the library keeps for the thread's errors */
    assert_true(n > 1);                         /* of a shared library they are not seen */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad_chain),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_bad_key),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_key_is_wiped),
        cmocka_unit_test(test_failing_allocations),
    };
    return cmocka_run_group_tests_name("host/tls/config", tests, make_pems, free_pems);
}
