/* SPDX-License-Identifier: Apache-2.0 */
/* coffer up: the embedded world in the foreground: kmsd, agent (which launches the enclave) and api, supervised. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/base/reader.h"
#include "core/codec/base64.h"
#include "core/crypto/primitives.h"
#include "host/cli/child.h"
#include "host/cli/pem.h"
#include "host/cli/session.h"
#include "host/cli/up_kms.h"
#include "host/cli/verbs.h"
#include "host/tls/listen.h"
#include "host/tls/server.h"
#include "sys/linux/clock.h"
#include "sys/linux/daemon.h"
#include "sys/linux/file.h"
#include "sys/linux/log.h"
#include "sys/linux/net.h"
#include "sys/nsm/nsm.h"

#define UP_TEXTS_BYTES_MAX ((size_t)64 << 10)
#define UP_READY_MS 15000
/* Sockets are made in DIR/run; the longest name is the enclave's. */
#define CF_CLI_STATE_BYTES_MAX                                                                     \
    ((size_t)CF_NET_PATH_BYTES_MAX - (sizeof "/run/enclave-4294967295.sock" - 1))
#define UP_GRACE_MS 10000
#define UP_TICK_MS 50
#define UP_STEADY_MS 250 /* a child that served this long has not failed to start */
#define UP_BACKOFF_MS 250
#define UP_BACKOFF_DOUBLINGS_MAX 4

enum { KMSD, AGENT, API, CHILDREN };

typedef struct {
    const char *state, *listen;     /* listen: as asked, then as the API says */
    const char *tls_cert, *tls_key; /* NULL: plain */
    cf_arena texts;                 /* paths and addresses that the children's arguments point to */
    cf_buf key_id;
    cli_child children[CHILDREN]; /* in the order of starting */
    int lock;
} stack;

static void stack_clear(stack *s)
{
    cf_arena_free(&s->texts);
    cf_buf_free(&s->key_id);
    cf_fd_close(&s->lock);
}

/* prefix + state + suffix, kept as long as the stack; "" when memory is out (and then the start fails). */
static const char *text(stack *s, const char *prefix, const char *suffix)
{
    CF_BUF(b);
    cf_view kept;
    cf_writer w = cf_writer_to(&b, CF_CLI_PATH_BYTES_MAX);
    cf_write(&w, cf_view_str(prefix));
    cf_write(&w, cf_view_str(s->state));
    cf_write(&w, cf_view_str(suffix));
    cf_write_u8(&w, 0);
    if (!cf_is_ok(cf_write_end(&w)) ||
        !cf_is_ok(cf_arena_copy(&s->texts, cf_buf_view(&b), &kept))) {
        return "";
    }
    return (const char *)kept.data;
}

/* One service per state folder. */
static cf_result take_lock(stack *s)
{
    s->lock = open(text(s, "", "/run/up.lock"), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    CF_REQUIRE(s->lock >= 0, IO);
    CF_REQUIRE(flock(s->lock, LOCK_EX | LOCK_NB) == 0, EXISTS);
    return cf_ok();
}

/* What is there already must be this user's alone: others could have put programs' keys, schemas or addresses into it. */
static cf_result own_folder(const char *path)
{
    CF_FD(fd);
    CF_TRY(cf_folder_make(path));
    cf_result r = cf_folder_open_own(AT_FDCWD, path, &fd);
    if (r.code == CF_ERR_NOT_PERMITTED) {
        fprintf(stderr,
                "coffer: the folder %s is another user's, or others may write to it, so what is in "
                "it may be theirs\n"
                "coffer: make sure that it is not, give it to this user, and the mode 0700\n",
                path);
    }
    return r;
}

static cf_result make_folders(stack *s)
{
    if (strlen(s->state) > CF_CLI_STATE_BYTES_MAX) {
        fprintf(stderr,
                "coffer: the state folder's path is %zu octets long, and sockets below it can have "
                "no more than %zu: use a shorter one, or a relative path\n",
                strlen(s->state), CF_CLI_STATE_BYTES_MAX);
        return cf_fail(CF_ERR_SIZE);
    }
    static const char *const folders[] = {"", "/run", "/kms", "/nsm", "/api", "/schemas"};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        CF_TRY(own_folder(text(s, "", folders[i])));
    }
    return cf_ok();
}

/* Secrets that others could read may be theirs already. Those of KMS and API are looked at by the programs that read them. */
static cf_result check_secrets(stack *s)
{
    static const char *const files[] = {"/nsm/nsm-root.key", "/credentials.json", "/admin.token"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        const char *path = text(s, "", files[i]);
        cf_result r = cf_file_check_secret(path);
        if (r.code == CF_ERR_NOT_PERMITTED) {
            fprintf(stderr,
                    "coffer: %s is another user's, or others than its owner may read or write it, "
                    "so they may have what is in it\n"
                    "coffer: make sure that they do not, and give the file the mode 0600\n",
                    path);
        }
        if (r.code != CF_ERR_NOT_FOUND) {
            CF_TRY(r);
        }
    }
    return cf_ok();
}

/* The local key pair that the enclave presents to KMS. */
static cf_result make_credentials(const char *path)
{
    uint8_t id[10], secret[30];
    CF_BUF(file);
    struct stat st;
    if (stat(path, &st) == 0) {
        return cf_ok();
    }
    CF_TRY(cf_random(id, sizeof id));
    CF_TRY(cf_random(secret, sizeof secret));
    CF_TRY(cf_buf_append(&file, CF_LIT("{\"AccessKeyId\":\"LOCAL")));
    CF_TRY(cf_hex_encode(CF_VIEW_OF(id), &file));
    CF_TRY(cf_buf_append(&file, CF_LIT("\",\"SecretAccessKey\":\"")));
    CF_TRY(cf_base64_encode(CF_VIEW_OF(secret), &file));
    CF_TRY(cf_buf_append(&file, CF_LIT("\"}\n")));
    cf_wipe(secret, sizeof secret);
    return cf_file_create(path, cf_buf_view(&file), 0600);
}

static void set_args(cli_child *c, const char *program, const char *const *args)
{
    c->program = program;
    size_t i = 0;
    for (; i + 1 < CHILD_ARGS_MAX && args[i] != NULL; i++) {
        c->args[i] = args[i];
    }
    c->args[i] = NULL;
}

/* A child that was not started says so by itself on standard error; this says which one it was. */
static cf_result start(cli_child *c)
{
    cf_result r = cli_child_start(c, UP_READY_MS);
    if (!cf_is_ok(r)) {
        cf_log(CF_LOG_ERROR, "child.failed", "program=%s code=%s", c->program, cf_err_code(r.code));
        return r;
    }
    cf_log(CF_LOG_INFO, "child.ready", "program=%s pid=%d", c->program, (int)c->pid);
    return r;
}

static cf_result start_kms(stack *s)
{
    const char *listen = text(s, "unix:", "/run/kms.sock");
    set_args(&s->children[KMSD], "coffer-kmsd",
             (const char *[]){"--state", text(s, "", "/kms"), "--listen", listen,
                              "--attestation-root", text(s, "", "/nsm/nsm-root.der"), NULL});
    return start(&s->children[KMSD]);
}

static cf_result settle_key(stack *s, const char *enclave, bool trust)
{
    up_kms k = {.kms_addr = text(s, "unix:", "/run/kms.sock"),
                .config_path = text(s, "", "/config.json"),
                .enclave_path = enclave,
                .trust_enclave = trust};
    cf_result r = up_kms_key(&k, &s->key_id);
    if (r.code == CF_ERR_ATTESTATION) {
        fprintf(stderr, "coffer: the key's policy does not know this enclave program: it was "
                        "changed or updated since the key was made.\n"
                        "coffer: if you trust the program beside this command, start once with "
                        "--trust-enclave\n");
    }
    return r;
}

static cf_result start_agent(stack *s, const char *enclave)
{
    set_args(&s->children[AGENT], "coffer-agent",
             (const char *[]){"--enclave", enclave, "--nsm", text(s, "", "/nsm"), "--run",
                              text(s, "", "/run"), "--listen", text(s, "unix:", "/run/agent.sock"),
                              "--kms", text(s, "unix:", "/run/kms.sock"), "--credentials",
                              text(s, "", "/credentials.json"), "--key-id",
                              (const char *)s->key_id.data, NULL});
    return start(&s->children[AGENT]);
}

static cf_result start_api(stack *s)
{
    const char *tls = s->tls_cert != NULL ? "--tls-cert" : NULL; /* NULL ends the arguments */
    set_args(&s->children[API], "coffer-api",
             (const char *[]){"--state", text(s, "", "/api"), "--listen", s->listen, "--agent",
                              text(s, "unix:", "/run/agent.sock"), "--kms",
                              text(s, "unix:", "/run/kms.sock"), "--kms-key",
                              (const char *)s->key_id.data, "--schemas", text(s, "", "/schemas"),
                              "--admin-token-file", text(s, "", "/admin.token"), tls, s->tls_cert,
                              "--tls-key", s->tls_key, NULL});
    CF_TRY(start(&s->children[API]));
    /* with port 0 the system chose one; a restarted API must come back to the same */
    const char *said = s->children[API].ready;
    cf_view kept;
    CF_TRY(cf_arena_copy(&s->texts, cf_view_make(said, strlen(said) + 1), &kept));
    s->listen = (const char *)kept.data;
    for (size_t i = 0; s->children[API].args[i] != NULL; i++) {
        if (strcmp(s->children[API].args[i], "--listen") == 0) {
            s->children[API].args[i + 1] = s->listen;
        }
    }
    return cf_ok();
}

static cf_result bring_up(stack *s, const char *enclave, bool trust)
{
    CF_AUTO(cf_soft_root_free) cf_soft_root *root = NULL;
    CF_TRY(make_folders(s));
    cf_result locked = take_lock(s);
    if (locked.code == CF_ERR_EXISTS) {
        fprintf(stderr, "coffer: a service is running on %s already\n", s->state);
    }
    CF_TRY(locked);
    CF_TRY(check_secrets(s));
    CF_TRY(make_credentials(text(s, "", "/credentials.json")));
    /* kmsd reads the root at its start, so it is made here; the agent finds the same one */
    CF_TRY(cf_soft_root_open(text(s, "", "/nsm"), &root));
    CF_TRY(start_kms(s));
    CF_TRY(settle_key(s, enclave, trust));
    CF_TRY(start_agent(s, enclave));
    return start_api(s);
}

/* Restarts what has ended, waiting longer each time it does not last. */
static void watch_child(cli_child *c, uint64_t now)
{
    if (!cli_child_ended(c)) {
        if (now - c->started_ms > UP_STEADY_MS) {
            c->failures = 0;
        }
        return;
    }
    unsigned doublings =
        c->failures < UP_BACKOFF_DOUBLINGS_MAX ? c->failures : UP_BACKOFF_DOUBLINGS_MAX;
    if (c->failures > 0 && now - c->started_ms < (uint64_t)UP_BACKOFF_MS << doublings) {
        return;
    }
    cf_log(CF_LOG_WARN, "child.ended", "program=%s failures=%u", c->program, c->failures);
    c->failures++;
    cf_ignore(start(c));
    c->started_ms = cf_clock_mono_ms();
}

static void supervise(stack *s)
{
    while (!cf_signals_wait(UP_TICK_MS)) {
        for (size_t i = 0; i < CHILDREN; i++) {
            watch_child(&s->children[i], cf_clock_mono_ms());
        }
    }
}

/* Certificates are for names: where the API listens on a number of this machine, or on all, that is localhost. */
static cf_result put_https(const char *listen, cf_buf *out)
{
    static const char *const numbers[] = {"127.0.0.1:", "0.0.0.0:", "[::1]:", "[::]:"};
    const char *at = listen;
    CF_TRY(cf_buf_append(out, CF_LIT("https://")));
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (strncmp(listen, numbers[i], strlen(numbers[i])) == 0) {
            CF_TRY(cf_buf_append(out, CF_LIT("localhost:")));
            at = listen + strlen(numbers[i]);
        }
    }
    return cf_buf_append(out, cf_view_str(at));
}

/* Whom those commands trust: DIR/run/ca.pem, the certificates of the service. One that signs itself is its own authority; of others
 * the chain may hold it. */
static cf_result publish_ca(stack *s)
{
    CF_BUF(chain);
    CF_BUF(certificates);
    CF_TRY(cf_file_read(s->tls_cert, CF_TLS_SERVER_PEM_BYTES_MAX, &chain));
    CF_TRY(cli_pem_blocks(cf_buf_view(&chain), "CERTIFICATE", &certificates));
    return cf_file_write(text(s, "", "/run/ca.pem"), cf_buf_view(&certificates), 0600);
}

/* Where commands on this machine find the service: DIR/run/url. */
static cf_result publish_url(stack *s, bool json)
{
    CF_BUF(url);
    if (cf_tls_listens(s->listen)) {
        CF_TRY(publish_ca(s));
        CF_TRY(put_https(s->listen + strlen(CF_TLS_LISTEN_PREFIX), &url));
    } else {
        CF_TRY(cf_buf_append(&url, CF_LIT("http://")));
        CF_TRY(cf_buf_append(&url, cf_view_str(s->listen)));
    }
    CF_TRY(cf_buf_append(&url, CF_LIT("\n")));
    CF_TRY(cf_file_write(text(s, "", "/run/url"), cf_buf_view(&url), 0600));
    url.len--; /* the newline belongs to the file */
    printf(json ? "{\"ready\":\"%.*s\"}\n" : "ready %.*s\n", (int)url.len, (const char *)url.data);
    CF_REQUIRE(fflush(stdout) == 0, IO);
    return cf_ok();
}

/* The address for the API, with "tls:" before it where there is a certificate. Prints what is wrong and returns false. */
static bool settle_listen(const cli_args *args, char *room, size_t bytes, stack *s)
{
    const char *listen = cli_get(args, "listen");
    s->tls_cert = cli_get(args, "tls-cert");
    s->tls_key = cli_get(args, "tls-key");
    if ((s->tls_cert == NULL) != (s->tls_key == NULL)) {
        fprintf(stderr, "coffer: --tls-cert and --tls-key go together\n");
        return false;
    }
    listen = listen != NULL ? listen : "127.0.0.1:8400";
    int n = snprintf(room, bytes, "%s%s",
                     s->tls_cert != NULL && !cf_tls_listens(listen) ? CF_TLS_LISTEN_PREFIX : "",
                     listen);
    if (n < 0 || (size_t)n >= bytes) {
        fprintf(stderr, "coffer: the address of --listen is too long\n");
        return false;
    }
    s->listen = room;
    return true;
}

int cli_up(const cli_args *args)
{
    char listen[CF_CLI_PATH_BYTES_MAX];
    char enclave[CF_CLI_PATH_BYTES_MAX];
    CF_AUTO(stack_clear)
    stack s = {.state = cli_state_folder(args), .texts = {.max = UP_TEXTS_BYTES_MAX}, .lock = -1};
    if (!settle_listen(args, listen, sizeof listen, &s)) {
        return CLI_USAGE;
    }
    cf_log_program("up");
    (void)umask(077);
    cf_signals_block();
    cf_result r = cli_sibling("coffer-enclave", enclave, sizeof enclave);
    if (cf_is_ok(r)) {
        r = bring_up(&s, enclave, cli_has(args, "trust-enclave"));
    }
    if (cf_is_ok(r)) {
        r = publish_url(&s, cli_has(args, "json"));
    }
    bool end_asked = cli_end_asked();
    if (cf_is_ok(r)) {
        supervise(&s);
    } else if (!end_asked) {
        fprintf(stderr, "coffer: the service could not start: %s (%s)\n", cf_err_text(r.code),
                cf_err_code(r.code));
    }
    for (size_t i = CHILDREN; i > 0; i--) {
        cli_child_stop(&s.children[i - 1], UP_GRACE_MS);
    }
    return cf_is_ok(r) || end_asked ? CLI_OK : CLI_FAILED;
}
