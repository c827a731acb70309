/* SPDX-License-Identifier: Apache-2.0 */
/* ATTEST: what a document says of the enclave that gave it, over the wire and with the walls up; by the stream, and by the device. */
#include "sys/linux/clock.h"
#include "tests/integration/enclave/enclave_test.h"

/* The program on a machine with the device. */
static int start_on_device(void **state)
{
    (void)state;
    const rig_spec spec = {.program = getenv("CF_ENCLAVE_ON_DEVICE")};
    assert_non_null(spec.program);
    enclave = rig_start(&spec);
    return 0;
}

static void send_attest(rig_conn *c, uint64_t number, cf_view nonce)
{
    CF_BUF(body);
    const cf_attest_ask ask = {WAIT_MS, nonce};
    assert_ok(cf_attest_ask_encode(&ask, &body));
    rig_send(c, CF_MSG_ATTEST, number, cf_buf_view(&body));
}

/* The payload of the next answer, verified; it borrows from the connection. */
static void receive(rig_conn *c, uint64_t number, cf_view nonce, cf_attest_payload *ret)
{
    cf_msg m;
    cf_view document;
    assert_true(rig_receive(c, WAIT_MS, &m));
    assert_code((cf_result){rig_error(&m)}, CF_OK);
    assert_int_equal(m.kind, CF_MSG_ANSWER + CF_MSG_ATTEST);
    assert_true(m.request == number);
    assert_ok(cf_attest_doc_decode(m.body, &document));
    const cf_attest_accepted accepted[] = {{0, rig_pcr0(enclave)}};
    cf_attest_policy policy = {.root = rig_root(enclave),
                               .now_ms = cf_clock_wall_ms(),
                               .age_max_ms = WAIT_MS,
                               .need_nonce = nonce.len > 0,
                               .nonce = nonce,
                               .pcrs = accepted,
                               .pcrs_n = 1};
    cf_attest_stage stage;
    cf_result r = cf_attest_verify(document, &policy, &stage, ret);
    assert_string_equal(cf_attest_stage_name(stage), "holds");
    assert_ok(r);
}

/* Boot id of the enclave as its HELLO told. */
static void boot_id(uint8_t ret[static CF_BOOT_ID_BYTES])
{
    rig_conn c;
    cf_msg m;
    cf_hello_answer hello;
    CF_BUF(body);
    const cf_hello ask = {1, 1};
    rig_connect(enclave, &c);
    assert_ok(cf_hello_encode(&ask, &body));
    rig_send(&c, CF_MSG_HELLO, 1, cf_buf_view(&body));
    assert_true(rig_receive(&c, WAIT_MS, &m));
    assert_ok(cf_hello_answer_decode(m.body, &hello));
    cf_copy(ret, hello.boot_id.data, CF_BOOT_ID_BYTES);
    rig_close(&c);
}

static void test_documents(void **state)
{
    (void)state;
    rig_conn c;
    cf_attest_payload p;
    cf_attest_identity what;
    uint8_t boot[CF_BOOT_ID_BYTES], key[256];
    boot_id(boot);
    rig_hello(enclave, &c);
    send_attest(&c, 7, CF_LIT("a nonce of mine"));
    receive(&c, 7, CF_LIT("a nonce of mine"), &p);
    assert_ok(cf_attest_identity_get(p.user_data, &what));
    assert_view(what.boot_id, CF_VIEW_OF(boot));
    assert_int_equal(what.suite.kem, CF_P384);
    size_t key_len = p.public_key.len;
    assert_int_equal(key_len, 120); /* SubjectPublicKeyInfo of P-384 */
    cf_copy(key, p.public_key.data, key_len);
    cf_dh_public point;
    cf_curve curve;
    assert_ok(cf_dh_public_from_spki(p.public_key, &curve, &point));
    /* the same key for as long as it lives, whoever asks; without a nonce as well */
    send_attest(&c, 8, CF_VIEW_EMPTY);
    receive(&c, 8, CF_VIEW_EMPTY, &p);
    assert_false(p.has_nonce);
    assert_view(p.public_key, cf_view_make(key, key_len));
    rig_close(&c);
}

static void test_many_at_once(void **state)
{
    (void)state;
    enum { ALL = 24, ROOM = 16 };
    rig_conn c;
    rig_hello(enclave, &c);
    for (uint64_t i = 0; i < ALL; i++) {
        send_attest(&c, i + 1, CF_LIT("n"));
    }
    size_t given = 0, busy = 0;
    for (size_t i = 0; i < ALL; i++) {
        cf_msg m;
        assert_true(rig_receive(&c, WAIT_MS, &m));
        busy += rig_error(&m) == CF_ERR_BUSY;
        given += m.kind == CF_MSG_ANSWER + CF_MSG_ATTEST;
    }
    assert_int_equal(given + busy, ALL);
    assert_true(given >= ROOM);
    rig_close(&c);
}

/* Documents and decrypts do not get into each other's way, and what is still wanted at the end is answered. */
static void test_beside_decrypts(void **state)
{
    (void)state;
    rig_conn c;
    rig_request q;
    cf_attest_payload p;
    rig_hello(enclave, &c);
    make_request(&q, 1, CF_ENC_WRITE, 3);
    assert_decrypts(&c, &q, 1);
    send_attest(&c, 2, CF_LIT("n"));
    receive(&c, 2, CF_LIT("n"), &p);
    assert_decrypts(&c, &q, 3);
    rig_request_free(&q);
    rig_close(&c);
}

static void test_by_the_device(void **state)
{
    test_documents(state);
    test_beside_decrypts(state);
    CF_BUF(log);
    rig_log(enclave, &log);
    assert_non_null(memmem(log.data, log.len, "nsm=device", 10));
}

static void test_by_the_stream(void **state)
{
    test_documents(state);
    test_beside_decrypts(state);
    CF_BUF(log);
    rig_log(enclave, &log);
    assert_non_null(memmem(log.data, log.len, "nsm=stream", 10));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_by_the_stream, start, stop),
        cmocka_unit_test_setup_teardown(test_many_at_once, start, stop),
        cmocka_unit_test_setup_teardown(test_by_the_device, start_on_device, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
