/* SPDX-License-Identifier: Apache-2.0 */
/* coffer-kmsd: options, start and end. docs/design/0001-spine.md */
#include <stdlib.h>
#include <sys/stat.h>

#include "host/kmsd/kmsd.h"
#include "host/kmsd/limits.h"
#include "sys/json/json_memory.h"
#include "sys/linux/clock.h"
#include "sys/linux/daemon.h"
#include "sys/linux/log.h"
#include "sys/linux/net.h"

#define IDLE_TIMEOUT_S 300   /* callers keep their connections */
#define RECEIVE_TIMEOUT_S 10 /* a request is on the same machine */
#define THREADS 2
#define BACKLOG 128

typedef struct {
    const char *state, *listen, *attestation_root, *region, *account, *ready_fd;
} options;

static void parse(int argc, char **argv, options *o)
{
    const cf_option table[] = {
        {"state", "DIR", "root key and keys are here; made at first start", &o->state, NULL, true},
        {"listen", "ADDR",
         "where to serve: unix:PATH (callers are not authenticated beyond that), or fd:N",
         &o->listen, NULL, true},
        {"attestation-root", "FILE", "DER certificate that attestation documents must chain to",
         &o->attestation_root, NULL, true},
        {"region", "REGION", "region in ARNs (us-east-1)", &o->region, NULL, false},
        {"account", "NUMBER", "account in ARNs, 12 digits (000000000000)", &o->account, NULL,
         false},
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
}

/* Whoever reaches the socket may use every key, so it must be one that only this user reaches. */
static cf_result listen_on(const char *text, int *ret_fd)
{
    cf_net_addr addr;
    CF_TRY(cf_net_parse(text, &addr));
    if (addr.kind != CF_NET_UNIX && addr.kind != CF_NET_FD) {
        cf_log(CF_LOG_ERROR, "listen.refused", "addr=%s reason=callers_are_not_authenticated",
               text);
        return cf_fail(CF_ERR_ARGUMENT);
    }
    return cf_net_listen(&addr, BACKLOG, ret_fd);
}

static cf_result serve(const options *o)
{
    const cf_kmsd_options kmsd_options = {.state = o->state,
                                          .attestation_root = o->attestation_root,
                                          .region = o->region,
                                          .account = o->account};
    const cf_http_limits limits = {.body_bytes_max = CF_KMSD_BODY_BYTES_MAX,
                                   .connections_max = CF_KMSD_CONNECTIONS_MAX,
                                   .idle_timeout_s = IDLE_TIMEOUT_S,
                                   .receive_timeout_s = RECEIVE_TIMEOUT_S,
                                   .threads = THREADS,
                                   .refuse = cf_kmsd_refuse_http};
    CF_AUTO(cf_kmsd_free) cf_kmsd *d = NULL;
    CF_AUTO(cf_http_server_stop) cf_http_server *server = NULL;
    int fd = -1;
    CF_TRY(cf_kmsd_new(&kmsd_options, &d));
    CF_TRY(listen_on(o->listen, &fd));
    CF_TRY(cf_http_server_start(fd, &limits, cf_kmsd_handle, d, &server));
    cf_log(CF_LOG_INFO, "started", "listen=%s region=%s account=%s", o->listen, o->region,
           o->account);
    cf_ready(o->ready_fd, o->listen);
    while (!cf_signals_wait(CF_DEADLINE_NONE)) {
    }
    cf_log(CF_LOG_INFO, "stopping", "reason=signal");
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
