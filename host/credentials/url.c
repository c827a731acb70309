/* SPDX-License-Identifier: Apache-2.0 */
#include "host/credentials/url.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <strings.h>

#include "core/base/number.h"

enum { PORT_HTTP = 80, PORT_HTTPS = 443 };

static bool strip(cf_view *text, cf_view prefix)
{
    bool there = cf_view_eq(cf_view_sub(*text, 0, prefix.len), prefix);
    if (there) {
        *text = cf_view_sub(*text, prefix.len, text->len - prefix.len);
    }
    return there;
}

static size_t find(cf_view v, char c)
{
    size_t i = 0;
    while (i < v.len && v.data[i] != (uint8_t)c) {
        i++;
    }
    return i;
}

static bool is_host(uint8_t c, bool brackets)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           (brackets ? c == ':' : c == '-');
}

/* The host's part of an authority in *ret_host, and what follows it in *rest. */
static cf_result host_of(cf_view authority, cf_view *ret_host, cf_view *rest, bool *ret_brackets)
{
    *ret_brackets = strip(&authority, CF_LIT("["));
    size_t len = find(authority, *ret_brackets ? ']' : ':');
    CF_REQUIRE(!*ret_brackets || len < authority.len, MALFORMED);
    *ret_host = cf_view_sub(authority, 0, len);
    len += *ret_brackets;
    *rest = cf_view_sub(authority, len, authority.len - len);
    CF_REQUIRE(ret_host->len > 0, MALFORMED);
    CF_REQUIRE(ret_host->len <= CF_CREDS_HOST_BYTES_MAX, SIZE);
    for (size_t i = 0; i < ret_host->len; i++) {
        CF_REQUIRE(is_host(ret_host->data[i], *ret_brackets), MALFORMED);
    }
    return cf_ok();
}

static cf_result authority_of(cf_view authority, cf_creds_url *u)
{
    cf_view host, rest;
    bool brackets = false;
    struct in6_addr v6;
    uint64_t port = u->tls ? PORT_HTTPS : PORT_HTTP, usual = port;
    CF_TRY(host_of(authority, &host, &rest, &brackets));
    if (rest.len > 0) {
        CF_REQUIRE(strip(&rest, CF_LIT(":")), MALFORMED);
        CF_TRY(cf_parse_u64(rest, UINT16_MAX, &port));
        CF_REQUIRE(port > 0, RANGE);
    }
    cf_copy(u->host, host.data, host.len);
    CF_REQUIRE(!brackets || inet_pton(AF_INET6, u->host, &v6) == 1, MALFORMED);
    u->port = (uint16_t)port;
    char number[7] = "";
    if (port != usual) {
        (void)snprintf(number, sizeof number, ":%u", u->port);
    }
    (void)snprintf(u->authority, sizeof u->authority, "%s%s%s%s", brackets ? "[" : "", u->host,
                   brackets ? "]" : "", number);
    return cf_ok();
}

cf_result cf_creds_url_parse(cf_view text, cf_creds_url *ret, cf_view *ret_path)
{
    cf_creds_url u = {0};
    *ret = u;
    *ret_path = CF_VIEW_EMPTY;
    CF_REQUIRE(text.len <= CF_CREDS_URL_BYTES_MAX, SIZE);
    for (size_t i = 0; i < text.len; i++) {
        CF_REQUIRE(text.data[i] > ' ' && text.data[i] <= '~' && text.data[i] != '#', MALFORMED);
    }
    u.tls = strip(&text, CF_LIT("https://"));
    CF_REQUIRE(u.tls || strip(&text, CF_LIT("http://")), UNSUPPORTED);
    size_t len = find(text, '/');
    CF_TRY(authority_of(cf_view_sub(text, 0, len), &u));
    *ret_path = len < text.len ? cf_view_sub(text, len, text.len - len) : CF_LIT("/");
    *ret = u;
    return cf_ok();
}

bool cf_creds_url_loopback(const cf_creds_url *u)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, u->host, &v4) == 1) {
        return ntohl(v4.s_addr) >> 24 == 127;
    }
    return inet_pton(AF_INET6, u->host, &v6) == 1 ? IN6_IS_ADDR_LOOPBACK(&v6)
                                                  : strcasecmp(u->host, "localhost") == 0;
}

bool cf_creds_url_container(const cf_creds_url *u)
{
    static const char *const hosts[] = {"169.254.170.2", "169.254.170.23", "fd00:ec2::23"};
    struct in6_addr have, want;
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        int family = i < 2 ? AF_INET : AF_INET6;
        size_t len = i < 2 ? sizeof(struct in_addr) : sizeof(struct in6_addr);
        if (inet_pton(family, u->host, &have) == 1 && inet_pton(family, hosts[i], &want) == 1 &&
            cf_view_eq(cf_view_make(&have, len), cf_view_make(&want, len))) {
            return true;
        }
    }
    return cf_creds_url_loopback(u);
}
