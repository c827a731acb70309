/* SPDX-License-Identifier: Apache-2.0 */
#include "host/tls/client.h"

#include "sys/linux/clock.h"

static cf_result told(cf_result r)
{
    return r.code == CF_ERR_TRUNCATED ? cf_fail(CF_ERR_CLOSED) : r;
}

static cf_result conn_open(const void *config, int fd, const char *host, uint64_t deadline_ms,
                           void **ret, const char **ret_why)
{
    cf_tls *t = NULL;
    cf_result r =
        cf_tls_open(config, fd, host, cf_clock_wall_ms() / 1000, deadline_ms, &t, ret_why);
    *ret = t;
    return told(r);
}

static cf_result conn_read(void *conn, cf_buf *buf, size_t max, uint64_t deadline_ms)
{
    return told(cf_tls_read_some(conn, buf, max, deadline_ms));
}

static cf_result conn_write(void *conn, cf_view v, uint64_t deadline_ms)
{
    return told(cf_tls_write_full(conn, v, deadline_ms));
}

static void conn_free(void **conn)
{
    cf_tls *t = *conn;
    *conn = NULL;
    cf_tls_free(&t);
}

cf_http_client_layer cf_tls_client_layer(const cf_tls_config *c)
{
    return (cf_http_client_layer){
        .open = conn_open, .read = conn_read, .write = conn_write, .free = conn_free, .config = c};
}
