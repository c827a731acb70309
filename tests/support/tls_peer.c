/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/tls_peer.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/buf.h"

#define CHUNK 16384
#define BETWEEN_MAX 16

#define need(condition) need_((condition), #condition, __LINE__)
static void need_(bool holds, const char *what, int line)
{
    if (!holds) {
        (void)fprintf(stderr, "tls_peer.c:%d: %s\n", line, what);
        ERR_print_errors_fp(stderr);
        _exit(TLS_PEER_BROKEN);
    }
}

/* ---- certificates ---- */

typedef struct {
    EVP_PKEY *key;
    X509 *cert;
} identity;

static EVP_PKEY *new_key(void)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
    need(ctx != NULL && EVP_PKEY_keygen_init(ctx) == 1);
    need(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx, NID_X9_62_prime256v1) == 1);
    need(EVP_PKEY_keygen(ctx, &key) == 1);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static void add_extension(X509 *cert, int nid, const char *value)
{
    char text[256];
    (void)snprintf(text, sizeof text, "%s", value);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, text);
    need(ext != NULL && X509_add_ext(cert, ext, -1) == 1);
    X509_EXTENSION_free(ext);
}

static void set_name(X509_NAME *name, const char *text)
{
    need(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)text, -1, -1, 0) ==
         1);
}

/* Signed by the issuer; by itself without one. dns NULL: an authority. */
static identity certify(const char *subject, const char *dns, const tls_peer_spec *spec,
                        const identity *issuer)
{
    static long serial = 1;
    identity i = {new_key(), X509_new()};
    const identity *by = issuer != NULL ? issuer : &i;
    need(i.cert != NULL && X509_set_version(i.cert, 2) == 1);
    need(ASN1_INTEGER_set(X509_get_serialNumber(i.cert), serial++) == 1);
    need(ASN1_TIME_set(X509_getm_notBefore(i.cert),
                       spec->from_s != 0 && dns != NULL ? spec->from_s : TLS_PEER_FROM) != NULL);
    need(ASN1_TIME_set(X509_getm_notAfter(i.cert),
                       spec->to_s != 0 && dns != NULL ? spec->to_s : TLS_PEER_TO) != NULL);
    set_name(X509_get_subject_name(i.cert), subject);
    need(X509_set_issuer_name(i.cert, X509_get_subject_name(by->cert)) == 1);
    need(X509_set_pubkey(i.cert, i.key) == 1);
    add_extension(i.cert, NID_basic_constraints,
                  dns == NULL ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (dns != NULL && dns[0] != '\0') {
        char text[300];
        (void)snprintf(text, sizeof text, "DNS:%s", dns);
        add_extension(i.cert, NID_subject_alt_name, text);
    }
    need(X509_sign(i.cert, by->key, EVP_sha256()) > 0);
    return i;
}

/* One authority per test program; children have a copy. */
static const identity *authority(void)
{
    static identity root;
    if (root.cert == NULL) {
        const tls_peer_spec usual = {.name = NULL};
        root = certify("Test Root", NULL, &usual, NULL);
    }
    return &root;
}

static void put_pem(BIO *pem, cf_buf *out)
{
    char *text = NULL;
    long len = BIO_get_mem_data(pem, &text);
    need(len > 0 && cf_is_ok(cf_buf_append(out, cf_view_make(text, (size_t)len))));
    (void)BIO_free(pem);
}

static void put_certificate(X509 *cert, cf_buf *out)
{
    BIO *pem = BIO_new(BIO_s_mem());
    need(pem != NULL && PEM_write_bio_X509(pem, cert) == 1);
    put_pem(pem, out);
}

void tls_peer_root(cf_buf *out)
{
    put_certificate(authority()->cert, out);
}

void tls_peer_server(cf_buf *ret_chain, cf_buf *ret_key)
{
    const tls_peer_spec usual = {.name = NULL};
    identity server = certify("server", "localhost", &usual, authority());
    BIO *pem = BIO_new(BIO_s_mem());
    need(pem != NULL && PEM_write_bio_PrivateKey(pem, server.key, NULL, NULL, 0, NULL, NULL) == 1);
    put_certificate(server.cert, ret_chain);
    put_pem(pem, ret_key);
    X509_free(server.cert);
    EVP_PKEY_free(server.key);
}

static void use_certificates(SSL_CTX *ctx, const tls_peer_spec *spec)
{
    const char *name = spec->name != NULL ? spec->name : "localhost";
    identity chain[BETWEEN_MAX];
    const identity *by = authority();
    unsigned n = 0;
    need(spec->between < BETWEEN_MAX);
    if (spec->other_authority) {
        chain[n] = certify("Test Root", NULL, spec, NULL);
        by = &chain[n++];
    }
    for (; n < spec->between; n++) {
        char subject[32];
        (void)snprintf(subject, sizeof subject, "Test %u", n);
        chain[n] = certify(subject, NULL, spec, by);
        by = &chain[n];
    }
    if (spec->signed_by_leaf) {
        chain[n] = certify("Not An Authority", "example.org", spec, by);
        by = &chain[n++];
    }
    identity leaf =
        certify(spec->common_name_only ? name : "server", spec->common_name_only ? "" : name, spec,
                spec->self_signed ? NULL : by);
    need(SSL_CTX_use_certificate(ctx, leaf.cert) == 1 &&
         SSL_CTX_use_PrivateKey(ctx, leaf.key) == 1);
    for (unsigned i = n; i > 0; i--) {
        need(SSL_CTX_add1_chain_cert(ctx, chain[i - 1].cert) == 1);
    }
}

/* ---- the server ---- */

typedef struct {
    const tls_peer_spec *spec;
    SSL *ssl;
    BIO *in, *out;
    int fd, seen;
    size_t sent;
    unsigned answered;
    bool cut;
} server;

static int choose_alpn(SSL *ssl, const uint8_t **out, uint8_t *out_len, const uint8_t *in,
                       unsigned in_len, void *arg)
{
    server *s = arg;
    (void)ssl;
    if (in_len == 9 && memcmp(in, "\x08http/1.1", 9) == 0) {
        s->seen |= TLS_PEER_ALPN;
    }
    const char *chosen = s->spec->alpn != NULL ? s->spec->alpn : "http/1.1";
    *out = (const uint8_t *)chosen;
    *out_len = (uint8_t)strlen(chosen);
    return *out_len == 0 ? SSL_TLSEXT_ERR_NOACK : SSL_TLSEXT_ERR_OK;
}

/* One octet, or as many as nothing is to happen between. */
static void put(server *s, const uint8_t *data, size_t len)
{
    while (len > 0 && !s->cut) {
        ssize_t n = send(s->fd, data, s->spec->drip_ms > 0 ? 1 : len, MSG_NOSIGNAL);
        if (n <= 0) {
            s->cut = true;
            return;
        }
        data += n;
        len -= (size_t)n;
        if (s->spec->drip_ms > 0) {
            (void)poll(NULL, 0, (int)s->spec->drip_ms);
        }
    }
}

/* What the library has to send, and what befalls it. */
static void flush(server *s)
{
    uint8_t data[CHUNK];
    int n;
    while (!s->cut && (n = BIO_read(s->out, data, sizeof data)) > 0) {
        const tls_peer_spec *spec = s->spec;
        size_t len = (size_t)n;
        if (spec->flip_at > s->sent && spec->flip_at <= s->sent + len) {
            data[spec->flip_at - s->sent - 1] ^= 0x10;
        }
        size_t stop = spec->cut_at > 0 ? spec->cut_at : spec->hang_at;
        bool stops = stop > 0 && s->sent + len >= stop;
        len = stops ? stop - s->sent : len;
        put(s, data, len);
        s->sent += len;
        if (stops && spec->cut_at == 0) {
            char drop;
            while (recv(s->fd, &drop, 1, 0) > 0) {
            }
        }
        s->cut = s->cut || stops;
    }
}

/* Takes what TLS 1.3 there is in a ClientHello out of it: supported_versions 1.3 and 1.2 become 1.2 twice. */
static void strip_13(uint8_t *data, size_t len)
{
    static const uint8_t both[] = {0x04, 0x03, 0x04, 0x03, 0x03};
    uint8_t *at = memmem(data, len, both, sizeof both);
    need(at != NULL);
    at[2] = 0x03;
}

/* False when the client has ended. */
static bool fill(server *s)
{
    uint8_t data[CHUNK];
    ssize_t n = recv(s->fd, data, sizeof data, 0);
    if (n <= 0) {
        return false;
    }
    if (s->spec->strips_13 && s->sent == 0) {
        strip_13(data, (size_t)n);
    }
    need(BIO_write(s->in, data, (int)n) == n);
    return true;
}

static void answer(server *s, const uint8_t *data, int len)
{
    static const uint8_t pattern[CHUNK] = {'x'};
    const char *const *script = s->spec->script;
    if (s->spec->requests_fd > 0) {
        need(write(s->spec->requests_fd, data, (size_t)len) == len);
    }
    if (script != NULL) {
        int n = (int)strlen(script[s->answered]);
        need(n == 0 || SSL_write(s->ssl, script[s->answered], n) == n);
    } else if (s->spec->answer_bytes == 0) {
        need(SSL_write(s->ssl, data, len) == len);
    }
    for (size_t left = s->spec->answer_bytes; left > 0;) {
        int n = (int)(left < sizeof pattern ? left : sizeof pattern);
        need(SSL_write(s->ssl, pattern, n) == n);
        left -= (size_t)n;
    }
    s->answered++;
}

/* One step; false at the end. */
static bool step(server *s)
{
    if (!SSL_is_init_finished(s->ssl)) {
        int r = SSL_accept(s->ssl);
        bool waits = r != 1 && SSL_get_error(s->ssl, r) == SSL_ERROR_WANT_READ;
        flush(s);
        return r == 1 || (waits && !s->cut && fill(s));
    }
    s->seen |= TLS_PEER_SHOOK | (SSL_session_reused(s->ssl) ? TLS_PEER_RESUMED : 0);
    uint8_t data[CHUNK];
    int n = SSL_read(s->ssl, data, sizeof data);
    if (n > 0) {
        answer(s, data, n);
        flush(s);
        bool more = s->spec->script == NULL || s->spec->script[s->answered] != NULL;
        return !s->cut && more && (s->spec->answers == 0 || s->answered < s->spec->answers);
    }
    s->seen |= SSL_get_error(s->ssl, n) == SSL_ERROR_ZERO_RETURN ? TLS_PEER_GOODBYE : 0;
    return SSL_get_error(s->ssl, n) == SSL_ERROR_WANT_READ && !s->cut && fill(s);
}

static int serve(const tls_peer_spec *spec, int fd)
{
    server s = {.spec = spec, .fd = fd};
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    need(ctx != NULL);
    use_certificates(ctx, spec);
    need(SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION) == 1);
    need(SSL_CTX_set_max_proto_version(
             ctx, (uint16_t)(spec->version_max != 0 ? spec->version_max : TLS1_3_VERSION)) == 1);
    need(spec->suites == NULL || SSL_CTX_set_cipher_list(ctx, spec->suites) == 1);
    SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, &s);
    (void)SSL_CTX_set_session_id_context(ctx, (const uint8_t *)"t", 1);
    s.ssl = SSL_new(ctx);
    s.in = BIO_new(BIO_s_mem());
    s.out = BIO_new(BIO_s_mem());
    need(s.ssl != NULL && s.in != NULL && s.out != NULL);
    (void)BIO_set_mem_eof_return(s.in, -1);
    SSL_set_bio(s.ssl, s.in, s.out);
    while (step(&s)) {
    }
    const char *name = SSL_get_servername(s.ssl, TLSEXT_NAMETYPE_host_name);
    s.seen |= name != NULL && strcmp(name, "localhost") == 0 ? TLS_PEER_NAMED : 0;
    if (!s.cut && !spec->no_goodbye) {
        (void)SSL_shutdown(s.ssl);
        flush(&s);
    }
    return s.seen;
}

static int serve_plain(int fd)
{
    char data[512];
    (void)recv(fd, data, sizeof data, 0);
    const char text[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    return send(fd, text, sizeof text - 1, MSG_NOSIGNAL) > 0 ? 0 : TLS_PEER_BROKEN;
}

pid_t tls_peer_start(const tls_peer_spec *spec, int *ret_fd)
{
    int pair[2];
    (void)authority();
    need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    pid_t pid = fork();
    need(pid >= 0);
    if (pid == 0) {
        (void)close(pair[0]);
        _exit(spec->plain ? serve_plain(pair[1]) : serve(spec, pair[1]));
    }
    (void)close(pair[1]);
    *ret_fd = pair[0];
    return pid;
}

pid_t tls_peer_listen(const tls_peer_spec *specs, size_t n, int listen_fd)
{
    (void)authority();
    pid_t pid = fork();
    need(pid >= 0);
    if (pid > 0) {
        return pid;
    }
    int seen = 0;
    for (size_t i = 0; i < n; i++) {
        int fd = accept(listen_fd, NULL, NULL);
        need(fd >= 0);
        seen = specs[i].plain ? serve_plain(fd) : serve(&specs[i], fd);
        (void)close(fd);
    }
    _exit(seen);
}

int tls_peer_end(pid_t pid)
{
    int status = 0;
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status)
                                                                : TLS_PEER_BROKEN;
}
