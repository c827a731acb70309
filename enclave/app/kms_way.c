/* SPDX-License-Identifier: Apache-2.0 */
#include "enclave/app/kms_way.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/codec/base64.h"
#include "sys/kms/measure.h"
#include "sys/linux/net.h"

#define WAY_ASK 'K' /* on the channel: a connection to the KMS, please */
#define WAY_READ_BYTES ((size_t)16 << 10)

struct cf_kms_way {
    cf_view text; /* of the endpoint, as it was given; static */
    cf_aws_endpoint endpoint;
    bool plain;
    cf_buf roots;
    cf_tls_config *tls;
    char pcr[2 * CF_KMS_MEASURE_BYTES + 1];
    cf_net_addr addr;     /* of vsock, or of the channel */
    pthread_mutex_t lock; /* of the next three */
    pthread_cond_t turn;
    unsigned waiting; /* for answers on the channel */
    bool taking;      /* one of them the next answer */
    atomic_bool stopped;
};

/* ---- options ---- */

/* From its start, wherever whoever read it before has left it. */
static CF_MUST_USE cf_result read_file(int fd, size_t max, cf_buf *out)
{
    for (;;) {
        CF_TRY(cf_buf_reserve(out, WAY_READ_BYTES));
        ssize_t n = pread(fd, out->data + out->len, WAY_READ_BYTES, (off_t)out->len);
        CF_REQUIRE(n >= 0 || errno == EINTR, IO);
        if (n == 0) {
            return cf_ok();
        }
        out->len += n > 0 ? (size_t)n : 0;
        CF_REQUIRE(out->len <= max, SIZE);
    }
}

static CF_MUST_USE cf_result read_roots(cf_kms_way *w, const char *text)
{
    cf_net_addr addr;
    CF_TRY(cf_net_parse(text, &addr));
    CF_REQUIRE(addr.kind == CF_NET_FD, UNSUPPORTED);
    CF_FD(fd);
    fd = addr.fd;
    CF_TRY(read_file(fd, CF_TLS_ROOTS_BYTES_MAX, &w->roots));
    /* An empty text would mean those compiled in. */
    CF_REQUIRE(w->roots.len > 0, EMPTY);
    return cf_ok();
}

static CF_MUST_USE cf_result parse(cf_kms_way *w, const char *kms, const char *link,
                                   const char *roots)
{
    w->text = cf_view_str(kms);
    w->plain = cf_is_ok(cf_net_parse(kms, &w->addr)) && w->addr.kind == CF_NET_FD;
    if (w->plain) {
        CF_REQUIRE(link == NULL && roots == NULL, ARGUMENT);
        return cf_ok();
    }
    w->addr = (cf_net_addr){.kind = CF_NET_FD, .fd = -1};
    CF_TRY(cf_aws_kms_endpoint(w->text, &w->endpoint));
    CF_REQUIRE(link != NULL, ARGUMENT);
    CF_TRY(cf_net_parse(link, &w->addr));
    CF_REQUIRE(w->addr.kind == CF_NET_FD || w->addr.kind == CF_NET_VSOCK, UNSUPPORTED);
    if (roots != NULL) {
        CF_TRY(read_roots(w, roots));
    }
    return cf_tls_config_new(cf_buf_view(&w->roots), &w->tls);
}

CF_MUST_USE cf_result cf_kms_way_open(const char *kms, const char *link, const char *roots,
                                      cf_kms_way **ret)
{
    *ret = NULL;
    CF_AUTO(cf_kms_way_free) cf_kms_way *w = cf_mem_new(1, sizeof *w);
    CF_REQUIRE(w != NULL, NO_MEMORY);
    w->addr = (cf_net_addr){.kind = CF_NET_FD, .fd = -1};
    (void)pthread_mutex_init(&w->lock, NULL);
    (void)pthread_cond_init(&w->turn, NULL);
    CF_TRY(parse(w, kms, link, roots));
    *ret = w;
    w = NULL;
    return cf_ok();
}

void cf_kms_way_free(cf_kms_way **way)
{
    cf_kms_way *w = *way;
    if (w != NULL) {
        if (w->addr.kind == CF_NET_FD) {
            cf_fd_close(&w->addr.fd);
        }
        cf_tls_config_free(&w->tls);
        cf_buf_free(&w->roots);
        (void)pthread_mutex_destroy(&w->lock);
        (void)pthread_cond_destroy(&w->turn);
        cf_mem_free(w);
        *way = NULL;
    }
}

bool cf_kms_way_is_vsock(const cf_kms_way *w)
{
    return w->addr.kind == CF_NET_VSOCK;
}

/* ---- measure ---- */

CF_MUST_USE cf_result cf_kms_way_measure(cf_kms_way *w, cf_nsm *nsm)
{
    uint8_t measure[CF_KMS_MEASURE_BYTES];
    CF_BUF(octets);
    CF_BUF(hex);
    cf_nsm_response answer;
    if (w->plain) {
        return cf_ok();
    }
    CF_TRY(cf_kms_measure(w->text, cf_buf_view(&w->roots), measure));
    const cf_nsm_request extend = {
        .op = CF_NSM_EXTEND_PCR, .index = CF_KMS_PCR, .data = CF_VIEW_OF(measure)};
    CF_TRY(cf_nsm_ask(nsm, &extend, &octets, &answer));
    CF_TRY(cf_hex_encode(answer.data, &hex));
    CF_REQUIRE(hex.len < sizeof w->pcr, NSM);
    cf_copy(w->pcr, hex.data, hex.len);
    /* Documents have registers that are locked, and no others. */
    const cf_nsm_request lock = {.op = CF_NSM_LOCK_PCR, .index = CF_KMS_PCR};
    return cf_nsm_ask(nsm, &lock, &octets, &answer);
}

const char *cf_kms_way_pcr(const cf_kms_way *w)
{
    return w->pcr;
}

/* ---- connections ---- */

/* What comes while nobody waits is the answer to a question that was given up, and may be old: it goes before the next question. */
static void begin_waiting(cf_kms_way *w)
{
    uint8_t what;
    int old = -1;
    (void)pthread_mutex_lock(&w->lock);
    while (w->waiting == 0 && cf_is_ok(cf_net_recv_fd(w->addr.fd, 0, &what, &old))) {
        cf_fd_close(&old);
    }
    w->waiting++;
    (void)pthread_mutex_unlock(&w->lock);
}

/* True when the next answer is the caller's to take; false at the deadline. Answers go to those who wait in about the order in which these
 * came, so that nobody is told of a dial that was given up long before his own will be. */
static bool wait_for_turn(cf_kms_way *w, uint64_t deadline_ms)
{
    const struct timespec until = {(time_t)(deadline_ms / 1000),
                                   (long)(deadline_ms % 1000) * 1000000L};
    int timed_out = 0;
    (void)pthread_mutex_lock(&w->lock);
    while (w->taking && timed_out == 0) {
        timed_out = pthread_cond_clockwait(&w->turn, &w->lock, CLOCK_MONOTONIC, &until);
    }
    bool mine = !w->taking;
    w->taking = true;
    (void)pthread_mutex_unlock(&w->lock);
    return mine;
}

static void end_waiting(cf_kms_way *w, bool was_taking)
{
    (void)pthread_mutex_lock(&w->lock);
    w->waiting--;
    if (was_taking) {
        w->taking = false;
        (void)pthread_cond_signal(&w->turn);
    }
    (void)pthread_mutex_unlock(&w->lock);
}

/* Asks the launcher, and takes the next answer, whosever question it is to: all connections are the same. */
static CF_MUST_USE cf_result ask(cf_kms_way *w, uint64_t deadline_ms, int *ret_fd)
{
    uint8_t what;
    begin_waiting(w);
    cf_result r = cf_net_send_fd(w->addr.fd, WAY_ASK, -1);
    bool mine = cf_is_ok(r) && wait_for_turn(w, deadline_ms);
    if (mine) {
        r = cf_net_recv_fd(w->addr.fd, deadline_ms, &what, ret_fd);
    }
    end_waiting(w, mine);
    CF_TRY(r);
    CF_REQUIRE(mine, TIMEOUT);
    CF_REQUIRE(*ret_fd >= 0, NOT_FOUND);
    return cf_ok();
}

static CF_MUST_USE cf_result dial(void *self, uint64_t deadline_ms, int *ret_fd)
{
    cf_kms_way *w = self;
    *ret_fd = -1;
    CF_REQUIRE(!atomic_load(&w->stopped), CLOSED);
    return w->addr.kind == CF_NET_VSOCK
               ? cf_net_vsock_dial(w->addr.cid, w->addr.port, deadline_ms, ret_fd)
               : ask(w, deadline_ms, ret_fd);
}

/* A connect over vsock is not woken; it ends with its deadline. */
static void stop(void *self)
{
    cf_kms_way *w = self;
    atomic_store(&w->stopped, true);
    if (w->addr.kind == CF_NET_FD) {
        (void)shutdown(w->addr.fd, SHUT_RDWR);
    }
}

CF_MUST_USE cf_result cf_kms_way_service(cf_kms_way *w, cf_credentials *credentials,
                                         cf_kms_service **ret)
{
    static const cf_kms_dial_ops ops = {dial, stop};
    const cf_kms_service_spec spec = {.dial = &ops,
                                      .dial_self = w,
                                      .endpoint = w->plain ? NULL : &w->endpoint,
                                      .tls = w->tls,
                                      .sign = cf_credentials_sign,
                                      .sign_self = credentials};
    return cf_kms_service_new(&spec, ret);
}
