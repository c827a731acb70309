/* SPDX-License-Identifier: Apache-2.0 */
/* System calls: close, poll, recvfrom, sendto. */
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/linux/clock.h"
#include "sys/linux/errno_priv.h"
#include "sys/linux/net.h"

void cf_fd_close(int *fd)
{
    if (*fd >= 0) {
        /* Linux frees the descriptor even when close says EINTR. */
        (void)close(*fd);
        *fd = -1;
    }
}

CF_MUST_USE cf_result cf_net_wait(int fd, short events, uint64_t deadline_ms)
{
    for (;;) {
        struct pollfd wait = {.fd = fd, .events = events};
        int ready = poll(&wait, 1, cf_clock_poll_ms(deadline_ms));
        if (ready > 0) {
            return cf_ok();
        }
        CF_REQUIRE(ready == 0 || errno == EINTR, IO);
        CF_REQUIRE(ready != 0 || cf_clock_poll_ms(deadline_ms) != 0, TIMEOUT);
    }
}

/* True when the call is to be tried again after a wait. */
static bool must_wait(ssize_t n)
{
    return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
}

/* One read of 1..max octets. The socket itself may block: each call asks not to. What is read is mostly the answer to what was just
 * written, so it waits first: a read that finds nothing would be a call for nothing. */
CF_MUST_USE cf_result cf_net_read_once(int fd, uint8_t *to, size_t max, uint64_t deadline_ms,
                                       size_t *ret_n)
{
    *ret_n = 0;
    for (;;) {
        CF_TRY(cf_net_wait(fd, POLLIN, deadline_ms));
        ssize_t n = recv(fd, to, max, MSG_DONTWAIT);
        if (n > 0) {
            *ret_n = (size_t)n;
            return cf_ok();
        }
        CF_REQUIRE(n != 0, CLOSED);
        if (!must_wait(n)) {
            return cf_errno_result(errno);
        }
    }
}

CF_MUST_USE cf_result cf_net_read_full(int fd, uint8_t *buf, size_t len, uint64_t deadline_ms)
{
    for (size_t got = 0; got < len;) {
        size_t n;
        CF_TRY(cf_net_read_once(fd, buf + got, len - got, deadline_ms, &n));
        got += n;
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_net_read_some(int fd, cf_buf *buf, size_t max, uint64_t deadline_ms)
{
    CF_REQUIRE(max > 0, ARGUMENT);
    CF_TRY(cf_buf_reserve(buf, max));
    size_t n;
    CF_TRY(cf_net_read_once(fd, buf->data + buf->len, max, deadline_ms, &n));
    buf->len += n;
    return cf_ok();
}

CF_MUST_USE cf_result cf_net_write_full(int fd, cf_view v, uint64_t deadline_ms)
{
    for (size_t sent = 0; sent < v.len;) {
        ssize_t n = send(fd, v.data + sent, v.len - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n >= 0) {
            sent += (size_t)n;
        } else if (must_wait(n)) {
            CF_TRY(cf_net_wait(fd, POLLOUT, deadline_ms));
        } else {
            return cf_errno_result(errno);
        }
    }
    return cf_ok();
}
