/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <openssl/x509v3.h>

#include "sys/linux/clock.h"
#include "sys/linux/net.h"
#include "sys/tls/lib_priv.h"

struct cf_tls {
    SSL *ssl;
    int fd;
    uint64_t deadline_ms;       /* of the call that runs */
    cf_err read_err, write_err; /* of the stream below, in this call */
    bool open;                  /* hands are shaken, and nothing has failed since */
};

/* ---- the stream as the library sees it ---- */

/* A server that keeps sending what is no data, such as new tickets, would never be waited for: so the deadline is looked at here. */
static int stream_read(BIO *b, char *to, int max)
{
    cf_tls *t = BIO_get_data(b);
    size_t n = 0;
    cf_result r = cf_fail(CF_ERR_TIMEOUT);
    if (cf_clock_poll_ms(t->deadline_ms) != 0) {
        r = cf_net_read_once(t->fd, (uint8_t *)to, (size_t)max, t->deadline_ms, &n);
    }
    t->read_err = r.code;
    return cf_is_ok(r) ? (int)n : r.code == CF_ERR_CLOSED ? 0 : -1;
}

static int stream_write(BIO *b, const char *from, int len)
{
    cf_tls *t = BIO_get_data(b);
    cf_result r = cf_net_write_full(t->fd, cf_view_make(from, (size_t)len), t->deadline_ms);
    t->write_err = r.code;
    return cf_is_ok(r) ? len : -1;
}

static long stream_ctrl(BIO *b, int what, long number, void *pointer)
{
    (void)b;
    (void)number;
    (void)pointer;
    return what == BIO_CTRL_FLUSH ? 1 : 0;
}

static int stream_create(BIO *b)
{
    BIO_set_init(b, 1);
    return 1;
}

BIO_METHOD *cf_tls_stream_new(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
    if (m != NULL &&
        (BIO_meth_set_read(m, stream_read) != 1 || BIO_meth_set_write(m, stream_write) != 1 ||
         BIO_meth_set_ctrl(m, stream_ctrl) != 1 || BIO_meth_set_create(m, stream_create) != 1)) {
        BIO_meth_free(m);
        m = NULL;
    }
    return m;
}

/* ---- connections ---- */

static void begin(cf_tls *t, uint64_t deadline_ms)
{
    t->deadline_ms = deadline_ms;
    t->read_err = t->write_err = CF_OK;
    ERR_clear_error();
}

/* What a call of the library that failed with this return value says. When the library itself is at odds with what came, it tells the
 * other side so, and that this may not be possible any more is no error. */
static cf_err error_of(cf_tls *t, int ret)
{
    int what = SSL_get_error(t->ssl, ret);
    cf_err err = cf_tls_lib_error(CF_ERR_TLS);
    t->open = false;
    if (err == CF_ERR_NO_MEMORY) {
        return err;
    }
    if (what == SSL_ERROR_ZERO_RETURN) {
        return CF_ERR_CLOSED;
    }
    if (t->read_err != CF_OK) {
        return t->read_err == CF_ERR_CLOSED ? CF_ERR_TRUNCATED : t->read_err;
    }
    return what == SSL_ERROR_SYSCALL && t->write_err != CF_OK ? t->write_err : CF_ERR_TLS;
}

static const char *reason_of(long verdict)
{
    switch (verdict) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return "expired";
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return "not_yet_valid";
    case X509_V_ERR_HOSTNAME_MISMATCH:
        return "wrong_host";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        return "untrusted";
    default:
        return "bad_certificate";
    }
}

static cf_result shake_hands(cf_tls *t, const char **ret_why)
{
    int ret = SSL_connect(t->ssl);
    if (ret == 1) {
        t->open = true;
        return cf_ok();
    }
    bool refused = ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_CERTIFICATE_VERIFY_FAILED;
    long verdict = SSL_get_verify_result(t->ssl);
    cf_err err = error_of(t, ret);
    if (refused && verdict != X509_V_ERR_OUT_OF_MEM && err != CF_ERR_NO_MEMORY) {
        *ret_why = reason_of(verdict);
        return cf_fail(CF_ERR_CHAIN);
    }
    *ret_why = err == CF_ERR_TLS ? "protocol" : "";
    return cf_fail(refused ? CF_ERR_NO_MEMORY : err == CF_ERR_TRUNCATED ? CF_ERR_CLOSED : err);
}

static cf_result prepare(const cf_tls_config *c, cf_tls *t, const char *host, uint64_t unix_s)
{
    t->ssl = SSL_new(c->ctx);
    BIO *stream = BIO_new(c->stream);
    if (t->ssl == NULL || stream == NULL) {
        (void)BIO_free(stream);
        return cf_fail(cf_tls_lib_error(CF_ERR_NO_MEMORY));
    }
    BIO_set_data(stream, t);
    SSL_set_bio(t->ssl, stream, stream); /* takes it */
    X509_VERIFY_PARAM *param = SSL_get0_param(t->ssl);
    X509_VERIFY_PARAM_set_time(param, (time_t)unix_s);
    /* Here and not in the configuration, from which the library would not take them. */
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                               X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    bool ok = SSL_set_tlsext_host_name(t->ssl, host) == 1 &&
              X509_VERIFY_PARAM_set1_host(param, host, cf_view_str(host).len) == 1;
    return ok ? cf_ok() : cf_fail(cf_tls_lib_error(CF_ERR_CRYPTO));
}

CF_MUST_USE cf_result cf_tls_open(const cf_tls_config *c, int fd, const char *host, uint64_t unix_s,
                                  uint64_t deadline_ms, cf_tls **ret, const char **ret_why)
{
    *ret = NULL;
    *ret_why = "";
    /* Without a name any certificate of the roots would do. */
    CF_REQUIRE(host[0] != '\0', ARGUMENT);
    CF_AUTO(cf_tls_free) cf_tls *t = cf_mem_new(1, sizeof *t);
    CF_REQUIRE(t != NULL, NO_MEMORY);
    t->fd = fd;
    begin(t, deadline_ms);
    CF_TRY(prepare(c, t, host, unix_s));
    CF_TRY(shake_hands(t, ret_why));
    *ret = t;
    t = NULL;
    return cf_ok();
}

void cf_tls_free(cf_tls **tls)
{
    cf_tls *t = *tls;
    if (t == NULL) {
        return;
    }
    if (t->open) {
        begin(t, 0);
        (void)SSL_shutdown(t->ssl);
        ERR_clear_error();
    }
    SSL_free(t->ssl);
    cf_mem_free(t);
    *tls = NULL;
}

CF_MUST_USE cf_result cf_tls_read_some(cf_tls *t, cf_buf *buf, size_t max, uint64_t deadline_ms)
{
    CF_REQUIRE(max > 0 && max <= INT_MAX, ARGUMENT);
    CF_REQUIRE(t->open, CLOSED);
    CF_TRY(cf_buf_reserve(buf, max));
    begin(t, deadline_ms);
    int n = SSL_read(t->ssl, buf->data + buf->len, (int)max);
    if (n <= 0) {
        return cf_fail(error_of(t, n));
    }
    buf->len += (size_t)n;
    return cf_ok();
}

CF_MUST_USE cf_result cf_tls_write_full(cf_tls *t, cf_view v, uint64_t deadline_ms)
{
    CF_REQUIRE(v.len <= INT_MAX, SIZE);
    CF_REQUIRE(t->open, CLOSED);
    if (v.len == 0) {
        return cf_ok();
    }
    begin(t, deadline_ms);
    int n = SSL_write(t->ssl, v.data, (int)v.len);
    return n > 0 ? cf_ok() : cf_fail(error_of(t, n));
}

const char *cf_tls_version(const cf_tls *t)
{
    return SSL_get_version(t->ssl);
}
