/* SPDX-License-Identifier: Apache-2.0 */
#include "enclave/app/kms_link.h"

#include <pthread.h>
#include <sys/socket.h>

#include "core/kms/kms.h"
#include "enclave/app/limits.h"
#include "sys/linux/clock.h"

#define LINK_ASK 'K' /* on the channel: a connection to the KMS, please */
#define LINK_READ_BYTES ((size_t)16 << 10)

struct cf_kms_dialer {
    pthread_mutex_t asking; /* one question on the channel at a time */
    int channel;
    pthread_mutex_t lock; /* of the two below */
    bool stopped;
    cf_kms_link *links;
};

struct cf_kms_link {
    cf_kms_dialer *dialer;
    cf_kms_link *next;
    int fd;
    cf_buf in, request;
};

CF_MUST_USE cf_result cf_kms_dialer_new(const cf_net_addr *addr, cf_kms_dialer **ret)
{
    *ret = NULL;
    CF_REQUIRE(addr->kind == CF_NET_FD, UNSUPPORTED);
    CF_FD(channel);
    channel = addr->fd;
    cf_kms_dialer *d = cf_mem_new(1, sizeof *d);
    CF_REQUIRE(d != NULL, NO_MEMORY);
    if (pthread_mutex_init(&d->asking, NULL) != 0 || pthread_mutex_init(&d->lock, NULL) != 0) {
        cf_mem_free(d);
        return cf_fail(CF_ERR_NO_MEMORY);
    }
    d->channel = channel;
    channel = -1;
    *ret = d;
    return cf_ok();
}

void cf_kms_dialer_stop(cf_kms_dialer *d)
{
    (void)pthread_mutex_lock(&d->lock);
    d->stopped = true;
    (void)shutdown(d->channel, SHUT_RDWR);
    for (cf_kms_link *l = d->links; l != NULL; l = l->next) {
        if (l->fd >= 0) {
            (void)shutdown(l->fd, SHUT_RDWR);
        }
    }
    (void)pthread_mutex_unlock(&d->lock);
}

void cf_kms_dialer_free(cf_kms_dialer **dialer)
{
    cf_kms_dialer *d = *dialer;
    if (d != NULL) {
        cf_fd_close(&d->channel);
        (void)pthread_mutex_destroy(&d->asking);
        (void)pthread_mutex_destroy(&d->lock);
        cf_mem_free(d);
        *dialer = NULL;
    }
}

CF_MUST_USE cf_result cf_kms_link_new(cf_kms_dialer *d, cf_kms_link **ret)
{
    cf_kms_link *l = cf_mem_new(1, sizeof *l);
    *ret = l;
    CF_REQUIRE(l != NULL, NO_MEMORY);
    l->dialer = d;
    l->fd = -1;
    (void)pthread_mutex_lock(&d->lock);
    l->next = d->links;
    d->links = l;
    (void)pthread_mutex_unlock(&d->lock);
    return cf_ok();
}

/* The descriptor changes under the lock, so that cf_kms_dialer_stop never shuts one that has become another's. */
static CF_MUST_USE cf_result set_fd(cf_kms_link *l, int fd)
{
    cf_kms_dialer *d = l->dialer;
    (void)pthread_mutex_lock(&d->lock);
    cf_fd_close(&l->fd);
    l->fd = d->stopped ? -1 : fd;
    bool stopped = d->stopped;
    (void)pthread_mutex_unlock(&d->lock);
    if (stopped) {
        cf_fd_close(&fd);
    }
    CF_REQUIRE(!stopped, CLOSED);
    return cf_ok();
}

static void hang_up(cf_kms_link *l)
{
    cf_ignore(set_fd(l, -1));
    cf_buf_clear(&l->in);
}

void cf_kms_link_free(cf_kms_link **link)
{
    cf_kms_link *l = *link;
    if (l == NULL) {
        return;
    }
    hang_up(l);
    (void)pthread_mutex_lock(&l->dialer->lock);
    cf_kms_link **at = &l->dialer->links;
    while (*at != l) {
        at = &(*at)->next;
    }
    *at = l->next;
    (void)pthread_mutex_unlock(&l->dialer->lock);
    cf_buf_free(&l->in);
    cf_buf_free(&l->request);
    cf_mem_free(l);
    *link = NULL;
}

/* Asks the launcher. An answer to an earlier question that nobody waited for would be taken for this one's; it goes first. */
static CF_MUST_USE cf_result ask(cf_kms_dialer *d, uint64_t deadline_ms, int *ret_fd)
{
    uint8_t what;
    while (cf_is_ok(cf_net_recv_fd(d->channel, 0, &what, ret_fd))) {
        cf_fd_close(ret_fd);
    }
    CF_TRY(cf_net_send_fd(d->channel, LINK_ASK, -1));
    CF_TRY(cf_net_recv_fd(d->channel, deadline_ms, &what, ret_fd));
    CF_REQUIRE(*ret_fd >= 0, NOT_FOUND);
    return cf_ok();
}

static CF_MUST_USE cf_result dial(cf_kms_link *l, uint64_t deadline_ms)
{
    cf_kms_dialer *d = l->dialer;
    int fd = -1;
    (void)pthread_mutex_lock(&d->asking);
    cf_result r = ask(d, deadline_ms, &fd);
    (void)pthread_mutex_unlock(&d->asking);
    CF_TRY(r);
    return set_fd(l, fd);
}

/* One attempt on the link's connection. *ret_silent: it failed before the first octet of an answer came. */
static CF_MUST_USE cf_result exchange(cf_kms_link *l, uint64_t deadline_ms, unsigned *ret_status,
                                      cf_buf *ret_body, bool *ret_silent)
{
    CF_HTTP1_RESPONSE(response, CF_KMS_ANSWER_BYTES_MAX);
    bool complete = false;
    *ret_silent = true;
    cf_buf_clear(&l->in);
    CF_TRY(cf_net_write_full(l->fd, cf_buf_view(&l->request), deadline_ms));
    while (!complete) {
        CF_TRY(cf_net_read_some(l->fd, &l->in, LINK_READ_BYTES, deadline_ms));
        *ret_silent = false;
        cf_result r = cf_http1_read(&response, cf_buf_view(&l->in), &complete);
        CF_REQUIRE(cf_is_ok(r), KMS_ANSWER);
    }
    *ret_status = response.status;
    CF_TRY(cf_buf_append(ret_body, response.body));
    /* Octets behind the answer belong to no request of ours: the connection is out of step. */
    if (!response.keep_alive || response.used != l->in.len) {
        hang_up(l);
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_kms_link_call(cf_kms_link *l, const cf_http1_request *request,
                                       uint64_t deadline_ms, unsigned *ret_status, cf_buf *ret_body)
{
    *ret_status = 0;
    cf_buf_clear(&l->request);
    CF_TRY(cf_http1_put_request(request, &l->request));
    cf_result r = cf_fail(CF_ERR_CLOSED);
    bool kept = l->fd >= 0, silent = true;
    if (kept) {
        r = exchange(l, deadline_ms, ret_status, ret_body, &silent);
    }
    if (!kept || (silent && r.code == CF_ERR_CLOSED)) {
        r = dial(l, deadline_ms);
        r = cf_is_ok(r) ? exchange(l, deadline_ms, ret_status, ret_body, &silent) : r;
    }
    if (!cf_is_ok(r)) {
        hang_up(l);
    }
    cf_buf_clear(&l->request);
    if (cf_is_ok(r) || r.code == CF_ERR_KMS_ANSWER || r.code == CF_ERR_NO_MEMORY) {
        return r;
    }
    return cf_fail(CF_ERR_KMS_UNAVAILABLE);
}
