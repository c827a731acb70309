/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/enclave/rig.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/linux/clock.h"
#include "sys/linux/net.h"
#include "tests/integration/enclave/rig_priv.h"

#define OPTIONS_MAX 24
#define DIAL_MS 10000
#define BACKLOG 2048

void rig_check(bool holds, const char *what, const char *file, int line)
{
    if (!holds) {
        (void)fprintf(stderr, "%s:%d: %s (errno %d)\n", file, line, what, errno);
        exit(1);
    }
}

static void *serve_nsm(void *self)
{
    rig *r = self;
    cf_ignore(cf_soft_nsm_serve(r->nsm, r->nsm_fd));
    return NULL;
}

static void *keep_log(void *self)
{
    rig *r = self;
    uint8_t octets[1024];
    ssize_t n;
    while ((n = read(r->log_fd, octets, sizeof octets)) > 0) {
        (void)pthread_mutex_lock(&r->lock);
        if (getenv("CF_RIG_LOG") != NULL) {
            (void)!write(STDERR_FILENO, octets, (size_t)n);
        }
        rig_need(cf_is_ok(cf_buf_append(&r->log, cf_view_make(octets, (size_t)n))));
        (void)pthread_mutex_unlock(&r->lock);
    }
    return NULL;
}

/* -1 without roots. */
static int roots_file(cf_view pem)
{
    int fd = -1;
    if (pem.len > 0) {
        fd = memfd_create("roots", MFD_CLOEXEC);
        rig_need(fd >= 0 && write(fd, pem.data, pem.len) == (ssize_t)pem.len);
    }
    return fd;
}

static void launch(rig *r, const rig_spec *spec)
{
    const char *argv[OPTIONS_MAX] = {"coffer-enclave", "--listen", "fd:3", "--nsm",
                                     "fd:4",           "--kms",    "fd:5"};
    size_t n = 7;
    argv[2] = spec->listen == NULL ? argv[2] : spec->listen;
    argv[6] = spec->kms == NULL ? argv[6] : spec->kms;
    if (spec->roots.len > 0) {
        rig_need(spec->kms != NULL);
        argv[n++] = "--kms-link";
        argv[n++] = spec->kms_link == NULL ? "fd:5" : spec->kms_link;
        argv[n++] = "--kms-roots";
        argv[n++] = "fd:6";
    }
    for (const char *const *o = spec->options; o != NULL && *o != NULL; o++) {
        rig_need(n < OPTIONS_MAX - 1);
        argv[n++] = *o;
    }
    int nsm[2], kms[2], log[2];
    cf_net_addr addr = {.kind = CF_NET_UNIX};
    (void)snprintf(addr.path, sizeof addr.path, "%s/e.sock", r->folder);
    r->addr = addr;
    CF_FD(listener);
    rig_need(cf_is_ok(cf_net_listen(&addr, BACKLOG, &listener)));
    if (spec->listen != NULL) {
        rig_need(cf_is_ok(cf_net_parse(spec->listen, &r->addr)));
    }
    rig_need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, nsm) == 0);
    rig_need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, kms) == 0);
    rig_need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, log) == 0);
    CF_FD(roots);
    roots = roots_file(spec->roots);
    const int keep[] = {listener, nsm[1], kms[1], roots};
    const cf_confine_spec confine = {.image = &r->image,
                                     .argv = (char *const *)(uintptr_t)argv,
                                     .keep_fds = keep,
                                     .keep_n = roots < 0 ? 3 : 4,
                                     .log_fd = log[1]};
    rig_need(cf_is_ok(cf_confine_start(&confine, &r->pid, &r->lacks)));
    cf_fd_close(&nsm[1]);
    cf_fd_close(&kms[1]);
    cf_fd_close(&log[1]);
    r->nsm_fd = nsm[0];
    r->kms_channel = kms[0];
    r->log_fd = log[0];
}

rig *rig_start(const rig_spec *spec)
{
    rig *r = cf_mem_new(1, sizeof *r);
    rig_need(r != NULL && pthread_mutex_init(&r->lock, NULL) == 0);
    (void)snprintf(r->folder, sizeof r->folder, "/tmp/cf-rig-XXXXXX");
    rig_need(mkdtemp(r->folder) != NULL);
    rig_need(cf_is_ok(cf_soft_root_open(r->folder, &r->root)));
    rig_need(cf_is_ok(cf_image_load(spec->program, &r->image)));
    rig_need(cf_is_ok(cf_pcr_measure(cf_buf_view(&r->image.bytes), r->pcr0)));
    rig_need(cf_is_ok(cf_soft_nsm_new(r->root, r->pcr0, &r->nsm)));
    launch(r, spec);
    rig_need(pthread_create(&r->nsm_thread, NULL, serve_nsm, r) == 0);
    rig_need(pthread_create(&r->log_thread, NULL, keep_log, r) == 0);
    rig_kms_start(r);
    return r;
}

int rig_kill(rig *r, int signal)
{
    int status = 0;
    rig_need(r->pid > 0 && kill(r->pid, signal) == 0);
    rig_need(waitpid(r->pid, &status, 0) == r->pid);
    r->pid = -1;
    return status;
}

void rig_forget(rig *r)
{
    r->pid = -1;
}

static void remove_folder(const rig *r)
{
    static const char *const names[] = {"e.sock", "nsm-root.key", "nsm-root.der"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[256];
        (void)snprintf(path, sizeof path, "%s/%s", r->folder, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(r->folder);
}

int rig_stop(rig **self)
{
    rig *r = *self;
    int status = r->pid > 0 ? rig_kill(r, SIGTERM) : 0;
    rig_kms_stop(r);
    (void)shutdown(r->nsm_fd, SHUT_RDWR);
    (void)pthread_join(r->nsm_thread, NULL);
    (void)pthread_join(r->log_thread, NULL);
    cf_fd_close(&r->nsm_fd);
    cf_fd_close(&r->log_fd);
    cf_soft_nsm_free(&r->nsm);
    cf_soft_root_free(&r->root);
    cf_image_free(&r->image);
    cf_buf_free(&r->log);
    cf_buf_free(&r->seen_doc);
    cf_buf_free(&r->seen_spki);
    remove_folder(r);
    for (size_t i = 0; i < RIG_PAIRS_MAX; i++) {
        cf_dh_free(&r->pairs[i]);
    }
    (void)pthread_mutex_destroy(&r->lock);
    cf_mem_free(r);
    *self = NULL;
    return status;
}

int rig_pid(const rig *r)
{
    return r->pid;
}

unsigned rig_lacks(const rig *r)
{
    return r->lacks;
}

cf_view rig_pcr0(const rig *r)
{
    return CF_VIEW_OF(r->pcr0);
}

cf_view rig_root(const rig *r)
{
    return cf_soft_root_cert(r->root);
}

void rig_log(rig *r, cf_buf *out)
{
    (void)pthread_mutex_lock(&r->lock);
    rig_need(cf_is_ok(cf_buf_append(out, cf_buf_view(&r->log))));
    (void)pthread_mutex_unlock(&r->lock);
}

/* ---- vaults and requests ---- */

static cf_dh_key *pair_of(rig *r, cf_curve curve)
{
    static const cf_curve curves[RIG_PAIRS_MAX] = {CF_P256, CF_P384, CF_P521, CF_X25519};
    size_t i = 0;
    while (i < RIG_PAIRS_MAX && curves[i] != curve) {
        i++;
    }
    rig_need(i < RIG_PAIRS_MAX);
    (void)pthread_mutex_lock(&r->lock);
    if (r->pairs[i] == NULL) {
        rig_need(cf_is_ok(cf_dh_generate(curve, &r->pairs[i])));
    }
    (void)pthread_mutex_unlock(&r->lock);
    return r->pairs[i];
}

CF_MUST_USE cf_result rig_scalar(rig *r, cf_curve curve, cf_secret *ret)
{
    return cf_dh_secret_of(pair_of(r, curve), ret);
}

void rig_vault_make(rig *r, unsigned n, cf_hpke_suite suite, rig_vault *ret)
{
    *ret = (rig_vault){.binding = {CF_LIT("acme"), CF_LIT("v_000000000000000000000000000"),
                                   CF_LIT("person"), suite}};
    ret->public_key = *cf_dh_public_of(pair_of(r, suite.kem));
    /* The KMS of the rig finds the pair by the curve's number. */
    ret->blob_len = (size_t)snprintf((char *)ret->blob, sizeof ret->blob, "wrapped:%02x:%u",
                                     (unsigned)suite.kem, n);
}

cf_dh_key *rig_pair_of_blob(rig *r, cf_view blob)
{
    unsigned curve = 0;
    char text[64] = {0};
    rig_need(blob.len < sizeof text);
    cf_copy(text, blob.data, blob.len);
    if (strncmp(text, "secret:", 7) == 0) {
        return pair_of(r, CF_P384);
    }
    return sscanf(text, "wrapped:%02x:", &curve) == 1 ? pair_of(r, (cf_curve)curve) : NULL;
}

/* What a seal gave, kept in the request's arena. */
static cf_view keep(rig_request *q, cf_buf *octets)
{
    cf_view kept;
    rig_need(cf_is_ok(cf_arena_copy(&q->arena, cf_buf_view(octets), &kept)));
    cf_buf_clear(octets);
    return kept;
}

static void seal_single(rig_request *q, const rig_vault *v, cf_field *f, cf_view value)
{
    CF_BUF(octets);
    CF_BUF(hex);
    rig_need(cf_is_ok(
        cf_seal_binary(&v->binding, cf_dh_public_view(&v->public_key), f->name, value, &octets)));
    if (f->encoding == CF_ENC_BINARY) {
        f->value = keep(q, &octets);
        return;
    }
    size_t enc = v->public_key.len;
    rig_need(cf_is_ok(cf_hex_encode(cf_view_sub(cf_buf_view(&octets), 0, enc), &hex)));
    rig_need(cf_is_ok(cf_buf_append(&hex, CF_LIT("#"))));
    rig_need(
        cf_is_ok(cf_hex_encode(cf_view_sub(cf_buf_view(&octets), enc, octets.len - enc), &hex)));
    f->value = keep(q, &hex);
}

static void seal_write(rig_request *q, cf_sealer *sealer, cf_field *f, cf_view value)
{
    CF_BUF(octets);
    rig_need(cf_is_ok(cf_sealer_field(sealer, f->name, value, &f->seq, &octets)));
    f->value = keep(q, &octets);
}

static void add_write(rig_request *q, cf_sealer *sealer)
{
    cf_write_ref w = cf_sealer_write(sealer);
    CF_BUF(octets);
    rig_need(cf_is_ok(cf_buf_append(&octets, w.id)));
    w.id = keep(q, &octets);
    rig_need(cf_is_ok(cf_buf_append(&octets, w.enc)));
    w.enc = keep(q, &octets);
    q->writes[q->message.writes_n++] = w;
}

void rig_seal(rig_request *q, const rig_vault *v, cf_encoding encoding, size_t n)
{
    CF_AUTO(cf_sealer_free) cf_sealer *sealer = NULL;
    q->arena.max = (size_t)8 << 20;
    if (encoding == CF_ENC_WRITE) {
        rig_need(q->message.writes_n < sizeof q->writes / sizeof *q->writes);
        rig_need(cf_is_ok(cf_sealer_new(&v->binding, cf_dh_public_view(&v->public_key),
                                        1 + q->message.writes_n, &sealer)));
    }
    for (size_t i = 0; i < n; i++) {
        size_t at = q->message.fields_n++;
        rig_need(at < CF_REQUEST_FIELDS_MAX);
        char value[32];
        (void)snprintf(q->names[at], sizeof q->names[at], "f%03zu", at);
        (void)snprintf(value, sizeof value, "value of %s", q->names[at]);
        cf_field *f = &q->fields[at];
        *f = (cf_field){.name = cf_view_str(q->names[at]),
                        .encoding = encoding,
                        .write = (uint32_t)q->message.writes_n};
        if (sealer != NULL) {
            seal_write(q, sealer, f, cf_view_str(value));
        } else {
            f->write = 0;
            seal_single(q, v, f, cf_view_str(value));
        }
    }
    if (sealer != NULL) {
        add_write(q, sealer);
    }
    const cf_decrypt m = {.deadline_ms = 10000,
                          .tenant = v->binding.tenant,
                          .vault_id = v->binding.id,
                          .schema = v->binding.schema,
                          .kms_key = CF_LIT("key-1"),
                          .suite = v->binding.suite,
                          .wrapped_key = cf_view_make(v->blob, v->blob_len),
                          .writes = q->writes,
                          .writes_n = q->message.writes_n,
                          .fields = q->fields,
                          .fields_n = q->message.fields_n};
    q->message = m;
}

void rig_express(rig_request *q, const char *name, const char *source)
{
    rig_need(q->message.expressions_n < RIG_EXPRESSIONS_MAX);
    q->expressions[q->message.expressions_n++] =
        (cf_expression){cf_view_str(name), cf_view_str(source)};
    q->message.expressions = q->expressions;
}

void rig_secret(rig_request *q, const char *name, const char *blob)
{
    rig_need(q->message.secrets_n < RIG_SECRETS_MAX);
    q->secrets[q->message.secrets_n++] =
        (cf_secret_ref){cf_view_str(name), CF_LIT("key-1"), cf_view_str(blob)};
    q->message.secrets = q->secrets;
}

void rig_request_free(rig_request *q)
{
    cf_arena_free(&q->arena);
}

/* ---- the wire ---- */

void rig_connect(rig *r, rig_conn *c)
{
    uint64_t until_ms = cf_clock_mono_ms() + DIAL_MS;
    *c = (rig_conn){.fd = -1};
    while (!cf_is_ok(cf_net_dial(&r->addr, until_ms, &c->fd))) {
        rig_need(cf_clock_mono_ms() < until_ms); /* one that listens by itself may not do so yet */
        (void)poll(NULL, 0, 10);
    }
}

void rig_close(rig_conn *c)
{
    cf_fd_close(&c->fd);
    cf_buf_free(&c->in);
}

void rig_send(rig_conn *c, uint32_t kind, uint64_t request, cf_view body)
{
    CF_BUF(frame);
    rig_need(cf_is_ok(cf_frame_encode(kind, request, body, &frame)));
    /* A peer that has closed shows when the answer is read. */
    cf_ignore(cf_net_write_full(c->fd, cf_buf_view(&frame), cf_clock_mono_ms() + 20000));
}

void rig_send_decrypt(rig_conn *c, uint64_t request, const cf_decrypt *m)
{
    CF_BUF(body);
    rig_need(cf_is_ok(cf_decrypt_encode(m, &body)));
    rig_send(c, CF_MSG_DECRYPT, request, cf_buf_view(&body));
}

void rig_lend(rig_conn *c, const cf_credentials_view *m)
{
    CF_BUF(body);
    cf_msg answer;
    rig_need(cf_is_ok(cf_credentials_encode(m, &body)));
    rig_send(c, CF_MSG_CREDENTIALS, UINT64_MAX - 1, cf_buf_view(&body));
    rig_need(rig_receive(c, 10000, &answer) && answer.kind == CF_MSG_ANSWER + CF_MSG_CREDENTIALS);
}

bool rig_receive(rig_conn *c, unsigned timeout_ms, cf_msg *ret)
{
    uint64_t deadline_ms = cf_clock_mono_ms() + timeout_ms;
    for (;;) {
        size_t used;
        cf_view unread = cf_view_sub(cf_buf_view(&c->in), c->used, c->in.len - c->used);
        rig_need(cf_is_ok(cf_frame_decode(unread, &used, ret)));
        if (used > 0) {
            c->used += used;
            return true;
        }
        CF_BUF(rest);
        rig_need(cf_is_ok(cf_buf_append(&rest, unread)));
        cf_buf_free(&c->in);
        c->in = cf_buf_move(&rest);
        c->used = 0;
        if (!cf_is_ok(cf_net_read_some(c->fd, &c->in, 65536, deadline_ms))) {
            return false;
        }
    }
}

void rig_hello(rig *r, rig_conn *c)
{
    CF_BUF(body);
    const cf_hello hello = {1, 1};
    cf_msg m;
    rig_connect(r, c);
    rig_need(cf_is_ok(cf_hello_encode(&hello, &body)));
    rig_send(c, CF_MSG_HELLO, 0, cf_buf_view(&body));
    rig_need(rig_receive(c, 20000, &m) && m.kind == CF_MSG_ANSWER + CF_MSG_HELLO);
}

cf_err rig_error(const cf_msg *m)
{
    cf_err err = CF_OK;
    rig_need(m->kind != CF_MSG_ERROR || cf_is_ok(cf_error_decode(m->body, &err)));
    return err;
}

cf_health rig_health(rig_conn *c, cf_buf *keep_body)
{
    cf_msg m;
    cf_health health;
    rig_send(c, CF_MSG_HEALTH, UINT64_MAX, CF_LIT("\xa0"));
    rig_need(rig_receive(c, 10000, &m) && m.kind == CF_MSG_ANSWER + CF_MSG_HEALTH);
    rig_need(cf_is_ok(cf_buf_set(keep_body, m.body)));
    rig_need(cf_is_ok(cf_health_decode(cf_buf_view(keep_body), &health)));
    return health;
}
