/* SPDX-License-Identifier: Apache-2.0 */
/* cf_creds_of_file, cf_creds_of_document, cf_creds_of_sts (JSON and XML), cf_creds_sts_passes, cf_creds_url_parse: what is taken can be
 * lent to the enclave, and an address is one that can be asked. The first octet chooses which. */
#include <string.h>

#include "fuzz/check.h"
#include "host/credentials/document.h"
#include "host/credentials/url.h"

typedef cf_result parser(cf_view text, cf_creds *ret);

static void as_credentials(parser *parse, bool ends, cf_view in)
{
    CF_CREDS(c);
    CF_BUF(body);
    cf_credentials_view v;
    cf_result r = parse(in, &c);
    fuzz_check(r.code != CF_ERR_NO_MEMORY && r.code != CF_ERR_INTERNAL &&
               r.code != CF_ERR_ARGUMENT);
    if (!cf_is_ok(r)) {
        fuzz_check(c.access_key_id.data == NULL && c.expires_ms == 0);
        return;
    }
    fuzz_ok(cf_creds_put(&c, &body));
    fuzz_ok(cf_credentials_decode(cf_buf_view(&body), &v));
    fuzz_check(v.access_key_id.len > 0 && v.secret_key.len > 0);
    fuzz_check(!ends || (v.session_token.len > 0 && v.expires_ms > 0));
}

static void as_url(cf_view in)
{
    cf_creds_url u;
    cf_view path;
    if (cf_is_ok(cf_creds_url_parse(in, &u, &path))) {
        fuzz_check(u.port > 0 && u.host[0] != '\0' && path.len > 0 && path.data[0] == '/');
        fuzz_check(strlen(u.host) < sizeof u.host && strlen(u.authority) < sizeof u.authority);
        fuzz_check(strpbrk(u.authority, "@/ \r\n#?") == NULL);
        fuzz_check(!cf_creds_url_loopback(&u) || cf_creds_url_container(&u));
    } else {
        fuzz_check(u.port == 0 && path.len == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    cf_view in = cf_view_make(data + 1, size - 1);
    switch (data[0] % 4) {
    case 0:
        as_credentials(cf_creds_of_file, false, in);
        break;
    case 1:
        as_credentials(cf_creds_of_document, true, in);
        break;
    case 2:
        as_credentials(cf_creds_of_sts, true, in);
        (void)cf_creds_sts_passes(in);
        break;
    default:
        as_url(in);
        break;
    }
    return 0;
}
