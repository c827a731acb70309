/* SPDX-License-Identifier: Apache-2.0 */
/* enclave_decrypt: how many requests of 12 fields in one write, with their key at hand, the confined enclave answers over its
 * socket to one client thread that keeps it busy; per raw operation that one core makes in the same time. The client, the kernel's
 * part and the enclave's I/O thread share the cores with the workers.
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
#define SLICE_MS 400
#define SLICE_MS_QUICK 150

/* The client: WINDOW requests made beforehand, each sent again when its answer has come. */
typedef struct {
    rig_conn conn;
    cf_buf frames[WINDOW];
} client;

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
static void client_open(rig *r, const rig_vault *v, client *c, size_t *ret_answer_len)
{
    rig_request q = {0};
    cf_msg m;
    CF_BUF(body);
    CF_ARENA(arena, (size_t)1 << 20);
    const cf_field_result *results;
    size_t n;
    rig_seal(&q, v, CF_ENC_WRITE, FIELDS);
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
    rig_need(cf_is_ok(cf_results_decode(m.body, &arena, &results, &n)) && n == FIELDS);
    for (size_t i = 0; i < n; i++) {
        char value[64];
        (void)snprintf(value, sizeof value, "value of f%03zu", i);
        rig_need(cf_view_eq(results[i].value, cf_view_str(value)));
    }
    *ret_answer_len = m.body.len;
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
static double slice(client *c, size_t answer_len, double ms)
{
    size_t got = 0, out = WINDOW;
    for (size_t i = 0; i < WINDOW; i++) {
        send_frame(c, i);
    }
    double began = bench_now_us(), ended = began;
    while (out > 0) {
        cf_msg m;
        rig_need(rig_receive(&c->conn, 10000, &m) && m.kind == CF_MSG_ANSWER + CF_MSG_DECRYPT &&
                 m.body.len == answer_len);
        got++;
        out--;
        if (ended - began < ms * 1000) {
            ended = bench_now_us();
            send_frame(c, (size_t)(m.request - 1000));
            out++;
        }
    }
    return (double)(got - WINDOW) * 1e6 / (ended - began);
}

static bool bench_decrypt(bench_plan plan, bool quick)
{
    rig *r = start(NULL);
    rig_vault v;
    client c;
    size_t answer_len;
    bench_raw *raw = bench_raw_new();
    bench_row rows[BENCH_RAW_ROWS];
    double ratios[BENCH_ROUNDS_MAX], rates[BENCH_ROUNDS_MAX];
    bench_raw_rows(raw, rows);
    rig_vault_make(r, 1, CF_HPKE_DEFAULT, &v);
    client_open(r, &v, &c, &answer_len);
    (void)slice(&c, answer_len, 100);
    for (size_t i = 0; i < plan.rounds; i++) {
        /* raw before and after the slice, so that a machine that changes its speed changes both */
        double best = 0;
        bench_plan once = {1, plan.slice_us};
        bench_run(rows, BENCH_RAW_ROWS, once);
        best = bench_median_us(bench_raw_best(rows, once), once);
        rates[i] = slice(&c, answer_len, quick ? SLICE_MS_QUICK : SLICE_MS);
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
    ok = bench_resident() && ok;
    return ok ? 0 : 1;
}
