/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that break the rules, are slow, idle, half closed, or do not read. */
#include <errno.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/linux/clock.h"
#include "sys/linux/net.h"
#include "tests/integration/enclave/enclave_test.h"

static void send_octets(rig_conn *c, cf_view v)
{
    cf_ignore(cf_net_write_full(c->fd, v, cf_clock_mono_ms() + 1000));
}

/* The service goes on: a new connection is greeted and answered. */
static void assert_serves(void)
{
    rig_conn c;
    rig_request q;
    rig_hello(enclave, &c);
    make_request(&q, 1, CF_ENC_BINARY, 1);
    assert_decrypts(&c, &q, 1);
    rig_request_free(&q);
    rig_close(&c);
}

static cf_err code_of(rig_conn *c, uint32_t kind, cf_view body)
{
    cf_msg m;
    rig_send(c, kind, kind, body);
    assert_true(rig_receive(c, WAIT_MS, &m));
    assert_int_equal(m.request, kind);
    return rig_error(&m);
}

static void test_wrong_states(void **state)
{
    (void)state;
    rig_conn c;
    rig_connect(enclave, &c);
    for (uint32_t kind = CF_MSG_DECRYPT; kind <= CF_MSG_DRAIN; kind++) {
        assert_code((cf_result){code_of(&c, kind, CF_LIT("\xa0"))}, CF_ERR_STATE);
    }
    assert_code((cf_result){code_of(&c, 99, CF_LIT("\xa0"))}, CF_ERR_UNSUPPORTED);
    assert_code((cf_result){code_of(&c, CF_MSG_HELLO, CF_LIT("\xa0"))}, CF_ERR_MISSING);
    assert_code((cf_result){code_of(&c, CF_MSG_HELLO, CF_LIT("\xa2\x01\x02\x02\x09"))},
                CF_ERR_UNSUPPORTED);
    assert_code((cf_result){code_of(&c, CF_MSG_HELLO, CF_LIT("\xa2\x01\x01\x02\x01"))}, CF_OK);
    assert_code((cf_result){code_of(&c, CF_MSG_HELLO, CF_LIT("\xa2\x01\x01\x02\x01"))},
                CF_ERR_STATE);
    assert_code((cf_result){code_of(&c, CF_MSG_DECRYPT, CF_LIT("\xa0"))}, CF_ERR_MISSING);
    assert_code((cf_result){code_of(&c, CF_MSG_HEALTH, CF_LIT("\xa0"))}, CF_OK);
    rig_close(&c);
}

static void test_drain(void **state)
{
    (void)state;
    rig_conn c, other;
    rig_request q;
    CF_BUF(keep);
    rig_hello(enclave, &c);
    rig_hello(enclave, &other);
    make_request(&q, 1, CF_ENC_BINARY, 1);
    rig_kms_set(enclave, RIG_KMS_WORKS, 300);
    rig_send_decrypt(&c, 50, &q.message);
    while (rig_health(&other, &keep).inflight == 0) {
    }
    assert_code((cf_result){code_of(&other, CF_MSG_DRAIN, CF_LIT("\xa0"))}, CF_OK);
    assert_code((cf_result){code_of(&other, CF_MSG_DRAIN, CF_LIT("\xa0"))}, CF_ERR_STATE);
    assert_code((cf_result){decrypt_code(&other, &q, 51)}, CF_ERR_STATE);
    cf_health h = rig_health(&other, &keep);
    assert_view(h.state, CF_LIT("draining"));
    assert_int_equal(h.inflight, 1);
    cf_msg m;
    assert_true(rig_receive(&c, WAIT_MS, &m)); /* what was in flight is finished */
    assert_int_equal(m.request, 50);
    assert_code((cf_result){rig_error(&m)}, CF_OK);
    rig_request_free(&q);
    rig_close(&c);
    rig_hello(enclave, &c); /* who comes late may ask how it is, and no more */
    assert_code((cf_result){code_of(&c, CF_MSG_HEALTH, CF_LIT("\xa0"))}, CF_OK);
    assert_code((cf_result){code_of(&c, CF_MSG_CREDENTIALS, CF_LIT("\xa0"))}, CF_ERR_STATE);
    rig_close(&c);
    rig_close(&other);
}

static void test_body_limits(void **state)
{
    (void)state;
    static const struct {
        uint32_t kind;
        size_t max;
    } rows[] = {{CF_MSG_HEALTH, CF_EMPTY_BYTES_MAX},
                {CF_MSG_CREDENTIALS, CF_CREDENTIALS_BYTES_MAX}};
    rig_conn c;
    rig_hello(enclave, &c);
    for (size_t i = 0; i < 2; i++) {
        for (size_t len = rows[i].max - 1; len <= rows[i].max + 1; len++) {
            /* { 64: bytes } is a key that may be ignored */
            CF_BUF(body);
            CF_BUF(filler);
            size_t head = len < 100 ? 4 : 6;
            cf_writer w = cf_writer_to(&body, CF_BUF_BYTES_MAX);
            assert_ok(cf_buf_reserve(&filler, len));
            memset(filler.data, 'f', len);
            filler.len = len - head;
            cf_cbor_put_map(&w, 1);
            cf_cbor_put_uint(&w, 64);
            cf_cbor_put_bytes(&w, cf_buf_view(&filler));
            assert_int_equal(body.len, len);
            cf_err within = rows[i].kind == CF_MSG_HEALTH ? CF_OK : CF_ERR_MISSING;
            assert_code((cf_result){code_of(&c, rows[i].kind, cf_buf_view(&body))},
                        len <= rows[i].max ? within : CF_ERR_SIZE);
        }
    }
    rig_close(&c);
}

static void test_broken_frames(void **state)
{
    (void)state;
    static const char *const octets[] = {
        "\x00\x10\x00\x01",                 /* over the limit: refused at its head */
        "\x00\x00\x00\x00",                 /* empty */
        "\x00\x00\x00\x04\x82\x03\x07\xa0", /* no message */
        "GET / HTTP/1.1\r\n\r\n",
        "\x00\x00\x00\x05\x83\x03\x07\xa0\xa0",
    };
    static const size_t lengths[] = {4, 4, 8, 18, 9};
    for (size_t greeted = 0; greeted < 2; greeted++) {
        for (size_t i = 0; i < sizeof octets / sizeof *octets; i++) {
            rig_conn c;
            if (greeted == 1) {
                rig_hello(enclave, &c);
            } else {
                rig_connect(enclave, &c);
            }
            send_octets(&c, cf_view_make(octets[i], lengths[i]));
            assert_closed(&c, 2000);
            rig_close(&c);
        }
    }
    assert_serves();
}

static void test_largest_frame(void **state)
{
    (void)state;
    rig_conn c;
    CF_BUF(body);
    CF_BUF(filler);
    rig_hello(enclave, &c);
    cf_writer w = cf_writer_to(&body, CF_BUF_BYTES_MAX);
    assert_ok(cf_buf_reserve(&filler, CF_FRAME_BYTES_MAX));
    memset(filler.data, 'f', CF_FRAME_BYTES_MAX);
    filler.len = CF_FRAME_BYTES_MAX - 11;
    cf_cbor_put_map(&w, 1);
    cf_cbor_put_uint(&w, 64);
    cf_cbor_put_bytes(&w, cf_buf_view(&filler));
    assert_code((cf_result){code_of(&c, CF_MSG_DECRYPT, cf_buf_view(&body))}, CF_ERR_MISSING);
    rig_close(&c);
}

static void test_truncated_frame(void **state)
{
    (void)state;
    rig_conn c;
    rig_hello(enclave, &c);
    send_octets(&c, cf_view_make("\x00\x00\x01\x00\x83", 5));
    assert_int_equal(shutdown(c.fd, SHUT_WR), 0);
    assert_closed(&c, 2000);
    rig_close(&c);
    assert_serves();
}

/* A frame octet by octet is a frame. */
static void test_dribble(void **state)
{
    (void)state;
    rig_conn c;
    rig_request q;
    CF_BUF(body);
    CF_BUF(frame);
    cf_msg m;
    rig_hello(enclave, &c);
    make_request(&q, 1, CF_ENC_WRITE, 2);
    assert_ok(cf_decrypt_encode(&q.message, &body));
    assert_ok(cf_frame_encode(CF_MSG_DECRYPT, 5, cf_buf_view(&body), &frame));
    for (size_t i = 0; i < frame.len; i++) {
        send_octets(&c, cf_view_make(frame.data + i, 1));
    }
    assert_true(rig_receive(&c, WAIT_MS, &m));
    assert_code((cf_result){rig_error(&m)}, CF_OK);
    rig_request_free(&q);
    rig_close(&c);
}

/* Silent before HELLO, slow in the middle of a frame, deaf to its answers: each is cut off after its time, and nobody else. */
static void test_slow_peers(void **state)
{
    (void)state;
    rig_conn silent, slow, deaf, good;
    rig_request q;
    CF_BUF(keep);
    rig_connect(enclave, &silent);
    rig_hello(enclave, &slow);
    rig_hello(enclave, &deaf);
    rig_hello(enclave, &good);
    make_request(&q, 1, CF_ENC_BINARY, 1);
    int small = 4096;
    (void)setsockopt(deaf.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    CF_BUF(health);
    assert_ok(cf_frame_encode(CF_MSG_HEALTH, 3, CF_LIT("\xa0"), &health));
    uint64_t began = cf_clock_mono_ms();
    while (cf_clock_mono_ms() - began < 12500) {
        send_octets(&slow, cf_view_make("\x00", cf_clock_mono_ms() - began < 100 ? 1 : 0));
        for (size_t i = 0; i < 2000; i++) {
            (void)!send(deaf.fd, health.data, health.len, MSG_DONTWAIT | MSG_NOSIGNAL);
        }
        assert_decrypts(&good, &q, 1);
        (void)poll(NULL, 0, 50);
    }
    assert_closed(&silent, 1);
    assert_closed(&slow, 1);
    char octets[4096];
    ssize_t n;
    while ((n = recv(deaf.fd, octets, sizeof octets, MSG_DONTWAIT)) > 0) {
    }
    assert_true(n == 0 || errno == ECONNRESET); /* what was in the socket, and then its end */
    (void)rig_health(&good, &keep);
    rig_request_free(&q);
    rig_close(&silent);
    rig_close(&slow);
    rig_close(&deaf);
    rig_close(&good);
}

/* Asks without ever reading: it is no longer read from, and memory stays bounded; once it reads, all answers are there. */
static void test_backpressure(void **state)
{
    (void)state;
    rig_conn c;
    rig_hello(enclave, &c);
    CF_BUF(frame);
    assert_ok(cf_frame_encode(CF_MSG_HEALTH, 3, CF_LIT("\xa0"), &frame));
    size_t sent = 0;
    uint64_t began = cf_clock_mono_ms();
    /* whole frames only, so that every one has its answer */
    while (cf_clock_mono_ms() - began < 5000) {
        ssize_t n = send(c.fd, frame.data, frame.len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n == (ssize_t)frame.len) {
            sent++;
        } else {
            assert_true(n < 0 && errno == EAGAIN);
            if (cf_clock_mono_ms() - began > 1000) {
                break;
            }
            (void)poll(NULL, 0, 10);
        }
    }
    assert_in_range(sent, 20000, 200000);
    assert_serves();
    for (size_t i = 0; i < sent; i++) {
        cf_msg m;
        assert_true(rig_receive(&c, WAIT_MS, &m));
        assert_int_equal(m.kind, CF_MSG_ANSWER + CF_MSG_HEALTH);
    }
    rig_close(&c);
}

static void test_half_closed(void **state)
{
    (void)state;
    rig_conn c;
    rig_request q;
    cf_msg m;
    rig_hello(enclave, &c);
    make_request(&q, 1, CF_ENC_BINARY, 3);
    rig_kms_set(enclave, RIG_KMS_WORKS, 200);
    for (size_t i = 0; i < 10; i++) {
        rig_send_decrypt(&c, i, &q.message);
    }
    assert_int_equal(shutdown(c.fd, SHUT_WR), 0);
    for (size_t i = 0; i < 10; i++) {
        assert_true(rig_receive(&c, WAIT_MS, &m));
        assert_code((cf_result){rig_error(&m)}, CF_OK);
    }
    assert_closed(&c, 2000);
    rig_close(&c);
    /* closed for good while requests are in flight: their answers go nowhere, and nothing else happens */
    rig_kms_set(enclave, RIG_KMS_WORKS, 200);
    rig_hello(enclave, &c);
    rig_vault v;
    rig_request other = {0};
    rig_vault_make(enclave, 77, CF_HPKE_DEFAULT, &v);
    rig_seal(&other, &v, CF_ENC_BINARY, 1);
    rig_send_decrypt(&c, 1, &other.message);
    rig_close(&c);
    assert_serves();
    rig_request_free(&q);
    rig_request_free(&other);
}

static void test_number_twice(void **state)
{
    (void)state;
    rig_conn c;
    rig_request q;
    rig_hello(enclave, &c);
    make_request(&q, 1, CF_ENC_BINARY, 1);
    assert_decrypts(&c, &q, 9);
    assert_decrypts(&c, &q, 9); /* answered: free again */
    rig_request_free(&q);
    make_request(&q, 2, CF_ENC_BINARY, 1);
    rig_kms_set(enclave, RIG_KMS_WORKS, 300);
    rig_send_decrypt(&c, 10, &q.message);
    rig_send_decrypt(&c, 10, &q.message);
    assert_closed(&c, 2000);
    rig_request_free(&q);
    rig_close(&c);
    assert_serves();
}

#define IDLERS 1000

static void test_idle_connections(void **state)
{
    (void)state;
    static rig_conn idle[IDLERS];
    struct rlimit files = {IDLERS + 200, IDLERS + 200};
    (void)setrlimit(RLIMIT_NOFILE, &files);
    rig_conn c;
    rig_request q;
    rig_hello(enclave, &c);
    make_request(&q, 1, CF_ENC_BINARY, 1);
    assert_decrypts(&c, &q, 1);
    for (size_t i = 0; i < IDLERS; i++) {
        rig_connect(enclave, &idle[i]);
        if (i % 100 == 0) {
            assert_decrypts(&c, &q, i);
        }
    }
    assert_serves(); /* a new agent finds its place among them */
    size_t open = 0;
    for (size_t i = 0; i < IDLERS; i++) {
        char octet;
        open += recv(idle[i].fd, &octet, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
    }
    assert_in_range(open, 1, 31);
    assert_decrypts(&c, &q, 2);
    for (size_t i = 0; i < IDLERS; i++) {
        rig_close(&idle[i]);
    }
    rig_request_free(&q);
    rig_close(&c);
}

static void test_greeted_connections_stay(void **state)
{
    (void)state;
    enum { MOST = 32 };
    rig_conn c[MOST], more;
    for (size_t i = 0; i < MOST; i++) {
        rig_hello(enclave, &c[i]);
    }
    rig_connect(enclave, &more);
    assert_closed(&more, 2000);
    rig_close(&more);
    for (size_t i = 0; i < MOST; i++) {
        assert_code((cf_result){code_of(&c[i], CF_MSG_HEALTH, CF_LIT("\xa0"))}, CF_OK);
        rig_close(&c[i]);
    }
    assert_serves();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_wrong_states, start, stop),
        cmocka_unit_test_setup_teardown(test_drain, start, stop),
        cmocka_unit_test_setup_teardown(test_body_limits, start, stop),
        cmocka_unit_test_setup_teardown(test_broken_frames, start, stop),
        cmocka_unit_test_setup_teardown(test_largest_frame, start, stop),
        cmocka_unit_test_setup_teardown(test_truncated_frame, start, stop),
        cmocka_unit_test_setup_teardown(test_dribble, start, stop),
        cmocka_unit_test_setup_teardown(test_slow_peers, start, stop),
        cmocka_unit_test_setup_teardown(test_backpressure, start, stop),
        cmocka_unit_test_setup_teardown(test_half_closed, start, stop),
        cmocka_unit_test_setup_teardown(test_number_twice, start, stop),
        cmocka_unit_test_setup_teardown(test_idle_connections, start, stop),
        cmocka_unit_test_setup_teardown(test_greeted_connections_stay, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
