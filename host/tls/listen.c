/* SPDX-License-Identifier: Apache-2.0 */
#include "host/tls/listen.h"

#include <stdio.h>
#include <string.h>

#include "sys/linux/log.h"

bool cf_tls_listens(const char *text)
{
    return strncmp(text, CF_TLS_LISTEN_PREFIX, strlen(CF_TLS_LISTEN_PREFIX)) == 0;
}

CF_MUST_USE cf_result cf_tls_listen(const char *text, bool can_tls, int backlog,
                                    cf_tls_listener *ret)
{
    cf_net_addr addr;
    char bare[CF_NET_TEXT_BYTES_MAX];
    *ret = (cf_tls_listener){.fd = -1, .is_tls = cf_tls_listens(text)};
    if (ret->is_tls && !can_tls) {
        cf_log(CF_LOG_ERROR, "listen.refused", "addr=%s missing=--tls-cert", text);
        return cf_fail(CF_ERR_ARGUMENT);
    }
    CF_TRY(cf_net_parse(text + (ret->is_tls ? strlen(CF_TLS_LISTEN_PREFIX) : 0), &addr));
    CF_REQUIRE(addr.kind != CF_NET_VSOCK, ARGUMENT);
    CF_TRY(cf_net_listen(&addr, backlog, &ret->fd));
    CF_TRY(cf_net_text(&addr, ret->fd, bare));
    (void)snprintf(ret->text, sizeof ret->text, "%s%s", ret->is_tls ? CF_TLS_LISTEN_PREFIX : "",
                   bare);
    CF_TRY(cf_net_reach_of(ret->fd, &ret->reach));
    /* What the socket is, whichever way it was made: fd:N can be of any kind. */
    if (ret->reach == CF_NET_REACH_UNKNOWN) {
        cf_log(CF_LOG_ERROR, "listen.refused", "addr=%s reason=no_stream_of_a_known_kind",
               ret->text);
        return cf_fail(CF_ERR_ARGUMENT);
    }
    if (ret->is_tls && ret->reach == CF_NET_REACH_UNIX) {
        cf_log(CF_LOG_ERROR, "listen.refused", "addr=%s reason=tls_needs_tcp", ret->text);
        return cf_fail(CF_ERR_ARGUMENT);
    }
    return cf_ok();
}
