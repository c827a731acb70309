/* SPDX-License-Identifier: Apache-2.0 */
#include "host/http/client.h"

#include <arpa/inet.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "core/http/http.h"
#include "host/http/pairs_priv.h"
#include "sys/linux/clock.h"
#include "sys/linux/net.h"

#define CLIENT_BASE_BYTES_MAX ((size_t)512)
#define CLIENT_READ_BYTES ((size_t)16 << 10)
#define CLIENT_HTTPS_PORT ":443"

struct cf_http_client {
    cf_net_addr addr;
    char *host;                 /* for the Host header */
    cf_http_client_layer layer; /* of https; open NULL: plain */
    int fd;                     /* the kept connection, or -1 */
    void *conn;                 /* of the layer, over it; NULL: none */
    const char *why;            /* static */
    cf_buf out, in;             /* of the call that runs; wiped when it ends */
    cf_buf head;                /* of the last answer, as pairs */
};

static bool strip(cf_view *text, const char *prefix)
{
    cf_view want = cf_view_str(prefix);
    bool there = cf_view_eq(cf_view_sub(*text, 0, want.len), want);
    if (there) {
        *text = cf_view_sub(*text, want.len, text->len - want.len);
    }
    return there;
}

static void str_free(char **s)
{
    cf_mem_free(*s);
    *s = NULL;
}

/* A name of the DNS: it is told to the server and compared with its certificate, so nothing else may stand there. */
static bool is_name(const char *host)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
    struct in_addr number;
    return host[strspn(host, allowed)] == '\0' && inet_aton(host, &number) == 0;
}

/* text: HOST or HOST:PORT */
static cf_result parse_https(cf_view text, cf_net_addr *ret)
{
    CF_BUF(address);
    bool has_port = text.len > 0 && memchr(text.data, ':', text.len) != NULL;
    CF_TRY(cf_buf_append(&address, text));
    CF_TRY(cf_buf_append(&address, has_port ? CF_VIEW_EMPTY : CF_LIT(CLIENT_HTTPS_PORT)));
    CF_TRY(cf_buf_append(&address, cf_view_make("", 1)));
    CF_REQUIRE(cf_is_ok(cf_net_parse((const char *)address.data, ret)), ARGUMENT);
    CF_REQUIRE(ret->kind == CF_NET_TCP && is_name(ret->path), ARGUMENT);
    return cf_ok();
}

/* text: what is told as the host. */
static cf_result parse_plain(cf_view text, cf_net_addr *ret)
{
    CF_AUTO(str_free) char *address = cf_str_new(text);
    CF_REQUIRE(address != NULL, NO_MEMORY);
    CF_REQUIRE(cf_is_ok(cf_net_parse(address, ret)), ARGUMENT);
    CF_REQUIRE(ret->kind == CF_NET_UNIX || ret->kind == CF_NET_TCP, ARGUMENT);
    return cf_ok();
}

cf_result cf_http_client_new_over(const char *base, const cf_http_client_layer *layer,
                                  cf_http_client **ret)
{
    *ret = NULL;
    cf_view text = cf_view_make(base, strnlen(base, CLIENT_BASE_BYTES_MAX + 1));
    CF_REQUIRE(text.len <= CLIENT_BASE_BYTES_MAX, ARGUMENT);
    bool over = layer != NULL && strip(&text, "https://");
    if ((over || strip(&text, "http://")) && text.len > 0 && text.data[text.len - 1] == '/') {
        text.len--;
    }
    CF_AUTO(cf_http_client_free) cf_http_client *c = cf_mem_new(1, sizeof *c);
    CF_REQUIRE(c != NULL, NO_MEMORY);
    c->fd = -1;
    c->why = "";
    if (over) {
        c->layer = *layer;
    }
    CF_TRY(over ? parse_https(text, &c->addr) : parse_plain(text, &c->addr));
    c->host = cf_str_new(c->addr.kind == CF_NET_UNIX ? CF_LIT("localhost") : text);
    CF_REQUIRE(c->host != NULL, NO_MEMORY);
    *ret = c;
    c = NULL;
    return cf_ok();
}

cf_result cf_http_client_new(const char *base, cf_http_client **ret)
{
    return cf_http_client_new_over(base, NULL, ret);
}

static void hang_up(cf_http_client *c)
{
    if (c->conn != NULL) {
        c->layer.free(&c->conn);
    }
    cf_fd_close(&c->fd);
}

void cf_http_client_free(cf_http_client **client)
{
    cf_http_client *c = *client;
    *client = NULL;
    if (c == NULL) {
        return;
    }
    hang_up(c);
    cf_mem_free(c->host);
    cf_buf_free(&c->out);
    cf_buf_free(&c->in);
    cf_buf_free(&c->head);
    cf_mem_free(c);
}

/* "Name: value" in its two parts; what is not of that form core/http refuses. */
static cf_http1_field field_of(const char *line)
{
    size_t len = strlen(line), name_len = strcspn(line, ":"),
           at = name_len < len ? name_len + 1 : len;
    while (line[at] == ' ') {
        at++;
    }
    return (cf_http1_field){cf_view_make(line, name_len), cf_view_make(line + at, len - at)};
}

static cf_result write_request(cf_http_client *c, const cf_http_request *req)
{
    cf_http1_field fields[CF_HTTP1_HEADERS_MAX];
    size_t n = 0;
    while (req->headers != NULL && req->headers[n] != NULL) {
        CF_REQUIRE(n < CF_HTTP1_HEADERS_MAX, ARGUMENT);
        fields[n] = field_of(req->headers[n]);
        n++;
    }
    const cf_http1_request r = {.method = cf_view_str(req->method),
                                .path = cf_view_str(req->path),
                                .host = cf_view_str(c->host),
                                .fields = fields,
                                .field_count = n,
                                .body = req->body};
    return cf_http1_put_request(&r, &c->out);
}

/* True when the kept connection can take a request. One that has octets for us, or its end, has not: what came unasked is no
 * answer to what we are about to ask. */
static bool still_good(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return fd >= 0 && poll(&p, 1, 0) == 0;
}

static cf_result dial(cf_http_client *c, uint64_t deadline_ms)
{
    hang_up(c);
    CF_TRY(cf_net_dial(&c->addr, deadline_ms, &c->fd));
    if (c->layer.open == NULL) {
        return cf_ok();
    }
    return c->layer.open(c->layer.config, c->fd, c->addr.path, deadline_ms, &c->conn, &c->why);
}

static cf_result read_some(cf_http_client *c, uint64_t deadline_ms)
{
    return c->conn != NULL ? c->layer.read(c->conn, &c->in, CLIENT_READ_BYTES, deadline_ms)
                           : cf_net_read_some(c->fd, &c->in, CLIENT_READ_BYTES, deadline_ms);
}

static cf_result write_out(cf_http_client *c, uint64_t deadline_ms)
{
    cf_view out = cf_buf_view(&c->out);
    return c->conn != NULL ? c->layer.write(c->conn, out, deadline_ms)
                           : cf_net_write_full(c->fd, out, deadline_ms);
}

static cf_result read_answer(cf_http_client *c, cf_http1_response *resp, uint64_t deadline_ms)
{
    bool complete = false;
    while (!complete) {
        CF_TRY(read_some(c, deadline_ms));
        CF_TRY(cf_http1_read(resp, cf_buf_view(&c->in), &complete));
    }
    return cf_ok();
}

static cf_result exchange(cf_http_client *c, cf_http1_response *resp, uint64_t deadline_ms)
{
    cf_result sent = write_out(c, deadline_ms);
    /* A server that does not want a body may answer and close before it has read it. */
    if (!cf_is_ok(sent) && sent.code != CF_ERR_CLOSED) {
        return sent;
    }
    return read_answer(c, resp, deadline_ms);
}

/* The exchange on the kept connection, if it still is one, and on a new one when nothing came back on that. */
static cf_result attempt(cf_http_client *c, cf_http1_response *resp, bool once,
                         uint64_t deadline_ms)
{
    if (still_good(c->fd)) {
        cf_result r = exchange(c, resp, deadline_ms);
        if (r.code != CF_ERR_CLOSED || c->in.len > 0 || once) {
            return r;
        }
    }
    CF_TRY(dial(c, deadline_ms));
    return exchange(c, resp, deadline_ms);
}

/* Keeps the headers, for cf_http_client_header. */
static cf_result keep_head(cf_http_client *c, const cf_http1_response *resp)
{
    for (size_t i = 0; i < resp->field_count; i++) {
        CF_TRY(cf_http_pair_add(
            &c->head, cf_view_sub(resp->in, resp->fields[i].name, resp->fields[i].name_len),
            cf_view_sub(resp->in, resp->fields[i].value, resp->fields[i].value_len)));
    }
    return cf_ok();
}

static cf_result call(cf_http_client *c, const cf_http_request *req, unsigned *ret_status,
                      cf_buf *ret_body)
{
    CF_HTTP1_RESPONSE(resp, req->answer_bytes_max);
    CF_TRY(write_request(c, req));
    cf_result done = attempt(c, &resp, req->once, cf_clock_mono_ms() + req->timeout_ms);
    if (!cf_is_ok(done) || !resp.keep_alive || resp.used < c->in.len) {
        hang_up(c);
    }
    CF_TRY(done);
    CF_TRY(keep_head(c, &resp));
    CF_TRY(cf_buf_append(ret_body, resp.body));
    *ret_status = resp.status;
    return cf_ok();
}

cf_result cf_http_client_call(cf_http_client *c, const cf_http_request *req, unsigned *ret_status,
                              cf_buf *ret_body)
{
    *ret_status = 0;
    CF_REQUIRE(req->timeout_ms > 0, ARGUMENT);
    cf_buf_clear(&c->head);
    c->why = "";
    cf_result r = call(c, req, ret_status, ret_body);
    cf_buf_clear(&c->out);
    cf_buf_clear(&c->in);
    if (c->in.cap > 4 * CLIENT_READ_BYTES) {
        cf_buf_free(&c->in);
    }
    return r;
}

const char *cf_http_client_why(const cf_http_client *c)
{
    return c->why;
}

cf_view cf_http_client_header(const cf_http_client *c, const char *name)
{
    const char *key, *value;
    for (size_t at = 0; cf_http_pair_next(&c->head, &at, &key, &value);) {
        if (strcasecmp(key, name) == 0) {
            return cf_view_str(value);
        }
    }
    return CF_VIEW_EMPTY;
}
