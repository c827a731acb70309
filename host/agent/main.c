/* SPDX-License-Identifier: Apache-2.0 */
/* coffer-agent: options, start and end. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "core/base/number.h"
#include "host/agent/answer.h"
#include "host/agent/routes.h"
#include "host/credentials/option.h"
#include "host/kms/named.h"
#include "sys/json/json_memory.h"
#include "sys/linux/clock.h"
#include "sys/linux/daemon.h"
#include "sys/linux/file.h"
#include "sys/linux/log.h"

#define MAIN_BACKLOG 1024
#define MAIN_WAIT_MS 100 /* between looks for a signal while the enclave boots */

typedef struct {
    const char *enclave, *nsm, *run, *listen, *kms, *kms_roots, *credentials, *key_id, *connections,
        *ready_fd;
    const char *workers, *cache_keys,
        *cache_seconds; /* passed on as they are: the enclave checks them */
} options;

static void parse(int argc, char **argv, options *o)
{
    const cf_option table[] = {
        {"enclave", "FILE", "program of the enclave", &o->enclave, NULL, true},
        {"nsm", "DIR", "local attestation root; made at first start", &o->nsm, NULL, true},
        {"run", "DIR", "the enclave's socket is made here", &o->run, NULL, true},
        {"listen", "ADDR", "where to serve: HOST:PORT or unix:PATH", &o->listen, NULL, true},
        {"kms", "KMS",
         "the key service, dialled for the enclave: aws:REGION[,fips] or "
         "https://HOST[:PORT][,REGION], with TLS that ends in the enclave; or, plain, HOST:PORT or "
         "unix:PATH",
         &o->kms, NULL, true},
        {"kms-roots", "FILE",
         "certificates in PEM that the enclave trusts there, instead of Amazon's roots",
         &o->kms_roots, NULL, false},
        {"credentials", "FROM",
         "IAM credentials, lent to the enclave: none, auto, env, web-identity, profile, container, "
         "imds, or a file (none)",
         &o->credentials, NULL, false},
        {"key-id", "ID", "KMS key of requests in JSON that name none", &o->key_id, NULL, false},
        {"workers", "N", "threads of the enclave that open fields", &o->workers, NULL, false},
        {"cache-keys", "N", "keys that the enclave keeps; 0: none", &o->cache_keys, NULL, false},
        {"cache-seconds", "N", "how long it keeps them", &o->cache_seconds, NULL, false},
        {"connections", "N", "connections to the enclave (2)", &o->connections, NULL, false},
        {"ready-fd", "N", "descriptor that is told when the service is ready", &o->ready_fd, NULL,
         false},
        {NULL, NULL, NULL, NULL, NULL, false},
    };
    if (cf_options_parse(argc, argv, "runs the enclave and carries requests to it", table) < argc) {
        fprintf(stderr, "coffer-agent: takes options only\n");
        exit(2);
    }
}

static unsigned links_of(const options *o)
{
    uint64_t n = 0;
    if (!cf_is_ok(cf_parse_u64(cf_view_str(o->connections), CF_AGENT_LINKS_MAX, &n)) || n == 0) {
        fprintf(stderr, "coffer-agent: --connections takes a number from 1 to %d\n",
                CF_AGENT_LINKS_MAX);
        exit(2);
    }
    return (unsigned)n;
}

/* A failed start: what was tried, and with what code, for the log and for whoever reads along. */
static cf_result told(cf_result r, const char *what)
{
    if (!cf_is_ok(r)) {
        cf_log(CF_LOG_ERROR, "start.failed", "what=%s code=%s", what, cf_err_code(r.code));
        fprintf(stderr, "coffer-agent: %s: %s\n", what, cf_err_text(r.code));
    }
    return r;
}

static cf_result serve(const options *o, cf_agent *agent, int *listen_fd, const char *address)
{
    cf_http_server *server = NULL;
    const cf_http_limits limits = {.body_bytes_max = CF_AGENT_JSON_BYTES_MAX,
                                   .connections_max = CF_AGENT_HTTP_CONNECTIONS_MAX,
                                   .idle_timeout_s = CF_AGENT_HTTP_IDLE_S,
                                   .receive_timeout_s = CF_AGENT_HTTP_RECEIVE_S,
                                   .refuse = cf_agent_refused};
    int fd = *listen_fd;
    *listen_fd = -1; /* the server's now */
    CF_TRY(told(cf_http_server_start(fd, &limits, cf_agent_handle, agent, &server), "server"));
    cf_log(CF_LOG_INFO, "service.ready", "listen=%s", address);
    cf_ready(o->ready_fd, address);
    while (!cf_signals_wait(UINT32_MAX)) {
    }
    cf_log(CF_LOG_INFO, "service.stopping", "listen=%s", address);
    cf_relay_hurry(agent->relay, CF_AGENT_STOP_MS);
    cf_http_server_stop(&server);
    return cf_ok();
}

/* Until the first enclave serves, or a signal ends the waiting: *ret_ended. */
static cf_result await_enclave(cf_relay *relay, bool *ret_ended)
{
    uint64_t due = cf_clock_mono_ms() + CF_AGENT_BOOT_TIMEOUT_MS;
    cf_result r = cf_fail(CF_ERR_TIMEOUT);
    *ret_ended = false;
    while (r.code == CF_ERR_TIMEOUT && !*ret_ended && cf_clock_mono_ms() < due) {
        r = cf_relay_wait(relay, MAIN_WAIT_MS);
        *ret_ended = r.code == CF_ERR_TIMEOUT && cf_signals_wait(0);
    }
    return *ret_ended ? cf_ok() : r;
}

/* --- credentials --- */

static void lend(void *relay, cf_view body)
{
    cf_result r = cf_relay_lend(relay, body);
    if (!cf_is_ok(r)) {
        cf_log(CF_LOG_ERROR, "credentials.not_lent", "code=%s", cf_err_code(r.code));
    }
}

/* The enclave first: what is ready answers. A first enclave that does not come up is a wrong program or machine, and is told as a
 * start that failed; later ones are started again and again. */
static cf_result run_relay(const options *o, cf_launcher *launcher, cf_creds_keeper **keeper,
                           int *listen_fd, const char *address)
{
    CF_BUF(credentials);
    CF_TRY(told(cf_creds_option_first(*keeper, "coffer-agent", &credentials), "--credentials"));
    CF_AUTO(cf_relay_stop) cf_relay *relay = NULL;
    CF_AUTO(cf_creds_keeper_free) cf_creds_keeper *keeps = *keeper; /* gone before the relay is */
    *keeper = NULL;
    const cf_relay_opts opts = {launcher, links_of(o), cf_buf_view(&credentials), cf_agent_done};
    CF_TRY(told(cf_relay_start(&opts, &relay), "relay"));
    cf_buf_free(&credentials);
    if (keeps != NULL) {
        CF_TRY(told(cf_creds_keeper_run(keeps, lend, relay), "--credentials"));
    }
    bool ended = false;
    CF_TRY(told(await_enclave(relay, &ended), "enclave"));
    if (ended) {
        return cf_ok();
    }
    cf_agent agent = {relay, cf_view_str(o->key_id), keeps};
    return serve(o, &agent, listen_fd, address);
}

static size_t enclave_args(const options *o, const char *ret[static CF_AGENT_ARGS_MAX + 1])
{
    const char *const pairs[][2] = {{"--workers", o->workers},
                                    {"--cache-keys", o->cache_keys},
                                    {"--cache-seconds", o->cache_seconds}};
    size_t n = 0;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (pairs[i][1] != NULL) {
            ret[n++] = pairs[i][0];
            ret[n++] = pairs[i][1];
        }
    }
    ret[n] = NULL;
    return n;
}

/* Whom to dial for the enclave, and whether what it is told is an endpoint, to which TLS goes from there. */
static cf_result kms_of(const options *o, cf_launcher_opts *opts)
{
    cf_kms_named named;
    CF_TRY(cf_kms_named_of(o->kms, &named));
    CF_REQUIRE(!named.plain || o->kms_roots == NULL, ARGUMENT);
    opts->kms = named.addr;
    if (!named.plain) {
        opts->kms_endpoint = o->kms;
        opts->kms_roots = o->kms_roots;
    }
    return cf_ok();
}

static cf_result run(const options *o)
{
    const char *args[CF_AGENT_ARGS_MAX + 1];
    const char *what = "";
    cf_net_addr listen_addr;
    char address[CF_NET_TEXT_BYTES_MAX];
    cf_launcher_opts opts = {.enclave = o->enclave, .nsm = o->nsm, .run = o->run, .args = args};
    CF_FD(listen_fd);
    CF_AUTO(cf_creds_keeper_free) cf_creds_keeper *keeper = NULL;
    CF_AUTO(cf_launcher_free) cf_launcher *launcher = NULL;
    (void)enclave_args(o, args);
    CF_TRY(told(cf_json_prepare(), "json"));
    CF_TRY(told(cf_creds_option(o->credentials, "coffer-agent", &keeper), "--credentials"));
    CF_TRY(told(kms_of(o, &opts), "--kms"));
    CF_TRY(told(cf_net_parse(o->listen, &listen_addr), "--listen"));
    CF_TRY(told(cf_net_listen(&listen_addr, MAIN_BACKLOG, &listen_fd), "--listen"));
    CF_TRY(told(cf_net_text(&listen_addr, listen_fd, address), "--listen"));
    CF_TRY(told(cf_folder_make(o->nsm), "--nsm"));
    cf_result launched = cf_launcher_new(&opts, &launcher, &what);
    CF_TRY(told(launched, what));
    return run_relay(o, launcher, &keeper, &listen_fd, address);
}

int main(int argc, char **argv)
{
    options o = {.connections = "2"};
    cf_log_program("agent");
    cf_private_process();
    (void)umask(077);
    parse(argc, argv, &o);
    (void)links_of(&o);
    cf_signals_block();
    cf_result r = run(&o);
    cf_log(CF_LOG_INFO, "service.end", "code=%s", cf_err_code(r.code));
    return cf_is_ok(r) ? 0 : 1;
}
