/* SPDX-License-Identifier: Apache-2.0 */
#include "host/kms/named.h"

#include <stdio.h>

#include "sys/linux/file.h"

CF_MUST_USE cf_result cf_kms_named_of(const char *text, cf_kms_named *ret)
{
    char address[CF_NET_TEXT_BYTES_MAX];
    cf_kms_named n = {.plain = true};
    *ret = n;
    if (cf_is_ok(cf_aws_kms_endpoint(cf_view_str(text), &n.endpoint))) {
        n.plain = false;
        int len = snprintf(address, sizeof address, "%s:%u", n.endpoint.host, n.endpoint.port);
        CF_REQUIRE(len > 0 && (size_t)len < sizeof address, SIZE);
        text = address;
    }
    CF_TRY(cf_net_parse(text, &n.addr));
    CF_REQUIRE(n.addr.kind == CF_NET_UNIX || n.addr.kind == CF_NET_TCP, ARGUMENT);
    *ret = n;
    return cf_ok();
}

CF_MUST_USE cf_result cf_kms_roots(const char *path, cf_tls_config **ret)
{
    CF_BUF(roots);
    *ret = NULL;
    if (path != NULL) {
        CF_TRY(cf_file_read(path, CF_TLS_ROOTS_BYTES_MAX, &roots));
        /* An empty text would mean those compiled in. */
        CF_REQUIRE(roots.len > 0, EMPTY);
    }
    return cf_tls_config_new(cf_buf_view(&roots), ret);
}
