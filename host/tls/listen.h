/* SPDX-License-Identifier: Apache-2.0 */
/* Where a program serves HTTP, as it is or over TLS: the addresses of its --listen. */
#pragma once
#include "sys/linux/net.h"

#define CF_TLS_LISTEN_PREFIX "tls:"
#define CF_TLS_LISTEN_TEXT_BYTES_MAX (sizeof CF_TLS_LISTEN_PREFIX - 1 + CF_NET_TEXT_BYTES_MAX)

/** A socket that listens. */
typedef struct {
    int fd;
    bool is_tls;
    cf_net_reach reach;
    char
        text[CF_TLS_LISTEN_TEXT_BYTES_MAX]; /* the address as it was given, but the port is known */
} cf_tls_listener;

/** True of "tls:" and whatever follows. */
bool cf_tls_listens(const char *text);

/** Listens on an address that cf_net_parse takes, or one with "tls:" before it. can_tls: there is a certificate.
 *  out   ret: to be closed by cf_fd_close, also after an error
 *  error ARGUMENT no address; one of vsock; tls: without a certificate, or on what is no TCP: logged as "listen.refused". Others as
 *        cf_net_parse and cf_net_listen. */
CF_MUST_USE cf_result cf_tls_listen(const char *text, bool can_tls, int backlog,
                                    cf_tls_listener *ret);
