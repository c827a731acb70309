/* SPDX-License-Identifier: Apache-2.0 */
#include "host/agent/launcher.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/linux/clock.h"
#include "sys/linux/confine.h"
#include "sys/linux/log.h"
#include "sys/nsm/nsm.h"

#define LAUNCHER_BACKLOG 64
#define LAUNCHER_RETRY_US 20000
#define LAUNCHER_KMS_ASK 'K' /* on the channel: a connection to the KMS, please */

struct cf_launcher {
    cf_image image, roots; /* roots: a file as it was at the start; empty without one */
    uint8_t pcr0[CF_PCR_BYTES_SHA384];
    cf_soft_root *root;
    cf_net_addr listen, kms;
    const char *args[CF_AGENT_ARGS_MAX + 1];
    unsigned warned; /* barriers that were already told of */

    pthread_mutex_t lock;
    pthread_cond_t fewer;
    unsigned helpers; /* threads that serve an enclave */
    unsigned dials;   /* of them, those that dial once */
};

/* A thread that serves one enclave until its end of the stream closes, or dials once for it. */
typedef struct {
    cf_launcher *launcher;
    int fd;
    cf_soft_nsm *nsm; /* NULL for one that dials KMS */
    bool once;
} helper;

static void helper_free(helper **h)
{
    if (*h != NULL) {
        cf_fd_close(&(*h)->fd);
        cf_soft_nsm_free(&(*h)->nsm);
        cf_mem_free(*h);
        *h = NULL;
    }
}

static void *helper_run(void *ctx);

/* Hands the helper to a thread, whose it is from then on; false when there is none for it. */
static bool helper_go(helper *h)
{
    cf_launcher *l = h->launcher;
    unsigned dials = h->once ? 1 : 0;
    pthread_t thread;
    (void)pthread_mutex_lock(&l->lock);
    bool started = l->dials + dials <= CF_AGENT_KMS_DIALS_MAX &&
                   pthread_create(&thread, NULL, helper_run, h) == 0;
    if (started) {
        (void)pthread_detach(thread);
        l->helpers++;
        l->dials += dials;
    }
    (void)pthread_mutex_unlock(&l->lock);
    return started;
}

/* Connections are dialled here because the enclave has no network; what travels on them is its own affair. */
static cf_result dial_kms(const helper *h)
{
    CF_FD(conn);
    cf_result dialled =
        cf_net_dial(&h->launcher->kms, cf_clock_mono_ms() + CF_AGENT_KMS_DIAL_TIMEOUT_MS, &conn);
    if (!cf_is_ok(dialled)) {
        cf_log(CF_LOG_WARN, "kms.unreachable", "code=%s", cf_err_code(dialled.code));
    }
    return cf_net_send_fd(h->fd, LAUNCHER_KMS_ASK, conn);
}

/* A dial takes as long as the network does, and an enclave with many cold keys asks for many connections: none waits for another's. With
 * no thread for it, it is dialled here, and the next ones wait. */
static cf_result dial_beside(const helper *h)
{
    CF_AUTO(helper_free) helper *d = cf_mem_new(1, sizeof *d);
    CF_REQUIRE(d != NULL, NO_MEMORY);
    *d = (helper){h->launcher, fcntl(h->fd, F_DUPFD_CLOEXEC, 0), NULL, true};
    if (d->fd < 0 || !helper_go(d)) {
        return dial_kms(h);
    }
    d = NULL;
    return cf_ok();
}

static void serve_kms(const helper *h)
{
    uint8_t what;
    int none = -1;
    while (cf_is_ok(cf_net_recv_fd(h->fd, CF_DEADLINE_NONE, &what, &none))) {
        cf_fd_close(&none);
        if (what == LAUNCHER_KMS_ASK && !cf_is_ok(dial_beside(h))) {
            return;
        }
    }
}

static void *helper_run(void *ctx)
{
    helper *h = ctx;
    cf_launcher *l = h->launcher;
    bool once = h->once;
    if (once) {
        cf_ignore(dial_kms(h));
    } else if (h->nsm == NULL) {
        serve_kms(h);
    } else {
        cf_result served = cf_soft_nsm_serve(h->nsm, h->fd);
        if (!cf_is_ok(served)) {
            cf_log(CF_LOG_WARN, "nsm.ended", "code=%s", cf_err_code(served.code));
        }
    }
    helper_free(&h);
    (void)pthread_mutex_lock(&l->lock);
    l->helpers--;
    l->dials -= once ? 1 : 0;
    (void)pthread_cond_signal(&l->fewer);
    (void)pthread_mutex_unlock(&l->lock);
    return NULL;
}

/* Starts a helper on a new stream; *ret_fd is the enclave's end. nsm, if any, is the helper's from now on, also after an error. */
static cf_result helper_start(cf_launcher *l, cf_soft_nsm *nsm, int *ret_fd)
{
    int pair[2];
    CF_AUTO(helper_free) helper *h = cf_mem_new(1, sizeof *h);
    if (h == NULL) {
        cf_soft_nsm_free(&nsm);
        return cf_fail(CF_ERR_NO_MEMORY);
    }
    *h = (helper){l, -1, nsm, false};
    CF_REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0, IO);
    h->fd = pair[0];
    *ret_fd = pair[1];
    CF_REQUIRE(helper_go(h), IO);
    h = NULL;
    return cf_ok();
}

static cf_result take_args(cf_launcher *l, const cf_launcher_opts *opts)
{
    const char *const fixed[] = {"coffer-enclave", "--listen", "fd:3", "--nsm", "fd:4", NULL};
    const char *const plain[] = {"--kms", "fd:5", NULL};
    const char *const tls[] = {"--kms", opts->kms_endpoint, "--kms-link", "fd:5", NULL};
    const char *const roots[] = {opts->kms_roots != NULL ? "--kms-roots" : NULL, "fd:6", NULL};
    const char *const *const all[] = {fixed, opts->kms_endpoint != NULL ? tls : plain, roots,
                                      opts->args};
    size_t n = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        for (const char *const *arg = all[i]; *arg != NULL; arg++) {
            CF_REQUIRE(n < CF_AGENT_ARGS_MAX, SIZE);
            l->args[n++] = *arg;
        }
    }
    return cf_ok();
}

static cf_result prepare(cf_launcher *l, const cf_launcher_opts *opts, const char **ret_what)
{
    char address[CF_NET_TEXT_BYTES_MAX];
    int n = snprintf(address, sizeof address, "unix:%s/enclave-1.sock", opts->run);
    *ret_what = "run folder";
    CF_REQUIRE(n > 0 && (size_t)n < sizeof address, SIZE);
    CF_TRY(cf_net_parse(address, &l->listen));
    *ret_what = "enclave program";
    CF_TRY(take_args(l, opts));
    CF_TRY(cf_image_load(opts->enclave, &l->image));
    CF_TRY(cf_pcr_measure(cf_buf_view(&l->image.bytes), l->pcr0));
    *ret_what = "--kms-roots";
    if (opts->kms_roots != NULL) {
        CF_TRY(cf_image_load(opts->kms_roots, &l->roots));
    }
    *ret_what = "attestation root";
    return cf_soft_root_open(opts->nsm, &l->root);
}

cf_result cf_launcher_new(const cf_launcher_opts *opts, cf_launcher **ret, const char **ret_what)
{
    *ret = NULL;
    *ret_what = "memory";
    CF_AUTO(cf_launcher_free) cf_launcher *l = cf_mem_new(1, sizeof *l);
    CF_REQUIRE(l != NULL, NO_MEMORY);
    l->image = l->roots = CF_IMAGE_EMPTY;
    l->kms = opts->kms;
    (void)pthread_mutex_init(&l->lock, NULL);
    (void)pthread_cond_init(&l->fewer, NULL);
    CF_TRY(prepare(l, opts, ret_what));
    *ret = l;
    l = NULL;
    return cf_ok();
}

void cf_launcher_free(cf_launcher **launcher)
{
    cf_launcher *l = *launcher;
    *launcher = NULL;
    if (l == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&l->lock);
    while (l->helpers > 0) {
        (void)pthread_cond_wait(&l->fewer, &l->lock);
    }
    (void)pthread_mutex_unlock(&l->lock);
    (void)pthread_mutex_destroy(&l->lock);
    (void)pthread_cond_destroy(&l->fewer);
    cf_soft_root_free(&l->root);
    cf_image_free(&l->image);
    cf_image_free(&l->roots);
    cf_mem_free(l);
}

/* What the enclave is given; closed on every way out, for by then it has its own. */
typedef struct {
    int fds[3]; /* become 3, 4 and 5: listener, security module, KMS channel */
    int log[2]; /* read end, write end */
} gifts;

static void gifts_close(gifts *g)
{
    for (size_t i = 0; i < 3; i++) {
        cf_fd_close(&g->fds[i]);
    }
    cf_fd_close(&g->log[0]);
    cf_fd_close(&g->log[1]);
}

/* The enclave of an agent that was killed dies with it, but not at the same moment, and serves its socket until then. */
static cf_result listen_when_free(const cf_launcher *l, int *ret_fd)
{
    uint64_t until_ms = cf_clock_mono_ms() + CF_AGENT_TAKE_OVER_MS;
    cf_result r = cf_net_listen(&l->listen, LAUNCHER_BACKLOG, ret_fd);
    while (r.code == CF_ERR_EXISTS && cf_clock_mono_ms() < until_ms) {
        (void)usleep(LAUNCHER_RETRY_US);
        r = cf_net_listen(&l->listen, LAUNCHER_BACKLOG, ret_fd);
    }
    return r;
}

static cf_result make_gifts(cf_launcher *l, gifts *g)
{
    cf_soft_nsm *nsm = NULL;
    CF_TRY(listen_when_free(l, &g->fds[0]));
    CF_TRY(cf_soft_nsm_new(l->root, l->pcr0, &nsm));
    CF_TRY(helper_start(l, nsm, &g->fds[1]));
    CF_TRY(helper_start(l, NULL, &g->fds[2]));
    /* Neither side waits for the other: an enclave whose log nobody reads loses lines, not time. */
    CF_REQUIRE(pipe2(g->log, O_CLOEXEC | O_NONBLOCK) == 0, IO);
    return cf_ok();
}

/* Without a user of its own the enclave is in the hands of whoever has the launcher's: SECURITY.md. */
static void warn_lacks(cf_launcher *l, unsigned lacks)
{
    for (unsigned bit = 1; bit < 1U << CF_LACKS_COUNT; bit <<= 1) {
        if ((lacks & bit & ~l->warned) != 0) {
            cf_log(CF_LOG_WARN, "enclave.barrier_missing",
                   bit == CF_LACKS_UID
                       ? "barrier=%s means=any_process_of_this_user_can_read_the_enclave"
                       : "barrier=%s",
                   cf_lacks_name(bit));
        }
    }
    l->warned |= lacks;
}

cf_result cf_launcher_start(cf_launcher *l, cf_enclave *ret)
{
    *ret = CF_ENCLAVE_NONE;
    CF_AUTO(gifts_close) gifts g = {{-1, -1, -1}, {-1, -1}};
    int pid = 0;
    unsigned lacks = 0;
    CF_TRY(make_gifts(l, &g));
    const int keep[] = {g.fds[0], g.fds[1], g.fds[2], l->roots.fd};
    const cf_confine_spec spec = {.image = &l->image,
                                  .argv = (char *const *)(uintptr_t)l->args,
                                  .keep_fds = keep,
                                  .keep_n = l->roots.fd >= 0 ? 4 : 3,
                                  .log_fd = g.log[1]};
    CF_TRY(cf_confine_start(&spec, &pid, &lacks));
    warn_lacks(l, lacks);
    *ret = (cf_enclave){.pid = pid,
                        .pid_fd = pidfd_open(pid, 0),
                        .log_fd = g.log[0],
                        .addr = l->listen,
                        .started_ms = cf_clock_wall_ms()};
    g.log[0] = -1;
    if (ret->pid_fd < 0) {
        int status;
        cf_enclave_kill(ret);
        (void)waitpid(pid, &status, 0);
        ret->pid = 0;
        (void)cf_enclave_reap(ret, &status);
        return cf_fail(CF_ERR_IO);
    }
    return cf_ok();
}

void cf_enclave_kill(const cf_enclave *e)
{
    if (e->pid > 0) {
        (void)kill(e->pid, SIGKILL);
    }
}

bool cf_enclave_reap(cf_enclave *e, int *ret_status)
{
    if (e->pid > 0 && waitpid(e->pid, ret_status, WNOHANG) != e->pid) {
        return false;
    }
    cf_fd_close(&e->pid_fd);
    cf_fd_close(&e->log_fd);
    (void)unlink(e->addr.path);
    *e = CF_ENCLAVE_NONE;
    return true;
}
