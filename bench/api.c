/* SPDX-License-Identifier: Apache-2.0 */
/* The whole product under load: decrypts and creates over HTTP on 64 kept connections, the audit log durable, everything on this
 * machine, load generator included. What is reported is requests per raw P-384 exchange of one core, measured between the rounds. */
#include "bench/load.h"
#include "bench/raw.h"
#include "bench/stack.h"

enum { CONNECTIONS = 64, VAULTS = 500, ROUNDS = 7, ROUNDS_LEAST = 3 };
#define DECRYPT_MUST 0.7
#define CREATE_MUST 0.3
#define P99_MUST_MS 50.0

static const char person[] =
    "{\"email\":\"ada.lovelace@example.org\",\"first_name\":\"Ada\",\"middle_name\":\"Augusta\","
    "\"last_name\":\"Lovelace\","
    "\"address1\":\"12 St James's "
    "Square\",\"city\":\"London\",\"state\":\"Middlesex\",\"postal_code\":\"SW1Y "
    "4JH\",\"country\":\"GB\","
    "\"phone_number\":\"+442079460000\",\"dob\":\"1815-12-10\",\"ssn4\":\"6789\"}";
static const char question[] = "{\"fields\":[\"email\",\"first_name\",\"middle_name\",\"last_"
                               "name\",\"address1\",\"city\",\"state\",\"postal_code\",\"country\","
                               "\"phone_number\",\"dob\",\"ssn4\"],\"reason\":\"bench\"}";

static void need(cf_result r, const char *what)
{
    if (!cf_is_ok(r)) {
        fprintf(stderr, "bench: %s: %s\n", what, cf_err_code(r.code));
        exit(1);
    }
}

static cf_buf request(const bench_stack *s, const char *path, const char *body)
{
    char head[512];
    cf_buf b = CF_BUF_EMPTY;
    int n = snprintf(head, sizeof head,
                     "POST %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
                     "%s\r\nContent-Type: application/json\r\n"
                     "Content-Length: %zu\r\n\r\n",
                     path, s->token, strlen(body));
    need(cf_buf_append(&b, cf_view_make(head, (size_t)n)), "request");
    need(cf_buf_append(&b, cf_view_str(body)), "request");
    return b;
}

/* Ids of vaults, from the creates' own answers: one connection, one request after the other. */
static void make_vaults(const bench_stack *s, cf_buf *decrypts)
{
    char path[128], id[32];
    CF_BUF(create);
    create = request(s, "/v1/vaults", person);
    load *l = load_new(s->port, 1);
    for (size_t i = 0; i < VAULTS; i++) {
        load_times t = {0};
        const load_plan one = {&create, 1, "\"version\":1", 0};
        load_run(l, &one, &t);
        load_times_free(&t);
        load_body(l, "\"id\":\"", id, sizeof id);
        (void)snprintf(path, sizeof path, "/v1/vaults/%s/decrypt", id);
        decrypts[i] = request(s, path, question);
    }
    load_free(l);
}

typedef struct {
    const char *name;
    double must, p99_must_ms; /* 0: none */
    load_plan plan;
} subject;

typedef struct {
    size_t rounds;
    double seconds;
    bench_row *raw;
    bench_plan plan;
} scale;

/* Rounds of raw and load in turn; true if what must be reached is. */
static bool measure(const bench_stack *s, const subject *sub, const scale *sc)
{
    double ratios[ROUNDS], rates[ROUNDS], raws[ROUNDS];
    load_times times = {0};
    load *l = load_new(s->port, CONNECTIONS);
    load_plan plan = sub->plan;
    /* Every vault's key is in the enclave's cache, and every connection used, before anything is measured. */
    plan.seconds = sc->seconds / 4;
    do {
        load_run(l, &plan, &times);
    } while (times.n < 2 * plan.requests_n);
    load_times_free(&times);
    plan.seconds = sc->seconds;
    for (size_t i = 0; i < sc->rounds; i++) {
        raws[i] = bench_slice(sc->raw, sc->raw->per_slice * 5);
        load_run(l, &plan, &times);
        rates[i] = (double)times.last_n / ((times.ended_us - times.began_us) / 1e6);
        ratios[i] = rates[i] * raws[i] / 1e6;
    }
    load_free(l);
    double ratio = bench_median(ratios, sc->rounds), p50 = load_quantile(&times, 0.5),
           p99 = load_quantile(&times, 0.99);
    bool ok = ratio >= sub->must && (sub->p99_must_ms == 0 || p99 <= sub->p99_must_ms);
    printf("{\"bench\":\"%s\",\"ratio\":%.4f,\"raw_us\":%.3f,\"requests_per_s\":%.0f,\"p50_ms\":%."
           "2f,\"p99_ms\":%.2f,\"requests\":%zu,"
           "\"rounds\":%zu,\"connections\":%d,",
           sub->name, ratio, bench_median(raws, sc->rounds), bench_median(rates, sc->rounds), p50,
           p99, times.n, sc->rounds, CONNECTIONS);
    if (sub->p99_must_ms > 0) {
        printf("\"p99_must_ms\":%.0f,", sub->p99_must_ms);
    }
    printf("\"must\":%.2f,\"ok\":%s,\"raw\":\"%s\",\"lib\":\"%s\"}\n", sub->must,
           ok ? "true" : "false", sc->raw->name, bench_lib());
    (void)fflush(stdout);
    load_times_free(&times);
    return ok;
}

/* The library's fastest way, with the number of operations that a slice takes. */
static bench_row best_raw(bench_raw *raw, bench_plan plan)
{
    bench_row rows[BENCH_RAW_ROWS];
    bench_raw_rows(raw, rows);
    bench_run(rows, BENCH_RAW_ROWS, plan);
    return *bench_raw_best(rows, plan);
}

int main(int argc, char **argv)
{
    static cf_buf decrypts[VAULTS];
    bench_stack stack;
    bench_plan plan = bench_plan_of(argc, argv);
    bool quick = plan.rounds == BENCH_ROUNDS_QUICK;
    bench_raw *raw = bench_raw_new();
    bench_row best = best_raw(raw, plan);
    const scale sc = {quick ? ROUNDS_LEAST : ROUNDS, quick ? 2 : 4, &best, plan};
    bench_stack_start(&stack);
    make_vaults(&stack, decrypts);
    CF_BUF(create);
    create = request(&stack, "/v1/vaults", person);
    const subject subjects[] = {
        {"api_decrypt", DECRYPT_MUST, P99_MUST_MS, {decrypts, VAULTS, "\"errors\":[]", 0}},
        {"api_create", CREATE_MUST, 0, {&create, 1, "\"version\":1", 0}},
    };
    bool ok = true;
    for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
        ok = measure(&stack, &subjects[i], &sc) && ok;
    }
    bench_stack_stop(&stack);
    bench_raw_free(raw);
    for (size_t i = 0; i < VAULTS; i++) {
        cf_buf_free(&decrypts[i]);
    }
    return ok ? 0 : 1;
}
