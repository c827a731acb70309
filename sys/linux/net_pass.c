/* SPDX-License-Identifier: Apache-2.0 */
/* System calls: recvmsg, sendmsg, poll. */
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "sys/linux/clock.h"
#include "sys/linux/errno_priv.h"
#include "sys/linux/net.h"

/* Room for the control message that carries one descriptor. */
typedef union {
    char octets[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
} fd_control;

/* A peer that leaves so many messages unread that one more finds no room is given this long. */
#define NET_PASS_MS_MAX 1000

CF_MUST_USE cf_result cf_net_send_fd(int sock, uint8_t what, int fd)
{
    fd_control control = {{0}};
    struct iovec octet = {.iov_base = &what, .iov_len = 1};
    struct msghdr message = {.msg_iov = &octet, .msg_iovlen = 1};
    if (fd >= 0) {
        message.msg_control = control.octets;
        message.msg_controllen = sizeof control.octets;
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof fd);
        cf_copy(CMSG_DATA(head), &fd, sizeof fd);
    }
    uint64_t deadline_ms = cf_clock_mono_ms() + NET_PASS_MS_MAX;
    while (sendmsg(sock, &message, MSG_DONTWAIT | MSG_NOSIGNAL) != 1) {
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
            return cf_errno_result(errno);
        }
        CF_TRY(cf_net_wait(sock, POLLOUT, deadline_ms));
    }
    return cf_ok();
}

/* The descriptor of the message, or -1; false when it does not carry just that. The kernel hands over as many as the room that it
 * is told of holds: one. Should more come all the same, none is kept. */
static bool fd_of(struct msghdr *message, int *ret)
{
    size_t n = 0;
    for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head != NULL;
         head = CMSG_NXTHDR(message, head)) {
        bool fds = head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS;
        size_t octets = fds ? head->cmsg_len - CMSG_LEN(0) : 0;
        for (size_t at = 0; at + sizeof(int) <= octets; at += sizeof(int)) {
            int fd;
            cf_copy(&fd, CMSG_DATA(head) + at, sizeof fd);
            cf_fd_close(ret);
            *ret = fd;
            n++;
        }
    }
    bool ok = n <= 1 && (message->msg_flags & MSG_CTRUNC) == 0;
    if (!ok) {
        cf_fd_close(ret);
    }
    return ok;
}

CF_MUST_USE cf_result cf_net_recv_fd(int sock, uint64_t deadline_ms, uint8_t *ret_what, int *ret_fd)
{
    *ret_what = 0;
    *ret_fd = -1;
    for (;;) {
        fd_control control = {{0}};
        struct iovec octet = {.iov_base = ret_what, .iov_len = 1};
        struct msghdr message = {.msg_iov = &octet,
                                 .msg_iovlen = 1,
                                 .msg_control = control.octets,
                                 .msg_controllen = CMSG_LEN(sizeof(int))};
        ssize_t n = recvmsg(sock, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (n > 0) {
            CF_REQUIRE(fd_of(&message, ret_fd), MALFORMED);
            return cf_ok();
        }
        CF_REQUIRE(n != 0, CLOSED);
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
            return cf_errno_result(errno);
        }
        CF_TRY(cf_net_wait(sock, POLLIN, deadline_ms));
    }
}
