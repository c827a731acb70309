/* SPDX-License-Identifier: Apache-2.0 */
/* Connections. System calls: those of sys/linux/net_stream.c, and futex, shutdown. */
#include <stdio.h>
#include <sys/socket.h>

#include "core/kms/kms.h"
#include "sys/kms/link_priv.h"
#include "sys/linux/clock.h"
#include "sys/linux/net.h"

#define HTTPS_PORT 443

CF_MUST_USE cf_result cf_kms_service_new(const cf_kms_service_spec *spec, cf_kms_service **ret)
{
    cf_kms_service *s = cf_mem_new(1, sizeof *s);
    *ret = s;
    CF_REQUIRE(s != NULL, NO_MEMORY);
    s->spec = *spec;
    const cf_aws_endpoint *e = spec->endpoint;
    if (e == NULL) {
        (void)snprintf(s->host, sizeof s->host, "kms");
    } else {
        (void)snprintf(s->host, sizeof s->host, e->port == HTTPS_PORT ? "%s" : "%s:%u", e->host,
                       e->port);
    }
    (void)pthread_mutex_init(&s->lock, NULL);
    (void)pthread_cond_init(&s->stopping, NULL);
    return cf_ok();
}

void cf_kms_service_stop(cf_kms_service *s)
{
    (void)pthread_mutex_lock(&s->lock);
    s->stopped = true;
    if (s->spec.dial->stop != NULL) {
        s->spec.dial->stop(s->spec.dial_self);
    }
    for (cf_kms_link *l = s->links; l != NULL; l = l->next) {
        if (l->fd >= 0) {
            (void)shutdown(l->fd, SHUT_RDWR);
        }
    }
    (void)pthread_cond_broadcast(&s->stopping);
    (void)pthread_mutex_unlock(&s->lock);
}

void cf_kms_service_free(cf_kms_service **service)
{
    cf_kms_service *s = *service;
    if (s != NULL) {
        (void)pthread_mutex_destroy(&s->lock);
        (void)pthread_cond_destroy(&s->stopping);
        cf_mem_free(s);
        *service = NULL;
    }
}

CF_MUST_USE cf_result cf_kms_pause(cf_kms_service *s, uint64_t until_ms)
{
    const struct timespec until = {(time_t)(until_ms / 1000), (long)(until_ms % 1000) * 1000000L};
    int timed_out = 0;
    (void)pthread_mutex_lock(&s->lock);
    while (timed_out == 0 && !s->stopped) {
        timed_out = pthread_cond_clockwait(&s->stopping, &s->lock, CLOCK_MONOTONIC, &until);
    }
    bool stopped = s->stopped;
    (void)pthread_mutex_unlock(&s->lock);
    CF_REQUIRE(!stopped, CLOSED);
    return cf_ok();
}

CF_MUST_USE cf_result cf_kms_link_new(cf_kms_service *s, cf_kms_link **ret)
{
    cf_kms_link *l = cf_mem_new(1, sizeof *l);
    *ret = l;
    CF_REQUIRE(l != NULL, NO_MEMORY);
    l->service = s;
    l->fd = -1;
    (void)pthread_mutex_lock(&s->lock);
    l->next = s->links;
    s->links = l;
    (void)pthread_mutex_unlock(&s->lock);
    return cf_ok();
}

/* The descriptor changes under the lock, so that cf_kms_service_stop never shuts one that has become another's. */
static CF_MUST_USE cf_result set_fd(cf_kms_link *l, int fd)
{
    cf_kms_service *s = l->service;
    (void)pthread_mutex_lock(&s->lock);
    cf_fd_close(&l->fd);
    l->fd = s->stopped ? -1 : fd;
    bool stopped = s->stopped;
    (void)pthread_mutex_unlock(&s->lock);
    if (stopped) {
        cf_fd_close(&fd);
    }
    CF_REQUIRE(!stopped, CLOSED);
    return cf_ok();
}

static void hang_up(cf_kms_link *l)
{
    cf_tls_free(&l->tls);
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
    (void)pthread_mutex_lock(&l->service->lock);
    cf_kms_link **at = &l->service->links;
    while (*at != l) {
        at = &(*at)->next;
    }
    *at = l->next;
    (void)pthread_mutex_unlock(&l->service->lock);
    cf_buf_free(&l->in);
    cf_buf_free(&l->out);
    cf_mem_free(l);
    *link = NULL;
}

static CF_MUST_USE cf_result dial(cf_kms_link *l, uint64_t deadline_ms, const char **ret_why)
{
    const cf_kms_service_spec *spec = &l->service->spec;
    int fd = -1;
    CF_TRY(spec->dial->dial(spec->dial_self, deadline_ms, &fd));
    CF_TRY(set_fd(l, fd));
    if (spec->endpoint == NULL) {
        return cf_ok();
    }
    return cf_tls_open(spec->tls, l->fd, spec->endpoint->host, cf_clock_wall_ms() / 1000,
                       deadline_ms, &l->tls, ret_why);
}

static CF_MUST_USE cf_result write_out(cf_kms_link *l, uint64_t deadline_ms)
{
    cf_view out = cf_buf_view(&l->out);
    return l->tls != NULL ? cf_tls_write_full(l->tls, out, deadline_ms)
                          : cf_net_write_full(l->fd, out, deadline_ms);
}

static CF_MUST_USE cf_result read_in(cf_kms_link *l, uint64_t deadline_ms)
{
    return l->tls != NULL ? cf_tls_read_some(l->tls, &l->in, CF_KMS_READ_BYTES, deadline_ms)
                          : cf_net_read_some(l->fd, &l->in, CF_KMS_READ_BYTES, deadline_ms);
}

void cf_kms_answer_free(cf_kms_answer *a)
{
    cf_buf_free(&a->body);
    cf_buf_free(&a->error_type);
}

static CF_MUST_USE cf_result keep(const cf_http1_response *response, cf_kms_answer *ret)
{
    cf_view field;
    ret->status = response->status;
    CF_TRY(cf_buf_set(&ret->body, response->body));
    if (cf_is_ok(cf_http1_field_get(response, CF_LIT("Date"), &field))) {
        cf_ignore(cf_http1_date(field, &ret->date_unix_s));
    }
    if (cf_is_ok(cf_http1_field_get(response, CF_LIT("x-amzn-ErrorType"), &field))) {
        CF_TRY(cf_buf_set(&ret->error_type, field));
    }
    return cf_ok();
}

/* One attempt on the link's connection. *ret_silent: it failed before the first octet of an answer came. */
static CF_MUST_USE cf_result attempt(cf_kms_link *l, uint64_t deadline_ms, cf_kms_answer *ret,
                                     bool *ret_silent)
{
    CF_HTTP1_RESPONSE(response, CF_KMS_ANSWER_BYTES_MAX);
    bool complete = false;
    *ret_silent = true;
    cf_buf_clear(&l->in);
    CF_TRY(write_out(l, deadline_ms));
    while (!complete) {
        CF_TRY(read_in(l, deadline_ms));
        *ret_silent = false;
        cf_result r = cf_http1_read(&response, cf_buf_view(&l->in), &complete);
        CF_REQUIRE(cf_is_ok(r), KMS_ANSWER);
    }
    CF_TRY(keep(&response, ret));
    /* Octets behind the answer belong to no request of ours: the connection is out of step. */
    if (!response.keep_alive || response.used != l->in.len) {
        hang_up(l);
    }
    return cf_ok();
}

static bool has_ended(cf_result r)
{
    return r.code == CF_ERR_CLOSED || r.code == CF_ERR_TRUNCATED;
}

CF_MUST_USE cf_result cf_kms_exchange(cf_kms_link *l, uint64_t deadline_ms, cf_kms_answer *ret,
                                      const char **ret_why)
{
    cf_result r = cf_fail(CF_ERR_CLOSED);
    bool kept = l->fd >= 0, silent = true;
    if (kept) {
        r = attempt(l, deadline_ms, ret, &silent);
    }
    if (!kept || (silent && has_ended(r))) {
        hang_up(l);
        r = dial(l, deadline_ms, ret_why);
        r = cf_is_ok(r) ? attempt(l, deadline_ms, ret, &silent) : r;
    }
    if (!cf_is_ok(r)) {
        hang_up(l);
    }
    if (cf_is_ok(r) || r.code == CF_ERR_KMS_ANSWER || r.code == CF_ERR_NO_MEMORY) {
        return r;
    }
    return cf_fail(CF_ERR_KMS_UNAVAILABLE);
}
