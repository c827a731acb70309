/* SPDX-License-Identifier: Apache-2.0 */
/* coffer-enclave: boot and end. The order matters: harden first, ask the security module, make keys and threads, then the filter,
 * then serve. */
#include <malloc.h>
#include <netdb.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/number.h"
#include "enclave/app/limits.h"
#include "enclave/app/server.h"
#include "enclave/app/thread.h"
#include "sys/json/json_memory.h"
#include "sys/kms/measure.h"
#include "sys/linux/clock.h"
#include "sys/linux/confine.h"
#include "sys/linux/daemon.h"
#include "sys/linux/log.h"
#include "sys/linux/net.h"

typedef struct {
    const char *listen, *nsm, *kms, *kms_link, *kms_roots, *workers, *cache_keys, *cache_seconds,
        *ready_fd;
} settings;

/* A bounded number of an option, or its default. */
static CF_MUST_USE cf_result number(const char *text, uint64_t or_else, uint64_t min, uint64_t max,
                                    uint64_t *ret)
{
    *ret = or_else;
    if (text != NULL) {
        CF_TRY(cf_parse_u64(cf_view_str(text), max, ret));
    }
    CF_REQUIRE(*ret >= min, RANGE);
    return cf_ok();
}

static void tell_lacks(unsigned lacks)
{
    for (unsigned bit = 1; bit <= lacks; bit <<= 1) {
        if ((lacks & bit) != 0) {
            cf_log(CF_LOG_WARN, "confine.lacks", "barrier=%s", cf_lacks_name(bit));
        }
    }
}

/* What is open since before the files were gone. */
typedef struct {
    cf_nsm nsm;
    bool is_device;
} module;

/* The security module, before the files are gone: the platform's device where there is one, else the stream that was given. */
static CF_MUST_USE cf_result open_module(const char *text, cf_nsm *ret, bool *ret_device)
{
    cf_net_addr addr = {.kind = CF_NET_FD, .fd = -1};
    if (text != NULL) {
        CF_TRY(cf_net_parse(text, &addr));
    }
    CF_REQUIRE(addr.kind == CF_NET_FD, UNSUPPORTED);
    return cf_nsm_open(addr.fd, ret, ret_device);
}

static const char *link_of(const settings *s)
{
    return s->kms_link != NULL ? s->kms_link : "plain";
}

static CF_MUST_USE cf_result open_way(const settings *s, cf_kms_way **ret)
{
    cf_result r = cf_kms_way_open(s->kms, s->kms_link, s->kms_roots, ret);
    if (!cf_is_ok(r)) {
        cf_log(CF_LOG_ERROR, "kms.refused", "kms=%s link=%s code=%s", s->kms, link_of(s),
               cf_err_code(r.code));
    }
    return r;
}

/* Everything the process changes about itself for good, before its first thread. */
static CF_MUST_USE cf_result prepare(const settings *s, module *nsm, cf_app *a)
{
    unsigned lacks;
    cf_signals_block();
    CF_TRY(open_module(s->nsm, &nsm->nsm, &nsm->is_device));
    CF_TRY(open_way(s, &a->way));
    /* One arena: more of them reserve 64 MiB each, all of it locked. */
    (void)mallopt(M_ARENA_MAX, 1);
    CF_TRY(cf_json_prepare());
    CF_TRY(cf_harden(&lacks));
    tell_lacks(lacks);
    return cf_ok();
}

static CF_MUST_USE cf_result open_listener(const char *text, int *ret)
{
    cf_net_addr addr;
    CF_TRY(cf_net_parse(text, &addr));
    if (addr.kind == CF_NET_VSOCK) {
        return cf_net_vsock_listen(addr.cid, addr.port, CF_ENCLAVE_CONNECTIONS_MAX, ret);
    }
    CF_REQUIRE(addr.kind == CF_NET_FD, UNSUPPORTED);
    *ret = addr.fd;
    return cf_ok();
}

static CF_MUST_USE cf_result open_cache(const settings *s, cf_keycache **ret)
{
    uint64_t keys, seconds;
    bool locked;
    CF_TRY(number(s->cache_keys, CF_ENCLAVE_CACHE_KEYS, 0, CF_ENCLAVE_CACHE_KEYS_MAX, &keys));
    CF_TRY(number(s->cache_seconds, CF_ENCLAVE_CACHE_SECONDS, 0, CF_ENCLAVE_CACHE_SECONDS_MAX,
                  &seconds));
    /* A key in use may be on its way from an unwrapper to its requests. */
    size_t in_use_max =
        CF_ENCLAVE_INFLIGHT_MAX + CF_ENCLAVE_SECRETS_IN_USE + CF_ENCLAVE_KMS_THREADS;
    CF_TRY(cf_keycache_new((size_t)keys, seconds * 1000, in_use_max, ret, &locked));
    if (!locked) {
        cf_log(CF_LOG_WARN, "confine.lacks", "barrier=keys_locked");
    }
    return cf_ok();
}

/* What this enclave is told about its KMS becomes part of what it can prove, before it proves anything. */
static CF_MUST_USE cf_result measure_kms(const settings *s, cf_app *a, cf_nsm *nsm)
{
    CF_TRY(cf_kms_way_measure(a->way, nsm));
    cf_log(CF_LOG_INFO, "kms.named", "kms=%s link=%s roots=%s pcr%d=%s", s->kms, link_of(s),
           s->kms_roots != NULL ? "given" : "compiled_in", CF_KMS_PCR, cf_kms_way_pcr(a->way));
    return cf_ok();
}

/* What the system call filter lets through beyond the usual. */
static unsigned needs(const module *nsm, const cf_app *a)
{
    return (nsm->is_device ? (unsigned)CF_MAY_ASK_NSM : 0) |
           (cf_kms_way_is_vsock(a->way) ? (unsigned)CF_MAY_DIAL_VSOCK : 0);
}

static CF_MUST_USE cf_result boot(const settings *s, module *nsm, cf_app *a)
{
    uint64_t workers;
    CF_TRY(number(s->workers, cf_workers_default(), 1, CF_ENCLAVE_WORKERS_MAX, &workers));
    CF_TRY(measure_kms(s, a, &nsm->nsm));
    CF_TRY(open_cache(s, &a->cache));
    CF_TRY(cf_programs_new(CF_ENCLAVE_PROGRAMS_MAX, CF_ENCLAVE_PROGRAMS_BYTES_MAX, &a->programs));
    CF_TRY(cf_credentials_new(&a->credentials));
    CF_TRY(cf_kms_way_service(a->way, a->credentials, &a->kms));
    CF_TRY(cf_identity_new(&nsm->nsm, &a->identity));
    a->workers_n = (unsigned)workers;
    CF_TRY(cf_workers_new(a->workers_n, a->cache, a->programs, cf_app_done, a, &a->workers));
    const cf_unwrap_spec unwrap = {.identity = a->identity,
                                   .cache = a->cache,
                                   .kms = a->kms,
                                   .threads = CF_ENCLAVE_KMS_THREADS,
                                   .done = cf_app_done,
                                   .ctx = a};
    CF_TRY(cf_unwrap_new(&unwrap, &a->unwrap));
    CF_TRY(cf_attestor_new(a->identity, cf_app_done, a, &a->attestor));
    cf_thread_be_patient(pthread_self());
    return cf_seccomp_enter(needs(nsm, a));
}

/* Ends the threads, each after those that hand it work, and answers what they leave. */
static void end(cf_app *a, cf_server *server)
{
    if (a->kms != NULL) {
        cf_kms_service_stop(a->kms);
    }
    cf_unwrap_free(&a->unwrap);
    cf_attestor_free(&a->attestor);
    if (server != NULL) {
        cf_server_finish(server);
    }
    cf_workers_free(&a->workers);
    if (server != NULL) {
        cf_server_finish(server);
    }
    cf_server_free(&server);
    cf_kms_service_free(&a->kms);
    cf_kms_way_free(&a->way);
    cf_identity_free(&a->identity);
    cf_credentials_free(&a->credentials);
    cf_keycache_free(&a->cache);
    cf_programs_free(&a->programs);
}

static CF_MUST_USE cf_result serve(const settings *s, module *nsm, cf_app *a, cf_server **server)
{
    int listener = -1;
    CF_TRY(open_listener(s->listen, &listener));
    CF_TRY(cf_server_new(a, listener, server));
    CF_TRY(boot(s, nsm, a));
    a->started_ms = cf_clock_mono_ms();
    cf_log(CF_LOG_INFO, "ready", "workers=%u nsm=%s", a->workers_n,
           nsm->is_device ? "device" : "stream");
    cf_ready(s->ready_fd, s->listen);
    cf_server_run(*server);
    return cf_ok();
}

/* libssl knows a way to connect by name, which nothing here calls. This keeps the C library's resolver, with all that it loads and asks,
 * out of the program. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **ret)
{
    (void)node;
    (void)service;
    (void)hints;
    (void)ret;
    return EAI_FAIL;
}

void freeaddrinfo(struct addrinfo *list)
{
    (void)list;
}

int main(int argc, char **argv)
{
    settings s = {0};
    const cf_option options[] = {
        {"listen", "ADDR", "where the agent connects: fd:N or vsock:CID:PORT", &s.listen, NULL,
         true},
        {"nsm", "fd:N", "stream to the security module; not used where " CF_NSM_DEVICE " is there",
         &s.nsm, NULL, false},
        {"kms", "KMS",
         "aws:REGION[,fips], https://HOST[:PORT][,REGION], or fd:N: plain, where connections to "
         "one "
         "on this machine are asked for",
         &s.kms, NULL, true},
        {"kms-link", "ADDR",
         "how to reach the first two: fd:N, where connections are asked for, or vsock:CID:PORT",
         &s.kms_link, NULL, false},
        {"kms-roots", "fd:N", "certificates in PEM to trust there, instead of Amazon's roots",
         &s.kms_roots, NULL, false},
        {"workers", "N", "threads that compute (default: processors)", &s.workers, NULL, false},
        {"cache-keys", "N", "vault keys kept unwrapped (default 10000, 0: none)", &s.cache_keys,
         NULL, false},
        {"cache-seconds", "N", "how long (default 60, 0: not at all)", &s.cache_seconds, NULL,
         false},
        {"ready-fd", "N", "descriptor that is told when the enclave serves", &s.ready_fd, NULL,
         false},
        {0},
    };
    static cf_app app = {.done_lock = PTHREAD_MUTEX_INITIALIZER, .wake = -1};
    cf_server *server = NULL;
    module nsm = {.is_device = false};
    cf_log_program("enclave");
    (void)cf_options_parse(argc, argv, "opens sealed fields; trusted, confined, attested", options);
    cf_result r = prepare(&s, &nsm, &app);
    r = cf_is_ok(r) ? serve(&s, &nsm, &app, &server) : r;
    end(&app, server);
    cf_nsm_close(&nsm.nsm);
    if (!cf_is_ok(r)) {
        cf_log(CF_LOG_ERROR, "failed", "code=%s", cf_err_code(r.code));
        return EXIT_FAILURE;
    }
    cf_log(CF_LOG_INFO, "stopped", "answered=%llu", (unsigned long long)app.answered);
    return EXIT_SUCCESS;
}
