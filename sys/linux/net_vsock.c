/* SPDX-License-Identifier: Apache-2.0 */
/* AF_VSOCK: the transport between an enclave or virtual machine and its host. System calls: those of net_connect.c. */
#include <sys/socket.h>

#include <linux/vm_sockets.h>

#include "sys/linux/net_priv.h"

static struct sockaddr_vm vsock_address(uint32_t cid, uint32_t port)
{
    return (struct sockaddr_vm){.svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port};
}

CF_MUST_USE cf_result cf_net_vsock_listen(uint32_t cid, uint32_t port, int backlog, int *ret_fd)
{
    *ret_fd = -1;
    CF_FD(fd);
    struct sockaddr_vm addr = vsock_address(cid, port);
    CF_TRY(cf_net_socket(AF_VSOCK, &fd));
    CF_TRY(cf_net_bind(fd, (const struct sockaddr *)&addr, sizeof addr, backlog));
    *ret_fd = fd;
    fd = -1;
    return cf_ok();
}

CF_MUST_USE cf_result cf_net_vsock_dial(uint32_t cid, uint32_t port, uint64_t deadline_ms,
                                        int *ret_fd)
{
    *ret_fd = -1;
    CF_FD(fd);
    struct sockaddr_vm addr = vsock_address(cid, port);
    CF_TRY(cf_net_socket(AF_VSOCK, &fd));
    CF_TRY(cf_net_connect(fd, (const struct sockaddr *)&addr, sizeof addr, deadline_ms));
    *ret_fd = fd;
    fd = -1;
    return cf_ok();
}
