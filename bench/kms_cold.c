/* SPDX-License-Identifier: Apache-2.0 */
/* Decrypts whose vault's key is not at hand, from the confined enclave over TCP and TLS to coffer-kmsd, in a process of its own; sessions
 * are open, and each request is for another vault. All against the bare operations of both sides (bench/attested.h).
 * kms_cold_one: requests one by one; the time that one takes beyond its bare operations.
 * kms_cold_200: so many at once; the time until all are answered, per that in which threads of the same number as processors do the bare
 * operations of all and nothing else.
 * kms_cold_calls: requests that came to the service, by its own audit log and by the enclave's count, per decrypt. */
#include <libgen.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "bench/attested.h"
#include "bench/kmsd.h"
#include "bench/raw.h"
#include "sys/linux/clock.h"
#include "tests/integration/enclave/rig.h"
#include "tests/support/tls_peer.h"

enum {
    AT_ONCE = 200,
    CONNECTIONS = 4,
    FIELDS = 12,
    WARM = 2,
    SLICE = 12,
    SLICE_QUICK = 6,
    THREADS_MAX = 64
};
#define AT_ONCE_TIMES_MAX 1.3
#define ONE_OVER_US_MAX 1000.0
#define ANSWER_TIMEOUT_MS 20000

_Static_assert(AT_ONCE % CONNECTIONS == 0, "connections have the same share");

typedef struct {
    rig *enclave;
    bench_kmsd *kmsd;
    rig_conn conns[CONNECTIONS];
    cf_buf *frames; /* one decrypt of each vault */
    size_t frames_n, next;
    size_t answer_len;
} world;

/* --- preparation --- */

static void start(world *w)
{
    static char path[PATH_MAX], self[PATH_MAX];
    CF_BUF(roots);
    CF_BUF(chain);
    CF_BUF(key);
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    rig_need(n > 0);
    (void)snprintf(path, sizeof path, "%.4000s/coffer-enclave", dirname(self));
    tls_peer_root(&roots);
    tls_peer_server(&chain, &key);
    const rig_spec spec = {
        .program = path, .kms = "https://localhost,us-east-1", .roots = cf_buf_view(&roots)};
    w->enclave = rig_start(&spec);
    const bench_kmsd_spec kmsd = {rig_root(w->enclave), cf_buf_view(&chain), cf_buf_view(&key)};
    w->kmsd = bench_kmsd_start(&kmsd);
    rig_kms_at(w->enclave, bench_kmsd_addr(w->kmsd));
    for (size_t i = 0; i < CONNECTIONS; i++) {
        rig_hello(w->enclave, &w->conns[i]);
    }
    cf_credentials_view lent = {.expires_ms = 0};
    bench_kmsd_user(w->kmsd, &lent.access_key_id, &lent.secret_key);
    rig_lend(&w->conns[0], &lent);
}

/* The n-th vault and a request for its fields. Numbers of requests have one length, so that answers have. */
static void make_frame(world *w, size_t n)
{
    char id[32];
    CF_BUF(blob);
    CF_BUF(body);
    rig_request q = {0};
    rig_vault v = {.binding = {CF_LIT("acme"), CF_VIEW_EMPTY, CF_LIT("person"), CF_HPKE_DEFAULT}};
    (void)snprintf(id, sizeof id, "v_%027zu", n);
    v.binding.id = cf_view_str(id);
    bench_kmsd_pair(w->kmsd, "acme", id, &v.public_key, &blob);
    rig_seal(&q, &v, CF_ENC_WRITE, FIELDS);
    q.message.kms_key = bench_kmsd_key(w->kmsd);
    q.message.wrapped_key = cf_buf_view(&blob);
    rig_need(cf_is_ok(cf_decrypt_encode(&q.message, &body)));
    rig_need(
        cf_is_ok(cf_frame_encode(CF_MSG_DECRYPT, 100000 + n, cf_buf_view(&body), &w->frames[n])));
    rig_request_free(&q);
}

static void make_frames(world *w, size_t n)
{
    w->frames = cf_mem_new(n, sizeof *w->frames);
    rig_need(w->frames != NULL);
    for (; w->frames_n < n; w->frames_n++) {
        make_frame(w, w->frames_n);
    }
}

static void stop(world *w)
{
    for (size_t i = 0; i < CONNECTIONS; i++) {
        rig_close(&w->conns[i]);
    }
    for (size_t i = 0; i < w->frames_n; i++) {
        cf_buf_free(&w->frames[i]);
    }
    cf_mem_free(w->frames);
    (void)rig_stop(&w->enclave);
    bench_kmsd_stop(&w->kmsd);
}

/* --- requests --- */

static void send_next(world *w, rig_conn *c)
{
    rig_need(w->next < w->frames_n);
    rig_need(cf_is_ok(cf_net_write_full(c->fd, cf_buf_view(&w->frames[w->next++]),
                                        cf_clock_mono_ms() + ANSWER_TIMEOUT_MS)));
}

/* The first answer is looked at as a whole; of the others that they are answers of that size. */
static void receive(world *w, rig_conn *c)
{
    cf_msg m;
    rig_need(rig_receive(c, ANSWER_TIMEOUT_MS, &m) && m.kind == CF_MSG_ANSWER + CF_MSG_DECRYPT);
    if (w->answer_len == 0) {
        CF_ARENA(arena, (size_t)1 << 20);
        cf_answer a;
        rig_need(cf_is_ok(cf_answer_decode(m.body, &arena, &a)) && a.fields_n == FIELDS);
        for (size_t i = 0; i < FIELDS; i++) {
            char value[64];
            (void)snprintf(value, sizeof value, "value of f%03zu", i);
            rig_need(cf_view_eq(a.fields[i].value, cf_view_str(value)));
        }
        w->answer_len = m.body.len;
    }
    rig_need(m.body.len == w->answer_len);
}

static cf_result decrypt_one(void *ctx)
{
    world *w = ctx;
    send_next(w, &w->conns[0]);
    receive(w, &w->conns[0]);
    return cf_ok();
}

/* Time until all are answered, in µs. */
static double decrypt_at_once(world *w)
{
    double began = bench_now_us();
    for (size_t i = 0; i < AT_ONCE; i++) {
        send_next(w, &w->conns[i % CONNECTIONS]);
    }
    for (size_t i = 0; i < AT_ONCE; i++) {
        receive(w, &w->conns[i % CONNECTIONS]);
    }
    return bench_now_us() - began;
}

/* Processor time that a process has taken, in µs. */
static double cpu_us(pid_t pid)
{
    clockid_t clock;
    struct timespec t;
    rig_need(clock_getcpuclockid(pid, &clock) == 0 && clock_gettime(clock, &t) == 0);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* --- the bare operations, on all processors --- */

typedef struct {
    bench_attested *with;
    atomic_int *left;
} hand;

static void *work(void *self)
{
    hand *h = self;
    while (atomic_fetch_sub(h->left, 1) > 0) {
        rig_need(cf_is_ok(bench_attested_whole(h->with)));
    }
    return NULL;
}

static double bare_at_once(hand *hands, unsigned n)
{
    pthread_t threads[THREADS_MAX];
    atomic_int left = AT_ONCE;
    double began = bench_now_us();
    for (unsigned i = 0; i < n; i++) {
        hands[i].left = &left;
        rig_need(pthread_create(&threads[i], NULL, work, &hands[i]) == 0);
    }
    for (unsigned i = 0; i < n; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    return bench_now_us() - began;
}

/* --- figures --- */

static bool bench_one(world *w, bench_attested *bare, bench_plan plan, bool quick)
{
    bench_row rows[] = {{.name = "bare", .fn = bench_attested_whole, .ctx = bare},
                        {.name = "kms_cold_one",
                         .fn = decrypt_one,
                         .ctx = w,
                         .per_slice = quick ? SLICE_QUICK : SLICE}};
    double over[BENCH_ROUNDS_MAX];
    bench_run(rows, 2, plan);
    for (size_t i = 0; i < plan.rounds; i++) {
        over[i] = rows[1].us[i] - rows[0].us[i];
    }
    double us = bench_median(over, plan.rounds);
    bool ok = us <= ONE_OVER_US_MAX;
    printf(
        "{\"bench\":\"kms_cold_one\",\"us\":%.1f,\"raw_us\":%.1f,\"over_us\":%.1f,\"must_us\":%.0f,"
        "\"ok\":%s,\"rounds\":%zu,\"raw\":\"bare operations of both sides\",\"lib\":\"%s\"}\n",
        bench_median_us(&rows[1], plan), bench_median_us(&rows[0], plan), us, ONE_OVER_US_MAX,
        ok ? "true" : "false", plan.rounds, bench_lib());
    (void)fflush(stdout);
    return ok;
}

/* Processor time of each decrypt is told as well: unlike the times it does not count what others do on the machine. */
typedef struct {
    double bare_us, enclave_us, kmsd_us;
} cpu_times;

static cpu_times cpu_now(const world *w)
{
    return (cpu_times){cpu_us(getpid()), cpu_us(rig_pid(w->enclave)),
                       cpu_us(bench_kmsd_pid(w->kmsd))};
}

/* One round: the time per that of the bare operations, before and after, so that a machine that changes its speed changes both. */
static double round_at_once(world *w, hand *hands, unsigned n, double *ret_us, double *ret_bare_us,
                            cpu_times *sum)
{
    cpu_times t[3];
    t[0] = cpu_now(w);
    double bare = bare_at_once(hands, n);
    t[1] = cpu_now(w);
    *ret_us = decrypt_at_once(w);
    t[2] = cpu_now(w);
    *ret_bare_us = (bare + bare_at_once(hands, n)) / 2;
    sum->bare_us += t[1].bare_us - t[0].bare_us;
    sum->enclave_us += t[2].enclave_us - t[1].enclave_us;
    sum->kmsd_us += t[2].kmsd_us - t[1].kmsd_us;
    return *ret_us / *ret_bare_us;
}

static bool bench_at_once(world *w, bench_plan plan)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned n = cores < 1 ? 1 : (cores > THREADS_MAX ? THREADS_MAX : (unsigned)cores);
    hand hands[THREADS_MAX];
    double times[BENCH_ROUNDS_MAX], us[BENCH_ROUNDS_MAX], bare_us[BENCH_ROUNDS_MAX];
    cpu_times cpu = {0, 0, 0};
    for (unsigned i = 0; i < n; i++) {
        hands[i].with = bench_attested_new();
    }
    for (size_t i = 0; i < plan.rounds; i++) {
        times[i] = round_at_once(w, hands, n, &us[i], &bare_us[i], &cpu);
    }
    for (unsigned i = 0; i < n; i++) {
        bench_attested_free(hands[i].with);
    }
    double median = bench_median(times, plan.rounds), all = (double)(plan.rounds * AT_ONCE);
    bool ok = median <= AT_ONCE_TIMES_MAX;
    printf("{\"bench\":\"kms_cold_200\",\"times_bare\":%.3f,\"ms\":%.1f,\"raw_ms\":%.1f,", median,
           bench_median(us, plan.rounds) / 1000, bench_median(bare_us, plan.rounds) / 1000);
    printf("\"cpu_us\":{\"raw\":%.0f,\"enclave\":%.0f,\"kmsd\":%.0f},", cpu.bare_us / all,
           cpu.enclave_us / all, cpu.kmsd_us / all);
    printf("\"cores\":%u,\"rounds\":%zu,\"must\":%.2f,\"ok\":%s,\"lib\":\"%s\"}\n", n, plan.rounds,
           AT_ONCE_TIMES_MAX, ok ? "true" : "false", bench_lib());
    (void)fflush(stdout);
    return ok;
}

static bool bench_calls(world *w, unsigned links_warm)
{
    CF_BUF(keep);
    uint64_t asked = rig_health(&w->conns[0], &keep).kms_calls;
    size_t audited = bench_kmsd_audited(w->kmsd, "Decrypt");
    unsigned links = rig_kms_links(w->enclave);
    bool ok = asked == w->next && audited == w->next && links == links_warm;
    printf("{\"bench\":\"kms_cold_calls\",\"per_decrypt\":%.4f,\"decrypts\":%zu,\"audited\":%zu,"
           "\"counted\":%llu,\"sessions\":%u,\"sessions_after_warming\":%u,\"must\":1,\"ok\":%s}\n",
           (double)audited / (double)w->next, w->next, audited, (unsigned long long)asked, links,
           links - links_warm, ok ? "true" : "false");
    return ok;
}

int main(int argc, char **argv)
{
    bench_plan plan = bench_plan_of(argc, argv);
    bool quick = plan.rounds == BENCH_ROUNDS_QUICK;
    world w = {0};
    (void)signal(SIGPIPE, SIG_IGN);
    start(&w);
    make_frames(&w, (WARM + plan.rounds) * AT_ONCE + plan.rounds * (quick ? SLICE_QUICK : SLICE));
    for (size_t i = 0; i < WARM; i++) {
        (void)decrypt_at_once(&w);
    }
    unsigned links = rig_kms_links(w.enclave);
    bench_attested *bare = bench_attested_new();
    bool ok = bench_one(&w, bare, plan, quick);
    bench_attested_free(bare);
    ok = bench_at_once(&w, plan) && ok;
    ok = bench_calls(&w, links) && ok;
    stop(&w);
    return ok ? 0 : 1;
}
