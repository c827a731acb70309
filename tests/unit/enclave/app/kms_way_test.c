/* SPDX-License-Identifier: Apache-2.0 */
/* The way to the KMS and the credentials for it; the program as a whole is tested in tests/system/test_kms_client.py. */
#include "enclave/app/kms_way.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/codec/base64.h"
#include "sys/kms/measure.h"
#include "sys/linux/clock.h"
#include "sys/linux/net.h"
#include "tests/support/test.h"
#include "tests/support/tls_peer.h"

static char folder[] = "/tmp/cf-way-XXXXXX";
static cf_soft_root *root;
static cf_soft_nsm *soft;

static cf_result nsm_call(void *self, cf_view request, cf_buf *ret_response)
{
    (void)self;
    return cf_soft_nsm_answer(soft, request, ret_response);
}

static void nsm_close(void *self)
{
    (void)self;
}

static const cf_nsm_ops nsm_ops = {.call = nsm_call, .close = nsm_close};

static int make_module(void **state)
{
    (void)state;
    static const uint8_t pcr0[CF_PCR_BYTES_SHA384] = {1};
    assert_non_null(mkdtemp(folder));
    assert_ok(cf_soft_root_open(folder, &root));
    assert_ok(cf_soft_nsm_new(root, pcr0, &soft));
    return 0;
}

static int free_module(void **state)
{
    (void)state;
    char path[64];
    cf_soft_nsm_free(&soft);
    cf_soft_root_free(&root);
    (void)snprintf(path, sizeof path, "%s/nsm-root.key", folder);
    (void)unlink(path);
    (void)snprintf(path, sizeof path, "%s/nsm-root.der", folder);
    (void)unlink(path);
    return rmdir(folder);
}

/* A file of the text, as the launcher hands it over: "fd:N". */
static void roots_file(cf_view text, char ret[static 16])
{
    int fd = memfd_create("roots", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text.data, text.len), text.len);
    (void)snprintf(ret, 16, "fd:%d", fd);
}

static void pcr_of(unsigned index, cf_buf *ret_hex)
{
    cf_nsm nsm = {&nsm_ops, NULL};
    CF_BUF(octets);
    cf_nsm_response answer;
    const cf_nsm_request q = {.op = CF_NSM_DESCRIBE_PCR, .index = (uint16_t)index};
    assert_ok(cf_nsm_ask(&nsm, &q, &octets, &answer));
    cf_buf_clear(ret_hex);
    assert_ok(cf_hex_encode(answer.data, ret_hex));
}

/* What the register has after the measure is what anybody can compute from the options; a plain way leaves it alone. */
static void test_measure(void **state)
{
    (void)state;
    uint8_t measure[CF_KMS_MEASURE_BYTES], pcr[CF_KMS_MEASURE_BYTES];
    char roots[16], link[16];
    int pair[2];
    CF_BUF(pem);
    CF_BUF(hex);
    CF_BUF(want);
    cf_nsm nsm = {&nsm_ops, NULL};
    cf_kms_way *w = NULL;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    (void)snprintf(link, sizeof link, "fd:%d", pair[0]);
    assert_ok(cf_kms_way_open(link, NULL, NULL, &w));
    assert_ok(cf_kms_way_measure(w, &nsm));
    assert_string_equal(cf_kms_way_pcr(w), "");
    pcr_of(CF_KMS_PCR, &hex);
    for (size_t i = 0; i < hex.len; i++) {
        assert_int_equal(hex.data[i], '0');
    }
    cf_kms_way_free(&w);
    tls_peer_root(&pem);
    roots_file(cf_buf_view(&pem), roots);
    assert_ok(cf_kms_way_open("https://localhost:8443", "vsock:3:8000", roots, &w));
    assert_true(cf_kms_way_is_vsock(w));
    assert_ok(cf_kms_way_measure(w, &nsm));
    assert_ok(cf_kms_measure(CF_LIT("https://localhost:8443"), cf_buf_view(&pem), measure));
    assert_ok(cf_kms_measured_pcr(measure, pcr));
    assert_ok(cf_hex_encode(CF_VIEW_OF(pcr), &want));
    assert_view(cf_view_str(cf_kms_way_pcr(w)), cf_buf_view(&want));
    pcr_of(CF_KMS_PCR, &hex);
    assert_view(cf_buf_view(&hex), cf_buf_view(&want));
    cf_kms_way_free(&w);
    cf_fd_close(&pair[1]);
}

static void test_roots(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        cf_err err;
    } rows[] = {{"", CF_ERR_EMPTY}, {"nothing", CF_ERR_EMPTY}, {NULL, CF_ERR_SIZE}};
    CF_BUF(large);
    assert_ok(cf_buf_reserve(&large, CF_TLS_ROOTS_BYTES_MAX + 1));
    large.len = CF_TLS_ROOTS_BYTES_MAX + 1;
    (void)memset(large.data, '\n', large.len);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char roots[16];
        cf_kms_way *w = NULL;
        roots_file(rows[i].text != NULL ? cf_view_str(rows[i].text) : cf_buf_view(&large), roots);
        assert_code(cf_kms_way_open("aws:eu-central-1", "vsock:3:8000", roots, &w), rows[i].err);
        assert_null(w);
    }
}

/* ---- connections ---- */

#define CALLERS 8

/* A call of a plain KMS over the way, in a thread of its own. */
typedef struct {
    cf_kms_service *service;
    uint64_t timeout_ms, took_ms;
    cf_result r;
    pthread_t thread;
} caller;

static void *call_once(void *self)
{
    caller *c = self;
    CF_AUTO(cf_kms_link_free) cf_kms_link *link = NULL;
    CF_BUF(answer);
    cf_kms_outcome outcome;
    uint64_t start_ms = cf_clock_mono_ms();
    c->r = cf_kms_link_new(c->service, &link);
    if (cf_is_ok(c->r)) {
        c->r = cf_kms_call(link, CF_LIT("T.Op"), CF_LIT("{}"), start_ms + c->timeout_ms, &answer,
                           &outcome);
    }
    c->took_ms = cf_clock_mono_ms() - start_ms;
    return NULL;
}

static void begin_call(caller *c, cf_kms_service *s, uint64_t timeout_ms)
{
    *c = (caller){.service = s, .timeout_ms = timeout_ms};
    assert_int_equal(pthread_create(&c->thread, NULL, call_once, c), 0);
}

static void end_call(caller *c)
{
    assert_int_equal(pthread_join(c->thread, NULL), 0);
    assert_false(cf_is_ok(c->r));
}

/* The launcher's end of the channel, and what is at the other one. */
typedef struct {
    int channel;
    cf_kms_way *way;
    cf_credentials *credentials;
    cf_kms_service *service;
} line;

static void open_line(line *l)
{
    int pair[2];
    char kms[16];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    (void)snprintf(kms, sizeof kms, "fd:%d", pair[0]);
    *l = (line){.channel = pair[1]};
    assert_ok(cf_kms_way_open(kms, NULL, NULL, &l->way));
    assert_ok(cf_credentials_new(&l->credentials));
    assert_ok(cf_kms_way_service(l->way, l->credentials, &l->service));
}

static void close_line(line *l)
{
    cf_kms_service_free(&l->service);
    cf_kms_way_free(&l->way);
    cf_credentials_free(&l->credentials);
    cf_fd_close(&l->channel);
}

/* A question that comes within two seconds. */
static void expect_question(const line *l)
{
    uint8_t what;
    int fd;
    assert_ok(cf_net_recv_fd(l->channel, cf_clock_mono_ms() + 2000, &what, &fd));
    assert_int_equal(what, 'K');
    assert_int_equal(fd, -1);
}

/* Answers with a connection; its other end. */
static int answer_question(const line *l)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_ok(cf_net_send_fd(l->channel, 'K', pair[0]));
    cf_fd_close(&pair[0]);
    return pair[1];
}

/* Whether a request comes over it within two seconds; false when the other end was closed. */
static bool asked_over(int fd)
{
    char octet;
    assert_ok(cf_net_wait(fd, POLLIN, cf_clock_mono_ms() + 2000));
    return recv(fd, &octet, 1, 0) == 1;
}

/* All ask at once: no question waits for the answer to another. */
static void test_questions_at_once(void **state)
{
    (void)state;
    line l;
    caller callers[CALLERS];
    open_line(&l);
    for (size_t i = 0; i < CALLERS; i++) {
        begin_call(&callers[i], l.service, 60000);
    }
    for (size_t i = 0; i < CALLERS; i++) {
        expect_question(&l);
    }
    for (size_t i = 0; i < CALLERS; i++) {
        assert_ok(cf_net_send_fd(l.channel, 'K', -1));
    }
    for (size_t i = 0; i < CALLERS; i++) {
        end_call(&callers[i]);
    }
    close_line(&l);
}

/* Who waits for an answer gives up in time, whatever time those have who asked before. */
static void test_deadlines(void **state)
{
    (void)state;
    line l;
    caller first, others[CALLERS];
    open_line(&l);
    begin_call(&first, l.service, 60000);
    expect_question(&l);
    for (size_t i = 0; i < CALLERS; i++) {
        begin_call(&others[i], l.service, 200);
    }
    for (size_t i = 0; i < CALLERS; i++) {
        end_call(&others[i]);
        assert_true(others[i].took_ms >= 200 && others[i].took_ms < 10000);
    }
    /* The end of all waits. */
    begin_call(&others[0], l.service, 60000);
    cf_kms_service_stop(l.service);
    end_call(&first);
    end_call(&others[0]);
    close_line(&l);
}

/* An answer that nobody waits for any more goes before the next question; one that somebody waits for is anybody's. */
static void test_late_answers(void **state)
{
    (void)state;
    line l;
    caller one, two;
    open_line(&l);
    begin_call(&one, l.service, 100);
    end_call(&one);
    expect_question(&l);
    int late = answer_question(&l);
    begin_call(&two, l.service, 60000);
    expect_question(&l);
    assert_false(asked_over(late));
    begin_call(&one, l.service, 60000);
    expect_question(&l);
    int first = answer_question(&l), second = answer_question(&l);
    assert_true(asked_over(first));
    assert_true(asked_over(second));
    cf_kms_service_stop(l.service);
    end_call(&one);
    end_call(&two);
    cf_fd_close(&late);
    cf_fd_close(&first);
    cf_fd_close(&second);
    close_line(&l);
}

/* ---- credentials ---- */

static cf_result sign(cf_credentials *c, cf_buf *ret_authorization, uint64_t *ret_generation)
{
    const cf_aws_request q = {.target = CF_LIT("T.Op"),
                              .content_type = CF_LIT("x/y"),
                              .host = CF_LIT("h"),
                              .body = CF_LIT("{}"),
                              .scope = {1767225600, CF_LIT("us-east-1"), CF_LIT("kms")}};
    CF_BUF(scratch);
    cf_http1_field fields[CF_AWS_FIELDS_MAX];
    size_t n;
    CF_TRY(cf_credentials_sign(c, &q, &scratch, fields, &n, ret_generation));
    assert_true(n >= 4);
    return cf_buf_set(ret_authorization, fields[n - 1].value);
}

static void test_credentials(void **state)
{
    (void)state;
    cf_credentials *c = NULL;
    CF_BUF(first);
    CF_BUF(second);
    uint64_t generation = 7;
    const cf_credentials_view one = {CF_LIT("AKIDONE"), CF_LIT("secret"), CF_VIEW_EMPTY, 0},
                              two = {CF_LIT("AKIDTWO"), CF_LIT("secret"), CF_LIT("token"), 0};
    assert_ok(cf_credentials_new(&c));
    assert_err(sign(c, &first, &generation), NOT_FOUND);
    cf_credentials_set(c, &one);
    assert_ok(sign(c, &first, &generation));
    assert_int_equal(generation, 1);
    assert_non_null(
        memmem(first.data, first.len, "Credential=AKIDONE/20260101/us-east-1/kms/", 41));
    assert_ok(sign(c, &second, &generation));
    assert_view(cf_buf_view(&first), cf_buf_view(&second));
    cf_credentials_set(c, &two);
    assert_ok(sign(c, &second, &generation));
    assert_int_equal(generation, 2);
    assert_non_null(memmem(second.data, second.len, "Credential=AKIDTWO/", 19));
    assert_non_null(memmem(second.data, second.len, "x-amz-security-token", 20));
    cf_credentials_free(&c);
}

typedef struct {
    cf_credentials *c;
    atomic_bool mixed;
} rotation;

/* Both parts of what is signed with are of one set, however often they are exchanged meanwhile. */
static void *sign_often(void *self)
{
    rotation *r = self;
    for (unsigned i = 0; i < 300; i++) {
        CF_BUF(text);
        uint64_t generation;
        bool whole = cf_is_ok(sign(r->c, &text, &generation)) &&
                     (memmem(text.data, text.len, "AKIDTWO", 7) != NULL) ==
                         (memmem(text.data, text.len, "x-amz-security-token", 20) != NULL);
        if (!whole) {
            atomic_store(&r->mixed, true);
        }
    }
    return NULL;
}

static void test_rotation(void **state)
{
    (void)state;
    rotation r = {NULL, false};
    pthread_t threads[3];
    const cf_credentials_view sets[] = {{CF_LIT("AKIDONE"), CF_LIT("secret"), CF_VIEW_EMPTY, 0},
                                        {CF_LIT("AKIDTWO"), CF_LIT("secret"), CF_LIT("token"), 0}};
    assert_ok(cf_credentials_new(&r.c));
    cf_credentials_set(r.c, &sets[0]);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, sign_often, &r), 0);
    }
    for (unsigned i = 0; i < 2000; i++) {
        cf_credentials_set(r.c, &sets[i % 2]);
    }
    for (size_t i = 0; i < 3; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    assert_false(atomic_load(&r.mixed));
    cf_credentials_free(&r.c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_measure),           cmocka_unit_test(test_roots),
        cmocka_unit_test(test_questions_at_once), cmocka_unit_test(test_deadlines),
        cmocka_unit_test(test_late_answers),      cmocka_unit_test(test_credentials),
        cmocka_unit_test(test_rotation),
    };
    return cmocka_run_group_tests(tests, make_module, free_module);
}
