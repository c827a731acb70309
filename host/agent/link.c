/* SPDX-License-Identifier: Apache-2.0 */
#include "host/agent/link.h"

#include <errno.h>
#include <sys/socket.h>

#include "sys/linux/net.h"

/* Memory that a link keeps while it is idle, per direction. */
#define LINK_KEEP_BYTES (2 * CF_AGENT_READ_BYTES)

void cf_link_init(cf_link *l)
{
    *l = (cf_link){.fd = -1};
}

void cf_link_down(cf_link *l, uint64_t retry_ms)
{
    cf_fd_close(&l->fd);
    cf_buf_free(&l->out);
    cf_buf_free(&l->in);
    cf_link_init(l);
    l->retry_ms = retry_ms;
}

/* Empties a buffer whose octets are all used. cf_buf_clear would wipe its whole room each time. */
static void empty(cf_buf *b, size_t *at)
{
    if (b->cap > LINK_KEEP_BYTES) {
        cf_buf_free(b);
    } else {
        cf_wipe(b->data, b->len);
        b->len = 0;
    }
    *at = 0;
}

void cf_link_flush(cf_link *l)
{
    while (!l->broken && cf_link_unsent(l) > 0) {
        ssize_t n =
            send(l->fd, l->out.data + l->out_at, cf_link_unsent(l), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n >= 0) {
            l->out_at += (size_t)n;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return;
        } else if (errno != EINTR) {
            l->broken = true;
        }
    }
    if (!l->broken) {
        empty(&l->out, &l->out_at);
    }
}

cf_result cf_link_send(cf_link *l, uint32_t kind, uint64_t request, cf_view body)
{
    CF_TRY(cf_frame_encode(kind, request, body, &l->out));
    cf_link_flush(l);
    return cf_ok();
}

cf_result cf_link_fill(cf_link *l)
{
    CF_TRY(cf_buf_reserve(&l->in, CF_AGENT_READ_BYTES));
    ssize_t n = recv(l->fd, l->in.data + l->in.len, CF_AGENT_READ_BYTES, MSG_DONTWAIT);
    if (n < 0) {
        CF_REQUIRE(errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR, IO);
        return cf_ok();
    }
    CF_REQUIRE(n > 0, CLOSED);
    l->in.len += (size_t)n;
    return cf_ok();
}

cf_result cf_link_next(cf_link *l, bool *ret_there, cf_msg *ret)
{
    size_t used = 0;
    *ret_there = false;
    CF_TRY(cf_frame_decode(cf_view_sub(cf_buf_view(&l->in), l->in_at, l->in.len - l->in_at), &used,
                           ret));
    l->in_at += used;
    *ret_there = used > 0;
    return cf_ok();
}

cf_result cf_link_used(cf_link *l)
{
    if (l->in_at == l->in.len) {
        empty(&l->in, &l->in_at);
    } else if (l->in_at > 0) {
        /* Part of a frame is left: it moves to memory of its own, and what was before it is wiped with the old. */
        CF_BUF(rest);
        CF_TRY(
            cf_buf_append(&rest, cf_view_sub(cf_buf_view(&l->in), l->in_at, l->in.len - l->in_at)));
        cf_buf_free(&l->in);
        l->in = cf_buf_move(&rest);
        l->in_at = 0;
    }
    return cf_ok();
}
