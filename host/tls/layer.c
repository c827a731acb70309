/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/socket.h>

#include "host/tls/lib_priv.h"
#include "sys/linux/log.h"

#define REASON_BYTES 64

typedef struct {
    SSL *ssl;
    int fd;
    size_t silent; /* octets that came since the last for HTTP */
    bool broken;   /* the library is not asked again */
} conn;

/* ---- the socket as the library sees it ---- */

/* The library reads on until it has octets for HTTP or nothing is left. A client that sends only what concerns TLS, and always more of
 * it, would keep it reading: so it is counted. */
static int socket_read(BIO *b, char *to, int max)
{
    conn *c = BIO_get_data(b);
    BIO_clear_retry_flags(b);
    if (c->silent > CF_TLS_SERVER_SILENT_BYTES_MAX) {
        return -1;
    }
    ssize_t n = recv(c->fd, to, (size_t)max, MSG_DONTWAIT);
    if (n > 0) {
        c->silent += (size_t)n;
    } else if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        BIO_set_retry_read(b);
    }
    return (int)n;
}

static int socket_write(BIO *b, const char *from, int len)
{
    conn *c = BIO_get_data(b);
    BIO_clear_retry_flags(b);
    ssize_t n = send(c->fd, from, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        BIO_set_retry_write(b);
    }
    return (int)n;
}

static long socket_ctrl(BIO *b, int what, long number, void *pointer)
{
    (void)b;
    (void)number;
    (void)pointer;
    return what == BIO_CTRL_FLUSH ? 1 : 0;
}

static int socket_create(BIO *b)
{
    BIO_set_init(b, 1);
    return 1;
}

BIO_METHOD *cf_tls_server_socket_new(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
    if (m != NULL &&
        (BIO_meth_set_read(m, socket_read) != 1 || BIO_meth_set_write(m, socket_write) != 1 ||
         BIO_meth_set_ctrl(m, socket_ctrl) != 1 || BIO_meth_set_create(m, socket_create) != 1)) {
        BIO_meth_free(m);
        m = NULL;
    }
    return m;
}

/* ---- the layer ---- */

static void conn_free(void **self)
{
    conn *c = *self;
    *self = NULL;
    if (c != NULL) {
        SSL_free(c->ssl);
        cf_mem_free(c);
    }
}

static cf_result conn_open(const void *config, int fd, void **ret)
{
    const cf_tls_server *s = config;
    *ret = NULL;
    CF_AUTO(conn_free) void *self = cf_mem_new(1, sizeof(conn));
    CF_REQUIRE(self != NULL, NO_MEMORY);
    conn *c = self;
    c->fd = fd;
    c->ssl = SSL_new(s->ctx);
    BIO *socket = BIO_new(s->socket);
    if (c->ssl == NULL || socket == NULL) {
        (void)BIO_free(socket);
        ERR_clear_error();
        return cf_fail(CF_ERR_NO_MEMORY);
    }
    BIO_set_data(socket, c);
    SSL_set_bio(c->ssl, socket, socket); /* takes it */
    SSL_set_accept_state(c->ssl);
    *ret = self;
    self = NULL;
    return cf_ok();
}

/* What a call of the library says that returned this. */
static cf_http_step step_of(conn *c, int ret)
{
    switch (SSL_get_error(c->ssl, ret)) {
    case SSL_ERROR_NONE:
        return CF_HTTP_STEP_DONE;
    case SSL_ERROR_WANT_READ:
        return CF_HTTP_STEP_READ;
    case SSL_ERROR_WANT_WRITE:
        return CF_HTTP_STEP_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return CF_HTTP_STEP_ENDED;
    default:
        c->broken = true;
        return CF_HTTP_STEP_FAILED;
    }
}

/* "tlsv1_alert_unknown_ca" tells why a client went away; the library's words are static, and none of the client's. */
static void log_refused(const conn *c)
{
    char reason[REASON_BYTES];
    const char *text = ERR_peek_error() == 0 ? NULL : ERR_reason_error_string(ERR_peek_error());
    if (text == NULL) {
        text = c->silent > CF_TLS_SERVER_SILENT_BYTES_MAX ? "too_long" : "closed";
    }
    (void)snprintf(reason, sizeof reason, "%s", text);
    for (char *p = reason; *p != '\0'; p++) {
        *p = (char)(isalnum((unsigned char)*p) ? tolower((unsigned char)*p) : '_');
    }
    cf_log(CF_LOG_INFO, "tls.refused", "reason=%s", reason);
}

static cf_http_step conn_begin(void *self)
{
    conn *c = self;
    ERR_clear_error();
    cf_http_step step = step_of(c, SSL_accept(c->ssl));
    if (step == CF_HTTP_STEP_FAILED || step == CF_HTTP_STEP_ENDED) {
        log_refused(c);
        c->broken = true;
        step = CF_HTTP_STEP_FAILED;
    }
    ERR_clear_error();
    return step;
}

static cf_http_step conn_read(void *self, uint8_t *to, size_t max, size_t *ret_n)
{
    conn *c = self;
    *ret_n = 0;
    if (c->broken) {
        return CF_HTTP_STEP_FAILED;
    }
    ERR_clear_error();
    int n = SSL_read(c->ssl, to, (int)(max < INT_MAX ? max : INT_MAX));
    cf_http_step step = step_of(c, n);
    if (n > 0) {
        *ret_n = (size_t)n;
        c->silent = 0;
    }
    ERR_clear_error();
    return step;
}

static cf_http_step conn_write(void *self, cf_view v)
{
    conn *c = self;
    if (c->broken || v.len == 0 || v.len > INT_MAX) {
        return CF_HTTP_STEP_FAILED;
    }
    ERR_clear_error();
    cf_http_step step = step_of(c, SSL_write(c->ssl, v.data, (int)v.len));
    ERR_clear_error();
    return step;
}

/* Says goodbye, and does not wait for the client's. */
static cf_http_step conn_end(void *self)
{
    conn *c = self;
    if (c->broken) {
        return CF_HTTP_STEP_FAILED;
    }
    ERR_clear_error();
    int ret = SSL_shutdown(c->ssl);
    cf_http_step step = ret >= 0 ? CF_HTTP_STEP_DONE : step_of(c, ret);
    ERR_clear_error();
    return step;
}

cf_http_layer cf_tls_server_layer(const cf_tls_server *s)
{
    return (cf_http_layer){.open = conn_open,
                           .begin = conn_begin,
                           .read = conn_read,
                           .write = conn_write,
                           .end = conn_end,
                           .free = conn_free,
                           .config = s};
}
