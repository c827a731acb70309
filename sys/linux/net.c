/* SPDX-License-Identifier: Apache-2.0 */
/* Unix and TCP sockets, and the choice by kind. Host side only. System calls: those of net_connect.c, and fchmod, lstat, unlink. */
#include "sys/linux/net.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "sys/linux/clock.h"
#include "sys/linux/errno_priv.h"
#include "sys/linux/net_priv.h"

/* How long a live listener may take to show that it lives. */
#define NET_LIVE_MS_MAX 1000
#define NET_UNIX_MODE 0600

_Static_assert(sizeof(((struct sockaddr_un *)0)->sun_path) == CF_NET_PATH_BYTES_MAX + 1,
               "a path of the limit fits");

static struct sockaddr_un unix_address(const cf_net_addr *addr)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    cf_copy(un.sun_path, addr->path, strnlen(addr->path, CF_NET_PATH_BYTES_MAX));
    return un;
}

static CF_MUST_USE cf_result unix_dial(const cf_net_addr *addr, uint64_t deadline_ms, int *fd)
{
    struct sockaddr_un un = unix_address(addr);
    CF_TRY(cf_net_socket(AF_UNIX, fd));
    return cf_net_connect(*fd, (const struct sockaddr *)&un, sizeof un, deadline_ms);
}

/* Removes a socket file that nobody listens on. */
static CF_MUST_USE cf_result unix_remove_stale(const cf_net_addr *addr)
{
    struct stat st;
    CF_REQUIRE(lstat(addr->path, &st) == 0 && S_ISSOCK(st.st_mode), EXISTS);
    CF_FD(probe);
    cf_result dialled = unix_dial(addr, cf_clock_mono_ms() + NET_LIVE_MS_MAX, &probe);
    CF_REQUIRE(dialled.code == CF_ERR_NOT_FOUND, EXISTS);
    return unlink(addr->path) == 0 ? cf_ok() : cf_errno_result(errno);
}

static CF_MUST_USE cf_result unix_listen(const cf_net_addr *addr, int backlog, int *fd)
{
    struct sockaddr_un un = unix_address(addr);
    CF_TRY(cf_net_socket(AF_UNIX, fd));
    /* On Linux the file gets the mode that the socket has when it is bound; a chmod afterwards would come too late. */
    CF_REQUIRE(fchmod(*fd, NET_UNIX_MODE) == 0, IO);
    cf_result bound = cf_net_bind(*fd, (const struct sockaddr *)&un, sizeof un, backlog);
    if (bound.code != CF_ERR_EXISTS) {
        return bound;
    }
    CF_TRY(unix_remove_stale(addr));
    return cf_net_bind(*fd, (const struct sockaddr *)&un, sizeof un, backlog);
}

static void free_addresses(struct addrinfo **list)
{
    if (*list != NULL) {
        freeaddrinfo(*list);
    }
}

static CF_MUST_USE cf_result tcp_resolve(const cf_net_addr *addr, bool passive,
                                         struct addrinfo **ret)
{
    char port[8];
    (void)snprintf(port, sizeof port, "%u", addr->port);
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICSERV | (passive ? AI_PASSIVE : 0)};
    CF_REQUIRE(getaddrinfo(addr->path, port, &hints, ret) == 0, NOT_FOUND);
    return cf_ok();
}

/* Listens on, or dials, the first address of the host that lets us. */
static CF_MUST_USE cf_result tcp_open(const cf_net_addr *addr, const int *backlog,
                                      uint64_t deadline_ms, int *fd)
{
    CF_AUTO(free_addresses) struct addrinfo *list = NULL;
    CF_TRY(tcp_resolve(addr, backlog != NULL, &list));
    cf_result last = cf_fail(CF_ERR_NOT_FOUND);
    for (const struct addrinfo *at = list; at != NULL; at = at->ai_next) {
        cf_fd_close(fd);
        CF_TRY(cf_net_socket(at->ai_family, fd));
        int on = 1;
        if (backlog != NULL) {
            (void)setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
            last = cf_net_bind(*fd, at->ai_addr, at->ai_addrlen, *backlog);
        } else {
            (void)setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            last = cf_net_connect(*fd, at->ai_addr, at->ai_addrlen, deadline_ms);
        }
        if (cf_is_ok(last)) {
            break;
        }
    }
    return last;
}

CF_MUST_USE cf_result cf_net_listen(const cf_net_addr *addr, int backlog, int *ret_fd)
{
    *ret_fd = -1;
    CF_FD(fd);
    switch (addr->kind) {
    case CF_NET_UNIX:
        CF_TRY(unix_listen(addr, backlog, &fd));
        break;
    case CF_NET_VSOCK:
        CF_TRY(cf_net_vsock_listen(addr->cid, addr->port, backlog, &fd));
        break;
    case CF_NET_TCP:
        CF_TRY(tcp_open(addr, &backlog, 0, &fd));
        break;
    case CF_NET_FD:
        fd = addr->fd;
        break;
    }
    *ret_fd = fd;
    fd = -1;
    return cf_ok();
}

CF_MUST_USE cf_result cf_net_dial(const cf_net_addr *addr, uint64_t deadline_ms, int *ret_fd)
{
    *ret_fd = -1;
    CF_FD(fd);
    switch (addr->kind) {
    case CF_NET_UNIX:
        CF_TRY(unix_dial(addr, deadline_ms, &fd));
        break;
    case CF_NET_VSOCK:
        CF_TRY(cf_net_vsock_dial(addr->cid, addr->port, deadline_ms, &fd));
        break;
    case CF_NET_TCP:
        CF_TRY(tcp_open(addr, NULL, deadline_ms, &fd));
        break;
    case CF_NET_FD:
        return cf_fail(CF_ERR_UNSUPPORTED);
    }
    *ret_fd = fd;
    fd = -1;
    return cf_ok();
}

/* The port that a TCP socket is bound to. */
static CF_MUST_USE cf_result bound_port(int fd, uint32_t *ret)
{
    struct sockaddr_storage at = {0};
    socklen_t len = sizeof at;
    CF_REQUIRE(getsockname(fd, (struct sockaddr *)&at, &len) == 0, IO);
    in_port_t port = 0;
    if (at.ss_family == AF_INET) {
        port = ((const struct sockaddr_in *)&at)->sin_port;
    } else if (at.ss_family == AF_INET6) {
        port = ((const struct sockaddr_in6 *)&at)->sin6_port;
    }
    *ret = ntohs(port);
    return cf_ok();
}

CF_MUST_USE cf_result cf_net_reach_of(int listen_fd, cf_net_reach *ret)
{
    struct sockaddr_storage at = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof at;
    bool here = false;
    *ret = CF_NET_REACH_UNKNOWN;
    CF_REQUIRE(getsockname(listen_fd, (struct sockaddr *)&at, &len) == 0, IO);
    switch (at.ss_family) {
    case AF_UNIX:
        *ret = CF_NET_REACH_UNIX;
        return cf_ok();
    case AF_INET:
        here = ntohl(((const struct sockaddr_in *)&at)->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
        break;
    case AF_INET6:
        here = IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)&at)->sin6_addr);
        break;
    default:
        return cf_ok();
    }
    *ret = here ? CF_NET_REACH_LOOPBACK : CF_NET_REACH_NETWORK;
    return cf_ok();
}

CF_MUST_USE cf_result cf_net_text(const cf_net_addr *addr, int listen_fd,
                                  char ret[static CF_NET_TEXT_BYTES_MAX])
{
    uint32_t port = addr->port;
    ret[0] = '\0';
    switch (addr->kind) {
    case CF_NET_UNIX:
        (void)snprintf(ret, CF_NET_TEXT_BYTES_MAX, "unix:%s", addr->path);
        break;
    case CF_NET_VSOCK:
        (void)snprintf(ret, CF_NET_TEXT_BYTES_MAX, "vsock:%u:%u", addr->cid, addr->port);
        break;
    case CF_NET_TCP:
        CF_TRY(bound_port(listen_fd, &port));
        (void)snprintf(ret, CF_NET_TEXT_BYTES_MAX, strchr(addr->path, ':') ? "[%s]:%u" : "%s:%u",
                       addr->path, port);
        break;
    case CF_NET_FD:
        (void)snprintf(ret, CF_NET_TEXT_BYTES_MAX, "fd:%d", addr->fd);
        break;
    }
    return cf_ok();
}
