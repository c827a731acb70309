/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>

#include "core/base/reader.h"
#include "sys/linux/clock.h"
#include "sys/linux/net.h"
#include "sys/nsm/frame_priv.h"
#include "sys/nsm/nsm.h"

#define HEAD_BYTES 4

CF_MUST_USE cf_result cf_nsm_frame_read(int fd, uint64_t head_deadline_ms, size_t max, cf_buf *ret)
{
    cf_buf_clear(ret);
    uint8_t head[HEAD_BYTES];
    CF_TRY(cf_net_read_full(fd, head, sizeof head, head_deadline_ms));
    cf_reader r = cf_reader_of(CF_VIEW_OF(head));
    uint32_t len = cf_read_u32(&r);
    CF_REQUIRE(len > 0 && len <= max, SIZE);
    CF_TRY(cf_buf_reserve(ret, len));
    CF_TRY(cf_net_read_full(fd, ret->data, len, cf_clock_mono_ms() + CF_NSM_TIMEOUT_MS));
    ret->len = len;
    return cf_ok();
}

CF_MUST_USE cf_result cf_nsm_frame_write(int fd, uint64_t deadline_ms, cf_view octets)
{
    CF_BUF(frame);
    cf_writer w = cf_writer_to(&frame, HEAD_BYTES + octets.len);
    cf_write_u32(&w, (uint32_t)octets.len);
    cf_write(&w, octets);
    CF_TRY(cf_write_end(&w));
    return cf_net_write_full(fd, cf_buf_view(&frame), deadline_ms);
}

typedef struct {
    pthread_mutex_t one_call;
    int fd;
    bool out_of_step; /* a call failed half way: the next answer might be another request's */
} stream;

static void unlock(pthread_mutex_t **m)
{
    (void)pthread_mutex_unlock(*m);
}

static cf_result stream_call(void *self, cf_view request, cf_buf *ret_response)
{
    stream *s = self;
    CF_REQUIRE(request.len > 0 && request.len <= CF_NSM_REQUEST_BYTES_MAX, SIZE);
    CF_BUF(answer);
    (void)pthread_mutex_lock(&s->one_call);
    CF_AUTO(unlock) pthread_mutex_t *held = &s->one_call;
    CF_REQUIRE(!s->out_of_step, IO);
    uint64_t deadline_ms = cf_clock_mono_ms() + CF_NSM_TIMEOUT_MS;
    cf_result r = cf_nsm_frame_write(s->fd, deadline_ms, request);
    if (cf_is_ok(r)) {
        r = cf_nsm_frame_read(s->fd, deadline_ms, CF_NSM_RESPONSE_BYTES_MAX, &answer);
    }
    s->out_of_step = !cf_is_ok(r);
    (void)held;
    CF_TRY(r);
    return cf_buf_append(ret_response, cf_buf_view(&answer));
}

static void stream_close(void *self)
{
    stream *s = self;
    cf_fd_close(&s->fd);
    (void)pthread_mutex_destroy(&s->one_call);
    cf_mem_free(s);
}

static const cf_nsm_ops stream_ops = {.call = stream_call, .close = stream_close};

CF_MUST_USE cf_result cf_nsm_open_stream(int fd, cf_nsm *ret)
{
    *ret = (cf_nsm){NULL, NULL};
    stream *s = cf_mem_new(1, sizeof *s);
    if (s == NULL || pthread_mutex_init(&s->one_call, NULL) != 0) {
        cf_fd_close(&fd);
        cf_mem_free(s);
        return cf_fail(CF_ERR_NO_MEMORY);
    }
    s->fd = fd;
    *ret = (cf_nsm){&stream_ops, s};
    return cf_ok();
}
