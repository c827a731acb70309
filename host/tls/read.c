/* SPDX-License-Identifier: Apache-2.0 */
#include "host/tls/server.h"
#include "sys/linux/file.h"
#include "sys/linux/log.h"

static cf_result read_pem(const char *path, bool secret, cf_buf *ret)
{
    const char *hint = "-";
    cf_result r = cf_ok();
    if (secret) {
        r = cf_file_check_secret(path);
        hint = r.code == CF_ERR_NOT_PERMITTED ? "own_it_and_chmod_0600" : hint;
    }
    if (cf_is_ok(r)) {
        r = cf_file_read(path, CF_TLS_SERVER_PEM_BYTES_MAX, ret);
    }
    if (!cf_is_ok(r)) {
        cf_log(CF_LOG_ERROR, "tls.failed", "file=%s code=%s hint=%s", path, cf_err_code(r.code),
               hint);
    }
    return r;
}

CF_MUST_USE cf_result cf_tls_server_read(const char *cert_file, const char *key_file,
                                         cf_tls_server **ret)
{
    CF_BUF(chain);
    CF_BUF(key);
    const char *why = "";
    *ret = NULL;
    CF_TRY(read_pem(cert_file, false, &chain));
    CF_TRY(read_pem(key_file, true, &key));
    cf_result r = cf_tls_server_new(cf_buf_view(&chain), cf_buf_view(&key), ret, &why);
    if (!cf_is_ok(r)) {
        cf_log(CF_LOG_ERROR, "tls.failed", "cert=%s key=%s reason=%s", cert_file, key_file,
               *why != '\0' ? why : cf_err_code(r.code));
    }
    return r;
}
