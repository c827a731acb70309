/* SPDX-License-Identifier: Apache-2.0 */
/* coffer-api: options, state folder, start and end. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/number.h"
#include "core/codec/json.h"
#include "core/crypto/primitives.h"
#include "host/api/api.h"
#include "host/api/limits.h"
#include "host/kms/limits.h"
#include "host/kms/site.h"
#include "host/tls/listen.h"
#include "host/tls/server.h"
#include "sys/json/json_memory.h"
#include "sys/linux/daemon.h"
#include "sys/linux/file.h"
#include "sys/linux/log.h"
#include "sys/linux/net.h"

#define PATH_BYTES 4096
#define BACKLOG 1024

typedef struct {
    const char *state, *listen, *agent, *kms, *kms_roots, *credentials, *kms_key, *tenant,
        *admin_token_file, *encoding, *workers, *ready_fd, *tls_cert, *tls_key;
    const char *schemas[CF_OPTION_REPEATS_MAX];
    size_t schemas_n;
} options;

static void parse(int argc, char **argv, options *o)
{
    const cf_option table[] = {
        {"state", "DIR", "store.db, row.key and audit.anchor are here", &o->state, NULL, true},
        {"listen", "ADDR", "where to serve: tls:HOST:PORT (over TLS), HOST:PORT or unix:PATH",
         &o->listen, NULL, true},
        {"tls-cert", "FILE", "certificate for tls: in PEM, and those between it and a root",
         &o->tls_cert, NULL, false},
        {"tls-key", "FILE", "its private key in PEM, a file that nobody else may read", &o->tls_key,
         NULL, false},
        {"agent", "ADDR", "the agent", &o->agent, NULL, true},
        {"kms", "KMS",
         "the key service: aws:REGION[,fips] or https://HOST[:PORT][,REGION], with TLS and "
         "signatures; or, plain, HOST:PORT or unix:PATH",
         &o->kms, NULL, true},
        {"kms-roots", "FILE", "certificates in PEM to trust there, instead of Amazon's roots",
         &o->kms_roots, NULL, false},
        {"credentials", "FROM",
         "IAM credentials to sign with: none, auto, env, web-identity, profile, container, imds, "
         "or "
         "a file (none)",
         &o->credentials, NULL, false},
        {"kms-key", "ID", "key under which new vaults' keys are wrapped", &o->kms_key, NULL, true},
        {"tenant", "NAME", "tenant that all vaults belong to (default)", &o->tenant, NULL, false},
        {"schemas", "DIR", "further schemas; may be repeated", o->schemas, &o->schemas_n, false},
        {"admin-token-file", "FILE",
         "a token is written here when no active one has the scope admin", &o->admin_token_file,
         NULL, false},
        {"encoding", "N", "of new writes: 3, or 2 for readers of the AWS sample", &o->encoding,
         NULL, false},
        {"workers", "N", "requests in work at a time (64)", &o->workers, NULL, false},
        {"ready-fd", "N", "descriptor that is told when the service is ready", &o->ready_fd, NULL,
         false},
        {NULL, NULL, NULL, NULL, NULL, false},
    };
    int first = cf_options_parse(argc, argv, "REST service of the vault", table);
    if (first < argc) {
        fprintf(stderr, "coffer-api: takes options only\n");
        exit(2);
    }
    if ((o->tls_cert == NULL) != (o->tls_key == NULL)) {
        cf_log(CF_LOG_ERROR, "options.wrong", "missing=%s",
               o->tls_key == NULL ? "--tls-key" : "--tls-cert");
        exit(2);
    }
    /* Who has given a certificate would take what is served for safe on its way. */
    if (o->tls_cert != NULL && !cf_tls_listens(o->listen)) {
        cf_log(CF_LOG_ERROR, "options.wrong", "listen=%s option=--listen_tls:", o->listen);
        exit(2);
    }
}

static unsigned number(const char *name, const char *text, uint64_t min, uint64_t max)
{
    uint64_t n = 0;
    if (!cf_is_ok(cf_parse_u64(cf_view_str(text), max, &n)) || n < min) {
        fprintf(stderr, "coffer-api: --%s takes a number from %" PRIu64 " to %" PRIu64 "\n", name,
                min, max);
        exit(2);
    }
    return (unsigned)n;
}

static CF_MUST_USE cf_result path_in(const char *folder, const char *name,
                                     char ret[static PATH_BYTES])
{
    int n = snprintf(ret, PATH_BYTES, "%s/%s", folder, name);
    CF_REQUIRE(n > 0 && n < PATH_BYTES, SIZE);
    return cf_ok();
}

/* A failed start: what was tried, and with what code, on one line. */
static cf_result told(cf_result r, const char *what)
{
    if (!cf_is_ok(r)) {
        cf_log(CF_LOG_ERROR, "start.failed", "what=%s code=%s", what, cf_err_code(r.code));
        fprintf(stderr, "coffer-api: %s: %s\n", what, cf_err_text(r.code));
    }
    return r;
}

/* A key that others could read may be theirs already, and then rows and audit log are no longer proof of anything. */
static CF_MUST_USE cf_result owner_only(const char *path)
{
    struct stat st;
    CF_REQUIRE(stat(path, &st) == 0, IO);
    if ((st.st_mode & 077) != 0) {
        fprintf(
            stderr,
            "coffer-api: others than its owner may read or write row.key, so they may have it.\n"
            "coffer-api: make sure that they do not, and give the file the mode 0600\n");
        return cf_fail(CF_ERR_NOT_PERMITTED);
    }
    return cf_ok();
}

/* The row key, made at the first start. A store whose key is gone must not get a new one: every row would seem altered. */
static CF_MUST_USE cf_result row_key(const char *state, const char *store_path, cf_secret *ret)
{
    char path[PATH_BYTES];
    CF_BUF(octets);
    CF_TRY(path_in(state, "row.key", path));
    cf_result r = cf_file_read(path, CF_ROW_KEY_BYTES, &octets);
    if (r.code != CF_ERR_NOT_FOUND) {
        CF_TRY(r);
        CF_REQUIRE(octets.len == CF_ROW_KEY_BYTES, KEY);
        CF_TRY(owner_only(path));
        return cf_secret_set(ret, cf_buf_view(&octets));
    }
    CF_BUF(first);
    CF_REQUIRE(cf_file_read(store_path, 1, &first).code == CF_ERR_NOT_FOUND, KEY);
    CF_TRY(cf_random(ret->b, CF_ROW_KEY_BYTES));
    ret->len = CF_ROW_KEY_BYTES;
    return cf_file_create(path, cf_secret_view(ret), 0600);
}

static CF_MUST_USE cf_result store_open(const options *o, cf_secret *key, cf_store *ret)
{
    char path[PATH_BYTES], anchor[PATH_BYTES];
    CF_SECRET(audit_key);
    CF_TRY(told(cf_folder_make(o->state), "state folder"));
    CF_TRY(path_in(o->state, "store.db", path));
    CF_TRY(path_in(o->state, "audit.anchor", anchor));
    CF_TRY(told(row_key(o->state, path, key), "row.key"));
    CF_TRY(told(cf_audit_key(key, &audit_key), "audit key"));
    const cf_store_sqlite_opts opts = {
        .path = path, .anchor_path = anchor, .audit_key = &audit_key};
    cf_result r = cf_store_sqlite_open(&opts, ret);
    if (r.code == CF_ERR_AUDIT_ALTERED) {
        fprintf(stderr, "coffer-api: the audit log or the whole store was changed or put back "
                        "outside the service;\n"
                        "coffer-api: it is not served in this state. Run: coffer audit verify\n");
    }
    cf_store_stats stats = {.anchor_missing = false};
    if (cf_is_ok(r)) {
        cf_store_sqlite_stats(ret, &stats);
    }
    if (stats.anchor_missing) {
        cf_log(CF_LOG_WARN, "anchor.missing", "hint=docs/formats/audit.md");
    }
    return told(r, "store.db");
}

/* A folder of further schemas need not be there. */
static CF_MUST_USE cf_result schemas_read(const options *o, cf_schemas **ret)
{
    CF_TRY(told(cf_schemas_new(ret), "built-in schema"));
    for (size_t i = 0; i < o->schemas_n; i++) {
        cf_result r = cf_schemas_add_folder(*ret, o->schemas[i]);
        if (r.code != CF_ERR_NOT_FOUND) {
            CF_TRY(told(r, "schemas"));
        }
    }
    return cf_ok();
}

/* The agent's address, as the client takes it. */
static CF_MUST_USE cf_result base_of(const char *addr, char ret[static PATH_BYTES])
{
    cf_net_addr parsed;
    CF_TRY(cf_net_parse(addr, &parsed));
    CF_REQUIRE(parsed.kind == CF_NET_UNIX || parsed.kind == CF_NET_TCP, ARGUMENT);
    int n = snprintf(ret, PATH_BYTES, "%s%s", parsed.kind == CF_NET_TCP ? "http://" : "", addr);
    CF_REQUIRE(n > 0 && n < PATH_BYTES, SIZE);
    return cf_ok();
}

static CF_MUST_USE cf_result first_entries(const options *o, cf_api *api)
{
    bool missing = false;
    CF_TRY(told(cf_api_enter_start(api), "audit log"));
    CF_TRY(told(cf_api_admin_token(api, o->admin_token_file, &missing), "admin token"));
    if (missing) {
        cf_log(CF_LOG_WARN, "admin.none", "hint=--admin-token-file");
    }
    return cf_ok();
}

static CF_MUST_USE cf_result listen_on(const options *o, cf_tls_listener *ret)
{
    CF_TRY(cf_tls_listen(o->listen, o->tls_cert != NULL, BACKLOG, ret));
    if (ret->reach == CF_NET_REACH_NETWORK && !ret->is_tls) {
        cf_log(CF_LOG_WARN, "listen.plain", "addr=%s hint=--tls-cert", ret->text);
    }
    return cf_ok();
}

/* Serves until a signal comes. */
static CF_MUST_USE cf_result serve(const options *o, const cf_tls_server *tls, cf_api *api)
{
    cf_tls_listener at;
    cf_http_server *server = NULL;
    const cf_http_layer layer = cf_tls_server_layer(tls);
    const cf_http_limits limits = {
        .body_bytes_max = CF_API_FIELDS_BODY_BYTES_MAX,
        .connections_max = CF_API_CONNECTIONS_MAX,
        .idle_timeout_s = CF_API_IDLE_S,
        .receive_timeout_s = CF_API_RECEIVE_S,
        .threads = CF_API_SERVER_THREADS,
        .refuse = cf_api_refuse,
        .layer = tls != NULL ? &layer : NULL,
    };
    cf_result listens = told(listen_on(o, &at), "--listen");
    CF_AUTO(cf_fd_close) int fd = at.fd;
    CF_TRY(listens);
    CF_TRY(told(cf_http_server_start(fd, &limits, cf_api_handle, api, &server), "server"));
    fd = -1; /* the server's now */
    cf_log(CF_LOG_INFO, "service.ready", "listen=%s", at.text);
    cf_ready(o->ready_fd, at.text);
    while (!cf_signals_wait(UINT32_MAX)) {
    }
    cf_log(CF_LOG_INFO, "service.stopping", "listen=%s", at.text);
    cf_http_server_stop(&server);
    return cf_ok();
}

static CF_MUST_USE cf_result run(const options *o)
{
    CF_SECRET(key);
    CF_AUTO(cf_store_close) cf_store store = {NULL, NULL};
    CF_AUTO(cf_schemas_free) cf_schemas *schemas = NULL;
    CF_AUTO(cf_kms_site_free) cf_kms_site *kms = NULL;
    CF_AUTO(cf_tls_server_free) cf_tls_server *tls = NULL;
    CF_AUTO(cf_api_free) cf_api *api = NULL;
    char agent[PATH_BYTES];
    const char *what = "";
    CF_TRY(told(cf_json_prepare(), "json"));
    if (o->tls_cert != NULL) {
        CF_TRY(told(cf_tls_server_read(o->tls_cert, o->tls_key, &tls), "--tls-cert"));
    }
    CF_TRY(told(base_of(o->agent, agent), "--agent"));
    const cf_kms_options kms_options = {"coffer-api", o->kms, o->kms_roots, o->credentials};
    cf_result opened = cf_kms_site_open(&kms_options, &kms, &what);
    CF_TRY(told(opened, what));
    CF_TRY(schemas_read(o, &schemas));
    CF_TRY(store_open(o, &key, &store));
    const cf_api_opts opts = {
        .store = store,
        .row_key = &key,
        .schemas = schemas,
        .agent = agent,
        .kms = cf_kms_site_service(kms),
        .kms_links = cf_kms_site_is_plain(kms) ? 0 : CF_KMS_LINKS_MAX,
        .kms_key = o->kms_key,
        .tenant = o->tenant,
        .encoding = number("encoding", o->encoding, CF_ENC_BINARY, CF_ENC_WRITE),
        .workers = number("workers", o->workers, 1, CF_API_WORKERS_MAX),
    };
    CF_TRY(told(cf_api_new(&opts, &api), "service"));
    CF_TRY(first_entries(o, api));
    return serve(o, tls, api);
}

int main(int argc, char **argv)
{
    char workers[8];
    (void)snprintf(workers, sizeof workers, "%d", CF_API_WORKERS);
    options o = {.tenant = "default", .encoding = "3", .workers = workers};
    cf_log_program("api");
    cf_private_process();
    (void)umask(077);
    parse(argc, argv, &o);
    cf_signals_block();
    cf_result r = run(&o);
    cf_log(CF_LOG_INFO, "service.end", "code=%s", cf_err_code(r.code));
    return cf_is_ok(r) ? 0 : 1;
}
