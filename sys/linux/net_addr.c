/* SPDX-License-Identifier: Apache-2.0 */
/* No system calls. */
#include <limits.h>
#include <string.h>

#include "core/base/number.h"
#include "sys/linux/net.h"

/* True and *rest what follows when the text begins with prefix. */
static bool begins(const char *text, const char *prefix, const char **rest)
{
    size_t len = strlen(prefix);
    *rest = text + len;
    return strncmp(text, prefix, len) == 0;
}

static CF_MUST_USE cf_result set_path(cf_net_addr *addr, cf_view path)
{
    CF_REQUIRE(path.len > 0, ARGUMENT);
    CF_REQUIRE(path.len <= CF_NET_PATH_BYTES_MAX, SIZE);
    cf_copy(addr->path, path.data, path.len);
    addr->path[path.len] = '\0';
    return cf_ok();
}

static CF_MUST_USE cf_result number_of(cf_view text, uint64_t max, uint64_t *ret)
{
    return cf_is_ok(cf_parse_u64(text, max, ret)) ? cf_ok() : cf_fail(CF_ERR_ARGUMENT);
}

static CF_MUST_USE cf_result parse_vsock(const char *text, cf_net_addr *ret)
{
    const char *colon = strchr(text, ':');
    CF_REQUIRE(colon != NULL, ARGUMENT);
    uint64_t cid, port;
    CF_TRY(number_of(cf_view_make(text, (size_t)(colon - text)), UINT32_MAX, &cid));
    CF_TRY(number_of(cf_view_str(colon + 1), UINT32_MAX, &port));
    ret->kind = CF_NET_VSOCK;
    ret->cid = (uint32_t)cid;
    ret->port = (uint32_t)port;
    return cf_ok();
}

static CF_MUST_USE cf_result parse_tcp(const char *text, cf_net_addr *ret)
{
    const char *colon = strrchr(text, ':');
    CF_REQUIRE(colon != NULL, ARGUMENT);
    cf_view host = cf_view_make(text, (size_t)(colon - text));
    bool bracketed = host.len > 2 && host.data[0] == '[' && host.data[host.len - 1] == ']';
    if (bracketed) {
        host = cf_view_sub(host, 1, host.len - 2);
    }
    /* Without brackets a colon in the host would make the port's place a guess. */
    CF_REQUIRE(bracketed || (strchr(text, ':') == colon && text[0] != '['), ARGUMENT);
    uint64_t port;
    CF_TRY(number_of(cf_view_str(colon + 1), UINT16_MAX, &port));
    CF_TRY(set_path(ret, host));
    ret->kind = CF_NET_TCP;
    ret->port = (uint32_t)port;
    return cf_ok();
}

static CF_MUST_USE cf_result parse_any(const char *text, cf_net_addr *ret)
{
    const char *rest;
    if (begins(text, "unix:", &rest)) {
        ret->kind = CF_NET_UNIX;
        return set_path(ret, cf_view_str(rest));
    }
    if (begins(text, "vsock:", &rest)) {
        return parse_vsock(rest, ret);
    }
    if (begins(text, "fd:", &rest)) {
        uint64_t fd;
        CF_TRY(number_of(cf_view_str(rest), INT_MAX, &fd));
        ret->kind = CF_NET_FD;
        ret->fd = (int)fd;
        return cf_ok();
    }
    return parse_tcp(text, ret);
}

CF_MUST_USE cf_result cf_net_parse(const char *text, cf_net_addr *ret)
{
    cf_net_addr addr = {.fd = -1};
    *ret = addr;
    CF_TRY(parse_any(text, &addr));
    *ret = addr;
    return cf_ok();
}
