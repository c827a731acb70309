/* SPDX-License-Identifier: Apache-2.0 */
/* coffer-kmsd: options, start and end. docs/design/0001-spine.md */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "host/kmsd/kmsd.h"
#include "host/kmsd/limits.h"
#include "host/tls/listen.h"
#include "host/tls/server.h"
#include "sys/json/json_memory.h"
#include "sys/linux/clock.h"
#include "sys/linux/daemon.h"
#include "sys/linux/log.h"

#define IDLE_TIMEOUT_S 300   /* callers keep their connections */
#define RECEIVE_TIMEOUT_S 10 /* a request is on the same machine */
#define BACKLOG 128

typedef struct {
    const char *state, *attestation_root, *region, *account, *ready_fd, *allow_remote;
    const char *tls_cert, *tls_key;
    const char *listen[CF_OPTION_REPEATS_MAX];
    size_t listen_n;
} options;

static void parse(int argc, char **argv, options *o)
{
    const cf_option table[] = {
        {"state", "DIR", "root key, keys and principals are here; made at first start", &o->state,
         NULL, true},
        {"listen", "ADDR",
         "where to serve: unix:PATH or fd:N (whoever reaches it is the local user), or "
         "127.0.0.1:PORT (requests are signed), or tls:HOST:PORT (over TLS); may be repeated",
         o->listen, &o->listen_n, true},
        {"tls-cert", "FILE", "certificate for tls: in PEM, and those between it and a root",
         &o->tls_cert, NULL, false},
        {"tls-key", "FILE", "its private key in PEM, a file that nobody else may read", &o->tls_key,
         NULL, false},
        {"attestation-root", "FILE", "DER certificate that attestation documents must chain to",
         &o->attestation_root, NULL, true},
        {"region", "REGION", "region in ARNs and signatures (us-east-1)", &o->region, NULL, false},
        {"account", "NUMBER", "account in ARNs, 12 digits (000000000000)", &o->account, NULL,
         false},
        {"allow-remote", NULL,
         "serve TCP without TLS on other addresses than loopback: requests and answers go in clear",
         &o->allow_remote, NULL, false},
        {"ready-fd", "N", "write one line there once served, and close it", &o->ready_fd, NULL,
         false},
        {NULL, NULL, NULL, NULL, NULL, false},
    };
    int rest =
        cf_options_parse(argc, argv, "a local key service in the protocol of AWS KMS", table);
    if (rest < argc) {
        cf_log(CF_LOG_ERROR, "options.wrong", "argument=%d", rest);
        exit(2);
    }
    if (o->listen_n > CF_KMSD_LISTEN_MAX) {
        cf_log(CF_LOG_ERROR, "options.wrong", "listen=%zu max=%d", o->listen_n, CF_KMSD_LISTEN_MAX);
        exit(2);
    }
    if ((o->tls_cert == NULL) != (o->tls_key == NULL)) {
        cf_log(CF_LOG_ERROR, "options.wrong", "missing=%s",
               o->tls_key == NULL ? "--tls-key" : "--tls-cert");
        exit(2);
    }
}

/* --- sockets --- */

typedef struct {
    cf_tls_listener at;
    cf_http_server *server;
} endpoint;

typedef struct {
    cf_tls_server *tls;  /* NULL without the options */
    cf_http_layer layer; /* of tls */
    endpoint at[CF_KMSD_LISTEN_MAX];
    size_t n;
} endpoints;

static void endpoints_close(endpoints *e)
{
    for (size_t i = 0; i < e->n; i++) {
        cf_http_server_stop(&e->at[i].server);
        cf_fd_close(&e->at[i].at.fd);
    }
    cf_tls_server_free(&e->tls);
}

static cf_result listen_on(const options *o, const char *text, cf_tls_listener *ret)
{
    CF_TRY(cf_tls_listen(text, o->tls_cert != NULL, BACKLOG, ret));
    if (ret->reach == CF_NET_REACH_NETWORK && !ret->is_tls && o->allow_remote == NULL) {
        cf_log(CF_LOG_ERROR, "listen.refused",
               "addr=%s reason=plain_and_not_loopback option=tls:_or_--allow-remote", ret->text);
        return cf_fail(CF_ERR_ARGUMENT);
    }
    return cf_ok();
}

/* A thread answers one request after the other: as many as processors, so that none of them idles while requests wait. */
static unsigned threads(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : CF_KMSD_THREADS_MIN;
    return n < CF_KMSD_THREADS_MIN   ? CF_KMSD_THREADS_MIN
           : n > CF_KMSD_THREADS_MAX ? CF_KMSD_THREADS_MAX
                                     : (unsigned)n;
}

static cf_result serve_endpoint(cf_kmsd *d, const cf_http_layer *tls, endpoint *e)
{
    const cf_http_limits limits = {.body_bytes_max = CF_KMSD_BODY_BYTES_MAX,
                                   .connections_max = CF_KMSD_CONNECTIONS_MAX,
                                   .idle_timeout_s = IDLE_TIMEOUT_S,
                                   .receive_timeout_s = RECEIVE_TIMEOUT_S,
                                   .threads = threads(),
                                   .refuse = cf_kmsd_refuse_http,
                                   .layer = e->at.is_tls ? tls : NULL};
    /* whoever reaches a Unix socket is the local user */
    bool is_local = e->at.reach == CF_NET_REACH_UNIX;
    int fd = e->at.fd;
    e->at.fd = -1; /* the server's */
    CF_TRY(cf_http_server_start(fd, &limits, is_local ? cf_kmsd_handle : cf_kmsd_handle_signed, d,
                                &e->server));
    cf_log(CF_LOG_INFO, "listening", "addr=%s callers=%s", e->at.text,
           is_local ? "local" : "signed");
    return cf_ok();
}

static cf_result open_endpoints(const options *o, cf_kmsd *d, endpoints *ret)
{
    if (o->tls_cert != NULL) {
        CF_TRY(cf_tls_server_read(o->tls_cert, o->tls_key, &ret->tls));
    }
    ret->layer = cf_tls_server_layer(ret->tls);
    for (size_t i = 0; i < o->listen_n; i++) {
        endpoint *e = &ret->at[i];
        *e = (endpoint){.at.fd = -1};
        ret->n++;
        CF_TRY(listen_on(o, o->listen[i], &e->at));
        CF_TRY(serve_endpoint(d, &ret->layer, e));
    }
    return cf_ok();
}

/* "ADDR ADDR", with the ports that the kernel has chosen. */
static void tell_ready(const options *o, const endpoints *e)
{
    char text[CF_KMSD_LISTEN_MAX * CF_TLS_LISTEN_TEXT_BYTES_MAX] = "";
    size_t at = 0;
    for (size_t i = 0; i < e->n; i++) {
        int n = snprintf(text + at, sizeof text - at, "%s%s", i == 0 ? "" : " ", e->at[i].at.text);
        at += n > 0 ? (size_t)n : 0;
    }
    cf_ready(o->ready_fd, text);
}

static cf_result serve(const options *o)
{
    const cf_kmsd_options kmsd_options = {.state = o->state,
                                          .attestation_root = o->attestation_root,
                                          .region = o->region,
                                          .account = o->account};
    CF_AUTO(cf_kmsd_free) cf_kmsd *d = NULL;
    CF_AUTO(endpoints_close) endpoints served = {.n = 0};
    CF_TRY(cf_kmsd_new(&kmsd_options, &d));
    CF_TRY(open_endpoints(o, d, &served));
    cf_log(CF_LOG_INFO, "started", "listen=%s region=%s account=%s", served.at[0].at.text,
           o->region, o->account);
    tell_ready(o, &served);
    while (!cf_signals_wait(CF_KMSD_UPKEEP_MS)) {
        cf_kmsd_upkeep(d);
    }
    cf_log(CF_LOG_INFO, "stopping", "reason=signal");
    cf_kmsd_stop(d);
    return cf_ok();
}

int main(int argc, char **argv)
{
    options o = {.region = "us-east-1", .account = "000000000000"};
    cf_log_program("kmsd");
    cf_private_process();
    (void)umask(077);
    parse(argc, argv, &o);
    cf_signals_block();
    cf_result r = cf_json_prepare();
    if (cf_is_ok(r)) {
        r = serve(&o);
    }
    if (!cf_is_ok(r)) {
        cf_log(CF_LOG_ERROR, "start.failed", "code=%s", cf_err_code(r.code));
        return 1;
    }
    return 0;
}
