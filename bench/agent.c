/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent's hop costs: the same requests to a stand-in enclave, which answers at once, once on the wire itself and once over
 * HTTP through the agent, 64 at a time. The ratio is requests per second through the agent by those without it; beside it stands
 * the processor time that the agent takes for one request. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/load.h"
#include "core/wire/wire.h"
#include "sys/linux/clock.h"
#include "sys/linux/net.h"

enum { IN_FLIGHT = 64, LINKS = 2, FIELDS = 12, ROUNDS = 7, ROUNDS_LEAST = 3 };
#define CPU_MUST_US 40.0

static char folder[PATH_MAX];
static pid_t agent;
static unsigned port;

static void need(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
        exit(1);
    }
}

static void need_ok(cf_result r, const char *what)
{
    if (!cf_is_ok(r)) {
        fprintf(stderr, "bench: %s: %s\n", what, cf_err_code(r.code));
        exit(1);
    }
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void agent_stop(void)
{
    if (agent > 0) {
        (void)kill(agent, SIGTERM);
        (void)waitpid(agent, NULL, 0);
        (void)nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
        agent = 0;
    }
}

static void agent_exec(const char *bin, int ready)
{
    char program[PATH_MAX], enclave[PATH_MAX], nsm[PATH_MAX], kms[PATH_MAX], fd[16];
    (void)snprintf(program, sizeof program, "%.3000s/coffer-agent", bin);
    (void)snprintf(enclave, sizeof enclave, "%.3000s/fake-enclave", bin);
    (void)snprintf(nsm, sizeof nsm, "%.3000s/nsm", folder);
    (void)snprintf(kms, sizeof kms, "unix:kms.sock");
    (void)snprintf(fd, sizeof fd, "%d", ready);
    int log = open("log", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    (void)fcntl(ready, F_SETFD, 0);
    if (log >= 0 && dup2(log, 2) == 2) {
        /* The folder may have a path too long for a socket; the name from inside it has not. */
        (void)execl(program, program, "--enclave", enclave, "--nsm", nsm, "--run", ".", "--listen",
                    "127.0.0.1:0", "--kms", kms, "--ready-fd", fd, (char *)NULL);
    }
    _exit(127);
}

static void agent_start(void)
{
    char bin[PATH_MAX], line[256] = "";
    int ready[2];
    ssize_t n = readlink("/proc/self/exe", bin, sizeof bin - 1);
    need(n > 0, "/proc/self/exe");
    bin[n] = '\0';
    *strrchr(bin, '/') = '\0';
    int len = snprintf(folder, sizeof folder, "%.3000s/bench-XXXXXX", bin);
    need(len > 0 && mkdtemp(folder) != NULL && chdir(folder) == 0, "folder");
    need(pipe2(ready, O_CLOEXEC) == 0, "pipe");
    agent = fork();
    need(agent >= 0, "fork");
    if (agent == 0) {
        agent_exec(bin, ready[1]);
    }
    (void)atexit(agent_stop);
    close(ready[1]);
    FILE *f = fdopen(ready[0], "r");
    need(f != NULL && fgets(line, sizeof line, f) != NULL &&
             sscanf(line, "ready 127.0.0.1:%u", &port) == 1,
         "the agent is not ready");
    (void)fclose(f);
}

/* A request of twelve fields of one write, as the API sends them. */
static void make_body(cf_buf *body)
{
    static const uint8_t octets[128] = {4};
    static char names[FIELDS][8];
    cf_write_ref write = {cf_view_make(octets, CF_WRITE_ID_BYTES), 1, cf_view_make(octets, 97)};
    cf_field fields[FIELDS];
    for (unsigned i = 0; i < FIELDS; i++) {
        (void)snprintf(names[i], sizeof names[i], "f%02u", i);
        fields[i] = (cf_field){cf_view_str(names[i]), CF_ENC_WRITE, 0, i, cf_view_make(octets, 48)};
    }
    const cf_decrypt m = {
        .deadline_ms = 5000,
        .tenant = CF_LIT("default"),
        .vault_id = CF_LIT("echo"),
        .schema = CF_LIT("person"),
        .kms_key =
            CF_LIT("arn:aws:kms:local:000000000000:key/00000000-0000-0000-0000-000000000000"),
        .suite = CF_HPKE_DEFAULT,
        .wrapped_key = cf_view_make(octets, sizeof octets),
        .writes = &write,
        .writes_n = 1,
        .fields = fields,
        .fields_n = FIELDS};
    need_ok(cf_decrypt_encode(&m, body), "body");
}

/* --- the wire itself --- */

typedef struct {
    int fd;
    cf_buf in;
    uint64_t number;
} wire;

static void wire_send(wire *w, uint32_t kind, cf_view body)
{
    CF_BUF(frame);
    need_ok(cf_frame_encode(kind, w->number++, body, &frame), "frame");
    need_ok(cf_net_write_full(w->fd, cf_buf_view(&frame), cf_clock_mono_ms() + 5000), "send");
}

/* Reads once; the number of whole messages, which must be of this kind. */
static unsigned wire_take(wire *w, uint32_t kind)
{
    unsigned n = 0;
    size_t at = 0, used = 1;
    need_ok(cf_net_read_some(w->fd, &w->in, 65536, cf_clock_mono_ms() + 5000), "receive");
    while (used > 0) {
        cf_msg m;
        need_ok(cf_frame_decode(cf_view_sub(cf_buf_view(&w->in), at, w->in.len - at), &used, &m),
                "answer");
        need(used == 0 || m.kind == kind, "kind of an answer");
        n += used > 0;
        at += used;
    }
    memmove(w->in.data, w->in.data + at, w->in.len - at);
    w->in.len -= at;
    return n;
}

static void wire_open(wire *w)
{
    cf_net_addr addr;
    CF_BUF(hello);
    need_ok(cf_net_parse("unix:enclave-1.sock", &addr), "address");
    need_ok(cf_net_dial(&addr, cf_clock_mono_ms() + 1000, &w->fd), "dial");
    need_ok(cf_hello_encode(&(cf_hello){1, 1}, &hello), "hello");
    wire_send(w, CF_MSG_HELLO, cf_buf_view(&hello));
    while (wire_take(w, CF_MSG_HELLO + CF_MSG_ANSWER) == 0) {
    }
}

/* Requests per second. */
static double wire_rate(wire *links, cf_view body, double seconds)
{
    size_t answered = 0;
    unsigned open[LINKS] = {0};
    double began = bench_now_us(), end = began + seconds * 1e6;
    for (size_t i = 0; i < IN_FLIGHT; i++) {
        wire_send(&links[i % LINKS], CF_MSG_DECRYPT, body);
        open[i % LINKS]++;
    }
    while (open[0] + open[1] > 0) {
        struct pollfd fds[LINKS] = {{.fd = links[0].fd, .events = POLLIN},
                                    {.fd = links[1].fd, .events = POLLIN}};
        need(poll(fds, LINKS, 5000) > 0, "poll");
        bool going = bench_now_us() < end;
        for (size_t i = 0; i < LINKS; i++) {
            unsigned n =
                fds[i].revents != 0 ? wire_take(&links[i], CF_MSG_DECRYPT + CF_MSG_ANSWER) : 0;
            answered += n;
            open[i] -= n;
            for (; going && n > 0; n--, open[i]++) {
                wire_send(&links[i], CF_MSG_DECRYPT, body);
            }
        }
    }
    return (double)answered / ((bench_now_us() - began) / 1e6);
}

/* --- through the agent --- */

static double agent_cpu_us(void)
{
    clockid_t clock;
    struct timespec t = {0};
    need(clock_getcpuclockid(agent, &clock) == 0 && clock_gettime(clock, &t) == 0, "clock");
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static cf_buf http_request(cf_view body)
{
    char head[256];
    cf_buf b = CF_BUF_EMPTY;
    int n = snprintf(head, sizeof head,
                     "POST /decrypt HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                     "application/cbor\r\nCoffer-Deadline-Ms: 5000\r\n"
                     "Content-Length: %zu\r\n\r\n",
                     body.len);
    need_ok(cf_buf_append(&b, cf_view_make(head, (size_t)n)), "request");
    need_ok(cf_buf_append(&b, body), "request");
    return b;
}

int main(int argc, char **argv)
{
    bool quick = bench_plan_of(argc, argv).rounds == BENCH_ROUNDS_QUICK;
    size_t rounds = quick ? ROUNDS_LEAST : ROUNDS;
    double seconds = quick ? 1 : 2, ratios[ROUNDS], rates[ROUNDS], wires[ROUNDS], cpus[ROUNDS];
    wire links[LINKS] = {{-1, CF_BUF_EMPTY, 1}, {-1, CF_BUF_EMPTY, 1}};
    load_times times = {0};
    CF_BUF(body);
    CF_BUF(request);
    agent_start();
    make_body(&body);
    request = http_request(cf_buf_view(&body));
    wire_open(&links[0]);
    wire_open(&links[1]);
    load *l = load_new(port, IN_FLIGHT);
    load_plan plan = {&request, 1, "value of f11", seconds / 4};
    load_run(l, &plan, &times);
    load_times_free(&times);
    plan.seconds = seconds;
    for (size_t i = 0; i < rounds; i++) {
        wires[i] = wire_rate(links, cf_buf_view(&body), seconds);
        double cpu = agent_cpu_us();
        load_run(l, &plan, &times);
        cpus[i] = (agent_cpu_us() - cpu) / (double)times.last_n;
        rates[i] = (double)times.last_n / ((times.ended_us - times.began_us) / 1e6);
        ratios[i] = rates[i] / wires[i];
    }
    double cpu = bench_median(cpus, rounds);
    printf("{\"bench\":\"agent_hop\",\"ratio\":%.4f,\"requests_per_s\":%.0f,\"wire_requests_per_"
           "s\":%.0f,\"agent_cpu_us\":%.2f,"
           "\"cpu_must_us\":%.0f,\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"rounds\":%zu,\"in_flight\":%d,"
           "\"ok\":%s}\n",
           bench_median(ratios, rounds), bench_median(rates, rounds), bench_median(wires, rounds),
           cpu, CPU_MUST_US, load_quantile(&times, 0.5), load_quantile(&times, 0.99), rounds,
           IN_FLIGHT, cpu <= CPU_MUST_US ? "true" : "false");
    load_free(l);
    load_times_free(&times);
    for (size_t i = 0; i < LINKS; i++) {
        cf_fd_close(&links[i].fd);
        cf_buf_free(&links[i].in);
    }
    return cpu <= CPU_MUST_US ? 0 : 1;
}
