/* SPDX-License-Identifier: Apache-2.0 */
/* Against a TLS server in another process that answers by a script. */
#include "sys/kms/client.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/kms/kms.h"
#include "sys/kms/measure.h"
#include "sys/linux/clock.h"
#include "sys/linux/net.h"
#include "tests/support/failmalloc.h"
#include "tests/support/test.h"
#include "tests/support/tls_peer.h"

#define WAIT_MS 20000
#define TARGET CF_LIT("TrentService.Decrypt")
#define HEAD(status, more) "HTTP/1.1 " status " X\r\n" more "Content-Length: "
#define OK HEAD("200", "") "2\r\n\r\n{}"
#define REFUSAL(status, name, length) HEAD(status, "") length "\r\n\r\n{\"__type\":\"" name "\"}"
#define DENIED REFUSAL("400", "AccessDeniedException", "34")
#define THROTTLED REFUSAL("400", "ThrottlingException", "32")
#define EXPIRED REFUSAL("400", "ExpiredTokenException", "34")
#define LONG_AGO "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
#define SKEWED(date) HEAD("400", date) "38\r\n\r\n{\"__type\":\"InvalidSignatureException\"}"

static cf_tls_config *trusting;

/* The world around a client: servers, one after the other, that are made when it dials. */
typedef struct {
    const tls_peer_spec *specs; /* of each connection; the last one's of all further ones */
    size_t specs_n;
    unsigned dials;
    pid_t peers[16];
    cf_err dial_err;
    uint64_t generation; /* of the credentials; 0: there are none */
    uint64_t next;       /* what it becomes when a request is signed, if not 0 */
    int requests[2];     /* what all servers got */
    uint64_t dates[16];  /* that were signed */
    unsigned signs;
    int blocked[2]; /* where a dial waits that is never answered */
    bool dial_waits;
    int ready_fd; /* of a server that was made before; -1: none */
    cf_aws_endpoint endpoint;
    cf_kms_service *service;
    cf_kms_link *link;
    cf_buf body;
    cf_kms_outcome outcome;
} world;

static cf_result dial(void *self, uint64_t deadline_ms, int *ret_fd)
{
    world *w = self;
    *ret_fd = -1;
    if (w->ready_fd >= 0) {
        *ret_fd = w->ready_fd;
        w->ready_fd = -1;
        return cf_ok();
    }
    if (w->dial_waits) {
        return cf_net_wait(w->blocked[0], 1 /* POLLIN */, deadline_ms);
    }
    if (w->dial_err != CF_OK) {
        return cf_fail(w->dial_err);
    }
    tls_peer_spec spec = w->specs[w->dials < w->specs_n ? w->dials : w->specs_n - 1];
    spec.requests_fd = w->requests[1];
    w->peers[w->dials++] = tls_peer_start(&spec, ret_fd);
    return cf_ok();
}

static void stop(void *self)
{
    world *w = self;
    (void)shutdown(w->blocked[0], SHUT_RDWR);
}

static const cf_kms_dial_ops dial_ops = {dial, stop};

static cf_result sign(void *self, const cf_aws_request *q, cf_buf *scratch,
                      cf_http1_field ret[static CF_AWS_FIELDS_MAX], size_t *ret_n,
                      uint64_t *ret_generation)
{
    world *w = self;
    const cf_sigv4_credentials c = {CF_LIT("AKID"), CF_LIT("secret"), CF_LIT("token")};
    *ret_n = 0;
    CF_REQUIRE(w->generation != 0, NOT_FOUND);
    *ret_generation = w->generation;
    w->generation = w->next != 0 ? w->next : w->generation;
    w->dates[w->signs++] = q->scope.unix_s;
    assert_view(q->scope.service, CF_LIT("kms"));
    return cf_aws_fields(q, &c, scratch, ret, ret_n);
}

static void begin(world *w, const tls_peer_spec *specs, size_t n)
{
    *w = (world){.specs = specs, .specs_n = n, .generation = 1, .ready_fd = -1};
    assert_ok(cf_aws_kms_endpoint(CF_LIT("https://localhost:8443,eu-west-9"), &w->endpoint));
    assert_int_equal(pipe(w->requests), 0);
    assert_int_equal(fcntl(w->requests[0], F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, w->blocked), 0);
    const cf_kms_service_spec spec = {.dial = &dial_ops,
                                      .dial_self = w,
                                      .endpoint = &w->endpoint,
                                      .tls = trusting,
                                      .sign = sign,
                                      .sign_self = w};
    assert_ok(cf_kms_service_new(&spec, &w->service));
    assert_ok(cf_kms_link_new(w->service, &w->link));
}

static void end(world *w)
{
    cf_kms_link_free(&w->link);
    cf_kms_service_free(&w->service);
    cf_buf_free(&w->body);
    cf_fd_close(&w->ready_fd);
    for (unsigned i = 0; i < w->dials; i++) {
        assert_int_not_equal(tls_peer_end(w->peers[i]), TLS_PEER_BROKEN);
    }
    for (size_t i = 0; i < 2; i++) {
        cf_fd_close(&w->requests[i]);
        cf_fd_close(&w->blocked[i]);
    }
}

static cf_result call_within(world *w, uint64_t ms)
{
    cf_buf_clear(&w->body);
    return cf_kms_call(w->link, TARGET, CF_LIT("{\"a\":1}"), cf_clock_mono_ms() + ms, &w->body,
                       &w->outcome);
}

static cf_result call_once(world *w)
{
    return call_within(w, WAIT_MS);
}

/* Everything that the servers got so far. */
static cf_view requests_of(world *w, char *room, size_t size)
{
    ssize_t n = read(w->requests[0], room, size - 1);
    room[n > 0 ? n : 0] = '\0';
    return cf_view_make(room, n > 0 ? (size_t)n : 0);
}

static size_t count_of(const char *text, const char *what)
{
    size_t n = 0;
    for (const char *at = strstr(text, what); at != NULL; at = strstr(at + 1, what)) {
        n++;
    }
    return n;
}

/* ---- what has to work ---- */

static void test_kept(void **state)
{
    (void)state;
    static const char *const script[] = {OK, OK, OK, NULL};
    const tls_peer_spec spec = {.script = script};
    world w;
    char got[8192];
    begin(&w, &spec, 1);
    for (unsigned i = 0; i < 3; i++) {
        assert_ok(call_once(&w));
        assert_view(cf_buf_view(&w.body), CF_LIT("{}"));
        assert_true(w.outcome.tries == 1 && w.outcome.status == 200 && w.outcome.fault == NULL);
    }
    assert_int_equal(w.dials, 1);
    (void)requests_of(&w, got, sizeof got);
    assert_int_equal(count_of(got, "POST / HTTP/1.1\r\nHost: localhost:8443\r\n"), 3);
    assert_int_equal(count_of(got, "X-Amz-Target: TrentService.Decrypt\r\n"), 3);
    assert_int_equal(count_of(got, "Content-Type: application/x-amz-json-1.1\r\n"), 3);
    assert_int_equal(count_of(got, "X-Amz-Security-Token: token\r\n"), 3);
    assert_int_equal(count_of(got, "/eu-west-9/kms/aws4_request, SignedHeaders="), 3);
    assert_int_equal(count_of(got, "\r\n\r\n{\"a\":1}"), 3);
    end(&w);
}

/* A service ends a connection when it likes. What was not answered by an octet is sent again on another, once. */
static void test_redialled(void **state)
{
    (void)state;
    static const char *const once[] = {OK, NULL};
    for (unsigned silent = 0; silent < 2; silent++) {
        const tls_peer_spec spec = {.script = once, .no_goodbye = silent == 1};
        world w;
        begin(&w, &spec, 1);
        for (unsigned i = 0; i < 3; i++) {
            assert_ok(call_once(&w));
            assert_int_equal(w.outcome.tries, 1);
        }
        assert_int_equal(w.dials, 3);
        end(&w);
    }
    /* but not one that was just made */
    static const char *const never[] = {"", NULL};
    const tls_peer_spec mute = {.script = never};
    world w;
    begin(&w, &mute, 1);
    assert_err(call_once(&w), KMS_UNAVAILABLE);
    assert_int_equal(w.dials, 1);
    end(&w);
    /* nor when the answer has begun */
    static const char *const half[] = {OK, "HTTP/1.1 200", NULL};
    const tls_peer_spec torn = {.script = half};
    begin(&w, &torn, 1);
    assert_ok(call_once(&w));
    assert_err(call_once(&w), KMS_UNAVAILABLE);
    assert_int_equal(w.dials, 1);
    end(&w);
}

/* What an answer says about its connection. */
static void test_last_of_connection(void **state)
{
    (void)state;
    static const char *const closes[] = {HEAD("200", "Connection: close\r\n") "2\r\n\r\n{}", OK,
                                         NULL};
    static const char *const trails[] = {OK "HTTP/1.1 200", OK, NULL};
    const tls_peer_spec specs[] = {{.script = closes}, {.script = trails}};
    for (size_t i = 0; i < 2; i++) {
        world w;
        begin(&w, &specs[i], 1);
        assert_ok(call_once(&w));
        assert_ok(call_once(&w));
        assert_int_equal(w.dials, 2);
        end(&w);
    }
}

/* ---- refusals ---- */

static const struct {
    const char *script[8];
    cf_err err;
    unsigned tries, status;
    const char *code; /* of the fault; NULL: none */
} refusals[] = {
    {{DENIED}, CF_ERR_KMS_REFUSED, 1, 400, "kms_access_denied"},
    {{HEAD("400", "x-amzn-ErrorType: DisabledException:http://a/\r\n") "2\r\n\r\n{}"},
     CF_ERR_KMS_REFUSED,
     1,
     400,
     "kms_key_disabled"},
    {{HEAD("403", "") "0\r\n\r\n"}, CF_ERR_KMS_REFUSED, 1, 403, "kms_error"},
    {{HEAD("302", "Location: https://evil/\r\n") "0\r\n\r\n"},
     CF_ERR_KMS_REFUSED,
     1,
     302,
     "kms_error"},
    {{HEAD("204", "") "0\r\n\r\n"}, CF_ERR_KMS_REFUSED, 1, 204, "kms_error"},
    /* later */
    {{THROTTLED, OK}, CF_OK, 2, 200, NULL},
    {{THROTTLED, HEAD("500", "") "0\r\n\r\n", HEAD("503", "") "5\r\n\r\n<html", OK},
     CF_OK,
     4,
     200,
     NULL},
    {{HEAD("429", "") "0\r\n\r\n", OK}, CF_OK, 2, 200, NULL},
    {{THROTTLED, DENIED}, CF_ERR_KMS_REFUSED, 2, 400, "kms_access_denied"},
    {{THROTTLED, THROTTLED, THROTTLED, THROTTLED, OK}, CF_OK, CF_KMS_TRIES_MAX, 200, NULL},
    {{THROTTLED, THROTTLED, THROTTLED, THROTTLED, THROTTLED, OK},
     CF_ERR_KMS_UNAVAILABLE,
     CF_KMS_TRIES_MAX,
     400,
     "kms_throttled"},
    /* credentials: there are no others */
    {{EXPIRED, OK}, CF_ERR_KMS_REFUSED, 1, 400, "kms_credentials_expired"},
    /* a clock that is right, or of which nothing is known */
    {{SKEWED(""), OK}, CF_ERR_KMS_REFUSED, 1, 400, "kms_signature_refused"},
    {{SKEWED("Date: now\r\n"), OK}, CF_ERR_KMS_REFUSED, 1, 400, "kms_signature_refused"},
    {{SKEWED(LONG_AGO LONG_AGO), OK}, CF_ERR_KMS_REFUSED, 1, 400, "kms_signature_refused"},
    /* a clock that is wrong, as the service says, but that is not all */
    {{SKEWED(LONG_AGO), OK}, CF_OK, 2, 200, NULL},
    {{SKEWED(LONG_AGO), SKEWED("Date: Mon, 01 Mar 2100 00:00:00 GMT\r\n"), OK},
     CF_ERR_KMS_REFUSED,
     2,
     400,
     "kms_signature_refused"},
    /* no answers at all */
    {{"SMTP\r\n\r\n"}, CF_ERR_KMS_ANSWER, 1, 0, NULL},
    {{HEAD("200", "") "65537\r\n\r\n{"}, CF_ERR_KMS_ANSWER, 1, 0, NULL},
    {{"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}"}, CF_ERR_KMS_ANSWER, 1, 0, NULL},
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const tls_peer_spec spec = {.script = refusals[i].script};
        world w;
        begin(&w, &spec, 1);
        cf_result r = call_once(&w);
        const char *code = w.outcome.fault != NULL ? w.outcome.fault->code : NULL;
        bool right = r.code == refusals[i].err && w.outcome.tries == refusals[i].tries &&
                     w.outcome.status == refusals[i].status &&
                     (code == NULL) == (refusals[i].code == NULL) &&
                     (code == NULL || strcmp(code, refusals[i].code) == 0);
        if (!right) {
            print_error("row %zu: %s tries=%u status=%u %s\n", i, cf_err_code(r.code),
                        w.outcome.tries, w.outcome.status, code != NULL ? code : "-");
        }
        assert_true(right);
        assert_true(cf_is_ok(r) == (w.body.len > 0));
        end(&w);
    }
}

/* Waits grow, and never beyond the deadline. */
static void test_back_off(void **state)
{
    (void)state;
    static const char *const three[] = {THROTTLED, THROTTLED, THROTTLED, OK, NULL};
    static const char *const often[] = {THROTTLED, THROTTLED, THROTTLED, THROTTLED, NULL};
    const tls_peer_spec specs[] = {{.script = three}, {.script = often}};
    world w;
    begin(&w, specs, 1);
    uint64_t began = cf_clock_mono_ms();
    assert_ok(call_once(&w));
    assert_true(cf_clock_mono_ms() - began >= (50 + 100 + 200) / 2);
    end(&w);
    begin(&w, &specs[1], 1);
    assert_err(call_within(&w, 1), KMS_UNAVAILABLE); /* which is not enough to shake hands */
    end(&w);
    begin(&w, &specs[1], 1);
    began = cf_clock_mono_ms();
    cf_result r = call_within(&w, 260);
    assert_err(r, KMS_UNAVAILABLE);
    assert_true(cf_clock_mono_ms() - began < 260 && w.outcome.tries < CF_KMS_TRIES_MAX);
    end(&w);
}

/* The time that the service told is used from then on, and only for signatures. */
static void test_clock(void **state)
{
    (void)state;
    static const char *const script[] = {SKEWED(LONG_AGO), OK, OK, NULL};
    const tls_peer_spec spec = {.script = script};
    world w;
    begin(&w, &spec, 1);
    assert_ok(call_once(&w));
    assert_ok(call_once(&w));
    assert_int_equal(w.signs, 3);
    assert_true(w.dates[0] > 1700000000);
    assert_true(w.dates[1] >= 784111777 && w.dates[1] < 784111777 + 60);
    assert_true(w.dates[2] >= w.dates[1] && w.dates[2] < 784111777 + 60);
    end(&w);
}

static void test_credentials(void **state)
{
    (void)state;
    static const char *const script[] = {EXPIRED, OK, EXPIRED, EXPIRED, OK, NULL};
    const tls_peer_spec spec = {.script = script};
    world w;
    begin(&w, &spec, 1);
    w.next = 2; /* others came in mid-flight */
    assert_ok(call_once(&w));
    assert_int_equal(w.outcome.tries, 2);
    w.next = 3; /* but they do not help either */
    assert_err(call_once(&w), KMS_REFUSED);
    assert_int_equal(w.outcome.tries, 2);
    assert_string_equal(w.outcome.fault->code, "kms_credentials_expired");
    w.next = 0;
    w.generation = 0; /* none at all: nothing is sent */
    assert_err(call_once(&w), KMS_REFUSED);
    assert_int_equal(w.outcome.tries, 0);
    assert_string_equal(w.outcome.fault->code, "kms_not_signed");
    end(&w);
}

/* ---- no way there ---- */

static void test_unreachable(void **state)
{
    (void)state;
    static const char *const script[] = {OK, NULL};
    static const struct {
        tls_peer_spec spec;
        const char *why;
    } rows[] = {
        {{.script = script, .name = "kms.example.org"}, "wrong_host"},
        {{.script = script, .self_signed = true}, "untrusted"},
        {{.script = script, .version_max = 0x0302 /* 1.1 */}, "protocol"},
        {{.script = script, .plain = true}, "protocol"},
        {{.script = script, .cut_at = 100}, ""},
        {{.script = script, .to_s = TLS_PEER_NOW}, "expired"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        world w;
        char got[64];
        begin(&w, &rows[i].spec, 1);
        assert_err(call_once(&w), KMS_UNAVAILABLE);
        assert_string_equal(w.outcome.why, rows[i].why);
        assert_true(w.outcome.tries == 1 && w.dials == 1 && w.outcome.fault == NULL);
        assert_int_equal(requests_of(&w, got, sizeof got).len, 0);
        end(&w);
    }
    const tls_peer_spec spec = {.script = script};
    world w;
    begin(&w, &spec, 1);
    w.dial_err = CF_ERR_NOT_FOUND;
    assert_err(call_once(&w), KMS_UNAVAILABLE);
    assert_int_equal(w.outcome.tries, 1);
    w.dial_err = CF_OK;
    assert_ok(call_once(&w));
    end(&w);
}

/* A hung service costs the deadline and no more. */
static void test_hangs(void **state)
{
    (void)state;
    static const char *const script[] = {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{", OK, NULL};
    const tls_peer_spec spec = {.script = script};
    world w;
    begin(&w, &spec, 1);
    uint64_t began = cf_clock_mono_ms();
    assert_err(call_within(&w, 400), KMS_UNAVAILABLE);
    assert_true(cf_clock_mono_ms() - began >= 350 && cf_clock_mono_ms() - began < 5000);
    w.dial_waits = true;
    began = cf_clock_mono_ms();
    assert_err(call_within(&w, 100), KMS_UNAVAILABLE);
    assert_true(cf_clock_mono_ms() - began < 5000);
    end(&w);
}

/* ---- plain ---- */

static void *plain_server(void *fd)
{
    static const cf_view answers[] = {CF_LIT_INIT(THROTTLED), CF_LIT_INIT(OK), CF_LIT_INIT(DENIED),
                                      CF_LIT_INIT(EXPIRED)};
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        char got[2048];
        ssize_t n = recv(*(int *)fd, got, sizeof got - 1, 0);
        got[n > 0 ? n : 0] = '\0';
        bool right =
            strstr(got, "\r\nHost: kms\r\n") != NULL && strstr(got, "Authorization") == NULL;
        if (!right || send(*(int *)fd, answers[i].data, answers[i].len, 0) < 0) {
            break;
        }
    }
    return NULL;
}

static cf_result dial_plain(void *self, uint64_t deadline_ms, int *ret_fd)
{
    (void)deadline_ms;
    *ret_fd = *(int *)self;
    return cf_ok();
}

/* A KMS on this machine is not signed for; what may go well later is tried again all the same. */
static void test_plain(void **state)
{
    (void)state;
    static const cf_kms_dial_ops ops = {dial_plain, NULL};
    int pair[2];
    pthread_t server;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    const cf_kms_service_spec spec = {.dial = &ops, .dial_self = &pair[0]};
    world w = {.ready_fd = -1};
    assert_ok(cf_kms_service_new(&spec, &w.service));
    assert_ok(cf_kms_link_new(w.service, &w.link));
    assert_int_equal(pthread_create(&server, NULL, plain_server, &pair[1]), 0);
    assert_ok(call_once(&w));
    assert_int_equal(w.outcome.tries, 2);
    assert_err(call_once(&w), KMS_REFUSED);
    assert_err(call_once(&w), KMS_REFUSED);
    assert_string_equal(w.outcome.fault->code, "kms_credentials_expired");
    assert_int_equal(w.outcome.tries, 1);
    (void)pthread_join(server, NULL);
    cf_kms_link_free(&w.link);
    cf_kms_service_free(&w.service);
    cf_buf_free(&w.body);
    cf_fd_close(&pair[1]);
}

/* ---- the end ---- */

static void *stop_soon(void *service)
{
    (void)usleep(150000);
    cf_kms_service_stop(service);
    return NULL;
}

/* Whatever a thread waits for, it does not any more. */
static void test_stopped(void **state)
{
    (void)state;
    static const char *const hangs[] = {"HTTP/1.1 200 OK\r\n", OK, NULL};
    static const char *const throttles[] = {THROTTLED, THROTTLED, THROTTLED,
                                            THROTTLED, THROTTLED, NULL};
    const tls_peer_spec specs[] = {{.script = hangs}, {.script = throttles}, {.hang_at = 10}};
    for (size_t i = 0; i < 4; i++) {
        world w;
        pthread_t stopper;
        begin(&w, &specs[i % 3], 1);
        w.dial_waits = i == 3;
        uint64_t began = cf_clock_mono_ms();
        assert_int_equal(pthread_create(&stopper, NULL, stop_soon, w.service), 0);
        assert_err(call_once(&w), KMS_UNAVAILABLE);
        assert_true(cf_clock_mono_ms() - began < 5000);
        (void)pthread_join(stopper, NULL);
        assert_err(call_once(&w), KMS_UNAVAILABLE);
        w.dial_waits = false;
        end(&w);
    }
}

/* ---- memory ---- */

static void test_failing_allocations(void **state)
{
    (void)state;
    static const char *const script[] = {THROTTLED, OK, NULL};
    const tls_peer_spec spec = {.script = script};
    cf_result r = cf_fail(CF_ERR_NO_MEMORY);
    size_t no_memory = 0;
    for (size_t n = 1; !cf_is_ok(r); n++) {
        world w;
        begin(&w, &spec, 1);
        /* the server is made before memory gets short, and there is no other */
        w.peers[w.dials++] = tls_peer_start(&spec, &w.ready_fd);
        w.dial_err = CF_ERR_IO;
        failmalloc_set(n);
        r = call_once(&w);
        failmalloc_set(0);
        no_memory += r.code == CF_ERR_NO_MEMORY;
        assert_true(cf_is_ok(r) || r.code == CF_ERR_NO_MEMORY || r.code == CF_ERR_KMS_UNAVAILABLE ||
                    r.code == CF_ERR_KMS_ANSWER || r.code == CF_ERR_CRYPTO);
        assert_true(!cf_is_ok(r) || cf_view_eq(cf_buf_view(&w.body), CF_LIT("{}")));
        end(&w);
    }
    assert_true(no_memory >= 5);
}

/* ---- what is measured ---- */

static void test_measure(void **state)
{
    (void)state;
    uint8_t a[CF_KMS_MEASURE_BYTES], b[CF_KMS_MEASURE_BYTES], pcr[CF_KMS_MEASURE_BYTES];
    assert_ok(cf_kms_measure(CF_LIT("aws:eu-central-1"), CF_VIEW_EMPTY, a));
    assert_ok(cf_kms_measured_pcr(a, pcr));
    cf_view want = view_hex("c9f19c53e6b85b26b7b985b209df92efbe5a32c3a4613fde1868258f866497aecad587"
                            "c890af51262aeb01aacbbc0210"),
            want_pcr = view_hex("88c36ffd76e10360dad9e976462b3488116bf36ed97faa5ff0dd0d2da8bd47e5e8"
                                "506c8e4091dec87776c024be5e121d");
    assert_view(CF_VIEW_OF(a), want);
    assert_view(CF_VIEW_OF(pcr), want_pcr);
    assert_ok(cf_kms_measure(CF_LIT("aws:eu-central-1"), CF_LIT("x"), b));
    assert_false(cf_view_eq(CF_VIEW_OF(a), CF_VIEW_OF(b)));
    assert_ok(cf_kms_measure(CF_LIT("aws:eu-central-2"), CF_VIEW_EMPTY, b));
    assert_false(cf_view_eq(CF_VIEW_OF(a), CF_VIEW_OF(b)));
    view_free(want);
    view_free(want_pcr);
}

static int make_config(void **state)
{
    (void)state;
    CF_BUF(pem);
    tls_peer_root(&pem);
    assert_ok(cf_tls_config_new(cf_buf_view(&pem), &trusting));
    return 0;
}

static int free_config(void **state)
{
    (void)state;
    cf_tls_config_free(&trusting);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kept),
        cmocka_unit_test(test_redialled),
        cmocka_unit_test(test_last_of_connection),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_back_off),
        cmocka_unit_test(test_clock),
        cmocka_unit_test(test_credentials),
        cmocka_unit_test(test_unreachable),
        cmocka_unit_test(test_hangs),
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_stopped),
        cmocka_unit_test(test_failing_allocations),
        cmocka_unit_test(test_measure),
    };
    return cmocka_run_group_tests(tests, make_config, free_config);
}
