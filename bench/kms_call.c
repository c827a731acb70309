/* SPDX-License-Identifier: Apache-2.0 */
/* What the client of the KMS adds to a call: requests and answers as large as those of an attested Decrypt, to a server in another process.
 * The reference writes and reads the same octets. What TLS and signature add, in microseconds, is a figure with a bound. */
#include <sys/socket.h>
#include <unistd.h>

#include "bench/bench.h"
#include "core/crypto/primitives.h"
#include "sys/kms/client.h"
#include "sys/linux/clock.h"
#include "sys/linux/net.h"
#include "tests/support/tls_peer.h"

#define REQUEST_BYTES 8000 /* a document in base64 has 6,500 */
#define ANSWER_BYTES 1400
#define ANSWERS_MAX 2000000
#define OVER_US_MAX 1000.0
#define TIMEOUT_MS 10000

static char answer_text[ANSWER_BYTES + 128];

static cf_result dial_given(void *fd, uint64_t deadline_ms, int *ret_fd)
{
    (void)deadline_ms;
    *ret_fd = *(int *)fd;
    *(int *)fd = -1;
    return *ret_fd >= 0 ? cf_ok() : cf_fail(CF_ERR_NOT_FOUND);
}

static cf_result sign(void *self, const cf_aws_request *q, cf_buf *scratch,
                      cf_http1_field ret[static CF_AWS_FIELDS_MAX], size_t *ret_n,
                      uint64_t *ret_generation)
{
    (void)self;
    static const char token[] = "a session token, which usually has some hundred octets, of which "
                                "these are fewer, but hashing them costs next to nothing";
    const cf_sigv4_credentials c = {CF_LIT("AKIDEXAMPLE"), CF_LIT("secret"), cf_view_str(token)};
    *ret_generation = 1;
    return cf_aws_fields(q, &c, scratch, ret, ret_n);
}

/* Answers whatever comes once its Content-Length is there. */
static void serve_plain(int fd)
{
    static char in[65536];
    size_t len = 0;
    for (;;) {
        ssize_t n = recv(fd, in + len, sizeof in - len - 1, 0);
        if (n <= 0) {
            _exit(0);
        }
        len += (size_t)n;
        in[len] = '\0';
        const char *end = strstr(in, "\r\n\r\n"), *told = strstr(in, "Content-Length: ");
        if (end != NULL && told != NULL && told < end &&
            len >= (size_t)(end + 4 - in) + strtoul(told + 16, NULL, 10)) {
            (void)!write(fd, answer_text, strlen(answer_text));
            len = 0;
        }
    }
}

static int start_plain(void)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        exit(1);
    }
    if (fork() == 0) {
        (void)close(pair[0]);
        serve_plain(pair[1]);
    }
    (void)close(pair[1]);
    return pair[0];
}

typedef struct {
    cf_kms_service *service;
    cf_kms_link *link;
    cf_buf body, answer;
    int fd;
    cf_buf raw; /* the reference's request */
} client;

static cf_result call(void *ctx)
{
    client *c = ctx;
    cf_kms_outcome o;
    cf_buf_clear(&c->answer);
    return cf_kms_call(c->link, CF_LIT("TrentService.Decrypt"), cf_buf_view(&c->body),
                       cf_clock_mono_ms() + TIMEOUT_MS, &c->answer, &o);
}

static cf_result bare(void *ctx)
{
    client *c = ctx;
    size_t want = strlen(answer_text);
    cf_buf_clear(&c->answer);
    CF_TRY(cf_net_write_full(c->fd, cf_buf_view(&c->raw), cf_clock_mono_ms() + TIMEOUT_MS));
    while (c->answer.len < want) {
        CF_TRY(cf_net_read_some(c->fd, &c->answer, 16384, cf_clock_mono_ms() + TIMEOUT_MS));
    }
    return cf_ok();
}

static cf_result prepare(client *c, const cf_kms_service_spec *spec)
{
    char head[256];
    CF_TRY(cf_buf_reserve(&c->body, REQUEST_BYTES));
    (void)memset(c->body.data, 'x', REQUEST_BYTES);
    c->body.len = REQUEST_BYTES;
    (void)snprintf(head, sizeof head, "POST / HTTP/1.1\r\nHost: kms\r\nContent-Length: %d\r\n\r\n",
                   REQUEST_BYTES);
    CF_TRY(cf_buf_append(&c->raw, cf_view_str(head)));
    CF_TRY(cf_buf_append(&c->raw, cf_buf_view(&c->body)));
    if (spec == NULL) {
        return cf_ok();
    }
    CF_TRY(cf_kms_service_new(spec, &c->service));
    return cf_kms_link_new(c->service, &c->link);
}

static void client_free(client *c)
{
    cf_kms_link_free(&c->link);
    cf_kms_service_free(&c->service);
    cf_buf_free(&c->body);
    cf_buf_free(&c->answer);
    cf_buf_free(&c->raw);
    cf_fd_close(&c->fd);
}

static bool print_over(const bench_row *ref, const bench_row *row, bench_plan plan)
{
    double over = bench_median_us(row, plan) - bench_median_us(ref, plan);
    bool ok = over <= OVER_US_MAX;
    printf(
        "{\"bench\":\"%s\",\"us\":%.1f,\"raw_us\":%.1f,\"over_us\":%.1f,\"must_us\":%.0f,\"ok\":%s,"
        "\"rounds\":%zu,\"raw\":\"%s\",\"lib\":\"%s\"}\n",
        row->name, bench_median_us(row, plan), bench_median_us(ref, plan), over, OVER_US_MAX,
        ok ? "true" : "false", plan.rounds, ref->name, cf_crypto_name());
    return ok;
}

static cf_result run(bench_plan plan, bool *ret_ok)
{
    static const cf_kms_dial_ops ops = {dial_given, NULL};
    static const char *script[ANSWERS_MAX + 1];
    CF_AUTO(client_free) client raw = {.fd = -1}, plain = {.fd = -1}, tls = {.fd = -1};
    CF_AUTO(cf_tls_config_free) cf_tls_config *config = NULL;
    CF_BUF(pem);
    cf_aws_endpoint endpoint;
    for (size_t i = 0; i < ANSWERS_MAX; i++) {
        script[i] = answer_text;
    }
    tls_peer_root(&pem);
    CF_TRY(cf_tls_config_new(cf_buf_view(&pem), &config));
    CF_TRY(cf_aws_kms_endpoint(CF_LIT("https://localhost"), &endpoint));
    const tls_peer_spec peer = {.script = script};
    int plain_fd = start_plain(), tls_fd = -1;
    pid_t pid = tls_peer_start(&peer, &tls_fd);
    const cf_kms_service_spec plain_spec = {.dial = &ops, .dial_self = &plain_fd};
    const cf_kms_service_spec tls_spec = {
        .dial = &ops, .dial_self = &tls_fd, .endpoint = &endpoint, .tls = config, .sign = sign};
    raw.fd = start_plain();
    CF_TRY(prepare(&raw, NULL));
    CF_TRY(prepare(&plain, &plain_spec));
    CF_TRY(prepare(&tls, &tls_spec));
    bench_row rows[] = {{.name = "octets", .fn = bare, .ctx = &raw},
                        {.name = "kms_call_plain", .fn = call, .ctx = &plain},
                        {.name = "kms_call_tls", .fn = call, .ctx = &tls}};
    bench_run(rows, 3, plan);
    bool plain_ok = print_over(&rows[0], &rows[1], plan);
    *ret_ok = print_over(&rows[0], &rows[2], plan) && plain_ok;
    client_free(&tls);
    (void)tls_peer_end(pid);
    return cf_ok();
}

int main(int argc, char **argv)
{
    bool ok = false;
    char body[ANSWER_BYTES + 1];
    (void)memset(body, 'y', ANSWER_BYTES);
    body[ANSWER_BYTES] = '\0';
    (void)snprintf(answer_text, sizeof answer_text,
                   "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", ANSWER_BYTES, body);
    cf_result r = run(bench_plan_of(argc, argv), &ok);
    if (!cf_is_ok(r)) {
        fprintf(stderr, "bench kms_call: %s\n", cf_err_code(r.code));
        return 1;
    }
    return ok ? 0 : 1;
}
