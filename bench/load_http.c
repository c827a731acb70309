/* SPDX-License-Identifier: Apache-2.0 */
/* Decrypts in a loop on kept connections, for scripts that run services by themselves:
 *
 *   load_http PORT CONNECTIONS SECONDS FIELDS < VAULTS
 *
 * VAULTS: the token on the first line, then one vault id a line, asked for in turn. FIELDS: names with commas between them. Prints one
 * JSON object: requests, requests per second, quantiles of the latency. */
#include <inttypes.h>

#include "bench/bench.h"
#include "bench/load.h"
#include "core/base/number.h"

enum { VAULTS_MAX = 10000, LINE_ROOM = 128, FIELDS_ROOM = 4096 };

static uint64_t number(const char *text, uint64_t max)
{
    uint64_t n = 0;
    if (!cf_is_ok(cf_parse_u64(cf_view_str(text), max, &n)) || n == 0) {
        fprintf(stderr, "load_http: not a number from 1 to %" PRIu64 ": %s\n", max, text);
        exit(2);
    }
    return n;
}

static bool line(char ret[static LINE_ROOM])
{
    if (fgets(ret, LINE_ROOM, stdin) == NULL) {
        return false;
    }
    ret[strcspn(ret, "\n")] = '\0';
    return ret[0] != '\0';
}

/* {"fields":["a","b"],"reason":"bench"} */
static void question(const char *names, char ret[static FIELDS_ROOM])
{
    size_t n = (size_t)snprintf(ret, FIELDS_ROOM, "{\"fields\":[\"");
    for (const char *at = names; *at != '\0' && n + 32 < FIELDS_ROOM; at++) {
        n += (size_t)snprintf(ret + n, FIELDS_ROOM - n, *at == ',' ? "\",\"" : "%c", *at);
    }
    (void)snprintf(ret + n, FIELDS_ROOM - n, "\"],\"reason\":\"bench\"}");
}

static cf_buf request(const char *token, const char *vault, const char *body)
{
    char text[FIELDS_ROOM + 512];
    cf_buf b = CF_BUF_EMPTY;
    int n = snprintf(text, sizeof text,
                     "POST /v1/vaults/%s/decrypt HTTP/1.1\r\nHost: localhost\r\nAuthorization: "
                     "Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                     vault, token, strlen(body), body);
    if (n < 0 || (size_t)n >= sizeof text ||
        !cf_is_ok(cf_buf_append(&b, cf_view_make(text, (size_t)n)))) {
        fprintf(stderr, "load_http: a request is too long\n");
        exit(2);
    }
    return b;
}

int main(int argc, char **argv)
{
    static cf_buf requests[VAULTS_MAX];
    char token[LINE_ROOM], vault[LINE_ROOM], body[FIELDS_ROOM];
    size_t n = 0;
    if (argc != 5 || !line(token)) {
        fprintf(stderr, "usage: load_http PORT CONNECTIONS SECONDS FIELDS < VAULTS\n");
        return 2;
    }
    question(argv[4], body);
    while (n < VAULTS_MAX && line(vault)) {
        requests[n++] = request(token, vault, body);
    }
    load *l =
        load_new((unsigned)number(argv[1], 65535), (unsigned)number(argv[2], LOAD_CONNECTIONS_MAX));
    load_times times = {0};
    const load_plan plan = {requests, n, "\"errors\":[]", (double)number(argv[3], 3600)};
    load_run(l, &plan, &times);
    double rate = (double)times.n / ((times.ended_us - times.began_us) / 1e6);
    double p50 = load_quantile(&times, 0.5), p99 = load_quantile(&times, 0.99);
    printf("{\"requests\":%zu,\"requests_per_s\":%.0f,\"p50_ms\":%.4f,\"p99_ms\":%.4f}\n", times.n,
           rate, p50, p99);
    load_times_free(&times);
    load_free(l);
    for (size_t i = 0; i < n; i++) {
        cf_buf_free(&requests[i]);
    }
    return 0;
}
