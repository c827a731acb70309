/* SPDX-License-Identifier: Apache-2.0 */
/* enclave_decrypt: how many requests of 12 fields in one write, with their key at hand, the confined enclave answers over its
 * socket to one client thread that keeps it busy; per raw operation that one core makes in the same time. The client, the kernel's
 * part and the enclave's I/O thread share the cores with the workers.
 * enclave_expressions: processor time that the enclave takes for such a request, per the same with three expressions over its fields,
 * whose programs are at hand; in turns. The rates are told beside it: they count what others do on the machine as well.
 * enclave_resident: its resident memory with 10,000 keys cached. */
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <unistd.h>

#include "bench/raw.h"
#include "sys/linux/clock.h"
#include "sys/linux/net.h"
#include "tests/integration/enclave/rig.h"

enum { FIELDS = 12, WINDOW = 48, KEYS = 10000 };
#define RESIDENT_MIB_MAX 48
#define DECRYPT_RATIO_MIN 1.3
#define EXPRESSIONS_RATIO_MIN 0.97
#define SLICE_MS 400
#define SLICE_MS_QUICK 150

/* The client: WINDOW requests made beforehand, each sent again when its answer has come. All answers have one length. */
typedef struct {
    rig_conn conn;
    cf_buf frames[WINDOW];
    size_t answer_len, answers; /* of each, and so many */
} client;

typedef struct {
    const char *name, *source, *result;
} expression;

static const expression three[] = {
    {"tail", "mask(f003, 4)", "\"*********f003\""},
    {"whole", "f000 + ' ' + f001", "\"value of f000 value of f001\""},
    {"known", "f011 == 'value of f011' && size(f002) > 3", "true"},
    {NULL, NULL, NULL}};

static rig *start(const char *const *options)
{
    static char path[PATH_MAX], self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    rig_need(n > 0);
    (void)snprintf(path, sizeof path, "%.4000s/coffer-enclave", dirname(self));
    const rig_spec spec = {.program = path, .options = options};
    return rig_start(&spec);
}

static void send_frame(client *c, size_t i)
{
    rig_need(cf_is_ok(
        cf_net_write_full(c->conn.fd, cf_buf_view(&c->frames[i]), cf_clock_mono_ms() + 10000)));
}

/* The first answer is looked at as a whole; of the others that they are answers of that size. */
static void client_open(rig *r, const rig_vault *v, const expression *expressions, client *c)
{
    rig_request q = {0};
    cf_msg m;
    CF_BUF(body);
    CF_ARENA(arena, (size_t)1 << 20);
    cf_answer a;
    size_t n = 0;
    rig_seal(&q, v, CF_ENC_WRITE, FIELDS);
    for (; expressions != NULL && expressions[n].name != NULL; n++) {
        rig_express(&q, expressions[n].name, expressions[n].source);
    }
    rig_need(cf_is_ok(cf_decrypt_encode(&q.message, &body)));
    rig_hello(r, &c->conn);
    for (size_t i = 0; i < WINDOW; i++) {
        c->frames[i] = (cf_buf)CF_BUF_EMPTY;
        /* numbers of one length, so that all answers have one length */
        rig_need(
            cf_is_ok(cf_frame_encode(CF_MSG_DECRYPT, 1000 + i, cf_buf_view(&body), &c->frames[i])));
    }
    send_frame(c, 0);
    rig_need(rig_receive(&c->conn, 20000, &m) && m.kind == CF_MSG_ANSWER + CF_MSG_DECRYPT);
    rig_need(cf_is_ok(cf_answer_decode(m.body, &arena, &a)) && a.fields_n == FIELDS &&
             a.expressions_n == n);
    for (size_t i = 0; i < FIELDS; i++) {
        char value[64];
        (void)snprintf(value, sizeof value, "value of f%03zu", i);
        rig_need(cf_view_eq(a.fields[i].value, cf_view_str(value)));
    }
    for (size_t i = 0; i < n; i++) {
        rig_need(cf_view_eq(a.expressions[i].json, cf_view_str(expressions[i].result)));
    }
    c->answer_len = m.body.len;
    c->answers = 1;
    rig_request_free(&q);
}

static void client_close(client *c)
{
    rig_close(&c->conn);
    for (size_t i = 0; i < WINDOW; i++) {
        cf_buf_free(&c->frames[i]);
    }
}

/* Answers per second over a slice of this length. */
static double slice(client *c, double ms)
{
    size_t got = 0, out = WINDOW;
    for (size_t i = 0; i < WINDOW; i++) {
        send_frame(c, i);
    }
    double began = bench_now_us(), ended = began;
    while (out > 0) {
        cf_msg m;
        rig_need(rig_receive(&c->conn, 10000, &m) && m.kind == CF_MSG_ANSWER + CF_MSG_DECRYPT &&
                 m.body.len == c->answer_len);
        got++;
        out--;
        if (ended - began < ms * 1000) {
            ended = bench_now_us();
            send_frame(c, (size_t)(m.request - 1000));
            out++;
        }
    }
    c->answers += got;
    return (double)(got - WINDOW) * 1e6 / (ended - began);
}

static bool bench_decrypt(bench_plan plan, bool quick)
{
    rig *r = start(NULL);
    rig_vault v;
    client c;
    bench_raw *raw = bench_raw_new();
    bench_row rows[BENCH_RAW_ROWS];
    double ratios[BENCH_ROUNDS_MAX], rates[BENCH_ROUNDS_MAX];
    bench_raw_rows(raw, rows);
    rig_vault_make(r, 1, CF_HPKE_DEFAULT, &v);
    client_open(r, &v, NULL, &c);
    (void)slice(&c, 100);
    for (size_t i = 0; i < plan.rounds; i++) {
        /* raw before and after the slice, so that a machine that changes its speed changes both */
        double best = 0;
        bench_plan once = {1, plan.slice_us};
        bench_run(rows, BENCH_RAW_ROWS, once);
        best = bench_median_us(bench_raw_best(rows, once), once);
        rates[i] = slice(&c, quick ? SLICE_MS_QUICK : SLICE_MS);
        bench_run(rows, BENCH_RAW_ROWS, once);
        best = (best + bench_median_us(bench_raw_best(rows, once), once)) / 2;
        ratios[i] = rates[i] * best / 1e6;
    }
    double ratio = bench_median(ratios, plan.rounds), rate = bench_median(rates, plan.rounds);
    printf("{\"bench\":\"enclave_decrypt\",\"ratio\":%.4f,\"requests_per_s\":%.0f,\"raw_us\":%.3f,"
           "\"cores\":%ld,\"rounds\":%zu,"
           "\"must\":%.2f,\"ok\":%s,\"lib\":\"%s\"}\n",
           ratio, rate, ratio / rate * 1e6, sysconf(_SC_NPROCESSORS_ONLN), plan.rounds,
           DECRYPT_RATIO_MIN, ratio >= DECRYPT_RATIO_MIN ? "true" : "false", bench_lib());
    (void)fflush(stdout);
    client_close(&c);
    bench_raw_free(raw);
    (void)rig_stop(&r);
    return ratio >= DECRYPT_RATIO_MIN;
}

/* Processor time that the enclave has taken, in µs. */
static double enclave_us(const rig *r)
{
    clockid_t clock;
    struct timespec t;
    rig_need(clock_getcpuclockid(rig_pid(r), &clock) == 0 && clock_gettime(clock, &t) == 0);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

typedef struct {
    double wall_us, cpu_us; /* of one request */
} cost;

static cost cost_of(const rig *r, client *c, double ms)
{
    double before = enclave_us(r);
    size_t answers = c->answers;
    double rate = slice(c, ms);
    return (cost){1e6 / rate, (enclave_us(r) - before) / (double)(c->answers - answers)};
}

/* Each round in the other order, so that a machine that changes its speed changes both. */
static bool bench_expressions(bench_plan plan, bool quick)
{
    enum { TURNS = 4 };
    rig *r = start(NULL);
    rig_vault v;
    client c[2];
    double ratios[BENCH_ROUNDS_MAX], us[2][BENCH_ROUNDS_MAX];
    rig_vault_make(r, 1, CF_HPKE_DEFAULT, &v);
    for (size_t i = 0; i < 2; i++) {
        client_open(r, &v, i == 1 ? three : NULL, &c[i]);
        (void)slice(&c[i], 100);
    }
    for (size_t i = 0; i < plan.rounds; i++) {
        cost sum[2] = {{0, 0}, {0, 0}};
        for (size_t k = 0; k < TURNS; k++) {
            size_t with = (k + k / 2 + i) % 2; /* 0 1 1 0, and then 1 0 0 1 */
            cost one = cost_of(r, &c[with], (quick ? SLICE_MS_QUICK : SLICE_MS) / 2.0);
            sum[with].wall_us += one.wall_us;
            sum[with].cpu_us += one.cpu_us;
        }
        ratios[i] = sum[0].cpu_us / sum[1].cpu_us;
        us[0][i] = sum[0].wall_us / (TURNS / 2);
        us[1][i] = sum[1].wall_us / (TURNS / 2);
    }
    double ratio = bench_median(ratios, plan.rounds);
    printf("{\"bench\":\"enclave_expressions\",\"ratio\":%.4f,\"requests_per_s\":%.0f,"
           "\"requests_per_s_without\":%.0f,\"rounds\":%zu,\"must\":%.2f,\"ok\":%s}\n",
           ratio, 1e6 / bench_median(us[1], plan.rounds), 1e6 / bench_median(us[0], plan.rounds),
           plan.rounds, EXPRESSIONS_RATIO_MIN, ratio >= EXPRESSIONS_RATIO_MIN ? "true" : "false");
    (void)fflush(stdout);
    client_close(&c[0]);
    client_close(&c[1]);
    (void)rig_stop(&r);
    return ratio >= EXPRESSIONS_RATIO_MIN;
}

static double resident_mib(const rig *r)
{
    char path[64], line[256];
    long kib = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/status", rig_pid(r));
    FILE *f = fopen(path, "r");
    rig_need(f != NULL);
    while (fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, "VmRSS:", 6) == 0) {
            kib = strtol(line + 6, NULL, 10);
        }
    }
    (void)fclose(f);
    return (double)kib / 1024;
}

/* Requests for so many different wrapped keys, as many at a time as the window has. */
static void fill(rig *r, rig_conn *c, unsigned keys)
{
    unsigned sent = 0, got = 0;
    rig_vault v;
    rig_request q = {0};
    rig_vault_make(r, 0, CF_HPKE_DEFAULT, &v);
    rig_seal(&q, &v, CF_ENC_WRITE, 1);
    while (got < keys) {
        while (sent < keys && sent - got < WINDOW) {
            rig_vault_make(r, sent, CF_HPKE_DEFAULT, &v);
            q.message.wrapped_key = cf_view_make(v.blob, v.blob_len);
            rig_send_decrypt(c, sent++, &q.message);
        }
        cf_msg m;
        rig_need(rig_receive(c, 20000, &m) && m.kind == CF_MSG_ANSWER + CF_MSG_DECRYPT);
        got++;
    }
    rig_request_free(&q);
}

static bool bench_resident(void)
{
    static const char *const options[] = {"--cache-seconds", "3600", NULL};
    rig *r = start(options);
    rig_conn c;
    CF_BUF(keep);
    rig_hello(r, &c);
    double empty = resident_mib(r);
    uint64_t began = cf_clock_mono_ms();
    fill(r, &c, KEYS);
    double seconds = (double)(cf_clock_mono_ms() - began) / 1000, full = resident_mib(r);
    rig_need(rig_health(&c, &keep).keys == KEYS);
    printf("{\"bench\":\"enclave_resident\",\"keys\":%d,\"mib\":%.1f,\"mib_without_keys\":%.1f,"
           "\"seconds_to_fill\":%.1f,\"must\":%d,"
           "\"ok\":%s}\n",
           KEYS, full, empty, seconds, RESIDENT_MIB_MAX,
           full <= RESIDENT_MIB_MAX ? "true" : "false");
    (void)fflush(stdout);
    rig_close(&c);
    (void)rig_stop(&r);
    return full <= RESIDENT_MIB_MAX;
}

int main(int argc, char **argv)
{
    bench_plan plan = bench_plan_of(argc, argv);
    bool quick = plan.rounds == BENCH_ROUNDS_QUICK;
    bool ok = bench_decrypt(plan, quick);
    ok = bench_expressions(plan, quick) && ok;
    ok = bench_resident() && ok;
    return ok ? 0 : 1;
}
