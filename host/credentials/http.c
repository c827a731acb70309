/* SPDX-License-Identifier: Apache-2.0 */
#include "host/credentials/http.h"

#include <pthread.h>
#include <sys/socket.h>

#include "sys/linux/clock.h"
#include "sys/linux/file.h"
#include "sys/linux/net.h"
#include "sys/tls/tls.h"

#define HTTP_READ_BYTES ((size_t)16 << 10)
#define HTTP_FIELDS_MAX 8

struct cf_creds_http {
    const char *(*env)(const char *name);
    pthread_mutex_t lock;
    bool cancelled;
    int fd; /* of the exchange that runs, or -1; closed with the lock held */
};

cf_result cf_creds_http_new(const char *(*env)(const char *name), cf_creds_http **ret)
{
    *ret = cf_mem_new(1, sizeof **ret);
    CF_REQUIRE(*ret != NULL, NO_MEMORY);
    (*ret)->env = env;
    (*ret)->fd = -1;
    (void)pthread_mutex_init(&(*ret)->lock, NULL);
    return cf_ok();
}

void cf_creds_http_free(cf_creds_http **h)
{
    if (*h != NULL) {
        (void)pthread_mutex_destroy(&(*h)->lock);
        cf_mem_free(*h);
        *h = NULL;
    }
}

void cf_creds_http_cancel(cf_creds_http *h)
{
    (void)pthread_mutex_lock(&h->lock);
    h->cancelled = true;
    if (h->fd >= 0) {
        (void)shutdown(h->fd, SHUT_RDWR);
    }
    (void)pthread_mutex_unlock(&h->lock);
}

/* --- the connection --- */

static cf_result begin(cf_creds_http *h, const cf_creds_url *url, uint64_t deadline_ms)
{
    cf_net_addr addr = {.kind = CF_NET_TCP, .port = url->port};
    CF_FD(fd);
    (void)pthread_mutex_lock(&h->lock);
    bool cancelled = h->cancelled;
    (void)pthread_mutex_unlock(&h->lock);
    CF_REQUIRE(!cancelled, CLOSED);
    cf_copy(addr.path, url->host, sizeof url->host);
    CF_TRY(cf_net_dial(&addr, deadline_ms, &fd));
    (void)pthread_mutex_lock(&h->lock);
    cancelled = h->cancelled;
    if (!cancelled) {
        h->fd = fd;
        fd = -1;
    }
    (void)pthread_mutex_unlock(&h->lock);
    CF_REQUIRE(!cancelled, CLOSED);
    return cf_ok();
}

static void end(cf_creds_http **h)
{
    (void)pthread_mutex_lock(&(*h)->lock);
    cf_fd_close(&(*h)->fd);
    (void)pthread_mutex_unlock(&(*h)->lock);
}

/* The configuration must outlive the connection. */
static cf_result shake(cf_creds_http *h, const char *host, uint64_t deadline_ms,
                       cf_tls_config **ret_config, cf_tls **ret)
{
    CF_BUF(roots);
    const char *path = h->env("AWS_CA_BUNDLE"), *why = "";
    if (path != NULL && path[0] != '\0') {
        CF_TRY(cf_file_read(path, CF_CREDS_ROOTS_BYTES_MAX, &roots));
    }
    CF_TRY(cf_tls_config_new(cf_buf_view(&roots), ret_config));
    return cf_tls_open(*ret_config, h->fd, host, cf_clock_wall_ms() / 1000, deadline_ms, ret, &why);
}

/* --- the exchange --- */

static cf_result write_request(const cf_creds_request *req, cf_buf *out)
{
    cf_http1_field fields[HTTP_FIELDS_MAX];
    CF_REQUIRE(req->field_count < HTTP_FIELDS_MAX, ARGUMENT);
    for (size_t i = 0; i < req->field_count; i++) {
        fields[i] = req->fields[i];
    }
    fields[req->field_count] = (cf_http1_field){CF_LIT("Connection"), CF_LIT("close")};
    const cf_http1_request r = {.method = req->method,
                                .path = req->path,
                                .host = cf_view_str(req->url->authority),
                                .fields = fields,
                                .field_count = req->field_count + 1,
                                .body = req->body};
    return cf_http1_put_request(&r, out);
}

static cf_result read_answer(int fd, cf_tls *tls, uint64_t deadline_ms, unsigned *ret_status,
                             cf_buf *ret_body)
{
    bool complete = false;
    CF_BUF(in);
    CF_HTTP1_RESPONSE(resp, CF_CREDS_ANSWER_BYTES_MAX);
    while (!complete) {
        CF_TRY(tls != NULL ? cf_tls_read_some(tls, &in, HTTP_READ_BYTES, deadline_ms)
                           : cf_net_read_some(fd, &in, HTTP_READ_BYTES, deadline_ms));
        CF_TRY(cf_http1_read(&resp, cf_buf_view(&in), &complete));
    }
    CF_TRY(cf_buf_append(ret_body, resp.body));
    *ret_status = resp.status;
    return cf_ok();
}

static cf_result exchange(void *self, const cf_creds_request *req, unsigned *ret_status,
                          cf_buf *ret_body)
{
    cf_creds_http *h = self;
    uint64_t deadline_ms = cf_clock_mono_ms() + req->timeout_ms;
    CF_AUTO(end) cf_creds_http *running = h;
    CF_AUTO(cf_tls_config_free) cf_tls_config *config = NULL;
    CF_AUTO(cf_tls_free) cf_tls *tls = NULL;
    CF_BUF(out);
    *ret_status = 0;
    CF_TRY(write_request(req, &out));
    CF_TRY(begin(running, req->url, deadline_ms));
    if (req->url->tls) {
        CF_TRY(shake(h, req->url->host, deadline_ms, &config, &tls));
    }
    cf_result sent = tls != NULL ? cf_tls_write_full(tls, cf_buf_view(&out), deadline_ms)
                                 : cf_net_write_full(h->fd, cf_buf_view(&out), deadline_ms);
    /* Who does not want a body may answer and close before it was read. */
    if (sent.code != CF_ERR_CLOSED) {
        CF_TRY(sent);
    }
    return read_answer(h->fd, tls, deadline_ms, ret_status, ret_body);
}

const cf_creds_http_ops cf_creds_http_ops_tcp = {.exchange = exchange};
