/* SPDX-License-Identifier: Apache-2.0 */
/* System calls: socket, connect, bind, listen, fcntl, getsockopt, poll. */
#include <fcntl.h>
#include <poll.h>

#include "sys/linux/clock.h"
#include "sys/linux/errno_priv.h"
#include "sys/linux/net_priv.h"

/* A Unix socket whose queue is full says so at once; it is asked again after this long. */
#define NET_RETRY_MS 5

CF_MUST_USE cf_result cf_net_socket(int family, int *ret_fd)
{
    *ret_fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return *ret_fd >= 0 ? cf_ok() : cf_errno_result(errno);
}

static CF_MUST_USE cf_result set_blocking(int fd, bool blocking)
{
    int flags = fcntl(fd, F_GETFL);
    CF_REQUIRE(flags >= 0, IO);
    flags = blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK;
    CF_REQUIRE(fcntl(fd, F_SETFL, flags) == 0, IO);
    return cf_ok();
}

/* What became of a connect that was under way. */
static CF_MUST_USE cf_result connect_end(int fd, uint64_t deadline_ms)
{
    CF_TRY(cf_net_wait(fd, POLLOUT, deadline_ms));
    int error = 0;
    socklen_t len = sizeof error;
    CF_REQUIRE(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0, IO);
    return error == 0 ? cf_ok() : cf_errno_result(error);
}

CF_MUST_USE cf_result cf_net_connect(int fd, const struct sockaddr *addr, socklen_t len,
                                     uint64_t deadline_ms)
{
    CF_TRY(set_blocking(fd, false));
    while (connect(fd, addr, len) != 0) {
        if (errno == EINPROGRESS || errno == EINTR) {
            CF_TRY(connect_end(fd, deadline_ms));
            break;
        }
        if (errno != EAGAIN) {
            return cf_errno_result(errno);
        }
        CF_REQUIRE(cf_clock_poll_ms(deadline_ms) != 0, TIMEOUT);
        (void)poll(NULL, 0, NET_RETRY_MS);
    }
    return set_blocking(fd, true);
}

CF_MUST_USE cf_result cf_net_bind(int fd, const struct sockaddr *addr, socklen_t len, int backlog)
{
    if (bind(fd, addr, len) != 0 || listen(fd, backlog) != 0) {
        return cf_errno_result(errno);
    }
    return cf_ok();
}
