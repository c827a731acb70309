/* SPDX-License-Identifier: Apache-2.0 */
/* Byte-stream transports behind one table: Unix sockets, AF_VSOCK, and descriptors handed over by a launcher. */
#pragma once
#include "core/base/buf.h"

/** Closes and leaves -1; accepts -1. */
void cf_fd_close(int *fd);
#define CF_FD(name) CF_AUTO(cf_fd_close) int name = -1

/** Where something listens. text forms: "unix:PATH", "vsock:CID:PORT", "HOST:PORT" (tcp, host side only), "fd:N" (inherited). */
typedef enum { CF_NET_UNIX, CF_NET_VSOCK, CF_NET_TCP, CF_NET_FD } cf_net_kind;
#define CF_NET_PATH_BYTES_MAX 107
typedef struct {
    cf_net_kind kind;
    char path[CF_NET_PATH_BYTES_MAX + 1]; /* unix path, or tcp host */
    uint32_t cid, port;
    int fd;
} cf_net_addr;
CF_MUST_USE cf_result cf_net_parse(const char *text, cf_net_addr *ret);

/** Listening or connected stream socket, close-on-exec, blocking. error IO, NOT_FOUND (nobody listens), NOT_PERMITTED, TIMEOUT.
 *  A stale Unix socket file nobody listens on is replaced; a live one is EXISTS. */
CF_MUST_USE cf_result cf_net_listen(const cf_net_addr *addr, int backlog, int *ret_fd);
CF_MUST_USE cf_result cf_net_dial(const cf_net_addr *addr, uint64_t deadline_ms, int *ret_fd);

/** Descriptor passing over a Unix socket pair (SCM_RIGHTS), with one octet of meaning. */
CF_MUST_USE cf_result cf_net_send_fd(int sock, uint8_t what, int fd);
/** *ret_fd is -1 when only the octet came. error CLOSED, TIMEOUT. */
CF_MUST_USE cf_result cf_net_recv_fd(int sock, uint64_t deadline_ms, uint8_t *ret_what, int *ret_fd);

/** Whole reads and writes within a deadline (cf_clock_mono_ms based, see clock.h). error CLOSED, TIMEOUT, IO. */
CF_MUST_USE cf_result cf_net_read_full(int fd, uint8_t *buf, size_t len, uint64_t deadline_ms);
CF_MUST_USE cf_result cf_net_write_full(int fd, cf_view v, uint64_t deadline_ms);
/** Some octets, at least one, at most max, appended. */
CF_MUST_USE cf_result cf_net_read_some(int fd, cf_buf *buf, size_t max, uint64_t deadline_ms);
