/* SPDX-License-Identifier: Apache-2.0 */
/* Byte-stream transports behind one table: Unix sockets, AF_VSOCK, TCP, and descriptors handed over by a launcher.
 * Several files, so that a program links only what it calls: net_stream.c, net_addr.c, net_pass.c and net_vsock.c are all that
 * the enclave has; net.c holds Unix and TCP sockets. Deadlines are points of cf_clock_mono_ms (clock.h). */
#pragma once
#include "core/base/buf.h"

/** Closes and leaves -1; accepts -1. */
void cf_fd_close(int *fd);
#define CF_FD(name) CF_AUTO(cf_fd_close) int name = -1

/** Where something listens. text forms: "unix:PATH", "vsock:CID:PORT", "HOST:PORT" or "[HOST]:PORT" (tcp, host side only),
 *  "fd:N" (inherited). */
typedef enum { CF_NET_UNIX, CF_NET_VSOCK, CF_NET_TCP, CF_NET_FD } cf_net_kind;
#define CF_NET_PATH_BYTES_MAX 107
typedef struct {
    cf_net_kind kind;
    char path[CF_NET_PATH_BYTES_MAX + 1]; /* unix path, or tcp host */
    uint32_t cid, port;
    int fd;
} cf_net_addr;
/** error ARGUMENT for no form of the above, SIZE for a path or host over CF_NET_PATH_BYTES_MAX. */
CF_MUST_USE cf_result cf_net_parse(const char *text, cf_net_addr *ret);

/** Listening or connected stream socket, close-on-exec, blocking. error IO, NOT_FOUND (nobody listens), NOT_PERMITTED, TIMEOUT,
 *  UNSUPPORTED (dialling "fd:N"). "fd:N" is taken as it is: listening on it gives N itself.
 *  A Unix socket file has mode 0600. A stale one that nobody listens on is replaced; a live one, or a file of
 *  another kind, is EXISTS. */
CF_MUST_USE cf_result cf_net_listen(const cf_net_addr *addr, int backlog, int *ret_fd);
CF_MUST_USE cf_result cf_net_dial(const cf_net_addr *addr, uint64_t deadline_ms, int *ret_fd);

/** The address in the form that cf_net_parse takes, NUL-terminated; for TCP with the port that listen_fd is bound to, so that
 *  port 0 becomes the one the kernel chose. error IO. */
#define CF_NET_TEXT_BYTES_MAX (CF_NET_PATH_BYTES_MAX + 16)
CF_MUST_USE cf_result cf_net_text(const cf_net_addr *addr, int listen_fd,
                                  char ret[static CF_NET_TEXT_BYTES_MAX]);

/** From where a listening socket can be reached, whatever made it. error IO. */
typedef enum {
    CF_NET_REACH_UNKNOWN, /* neither of the kinds below */
    CF_NET_REACH_UNIX,
    CF_NET_REACH_LOOPBACK, /* TCP of this machine */
    CF_NET_REACH_NETWORK,  /* TCP */
} cf_net_reach;
CF_MUST_USE cf_result cf_net_reach_of(int listen_fd, cf_net_reach *ret);

/** The AF_VSOCK side of cf_net_listen and cf_net_dial by itself. cid and port UINT32_MAX: any, when listening. */
CF_MUST_USE cf_result cf_net_vsock_listen(uint32_t cid, uint32_t port, int backlog, int *ret_fd);
CF_MUST_USE cf_result cf_net_vsock_dial(uint32_t cid, uint32_t port, uint64_t deadline_ms,
                                        int *ret_fd);

/** Descriptor passing over a Unix socket pair (SCM_RIGHTS), with one octet of meaning. fd -1 sends the octet alone.
 *  error CLOSED, TIMEOUT (the peer does not read), IO. */
CF_MUST_USE cf_result cf_net_send_fd(int sock, uint8_t what, int fd);
/** *ret_fd is -1 when only the octet came, else close-on-exec.
 *  error CLOSED, TIMEOUT, IO; MALFORMED more than one descriptor came with the octet, or one found no room: none is kept. */
CF_MUST_USE cf_result cf_net_recv_fd(int sock, uint64_t deadline_ms, uint8_t *ret_what,
                                     int *ret_fd);

/** Whole reads and writes within a deadline, on stream sockets. error CLOSED, TIMEOUT, IO.
 *  After an error some octets may have been read or written. */
CF_MUST_USE cf_result cf_net_read_full(int fd, uint8_t *buf, size_t len, uint64_t deadline_ms);
CF_MUST_USE cf_result cf_net_write_full(int fd, cf_view v, uint64_t deadline_ms);
/** Some octets, at least one, at most max (> 0). Errors as above. */
CF_MUST_USE cf_result cf_net_read_once(int fd, uint8_t *to, size_t max, uint64_t deadline_ms,
                                       size_t *ret_n);
/** Some octets, at least one, at most max, appended. Errors as above, and those of cf_buf_reserve. */
CF_MUST_USE cf_result cf_net_read_some(int fd, cf_buf *buf, size_t max, uint64_t deadline_ms);

/** Waits until the descriptor is readable (events POLLIN) or writable (POLLOUT), or has an error or end to tell.
 *  error TIMEOUT, IO. */
CF_MUST_USE cf_result cf_net_wait(int fd, short events, uint64_t deadline_ms);
