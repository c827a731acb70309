/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the transports of this folder. */
#pragma once
#include <sys/socket.h>

#include "sys/linux/net.h"

/** New stream socket, close-on-exec. */
CF_MUST_USE cf_result cf_net_socket(int family, int *ret_fd);
/** Connects within the deadline; the socket is blocking again afterwards. */
CF_MUST_USE cf_result cf_net_connect(int fd, const struct sockaddr *addr, socklen_t len,
                                     uint64_t deadline_ms);
/** bind and listen. */
CF_MUST_USE cf_result cf_net_bind(int fd, const struct sockaddr *addr, socklen_t len, int backlog);
