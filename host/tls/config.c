/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "host/tls/lib_priv.h"
#include "sys/tls/protocol.h"

static void free_x509(X509 **x)
{
    X509_free(*x);
}

static void free_key(EVP_PKEY **k)
{
    EVP_PKEY_free(*k);
}

static void free_bio(BIO **b)
{
    (void)BIO_free(*b);
}

/* A block that is encrypted would otherwise be asked for on a terminal. */
static int no_password(char *buf, int size, int rwflag, void *ctx)
{
    (void)buf;
    (void)size;
    (void)rwflag;
    (void)ctx;
    return -1;
}

/* The next certificate of the text; NULL at its end. */
static cf_result next_certificate(BIO *text, X509 **ret)
{
    ERR_clear_error();
    *ret = PEM_read_bio_X509(text, NULL, no_password, NULL);
    bool at_end = *ret == NULL && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    return *ret != NULL || at_end ? cf_ok() : cf_fail(CF_ERR_MALFORMED);
}

static cf_result use_chain(SSL_CTX *ctx, cf_view pem)
{
    CF_REQUIRE(pem.len <= CF_TLS_SERVER_PEM_BYTES_MAX, SIZE);
    CF_REQUIRE(pem.len > 0, EMPTY);
    CF_AUTO(free_bio) BIO *text = BIO_new_mem_buf(pem.data, (int)pem.len);
    CF_REQUIRE(text != NULL, NO_MEMORY);
    for (size_t n = 0;; n++) {
        CF_AUTO(free_x509) X509 *cert = NULL;
        CF_TRY(next_certificate(text, &cert));
        if (cert == NULL) {
            CF_REQUIRE(n > 0, EMPTY);
            return cf_ok();
        }
        CF_REQUIRE(n < CF_TLS_SERVER_CERTIFICATES_MAX, SIZE);
        bool ok = n == 0 ? SSL_CTX_use_certificate(ctx, cert) == 1
                         : SSL_CTX_add1_chain_cert(ctx, cert) == 1;
        CF_REQUIRE(ok, MALFORMED);
    }
}

static bool is_usable(const EVP_PKEY *key)
{
    int kind = EVP_PKEY_id(key);
    return kind == EVP_PKEY_EC ||
           (kind == EVP_PKEY_RSA && EVP_PKEY_bits(key) >= CF_TLS_SERVER_RSA_BITS_MIN);
}

static cf_result use_key(SSL_CTX *ctx, cf_view pem, const char **ret_why)
{
    CF_REQUIRE(pem.len <= CF_TLS_SERVER_PEM_BYTES_MAX, SIZE);
    CF_REQUIRE(pem.len > 0, KEY);
    CF_AUTO(free_bio) BIO *text = BIO_new_mem_buf(pem.data, (int)pem.len);
    CF_REQUIRE(text != NULL, NO_MEMORY);
    CF_AUTO(free_key) EVP_PKEY *key = PEM_read_bio_PrivateKey(text, NULL, no_password, NULL);
    CF_REQUIRE(key != NULL && is_usable(key), KEY);
    if (SSL_CTX_use_PrivateKey(ctx, key) != 1 || SSL_CTX_check_private_key(ctx) != 1) {
        *ret_why = "key_of_another";
        return cf_fail(CF_ERR_KEY);
    }
    return cf_ok();
}

/* HTTP/1.1 where the client offers anything at all. */
static int choose_protocol(SSL *ssl, const uint8_t **ret, uint8_t *ret_len, const uint8_t *offered,
                           unsigned offered_len, void *ctx)
{
    (void)ssl;
    (void)ctx;
    cf_view want = CF_LIT(CF_TLS_ALPN);
    for (size_t at = 0; at < offered_len; at += (size_t)offered[at] + 1) {
        cf_view left = cf_view_make(offered + at, offered_len - at);
        if (left.len >= want.len && cf_view_eq(cf_view_sub(left, 0, want.len), want)) {
            *ret = left.data + 1;
            *ret_len = (uint8_t)(want.len - 1);
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static bool set_protocol(SSL_CTX *ctx)
{
    (void)SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
                                       SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                       SSL_OP_CLEANSE_PLAINTEXT);
    (void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_mode(ctx, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
    bool groups = SSL_CTX_set1_groups_list(ctx, CF_TLS_GROUPS_HYBRID) == 1 ||
                  SSL_CTX_set1_groups_list(ctx, CF_TLS_GROUPS) == 1;
    ERR_clear_error();
    /* Without the number of tickets OpenSSL sends them for 1.3 all the same. */
    return groups && SSL_CTX_set_num_tickets(ctx, 0) == 1 &&
           SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(ctx, CF_TLS_SUITES_12) == 1 &&
           SSL_CTX_set_ciphersuites(ctx, CF_TLS_SUITES_13) == 1 &&
           SSL_CTX_set1_sigalgs_list(ctx, CF_TLS_SIGNATURES) == 1;
}

static const char *why_of(cf_err err)
{
    switch ((int)err) {
    case CF_ERR_EMPTY:
        return "no_certificate";
    case CF_ERR_MALFORMED:
        return "bad_certificate";
    case CF_ERR_SIZE:
        return "too_large";
    case CF_ERR_KEY:
        return "bad_key";
    default:
        return "";
    }
}

static cf_result fill(cf_tls_server *s, cf_view chain, cf_view key, const char **ret_why)
{
    s->ctx = SSL_CTX_new(TLS_server_method());
    s->socket = cf_tls_server_socket_new();
    CF_REQUIRE(s->ctx != NULL && s->socket != NULL, NO_MEMORY);
    CF_REQUIRE(set_protocol(s->ctx), CRYPTO);
    CF_TRY(use_chain(s->ctx, chain));
    return use_key(s->ctx, key, ret_why);
}

CF_MUST_USE cf_result cf_tls_server_new(cf_view chain, cf_view key, cf_tls_server **ret,
                                        const char **ret_why)
{
    *ret = NULL;
    *ret_why = "";
    CF_AUTO(cf_tls_server_free) cf_tls_server *s = cf_mem_new(1, sizeof *s);
    CF_REQUIRE(s != NULL, NO_MEMORY);
    cf_result r = fill(s, chain, key, ret_why);
    ERR_clear_error();
    if (!cf_is_ok(r)) {
        *ret_why = **ret_why == '\0' ? why_of(r.code) : *ret_why;
        return r;
    }
    *ret = s;
    s = NULL;
    return cf_ok();
}

void cf_tls_server_free(cf_tls_server **server)
{
    cf_tls_server *s = *server;
    if (s != NULL) {
        SSL_CTX_free(s->ctx);
        BIO_meth_free(s->socket);
        cf_mem_free(s);
        *server = NULL;
    }
}
