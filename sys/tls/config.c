/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "sys/tls/lib_priv.h"
#include "sys/tls/protocol.h"
#include "sys/tls/roots.inc"

cf_err cf_tls_lib_error(cf_err err)
{
    while (ERR_peek_error() != 0) {
        if (ERR_GET_REASON(ERR_peek_error()) == ERR_R_MALLOC_FAILURE) {
            err = CF_ERR_NO_MEMORY;
        }
        (void)ERR_get_error();
    }
    return err;
}

static void free_x509(X509 **x)
{
    X509_free(*x);
}

static void free_bio(BIO **b)
{
    (void)BIO_free(*b);
}

static cf_result trust(SSL_CTX *ctx, X509 *root)
{
    bool ok = X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), root) == 1;
    return ok ? cf_ok() : cf_fail(cf_tls_lib_error(CF_ERR_CRYPTO));
}

static cf_result trust_built_in(SSL_CTX *ctx)
{
    for (size_t i = 0; i < sizeof built_in_roots / sizeof *built_in_roots; i++) {
        const uint8_t *at = built_in_roots[i].data;
        CF_AUTO(free_x509) X509 *root = d2i_X509(NULL, &at, (long)built_in_roots[i].len);
        CF_REQUIRE(root != NULL, NO_MEMORY);
        CF_TRY(trust(ctx, root));
    }
    return cf_ok();
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
static cf_result next_root(BIO *text, X509 **ret)
{
    ERR_clear_error();
    *ret = PEM_read_bio_X509(text, NULL, no_password, NULL);
    if (*ret == NULL) {
        bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
        cf_err err = cf_tls_lib_error(CF_ERR_MALFORMED);
        return at_end && err != CF_ERR_NO_MEMORY ? cf_ok() : cf_fail(err);
    }
    return cf_ok();
}

static cf_result trust_text(SSL_CTX *ctx, cf_view roots)
{
    CF_REQUIRE(roots.len <= CF_TLS_ROOTS_BYTES_MAX, SIZE);
    CF_AUTO(free_bio) BIO *text = BIO_new_mem_buf(roots.data, (int)roots.len);
    CF_REQUIRE(text != NULL, NO_MEMORY);
    for (size_t n = 0;; n++) {
        CF_AUTO(free_x509) X509 *root = NULL;
        CF_TRY(next_root(text, &root));
        if (root == NULL) {
            CF_REQUIRE(n > 0, EMPTY);
            return cf_ok();
        }
        CF_REQUIRE(n < CF_TLS_ROOTS_MAX, SIZE);
        CF_TRY(trust(ctx, root));
    }
}

static bool set_protocol(SSL_CTX *ctx)
{
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_depth(param, CF_TLS_DEPTH_MAX);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_max_cert_list(ctx, CF_TLS_CHAIN_BYTES_MAX);
    (void)SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
                                       SSL_OP_NO_RENEGOTIATION | SSL_OP_CLEANSE_PLAINTEXT);
    (void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    bool groups = SSL_CTX_set1_groups_list(ctx, CF_TLS_GROUPS_HYBRID) == 1 ||
                  SSL_CTX_set1_groups_list(ctx, CF_TLS_GROUPS) == 1;
    ERR_clear_error();
    return groups && X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_TRUSTED_FIRST) == 1 &&
           SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(ctx, CF_TLS_SUITES_12) == 1 &&
           SSL_CTX_set_ciphersuites(ctx, CF_TLS_SUITES_13) == 1 &&
           SSL_CTX_set1_sigalgs_list(ctx, CF_TLS_SIGNATURES) == 1 &&
           SSL_CTX_set_alpn_protos(ctx, (const uint8_t *)CF_TLS_ALPN, CF_TLS_ALPN_BYTES) == 0;
}

CF_MUST_USE cf_result cf_tls_config_new(cf_view roots, cf_tls_config **ret)
{
    *ret = NULL;
    CF_AUTO(cf_tls_config_free) cf_tls_config *c = cf_mem_new(1, sizeof *c);
    CF_REQUIRE(c != NULL, NO_MEMORY);
    c->ctx = SSL_CTX_new(TLS_client_method());
    c->stream = cf_tls_stream_new();
    if (c->ctx == NULL || c->stream == NULL || !set_protocol(c->ctx)) {
        return cf_fail(cf_tls_lib_error(CF_ERR_CRYPTO));
    }
    CF_TRY(roots.len > 0 ? trust_text(c->ctx, roots) : trust_built_in(c->ctx));
    *ret = c;
    c = NULL;
    return cf_ok();
}

void cf_tls_config_free(cf_tls_config **config)
{
    cf_tls_config *c = *config;
    if (c != NULL) {
        SSL_CTX_free(c->ctx);
        BIO_meth_free(c->stream);
        cf_mem_free(c);
        *config = NULL;
    }
}
